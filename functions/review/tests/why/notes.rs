//! Who set it in NetSuite, when a poll alone saw it: NetSuite's system notes tell, if they may be asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use review::identity::Development;
use review::{App, Identity, asking, openapi};
use serde_json::{Value as Json, json};
use shared::domain::conflict::Choice;
use shared::domain::governance::{Call, Governance, Purpose};
use shared::domain::id::Side;
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Lost;
use shared::runtime::clock::Clock;
use shared::state::State;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use super::memory_ports::{Still, account};
use super::{Story, story};

/// What NetSuite says, whatever it is asked.
#[derive(Clone)]
enum Says {
    /// These notes: field, value, who, how, and when on its wall clock.
    Notes(Vec<[&'static str; 5]>),
    Refuses(u16, &'static str, &'static str),
    IsAway,
}

/// A NetSuite that is asked for system notes.
struct NetSuite {
    says: Mutex<Says>,
    asked: Mutex<Vec<String>>,
    /// It answers nobody until it is let go.
    is_slow: AtomicBool,
    clock: Arc<Still>,
}

impl NetSuite {
    fn answer(&self, body: &[u8]) -> Result<Response<Bytes>, Lost> {
        let body: Json = serde_json::from_slice(body).unwrap();
        self.asked.lock().unwrap().push(body["q"].as_str().unwrap().to_string());
        let (status, body) = match self.says.lock().unwrap().clone() {
            Says::IsAway => return Err(Lost::NotSent("no route".into())),
            Says::Refuses(status, code, detail) => {
                (status, json!({"title": "No", "o:errorDetails": [{"detail": detail, "o:errorCode": code}]}))
            }
            Says::Notes(notes) => {
                // It stands in California.
                let clock = self.clock.now().plus(-8 * 3_600_000).to_string()[..19].replace('T', " ");
                let row = |[field, value, author, how, at]: [&str; 5]| {
                    json!({"links": [], "FIELD": field, "newvalue": value, "author": author, "how": how,
                           "at": at, "clock": clock})
                };
                (200, json!({"items": notes.into_iter().map(row).collect::<Vec<_>>()}))
            }
        };
        Ok(Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
    }

    fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }
}

/// A story at a desk that may ask this NetSuite.
fn asked(kind: &str, says: Says) -> (Story, Arc<NetSuite>) {
    let mut story = story(kind);
    let netsuite = Arc::new(NetSuite {
        says: Mutex::new(says),
        asked: Mutex::default(),
        is_slow: AtomicBool::new(false),
        clock: Arc::clone(&story.world.clock),
    });
    let to = Arc::clone(&netsuite);
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        let (to, mut answer) = (Arc::clone(&to), None);
        std::future::poll_fn(move |_| {
            let answer = answer.get_or_insert_with(|| to.answer(request.body())).clone();
            if to.is_slow.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(answer) }
        })
    });
    let url = || "https://{account}".to_string();
    let address = Address { base_url: url(), suitetalk_url: url(), script: "s".into(), deploy: "d".into() };
    let client = Client::new(BoxCloneSyncService::new(transport), address, Signer::unsigned());
    let ports = story.world.ports.clone();
    let identity = Identity::Development(Development::new(&ports.config));
    story.router = asking(App { ports, identity }, client);
    (story, netsuite)
}

const ANN: [&str; 5] = ["ENTITY.SPHONE", "2", "Ann Lee", "UI", "2025-12-31 15:59:30"];
const SOMEBODY: &str = "phone is \"2\" because somebody in NetSuite set it before 2026-01-01 at 00:00 UTC, when a poll found it.";

impl Story {
    /// A poll finds this.
    fn found(&mut self, values: Json) -> &mut Self {
        self.told("netsuite-poll", None, Side::NetSuite, values, false);
        self
    }

    fn governance(&self) -> Governance {
        self.world.state.governance_of(&account("acme")).now_or_never().unwrap().unwrap()
    }

    /// Nobody is named, and this is why.
    #[track_caller]
    fn says_nobody(&self, why: &str) {
        let told = self.why("phone");
        assert_eq!((&told["sentence"], &told["unnamed"]), (&json!(SOMEBODY), &json!(why)));
        assert_eq!((&told["chain"][0]["actor"], &told["chain"][0]["note"]), (&Json::Null, &Json::Null));
    }

