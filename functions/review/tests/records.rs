//! Records, errors and the census, as people see them.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use memory_ports::{NOW, World, account, get, key, post};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::{Value as Json, json};
use shared::domain::id::{Side, derived_id};
use shared::domain::record::{Behind, Due, DueReason, Lock};
use shared::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, HistoryRow, LinkChange};
use shared::travel;
use tower::ServiceExt;

struct Desk {
    world: World,
    router: Router,
}

fn desk() -> Desk {
    let world = World::new();
    let identity = Identity::Development(Development::new(&world.ports.config));
    Desk { router: router(App { ports: world.ports.clone(), identity }), world }
}

impl Desk {
    fn get(&self, path: &str) -> Json {
        let answer = get(&self.router, &format!("/api/v1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    fn page(&self, path: &str) -> String {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never().unwrap().unwrap();
        let bytes = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn file(&self, n: u128, status: ErrorStatus) -> ErrorEntry {
        let error = ErrorEntry {
            id: uuid::Uuid::from_u128(n),
            account: account("acme"),
            record: None,
            class: "validation".into(),
            code: "INVALID".into(),
            message: "no".into(),
            hint: "mend".into(),
            field: None,
            events: Vec::new(),
            payload: None,
            attempts: 1,
            first_at: NOW.plus(n as i64),
            last_at: NOW.plus(n as i64),
            status,
            causes: vec![],
            note: None,
            edits: vec![],
            brake: None,
            tried_at: None,
            to_send: false,
        };
        let mut commit = Commit::new(account("acme"));
        commit.errors.push(error.clone());
        self.world.commit(commit);
        error
    }
}

#[test]
fn a_record_shows_its_state_and_both_sides() {
    let desk = desk();
    let customer = key("acme", "customer", "7");
    let mut record = desk.world.synced(&customer, json!({"company_name": "Acme", "credit_limit": "10"}));
    desk.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"credit_limit": 12.5}));
    record.sides[Side::NetSuite].due = Some(Due { at: NOW, reason: DueReason::Dirty, attempts: 2 });
    desk.world.store(&record, Vec::new());

    let shown = desk.get("records/acme/customer/7");
    assert_eq!(shown["status"], "pending");
    assert_eq!(
        (&shown["version"], &shown["alive"], &shown["type"]),
        (&json!(2), &json!(true), &json!("customer"))
    );
    assert_eq!(shown["ids"], json!({"netsuite": "ns-7", "suitex": "sx-7"}));
    assert_eq!(shown["state"]["credit_limit"], "12.50");
    let netsuite = &shown["sides"]["netsuite"];
    assert_eq!((&netsuite["presence"], &netsuite["revision"]), (&json!("there"), &json!(100)));
    assert_eq!(
        (&netsuite["shadow"]["credit_limit"], &netsuite["dirty"]),
        (&json!("10.00"), &json!(["credit_limit"]))
    );
    assert_eq!(netsuite["due"], json!({"at": "2026-01-01T00:00:00.000Z", "reason": "dirty", "attempts": 2}));
    assert_eq!(shown["sides"]["suitex"]["dirty"], json!([]));
    assert_eq!(shown["lock"], json!({"record": false, "fields": [], "reasons": []}));
    assert!(shown.get("conflict").is_none());
}

#[test]
fn a_record_is_found_by_any_of_its_ids_under_both_prefixes() {
    let desk = desk();
    desk.world.synced(&key("acme", "customer", "7"), json!({}));
    for id in ["7", "netsuite:ns-7", "suitex:sx-7"] {
        assert_eq!(desk.get(&format!("records/acme/customer/{id}"))["id"], "7", "{id}");
    }
    assert_eq!(get(&desk.router, "/review/api/v1/records/acme/customer/7").status, 200);
}

