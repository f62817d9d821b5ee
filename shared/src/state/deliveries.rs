//! Deliveries: a notice, or many as a digest, on its way to one recipient. A row each, before anything is sent.
//!
//! A notice is *unplanned* until it was decided to whom it goes; that decision is written as a whole, once. A delivery is
//! claimed before it is sent, by one instance at a time, and stays due until a channel has taken it. Who dies between
//! sending and noting it sends it again, under the same id, after its claim has run out.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Page;
use super::notices::{Notice, Topic, words};
use crate::domain::id::{AccountId, Timestamp};
use crate::fault::Unavailable;

words! {
    /// A way to people.
    Channel {
        /// By SMTP, to an address.
        Email = "email",
        /// By a Slack webhook, known by a name.
        Slack = "slack",
    }
}

words! {
    /// Where a delivery stands.
    Standing {
        /// To be sent, or tried again.
        Due = "due",
        /// A channel has taken it.
        Sent = "sent",
        /// Given up after days: it was tried in vain for too long.
        GivenUp = "given_up",
    }
}

/// Who gets it, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Recipient {
    /// The way.
    pub channel: Channel,
    /// An address, or a webhook's name.
    pub name: String,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its id, derived; the message's own id too.
    pub id: Uuid,
    /// Tenant.
    pub account: AccountId,
    /// Who gets it.
    pub to: Recipient,
    /// What its notices are about.
    pub topic: Topic,
    /// How many notices it tells; more than one: it is a digest.
    pub notices: u32,
    /// Where it stands.
    pub standing: Standing,
    /// When it is to be sent, or was.
    pub due_at: Timestamp,
    /// How often that was tried.
    pub attempts: u32,
    /// When it was decided on.
    pub created_at: Timestamp,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What becomes of notices: deliveries, and what each of them tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The notices that are planned by this, each unplanned until now.
    pub notices: Vec<Uuid>,
    /// New deliveries.
    pub new: Vec<Delivery>,
    /// Which notice goes by which delivery: by a new one, or by one that nobody has tried to send yet.
    pub items: Vec<(Uuid, Uuid)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The channel has taken it.
    Sent,
    /// It has not, and is asked again then.
    Again {
        /// When.
        at: Timestamp,
        /// In its own words.
        why: String,
    },
    /// It has not, and is not asked again.
    GivenUp {
        /// In its own words.
        why: String,
    },
}

impl Attempt {
    /// Standing, time and failure of a delivery after this attempt.
    pub fn leaves(self, now: Timestamp) -> (Standing, Timestamp, Option<String>) {
        match self {
            Attempt::Sent => (Standing::Sent, now, None),
            Attempt::Again { at, why } => (Standing::Due, at, Some(why)),
            Attempt::GivenUp { why } => (Standing::GivenUp, now, Some(why)),
        }
    }
}

/// A delivery that is ours to send until then, with the first of its notices, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The delivery, this attempt counted.
    pub delivery: Delivery,
    /// The first of its notices.
    pub first: Vec<Notice>,
}

/// Deliveries. Part of [`super::State`].
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The account's oldest notices that are not planned yet.
    async fn unplanned(&self, account: &AccountId, limit: usize) -> Result<Vec<Notice>, Unavailable>;

    /// Writes a plan, as a whole. False, and nothing is written: one of its notices was planned meanwhile, or one of the
    /// deliveries that it adds to was tried.
    async fn plan_deliveries(&self, account: &AccountId, plan: Plan) -> Result<bool, Unavailable>;

    /// An account's deliveries that were decided on since then, in no particular order; at most `limit`.
    async fn deliveries_since(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable>;

    /// The deliveries that tell one of these notices of an account, each beside its notice, in no particular order.
    async fn deliveries_of(
        &self,
        account: &AccountId,
        notices: &[Uuid],
    ) -> Result<Vec<(Uuid, Delivery)>, Unavailable>;

    /// An account's deliveries that are to be sent by `now` and that nobody holds, the longest due first.
    async fn deliveries_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable>;

    /// Claims a delivery until `until` under the name `claim`. `None`: it is not due, or somebody else has it.
    async fn claim_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        (now, until): (Timestamp, Timestamp),
        first: usize,
    ) -> Result<Option<Claimed>, Unavailable>;

    /// Notes how an attempt ended. False: the claim has run out, and somebody else has taken it since.
    async fn end_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        end: Attempt,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// An account's deliveries, the newest first, after `after`; `in_trouble`: those that were tried in vain and are not
    /// sent yet, or never will be.
    async fn deliveries(
        &self,
        account: &AccountId,
        in_trouble: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable>;
}
