//! The API is what it says it is: every route is described, and its answers are as described.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::Request;
use memory_ports::{Answer, NOW, World, account, ask, get, key};
use review::identity::Development;
use review::{App, Identity, openapi, router};
use serde_json::{Value as Json, json};
use shared::domain::id::Side;
use shared::domain::record::{Due, DueReason};
use shared::history;
use shared::state::deliveries::{Channel, Deliveries as _, Delivery, Plan, Recipient, Standing};
use shared::state::notices::Topic;
use shared::state::{Commit, ErrorEntry, Notice};
use uuid::Uuid;

const ROUTES: [&str; 34] = [
    "GET /accounts",
    "GET /accounts/{account}",
    "POST /accounts/{account}/{side}/resume",
    "POST /accounts/{account}/{side}/suspend",
    "GET /ambiguous",
    "GET /ambiguous/{id}",
    "POST /ambiguous/{id}/decide",
    "GET /audit/{account}",
    "GET /census/{account}",
    "GET /conflicts",
    "POST /conflicts/apply",
    "POST /conflicts/plan",
    "GET /conflicts/{id}",
    "POST /conflicts/{id}/assign",
    "GET /conflicts/{id}/changes",
    "POST /conflicts/{id}/preview",
    "POST /conflicts/{id}/resolve",
    "POST /conflicts/{id}/route",
    "GET /deliveries/{account}",
    "GET /errors",
    "GET /errors/{id}",
    "POST /errors/{id}/brake",
    "POST /errors/{id}/dismiss",
    "POST /errors/{id}/edit",
    "POST /errors/{id}/retry",
    "GET /me",
    "GET /notices",
    "POST /notices/{account}/{id}/acknowledge",
    "GET /records/{account}",
    "GET /records/{account}/{type}/{id}",
    "GET /records/{account}/{type}/{id}/history",
    "POST /records/{account}/{type}/{id}/override",
    "GET /records/{account}/{type}/{id}/why/{field}",
    "GET /search",
];

fn described() -> Json {
    serde_json::to_value(openapi()).unwrap()
}

struct Desk {
    router: Router,
    conflict: Uuid,
    revision: u64,
    question: Uuid,
    notice: Uuid,
}

/// A record with everything that a record may have, and an error.
fn desk() -> Desk {
    let world = World::new();
    let customer = key("acme", "customer", "7");
    let mut record = world.synced(&customer, json!({"comments": "base", "company_name": "Acme"}));
    world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "sx", "email": "e@a.example"}));
    let surface = world.surface(&customer);
    let news = {
        let mut copy = record.clone();
        world.tell(&mut copy, Side::NetSuite, 101, false, &json!({"comments": "ns"}));
        copy
    };
    let before = std::mem::replace(&mut record, news);
    let mut report = shared::domain::report::Report::of(Some(Side::NetSuite));
    report.decisions.push(shared::domain::report::Decision {
        field: surface.field("comments"),
        rule: shared::domain::report::Rule::Opened,
        base: before.canonical[0].clone(),
        ours: before.canonical[0].clone(),
        theirs: before.canonical[0].clone(),
        result: before.canonical[0].clone(),
    });
    record.sides.netsuite.due = Some(Due { at: NOW, reason: DueReason::Dirty, attempts: 1 });
    let conflict = record.conflict.clone().expect("a conflict");
    let row = history::row(&record, &report, "netsuite-ue", Some("ann"), vec![Uuid::nil()], NOW, &surface);
    let mut commit = Commit::new(account("acme"));
    commit.record = Some(record);
    commit.history = vec![row];
    let mut error =
        ErrorEntry::open(&account("acme"), Uuid::from_u128(7), "malformed", "X", "no", "mend", NOW);
    error.payload = Some("{".into());
    error.record = Some(customer.clone());
    commit.errors.push(error);
    let brake = Uuid::from_u128(8);
    commit.errors.push(ErrorEntry::open(
        &account("acme"),
        brake,
        "brake",
        "MASS_DELETE",
        "so many",
        "ask",
        NOW,
    ));
    let notice = Notice::new(&account("acme"), Topic::Error, "error:7", "", "acme: no", NOW);
    commit.notices.push(notice.clone());
    world.commit(commit);
    told(&world, &notice);
    let alike = json!({"companyname": "Ada", "email": "a@b.c", "phone": "1"});
    let candidates = [("31", alike.clone()), ("32", alike)];
    let ada = json!({"company_name": "Ada", "email": "a@b.c"});
    let question = world.ask_which(&key("acme", "customer", "8"), ada, &candidates).id();
    let identity = Identity::Development(Development::new(&world.ports.config));
    let router = router(App { ports: world.ports.clone(), identity });
    Desk { router, conflict: conflict.id, revision: conflict.revision, question, notice: notice.id }
}

/// Has a mail that tells the notice be tried in vain.
fn told(world: &World, notice: &Notice) {
    let delivery = Delivery {
        id: Uuid::from_u128(70),
        account: account("acme"),
        to: Recipient { channel: Channel::Email, name: "ops@acme.example".into() },
        topic: Topic::Error,
        notices: 0,
        standing: Standing::Due,
        due_at: NOW,
        attempts: 1,
        created_at: NOW,
        failure: Some("550 no such user".into()),
    };
    let plan =
        Plan { notices: vec![notice.id], new: vec![delivery.clone()], items: vec![(delivery.id, notice.id)] };
    assert!(world.state.plan_deliveries(&account("acme"), plan).now_or_never().unwrap().unwrap());
}

