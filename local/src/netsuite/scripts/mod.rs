//! The account's own scripts: the very files of `suitescript/`, run by an embedded JavaScript engine over the
//! simulator's records.
//!
//! ```text
//! RESTlet call ──► restlet ─┐                                     ┌─► records, rows (custom records)
//! save of a person or API ──► user_event ─┼─► run ─► engine ─► N/* ─► ask ─┼─► search, suiteql
//! schedule ──► map_reduce ──┘  (units, time)         (js/)        └─► outside: https.post
//! ```
//!
//! **Threads and locks.** A run has a thread of its own and takes the account's lock for each thing that it asks,
//! never for longer. So two runs collide over a record as they do in NetSuite, and a script may wait for an answer
//! of the hub's while the hub calls the account: nobody holds what the other one waits for, and no worker of the
//! async runtime is kept from carrying the answer.
//!
//! What it does not do: dynamic records, other modules or functions than the scripts use, roles and permissions. It
//! refuses those loudly and never guesses.

mod engine;
mod expression;
mod files;
mod formats;
mod map_reduce;
mod outside;
mod price;
mod project;
mod records;
mod restlet;
mod rows;
mod run;
mod search;
mod secrets;
mod suiteql;
mod thrown;
mod user_event;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::domain::id::AccountId;
use tokio::sync::oneshot;

use super::NetSuite;
use project::Project;

pub use files::Files;
pub(super) use map_reduce::run as map_reduce;
pub use outside::{Answer, Outside, Post, Unreached};
pub(super) use price::Family;
pub(super) use records::document;
pub(super) use restlet::{call as restlet, writes};
pub(super) use rows::Rows;
pub(super) use thrown::Thrown;
pub(super) use user_event::{Submitted, after_submit, submitted};

/// Stack of a script's thread, in bytes: a RESTlet's save runs the User Event on top of it.
const STACK: usize = 16 << 20;

/// What carries out our scripts' work.
#[derive(Clone)]
pub enum Scripts {
    /// Code of the simulator's own that does the same: for speed, and for runs that a seed repeats.
    Native,
    /// The files that customers deploy.
    Deployed(Arc<Deployed>),
}

/// What the User Event does with an event: its deployment parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It writes a row, which the outbox script sends.
    Outbox,
    /// It hands the event to the event RESTlet, which calls the hub.
    Direct,
}

/// The project as it is deployed in every account.
pub struct Deployed {
    files: Files,
    mode: Mode,
    /// Each account's ingest secret, as `INGEST_KEYS` has it.
    secrets: BTreeMap<AccountId, String>,
    outside: Arc<dyn Outside>,
    project: Project,
    /// Whether everybody waits while a script runs.
    pub(super) waits: bool,
}

impl Deployed {
    /// Deploys the files. N/https has no way to the world but `outside`.
    pub fn new(
        files: Files,
        mode: Mode,
        secrets: BTreeMap<AccountId, String>,
        outside: Arc<dyn Outside>,
    ) -> Arc<Self> {
        Arc::new(Self { files, mode, secrets, outside, project: Project::read(), waits: false })
    }

    /// The same for a world that goes step by step: whoever calls a script waits for it, so that nothing depends on the
    /// order of threads.
    pub fn in_turn(
        files: Files,
        mode: Mode,
        secrets: BTreeMap<AccountId, String>,
        outside: Arc<dyn Outside>,
    ) -> Arc<Self> {
        Arc::new(Self { files, mode, secrets, outside, project: Project::read(), waits: true })
    }

    /// The same project with its objects as `change` leaves them: for tests of how they are deployed.
    #[cfg(test)]
    pub(super) fn with_objects(self: Arc<Self>, change: impl Fn(&str) -> String) -> Arc<Self> {
        let Self { files, mode, secrets, outside, waits, .. } = &*self;
        Arc::new(Self {
            files: files.clone(),
            mode: *mode,
            secrets: secrets.clone(),
            outside: Arc::clone(outside),
            project: Project::of(change),
            waits: *waits,
        })
    }

    /// The project's custom record types, without rows.
    pub(super) fn rows(&self) -> Rows {
        Rows::of(&self.project)
    }
}

impl NetSuite {
    /// The schedule starts the outbox script. It waits for the hub, so never on a thread that others need.
    pub fn run_outbox_script(&self, account: &AccountId) {
        if let Some(account) = self.accounts.get(account) {
            map_reduce(account);
        }
    }

    /// Events that wait in the outbox and will be sent again.
    pub fn events_waiting(&self, account: &AccountId) -> usize {
        self.look(account, |state| state.rows.waiting_events())
    }

    /// The last lines that the account's scripts logged.
    pub fn script_log(&self, account: &AccountId) -> Vec<String> {
        self.look(account, |state| state.script_log.iter().cloned().collect())
    }
}

/// Does work that may run scripts, on a thread of its own; `None` when it failed.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    start(move || {
        // Nobody may be there any more.
        let _ = tell.send(work());
    });
    told.await.ok()
}

/// Does work that may run scripts, on a thread of its own for which everybody waits; `None` when it failed.
pub(super) fn in_turn<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("suitescript".into()).stack_size(STACK);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// Starts work that may run scripts, on a thread of its own.
pub(super) fn start(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name("suitescript".into()).stack_size(STACK);
    if let Err(error) = thread.spawn(work) {
        tracing::error!(%error, "no thread for a script");
    }
}
