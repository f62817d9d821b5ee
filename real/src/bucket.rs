//! The bucket of large bodies.

use std::time::Duration;

use local::functions::BUCKET;
use serde_json::json;

/// The server answers from memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Makes the bucket, if it is not there.
pub(crate) async fn make(http: &reqwest::Client, storage: &str) -> Result<(), String> {
    let url = format!("{}/storage/v1/b?project=world", storage.trim_end_matches('/'));
    let request = http.post(url).timeout(ANSWER_WITHIN).json(&json!({ "name": BUCKET }));
    let answer = request.send().await.map_err(|error| format!("the Cloud Storage server: {error}"))?;
    match answer.status().as_u16() {
        200..300 | 409 => Ok(()),
        status => Err(format!("the Cloud Storage server made no bucket: {status}")),
    }
}
