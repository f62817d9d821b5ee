//! I22: each message once. What a channel took, and what its sender came to know of that, seen from outside.
//!
//! Every notice is one row in the pages, and goes by one mail and one chat message to each who is told. A message may come
//! twice where its sender could not know that it was taken: the answer was lost, the sender died before it had noted it, or
//! the note was lost; then under the same id. Nowhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::domain::id::{AccountId, Timestamp};
use shared::state::deliveries::{Channel, Delivery, Standing};
use shared::state::memory::MemoryState;
use shared::state::notices::Topic;
use uuid::Uuid;

use crate::watch::Violation;

/// What was told this long before the end has been delivered by then, ms: a digest waits an hour for its window, and the
/// clock moves in steps when little is left to do.
const SETTLED_MS: i64 = 2 * 3_600_000;

/// What became of the messages, by their ids.
#[derive(Debug, Default)]
pub struct Sends {
    messages: Mutex<BTreeMap<Uuid, Sent>>,
    broken: Mutex<Vec<String>>,
}

/// What became of a message.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sent {
    /// So often a channel took it,
    taken: u64,
    /// so often its sender never came to know, or to note, that it was;
    unknown: u64,
    /// so often it was noted.
    noted: u64,
    /// Until when somebody holds it.
    held_until: Option<Timestamp>,
}

impl Sends {
    /// Somebody holds a message from now on.
    pub(crate) fn claimed(&self, id: Uuid, (now, until): (Timestamp, Timestamp)) {
        self.change(id, |sent| {
            if let Some(held) = sent.held_until.filter(|held| *held > now) {
                let what = format!("message {id} was claimed at {now}, though it is somebody's until {held}");
                lock(&self.broken).push(what);
            }
            sent.held_until = Some(until);
        });
    }

    /// A channel has taken a message. Its sender knows of it once it is told [`Unsure::sure`].
    pub(crate) fn taken(self: &Arc<Self>, id: Uuid) -> Unsure {
        self.change(id, |sent| sent.taken += 1);
        self.unsure(id)
    }

    /// A sender is about to do something without which nobody knows that the message was taken.
    pub(crate) fn unsure(self: &Arc<Self>, id: Uuid) -> Unsure {
        Unsure { of: Arc::clone(self), id, is_sure: false }
    }

    /// A sender has let go of a message; `noted`: with the note that it was taken.
    pub(crate) fn ended(&self, id: Uuid, noted: bool) {
        self.change(id, |sent| {
            sent.held_until = None;
            sent.noted += u64::from(noted);
        });
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut Sent)) {
        change(lock(&self.messages).entry(id).or_default());
    }

    fn of(&self, id: Uuid) -> Sent {
        lock(&self.messages).get(&id).copied().unwrap_or_default()
    }
}

/// Until it is known that a message was taken: lost on the way, or with whoever was sending it, it is not.
pub(crate) struct Unsure {
    of: Arc<Sends>,
    id: Uuid,
    is_sure: bool,
}

impl Unsure {
    /// It is known, as far as this goes.
    pub(crate) fn sure(mut self) {
        self.is_sure = true;
    }
}

