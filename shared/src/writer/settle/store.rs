//! Commits what answers made of the records, with its trace in ledger, history and audit.

use serde_json::json;
use uuid::Uuid;

use super::Job;
use super::answer::Outcome;
use super::errors::{entry, unstorable};
use crate::announce;
use crate::domain::absorb::reply_cause;
use crate::domain::governance::{backoff_ms, dice};
use crate::domain::id::{CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp, derived_id};
use crate::domain::merged::MergedEvent;
use crate::domain::plan::has_work;
use crate::domain::record::{Due, DueReason, Lock, Presence, Record};
use crate::domain::settle::unsettle;
use crate::domain::surface::Account;
use crate::fault::Unavailable;
use crate::history;
use crate::ledger::{Appended, Entry};
use crate::state::{AuditRow, Commit, LinkChange, Notice, PendingRow, Place, Subject, Verdict};
use crate::travel;
use crate::writer::{Writer, identity};

/// Commits what became of a call's records. One that others have committed to meanwhile is looked at again.
pub(super) async fn store(
    writer: &Writer,
    account: &Account,
    settled: Vec<(Job, Outcome)>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let (ports, other) = (&writer.ports, writer.target.side().other());
    let (settled, refused) = note_news(writer, account, settled, now).await?;
    for (job, why) in refused {
        file_unstorable(writer, account, &job.record, &why, now).await?;
    }
    let (mut commits, mut rest) = (Vec::with_capacity(settled.len()), Vec::with_capacity(settled.len()));
    for Noted { job, mut outcome, cause } in settled {
        let closed = identity::over(writer, &mut outcome.record, &job.surface, now).await?;
        let changed = outcome.report.decisions.iter().filter_map(|d| d.field);
        let merged = has_work(&outcome.record, other, &job.surface, now)
            .then(|| MergedEvent::new(&outcome.record, changed, &[], vec![other], &job.surface));
        let mut commit = commit_of(writer, account, &job, outcome, cause, now);
        commit.ambiguities.extend(closed);
        let claimed = commit.links.iter().find_map(|link| match link {
            LinkChange::Set(_, id) => Some(id.clone()),
            LinkChange::Alias(..) | LinkChange::Retire(..) => None,
        });
        rest.push((job, merged, commit.audit.clone(), claimed));
        commits.push(commit);
    }
    let verdicts = ports.state.commit(commits).await?;
    let mut news = Vec::new();
    for (verdict, (job, merged, audit, claimed)) in verdicts.into_iter().zip(rest) {
        match verdict {
            Verdict::Committed(woken) => {
                for travel in audit.iter().filter_map(travel::of) {
                    ports.metrics.latency(travel::path_to(writer.target.side()), travel.arrived_ms);
                }
                wake(writer, account, woken, now).await;
                news.extend(merged);
            }
            Verdict::LinkTaken(taken_by) => join(writer, account, job, (taken_by, claimed), now).await?,
            Verdict::Stale => look_again(writer, account, &job, audit, now).await?,
            Verdict::Refused(why) => file_unstorable(writer, account, &job.record, &why, now).await?,
        }
    }
    // Lost, it costs latency: the other side is due.
    let _ = announce::merged(ports, &news).await;
    Ok(())
}

/// An outcome whose news, if it brought any, is in the ledger.
struct Noted {
    job: Job,
    outcome: Outcome,
    cause: Option<Uuid>,
}

/// News that no event brought is a ledger event too: what the history names must be there. Nothing is decided on
/// news that cannot be kept: second, the jobs that brought such, with the reason.
async fn note_news(
    writer: &Writer,
    account: &Account,
    settled: Vec<(Job, Outcome)>,
    now: Timestamp,
) -> Result<(Vec<Noted>, Vec<(Job, String)>), Unavailable> {
    let ports = &writer.ports;
    let entry = |(job, outcome): &(Job, Outcome)| {
        (!outcome.report.decisions.is_empty()).then(|| entry_of(writer, job, outcome, now))
    };
    let entries: Vec<Option<Entry>> = settled.iter().map(entry).collect();
    let told: Vec<Entry> = entries.iter().flatten().cloned().collect();
    if told.is_empty() {
        let plain = |(job, outcome)| Noted { job, outcome, cause: None };
        return Ok((settled.into_iter().map(plain).collect(), Vec::new()));
    }
    let mut appended = ports.ledger.append(told).await?.into_iter();
    let (mut noted, mut rows, mut refused) = (Vec::with_capacity(settled.len()), Vec::new(), Vec::new());
    for ((job, outcome), entry) in settled.into_iter().zip(entries) {
        let Some(entry) = entry else {
            noted.push(Noted { job, outcome, cause: None });
            continue;
        };
        if let Some(Appended::Refused(reason)) = appended.next() {
            refused.push((job, reason));
            continue;
        }
        rows.push(PendingRow {
            account: account.id.clone(),
            record_type: entry.record_type,
            subject: Subject::Canonical(outcome.record.key.id.clone()),
            event_id: entry.event_id,
            arrived_at: now,
            // Applied by the commit that follows; overtaken, if that finds the record moved on.
            place: Place::Superseded,
        });
        noted.push(Noted { job, outcome, cause: Some(entry.event_id) });
    }
    ports.state.enqueue(rows).await?;
    Ok((noted, refused))
}

