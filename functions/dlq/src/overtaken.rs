//! Whether an error is over: a later success has overtaken it, or what it complained of was mended. Pure.

use shared::domain::event::{ChangeEvent, Operation};
use shared::domain::id::{Side, Timestamp};
use shared::domain::plan::{Plan, plan};
use shared::domain::record::{Presence, Record};
use shared::domain::settle::unstorable_error;
use shared::domain::surface::TypeSurface;
use shared::redrive::looked_at;
use shared::state::{CUT_OFF, ErrorEntry, ErrorStatus, HistoryRow, NOT_IDENTIFIED, Place, UNREADABLE};

/// Bytes that were not sent by then have been forgotten, ms.
pub(crate) const UNSENT_AFTER_MS: i64 = 30_000;

/// Nothing will come of what was tried so long ago, ms.
pub(crate) const TRIED_FOR_MAX_MS: i64 = 15 * 60_000;

/// What a side did not show is looked at again so much later, ms; twice as long after each look in vain.
pub(crate) const LOOK_AFTER_MS: i64 = 10 * 60_000;

/// How often that doubles.
const LOOK_DOUBLINGS_MAX: u32 = 6;

/// What an error has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It stands.
    Stands,
    /// It is over, for this reason.
    Over(&'static str),
    /// What it complained of has changed since: worth another try.
    Mended,
    /// Only a look at this side can tell.
    Look(Side),
    /// Its bytes were to be sent, and nobody has.
    Unsent,
    /// It was tried again, and nothing has come of it.
    InVain,
}

/// What is known of an error beside itself.
pub(crate) struct Known<'a> {
    /// Its record and the record's type, when there is one that is known.
    pub(crate) record: Option<(&'a Record, &'a TypeSurface)>,
    /// The side that told something which could not be read, when one did.
    pub(crate) told_by: Option<Side>,
    /// Its events, as the ledger has them, each of them readable.
    pub(crate) events: &'a [ChangeEvent],
    /// Where what was tried again has come to: each of its events, or the one that was sent in their place; or the event that
    /// its bytes are, if the ledger has these very bytes.
    pub(crate) places: &'a [Option<Place>],
    /// The record's decisions since it was last met.
    pub(crate) since: &'a [HistoryRow],
    pub(crate) now: Timestamp,
}

/// What an error has come to.
pub(crate) fn stand(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    match error.status {
        ErrorStatus::Closed => Stand::Stands,
        // Decided, and the poller's to carry out, however long NetSuite lets it wait.
        ErrorStatus::Retried if error.brake.is_some() => Stand::Stands,
        ErrorStatus::Retried => retried(error, known),
        ErrorStatus::Open if is_identified(error, known) => Stand::Over("it is known which record it is"),
        // It waits for a person again, and what was tried may get there yet.
        ErrorStatus::Open if error.tried_at.is_some() && is_through(error, known) => THROUGH,
        // Its record can be read, for here it is: once is enough to see whether it goes on.
        ErrorStatus::Open
            if error.code == UNREADABLE && known.record.is_some() && error.tried_at.is_none() =>
        {
            match error.events.is_empty() {
                true => Stand::Over("the state can read the record again"),
                false => Stand::Mended,
            }
        }
        ErrorStatus::Open => known.record.map_or(Stand::Stands, |(record, surface)| {
            let of = Of { error, known, record, surface };
            match looked_at(error) {
                _ if error.payload.is_some() => of.unread(),
                _ if !error.events.is_empty() => of.stuck(),
                Some(side) => of.not_shown(side),
                None if error.class == CUT_OFF => of.cut_off(),
                None => unstorable(error).map_or_else(|| of.written(), |side| of.stored(side)),
            }
        }),
    }
}

/// The side of which something was told that could not be stored, when an error complains of that. It locks nothing: the
/// side is looked at again by itself.
fn unstorable(error: &ErrorEntry) -> Option<Side> {
    let key = error.record.as_ref()?;
    Side::BOTH.into_iter().find(|side| error.id == unstorable_error(key, *side))
}

/// What nobody could tell apart is told apart: nothing locks it any more, or it has become another record, and has no row
/// of its own.
fn is_identified(error: &ErrorEntry, known: &Known<'_>) -> bool {
    let is_of_it = error.code == NOT_IDENTIFIED && error.record.is_some();
    is_of_it
        && known.record.is_none_or(|(record, surface)| {
            let of = Of { error, known, record, surface };
            !of.is_locked() && of.is_settled()
        })
}

const THROUGH: Stand = Stand::Over("it was tried again and went through");

/// What was tried again has gone through, was never sent, or nothing has come of it for too long.
fn retried(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    let tried_at = error.tried_at.unwrap_or(error.last_at);
    if is_through(error, known) {
        THROUGH
    } else if known.now >= tried_at.plus(TRIED_FOR_MAX_MS) {
        Stand::InVain
    } else if error.to_send && known.now >= tried_at.plus(UNSENT_AFTER_MS) {
        Stand::Unsent
    } else {
        Stand::Stands
    }
}

/// What was tried again has gone through when what was sent is taken in, and nothing is left to do. What is on its way
/// yet, or was never sent, has not.
fn is_through(error: &ErrorEntry, known: &Known<'_>) -> bool {
    let is_taken_in = |place: &Option<Place>| place.as_ref().is_some_and(Place::is_taken_in);
    let has_sent = error.payload.is_some() || !error.events.is_empty();
    let sent_is_in = !known.places.is_empty() && known.places.iter().all(is_taken_in);
    match (&error.record, known.record) {
        (None, _) => has_sent && sent_is_in,
        (Some(_), None) => false,
        (Some(_), Some((record, surface))) => {
            let of = Of { error, known, record, surface };
            !of.is_locked() && (!has_sent || sent_is_in) && of.is_settled()
        }
    }
}

