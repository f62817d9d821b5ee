//! The whole system in one process: the bus, simulators of NetSuite and SuiteX on the wire, and the functions
//! as they are deployed.

pub mod bus;
mod control;
pub mod demo;
mod fleet;
pub mod functions;
pub mod netsuite;
mod playground;
pub mod publish;
mod pumps;
mod sample;
mod server;
pub mod stand_in_poll;
mod story;
pub mod suitex;
pub mod world;
