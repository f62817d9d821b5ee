//! The state in memory: for `cargo run`, tests and the simulation. One map per table of the design; each
//! method is one critical section, as it would be one transaction.

mod ambiguity;
mod deliveries;
mod desk;
mod inspect;
mod notices;
mod waiting;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    Ambiguity, Census, Commit, ErrorEntry, HistoryRow, Link, LinkChange, Notice, Page, PendingRow, Place,
    State, Subject, Verdict,
};
use crate::breakage::{self, Breakage};
use crate::domain::governance::{Begun, Call, CallEnd, Governance};
use crate::domain::id::{AccountId, CanonicalId, PerSide, RecordKey, RecordType, Side, SideId, Timestamp};
use crate::domain::record::{Due, DueReason, Record};
use crate::domain::surface::Limits;
use crate::fault::Unavailable;

/// See [`State`].
#[derive(Default)]
pub struct MemoryState {
    accounts: Mutex<BTreeMap<AccountId, Tables>>,
}

/// A record's place within its account.
type At = (RecordType, CanonicalId);

#[derive(Default)]
struct Tables {
    records: BTreeMap<At, Arc<Record>>,
    aliases: BTreeMap<At, CanonicalId>,
    links: BTreeMap<(RecordType, Side, SideId), Link>,
    /// Live ids by record: the other direction of `links`.
    ids: BTreeMap<At, PerSide<Option<SideId>>>,
    due: PerSide<BTreeSet<(Timestamp, At)>>,
    /// Since when work is not done, as [`super::watch::behind_since`] has it.
    behind: PerSide<BTreeMap<At, Timestamp>>,
    /// Records (and the side) that wait until a record has a counterpart on that side.
    waiting_records: BTreeMap<(Side, At), BTreeSet<At>>,
    pending: BTreeMap<Uuid, PendingRow>,
    open: BTreeMap<(RecordType, Subject), BTreeSet<Uuid>>,
    pending_due: BTreeSet<(Timestamp, RecordType, Subject, Uuid)>,
    waiting_events: BTreeMap<(RecordType, Side, String), BTreeSet<Uuid>>,
    /// Events whose change waits in a conflict.
    in_conflict: BTreeMap<Uuid, BTreeSet<Uuid>>,
    history: BTreeMap<At, Vec<HistoryRow>>,
    filing: desk::Filing,
    errors: BTreeMap<Uuid, ErrorEntry>,
    told: notices::Told,
    ambiguities: BTreeMap<At, Ambiguity>,
    audit: Vec<super::AuditRow>,
    watermarks: BTreeMap<String, u64>,
    cursors: BTreeMap<String, String>,
    governance: Governance,
    census: Census,
}

impl MemoryState {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AccountId, Tables>> {
        self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with<T>(&self, account: &AccountId, body: impl FnOnce(&mut Tables) -> T) -> T {
        let mut accounts = self.lock();
        match accounts.get_mut(account) {
            Some(tables) => body(tables),
            None => body(accounts.entry(account.clone()).or_default()),
        }
    }
}

fn place_of(key: &RecordKey) -> At {
    (key.record_type.clone(), key.id.clone())
}

impl Tables {
    fn follow(&self, place: &At) -> At {
        match self.aliases.get(place) {
            Some(to) => (place.0.clone(), to.clone()),
            None => place.clone(),
        }
    }

    /// Checks a commit without changing anything.
    fn judge(&self, commit: &Commit) -> Option<Verdict> {
        let Some(record) = &commit.record else { return None };
        let place = place_of(&record.key);
        let stored = self.records.get(&place).map_or(0, |r| r.row_revision);
        if stored != record.row_revision && !breakage::on(Breakage::VersionNotCompared) {
            return Some(Verdict::Stale);
        }
        if self.aliases.contains_key(&place) {
            return Some(Verdict::Stale);
        }
        let has_moved_on = |change: &LinkChange| match change {
            LinkChange::Alias(other, row_revision) => {
                let other = (place.0.clone(), other.clone());
                self.records.get(&other).map_or(0, |r| r.row_revision) != *row_revision
            }
            LinkChange::Set(..) | LinkChange::Retire(..) => false,
        };
        if commit.links.iter().any(has_moved_on) {
            return Some(Verdict::Stale);
        }
        commit.links.iter().find_map(|change| {
            let LinkChange::Set(side, id) = change else { return None };
            let link = self.links.get(&(place.0.clone(), *side, id.clone()))?;
            let is_taken =
                |c: &LinkChange| matches!(c, LinkChange::Alias(other, _) if *other == link.canonical);
            let taken_by_alias = commit.links.iter().any(is_taken);
            let ours = link.canonical == place.1 && !link.retired;
            (!ours && !taken_by_alias && !breakage::on(Breakage::LinkOverwritten))
                .then(|| Verdict::LinkTaken(link.canonical.clone()))
        })
    }

