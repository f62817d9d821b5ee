//! N/crypto: digests, and the secret that scripts may use and never see.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::run::Run;
use super::thrown::Thrown;

/// The one secret, and the scripts to which it is restricted.
const SECRET: &str = "custsecret_sx_ingest";
const MAY_USE: [&str; 2] = ["customscript_sx_rl_event", "customscript_sx_mr_outbox"];

#[derive(Deserialize)]
pub(super) struct Named {
    secret: String,
}

#[derive(Deserialize)]
pub(super) struct Digesting {
    parts: Vec<Part>,
    secret: Option<Key>,
    encoding: String,
}

#[derive(Deserialize)]
struct Part {
    input: String,
    encoding: String,
}

#[derive(Deserialize)]
struct Key {
    secret: String,
    encoding: String,
}

/// Refuses a secret that is not there, or not for this script.
pub(super) fn refuse_unknown(run: &Run, named: &Named) -> Result<Json, Thrown> {
    value(run, &named.secret).map(|_| Json::Null)
}

/// SHA-256 of the parts; with a key, their HMAC.
pub(super) fn digest(run: &Run, asked: &Digesting) -> Result<Json, Thrown> {
    let mut bytes = Vec::new();
    for part in &asked.parts {
        bytes.extend(decoded(&part.input, &part.encoding)?);
    }
    let digest = match &asked.secret {
        None => Sha256::digest(&bytes).to_vec(),
        Some(key) => {
            let key = decoded(value(run, &key.secret)?, &key.encoding)?;
            let bad = |_| Thrown::new("SSS_INVALID_SECRET", "The secret cannot be a key");
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(bad)?;
            mac.update(&bytes);
            mac.finalize().into_bytes().to_vec()
        }
    };
    match asked.encoding.as_str() {
        "BASE_64" => Ok(json!(BASE64_STANDARD.encode(digest))),
        "HEX" => Ok(json!(digest.iter().map(|byte| format!("{byte:02X}")).collect::<String>())),
        other => Err(Thrown::not_simulated(format!("digests in {other}"))),
    }
}

/// What is entered under Setup > Company > API Secrets.
fn value<'a>(run: &'a Run, name: &str) -> Result<&'a str, Thrown> {
    let unknown =
        || Thrown::new("SSS_INVALID_SECRET", format!("There is no secret {name} for {}", run.script));
    if name != SECRET || !MAY_USE.contains(&&*run.script) {
        return Err(unknown());
    }
    run.deployed.secrets.get(&run.account.id).and_then(|key| key.strip_prefix("whsec_")).ok_or_else(unknown)
}

fn decoded(text: &str, encoding: &str) -> Result<Vec<u8>, Thrown> {
    match encoding {
        "UTF_8" => Ok(text.as_bytes().to_vec()),
        "BASE_64" => {
            BASE64_STANDARD.decode(text).map_err(|error| Thrown::new("SSS_DECODE_ERROR", error.to_string()))
        }
        other => Err(Thrown::not_simulated(format!("text in {other}"))),
    }
}
