//! The drainer: one per account and side across all instances, under a lease. It ends when nothing is due;
//! the next wake-up, or the minute tick, starts it again.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;

use super::calls::{Planned, UNGOVERNED_MAX, batches};
use super::queue::Queue;
use super::settle;
use super::translate::Counterparts;
use super::{Writer, identity};
use crate::breakage::{self, Breakage};
use crate::domain::governance::{NotNow, Why};
use crate::domain::id::{AccountId, RecordKey, Timestamp};
use crate::domain::identity::Unless;
use crate::domain::plan::{Plan, plan};
use crate::domain::record::{Due, DueReason, Record};
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;
use crate::runtime::clock::BoxFuture;
use crate::state::Commit;
use crate::state::notices::Notice;
use crate::unreadable;

/// How long a drainer's lease lasts without renewal, ms. It bounds the delay after a crash.
pub(super) const LEASE_MS: i64 = 20_000;

/// While calls are under way, or what is due soon is waited for, how often a drainer looks for what has become
/// due since, ms.
pub(super) const GLANCE_MS: i64 = 250;

/// Writes that found no permit are passed over for so long, ms, to find the looks that may be due behind them.
const PASSED_OVER_MS: i64 = 2_000;

/// Records that cannot be read are passed over for so long, ms: somebody may have mended them.
const UNREADABLE_MS: i64 = 60_000;

/// How often a drainer reckons when its backlog will be done, ms.
const RECKON_MS: i64 = 5_000;

/// What people hold is looked up so often, ms: so soon a hold is heeded.
const HOLD_LOOK_MS: i64 = 2_000;

/// While writes are held, a drainer looks through its queue so often for looks that it can make, and then ends.
const HELD_ROUNDS_MAX: u32 = 8;

/// A drainer waits for a permit no longer than this, ms; then the tick takes over.
const PATIENCE_MS: i64 = 60_000;

/// What a drainer need not plan now.
#[derive(Default)]
pub(super) struct Busy {
    /// Records with calls under way.
    pub(super) under_way: BTreeSet<RecordKey>,
    /// Writes that found no permit, or whose intent could not be stored, since when.
    pub(super) passed_over: BTreeSet<RecordKey>,
    passed_since: Timestamp,
    /// Records that cannot be read, and when the last of them was met.
    unreadable: BTreeSet<RecordKey>,
    unreadable_since: Timestamp,
    /// When there is a budget again for those that were passed over for want of it.
    budget_from: Timestamp,
    /// Whether no call is under way.
    is_alone: bool,
    /// Whether people hold the writes; when that was looked up; and for how many rounds they have.
    held: bool,
    held_seen: Option<Timestamp>,
    held_rounds: u32,
}

impl Busy {
    fn len(&self) -> usize {
        self.under_way.len() + self.passed_over.len() + self.unreadable.len()
    }

    fn contains(&self, key: &RecordKey) -> bool {
        self.under_way.contains(key) || self.passed_over.contains(key) || self.unreadable.contains(key)
    }
}

/// Calls under way. Each answers with the records that it was about.
type Calls = FuturesUnordered<BoxFuture<Vec<RecordKey>>>;

/// What a round found.
enum Round {
    /// Calls are on their way.
    Started(Vec<BoxFuture<Vec<RecordKey>>>),
    /// There is work, but no permit before this time.
    NotBefore(Timestamp),
    /// Nothing is due.
    Idle,
    /// Nothing is due but writes that people hold.
    Held,
}

impl Writer {
    /// Wakes the account's drainer in this instance.
    pub fn wake(&self, account: &AccountId) {
        let (writer, account) = (self.clone(), account.clone());
        self.ports.tasks.wake(format!("drain:{}:{account}", self.side()), move || {
            let (writer, account) = (writer.clone(), account.clone());
            Box::pin(async move {
                if let Err(error) = writer.drain(&account).await {
                    tracing::warn!(%error, side = %writer.side(), "drainer stopped; the tick starts it again");
                }
            })
        });
    }

