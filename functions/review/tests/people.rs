//! Who may see and do what: every route, every role.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{HeaderMap, Method, Request};
use memory_ports::{Answer, NOW, World, account, ask, get, key};
use review::identity::Development;
use review::{App, Identity, openapi, router};
use serde_json::{Value as Json, json};
use shared::domain::id::Side;
use shared::domain::surface::SyncConfig;
use shared::pubsub::Topic;
use shared::runtime::identity::{Identified, Identify};
use shared::runtime::problem::Problem;
use shared::state::desk::{AuditFilter, Desk as _};
use shared::state::notices::Topic as About;
use shared::state::{Commit, ErrorEntry, Notice};
use uuid::Uuid;

struct Desk {
    world: World,
    router: Router,
    conflict: Uuid,
    error: Uuid,
    question: Uuid,
    notice: Uuid,
}

/// An account with a record in conflict, an error, a question who is who, and a notice.
fn desk() -> Desk {
    let world = World::new();
    let customer = key("acme", "customer", "7");
    let mut record = world.synced(&customer, json!({"comments": "base"}));
    world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "sx"}));
    world.tell(&mut record, Side::NetSuite, 101, false, &json!({"comments": "ns"}));
    let conflict = record.conflict.as_ref().expect("a conflict").id;
    world.store(&record, Vec::new());
    let error = Uuid::from_u128(7);
    let mut commit = Commit::new(account("acme"));
    commit.errors.push(ErrorEntry::open(&account("acme"), error, "validation", "X", "no", "mend", NOW));
    let notice = Notice::new(&account("acme"), About::Error, "error:7", "", "acme: no", NOW);
    commit.notices.push(notice.clone());
    world.commit(commit);
    let alike = json!({"companyname": "Ada", "email": "a@b.c"});
    let candidates = [("31", alike.clone()), ("32", alike)];
    let ada = json!({"company_name": "Ada", "email": "a@b.c"});
    let question = world.ask_which(&key("acme", "customer", "8"), ada, &candidates).id();
    let identity = Identity::Development(Development::new(&world.ports.config));
    let router = router(App { ports: world.ports.clone(), identity });
    Desk { world, router, conflict, error, question, notice: notice.id }
}

impl Desk {
    /// A documented path with what there is in place of its parts.
    fn path(&self, template: &str) -> String {
        let id = match template {
            path if path.starts_with("/errors") => self.error,
            path if path.starts_with("/ambiguous") => self.question,
            path if path.starts_with("/notices") => self.notice,
            _ => self.conflict,
        };
        let record = template.starts_with("/records");
        template
            .replace("{account}", "acme")
            .replace("{type}", "customer")
            .replace("{field}", "comments")
            .replace("{side}", "netsuite")
            .replace("{id}", &if record { "7".to_string() } else { id.to_string() })
    }

    fn send(&self, method: &Method, template: &str, who: &str) -> Answer {
        let query = match template {
            "/search" => "&id=7",
            path if path.ends_with("/changes") => "&since=0",
            _ => "",
        };
        let uri = format!("/api/v1{}?as={who}{query}", self.path(template));
        let body =
            if *method == Method::GET { Body::empty() } else { Body::from(body_of(template).to_string()) };
        let request = Request::builder().method(method).uri(uri).header("if-match", tag_of(template));
        ask(&self.router, request.body(body).unwrap())
    }
}

fn tag_of(template: &str) -> &'static str {
    if template.starts_with("/errors") { "\"open-1\"" } else { "\"1\"" }
}

fn body_of(template: &str) -> Json {
    match template.rsplit('/').next().unwrap_or_default() {
        "resolve" | "preview" => json!({"choice": "suitex"}),
        "route" => json!({"policy": "latest_wins"}),
        "assign" => json!({"assignee": "rita@dev.example", "was": null}),
        "override" => json!({"fields": {"comments": "x"}, "note": "because"}),
        "edit" => json!({"note": "because", "event": {}}),
        "brake" => json!({"decision": "pass", "note": "because"}),
        "suspend" | "resume" | "dismiss" => json!({"note": "because"}),
        "decide" => json!({"revision": 1, "choice": {"link": "31"}}),
        "plan" => json!({"policy": "suitex_wins"}),
        "apply" => json!({
            "plan": Uuid::nil(), "policy": "suitex_wins", "items": [{"conflictId": Uuid::nil(), "conflictRevision": 1}]
        }),
        _ => json!({}),
    }
}

