//! What an answer makes of a record. No effects.

use serde_json::json;

use super::errors::{cut_off, entry, missing, not_persisted};
use super::{Job, Shown};
use crate::breakage::{self, Breakage};
use crate::domain::governance::{CallEnd, backoff_ms, dice};
use crate::domain::id::{Side, Timestamp, derived_id};
use crate::domain::plan::reschedule;
use crate::domain::record::{Behind, Due, DueReason, Lock, Presence, Record};
use crate::domain::report::Report;
use crate::domain::settle::{Reply, missing_error, settle, unreadable_error, unsettle};
use crate::domain::surface::{Account, FieldIx, TypeSurface};
use crate::domain::value::Value;
use crate::state::{ErrorEntry, LinkChange};
use crate::writer::translate::{self, CanonicalIds, Read};
use crate::writer::{Answer, CallFault, Refusal};

/// What an answer made of a record, ready to be committed.
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) record: Record,
    pub(super) report: Report,
    pub(super) errors: Vec<ErrorEntry>,
    /// Links to store: the id of a created record.
    pub(super) links: Vec<LinkChange>,
    /// What the target said, for the ledger, when it brought news.
    pub(super) shown: Option<Shown>,
    pub(super) details: serde_json::Value,
    /// The change for which the target had waited, when it has it now.
    pub(super) arrived: Option<Behind>,
}

impl Outcome {
    fn new(name: &'static str, record: Record, report: Report) -> Self {
        let details = serde_json::Value::Null;
        let (errors, links) = (Vec::new(), Vec::new());
        Self { name, record, report, errors, links, shown: None, details, arrived: None }
    }
}

/// The call as a whole went wrong.
pub(super) fn failed(side: Side, account: &Account, job: &Job, fault: &CallFault, now: Timestamp) -> Outcome {
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
    // Each time before, a look got an answer: it is not the account that is in trouble.
    let is_its_own =
        unknown && job.write().is_some() && record.sides[side].cut >= account.limits.max_retry_attempts;
    let told = is_its_own.then(|| cut_off(&record, side, fault, now));
    let mut outcome = Outcome::new("call_failed", record, report);
    outcome.errors.extend(told);
    outcome.details = json!({ "why": fault.why });
    outcome
}

/// The target answered.
pub(super) fn answered(
    side: Side,
    account: &Account,
    job: &Job,
    answer: Answer,
    ids: &CanonicalIds,
    now: Timestamp,
) -> Outcome {
    let mut record = job.record.clone();
    let attempts = record.sides[side].due.as_ref().map_or(0, |d| d.attempts);
    let mut errors = Vec::new();
    let in_doubt = job.look().and(record.sides[side].intent.as_ref()).map(|intent| intent.operation);
    let (name, reply, shown) = match answer {
        Answer::Applied(None) => ("deleted", Reply::Applied(None), None),
        Answer::Applied(Some(shown)) => {
            let read = translate::read(ids, side, &job.surface, &shown.values);
            let complete = !read.unresolved;
            let values = readable(&mut record, side, read, &job.surface, now, &mut errors);
            ("applied", Reply::Applied(Some(translate::seen(&shown, values, complete))), Some(shown))
        }
        Answer::Looked { shown, held } => {
            let read = translate::read(ids, side, &job.surface, &shown.values);
            let complete = !read.unresolved;
            let values = readable(&mut record, side, read, &job.surface, now, &mut errors);
            let seen = translate::seen(&shown, values, complete);
            match job.look() {
                None => ("mismatch", Reply::Mismatch(seen), Some(shown)),
                Some(look) => {
                    let mut calls = Vec::new();
                    for call in &look.operations {
                        let Some(held) = held.get(call) else { continue };
                        let read = translate::read(ids, side, &job.surface, held);
                        calls.push((*call, read.values));
                    }
                    ("looked", Reply::Looked { seen, held: calls }, Some(shown))
                }
            }
        }
        Answer::Gone(revision) => ("gone", Reply::Gone(revision), None),
        Answer::Missing => ("missing", Reply::Missing, None),
        // They are judged before: see [`crate::writer::identity`].
        Answer::Twins(_) => ("not_tried", Reply::NotDone, None),
        Answer::Refused(refusal) => return refused(side, account, job, refusal, now),
        Answer::Unclear(why) => return unclear(side, account, job, why, now),
        Answer::NotTried => ("not_tried", Reply::NotDone, None),
    };
    let is_missing = matches!(reply, Reply::Missing) && record.sides[side].presence == Presence::There;
    let was_applied = matches!(reply, Reply::Applied(_));
    let was_cut = in_doubt.is_some_and(|call| match &reply {
        Reply::Looked { held, .. } => held.iter().all(|(held, _)| *held != call),
        Reply::Missing => true,
        _ => false,
    });
    let report = settle(&mut record, side, reply, job.asked, &job.surface);
    if is_missing {
        errors.push(missing(&mut record, side, now));
    }
    for field in &report.not_persisted {
        errors.push(not_persisted(&record, side, *field, &job.surface, now));
    }
    record.sides[side].due = None;
    reschedule(&mut record, &job.surface, now);
    record.sides[side].cut = if was_cut { record.sides[side].cut + 1 } else { 0 };
    let looks_again = record.sides[side].seen.is_none() || record.sides[side].wants_read;
    if !was_applied && report.decisions.is_empty() && (job.write().is_some() || looks_again) {
        // The target did not take it, or could not be understood, and told nothing new: not at once again.
        let wait = backoff_ms(attempts + 1, dice(&derived_id("dice", &[&record.key.to_string()])));
        if let Some(due) = &mut record.sides[side].due {
            *due = Due { at: now.plus(wait), reason: DueReason::BackingOff, attempts: attempts + 1 };
        }
    } else if let (cut @ 2.., Some(due)) = (record.sides[side].cut, &mut record.sides[side].due) {
        // Once may be the fault of those beside it in the call, or of the way there.
        let wait = backoff_ms(cut - 1, dice(&derived_id("dice", &[&record.key.to_string()])));
        *due = Due { at: now.plus(wait), reason: DueReason::BackingOff, attempts: due.attempts };
    }
    let links = match (&record.sides[side].id, &job.record.sides[side].id) {
        (Some(id), before) if before.as_ref() != Some(id) => vec![LinkChange::Set(side, id.clone())],
        _ => Vec::new(),
    };
    let is_done = was_applied && record.sides[side].due.is_none() && errors.is_empty();
    let mut outcome = Outcome::new(name, record, report);
    outcome.arrived = job.record.sides[side].behind.filter(|_| is_done);
    (outcome.errors, outcome.links, outcome.shown) = (errors, links, shown);
    outcome
}

