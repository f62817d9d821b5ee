//! How long an edit takes to the other side: some are watched, by asking the other side again and again.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use futures::future::try_join_all;
use serde_json::Value as Json;
use shared::domain::id::{AccountId, PerSide, RecordType, Side, Timestamp};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Kind;
use shared::runtime::clock::{Clock, SystemClock};

use super::book::{Book, RecordIx};
use super::client::{Address, Answer, Broken, Client};

/// So many edits are watched at once.
const WATCHERS: usize = 48;

/// How often each is asked for, in ms: the grain of what is measured.
pub(super) const LOOK_EVERY_MS: i64 = 100;

/// After so long an edit is given up, in ms: another has taken its place, or it lost to a rule.
const GIVE_UP_MS: i64 = 30_000;

/// An edit that is watched.
struct Watched {
    account: AccountId,
    kind: RecordType,
    /// The side that is asked, and its id of the record.
    side: Side,
    id: String,
    surface: Arc<TypeSurface>,
    field: FieldIx,
    value: Json,
    since: Timestamp,
}

/// What was measured.
#[derive(Default)]
pub(super) struct Latency {
    waiting: RefCell<Vec<Watched>>,
    watched: Cell<usize>,
    /// How long edits took, in ms, by the side on which they were made.
    pub(super) samples: RefCell<PerSide<Vec<i64>>>,
    /// Edits that never arrived.
    pub(super) never: Cell<u64>,
}

impl Latency {
    /// An edit was made: it is watched if somebody is free.
    pub(super) fn offer(&self, book: &Book, (record, side): (RecordIx, Side), field: &str, value: &Json) {
        let (known, surface) = (&book.records[record], book.surface(record));
        let (Some(id), Some(field)) = (known.ids[side.other()].clone(), surface.field(field)) else { return };
        let spec = &surface.fields[field];
        let travels = spec.direction.accepts_from(side) && !matches!(spec.kind, Kind::Reference { .. });
        if !travels || self.watched.get() >= WATCHERS {
            return;
        }
        self.watched.set(self.watched.get() + 1);
        self.waiting.borrow_mut().push(Watched {
            account: known.account.clone(),
            kind: known.kind.clone(),
            side: side.other(),
            id,
            surface,
            field,
            value: value.clone(),
            since: SystemClock.now(),
        });
    }

    /// Watches until `done`.
    pub(super) async fn watch(&self, client: &Client, done: &Cell<bool>) -> Result<(), Broken> {
        try_join_all((0..WATCHERS).map(|_| self.watcher(client, done))).await.map(|_| ())
    }

    async fn watcher(&self, client: &Client, done: &Cell<bool>) -> Result<(), Broken> {
        while !done.get() {
            let taken = self.waiting.borrow_mut().pop();
            if let Some(edit) = taken {
                self.follow(client, &edit, done).await?;
                self.watched.set(self.watched.get() - 1);
            }
            SystemClock.sleep_until(SystemClock.now().plus(LOOK_EVERY_MS)).await;
        }
        Ok(())
    }

    async fn follow(&self, client: &Client, edit: &Watched, done: &Cell<bool>) -> Result<(), Broken> {
        let at = Address { side: edit.side, account: &edit.account, kind: &edit.kind };
        let spec = &edit.surface.fields[edit.field];
        while !done.get() {
            let held = match client.read(&at, &edit.id).await? {
                Answer::Taken(mut row) => row.remove(spec.name_on(edit.side)),
                Answer::Refused(..) | Answer::Unsure => None,
            };
            let held = held.and_then(|json| spec.kind.parse(edit.side, &json).ok());
            let took = SystemClock.now().0 - edit.since.0;
            if held.is_some_and(|value| spec.kind.render(Side::SuiteX, &value) == edit.value) {
                self.samples.borrow_mut()[edit.side.other()].push(took);
                return Ok(());
            }
            if took > GIVE_UP_MS {
                self.never.set(self.never.get() + 1);
                return Ok(());
            }
            SystemClock.sleep_until(SystemClock.now().plus(LOOK_EVERY_MS)).await;
        }
        Ok(())
    }
}

/// The value under which `percent` of the samples lie.
pub(super) fn percentile(samples: &[i64], percent: usize) -> Option<i64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples: Vec<i64> = (1..=200).rev().collect();
        let of = |percent| percentile(&samples, percent);
        assert_eq!((of(50), of(99), of(100)), (Some(100), Some(198), Some(200)));
        assert_eq!((percentile(&[7], 50), percentile(&[], 99)), (Some(7), None));
    }
}
