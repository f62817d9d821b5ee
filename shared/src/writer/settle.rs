//! What a call's answers make of the records: settle, then one commit each, if nothing else was committed
//! since the call began. That makes an answer authoritative; otherwise a look follows.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::drain::Writer;
use super::translate::{self, Read};
use super::{Answer, CallFault, LookCall, Refusal, Shown, WriteCall};
use crate::announce;
use crate::breakage::{self, Breakage};
use crate::domain::absorb::reply_cause;
use crate::domain::governance::{CallEnd, backoff_ms, dice};
use crate::domain::id::{Side, Timestamp, derived_id};
use crate::domain::plan::{has_work, reschedule};
use crate::domain::record::{Due, DueReason, Lock, Presence, Record};
use crate::domain::report::Report;
use crate::domain::settle::{Reply, settle, unsettle};
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;
use crate::history;
use crate::ledger::{Appended, Entry};
use crate::state::{
    AuditRow, Commit, ErrorEntry, ErrorStatus, LinkChange, Notice, PendingRow, Place, Subject, Verdict,
};

/// A record on its way through a call.
pub(super) struct Job {
    /// The record as it was committed before the call.
    pub(super) record: Record,
    /// Its type.
    pub(super) surface: Arc<TypeSurface>,
    /// What is asked of the target.
    pub(super) ask: Ask,
    /// When the call began: what it shows may have changed since.
    pub(super) asked: Timestamp,
}

/// A record's part of a call.
pub(super) enum Ask {
    Write(WriteCall),
    Look(LookCall),
}

impl Job {
    /// The write, unless it is a look.
    pub(super) fn write(&self) -> Option<&WriteCall> {
        match &self.ask {
            Ask::Write(write) => Some(write),
            Ask::Look(_) => None,
        }
    }

    /// The look, unless it is a write.
    pub(super) fn look(&self) -> Option<&LookCall> {
        match &self.ask {
            Ask::Write(_) => None,
            Ask::Look(look) => Some(look),
        }
    }
}

/// Stores what a call brought, for each of its records.
pub(super) async fn batch(
    writer: &Writer,
    account: &Account,
    jobs: Vec<Job>,
    result: Result<Vec<Answer>, CallFault>,
) -> Result<(), Unavailable> {
    let answers: Vec<Result<Answer, CallFault>> = match result {
        // An answer that is missing is unknown, like a call without one.
        Ok(answers) => {
            let missing = || CallFault { end: CallEnd::Unclear, why: "the answer lacks this record".into() };
            answers
                .into_iter()
                .map(Ok)
                .chain(std::iter::repeat_with(|| Err(missing())))
                .take(jobs.len())
                .collect()
        }
        Err(fault) => jobs.iter().map(|_| Err(fault.clone())).collect(),
    };
    for (job, answer) in jobs.into_iter().zip(answers) {
        one(writer, account, job, answer).await?;
    }
    Ok(())
}

async fn one(
    writer: &Writer,
    account: &Account,
    job: Job,
    answer: Result<Answer, CallFault>,
) -> Result<(), Unavailable> {
    let now = writer.ports.clock.now();
    let over = answer.as_ref().ok().and_then(|answer| call_found_over(writer, &job, answer));
    let outcome = match answer {
        Ok(answer) => answered(writer, account, &job, answer, now).await?,
        Err(fault) => failed(writer, &job, &fault, now),
    };
    writer.ports.metrics.write(writer.target.side(), outcome.name);
    store(writer, account, job, outcome, now).await?;
    if let Some(call) = over {
        writer.end(account, call, CallEnd::Over).await;
    }
    Ok(())
}

/// The call of which nobody heard, when this look found its last write done.
fn call_found_over(writer: &Writer, job: &Job, answer: &Answer) -> Option<Uuid> {
    let intent = job.record.sides[writer.target.side()].intent.as_ref().filter(|_| job.write().is_none())?;
    let found = matches!(answer, Answer::Looked { held, .. } if held.contains_key(&intent.operation));
    intent.last_of.filter(|_| found)
}

/// What an answer made of a record, ready to be committed.
struct Outcome {
    name: &'static str,
    record: Record,
    report: Report,
    errors: Vec<ErrorEntry>,
    /// Links to store: the id of a created record.
    links: Vec<LinkChange>,
    /// What the target said, for the ledger, when it brought news.
    shown: Option<Shown>,
    details: serde_json::Value,
}