    /// The record's page with the field's card, as it is read.
    fn page(&self, field: &str) -> String {
        let key = &self.record.key;
        let path = format!("/review/records/acme/{}/{}?why={field}", key.record_type, key.id);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).now_or_never().unwrap().unwrap();
        let bytes = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[test]
fn who_set_in_netsuite_what_a_poll_found_is_named() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.found(json!({"phone": "2"}));
    story.says(
        "phone",
        "phone is \"2\" because Ann Lee in NetSuite (UI) set it on 2025-12-31 at 15:59 by NetSuite's clock, as its system \
         notes tell.",
    );
    let why = story.why("phone");
    assert_eq!((&why["chain"][0]["actor"], why.get("unnamed")), (&json!("Ann Lee"), None));
    assert_eq!(why["chain"][0]["note"], json!({"at": "2025-12-31 15:59:30", "context": "UI"}));
    assert_eq!(why["chain"][0]["source"], "netsuite-poll");
    let mut schema = json!({"$ref": "#/components/schemas/Why"});
    schema["components"] = serde_json::to_value(openapi()).unwrap()["components"].clone();
    let described = jsonschema::draft202012::new(&schema).expect("a schema");
    assert!(described.is_valid(&why), "{why:#}");
    let asked = netsuite.asked.lock().unwrap()[0].clone();
    assert!(asked.contains("n.recordid = 1007 AND") && asked.contains("'PHONE'"), "{asked}");
    let governance = story.governance();
    assert_eq!((governance.open.len(), governance.requests), (0, 1), "under a permit, which was given back");
}

#[test]
fn a_policy_chose_what_somebody_named_had_set() {
    let notes = vec![["phone", "n", "Ann Lee", "CSV Import", "2025-12-31 15:59:30"]];
    let (mut story, _) = asked("customer", Says::Notes(notes));
    story.sam(json!({"phone": "s"})).found(json!({"phone": "n"}));
    story.says(
        "phone",
        "phone is \"n\" because Ann Lee in NetSuite (CSV Import) set it on 2025-12-31 at 15:59 by NetSuite's clock, as its \
         system notes tell, while the other side had \"s\": the field's policy is latest_wins.",
    );
}

#[test]
fn what_somebody_named_set_and_was_not_taken_is_told() {
    let notes = vec![["ENTITY.SEMAIL", "n@a.example", "Ann Lee", "UI", "2025-12-31 15:59:30"]];
    let (mut story, _) = asked("customer", Says::Notes(notes));
    story.sam(json!({"email": "s@a.example"})).found(json!({"email": "n@a.example"}));
    story.says(
        "email",
        "email is \"s@a.example\" because sam in SuiteX set it on 2026-01-01 at 00:00 UTC; since then Ann Lee in NetSuite \
         (UI) set \"n@a.example\" on 2025-12-31 at 15:59 by NetSuite's clock, as its system notes tell, which was not \
         taken: the field's policy is suitex_wins.",
    );
}

#[test]
fn whose_value_was_chosen_in_a_conflict_is_named() {
    let notes = vec![["ENTITY.SCOMMENTS", "ns", "Ann Lee", "UI", "2025-12-31 15:59:30"]];
    let (mut story, netsuite) = asked("customer", Says::Notes(notes));
    story.sam(json!({"comments": "sx"})).found(json!({"comments": "ns"})).rita(Choice::Side(Side::NetSuite));
    story.says(
        "comments",
        "comments is \"ns\" because rita@dev.example chose NetSuite's value on 2026-01-01 at 00:02 UTC in a conflict in \
         which SuiteX had \"sx\" (sam) and NetSuite had \"ns\" (Ann Lee).",
    );
    assert_eq!(netsuite.calls(), 1);
}

#[test]
fn a_role_that_may_not_read_the_notes_is_said_to() {
    let detail = "Invalid search query. Detailed unprocessed description follows. Search error occurred: Record \
                  'systemnote' was not found.";
    let refused =
        [(400, "INVALID_PARAMETER", detail), (403, "INSUFFICIENT_PERMISSION", "Permission violation.")];
    for (status, code, detail) in refused {
        let (mut story, netsuite) = asked("customer", Says::Refuses(status, code, detail));
        story.found(json!({"phone": "2"}));
        story.says_nobody(
            "our role in NetSuite may not read its system notes, which could tell who set it: that takes the permission \
             System Notes",
        );
        let governance = story.governance();
        let known = (netsuite.calls(), governance.open.len(), governance.failures);
        assert_eq!(known, (1, 0, 0), "{code}: it was answered, which slows no writer");
    }
}

#[test]
fn a_netsuite_that_is_away_costs_the_person_alone() {
    let trouble = [Says::IsAway, Says::Refuses(500, "UNEXPECTED_ERROR", "An unexpected error occurred.")];
    for says in trouble {
        let (mut story, _) = asked("customer", says);
        story.found(json!({"phone": "2"}));
        story.says_nobody("NetSuite's system notes, which could tell who set it, could not be read just now");
        assert!(story.governance().open.is_empty());
    }
}

