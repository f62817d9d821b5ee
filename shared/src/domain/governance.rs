//! What we may ask of an account's NetSuite now. Arithmetic only: the state stores it and makes each step
//! one transaction, so that it holds across all instances.

use uuid::Uuid;

use super::id::Timestamp;
use super::surface::Limits;
use crate::breakage::{self, Breakage};

/// Waits between attempts, ms, before jitter.
pub const BACKOFF_MS: [i64; 5] = [5_000, 15_000, 30_000, 60_000, 300_000];

/// Failed calls in a row after which one probe at a time is sent.
const FAILURES_UNTIL_QUEUED: u32 = 3;

/// A window without overload, in which all permits were in use, earns one more permit.
const WINDOW_MS: i64 = 2_000;

/// After one refusal for overload, with half the permits, ms: long enough for somebody's call to end. What is
/// refused again and again is backed off from.
const OVERLOAD_PAUSE_MS: i64 = 1_000;

/// Permits at the start.
const INITIAL_LIMIT: u32 = 2;

/// A call that has said nothing for so long, ms, has a slow answer or a dead caller: either way looks may go on
/// beside it.
const SILENT_AFTER_MS: i64 = 30_000;

/// With so many permits, one is kept.
const RESERVE_FROM: u32 = 3;

/// Types below this priority pause when the daily budget runs short.
const LOW_PRIORITY_BELOW: u8 = 5;

const DAY_MS: i64 = 86_400_000;

/// The wait after `attempts` failures (1 = the first); `dice` in 0..1 spreads it by a quarter either way.
pub fn backoff_ms(attempts: u32, dice: f64) -> i64 {
    let step = (attempts.max(1) as usize - 1).min(BACKOFF_MS.len() - 1);
    (BACKOFF_MS[step] as f64 * (0.75 + 0.5 * dice.clamp(0.0, 1.0))) as i64
}

/// Dice without randomness: the same call rolls the same number, different calls spread evenly.
pub fn dice(seed: &Uuid) -> f64 {
    (seed.as_u128() >> 96) as f64 / f64::from(u32::MAX)
}

/// A call that may occupy one of NetSuite's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCall {
    /// Its id.
    pub id: Uuid,
    /// From then on it cannot run any more.
    pub until: Timestamp,
    /// From then on nobody waits for its answer any more: its caller gave up, or died.
    pub silent_from: Timestamp,
}

/// A call for which a permit is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// Now.
    pub now: Timestamp,
    /// Until when it may occupy a slot.
    pub until: Timestamp,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A look at records whose writes are unsettled.
    Look,
    /// Writes, the most important of this priority.
    Write(u8),
    /// Finding what has changed.
    Poll,
}

/// An account's use of its NetSuite.
#[derive(Debug, Clone, PartialEq)]
pub struct Governance {
    /// Calls that may be under way.
    pub open: Vec<OpenCall>,
    /// How many calls may be under way now.
    pub limit: u32,
    /// Failed calls in a row.
    pub failures: u32,
    /// No call before this time.
    pub not_before: Timestamp,
    /// Start of the current window.
    pub window: Timestamp,
    /// Whether all permits were in use at some time in the window.
    pub saturated: bool,
    /// Day (since the epoch, UTC) that `requests` counts.
    pub day: i64,
    /// Requests sent that day.
    pub requests: u64,
    /// Calls refused for overload, ever.
    pub overloads: u64,
}

/// Why a call may not be made now, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow {
    /// When to ask again.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
}

/// Why a call may not be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// All permits are in use.
    Saturated,
    /// The last calls failed.
    BackingOff,
    /// The day's budget is used up for this priority.
    Budget,
}

/// How a call ended, as far as the account is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// NetSuite answered, whatever it said of the records.
    Answered,
    /// Too many calls at once. Nothing was done.
    Overload,
    /// Our credentials were refused. Nothing was done.
    Auth,
    /// It answered, so its slot is free, but nobody can tell what it did.
    Unclear,
    /// No answer: the slot may still be in use.
    Unknown,
    /// The call was never made.
    NotMade,
    /// Nobody heard its answer, but its last write was found done.
    Over,
}

impl CallEnd {
    /// Whether the call's writes may have been done, or may still be.
    pub fn is_doubtful(self) -> bool {
        match self {
            CallEnd::Unclear | CallEnd::Unknown => true,
            CallEnd::Answered | CallEnd::Overload | CallEnd::Auth | CallEnd::NotMade | CallEnd::Over => false,
        }
    }
}

