//! Pages with much on them: a conflict over 200 fields, 10,000 conflicts, a note of a megabyte.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::fmt::Write as _;
use std::io::Read as _;

use axum::Router;
use axum::body::{Body, Bytes};
use flate2::read::GzDecoder;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use memory_ports::{NOW, World, account, key};
use review::identity::Development;
use review::{App, BODY_MAX_BYTES, EDIT_MAX_BYTES, Identity, LARGE_AT_ONCE, READ_WITHIN_MS, router};
use serde_json::{Map, Value as Json, json};
use shared::domain::absorb::absorb_resolution;
use shared::domain::event::{ChangeEvent, WireChoice};
use shared::domain::id::{RecordKey, Side};
use shared::domain::value::Value;
use shared::pubsub::Topic;
use shared::state::brake;
use shared::state::{Commit, ErrorEntry, ErrorStatus};
use tower::ServiceExt;

const FIELDS: usize = 200;

/// Most that a page may weigh on the wire, files and all, in bytes.
const WEIGHT_MAX: usize = 100 * 1024;

struct Desk {
    world: World,
    router: Router,
}

/// An answer, as it is on the wire and as text.
struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    weight: usize,
    text: String,
}

fn desk(world: World) -> Desk {
    let identity = Identity::Development(Development::new(&world.ports.config));
    Desk { router: router(App { ports: world.ports.clone(), identity }), world }
}

impl Desk {
    /// Sends a request as a browser does, which takes what is packed.
    fn send_as(&self, who: &str, request: http::request::Builder, body: String) -> Shown {
        let request = request.header("cookie", format!("review-as={who}"));
        let request = request.header("accept-encoding", "gzip, deflate, br");
        let request: Request<Body> = request.body(body.into()).unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never().expect("pages do not wait").unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let mut text = String::new();
        if parts.headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes.to_vec()).unwrap();
        }
        Shown { status: parts.status, headers: parts.headers, weight: bytes.len(), text }
    }

    fn get(&self, path: &str) -> Shown {
        self.send_as("rita", Request::get(path), String::new())
    }

    fn post(&self, path: &str, form: String) -> Shown {
        self.send_as("rita", Request::post(path).header("sec-fetch-site", "same-origin"), form)
    }

    /// What a page weighs with the files that it names.
    fn weight(&self, page: &Shown) -> usize {
        let files = page.text.split('"').filter(|part| part.starts_with("/review/assets/"));
        page.weight + files.map(|path| self.get(path).weight).sum::<usize>()
    }
}

/// A type with so many fields on which only a person decides.
fn wide() -> String {
    let mut text = "[type.wide]\nnetsuite = \"customrecord_wide\"\nsuitex = \"wides\"\n\
        delete = { netsuite = \"ask\", suitex = \"propagate\" }\n[type.wide.fields]\n"
        .to_string();
    for n in 0..FIELDS {
        writeln!(
            text,
            "field_{n:03} = {{ type = \"text\", max = 200, policy = \"manual\", risk = \"low\" }}"
        )
        .unwrap();
    }
    text
}

/// What a side holds in a field: as long as an address.
fn held(n: usize, word: &str) -> String {
    format!("Suite {n}, {word} <b>Harbour</b> Street {}, Rotterdam", 1_000 + n)
}

fn values(word: &str) -> Json {
    let fields = (0..FIELDS).map(|n| (format!("field_{n:03}"), json!(held(n, word))));
    Json::Object(Map::from_iter(fields))
}

/// A record whose every field both sides have changed, each to something else.
fn torn(world: &World) -> (RecordKey, String) {
    let key = key("acme", "wide", "7");
    let mut record = world.synced(&key, values("old"));
    world.tell(&mut record, Side::SuiteX, 101, false, &values("west"));
    world.tell(&mut record, Side::NetSuite, 101, false, &values("east"));
    let conflict = world.store(&record, Vec::new()).conflict.expect("they disagree");
    (key, format!("/review/conflicts/{}", conflict.id))
}

