//! The buffer with faults: a call of it is lost, or it is away, and every call of it fails.

use async_trait::async_trait;
use shared::buffer::Buffer;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::surface::Coalescing;
use shared::fault::Unavailable;

use super::{Faults, Faulty, lock};

impl Faults {
    /// Fails while the account's buffer is away.
    fn buffer_is_there(&self, account: &AccountId) -> Result<(), Unavailable> {
        let faults = &self.lanes[self.lane(account)];
        if self.executor.now() < lock(&faults.rates).buffer_away_until {
            faults.count("buffer away");
            return Err(Unavailable::new("buffer", "away"));
        }
        Ok(())
    }

    /// Fails now and then.
    fn buffer_hears(&self, account: &AccountId) -> Result<(), Unavailable> {
        self.buffer_is_there(account)?;
        let faults = &self.lanes[self.lane(account)];
        if faults.roll(lock(&faults.rates).request_lost) {
            faults.count("request lost: buffer");
            return Err(Unavailable::new("buffer", "request lost"));
        }
        Ok(())
    }
}

#[async_trait]
impl<B: Buffer> Buffer for Faulty<B> {
    async fn note(
        &self,
        account: &AccountId,
        subject: &str,
        now: Timestamp,
        flush_now: bool,
        rules: &Coalescing,
    ) -> Result<Timestamp, Unavailable> {
        self.faults.buffer_hears(account)?;
        self.inner.note(account, subject, now, flush_now, rules).await
    }

    async fn take_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Unavailable> {
        self.faults.buffer_is_there(account)?;
        self.inner.take_due(account, now, limit).await
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        self.faults.buffer_is_there(account)?;
        self.inner.next_due(account).await
    }

    async fn lease(
        &self,
        account: &AccountId,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.faults.buffer_hears(account)?;
        self.inner.lease(account, name, holder, now, until).await
    }

    async fn release(&self, account: &AccountId, name: &str, holder: &str) -> Result<(), Unavailable> {
        self.faults.buffer_is_there(account)?;
        self.inner.release(account, name, holder).await
    }

    async fn remember(
        &self,
        account: &AccountId,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.faults.buffer_is_there(account)?;
        self.inner.remember(account, name, now, until).await
    }
}
