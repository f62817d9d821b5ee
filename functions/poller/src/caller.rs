//! Calls to one account's NetSuite: under a permit, under the poll's lease, and only while there is time.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use shared::domain::event::ChangeEvent;
use shared::domain::governance::{Call, CallEnd, Purpose};
use shared::domain::id::Timestamp;
use shared::domain::plan::{CALL_LANDS_WITHIN_MS, SEND_WITHIN_MS};
use shared::domain::surface::Account;
use shared::fault::Unavailable;
use shared::netsuite::error::end_of_question;
use shared::netsuite::wire::{Outcome, Read};
use shared::pubsub::{Topic, change_message};
use shared::writer::CallFault;

use crate::App;

/// The lease's name within the account.
pub(crate) const LEASE: &str = "poll";

/// How long the lease lasts without renewal, ms. It bounds the delay after a crash. A call that takes longer may see
/// another instance poll beside it: both publish the same looks and the same deletions under the same ids, and a cursor
/// that the slower one sets back makes the next tick read again, no more.
const LEASE_MS: i64 = 120_000;

/// Without a permit it is asked again after this, ms, at the earliest.
const ASK_AGAIN_MS: i64 = 100;

/// Why a poll ends before its end. The next tick goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The tick's time is over, NetSuite has no room for us, or another instance is at it.
    #[error("no time, or no permit")]
    Later,
    /// NetSuite did not answer as it should.
    #[error("NetSuite: {0}")]
    Fault(#[from] CallFault),
    /// NetSuite answered something that is no row of ours.
    #[error("NetSuite: {0}")]
    Odd(String),
    /// Something of our own is away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Who calls, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) app: &'a App,
    pub(crate) account: &'a Account,
    pub(crate) holder: &'a str,
    pub(crate) until: Timestamp,
}

impl Caller<'_> {
    /// Rows of a query, its first page.
    pub(crate) async fn query(&self, query: &str) -> Result<Vec<Map<String, Json>>, Stop> {
        self.call(|| self.app.client.suiteql(self.account, query)).await
    }

    /// Looks at records; an outcome for each.
    pub(crate) async fn read(&self, reads: Vec<Read>) -> Result<Vec<Outcome>, Stop> {
        self.call(|| self.app.client.read(self.account, reads)).await
    }

    /// Puts events on the bus; those of large records travel by reference. Answers how many there were.
    pub(crate) async fn publish(&self, mut events: Vec<ChangeEvent>) -> Result<usize, Stop> {
        let ports = &self.app.ports;
        for event in &mut events {
            if let Some((at, body)) = self.app.offload.take(event) {
                ports.blob.put(&at, body).await?;
            }
        }
        if !events.is_empty() {
            ports.publish.publish(Topic::Raw, events.iter().map(change_message).collect()).await?;
        }
        for _ in &events {
            ports.metrics.event("netsuite-poll");
        }
        Ok(events.len())
    }

    /// How far a scan has come; from the beginning, when nothing is stored or nobody can read it.
    pub(crate) async fn cursor<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Unavailable> {
        let text = self.app.state.poll_cursor(&self.account.id, name).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Stores how far a scan has come: what it passes must be on the bus, or owed.
    pub(crate) async fn save<T: Serialize>(&self, name: &str, cursor: &T) -> Result<(), Stop> {
        let text = serde_json::to_string(cursor)
            .map_err(|why| Stop::Odd(format!("a cursor cannot be written: {why}")))?;
        Ok(self.app.state.set_poll_cursor(&self.account.id, name, &text).await?)
    }

    async fn call<T, F>(&self, make: impl FnOnce() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, CallFault>>,
    {
        let (state, ports, account) = (&self.app.state, &self.app.ports, self.account);
        let id = ports.ids.draw();
        loop {
            let now = self.go_on().await?;
            let until = now.plus(CALL_LANDS_WITHIN_MS);
            let call = Call { id, purpose: Purpose::Poll, now, until, writes: 0 };
            match state.begin_call(&account.id, &call, &account.limits).await? {
                Ok(()) if ports.clock.now().0 - now.0 <= SEND_WITHIN_MS => break,
                // This instance was paused: the call could outlast its permit.
                Ok(()) => {
                    let (end, now) = (CallEnd::NotMade, ports.clock.now());
                    state.end_call(&account.id, id, end, now, &account.limits).await?;
                }
                Err(not_now) if not_now.at >= self.until => return Err(Stop::Later),
                Err(not_now) => ports.clock.sleep_until(not_now.at.max(now.plus(ASK_AGAIN_MS))).await,
            }
        }
        let result = make().await;
        let end = result.as_ref().map_or_else(end_of_question, |_| CallEnd::Answered);
        state.end_call(&account.id, id, end, ports.clock.now(), &account.limits).await?;
        Ok(result?)
    }

    /// The time, if there is some left and the account is still ours to poll.
    async fn go_on(&self) -> Result<Timestamp, Stop> {
        let ports = &self.app.ports;
        let now = ports.clock.now();
        if now >= self.until || ports.tasks.is_stopping() {
            return Err(Stop::Later);
        }
        let until = now.plus(LEASE_MS);
        let leased = ports.buffer.lease(&self.account.id, LEASE, self.holder, now, until).await;
        // Without the buffer two may poll: they publish the same events under the same ids, no more.
        if leased.unwrap_or(true) { Ok(now) } else { Err(Stop::Later) }
    }
}
