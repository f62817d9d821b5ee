//! The port to people's own channels: a message goes to one recipient, by mail or into a chat.

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::id::Timestamp;
use crate::state::deliveries::Recipient;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id: sent again, it has the same, and a mail the same Message-ID.
    pub id: Uuid,
    /// When it was decided on.
    pub at: Timestamp,
    /// One line.
    pub subject: String,
    /// All of it, as plain text.
    pub text: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Nobody gets anything by this channel now.
    #[error("away: {0}")]
    Away(String),
    /// This message, or this recipient, is refused; others may not be.
    #[error("refused: {0}")]
    Refused(String),
}

/// Sends messages.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Sends `message`. `Ok` once the channel has taken it: what it does with it then is its own affair. Answers within
    /// seconds.
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), NotTaken>;

    /// Whether there is a way to this recipient at all. Who has none is not told: somebody else is.
    fn reaches(&self, to: &Recipient) -> bool;
}