/// The target speaks of the record, but does not show what became of it: later again, and a person is told once when it
/// goes on. A look goes on asking, for only that can tell what a write left.
fn unclear(side: Side, account: &Account, job: &Job, why: String, now: Timestamp) -> Outcome {
    let mut outcome = failed(side, account, job, &CallFault::new(CallEnd::Unclear, why.as_str()), now);
    let record = &mut outcome.record;
    let attempts = record.sides[side].due.as_ref().map_or(0, |due| due.attempts);
    let id = derived_id("unclear", &[&record.key.to_string(), side.as_str()]);
    let is_told = record.locks.iter().any(|lock| lock.error == id);
    // Other failures count as well: it may be past the limit when it is met for the first time.
    if attempts >= account.limits.max_retry_attempts && !is_told {
        record.locks.push(Lock { field: None, error: id, reason: why.clone(), since: now });
        let hint = "A type that shows no lastModified, or a role that may not see it, cannot be synced: give the role the permission, or take the type out of sync.toml; then retry.";
        let mut error = entry(record, id, "not_shown", "NOT_SHOWN", &why, hint, now);
        error.attempts = attempts;
        outcome.errors.push(error);
    }
    outcome
}

/// Takes what could be read of an answer; each field that could not is an error and locked, for writing it
/// would overwrite something that we don't understand. What an earlier answer lacked and this one shows is locked no
/// more, and that is how anybody can tell: an answer about other things proves nothing.
fn readable(
    record: &mut Record,
    side: Side,
    read: Read,
    surface: &TypeSurface,
    now: Timestamp,
    errors: &mut Vec<ErrorEntry>,
) -> Vec<(FieldIx, Value)> {
    for (field, error) in read.errors {
        let name = surface.fields[field].name.to_string();
        let id = unreadable_error(&record.key, side, &name);
        if !record.locks.iter().any(|l| l.error == id) {
            let reason = format!("{side} holds a value that {name} cannot take");
            record.locks.push(Lock { field: Some(field), error: id, reason, since: now });
        }
        let hint = "Correct the value there, or the field's type in sync.toml, then retry.";
        let mut entry = entry(record, id, "validation", "UNREADABLE_VALUE", &error.to_string(), hint, now);
        entry.field = Some(name);
        errors.push(entry);
    }
    let mut shown = vec![missing_error(&record.key, side)];
    let names = read.values.iter().map(|(field, _)| &surface.fields[*field].name);
    shown.extend(names.map(|name| unreadable_error(&record.key, side, name)));
    record.locks.retain(|lock| !shown.contains(&lock.error));
    read.values
}

