//! The merge core, the ports to the outside, and the runtime that every function shares.
//!
//! [`domain`] is pure and decides. Around it: the ports [`state`], [`ledger`], [`buffer`], [`pubsub`] and
//! [`blob`], and [`messenger`] to people; the two sides, [`netsuite`] and [`suitex`]; and [`runtime`], what every function needs.

pub mod announce;
pub mod blob;
pub mod breakage;
pub mod buffer;
pub mod domain;
pub mod fault;
pub mod history;
pub mod intake;
pub mod ledger;
pub mod messenger;
pub mod netsuite;
pub mod pubsub;
pub mod redrive;
pub mod runtime;
pub mod state;
pub mod suitex;
pub mod travel;
pub mod unreadable;
pub mod writer;
