//! The same calls in the same order give the same answers as the twin in memory, which is the port's
//! specification.

use real_tests::RedisDatabase;
use shared::buffer::Buffer;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::id::AccountId;
use shared::domain::surface::Coalescing;

use crate::{account, acme, at, instance};

/// Calls of one run.
const CALLS: usize = 3_000;

#[tokio::test]
async fn answers_as_the_twin_in_memory() {
    for seed in 1..=3 {
        let database = RedisDatabase::fresh();
        let mut dice = fastrand::Rng::with_seed(seed);
        let (redis, memory) = (instance(&database.address()), MemoryBuffer::default());
        // As large as in production, where a double would round first.
        let mut now = 1_767_225_600_000;
        for step in 0..CALLS {
            now += dice.i64(0..40);
            let call = Call::draw(&mut dice);
            let (ours, twins) = (call.make(&redis, now).await, call.make(&memory, now).await);
            assert_eq!(ours, twins, "seed {seed}, step {step}, at {now}: {call:?}");
        }
    }
}

#[derive(Debug)]
struct Call {
    account: AccountId,
    kind: Kind,
    /// A subject's, a lease's or a message's.
    name: String,
    who: String,
    ms: i64,
}

#[derive(Debug)]
enum Kind {
    Note { hurry: bool, rules: Coalescing },
    TakeDue { limit: usize },
    NextDue,
    Lease,
    Release,
    Remember,
}

impl Call {
    fn draw(dice: &mut fastrand::Rng) -> Self {
        let rules = Coalescing {
            quiet_ms: dice.i64(0..200),
            max_wait_ms: dice.i64(0..600),
            max_events: dice.usize(1..8),
        };
        let kind = match dice.u8(0..10) {
            0..4 => Kind::Note { hurry: dice.u8(0..10) == 0, rules },
            4 => Kind::TakeDue { limit: dice.usize(0..4) },
            5 => Kind::NextDue,
            6 | 7 => Kind::Lease,
            8 => Kind::Release,
            _ => Kind::Remember,
        };
        Self {
            account: if dice.bool() { acme() } else { account("globex") },
            kind,
            // With blanks, as no subject of ours has them, and with marks that mean something to Lua.
            name: format!("name %s {}", dice.u8(0..6)),
            who: format!("who %d {}", dice.u8(0..3)),
            ms: dice.i64(0..300),
        }
    }

    /// Its answer, as text: comparable whatever it is.
    async fn make(&self, buffer: &dyn Buffer, now: i64) -> String {
        let Self { account, name, who, ms, .. } = self;
        let (now, until) = (at(now), at(now + ms));
        match &self.kind {
            Kind::Note { hurry, rules } => {
                format!("{:?}", buffer.note(account, name, now, *hurry, rules).await)
            }
            Kind::TakeDue { limit } => format!("{:?}", buffer.take_due(account, now, *limit).await),
            Kind::NextDue => format!("{:?}", buffer.next_due(account).await),
            Kind::Lease => format!("{:?}", buffer.lease(account, name, who, now, until).await),
            Kind::Release => format!("{:?}", buffer.release(account, name, who).await),
            Kind::Remember => format!("{:?}", buffer.remember(account, name, now, until).await),
        }
    }
}
