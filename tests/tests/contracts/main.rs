//! What every implementation of a port must hold. The checks speak of ports alone: `rows.rs` lists the
//! implementations that they run over here, and `tests/real/tests/contracts` runs the same files over its own.
//!
//! Nothing here waits: times are arguments.

mod blob;
mod buffer;
mod clock;
mod ledger;
mod names;
mod publish;
mod row;
mod rows;
mod state;
mod tenants;

use names::{account, acme, at, canonical, globex, id, key, kind, side_id};