/// What a reply told, as a ledger event.
fn entry_of(writer: &Writer, job: &Job, outcome: &Outcome, now: Timestamp) -> Entry {
    let (side, key) = (writer.target.side(), &outcome.record.key);
    let row = job.record.row_revision.to_string();
    let cause = match job.write() {
        Some(write) => reply_cause(write.operation),
        None => derived_id("look", &[&key.to_string(), side.as_str(), &row]),
    };
    let id = outcome.shown.as_ref().map(|s| s.id.clone()).or(job.record.sides[side].id.clone());
    let id = id.map_or_else(|| key.id.to_string(), |id| id.to_string());
    let operation = if outcome.report.retired.is_some() { "delete" } else { "update" };
    let body = json!({
        "eventId": cause, "accountId": key.account, "recordType": key.record_type, "recordId": id,
        "source": "reconcile", "operation": operation,
        "timestamp": now, "revision": outcome.shown.as_ref().map(|s| s.revision),
        "orderingKey": key.to_string(), "metadata": { "side": side, "reply": outcome.name },
        "payload": { "changes": outcome.shown.as_ref().map(|s| s.values.clone()).unwrap_or_default(), "full": true },
    });
    Entry {
        account: key.account.clone(),
        event_id: cause,
        record_type: key.record_type.clone(),
        record_id: id,
        source: "reconcile",
        operation,
        occurred_at: now,
        payload: body.to_string().into(),
    }
}

fn commit_of(
    writer: &Writer,
    account: &Account,
    job: &Job,
    outcome: Outcome,
    cause: Option<Uuid>,
    now: Timestamp,
) -> Commit {
    let (ports, side) = (&writer.ports, writer.target.side());
    let Outcome { name, record, report, errors, mut links, details, arrived, .. } = outcome;
    let mut commit = Commit::new(account.id.clone());
    links.extend(report.retired.clone().map(|retired| LinkChange::Retire(side, retired)));
    commit.links = links;
    if let Some(cause) = cause {
        commit.places.push((cause, Place::Applied));
        let source = if job.write().is_some() { "reply" } else { "read" };
        commit.history.push(history::row(&record, &report, source, None, vec![cause], now, &job.surface));
    }
    if let Some(write) = job.write() {
        let mut details = json!({ "operation": write.operation, "target": side, "details": details });
        if let Some(arrived) = arrived {
            travel::note(&mut details, arrived);
        }
        commit.audit.push(AuditRow {
            at: now,
            actor: travel::writer_to(side),
            action: name.into(),
            subject: record.key.to_string(),
            details,
        });
    }
    for error in &errors {
        ports.metrics.error(&error.class);
        commit.notices.push(Notice::of_new_error(error, now));
    }
    commit.errors = errors;
    commit.record = Some(record);
    commit
}

/// Has merge look at what a commit has woken. Lost, it costs latency: the tick finds them.
pub(in crate::writer) async fn wake(
    writer: &Writer,
    account: &Account,
    woken: Vec<(RecordType, Subject)>,
    now: Timestamp,
) {
    let (ports, rules) = (&writer.ports, &writer.ports.config.coalescing);
    for (kind, subject) in woken {
        let _ = ports.buffer.note(&account.id, &subject.to_text(&kind), now, true, rules).await;
    }
}

