//! Whom we believe to be a person, and every way to pretend to be one.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use shared::runtime::identity::{Identified, Identify};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::people::{Iap, KeysAt, SuitexTokens};
use super::{Hand, KeyLimits, START};
use crate::issuer::Issuer;

const AUDIENCE: &str = "/projects/1/locations/europe-west4/services/review";
const SUITEX: &str = "https://suitex.example";

async fn publishing(issuers: &[&Issuer]) -> MockServer {
    let server = MockServer::start().await;
    let keys: Vec<_> = issuers.iter().map(|issuer| issuer.public().clone()).collect();
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "keys": keys }));
    Mock::given(path("/keys")).respond_with(answer).mount(&server).await;
    server
}

fn clock() -> Arc<Hand> {
    Arc::new(Hand(AtomicI64::new(START * 1_000)))
}

fn limits() -> KeyLimits {
    KeyLimits { fetch_within: Duration::from_millis(500), ..KeyLimits::default() }
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let entry = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in all.iter().map(entry) {
        headers.append(name, value);
    }
    headers
}

fn claims(change: Json) -> Json {
    let mut claims = json!({
        "iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "exp": START + 600, "iat": START,
        "email": "Ann@example.com", "sub": "accounts.google.com:1", "hd": "example.com",
    });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    claims
}

async fn who(way: &impl Identify, all: &[(&'static str, &str)]) -> Result<Identified, u16> {
    way.identify(&headers(all)).await.map_err(|problem| problem.status.as_u16())
}

#[tokio::test]
async fn the_proxy_is_believed_and_nobody_who_is_not_the_proxy() {
    let issuer = Issuer::es256("iap-1").unwrap();
    let server = publishing(&[&issuer]).await;
    let way = Iap::new(AUDIENCE, &format!("{}/keys", server.uri()), limits(), clock()).unwrap();
    let header = "x-goog-iap-jwt-assertion";
    let good = issuer.sign(&claims(json!({}))).unwrap();
    let ann = Identified { email: "Ann@example.com".into(), name: None };
    assert_eq!(who(&way, &[(header, &good)]).await, Ok(ann.clone()));
    for (change, what) in [
        (json!({"iss": "https://cloud.google.com/iap/"}), "another issuer"),
        (json!({"iss": "https://accounts.google.com"}), "an issuer of Google's, for another purpose"),
        (json!({"aud": "/projects/2/locations/europe-west4/services/review"}), "another audience"),
        (json!({"exp": START - 31}), "expired"),
        (json!({"iat": START + 31}), "not yet"),
        (json!({"email": null}), "nobody's"),
        (json!({"email": ""}), "nobody's"),
        (json!({"email_verified": false}), "an address that is not verified"),
    ] {
        let token = issuer.sign(&claims(change)).unwrap();
        assert_eq!(who(&way, &[(header, &token)]).await, Err(401), "{what}");
    }
    let forged = Issuer::es256("iap-1").unwrap().sign(&claims(json!({}))).unwrap();
    let rsa = Issuer::new("iap-1").unwrap().sign(&claims(json!({}))).unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"iap-1"}"#);
    // The public key taken for a shared secret.
    let secret = EncodingKey::from_secret(serde_json::to_string(issuer.public()).unwrap().as_bytes());
    let shared = Header { kid: Some("iap-1".into()), ..Header::new(Algorithm::HS256) };
    let shared = encode(&shared, &claims(json!({})), &secret).unwrap();
    for (token, what) in [
        (forged, "another key under the same id"),
        (rsa, "another algorithm"),
        (shared, "HS256"),
        (format!("{unsigned}.{rest}"), "none"),
        (format!("{head}.{rest}x"), "a changed signature"),
        ("x".into(), "no token"),
        ("x".repeat(9_000), "too long"),
    ] {
        assert_eq!(who(&way, &[(header, &token)]).await, Err(401), "{what}");
    }
    assert_eq!(who(&way, &[]).await, Err(401));
    assert_eq!(who(&way, &[(header, &good), (header, &good)]).await, Err(401), "two say nothing");
    let plain = [("x-goog-authenticated-user-email", "accounts.google.com:ann@example.com")];
    assert_eq!(who(&way, &plain).await, Err(401), "anybody can send that header");
    assert_eq!(who(&way, &[("authorization", &format!("Bearer {good}"))]).await, Err(401));
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "the keys were fetched once");
}

