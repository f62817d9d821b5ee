//! The port [`Buffer`] over Redis.
//!
//! Each method is one Lua script: one round trip, and atomic among all instances. Time comes in as an
//! argument, so that the server's clock decides nothing but when forgotten keys are swept away.
//!
//! # Keys
//!
//! | key | type | holds | lives |
//! |---|---|---|---|
//! | `{acme}:due` | sorted set | subject → when it is due, ms | until the last is due, and [`BACKLOG_MS`] |
//! | `{acme}:pending` | hash | subject → first event's time, count, whether told to hurry | as `due` |
//! | `{acme}:lease:NAME` | string | until when, and who | until then, and [`SKEW_MS`] |
//! | `{acme}:seen:NAME` | string | until when | until then, and [`SKEW_MS`] |
//!
//! Every key begins with its account, in braces: a cluster keeps an account's keys together, so scripts work
//! there too. An account's name has no braces. Every key has an expiry.
//!
//! # What may go wrong, and what it costs
//!
//! All of it may be lost at any moment, in whole or by single keys: what is due is a row in the state too,
//! and the tick notes it again. A call that ends in [`Unavailable`] may have been carried out all the same;
//! subjects that were taken out and never arrived are the tick's as well. A replay that is not recognised
//! here is refused by the ledger, by its event id.
//!
//! A lease is no lock: two may work at the same time when Redis forgets, or when a holder pauses longer than
//! its lease. It keeps instances from getting in each other's way, no more. What keeps their work right is
//! compare-and-set on the revisions of rows in the state, and permits that are rows there: those are the
//! fences, and no token of ours would add to them.

mod link;

use std::time::Duration;

use async_trait::async_trait;
use redis::Script;
use shared::buffer::Buffer;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::surface::Coalescing;
use shared::fault::Unavailable;

use link::Link;
pub use link::{BadAddress, CALL_TIMEOUT, Refused, Standing};

/// What is due is kept so much longer, ms: as long as a flusher may be behind without anybody noticing.
pub const BACKLOG_MS: i64 = 600_000;

/// Leases and names are kept so much longer, ms: as far as the clocks of instances may be apart.
pub const SKEW_MS: i64 = 60_000;

/// The longest that any key lives, ms, whatever times are given: 30 days.
pub const LIFE_MAX_MS: i64 = 30 * 24 * 3_600_000;

/// See [`Buffer`] and the crate's own words.
pub struct RedisBuffer {
    link: Link,
    note: Script,
    take_due: Script,
    next_due: Script,
    lease: Script,
    release: Script,
    remember: Script,
}

impl RedisBuffer {
    /// A buffer at `address`, `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS; `authority` is
    /// the PEM of the certificate authority, when it is none that the machine knows.
    ///
    /// Connects with the first call, and again whenever that is needed: Redis need not be there yet.
    pub fn open(address: &str, authority: Option<Vec<u8>>) -> Result<Self, BadAddress> {
        Ok(Self {
            link: Link::new(address, authority)?,
            note: Script::new(include_str!("scripts/note.lua")),
            take_due: Script::new(include_str!("scripts/take_due.lua")),
            next_due: Script::new(include_str!("scripts/next_due.lua")),
            lease: Script::new(include_str!("scripts/lease.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
            remember: Script::new(include_str!("scripts/remember.lua")),
        })
    }

    /// The same, with calls that take so long at most instead of [`CALL_TIMEOUT`].
    pub fn with_timeout(self, call: Duration) -> Self {
        Self { link: self.link.with_timeout(call), ..self }
    }

    /// How the server stands. Fails when waiting would not help: nobody knows its host, it refuses us, or it is no Redis.
    /// That it is away is no reason not to start.
    pub async fn check(&self) -> Result<Standing, Refused> {
        self.link.check().await
    }
}

#[async_trait]
impl Buffer for RedisBuffer {
    async fn note(
        &self,
        account: &AccountId,
        subject: &str,
        now: Timestamp,
        flush_now: bool,
        rules: &Coalescing,
    ) -> Result<Timestamp, Unavailable> {
        let mut call = self.note.key(key(account, "due"));
        call.key(key(account, "pending")).arg(subject).arg(now.0).arg(i64::from(flush_now));
        call.arg(rules.quiet_ms).arg(rules.max_wait_ms).arg(rules.max_events);
        // It is never due later than this.
        call.arg(life(rules.quiet_ms.max(rules.max_wait_ms), BACKLOG_MS));
        self.link.call(&call).await.map(Timestamp)
    }

    async fn take_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Unavailable> {
        let mut call = self.take_due.key(key(account, "due"));
        call.key(key(account, "pending")).arg(now.0).arg(limit).arg(life(0, BACKLOG_MS));
        self.link.call(&call).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        let call = self.next_due.key(key(account, "due"));
        Ok(self.link.call::<Option<i64>>(&call).await?.map(Timestamp))
    }

    async fn lease(
        &self,
        account: &AccountId,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        let mut call = self.lease.key(key(account, &format!("lease:{name}")));
        call.arg(holder).arg(now.0).arg(until.0).arg(life(between(now, until), SKEW_MS));
        self.link.call(&call).await
    }

    async fn release(&self, account: &AccountId, name: &str, holder: &str) -> Result<(), Unavailable> {
        let mut call = self.release.key(key(account, &format!("lease:{name}")));
        call.arg(holder);
        self.link.call(&call).await
    }

    async fn remember(
        &self,
        account: &AccountId,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        let mut call = self.remember.key(key(account, &format!("seen:{name}")));
        call.arg(now.0).arg(until.0).arg(life(between(now, until), SKEW_MS));
        self.link.call(&call).await
    }
}

fn key(account: &AccountId, rest: &str) -> String {
    format!("{{{account}}}:{rest}")
}

fn between(now: Timestamp, until: Timestamp) -> i64 {
    until.0.saturating_sub(now.0)
}

/// How long a key lives that is of use for `use_ms`. Redis refuses what is not positive, or too far away.
fn life(use_ms: i64, slack_ms: i64) -> i64 {
    use_ms.saturating_add(slack_ms).clamp(1, LIFE_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_as_long_as_it_is_of_use_and_never_forever() {
        assert_eq!(life(100, SKEW_MS), 60_100);
        assert_eq!(life(-1_000_000, SKEW_MS), 1, "of no use any more");
        assert_eq!(life(i64::MAX, SKEW_MS), LIFE_MAX_MS);
        assert_eq!(between(Timestamp(i64::MIN), Timestamp(i64::MAX)), i64::MAX);
    }

    #[test]
    fn an_address_that_cannot_be_is_refused_without_repeating_its_password() {
        for bad in ["", "127.0.0.1:6379", "mysql://127.0.0.1:1", "redis://:secret@127.0.0.1:what"] {
            let Err(error) = RedisBuffer::open(bad, None) else { panic!("{bad:?} was taken") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_address_with_tls_needs_a_readable_authority() {
        assert!(RedisBuffer::open("rediss://127.0.0.1:6379", Some(b"no certificate".to_vec())).is_err());
    }
}
