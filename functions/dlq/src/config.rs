//! What dlq reads from its environment.

use std::net::{Ipv4Addr, SocketAddr};

use shared::runtime::env::{BadEnv, Env, EnvReader};

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `PORT` | 8080 | where to listen |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
}

impl Config {
    /// Reads the configuration; the error names everything that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, BadEnv> {
        let mut reader = EnvReader::new(env);
        let port = reader.parsed_or("PORT", 8080, "where to listen");
        reader.finish()?;
        Ok(Self { listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)) })
    }
}