impl Desk {
    fn send(&self, route: &str) -> Answer {
        let (method, template) = route.split_once(' ').unwrap();
        let id = match template {
            path if path.ends_with("/brake") => Uuid::from_u128(8).to_string(),
            path if path.starts_with("/errors") => Uuid::from_u128(7).to_string(),
            path if path.starts_with("/records") => "7".to_string(),
            path if path.starts_with("/ambiguous") => self.question.to_string(),
            path if path.starts_with("/notices") => self.notice.to_string(),
            _ => self.conflict.to_string(),
        };
        let path = template
            .replace("{account}", "acme")
            .replace("{type}", "customer")
            .replace("{field}", "email")
            .replace("{side}", "suitex")
            .replace("{id}", &id);
        let query = match template {
            "/search" => "?id=7",
            path if path.ends_with("/changes") => "?since=0",
            _ => "",
        };
        let body = match template.rsplit('/').next().unwrap_or_default() {
            "resolve" | "preview" => json!({"choice": "suitex", "conflictRevision": self.revision}),
            "route" => json!({"policy": "latest_wins", "conflictRevision": self.revision}),
            "assign" => json!({"assignee": "rita@dev.example", "was": null}),
            "override" => json!({"version": 2, "fields": {"phone": "x"}, "note": "because"}),
            "edit" => json!({"note": "because", "event": {"recordType": "customer", "recordId": "sx-7",
                "source": "suitex", "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
                "payload": {"changes": {"phone": "1"}}}}),
            "brake" => json!({"decision": "discard", "note": "because"}),
            "suspend" | "resume" | "dismiss" => json!({"note": "because"}),
            "decide" => json!({"revision": 1, "choice": {"link": "31"}, "note": "by phone"}),
            "plan" => json!({"policy": "suitex_wins"}),
            "apply" => return self.apply(),
            _ => Json::Null,
        };
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(format!("/api/v1{path}{query}"));
        let tag = match template {
            path if path.starts_with("/errors") => Some("\"open-1\"".to_string()),
            path if path.ends_with("/suspend") => Some("\"free.free\"".to_string()),
            path if path.ends_with("/resume") => {
                self.send("POST /accounts/{account}/{side}/suspend");
                Some(format!("\"free.people-{}\"", NOW.0))
            }
            _ => None,
        };
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        ask(&self.router, request.body(body).unwrap())
    }

    fn apply(&self) -> Answer {
        let planned = self.send("POST /conflicts/plan").body;
        let judged = json!([{"conflictId": self.conflict, "conflictRevision": self.revision}]);
        let body = json!({"plan": planned["plan"], "policy": "suitex_wins", "items": judged});
        let request = Request::post("/api/v1/conflicts/apply").body(Body::from(body.to_string()));
        ask(&self.router, request.unwrap())
    }
}

#[test]
fn every_route_is_described() {
    let paths = described()["paths"].as_object().unwrap().clone();
    let routes = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut routes: Vec<String> = routes.collect();
    routes.sort_by_key(|route| {
        route.split_once(' ').map(|(method, path)| (path.to_string(), method.to_string()))
    });
    assert_eq!(routes, ROUTES);
    let desk = desk();
    for prefix in ["/api/v1", "/review/api/v1"] {
        assert_eq!(get(&desk.router, &format!("{prefix}/openapi.json")).body, described());
    }
}

/// What is wrong with `body`, as an answer of this status.
fn wrong(route: &str, status: u16, body: &Json) -> Option<String> {
    let description = described();
    let (method, path) = route.split_once(' ').unwrap();
    let answer = &description["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
    let content = answer["content"].as_object()?;
    let mut schema = content.values().next()?["schema"].clone();
    schema["components"] = description["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let wrong: Vec<String> =
        validator.iter_errors(body).map(|e| format!("{}: {e}", e.instance_path())).collect();
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

#[test]
fn answers_are_as_described() {
    for route in ROUTES {
        let answer = desk().send(route);
        assert!(answer.status.is_success(), "{route}: {answer:?}");
        let status = answer.status.as_u16();
        let described = &described()["paths"];
        let (method, path) = route.split_once(' ').unwrap();
        let responses = &described[path][method.to_lowercase()]["responses"];
        assert!(
            responses.get(status.to_string()).is_some(),
            "{route} does not describe {status}: {responses}"
        );
        if let Some(wrong) = wrong(route, status, &answer.body) {
            panic!("{route}: {wrong}\n{:#}", answer.body);
        }
    }
    let past = get(&desk().router, "/api/v1/records/acme/customer/7?as_of=2");
    assert_eq!(
        (past.status.as_u16(), wrong("GET /records/{account}/{type}/{id}", 200, &past.body)),
        (200, None)
    );
}

#[test]
fn a_description_that_does_not_fit_is_noticed() {
    let mut answer = desk().send("GET /conflicts/{id}").body;
    assert_eq!(wrong("GET /conflicts/{id}", 200, &answer), None);
    answer["conflictRevision"] = json!("one");
    assert!(wrong("GET /conflicts/{id}", 200, &answer).is_some());
    let problem = get(&desk().router, "/api/v1/conflicts/00000000-0000-4000-8000-000000000001");
    assert_eq!(wrong("GET /conflicts/{id}", 404, &problem.body), None);
}