impl Outcome {
    fn new(name: &'static str, record: Record, report: Report) -> Self {
        let details = serde_json::Value::Null;
        Self { name, record, report, errors: Vec::new(), links: Vec::new(), shown: None, details }
    }
}

/// The call as a whole went wrong.
fn failed(writer: &Writer, job: &Job, fault: &CallFault, now: Timestamp) -> Outcome {
    let side = writer.target.side();
    let mut record = job.record.clone();
    let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts) + 1;
    let roll = dice(&derived_id("dice", &[&record.key.to_string(), &record.row_revision.to_string()]));
    let unknown = fault.end.is_doubtful() && !breakage::on(Breakage::NoReadBack);
    let report = if unknown || job.write().is_none() {
        unsettle(&mut record, side, now);
        Report::of(Some(side))
    } else {
        settle(&mut record, side, Reply::NotDone, now, &job.surface)
    };
    // The account's own backing off is governance's; the record only has to come again.
    let (wait, attempts, reason) = match (fault.end, unknown) {
        (CallEnd::Overload | CallEnd::Auth | CallEnd::NotMade | CallEnd::Over, _) => {
            (1_000, attempts - 1, DueReason::BackingOff)
        }
        (_, true) if attempts == 1 => (1_000, attempts, DueReason::Unsettled),
        (_, true) => (backoff_ms(attempts - 1, roll), attempts, DueReason::Unsettled),
        (_, false) => (backoff_ms(attempts, roll), attempts, DueReason::BackingOff),
    };
    record.sides[side].due = Some(Due { at: now.plus(wait), reason, attempts });
    let mut outcome = Outcome::new("call_failed", record, report);
    outcome.details = json!({ "why": fault.why });
    outcome
}

async fn answered(
    writer: &Writer,
    account: &Account,
    job: &Job,
    answer: Answer,
    now: Timestamp,
) -> Result<Outcome, Unavailable> {
    let side = writer.target.side();
    let state = &*writer.ports.state;
    let mut record = job.record.clone();
    let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts);
    let mut errors = Vec::new();
    let (name, reply, shown) = match answer {
        Answer::Applied(None) => ("deleted", Reply::Applied(None), None),
        Answer::Applied(Some(shown)) => {
            let read = translate::read(state, &account.id, side, &job.surface, &shown.values).await?;
            let complete = !read.unresolved;
            let values = readable(&mut record, side, read, &job.surface, now, &mut errors);
            ("applied", Reply::Applied(Some(translate::seen(&shown, values, complete))), Some(shown))
        }
        Answer::Looked { shown, held } => {
            let read = translate::read(state, &account.id, side, &job.surface, &shown.values).await?;
            let complete = !read.unresolved;
            let values = readable(&mut record, side, read, &job.surface, now, &mut errors);
            let seen = translate::seen(&shown, values, complete);
            match job.look() {
                None => ("mismatch", Reply::Mismatch(seen), Some(shown)),
                Some(look) => {
                    let mut calls = Vec::new();
                    for call in &look.operations {
                        let Some(held) = held.get(call) else { continue };
                        let read = translate::read(state, &account.id, side, &job.surface, held).await?;
                        calls.push((*call, read.values));
                    }
                    ("looked", Reply::Looked { seen, held: calls }, Some(shown))
                }
            }
        }
        Answer::Gone(revision) => ("gone", Reply::Gone(revision), None),
        Answer::Missing => ("missing", Reply::Missing, None),
        Answer::Refused(refusal) => return Ok(refused(writer, account, job, refusal, now)),
        Answer::NotTried => ("not_tried", Reply::NotDone, None),
    };
    let is_missing = matches!(reply, Reply::Missing) && record.sides[side].presence == Presence::There;
    let was_applied = matches!(reply, Reply::Applied(_));
    let report = settle(&mut record, side, reply, job.asked, &job.surface);
    if is_missing {
        errors.push(missing(&mut record, side, now));
    }
    for field in &report.not_persisted {
        errors.push(not_persisted(&record, side, *field, &job.surface, now));
    }
    record.sides[side].due = None;
    reschedule(&mut record, &job.surface, now);
    let looks_again = record.sides[side].seen.is_none() || record.sides[side].wants_read;
    if !was_applied && report.decisions.is_empty() && (job.write().is_some() || looks_again) {
        // The target did not take it, or could not be understood, and told nothing new: not at once again.
        let wait = backoff_ms(attempts + 1, dice(&derived_id("dice", &[&record.key.to_string()])));
        if let Some(due) = &mut record.sides[side].due {
            *due = Due { at: now.plus(wait), reason: DueReason::BackingOff, attempts: attempts + 1 };
        }
    }
    let links = match (&record.sides[side].id, &job.record.sides[side].id) {
        (Some(id), before) if before.as_ref() != Some(id) => vec![LinkChange::Set(side, id.clone())],
        _ => Vec::new(),
    };
    let mut outcome = Outcome::new(name, record, report);
    (outcome.errors, outcome.links, outcome.shown) = (errors, links, shown);
    Ok(outcome)
}

