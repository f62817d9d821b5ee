//! What ingest reads from its environment.

use std::sync::Arc;

use shared::blob::offload::Offload;
use shared::runtime::env::EnvReader;
use shared::runtime::signature::Keys;

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
    /// Where large payloads go.
    pub offload: Offload,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let keys: Keys = reader.parsed("INGEST_KEYS", "each account's live secrets, acme=whsec_…;…");
        Self { keys: Arc::new(keys), offload: Offload::read(reader) }
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
        assert_eq!(config.offload.over_bytes, 262_144);
        assert!(!format!("{config:?}").contains("MfKQ"));
    }
}
