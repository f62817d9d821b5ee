//! SuiteQL over the account's records. The language itself is tested where it lives, in the crate `suiteql`.

mod notes;
mod pages;
mod poll;
mod role;
mod tables;

use axum::body::Body;
use futures::FutureExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::{World, acme, kind, map};
use crate::netsuite::Settings;

const PATH: &str = "/netsuite/acme/services/rest/query/v1/suiteql";

impl World {
    /// Asks for a page; the status and what came.
    fn page(&self, query: &str, parameters: &str) -> (StatusCode, Json) {
        self.ask(&format!("{PATH}?{parameters}"), "POST", Some("transient"), &json!({"q": query}).to_string())
    }

    fn ask(&self, path: &str, method: &str, prefer: Option<&str>, body: &str) -> (StatusCode, Json) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(prefer) = prefer {
            request = request.header("Prefer", prefer);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response =
            self.router.clone().oneshot(request).now_or_never().expect("answered at once").unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
    }

    /// The items of a query that must be answered, without their links.
    #[track_caller]
    fn items(&self, query: &str) -> Vec<Json> {
        let (status, page) = self.page(query, "");
        assert_eq!(status, 200, "{query}: {page}");
        let mut items = page["items"].as_array().unwrap().clone();
        for item in &mut items {
            assert_eq!(item.as_object_mut().unwrap().remove("links"), Some(json!([])));
        }
        items
    }

    /// One column of a query that must be answered.
    #[track_caller]
    fn column(&self, query: &str) -> Vec<String> {
        let cell = |item: &Json| match item.as_object().unwrap().values().next() {
            Some(value) => value.as_str().unwrap().to_string(),
            None => "-".into(),
        };
        self.items(query).iter().map(cell).collect()
    }

    /// What a query is refused with: status, code and words.
    #[track_caller]
    fn refusal(&self, query: &str) -> (u16, String, String) {
        let (status, problem) = self.page(query, "");
        let details = &problem["o:errorDetails"][0];
        let text = |of: &Json| of.as_str().unwrap_or_else(|| panic!("{query}: {problem}")).to_string();
        (status.as_u16(), text(&details["o:errorCode"]), text(&details["detail"]))
    }

    fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.faults(|faults| change(&mut faults.settings));
    }

    fn make(&self, record_type: &str, values: Json) -> String {
        self.netsuite.ui_create(&acme(), &kind(record_type), &map(values), true, "ann").unwrap()
    }

    fn delete(&self, record_type: &str, id: &str) {
        self.netsuite.ui_delete(&acme(), &kind(record_type), id, true, "ann").unwrap();
    }
}