#[tokio::test]
async fn without_keys_nobody_is_believed_and_the_caller_is_told_to_come_again() {
    let server = MockServer::start().await;
    let way = Iap::new(AUDIENCE, &format!("{}/keys", server.uri()), limits(), clock()).unwrap();
    let token = Issuer::es256("iap-1").unwrap().sign(&claims(json!({}))).unwrap();
    assert_eq!(who(&way, &[("x-goog-iap-jwt-assertion", &token)]).await, Err(503));
}

fn of_suitex(change: Json) -> Json {
    let mut all = claims(json!({"iss": SUITEX, "aud": ["review", "other"], "name": "Ann"}));
    all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn suitexs_tokens_are_believed_from_header_and_cookie_by_either_algorithm() {
    let (rsa, curve) = (Issuer::new("rsa").unwrap(), Issuer::es256("curve").unwrap());
    let server = publishing(&[&rsa, &curve]).await;
    let keys = KeysAt::Url(format!("{}/keys", server.uri()));
    let way = SuitexTokens::new(SUITEX, "review", "suitex_token", &keys, limits(), clock()).unwrap();
    let ann = Ok(Identified { email: "Ann@example.com".into(), name: Some("Ann".into()) });
    for issuer in [&rsa, &curve] {
        let token = issuer.sign(&of_suitex(json!({}))).unwrap();
        assert_eq!(who(&way, &[("authorization", &format!("bearer {token}"))]).await, ann);
        assert_eq!(who(&way, &[("cookie", &format!("a=b; suitex_token={token}"))]).await, ann);
        assert_eq!(who(&way, &[("cookie", &format!("other={token}"))]).await, Err(401));
        let twice = format!("suitex_token={token}; suitex_token={token}");
        assert_eq!(who(&way, &[("cookie", &twice)]).await, Err(401));
        let both = [("authorization", "Bearer bad"), ("cookie", &format!("suitex_token={token}"))];
        assert_eq!(who(&way, &both).await, Err(401), "who sends a bad one is not let in by the other");
        for (change, what) in [
            (json!({"iss": "https://cloud.google.com/iap"}), "another issuer"),
            (json!({"aud": "other"}), "another audience"),
            (json!({"exp": START - 31}), "expired"),
        ] {
            let token = issuer.sign(&of_suitex(change)).unwrap();
            assert_eq!(who(&way, &[("authorization", &format!("Bearer {token}"))]).await, Err(401), "{what}");
        }
    }
}

#[tokio::test]
async fn one_public_key_will_do() {
    let of = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(of, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(of, document.as_ref()).unwrap();
    let private = BASE64_STANDARD.encode(document.as_ref());
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let pem = |what: &str, text: &str| format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n");
    let private = pem("PRIVATE KEY", &private);
    let public = pem("PUBLIC KEY", &BASE64_STANDARD.encode(public.as_ref()));
    let keys = KeysAt::Pem(public);
    let way = SuitexTokens::new(SUITEX, "review", "suitex_token", &keys, limits(), clock()).unwrap();
    let key = EncodingKey::from_ec_pem(private.as_bytes()).unwrap();
    // Without a key id: there is one key.
    let token = encode(&Header::new(Algorithm::ES256), &of_suitex(json!({})), &key).unwrap();
    assert!(who(&way, &[("authorization", &format!("Bearer {token}"))]).await.is_ok());
    let other = Issuer::es256("x").unwrap().sign(&of_suitex(json!({}))).unwrap();
    assert_eq!(who(&way, &[("authorization", &format!("Bearer {other}"))]).await, Err(401));
    let refused = SuitexTokens::new(SUITEX, "review", "c", &KeysAt::Pem(private), limits(), clock());
    assert!(refused.is_err(), "a private key has no business here");
}
