//! What comes back from a call, and what it means.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde_json::json;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use wiremock::ResponseTemplate;
use wiremock::matchers::{body_json, header, query_param};

use super::*;
use crate::domain::governance::CallEnd;
use crate::netsuite::transport::{Lost, Transport, Within};

/// A client that signs nothing, for what has nothing to do with signing in.
fn unsigned(url: &str) -> Client {
    Client::new(reqwest_transport(http_client().unwrap()), address(url), Signer::unsigned())
}

#[tokio::test]
async fn rows_come_in_lower_case_and_without_links() {
    let netsuite = MockServer::start().await;
    let body = json!({ "links": [], "count": 1, "hasMore": false, "offset": 0, "totalResults": 1,
        "items": [{ "links": [], "id": "107", "CompanyName": "x" }] });
    Mock::given(path(SUITEQL))
        .and(query_param("limit", "1000"))
        .and(query_param("offset", "0"))
        .and(header("prefer", "transient"))
        .and(body_json(json!({ "q": "select 1" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&netsuite)
        .await;
    let rows = unsigned(&netsuite.uri()).suiteql(&account(), "select 1").await.unwrap();
    assert_eq!(json!(rows), json!([{ "id": "107", "companyname": "x" }]));
}

#[tokio::test]
async fn errors_of_rest_web_services_are_told_by_their_code() {
    let busy = r#"{"title":"Too Many Requests","status":429,
        "o:errorDetails":[{"detail":"x","o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}"#;
    let bad = r#"{"o:errorDetails":[{"detail":"Unknown identifier","o:errorCode":"INVALID_PARAMETER"}]}"#;
    for (status, body, end, word) in [
        (429, busy, CallEnd::Overload, "CONCURRENCY_LIMIT_EXCEEDED"),
        (
            400,
            bad,
            CallEnd::Unclear,
            "INVALID_PARAMETER: Unknown identifier. NetSuite does not understand the query",
        ),
        (200, bad, CallEnd::Unclear, "INVALID_PARAMETER"),
        (200, r#"{"items":[{"id":"1""#, CallEnd::Unclear, "breaks off"),
        (200, "", CallEnd::Unclear, "empty body"),
        (401, "", CallEnd::Auth, "Login Audit Trail"),
        (302, "", CallEnd::Auth, "the account's own address"),
    ] {
        let netsuite = MockServer::start().await;
        let answer =
            ResponseTemplate::new(status).set_body_string(body).insert_header("location", "/elsewhere");
        Mock::given(path(SUITEQL)).respond_with(answer).mount(&netsuite).await;
        let fault = unsigned(&netsuite.uri()).suiteql(&account(), "select 1").await.unwrap_err();
        assert_eq!(fault.end, end, "{fault}");
        assert!(fault.why.contains(word), "{fault}");
        assert_eq!(
            netsuite.received_requests().await.unwrap().len(),
            1,
            "not repeated, and no redirect followed"
        );
    }
}

#[tokio::test]
async fn the_restlets_answers_are_judged_alike() {
    for (status, body, end) in [
        (200, "<!DOCTYPE html><html><body>NetSuite</body></html>", CallEnd::Unclear),
        (200, r#"{"results":[{"outcome":"fou"#, CallEnd::Unclear),
        (200, r#"{"error":{"code":"UNEXPECTED_ERROR","message":"x"}}"#, CallEnd::Unclear),
        (400, r#"{"error" : {"code" : "SSS_REQUEST_LIMIT_EXCEEDED", "message" : "x"}}"#, CallEnd::Overload),
        (403, "<html>", CallEnd::Auth),
        (500, "", CallEnd::Unclear),
        (502, "<html>Bad Gateway</html>", CallEnd::Unknown),
    ] {
        let netsuite = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(path(RESTLET)).respond_with(answer).mount(&netsuite).await;
        let fault = unsigned(&netsuite.uri()).read(&account(), Vec::new()).await.unwrap_err();
        assert_eq!(fault.end, end, "{status} {body} {fault}");
    }
}

/// Serves one connection with these bytes, then ends it.
fn once(answer: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 65_536]);
        let _ = socket.write_all(answer.as_bytes());
    });
    url
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_unknown_unless_nothing_was_sent() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"results\":[", "HTTP/1.1 200"] {
        let fault = unsigned(&once(answer)).read(&account(), Vec::new()).await.unwrap_err();
        assert_eq!(fault.end, CallEnd::Unknown, "{answer:?} {fault}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = unsigned(&format!("http://{nobody}")).read(&account(), Vec::new()).await.unwrap_err();
    assert_eq!(fault.end, CallEnd::NotMade, "{fault}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_leaves_it_unknown() {
    let netsuite = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path(RESTLET)).respond_with(answer).mount(&netsuite).await;
    let transport = reqwest_transport(http_client().unwrap());
    let hasty: Transport =
        BoxCloneSyncService::new(tower::service_fn(move |mut request: http::Request<_>| {
            assert_eq!(request.extensions().get(), Some(&Within(Duration::from_secs(300))));
            request.extensions_mut().insert(Within(Duration::from_millis(200)));
            transport.clone().oneshot(request)
        }));
    let client = Client::new(hasty, address(&netsuite.uri()), Signer::unsigned());
    let fault = client.read(&account(), Vec::new()).await.unwrap_err();
    assert_eq!(fault.end, CallEnd::Unknown, "{fault}");
}

#[tokio::test]
async fn an_answer_larger_than_netsuites_own_limit_is_not_read_to_its_end() {
    let netsuite = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 11 * 1024 * 1024]);
    Mock::given(path(RESTLET)).respond_with(answer).mount(&netsuite).await;
    let request =
        http::Request::post(format!("{}{RESTLET}", netsuite.uri())).body(Default::default()).unwrap();
    let lost = reqwest_transport(http_client().unwrap()).oneshot(request).await.unwrap_err();
    assert_eq!(lost, Lost::NoAnswer("the answer is larger than 10 MB".into()));
}
