//! A world before it has functions: how it is to be made, its address, its NetSuite, its keys.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use shared::domain::id::{AccountId, derived_id};
use shared::domain::surface::SyncConfig;
use shared::ledger::Ledger;
use shared::runtime::clock::SystemClock;
use shared::state::State;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::carrier::Carrier;
use crate::fleet::Fleet;
use crate::inside::Inside;
use crate::internet::Internet;
use crate::netsuite::{Deployed, Faults, Files, Mode, NetSuite, Scripts};
use crate::suitex::{Application, CommitHook};

/// What is synced unless somebody says otherwise: the product's own configuration.
pub const CONFIG: &str = include_str!("../../config/sync.toml");

/// How a world is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// Everything that is drawn by dice follows from this.
    pub seed: u64,
    /// Between two ticks of the scheduler, in ms.
    pub tick_ms: i64,
    /// Between two polls of NetSuite in ms.
    pub poll_ms: i64,
    /// What goes wrong, and how long things take, in every account's NetSuite from the start.
    pub netsuite: Faults,
    /// The account's own scripts; `None`: code of the simulator's own does their work.
    pub scripts: Option<ScriptOptions>,
    /// Whether there are a few records to begin with.
    pub sample: bool,
}

/// How the scripts are deployed in every account's NetSuite.
#[derive(Debug, Clone)]
pub struct ScriptOptions {
    /// The files.
    pub files: Files,
    /// What the User Event does with events.
    pub mode: Mode,
    /// Between two runs of the outbox script, in ms. NetSuite's schedule has 15 minutes at best; who watches a world
    /// does not want to wait for it.
    pub outbox_ms: i64,
}

impl Default for ScriptOptions {
    fn default() -> Self {
        Self { files: Files::of_the_project(), mode: Mode::Outbox, outbox_ms: 250 }
    }
}

impl Default for Options {
    fn default() -> Self {
        let config = SyncConfig::parse(CONFIG).expect("the product's own configuration");
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            config: Arc::new(config),
            seed: 1,
            tick_ms: 10_000,
            poll_ms: 15_000,
            netsuite: Faults::default(),
            scripts: Some(ScriptOptions::default()),
            sample: false,
        }
    }
}

/// A world before it has functions: its address is taken, and NetSuite is there.
pub struct Site {
    /// Its address, without a slash at its end.
    pub url: String,
    /// How it is made.
    pub options: Options,
    /// Each account's signing secret for ingest.
    pub keys: BTreeMap<AccountId, String>,
    /// NetSuite.
    pub netsuite: Arc<NetSuite>,
    /// Calls over HTTP.
    pub http: reqwest::Client,
    pub(crate) suitex_committed: BTreeMap<AccountId, Arc<Notify>>,
    pub(crate) listener: TcpListener,
}

/// What differs from world to world.
pub struct Outside {
    /// The functions.
    pub fleet: Arc<dyn Fleet>,
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// Accepted events.
    pub ledger: Arc<dyn Ledger>,
    /// What only the world itself looks at.
    pub inside: Arc<dyn Inside>,
    /// SuiteX.
    pub suitex: Arc<dyn Application>,
    /// What carries messages.
    pub carrier: Carrier,
}

impl Site {
    /// Takes the address. Nobody is answered before [`crate::world::World::open`].
    pub async fn take(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let accounts = options.config.accounts.keys();
        let keys: BTreeMap<_, _> =
            accounts.clone().map(|account| (account.clone(), secret(account))).collect();
        let scripts = match &options.scripts {
            None => Scripts::Native,
            Some(ScriptOptions { files, mode, .. }) => {
                let outside = Internet::new(url.clone(), http.clone());
                Scripts::Deployed(Deployed::new(files.clone(), *mode, keys.clone(), Arc::new(outside)))
            }
        };
        let config = Arc::clone(&options.config);
        let netsuite = NetSuite::new(config, Arc::new(SystemClock), options.seed, scripts);
        for account in accounts.clone() {
            netsuite
                .set_faults(account, options.netsuite.clone())
                .map_err(|refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal.message))?;
        }
        Ok(Self {
            suitex_committed: accounts.map(|account| (account.clone(), Arc::default())).collect(),
            url,
            keys,
            netsuite,
            http,
            listener,
            options,
        })
    }

    /// Whom SuiteX is to tell that a person saved something.
    pub fn on_commit(&self) -> CommitHook {
        let told = self.suitex_committed.clone();
        Box::new(move |account| {
            if let Some(told) = told.get(account) {
                told.notify_one();
            }
        })
    }

    /// The keys of ingest, as its environment has them.
    pub fn ingest_keys(&self) -> String {
        let entries: Vec<_> =
            self.keys.iter().map(|(account, secret)| format!("{account}={secret}")).collect();
        entries.join(";")
    }

    /// Where NetSuite is; `{account}` stands for the account id.
    pub fn netsuite_url(&self) -> String {
        format!("{}/netsuite/{{account}}", self.url)
    }
}

/// An account's signing secret: the same in every world, so that a script written once works again.
fn secret(account: &AccountId) -> String {
    let half = |name| derived_id(name, &[account.as_str()]).into_bytes();
    format!("whsec_{}", BASE64_STANDARD.encode([half("development key"), half("second half")].concat()))
}
