//! Every way to make a token that we should not believe.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::AlgorithmParameters;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};

use super::{Refused, SCHEDULER, Stage};
use crate::issuer::Issuer;

fn part(json: &Json) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

#[tokio::test]
async fn googles_token_is_believed() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    let scheduler = stage.issuer.sign(&stage.with("email", SCHEDULER)).unwrap();
    assert_eq!(stage.verify(&scheduler).await, Ok(()));
    assert_eq!(stage.fetches().await, 1);
}

#[tokio::test]
async fn a_claim_that_is_wrong_or_missing_is_told_apart() {
    let stage = Stage::new().await;
    let now = super::START;
    for (name, value, refused) in [
        ("iss", json!("https://evil.example"), Refused::Issuer),
        ("exp", json!(now - 60), Refused::OutsideTime),
        ("iat", json!(now + 3_600), Refused::OutsideTime),
        ("aud", json!("https://elsewhere.example/push"), Refused::Audience),
        ("email", json!("somebody@project.iam.gserviceaccount.com"), Refused::Account),
        ("email_verified", json!(false), Refused::Account),
    ] {
        let token = stage.issuer.sign(&stage.with(name, value)).unwrap();
        assert_eq!(stage.verify(&token).await, Err(refused), "{name}");
    }
    for (name, refused) in [
        ("iss", Refused::Malformed),
        ("aud", Refused::Malformed),
        ("exp", Refused::Malformed),
        ("email", Refused::Account),
        ("email_verified", Refused::Account),
    ] {
        let mut claims = stage.claims();
        claims.as_object_mut().unwrap().remove(name);
        let token = stage.issuer.sign(&claims).unwrap();
        assert_eq!(stage.verify(&token).await, Err(refused), "without {name}");
    }
}

#[tokio::test]
async fn another_key_under_the_same_id_does_not_fit() {
    let stage = Stage::new().await;
    let forged = Issuer::new("key-1").unwrap().sign(&stage.claims()).unwrap();
    assert_eq!(stage.verify(&forged).await, Err(Refused::BadSignature));
}

#[tokio::test]
async fn a_changed_claim_does_not_fit_its_signature() {
    let stage = Stage::new().await;
    let token = stage.token();
    let parts: Vec<&str> = token.split('.').collect();
    let claims = part(&stage.with("email", SCHEDULER));
    let changed = format!("{}.{claims}.{}", parts[0], parts[2]);
    assert_eq!(stage.verify(&changed).await, Err(Refused::BadSignature));
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(stage.verify(&unsigned).await, Err(Refused::BadSignature));
}

#[tokio::test]
async fn a_token_without_algorithm_is_refused_and_fetches_nothing() {
    let stage = Stage::new().await;
    let claims = part(&stage.claims());
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = part(&json!({"alg": name, "typ": "JWT", "kid": "key-1"}));
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(stage.verify(&token).await, Err(Refused::Algorithm), "{name:?}");
        }
    }
    let header = part(&json!({"typ": "JWT", "kid": "key-1"}));
    assert_eq!(stage.verify(&format!("{header}.{claims}.")).await, Err(Refused::Algorithm));
    assert_eq!(stage.fetches().await, 0);
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let stage = Stage::new().await;
    let AlgorithmParameters::RSA(key) = &stage.issuer.public().algorithm else { panic!("an RSA key") };
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(&key.n).unwrap();
    let jwk = serde_json::to_vec(stage.issuer.public()).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n", BASE64_STANDARD.encode(&modulus));
    for secret in [key.n.as_bytes(), &modulus, &jwk, pem.as_bytes()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some("key-1".into()), ..Header::new(algorithm) };
            let forged = encode(&header, &stage.claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(stage.verify(&forged).await, Err(Refused::Algorithm));
        }
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let stage = Stage::new().await;
    let good = stage.token();
    let long = format!("{good}{}", "A".repeat(9_000));
    for bad in ["", ".", "..", "a.b.c", "….….…", &good[1..], &long] {
        assert!(stage.verify(bad).await.is_err(), "{bad}");
    }
    assert_eq!(stage.verify(&long).await, Err(Refused::Malformed));
    let header = Header::new(Algorithm::RS256);
    let without_id =
        format!("{}.{}.AAAA", part(&serde_json::to_value(header).unwrap()), part(&stage.claims()));
    assert_eq!(stage.verify(&without_id).await, Err(Refused::UnknownKey));
}
