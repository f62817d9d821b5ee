//! When keys are fetched, and what happens when they cannot be.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use wiremock::ResponseTemplate;

use super::{Refused, Stage};
use crate::issuer::Issuer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_cold_callers_make_one_fetch_and_all_succeed() {
    let stage = Stage::without_keys().await;
    stage.publish(&stage.issuer, "max-age=3600", Duration::from_millis(100)).await;
    let token = stage.token();
    let verify = |_| {
        let (verifier, token) = (Arc::clone(&stage.verifier), token.clone());
        async move { verifier.verify(&token).await }
    };
    let mut all = tokio::task::JoinSet::new();
    (0..100).map(verify).for_each(|work| {
        all.spawn(work);
    });
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 100, "{results:?}");
    assert_eq!(stage.fetches().await, 1);
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_a_minute() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    for minute in 1..=3 {
        for n in 0..200 {
            let stranger = stage.issuer.sign(&stage.claims()).unwrap();
            // The same token under another key id each time.
            let (_, rest) = stranger.split_once('.').unwrap();
            let header = format!(r#"{{"alg":"RS256","kid":"flood-{minute}-{n}"}}"#);
            use base64::Engine;
            let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(header);
            assert_eq!(stage.verify(&format!("{header}.{rest}")).await, Err(Refused::UnknownKey));
        }
        assert_eq!(stage.fetches().await, minute, "the first fetch was made by a good token");
        assert_eq!(stage.verify(&stage.token()).await, Ok(()), "nobody else suffers");
        stage.pass(60);
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_costs_no_more_than_one_that_stays() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    stage.pass(60);
    stage.publish(&stage.issuer, "max-age=3600", Duration::from_millis(300)).await;
    let stranger = Issuer::new("nobodys").unwrap().sign(&stage.claims()).unwrap();
    for n in 0..20 {
        let asked = tokio::time::timeout(Duration::from_millis(100), stage.verify(&stranger)).await;
        assert_eq!(asked.is_err(), n == 0, "the first one hangs up while keys are fetched");
    }
    assert_eq!(stage.fetches().await, 1, "of the twenty, since the keys were published anew");
    assert_eq!(stage.verify(&stage.token()).await, Ok(()), "nobody else suffers");
    stage.pass(60);
    assert_eq!(stage.verify(&stranger).await, Err(Refused::UnknownKey));
    assert_eq!(stage.fetches().await, 2, "a minute later one may look again");
}

#[tokio::test]
async fn who_comes_while_keys_are_fetched_waits_for_them() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    stage.pass(60);
    let next = Issuer::new("key-2").unwrap();
    stage.publish(&next, "max-age=3600", Duration::from_millis(200)).await;
    let token = next.sign(&stage.claims()).unwrap();
    let results = join_all((0..10).map(|_| stage.verify(&token))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(stage.fetches().await, 1);
}

#[tokio::test]
async fn a_new_key_is_found_when_it_is_first_used() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    let next = Issuer::new("key-2").unwrap();
    stage.publish(&next, "max-age=3600", Duration::ZERO).await;
    let token = next.sign(&stage.claims()).unwrap();
    assert_eq!(stage.verify(&token).await, Err(Refused::UnknownKey), "we have just looked");
    stage.pass(60);
    assert_eq!(stage.verify(&token).await, Ok(()));
    assert_eq!(stage.verify(&stage.token()).await, Err(Refused::UnknownKey), "the old key was withdrawn");
}

#[tokio::test]
async fn keys_are_fetched_again_when_their_age_is_over() {
    let stage = Stage::new().await;
    stage.publish(&stage.issuer, "max-age=120", Duration::ZERO).await;
    for (pass, fetches) in [(0, 1), (119, 1), (1, 2), (119, 2), (1, 3)] {
        stage.pass(pass);
        assert_eq!(stage.verify(&stage.token()).await, Ok(()));
        assert_eq!(stage.fetches().await, fetches, "after {pass} s more");
    }
}

#[tokio::test]
async fn known_keys_serve_on_while_google_is_down_but_not_for_ever() {
    let stage = Stage::new().await;
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
    for answer in [
        ResponseTemplate::new(503),
        ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/"),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_string("x".repeat(300_000)),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
    ] {
        stage.answer(answer).await;
        stage.pass(3_600);
        assert_eq!(stage.verify(&stage.token()).await, Ok(()));
        assert_eq!(stage.verify(&stage.token()).await, Ok(()));
        assert_eq!(stage.fetches().await, 1, "one try, then a pause");
    }
    stage.answer(ResponseTemplate::new(503)).await;
    stage.pass(24 * 3_600);
    assert_eq!(stage.verify(&stage.token()).await, Err(Refused::NoKeys));
    stage.publish(&stage.issuer, "max-age=3600", Duration::ZERO).await;
    stage.pass(5);
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
}

#[tokio::test]
async fn without_keys_nobody_is_believed_and_google_is_not_stormed() {
    let stage = Stage::without_keys().await;
    stage.answer(ResponseTemplate::new(500)).await;
    let token = stage.token();
    let results = join_all((0..50).map(|_| stage.verify(&token))).await;
    assert!(results.iter().all(|r| *r == Err(Refused::NoKeys)), "{results:?}");
    assert_eq!(stage.fetches().await, 1);
    stage.pass(5);
    assert_eq!(stage.verify(&token).await, Err(Refused::NoKeys));
    assert_eq!(stage.fetches().await, 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_lock_us_out() {
    let stage = Stage::without_keys().await;
    stage.answer(ResponseTemplate::new(500)).await;
    assert_eq!(stage.verify(&stage.token()).await, Err(Refused::NoKeys));
    stage.publish(&stage.issuer, "max-age=3600", Duration::ZERO).await;
    stage.pass(-7_200);
    assert_eq!(stage.verify(&stage.token()).await, Ok(()));
}

#[tokio::test]
async fn whether_the_address_is_wrong_is_known_before_the_first_token() {
    let stage = Stage::new().await;
    assert!(stage.verifier.check().await.is_ok());
    assert_eq!(
        (stage.verify(&stage.token()).await, stage.fetches().await),
        (Ok(()), 1),
        "what was fetched is used"
    );
    for (answer, is_wrong) in [
        (ResponseTemplate::new(404), true),
        (ResponseTemplate::new(200).set_body_string("<html>welcome</html>"), true),
        (ResponseTemplate::new(200).set_body_string(r#"{"keys": []}"#), true),
        (ResponseTemplate::new(301).insert_header("location", "/elsewhere"), true),
        (ResponseTemplate::new(503), false),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(2)), false),
    ] {
        stage.answer(answer.clone()).await;
        let error = stage.verifier.check().await.unwrap_err();
        assert_eq!(error.is_about_the_address(), is_wrong, "{answer:?}: {error}");
    }
}
