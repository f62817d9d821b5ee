//! What is due in a governed account, in the order in which it is to be done: the most important types first, and of
//! a type what has been due for longest. The state gives what is due by time alone; so a drainer reads far ahead, and
//! keeps what it read for a while.
//!
//! Of each round a quarter is taken from all over the queue, in turn: a look at a less important record may give back
//! a permit, and only planning tells a look from a write.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::Writer;
use crate::domain::id::{RecordKey, Timestamp};
use crate::domain::surface::Account;
use crate::fault::Unavailable;

/// Records that are planned in one round.
pub(super) const ROUND: usize = 100;

/// Of them, taken in turn from the whole queue.
const IN_TURN: usize = ROUND / 4;

/// Records that are read ahead at most: a backlog beyond is sorted as it comes nearer.
const AHEAD: usize = 10_000;

/// What was read is read again after so long, ms: something more important may have come.
const READ_AGAIN_MS: i64 = 2_000;

/// Where a record stands: its type's importance, and its place among what is due.
type Place = (Reverse<u8>, usize);

/// See the module.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, RecordKey>,
    read_at: Timestamp,
    turn: Option<Place>,
}

impl Queue {
    /// Takes what is to be planned now; nothing that `is_busy`. What then is not started is to be [put back](Self::put_back).
    pub(super) async fn take(
        &mut self,
        writer: &Writer,
        account: &Account,
        now: Timestamp,
        busy: usize,
        is_busy: impl Fn(&RecordKey) -> bool,
    ) -> Result<Vec<(Place, RecordKey)>, Unavailable> {
        let side = writer.side();
        let ahead = if writer.target.is_governed() { AHEAD } else { ROUND };
        let is_old = now.0 - self.read_at.0 >= READ_AGAIN_MS;
        // A short queue is read each time, so that a look or a change of the moment need not wait.
        if is_old || self.waiting.len() <= ROUND {
            let due = writer.ports.state.due(&account.id, side, now, ahead + busy).await?;
            self.read_at = now;
            self.fill(due.into_iter().filter(|key| !is_busy(key)), |key| {
                account.types.get(&key.record_type).map_or(0, |surface| surface.priority)
            });
        }
        Ok(self.next())
    }

    fn fill(&mut self, due: impl Iterator<Item = RecordKey>, priority: impl Fn(&RecordKey) -> u8) {
        let placed = due.enumerate().map(|(nth, key)| ((Reverse(priority(&key)), nth), key));
        self.waiting = placed.collect();
    }

    fn next(&mut self) -> Vec<(Place, RecordKey)> {
        let mut taken = Vec::with_capacity(ROUND);
        while taken.len() < ROUND - IN_TURN {
            let Some(first) = self.waiting.pop_first() else { return taken };
            taken.push(first);
        }
        for _ in 0..IN_TURN {
            let after = match self.turn {
                Some(turn) => {
                    let after = (Bound::Excluded(turn), Bound::Unbounded);
                    self.waiting.range(after).next().map(|(place, _)| *place)
                }
                None => None,
            };
            let Some(place) = after.or_else(|| self.waiting.keys().next().copied()) else { break };
            taken.extend(self.waiting.remove_entry(&place));
            self.turn = Some(place);
        }
        taken
    }

    /// What was not started keeps its place.
    pub(super) fn put_back(&mut self, keys: impl Iterator<Item = (Place, RecordKey)>) {
        self.waiting.extend(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{AccountId, CanonicalId, RecordType};

    fn key(kind: &str, nth: usize) -> RecordKey {
        let id = CanonicalId::parse(&nth.to_string()).unwrap();
        RecordKey::new(AccountId::parse("acme").unwrap(), RecordType::parse(kind).unwrap(), id)
    }

    /// Minor records that have been due for longest, then major ones.
    fn queue(minor: usize, major: usize) -> Queue {
        let mut queue = Queue::default();
        let due = (0..minor).map(|nth| key("minor", nth)).chain((0..major).map(|nth| key("major", nth)));
        queue.fill(due, |key| if key.record_type.as_str() == "major" { 7 } else { 2 });
        queue
    }

    fn major(taken: &[(Place, RecordKey)]) -> usize {
        taken.iter().filter(|(_, key)| key.record_type.as_str() == "major").count()
    }

    #[test]
    fn the_most_important_come_first_and_of_them_the_longest_due() {
        let mut queue = queue(500, 300);
        let first = queue.next();
        assert_eq!(
            (first.len(), first[0].1.clone(), first[74].1.clone()),
            (ROUND, key("major", 0), key("major", 74))
        );
        // Nothing was started: the same come again.
        queue.put_back(first.into_iter());
        assert_eq!(queue.next()[0].1, key("major", 0));
    }

    #[test]
    fn everything_is_taken_in_turn_though_nothing_important_is_ever_done() {
        let mut queue = queue(1_000, 300);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_300 / IN_TURN {
            let taken = queue.next();
            assert!(major(&taken) >= ROUND - IN_TURN);
            seen.extend(taken.iter().map(|(_, key)| key.clone()));
            queue.put_back(taken.into_iter());
        }
        assert_eq!(seen.len(), 1_300);
    }

    #[test]
    fn each_is_taken_once_until_nothing_is_left() {
        let mut queue = queue(250, 60);
        let mut taken = Vec::new();
        loop {
            let next = queue.next();
            if next.is_empty() {
                break;
            }
            taken.extend(next.into_iter().map(|(_, key)| key));
        }
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 310);
    }
}