    /// Works until nothing is due for the account.
    pub async fn drain(&self, account: &AccountId) -> Result<(), Unavailable> {
        let Some(account) = self.ports.config.accounts.get(account) else { return Ok(()) };
        let holder = self.ports.ids.draw().to_string();
        let lease = format!("drain:{}", self.side());
        let (mut calls, mut busy, mut failed) = (Calls::new(), Busy::default(), None);
        let (mut queue, mut reckoned) = (Queue::default(), Timestamp(0));
        loop {
            let now = self.ports.clock.now();
            if now.0 - busy.passed_since.0 > PASSED_OVER_MS && !busy.held && busy.budget_from <= now {
                (busy.passed_over, busy.passed_since) = (BTreeSet::new(), now);
            }
            if now.0 - busy.unreadable_since.0 > UNREADABLE_MS {
                busy.unreadable.clear();
            }
            busy.is_alone = calls.is_empty();
            let round = async {
                // Without the buffer two drainers may run: they get in each other's way, no more.
                let until = now.plus(LEASE_MS);
                let leased = self.ports.buffer.lease(&account.id, &lease, &holder, now, until).await;
                let go_on = leased.unwrap_or(!breakage::on(Breakage::BufferRequired))
                    && failed.is_none()
                    && !self.ports.tasks.is_stopping();
                if go_on && self.target.is_governed() && now.0 - reckoned.0 >= RECKON_MS {
                    reckoned = now;
                    self.reckon(account, now).await;
                }
                if go_on { Some(self.round(account, now, &mut busy, &mut queue).await) } else { None }
            };
            let (round, done) = beside(&mut calls, round).await;
            busy.under_way.retain(|key| !done.contains(key));
            let wait = match round {
                Some(Ok(Round::Started(started))) => {
                    calls.extend(started);
                    None
                }
                Some(Ok(Round::NotBefore(at))) => Some(at),
                // What is due soon is waited for, so that a look or a second attempt does not need the tick.
                // What cannot be read stays due, and is the tick's.
                Some(Ok(Round::Idle)) if calls.is_empty() && busy.unreadable.is_empty() => {
                    self.ports.state.next_due(&account.id, self.side()).await?
                }
                Some(Ok(Round::Idle | Round::Held)) | None => None,
                // The calls under way come to their end all the same.
                Some(Err(error)) => {
                    failed = Some(error);
                    None
                }
            };
            if calls.is_empty() {
                match wait {
                    Some(at) if at.0 - now.0 <= PATIENCE_MS => {
                        // In glances: what becomes due meanwhile must not wait for what is backing off.
                        let until = at.clamp(now.plus(50), now.plus(GLANCE_MS));
                        self.ports.clock.sleep_until(until).await;
                        continue;
                    }
                    _ => break,
                }
            }
            // A long call must not keep what has become due since from its own permit.
            let glance = self.ports.clock.sleep_until(now.plus(GLANCE_MS));
            if let Either::Left((Some(done), _)) = select(calls.next(), glance).await {
                for key in &done {
                    busy.under_way.remove(key);
                }
            }
        }
        self.ports.metrics.drained(self.side(), &account.id);
        let _ = self.ports.buffer.release(&account.id, &lease, &holder).await;
        failed.map_or(Ok(()), Err)
    }

    /// Tells how long the backlog will last; that it cannot be told is nobody's trouble.
    async fn reckon(&self, account: &Account, now: Timestamp) {
        let state = &self.ports.state;
        let backlog = state.backlog(&account.id, self.side(), now).await;
        let governance = state.governance_of(&account.id).await;
        if let (Ok(backlog), Ok(governance)) = (backlog, governance) {
            let drains = governance.pace.drains_in_ms(backlog, now);
            self.ports.metrics.backlog(self.side(), &account.id, backlog, drains);
        }
    }

    /// Whether a target that no permits protect has enough to do.
    fn is_full(&self, busy: &Busy) -> bool {
        !self.target.is_governed() && busy.under_way.len() >= UNGOVERNED_MAX
    }

