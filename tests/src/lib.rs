//! The deterministic simulation: the real routers and handlers, the bus, both systems and a fake clock on one
//! thread, from one seed. Faults are everywhere an effect is; when they stop, the invariants must hold.

pub mod aim;
pub mod checks;
pub mod cursors;
mod deciders;
pub mod executor;
pub mod faults;
pub mod follow;
pub mod people;
pub mod run;
pub mod sends;
mod sign_in;
pub mod storm;
pub mod sweep;
pub mod watch;
pub mod world;

pub use run::{Options, Outcome, run};
