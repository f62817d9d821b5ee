//! What a person is told of a poll: errors, each under one id for as long as it lasts.

use shared::domain::id::{Timestamp, derived_id};
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::error::refusal;
use shared::netsuite::wire::Refusal;
use shared::state::{ErrorEntry, ErrorStatus};

use crate::emptied::TooMany;
use crate::sweep;

/// NetSuite lists a record as saved or deleted, and refuses to show it.
pub(crate) fn not_shown(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    why: &Refusal,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let error = derived_id("not-shown", &[account.id.as_str(), kind, id]);
    let message =
        format!("NetSuite tells that {kind} {id} has changed and does not show it: {}", why.message);
    let hint = refusal(&why.code, &why.message, None).hint;
    ErrorEntry::open(&account.id, error, "not_shown", &why.code, &message, hint, now)
}

/// That is over: it shows it, or has it no more.
pub(crate) fn shown(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    is_there: bool,
    now: Timestamp,
) -> ErrorEntry {
    let message = if is_there { "it is shown again" } else { "it is no longer there" };
    let over = Refusal { code: "SHOWN".into(), message: message.into(), field: None };
    closed(not_shown(account, surface, id, &over, now))
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
    let error = derived_id("not-listed", &[account.id.as_str(), kind, id]);
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
    let error = derived_id("not-listed", &[account.id.as_str(), kind, id]);
    let message = format!("NetSuite says that it has no {kind} {id}, and does not list it as deleted");
    let hint = "It was deleted, or our role may not see it: NetSuite answers both alike, so nothing was deleted for it. If \
                it was deleted, delete it in SuiteX, too. If the role sees every record, POLL_ROLE_SEES_ALL=true lets \
                the poller take such records for deleted.";
    ErrorEntry::open(&account.id, error, "missing", "NOT_LISTED", &message, hint, now)
}

/// That is over: it is listed again, or there no more.
pub(crate) fn listed(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    is_there: bool,
    now: Timestamp,
) -> ErrorEntry {
    let message = if is_there { "it is listed again" } else { "it is no longer there" };
    let over = Refusal { code: "LISTED".into(), message: message.into(), field: None };
    closed(not_listed(account, surface, id, Some(&over), now))
}

/// More is refused than can be asked for one by one.
pub(crate) fn too_much_refused(account: &Account, scan: &str, now: Timestamp) -> ErrorEntry {
    let error = derived_id("too-much-refused", &[account.id.as_str(), scan]);
    let message = format!(
        "NetSuite refuses to show so many records ({scan}) that they are no longer asked for one by one"
    );
    let hint = "Most often the integration's role lacks a permission. Once half of them are shown, the poller goes \
                through all of them again.";
    ErrorEntry::open(&account.id, error, "not_shown", "TOO_MUCH_REFUSED", &message, hint, now)
}

/// Too many deletions at once, on a day; listed as such, or found by the sweep, which needs a page of its own: one may
/// be over before the other.
pub(crate) fn mass_delete(
    account: &Account,
    (stage, day): (i64, i64),
    (count, most): (usize, usize),
    now: Timestamp,
) -> ErrorEntry {
    let (account_id, day) = (account.id.as_str(), day.to_string());
    let (id, what) = if stage == sweep::STAGE {
        (derived_id("mass-delete", &[account_id, &day, "sweep"]), "were found to be gone from NetSuite")
    } else {
        (derived_id("mass-delete", &[account_id, &day]), "were deleted in NetSuite")
    };
    let message = format!(
        "{count} records {what} within an hour, more than the {most} that are passed on unasked: none of these \
         deletions was passed on"
    );
    let hint = "See in NetSuite whether they were meant. If so, raise POLL_DELETIONS_MAX of the poller until they \
                have gone through; if not, restore the records there, or the permission of our role.";
    ErrorEntry::open(&account.id, id, "brake", "MASS_DELETE", &message, hint, now)
}

/// A field has turned empty in too many records of a type, since a day.
pub(crate) fn mass_null(
    account: &Account,
    surface: &TypeSurface,
    day: i64,
    found: Option<&TooMany>,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let id = derived_id("mass-null", &[account.id.as_str(), kind, &day.to_string()]);
    let (field, count, of) = found.map_or(("", 0, 0), |found| (found.field.as_str(), found.count, found.of));
    let message = format!(
        "{field} has turned empty in {count} of {of} {kind} records that changed in NetSuite: nothing that empties \
         them was passed on"
    );
    let hint = "See in NetSuite whether they were emptied, or whether our role, or its form, no longer shows the \
                field. If it was meant, raise POLL_NULLS_MAX of the poller until they have gone through; if not, fill \
                the field or grant the role: they are looked at again at each tick.";
    let error = ErrorEntry::open(&account.id, id, "brake", "MASS_NULL", &message, hint, now);
    ErrorEntry { field: found.map(|found| found.field.clone()), ..error }
}

/// An error that is over.
pub(crate) fn closed(error: ErrorEntry) -> ErrorEntry {
    ErrorEntry { status: ErrorStatus::Closed, ..error }
}
