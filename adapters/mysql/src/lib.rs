//! The ports Ledger, State and Tenants over MySQL 8; migrations and roles.
//!
//! [`pool`] connects, [`fault`] says what MySQL's errors mean, [`migrate`] brings a database to the level that
//! this program knows, and [`roles`] says who may do what in it. Above them, one module per port: [`ledger`],
//! [`state`] and [`tenant`].

pub mod fault;
pub mod ledger;
pub mod migrate;
pub mod pool;
pub mod roles;
pub mod state;
pub mod tenant;
