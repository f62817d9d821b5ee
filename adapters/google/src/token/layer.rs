//! The door: what stands before the routes that Pub/Sub and Cloud Scheduler call.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use shared::runtime::metrics::Metrics;
use shared::runtime::problem::Problem;

use super::{PushVerifier, Refused};

/// First parts of the paths that need a token.
const GUARDED: [&str; 4] = ["/push", "/tick", "/poke", "/redrive"];

/// Lets nobody to a guarded path, or to one below it, without a token that `verifier` believes; other routes
/// stay as they are. A caller that is turned away is answered before anything of the request but its
/// head is read, and is counted.
pub fn verified(router: Router, verifier: Arc<PushVerifier>, metrics: &Metrics) -> Router {
    let metrics = metrics.clone();
    router.layer(from_fn(move |request: Request, next: Next| {
        let (verifier, metrics) = (Arc::clone(&verifier), metrics.clone());
        async move {
            if !is_guarded(&request) {
                return next.run(request).await;
            }
            match admit(&verifier, request.headers()).await {
                Ok(()) => next.run(request).await,
                Err(refused) => turned_away(refused, &metrics),
            }
        }
    }))
}

/// By the route that was found, not by the bytes of the path: what the router takes for `/push` is guarded,
/// however it was spelled.
fn is_guarded(request: &Request) -> bool {
    let path = match request.extensions().get::<MatchedPath>() {
        Some(route) => route.as_str(),
        None => request.uri().path(),
    };
    GUARDED.iter().any(|guarded| {
        path.strip_prefix(guarded).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

async fn admit(verifier: &PushVerifier, headers: &HeaderMap) -> Result<(), Refused> {
    verifier.verify(bearer(headers).ok_or(Refused::NoToken)?).await
}

/// The bearer token, if there is exactly one header that carries it.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn turned_away(refused: Refused, metrics: &Metrics) -> Response {
    tracing::info!(reason = refused.name(), "push not believed");
    metrics.refused(refused.name());
    Problem::from(refused).into_response()
}
