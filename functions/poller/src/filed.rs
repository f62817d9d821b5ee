//! What a person is told of a poll: errors, each under one id for as long as it lasts.

use shared::domain::id::{Timestamp, derived_id};
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::error::refusal;
use shared::netsuite::wire::Refusal;
use shared::state::ErrorEntry;
use uuid::Uuid;

use crate::emptied::TooMany;
use crate::sweep;
use crate::told::Over;

/// The class of what a brake holds.
pub(crate) use shared::state::brake::CLASS as BRAKE;

/// The class of what is not polled as it should be.
const NOT_POLLED: &str = "not_polled";

/// NetSuite lists a record as saved or deleted, and refuses to show it.
pub(crate) fn not_shown(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    why: &Refusal,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let error = not_shown_id(account, surface, id);
    let message =
        format!("NetSuite tells that {kind} {id} has changed and does not show it: {}", why.message);
    let hint = refusal(&why.code, &why.message, None).hint;
    ErrorEntry::open(&account.id, error, "not_shown", &why.code, &message, hint, now)
}

fn not_shown_id(account: &Account, surface: &TypeSurface, id: &str) -> Uuid {
    derived_id("not-shown", &[account.id.as_str(), surface.record_type.as_str(), id])
}

/// That is over: it shows it, or has it no more.
pub(crate) fn shown(account: &Account, surface: &TypeSurface, id: &str, is_there: bool) -> Over {
    let why = if is_there { "NetSuite shows it again" } else { "it is no longer there" };
    Over { error: not_shown_id(account, surface, id), why: why.into() }
}

/// NetSuite has a record, or refuses to say so, and its lists do not name it: what changes in it is not noticed.
pub(crate) fn not_listed(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    why: Option<&Refusal>,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let error = not_listed_id(account, surface, id);
    let (code, message, hint) = match why {
        Some(why) => (
            why.code.as_str(),
            format!("NetSuite no longer lists {kind} {id} and does not show it: {}", why.message),
            refusal(&why.code, &why.message, None).hint,
        ),
        None => (
            "NOT_LISTED",
            format!("NetSuite has {kind} {id}, and its lists do not name it"),
            "Our role may be restricted (by subsidiary, department or owner), or the record is of another type now. \
             Until it is listed again, only User Events and the daily sweep tell what changes in it.",
        ),
    };
    ErrorEntry::open(&account.id, error, "not_shown", code, &message, hint, now)
}

/// NetSuite says that there is no such record, and no list of deletions names it. Over by the same as [`not_listed`].
pub(crate) fn missing(account: &Account, surface: &TypeSurface, id: &str, now: Timestamp) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let error = not_listed_id(account, surface, id);
    let message = format!("NetSuite says that it has no {kind} {id}, and does not list it as deleted");
    let hint = "It was deleted, or our role may not see it: NetSuite answers both alike, so nothing was deleted for it. If \
                it was deleted, delete it in SuiteX, too. If the role sees every record, POLL_ROLE_SEES_ALL=true lets \
                the poller take such records for deleted.";
    ErrorEntry::open(&account.id, error, "missing", "NOT_LISTED", &message, hint, now)
}

fn not_listed_id(account: &Account, surface: &TypeSurface, id: &str) -> Uuid {
    derived_id("not-listed", &[account.id.as_str(), surface.record_type.as_str(), id])
}

/// That is over: it is listed again, or there no more.
pub(crate) fn listed(account: &Account, surface: &TypeSurface, id: &str, is_there: bool) -> Over {
    let why = if is_there { "NetSuite lists it again" } else { "it is no longer there" };
    Over { error: not_listed_id(account, surface, id), why: why.into() }
}

/// More is refused than can be asked for one by one.
pub(crate) fn too_much_refused(account: &Account, scan: &str, now: Timestamp) -> ErrorEntry {
    let error = too_much_refused_id(account, scan);
    let message = format!(
        "NetSuite refuses to show so many records ({scan}) that they are no longer asked for one by one"
    );
    let hint = "Most often the integration's role lacks a permission. Once half of them are shown, the poller goes \
                through all of them again.";
    ErrorEntry::open(&account.id, error, "not_shown", "TOO_MUCH_REFUSED", &message, hint, now)
}

fn too_much_refused_id(account: &Account, scan: &str) -> Uuid {
    derived_id("too-much-refused", &[account.id.as_str(), scan])
}

/// That is over: there is room, and it is gone through again.
pub(crate) fn less_refused(account: &Account, scan: &str) -> Over {
    let why = "there is room to ask for them one by one again: all of them are gone through once more";
    Over { error: too_much_refused_id(account, scan), why: why.into() }
}

/// A scan that has failed since then.
pub(crate) fn not_polled(
    account: &Account,
    scan: &str,
    (code, why): (&str, &str),
    since: Timestamp,
    now: Timestamp,
) -> ErrorEntry {
    let message = format!("{} since {since}: {why}", not_read(scan));
    let hint = "Most often our role has lost a permission: for the list of this type, for deleted records, or for SuiteAnalytics. \
                Or a column, or the whole type, is gone. Put it right in NetSuite, or take the type out of the \
                configuration. It is asked for again at each tick and goes on where it stopped; until then only User \
                Events tell what changes there.";
    ErrorEntry::open(&account.id, not_polled_id(account, scan), NOT_POLLED, code, &message, hint, now)
}

fn not_polled_id(account: &Account, scan: &str) -> Uuid {
    derived_id("not-polled", &[account.id.as_str(), scan])
}