#[test]
fn what_is_not_there_is_named() {
    let desk = desk();
    desk.world.synced(&key("acme", "customer", "7"), json!({}));
    for (path, status, field) in [
        ("records/nobody", 404, "account"),
        ("records/nobody/customer/7", 404, "account"),
        ("records/acme/invoice/7", 404, "type"),
        ("records/acme/customer/8", 404, "id"),
        ("records/globex/customer/7", 404, "id"),
        ("records/acme/item/7", 404, "id"),
        ("records/acme/customer/netsuite:sx-7", 404, "id"),
        ("records/acme/customer/excel:7", 404, "id"),
        ("records/acme/customer/a%20b", 404, "id"),
        ("records/acme/customer/%ff", 400, "path"),
        ("records/acme/customer/8/history", 404, "id"),
        ("records/acme?type=invoice", 404, "type"),
        ("records/acme?limit=0", 400, "limit"),
        ("records/acme?limit=201", 400, "limit"),
        ("records/acme?limit=all", 400, "limit"),
        ("conflicts?account=a:b", 404, "account"),
        ("conflicts?limit=0", 400, "limit"),
        ("conflicts/seven", 400, "id"),
        ("conflicts/00000000-0000-4000-8000-000000000001", 404, "id"),
        ("errors?open=maybe", 400, "open"),
        ("errors?limit=0", 400, "limit"),
        ("errors/seven", 400, "id"),
        ("errors/00000000-0000-4000-8000-000000000001", 404, "id"),
        ("census/nobody", 404, "account"),
    ] {
        assert_eq!(get(&desk.router, &format!("/api/v1/{path}")).problem(), (status, json!(field)), "{path}");
    }
    let missing = "/api/v1/errors/00000000-0000-4000-8000-000000000001/retry";
    assert_eq!(post(&desk.router, missing, "").problem(), (404, json!("id")));
    assert_eq!(get(&desk.router, "/api/v1/nothing").problem().0, 404);
    assert_eq!(post(&desk.router, "/api/v1/conflicts", "").problem().0, 405);
}

#[test]
fn a_status_is_the_most_urgent_that_applies() {
    let desk = desk();
    let lock = |field| Lock { field, error: derived_id("test", &[]), reason: "why".into(), since: NOW };
    let check = |id: &str, expected: &str, change: &dyn Fn(&mut shared::domain::record::Record)| {
        let mut record = desk.world.synced(&key("acme", "customer", id), json!({"comments": "a"}));
        change(&mut record);
        desk.world.store(&record, Vec::new());
        assert_eq!(desk.get(&format!("records/acme/customer/{id}"))["status"], expected);
    };
    let edit = |record: &mut _, side, value: &str| {
        desk.world.tell(record, side, 101, false, &json!({"comments": value}));
    };
    check("1", "in_sync", &|_| {});
    check("2", "pending", &|r| edit(r, Side::SuiteX, "b"));
    check("3", "waiting", &|r| {
        let reason =
            DueReason::WaitingFor { record_type: r.key.record_type.clone(), id: "9".into(), since: NOW };
        r.sides[Side::NetSuite].due = Some(Due { at: NOW, reason, attempts: 0 });
    });
    check("4", "error", &|r| r.locks.push(lock(Some(0))));
    check("5", "locked", &|r| r.locks.extend([lock(Some(0)), lock(None)]));
    check("6", "conflict", &|r| {
        edit(r, Side::SuiteX, "b");
        edit(r, Side::NetSuite, "c");
        r.locks.push(lock(None));
    });
    let shown = desk.get("records/acme/customer/6");
    assert_eq!((&shown["lock"]["record"], &shown["lock"]["fields"]), (&json!(true), &json!(["comments"])));
    assert_eq!(shown["conflict"]["fields"]["comments"]["suitex"], "b");
}

#[test]
fn a_list_comes_in_pages() {
    let desk = desk();
    for id in ["1", "2", "3"] {
        desk.world.synced(&key("acme", "customer", id), json!({}));
    }
    desk.world.synced(&key("acme", "item", "1"), json!({}));
    let first = desk.get("records/acme?type=customer&limit=2");
    let ids =
        |page: &Json| page["items"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ["1", "2"]);
    let next = first["next"].as_str().unwrap();
    let last = desk.get(&format!("records/acme?type=customer&limit=2&after={next}"));
    assert_eq!((ids(&last), &last["next"]), (vec![json!("3")], &Json::Null));
    assert_eq!(desk.get("records/acme")["items"].as_array().unwrap().len(), 4);
}

#[test]
fn a_history_is_shown_as_it_was_stored() {
    let desk = desk();
    let customer = key("acme", "customer", "7");
    let record = desk.world.synced(&customer, json!({}));
    let mut commit = Commit::new(account("acme"));
    commit.history.push(HistoryRow {
        version: record.version,
        at: NOW,
        source: "suitex".into(),
        actor: Some("ann".into()),
        events: Vec::new(),
        decisions: Vec::new(),
    });
    commit.record = Some(record);
    desk.world.commit(commit);
    let shown = desk.get("records/acme/customer/suitex:sx-7/history");
    assert_eq!((&shown["items"][0]["actor"], &shown["items"][0]["version"]), (&json!("ann"), &json!(1)));
}

