//! The parts of a running world, for all that looks into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::ledger::Ledger;
use shared::state::State;
use tokio::sync::{Notify, watch};

use crate::carrier::Carrier;
use crate::fleet::Fleet;
use crate::inside::Inside;
use crate::netsuite::NetSuite;
use crate::suitex::Application;

/// The parts of a running world.
pub struct System {
    /// `http://127.0.0.1:8080`, without a slash at its end.
    pub url: String,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// Each account's signing secret for ingest: of development, and public.
    pub keys: BTreeMap<AccountId, String>,
    /// NetSuite.
    pub netsuite: Arc<NetSuite>,
    /// SuiteX.
    pub suitex: Arc<dyn Application>,
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// Accepted events.
    pub ledger: Arc<dyn Ledger>,
    /// What only the world itself looks at.
    pub inside: Arc<dyn Inside>,
    /// The functions.
    pub fleet: Arc<dyn Fleet>,
    /// What carries messages.
    pub carrier: Carrier,
    pub(crate) http: reqwest::Client,
    /// Somebody called an account's NetSuite: there may be User Events.
    pub(crate) netsuite_called: BTreeMap<AccountId, Notify>,
    /// A person saved something in an account's SuiteX.
    pub(crate) suitex_committed: BTreeMap<AccountId, Arc<Notify>>,
    /// User Events that ingest has not taken yet.
    pub(crate) user_events: Arc<AtomicUsize>,
    /// Says so when the world stops.
    pub(crate) stop: watch::Sender<bool>,
}
