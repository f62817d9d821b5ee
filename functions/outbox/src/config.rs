//! What outbox reads from its environment.

use shared::blob::offload::Offload;
use shared::runtime::env::EnvReader;

use crate::BATCH;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `OUTBOX_BATCH` | 100 | rows relayed at once; 1 to 1000 |
/// | `BLOB_BUCKET` | | the bucket for large bodies |
/// | `OFFLOAD_OVER_BYTES` | 262144 | payloads over this size travel by reference; 1024 to 1048576 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Rows relayed at once.
    pub batch: usize,
    /// Where large payloads go.
    pub offload: Offload,
}

impl Config {
    /// Reads the variables; what is wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let batch = reader.parsed_or("OUTBOX_BATCH", BATCH, "rows relayed at once");
        if !(1..=1_000).contains(&batch) {
            reader.refuse("OUTBOX_BATCH", "it must lie between 1 and 1000");
        }
        Self { batch, offload: Offload::read(reader) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_bounds() {
        let of = |batch: &str| {
            let env = [("OUTBOX_BATCH", batch), ("BLOB_BUCKET", "bodies")].into_iter().collect();
            let mut reader = EnvReader::new(&env);
            let config = Config::read(&mut reader);
            reader.finish().map(|()| config)
        };
        assert_eq!(of("7").unwrap().batch, 7);
        assert_eq!(of("").unwrap().batch, BATCH);
        for bad in ["0", "1001", "many"] {
            assert!(of(bad).unwrap_err().to_string().contains("OUTBOX_BATCH is wrong"), "{bad}");
        }
    }
}
