//! Deletions that a look has confirmed, and how they are told: under the brake, each of them once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Side, SideId, Timestamp};
use shared::domain::record::{Presence, Record};
use shared::netsuite::wire::Outcome;
use shared::state::notices::Topic;
use shared::state::{Commit, Notice};

use crate::brake::{DAY_MS, most_within_an_hour};
use crate::caller::{Caller, Stop};
use crate::cursor::Cursor;
use crate::wall::{Clocks, moved};
use crate::{event, filed, told};

/// What was told is remembered for so long, s: it may be listed again before it has been taken in.
const TOLD_S: i64 = 26 * 3_600;

/// Where all of this is kept.
pub(crate) const NAME: &str = "deletions";

/// How far whoever looks for deletions has come, and what they have found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Deletions {
    /// By how long ago the deletions are, s; [`crate::sweep::STAGE`] is the sweep's.
    scans: BTreeMap<i64, Stage>,
    /// Records whose deletion was told lately, by the times under which they were listed.
    told: BTreeMap<String, String>,
}

/// How far one of them has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stage {
    pub(crate) cursor: Cursor,
    /// Records whose deletion a look has confirmed, and which have not been told yet.
    gone: BTreeMap<String, Gone>,
    /// The day since which the brake holds.
    held: Option<i64>,
}

/// A confirmed deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    /// Under which time NetSuite lists it, or its clock showed when it was missed.
    pub(crate) listed: String,
    /// When it was, as far as the look could tell, ms.
    pub(crate) at: i64,
}

impl Deletions {
    /// How far one of them has come.
    pub(crate) fn of(&mut self, stage: i64) -> &mut Stage {
        self.scans.entry(stage).or_default()
    }

    /// Whether a deletion was told lately, or waits to be.
    pub(crate) fn has(&self, stage: i64, key: &str) -> bool {
        self.told.contains_key(key) || self.scans.get(&stage).is_some_and(|of| of.gone.contains_key(key))
    }

    /// Whether confirmed deletions wait to be told.
    pub(crate) fn waits(&self, stage: i64) -> bool {
        self.scans.get(&stage).is_some_and(|of| !of.gone.is_empty() || of.held.is_some())
    }

    /// Notes a confirmed deletion; what was noted first counts, for its time makes the event.
    pub(crate) fn note(&mut self, stage: i64, key: String, gone: Gone) {
        self.of(stage).gone.entry(key).or_insert(gone);
    }
}

/// Tells what one of them has found.
pub(crate) struct Teller<'a> {
    pub(crate) caller: &'a Caller<'a>,
    /// Whose deletions.
    pub(crate) stage: i64,
    /// What NetSuite's clock shows, or showed so long ago.
    pub(crate) clocks: &'a Clocks,
}

impl Teller<'_> {
    /// Whether there are too many to tell any.
    pub(crate) fn is_over(&self, deletions: &mut Deletions) -> bool {
        !deletions.of(self.stage).gone.is_empty()
            && self.within_an_hour(deletions) > self.caller.app.rules.deletions_max
    }

    fn within_an_hour(&self, deletions: &Deletions) -> usize {
        let gone = deletions.scans.get(&self.stage).into_iter().flat_map(|stage| stage.gone.values());
        let gone = gone.map(|gone| gone.listed.as_str());
        most_within_an_hour(gone.chain(deletions.told.values().map(String::as_str)))
    }

    /// Publishes the confirmed deletions and answers how many events that made; `None` when they are too many.
    pub(crate) async fn tell(&self, deletions: &mut Deletions) -> Result<Option<usize>, Stop> {
        if self.is_over(deletions) {
            self.hold(deletions).await?;
            return Ok(None);
        }
        self.release(deletions).await?;
        let events = self.events(&deletions.of(self.stage).gone).await?;
        let published = self.caller.publish(events).await?;
        let told = std::mem::take(&mut deletions.of(self.stage).gone);
        let from = moved(&self.clocks.shown, -TOLD_S);
        deletions.told.extend(told.into_iter().map(|(key, gone)| (key, gone.listed)));
        deletions.told.retain(|_, listed| *listed >= from);
        Ok(Some(published))
    }

    /// The events of those that are still known to be there.
    async fn events(&self, gone: &BTreeMap<String, Gone>) -> Result<Vec<ChangeEvent>, Stop> {
        let (state, account) = (&*self.caller.app.state, self.caller.account);
        let mut events = Vec::new();
        for surface in account.types.values() {
            let of_type = |(key, gone): (&String, &Gone)| {
                let (kind, id) = key.split_once(' ')?;
                (kind == surface.record_type.as_str()).then(|| (SideId::parse(id).ok(), gone.clone()))
            };
            let of_type = gone.iter().filter_map(of_type).filter_map(|(id, gone)| Some((id?, gone)));
            let of_type: Vec<(SideId, Gone)> = of_type.collect();
            let known =
                event::known(state, account, surface, of_type.iter().map(|(id, _)| id.clone())).await?;
            for ((id, gone), record) in of_type.iter().zip(known) {
                let Some(record) = record.filter(|record| is_there(record)) else { continue };
                // The look has proved it: nothing that is known of the record came after.
                let newest = record.sides[Side::NetSuite].newest().map_or(0, |newest| newest.0 * 1_000);
                let at = Timestamp(gone.at.max(newest));
                let event = event::deletion(account, surface, id, (&gone.listed, at));
                events.push(event.map_err(|why| Stop::Odd(format!("a deletion makes no event: {why}")))?);
            }
        }
        Ok(events)
    }

    /// The brake holds: nothing is told, the cursor stays, and a person is told why.
    async fn hold(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
        if deletions.of(self.stage).held.is_some() {
            return Ok(());
        }
        let day = now.0.div_euclid(DAY_MS);
        let most = self.caller.app.rules.deletions_max;
        let count = self.within_an_hour(deletions);
        let error = filed::mass_delete(account, (self.stage, day), (count, most), now);
        let (subject, once) = (format!("error:{}", error.id), day.to_string());
        let notice = Notice::new(&account.id, Topic::Brake, subject, &once, error.message.clone(), now);
        let commit = Commit { errors: vec![error], notices: vec![notice], ..Commit::new(account.id.clone()) };
        self.caller.app.state.commit(vec![commit]).await?;
        deletions.of(self.stage).held = Some(day);
        Ok(())
    }

    /// A person has let them pass.
    async fn release(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let Some(day) = deletions.of(self.stage).held.take() else { return Ok(()) };
        let over = filed::deletions_passed(self.caller.account, (self.stage, day));
        told::over(self.caller, vec![over]).await
    }
}

/// Whether a record is known to be there, in NetSuite.
pub(crate) fn is_there(record: &Record) -> bool {
    record.sides[Side::NetSuite].presence == Presence::There
}

/// When a record was deleted, or seen to be gone.
pub(crate) fn deleted_at(outcome: &Outcome, now: Timestamp) -> Timestamp {
    outcome.last_modified.as_deref().and_then(Timestamp::parse).unwrap_or(now)
}