    fn write(&mut self, commit: Commit) -> Verdict {
        let mut woken = Vec::new();
        if let Some(record) = commit.record {
            let place = place_of(&record.key);
            for change in commit.links {
                self.change_link(&place, change, &mut woken);
            }
            self.history.entry(place.clone()).or_default().extend(commit.history);
            self.store(place, record);
        }
        let moved: Vec<Uuid> = commit.places.iter().map(|(event, _)| *event).collect();
        for (event, to) in commit.places {
            self.move_event(event, to);
        }
        for freed in commit.freed {
            for event in freed.events {
                if self.is_stuck_in(event, freed.error) {
                    self.move_event(event, freed.to.clone());
                }
            }
        }
        // Only now: the last word about an event counts.
        for event in moved {
            if self.waits_for_what_is_there(event) {
                self.go_on(event, &mut woken);
            }
        }
        for error in commit.errors {
            self.file(error);
        }
        for sent in commit.sent {
            let known =
                self.errors.get_mut(&sent.error).filter(|error| error.tried_at == Some(sent.tried_at));
            if let Some(known) = known {
                known.to_send = false;
            }
        }
        for ambiguity in commit.ambiguities {
            self.ambiguities.insert(place_of(&ambiguity.record), ambiguity);
        }
        for notice in commit.notices {
            self.told.add(notice);
        }
        self.audit.extend(commit.audit);
        Verdict::Committed(woken)
    }

    fn store(&mut self, place: At, mut record: Record) {
        if let Some(old) = self.records.get(&place).cloned() {
            self.unindex(&place, &old);
            let resolved =
                old.conflict.as_ref().filter(|c| record.conflict.as_ref().map(|n| n.id) != Some(c.id));
            if let Some(conflict) = resolved {
                self.filing.close(conflict.id);
                self.release_events(conflict.id);
            }
        }
        record.row_revision += 1;
        for side in Side::BOTH {
            if let Some(due) = &record.sides[side].due {
                self.due[side].insert((due.at, place.clone()));
                if let Some(on) = waits_on(due) {
                    self.waiting_records.entry((side, on)).or_default().insert(place.clone());
                }
            }
        }
        self.note_behind(&place, &record);
        if let Some(conflict) = &record.conflict {
            self.filing.open(&place, conflict);
        }
        self.records.insert(place, Arc::new(record));
    }

    fn unindex(&mut self, place: &At, record: &Record) {
        for side in Side::BOTH {
            let Some(due) = &record.sides[side].due else { continue };
            self.due[side].remove(&(due.at, place.clone()));
            if let Some(on) = waits_on(due)
                && let Some(waiting) = self.waiting_records.get_mut(&(side, on.clone()))
            {
                waiting.remove(place);
                if waiting.is_empty() {
                    self.waiting_records.remove(&(side, on));
                }
            }
        }
    }

    fn change_link(&mut self, place: &At, change: LinkChange, woken: &mut Vec<(RecordType, Subject)>) {
        match change {
            LinkChange::Set(side, id) => {
                let link = Link { canonical: place.1.clone(), retired: false };
                let known = self.links.insert((place.0.clone(), side, id.clone()), link);
                self.ids.entry(place.clone()).or_default()[side] = Some(id.clone());
                if known.is_none_or(|k| k.canonical != place.1) {
                    self.wake(place, side, &id, woken);
                }
            }
            LinkChange::Retire(side, id) => {
                let link = Link { canonical: place.1.clone(), retired: true };
                self.links.insert((place.0.clone(), side, id.clone()), link);
                let ids = self.ids.entry(place.clone()).or_default();
                if ids[side].as_ref() == Some(&id) {
                    ids[side] = None;
                }
            }
            LinkChange::Alias(alias, _) => {
                let from = (place.0.clone(), alias);
                let of_alias = |(key, link): &(&(RecordType, Side, SideId), &mut Link)| {
                    key.0 == from.0 && link.canonical == from.1
                };
                for (_, link) in self.links.iter_mut().filter(of_alias) {
                    link.canonical = place.1.clone();
                }
                self.ids.remove(&from);
                if let Some(old) = self.records.remove(&from) {
                    self.unindex(&from, &old);
                    self.forget_behind(&from);
                    if let Some(lost) = &old.conflict {
                        self.filing.close(lost.id);
                    }
                }
                self.aliases.insert(from, place.1.clone());
            }
        }
    }