/// The target refuses this record: again later where that may help, else a person must look.
fn refused(side: Side, account: &Account, job: &Job, refusal: Refusal, now: Timestamp) -> Outcome {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, SideId};
    use crate::domain::surface::SyncConfig;
    use crate::writer::LookCall;
    use crate::writer::settle::Ask;

    /// The attempts at which a person is told, when `before` attempts have failed already; at `dismissed` the error is
    /// dismissed.
    fn told(before: u32, dismissed: u32) -> Vec<u32> {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
        let account = &config.accounts[&account];
        let surface = Arc::clone(&account.types[&kind]);
        let canonical = CanonicalId::parse("sx-1").unwrap();
        let mut record = Record::new(RecordKey::new(account.id.clone(), kind, canonical.clone()), &surface);
        let reason = DueReason::BackingOff;
        record.sides.netsuite.due = Some(Due { at: Timestamp(0), reason, attempts: before });
        let mut told = Vec::new();
        for attempt in before + 1..before + 12 {
            let look = LookCall {
                surface: Arc::clone(&surface),
                canonical: canonical.clone(),
                id: None,
                operations: vec![],
            };
            let ask = Ask::Look(look);
            let job = Job { record, surface: Arc::clone(&surface), ask, asked: Timestamp(0) };
            let answer = Answer::Unclear("NetSuite speaks of 7 without a lastModified".into());
            let outcome =
                answered(Side::NetSuite, account, &job, answer, &CanonicalIds::default(), Timestamp(1));
            assert!(outcome.errors.iter().all(|error| error.class == "not_shown"));
            told.extend(outcome.errors.iter().map(|_| attempt));
            record = outcome.record;
            assert!(record.sides.netsuite.due.is_some(), "it is looked at again");
            if attempt == dismissed {
                record.locks.clear();
            }
        }
        assert_eq!(record.locks.len(), 1);
        told
    }

    #[test]
    fn what_is_never_shown_is_told_to_a_person_once() {
        let max = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let max = max.accounts[&AccountId::parse("acme").unwrap()].limits.max_retry_attempts;
        assert_eq!(told(0, 0), [max]);
        // It has failed for other reasons before.
        assert_eq!(told(max, 0), [max + 1]);
        assert_eq!(told(max + 3, 0), [max + 4]);
        // Dismissed, it is told again when it goes on.
        assert_eq!(told(0, max + 2), [max, max + 3]);
    }

    /// A look at a record that both sides have; NetSuite holds `class` in its category.
    fn looked(record: Record, class: serde_json::Value) -> Outcome {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let account = &config.accounts[&record.key.account];
        let surface = Arc::clone(&account.types[&record.key.record_type]);
        let canonical = record.key.id.clone();
        let look = LookCall { surface: Arc::clone(&surface), canonical, id: None, operations: vec![] };
        let job = Job { record, surface, ask: Ask::Look(look), asked: Timestamp(0) };
        let values = serde_json::Map::from_iter([("class".to_string(), class)]);
        let shown = Shown { id: SideId::parse("7").unwrap(), revision: Revision(9), values };
        let answer = Answer::Looked { shown, held: Default::default() };
        answered(Side::NetSuite, account, &job, answer, &CanonicalIds::default(), Timestamp(1))
    }

    #[test]
    fn an_answer_that_shows_it_unlocks_what_an_earlier_one_lacked() {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("item").unwrap());
        let surface = &config.accounts[&account].types[&kind];
        let key = RecordKey::new(account, kind, CanonicalId::parse("sx-1").unwrap());
        let mut record = Record::new(key.clone(), surface);
        record.alive = true;
        record.sides.netsuite.presence = Presence::There;
        let (unreadable, missing) =
            (unreadable_error(&key, Side::NetSuite, "category"), missing_error(&key, Side::NetSuite));
        let other = missing_error(&key, Side::SuiteX);
        for error in [missing, other] {
            record.locks.push(Lock { field: None, error, reason: "no".into(), since: Timestamp(0) });
        }
        let locks = |outcome: &Outcome| outcome.record.locks.iter().map(|l| l.error).collect::<Vec<_>>();
        let in_vain = looked(record, json!({ "no": "option" }));
        assert_eq!(locks(&in_vain), [other, unreadable], "it is shown, and not what it holds");
        assert_eq!((in_vain.errors.len(), in_vain.errors[0].id), (1, unreadable));
        let again = looked(in_vain.record, json!({ "no": "option" }));
        assert_eq!(
            (locks(&again), again.errors.len()),
            (vec![other, unreadable], 1),
            "told again, locked once"
        );
        let readable = looked(again.record, json!("5"));
        assert_eq!(
            (locks(&readable), readable.errors.len()),
            (vec![other], 0),
            "what the other side lacks stays"
        );
    }
}
