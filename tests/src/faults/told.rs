//! What people are told, with faults: what is watched, planned, claimed and noted.

use std::sync::Arc;

use async_trait::async_trait;
use shared::domain::id::{AccountId, RecordKey, Side, Timestamp};
use shared::fault::Unavailable;
use shared::messenger::{Message, Messenger, NotTaken};
use shared::state::deliveries::{Attempt, Claimed, Deliveries, Delivery, Plan, Recipient};
use shared::state::notices::{Notice, Notices, Shown};
use shared::state::watch::{ErrorKind, Memory, Watch, Watched};
use shared::state::{ErrorEntry, ErrorStatus, Page, State};
use uuid::Uuid;

use super::{Faults, Faulty, Points};
use crate::sends::Unsure;

/// The ways to an account's people, with faults.
pub struct FaultyMessenger<M> {
    /// Whose people they are.
    pub account: AccountId,
    /// The real one.
    pub inner: Arc<M>,
    /// What goes wrong.
    pub faults: Faults,
}

#[async_trait]
impl<M: Messenger> Messenger for FaultyMessenger<M> {
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), NotTaken> {
        let effect = async {
            self.inner
                .send(to, message)
                .await
                .map_err(|error| Unavailable::new("messenger", error.to_string()))?;
            Ok(self.faults.sends.taken(message.id))
        };
        let taken = self.faults.around(&self.account, &SENT, effect).await;
        taken.map(Unsure::sure).map_err(|lost| NotTaken::Away(lost.to_string()))
    }

    fn reaches(&self, to: &Recipient) -> bool {
        self.inner.reaches(to)
    }
}

points!(WATCHED, "watcher's note", 1.0);
points!(PLANNED, "delivery plan", 1.0);
points!(CLAIMED, "delivery claim", 1.0);
points!(ENDED, "delivery note", 1.0);
points!(SENT, "message", 4.0);

#[async_trait]
impl<S: State> Notices for Faulty<S> {
    async fn notices(
        &self,
        account: &AccountId,
        unread: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Shown>, Unavailable> {
        self.inner.notices(account, unread, after, limit).await
    }

    async fn unread(&self, account: &AccountId, most: usize) -> Result<usize, Unavailable> {
        self.inner.unread(account, most).await
    }

    async fn acknowledge(
        &self,
        account: &AccountId,
        notice: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Shown>, Unavailable> {
        self.inner.acknowledge(account, notice, by, now).await
    }
}

#[async_trait]
impl<S: State> Deliveries for Faulty<S> {
    async fn unplanned(&self, account: &AccountId, limit: usize) -> Result<Vec<Notice>, Unavailable> {
        self.inner.unplanned(account, limit).await
    }

    async fn plan_deliveries(&self, account: &AccountId, plan: Plan) -> Result<bool, Unavailable> {
        self.faults.around(account, &PLANNED, self.inner.plan_deliveries(account, plan)).await
    }

    async fn deliveries_since(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        self.inner.deliveries_since(account, since, limit).await
    }

    async fn deliveries_of(
        &self,
        account: &AccountId,
        notices: &[Uuid],
    ) -> Result<Vec<(Uuid, Delivery)>, Unavailable> {
        self.inner.deliveries_of(account, notices).await
    }

    async fn deliveries_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        self.inner.deliveries_due(account, now, limit).await
    }

    async fn claim_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        times: (Timestamp, Timestamp),
        first: usize,
    ) -> Result<Option<Claimed>, Unavailable> {
        let claimed = async {
            let claimed = self.inner.claim_delivery(account, delivery, claim, times, first).await?;
            if claimed.is_some() {
                self.faults.sends.claimed(delivery, times);
            }
            Ok(claimed)
        };
        self.faults.around(account, &CLAIMED, claimed).await
    }

    async fn end_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        end: Attempt,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let sends = &self.faults.sends;
        let was_taken = end == Attempt::Sent;
        let unsure = was_taken.then(|| sends.unsure(delivery));
        let ended = async move {
            let is_ours = self.inner.end_delivery(account, delivery, claim, end, now).await?;
            if is_ours {
                sends.ended(delivery, was_taken);
                unsure.into_iter().for_each(Unsure::sure);
            }
            Ok(is_ours)
        };
        self.faults.around(account, &ENDED, ended).await
    }

    async fn deliveries(
        &self,
        account: &AccountId,
        in_trouble: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable> {
        self.inner.deliveries(account, in_trouble, after, limit).await
    }
}

#[async_trait]
impl<S: State> Watch for Faulty<S> {
    async fn watch_memory(&self, account: &AccountId) -> Result<Memory, Unavailable> {
        self.inner.watch_memory(account).await
    }

    async fn note_watched(
        &self,
        account: &AccountId,
        revision: u64,
        watched: Watched,
    ) -> Result<bool, Unavailable> {
        self.faults.around(account, &WATCHED, self.inner.note_watched(account, revision, watched)).await
    }

    async fn behind(
        &self,
        account: &AccountId,
        side: Side,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        self.inner.behind(account, side, since, limit).await
    }

    async fn error_kinds(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<(ErrorKind, u64)>, Unavailable> {
        self.inner.error_kinds(account, since, most).await
    }

    async fn errors_by_age(
        &self,
        account: &AccountId,
        status: ErrorStatus,
        after: Option<(Timestamp, Uuid)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ErrorEntry>, Unavailable> {
        self.inner.errors_by_age(account, status, after, until, limit).await
    }
}