impl Default for Governance {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            limit: INITIAL_LIMIT,
            failures: 0,
            not_before: Timestamp(0),
            window: Timestamp(0),
            saturated: false,
            day: 0,
            requests: 0,
            overloads: 0,
        }
    }
}

/// The most calls that we may ever have under way in an account.
pub fn cap(limits: &Limits) -> u32 {
    ((f64::from(limits.concurrency) * limits.share) as u32).max(1)
}

impl Governance {
    /// How many calls for this purpose may be under way now. Calls that nobody waits for any more are no sign
    /// that NetSuite is too busy: they count against the cap, not against what we have found it to bear.
    ///
    /// Where there are enough, the last permit is for a look at what such calls have done, and for nothing
    /// else: a writer that died with all permits in its hands would stop the account for five minutes, for only
    /// a look can tell that its calls are over. A poll may take it too: its calls are short, and writers that never
    /// rest must not keep an account from hearing what changed.
    pub fn permits(&self, purpose: Purpose, now: Timestamp, limits: &Limits) -> u32 {
        let silent = self.open.iter().filter(|call| call.silent_from <= now).count() as u32;
        let live = self.open.len() as u32 - silent;
        let bears = if self.is_queued() { 1 } else { self.limit };
        let (permits, cap) = (bears.saturating_add(silent), cap(limits));
        let is_kept = match purpose {
            Purpose::Write(_) => cap >= RESERVE_FROM || (silent > 0 && cap > 1),
            Purpose::Look => cap >= RESERVE_FROM && live > 0,
            Purpose::Poll => false,
        };
        permits.min(cap - u32::from(is_kept))
    }

    /// Whether the account sends one probe at a time after repeated failures.
    pub fn is_queued(&self) -> bool {
        self.failures >= FAILURES_UNTIL_QUEUED
    }

