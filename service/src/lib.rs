//! The composition root: one function as one process, over MySQL, Redis, Pub/Sub and Cloud Storage.
//!
//! ```text
//! environment ─► settings ─► outside (open) ─► check ─► function (router) ─► serve
//! ```
//!
//! A function that is not set up right does not start: everything that is wrong is told at once, so that a
//! deployment is mended in one go. It decides nothing else.

mod check;
mod function;
mod migrate;
mod outside;
mod settings;

use std::fmt;
use std::sync::Arc;

use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::env::Env;
use shared::runtime::serve::serve;

use check::Checked;
use outside::Parts;
use settings::{Own, Settings};

pub use migrate::{migrate, migrate_roles};
pub use settings::FUNCTIONS;

/// Why a function does not start, or has ended: a line for each thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStarted(Vec<String>);

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Not an error itself, so that every error can become one.
impl<E: std::error::Error> From<E> for NotStarted {
    fn from(error: E) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Runs the function `name` until SIGTERM.
pub async fn run(name: &str, env: &Env) -> Result<(), NotStarted> {
    run_by(Arc::new(SystemClock), name, env).await
}

/// The same, by another clock.
pub async fn run_by(clock: Arc<dyn Clock>, name: &str, env: &Env) -> Result<(), NotStarted> {
    // Google's clients and ours share one TLS provider; a second call only says that there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (settings, told) = Settings::read(name, env)?;
    let (parts, unopened) = Parts::open(&settings, &told, clock).await;
    let Checked { wrong, aside } = parts.check(&settings, &told).await;
    let wrong = [told.lines(), unopened, wrong].concat();
    if !wrong.is_empty() {
        return Err(NotStarted(wrong));
    }
    let Some(outside) = parts.join(&settings, aside) else {
        return Err(NotStarted(vec!["a connection is missing, and nobody said why".into()]));
    };
    if let (Own::SxWriter, Some(tenants)) = (&settings.own, &outside.tenants) {
        check::warn_of_missing_indexes(tenants, &settings).await;
    }
    let router = function::router(&settings, &outside)?;
    let tasks = outside.edge.tasks.clone();
    let served = serve(router, settings.listen, tasks, outside.close()).await;
    served.map_err(|error| NotStarted(vec![format!("cannot listen on {}: {error}", settings.listen)]))
}