/// Others committed while the call was under way: its answer is no longer the last word. A look settles it.
pub(in crate::writer) async fn look_again(
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
        // To say again what the record says already would overtake whoever looks at it right now, who would do the same
        // to us, for ever.
        if is_to_be_looked_at(&record, side, now) {
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

/// Whether a look at the record's open write is due by now.
fn is_to_be_looked_at(record: &Record, side: Side, now: Timestamp) -> bool {
    let state = &record.sides[side];
    let is_over = state.intent.as_ref().is_some_and(|intent| intent.deadline <= now);
    let is_due = |due: &Due| due.reason == DueReason::Unsettled && due.at <= now;
    is_over && state.due.as_ref().is_some_and(is_due)
}

/// What the target told cannot be stored: a person must look. The record stays as it was, its intent open, and is
/// looked at again after a while.
pub(in crate::writer) async fn file_unstorable(
    writer: &Writer,
    account: &Account,
    record: &Record,
    why: &str,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let (key, side) = (&record.key, writer.target.side());
    let error = unstorable(record, side, why, now);
    writer.ports.metrics.error(&error.class);
    tracing::error!(record = %key, why, "what a reply told cannot be stored");
    let known = writer.ports.state.error(error.id).await?;
    let notices = vec![Notice::of_error(&error.standing(known.as_ref()), now)];
    let record = Some(put_off(record, side, now));
    let commit = Commit { record, errors: vec![error], notices, ..Commit::new(account.id.clone()) };
    // Stale: whoever committed has said what is to be done next.
    writer.ports.state.commit(vec![commit]).await?;
    Ok(())
}

/// The record, due again for `side` only after a while, longer each time: at once it would fail at once.
fn put_off(record: &Record, side: Side, now: Timestamp) -> Record {
    let mut record = record.clone();
    let state = &mut record.sides[side];
    let attempts = state.due.as_ref().map_or(0, |due| due.attempts) + 1;
    let reason = if state.intent.is_some() { DueReason::Unsettled } else { DueReason::BackingOff };
    let wait = backoff_ms(attempts, dice(&derived_id("dice", &[&record.key.to_string()])));
    state.due = Some(Due { at: now.plus(wait), reason, attempts });
    record
}

/// The created record, `claimed` by its id, is known already, as another record: news of it came before the link. If that
/// other has no life of its own it becomes an alias, and the target is looked at again; else a person must choose. The other
/// may not even know its id: what was told of it waits for a record that it refers to.
async fn join(
    writer: &Writer,
    account: &Account,
    job: Job,
    (other, claimed): (CanonicalId, Option<SideId>),
    now: Timestamp,
) -> Result<(), Unavailable> {
    let side = writer.target.side();
    let ports = &writer.ports;
    let key = &job.record.key;
    let other_key = RecordKey::new(key.account.clone(), key.record_type.clone(), other.clone());
    let loaded = ports.state.load(&[key.clone(), other_key]).await?;
    let [Some(mine), Some(twin)] = &loaded[..] else { return Ok(()) };
    let mut record = Record::clone(mine);
    let twin_elsewhere = &twin.sides[side.other()];
    let mut commit = Commit::new(account.id.clone());
    let is_free = twin_elsewhere.id.is_none() && twin_elsewhere.intent.is_none();
    if is_free && twin.key != record.key && twin.why_unreadable().is_none() {
        if let Some(id) = twin.sides[side].id.as_ref().or(claimed.as_ref()) {
            let state = &mut record.sides[side];
            (state.id, state.presence, state.wants_read) = (Some(id.clone()), Presence::There, true);
            identity::alias(&mut commit, twin, side, now);
            commit.links.push(LinkChange::Set(side, id.clone()));
        }
        unsettle(&mut record, side, now);
        commit.ambiguities.extend(identity::over(writer, &mut record, &job.surface, now).await?);
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
        let error = entry(&record, id, "identity", "DUPLICATE_IDENTITY", &message, hint, now);
        ports.metrics.error(&error.class);
        commit.notices.push(Notice::of_new_error(&error, now));
        commit.errors.push(error);
    }
    commit.record = Some(record);
    ports.state.commit(vec![commit]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::AccountId;
    use crate::domain::surface::SyncConfig;

    #[test]
    fn what_cannot_be_stored_is_looked_at_again_later_and_later() {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
        let surface = config.surface(&account, &kind).unwrap();
        let key = RecordKey::new(account, kind, CanonicalId::parse("sx-1").unwrap());
        let (mut record, now) = (Record::new(key, surface), Timestamp(1_000));
        let mut waits = Vec::new();
        for attempts in 1..5 {
            record = put_off(&record, Side::NetSuite, now);
            let due = record.sides.netsuite.due.clone().expect("it stays due");
            assert_eq!((due.attempts, due.reason), (attempts, DueReason::BackingOff));
            waits.push(due.at.0 - now.0);
        }
        assert!(waits[0] > 0 && waits.is_sorted() && waits[0] < waits[3], "{waits:?}");
    }
}