/// Every route that is described.
fn routes() -> Vec<(Method, String)> {
    let described = serde_json::to_value(openapi()).unwrap();
    let paths = described["paths"].as_object().unwrap().iter();
    let routes = paths.flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .keys()
            .map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    routes.collect()
}

#[test]
fn nobody_is_heard_who_is_nobody() {
    let desk = desk();
    for (method, path) in routes() {
        assert_eq!(desk.send(&method, &path, "nobody").problem(), (401, json!("as")), "{method} {path}");
    }
    assert!(routes().len() >= 34);
}

#[test]
fn another_account_is_not_there() {
    let desk = desk();
    for (method, path) in routes() {
        let answer = desk.send(&method, &path, "gus");
        let about_all = matches!(
            path.as_str(),
            "/conflicts" | "/errors" | "/ambiguous" | "/notices" | "/accounts" | "/search" | "/me"
        ) || path.starts_with("/conflicts/plan");
        if path == "/conflicts/apply" {
            assert_eq!(answer.problem().0, 409, "{path}");
        } else if about_all {
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert!(!answer.body.to_string().contains("acme"), "{path}: {}", answer.body);
        } else {
            assert_eq!(answer.problem().0, 404, "{method} {path}: {answer:?}");
        }
    }
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
    assert!(desk.world.state.audit(&account("acme")).is_empty());
}

#[test]
fn each_role_does_what_it_may_and_no_more() {
    const RESOLVERS: [&str; 8] =
        ["/resolve", "/route", "/assign", "/retry", "/edit", "/dismiss", "/decide", "/acknowledge"];
    const ADMINS: [&str; 4] = ["/override", "/suspend", "/resume", "/brake"];
    let ends = |path: &str, of: &[&str]| of.iter().any(|end| path.ends_with(end));
    for (who, may_resolve, may_admin) in [("vera", false, false), ("rita", true, false), ("ada", true, true)]
    {
        for (method, path) in routes() {
            let desk = desk();
            let answer = desk.send(&method, &path, who);
            let allowed = match () {
                () if ends(&path, &RESOLVERS) => may_resolve,
                () if ends(&path, &ADMINS) => may_admin,
                () => true,
            };
            match allowed {
                true => assert_ne!(answer.status, 403, "{who}: {method} {path}: {answer:?}"),
                false => assert_eq!(answer.problem().0, 403, "{who}: {method} {path}: {answer:?}"),
            }
            if !allowed {
                assert!(desk.world.bus.on(Topic::Raw).is_empty(), "{who}: {path}");
                assert!(desk.world.state.audit(&account("acme")).is_empty(), "{who}: {path}");
            }
            assert!(answer.status.as_u16() < 500, "{who}: {method} {path}: {answer:?}");
        }
    }
}

#[test]
fn a_cookie_says_who_one_is_and_the_address_says_it_better() {
    let desk = desk();
    let me = |uri: &str, cookie: &str| {
        let request = Request::get(uri).header("cookie", cookie).body(Body::empty()).unwrap();
        ask(&desk.router, request).body
    };
    assert_eq!(me("/api/v1/me", "")["email"], "ada@dev.example");
    assert_eq!(me("/api/v1/me", "a=b; review-as=vera; c=d")["name"], "Vera Viewer");
    assert_eq!(me("/review/api/v1/me?as=rita", "review-as=vera")["roles"], json!({"acme": "resolver"}));
    assert_eq!(me("/api/v1/me", "review-as=vera")["development"], true);
}

/// Says that everybody is the person of their `x-email`.
struct Told;

#[async_trait]
impl Identify for Told {
    async fn identify(&self, headers: &HeaderMap) -> Result<Identified, Problem> {
        let email = headers.get("x-email").ok_or_else(|| Problem::unauthorized("sign in"))?;
        Ok(Identified { email: email.to_str().unwrap().into(), name: None })
    }
}

#[test]
fn roles_come_from_the_configuration_and_made_up_people_do_not_exist() {
    let world = World::new();
    let text = include_str!("../../../config/sync.toml").replace(
        "[account.globex]",
        "[account.acme.people]\nviewer = [\"*@acme.example\"]\nadmin = [\"Ada@acme.example\"]\n\n[account.globex]",
    );
    let mut ports = world.ports.clone();
    ports.edge.config = Arc::new(SyncConfig::parse(&text).unwrap());
    let router = router(App { ports, identity: Identity::Verified(Arc::new(Told)) });
    let me = |email: &str| {
        let request = Request::get("/api/v1/me?as=ada").header("x-email", email).body(Body::empty()).unwrap();
        ask(&router, request)
    };
    assert_eq!(me("vera@acme.example").body["roles"], json!({"acme": "viewer"}));
    assert_eq!(me("ADA@ACME.EXAMPLE").body["roles"], json!({"acme": "admin"}));
    assert_eq!(me("ada@dev.example").body["roles"], json!({}), "nobody in production");
    assert_eq!(me("vera@acme.example").body["development"], false);
    assert_eq!(me("no address").problem().0, 403);
    assert_eq!(get(&router, "/api/v1/me?as=ada").problem().0, 401);
}

