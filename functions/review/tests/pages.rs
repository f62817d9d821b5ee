//! The pages: shown, and what their forms do. Browsers are in tests/browser.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use memory_ports::{World, key};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::json;
use shared::domain::absorb::absorb_resolution;
use shared::domain::conflict::Conflict;
use shared::domain::event::{ChangeEvent, WireChoice};
use shared::domain::id::{RecordKey, Side, Version, derived_id};
use shared::pubsub::Topic;
use shared::state::{Commit, ErrorEntry, HistoryDecision, HistoryRow};
use tower::ServiceExt;

struct Desk {
    world: World,
    router: Router,
    customer: RecordKey,
}

/// An answer, as text.
struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

/// A customer of a wicked name whose comments and credit limit were changed on both sides.
fn desk() -> Desk {
    let world = World::new();
    let customer = key("acme", "customer", "7");
    let name = "<script>alert(1)</script>";
    let mut record =
        world.synced(&customer, json!({"company_name": name, "comments": "base", "credit_limit": "1"}));
    world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "sx", "credit_limit": "2"}));
    world.tell(&mut record, Side::NetSuite, 101, false, &json!({"comments": "ns", "credit_limit": "3"}));
    world.store(&record, Vec::new());
    let identity = Identity::Development(Development::new(&world.ports.config));
    Desk { router: router(App { ports: world.ports.clone(), identity }), world, customer }
}

fn decision(field: &str, rule: &str) -> HistoryDecision {
    let (base, ours) = (json!("base"), json!("ours"));
    HistoryDecision {
        field: field.into(),
        rule: rule.into(),
        from: base.clone(),
        base,
        to: ours.clone(),
        ours,
    }
}

impl Desk {
    fn conflict(&self) -> Conflict {
        self.world.load(&self.customer).conflict.expect("it is open")
    }

    fn path(&self) -> String {
        format!("/review/conflicts/{}", self.conflict().id)
    }

    fn ask(&self, who: &str, request: http::request::Builder, body: String) -> Shown {
        let request = request.header("cookie", format!("review-as={who}"));
        let request: Request<Body> = request.body(body.into()).unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never().expect("pages do not wait").unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Shown { status: parts.status, headers: parts.headers, text }
    }

    fn get(&self, path: &str) -> Shown {
        self.ask("rita", Request::get(path), String::new())
    }

    fn post(&self, path: &str, form: &str) -> Shown {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        self.ask("rita", request, form.to_string())
    }

    /// The decision that was published last.
    fn published(&self) -> ChangeEvent {
        let messages = self.world.bus.on(Topic::Raw);
        ChangeEvent::from_slice(&messages.last().expect("a decision").data).unwrap()
    }

    /// Does what merge does with the last decision.
    fn absorb(&self) {
        let mut record = self.world.load(&self.customer);
        let surface = self.world.surface(&self.customer);
        let event = self.published();
        let resolution = event.payload.resolution.clone().unwrap().to_domain(&surface).unwrap();
        absorb_resolution(&mut record, &resolution, memory_ports::NOW);
        let opened = derived_id("test", &["101", "netsuite"]);
        let history =
            [(0, "conflict_opened", "nina", opened), (1, "resolved", event.actor().unwrap(), event.event_id)];
        let history = history.map(|(later, rule, actor, event)| HistoryRow {
            version: Version(record.version.0 + later),
            at: memory_ports::NOW,
            source: "review".into(),
            actor: Some(actor.into()),
            events: vec![event],
            decisions: ["comments", "credit_limit"].map(|field| decision(field, rule)).into(),
        });
        record.version = Version(record.version.0 + 1);
        let history = history.into();
        self.world.commit(Commit {
            record: Some(record),
            history,
            ..Commit::new(memory_ports::account("acme"))
        });
    }

    /// Has somebody edit the record in NetSuite while it is in conflict.
    fn edit_meanwhile(&self, comments: &str) {
        let mut record = self.world.load(&self.customer);
        self.world.tell(&mut record, Side::NetSuite, 102, false, &json!({"comments": comments}));
        self.world.store(&record, Vec::new());
    }
}

