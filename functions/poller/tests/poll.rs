//! The poller over a NetSuite that answers just the questions which the poller asks.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::Router;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use memory_ports::{Answer, World, account, key, post, record_type, side_id};
use poller::{App, Rules, router};
use serde_json::{Value as Json, json};
use shared::blob::offload::Offload;
use shared::domain::id::{Revision, Side};
use shared::domain::record::{Presence, Record};
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Lost;
use shared::pubsub::Topic;
use shared::state::{LinkChange, State};
use tower::util::BoxCloneSyncService;

/// A record, or what is left of it.
#[derive(Clone)]
struct Row {
    kind: &'static str,
    /// On NetSuite's wall clock.
    at: String,
    email: String,
    is_deleted: bool,
    /// Not shown by SuiteQL yet, or not to our role.
    is_hidden: bool,
    /// Shown by SuiteQL, refused by the RESTlet.
    is_refused: bool,
}

/// One account's NetSuite.
#[derive(Default)]
struct NetSuite {
    rows: Mutex<BTreeMap<u64, Row>>,
    now: Mutex<String>,
    /// Tables that our role may not see.
    refused: Mutex<Vec<&'static str>>,
    reads: Mutex<usize>,
}

impl NetSuite {
    fn answer(&self, uri: &str, body: &Json) -> (u16, Json) {
        match body["q"].as_str() {
            Some(query) => self.query(query),
            None => {
                assert!(uri.contains("restlet.nl"), "{uri}");
                (200, self.read(body["reads"].as_array().expect("reads")))
            }
        }
    }

    fn query(&self, query: &str) -> (u16, Json) {
        let page = |items: Vec<Json>| (200, json!({ "items": items }));
        if query.contains("FROM DUAL") {
            return page(vec![json!({ "UPTO": *self.now.lock().unwrap() })]);
        }
        let table = query.split(" FROM ").nth(1).unwrap().split(' ').next().unwrap();
        if self.refused.lock().unwrap().contains(&table) {
            let detail = json!({ "detail": "Record was not found", "o:errorCode": "INVALID_PARAMETER" });
            return (400, json!({ "title": "Bad Request", "o:errorDetails": [detail] }));
        }
        let times: Vec<&str> = query.split("TO_TIMESTAMP('").skip(1).map(|rest| &rest[..19]).collect();
        let last: u64 = query.rsplit("id > ").next().unwrap().split(')').next().unwrap().parse().unwrap();
        let (upto, after) = (times[0], times[1]);
        let kind = match table {
            "customer" => Some("customer"),
            "item" => Some("inventoryitem"),
            "transaction" => Some("salesorder"),
            _ => None,
        };
        let rows = self.rows.lock().unwrap();
        let mut found: Vec<(&String, &u64, &Row)> = rows
            .iter()
            .filter(|(_, row)| {
                !row.is_hidden && kind.map_or(row.is_deleted, |kind| row.kind == kind && !row.is_deleted)
            })
            .map(|(id, row)| (&row.at, id, row))
            .filter(|(at, id, _)| at.as_str() <= upto && (at.as_str(), **id) > (after, last))
            .collect();
        found.sort_by_key(|(at, id, _)| (*at, *id));
        let item = |(at, id, row): (&String, &u64, &Row)| {
            let mut label = row.kind.to_string();
            label[..1].make_ascii_uppercase();
            // SuiteQL writes ids as texts; a number means the same.
            let id = if id % 2 == 0 { json!(id) } else { json!(id.to_string()) };
            json!({ "links": [], "id": id, "at": at, "type": label })
        };
        page(found.into_iter().take(1_000).map(item).collect())
    }

