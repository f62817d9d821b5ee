//! What we may ask of an account's NetSuite now. Arithmetic only: the state stores it and makes each step
//! one transaction, so that it holds across all instances.

mod bears;
mod pace;

use uuid::Uuid;

pub use self::bears::Bears;
pub use self::pace::Pace;
use super::id::Timestamp;
use super::surface::Limits;
use crate::breakage::{self, Breakage};

/// Waits between attempts, ms, before jitter.
pub const BACKOFF_MS: [i64; 5] = [5_000, 15_000, 30_000, 60_000, 300_000];

/// Failed calls in a row after which one probe at a time is sent.
const FAILURES_UNTIL_QUEUED: u32 = 3;

/// Others leave room for no call of ours at all: we come again after this, ms, doubled with each refusal in a row,
const NO_ROOM_PAUSE_MS: i64 = 1_000;

/// but never later than this, ms. A call that is refused costs NetSuite nothing; room that nobody notices is lost.
const NO_ROOM_PAUSE_MAX_MS: i64 = 12_000;

/// A call that has said nothing for so long, ms, has a slow answer or a dead caller: either way looks may go on
/// beside it.
const SILENT_AFTER_MS: i64 = 30_000;

/// Refused sign-ins in a row after which the account is suspended: once or twice may be NetSuite's own trouble, which
/// has also answered overload so.
const REFUSALS_UNTIL_SUSPENDED: u32 = 3;

/// With so many permits, one is kept for looks.
const RESERVE_FROM: u32 = 3;

/// The kept permit is lent to writes once all others have been in use for so long, ms: a backlog that lasts is worth
/// more than a quick look after a crash, which then costs five minutes instead of one.
const LENT_AFTER_MS: i64 = 8_000;

/// After a call of which nobody heard, it is lent no more for so long, ms.
const KEPT_AFTER_SILENCE_MS: i64 = 120_000;

/// A poll that finds no permit has the next one kept for it so long, ms: it asks again each second.
const KEPT_FOR_POLL_MS: i64 = 2_000;

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
    /// When it was begun.
    pub begun: Timestamp,
    /// Records that it writes.
    pub writes: u32,
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
    /// Records that it writes.
    pub writes: u32,
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
    /// What somebody would like to know, and nothing waits for.
    Ask,
}

/// An account's use of its NetSuite.
#[derive(Debug, Clone, PartialEq)]
pub struct Governance {
    /// Calls that may be under way.
    pub open: Vec<OpenCall>,
    /// How many NetSuite has been found to bear at once.
    pub bears: Bears,
    /// Failed calls in a row.
    pub failures: u32,
    /// No call before this time.
    pub not_before: Timestamp,
    /// From then on writes may take the permit that is kept for looks.
    pub lent_from: Timestamp,
    /// Until then a poll waits for a permit, and writes leave it the next.
    pub poll_waits_until: Timestamp,
    /// Writes done lately.
    pub pace: Pace,
    /// Day (since the epoch, UTC) that `requests` counts.
    pub day: i64,
    /// Requests sent that day.
    pub requests: u64,
    /// Calls refused for overload, ever.
    pub overloads: u64,
    /// Sign-ins refused in a row.
    pub refused_sign_ins: u32,
    /// Suspended since then, for our credentials are refused: one probe at a time until one is answered.
    pub suspended: Option<Timestamp>,
}

/// What a person must hear of, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The account was suspended at this time.
    Suspended(Timestamp),
    /// It goes on; it was suspended since this time.
    Resumed(Timestamp),
}

/// Why a call may not be made now, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow {
    /// When to ask again.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
}

/// What became of calls that were asked for together, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// How many of them, from the first, have permits.
    pub granted: usize,
    /// Why the one after those may not be made; `None`: all have permits.
    pub not_now: Option<NotNow>,
}

