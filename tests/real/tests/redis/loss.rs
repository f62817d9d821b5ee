//! Everything may be lost at any moment: what the state's table knows is noted again, and no subject is left.

use std::collections::BTreeSet;

use real_tests::RedisDatabase;
use shared::buffer::Buffer;

use crate::{RULES, acme, at, instance};

#[tokio::test]
async fn a_flush_between_any_two_calls_leaves_no_subject_behind() {
    let database = RedisDatabase::fresh();
    let (noter, flusher) = (instance(&database.address()), instance(&database.address()));
    let mut dice = fastrand::Rng::with_seed(1);
    // Merge's own order: the row first, then the buffer; the row goes when the subject is absorbed.
    let mut rows: BTreeSet<String> = BTreeSet::new();
    let (mut absorbed, mut flushes) = (0, 0);
    for step in 0..2_000 {
        let now = at(step * 10);
        match dice.u8(0..100) {
            0..50 => {
                let subject = format!("s{}", dice.u8(0..50));
                rows.insert(subject.clone());
                noter.note(&acme(), &subject, now, false, &RULES).await.unwrap();
            }
            50..95 => {
                for subject in flusher.take_due(&acme(), now, 5).await.unwrap() {
                    absorbed += usize::from(rows.remove(&subject));
                }
            }
            95..99 => {
                database.lose();
                flushes += 1;
            }
            // The tick.
            _ => {
                for subject in &rows {
                    noter.note(&acme(), subject, now, true, &RULES).await.unwrap();
                }
            }
        }
    }
    assert!(flushes > 20 && absorbed > 200, "{flushes} flushes, {absorbed} absorbed: nothing was shown");

    let end = at(1_000_000);
    for subject in &rows {
        noter.note(&acme(), subject, end, true, &RULES).await.unwrap();
    }
    for subject in flusher.take_due(&acme(), end, 100).await.unwrap() {
        rows.remove(&subject);
    }
    assert!(rows.is_empty(), "left behind: {rows:?}");
}
