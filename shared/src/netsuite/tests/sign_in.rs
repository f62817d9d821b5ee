//! Signing in: one token for all, renewed in time, taken back, refused, not to be had.

use futures::future::join_all;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Value as Json, json};
use wiremock::ResponseTemplate;

use super::*;
use crate::domain::governance::CallEnd;
use crate::netsuite::sign::{BadKey, TbaTokens};
use crate::netsuite::wire::Outcome;
use crate::runtime::env::Secret;
use crate::writer::CallFault;

impl Stage {
    async fn call(&self) -> Result<Vec<Outcome>, CallFault> {
        self.client.read(&account(), Vec::new()).await
    }

    /// Twenty calls at once.
    async fn calls(&self) -> Vec<Result<Vec<Outcome>, CallFault>> {
        join_all((0..20).map(|_| self.call())).await
    }

    /// NetSuite refuses each call's token, a minute after the call.
    async fn refuse_late(&self) {
        let clock = Arc::clone(&self.clock);
        let late = move |_: &wiremock::Request| {
            clock.0.fetch_add(60_000, Ordering::Relaxed);
            ResponseTemplate::new(401)
                .set_body_json(json!({ "error": { "code": "INVALID_LOGIN_ATTEMPT", "message": "No." } }))
        };
        self.answer(RESTLET, late).await;
    }
}