/// What is missed while a scan fails.
fn not_read(scan: &str) -> String {
    match scan {
        CLOCK => "NetSuite has not told the time, so that nothing could be asked for".into(),
        DELETIONS => "NetSuite has not told what was deleted".into(),
        SWEEP => "NetSuite has not told which of our records it still lists".into(),
        kind => format!("NetSuite has not told what changed of {kind}"),
    }
}

/// The scans that are no record types.
pub(crate) const CLOCK: &str = "the clock";
pub(crate) const DELETIONS: &str = "deletions";
pub(crate) const SWEEP: &str = "sweep";

/// That is over.
pub(crate) fn polled(account: &Account, scan: &str, why: &str) -> Over {
    Over { error: not_polled_id(account, scan), why: why.into() }
}

/// NetSuite shows (nearly) no record of a type with a time of change.
pub(crate) fn not_timed(
    account: &Account,
    surface: &TypeSurface,
    (untimed, timed): (usize, usize),
    now: Timestamp,
) -> ErrorEntry {
    let message = format!(
        "NetSuite shows no time of change for {untimed} of {} {} records that were listed, so that no question by time \
         finds what changes in them",
        untimed + timed,
        surface.record_type
    );
    let hint = "Most often our role may not see the column of the last change: give it that permission, or put the \
                field on what the role sees. Until then every record of the type is read once an hour, which is late and \
                costs calls; nothing is lost.";
    let error = not_timed_id(account, surface);
    ErrorEntry::open(&account.id, error, NOT_POLLED, "NO_TIMES", &message, hint, now)
}

fn not_timed_id(account: &Account, surface: &TypeSurface) -> Uuid {
    derived_id("not-timed", &[account.id.as_str(), surface.record_type.as_str()])
}

/// That is over.
pub(crate) fn timed(account: &Account, surface: &TypeSurface) -> Over {
    let why = "NetSuite shows the times again; the type is read whole once more";
    Over { error: not_timed_id(account, surface), why: why.into() }
}

/// NetSuite listed something without an id: there is nothing to ask for again.
pub(crate) fn odd_row(account: &Account, table: &str, row: &str, now: Timestamp) -> ErrorEntry {
    let error = derived_id("odd-row", &[account.id.as_str(), table, row]);
    let message = format!("NetSuite has listed a row of {table} that names no record: {row}");
    let hint = "Nobody can tell which record it is about; the others go on. Look in NetSuite for a record of that time \
                without an id, or one that another script lists wrongly; then dismiss this.";
    ErrorEntry::open(&account.id, error, NOT_POLLED, "ODD_ROW", &message, hint, now)
}

/// Too many deletions at once, held since then; listed as such, or found by the sweep, which needs a page of its own: one may
/// be over before the other.
pub(crate) fn mass_delete(
    account: &Account,
    (stage, since): (i64, i64),
    (count, most): (usize, usize),
    now: Timestamp,
) -> ErrorEntry {
    let id = mass_delete_id(account, (stage, since));
    let what = if stage == sweep::STAGE {
        "were found to be gone from NetSuite"
    } else {
        "were deleted in NetSuite"
    };
    let message = format!(
        "{count} records {what} within an hour, more than the {most} that are passed on unasked: none of these \
         deletions was passed on"
    );
    let hint = "See in NetSuite whether they were meant, and decide here, for this account alone. If they were, let \
                them pass: SuiteX is told of each. If not, discard them: SuiteX keeps its records; restore the records \
                in NetSuite, or the permission of our role. What is listed there again drops out by itself.";
    ErrorEntry::open(&account.id, id, BRAKE, "MASS_DELETE", &message, hint, now)
}

fn mass_delete_id(account: &Account, (stage, since): (i64, i64)) -> Uuid {
    let (account, since) = (account.id.as_str(), since.to_string());
    let parts = [account, &since, "sweep"];
    derived_id("mass-delete", if stage == sweep::STAGE { &parts } else { &parts[..2] })
}

/// That is over.
pub(crate) fn deletions_passed(account: &Account, brake: (i64, i64)) -> Over {
    Over { error: mass_delete_id(account, brake), why: PASSED.into() }
}

/// How a brake ends of itself.
const PASSED: &str = "what was held has passed, or none of it is left";

/// A field has turned empty in too many records of a type, since then.
pub(crate) fn mass_null(
    account: &Account,
    surface: &TypeSurface,
    since: i64,
    found: &TooMany,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let id = mass_null_id(account, surface, since);
    let TooMany { field, count, of } = found;
    let message = format!(
        "{field} has turned empty in {count} of {of} {kind} records that changed in NetSuite: nothing that empties \
         them was passed on"
    );
    let hint = "See in NetSuite whether they were emptied, or whether our role, or its form, no longer shows the \
                field, and decide here, for this account alone. If it was meant, let it pass. If not, fill the field or \
                grant the role: they are looked at again at each tick. Or discard it: the field keeps what it holds, and \
                whatever else has changed in these records is told.";
    let error = ErrorEntry::open(&account.id, id, BRAKE, "MASS_NULL", &message, hint, now);
    ErrorEntry { field: Some(field.clone()), ..error }
}

fn mass_null_id(account: &Account, surface: &TypeSurface, since: i64) -> Uuid {
    derived_id("mass-null", &[account.id.as_str(), surface.record_type.as_str(), &since.to_string()])
}

/// That is over.
pub(crate) fn nulls_passed(account: &Account, surface: &TypeSurface, since: i64) -> Over {
    Over { error: mass_null_id(account, surface, since), why: PASSED.into() }
}
