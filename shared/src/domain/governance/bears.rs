//! How many calls at once an account has been found to bear. Its own limit is shared with integrations that we know
//! nothing of, so it is learned from what is refused:
//!
//! ```text
//! proven ──► one more is tried ──► clean window: proven, and the next step is larger
//!    ▲                        └──► refused: back, at once; the next try comes later
//!    └── half as many ◄── refused at what was proven: there is less room than there was
//! ```
//!
//! A try costs one refused call. That is what it takes to notice that there is room again.

use super::super::id::Timestamp;

/// Permits at the start.
const INITIAL_LIMIT: u32 = 2;

/// A window without overload, ms, in which all permits were in use, shows that they are borne.
pub(super) const WINDOW_MS: i64 = 2_000;

/// So many windows without any call under way are a rest: what was in use before it says nothing of now.
const REST_MS: i64 = 3 * WINDOW_MS;

/// After the first, second, … refused try in a row the next comes so much later, ms. Longer than the last would leave
/// room unused for longer than it takes to refuse a call.
const TRY_AGAIN_MS: [i64; 3] = [4_000, 8_000, 16_000];

/// How many calls at once the account has been found to bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bears {
    /// So many may be under way now.
    pub limit: u32,
    /// So many a clean window has shown to be borne since there last was less room; 0: none has.
    pub proven: u32,
    /// Tries of more that were refused, in a row.
    pub tries: u32,
    /// No more than now are tried before.
    pub try_at: Timestamp,
    /// When the limit last fell: what becomes of calls that were begun by then is no news.
    pub fell_at: Timestamp,
    /// Start of the current window.
    pub window: Timestamp,
    /// Whether all permits were in use at some time in the window.
    pub saturated: bool,
}

impl Default for Bears {
    fn default() -> Self {
        let never = Timestamp(0);
        Self {
            limit: INITIAL_LIMIT,
            proven: 0,
            tries: 0,
            try_at: never,
            fell_at: never,
            window: never,
            saturated: false,
        }
    }
}

impl Bears {
    /// Whether nothing has been under way for so long that a new window begins.
    pub(super) fn has_rested(&self, now: Timestamp) -> bool {
        now.0 - self.window.0 >= REST_MS
    }

    /// Begins a window.
    pub(super) fn begin_window(&mut self, now: Timestamp) {
        (self.window, self.saturated) = (now, false);
    }

    /// A call was answered. Ends the window when it is over; the answer then is whether all `used` permits were in use
    /// in it, `used` being how many writes may be under way.
    pub(super) fn answered(&mut self, now: Timestamp, used: u32, cap: u32) -> Option<bool> {
        if now.0 - self.window.0 < WINDOW_MS {
            return None;
        }
        let was_saturated = self.saturated;
        if was_saturated {
            let is_more = used > self.proven;
            self.proven = self.proven.max(used);
            if self.limit < cap && now >= self.try_at {
                // What follows a try that went well may be far from what there is room for now.
                let step = if is_more && self.tries == 0 { (self.limit / 2).max(1) } else { 1 };
                self.limit = (self.limit + step).min(cap);
            }
            if is_more {
                self.tries = 0;
            }
        }
        self.begin_window(now);
        Some(was_saturated)
    }

