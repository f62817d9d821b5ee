//! Bodies in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::{BODY_MAX_BYTES, Blob, BlobRef, Body};
use crate::fault::Unavailable;

/// See [`Blob`].
#[derive(Default)]
pub struct MemoryBlob {
    bodies: Mutex<BTreeMap<BlobRef, Bytes>>,
}

#[async_trait]
impl Blob for MemoryBlob {
    async fn put(&self, at: &BlobRef, bytes: Bytes) -> Result<(), Unavailable> {
        if bytes.len() > BODY_MAX_BYTES {
            return Err(Unavailable::new("blob", format!("{at}: {} bytes are too many", bytes.len())));
        }
        let mut bodies = self.bodies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bodies.entry(at.clone()).or_insert(bytes);
        Ok(())
    }

    async fn get(&self, at: &BlobRef) -> Result<Body, Unavailable> {
        let bodies = self.bodies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(match bodies.get(at) {
            Some(bytes) if at.is_of(bytes) => Body::Whole(bytes.clone()),
            Some(_) => Body::Spoiled("it is not the body whose SHA-256 is in its path".into()),
            None => Body::Missing,
        })
    }
}
