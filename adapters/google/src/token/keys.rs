//! The signing keys that we hold, and when they are fetched again.
//!
//! ```text
//! known key, fresh ──────────────► used
//! known key, over its age ───────► one caller fetches, the others use it; on failure it stays in use for a day
//! unknown key ───────────────────► at most one fetch a minute, whoever asks; else refused
//! no keys at all ────────────────► all wait for one fetch; after a failure nobody tries for some seconds
//! ```
//!
//! A fetch ends with the caller that makes it, when that one hangs up; it then counts as one that failed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use shared::domain::id::Timestamp;

use super::jwks::{Source, VerifyingKey};

pub use super::jwks::KeyError;

/// How often and how long keys are fetched and held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// A fetch may take so long.
    pub fetch_within: Duration,
    /// An unknown key makes us look again only when the last look is so old.
    pub unknown_every: Duration,
    /// After a failed fetch nobody tries again for so long.
    pub retry_every: Duration,
    /// Keys that cannot be fetched anew are used for so long after their age.
    pub stale_for: Duration,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            fetch_within: Duration::from_secs(3),
            unknown_every: Duration::from_secs(60),
            retry_every: Duration::from_secs(5),
            stale_for: Duration::from_secs(24 * 3_600),
        }
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// None has this id.
    Unknown,
    /// We hold no keys, and cannot get any now.
    Unavailable,
}

/// The signing keys.
pub(super) struct Keys {
    source: Source,
    limits: KeyLimits,
    held: Mutex<Held>,
    /// Held by the one caller that fetches.
    fetching: tokio::sync::Mutex<()>,
}

/// What is known.
#[derive(Default)]
struct Held {
    keys: HashMap<String, VerifyingKey>,
    /// The keys are fresh until then.
    fresh_until: Option<Timestamp>,
    last: Last,
}

/// The last fetch.
#[derive(Default, Clone, Copy)]
enum Last {
    #[default]
    Never,
    /// Under way as long as `fetching` is held; else given up by a caller that went away.
    Begun(Timestamp),
    Done(Timestamp),
    Failed(Timestamp),
}

/// What to do about a key id now.
enum Step {
    Use(Box<VerifyingKey>),
    /// Use it, and see that somebody fetches.
    UseAndFetch(Box<VerifyingKey>),
    /// Nothing can be said before a fetch.
    Fetch,
    Refuse(NoKey),
}

impl Keys {
    pub(super) fn new(
        url: &str,
        algorithms: &'static [Algorithm],
        limits: KeyLimits,
    ) -> Result<Self, KeyError> {
        let source = Source::new(url, algorithms, limits.fetch_within)?;
        Ok(Self { source, limits, held: Mutex::default(), fetching: tokio::sync::Mutex::default() })
    }

    /// The key of this id.
    pub(super) async fn find(&self, id: &str, now: Timestamp) -> Result<VerifyingKey, NoKey> {
        let is_under_way = self.fetching.try_lock().is_err();
        match self.step(id, now, is_under_way) {
            Step::Use(key) => Ok(*key),
            Step::Refuse(why) => Err(why),
            Step::UseAndFetch(key) => {
                // Whoever comes while another fetches need not wait: the key is good enough.
                if let Ok(_alone) = self.fetching.try_lock() {
                    // What is held says what a failure means.
                    let _ = self.fetch(now).await;
                    return self.settled(id, now);
                }
                Ok(*key)
            }
            Step::Fetch => {
                let _alone = self.fetching.lock().await;
                // Another may have fetched while we waited, or have gone away.
                if let Step::Fetch = self.step(id, now, false) {
                    let _ = self.fetch(now).await;
                }
                self.settled(id, now)
            }
        }
    }

    /// Fetches, whatever is held.
    pub(super) async fn check(&self, now: Timestamp) -> Result<(), KeyError> {
        let _alone = self.fetching.lock().await;
        self.fetch(now).await
    }

    /// The answer after a fetch, whoever made it.
    fn settled(&self, id: &str, now: Timestamp) -> Result<VerifyingKey, NoKey> {
        match self.step(id, now, false) {
            Step::Use(key) | Step::UseAndFetch(key) => Ok(*key),
            Step::Refuse(why) => Err(why),
            Step::Fetch => Err(NoKey::Unavailable),
        }
    }

    fn step(&self, id: &str, now: Timestamp, is_under_way: bool) -> Step {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.step(id, now, is_under_way, &self.limits)
    }

    /// Fetches; what is held stays when that fails, and when the caller goes away meanwhile.
    async fn fetch(&self, now: Timestamp) -> Result<(), KeyError> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held().last = Last::Begun(now);
        match self.source.fetch().await {
            Ok(fetched) => {
                let fresh_until = now.plus(millis(fetched.max_age));
                let keys = fetched.keys;
                *held() = Held { keys, fresh_until: Some(fresh_until), last: Last::Done(now) };
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "signing keys of tokens");
                held().last = Last::Failed(now);
                Err(error)
            }
        }
    }
}

impl Held {
    /// What to do about key `id` at `now`; `is_under_way`: somebody fetches, for whom one can wait. Pure.
    fn step(&self, id: &str, now: Timestamp, is_under_way: bool, limits: &KeyLimits) -> Step {
        // A clock that was set back must not forbid fetching until it catches up.
        let is_past = |at: Timestamp, every: Duration| now < at || now >= at.plus(millis(every));
        let may_retry = match self.last {
            Last::Begun(at) => is_under_way || is_past(at, limits.retry_every),
            Last::Failed(at) => is_past(at, limits.retry_every),
            Last::Never | Last::Done(_) => true,
        };
        let may_look = match self.last {
            Last::Begun(at) => is_under_way || is_past(at, limits.unknown_every),
            Last::Done(at) | Last::Failed(at) => is_past(at, limits.unknown_every),
            Last::Never => true,
        };
        let Some(fresh_until) = self.fresh_until.filter(|at| now < at.plus(millis(limits.stale_for))) else {
            return if may_retry { Step::Fetch } else { Step::Refuse(NoKey::Unavailable) };
        };
        match self.keys.get(id) {
            Some(key) if now < fresh_until => Step::Use(Box::new(key.clone())),
            Some(key) if may_retry => Step::UseAndFetch(Box::new(key.clone())),
            Some(key) => Step::Use(Box::new(key.clone())),
            None if may_look => Step::Fetch,
            None => Step::Refuse(NoKey::Unknown),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
