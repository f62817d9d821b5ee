//! A world in this process: its bus, its functions and all that they keep, in memory.

use std::io;
use std::sync::Arc;

use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::ledger::memory::MemoryLedger;
use shared::netsuite::transport::reqwest_transport;
use shared::runtime::clock::{Clock, SystemClock};
use shared::state::memory::MemoryState;

use crate::carrier::{Carrier, LocalBus};
use crate::inside::InMemory;
use crate::instances::{Blueprint, Instances};
use crate::mailbox::Mailbox;
use crate::site::{Outside, Site};
use crate::suitex::SuiteX;

/// Everything that a site needs, new and empty.
pub(crate) fn outside(site: &Site) -> io::Result<Outside> {
    let (config, clock): (_, Arc<dyn Clock>) = (&site.options.config, Arc::new(SystemClock));
    let bus = LocalBus::new(site.options.seed);
    let publish = bus.publisher(Arc::clone(&clock));
    let suitex = SuiteX::new(Arc::clone(config), clock);
    suitex.on_commit(site.on_commit());
    let (state, ledger) = (Arc::<MemoryState>::default(), Arc::<MemoryLedger>::default());
    let fleet = Instances::start(Blueprint {
        config: Arc::clone(config),
        state: Arc::clone(&state) as _,
        ledger: Arc::clone(&ledger) as _,
        buffer: Arc::<MemoryBuffer>::default(),
        publish: Arc::clone(&publish),
        blob: Arc::<MemoryBlob>::default(),
        netsuite: reqwest_transport(site.http.clone()),
        netsuite_url: site.netsuite_url(),
        tenants: Arc::clone(&suitex) as _,
        keys: Arc::new(site.ingest_keys().parse().map_err(io::Error::other)?),
        messenger: Arc::<Mailbox>::default(),
    });
    Ok(Outside {
        fleet: Arc::new(fleet),
        inside: Arc::new(InMemory { state: Arc::clone(&state), ledger: Arc::clone(&ledger) }),
        state,
        ledger,
        suitex,
        carrier: Carrier::Bus(bus),
    })
}
