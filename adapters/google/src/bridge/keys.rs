//! The port on which the bridge publishes the key of its tokens, as Google does.

use std::future::{IntoFuture, ready};

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::told;
use crate::issuer::Issuer;

/// Serves `/certs` until the bridge stops.
pub(super) fn serve(
    listener: TcpListener,
    issuer: &Issuer,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    // Expect safety: a set of keys is strings under string keys.
    let body = serde_json::to_string(&issuer.jwks()).expect("keys serialise");
    let head = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=3600")];
    let router = Router::new().route("/certs", get(move || ready((head, body.clone()))));
    async move {
        let server = axum::serve(listener, router).into_future();
        tokio::select! {
            ended = server => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "the bridge's key is not published any more");
                }
            }
            () = told(stop) => {}
        }
    }
}
