//! The world, used as its users use it: over HTTP.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{Method, StatusCode};
use local::functions::FUNCTIONS;
use local::netsuite::{Files, Mode};
use local::site::{self, Options, ScriptOptions};
use local::world::{self, World};
use serde_json::{Value as Json, json};
use shared::domain::surface::SyncConfig;
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::signature::Signer;

/// A world of its own port, which does not wait long for a quiet moment.
fn options() -> Options {
    let mut config = SyncConfig::parse(site::CONFIG).unwrap();
    config.coalescing.quiet_ms = 30;
    config.coalescing.max_wait_ms = 300;
    for account in config.accounts.values_mut() {
        // What a crashed writer left open is looked at 10 s after this.
        account.limits.call_timeout_ms = 500;
    }
    Options {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        config: Arc::new(config),
        tick_ms: 100,
        scripts: Some(outbox()),
        ..Options::default()
    }
}

struct Visitor {
    world: World,
    client: reqwest::Client,
}

impl Visitor {
    async fn new() -> Self {
        Self::of(options()).await
    }

    async fn of(options: Options) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { world: world::start(options).await.unwrap(), client }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Json>) -> (StatusCode, Json) {
        let mut request = self.client.request(method, format!("{}{path}", self.world.url));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    async fn get(&self, path: &str) -> Json {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn send(&self, method: Method, path: &str, body: Json) -> Json {
        let (status, answer) = self.ask(method, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn quiesce(&self) -> Json {
        self.send(Method::POST, "/control/quiesce", json!({ "timeoutMs": 40_000 })).await
    }

    /// A customer of acme on both sides: its ids in SuiteX and in NetSuite.
    async fn customer(&self) -> (String, String) {
        // NetSuite knows no empty checkbox: left out here, it would come back as a change.
        let values = json!({ "company_name": "Ada", "inactive": false });
        let made = self.send(Method::POST, "/suitex/acme/records/customer", values).await;
        self.quiesce().await;
        let id = made["id"].as_str().unwrap().to_string();
        let record = self.get(&format!("/review/api/v1/records/acme/customer/suitex:{id}")).await;
        (id, record["ids"]["netsuite"].as_str().expect("it came to NetSuite").to_string())
    }

    async fn is_refused(&self, body: Json, field: &str) {
        let (status, problem) = self.ask(Method::POST, "/control/faults", Some(body.clone())).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_on_either_side_is_soon_on_the_other() {
    let visitor = Visitor::new().await;
    let (sx, ns) = visitor.customer().await;
    let (in_suitex, in_netsuite) =
        (format!("/suitex/acme/records/customer/{sx}"), format!("/netsuite/acme/ui/customer/{ns}"));
    visitor.send(Method::PATCH, &in_netsuite, json!({ "phone": "1" })).await;
    let counts = visitor.quiesce().await;
    assert_eq!(
        (&counts["records"], &counts["conflicts"], &counts["errors"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert_eq!(visitor.get(&in_suitex).await["phone"], "1");
    visitor.send(Method::PATCH, &in_suitex, json!({ "phone": "2", "tags": ["b", "a"] })).await;
    visitor.quiesce().await;
    assert_eq!(visitor.get(&in_netsuite).await["custentity_tags"], json!(["a", "b"]));

    let parity = visitor.get("/control/parity?account=acme").await;
    assert_eq!(parity, json!({ "records": 1, "same": 1, "differences": [], "unexplained": 0 }));
    let list = visitor.get("/control/records?account=acme").await;
    assert_eq!((&list["items"][0]["title"], &list["items"][0]["status"]), (&json!("Ada"), &json!("in_sync")));
    let story = visitor.get(&format!("/control/story?account=acme&type=customer&id=netsuite:{ns}")).await;
    let writes: Vec<&Json> =
        story["items"].as_array().unwrap().iter().filter(|m| m["kind"] == "write").collect();
    assert_eq!(
        writes.iter().map(|w| w["side"].as_str().unwrap()).collect::<Vec<_>>(),
        ["netsuite", "suitex", "netsuite"],
        "{writes:#?}"
    );
    assert!(
        writes
            .iter()
            .all(|w| w["outcome"] == "applied" && w["latencyMs"].as_i64().is_some_and(|ms| ms < 2_500)),
        "{writes:?}"
    );
    visitor.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_explains_its_difference_until_a_person_decides() {
    let visitor = Visitor::new().await;
    let (sx, ns) = visitor.customer().await;
    let (in_suitex, in_netsuite) =
        (format!("/suitex/acme/records/customer/{sx}"), format!("/netsuite/acme/ui/customer/{ns}"));
    visitor.send(Method::PATCH, &in_suitex, json!({ "comments": "s" })).await;
    visitor.send(Method::PATCH, &in_netsuite, json!({ "comments": "n" })).await;
    assert_eq!(visitor.quiesce().await["conflicts"], 1);
    let parity = visitor.get("/control/parity").await;
    assert_eq!((&parity["same"], &parity["unexplained"]), (&json!(0), &json!(0)));
    let [difference] = &parity["differences"].as_array().unwrap()[..] else { panic!("{parity}") };
    assert_eq!((&difference["field"], &difference["explained_by"]), (&json!("comments"), &json!("conflict")));
    assert_eq!((&difference["suitex"], &difference["netsuite"]), (&json!("s"), &json!("n")));

    let conflicts = visitor.get("/review/api/v1/conflicts").await;
    let conflict = &conflicts["items"][0];
    let path = format!("/review/api/v1/conflicts/{}/resolve", conflict["conflictId"].as_str().unwrap());
    let answer = json!({ "conflictRevision": conflict["conflictRevision"], "choice": "netsuite" });
    visitor.send(Method::POST, &path, answer).await;
    visitor.quiesce().await;
    assert_eq!(visitor.get(&in_suitex).await["comments"], "n");
    assert_eq!(visitor.get("/control/parity").await["same"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_without_a_reason_is_told() {
    let visitor = Visitor::of(Options { poll_ms: 3_600_000, ..options() }).await;
    let (_, ns) = visitor.customer().await;
    let unseen = format!("/netsuite/acme/ui/customer/{ns}?user_event=off");
    visitor.send(Method::PATCH, &unseen, json!({ "phone": "9" })).await;
    visitor.send(Method::POST, "/netsuite/acme/ui/item?user_event=off", json!({ "itemid": "new" })).await;
    let parity = visitor.get("/control/parity").await;
    assert_eq!((&parity["unexplained"], &parity["same"]), (&json!(2), &json!(0)), "{parity}");
    // The poller finds both.
    visitor.quiesce().await;
    let parity = visitor.get("/control/parity").await;
    assert_eq!((&parity["unexplained"], &parity["same"]), (&json!(0), &json!(2)), "{parity}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_set_by_name_and_only_as_a_whole() {
    let visitor = Visitor::new().await;
    visitor.is_refused(json!({ "nosuch": 1 }), "nosuch").await;
    visitor.is_refused(json!({ "netsuite": { "dwn": true } }), "netsuite.dwn").await;
    visitor.is_refused(json!({ "netsuite": { "overload": 1.5 } }), "netsuite.overload").await;
    visitor.is_refused(json!({ "netsuite": { "latency_ms": -1 } }), "netsuite.latency_ms").await;
    visitor.is_refused(json!({ "netsuite": { "down": "yes" } }), "netsuite.down").await;
    visitor
        .is_refused(json!({ "netsuite": { "behaviours": { "item.nosuch": "trim" } } }), "netsuite.behaviours")
        .await;
    visitor.is_refused(json!({ "bus": { "duplicate": "often" } }), "bus.duplicate").await;
    visitor.is_refused(json!({ "bus": [] }), "bus").await;
    visitor.is_refused(json!({ "account": "nobody" }), "account").await;
    visitor.is_refused(json!({ "netsuite": { "down": true }, "crash": "nosuch" }), "crash").await;
    let of = |faults: &Json, account: &str| faults["accounts"][account].clone();
    assert_eq!(of(&visitor.get("/control/faults").await, "acme")["netsuite"]["down"], false);

    let change = json!({ "account": "acme", "netsuite": { "down": true }, "bus": { "duplicate": 0.5 } });
    let now = visitor.send(Method::POST, "/control/faults", change).await;
    assert_eq!(of(&now, "acme")["netsuite"]["down"], true);
    assert_eq!(of(&now, "acme")["bus"]["duplicate"], 0.5);
    assert_eq!(of(&now, "globex")["netsuite"]["down"], false);
    let more = json!({ "netsuite": { "overload": 0.1 } });
    let now = visitor.send(Method::POST, "/control/faults", more).await;
    assert_eq!(of(&now, "acme")["netsuite"]["down"], true, "what is not named stays");
    assert_eq!(of(&now, "globex")["netsuite"]["overload"], 0.1);
    let now = visitor.send(Method::POST, "/control/faults", json!({ "netsuite": null, "bus": null })).await;
    assert_eq!(of(&now, "acme")["netsuite"], of(&now, "globex")["netsuite"]);
    assert_eq!(of(&now, "acme")["bus"]["duplicate"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_settings_are_changed_one_by_one() {
    let visitor = Visitor::new().await;
    let refused = |settings: Json| json!({ "netsuite": { "settings": settings } });
    visitor.is_refused(refused(json!({ "timezone": "Mars/Olympus" })), "netsuite.settings").await;
    visitor.is_refused(refused(json!({ "date_format": "HELLO" })), "netsuite.settings").await;
    visitor.is_refused(refused(json!({ "timezon": "UTC" })), "netsuite.settings.timezon").await;
    visitor.is_refused(refused(json!({ "denied": ["nosuch"] })), "netsuite.settings.denied").await;
    let set = async |settings: Json| {
        let change = json!({ "account": "acme", "netsuite": { "settings": settings } });
        let now = visitor.send(Method::POST, "/control/faults", change).await;
        now["accounts"]["acme"]["netsuite"]["settings"].clone()
    };
    let now = set(json!({ "timezone": "Europe/Berlin", "hidden_rows": { "customer": [7] } })).await;
    assert_eq!((&now["timezone"], &now["hidden_rows"]["customer"]), (&json!("Europe/Berlin"), &json!([7])));
    let now = set(json!({ "nulls": "null", "timezone": null })).await;
    assert_eq!((&now["timezone"], &now["nulls"]), (&json!("America/Los_Angeles"), &json!("null")));
    assert_eq!(now["hidden_rows"]["customer"], json!([7]), "what is not named stays");
    assert_eq!(set(Json::Null).await["nulls"], "omit");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiesce_says_what_is_left() {
    let visitor = Visitor::new().await;
    visitor.send(Method::POST, "/control/faults", json!({ "netsuite": { "down": true } })).await;
    visitor.send(Method::POST, "/suitex/acme/records/item", json!({ "name": "Lamp" })).await;
    let (status, problem) =
        visitor.ask(Method::POST, "/control/quiesce", Some(json!({ "timeoutMs": 400 }))).await;
    assert_eq!((status, &problem["left"]["records"]), (StatusCode::GATEWAY_TIMEOUT, &json!(1)), "{problem}");
    for (body, field) in [(json!({ "timeoutMs": -1 }), "timeoutMs"), (json!({ "timeout": 1 }), "timeout")] {
        let (status, problem) = visitor.ask(Method::POST, "/control/quiesce", Some(body)).await;
        assert_eq!((status.as_u16(), &problem["field"]), (422, &json!(field)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_any_function_loses_nothing() {
    let visitor = Visitor::new().await;
    let (sx, ns) = visitor.customer().await;
    for (n, function) in FUNCTIONS.into_iter().enumerate() {
        let path = format!("/suitex/acme/records/customer/{sx}");
        visitor.send(Method::PATCH, &path, json!({ "phone": n.to_string() })).await;
        let after = visitor.send(Method::POST, "/control/faults", json!({ "crash": function })).await;
        assert_eq!(after["crashes"][function], 1);
        visitor.quiesce().await;
        let there = visitor.get(&format!("/netsuite/acme/ui/customer/{ns}")).await;
        assert_eq!(there["phone"], n.to_string(), "after a crash of {function}");
    }
    assert_eq!(visitor.get("/control/parity").await["same"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_is_there() {
    let visitor = Visitor::of(Options { sample: true, ..options() }).await;
    for function in FUNCTIONS {
        assert_eq!(visitor.get(&format!("/functions/{function}/healthz")).await, "ok\n");
    }
    let page = visitor.client.get(&visitor.world.url).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(page.text().await.unwrap().contains("playground"));
    let surface = visitor.get("/control/surface").await;
    assert_eq!(surface["accounts"][0]["id"], "acme");
    visitor.quiesce().await;
    assert_eq!(visitor.get("/control/parity").await["same"], 11, "the sample records");
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::GET, "/functions/nosuch/healthz", 404),
        (Method::GET, "/functions/merge/nowhere", 404),
        (Method::DELETE, "/control/faults", 405),
        (Method::GET, "/control/records?account=nobody", 422),
        (Method::GET, "/control/records?account=acme&type=nosuch", 422),
        (Method::GET, "/control/records?account=acme&limit=many", 422),
        (Method::GET, "/control/records", 400),
        (Method::GET, "/control/story?account=acme&type=item", 400),
        (Method::GET, "/control/parity?acount=acme", 400),
        (Method::POST, "/ingest/v1/events", 401),
    ] {
        let (answer, problem) = visitor.ask(method, path, None).await;
        assert_eq!((answer.as_u16(), &problem["status"]), (status, &json!(status)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_keys_open_ingest() {
    let visitor = Visitor::of(options()).await;
    let (account, secret) = visitor.world.keys.first_key_value().unwrap();
    let (id, seconds) = ("message-1", SystemClock.now().seconds());
    let body = json!({
        "accountId": account, "recordType": "customer", "recordId": "404", "source": "netsuite-ue",
        "operation": "delete", "timestamp": SystemClock.now(),
    });
    let body = body.to_string();
    let signature = Signer::parse(secret).unwrap().sign(id, seconds, body.as_bytes());
    let request = visitor.client.post(format!("{}/ingest/v1/events", visitor.world.url));
    let request = request
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-key-id", account.as_str())
        .header("webhook-signature", signature);
    assert_eq!(request.body(body).send().await.unwrap().status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_has_one_world_and_is_free_after_it() {
    let first = world::start(options()).await.unwrap();
    let listen = first.url.trim_start_matches("http://").parse().unwrap();
    let second = world::start(Options { listen, ..options() }).await;
    assert_eq!(second.err().map(|error| error.kind()), Some(ErrorKind::AddrInUse));
    first.stop().await;
    world::start(Options { listen, ..options() }).await.unwrap().stop().await;
}

/// Whether a change that begins in SuiteX comes to NetSuite, and one that is made there comes back, each by the
/// scripts alone: nobody polls.
async fn changes_travel(scripts: ScriptOptions, patience_ms: i64) -> bool {
    let options = Options { poll_ms: 3_600_000, scripts: Some(scripts), ..options() };
    let visitor = Visitor::of(options).await;
    let values = json!({ "company_name": "Ada", "inactive": false });
    let made = visitor.send(Method::POST, "/suitex/acme/records/customer", values).await;
    let sx = made["id"].as_str().unwrap();
    let known = format!("/review/api/v1/records/acme/customer/suitex:{sx}");
    let until = SystemClock.now().plus(patience_ms);
    let mut edited = false;
    while SystemClock.now() < until {
        // Not before the hub has the writer's answer, which tells what the record holds.
        let (_, record) = visitor.ask(Method::GET, &known, None).await;
        if let (Some(id), false) = (record["ids"]["netsuite"].as_str(), edited) {
            let path = format!("/netsuite/acme/ui/customer/{id}");
            visitor.send(Method::PATCH, &path, json!({ "phone": "7" })).await;
            edited = true;
        }
        if visitor.get(&format!("/suitex/acme/records/customer/{sx}")).await["phone"] == "7" {
            return true;
        }
        SystemClock.sleep_until(SystemClock.now().plus(20)).await;
    }
    false
}

/// The project with an entry point that does nothing.
fn without(script: &str, entry: &str) -> Files {
    let files = Files::of_the_project();
    let source = files.source(script).unwrap();
    let (body, returned) = source.rsplit_once("return {").unwrap();
    let broken = returned.replacen(entry, &format!("{entry}: () => undefined"), 1);
    assert_ne!(broken, returned, "{script} has {entry}");
    let broken = format!("{body}return {{{broken}");
    files.with(script, broken)
}

fn direct() -> ScriptOptions {
    ScriptOptions { mode: Mode::Direct, outbox_ms: 3_600_000, ..ScriptOptions::default() }
}

fn outbox() -> ScriptOptions {
    ScriptOptions { outbox_ms: 50, ..ScriptOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_travel_by_the_scripts_alone() {
    assert!(changes_travel(outbox(), 30_000).await, "by the outbox");
    assert!(changes_travel(direct(), 30_000).await, "by the event RESTlet");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_script_can_be_broken_unnoticed() {
    let broken = [
        ("sx_rl_write.js", "post", outbox()),
        ("sx_ue_delta.js", "afterSubmit", outbox()),
        ("sx_ue_delta.js", "afterSubmit", direct()),
        ("sx_mr_outbox.js", "getInputData", outbox()),
        ("sx_mr_outbox.js", "map", outbox()),
        ("sx_mr_outbox.js", "reduce", outbox()),
        ("sx_rl_event.js", "post", direct()),
    ];
    for (script, entry, options) in broken {
        let scripts = ScriptOptions { files: without(script, entry), ..options };
        assert!(
            !changes_travel(scripts, 2_500).await,
            "nothing came of it that {entry} of {script} was gone"
        );
    }
}