/// Takes what could be read of an answer; each field that could not is an error and locked, for writing it
/// would overwrite something that we don't understand.
fn readable(
    record: &mut Record,
    side: Side,
    read: Read,
    surface: &TypeSurface,
    now: Timestamp,
    errors: &mut Vec<ErrorEntry>,
) -> Vec<(crate::domain::surface::FieldIx, crate::domain::value::Value)> {
    for (field, error) in read.errors {
        let name = surface.fields[field].name.to_string();
        let id = derived_id("unreadable", &[&record.key.to_string(), side.as_str(), &name]);
        if !record.locks.iter().any(|l| l.error == id) {
            let reason = format!("{side} holds a value that {name} cannot take");
            record.locks.push(Lock { field: Some(field), error: id, reason, since: now });
        }
        let hint = "Correct the value there, or the field's type in sync.toml, then retry.";
        let mut entry = entry(record, id, "validation", "UNREADABLE_VALUE", &error.to_string(), hint, now);
        entry.field = Some(name);
        errors.push(entry);
    }
    read.values
}

/// The target refuses this record: again later where that may help, else a person must look.
fn refused(writer: &Writer, account: &Account, job: &Job, refusal: Refusal, now: Timestamp) -> Outcome {
    let side = writer.target.side();
    let mut record = job.record.clone();
    let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts) + 1;
    let report = settle(&mut record, side, Reply::NotDone, now, &job.surface);
    let id = derived_id("refused", &[&record.key.to_string(), side.as_str()]);
    let mut errors = Vec::new();
    if refusal.may_pass && attempts < account.limits.max_retry_attempts {
        let wait = backoff_ms(
            attempts,
            dice(&derived_id("dice", &[&record.key.to_string(), &attempts.to_string()])),
        );
        record.sides[side].due = Some(Due { at: now.plus(wait), reason: DueReason::BackingOff, attempts });
    } else {
        let reason = format!("{side} refuses it: {}", refusal.message);
        record.locks.retain(|l| l.error != id);
        record.locks.push(Lock { field: None, error: id, reason, since: now });
        record.sides[side].due = None;
        let mut error = entry(&record, id, "validation", &refusal.code, &refusal.message, refusal.hint, now);
        error.field = refusal.field.as_deref().map(|name| {
            let field = job.surface.field_on(side, name);
            field.map_or_else(|| name.to_string(), |f| job.surface.fields[f].name.to_string())
        });
        error.attempts = attempts;
        errors.push(error);
        reschedule(&mut record, &job.surface, now);
    }
    let mut outcome = Outcome::new("refused", record, report);
    outcome.details = json!({ "code": refusal.code, "message": refusal.message });
    outcome.errors = errors;
    outcome
}

fn missing(record: &mut Record, side: Side, now: Timestamp) -> ErrorEntry {
    let id = derived_id("missing", &[&record.key.to_string(), side.as_str()]);
    record.locks.retain(|l| l.error != id);
    let reason = format!("{side} no longer shows this record");
    record.locks.push(Lock { field: None, error: id, reason: reason.clone(), since: now });
    let hint = "Not being visible is not being deleted: check the role's permissions, then retry.";
    entry(record, id, "missing", "RCRD_DSNT_EXIST", &reason, hint, now)
}

/// A referred record has not come to the target for too long.
pub(super) fn waited_too_long(
    record: &mut Record,
    side: Side,
    missing: &crate::domain::value::Unresolved,
    now: Timestamp,
) -> ErrorEntry {
    let id = derived_id("waiting", &[&record.key.to_string(), side.as_str(), &missing.id]);
    record.locks.retain(|l| l.error != id);
    let message = format!("refers to {} {}, which {side} does not have", missing.record_type, missing.id);
    record.locks.push(Lock { field: None, error: id, reason: message.clone(), since: now });
    let hint = "Bring that record to the other side (see its own conflict or error), or refer to another; then retry.";
    entry(record, id, "waiting", "REFERENCE_MISSING", &message, hint, now)
}