    /// Plans what is due and starts as many calls as there are permits.
    async fn round(
        &self,
        account: &Account,
        now: Timestamp,
        busy: &mut Busy,
        queue: &mut Queue,
    ) -> Result<Round, Unavailable> {
        if self.is_full(busy) {
            return Ok(Round::NotBefore(now.plus(GLANCE_MS)));
        }
        if busy.held_seen.is_none_or(|seen| now.0 - seen.0 >= HOLD_LOOK_MS) {
            busy.held = self.ports.state.holds(&account.id).await?[self.side()].is_held();
            busy.held_seen = Some(now);
        }
        busy.held_rounds = if busy.held { busy.held_rounds + 1 } else { 0 };
        if busy.held_rounds > HELD_ROUNDS_MAX {
            return Ok(Round::Held);
        }
        let taken = queue.take(self, account, now, busy.len(), |key| busy.contains(key)).await?;
        if taken.is_empty() && busy.held {
            return Ok(Round::Held);
        }
        if taken.is_empty() && !busy.passed_over.is_empty() {
            return Ok(Round::NotBefore(busy.budget_from.max(now.plus(GLANCE_MS))));
        }
        if taken.is_empty() {
            return Ok(Round::Idle);
        }
        let due: Vec<RecordKey> = taken.iter().map(|(_, key)| key.clone()).collect();
        let (round, done) = self.start_all(account, &due, now, busy).await?;
        let is_left = |key: &RecordKey| !done.contains(key) && !busy.contains(key);
        queue.put_back(taken.into_iter().filter(|(_, key)| is_left(key)));
        Ok(round)
    }

