//! NetSuite: the wire types of the write RESTlet, the client that speaks them, and what its errors mean.

pub mod client;
pub mod error;
pub mod wire;
