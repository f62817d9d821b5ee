//! What every function needs around its handler: clock, ids, tasks, configuration, serving.

pub mod clock;
pub mod env;
pub mod identity;
pub mod ids;
pub mod metrics;
pub mod problem;
pub mod serve;
pub mod signature;
pub mod tasks;
pub mod which;

use std::sync::Arc;

use crate::blob::Blob;
use crate::buffer::Buffer;
use crate::domain::surface::SyncConfig;
use crate::ledger::Ledger;
use crate::pubsub::Publish;
use crate::state::State;
use clock::Clock;
use ids::Ids;
use metrics::Metrics;
use tasks::Tasks;

/// The outside of a function that has no business in the databases. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// What may be lost.
    pub buffer: Arc<dyn Buffer>,
    /// The bus.
    pub publish: Arc<dyn Publish>,
    /// Large bodies.
    pub blob: Arc<dyn Blob>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Drawn ids.
    pub ids: Arc<dyn Ids>,
    /// Background work.
    pub tasks: Tasks,
    /// Counters.
    pub metrics: Metrics,
}

/// The outside of all other functions. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// Accepted events.
    pub ledger: Arc<dyn Ledger>,
    /// All but the databases.
    pub edge: Edge,
}

impl std::ops::Deref for Ports {
    type Target = Edge;

    fn deref(&self) -> &Edge {
        &self.edge
    }
}