#[test]
fn a_conflict_over_200_fields_is_shown_whole_and_weighs_little() {
    let desk = desk(World::of(&wide()));
    let (_, path) = torn(&desk.world);
    let shown = desk.get(&path);
    assert_eq!(shown.status, 200);
    for n in 0..FIELDS {
        for name in [format!("name=\"pick.field_{n:03}\""), format!("name=\"value.field_{n:03}\"")] {
            assert!(shown.text.contains(&name), "{name}");
        }
    }
    assert!(!shown.text.contains("<b>Harbour</b>"), "a value is no markup");
    assert_eq!(shown.headers["content-encoding"], "gzip");
    let weight = desk.weight(&shown);
    assert!(weight <= WEIGHT_MAX, "{weight} bytes on the wire, {} as text", shown.text.len());
    let live = desk.get(&format!("{path}/live?revision=1"));
    assert!(live.status == 200 && live.weight <= WEIGHT_MAX);
}

#[test]
fn a_form_of_200_fields_is_decided_as_it_was_filled_in() {
    let desk = desk(World::of(&wide()));
    let (key, path) = torn(&desk.world);
    let mut record = desk.world.load(&key);
    let mut form = vec![("revision".to_string(), record.conflict.as_ref().unwrap().revision.to_string())];
    let typed = |n: usize| format!("typed & = + \u{1f4e6} {n}");
    for n in 0..FIELDS {
        let pick = ["suitex", "netsuite", "edit", "suggested"][n % 4];
        form.push((format!("pick.field_{n:03}"), pick.into()));
        // A browser sends every box, chosen or not.
        form.push((format!("value.field_{n:03}"), if pick == "edit" { typed(n) } else { held(n, "west") }));
    }
    let suggested = |n: usize| {
        let conflict = record.conflict.as_ref().unwrap();
        conflict.clash(n).unwrap().suggested.clone()
    };
    let expected: Vec<Value> = (0..FIELDS)
        .map(|n| match n % 4 {
            0 => Value::Text(held(n, "west").into()),
            1 => Value::Text(held(n, "east").into()),
            2 => Value::Text(typed(n).into()),
            _ => suggested(n),
        })
        .collect();

    // One is missing: nothing is decided, and all that was typed is still there.
    let whole = serde_urlencoded::to_string(&form).unwrap();
    let lacking = serde_urlencoded::to_string(&form[..form.len() - 2]).unwrap();
    let refused = desk.post(&format!("{path}/resolve"), lacking);
    assert_eq!(refused.status, 422);
    assert!(desk.world.bus.on(Topic::Raw).is_empty() && refused.weight <= WEIGHT_MAX);
    let boxes = (0..FIELDS - 1).filter(|n| n % 4 == 2);
    for n in boxes {
        assert!(refused.text.contains(&typed(n).replace('&', "&amp;")), "what was typed in field {n}");
    }

    let sent = desk.post(&format!("{path}/resolve"), whole);
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let messages = desk.world.bus.on(Topic::Raw);
    let event = ChangeEvent::from_slice(&messages.last().expect("a decision").data).unwrap();
    let decided = event.payload.resolution.unwrap();
    assert_eq!(decided.fields.len(), FIELDS);
    assert_eq!(decided.fields["field_002"], WireChoice::Value(json!(typed(2))));
    let surface = desk.world.surface(&key);
    absorb_resolution(&mut record, &decided.to_domain(&surface).unwrap(), NOW);
    assert_eq!(record.canonical, expected);
    assert!(record.conflict.is_none());
}

