//! What outbox reads from its environment.

use std::net::{Ipv4Addr, SocketAddr};

use shared::runtime::env::{BadEnv, Env, EnvReader};

use crate::BATCH;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `PORT` | 8080 | where to listen |
/// | `OUTBOX_BATCH` | 100 | rows relayed at once; 1 to 1000 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Rows relayed at once.
    pub batch: usize,
}

impl Config {
    /// Reads the configuration; the error names everything that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, BadEnv> {
        let mut reader = EnvReader::new(env);
        let port = reader.parsed_or("PORT", 8080, "where to listen");
        let batch = reader.parsed_or("OUTBOX_BATCH", BATCH, "rows relayed at once");
        if !(1..=1_000).contains(&batch) {
            reader.refuse("OUTBOX_BATCH", "it must lie between 1 and 1000");
        }
        reader.finish()?;
        Ok(Self { listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_bounds() {
        let of = |batch: &str| Config::from_env(&[("OUTBOX_BATCH", batch)].into_iter().collect());
        assert_eq!(of("7").unwrap().batch, 7);
        assert_eq!(of("").unwrap().batch, BATCH);
        for bad in ["0", "1001", "many"] {
            assert!(of(bad).unwrap_err().to_string().contains("OUTBOX_BATCH is wrong"), "{bad}");
        }
    }
}
