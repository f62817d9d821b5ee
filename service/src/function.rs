//! A function's router, made of its settings and the outside.

use std::sync::Arc;

use axum::Router;
use google::token::people::{Iap, PeopleConfig, SuitexTokens};
use google::token::{KeyLimits, verified};
use messenger::Channels;
use review::Identity;
use review::identity::Development;
use shared::netsuite::client::Client;
use shared::netsuite::config::NetSuiteConfig;
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::{http_client, reqwest_transport};
use shared::runtime::identity::Identify;
use shared::runtime::{Edge, Ports};
use shared::suitex::Tenants;
use shared::writer::Writer;

use crate::NotStarted;
use crate::outside::Outside;
use crate::settings::{Own, Settings};

/// The function, behind the verification of push tokens where Pub/Sub or the scheduler calls it.
pub(crate) fn router(settings: &Settings, outside: &Outside) -> Result<Router, NotStarted> {
    let router = unguarded(settings, outside)?;
    Ok(match &outside.verifier {
        Some(verifier) => verified(router, Arc::clone(verifier), &outside.edge.metrics),
        None => router,
    })
}

fn unguarded(settings: &Settings, outside: &Outside) -> Result<Router, NotStarted> {
    let edge = outside.edge.clone();
    Ok(match &settings.own {
        Own::Ingest(config) => ingest::router(ingest::App {
            ports: edge,
            keys: Arc::clone(&config.keys),
            offload: config.offload.clone(),
        }),
        Own::Outbox(config) => {
            let outbox::Config { batch, offload } = config.clone();
            outbox::router(outbox::App { ports: edge, tenants: tenants(outside)?, batch, offload })
        }
        Own::Merge(config) => {
            merge::router(merge::App { ports: ports(outside)?, blob_bucket: config.blob_bucket.clone() })
        }
        Own::Poller(config) => {
            let state =
                outside.state().ok_or_else(|| NotStarted(vec!["the function has no state".into()]))?;
            let poller::Config { rules, offload, netsuite } = config.clone();
            let client = client(netsuite, &edge)?;
            poller::router(poller::App { ports: edge, state, client, rules, offload })
        }
        Own::NsWriter(config) => {
            let target = Arc::new(ns_writer::NetSuite { client: client(config.netsuite.clone(), &edge)? });
            ns_writer::router(ns_writer::App { writer: Writer { ports: ports(outside)?, target } })
        }
        Own::SxWriter => {
            let target = Arc::new(sx_writer::SuiteX { tenants: tenants(outside)? });
            sx_writer::router(sx_writer::App { writer: Writer { ports: ports(outside)?, target } })
        }
        Own::Notify(config, channels) => {
            let state =
                outside.state().ok_or_else(|| NotStarted(vec!["the function has no state".into()]))?;
            let channels = Channels::new(channels, http_client()?)?;
            let links = config.links.clone();
            notify::router(notify::App { state, ports: edge, messenger: Arc::new(channels), links })
        }
        Own::Dlq => dlq::router(dlq::App::new(ports(outside)?)),
        Own::Review(people, netsuite) => {
            let ports = ports(outside)?;
            let identity = identity(people, &ports)?;
            let app = review::App { ports, identity };
            match netsuite {
                Some(netsuite) => review::asking(app, client(netsuite.clone(), &edge)?),
                None => review::router(app),
            }
        }
    })
}

/// The way in for people.
fn identity(people: &PeopleConfig, ports: &Ports) -> Result<Identity, NotStarted> {
    let (limits, clock) = (KeyLimits::default(), Arc::clone(&ports.clock));
    let way: Arc<dyn Identify> = match people {
        PeopleConfig::Iap { audience, jwks_url } => Arc::new(Iap::new(audience, jwks_url, limits, clock)?),
        PeopleConfig::Suitex { issuer, audience, cookie, keys } => {
            Arc::new(SuitexTokens::new(issuer, audience, cookie, keys, limits, clock)?)
        }
        PeopleConfig::Development => {
            tracing::warn!("people are not identified: everybody may be anybody");
            return Ok(Identity::Development(Development::new(&ports.config)));
        }
    };
    Ok(Identity::Verified(way))
}

fn client(config: NetSuiteConfig, edge: &Edge) -> Result<Client, NotStarted> {
    let NetSuiteConfig { address, credentials } = config;
    let signer = Signer::new(credentials, Arc::clone(&edge.clock), Arc::clone(&edge.ids));
    Ok(Client::new(reqwest_transport(http_client()?), address, signer))
}

fn ports(outside: &Outside) -> Result<Ports, NotStarted> {
    outside.ports().ok_or_else(|| NotStarted(vec!["the function has no databases".into()]))
}

fn tenants(outside: &Outside) -> Result<Arc<dyn Tenants>, NotStarted> {
    let tenants = outside.tenants.clone();
    tenants.map(|t| t as _).ok_or_else(|| NotStarted(vec!["the function has no tenant databases".into()]))
}