#[test]
fn errors_come_newest_first_and_a_retry_says_what_it_did() {
    let desk = desk();
    desk.file(1, ErrorStatus::Open);
    desk.file(2, ErrorStatus::Closed);
    let last = desk.file(3, ErrorStatus::Open);
    let ids = |path: &str| {
        let page = desk.get(path);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["firstAt"].as_str().unwrap()[20..].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("errors"), ["003Z", "002Z", "001Z"]);
    assert_eq!(ids("errors?open=true&account=acme"), ["003Z", "001Z"]);
    assert!(ids("errors?account=globex").is_empty());
    assert_eq!(get(&desk.router, "/api/v1/errors?account=nobody").problem(), (404, json!("account")));
    assert_eq!(desk.get("errors?limit=1")["items"].as_array().unwrap().len(), 1);

    let retry = |tag: Option<&str>| {
        let request = http::Request::post(format!("/api/v1/errors/{}/retry?as=rita", last.id));
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        memory_ports::ask(&desk.router, request.body(axum::body::Body::empty()).unwrap())
    };
    // Nothing is stuck in it: it is still there for who looks for what is open.
    let nothing = retry(Some("\"open-1\""));
    assert_eq!(nothing.problem(), (422, json!("id")));
    assert!(nothing.body["detail"].as_str().unwrap().contains(&last.hint), "{}", nothing.body);
    assert_eq!(desk.get(&format!("errors/{}", last.id))["status"], "open");
    assert!(desk.world.state.audit(&account("acme")).is_empty());

    let mut commit = Commit::new(account("acme"));
    commit.errors.push(ErrorEntry { payload: Some("{".into()), attempts: 0, ..last.clone() });
    desk.world.commit(commit);
    assert_eq!(retry(None).problem(), (428, json!("If-Match")));
    assert_eq!(retry(Some("\"closed-1\"")).problem().0, 412, "what somebody has closed is not tried again");
    let answer = retry(Some("\"open-1\""));
    assert_eq!((answer.status.as_u16(), &answer.body["republished"]), (200, &json!(true)));
    assert_eq!(desk.get(&format!("errors/{}", last.id))["status"], "retried");
    assert_eq!(desk.world.state.audit(&account("acme"))[0].actor, "rita@dev.example");
    assert_eq!(retry(Some("\"open-1\"")).problem().0, 412, "somebody was quicker");
}

#[test]
fn a_census_counts_every_event_by_its_place() {
    let desk = desk();
    let event = json!({
        "accountId": "acme", "recordType": "customer", "recordId": "5", "source": "suitex", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"email": "a"}}
    });
    let event = shared::domain::event::ChangeEvent::from_slice(event.to_string().as_bytes()).unwrap();
    shared::intake::take(&desk.world.ports, vec![event]).now_or_never().unwrap().unwrap();
    assert_eq!(desk.get("census/acme"), json!({"account": "acme", "places": {"pending": 1}, "total": 1}));
    let customer = key("acme", "customer", "7");
    let record = desk.world.synced(&customer, json!({}));
    let link = LinkChange::Set(Side::SuiteX, memory_ports::side_id("5"));
    let mut renamed = record.clone();
    renamed.sides[Side::SuiteX].id = Some(memory_ports::side_id("5"));
    desk.world.store(&renamed, vec![link]);
    assert_eq!(desk.get("records/acme/customer/7")["pendingEvents"], 1);
}

