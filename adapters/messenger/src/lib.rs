//! The port `Messenger`: mail by SMTP, chat by Slack's incoming webhooks.

mod config;
mod mail;
mod slack;

use async_trait::async_trait;
use shared::messenger::{Message, Messenger, NotTaken};
use shared::state::deliveries::{Channel, Recipient};

pub use config::{Config, NotPossible};

/// Sends by what is configured. A recipient whose channel is not is refused, and told so.
pub struct Channels {
    mail: Option<mail::Mail>,
    slack: slack::Slack,
}

impl Channels {
    /// The channels of a configuration; `http` carries the webhooks.
    pub fn new(config: &Config, http: reqwest::Client) -> Result<Self, NotPossible> {
        let mail = config.smtp.as_ref().map(|smtp| mail::Mail::new(smtp, &config.from)).transpose()?;
        Ok(Self { mail, slack: slack::Slack::new(http, config.webhooks.clone()) })
    }
}

#[async_trait]
impl Messenger for Channels {
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), NotTaken> {
        match (to.channel, &self.mail) {
            (Channel::Email, Some(mail)) => mail.send(&to.name, message).await,
            (Channel::Email, None) => Err(NotTaken::Refused("SMTP_URL is not set".into())),
            (Channel::Slack, _) => self.slack.send(&to.name, message).await,
        }
    }

    fn reaches(&self, to: &Recipient) -> bool {
        match to.channel {
            Channel::Email => self.mail.is_some() && mail::is_address(&to.name),
            Channel::Slack => self.slack.knows(&to.name),
        }
    }
}