/// An error about a record that is known.
struct Of<'a> {
    error: &'a ErrorEntry,
    known: &'a Known<'a>,
    record: &'a Record,
    surface: &'a TypeSurface,
}

impl Of<'_> {
    fn is_locked(&self) -> bool {
        self.record.locks.iter().any(|lock| lock.error == self.error.id)
    }

    /// Whether both sides hold what was agreed, this error's locks apart.
    fn is_settled(&self) -> bool {
        let mut free = self.record.clone();
        free.locks.retain(|lock| lock.error != self.error.id);
        Side::BOTH.into_iter().all(|side| self.is_done(&free, side))
    }

    /// Whether nothing is left to do on a side.
    fn is_done(&self, record: &Record, side: Side) -> bool {
        matches!(plan(record, side, self.surface, self.known.now, &|_, _| true), Plan::Nothing)
    }

    /// What a side told could not be read. Filing it had the record looked at there: once that was done, whatever it told is
    /// in what the look showed.
    fn unread(&self) -> Stand {
        let Some(side) = self.known.told_by.filter(|_| self.is_locked()) else { return Stand::Stands };
        let state = &self.record.sides[side];
        match !state.wants_read && state.seen.is_some() && state.presence != Presence::Never {
            true => Stand::Over("the record was looked at since, and its values taken in"),
            false => Stand::Stands,
        }
    }

    /// Events that could not be absorbed are overtaken when the side is known to have changed since, in all that they say.
    fn stuck(&self) -> Stand {
        let all = self.known.events.len() == self.error.events.len();
        match all && self.known.events.iter().all(|event| self.is_stale(event)) {
            true => Stand::Over("a later change of the same record was taken in"),
            false => Stand::Stands,
        }
    }

    fn is_stale(&self, event: &ChangeEvent) -> bool {
        let (Some(side), Some(revision)) = (event.side(), event.revision) else { return false };
        let state = &self.record.sides[side];
        if state.presence == Presence::Gone {
            return true;
        }
        if state.seen.is_some_and(|seen| seen > revision) {
            return true;
        }
        if event.operation == Operation::Delete || event.payload.full || event.payload.changes.is_empty() {
            return false;
        }
        event.payload.changes.keys().all(|name| {
            let field = self.surface.field_on(side, name);
            field.is_none_or(|field| state.known(field).is_some_and(|seen| seen > revision))
        })
    }

    /// A side did not show the record, or a field that we can read. That both sides seem to hold the same proves nothing:
    /// what we know of this one is what it held before. It is over once a look was answered: who takes the answer in takes
    /// the lock away.
    fn not_shown(&self, side: Side) -> Stand {
        let state = &self.record.sides[side];
        if !self.is_settled() {
            return Stand::Stands;
        }
        if state.presence != Presence::There {
            return Stand::Over("that side has deleted the record since");
        }
        if !self.is_locked() {
            return Stand::Over("it was looked at since, and is shown again");
        }
        let doublings = self.error.attempts.saturating_sub(1).min(LOOK_DOUBLINGS_MAX);
        let waits = LOOK_AFTER_MS << doublings;
        match self.has_told(side) || self.known.now >= self.error.last_at.plus(waits) {
            true => Stand::Look(side),
            false => Stand::Stands,
        }
    }

    /// Whether the side has told something of what it did not show.
    fn has_told(&self, side: Side) -> bool {
        let by_it = |row: &&HistoryRow| match side {
            Side::NetSuite => row.source.starts_with("netsuite"),
            Side::SuiteX => row.source == "suitex",
        };
        let since = self.known.since.iter().filter(|row| row.at > self.error.last_at);
        since.filter(by_it).flat_map(|row| &row.decisions).any(|decision| self.is_to_blame(&decision.field))
    }

    fn is_to_blame(&self, name: &str) -> bool {
        self.error.field.as_deref().is_none_or(|field| field == name)
    }

    /// A write that broke off again and again, and locks nothing.
    fn cut_off(&self) -> Stand {
        match self.is_settled() {
            true => Stand::Over("it went through in the end"),
            false => Stand::Stands,
        }
    }

    /// What a side told could not be stored, and the record stayed as it was, with what was left to do there. Once that is
    /// done, what it told was stored; what another error keeps from being done is not.
    fn stored(&self, side: Side) -> Stand {
        let mut free = self.record.clone();
        free.locks.clear();
        match self.is_done(&free, side) {
            true => Stand::Over("what that side holds was stored since"),
            false => Stand::Stands,
        }
    }

    /// A write that failed: over when there is nothing left to write, worth another try when what is to be written has
    /// changed.
    fn written(&self) -> Stand {
        if !self.is_locked() {
            return Stand::Stands;
        }
        if self.is_settled() {
            return Stand::Over("both sides hold the same again");
        }
        let since = self.known.since.iter().filter(|row| row.at > self.error.last_at);
        let mut changed =
            since.flat_map(|row| &row.decisions).filter(|decision| decision.from != decision.to);
        match changed.any(|decision| self.is_to_blame(&decision.field)) {
            true => Stand::Mended,
            false => Stand::Stands,
        }
    }
}

#[cfg(test)]
mod tests;