#[test]
fn every_page_is_html_that_loads_nothing_from_elsewhere_and_is_kept_by_nobody() {
    let desk = desk();
    let mut error = ErrorEntry::open(
        &memory_ports::account("acme"),
        uuid::Uuid::from_u128(9),
        "validation",
        "BAD",
        "<img src=x onerror=alert(1)>",
        "Mend it.",
        memory_ports::NOW,
    );
    error.record = Some(desk.customer.clone());
    desk.world.commit(Commit { errors: vec![error], ..Commit::new(memory_ports::account("acme")) });
    for path in [
        "/review/",
        "/review/?account=acme&kind=conflicts",
        "/review/?kind=errors",
        &desk.path(),
        "/review/records",
        "/review/records?q=ns-7",
        "/review/records/acme/customer/7",
        "/review/records/acme/customer/7?why=comments",
        "/review/records/acme/customer/suitex:sx-7",
        "/review/errors",
        "/review/errors/00000000-0000-0000-0000-000000000009",
        "/review/accounts",
        "/review/accounts/acme",
        "/review/audit",
        "/review/bulk",
        "/review/bulk?rule=suitex_wins&plan=1",
    ] {
        let shown = desk.get(path);
        assert_eq!(shown.status, 200, "{path}: {}", shown.text);
        assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8", "{path}");
        assert_eq!(shown.headers["cache-control"], "no-store", "{path}");
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(!shown.text.contains("<script>") && !shown.text.contains("<img"), "{path}: {}", shown.text);
        assert!(!shown.text.contains(" style=") && !shown.text.contains(" onclick="), "{path}");
        assert!(shown.text.contains("Development identity"), "{path}: it says that nobody signs in");
    }
    let nowhere = desk.get("/review/nowhere");
    assert!(nowhere.status == 404 && nowhere.text.contains("There is no such page"), "{}", nowhere.text);
    let api = desk.get("/review/api/v1/nowhere");
    assert_eq!(
        (api.status.as_u16(), &api.headers["content-type"]),
        (404, &"application/problem+json".parse().unwrap())
    );
    let root = desk.get("/");
    assert_eq!((root.status.as_u16(), &root.headers["location"]), (307, &"/review/".parse().unwrap()));
}

#[test]
fn a_decision_is_sent_as_it_was_typed_and_twice_is_once() {
    let desk = desk();
    let form = "revision=1&pick.comments=edit&value.comments=both%0D%0Aof+them&pick.credit_limit=suitex&note=+called+";
    let form = form.replace("revision=1", &format!("revision={}", desk.conflict().revision));
    let (path, resolve) = (desk.path(), format!("{}/resolve", desk.path()));
    let there = format!("{path}?sent={}", desk.conflict().revision);
    let first = desk.post(&resolve, &form);
    assert_eq!((first.status, first.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, &*there));
    let event = desk.published();
    let decided = event.payload.resolution.clone().unwrap();
    assert_eq!(decided.fields["comments"], WireChoice::Value(json!("both\nof them")));
    assert_eq!(decided.fields["credit_limit"], WireChoice::Suitex);
    assert_eq!(event.actor(), Some("rita@dev.example"));
    assert_eq!(event.auth_context["note"], "called");
    desk.post(&resolve, &form);
    assert_eq!(desk.published().event_id, event.event_id, "a second click is the same event");
    assert!(desk.get(&there).text.contains("on its way"));

    desk.absorb();
    let third = desk.post(&resolve, &form);
    assert_eq!((third.status, third.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, &*path));
    assert_eq!(desk.get(&path).status, 200, "what is over is shown as it ended");
    assert_eq!(desk.world.bus.on(Topic::Raw).len(), 2);
}

