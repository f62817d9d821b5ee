//! The calls of one round: permits, intents, and what is sent.

use std::sync::Arc;

use uuid::Uuid;

use super::drain::{Busy, GLANCE_MS, LEASE_MS};
use super::settle::{self, Ask, Job};
use super::translate::Counterparts;
use super::{CallFault, LookCall, WriteCall, Writer};
use crate::domain::governance::{Call, CallEnd, NotNow, Purpose, Why};
use crate::domain::id::{RecordKey, Side, Timestamp};
use crate::domain::identity::Unless;
use crate::domain::plan::{CALL_LANDS_WITHIN_MS, Plan, SEND_WITHIN_MS, intend};
use crate::domain::record::{Due, DueReason, Record};
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;
use crate::runtime::clock::BoxFuture;
use crate::state::{Commit, Verdict};

/// The intent of a call whose drainer has died is found after so long, ms. The drainer that lives waits for its
/// own calls; without the buffer two may get in each other's way.
const ORPHANED_AFTER_MS: i64 = LEASE_MS + 10_000;

/// Records whose writes to a target without governance are under way at once: as many as its database takes in
/// parallel. More would wait there with their intents open.
pub(super) const UNGOVERNED_MAX: usize = 64;

/// What a planned record needs.
pub(super) struct Planned {
    pub(super) record: Record,
    pub(super) surface: Arc<TypeSurface>,
    pub(super) plan: Plan,
    /// Records that forbid a create.
    pub(super) unless: Unless,
}

/// What one call is about, if it may be made.
pub(super) struct Permitted {
    call: Uuid,
    pub(super) batch: Vec<Planned>,
}

impl Permitted {
    fn ask(&self, now: Timestamp) -> Call {
        let priority = |p: &Planned| matches!(p.plan, Plan::Write(_)).then_some(p.surface.priority);
        let purpose = self.batch.iter().filter_map(priority).max().map_or(Purpose::Look, Purpose::Write);
        let writes = self.batch.iter().filter_map(priority).count() as u32;
        Call { id: self.call, purpose, now, until: now.plus(CALL_LANDS_WITHIN_MS), writes }
    }
}

impl Writer {
    /// Gets permits for as many of these batches as there are, from the first. Second: why the next has none.
    pub(super) async fn permits(
        &self,
        account: &Account,
        batches: Vec<Vec<Planned>>,
        now: Timestamp,
        busy: &Busy,
    ) -> Result<(Vec<Permitted>, Option<NotNow>), Unavailable> {
        let permitted = batches.into_iter().map(|batch| Permitted { call: self.ports.ids.draw(), batch });
        let mut permitted: Vec<Permitted> = permitted.collect();
        if permitted.is_empty() {
            return Ok((permitted, None));
        }
        let (granted, not_now) = if self.target.is_governed() {
            let asks: Vec<Call> = permitted.iter().map(|permitted| permitted.ask(now)).collect();
            let begun = self.ports.state.begin_calls(&account.id, &asks, &account.limits).await?;
            (begun.granted, begun.not_now)
        } else {
            let mut under_way = busy.under_way.len();
            let fits = |permitted: &&Permitted| {
                let fits = under_way < UNGOVERNED_MAX;
                under_way += permitted.batch.len();
                fits
            };
            let granted = permitted.iter().take_while(fits).count();
            let not_now = NotNow { at: now.plus(GLANCE_MS), why: Why::Saturated };
            (granted, (granted < permitted.len()).then_some(not_now))
        };
        permitted.truncate(granted);
        Ok((permitted, not_now))
    }

    /// Stores the intents and makes the calls.
    pub(super) async fn start(
        &self,
        account: &Account,
        permitted: Vec<Permitted>,
        counterparts: &Counterparts,
        now: Timestamp,
        busy: &mut Busy,
    ) -> Result<Vec<BoxFuture<Vec<RecordKey>>>, Unavailable> {
        let ids: Vec<Uuid> = permitted.iter().map(|permitted| permitted.call).collect();
        let calls = match self.intend(account, permitted, counterparts, now, busy).await {
            Ok(calls) => calls,
            Err(error) => {
                for call in ids {
                    self.end(account, call, CallEnd::NotMade).await;
                }
                return Err(error);
            }
        };
        let mut started: Vec<BoxFuture<Vec<RecordKey>>> = Vec::with_capacity(calls.len());
        for (call, jobs) in calls {
            if jobs.is_empty() {
                self.end(account, call, CallEnd::NotMade).await;
                continue;
            }
            let keys: Vec<RecordKey> = jobs.iter().map(|job| job.record.key.clone()).collect();
            busy.under_way.extend(keys.iter().cloned());
            let (writer, account) = (self.clone(), account.clone());
            started.push(Box::pin(async move {
                writer.call(&account, call, jobs, now).await;
                keys
            }));
        }
        Ok(started)
    }

