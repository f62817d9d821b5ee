//! How the bus misbehaves, within what Pub/Sub's documentation allows.

use std::collections::BTreeMap;

/// Probabilities of misbehaviour, each between 0 and 1. None by default.
///
/// What has been repeated once is never repeated again, so a bus with any of these still comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BusFaults {
    /// Per acked message: it is delivered once more. On an ordered subscription right behind itself, else
    /// within ten seconds.
    pub duplicate: f64,
    /// Per acked message of an ordered subscription: earlier acked messages of its key, and all after them up
    /// to itself, come again in order, before any later one.
    pub redeliver_suffix: f64,
    /// Per message: it is held back for up to two seconds, so that messages of other keys overtake it.
    /// Messages of its own key stay behind it.
    pub reorder: f64,
    /// Per acked message: the ack does not arrive; the message comes again after the ack deadline, as the next
    /// attempt, and holds back its key until then.
    pub ack_lost: f64,
}

/// Longest wait of a duplicate that has no order to keep, in ms.
pub(super) const DUPLICATE_WITHIN_MS: i64 = 10_000;
/// Longest time for which a message is held back to be overtaken, in ms.
pub(super) const HELD_BACK_AT_MOST_MS: i64 = 2_000;
/// After this time Pub/Sub takes a message for not acked, in ms.
pub(super) const ACK_DEADLINE_MS: i64 = 10_000;

/// Faults by kind.
pub(super) type Counts = BTreeMap<&'static str, u64>;

pub(super) fn count(counts: &mut Counts, kind: &'static str) {
    *counts.entry(kind).or_default() += 1;
}

/// Dice that depend on the seed and the account alone.
pub(super) fn dice(seed: u64, account: &str) -> fastrand::Rng {
    // FNV-1a: the same on every platform and in every version of the standard library.
    let name = account.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    fastrand::Rng::with_seed(seed.rotate_left(32) ^ name)
}
