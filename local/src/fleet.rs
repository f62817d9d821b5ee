//! The functions of a world, wherever they run: in this process (`instances`), or each in its own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use http::Request;

/// The functions. Any of them can be crashed: what it was doing is gone at once, and a new instance takes over.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Sends a request to a function. `None`: there is no such function, or it crashed before it had answered.
    async fn call(&self, function: &str, request: Request<Body>) -> Option<Response>;

    /// Crashes an instance of a function. False: there is no such function.
    fn crash(&self, function: &str) -> bool;

    /// How often each function was crashed.
    fn crashes(&self) -> BTreeMap<&'static str, u64>;

    /// The functions with background work under way, as far as that can be seen from here.
    fn busy(&self) -> Vec<&'static str>;

    /// Tells all background work to stop at its next step.
    fn stop(&self);

    /// Completes when all work has stopped, or has had its time.
    async fn ended(&self);
}
