//! Stands in for mail servers and chats: keeps what people were sent, and can be away.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shared::messenger::{Message, Messenger, NotTaken};
use shared::state::deliveries::Recipient;

/// Messages that are kept.
const KEPT_MAX: usize = 10_000;

/// What people were sent.
#[derive(Debug, Default)]
pub struct Mailbox {
    messages: Mutex<VecDeque<(Recipient, Message)>>,
    away: AtomicBool,
}

impl Mailbox {
    /// What was sent, the oldest first.
    pub fn messages(&self) -> Vec<(Recipient, Message)> {
        self.lock().iter().cloned().collect()
    }

    /// From now on nothing is taken, or everything is again.
    pub fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Recipient, Message)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Messenger for Mailbox {
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), NotTaken> {
        if self.away.load(Ordering::Relaxed) {
            return Err(NotTaken::Away("the mailbox is away".into()));
        }
        tracing::info!(to = %to.name, subject = %message.subject, "people were sent a message");
        let mut messages = self.lock();
        if messages.len() == KEPT_MAX {
            messages.pop_front();
        }
        messages.push_back((to.clone(), message.clone()));
        Ok(())
    }

    fn reaches(&self, _: &Recipient) -> bool {
        true
    }
}
