//! Large bodies, by content: `gs://bucket/transient|pinned/<account>/<sha256>`.

pub mod memory;
pub mod offload;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::domain::id::AccountId;
use crate::fault::Unavailable;

/// Largest body, in bytes, that is stored; every implementation refuses what is larger, and always will.
pub const BODY_MAX_BYTES: usize = 32 * 1_024 * 1_024;

/// How long a body is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// Thirty days. We write none of these; an integration may put its own large payloads there.
    Transient,
    /// As long as the ledger refers to it.
    Pinned,
}

/// A reference to a body, known to lie under its own account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobRef {
    bucket: String,
    path: String,
}

impl BlobRef {
    /// The reference of `bytes` for `account`.
    pub fn of(bucket: &str, account: &AccountId, keep: Keep, bytes: &[u8]) -> Self {
        let folder = match keep {
            Keep::Transient => "transient",
            Keep::Pinned => "pinned",
        };
        Self { bucket: bucket.to_string(), path: format!("{folder}/{account}/{}", hash(bytes)) }
    }

    /// Parses a reference that an event of `account` carries; one that points anywhere else is refused.
    pub fn parse(text: &str, bucket: &str, account: &AccountId) -> Result<Self, String> {
        let path = text
            .strip_prefix("gs://")
            .and_then(|rest| rest.strip_prefix(bucket))
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(|| format!("must begin with gs://{bucket}/"))?;
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["transient" | "pinned", owner, name]
                if owner == account.as_str()
                    && name.len() == 64
                    && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) =>
            {
                Ok(Self { bucket: bucket.to_string(), path: path.to_string() })
            }
            _ => {
                Err(format!("must be transient/{account}/ or pinned/{account}/, and a SHA-256 in lower case"))
            }
        }
    }

    /// Whether these bytes are what it refers to.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.path.rsplit('/').next() == Some(&hash(bytes))
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The path within the bucket.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::fmt::Display for BlobRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "gs://{}/{}", self.bucket, self.path)
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// What lies at a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The body.
    Whole(Bytes),
    /// Nothing.
    Missing,
    /// Something, but not the body, and no retry will make it so; why.
    Spoiled(String),
}

/// Stores and loads bodies.
#[async_trait]
pub trait Blob: Send + Sync {
    /// Stores `bytes`, [`BODY_MAX_BYTES`] of them at most, under its reference; storing it again is a no-op.
    async fn put(&self, at: &BlobRef, bytes: Bytes) -> Result<(), Unavailable>;

    /// Loads a body.
    async fn get(&self, at: &BlobRef) -> Result<Body, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_stays_within_its_account() {
        let acme = AccountId::parse("acme").unwrap();
        let good = BlobRef::of("b", &acme, Keep::Pinned, b"x");
        assert_eq!(BlobRef::parse(&good.to_string(), "b", &acme).unwrap(), good);
        let hash = good.path().rsplit('/').next().unwrap();
        for bad in [
            "gs://b/pinned/globex/HASH",
            "gs://b/pinned/acme/../globex/HASH",
            "gs://b/pinned/acme/HASH/HASH",
            "gs://other/pinned/acme/HASH",
            "gs://b/elsewhere/acme/HASH",
            "gs://bb/pinned/acme/HASH",
            "s3://b/pinned/acme/HASH",
            "gs://b/pinned/acme/",
            "gs://b/pinned/acme/aa",
            "gs://b/pinned/acme/HASHa",
            "gs://b/pinned/acme/%2e%2e",
            "http://169.254.169.254/",
        ] {
            let bad = bad.replace("HASH", hash);
            assert!(BlobRef::parse(&bad, "b", &acme).is_err(), "{bad}");
        }
        assert!(BlobRef::parse(&good.to_string().replace(hash, &hash.to_uppercase()), "b", &acme).is_err());
    }
}
