//! Large bodies in Cloud Storage. Objects are written and read, never changed: a path names its content.
//!
//! Only what the JSON API serves is used (writing and reading objects), and no resumable upload: bodies are
//! bounded, and a stand-in for Cloud Storage on a port of its own cannot take one.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_storage::Error;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt, Recommended};
use google_cloud_storage::retry_policy::RetryableErrors;
use shared::blob::{BODY_MAX_BYTES, Blob, BlobRef, Body};
use shared::fault::Unavailable;
use tokio::time::timeout;

use crate::config::StorageConfig;

/// How large bodies may be, and how long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobLimits {
    /// Largest body, in bytes, that is stored or loaded.
    pub size_max: usize,
    /// One request is tried again for so long.
    pub retry_within: Duration,
    /// And so often at most.
    pub attempts: u32,
    /// A whole put or get may take so long.
    pub within: Duration,
}

impl Default for BlobLimits {
    /// For callers that answer within ten seconds, as a push must.
    fn default() -> Self {
        Self {
            size_max: BODY_MAX_BYTES,
            retry_within: Duration::from_secs(6),
            attempts: 4,
            within: Duration::from_secs(8),
        }
    }
}

/// Bodies in Cloud Storage.
pub struct GcsBlob {
    client: Storage,
    limits: BlobLimits,
}

impl GcsBlob {
    /// Prepares to read and write objects. Connections are made when they are first needed; an error here
    /// means that there are no credentials, or that an address is none.
    pub async fn new(config: &StorageConfig, limits: BlobLimits) -> Result<Self, Unavailable> {
        let retry = RetryableErrors.with_time_limit(limits.retry_within).with_attempt_limit(limits.attempts);
        let mut builder = Storage::builder()
            .with_retry_policy(retry)
            .with_backoff_policy(backoff())
            .with_read_resume_policy(Recommended.with_attempt_limit(limits.attempts))
            .with_resumable_upload_threshold(usize::MAX);
        if let Some(endpoint) = &config.emulator {
            let endpoint = endpoint.trim_end_matches('/');
            builder = builder.with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build());
        }
        let client = within(limits.within, "no credentials", builder.build()).await?;
        let client = client.map_err(|error| Unavailable::new("blob", error.to_string()))?;
        Ok(Self { client, limits })
    }

    /// Whether the bucket can be reached and read, for the start of a process.
    pub async fn check(&self, bucket: &str) -> Result<(), Unavailable> {
        let bucket_name = format!("projects/_/buckets/{bucket}");
        // There is no such object: that Cloud Storage says so is all that is asked.
        let asked = self.client.read_object(bucket_name, "transient/-/-").send();
        match within(self.limits.within, "no answer", asked).await? {
            Ok(_) => Ok(()),
            Err(error) if error.http_status_code() == Some(404) && !is_about_the_bucket(&error) => Ok(()),
            Err(error) => Err(Unavailable::new("blob", format!("gs://{bucket}: {error}"))),
        }
    }

    async fn write(&self, at: &BlobRef, bytes: Bytes) -> Result<(), Error> {
        // The checksum goes ahead of the body, so that the server refuses what was damaged on the way. Left to
        // itself the client sends it behind, in a form that stand-ins take for a part of the body.
        let checksum = crc32c::crc32c(&bytes);
        let write = self.client.write_object(bucket(at), at.path(), bytes).with_known_crc32c(checksum);
        // Generation 0: only where there is no object yet. That makes it safe to repeat, too.
        let write = write.set_if_generation_match(0).set_content_type("application/json");
        match write.send_unbuffered().await {
            Ok(_) => Ok(()),
            Err(error) if error.http_status_code() == Some(412) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, at: &BlobRef) -> Result<Body, Error> {
        let mut object = match self.client.read_object(bucket(at), at.path()).send().await {
            Ok(object) => object,
            Err(error) if error.http_status_code() == Some(404) => return Ok(Body::Missing),
            Err(error) => return Err(error),
        };
        let size = usize::try_from(object.object().size).unwrap_or(0);
        let mut body = BytesMut::with_capacity(size.min(self.limits.size_max));
        while let Some(chunk) = object.next().await {
            // The last chunk fails when the checksum does not fit.
            body.extend_from_slice(&chunk?);
            if body.len() > self.limits.size_max {
                return Ok(Body::Spoiled(format!("it is over the limit of {} bytes", self.limits.size_max)));
            }
        }
        let body = body.freeze();
        Ok(match at.is_of(&body) {
            true => Body::Whole(body),
            false => {
                Body::Spoiled("its SHA-256 is not the one in its path: it was replaced or damaged".into())
            }
        })
    }
}

#[async_trait]
impl Blob for GcsBlob {
    async fn put(&self, at: &BlobRef, bytes: Bytes) -> Result<(), Unavailable> {
        if bytes.len() > self.limits.size_max {
            let why = format!("{at}: {} bytes are over the limit of {}", bytes.len(), self.limits.size_max);
            return Err(Unavailable::new("blob", why));
        }
        let written = within(self.limits.within, "not stored", self.write(at, bytes)).await?;
        written.map_err(|error| Unavailable::new("blob", format!("{at}: {error}")))
    }

    async fn get(&self, at: &BlobRef) -> Result<Body, Unavailable> {
        let read = within(self.limits.within, "not loaded", self.read(at)).await?;
        read.map_err(|error| Unavailable::new("blob", format!("{at}: {error}")))
    }
}

/// Cloud Storage says 404 of an object and of its bucket; only the text tells them apart.
fn is_about_the_bucket(error: &Error) -> bool {
    let text = match error.status() {
        Some(status) => status.message.clone(),
        None => String::from_utf8_lossy(error.http_payload().map_or(&[][..], |p| p)).into_owned(),
    };
    text.contains("bucket does not exist")
}

fn bucket(at: &BlobRef) -> String {
    format!("projects/_/buckets/{}", at.bucket())
}

fn backoff() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_delay(Duration::from_millis(100))
        .with_maximum_delay(Duration::from_secs(2))
        .clamp()
}

async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> Result<T, Unavailable> {
    let late = |_| Unavailable::new("blob", format!("{what} within {limit:?}"));
    timeout(limit, work).await.map_err(late)
}
