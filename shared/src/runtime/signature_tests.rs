//! Who is believed, and who is not.

use super::*;

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const THEIRS: &str = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const AT: i64 = 1_614_265_330;

fn keys() -> Keys {
    format!("acme={OLD},{NEW}; globex={THEIRS};").parse().unwrap()
}

fn signed(key_id: &str, secret: &str, body: &[u8]) -> HeaderMap {
    let signature = Signer::parse(secret).unwrap().sign("msg_1", AT, body);
    let mut headers = HeaderMap::new();
    for (name, value) in
        [(ID, "msg_1"), (TIMESTAMP, &AT.to_string()), (SIGNATURE, &signature), (KEY_ID, key_id)]
    {
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = signed("acme", OLD, BODY);
    headers.insert(name, value.parse().unwrap());
    headers
}

fn verify(headers: &HeaderMap) -> Result<String, Refused> {
    keys().verify(headers, BODY, Timestamp(AT * 1_000)).map(|v| v.account.to_string())
}

#[test]
fn the_published_vector_of_standard_webhooks() {
    let signature = Signer::parse(OLD).unwrap().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn both_live_secrets_of_an_account_are_believed() {
    for (key_id, secret) in [("acme", OLD), ("acme", NEW), ("acme.1", OLD), ("acme.2", NEW)] {
        assert_eq!(verify(&signed(key_id, secret, BODY)).as_deref(), Ok("acme"), "{key_id}");
    }
}

#[test]
fn a_key_signs_for_its_own_account_only() {
    for (key_id, secret, refused) in [
        ("acme", THEIRS, Refused::BadSignature),
        ("globex", OLD, Refused::BadSignature),
        ("acme.2", OLD, Refused::BadSignature),
        ("acme.3", OLD, Refused::UnknownKey),
        ("acme.0", OLD, Refused::UnknownKey),
        ("initech", OLD, Refused::UnknownKey),
        ("a:b", OLD, Refused::UnknownKey),
    ] {
        assert_eq!(verify(&signed(key_id, secret, BODY)), Err(refused), "{key_id}");
    }
    let same = |refused: Refused| Problem::from(refused);
    assert_eq!(same(Refused::UnknownKey), same(Refused::BadSignature), "an answer tells no account's name");
}

#[test]
fn another_body_is_not_believed_not_even_the_same_json() {
    let headers = signed("acme", OLD, BODY);
    for body in [&b"{\"test\": 2432232315}"[..], b"{\"test\":2432232314}", b"{\"test\": 2432232314}\n", b""] {
        let result = keys().verify(&headers, body, Timestamp(AT * 1_000));
        assert_eq!(result, Err(Refused::BadSignature));
    }
}

#[test]
fn the_signature_covers_id_and_time() {
    assert_eq!(verify(&with(ID, "msg_2")), Err(Refused::BadSignature));
    assert_eq!(verify(&with(TIMESTAMP, "1614265331")), Err(Refused::BadSignature));
}

#[test]
fn five_minutes_either_way_and_not_a_second_more() {
    for (offset, good) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
        let now = Timestamp((AT + offset) * 1_000);
        let result = keys().verify(&signed("acme", OLD, BODY), BODY, now);
        assert_eq!(result.err(), (!good).then_some(Refused::OutsideWindow), "{offset}");
    }
}

#[test]
fn one_good_signature_among_several_is_enough() {
    let good = Signer::parse(NEW).unwrap().sign("msg_1", AT, BODY);
    let bad = Signer::parse(THEIRS).unwrap().sign("msg_1", AT, BODY);
    assert!(verify(&with(SIGNATURE, &format!("v1a,zzz {bad} {good}"))).is_ok());
    let buried = format!("{}{good}", format!("{bad} ").repeat(SIGNATURES_MAX));
    assert_eq!(verify(&with(SIGNATURE, &buried)), Err(Refused::BadSignature), "the work is bounded");
}

#[test]
fn headers_that_cannot_be_read_are_refused() {
    for name in [ID, TIMESTAMP, SIGNATURE, KEY_ID] {
        let mut headers = signed("acme", OLD, BODY);
        let value = headers[name].clone();
        headers.append(name, value);
        assert_eq!(verify(&headers), Err(Refused::Repeated(name)));
        headers.remove(name);
        assert_eq!(verify(&headers), Err(Refused::Missing(name)));
    }
    let long = "x".repeat(201);
    for (name, value) in [
        (ID, ""),
        (ID, "a.1"),
        (ID, &long),
        (TIMESTAMP, "yesterday"),
        (TIMESTAMP, "+1614265330"),
        (TIMESTAMP, "-1"),
        (TIMESTAMP, "99999999999999999999"),
        (SIGNATURE, "v2,aaaa"),
        (SIGNATURE, "v1,%%%"),
    ] {
        assert_eq!(verify(&with(name, value)), Err(Refused::Malformed(name)), "{name}: {value}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_named_without_their_secret() {
    let three = format!("acme={OLD},{OLD},{OLD}");
    let twice = format!("acme={OLD};acme={OLD}");
    let shadow = format!("acme={OLD};acme.1={OLD}");
    for (text, reason) in [
        ("acme", "each entry"),
        ("a b=whsec_x", "may hold only"),
        ("acme=hushhushhush", "account acme: a secret begins with whsec_"),
        ("acme=whsec_hush!", "account acme: after whsec_ a secret is base64"),
        ("acme=whsec_aHVzaA==", "24 to 64 bytes, not 4"),
        (&three, "2 live secrets at most"),
        (&twice, "comes twice"),
        (&shadow, "another account's key"),
    ] {
        let error = text.parse::<Keys>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
    assert!(!format!("{:?}", keys()).contains("MfKQ"));
}
