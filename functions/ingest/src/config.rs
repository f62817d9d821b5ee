//! What ingest reads from its environment.

use std::sync::Arc;

use shared::runtime::env::EnvReader;
use shared::runtime::signature::Keys;

use crate::OFFLOAD_OVER_BYTES;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `INGEST_KEYS` | | `acme=whsec_…,whsec_…;globex=whsec_…`: each account's one or two live secrets |
/// | `BLOB_BUCKET` | | the bucket for large bodies |
/// | `OFFLOAD_OVER_BYTES` | 262144 | payloads over this size travel by reference; 1024 to 1048576 |
#[derive(Debug, Clone)]
pub struct Config {
    /// Who may call.
    pub keys: Arc<Keys>,
    /// The bucket for large bodies.
    pub blob_bucket: Arc<str>,
    /// Payloads over this size, in bytes, travel by reference.
    pub offload_over_bytes: usize,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let keys: Keys = reader.parsed("INGEST_KEYS", "each account's live secrets, acme=whsec_…;…");
        let blob_bucket = reader.required("BLOB_BUCKET", "the bucket for large bodies");
        let purpose = "the size in bytes over which payloads travel by reference";
        let offload_over_bytes = reader.parsed_or("OFFLOAD_OVER_BYTES", OFFLOAD_OVER_BYTES, purpose);
        if !(1_024..=1_048_576).contains(&offload_over_bytes) {
            reader.refuse("OFFLOAD_OVER_BYTES", "it must lie between 1024 and 1048576");
        }
        Self { keys: Arc::new(keys), blob_bucket: blob_bucket.into(), offload_over_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::runtime::env::{BadEnv, Env};

    fn read(env: &Env) -> Result<Config, BadEnv> {
        let mut reader = EnvReader::new(env);
        let config = Config::read(&mut reader);
        reader.finish().map(|()| config)
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let env: Env = [("OFFLOAD_OVER_BYTES", "12")].into_iter().collect();
        let text = read(&env).unwrap_err().to_string();
        for name in ["INGEST_KEYS is missing", "BLOB_BUCKET is missing", "OFFLOAD_OVER_BYTES is wrong"] {
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let keys = "acme=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let env: Env = [("INGEST_KEYS", keys), ("BLOB_BUCKET", "bodies")].into_iter().collect();
        let config = read(&env).unwrap();
        assert_eq!(config.offload_over_bytes, 262_144);
        assert!(!format!("{config:?}").contains("MfKQ"));
    }
}
