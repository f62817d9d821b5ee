//! The one address of the world: who answers which path.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Uri;
use shared::runtime::clock::BoxFuture;
use shared::runtime::problem::Problem;
use shared::runtime::tasks::{Spawn, TokioSpawn};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::system::System;
use crate::{control, playground, suitex};

/// A running server.
pub(crate) struct Server {
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Completes when the server has answered its last request.
    pub(crate) async fn ended(self) {
        // An error means that the server is gone, which will do.
        let _ = self.ended.await;
    }
}

/// Serves until `stop` says so.
pub(crate) fn start(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) -> Server {
    let (end, ended) = oneshot::channel();
    let work: BoxFuture<()> = Box::pin(async move {
        let told = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(told).await {
            tracing::error!(%error, "the server failed");
        }
        let _ = end.send(());
    });
    TokioSpawn.spawn(work);
    Server { ended }
}

type App = State<Arc<System>>;

/// All paths.
pub(crate) fn router(system: &Arc<System>) -> Router {
    let netsuite = system.netsuite.router();
    let netsuite = netsuite
        .layer(middleware::from_fn_with_state(Arc::clone(system), tell_pump))
        .layer(middleware::from_fn(to_its_end));
    Router::new()
        .route("/ingest/{*path}", any(ingest))
        .route("/review", any(review))
        .route("/review/", any(review))
        .route("/review/{*path}", any(review))
        .route("/functions/{name}/{*path}", any(function))
        .merge(control::routes())
        .merge(playground::routes())
        .with_state(Arc::clone(system))
        .merge(netsuite)
        .merge(suitex::router(Arc::clone(&system.suitex)))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .fallback(async || Problem::not_found("there is nothing at this path"))
}

/// NetSuite carries out what it has begun, whether or not anybody still waits for the answer.
async fn to_its_end(request: Request, next: Next) -> Response {
    let (answer, answered) = oneshot::channel();
    let work: BoxFuture<()> = Box::pin(async move {
        // Nobody may be there any more.
        let _ = answer.send(next.run(request).await);
    });
    TokioSpawn.spawn(work);
    let gone = |_| Problem::unavailable("NetSuite stopped before it answered").into_response();
    answered.await.unwrap_or_else(gone)
}

async fn ingest(State(system): App, request: Request) -> Response {
    call(&system, "ingest", request).await
}

async fn review(State(system): App, request: Request) -> Response {
    call(&system, "review", request).await
}

/// Any path of any function, under `/functions/{name}`.
async fn function(
    State(system): App,
    Path((name, path)): Path<(String, String)>,
    mut request: Request,
) -> Response {
    if !crate::functions::FUNCTIONS.contains(&name.as_str()) {
        return Problem::not_found("there is no such function").at("name").into_response();
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    match format!("/{path}{query}").parse::<Uri>() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(error) => return Problem::bad_request("path", error.to_string()).into_response(),
    }
    call(&system, &name, request).await
}

async fn call(system: &System, function: &str, mut request: http::Request<Body>) -> Response {
    // What our own paths captured would be taken for captures of the function's.
    request.extensions_mut().clear();
    let crashed =
        || Problem::unavailable(format!("{function} crashed before it had answered")).into_response();
    system.fleet.call(function, request).await.unwrap_or_else(crashed)
}

/// A call of NetSuite may leave User Events: whoever posts them is told.
async fn tell_pump(State(system): App, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    for called in system.netsuite_called.values() {
        called.notify_one();
    }
    response
}