impl Begun {
    /// Asks `begin` for each call, until one may not be made: none after it is asked for.
    pub fn of(calls: &[Call], mut begin: impl FnMut(&Call) -> Result<(), NotNow>) -> Self {
        let refused = calls.iter().enumerate().find_map(|(nth, call)| Some((nth, begin(call).err()?)));
        match refused {
            Some((granted, not_now)) => Self { granted, not_now: Some(not_now) },
            None => Self { granted: calls.len(), not_now: None },
        }
    }
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
            bears: Bears::default(),
            failures: 0,
            not_before: Timestamp(0),
            lent_from: Timestamp(0),
            poll_waits_until: Timestamp(0),
            pace: Pace::default(),
            day: 0,
            requests: 0,
            overloads: 0,
            refused_sign_ins: 0,
            suspended: None,
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
    /// a look can tell that its calls are over. Only a backlog that lasts, in an account where every call is heard of,
    /// may take it too. A poll may as well: its calls are short, and writers that never rest must not keep an account
    /// from hearing what changed. What only somebody's curiosity asks leaves one to all others.
    pub fn permits(&self, purpose: Purpose, now: Timestamp, limits: &Limits) -> u32 {
        let silent = self.silent(now);
        let live = self.open.len() as u32 - silent;
        let bears = if self.is_queued() { 1 } else { self.bears.limit };
        let (permits, cap) = (bears.saturating_add(silent), cap(limits));
        let is_lent = silent == 0 && now >= self.lent_from;
        let is_kept = match purpose {
            Purpose::Write(_) => (cap >= RESERVE_FROM && !is_lent) || (silent > 0 && cap > 1),
            Purpose::Look => cap >= RESERVE_FROM && !is_lent && live > 0,
            Purpose::Poll => false,
            Purpose::Ask => true,
        };
        permits.min(cap - u32::from(is_kept))
    }

    /// Calls that nobody waits for any more.
    fn silent(&self, now: Timestamp) -> u32 {
        self.open.iter().filter(|call| call.silent_from <= now).count() as u32
    }