#[test]
fn what_one_does_is_in_the_audit_with_who_when_why_from_and_to() {
    let desk = desk();
    let post = |path: String, body: Json| {
        let request = Request::post(path).header("if-match", "\"free.free\"");
        ask(&desk.router, request.body(Body::from(body.to_string())).unwrap())
    };
    let assigned = post(
        format!("/api/v1/conflicts/{}/assign?as=rita", desk.conflict),
        json!({"assignee": "RITA@dev.example", "was": null, "note": "mine"}),
    );
    assert_eq!((assigned.status.as_u16(), &assigned.body["assignee"]), (200, &json!("rita@dev.example")));
    let held = post("/api/v1/accounts/acme/netsuite/suspend?as=ada".into(), json!({"note": "month's end"}));
    assert_eq!(held.body, json!({"side": "netsuite", "held": true}));
    let shown = get(&desk.router, "/api/v1/accounts/acme").body;
    assert_eq!(shown["holds"]["netsuite"]["reason"], "month's end");
    assert_eq!(shown["holds"]["suitex"], Json::Null);
    let audit = get(&desk.router, "/api/v1/audit/acme?as=vera").body;
    let rows = audit["items"].as_array().unwrap();
    assert_eq!(
        rows[1],
        json!({
            "at": "2026-01-01T00:00:00.000Z", "actor": "rita@dev.example", "action": "assigned",
            "subject": format!("conflict:{}", desk.conflict),
            "details": {"from": null, "to": "rita@dev.example", "why": "mine"},
        })
    );
    assert_eq!((&rows[0]["action"], &rows[0]["subject"]), (&json!("suspended"), &json!("account:netsuite")));
    assert_eq!(rows[0]["details"]["why"], "month's end");
    let by = get(&desk.router, "/api/v1/audit/acme?actor=rita@dev.example").body;
    assert_eq!(by["items"].as_array().unwrap().len(), 1);
    what_is_done_about_an_error(&desk);
    let filter = AuditFilter::default();
    let stored =
        desk.world.state.audit_of(&account("acme"), &filter, None, 9).now_or_never().unwrap().unwrap();
    assert_eq!(stored.len(), 4);
}

/// Tried again, and dismissed.
fn what_is_done_about_an_error(desk: &Desk) {
    let id = Uuid::from_u128(77);
    let mut error = ErrorEntry::open(&account("acme"), id, "malformed", "X", "no", "mend", memory_ports::NOW);
    error.payload = Some("{".into());
    desk.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    for (verb, seen, why) in [("retry", "\"open-1\"", "mended"), ("dismiss", "\"retried-1\"", "a test")] {
        let request = Request::post(format!("/api/v1/errors/{id}/{verb}?as=rita")).header("if-match", seen);
        let done = ask(&desk.router, request.body(Body::from(json!({"note": why}).to_string())).unwrap());
        assert_eq!(done.status, 200, "{verb}: {done:?}");
    }
    let rows = get(&desk.router, "/api/v1/audit/acme?as=vera").body["items"].clone();
    for (at, action, from, to, why) in
        [(1, "retry", "open", "retried", "mended"), (0, "dismiss", "retried", "closed", "a test")]
    {
        let (row, details) = (&rows[at], &rows[at]["details"]);
        assert_eq!((&row["action"], &row["actor"]), (&json!(action), &json!("rita@dev.example")));
        assert_eq!(row["subject"], json!(format!("error:{id}")));
        assert_eq!(
            (&details["from"], &details["to"], &details["why"]),
            (&json!(from), &json!(to), &json!(why)),
            "{row}"
        );
    }
}

