//! What trying an error again would do. Pure.

use crate::domain::id::Side;
use crate::domain::plan::has_work;
use crate::domain::record::{Presence, Record, hold_lock};
use crate::domain::settle::{missing_error, unreadable_error};
use crate::domain::surface::TypeSurface;
use crate::state::{ErrorEntry, Place};

/// The side of whose look an error complains: it did not show the record, or a field that we can read. Nothing but
/// another look can end that, and no write is waiting to bring one about.
pub fn looked_at(error: &ErrorEntry) -> Option<Side> {
    let key = error.record.as_ref()?;
    let is_of = |side: &Side| {
        let field = error.field.as_deref();
        error.id == missing_error(key, *side)
            || field.is_some_and(|name| error.id == unreadable_error(key, *side, name))
    };
    Side::BOTH.into_iter().find(is_of)
}

/// The record as it is without the error's locks, and to be looked at where only a look can tell.
pub(super) fn freed(error: &ErrorEntry, record: &Record, looks: bool) -> Record {
    let mut free = record.clone();
    free.locks.retain(|lock| lock.error != error.id);
    // Nobody waits for a decision about it any more.
    free.end_hold(error.id);
    if let Some(side) = looked_at(error).filter(|_| looks) {
        let state = &mut free.sides[side];
        state.wants_read |= state.presence == Presence::There;
    }
    free
}

/// Whether there is anything to try: bytes to send, events to absorb, a record to write or to look at. `record`: as far as
/// it is known; `places`: where the error's events are.
pub(super) fn is_something(
    error: &ErrorEntry,
    record: Option<(&Record, &TypeSurface)>,
    places: &[Option<Place>],
) -> bool {
    let is_stuck = |place: &Option<Place>| {
        place.as_ref().is_some_and(|place| place.is_open() || *place == Place::Error(error.id))
    };
    if error.payload.is_some() || places.iter().any(is_stuck) {
        return true;
    }
    record.is_some_and(|(record, surface)| {
        let of_it = [error.id, hold_lock(error.id)];
        let free = freed(error, record, true);
        record.locks.iter().any(|lock| of_it.contains(&lock.error))
            || Side::BOTH.into_iter().any(|side| has_work(&free, side, surface, error.last_at))
    })
}