#[test]
fn of_10_000_conflicts_a_page_shows_the_most_urgent_and_leads_to_all() {
    let desk = desk(World::new());
    let mut commits = Vec::new();
    for n in 0..10_000 {
        let customer = key("acme", "customer", &format!("{n:05}"));
        let mut record =
            shared::domain::record::Record::new(customer, &desk.world.surface(&key("acme", "customer", "x")));
        for (side, revision, comments) in [
            (Side::SuiteX, 100, "base"),
            (Side::NetSuite, 100, "base"),
            (Side::SuiteX, 101, "sx"),
            (Side::NetSuite, 101, "ns"),
        ] {
            let full = revision == 100;
            desk.world.tell(&mut record, side, revision, full, &json!({"comments": comments}));
        }
        commits.push(Commit { record: Some(record), ..Commit::new(account("acme")) });
    }
    for commit in commits {
        desk.world.commit(commit);
    }
    let (mut path, mut seen, mut pages) = ("/review/?account=acme&kind=conflicts".to_string(), 0, 0);
    loop {
        let shown = desk.get(&path);
        assert_eq!(shown.status, 200);
        assert!(desk.weight(&shown) <= WEIGHT_MAX, "{path}: {} bytes", desk.weight(&shown));
        assert!(shown.text.contains("10,000"), "how many there are");
        seen += shown.text.matches("href=\"/review/conflicts/").count();
        pages += 1;
        let Some((_, next)) = shown.text.split_once("rel=\"next\" href=\"") else { break };
        path = next.split_once('"').unwrap().0.replace("&amp;", "&");
    }
    assert!(seen == 10_000 && pages > 50, "{seen} conflicts on {pages} pages");
}

#[test]
fn no_page_takes_a_reason_of_a_megabyte() {
    let desk = desk(World::new());
    let id = uuid::Uuid::from_u128(7);
    let error = ErrorEntry::open(&account("acme"), id, "validation", "X", "no", "mend", NOW);
    desk.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    let much = "x".repeat(1_000_000);
    let dismissed = desk.post(&format!("/review/errors/{id}/dismiss"), format!("note={much}&state=open-1"));
    assert!(dismissed.status == 422 && dismissed.text.contains("at most 2000 characters"));
    let id = uuid::Uuid::from_u128(8);
    let brake = ErrorEntry::open(&account("acme"), id, brake::CLASS, "MASS_DELETE", "much", "say", NOW);
    desk.world.commit(Commit { errors: vec![brake], ..Commit::new(account("acme")) });
    let request = Request::post(format!("/review/errors/{id}/brake")).header("sec-fetch-site", "same-origin");
    let decided = desk.send_as("ada", request, format!("decision=pass&note={much}&state=open-1"));
    assert!(decided.status == 422 && decided.text.contains("at most 2000 characters"), "{}", decided.status);
    let hold = format!("side=netsuite&do=hold&state=free&reason={much}");
    let request = Request::post("/review/accounts/acme").header("sec-fetch-site", "same-origin");
    let held = desk.send_as("ada", request, hold);
    assert!(held.status == 422 && held.text.contains("at most 2000 characters"), "{}", held.status);
    assert!(desk.world.state.audit(&account("acme")).is_empty(), "nothing was done");
}

#[test]
fn a_note_of_a_megabyte_is_refused_in_words_and_the_choices_stay() {
    let desk = desk(World::of(&wide()));
    let (key, path) = torn(&desk.world);
    let revision = desk.world.load(&key).conflict.unwrap().revision;
    let form = |note: usize| {
        format!(
            "revision={revision}&choice=suitex&pick.field_001=edit&value.field_001=kept&note={}",
            "x".repeat(note)
        )
    };
    let refused = desk.post(&format!("{path}/resolve"), form(1_000_000));
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("at most 2000 characters") && refused.text.contains("kept"), "it says why");
    assert!(refused.text.contains(&"x".repeat(1_000_000)), "what was typed is given back, whole");
    let too_large = desk.post(&format!("{path}/resolve"), form(1_100_000));
    assert_eq!(too_large.status, 413);
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
    assert_eq!(desk.world.load(&key).conflict.map(|conflict| conflict.revision), Some(revision));
}

