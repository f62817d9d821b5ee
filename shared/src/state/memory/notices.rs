//! Notices in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryState;
use super::deliveries::Sending;
use crate::domain::id::{AccountId, Timestamp};
use crate::fault::Unavailable;
use crate::state::Page;
use crate::state::notices::{Acknowledged, Notice, Notices, Shown, acknowledgement};
use crate::state::watch::Memory;

/// What an account's people were told, and how it got to them.
#[derive(Default)]
pub(super) struct Told {
    pub(super) notices: BTreeMap<Uuid, Row>,
    pub(super) deliveries: BTreeMap<Uuid, Sending>,
    pub(super) memory: Memory,
}

/// A notice.
pub(super) struct Row {
    pub(super) notice: Notice,
    pub(super) acknowledged: Option<Acknowledged>,
    pub(super) planned: bool,
}

impl Told {
    /// Adds a notice; one that is there stays as it is.
    pub(super) fn add(&mut self, notice: Notice) {
        let row = Row { notice, acknowledged: None, planned: false };
        self.notices.entry(row.notice.id).or_insert(row);
    }

    /// All notices, by id.
    pub(super) fn all(&self) -> Vec<Notice> {
        self.notices.values().map(|row| row.notice.clone()).collect()
    }
}

impl Row {
    fn shown(&self) -> Shown {
        Shown { notice: self.notice.clone(), acknowledged: self.acknowledged.clone() }
    }
}

/// Rows, the newest first, from behind the cursor: a time and an id.
pub(super) fn newest<T>(mut rows: Vec<((Timestamp, Uuid), T)>, after: Option<&str>, limit: usize) -> Page<T> {
    let after = after.and_then(|after| {
        let (at, id) = after.split_once(':')?;
        Some((at.parse().ok()?, Uuid::parse_str(id).ok()?))
    });
    let place = |(at, id): &(Timestamp, Uuid)| (std::cmp::Reverse(at.0), *id);
    rows.retain(|(at, _)| after.is_none_or(|(time, id)| place(at) > (std::cmp::Reverse(time), id)));
    rows.sort_by_key(|(at, _)| place(at));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|((at, id), _)| format!("{}:{id}", at.0));
    Page { items: rows.into_iter().map(|(_, row)| row).collect(), next }
}

#[async_trait]
impl Notices for MemoryState {
    async fn notices(
        &self,
        account: &AccountId,
        unread: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Shown>, Unavailable> {
        Ok(self.with(account, |t| {
            let rows = t.told.notices.values().filter(|row| !unread || row.acknowledged.is_none());
            newest(rows.map(|row| ((row.notice.at, row.notice.id), row.shown())).collect(), after, limit)
        }))
    }

    async fn unread(&self, account: &AccountId, most: usize) -> Result<usize, Unavailable> {
        Ok(self.with(account, |t| {
            t.told.notices.values().filter(|row| row.acknowledged.is_none()).take(most).count()
        }))
    }

    async fn acknowledge(
        &self,
        account: &AccountId,
        notice: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Shown>, Unavailable> {
        Ok(self.with(account, |t| {
            let row = t.told.notices.get_mut(&notice)?;
            if row.acknowledged.is_none() {
                row.acknowledged = Some(Acknowledged { at: now, by: by.to_string() });
                t.audit.push(acknowledgement(notice, by, now));
            }
            Some(row.shown())
        }))
    }
}
