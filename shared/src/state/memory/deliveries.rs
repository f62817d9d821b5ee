//! Deliveries in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryState;
use super::notices::{Told, newest};
use crate::domain::id::{AccountId, Timestamp};
use crate::fault::Unavailable;
use crate::state::Page;
use crate::state::deliveries::{Attempt, Claimed, Deliveries, Delivery, Plan, Standing};
use crate::state::notices::Notice;

/// A delivery, what it tells, and who holds it until when.
pub(super) struct Sending {
    pub(super) delivery: Delivery,
    pub(super) items: Vec<Uuid>,
    claim: Option<(Uuid, Timestamp)>,
}

impl Sending {
    fn is_due(&self, now: Timestamp) -> bool {
        let free = self.claim.is_none_or(|(_, until)| until <= now);
        self.delivery.standing == Standing::Due && self.delivery.due_at <= now && free
    }
}

impl Told {
    fn can_plan(&self, plan: &Plan) -> bool {
        let is_unplanned = |id: &Uuid| self.notices.get(id).is_some_and(|row| !row.planned);
        let can_join = |id: &Uuid| match self.deliveries.get(id) {
            Some(known) => known.claim.is_none() && known.delivery.attempts == 0,
            None => plan.new.iter().any(|new| new.id == *id),
        };
        plan.notices.iter().all(is_unplanned) && plan.items.iter().all(|(delivery, _)| can_join(delivery))
    }

    fn plan(&mut self, plan: Plan) {
        for id in plan.notices {
            if let Some(row) = self.notices.get_mut(&id) {
                row.planned = true;
            }
        }
        for delivery in plan.new {
            let new =
                Sending { delivery: Delivery { notices: 0, ..delivery }, items: Vec::new(), claim: None };
            self.deliveries.entry(new.delivery.id).or_insert(new);
        }
        for (delivery, notice) in plan.items {
            let Some(known) = self.deliveries.get_mut(&delivery) else { continue };
            known.items.push(notice);
            known.delivery.notices += 1;
        }
    }

    fn first(&self, items: &[Uuid], first: usize) -> Vec<Notice> {
        let mut notices: Vec<Notice> =
            items.iter().filter_map(|id| self.notices.get(id)).map(|row| row.notice.clone()).collect();
        notices.sort_by_key(|notice| (notice.at, notice.id));
        notices.truncate(first);
        notices
    }
}

#[async_trait]
impl Deliveries for MemoryState {
    async fn unplanned(&self, account: &AccountId, limit: usize) -> Result<Vec<Notice>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.notices.values().filter(|row| !row.planned);
            let mut notices: Vec<Notice> = rows.map(|row| row.notice.clone()).collect();
            notices.sort_by_key(|notice| (notice.at, notice.id));
            notices.truncate(limit);
            notices
        }))
    }

    async fn plan_deliveries(&self, account: &AccountId, plan: Plan) -> Result<bool, Unavailable> {
        Ok(self.with(account, |t| {
            let can = t.told.can_plan(&plan);
            if can {
                t.told.plan(plan);
            }
            can
        }))
    }

    async fn deliveries_since(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.deliveries.values().filter(|row| row.delivery.created_at >= since);
            rows.map(|row| row.delivery.clone()).take(limit).collect()
        }))
    }

    async fn deliveries_of(
        &self,
        account: &AccountId,
        notices: &[Uuid],
    ) -> Result<Vec<(Uuid, Delivery)>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.deliveries.values();
            let of = |row: &Sending| -> Vec<(Uuid, Delivery)> {
                let told = row.items.iter().filter(|notice| notices.contains(notice));
                told.map(|notice| (*notice, row.delivery.clone())).collect()
            };
            rows.flat_map(of).collect()
        }))
    }

    async fn deliveries_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.deliveries.values().filter(|row| row.is_due(now));
            let mut due: Vec<Delivery> = rows.map(|row| row.delivery.clone()).collect();
            due.sort_by_key(|delivery| (delivery.due_at, delivery.id));
            due.truncate(limit);
            due
        }))
    }

    async fn claim_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        (now, until): (Timestamp, Timestamp),
        first: usize,
    ) -> Result<Option<Claimed>, Unavailable> {
        Ok(self.with(account, |t| {
            let row = t.told.deliveries.get_mut(&delivery).filter(|row| row.is_due(now))?;
            row.claim = Some((claim, until));
            row.delivery.attempts += 1;
            let (delivery, items) = (row.delivery.clone(), row.items.clone());
            Some(Claimed { delivery, first: t.told.first(&items, first) })
        }))
    }

    async fn end_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        end: Attempt,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |t| {
            let held = |row: &&mut Sending| row.claim.is_some_and(|(id, _)| id == claim);
            let Some(row) = t.told.deliveries.get_mut(&delivery).filter(held) else { return false };
            row.claim = None;
            let delivery = &mut row.delivery;
            (delivery.standing, delivery.due_at, delivery.failure) = end.leaves(now);
            true
        }))
    }

    async fn deliveries(
        &self,
        account: &AccountId,
        in_trouble: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.deliveries.values().map(|row| &row.delivery);
            let rows = rows.filter(|delivery| !in_trouble || delivery.failure.is_some());
            let placed = rows.map(|delivery| ((delivery.created_at, delivery.id), delivery.clone()));
            newest(placed.collect(), after, limit)
        }))
    }
}