#[test]
fn a_reason_is_asked_for_to_hold_writes_and_to_let_them_go_and_the_audit_has_it() {
    let desk = desk(World::new());
    let (state, acme) = (&desk.world.state, account("acme"));
    let as_ada = |form: &str| {
        let request = Request::post("/review/accounts/acme").header("sec-fetch-site", "same-origin");
        desk.send_as("ada", request, form.to_string())
    };
    let page = || desk.send_as("ada", Request::get("/review/accounts/acme"), String::new()).text;
    let box_of = |label: &str| {
        let page = page();
        let after = page.split_once(label).unwrap_or_else(|| panic!("no {label}: {page}")).1.to_string();
        assert!(
            after.split_once("<button").unwrap().0.contains("name=\"reason\" required maxlength=\"2000\"")
        );
    };
    box_of("Hold writes to ");
    assert_eq!(as_ada("side=netsuite&do=hold&state=free&reason=++").status, 422, "a reason is needed");
    assert_eq!(as_ada("side=netsuite&do=hold&state=free&reason=month%27s+end").status, 303);
    box_of("Let them go, because");
    let held = format!("people-{}", NOW.0);
    assert!(page().contains(&format!("name=\"state\" value=\"{held}\"")));
    for bad in ["", "&reason=+", &format!("&reason={}", "x".repeat(2_001))] {
        assert_eq!(as_ada(&format!("side=netsuite&do=release&state={held}{bad}")).status, 422, "{bad}");
    }
    // Who has the page from before it was held is told who holds it.
    let late = as_ada("side=netsuite&do=hold&state=free&reason=mine");
    assert_eq!(late.status, 409);
    assert!(
        late.text.contains("held by ada@dev.example since 2026-01-01T00:00:00.000Z: month"),
        "{}",
        late.text
    );
    assert_eq!(as_ada(&format!("side=netsuite&do=release&state={held}&reason=books+are+closed")).status, 303);
    let audit = state.audit(&acme);
    let said: Vec<_> = audit.iter().map(|row| (row.action.as_str(), row.details["why"].as_str())).collect();
    assert_eq!(said, [("suspended", Some("month's end")), ("resumed", Some("books are closed"))]);
}

/// An error whose message has so many bytes, and an edit of it of about as many.
fn stuck(desk: &Desk, bytes: usize) -> (uuid::Uuid, Json) {
    let id = uuid::Uuid::from_u128(9);
    let event = |email: &str| {
        json!({"eventId": uuid::Uuid::from_u128(10), "accountId": "acme", "recordType": "customer", "recordId": "5",
            "source": "suitex", "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 7,
            "payload": {"changes": {"email": email}}, "metadata": {"scan": "x".repeat(bytes)}})
    };
    let mut error = ErrorEntry::open(&account("acme"), id, "validation", "X", "no", "mend", NOW);
    error.payload = Some(event("no address").to_string());
    desk.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    (id, json!({"event": event("a@b.c"), "note": "the address was mistyped"}))
}

fn edit(id: uuid::Uuid, who: &str) -> http::request::Builder {
    Request::post(format!("/api/v1/errors/{id}/edit?as={who}")).header("if-match", "\"open-1\"")
}

#[test]
fn a_message_of_three_megabytes_is_edited_and_tried_again() {
    let desk = desk(World::new());
    let (id, body) = stuck(&desk, 3_000_000);
    let body = body.to_string();
    assert!(body.len() > BODY_MAX_BYTES * 2);
    let sent = desk.send_as("rita", edit(id, "rita"), body.clone());
    assert_eq!(sent.status, 202, "{}", &sent.text[..sent.text.len().min(500)]);
    let [told] = &desk.world.bus.json(Topic::Raw)[..] else { panic!("one event is sent") };
    assert_eq!(told["payload"]["changes"]["email"], "a@b.c");
    assert_eq!(told["metadata"]["scan"].as_str().unwrap().len(), 3_000_000, "all of it");
    // For this path alone.
    let retried =
        Request::post(format!("/api/v1/errors/{id}/dismiss?as=rita")).header("if-match", "\"retried-1\"");
    assert_eq!(desk.send_as("rita", retried, body).status, 413);
}

