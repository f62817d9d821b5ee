//! A call of ingest, signed as NetSuite's script signs it.

use bytes::Bytes;
use http::Request;
use shared::domain::id::Timestamp;
use shared::runtime::signature::{self, Signer};

/// A call that an account signs with `secret`, a key of the world's own. `id` is the message's: each attempt draws
/// another.
pub fn signed(account: &str, secret: &str, id: &str, now: Timestamp, body: Bytes) -> Request<Bytes> {
    let signer = Signer::parse(secret).expect("the world's own key");
    let seconds = now.seconds();
    Request::post("/ingest/v1/events")
        .header("content-type", "application/json")
        .header(signature::ID, id)
        .header(signature::TIMESTAMP, seconds.to_string())
        .header(signature::KEY_ID, account)
        .header(signature::SIGNATURE, signer.sign(id, seconds, &body))
        .body(body)
        .expect("headers of plain text")
}