    fn read(&self, reads: &[Json]) -> Json {
        *self.reads.lock().unwrap() += reads.len();
        assert!(reads.len() <= 50, "units for fifty");
        let rows = self.rows.lock().unwrap();
        let look = |read: &Json| {
            let id: u64 = read["id"].as_str().unwrap().parse().unwrap();
            let time = |row: &Row| format!("{}Z", row.at.replace(' ', "T"));
            match rows.get(&id) {
                Some(row) if row.is_deleted => {
                    json!({ "outcome": "deleted", "id": id.to_string(), "lastModified": time(row) })
                }
                Some(row) if row.is_refused => json!({
                    "outcome": "refused", "error": { "code": "INSUFFICIENT_PERMISSION", "message": "No" },
                }),
                Some(row) if !row.is_hidden => json!({
                    "outcome": "found", "id": id.to_string(), "lastModified": time(row), "values": { "email": row.email },
                }),
                _ => json!({ "outcome": "missing" }),
            }
        };
        json!({ "results": reads.iter().map(look).collect::<Vec<_>>(), "remainingUsage": 4_000 })
    }
}

struct Poll {
    world: World,
    netsuite: Arc<NetSuite>,
    app: App,
    router: Router,
}

fn poll() -> Poll {
    let (world, netsuite) = (World::new(), Arc::new(NetSuite::default()));
    let asked = Arc::clone(&netsuite);
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        let body: Json = serde_json::from_slice(request.body()).unwrap();
        // The other account has nothing.
        let (status, body) = match request.uri().host() {
            Some("acme") => asked.answer(&request.uri().to_string(), &body),
            _ => NetSuite { now: Mutex::new("2026-01-01 00:00:00".into()), ..NetSuite::default() }
                .answer("", &body),
        };
        let response = Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
        std::future::ready(Ok::<_, Lost>(response))
    });
    let address = Address {
        base_url: "https://{account}".into(),
        suitetalk_url: "https://{account}".into(),
        script: "s".into(),
        deploy: "d".into(),
    };
    let app = App {
        ports: world.ports.edge.clone(),
        state: world.state.clone(),
        client: Client::new(BoxCloneSyncService::new(transport), address, Signer::unsigned()),
        rules: Rules { deletions_max: 3, ..Rules::default() },
        offload: Offload { bucket: "bodies".into(), over_bytes: 100_000 },
    };
    let poll = Poll { router: router(app.clone()), app, world, netsuite };
    poll.clock("2026-01-01 10:00:00");
    poll
}

impl Poll {
    /// Sets NetSuite's wall clock.
    fn clock(&self, now: &str) {
        *self.netsuite.now.lock().unwrap() = now.into();
    }

    /// A minute passes, on our clock and on NetSuite's.
    fn minute(&self, now: &str) -> Answer {
        self.world.clock.pass(60_000);
        self.clock(now);
        self.tick()
    }

    fn tick(&self) -> Answer {
        post(&self.router, "/tick", "")
    }

    fn save(&self, id: u64, at: &str, email: &str) {
        self.put(id, "customer", at, email);
    }

    fn put(&self, id: u64, kind: &'static str, at: &str, email: &str) {
        let row = Row {
            kind,
            at: at.into(),
            email: email.into(),
            is_deleted: false,
            is_hidden: false,
            is_refused: false,
        };
        self.netsuite.rows.lock().unwrap().insert(id, row);
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Row)) {
        change(self.netsuite.rows.lock().unwrap().get_mut(&id).unwrap());
    }

    fn delete(&self, id: u64, at: &str) {
        self.change(id, |row| (row.at, row.is_deleted) = (at.into(), true));
    }

    /// The customer `id` is known, as it was at this second of the epoch.
    fn known(&self, id: u64, revision: i64, email: &str) {
        let key = key("acme", "customer", &id.to_string());
        let surface = self.world.surface(&key);
        let mut record = Record::new(key, &surface);
        record.alive = true;
        let side = &mut record.sides[Side::NetSuite];
        (side.id, side.presence, side.seen) =
            (Some(side_id(&id.to_string())), Presence::There, Some(Revision(revision)));
        let field = surface.field_on(Side::NetSuite, "email").unwrap();
        side.shadow[field] = surface.fields[field].kind.parse(Side::NetSuite, &json!(email)).unwrap();
        self.world.store(&record, vec![LinkChange::Set(Side::NetSuite, side_id(&id.to_string()))]);
    }

    /// What was published since this was last asked for: operation, id and email.
    fn published(&self, from: usize) -> Vec<(String, String, Json)> {
        let events = self.world.bus.json(Topic::Raw).into_iter().skip(from);
        let text = |json: &Json| json.as_str().unwrap_or_default().to_string();
        events
            .map(|e| (text(&e["operation"]), text(&e["recordId"]), e["payload"]["changes"]["email"].clone()))
            .collect()
    }

    fn told(answer: &Answer) -> u64 {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        answer.body["published"].as_u64().unwrap()
    }
}

