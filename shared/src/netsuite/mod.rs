//! NetSuite: the wire types of the write RESTlet, the client that speaks them and SuiteQL, how it signs in, and
//! what NetSuite's errors mean; where it keeps records, and what its system notes tell.

pub mod client;
pub mod code;
pub mod config;
pub mod error;
pub mod notes;
pub mod sign;
pub mod table;
#[cfg(test)]
mod tests;
pub mod transport;
pub mod wire;