fn not_persisted(
    record: &Record,
    side: Side,
    field: usize,
    surface: &TypeSurface,
    now: Timestamp,
) -> ErrorEntry {
    let id = crate::domain::settle::not_persisted_error(&record.key, side, field);
    let name = surface.fields[field].name.to_string();
    let message = format!("{side} took the write and kept the old value of {name}");
    let hint = "The field may be read-only on that form or for our role. Make it writable, or set its direction in sync.toml, then retry.";
    let mut entry = entry(record, id, "not_persisted", "NOT_PERSISTED", &message, hint, now);
    entry.field = Some(name);
    entry
}

fn entry(
    record: &Record,
    id: Uuid,
    class: &str,
    code: &str,
    message: &str,
    hint: &str,
    now: Timestamp,
) -> ErrorEntry {
    ErrorEntry {
        id,
        account: record.key.account.clone(),
        record: Some(record.key.clone()),
        class: class.into(),
        code: code.into(),
        message: message.into(),
        hint: hint.into(),
        field: None,
        events: Vec::new(),
        payload: None,
        attempts: 1,
        first_at: now,
        last_at: now,
        status: ErrorStatus::Open,
    }
}

/// Commits one outcome, with its trace in ledger, history and audit.
async fn store(
    writer: &Writer,
    account: &Account,
    job: Job,
    outcome: Outcome,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let side = writer.target.side();
    let ports = &writer.ports;
    let mut commit = Commit::new(account.id.clone());
    commit.links = outcome.links.clone();
    if let Some(retired) = &outcome.report.retired {
        commit.links.push(LinkChange::Retire(side, retired.clone()));
    }
    if !outcome.report.decisions.is_empty() {
        let cause = note_news(writer, &job, &outcome, now).await?;
        commit.places.push((cause, Place::Applied));
        let source = if job.write().is_some() { "reply" } else { "read" };
        commit.history.push(history::row(
            &outcome.record,
            &outcome.report,
            source,
            None,
            vec![cause],
            now,
            &job.surface,
        ));
    }
    if let Some(write) = job.write() {
        commit.audit.push(AuditRow {
            at: now,
            actor: format!("{side}-writer"),
            action: outcome.name.into(),
            subject: outcome.record.key.to_string(),
            details: json!({ "operation": write.operation, "target": side, "details": outcome.details }),
        });
    }
    for error in &outcome.errors {
        ports.metrics.error(&error.class);
        let text = format!("{}: {}", outcome.record.key, error.message);
        commit.notices.push(Notice {
            id: derived_id("notice", &[&error.id.to_string(), &now.to_string()]),
            at: now,
            topic: "error".into(),
            text,
        });
    }
    commit.errors = outcome.errors;
    commit.record = Some(outcome.record.clone());
    match ports.state.commit(vec![commit.clone()]).await?.pop() {
        Some(Verdict::Committed(woken)) => {
            for (kind, subject) in woken {
                let rules = &ports.config.coalescing;
                let _ = ports.buffer.note(&account.id, &subject.to_text(&kind), now, true, rules).await;
            }
            let other = side.other();
            if has_work(&outcome.record, other, &job.surface, now) {
                let changed: Vec<usize> = outcome.report.decisions.iter().filter_map(|d| d.field).collect();
                // Lost, it costs latency: the other side is due.
                let _ = announce::merged(ports, &outcome.record, &changed, &[], &[other], &job.surface).await;
            }
            Ok(())
        }
        Some(Verdict::LinkTaken(other)) => join(writer, account, job, other, now).await,
        Some(Verdict::Stale) | None => look_again(writer, account, &job, commit.audit, now).await,
    }
}

