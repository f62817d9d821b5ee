//! Migrations and rights, on a real server.

#[path = "../state/config.rs"]
mod config;
mod migrate;
mod roles;
mod root;
mod work;
