//! The functions as Terraform deploys them: which there are, what they are made of, and which subscription
//! pushes where. One table, for the local world and the simulation alike.

use std::sync::Arc;

use axum::Router;
use shared::blob::offload::Offload;
use shared::messenger::Messenger;
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Transport;
use shared::pubsub::Topic;
use shared::runtime::Ports;
use shared::runtime::signature::Keys;
use shared::suitex::Tenants;
use shared::writer::Writer;

use crate::bus::{Bus, DeadLetter, Subscription};

/// The bucket of large bodies.
pub const BUCKET: &str = "suitex-payload-snapshots";

/// Where people find the pages of a world that runs here, unless it was told another port.
const PAGES: &str = "http://127.0.0.1:8080";

/// The functions, in the order in which data passes them.
pub const FUNCTIONS: [&str; 9] =
    ["ingest", "poller", "outbox", "merge", "ns-writer", "sx-writer", "dlq", "review", "notify"];

/// What instances are made of.
#[derive(Clone)]
pub struct Parts {
    /// The outside.
    pub ports: Ports,
    /// The way to NetSuite.
    pub netsuite: Transport,
    /// How it is signed in to.
    pub signer: Signer,
    /// Where the RESTlet is; `{account}` stands for the account id.
    pub netsuite_url: String,
    /// The way to SuiteX.
    pub tenants: Arc<dyn Tenants>,
    /// Who may call ingest.
    pub keys: Arc<Keys>,
    /// The way to people.
    pub messenger: Arc<dyn Messenger>,
}

fn offload() -> Offload {
    Offload { bucket: BUCKET.into(), over_bytes: Offload::OVER_BYTES }
}

/// A client as instances have it.
pub fn client(netsuite: Transport, netsuite_url: String, signer: Signer) -> Client {
    let (script, deploy) = ("customscript_sx_rl_write".into(), "customdeploy_sx_rl_write".into());
    let suitetalk_url = Address::suitetalk_beside(&netsuite_url);
    Client::new(netsuite, Address { base_url: netsuite_url, suitetalk_url, script, deploy }, signer)
}

/// An instance of the function `name`; `None` when there is no such function.
pub fn instance(name: &str, parts: Parts) -> Option<Router> {
    let Parts { ports, netsuite, signer, netsuite_url, tenants, keys, messenger } = parts;
    Some(match name {
        "ingest" => ingest::router(ingest::App { ports: ports.edge, keys, offload: offload() }),
        "poller" => poller::router(poller::App {
            state: ports.state,
            ports: ports.edge,
            client: client(netsuite, netsuite_url, signer),
            rules: POLL,
            offload: offload(),
        }),
        "outbox" => outbox::router(outbox::App {
            ports: ports.edge,
            tenants,
            batch: outbox::BATCH,
            offload: offload(),
        }),
        "merge" => merge::router(merge::App { ports, blob_bucket: BUCKET.into() }),
        "ns-writer" => {
            let target = Arc::new(ns_writer::NetSuite { client: client(netsuite, netsuite_url, signer) });
            ns_writer::router(ns_writer::App { writer: Writer { ports, target } })
        }
        "sx-writer" => {
            let target = Arc::new(sx_writer::SuiteX { tenants });
            sx_writer::router(sx_writer::App { writer: Writer { ports, target } })
        }
        "dlq" => dlq::router(dlq::App::new(ports)),
        "review" => {
            let identity = review::Identity::Development(review::identity::Development::new(&ports.config));
            review::asking(review::App { ports, identity }, client(netsuite, netsuite_url, signer))
        }
        "notify" => notify::router(notify::App {
            state: ports.state,
            ports: ports.edge,
            messenger,
            links: notify::Links { pages: PAGES.into(), runbooks: None },
        }),
        _ => return None,
    })
}

/// A subscription and where it pushes.
#[derive(Debug, Clone, Copy)]
pub struct Push {
    /// The subscription's id.
    pub subscription: &'static str,
    /// Its topic.
    pub topic: Topic,
    /// The `target` attribute that it takes; all messages when `None`.
    pub target: Option<&'static str>,
    /// Whether five failed deliveries send a message to the dead-letter topic.
    pub dead_letters: bool,
    /// The function.
    pub function: &'static str,
    /// The path.
    pub path: &'static str,
}

/// Every subscription. Wake-ups have no dead letters: they carry nothing that could be lost; and the
/// dead-letter topic is the standby queue, so its own subscription tries without end.
pub const PUSHES: [Push; 5] = [
    Push {
        subscription: "events.raw-sub",
        topic: Topic::Raw,
        target: None,
        dead_letters: true,
        function: "merge",
        path: "/push",
    },
    Push {
        subscription: "events.merged-ns-sub",
        topic: Topic::Merged,
        target: Some("netsuite"),
        dead_letters: false,
        function: "ns-writer",
        path: "/push",
    },
    Push {
        subscription: "events.merged-sx-sub",
        topic: Topic::Merged,
        target: Some("suitex"),
        dead_letters: false,
        function: "sx-writer",
        path: "/push",
    },
    Push {
        subscription: "events.dlq-sub",
        topic: Topic::DeadLetter,
        target: None,
        dead_letters: false,
        function: "dlq",
        path: "/push/dlq",
    },
    Push {
        subscription: "events.error-sub",
        topic: Topic::Error,
        target: None,
        dead_letters: false,
        function: "dlq",
        path: "/push/error",
    },
];

/// A subscription pushes again after so long, in ms; the wait doubles with each failure,
pub const MIN_BACKOFF_MS: i64 = 10_000;

/// but is never longer than this, in ms.
pub const MAX_BACKOFF_MS: i64 = 600_000;

/// How the poller polls here: what is waited for is not more than a second's end.
const POLL: poller::Rules = poller::Rules {
    lag_s: 2,
    overlap_s: POLL_OVERLAP_S,
    budget_ms: 45_000,
    deletions_max: 1_000,
    deletions_percent: 100,
    sweep_every_s: 600,
    role_sees_all: false,
    nulls_max: 1_000,
    nulls_percent: 50,
    whole_every_s: 300,
};

/// What was saved so long before the last poll is looked for again, s.
pub const POLL_OVERLAP_S: i64 = 60;

/// What was saved is found by a poll that begins so much later, in ms.
pub const POLLED_AFTER_MS: i64 = (POLL.lag_s + 1) * 1_000;

/// What the scheduler calls each minute: function and path.
pub const TICKS: [(&str, &str); 7] = [
    ("poller", "/tick"),
    ("outbox", "/tick"),
    ("merge", "/tick"),
    ("ns-writer", "/tick"),
    ("sx-writer", "/tick"),
    ("dlq", "/tick"),
    ("notify", "/tick"),
];

/// Gives a bus our topics and subscriptions.
pub fn subscribe(bus: &mut Bus) {
    for topic in Topic::ALL {
        bus.topic(topic.as_str());
    }
    for push in PUSHES {
        bus.subscribe(Subscription {
            name: push.subscription.into(),
            topic: push.topic.as_str().into(),
            filter: push.target.map(|target| ("target".into(), target.into())),
            ordered: true,
            dead_letter: push.dead_letters.then(|| DeadLetter::to(Topic::DeadLetter.as_str())),
            min_backoff_ms: MIN_BACKOFF_MS,
            max_backoff_ms: MAX_BACKOFF_MS,
        });
    }
}