impl Drop for Unsure {
    fn drop(&mut self) {
        if !self.is_sure {
            self.of.change(self.id, |sent| sent.unknown += 1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks an account when everything has settled, at this time; answers what is broken.
pub(crate) fn check(
    sends: &Sends,
    state: &MemoryState,
    account: &AccountId,
    now: Timestamp,
) -> Vec<Violation> {
    let mut found: Vec<String> = lock(&sends.broken).clone();
    let deliveries = state.all_deliveries(account);
    for (delivery, _) in &deliveries {
        found.extend(message(delivery, sends.of(delivery.id), now));
    }
    for notice in state.all_notices(account).iter().filter(|notice| notice.at.plus(SETTLED_MS) < now) {
        for channel in [Channel::Email, Channel::Slack] {
            let of_channel = deliveries.iter().filter(|(delivery, _)| delivery.to.channel == channel);
            let items = of_channel.flat_map(|(_, items)| items).filter(|id| **id == notice.id).count();
            // That somebody cannot be reached is told to the others.
            let is_about_it = notice.topic == Topic::Delivery
                && notice.subject.starts_with(&format!("deliveries:{}:", channel.as_str()));
            if items != usize::from(!is_about_it) {
                let (id, what) = (notice.id, channel.as_str());
                found.push(format!("notice {id} ({}) goes {items} times by {what}", notice.subject));
            }
        }
    }
    found.into_iter().map(|what| Violation { invariant: "I22", what }).collect()
}

/// What is wrong with a message.
fn message(delivery: &Delivery, sent: Sent, now: Timestamp) -> Option<String> {
    let (id, is_sent) = (delivery.id, delivery.standing == Standing::Sent);
    if !is_sent && delivery.due_at.plus(SETTLED_MS) < now {
        return Some(format!("message {id} was due at {} and is {:?}", delivery.due_at, delivery.standing));
    }
    if sent.noted != u64::from(is_sent) || (is_sent && sent.taken == 0) {
        return Some(format!("message {id} is {:?}, and was {sent:?}", delivery.standing));
    }
    let most = u64::from(is_sent) + sent.unknown;
    (sent.taken > most).then(|| format!("message {id} came twice, and nothing was lost: {sent:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::state::deliveries::Recipient;

    fn delivery(standing: Standing) -> Delivery {
        Delivery {
            id: Uuid::nil(),
            account: AccountId::parse("acme").unwrap(),
            to: Recipient { channel: Channel::Email, name: "ann@example.com".into() },
            topic: Topic::Error,
            notices: 1,
            standing,
            due_at: Timestamp(0),
            attempts: 1,
            created_at: Timestamp(0),
            failure: None,
        }
    }

    fn is_wrong(standing: Standing, at: i64, (taken, unknown, noted): (u64, u64, u64)) -> bool {
        let sent = Sent { taken, unknown, noted, held_until: None };
        message(&delivery(standing), sent, Timestamp(at)).is_some()
    }

    #[test]
    fn a_message_may_come_twice_where_its_sender_could_not_know_and_nowhere_else() {
        for (taken, unknown, noted) in [(1, 0, 1), (2, 1, 1), (3, 2, 1), (1, 5, 1)] {
            assert!(!is_wrong(Standing::Sent, 0, (taken, unknown, noted)), "{taken} {unknown} {noted}");
        }
        assert!(is_wrong(Standing::Sent, 0, (2, 0, 1)), "twice for nothing");
        assert!(is_wrong(Standing::Sent, 0, (3, 1, 1)));
        assert!(is_wrong(Standing::Sent, 0, (0, 0, 1)), "noted, and never sent");
        assert!(is_wrong(Standing::Sent, 0, (2, 0, 2)), "noted twice");
        assert!(!is_wrong(Standing::Due, SETTLED_MS, (1, 1, 0)), "it will be sent again");
        assert!(is_wrong(Standing::Due, SETTLED_MS, (1, 0, 0)), "it will be sent again for nothing");
        assert!(is_wrong(Standing::Due, SETTLED_MS + 1, (0, 0, 0)), "it never came");
        assert!(is_wrong(Standing::GivenUp, SETTLED_MS + 1, (0, 0, 0)));
    }

    #[test]
    fn who_dies_with_an_answer_in_hand_did_not_know() {
        let (sends, id) = (Arc::<Sends>::default(), Uuid::nil());
        sends.taken(id).sure();
        drop(sends.taken(id));
        assert_eq!((sends.of(id).taken, sends.of(id).unknown), (2, 1));
        sends.claimed(id, (Timestamp(0), Timestamp(10)));
        sends.claimed(id, (Timestamp(10), Timestamp(20)));
        assert!(lock(&sends.broken).is_empty(), "the claim had run out");
        sends.claimed(id, (Timestamp(19), Timestamp(29)));
        assert_eq!(lock(&sends.broken).len(), 1);
    }
}
