//! What a person is told of a poll: errors, each under one id for as long as it lasts.

use shared::domain::id::{Timestamp, derived_id};
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::error::refusal;
use shared::netsuite::wire::Refusal;
use shared::state::{ErrorEntry, ErrorStatus};

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

/// Too many deletions at once, on a day.
pub(crate) fn mass_delete(
    account: &Account,
    day: i64,
    (count, most): (usize, usize),
    now: Timestamp,
) -> ErrorEntry {
    let id = derived_id("mass-delete", &[account.id.as_str(), &day.to_string()]);
    let message = format!(
        "{count} records were deleted in NetSuite within an hour, more than the {most} that are passed on unasked: \
         none of these deletions was passed on"
    );
    let hint = "See in NetSuite whether they were meant. If so, raise POLL_DELETIONS_MAX of the poller until they \
                have gone through; if not, restore the records there.";
    ErrorEntry::open(&account.id, id, "brake", "MASS_DELETE", &message, hint, now)
}

/// An error that is over.
pub(crate) fn closed(error: ErrorEntry) -> ErrorEntry {
    ErrorEntry { status: ErrorStatus::Closed, ..error }
}
