//! What merge reads from its environment.

use shared::runtime::env::EnvReader;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `BLOB_BUCKET` | | the bucket of large bodies |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The bucket of large bodies, and the only place to which a reference may point.
    pub blob_bucket: String,
}

impl Config {
    /// Reads the variables; what is missing is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        Self { blob_bucket: reader.required("BLOB_BUCKET", "the bucket of large bodies") }
    }
}