fn update(id: &str, email: &str) -> (String, String, Json) {
    ("update".into(), id.into(), json!(email))
}

#[test]
fn everything_is_told_once_as_a_full_read() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.put(8, "inventoryitem", "2026-01-01 09:00:00", "b");
    assert_eq!(Poll::told(&poll.tick()), 2);
    let event = &poll.world.bus.json(Topic::Raw)[1];
    assert_eq!((&event["source"], &event["payload"]["full"]), (&json!("netsuite-poll"), &json!(true)));
    assert_eq!((&event["recordType"], &event["revision"]), (&json!("item"), &json!(1_767_258_000)));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    poll.save(7, "2026-01-01 10:01:30", "c");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 1);
    assert_eq!(poll.published(2), [update("7", "c")]);
}

#[test]
fn more_rows_of_one_second_than_a_page_holds() {
    let poll = poll();
    (1..=2_500).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    assert_eq!(Poll::told(&poll.tick()), 2_500);
    let mut ids: Vec<u64> = poll.published(0).iter().map(|(_, id, _)| id.parse().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids, Vec::from_iter(1..=2_500));
}

#[test]
fn what_is_known_just_so_is_not_told() {
    let poll = poll();
    let at = 1_767_258_000;
    for (id, seen, email) in [(1, at, "a"), (2, at - 1, "a"), (3, at, "b"), (4, at + 5, "b")] {
        poll.known(id, seen, email);
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    // 2 is newer, 3 differs; 4 is older than what is known.
    assert_eq!(poll.published(0), [update("2", "a"), update("3", "a")]);
}

#[test]
fn the_cursor_waits_for_the_bus() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.world.bus.down.store(true, Ordering::Relaxed);
    let answer = poll.tick();
    assert_eq!((answer.status.as_u16(), &answer.body["accounts"]), (503, &json!(["acme"])));
    poll.world.bus.down.store(false, Ordering::Relaxed);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
}

#[test]
fn a_save_that_is_shown_late_is_found() {
    let poll = poll();
    poll.save(7, "2026-01-01 10:00:30", "a");
    poll.change(7, |row| row.is_hidden = true);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
    poll.change(7, |row| row.is_hidden = false);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")), 1);
}

#[test]
fn a_late_save_of_the_same_second_is_found_too() {
    let poll = poll();
    poll.save(7, "2026-01-01 10:00:30", "first");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
    poll.save(7, "2026-01-01 10:00:30", "second");
    poll.minute("2026-01-01 10:02:00");
    poll.minute("2026-01-01 10:03:00");
    assert_eq!(poll.published(1), [update("7", "second")]);
}

#[test]
fn the_hour_that_comes_twice() {
    let poll = poll();
    poll.clock("2026-11-01 01:59:00");
    poll.tick();
    poll.save(1, "2026-11-01 01:59:30", "before");
    poll.save(2, "2026-11-01 01:00:10", "after");
    poll.minute("2026-11-01 01:00:20");
    assert_eq!(poll.published(0).len(), 2, "one bears a time that is still to come");
    poll.save(3, "2026-11-01 01:00:50", "again");
    poll.minute("2026-11-01 01:01:20");
    assert!(poll.published(2).contains(&update("3", "again")));
}