    /// Stores an intent for each write of these calls: before them, so that whoever comes after a crash knows of it.
    async fn intend(
        &self,
        account: &Account,
        permitted: Vec<Permitted>,
        counterparts: &Counterparts,
        now: Timestamp,
        busy: &mut Busy,
    ) -> Result<Vec<(Uuid, Vec<Job>)>, Unavailable> {
        let (mut calls, mut commits) = (Vec::with_capacity(permitted.len()), Vec::new());
        for Permitted { call, batch } in permitted {
            let (size, mut jobs) = (batch.len(), Vec::with_capacity(batch.len()));
            for (nth, planned) in batch.into_iter().enumerate() {
                let last_of = (nth + 1 == size).then_some(call);
                let (job, intent) = self.job(account, planned, last_of, counterparts, now);
                jobs.push(job);
                commits.extend(intent);
            }
            calls.push((call, jobs));
        }
        if commits.is_empty() {
            return Ok(calls);
        }
        let mut verdicts = self.ports.state.commit(commits).await?.into_iter();
        // What has moved on is planned afresh in the next round.
        let mut stands = |job: &Job| match verdicts.next() {
            Some(Verdict::Committed(_)) => true,
            Some(Verdict::Refused(why)) => {
                tracing::error!(record = %job.record.key, why, "an intent cannot be stored");
                busy.passed_over.insert(job.record.key.clone());
                false
            }
            _ => false,
        };
        for (_, jobs) in &mut calls {
            jobs.retain(|job| job.write().is_none() || stands(job));
        }
        Ok(calls)
    }

    /// A planned record's part of a call, and the commit that stores its intent if it is a write. `last_of`: the call
    /// whose last write it is.
    fn job(
        &self,
        account: &Account,
        planned: Planned,
        last_of: Option<Uuid>,
        counterparts: &Counterparts,
        now: Timestamp,
    ) -> (Job, Option<Commit>) {
        let Planned { mut record, surface, plan, unless } = planned;
        let side = self.side();
        let (id, revision) = (record.sides[side].id.clone(), record.sides[side].newest());
        let canonical = record.key.id.clone();
        let Plan::Write(write) = plan else {
            let operations = record.sides[side].calls_in_doubt();
            let look = LookCall { surface: Arc::clone(&surface), canonical, id, operations };
            return (Job { record, surface, ask: Ask::Look(look), asked: now }, None);
        };
        let intent = intend(&mut record, side, write, now, ORPHANED_AFTER_MS);
        if let Some(stored) = &mut record.sides[side].intent {
            stored.last_of = last_of;
        }
        let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts);
        record.sides[side].due = Some(Due { at: intent.deadline, reason: DueReason::Unsettled, attempts });
        let write = WriteCall {
            surface: Arc::clone(&surface),
            canonical,
            id,
            revision,
            operation: intent.operation,
            verb: intent.verb,
            expected: counterparts.render(&intent.expected, side, &surface),
            values: counterparts.render(&intent.wanted, side, &surface),
            unless,
        };
        let commit = Commit { record: Some(record.clone()), ..Commit::new(account.id.clone()) };
        record.row_revision += 1;
        (Job { record, surface, ask: Ask::Write(write), asked: now }, Some(commit))
    }

    async fn call(&self, account: &Account, call: Uuid, jobs: Vec<Job>, started: Timestamp) {
        let writes: Vec<WriteCall> = jobs.iter().filter_map(Job::write).cloned().collect();
        let result = if self.ports.clock.now().0 - started.0 > SEND_WITHIN_MS {
            Err(CallFault::new(CallEnd::NotMade, "this instance was paused before the call"))
        } else if writes.is_empty() {
            let looks: Vec<LookCall> = jobs.iter().filter_map(Job::look).cloned().collect();
            self.target.look(account, &looks).await
        } else {
            self.target.write(account, &writes).await
        };
        let end = result.as_ref().map_or_else(|fault| fault.end, |_| CallEnd::Answered);
        self.ports.metrics.call(self.side(), end_name(end));
        self.end(account, call, end).await;
        if let Err(error) = settle::batch(self, account, jobs, result).await {
            // The intents are stored: at their deadline somebody looks.
            tracing::warn!(%error, "replies not stored; they will be read back");
        }
    }
}

/// Batches of at most `size`. What has failed before goes alone: one poison record cannot take others along.
pub(super) fn batches(planned: Vec<Planned>, side: Side, size: usize) -> Vec<Vec<Planned>> {
    let failed = |p: &Planned| {
        let state = &p.record.sides[side];
        state.cut > 0 || state.due.as_ref().is_some_and(|due| due.attempts > 0)
    };
    let (alone, together): (Vec<_>, Vec<_>) = planned.into_iter().partition(failed);
    let mut batches: Vec<Vec<Planned>> = Vec::new();
    for one in together {
        match batches.last_mut() {
            Some(last) if last.len() < size => last.push(one),
            _ => batches.push(vec![one]),
        }
    }
    batches.extend(alone.into_iter().map(|one| vec![one]));
    batches
}

fn end_name(end: CallEnd) -> &'static str {
    match end {
        CallEnd::Answered => "answered",
        CallEnd::Overload => "overload",
        CallEnd::Auth => "auth",
        CallEnd::Unclear => "unclear",
        CallEnd::Unknown => "unknown",
        CallEnd::NotMade => "not_made",
        CallEnd::Over => "over",
    }
}