#[test]
fn nobody_is_guessed() {
    let bob = ["ENTITY.SPHONE", "2", "Bob Ray", "UI", "2025-12-31 15:58:00"];
    let other = ["ENTITY.SALTPHONE", "2", "Cy Fox", "UI", "2025-12-31 15:59:30"];
    let nobody = "none of NetSuite's system notes that our role may read tells who set this value";
    for (notes, why) in [
        (vec![ANN, bob], "NetSuite's system notes name several people, each of whom may have set this value"),
        (vec![other], nobody),
        (vec![["ENTITY.SPHONE", "3", "Ann Lee", "UI", "2025-12-31 15:59:30"]], nobody),
        (vec![["ENTITY.SPHONE", "2", "", "UI", "2025-12-31 15:59:30"]], nobody),
        (
            vec![
                ["ENTITY.SPHONE", "2", "Ann Lee", "UI", "2025-12-30 15:59:30"],
                ["ENTITY.SPHONE", "1", "Bob Ray", "UI", "2025-12-31 12:00:00"],
            ],
            "the last of NetSuite's system notes from before we saw this value tells of another value",
        ),
    ] {
        let (mut story, _) = asked("customer", Says::Notes(notes));
        story.found(json!({"phone": "2"}));
        story.says_nobody(why);
    }
}

#[test]
fn a_slow_answer_is_not_waited_for_and_is_there_for_the_next_view() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.found(json!({"phone": "2"}));
    netsuite.is_slow.store(true, Ordering::Relaxed);
    let before = story.world.clock.now();
    let slow =
        "NetSuite has not answered yet what its system notes say of who set it: look again in a moment";
    story.says_nobody(slow);
    assert_eq!(story.world.clock.now(), before.plus(3_000));
    story.says_nobody(slow);
    assert_eq!(
        (netsuite.calls(), story.governance().open.len()),
        (1, 1),
        "the call goes on, under its permit"
    );
    story.world.clock.pass(90_000);
    netsuite.is_slow.store(false, Ordering::Relaxed);
    story.world.run_background();
    assert!(story.governance().open.is_empty());
    assert!(story.why("phone")["sentence"].as_str().unwrap().contains("Ann Lee in NetSuite (UI)"));
    assert_eq!(netsuite.calls(), 1);
}

#[test]
fn no_call_is_made_when_all_are_needed() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.found(json!({"phone": "2"}));
    let (acme, now) = (account("acme"), story.now());
    let limits = story.world.ports.config.accounts[&acme].limits;
    for n in 0.. {
        let (id, until) = (Uuid::from_u128(900 + n), now.plus(310_000));
        let call = Call { id, purpose: Purpose::Write(9), now, until, writes: 1 };
        if story.world.state.begin_call(&acme, &call, &limits).now_or_never().unwrap().unwrap().is_err() {
            break;
        }
    }
    story.says_nobody(
        "NetSuite was not asked who set it, for all calls that we may make are in use: look again later",
    );
    assert_eq!(netsuite.calls(), 0);
}

#[test]
fn what_was_asked_is_known_for_a_minute() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.found(json!({"phone": "2", "email": "e@a.example"}));
    for _ in 0..3 {
        story.why("phone");
    }
    assert_eq!(netsuite.calls(), 1);
    story.why("email");
    assert_eq!(netsuite.calls(), 2, "another field");
    story.world.clock.pass(60_000);
    story.why("phone");
    assert_eq!(netsuite.calls(), 3, "a minute later");
    story.minute = 2;
    story.found(json!({"phone": "3"}));
    story.world.clock.pass(30_000);
    netsuite.says(Says::Notes(vec![["phone", "3", "Bob Ray", "UI", "2025-12-31 16:01:00"]]));
    assert!(
        story.why("phone")["sentence"].as_str().unwrap().contains("Bob Ray"),
        "what was asked before knows less"
    );
    assert_eq!(netsuite.calls(), 4);
}

#[test]
fn netsuite_is_not_asked_what_is_known_or_what_it_cannot_know() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.sam(json!({"phone": "1"}));
    story.why("phone");
    story.ann(json!({"phone": "2"}));
    story.why("phone");
    story.why("city");
    let untouched = story.why("city");
    assert_eq!((netsuite.calls(), untouched.get("unnamed")), (0, None));
    let (mut order, netsuite) = asked("salesorder", Says::Notes(Vec::new()));
    order.found(json!({"lines": [{"lineuniquekey": "5", "quantity": 1}]}));
    let why = order.why("lines");
    assert_eq!(netsuite.calls(), 0);
    assert_eq!(
        why["unnamed"],
        "NetSuite keeps no system notes of this field that we could ask for who set it"
    );
}

#[test]
fn the_page_says_the_same() {
    let (mut story, netsuite) = asked("customer", Says::Notes(vec![ANN]));
    story.sam(json!({"phone": "1"})).found(json!({"phone": "2"}));
    let page = story.page("phone");
    assert!(
        page.contains("because Ann Lee in NetSuite (UI) set it on 2025-12-31 at 15:59 by NetSuite"),
        "{page}"
    );
    let (mut story, _) = asked("customer", Says::IsAway);
    story.found(json!({"phone": "2"}));
    let page = story.page("phone");
    assert!(page.contains("somebody in NetSuite set it"), "{page}");
    assert!(
        page.contains("s system notes, which could tell who set it, could not be read just now."),
        "{page}"
    );
    assert_eq!(netsuite.calls(), 1, "one call a view");
}