    /// Takes a permit for a call.
    pub fn begin(&mut self, call: &Call, limits: &Limits) -> Result<(), NotNow> {
        let now = call.now;
        self.open.retain(|call| call.until > now);
        let day = now.0.div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.requests) = (day, 0);
        }
        let soft = (limits.daily_requests as f64 * limits.governance_threshold) as u64;
        let budget = match call.purpose {
            Purpose::Write(priority) if priority < LOW_PRIORITY_BELOW => soft,
            Purpose::Write(_) | Purpose::Look | Purpose::Poll => limits.daily_requests,
        };
        if self.requests >= budget {
            return Err(NotNow { at: Timestamp((day + 1) * DAY_MS), why: Why::Budget });
        }
        if now < self.not_before {
            return Err(NotNow { at: self.not_before, why: Why::BackingOff });
        }
        let permits = self.permits(call.purpose, now, limits) as usize;
        if self.open.len() >= permits {
            self.saturated = true;
            let first = self.open.iter().map(|call| call.until).min().unwrap_or(now);
            return Err(NotNow { at: first.min(now.plus(1_000)), why: Why::Saturated });
        }
        let silent_from = now.plus(SILENT_AFTER_MS).min(call.until);
        self.open.push(OpenCall { id: call.id, until: call.until, silent_from });
        self.saturated |= self.open.len() == permits;
        self.requests += 1;
        Ok(())
    }

    /// Notes how call `id` ended, and gives its permit back unless the call may still be running.
    pub fn end(&mut self, id: Uuid, end: CallEnd, now: Timestamp, limits: &Limits) {
        if end != CallEnd::Unknown || breakage::on(Breakage::PermitFreedAtTimeout) {
            self.open.retain(|call| call.id != id);
        } else if let Some(call) = self.open.iter_mut().find(|call| call.id == id) {
            call.silent_from = now;
        }
        match end {
            CallEnd::NotMade => self.requests = self.requests.saturating_sub(1),
            CallEnd::Over => {}
            CallEnd::Answered => {
                self.failures = 0;
                self.not_before = Timestamp(0);
                self.grow(now, limits);
            }
            CallEnd::Overload | CallEnd::Auth | CallEnd::Unclear | CallEnd::Unknown => {
                self.failures = self.failures.saturating_add(1);
                if end == CallEnd::Overload {
                    self.overloads += 1;
                    self.limit = (self.limit.min(cap(limits)) / 2).max(1);
                }
                if self.is_queued() {
                    let step = self.failures - FAILURES_UNTIL_QUEUED + 1;
                    self.not_before = now.plus(backoff_ms(step, dice(&id)));
                } else if end == CallEnd::Overload {
                    self.not_before = now.plus((OVERLOAD_PAUSE_MS as f64 * (0.5 + dice(&id))) as i64);
                }
                (self.window, self.saturated) = (now, false);
            }
        }
    }

    fn grow(&mut self, now: Timestamp, limits: &Limits) {
        if now.0 - self.window.0 < WINDOW_MS {
            return;
        }
        if self.saturated && self.limit < cap(limits) {
            self.limit += 1;
        }
        (self.window, self.saturated) = (now, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn limits(concurrency: u32) -> Limits {
        Limits { concurrency, ..Limits::default() }
    }

    fn begin(
        g: &mut Governance,
        id: Uuid,
        priority: u8,
        now: Timestamp,
        until: Timestamp,
        limits: &Limits,
    ) -> Result<(), NotNow> {
        g.begin(&Call { id, purpose: Purpose::Write(priority), now, until }, limits)
    }

    #[test]
    fn backoff_follows_the_schedule_and_stays_at_its_end() {
        let waits: Vec<i64> = (1..8).map(|n| backoff_ms(n, 0.5)).collect();
        assert_eq!(waits, [5_000, 15_000, 30_000, 60_000, 300_000, 300_000, 300_000]);
        assert_eq!((backoff_ms(1, 0.0), backoff_ms(1, 1.0)), (3_750, 6_250));
    }

    #[test]
    fn never_more_than_half_of_the_accounts_limit_and_at_least_one() {
        for (concurrency, expected) in [(0, 1), (1, 1), (5, 2), (10, 5), (25, 12)] {
            assert_eq!(cap(&limits(concurrency)), expected);
        }
    }

    #[test]
    fn a_timed_out_call_holds_its_permit_until_it_can_no_longer_run() {
        let (mut g, limits) = (Governance { limit: 1, ..Governance::default() }, limits(10));
        begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
        g.end(id(1), CallEnd::Unknown, Timestamp(1_000), &limits);
        assert_eq!(
            g.open,
            [OpenCall { id: id(1), until: Timestamp(310_000), silent_from: Timestamp(1_000) }]
        );
        begin(&mut g, id(2), 9, Timestamp(310_000), Timestamp(620_000), &limits).unwrap();
        assert_eq!(g.open.len(), 1, "by then it is over");
    }

    #[test]
    fn calls_that_nobody_waits_for_count_against_the_cap_and_leave_one_permit_for_looks() {
        let (mut g, limits) = (Governance { limit: 1, ..Governance::default() }, limits(6));
        assert_eq!(cap(&limits), 3);
        for n in 1..=2 {
            let now = Timestamp(n as i64);
            begin(&mut g, id(n), 9, now, now.plus(310_000), &limits).unwrap();
            g.end(id(n), CallEnd::Unknown, now, &limits);
        }
        let now = Timestamp(20_000);
        let refused = begin(&mut g, id(3), 9, now, now.plus(310_000), &limits).unwrap_err();
        assert_eq!(refused.why, Why::Saturated);
        let look = |n| Call { id: id(n), purpose: Purpose::Look, now, until: now.plus(310_000) };
        g.begin(&look(4), &limits).unwrap();
        assert_eq!(g.begin(&look(5), &limits).unwrap_err().why, Why::Saturated);
    }

    #[test]
    fn the_last_permit_is_for_a_look_at_what_silent_calls_have_done() {
        for (concurrency, writes, looks) in [(2, 1, 1), (4, 2, 2), (6, 2, 3), (10, 4, 5)] {
            let (g, limits) = (Governance { limit: 9, ..Governance::default() }, limits(concurrency));
            let permits = |purpose| g.permits(purpose, Timestamp(0), &limits);
            assert_eq!(
                (permits(Purpose::Write(9)), permits(Purpose::Look)),
                (writes, looks),
                "{concurrency}"
            );
        }
        let (mut g, limits) = (Governance { limit: 9, ..Governance::default() }, limits(6));
        begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
        assert_eq!(g.permits(Purpose::Look, Timestamp(1), &limits), 2, "another call is under way");
        assert_eq!(g.permits(Purpose::Look, Timestamp(200_000), &limits), 3, "nobody waits for it");
    }

    #[test]
    fn a_call_that_says_nothing_for_long_counts_against_the_cap_alone() {
        let limits = limits(6);
        let mut g = Governance { limit: 1, ..Governance::default() };
        begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
        let dead = Timestamp(SILENT_AFTER_MS);
        assert_eq!(g.permits(Purpose::Write(9), Timestamp(dead.0 - 1), &limits), 1);
        assert_eq!(g.permits(Purpose::Write(9), dead, &limits), 2);
    }

    #[test]
    fn a_call_that_is_found_done_gives_its_permit_back_and_proves_nothing_else() {
        let (mut g, limits) = (Governance { failures: 2, ..Governance::default() }, limits(2));
        begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
        g.end(id(1), CallEnd::Over, Timestamp(30_000), &limits);
        assert_eq!((g.open.len(), g.failures), (0, 2));
    }

    #[test]
    fn a_call_that_answered_nonsense_gives_its_permit_back() {
        let (mut g, limits) = (Governance { limit: 1, ..Governance::default() }, limits(2));
        begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
        g.end(id(1), CallEnd::Unclear, Timestamp(1_000), &limits);
        assert_eq!((g.open.len(), g.failures), (0, 1));
    }

    #[test]
    fn grows_only_when_saturated_and_halves_on_overload() {
        let (mut g, limits) = (Governance::default(), limits(20));
        let mut now = 0;
        let mut call = |g: &mut Governance, n: u128, all: u32, end: CallEnd| {
            now += WINDOW_MS;
            for i in 0..u128::from(all) {
                begin(g, id(n * 100 + i), 9, Timestamp(now), Timestamp(now + 1), &limits).unwrap();
            }
            for i in 0..u128::from(all) {
                g.end(id(n * 100 + i), end, Timestamp(now), &limits);
            }
        };
        call(&mut g, 1, 1, CallEnd::Answered);
        assert_eq!(g.limit, 2, "not saturated");
        call(&mut g, 2, 2, CallEnd::Answered);
        assert_eq!(g.limit, 3, "saturated");
        call(&mut g, 3, 3, CallEnd::Answered);
        assert_eq!(g.limit, 4);
        call(&mut g, 4, 1, CallEnd::Overload);
        assert_eq!(g.limit, 2);
    }

    #[test]
    fn three_failures_leave_one_probe_until_one_succeeds() {
        let (mut g, limits) = (Governance { limit: 5, ..Governance::default() }, limits(10));
        for n in 1..=3 {
            let now = g.not_before;
            begin(&mut g, id(n), 9, now, Timestamp(n as i64), &limits).unwrap();
            g.end(id(n), CallEnd::Auth, Timestamp(10), &limits);
        }
        assert!(g.is_queued() && g.not_before > Timestamp(10));
        assert_eq!(
            begin(&mut g, id(9), 9, Timestamp(11), Timestamp(99), &limits).unwrap_err().why,
            Why::BackingOff
        );
        let later = g.not_before;
        begin(&mut g, id(10), 9, later, later.plus(100), &limits).unwrap();
        assert_eq!(
            begin(&mut g, id(11), 9, later, later.plus(100), &limits).unwrap_err().why,
            Why::Saturated
        );
        g.end(id(10), CallEnd::Answered, later, &limits);
        assert!(!g.is_queued() && g.permits(Purpose::Look, later, &limits) == 5);
    }

    #[test]
    fn low_priorities_pause_at_the_threshold_and_all_at_the_budget() {
        let limits =
            Limits { daily_requests: 4, governance_threshold: 0.5, concurrency: 100, ..Limits::default() };
        let mut g = Governance { limit: 50, ..Governance::default() };
        for n in 0..2 {
            begin(&mut g, id(n), 1, Timestamp(5), Timestamp(9), &limits).unwrap();
        }
        let refused = begin(&mut g, id(9), 1, Timestamp(5), Timestamp(9), &limits).unwrap_err();
        assert_eq!((refused.why, refused.at), (Why::Budget, Timestamp(DAY_MS)));
        begin(&mut g, id(3), 9, Timestamp(5), Timestamp(9), &limits).unwrap();
        begin(&mut g, id(4), 9, Timestamp(5), Timestamp(9), &limits).unwrap();
        assert_eq!(
            begin(&mut g, id(5), 9, Timestamp(5), Timestamp(9), &limits).unwrap_err().why,
            Why::Budget
        );
        begin(&mut g, id(6), 1, Timestamp(DAY_MS), Timestamp(DAY_MS + 9), &limits).unwrap();
    }
}
