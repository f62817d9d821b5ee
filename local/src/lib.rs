//! The whole system in one process: the bus, simulators of NetSuite and SuiteX on the wire, and the functions
//! as they are deployed. Its parts can be exchanged for real ones: functions in processes of their own, over
//! real databases ([`site::Site`]).

pub mod beside;
pub mod bus;
pub mod carrier;
mod control;
pub mod demo;
pub mod fleet;
pub mod functions;
mod in_process;
pub mod inside;
mod instances;
mod internet;
pub mod mailbox;
pub mod netsuite;
mod playground;
pub mod publish;
mod pumps;
mod sample;
mod server;
pub mod signed;
pub mod site;
mod story;
pub mod suitex;
pub mod system;
pub mod world;