    fn move_event(&mut self, event: Uuid, to: Place) {
        let Some(mut row) = self.pending.remove(&event) else { return };
        self.unindex_event(&row);
        *self.census.entry(row.place.name()).or_default() -= 1;
        row.place = to;
        self.insert_event(row);
    }

    fn unindex_event(&mut self, row: &PendingRow) {
        let subject = (row.record_type.clone(), row.subject.clone());
        match &row.place {
            Place::Pending { due_at } | Place::Waiting { until: due_at, .. } => {
                self.pending_due.remove(&(*due_at, subject.0.clone(), subject.1.clone(), row.event_id));
            }
            Place::Conflict(id) => {
                if let Some(events) = self.in_conflict.get_mut(id) {
                    events.remove(&row.event_id);
                }
            }
            Place::Applied | Place::Superseded | Place::Error(_) => {}
        }
        if let Place::Waiting { record_type, side, id, .. } = &row.place {
            let on = (record_type.clone(), *side, id.clone());
            if let Some(waiting) = self.waiting_events.get_mut(&on) {
                waiting.remove(&row.event_id);
                if waiting.is_empty() {
                    self.waiting_events.remove(&on);
                }
            }
        }
        if let Some(open) = self.open.get_mut(&subject) {
            open.remove(&row.event_id);
            if open.is_empty() {
                self.open.remove(&subject);
            }
        }
    }

    fn insert_event(&mut self, row: PendingRow) {
        let subject = (row.record_type.clone(), row.subject.clone());
        match &row.place {
            Place::Pending { due_at } | Place::Waiting { until: due_at, .. } => {
                self.pending_due.insert((*due_at, subject.0.clone(), subject.1.clone(), row.event_id));
                self.open.entry(subject).or_default().insert(row.event_id);
            }
            Place::Conflict(id) => {
                self.in_conflict.entry(*id).or_default().insert(row.event_id);
            }
            Place::Applied | Place::Superseded | Place::Error(_) => {}
        }
        if let Place::Waiting { record_type, side, id, .. } = &row.place {
            self.waiting_events
                .entry((record_type.clone(), *side, id.clone()))
                .or_default()
                .insert(row.event_id);
        }
        *self.census.entry(row.place.name()).or_default() += 1;
        self.pending.insert(row.event_id, row);
    }

    /// The conflict is over: what waited in it has been applied.
    fn release_events(&mut self, conflict: Uuid) {
        for event in self.in_conflict.remove(&conflict).unwrap_or_default() {
            self.move_event(event, Place::Applied);
        }
    }

    /// The same error again is the same row: counted up, its events joined.
    fn file(&mut self, error: ErrorEntry) {
        match self.errors.get_mut(&error.id) {
            None => {
                self.errors.insert(error.id, error);
            }
            Some(known) => *known = known.met_again(&error),
        }
    }