#[test]
fn a_conflict_is_given_to_resolvers_alone_and_only_once() {
    let desk = desk();
    let assign = |body: Json| {
        let path = format!("/api/v1/conflicts/{}/assign", desk.conflict);
        ask(&desk.router, Request::post(path).body(Body::from(body.to_string())).unwrap())
    };
    for bad in ["vera@dev.example", "gus@dev.example", "nobody@x.example", "x"] {
        let answer = assign(json!({"assignee": bad, "was": null}));
        assert_eq!(answer.problem(), (422, json!("assignee")), "{bad}");
    }
    assert_eq!(assign(json!({"assignee": "rita@dev.example"})).problem(), (428, json!("was")));
    assert_eq!(assign(json!({"assignee": "rita@dev.example", "was": null})).status, 200);
    let late = assign(json!({"assignee": "ada@dev.example", "was": null}));
    assert_eq!((late.problem().0, &late.body["conflict"]["assignee"]), (409, &json!("rita@dev.example")));
    let last = &late.body["last"];
    assert_eq!(
        (&last["actor"], &last["at"]),
        (&json!("ada@dev.example"), &json!("2026-01-01T00:00:00.000Z"))
    );
    assert!(late.body["detail"].as_str().unwrap().contains("rita@dev.example’s, by ada@dev.example at"));
    let list = |query: &str| {
        get(&desk.router, &format!("/api/v1/conflicts?{query}")).body["items"].as_array().unwrap().len()
    };
    assert_eq!((list("assignee=me&as=rita"), list("assignee=me"), list("assignee=nobody")), (1, 0, 0));
    let given = json!({"assignee": null, "was": "rita@dev.example"});
    assert_eq!(assign(given).body["assignee"], Json::Null);
}

#[test]
fn of_two_who_hold_writes_or_let_them_go_the_first_has_and_the_other_hears_who() {
    let desk = desk();
    let send = |verb: &str, who: &str, tag: Option<&str>| {
        let path = format!("/api/v1/accounts/acme/netsuite/{verb}?as={who}");
        let request = tag.iter().fold(Request::post(path), |request, tag| request.header("if-match", *tag));
        ask(&desk.router, request.body(Body::from(json!({"note": "month's end"}).to_string())).unwrap())
    };
    let tag = || get(&desk.router, "/api/v1/accounts/acme").headers["etag"].to_str().unwrap().to_string();
    let free = tag();
    assert_eq!(send("suspend", "ada", None).problem(), (428, json!("If-Match")));
    assert_eq!(send("suspend", "ada", Some(&free)).body, json!({"side": "netsuite", "held": true}));
    let late = send("suspend", "ada", Some(&free));
    assert_eq!((late.problem().0, &late.body["holds"]["hold"]["reason"]), (412, &json!("month's end")));
    assert_eq!(late.body["holds"]["last"]["action"], "suspended");
    // Who has seen it held, and holds it again: the first reason stands.
    let held = tag();
    let again = send("suspend", "ada", Some(&held));
    assert_eq!((again.problem().0, &again.body["holds"]["hold"]["actor"]), (409, &json!("ada@dev.example")));
    assert!(again.body["detail"].as_str().unwrap().contains("held by ada@dev.example since"));
    // Another side's hold is another matter.
    let other = Request::post("/api/v1/accounts/acme/suitex/suspend").header("if-match", &free);
    let other = other.body(Body::from(json!({"note": "too"}).to_string())).unwrap();
    assert_eq!(ask(&desk.router, other).status, 200);
    assert_eq!(send("resume", "ada", Some(&held)).body, json!({"side": "netsuite", "held": false}));
    let late = send("resume", "ada", Some(&held));
    assert_eq!((late.problem().0, &late.body["holds"]["hold"]), (412, &Json::Null));
    let over = send("resume", "ada", Some(&tag()));
    assert_eq!((over.problem().0, &over.body["holds"]["last"]["action"]), (409, &json!("resumed")));
    assert_eq!(desk.world.state.audit(&account("acme")).len(), 3, "what was refused is no deed");
}

/// Rust files below a folder.
fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_outside_is_asked_in_these_files_alone_which_take_the_account_from_a_role() {
    // Whoever adds one here has looked that each of its questions names an account that a role has given.
    const MAY_ASK: [&str; 5] =
        ["access/ambiguous.rs", "access/brake.rs", "access/notes.rs", "access/notices.rs", "access/reach.rs"];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let asks = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        // Also where they are handed on whole.
        [
            "ports.state",
            "ports.ledger",
            "ports.publish",
            "ports.blob",
            "ports.buffer",
            "&self.ports,",
            "&self.ports)",
        ]
        .iter()
        .any(|ask| text.contains(ask))
    };
    let found = sources(&root).into_iter().filter(asks);
    let name =
        |path: std::path::PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    let mut found: Vec<String> = found.map(name).collect();
    found.sort();
    assert_eq!(found, MAY_ASK);
}