#[tokio::test]
async fn twenty_calls_at_once_share_one_token() {
    let stage = Stage::new().await;
    assert!(stage.calls().await.iter().all(Result::is_ok));
    assert_eq!((stage.seen(TOKEN).await, stage.seen(RESTLET).await), (1, 20));
    let requests = stage.netsuite.received_requests().await.unwrap();
    assert!(
        requests
            .iter()
            .filter(|r| r.url.path() == RESTLET)
            .all(|r| r.headers["authorization"] == "Bearer t1")
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_once_however_many_call() {
    for good in [json!(3_600), json!("3600"), json!(3_600.0), json!(999_999), Json::Null] {
        let stage = Stage::bare(grant(&keys::elliptic().pem)).await;
        stage.give(good).await;
        stage.let_in().await;
        stage.call().await.unwrap();
        stage.pass(3_479);
        stage.call().await.unwrap();
        assert_eq!(stage.seen(TOKEN).await, 1, "two minutes and a second are left");
        stage.pass(1);
        assert!(stage.calls().await.iter().all(Result::is_ok));
        assert_eq!(stage.seen(TOKEN).await, 2, "renewed, by one");
        stage.pass(3_600);
        assert!(stage.calls().await.iter().all(Result::is_ok));
        assert_eq!(stage.seen(TOKEN).await, 3, "ended, and got anew by one");
    }
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_in_use() {
    let stage = Stage::new().await;
    stage.call().await.unwrap();
    stage.netsuite.reset().await;
    stage.let_in().await;
    stage.answer(TOKEN, ResponseTemplate::new(503)).await;
    stage.pass(3_500);
    assert!(stage.calls().await.iter().all(Result::is_ok));
    assert_eq!(stage.seen(TOKEN).await, 1, "nobody tries again at once");
    stage.pass(100);
    let fault = stage.call().await.unwrap_err();
    assert_eq!(fault.end, CallEnd::NotMade, "{fault}");
}

#[tokio::test]
async fn a_token_taken_back_is_replaced_once_under_a_storm_of_401s() {
    let stage = Stage::new().await;
    stage.call().await.unwrap();
    stage.door.lock().unwrap().taken_back.insert(1);
    assert!(stage.calls().await.iter().all(Result::is_ok), "a 401 did no work: each call is made once more");
    assert_eq!(stage.seen(TOKEN).await, 2);
    assert!(stage.seen(RESTLET).await <= 41);
}

#[tokio::test]
async fn a_401_that_comes_late_is_not_answered_with_a_second_attempt() {
    let stage = Stage::bare(grant(&keys::elliptic().pem)).await;
    stage.give(json!(3_600)).await;
    stage.refuse_late().await;
    let fault = stage.call().await.unwrap_err();
    assert_eq!(
        (fault.end, stage.seen(RESTLET).await),
        (CallEnd::Auth, 1),
        "it would outlive its permit: {fault}"
    );
}

#[tokio::test]
async fn a_401_that_comes_late_for_a_token_that_was_taken_is_no_refused_sign_in() {
    let stage = Stage::new().await;
    stage.call().await.unwrap();
    stage.netsuite.reset().await;
    stage.give(json!(3_600)).await;
    stage.refuse_late().await;
    let fault = stage.call().await.unwrap_err();
    assert_eq!(fault.end, CallEnd::NotMade, "the token has ended: {fault}");
    let fault = stage.call().await.unwrap_err();
    assert_eq!(fault.end, CallEnd::Auth, "one that never was good: {fault}");
}

#[tokio::test]
async fn fresh_tokens_are_not_asked_for_while_those_are_refused_too() {
    let stage = Stage::new().await;
    stage.door.lock().unwrap().all_refused = true;
    for _ in 0..3 {
        let faults: Vec<CallFault> = stage.calls().await.into_iter().map(Result::unwrap_err).collect();
        assert!(faults.iter().all(|fault| fault.end == CallEnd::Auth), "{faults:?}");
        assert!(faults[0].why.contains("Login Audit Trail"), "{}", faults[0]);
    }
    assert_eq!(stage.seen(TOKEN).await, 2, "the first, and one more");
    assert!(stage.seen(RESTLET).await <= 80);
    stage.pass(31);
    stage.call().await.unwrap_err();
    assert_eq!(stage.seen(TOKEN).await, 3, "half a minute later it is tried again");
    stage.door.lock().unwrap().all_refused = false;
    assert!(stage.call().await.is_ok(), "and the account is not given up");
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_is_told_with_a_hint() {
    for (status, body, end, word) in [
        (401, r#"{"error":"invalid_client"}"#, CallEnd::Auth, "sandbox refresh deletes it"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"x"}"#,
            CallEnd::Auth,
            "certificate may have expired",
        ),
        (200, r#"{"error":"invalid_grant"}"#, CallEnd::Auth, "certificate may have expired"),
        (400, r#"{"error":"invalid_request"}"#, CallEnd::Auth, "Enable Features"),
        (400, r#"{"error":"invalid_scope"}"#, CallEnd::Auth, "allow the scopes"),
        (400, r#"{"error":"unsupported_grant_type"}"#, CallEnd::Auth, "Enable Features"),
        (400, r#"{"error":"unauthorized_client"}"#, CallEnd::Auth, "M2M"),
        (400, r#"{"error":"news"}"#, CallEnd::Auth, "news"),
        (403, "<html>No</html>", CallEnd::Auth, "Login Audit Trail"),
        (302, "", CallEnd::Auth, "the account's own address"),
        (429, "", CallEnd::Overload, "slow down"),
        (400, r#"{"error":"temporarily_unavailable"}"#, CallEnd::NotMade, "tried again"),
        (503, "<html>maintenance</html>", CallEnd::NotMade, "503"),
        (500, "", CallEnd::NotMade, "500"),
        (200, "<html>Log in</html>", CallEnd::NotMade, "no token"),
        (200, r#"{"access_token":"hush"#, CallEnd::NotMade, "no token"),
        (200, "{\"access_token\":\"hu\\nsh\"}", CallEnd::NotMade, "no header"),
    ] {
        let stage = Stage::bare(grant(&keys::elliptic().pem)).await;
        stage.answer(TOKEN, ResponseTemplate::new(status).set_body_string(body)).await;
        for fault in stage.calls().await.into_iter().map(Result::unwrap_err) {
            assert_eq!(fault.end, end, "{body} {fault}");
            assert!(fault.why.contains(word) && !fault.why.contains("hush"), "{body} {fault}");
        }
        assert_eq!(
            (stage.seen(TOKEN).await, stage.seen(RESTLET).await),
            (1, 0),
            "asked once for twenty calls"
        );
        stage.netsuite.reset().await;
        stage.give(json!(3_600)).await;
        stage.let_in().await;
        assert!(stage.call().await.is_err(), "not asked again at once");
        stage.pass(5);
        assert!(stage.call().await.is_ok());
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_means_that_no_call_was_made() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stage = Stage::new().await;
    let clock = Arc::clone(&stage.clock);
    let address = Address { suitetalk_url: format!("http://{nobody}"), ..address(&stage.netsuite.uri()) };
    let transport = reqwest_transport(http_client().unwrap());
    let client = Client::new(transport, address, signer(grant(&keys::elliptic().pem), &clock));
    let fault = client.read(&account(), Vec::new()).await.unwrap_err();
    assert_eq!(fault.end, CallEnd::NotMade, "{fault}");
    assert_eq!(stage.seen(RESTLET).await, 0);
}

#[tokio::test]
async fn an_account_without_a_credential_is_not_called() {
    let stage = Stage::new().await;
    let other = Account { id: AccountId::parse("globex").unwrap(), ..account() };
    let fault = stage.client.read(&other, Vec::new()).await.unwrap_err();
    assert_eq!(fault.end, CallEnd::Auth);
    assert!(fault.why.contains("globex") && fault.why.contains("NETSUITE_CREDENTIALS"), "{fault}");
    assert!(stage.netsuite.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_assertion_says_who_and_what_for_and_no_longer_than_an_hour() {
    for pair in [keys::rsa(3_072), keys::elliptic(), keys::elliptic_384()] {
        let stage = Stage::bare(grant(&pair.pem)).await;
        stage.give(json!(3_600)).await;
        stage.let_in().await;
        stage.call().await.unwrap();
        let requests = stage.netsuite.received_requests().await.unwrap();
        assert_eq!(requests[0].headers["content-type"], "application/x-www-form-urlencoded");
        let form: BTreeMap<_, _> = requests[0].url.query_pairs().into_owned().collect();
        assert!(form.is_empty(), "nothing stands in the address");
        let body = String::from_utf8(requests[0].body.clone()).unwrap();
        let form: BTreeMap<&str, &str> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(
            form["client_assertion_type"],
            "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        );
        let header = decode_header(form["client_assertion"]).unwrap();
        assert_eq!(
            (header.alg, header.kid.as_deref(), header.typ.as_deref()),
            (pair.algorithm, Some("certificate-1"), Some("JWT"))
        );
        let mut validation = Validation::new(pair.algorithm);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let claims = decode::<Json>(form["client_assertion"], &pair.public, &validation).unwrap().claims;
        assert_eq!(claims["iss"], "client-1");
        assert_eq!(claims["scope"], json!(["restlets", "rest_webservices"]));
        assert_eq!(claims["aud"], format!("{}{TOKEN}", stage.netsuite.uri()));
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert!(iat <= START / 1_000 && START / 1_000 < exp && exp - iat <= 3_600, "{claims}");
    }
}

#[test]
fn keys_that_netsuite_would_refuse_are_refused_at_the_start() {
    let (rsa, elliptic) = (keys::rsa(3_072).pem, keys::elliptic().pem);
    let certificate = rsa.replace("PRIVATE KEY", "CERTIFICATE");
    for (pem, algorithm, words) in [
        (keys::rsa(2_048).pem.as_str(), None, "2048 bits: NetSuite takes 3072 or 4096"),
        (&rsa, Some("RS256"), "this key signs PS256, and NetSuite refuses RSA signatures of the older kind"),
        (&rsa, Some("ES256"), "this key signs PS256"),
        (&elliptic, Some("PS256"), "this key signs ES256"),
        (&keys::elliptic_521(), None, "neither RSA (3072 or 4096 bits) nor elliptic (P-256 or P-384)"),
        (&certificate, None, "the private key belongs here"),
        (&rsa.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), None, "it is encrypted"),
        (&elliptic.replace("PRIVATE KEY", "EC PRIVATE KEY"), None, "convert it"),
        ("hush", None, "no private key in PEM form"),
        ("-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----", None, "neither RSA"),
    ] {
        let why: BadKey = SigningKey::parse(pem, algorithm).unwrap_err();
        assert!(why.to_string().contains(words) && !why.to_string().contains("hush"), "{why}");
    }
    for (pem, algorithm) in [(&rsa, Some("PS256")), (&elliptic, Some("ES256")), (&rsa, None)] {
        let key = SigningKey::parse(pem, algorithm).unwrap();
        assert!(!format!("{key:?}").contains(&pem[40..60]), "a key does not show");
    }
}

#[tokio::test]
async fn tba_signs_every_request_afresh() {
    let tokens = TbaTokens {
        consumer_key: "key".into(),
        consumer_secret: Secret::new("hush"),
        token_id: "token".into(),
        token_secret: Secret::new("hush"),
    };
    let stage = Stage::bare(Credential::Tba(tokens)).await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "results": [], "remainingUsage": 1 }));
    stage.answer(RESTLET, answer).await;
    stage.call().await.unwrap();
    stage.call().await.unwrap();
    let requests = stage.netsuite.received_requests().await.unwrap();
    let headers: Vec<&str> = requests.iter().map(|r| r.headers["authorization"].to_str().unwrap()).collect();
    assert!(
        headers
            .iter()
            .all(|h| h.starts_with(r#"OAuth realm="1234567_SB1", oauth_consumer_key="key", oauth_nonce=""#))
    );
    assert_ne!(headers[0], headers[1], "a nonce is used once");
    assert_eq!(headers.len(), 2, "nobody asks for a token");
}
