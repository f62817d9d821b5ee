//! The whole system in one process: the bus, simulators of NetSuite and SuiteX on the wire, and the functions
//! as they are deployed.

pub mod bus;
pub mod functions;
pub mod netsuite;
pub mod publish;
pub mod stand_in_poll;
pub mod suitex;
