//! Whoever stands at the functions' door and writes down what they said they took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{Request, StatusCode};
use local::fleet::Fleet;
use serde_json::Value as Json;

use crate::fleet::Processes;

/// Largest answer that is read, in bytes: more than any function gives.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// The processes, and the log of what they answered 202 to.
pub(crate) struct Witness {
    processes: Arc<Processes>,
    accepted: Mutex<Vec<Accepted>>,
}

/// An event that a function took.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Accepted {
    /// Its id.
    pub(crate) event: String,
    /// Who took it.
    pub(crate) by: &'static str,
}

impl Witness {
    /// Stands before `processes`.
    pub(crate) fn before(processes: Arc<Processes>) -> Arc<Self> {
        Arc::new(Self { processes, accepted: Mutex::default() })
    }

    /// Everything that was taken so far.
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, accepted: Vec<Accepted>) {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).extend(accepted);
    }
}

#[async_trait]
impl Fleet for Witness {
    async fn call(&self, function: &str, request: Request<Body>) -> Option<Response> {
        let response = self.processes.call(function, request).await?;
        let Some(by) = ["ingest", "review"].into_iter().find(|name| *name == function) else {
            return Some(response);
        };
        if response.status() != StatusCode::ACCEPTED {
            return Some(response);
        }
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, BODY_MAX).await.ok()?;
        self.note(events(&body).into_iter().map(|event| Accepted { event, by }).collect());
        Some(Response::from_parts(parts, Body::from(body)))
    }

    fn crash(&self, function: &str) -> bool {
        self.processes.crash(function)
    }

    fn crashes(&self) -> BTreeMap<&'static str, u64> {
        self.processes.crashes()
    }

    fn busy(&self) -> Vec<&'static str> {
        self.processes.busy()
    }

    fn stop(&self) {
        self.processes.stop();
    }

    async fn ended(&self) {
        self.processes.ended().await;
    }
}

/// The ids in `{"accepted": […]}` and in `{"eventId": …}`.
fn events(body: &[u8]) -> Vec<String> {
    let answer: Json = serde_json::from_slice(body).unwrap_or_default();
    let many = answer["accepted"].as_array().into_iter().flatten();
    many.chain([&answer["eventId"]]).filter_map(Json::as_str).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_are_understood() {
        assert_eq!(events(br#"{"accepted": ["a", "b"]}"#), ["a", "b"]);
        assert_eq!(events(br#"{"eventId": "c"}"#), ["c"]);
        assert!(events(b"{}").is_empty() && events(b"?").is_empty());
    }
}
