//! The contracts of the ports, over real services: the same checks as in memory, over `rows.rs` of this folder.

#![expect(
    clippy::arc_with_non_send_sync,
    reason = "a row holds an Arc, whatever the port; its checks run on one thread"
)]

#[path = "../../../tests/contracts/blob.rs"]
mod blob;
#[path = "../../../tests/contracts/buffer.rs"]
mod buffer;
mod cloud;
#[path = "../state/config.rs"]
mod config;
#[path = "../../../tests/contracts/ledger.rs"]
mod ledger;
#[path = "../../../tests/contracts/names.rs"]
mod names;
#[path = "../../../tests/contracts/publish.rs"]
mod publish;
#[path = "../../../tests/contracts/row.rs"]
mod row;
mod rows;
#[path = "../../../tests/contracts/state/mod.rs"]
mod state;
#[path = "../../../tests/contracts/tenants.rs"]
mod tenants;

use names::{account, acme, at, canonical, globex, id, key, kind, side_id};