    /// A call that was begun at `begun` was refused while `others` of ours were under way. Whether that is news; it is
    /// none when the limit has fallen since.
    pub(super) fn refused(
        &mut self,
        begun: Timestamp,
        others: u32,
        now: Timestamp,
        dice: f64,
        cap: u32,
    ) -> bool {
        if begun <= self.fell_at {
            return false;
        }
        let limit = self.limit.min(cap);
        if others >= self.proven {
            let step = (self.tries as usize).min(TRY_AGAIN_MS.len() - 1);
            self.limit = others.min(limit.saturating_sub(1)).max(1);
            self.tries += 1;
            self.try_at = now.plus((TRY_AGAIN_MS[step] as f64 * (0.75 + 0.5 * dice)) as i64);
        } else {
            self.limit = (limit / 2).min(others).max(1);
            (self.proven, self.tries, self.try_at) = (0, 0, now.plus(WINDOW_MS));
        }
        self.fell_at = now;
        self.begin_window(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: u32 = 7;

    /// An account with so much room, asked for all that is permitted, for so many seconds: one call each 100 ms per
    /// permit. The answer is how many were refused.
    fn pass(bears: &mut Bears, now: &mut i64, room: u32, seconds: i64) -> u32 {
        let until = *now + seconds * 1_000;
        let mut refused = 0;
        while *now < until {
            *now += 100;
            bears.saturated = true;
            let (limit, at) = (bears.limit, Timestamp(*now));
            if limit > room {
                refused += u32::from(bears.refused(at, room, at, 0.5, CAP));
            } else {
                bears.answered(at, limit, CAP);
            }
        }
        refused
    }

    #[test]
    fn learns_how_much_room_there_is_and_pays_little_for_it() {
        let (mut bears, mut now) = (Bears::default(), 0);
        // room, seconds, limit by then, refused at most
        for (room, seconds, limit, refused) in
            [(11, 14, 7, 0), (2, 10, 2, 4), (2, 60, 2, 6), (5, 30, 5, 5), (5, 60, 5, 6), (11, 35, 7, 1)]
        {
            let at = now;
            let paid = pass(&mut bears, &mut now, room, seconds);
            // A try may be under way just now.
            assert!(bears.limit == limit || bears.limit == limit + 1, "room {room}: {bears:?}");
            assert!(paid <= refused, "room {room}: {paid} refused from {at}");
        }
    }

    #[test]
    fn a_refused_try_costs_the_try_and_the_next_comes_later() {
        let mut bears = Bears { limit: 4, proven: 3, ..Bears::default() };
        let mut waits = Vec::new();
        for n in 1..=4 {
            let now = Timestamp(n * 100_000);
            bears.limit = 4;
            assert!(bears.refused(now, 3, now, 0.5, CAP));
            assert_eq!((bears.limit, bears.proven), (3, 3));
            waits.push(bears.try_at.0 - now.0);
        }
        assert_eq!(waits, [4_000, 8_000, 16_000, 16_000]);
    }

    #[test]
    fn a_refusal_of_what_was_proven_halves_and_all_that_was_begun_by_then_says_it_no_second_time() {
        let mut bears = Bears { limit: 7, proven: 7, ..Bears::default() };
        assert!(bears.refused(Timestamp(10), 6, Timestamp(20), 0.5, CAP));
        assert_eq!((bears.limit, bears.proven), (3, 0));
        for begun in [10, 19, 20] {
            assert!(!bears.refused(Timestamp(begun), 5, Timestamp(21), 0.5, CAP));
        }
        assert_eq!(bears.limit, 3);
        assert!(
            bears.refused(Timestamp(21), 2, Timestamp(22), 0.5, CAP),
            "begun since: it is too many still"
        );
        assert_eq!(bears.limit, 2);
    }

    #[test]
    fn never_less_than_one_nor_more_than_the_cap() {
        let mut bears = Bears::default();
        for n in 1..20 {
            bears.refused(Timestamp(n), 0, Timestamp(n), 0.0, CAP);
            assert_eq!(bears.limit, 1);
        }
        for n in 1..60 {
            bears.saturated = true;
            let limit = bears.limit;
            bears.answered(Timestamp(n * WINDOW_MS), limit, CAP);
            assert!(bears.limit <= CAP);
        }
        assert_eq!(bears.limit, CAP);
    }

    #[test]
    fn what_is_not_used_proves_nothing() {
        let mut bears = Bears::default();
        assert_eq!(bears.answered(Timestamp(WINDOW_MS), 2, CAP), Some(false));
        assert_eq!((bears.limit, bears.proven), (INITIAL_LIMIT, 0));
    }
}