#[test]
fn a_stale_form_is_refused_and_comes_back_with_all_that_was_typed() {
    let desk = desk();
    let seen = desk.conflict().revision;
    desk.edit_meanwhile("ns again");
    let form = format!(
        "revision={seen}&pick.comments=edit&value.comments=typed+with+care&pick.credit_limit=netsuite&note=why"
    );
    let shown = desk.post(&format!("{}/resolve", desk.path()), &form);
    assert_eq!(shown.status, 409);
    for kept in ["typed with care", "\nwhy</textarea>", "moved on while you were deciding", "ns again"] {
        assert!(shown.text.contains(kept), "{kept}: {}", shown.text);
    }
    let now_at = format!("name=\"revision\" value=\"{}\"", desk.conflict().revision);
    assert!(shown.text.contains(&now_at), "applied once more, it is judged on what it shows: {}", shown.text);
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn what_a_field_cannot_take_is_said_and_nothing_typed_is_lost() {
    let desk = desk();
    let revision = desk.conflict().revision;
    for (typed, said) in [
        ("pick.comments=suitex&pick.credit_limit=edit&value.credit_limit=a+lot", "a lot"),
        ("pick.comments=suitex&note=unfinished", "needs a decision"),
        ("pick.comments=mine&pick.credit_limit=suitex&note=x", "cannot be chosen"),
    ] {
        let shown = desk.post(&format!("{}/resolve", desk.path()), &format!("revision={revision}&{typed}"));
        assert_eq!(shown.status, 422, "{typed}");
        assert!(
            shown.text.contains(said) && shown.text.contains("role=\"alert\""),
            "{typed}: {}",
            shown.text
        );
    }
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn who_may_not_decide_finds_no_form_and_is_refused() {
    let desk = desk();
    let path = desk.path();
    let viewed = desk.ask("vera", Request::get(&*path), String::new());
    assert!(
        viewed.status == 200
            && viewed.text.contains("You may look")
            && !viewed.text.contains("id=\"decide\"")
    );
    let form = format!("revision={}&choice=suitex", desk.conflict().revision);
    let post = || Request::post(format!("{path}/resolve")).header("sec-fetch-site", "same-origin");
    assert_eq!(desk.ask("vera", post(), form.clone()).status, 403);
    let other = desk.ask("gus", post(), form.clone());
    assert!(
        other.status == 404 && !other.text.contains("acme"),
        "another account's is not there: {}",
        other.text
    );
    let cross = Request::post(format!("{path}/resolve")).header("sec-fetch-site", "cross-site");
    assert_eq!(desk.ask("rita", cross, form).status, 403);
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn what_would_be_written_is_told_before_anything_is() {
    let desk = desk();
    let writes = |typed: &str| {
        let form = format!("revision={}&{typed}", desk.conflict().revision);
        let shown = desk.post(&format!("{}/writes", desk.path()), &form);
        assert_eq!(shown.status, 200);
        shown.text
    };
    assert!(writes("pick.comments=suitex").contains("Choose for everything"));
    let told = writes("choice=suitex");
    let (suitex, netsuite) = told.split_once("class=\"netsuite\"").expect("both sides are told");
    assert!(suitex.contains("it holds this already"), "{told}");
    assert!(netsuite.contains("Comments") && netsuite.contains("<ins>sx</ins>"), "{told}");
    assert!(
        writes("choice=suitex&pick.credit_limit=edit&value.credit_limit=a+lot").contains("Credit limit: ")
    );
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn a_page_that_is_open_hears_what_is_new_and_only_that() {
    let desk = desk();
    let seen = desk.conflict().revision;
    let live = format!("{}/live?revision={seen}", desk.path());
    let first = desk.get(&live);
    assert!(first.status == 200 && !first.text.contains("just changed"), "{}", first.text);
    let tag = first.headers["etag"].to_str().unwrap().to_string();
    let again =
        |tag: &str| desk.ask("rita", Request::get(&*live).header("if-none-match", tag), String::new());
    assert_eq!(again(&tag).status, 304);
    desk.edit_meanwhile("ns again");
    let changed = again(&tag);
    assert!(changed.status == 200 && changed.text.contains("This has just changed"), "{}", changed.text);
    let sent = desk.get(&format!("{live}&sent=1"));
    assert_eq!(
        sent.headers["x-over"].to_str().unwrap(),
        format!("{}?sent={seen}", desk.path()),
        "a decision that came too late leads back, to what has changed since"
    );
}

#[test]
fn many_are_decided_as_they_were_planned() {
    let desk = desk();
    let planned = desk.get("/review/bulk?account=acme&rule=netsuite_wins&plan=1").text;
    assert!(planned.contains("The plan: 1 conflict"), "{planned}");
    let field = |name: &str| {
        let field = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let from = planned.split_once(&field).expect("a field of the plan").1;
        from.split_once('"').unwrap().0.to_string()
    };
    let form = format!(
        "plan={}&rule={}&items={}&note=tidy",
        field("plan"),
        field("rule"),
        field("items").replace(' ', "+")
    );
    desk.edit_meanwhile("ns again");
    let left = desk.post("/review/bulk", &form);
    assert!(left.text.contains("0 decisions") && left.text.contains("1 conflict left"), "{}", left.text);
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn files_have_their_content_in_their_name_and_are_kept_for_good() {
    let desk = desk();
    let page = desk.get("/review/").text;
    let paths: Vec<&str> = page.split('"').filter(|part| part.starts_with("/review/assets/")).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    for path in paths {
        let file = desk.get(path);
        assert_eq!(file.status, 200, "{path}");
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"), "{path}");
        assert!(file.text.len() < 30_000, "{path} has {} bytes", file.text.len());
    }
    assert_eq!(desk.get("/review/assets/000000000000.css").status, 404);
}
