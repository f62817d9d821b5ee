//! Who is let in, asked by our own client: the assertions, tokens and signatures are those of a deployment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::join_all;
use http::Response as Heard;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use shared::domain::governance::CallEnd;
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::{Credential, Credentials, Grant, Signer, SigningKey, TbaTokens};
use shared::netsuite::transport::Lost;
use shared::runtime::env::Secret;
use shared::runtime::ids::Ids;
use shared::writer::CallFault;
use tower::util::BoxCloneSyncService;

use super::*;
use crate::netsuite::{Certificate, Integration};

const TOKEN: &str = "http://netsuite.local/netsuite/acme/services/rest/auth/oauth2/v1/token";
const YEAR_MS: i64 = 365 * 86_400_000;

/// A key, as a person has it and as NetSuite does.
struct Pair {
    pem: String,
    public: DecodingKey,
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der))
}

fn elliptic() -> Pair {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pem = pem(der.as_ref());
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    Pair { pem, public: public(&key, Algorithm::ES256) }
}

fn rsa() -> Pair {
    let der: Pkcs8V1Der<'static> = KeyPair::generate(KeySize::Rsa3072).unwrap().as_der().unwrap();
    let pem = pem(der.as_ref());
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    Pair { pem, public: public(&key, Algorithm::PS256) }
}