    fn page(&self, keep: impl Fn(&Record) -> bool, after: Option<&str>, limit: usize) -> Page<Arc<Record>> {
        let records = self.records.values().filter(|r| keep(r)).cloned().collect();
        page_of(records, after, limit)
    }
}

fn waits_on(due: &Due) -> Option<At> {
    match &due.reason {
        DueReason::WaitingFor { record_type, id, .. } => {
            CanonicalId::parse(id).ok().map(|id| (record_type.clone(), id))
        }
        DueReason::Dirty | DueReason::Unsettled | DueReason::BackingOff => None,
    }
}

/// The records after `after` in the order of their keys' text, which is also the cursor.
fn page_of(records: Vec<Arc<Record>>, after: Option<&str>, limit: usize) -> Page<Arc<Record>> {
    let mut keyed: Vec<(String, Arc<Record>)> = records.into_iter().map(|r| (r.key.to_string(), r)).collect();
    keyed.retain(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let next =
        if keyed.len() > limit { limit.checked_sub(1).map(|last| keyed[last].0.clone()) } else { None };
    keyed.truncate(limit);
    Page { items: keyed.into_iter().map(|(_, r)| r).collect(), next }
}

#[async_trait]
impl State for MemoryState {
    async fn load(&self, keys: &[RecordKey]) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
        let accounts = self.lock();
        let load = |key: &RecordKey| {
            let tables = accounts.get(&key.account)?;
            tables.records.get(&tables.follow(&place_of(key))).cloned()
        };
        Ok(keys.iter().map(load).collect())
    }

    async fn links(
        &self,
        account: &AccountId,
        ids: &[(RecordType, Side, SideId)],
    ) -> Result<Vec<Option<Link>>, Unavailable> {
        Ok(self.with(account, |t| ids.iter().map(|id| t.links.get(id).cloned()).collect()))
    }

    async fn counterparts(
        &self,
        account: &AccountId,
        side: Side,
        records: &[(RecordType, CanonicalId)],
    ) -> Result<Vec<Option<SideId>>, Unavailable> {
        Ok(self.with(account, |t| records.iter().map(|r| t.ids.get(&t.follow(r))?[side].clone()).collect()))
    }

    async fn commit(&self, commits: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable> {
        let one = |commit: Commit| {
            self.with(&commit.account.clone(), |tables| match tables.judge(&commit) {
                Some(refused) => refused,
                None => tables.write(commit),
            })
        };
        Ok(commits.into_iter().map(one).collect())
    }

    async fn enqueue(&self, rows: Vec<PendingRow>) -> Result<(), Unavailable> {
        for row in rows {
            self.with(&row.account.clone(), |t| {
                if !t.pending.contains_key(&row.event_id) {
                    t.insert_event(row);
                }
            });
        }
        Ok(())
    }

    async fn unlisted(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Uuid>, Unavailable> {
        Ok(self.with(account, |t| events.iter().filter(|id| !t.pending.contains_key(id)).copied().collect()))
    }

    async fn watermark(&self, account: &AccountId, name: &str) -> Result<u64, Unavailable> {
        Ok(self.with(account, |t| t.watermarks.get(name).copied().unwrap_or(0)))
    }

    async fn set_watermark(&self, account: &AccountId, name: &str, at: u64) -> Result<(), Unavailable> {
        self.with(account, |t| {
            let known = t.watermarks.entry(name.to_string()).or_default();
            *known = (*known).max(at);
        });
        Ok(())
    }

    async fn poll_cursor(&self, account: &AccountId, name: &str) -> Result<Option<String>, Unavailable> {
        Ok(self.with(account, |t| t.cursors.get(name).cloned()))
    }

    async fn set_poll_cursor(
        &self,
        account: &AccountId,
        name: &str,
        cursor: &str,
    ) -> Result<(), Unavailable> {
        self.with(account, |t| t.cursors.insert(name.to_string(), cursor.to_string()));
        Ok(())
    }

    async fn pending(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable> {
        Ok(self.with(account, |t| {
            let open = subjects.iter().filter_map(|s| t.open.get(&(record_type.clone(), s.clone())));
            open.flatten().filter_map(|id| t.pending.get(id).cloned()).collect()
        }))
    }

    async fn places(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Option<Place>>, Unavailable> {
        let place = |t: &mut Tables, id| t.pending.get(id).map(|row| row.place.clone());
        Ok(self.with(account, |t| events.iter().map(|id| place(t, id)).collect()))
    }

    async fn pending_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(RecordType, Subject)>, Unavailable> {
        Ok(self.with(account, |t| {
            let mut due = Vec::new();
            for (_, record_type, subject, _) in t.pending_due.iter().take_while(|(at, ..)| *at <= now) {
                if due.len() == limit {
                    break;
                }
                if !due.iter().any(|(k, s)| k == record_type && s == subject) {
                    due.push((record_type.clone(), subject.clone()));
                }
            }
            due
        }))
    }

    async fn next_due(&self, account: &AccountId, side: Side) -> Result<Option<Timestamp>, Unavailable> {
        Ok(self.with(account, |t| t.due[side].first().map(|(at, _)| *at)))
    }

    async fn due(
        &self,
        account: &AccountId,
        side: Side,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        Ok(self.with(account, |t| {
            let due = t.due[side].iter().take_while(|(at, _)| *at <= now).take(limit);
            due.map(|(_, (kind, id))| RecordKey::new(account.clone(), kind.clone(), id.clone())).collect()
        }))
    }

    async fn begin_calls(
        &self,
        account: &AccountId,
        calls: &[Call],
        limits: &Limits,
    ) -> Result<Begun, Unavailable> {
        Ok(self.with(account, |t| Begun::of(calls, |call| t.governance.begin(call, limits))))
    }

    async fn end_call(
        &self,
        account: &AccountId,
        call: Uuid,
        end: CallEnd,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), Unavailable> {
        self.with(account, |t| {
            if let Some(turn) = t.governance.end(call, end, now, limits) {
                t.told.add(Notice::of_turn(account, turn, now));
            }
        });
        Ok(())
    }

    async fn governance_of(&self, account: &AccountId) -> Result<Governance, Unavailable> {
        Ok(self.governance(account))
    }

    async fn backlog(&self, account: &AccountId, side: Side, now: Timestamp) -> Result<u64, Unavailable> {
        Ok(self.with(account, |t| t.due[side].iter().take_while(|(at, _)| *at <= now).count() as u64))
    }

    async fn history(&self, key: &RecordKey) -> Result<Vec<HistoryRow>, Unavailable> {
        Ok(self.with(&key.account, |t| t.history.get(&t.follow(&place_of(key))).cloned().unwrap_or_default()))
    }

    async fn records(
        &self,
        account: &AccountId,
        record_type: Option<&RecordType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        Ok(self
            .with(account, |t| t.page(|r| record_type.is_none_or(|k| r.key.record_type == *k), after, limit)))
    }

    async fn conflicts(
        &self,
        account: Option<&AccountId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        let accounts = self.lock();
        let chosen = accounts.iter().filter(|(id, _)| account.is_none_or(|a| a == *id));
        let open = chosen.flat_map(|(_, t)| {
            t.filing.open_ones().filter_map(|(id, place)| {
                t.records.get(place).filter(|r| r.conflict.as_ref().is_some_and(|c| c.id == id)).cloned()
            })
        });
        Ok(page_of(open.collect(), after, limit))
    }

    async fn conflict(&self, id: Uuid) -> Result<Option<Arc<Record>>, Unavailable> {
        let accounts = self.lock();
        Ok(accounts.values().find_map(|t| t.records.get(t.filing.place(id)?).cloned()))
    }

    async fn errors(
        &self,
        account: Option<&AccountId>,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ErrorEntry>, Unavailable> {
        let key = |e: &ErrorEntry| (std::cmp::Reverse(e.first_at), e.id);
        let after = after.and_then(|after| after.split_once(':'));
        let after = after.and_then(|(at, id)| Some((at.parse().ok()?, Uuid::parse_str(id).ok()?)));
        let after = after.map(|(at, id)| (std::cmp::Reverse(Timestamp(at)), id));
        let accounts = self.lock();
        let mut errors: Vec<ErrorEntry> = accounts
            .iter()
            .filter(|(id, _)| account.is_none_or(|a| a == *id))
            .flat_map(|(_, t)| t.errors.values())
            .filter(|e| !open_only || e.status == super::ErrorStatus::Open)
            .filter(|e| after.is_none_or(|after| key(e) > after))
            .cloned()
            .collect();
        errors.sort_by_key(key);
        let cursor = |e: &ErrorEntry| format!("{}:{}", e.first_at.0, e.id);
        let next = (errors.len() > limit && limit > 0).then(|| cursor(&errors[limit - 1]));
        errors.truncate(limit);
        Ok(Page { items: errors, next })
    }

    async fn error(&self, id: Uuid) -> Result<Option<ErrorEntry>, Unavailable> {
        Ok(self.lock().values().find_map(|t| t.errors.get(&id).cloned()))
    }

    async fn census(&self, account: &AccountId) -> Result<Census, Unavailable> {
        Ok(self.with(account, |t| t.census.clone()))
    }
}
