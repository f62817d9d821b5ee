//! Deletions that a look has confirmed, and how they are told: under the brake, each of them once.
//!
//! What the brake holds waits for a person, who lets it pass or discards it: for this account, and for what was deleted
//! until then. What is there again meanwhile drops out by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Side, SideId, Timestamp};
use shared::domain::record::{Presence, Record};
use shared::domain::surface::TypeSurface;
use shared::netsuite::table::Table;
use shared::netsuite::wire::Outcome;
use shared::state::brake::BrakeWord;

use crate::brake::{Decided, FEW, enough, most_within_an_hour};
use crate::caller::{Caller, Stop};
use crate::cursor::Cursor;
use crate::sweep::STAGE;
use crate::wall::{Clocks, moved};
use crate::{event, filed, held, page, query, told};

/// What was told is remembered for so long, s: it may be listed again before it has been taken in.
const TOLD_S: i64 = 26 * 3_600;

/// What a person decides counts for so much longer for the sweep, s, which comes upon what is gone only as it goes.
const SWEEP_S: i64 = 7_200;

/// So many discarded deletions are remembered; of more, the oldest are met again.
const DISCARDED_MAX: usize = 20_000;

/// So many ids are asked for in one question.
const LIST: usize = 500;

/// So many pages of known records are counted at most.
const PAGES_MAX: usize = 20;

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
    /// Records whose deletion a person has discarded, likewise.
    discarded: BTreeMap<String, String>,
}

/// How far one of them has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stage {
    pub(crate) cursor: Cursor,
    /// Records whose deletion a look has confirmed, and which have not been told yet.
    gone: BTreeMap<String, Gone>,
    /// Since when the brake holds, on our clock,
    held: Option<i64>,
    /// and for how many: while any of them waits, getting fewer does not let the others pass.
    worst: usize,
    /// What a person has decided last.
    decided: Option<Decided>,
}

/// A confirmed deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    /// Under which time NetSuite lists it, or its clock showed when it was missed.
    pub(crate) listed: String,
    /// When it was, as far as the look could tell, ms.
    pub(crate) at: i64,
}

impl Stage {
    fn word(&self, listed: &str) -> Option<BrakeWord> {
        self.decided.as_ref().and_then(|decided| decided.about(listed))
    }
}

impl Deletions {
    /// How far one of them has come.
    pub(crate) fn of(&mut self, stage: i64) -> &mut Stage {
        self.scans.entry(stage).or_default()
    }

    /// Whether a deletion was told lately, waits to be, or was discarded. Whoever found it first tells it: a person is
    /// not asked again by each scan that comes upon it while nobody decides.
    pub(crate) fn has(&self, key: &str) -> bool {
        let waits = || self.scans.values().any(|of| of.gone.contains_key(key));
        self.told.contains_key(key) || self.discarded.contains_key(key) || waits()
    }

    /// Whether confirmed deletions wait to be told.
    pub(crate) fn waits(&self, stage: i64) -> bool {
        self.scans.get(&stage).is_some_and(|of| !of.gone.is_empty() || of.held.is_some())
    }

    /// Notes a confirmed deletion; what was noted first counts, for its time makes the event.
    pub(crate) fn note(&mut self, stage: i64, key: String, gone: Gone) {
        if !self.discards(stage, &key, &gone.listed) {
            self.of(stage).gone.entry(key).or_insert(gone);
        }
    }

    /// Whether a person has discarded this deletion with all others of its time. It is remembered.
    pub(crate) fn discards(&mut self, stage: i64, key: &str, listed: &str) -> bool {
        let is_discarded = self.of(stage).word(listed) == Some(BrakeWord::Discard);
        if is_discarded {
            self.discard([(key.to_string(), listed.to_string())]);
        }
        is_discarded
    }

    fn discard(&mut self, all: impl IntoIterator<Item = (String, String)>) {
        self.discarded.extend(all);
        let too_many = self.discarded.len().saturating_sub(DISCARDED_MAX);
        if too_many > 0 {
            let mut oldest: Vec<(String, String)> =
                self.discarded.iter().map(|(key, listed)| (listed.clone(), key.clone())).collect();
            oldest.sort_unstable();
            oldest.into_iter().take(too_many).for_each(|(_, key)| _ = self.discarded.remove(&key));
        }
    }