fn public(key: &EncodingKey, algorithm: Algorithm) -> DecodingKey {
    DecodingKey::from_jwk(&Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap()
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn draw(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

fn grant(pair: &Pair) -> Credential {
    let key = SigningKey::parse(&pair.pem, None).unwrap();
    Credential::OAuth2(Grant { client_id: "client".into(), certificate_id: "cert".into(), key })
}

fn tba() -> TbaTokens {
    TbaTokens {
        consumer_key: "ck".into(),
        consumer_secret: Secret::new("cs"),
        token_id: "ti".into(),
        token_secret: Secret::new("ts"),
    }
}

fn integration(pair: &Pair, until_ms: i64) -> Integration {
    let certificate = Certificate { key: pair.public.clone(), until: Timestamp(until_ms) };
    Integration {
        client_id: "client".into(),
        certificates: BTreeMap::from([("cert".into(), certificate)]),
        tokens: vec![tba()],
    }
}

impl World {
    fn requires(&self, integration: Integration) {
        self.netsuite.require_sign_in(&acme(), integration).unwrap();
    }

    /// Our client, with this credential.
    fn client(&self, credential: Credential) -> Client {
        let router = self.router.clone();
        let transport = tower::service_fn(move |request: Request<Bytes>| {
            let router = router.clone();
            async move {
                let response = router.oneshot(request.map(Body::from)).await.unwrap();
                let (parts, body) = response.into_parts();
                let body = body.collect().await.map_err(|e| Lost::NoAnswer(e.to_string()))?.to_bytes();
                Ok(Heard::from_parts(parts, body))
            }
        });
        let url = "http://netsuite.local/netsuite/{account}".to_string();
        let address =
            Address { base_url: url.clone(), suitetalk_url: url, script: "s".into(), deploy: "d".into() };
        let credentials = Credentials::Of(BTreeMap::from([(acme(), credential)]));
        let clock = Arc::new(Shown(Arc::clone(&self.clock)));
        let signer = Signer::new(credentials, clock, Arc::new(Counted::default()));
        Client::new(BoxCloneSyncService::new(transport), address, signer)
    }

    fn given(&self) -> u64 {
        self.netsuite.stats(&acme()).tokens_given
    }

    /// Asks the token endpoint with this assertion.
    fn asserted(&self, assertion: &str) -> (u16, String) {
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let form = format!(
            "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}"
        );
        let (status, _, body) = self.send("POST", TOKEN, form);
        let body: Json = serde_json::from_str(&body).unwrap();
        (status.as_u16(), body["error"].as_str().unwrap_or_default().to_string())
    }
}

fn call(client: &Client) -> Result<usize, CallFault> {
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
    let asked = client.suiteql(&config.accounts[&acme()], "SELECT id FROM customer");
    asked.now_or_never().expect("answered at once").map(|rows| rows.len())
}

#[test]
fn both_kinds_of_keys_and_tokens_of_the_older_kind_are_let_in() {
    for pair in [elliptic(), rsa()] {
        let world = World::new();
        world.customer(json!({"companyname": "A"}));
        world.requires(integration(&pair, START + YEAR_MS));
        let client = world.client(grant(&pair));
        assert_eq!((call(&client).unwrap(), call(&client).unwrap(), world.given()), (1, 1, 1));
        let client = world.client(Credential::Tba(tba()));
        assert_eq!((call(&client).unwrap(), call(&client).unwrap(), world.given()), (1, 1, 1));
    }
}

#[test]
fn who_does_not_sign_in_is_told_so_in_each_interfaces_words() {
    let world = World::new();
    world.requires(integration(&elliptic(), START + YEAR_MS));
    let (status, body) = world.restlet(&json!({"action": "read", "reads": []}));
    assert_eq!(status.as_u16(), 401);
    assert!(body.contains("INVALID_LOGIN_ATTEMPT"), "{body}");
    let (status, _, body) =
        world.send("POST", "/netsuite/acme/services/rest/query/v1/suiteql", r#"{"q":"x"}"#.into());
    assert_eq!(status.as_u16(), 401);
    assert!(body.contains("INVALID_LOGIN") && body.contains("o:errorDetails"), "{body}");
    assert_eq!(world.netsuite.stats(&acme()).not_signed_in, 2);
}

#[test]
fn another_key_another_client_and_an_expired_certificate_are_refused_by_name() {
    let (ours, other) = (elliptic(), elliptic());
    for (integration, expected) in [
        (integration(&other, START + YEAR_MS), "invalid_grant"),
        (integration(&ours, START), "invalid_grant"),
        (
            Integration { client_id: "another".into(), ..integration(&ours, START + YEAR_MS) },
            "invalid_client",
        ),
        (
            Integration { certificates: BTreeMap::new(), ..integration(&ours, START + YEAR_MS) },
            "invalid_client",
        ),
    ] {
        let world = World::new();
        world.requires(integration);
        let fault = call(&world.client(grant(&ours))).unwrap_err();
        assert_eq!((fault.end, fault.code.as_deref()), (CallEnd::Auth, Some(expected)), "{fault}");
        assert_eq!(world.given(), 0);
    }
}

#[test]
fn a_certificate_that_expires_lets_the_last_token_live_and_gives_no_other() {
    let (world, pair) = (World::new(), elliptic());
    world.requires(integration(&pair, START + 1_800_000));
    let client = world.client(grant(&pair));
    call(&client).unwrap();
    world.clock.pass(3_599_000);
    call(&client).unwrap();
    world.clock.pass(2_000);
    let fault = call(&client).unwrap_err();
    assert_eq!((fault.end, fault.code.as_deref()), (CallEnd::Auth, Some("invalid_grant")), "{fault}");
}

#[test]
fn an_assertion_must_be_for_this_address_by_an_allowed_algorithm_and_for_an_hour_at_most() {
    let (world, pair, rsa) = (World::new(), elliptic(), rsa());
    let mut known = integration(&pair, START + YEAR_MS);
    known
        .certificates
        .extend(integration(&rsa, START + YEAR_MS).certificates.into_values().map(|of| ("rsa".into(), of)));
    world.requires(known);
    let now = START / 1_000;
    let scope = json!(["restlets", "rest_webservices"]);
    let good = json!({ "iss": "client", "scope": scope, "aud": TOKEN, "iat": now, "exp": now + 3_600 });
    let signed = |algorithm, kid: &str, claims: &Json| {
        let header = Header { kid: Some(kid.into()), ..Header::new(algorithm) };
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pair.pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(rsa.pem.as_bytes()),
        };
        encode(&header, claims, &key.unwrap()).unwrap()
    };
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(Algorithm::ES256, "cert", &claims)
    };
    for (assertion, expected) in [
        (signed(Algorithm::ES256, "cert", &good), (200, "")),
        (signed(Algorithm::PS512, "rsa", &good), (200, "")),
        (with("scope", json!("restlets,rest_webservices")), (200, "")),
        (signed(Algorithm::RS256, "rsa", &good), (400, "invalid_request")),
        (signed(Algorithm::ES256, "rsa", &good), (400, "invalid_grant")),
        (signed(Algorithm::ES256, "lost", &good), (401, "invalid_client")),
        (with("aud", json!(TOKEN.replace("acme", "globex"))), (400, "invalid_grant")),
        (with("exp", json!(now + 3_601)), (400, "invalid_grant")),
        (with("exp", json!(now)), (400, "invalid_grant")),
        (with("iat", json!(now + 301)), (400, "invalid_grant")),
        (with("scope", json!(["restlets"])), (400, "invalid_scope")),
        ("nonsense".into(), (400, "invalid_request")),
    ] {
        let (status, error) = world.asserted(&assertion);
        assert_eq!((status, error.as_str()), expected, "{assertion}");
    }
}

#[test]
fn a_token_ends_after_an_hour_and_one_that_ends_early_is_got_anew_by_one() {
    let (world, pair) = (World::new(), elliptic());
    world.requires(integration(&pair, START + YEAR_MS));
    let client = world.client(grant(&pair));
    call(&client).unwrap();
    world.netsuite.forget_tokens(&acme());
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
    let account = &config.accounts[&acme()];
    let calls = join_all((0..8).map(|_| client.suiteql(account, "SELECT id FROM customer")));
    let answers = calls.now_or_never().expect("answered at once");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(world.given(), 2, "one renewal for all");
    let stale = world.client(grant(&pair));
    call(&stale).unwrap();
    world.clock.pass(3_600_000);
    call(&stale).unwrap();
    assert_eq!(world.given(), 4);
}

#[test]
fn a_signature_of_the_older_kind_is_good_once_for_its_request_and_in_its_time() {
    let world = World::new();
    world.requires(integration(&elliptic(), START + YEAR_MS));
    let uri = format!("http://netsuite.local{RESTLET}");
    let now = START / 1_000;
    let header = |tokens: &TbaTokens, uri: &str, nonce: &str, at: i64| {
        tokens.header("1234567", &http::Method::POST, &uri.parse().unwrap(), nonce, at)
    };
    let status = |header: &str| {
        let request = Request::post(&uri).header("authorization", header);
        let request = request.body(Body::from(r#"{"action":"read","reads":[]}"#)).unwrap();
        world.router.clone().oneshot(request).now_or_never().unwrap().unwrap().status().as_u16()
    };
    let other = TbaTokens { token_secret: Secret::new("other"), ..tba() };
    for (header, expected) in [
        (header(&tba(), &uri, "n1", now), 200),
        (header(&tba(), &uri, "n1", now), 401),
        (header(&tba(), &uri, "n2", now + 1), 200),
        (header(&other, &uri, "n3", now), 401),
        (header(&tba(), &uri.replace("deploy=customdeploy", "deploy=other"), "n4", now), 401),
        (header(&tba(), &uri, "n5", now - 301), 401),
        (header(&tba(), &uri, "n6", now).replace("1234567", "7654321"), 401),
        ("Basic eDp5".into(), 401),
    ] {
        assert_eq!(status(&header), expected, "{header}");
    }
}
