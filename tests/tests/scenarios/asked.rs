//! Who is asked in a story: functions over HTTP, the review API above all.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value as Json, json};
use shared::state::{ErrorEntry, State};

use crate::story::{Story, now, object};

impl Story {
    /// Sends a request to a function; status and body.
    pub(crate) fn send(&mut self, function: &'static str, request: Request<Bytes>) -> (StatusCode, Json) {
        let answer = Arc::new(Mutex::new(None));
        let (instance, kept) = (self.world.any(self.lane, function), Arc::clone(&answer));
        self.world.send(self.lane, instance, request, move |status, body| {
            let body = serde_json::from_slice(&body).unwrap_or(Json::Null);
            *kept.lock().expect("one thread") = Some((status, body));
        });
        while answer.lock().expect("one thread").is_none() {
            self.world.executor.step(self.lane, 0);
        }
        let mut answer = answer.lock().expect("one thread");
        answer.take().expect("an answer")
    }

    /// Asks the review API.
    pub(crate) fn get(&mut self, path: &str) -> Json {
        let request = Request::get(format!("/review/api/v1/{path}")).body(Bytes::new()).expect("a request");
        let (status, body) = self.send("review", request);
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Tells the review API something.
    pub(crate) fn post(&mut self, path: &str, body: Json) -> (StatusCode, Json) {
        self.post_if(path, None, body)
    }

    /// The same, if what is there has this tag.
    pub(crate) fn post_if(&mut self, path: &str, tag: Option<&str>, body: Json) -> (StatusCode, Json) {
        let request = Request::post(format!("/review/api/v1/{path}"));
        let request = tag.iter().fold(request, |request, tag| request.header("if-match", *tag));
        let body = Bytes::from(body.to_string());
        self.send("review", request.header("content-type", "application/json").body(body).expect("a request"))
    }

    /// The only open conflict, as people see it.
    #[track_caller]
    pub(crate) fn conflict(&mut self) -> Json {
        let account = self.account();
        let mut list = self.get(&format!("conflicts?account={account}"));
        let items = list["items"].as_array_mut().expect("a list");
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }

    /// A person decides a conflict as it is shown, and everything settles.
    #[track_caller]
    pub(crate) fn resolve(&mut self, conflict: &Json, decision: Json) {
        self.decide(conflict, decision);
        self.settle();
    }

    /// A person decides a conflict as it is shown.
    #[track_caller]
    pub(crate) fn decide(&mut self, conflict: &Json, decision: Json) {
        let mut body = json!({ "conflictRevision": conflict["conflictRevision"] });
        body.as_object_mut().expect("an object").extend(object(decision));
        let path = format!("conflicts/{}/resolve", conflict["conflictId"].as_str().expect("an id"));
        let (status, answer) = self.post(&path, body);
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }

    /// A person has an error tried again, and everything settles.
    pub(crate) fn retry(&mut self, error: &ErrorEntry) {
        let (status, answer) = self.tries(error);
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.settle();
    }

    /// A person asks for an error to be tried again, as they see it now.
    pub(crate) fn tries(&mut self, error: &ErrorEntry) -> (StatusCode, Json) {
        let seen = now(self.world.state.error(error.id)).expect("a state").expect("the error");
        let request = Request::post(format!("/review/api/v1/errors/{}/retry?as=rita", error.id))
            .header("content-type", "application/json")
            .header("if-match", format!("\"{}\"", seen.tag()));
        self.send("review", request.body(Bytes::from_static(b"{}")).expect("a request"))
    }
}
