//! What a subscription acked lately, so that it can come again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::message::Published;

/// So many messages are remembered, of all keys together.
const REMEMBERED: usize = 256;

/// Acked messages that were never repeated. Those of one key follow each other without a gap: repeating a
/// message without a later one of its key would be an order that Pub/Sub never shows.
#[derive(Default)]
pub(super) struct History(VecDeque<Arc<Published>>);

impl History {
    pub(super) fn remember(&mut self, message: Arc<Published>) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.0.retain(|message| message.key() != key);
    }

    pub(super) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    /// The messages of `last`'s key from a random one on, and `last` itself. They are forgotten, so that they
    /// are repeated once only. `None` when nothing of that key came before.
    pub(super) fn take_suffix(
        &mut self,
        last: &Arc<Published>,
        dice: &mut fastrand::Rng,
    ) -> Option<Vec<Arc<Published>>> {
        let mut of_key: Vec<_> = self.0.iter().filter(|m| m.key() == last.key()).cloned().collect();
        if of_key.is_empty() {
            return None;
        }
        self.forget(last.key());
        let mut suffix = of_key.split_off(dice.usize(..of_key.len()));
        suffix.push(Arc::clone(last));
        Some(suffix)
    }
}
