//! The local world on what production runs on: real MySQL, Redis, Pub/Sub and Cloud Storage, each function two
//! processes of this program with accounts of their own. Its addresses are the local world's; what it keeps is
//! emptied at its start.
//!
//! ```text
//!          this process                                       children: suitex-sync <function>, two of each
//! HTTP ──► local::world ── call ─► fleet ── HTTP ───────────► ingest … review ──┐
//!          NetSuite, SuiteX's people, control, scheduler         ▲              ├─► MySQL, Redis,
//!          bridge: pulls from Pub/Sub ── signed pushes ──────────┘              │   Pub/Sub, Cloud Storage
//!          inside, people ──────────────────────────────────────────────────────┘
//! ```

mod bridge;
mod bucket;
mod buffer;
pub mod chaos;
mod children;
mod databases;
mod environment;
mod fleet;
mod inside;
mod people;
mod services;
mod world;

pub use world::start;