    /// Plans these records and starts as many calls as there are permits; answers as well which of them there is
    /// nothing more to be done about in this round.
    async fn start_all(
        &self,
        account: &Account,
        due: &[RecordKey],
        now: Timestamp,
        busy: &mut Busy,
    ) -> Result<(Round, BTreeSet<RecordKey>), Unavailable> {
        let records = self.ports.state.load(due).await?;
        for record in records.iter().flatten() {
            if let Some(why) = record.why_unreadable() {
                unreadable::file(&self.ports, &record.key, why, &[]).await?;
                busy.unreadable.insert(record.key.clone());
                busy.unreadable_since = now;
            }
        }
        let readable = records.iter().flatten().filter(|record| record.why_unreadable().is_none());
        let known = readable.filter_map(|r| Some((r, account.types.get(&r.key.record_type)?)));
        let known: Vec<_> = known.collect();
        if known.is_empty() {
            // Behind those that cannot be read others may be due; these are not taken again.
            let none_readable = due.iter().any(|key| busy.unreadable.contains(key));
            let round = if none_readable { Round::NotBefore(now) } else { Round::Idle };
            return Ok((round, due.iter().cloned().collect()));
        }
        let state = &*self.ports.state;
        let pairs = known.iter().map(|(r, s)| (&***r, &***s));
        let counterparts = Counterparts::load(state, &account.id, self.side(), pairs).await?;
        let has = |kind: &_, id: &str| counterparts.get(kind, id).is_some();
        let plan = |(record, surface): &(&Arc<Record>, &Arc<TypeSurface>)| Planned {
            plan: plan(record, self.side(), surface, now, &has),
            record: Record::clone(record),
            surface: Arc::clone(surface),
            unless: Unless::default(),
        };
        let (mut looks, mut writes, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for planned in known.iter().map(plan) {
            match planned.plan {
                Plan::Read => looks.push(planned),
                Plan::Write(_) => writes.push(planned),
                Plan::Nothing | Plan::Locked | Plan::Wait { .. } | Plan::WaitFor(_) => idle.push(planned),
            }
        }
        if busy.held {
            // They stay due, and are written when they are let go.
            busy.passed_over.extend(writes.drain(..).map(|planned| planned.record.key));
        }
        let work = looks.iter().chain(&writes).map(|planned| planned.record.key.clone());
        let work: BTreeSet<RecordKey> = work.collect();
        let mut done: BTreeSet<RecordKey> = due.iter().filter(|key| !work.contains(key)).cloned().collect();
        self.put_off(account, idle, now).await?;
        let (mut writes, linked) =
            identity::before_creates(self, account, writes, &counterparts, now).await?;
        done.extend(linked);
        // Looks settle what is open; then writes, the most important types first.
        writes.sort_by_key(|w| std::cmp::Reverse(w.surface.priority));
        // Nothing of ours is under way: if there is no permit, calls of the dead may hold them, and only a look,
        // which may be due after a hundred writes, can tell that they are over.
        let keys = writes.iter().map(|w| w.record.key.clone());
        let blocked: Vec<RecordKey> =
            if busy.is_alone && looks.is_empty() { keys.collect() } else { Vec::new() };
        let size = self.target.batch_max();
        let batches: Vec<Vec<Planned>> =
            batches(looks, self.side(), size).into_iter().chain(batches(writes, self.side(), size)).collect();
        let (permitted, not_now) = self.permits(account, batches, now, busy).await?;
        let keys = permitted.iter().flat_map(|call| &call.batch).map(|planned| planned.record.key.clone());
        done.extend(keys);
        let started = self.start(account, permitted, &counterparts, now, busy).await?;
        let round = match not_now {
            _ if !started.is_empty() => Round::Started(started),
            // An empty start still made progress: what was stale is planned afresh in the next round.
            None => Round::NotBefore(now),
            // Nobody may call before then, whatever for.
            Some(NotNow { at, why: Why::BackingOff }) => Round::NotBefore(at),
            Some(NotNow { at, why }) if !blocked.is_empty() => {
                busy.passed_over.extend(blocked);
                if why == Why::Budget {
                    busy.budget_from = at;
                }
                Round::NotBefore(now)
            }
            Some(NotNow { at, .. }) => Round::NotBefore(at),
        };
        Ok((round, done))
    }

    /// Stores when to look again at records that cannot be written now.
    async fn put_off(
        &self,
        account: &Account,
        idle: Vec<Planned>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let side = self.side();
        let commits = idle.into_iter().map(|Planned { mut record, surface, plan, .. }| {
            let known = record.sides[side].due.take();
            let attempts = known.as_ref().map_or(0, |d| d.attempts);
            let mut commit = Commit::new(account.id.clone());
            record.sides[side].due = match plan {
                Plan::Wait { until } => Some(Due { at: until, reason: DueReason::Unsettled, attempts }),
                Plan::WaitFor(missing) => {
                    let since = match known.map(|d| d.reason) {
                        Some(DueReason::WaitingFor { id, since, .. }) if id == missing.id => since,
                        _ => now,
                    };
                    if now >= since.plus(surface.reference_wait_ms) {
                        let error = settle::waited_too_long(&mut record, side, &missing, now);
                        self.ports.metrics.error(&error.class);
                        commit.notices.push(Notice::of_new_error(&error, now));
                        commit.errors.push(error);
                        None
                    } else {
                        // A link wakes it at once; the time is for the one that came between plan and commit.
                        let reason =
                            DueReason::WaitingFor { record_type: missing.record_type, id: missing.id, since };
                        Some(Due {
                            at: now.plus(surface.reference_wait_ms.min(PATIENCE_MS)),
                            reason,
                            attempts,
                        })
                    }
                }
                _ => None,
            };
            if record.sides[side].due.is_none() {
                record.sides[side].behind = None;
            }
            commit.record = Some(record);
            commit
        });
        let commits: Vec<Commit> = commits.collect();
        if !commits.is_empty() {
            self.ports.state.commit(commits).await?;
        }
        Ok(())
    }
}

/// Does `work` while the calls go on: one that stood still in the middle of a transaction would hold rows that
/// `work` waits for. Answers as well with what the calls were about that have ended meanwhile.
async fn beside<T>(calls: &mut Calls, work: impl Future<Output = T>) -> (T, Vec<RecordKey>) {
    let (mut work, mut done) = (pin!(work), Vec::new());
    while !calls.is_empty() {
        match select(work.as_mut(), calls.next()).await {
            Either::Left((result, _)) => return (result, done),
            Either::Right((ended, _)) => done.extend(ended.into_iter().flatten()),
        }
    }
    (work.await, done)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use futures::lock::Mutex;

    use super::*;

    #[test]
    fn a_call_goes_on_while_the_next_round_waits_for_what_it_holds() {
        let row = Arc::new(Mutex::new(()));
        let held = Arc::clone(&row);
        let (go_on, told) = futures::channel::oneshot::channel::<()>();
        let call: BoxFuture<Vec<RecordKey>> = Box::pin(async move {
            let _row = held.lock().await;
            let _ = told.await;
            Vec::new()
        });
        let mut calls: Calls = [call].into_iter().collect();
        assert!(calls.next().now_or_never().is_none(), "it holds the row and waits for its answer");
        go_on.send(()).unwrap();
        let round = async { drop(row.lock().await) };
        assert!(beside(&mut calls, round).now_or_never().is_some(), "the round waits for ever");
    }
}
