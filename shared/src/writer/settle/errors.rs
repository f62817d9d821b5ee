//! What a person must look at, as errors.

use uuid::Uuid;

use crate::domain::id::{Side, Timestamp, derived_id};
use crate::domain::record::{Lock, Record};
use crate::domain::settle::{missing_error, not_persisted_error, unstorable_error};
use crate::domain::surface::TypeSurface;
use crate::domain::value::Unresolved;
use crate::state::{CUT_OFF, ErrorEntry, NOT_IDENTIFIED};
use crate::writer::CallFault;

/// The target shows a record no longer that it had.
pub(super) fn missing(record: &mut Record, side: Side, now: Timestamp) -> ErrorEntry {
    let id = missing_error(&record.key, side);
    record.locks.retain(|l| l.error != id);
    let reason = format!("{side} no longer shows this record");
    record.locks.push(Lock { field: None, error: id, reason: reason.clone(), since: now });
    let hint = "Not being visible is not being deleted: check the role's permissions, then retry.";
    entry(record, id, "missing", "RCRD_DSNT_EXIST", &reason, hint, now)
}

/// A referred record has not come to the target for too long.
pub(in crate::writer) fn waited_too_long(
    record: &mut Record,
    side: Side,
    missing: &Unresolved,
    now: Timestamp,
) -> ErrorEntry {
    let id = derived_id("waiting", &[&record.key.to_string(), side.as_str(), &missing.id]);
    record.locks.retain(|l| l.error != id);
    let message = format!("refers to {} {}, which {side} does not have", missing.record_type, missing.id);
    record.locks.push(Lock { field: None, error: id, reason: message.clone(), since: now });
    let hint = "Bring that record to the other side (see its own conflict or error), or refer to another; then retry.";
    entry(record, id, "waiting", "REFERENCE_MISSING", &message, hint, now)
}

/// A write of this record alone ends in doubt again and again, though the target answers when it is asked about it. It is
/// not locked: it goes on being tried, alone, every few minutes, and the error ends when it goes through.
pub(super) fn cut_off(record: &Record, side: Side, fault: &CallFault, now: Timestamp) -> ErrorEntry {
    let id = derived_id("cut_off", &[&record.key.to_string(), side.as_str()]);
    let code = fault.code.as_deref().unwrap_or("CUT_OFF");
    let times = record.sides[side].cut + 1;
    let message =
        format!("{side} broke off the write of this record {times} times and did nothing: {}", fault.why);
    let hint = "A script or workflow that runs when this record is saved may loop or take too long: see its log on that side. Save the record there by hand to see it fail. It is tried again every few minutes.";
    ErrorEntry { attempts: times, ..entry(record, id, CUT_OFF, code, &message, hint, now) }
}

/// It does not become clear whether the record is one that the target has.
pub(in crate::writer) fn unidentified(
    record: &mut Record,
    side: Side,
    why: &str,
    now: Timestamp,
) -> ErrorEntry {
    let id = derived_id("unidentified", &[&record.key.to_string(), side.as_str()]);
    record.locks.retain(|l| l.error != id);
    record.locks.push(Lock { field: None, error: id, reason: why.to_string(), since: now });
    let hint = "See the records that the message names: their own errors, conflicts and locks keep them from being settled. Or give this one other values in the fields of its match keys. Then retry.";
    entry(record, id, "identity", NOT_IDENTIFIED, why, hint, now)
}

/// What the target told of a record cannot be stored.
pub(super) fn unstorable(record: &Record, side: Side, why: &str, now: Timestamp) -> ErrorEntry {
    let id = unstorable_error(&record.key, side);
    let hint =
        "Shorten or correct the value that the message names, on that side; it is looked at again by itself.";
    let message = format!("what {side} holds cannot be stored: {why}");
    entry(record, id, "validation", "NOT_STORABLE", &message, hint, now)
}

/// The target answered that it wrote a field, and did not.
pub(super) fn not_persisted(
    record: &Record,
    side: Side,
    field: usize,
    surface: &TypeSurface,
    now: Timestamp,
) -> ErrorEntry {
    let id = not_persisted_error(&record.key, side, field);
    let name = surface.fields[field].name.to_string();
    let message = format!("{side} took the write and kept the old value of {name}");
    let hint = "The field may be read-only on that form or for our role. Make it writable, or set its direction in sync.toml, then retry.";
    let mut entry = entry(record, id, "not_persisted", "NOT_PERSISTED", &message, hint, now);
    entry.field = Some(name);
    entry
}

/// An error of this moment about a record.
pub(super) fn entry(
    record: &Record,
    id: Uuid,
    class: &str,
    code: &str,
    message: &str,
    hint: &str,
    now: Timestamp,
) -> ErrorEntry {
    let record = &record.key;
    ErrorEntry {
        record: Some(record.clone()),
        ..ErrorEntry::open(&record.account, id, class, code, message, hint, now)
    }
}
