//! The layer: who gets past it, and how the others are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use shared::runtime::metrics::Metrics;
use shared::runtime::serve::with_common_routes;
use tower::ServiceExt;

use super::{SCHEDULER, Stage};
use crate::token::verified;

/// A function behind the door, and what its handlers counted.
struct House {
    stage: Stage,
    metrics: Metrics,
    router: Router,
    work: Arc<AtomicUsize>,
}

impl House {
    async fn new() -> Self {
        let (stage, metrics) = (Stage::new().await, Metrics::new("merge"));
        let work = Arc::new(AtomicUsize::new(0));
        let handler = || {
            let work = Arc::clone(&work);
            post(async move |_: Bytes| {
                work.fetch_add(1, Ordering::SeqCst);
                StatusCode::NO_CONTENT
            })
        };
        let router = Router::new()
            .route("/push", handler())
            .route("/push/dlq", handler())
            .route("/tick", handler())
            .route("/pushed", handler())
            .route("/open", get(async || "open"));
        let router = verified(with_common_routes(router, &metrics), Arc::clone(&stage.verifier), &metrics);
        Self { stage, metrics, router, work }
    }

    async fn call(&self, path: &str, authorization: &[&str]) -> (StatusCode, Json) {
        let mut request = Request::post(path);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        let request = request.body(Body::from("{}")).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if !body.is_empty() && !parts.status.is_success() {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
        }
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn count(&self, reason: &str) -> bool {
        let line = format!("sync_refused_total{{function=\"merge\",reason=\"{reason}\"}} 1");
        self.metrics.render().lines().any(|l| l == line)
    }
}

#[tokio::test]
async fn a_good_token_opens_push_and_tick() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.stage.token());
    for path in ["/push", "/push/dlq", "/tick"] {
        assert_eq!(house.call(path, &[&bearer]).await.0, StatusCode::NO_CONTENT, "{path}");
    }
    assert_eq!(house.work.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn nobody_gets_in_without_and_no_work_is_done() {
    let house = House::new().await;
    let good = house.stage.token();
    let bearer = format!("Bearer {good}");
    let basic = format!("Basic {good}");
    for path in ["/push", "/push/dlq", "/tick", "/push?x=/open", "/tick?account=acme"] {
        for authorization in [&[][..], &["Bearer"], &["Bearer x"], &[&basic], &[&bearer, &bearer]] {
            let (status, problem) = house.call(path, authorization).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {authorization:?}");
            assert_eq!(problem["detail"], "a valid push token is needed");
        }
    }
    for path in ["/%70ush", "//push", "/push/", "/PUSH", "/x/../push"] {
        let (status, _) = house.call(path, &[]).await;
        assert!(status.is_client_error(), "{path}: {status}");
    }
    assert_eq!(house.work.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_known_caller_in_the_wrong_place_is_forbidden_and_each_refusal_is_counted() {
    let house = House::new().await;
    let stage = &house.stage;
    let sign = |name: &str, value: &str| stage.issuer.sign(&stage.with(name, value)).unwrap();
    let over = stage.issuer.sign(&stage.with("exp", 1)).unwrap();
    for (token, status, reason) in [
        (sign("aud", "https://elsewhere.example"), StatusCode::FORBIDDEN, "token_audience"),
        (sign("email", "x@y"), StatusCode::FORBIDDEN, "token_account"),
        (sign("iss", "x"), StatusCode::UNAUTHORIZED, "token_issuer"),
        (over, StatusCode::UNAUTHORIZED, "token_outside_time"),
        ("a.b.c".into(), StatusCode::UNAUTHORIZED, "token_malformed"),
    ] {
        assert_eq!(house.call("/push", &[&format!("bearer {token}")]).await.0, status, "{reason}");
        assert!(house.count(reason), "{reason}: {}", house.metrics.render());
    }
    assert_eq!(house.work.load(Ordering::SeqCst), 0);
    assert_eq!(house.call("/tick", &[&format!("bearer {}", sign("email", SCHEDULER))]).await.0, 204);
}

#[tokio::test]
async fn when_we_cannot_tell_the_caller_comes_again() {
    let house = House::new().await;
    house.stage.answer(wiremock::ResponseTemplate::new(500)).await;
    let (status, _) = house.call("/push", &[&format!("Bearer {}", house.stage.token())]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(house.count("token_no_keys"));
}

#[tokio::test]
async fn other_routes_stay_as_they_are() {
    let house = House::new().await;
    assert_eq!(house.call("/pushed", &[]).await.0, StatusCode::NO_CONTENT);
    for path in ["/open", "/healthz", "/metrics"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(house.router.clone().oneshot(request).await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(house.call("/nowhere", &[]).await.0, StatusCode::NOT_FOUND);
}