    /// Whether the account sends one probe at a time after repeated failures.
    pub fn is_queued(&self) -> bool {
        self.failures >= FAILURES_UNTIL_QUEUED || self.suspended.is_some()
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
            Purpose::Ask => soft,
            Purpose::Write(_) | Purpose::Look | Purpose::Poll => limits.daily_requests,
        };
        if self.requests >= budget {
            return Err(NotNow { at: Timestamp((day + 1) * DAY_MS), why: Why::Budget });
        }
        if now < self.not_before {
            return Err(NotNow { at: self.not_before, why: Why::BackingOff });
        }
        let is_needed = call.purpose != Purpose::Ask;
        if self.is_queued() && !is_needed {
            // The one probe is for work.
            return Err(NotNow { at: now.plus(1_000), why: Why::BackingOff });
        }
        if self.open.is_empty() && self.bears.has_rested(now) {
            self.bears.begin_window(now);
            self.keep_until(now.plus(LENT_AFTER_MS));
        }
        if self.silent(now) > 0 {
            self.keep_until(now.plus(KEPT_AFTER_SILENCE_MS));
        }
        let permits = self.permits(call.purpose, now, limits) as usize;
        // Looks give permits back; nothing else goes before a poll that waits.
        let goes_first = matches!(call.purpose, Purpose::Poll | Purpose::Look);
        let is_kept_for_poll = !goes_first && now < self.poll_waits_until && self.open.len() + 1 >= permits;
        if self.open.len() >= permits || is_kept_for_poll {
            self.bears.saturated |= is_needed && !is_kept_for_poll;
            if call.purpose == Purpose::Poll {
                self.poll_waits_until = now.plus(KEPT_FOR_POLL_MS);
            }
            let first = self.open.iter().map(|call| call.until).min().unwrap_or(now);
            return Err(NotNow { at: first.min(now.plus(1_000)), why: Why::Saturated });
        }
        if call.purpose == Purpose::Poll {
            self.poll_waits_until = Timestamp(0);
        }
        let silent_from = now.plus(SILENT_AFTER_MS).min(call.until);
        let Call { id, until, writes, .. } = *call;
        self.open.push(OpenCall { id, until, silent_from, begun: now, writes });
        self.bears.saturated |= is_needed && self.open.len() == permits;
        self.requests += 1;
        Ok(())
    }

    /// Writes take the kept permit no earlier.
    fn keep_until(&mut self, at: Timestamp) {
        self.lent_from = self.lent_from.max(at);
    }

    /// Notes how call `id` ended, and gives its permit back unless the call may still be running.
    pub fn end(&mut self, id: Uuid, end: CallEnd, now: Timestamp, limits: &Limits) -> Option<Turn> {
        let call = self.open.iter().find(|call| call.id == id).copied();
        if end != CallEnd::Unknown || breakage::on(Breakage::PermitFreedAtTimeout) {
            self.open.retain(|call| call.id != id);
        } else if let Some(call) = self.open.iter_mut().find(|call| call.id == id) {
            call.silent_from = now;
            self.keep_until(now.plus(KEPT_AFTER_SILENCE_MS));
        }
        match end {
            CallEnd::NotMade => self.requests = self.requests.saturating_sub(1),
            CallEnd::Over => {}
            CallEnd::Answered => {
                self.pace.note(now, call.map_or(0, |call| call.writes));
                let resumed = match self.suspended {
                    // Signed in before the credentials were refused.
                    Some(since) if call.is_some_and(|call| call.begun <= since) => return None,
                    Some(since) => Some(Turn::Resumed(since)),
                    None => None,
                };
                (self.failures, self.refused_sign_ins, self.suspended) = (0, 0, None);
                self.not_before = Timestamp(0);
                if resumed.is_some() {
                    // Everybody else comes back now, too.
                    self.bears = Bears { window: now, ..Bears::default() };
                    return resumed;
                }
                let permits = self.permits(Purpose::Write(u8::MAX), now, limits);
                let used = permits.saturating_sub(self.silent(now));
                if self.bears.answered(now, used, cap(limits)) == Some(false) {
                    self.keep_until(now.plus(LENT_AFTER_MS));
                }
            }
            CallEnd::Overload => {
                self.overloads += 1;
                let others = self.open.len() as u32 - self.silent(now);
                let begun = call.map_or(now, |call| call.begun);
                if self.bears.refused(begun, others, now, dice(&id), cap(limits)) {
                    self.failures = self.failures.saturating_add(1);
                    if others == 0 || self.is_queued() {
                        self.not_before = now.plus(no_room_pause_ms(self.failures, dice(&id)));
                    }
                }
            }
            CallEnd::Auth | CallEnd::Unclear | CallEnd::Unknown => {
                self.failures = self.failures.saturating_add(1);
                if self.is_queued() {
                    let step = (self.failures + 1).saturating_sub(FAILURES_UNTIL_QUEUED);
                    self.not_before = now.plus(backoff_ms(step, dice(&id)));
                }
                self.bears.begin_window(now);
                if end == CallEnd::Auth {
                    self.refused_sign_ins = self.refused_sign_ins.saturating_add(1);
                    if self.refused_sign_ins >= REFUSALS_UNTIL_SUSPENDED && self.suspended.is_none() {
                        self.suspended = Some(now);
                        return Some(Turn::Suspended(now));
                    }
                }
            }
        }
        None
    }
}

/// The wait after `refusals` in a row for want of any room; `dice` in 0..1 spreads it by a quarter either way.
fn no_room_pause_ms(refusals: u32, dice: f64) -> i64 {
    let wait = NO_ROOM_PAUSE_MS << (refusals.max(1) - 1).min(10);
    (wait.min(NO_ROOM_PAUSE_MAX_MS) as f64 * (0.75 + 0.5 * dice.clamp(0.0, 1.0))) as i64
}

#[cfg(test)]
mod tests;