#[test]
fn an_account_shows_what_there_is_to_do_and_when_it_will_be_done() {
    use shared::domain::governance::{Call, CallEnd, Purpose};
    let desk = desk();
    let state = &desk.world.ports.state;
    let (acme, limits) = (account("acme"), desk.world.ports.config.accounts[&account("acme")].limits);
    let mut record = desk.world.synced(&key("acme", "customer", "7"), json!({}));
    record.sides[Side::NetSuite].due = Some(Due { at: NOW, reason: DueReason::Dirty, attempts: 0 });
    desk.world.store(&record, Vec::new());
    let calls = json!({
        "open": 0, "limit": 2, "cap": 5, "today": 0, "dailyRequests": 500_000, "overloads": 0
    });
    let idle = json!({
        "account": "acme", "role": "admin", "status": "open", "backlog": {"netsuite": 1, "suitex": 0}, "calls": calls,
        "conflicts": {"open": 0, "overdue": 0, "unassigned": 0}, "holds": {"netsuite": null, "suitex": null},
        "lag": {"netsuiteMs": 0, "suitexMs": 0, "objectiveMs": 60_000, "isMet": true},
        "latency": {
            "objectiveMs": 60_000, "windowMs": 3_600_000, "netsuite": {"changes": 0}, "suitex": {"changes": 0}
        }
    });
    assert_eq!(desk.get("accounts/acme"), idle, "nothing goes on: nobody can tell when it is done");

    let call = |n: u128, from: i64, end: CallEnd| {
        let (id, now) = (uuid::Uuid::from_u128(n), NOW.plus(from));
        let call = Call { id, purpose: Purpose::Write(9), now, until: now.plus(310_000), writes: 10 };
        state.begin_call(&acme, &call, &limits).now_or_never().unwrap().unwrap().unwrap();
        state.end_call(&acme, id, end, now.plus(1_000), &limits).now_or_never().unwrap().unwrap();
    };
    // In the past, so that there is a pace now.
    call(1, -11_000, CallEnd::Answered);
    call(2, -6_000, CallEnd::Answered);
    let busy = desk.get("accounts/acme");
    assert_eq!((&busy["writesPerSecond"], &busy["drainsInMs"]), (&json!(2.0), &json!(500)));

    for (n, from) in [(3, -4_500), (4, -3_000), (5, -1_500)] {
        call(n, from, CallEnd::Auth);
    }
    let suspended = desk.get("accounts/acme");
    assert_eq!(suspended["status"], "suspended");
    assert_eq!(suspended["suspendedSince"], json!(NOW.plus(-500)));
    assert!(suspended["notBefore"].is_string() && suspended["calls"]["today"] == 5, "{suspended}");
    assert_eq!(get(&desk.router, "/api/v1/accounts/nobody").problem().0, 404);
}

/// A write to a side, of a change that was made and taken in so long before now, ms, and arrived so long before now.
fn arrived(side: Side, changed: i64, decided: i64, arrived: i64) -> AuditRow {
    let mut details = json!({"operation": "x"});
    travel::note(&mut details, Behind { changed: NOW.plus(-changed), decided: NOW.plus(-decided) });
    let (actor, subject) = (travel::writer_to(side), "acme:customer:7".to_string());
    AuditRow { at: NOW.plus(-arrived), actor, action: "applied".into(), subject, details }
}

#[test]
fn an_account_shows_how_long_changes_took_against_what_was_promised() {
    let desk = desk();
    let mut commit = Commit::new(account("acme"));
    // An hour ago; not measured; and a hundred, the slowest of which took 100 s.
    commit.audit.push(arrived(Side::NetSuite, 3_700_000, 3_699_000, 3_600_000));
    let unmeasured = arrived(Side::NetSuite, 1, 1, 1);
    commit.audit.push(AuditRow { details: json!({"operation": "x"}), at: NOW.plus(-200_000), ..unmeasured });
    commit.audit.extend((1..=100).map(|n| arrived(Side::NetSuite, 1_000 * n + 500, 1_000 * n - 500, 500)));
    commit.audit.push(arrived(Side::SuiteX, 2_000, 1_000, 0));
    // Somebody's, of the same words.
    commit.audit.push(AuditRow { actor: "ada@dev.example".into(), ..arrived(Side::SuiteX, 900_000, 1, 0) });
    desk.world.commit(commit);
    let expected = json!({
        "objectiveMs": 60_000, "windowMs": 3_600_000,
        "netsuite": {
            "changes": 100, "isMet": false,
            "took": {"p50Ms": 50_000, "p95Ms": 95_000, "p99Ms": 99_000},
            "untilDecided": {"p50Ms": 1_000, "p95Ms": 1_000, "p99Ms": 1_000}
        },
        "suitex": {
            "changes": 1, "isMet": true,
            "took": {"p50Ms": 2_000, "p95Ms": 2_000, "p99Ms": 2_000},
            "untilDecided": {"p50Ms": 1_000, "p95Ms": 1_000, "p99Ms": 1_000}
        }
    });
    assert_eq!(desk.get("accounts/acme")["latency"], expected);
    let all = desk.get("accounts")["items"].clone();
    let of = |name: &str| {
        all.as_array().unwrap().iter().find(|a| a["account"] == name).unwrap()["latency"].clone()
    };
    assert_eq!((of("acme"), &of("globex")["suitex"]), (expected, &json!({"changes": 0})));

    let page = desk.page("/review/accounts/acme");
    for told in [
        "100 changes in the last 1 h, more than the 1 min that were promised. Half of them were taken in after 1.0 s.",
        "1 change in the last 1 h, within the 1 min that were promised.",
        "half of 100 changes took 50.0 s at most, 99 of 100 1 min; 1 min were promised",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}
