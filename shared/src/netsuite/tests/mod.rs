//! The client over real sockets, against a NetSuite that answers what a test wants.
//!
//! The time is the test's own; only sockets wait in real time.

mod answers;
pub(crate) mod keys;
mod sign_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::client::{Address, Client};
use super::sign::{Credential, Credentials, Grant, Signer, SigningKey};
use super::transport::{http_client, reqwest_transport};
use crate::domain::id::{AccountId, Timestamp};
use crate::domain::surface::Account;
use crate::runtime::clock::{BoxFuture, Clock};
use crate::runtime::ids::RandomIds;

const START: i64 = 1_760_000_000_000;
const TOKEN: &str = "/services/rest/auth/oauth2/v1/token";
const RESTLET: &str = "/app/site/hosting/restlet.nl";
const SUITEQL: &str = "/services/rest/query/v1/suiteql";

/// A clock that a test sets.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _until: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

/// What NetSuite lets in: the tokens `t1`, `t2`, … that it gave, but for those taken back.
#[derive(Default)]
struct Door {
    given: u32,
    taken_back: BTreeSet<u32>,
    all_refused: bool,
}

/// NetSuite, a client of it, and the time.
struct Stage {
    netsuite: MockServer,
    clock: Arc<Hand>,
    door: Arc<Mutex<Door>>,
    client: Client,
}

fn account() -> Account {
    Account {
        id: AccountId::parse("acme").unwrap(),
        netsuite_account: "1234567_SB1".into(),
        limits: Default::default(),
        people: Default::default(),
        objective_ms: 60_000,
        suitex_url: None,
        notify: Default::default(),
        types: BTreeMap::new(),
    }
}

fn address(url: &str) -> Address {
    Address { base_url: url.into(), suitetalk_url: url.into(), script: "s".into(), deploy: "d".into() }
}

fn grant(pem: &str) -> Credential {
    let key = SigningKey::parse(pem, None).unwrap();
    Credential::OAuth2(Grant { client_id: "client-1".into(), certificate_id: "certificate-1".into(), key })
}

fn signer(credential: Credential, clock: &Arc<Hand>) -> Signer {
    let credentials = Credentials::Of(BTreeMap::from([(account().id, credential)]));
    Signer::new(credentials, Arc::clone(clock) as _, Arc::new(RandomIds))
}

impl Stage {
    /// Nothing answers yet but 404.
    async fn bare(credential: Credential) -> Self {
        let netsuite = MockServer::start().await;
        let clock = Arc::new(Hand(AtomicI64::new(START)));
        let transport = reqwest_transport(http_client().unwrap());
        let client = Client::new(transport, address(&netsuite.uri()), signer(credential, &clock));
        Self { netsuite, clock, door: Arc::default(), client }
    }

    /// Tokens are given for an hour, and each call with a good one is answered.
    async fn new() -> Self {
        let stage = Self::bare(grant(&keys::elliptic().pem)).await;
        stage.give(json!(3_600)).await;
        stage.let_in().await;
        stage
    }

    async fn give(&self, expires_in: serde_json::Value) {
        let door = Arc::clone(&self.door);
        self.answer(TOKEN, move |_: &Request| {
            let mut door = door.lock().unwrap();
            door.given += 1;
            let token = format!("t{}", door.given);
            let body = json!({ "access_token": token, "expires_in": expires_in, "token_type": "bearer" });
            // Late enough that everybody else arrives meanwhile.
            ResponseTemplate::new(200).set_body_json(body).set_delay(std::time::Duration::from_millis(100))
        })
        .await;
    }

    async fn let_in(&self) {
        let door = Arc::clone(&self.door);
        self.answer(RESTLET, move |request: &Request| {
            let door = door.lock().unwrap();
            let token = request.headers.get("authorization").and_then(|value| value.to_str().ok());
            let number = token.and_then(|token| token.strip_prefix("Bearer t")?.parse().ok());
            let is_good = number.is_some_and(|n: u32| n <= door.given && !door.taken_back.contains(&n));
            if is_good && !door.all_refused {
                return ResponseTemplate::new(200)
                    .set_body_json(json!({ "results": [], "remainingUsage": 5_000 }));
            }
            ResponseTemplate::new(401)
                .set_body_json(json!({ "error": { "code": "INVALID_LOGIN_ATTEMPT", "message": "No." } }))
        })
        .await;
    }

    async fn answer(&self, at: &str, answer: impl wiremock::Respond + 'static) {
        Mock::given(path(at)).respond_with(answer).mount(&self.netsuite).await;
    }

    /// How many requests came to this path.
    async fn seen(&self, at: &str) -> usize {
        let requests = self.netsuite.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == at).count()
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}