    /// A record is listed again: what was discarded is over.
    pub(crate) fn is_there_again(&mut self, key: &str) {
        self.discarded.remove(key);
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
    pub(crate) async fn is_over(&self, deletions: &Deletions) -> Result<bool, Stop> {
        let count = self.count(deletions);
        Ok(count > 0 && count > self.most(deletions, count).await?)
    }

    /// How many were deleted within an hour, but for those about which a person has decided; while the brake holds, for
    /// how many it does. None when none waits.
    fn count(&self, deletions: &Deletions) -> usize {
        let Some(stage) = deletions.scans.get(&self.stage).filter(|stage| !stage.gone.is_empty()) else {
            return 0;
        };
        // The others' too: what one of them holds and what it has not looked at yet are one mass.
        let gone = deletions.scans.values().flat_map(|of| of.gone.values()).map(|gone| &gone.listed);
        let undecided = gone.chain(deletions.told.values()).filter(|listed| stage.word(listed).is_none());
        most_within_an_hour(undecided.map(String::as_str)).max(stage.worst)
    }

    /// The most that are told unasked, when so many are to be: fewer where that would be much of what there is.
    async fn most(&self, deletions: &Deletions, count: usize) -> Result<usize, Stop> {
        let rules = &self.caller.app.rules;
        if count > rules.deletions_max || count <= FEW {
            return Ok(rules.deletions_max);
        }
        let enough = enough(count, rules.deletions_percent);
        let known = self.known(deletions, enough).await?;
        Ok(if known >= enough { rules.deletions_max } else { FEW.max(known * rules.deletions_percent / 100) })
    }

    /// How many records are known to be there, or were until their deletion was told; no more are counted than needed.
    async fn known(&self, deletions: &Deletions, needed: usize) -> Result<usize, Stop> {
        let (state, account) = (&self.caller.app.state, &self.caller.account.id);
        let (mut count, mut after) = (deletions.told.len(), None);
        for _ in 0..PAGES_MAX {
            let page = state.records(account, None, after.as_deref(), LIST).await?;
            let there = page.items.iter().filter(|record| is_there(record));
            count += there
                .filter(|record| !key_of(record).is_some_and(|key| deletions.told.contains_key(&key)))
                .count();
            after = page.next;
            if count >= needed || after.is_none() {
                return Ok(count);
            }
        }
        // There are many records, most of them gone long ago.
        Ok(needed)
    }

    /// Publishes the confirmed deletions and answers how many events that made; `None` when they are too many.
    pub(crate) async fn tell(&self, deletions: &mut Deletions) -> Result<Option<usize>, Stop> {
        let stage = deletions.of(self.stage);
        stage.decided.take_if(|decided| decided.is_past(&self.clocks.shown));
        if stage.held.is_some() {
            self.drop_out(deletions).await?;
            self.heed(deletions).await?;
        }
        if self.is_over(deletions).await? {
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
            let of_type = of_type(gone, surface);
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

    /// Of what is held, whatever NetSuite lists again, and whatever is known to be gone by now, waits no more.
    async fn drop_out(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let (state, account) = (&*self.caller.app.state, self.caller.account);
        for surface in account.types.values() {
            let gone = &deletions.of(self.stage).gone;
            let of_type: Vec<SideId> = of_type(gone, surface).into_iter().map(|(id, _)| id).collect();
            let known = event::known(state, account, surface, of_type.iter().cloned()).await?;
            let is_known = |record: &Option<_>| record.as_deref().is_some_and(is_there);
            let (there, no_more): (Vec<_>, Vec<_>) =
                of_type.into_iter().zip(known).partition(|(_, record)| is_known(record));
            let mut over: BTreeSet<SideId> = no_more.into_iter().map(|(id, _)| id).collect();
            let table = Table::of(&surface.netsuite);
            for some in there.chunks(LIST) {
                let numbers = some.iter().filter_map(|(id, _)| id.as_str().parse().ok());
                match page::ids(self.caller, table.name, &query::listed(table, numbers)).await {
                    Ok(listed) => {
                        over.extend(listed.ids.iter().filter_map(|id| SideId::parse(&id.to_string()).ok()))
                    }
                    // What it says against this type is told by the type's own scans.
                    Err(Stop::Fault(_)) => {}
                    Err(stop) => return Err(stop),
                }
            }
            let gone = &mut deletions.of(self.stage).gone;
            over.iter().for_each(|id| _ = gone.remove(&format!("{} {id}", surface.record_type)));
        }
        Ok(())
    }

    /// What a person has decided about what is held is carried out.
    async fn heed(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let stage = deletions.of(self.stage);
        let Some(since) = stage.held.filter(|_| !stage.gone.is_empty()) else { return Ok(()) };
        let latest = stage.gone.values().map(|gone| gone.listed.clone()).max();
        let now = match self.stage {
            STAGE => moved(&self.clocks.shown, SWEEP_S),
            _ => self.clocks.shown.clone(),
        };
        let error = self.error(deletions, since).await?;
        let Some(word) = held::decision(self.caller, error, since).await? else { return Ok(()) };
        let upto = latest.into_iter().chain([now]).max().unwrap_or_default();
        let stage = deletions.of(self.stage);
        (stage.decided, stage.worst) = (Some(Decided { word, upto }), 0);
        if word == BrakeWord::Discard {
            let gone = std::mem::take(&mut stage.gone);
            deletions.discard(gone.into_iter().map(|(key, gone)| (key, gone.listed)));
        }
        Ok(())
    }

    /// The brake holds: nothing is told, the cursor stays, and a person is told why.
    async fn hold(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let count = self.count(deletions);
        let stage = deletions.of(self.stage);
        if stage.held.is_some() {
            return Ok(());
        }
        let since = self.caller.app.ports.clock.now().0;
        (stage.held, stage.worst) = (Some(since), count);
        // First: else whoever crashes in between holds for another reason, and the first is told for ever.
        self.caller.save(NAME, deletions).await?;
        let error = self.error(deletions, since).await?;
        held::decision(self.caller, error, since).await.map(|_| ())
    }

    async fn error(&self, deletions: &Deletions, since: i64) -> Result<shared::state::ErrorEntry, Stop> {
        let count = self.count(deletions);
        let most = self.most(deletions, count).await?;
        let now = self.caller.app.ports.clock.now();
        Ok(filed::mass_delete(self.caller.account, (self.stage, since), (count, most), now))
    }

    /// It holds no longer: a person has decided, the limit was raised, or none is left.
    async fn release(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let stage = deletions.of(self.stage);
        let Some(since) = stage.held.take() else { return Ok(()) };
        stage.worst = 0;
        let over = filed::deletions_passed(self.caller.account, (self.stage, since));
        told::over(self.caller, vec![over]).await
    }
}

/// Those of a type, by id.
fn of_type(gone: &BTreeMap<String, Gone>, surface: &TypeSurface) -> Vec<(SideId, Gone)> {
    let of_type = gone.iter().filter_map(|(key, gone)| {
        let (kind, id) = key.split_once(' ')?;
        let id = SideId::parse(id).ok().filter(|_| kind == surface.record_type.as_str())?;
        Some((id, gone.clone()))
    });
    of_type.collect()
}

/// What a record is called here.
fn key_of(record: &Record) -> Option<String> {
    let id = record.sides[Side::NetSuite].id.as_ref()?;
    Some(format!("{} {id}", record.key.record_type))
}

/// Whether a record is known to be there, in NetSuite. One that we cannot read may be.
pub(crate) fn is_there(record: &Record) -> bool {
    record.sides[Side::NetSuite].presence == Presence::There || record.why_unreadable().is_some()
}

/// When a record was deleted, or seen to be gone.
pub(crate) fn deleted_at(outcome: &Outcome, now: Timestamp) -> Timestamp {
    outcome.last_modified.as_deref().and_then(Timestamp::parse).unwrap_or(now)
}
