//! What people were told, and how it got to them.

use serde::Serialize;
use shared::domain::id::Timestamp;
use shared::state::deliveries::Delivery;
use shared::state::notices::{Audience, Shown};
use utoipa::ToSchema;
use uuid::Uuid;

/// A notice.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    /// Its id.
    pub id: Uuid,
    /// Tenant; `unknown` where it is nobody's.
    pub account: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it is about: the name of its runbook.
    pub topic: &'static str,
    /// `info`, `warning` or `critical`.
    pub severity: &'static str,
    /// Whom it is for: `owner`, `on_call`, an address, `authority 1`, …
    pub audience: Vec<String>,
    /// The thing that it is about: `conflict:<id>`, `error:<id>`, `account:<id>`, …
    pub subject: String,
    /// One or two sentences.
    pub text: String,
    /// The page that shows the thing.
    pub link: Option<String>,
    /// Who has acknowledged it, and when.
    pub acknowledged: Option<AcknowledgedView>,
    /// How it got, or gets, to people. Empty: it was shown here alone, or nobody has planned it yet.
    pub deliveries: Vec<DeliveryView>,
}

/// That somebody has seen to it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AcknowledgedView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub by: String,
}

/// A message on its way to somebody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Its id: the message's own.
    pub id: Uuid,
    /// Tenant.
    pub account: String,
    /// `email` or `slack`.
    pub channel: &'static str,
    /// An address, or a webhook's name.
    pub to: String,
    /// What its notices are about.
    pub topic: &'static str,
    /// How many notices it tells; more than one: it is a digest.
    pub notices: u32,
    /// `due`, `sent`, or `given_up`.
    pub standing: &'static str,
    /// When it is to be sent, or was.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// How often that was tried.
    pub attempts: u32,
    /// Why the last attempt failed, in the server's own words.
    pub failure: Option<String>,
}

impl NoticeView {
    pub(crate) fn new(shown: Shown, deliveries: Vec<DeliveryView>) -> Self {
        let Shown { notice, acknowledged } = shown;
        Self {
            id: notice.id,
            account: notice.account.to_string(),
            at: notice.at,
            topic: notice.topic.as_str(),
            severity: notice.severity.as_str(),
            audience: notice.audience.iter().map(audience).collect(),
            subject: notice.subject,
            text: notice.text,
            link: notice.link,
            acknowledged: acknowledged.map(|seen| AcknowledgedView { at: seen.at, by: seen.by }),
            deliveries,
        }
    }
}

fn audience(of: &Audience) -> String {
    match of {
        Audience::Owner => "owner".into(),
        Audience::OnCall => "on_call".into(),
        Audience::Assignee(address) => address.clone(),
        Audience::Authority(n) => format!("authority {}", n + 1),
    }
}

impl DeliveryView {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            account: delivery.account.to_string(),
            channel: delivery.to.channel.as_str(),
            to: delivery.to.name,
            topic: delivery.topic.as_str(),
            notices: delivery.notices,
            standing: delivery.standing.as_str(),
            due_at: delivery.due_at,
            attempts: delivery.attempts,
            failure: delivery.failure,
        }
    }
}