/// News that no event brought is a ledger event too: what the history names must be there.
async fn note_news(
    writer: &Writer,
    job: &Job,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<Uuid, Unavailable> {
    let (ports, side, key) = (&writer.ports, writer.target.side(), &outcome.record.key);
    let row = job.record.row_revision.to_string();
    let cause = match job.write() {
        Some(write) => reply_cause(write.operation),
        None => derived_id("look", &[&key.to_string(), side.as_str(), &row]),
    };
    let id = outcome.shown.as_ref().map(|s| s.id.clone()).or(job.record.sides[side].id.clone());
    let id = id.map_or_else(|| key.id.to_string(), |id| id.to_string());
    let body = json!({
        "eventId": cause, "accountId": key.account, "recordType": key.record_type, "recordId": id,
        "source": "reconcile", "operation": if outcome.report.retired.is_some() { "delete" } else { "update" },
        "timestamp": now, "revision": outcome.shown.as_ref().map(|s| s.revision),
        "orderingKey": key.to_string(), "metadata": { "side": side, "reply": outcome.name },
        "payload": { "changes": outcome.shown.as_ref().map(|s| s.values.clone()).unwrap_or_default(), "full": true },
    });
    let entry = Entry {
        account: key.account.clone(),
        event_id: cause,
        record_type: key.record_type.clone(),
        record_id: id,
        source: "reconcile",
        operation: if outcome.report.retired.is_some() { "delete" } else { "update" },
        occurred_at: now,
        payload: body.to_string().into(),
    };
    if let Some(Appended::Refused(reason)) = ports.ledger.append(vec![entry]).await?.pop() {
        // Nothing is decided on news that cannot be kept.
        return Err(Unavailable::new("ledger", reason));
    }
    let row = PendingRow {
        account: key.account.clone(),
        record_type: key.record_type.clone(),
        subject: Subject::Canonical(key.id.clone()),
        event_id: cause,
        arrived_at: now,
        // Applied by the commit that follows; overtaken, if that finds the record moved on.
        place: Place::Superseded,
    };
    ports.state.enqueue(vec![row]).await?;
    Ok(cause)
}

/// Others committed while the call was under way: its answer is no longer the last word. A look settles it.
async fn look_again(
    writer: &Writer,
    account: &Account,
    job: &Job,
    audit: Vec<AuditRow>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let side = writer.target.side();
    if !audit.is_empty() {
        // The call was made, whatever became of its news.
        writer.ports.state.commit(vec![Commit { audit, ..Commit::new(account.id.clone()) }]).await?;
    }
    for _ in 0..5 {
        let loaded = writer.ports.state.load(std::slice::from_ref(&job.record.key)).await?.pop().flatten();
        let Some(mut record) = loaded.map(|r| Record::clone(&r)) else { return Ok(()) };
        let open = record.sides[side].intent.as_ref().map(|i| i.operation);
        if open.is_none() || open != job.record.sides[side].intent.as_ref().map(|i| i.operation) {
            return Ok(());
        }
        unsettle(&mut record, side, now);
        let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts);
        record.sides[side].due = Some(Due { at: now, reason: DueReason::Unsettled, attempts });
        let commit = Commit { record: Some(record), ..Commit::new(account.id.clone()) };
        match writer.ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Stale) => {}
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// The created record is known already, as another record: news of it came before the link. If that other has
/// no life of its own it becomes an alias, and the target is looked at again; else a person must choose.
async fn join(
    writer: &Writer,
    account: &Account,
    job: Job,
    other: crate::domain::id::CanonicalId,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let side = writer.target.side();
    let ports = &writer.ports;
    let key = &job.record.key;
    let other_key =
        crate::domain::id::RecordKey::new(key.account.clone(), key.record_type.clone(), other.clone());
    let loaded = ports.state.load(&[key.clone(), other_key]).await?;
    let [Some(mine), Some(twin)] = &loaded[..] else { return Ok(()) };
    let mut record = Record::clone(mine);
    let twin_elsewhere = &twin.sides[side.other()];
    let mut commit = Commit::new(account.id.clone());
    if twin_elsewhere.id.is_none() && twin_elsewhere.intent.is_none() && twin.key != record.key {
        if let Some(id) = &twin.sides[side].id {
            let state = &mut record.sides[side];
            (state.id, state.presence, state.wants_read) = (Some(id.clone()), Presence::There, true);
            commit.links = vec![LinkChange::Alias(other), LinkChange::Set(side, id.clone())];
        }
        unsettle(&mut record, side, now);
        record.sides[side].due = Some(Due { at: now, reason: DueReason::Unsettled, attempts: 0 });
    } else {
        let id = derived_id("identity", &[&key.to_string(), other.as_str()]);
        let message = format!("{side} has one record where we know two: {} and {}", key.id, other);
        record.locks.retain(|l| l.error != id);
        record.locks.push(Lock { field: None, error: id, reason: message.clone(), since: now });
        // It was carried out: what it sent is remembered, so that a later look knows it from an edit.
        record.sides[side].intent = None;
        record.sides[side].due = None;
        let hint = "Merge the two records in SuiteX, or give one of them another external id, then retry.";
        commit.errors.push(entry(&record, id, "identity", "DUPLICATE_IDENTITY", &message, hint, now));
    }
    commit.record = Some(record);
    ports.state.commit(vec![commit]).await?;
    Ok(())
}
