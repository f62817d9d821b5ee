//! Bodies in Cloud Storage: at the server, and at one that misbehaves.

use std::time::Duration;

use bytes::Bytes;
use google::blob::{BlobLimits, GcsBlob};
use google::config::StorageConfig;
use serde_json::json;
use shared::blob::{Blob, BlobRef, Body, Keep};
use shared::domain::id::AccountId;
use shared::runtime::ids::{Ids, RandomIds};
use wiremock::matchers::{method, path_regex, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::proxy::Proxy;
use crate::within;

const BODY: &[u8] = b"{\"changes\":{\"comments\":\"long\"}}";

fn server() -> String {
    real_tests::address("STORAGE_EMULATOR_HOST")
}

/// A bucket that nobody else uses.
async fn bucket() -> String {
    let name = format!("bodies-{}", RandomIds.draw().simple());
    let url = format!("{}/storage/v1/b?project=test", server());
    let made = reqwest::Client::new().post(url).json(&json!({"name": name})).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    name
}

async fn blob(url: String, limits: BlobLimits) -> GcsBlob {
    GcsBlob::new(&StorageConfig { emulator: Some(url) }, limits).await.unwrap()
}

fn at(bucket: &str, bytes: &[u8]) -> BlobRef {
    BlobRef::of(bucket, &AccountId::parse("acme").unwrap(), Keep::Pinned, bytes)
}

/// Puts bytes where others belong, past our adapter.
async fn replace(at: &BlobRef, bytes: &'static [u8]) {
    let url = format!("{}/upload/storage/v1/b/{}/o", server(), at.bucket());
    let request = reqwest::Client::new().post(url).query(&[("uploadType", "media"), ("name", at.path())]);
    assert!(request.body(bytes).send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn a_body_comes_back_whole_and_what_is_not_there_is_none() {
    let (bucket, blob) = (bucket().await, blob(server(), BlobLimits::default()).await);
    let large = Bytes::from(vec![0xfe; 9 * 1_024 * 1_024]);
    for body in [Bytes::from_static(BODY), Bytes::new(), large] {
        let at = at(&bucket, &body);
        assert_eq!(blob.get(&at).await.unwrap(), Body::Missing);
        blob.put(&at, body.clone()).await.unwrap();
        assert_eq!(blob.get(&at).await.unwrap(), Body::Whole(body));
    }
    assert_eq!(blob.get(&at("no-such-bucket", BODY)).await.unwrap(), Body::Missing);
}

#[tokio::test]
async fn putting_what_is_there_is_no_work_and_changes_nothing() {
    let (bucket, blob) = (bucket().await, blob(server(), BlobLimits::default()).await);
    let at = at(&bucket, BODY);
    let both = [blob.put(&at, Bytes::from_static(BODY)), blob.put(&at, Bytes::from_static(BODY))];
    assert!(futures::future::join_all(both).await.iter().all(Result::is_ok));
    replace(&at, b"other").await;
    blob.put(&at, Bytes::from_static(BODY)).await.unwrap();
    let spoiled = blob.get(&at).await.unwrap();
    assert!(matches!(&spoiled, Body::Spoiled(why) if why.contains("SHA-256")), "{spoiled:?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_neither_stored_nor_loaded() {
    let bucket = bucket().await;
    let all = blob(server(), BlobLimits::default()).await;
    let few = blob(server(), BlobLimits { size_max: 10, ..BlobLimits::default() }).await;
    let at = at(&bucket, BODY);
    let error = few.put(&at, Bytes::from_static(BODY)).await.unwrap_err();
    assert!(error.why.contains("over the limit of 10"), "{error}");
    assert_eq!(all.get(&at).await.unwrap(), Body::Missing);
    all.put(&at, Bytes::from_static(BODY)).await.unwrap();
    let spoiled = few.get(&at).await.unwrap();
    assert!(matches!(&spoiled, Body::Spoiled(why) if why.contains("limit of 10")), "{spoiled:?}");
}

#[tokio::test]
async fn a_silent_server_fails_in_time() {
    let bucket = bucket().await;
    let wire = Proxy::before(server().strip_prefix("http://").unwrap());
    let limits = BlobLimits {
        retry_within: Duration::from_millis(500),
        within: Duration::from_millis(1_000),
        ..BlobLimits::default()
    };
    let blob = blob(format!("http://{}", wire.address()), limits).await;
    let at = at(&bucket, BODY);
    blob.put(&at, Bytes::from_static(BODY)).await.unwrap();
    wire.go_silent();
    within(Duration::from_secs(3), blob.get(&at)).await.unwrap_err();
    within(Duration::from_secs(3), blob.put(&at, Bytes::from_static(BODY))).await.unwrap_err();
    wire.heal();
    assert_eq!(blob.get(&at).await.unwrap(), Body::Whole(Bytes::from_static(BODY)), "over a new connection");
}

/// A server that answers a read of any object so.
async fn misbehaving(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let read =
        Mock::given(method("GET")).and(path_regex("^/storage/v1/b/.*/o/.*")).and(query_param("alt", "media"));
    read.respond_with(answer).mount(&server).await;
    server
}

fn whole() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(BODY).insert_header("x-goog-generation", "1")
}

#[tokio::test]
async fn a_body_whose_checksum_does_not_fit_is_not_believed() {
    let server = misbehaving(|_| whole().insert_header("x-goog-hash", "crc32c=AAAAAA==")).await;
    let error = blob(server.uri(), BlobLimits::default()).await.get(&at("b", BODY)).await.unwrap_err();
    assert!(error.why.contains("checksum"), "{error}");
}

#[tokio::test]
async fn a_passing_trouble_is_tried_again_and_a_lasting_one_is_told() {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&calls);
    let server = misbehaving(move |_| match counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 1 => ResponseTemplate::new(503),
        2 => whole(),
        _ => ResponseTemplate::new(503),
    })
    .await;
    let blob = blob(server.uri(), BlobLimits::default()).await;
    assert_eq!(blob.get(&at("b", BODY)).await.unwrap(), Body::Whole(Bytes::from_static(BODY)));
    let error = within(Duration::from_secs(8), blob.get(&at("b", BODY))).await.unwrap_err();
    assert!(error.why.contains("503"), "{error}");
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 3 + 4, "four attempts, then it is told");
}

#[tokio::test]
async fn who_may_not_read_is_told_at_once() {
    let server = misbehaving(|_| ResponseTemplate::new(403)).await;
    let blob = blob(server.uri(), BlobLimits::default()).await;
    let error = blob.get(&at("b", BODY)).await.unwrap_err();
    assert!(error.why.contains("403"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn before_the_start_it_is_told_whether_the_bucket_can_be_read() {
    let bucket = bucket().await;
    let whole = blob(server(), BlobLimits::default()).await;
    whole.check(&bucket).await.unwrap();
    let no_bucket = "{\"error\":{\"code\":404,\"message\":\"The specified bucket does not exist.\"}}";
    for answer in [
        ResponseTemplate::new(403),
        ResponseTemplate::new(401),
        ResponseTemplate::new(404).set_body_string(no_bucket),
    ] {
        let server = misbehaving(move |_| answer.clone()).await;
        let blob = blob(server.uri(), BlobLimits::default()).await;
        let error = blob.check("b").await.unwrap_err();
        assert!(error.why.contains("gs://b"), "{error}");
    }
    let nowhere = blob("http://127.0.0.1:9".into(), BlobLimits::default()).await;
    within(Duration::from_secs(9), nowhere.check(&bucket)).await.unwrap_err();
}