#[test]
fn an_edit_that_no_message_can_hold_is_refused_with_how_much_there_may_be() {
    let desk = desk(World::new());
    let (id, body) = stuck(&desk, EDIT_MAX_BYTES);
    let body = body.to_string();
    let told = edit(id, "rita").header("content-length", body.len());
    for request in [edit(id, "rita"), told] {
        let refused = desk.send_as("rita", request, body.clone());
        let limit = format!("the body may have {EDIT_MAX_BYTES} bytes at most");
        assert!(refused.status == 413 && refused.text.contains(&limit), "{}", refused.text);
    }
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn who_may_not_edit_is_told_before_a_byte_is_read_and_few_large_bodies_are_read_at_once() {
    let desk = desk(World::new());
    let (id, body) = stuck(&desk, 10);
    let unread = || {
        Body::from_stream(futures::stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> { panic!("it is read") },
        ))
    };
    for (who, status) in [("vera", 403), ("gus", 404), ("nobody", 401)] {
        let answer = desk.router.clone().oneshot(edit(id, who).body(unread()).unwrap());
        assert_eq!(answer.now_or_never().expect("at once").unwrap().status(), status, "{who}");
    }
    // Bodies that never end, while the time stands still.
    desk.world.clock.stand();
    let endless = || Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let begin = |_| {
        let mut asked = Box::pin(desk.router.clone().oneshot(edit(id, "rita").body(endless()).unwrap()));
        assert!((&mut asked).now_or_never().is_none(), "it waits for the body");
        asked
    };
    let mut waiting: Vec<_> = (0..LARGE_AT_ONCE).map(begin).collect();
    let send = || desk.send_as("rita", edit(id, "rita"), body.to_string());
    let full = send();
    assert!(full.status == 503 && full.headers.contains_key("retry-after"), "{}", full.text);
    // One gives up; and the others are given up.
    waiting.pop();
    assert_eq!(send().status, 202);
    desk.world.clock.pass(READ_WITHIN_MS);
    for asked in waiting {
        assert_eq!(asked.now_or_never().expect("its time is over").unwrap().status(), 400);
    }
}

#[test]
fn the_inbox_counts_conflicts_errors_and_questions_of_each_account() {
    let desk = desk(World::new());
    let alike = json!({"companyname": "Ada", "email": "a@b.c"});
    let ada = json!({"company_name": "Ada", "email": "a@b.c"});
    desk.world.ask_which(&key("acme", "customer", "8"), ada, &[("31", alike.clone()), ("32", alike)]);
    let file = |of: &str, n: u128, status| {
        let id = uuid::Uuid::from_u128(n);
        let open = ErrorEntry::open(&account(of), id, "validation", "X", "no", "mend", NOW);
        let errors = vec![ErrorEntry { status, ..open }];
        desk.world.commit(Commit { errors, ..Commit::new(account(of)) });
    };
    file("acme", 1, ErrorStatus::Open);
    file("acme", 2, ErrorStatus::Open);
    file("acme", 3, ErrorStatus::Closed);
    let counted = |who: &str, path: &str, counts: &[&str]| {
        let shown = desk.send_as(who, Request::get(path), String::new()).text;
        for count in counts {
            assert!(shown.contains(count), "{who} {path}: {count}: {shown}");
        }
    };
    let of_acme = ["Everything<b>3</b>", "Conflicts<b>0</b>", "Errors<b>2</b>", "Which is it?<b>1</b>"];
    counted("rita", "/review/", &of_acme);
    counted("ada", "/review/", &["acme<b>3</b>", "globex<b>0</b>", of_acme[0]]);
    counted("ada", "/review/?account=globex", &["Everything<b>0</b>", "Errors<b>0</b>"]);
    counted("gus", "/review/", &["Everything<b>0</b>", "Which is it?<b>0</b>"]);
    // What belongs to no account is counted for who sees it.
    file("unknown", 9, ErrorStatus::Open);
    counted("ada", "/review/", &["Everything<b>4</b>", "Errors<b>3</b>", "acme<b>3</b>"]);
    counted("rita", "/review/", &of_acme);
}
