//! Files errors, and locks the record of a message that cannot be read: what it says of itself can no longer
//! be known, so nothing may be written over it.

use std::sync::Arc;

use shared::announce;
use shared::domain::id::{AccountId, RecordKey, RecordType, Side, Timestamp};
use shared::domain::record::{Due, DueReason, Lock, Presence, Record};
use shared::fault::{Fault, Unavailable};
use shared::runtime::Ports;
use shared::state::{Commit, ErrorEntry, Notice, Subject, Verdict};

use crate::classify::Malformed;

/// How often a lock is decided anew because the record moved on meanwhile.
const ATTEMPTS: u32 = 5;

/// Files a malformed message with its bytes, and locks its record if there is one.
pub(crate) async fn malformed(ports: &Ports, malformed: &Malformed, data: &[u8]) -> Result<(), Fault> {
    file(ports, malformed, |record, now| malformed.entry(data, record, now)).await
}

/// Files an error about bytes that whoever reports it could not read, and locks their record if there is one.
pub(crate) async fn reported(ports: &Ports, error: &ErrorEntry, malformed: &Malformed) -> Result<(), Fault> {
    let entry = |record, _| ErrorEntry { record, events: Vec::from_iter(malformed.event), ..error.clone() };
    file(ports, malformed, entry).await
}

async fn file(
    ports: &Ports,
    malformed: &Malformed,
    entry: impl Fn(Option<RecordKey>, Timestamp) -> ErrorEntry,
) -> Result<(), Fault> {
    for _ in 0..ATTEMPTS {
        let now = ports.clock.now();
        let record = match &malformed.record {
            Some((kind, subject)) => find(ports, &malformed.account, kind, subject).await?,
            None => None,
        };
        let error = entry(record.as_ref().map(|r| r.key.clone()), now);
        let lock = Lock { field: None, error: error.id, reason: error.message.clone(), since: now };
        let mut commit = commit_of(ports, error, now).await?;
        commit.record = record.and_then(|record| locked(&record, lock, malformed.told_by(), now));
        if stored(ports, commit).await? {
            return Ok(());
        }
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

/// An error about a record that nobody knew when it was filed, and that is known now: from here on it is that record's, as
/// if it had been filed now. Whether it was so.
pub(crate) async fn adopt(ports: &Ports, error: &ErrorEntry, malformed: &Malformed) -> Result<bool, Fault> {
    let Some((kind, subject)) = &malformed.record else { return Ok(false) };
    for _ in 0..ATTEMPTS {
        let now = ports.clock.now();
        let Some(record) = find(ports, &malformed.account, kind, subject).await? else { return Ok(false) };
        let lock = Lock { field: None, error: error.id, reason: error.message.clone(), since: now };
        let mut commit = Commit::new(error.account.clone());
        // It was not met once more.
        commit.errors.push(ErrorEntry { record: Some(record.key.clone()), attempts: 0, ..error.clone() });
        commit.record = locked(&record, lock, malformed.told_by(), now);
        if stored(ports, commit).await? {
            return Ok(true);
        }
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

/// Has the record of an error looked at on a side, under its lock.
pub(crate) async fn look(ports: &Ports, error: &ErrorEntry, side: Side) -> Result<(), Fault> {
    let Some(key) = &error.record else { return Ok(()) };
    let stored = ports.state.load(std::slice::from_ref(key)).await?.pop().flatten();
    let Some(record) = stored.filter(|record| record.sides[side].presence == Presence::There) else {
        return Ok(());
    };
    let mut record = Record::clone(&record);
    wants_look(&mut record, side, ports.clock.now());
    let (key, version) = (record.key.clone(), record.version);
    let mut commit = Commit::new(error.account.clone());
    commit.record = Some(record);
    match ports.state.commit(vec![commit]).await?.pop() {
        Some(Verdict::Committed(_)) => {}
        // Somebody is at it: the next tick sees what has come of that.
        Some(Verdict::Stale) => return Ok(()),
        Some(Verdict::Refused(_) | Verdict::LinkTaken(_)) | None => {
            return Err(Fault::Broken("a look that the state refuses".into()));
        }
    }
    if let Err(lost) = announce::wake(ports, &key, version, &[side]).await {
        tracing::warn!(%lost, "wake-up not sent; the tick finds the record");
    }
    Ok(())
}

fn wants_look(record: &mut Record, side: Side, now: Timestamp) {
    let state = &mut record.sides[side];
    state.wants_read = true;
    let attempts = state.due.as_ref().map_or(0, |due| due.attempts);
    state.due = Some(Due { at: now, reason: DueReason::Unsettled, attempts });
}

/// Files an error that somebody reports.
pub(crate) async fn report(ports: &Ports, error: ErrorEntry) -> Result<(), Fault> {
    let commit = commit_of(ports, error, ports.clock.now()).await?;
    match stored(ports, commit).await? {
        true => Ok(()),
        false => Err(Fault::Broken("a commit without a record cannot be stale".into())),
    }
}

async fn commit_of(ports: &Ports, error: ErrorEntry, now: Timestamp) -> Result<Commit, Unavailable> {
    let known = ports.state.error(error.id).await?;
    let mut commit = Commit::new(error.account.clone());
    commit.notices.push(Notice::of_error(&error.standing(known.as_ref()), now));
    commit.errors.push(error);
    Ok(commit)
}

/// The record under one more lock, to be looked at where the message came from: the look shows what nobody could read.
/// `None` when it has that lock already, or cannot be read.
fn locked(record: &Record, lock: Lock, told_by: Option<Side>, now: Timestamp) -> Option<Record> {
    // What cannot be read is not written: it waits anyway.
    let has_it = record.why_unreadable().is_some() || record.locks.iter().any(|l| l.error == lock.error);
    (!has_it).then(|| {
        let mut record = record.clone();
        record.locks.push(lock);
        if let Some(side) = told_by.filter(|side| record.sides[*side].presence == Presence::There) {
            wants_look(&mut record, side, now);
        }
        record
    })
}

/// Commits; false when the record has moved on.
async fn stored(ports: &Ports, commit: Commit) -> Result<bool, Fault> {
    let class = commit.errors.first().map(|error| error.class.clone()).unwrap_or_default();
    match ports.state.commit(vec![commit]).await?.pop() {
        Some(Verdict::Committed(_)) => {
            ports.metrics.error(&class);
            Ok(true)
        }
        Some(Verdict::Stale) => Ok(false),
        Some(Verdict::Refused(why)) => Err(Fault::Broken(format!("an error that the state refuses: {why}"))),
        Some(Verdict::LinkTaken(_)) | None => Err(Fault::Broken("filing an error changes no link".into())),
    }
}

async fn find(
    ports: &Ports,
    account: &AccountId,
    kind: &RecordType,
    subject: &Subject,
) -> Result<Option<Arc<Record>>, Unavailable> {
    let id = match subject {
        Subject::Canonical(id) => Some(id.clone()),
        Subject::Side(side, id) => {
            let links = ports.state.links(account, &[(kind.clone(), *side, id.clone())]).await?;
            links.into_iter().next().flatten().map(|link| link.canonical)
        }
    };
    let Some(id) = id else { return Ok(None) };
    let key = RecordKey::new(account.clone(), kind.clone(), id);
    Ok(ports.state.load(&[key]).await?.pop().flatten())
}