#[test]
fn only_what_is_listed_as_deleted_and_not_found_is_told_as_deleted() {
    let poll = poll();
    for id in 1..=4 {
        poll.known(id, 1_767_258_000, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    poll.delete(1, "2026-01-01 10:00:30");
    poll.change(2, |row| row.is_hidden = true);
    poll.save(99, "2026-01-01 10:00:31", "never known");
    poll.delete(99, "2026-01-01 10:00:32");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
    assert_eq!(poll.published(0), [("delete".to_string(), "1".to_string(), Json::Null)]);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
}

#[test]
fn many_deletions_at_once_wait_for_a_person() {
    let mut poll = poll();
    for id in 1..=4 {
        poll.known(id, 1_767_258_000, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    (1..=4).for_each(|id| poll.delete(id, "2026-01-01 10:00:30"));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
    let errors =
        poll.world.state.errors(Some(&account("acme")), true, None, 10).now_or_never().unwrap().unwrap();
    assert_eq!(
        errors.items.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(),
        ["MASS_DELETE"],
        "told once"
    );
    // Somebody has looked, and lets them pass.
    poll.router = router(App { rules: Rules { deletions_max: 10, ..poll.app.rules }, ..poll.app.clone() });
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")), 4);
}

#[test]
fn what_is_refused_is_asked_for_again_until_it_is_shown() {
    let poll = poll();
    let errors = |open_only| {
        let account = account("acme");
        let errors = poll.world.state.errors(Some(&account), open_only, None, 10);
        errors.now_or_never().unwrap().unwrap().items
    };
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.save(8, "2026-01-01 09:00:01", "b");
    poll.change(7, |row| row.is_refused = true);
    assert_eq!(Poll::told(&poll.tick()), 1, "its neighbours do not wait");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 11:00:00")), 0);
    let error = &errors(true)[0];
    assert_eq!((error.code.as_str(), error.attempts), ("INSUFFICIENT_PERMISSION", 1));
    assert!(error.message.contains("customer 7") && error.hint.contains("grant"), "{error:?}");
    poll.change(7, |row| row.is_refused = false);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 12:00:00")), 1);
    assert_eq!(poll.published(1), [update("7", "a")]);
    assert_eq!((errors(true).len(), errors(false).len()), (0, 1));
    let reads = *poll.netsuite.reads.lock().unwrap();
    poll.minute("2026-01-01 13:00:00");
    assert_eq!(*poll.netsuite.reads.lock().unwrap(), reads, "nothing is owed any more");
}

#[test]
fn a_type_that_is_not_shown_keeps_no_other_from_being_polled() {
    let poll = poll();
    poll.netsuite.refused.lock().unwrap().push("customer");
    poll.put(8, "inventoryitem", "2026-01-01 09:00:00", "b");
    poll.put(9, "salesorder", "2026-01-01 09:00:00", "c");
    for minute in 0..6 {
        let answer = poll.minute(&format!("2026-01-01 10:0{minute}:00"));
        assert_eq!((answer.status.as_u16(), &answer.body["accounts"]), (503, &json!(["acme"])));
    }
    assert_eq!(poll.published(0).len(), 2);
}

#[test]
fn rows_that_were_seen_are_not_read_again_and_again() {
    let poll = poll();
    (1..=100).for_each(|id| poll.save(id, "2026-01-01 10:00:30", "a"));
    for minute in 1..=6 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    assert_eq!(*poll.netsuite.reads.lock().unwrap(), 200, "once when young, once when settled");
    let kind = record_type("customer");
    let cursor =
        poll.world.state.poll_cursor(&account("acme"), kind.as_str()).now_or_never().unwrap().unwrap();
    assert!(cursor.is_some_and(|text| text.contains("2026-01-01 10:06:00")));
}

#[test]
fn an_account_that_does_not_exist() {
    assert_eq!(post(&poll().router, "/tick?account=nobody", "").problem(), (404, json!("account")));
}
