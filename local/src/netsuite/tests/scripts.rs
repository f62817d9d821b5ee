//! The deployed scripts, where there is nothing to compare them with: limits, collisions, signatures, the outbox.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use shared::netsuite::wire::What;
use shared::runtime::signature::Signer;

use super::{World, acme, create, key, kind, update};
use crate::netsuite::{Answer, Deployed, Files, Mode, Outside, Post, Scripts, Unreached};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A hub that takes what it is sent, unless it is told otherwise.
pub(super) struct Hub {
    posts: Mutex<Vec<Post>>,
    status: Mutex<Option<u16>>,
}

impl Outside for Hub {
    fn post(&self, post: Post) -> Result<Answer, Unreached> {
        let code = (*self.status.lock().unwrap()).ok_or(Unreached)?;
        self.posts.lock().unwrap().push(post);
        Ok(Answer { code, body: String::new() })
    }
}

impl Hub {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { posts: Mutex::default(), status: Mutex::new(Some(202)) })
    }

    /// A world whose scripts call this hub.
    pub(super) fn world(self: &Arc<Self>, mode: Mode) -> World {
        self.world_of(mode, Files::of_the_project())
    }

    /// A world with another text in place of a script's.
    pub(super) fn world_with(self: &Arc<Self>, path: &str, source: &str) -> World {
        self.world_of(Mode::Outbox, Files::of_the_project().with(path, source.to_string()))
    }

    fn world_of(self: &Arc<Self>, mode: Mode, files: Files) -> World {
        let secrets = [(acme(), SECRET.to_string())].into();
        World::of(1, Scripts::Deployed(Deployed::new(files, mode, secrets, Arc::clone(self) as _)))
    }

    /// A world whose deployments call this hub, and are as `change` leaves them.
    pub(super) fn deployed_with(self: &Arc<Self>, change: impl Fn(&str) -> String) -> World {
        let secrets = [(acme(), SECRET.to_string())].into();
        let deployed = Deployed::new(Files::of_the_project(), Mode::Direct, secrets, Arc::clone(self) as _);
        World::of(1, Scripts::Deployed(deployed.with_objects(change)))
    }

    pub(super) fn take(&self) -> Vec<Post> {
        std::mem::take(&mut *self.posts.lock().unwrap())
    }

    fn answers(&self, status: Option<u16>) {
        *self.status.lock().unwrap() = status;
    }
}

fn world() -> (World, Arc<Hub>) {
    let hub = Hub::new();
    (hub.world(Mode::Outbox), hub)
}

fn restlet_of(source: &str) -> World {
    let script = format!(
        "define(['N/record', 'N/search', 'N/runtime'], (record, search, runtime) => ({{ post: (body) => {{ {source} }} }}));"
    );
    Hub::new().world_of(Mode::Outbox, Files::of_the_project().with("sx_rl_write.js", script))
}

pub(super) fn code(body: &str) -> String {
    let body: Json = serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}"));
    body["error"]["code"].as_str().unwrap_or_default().to_string()
}

#[test]
fn units_end_a_script_and_leave_what_it_saved() {
    let world = restlet_of(
        "for (;;) { try { const one = record.create({ type: 'customer' }); one.setValue({ fieldId: 'companyname', value: 'x' }); \
         one.save(); } catch (caught) { continue; } }",
    );
    let (status, body) = world.restlet(&json!({}));
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "SSS_USAGE_LIMIT_EXCEEDED"));
    assert_eq!(world.netsuite.all(&acme(), &kind("customer")).len(), 5_000 / 15);
}

#[test]
fn an_endless_loop_ends() {
    let world = restlet_of("for (;;) { try { for (;;) {} } catch (caught) { } }");
    let (status, body) = world.restlet(&json!({}));
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "SSS_STATEMENT_COUNT_EXCEEDED"));
}

#[test]
fn a_slow_account_ends_a_script() {
    let world = restlet_of(
        "for (let n = 0; n < 10; n += 1) { const one = record.create({ type: 'customer' }); one.save(); } return 'done';",
    );
    world.faults(|f| f.latency_per_write_ms = 70_000);
    let (status, body) = world.restlet(&json!({}));
    assert_eq!((status.as_u16(), code(&body).as_str()), (400, "SSS_TIME_LIMIT_EXCEEDED"));
    assert_eq!(world.netsuite.all(&acme(), &kind("customer")).len(), 5);
}

#[test]
fn what_a_script_throws_is_the_answer() {
    for (source, expected) in [
        ("throw new Error('oops');", "UNEXPECTED_ERROR"),
        ("record.load({ type: 'customer', id: 4 });", "RCRD_DSNT_EXIST"),
        ("record.load({ type: 'nosuch', id: 4 });", "INVALID_RCRD_TYPE"),
        (
            "search.create({ type: 'customer', filters: [['email', 'contains', 'x']] }).run().getRange({ start: 0, end: 1 });",
            "SSS_NOT_SIMULATED",
        ),
        (
            "search.create({ type: 'customer', filters: [['email', 'is', 'x'], 'and', ['nosuch', 'is', 'x']] }).run().getRange({ start: 0, end: 1 });",
            "SSS_INVALID_SRCH_FILTER",
        ),
        (
            "search.create({ type: 'customrecord_sx_outbox', filters: [['nosuch', 'lessthan', 1]] }).run().getRange({ start: 0, end: 1 });",
            "SSS_NOT_SIMULATED",
        ),
        (
            "search.create({ type: 'deletedrecord', filters: [['email', 'contains', 'x']] }).run().getRange({ start: 0, end: 1 });",
            "SSS_NOT_SIMULATED",
        ),
        ("return record.nosuch();", "UNEXPECTED_ERROR"),
    ] {
        let (status, body) = restlet_of(source).restlet(&json!({}));
        assert_eq!((status.as_u16(), code(&body).as_str()), (400, expected), "{source}");
    }
    let (status, body) = restlet_of("return runtime.executionContext;").restlet(&json!({}));
    assert_eq!((status.as_u16(), body.as_str()), (200, "RESTLET"));
}

#[test]
fn only_what_is_deployed_answers() {
    let (world, _) = world();
    for script in [
        "script=customscript_nosuch&deploy=customdeploy_sx_rl_write",
        "script=customscript_sx_rl_write&deploy=1",
    ] {
        let path = format!("/netsuite/acme/app/site/hosting/restlet.nl?{script}");
        let (status, _, body) = world.send("POST", &path, "{}".into());
        assert_eq!((status.as_u16(), code(&body).as_str()), (404, "SSS_INVALID_SCRIPTLET_ID"));
    }
}

#[test]
fn only_json_and_plain_text_are_taken() {
    use axum::body::Body;
    use http::{Request, header::CONTENT_TYPE};
    use tower::ServiceExt;

    let (world, _) = world();
    for (kind, status) in [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 200),
        ("application/x-www-form-urlencoded", 415),
        ("application/xml", 415),
        ("", 415),
    ] {
        let body = Body::from(json!({"action": "read", "reads": []}).to_string());
        let request = Request::post(super::RESTLET).header(CONTENT_TYPE, kind).body(body).unwrap();
        let answer = super::waited(world.router.clone().oneshot(request)).unwrap();
        assert_eq!(answer.status(), status, "{kind:?}");
    }
    let (status, _, _) = world.send("PUT", super::RESTLET, "{}".into());
    assert_eq!(status, 405);
}

#[test]
fn a_record_that_others_keep_saving_is_a_mismatch_in_the_end() {
    let (world, _) = world();
    let id = world.customer(json!({"companyname": "A"}));
    world.faults(|f| f.collision = 1.0);
    let outcome = world.apply_one(update(1, &id, json!({"companyname": "A"}), json!({"companyname": "B"})));
    assert_eq!((outcome.outcome, &outcome.values["companyname"]), (What::Mismatch, &json!("A")));
    assert_eq!(world.netsuite.injected(&acme())["collision"], 3);
    world.faults(|f| f.collision = 0.0);
    let outcome = world.apply_one(update(1, &id, json!({"companyname": "A"}), json!({"companyname": "B"})));
    assert_eq!(outcome.outcome, What::Applied);
}

#[test]
fn a_script_that_dies_is_continued_where_it_was() {
    let (world, _) = world();
    let id = world.customer(json!({"companyname": "A"}));
    let writes = json!([
        create(1, "sx-1", json!({"companyname": "1"})),
        update(2, &id, json!({"companyname": "A"}), json!({"companyname": "B"})),
        create(3, "sx-3", json!({"companyname": "3"})),
    ]);
    world.faults(|f| f.partial = 1.0);
    for _ in 0..12 {
        let (status, body) = world.restlet(&json!({"action": "apply", "writes": writes}));
        // Once everything is done there is nothing left to die of.
        assert!(status == 200 || code(&body) == "SSS_TIME_LIMIT_EXCEEDED", "{body}");
    }
    world.faults(|f| f.partial = 0.0);
    for outcome in world.apply(writes) {
        assert_ne!(outcome.outcome, What::Mismatch);
    }
    assert_eq!(world.netsuite.all(&acme(), &kind("customer")).len(), 3);
    assert_eq!(world.customer_now(&id).values["companyname"], "B");
}

#[test]
fn events_go_out_signed() {
    for mode in [Mode::Outbox, Mode::Direct] {
        let hub = Hub::new();
        let world = hub.world(mode);
        world.customer(json!({"companyname": "Ängström ✓"}));
        if mode == Mode::Outbox {
            assert_eq!((hub.take().len(), world.netsuite.events_waiting(&acme())), (0, 1));
            world.netsuite.run_outbox_script(&acme());
        }
        assert_eq!(world.netsuite.events_waiting(&acme()), 0);
        let [post] = &hub.take()[..] else { panic!("one post") };
        let header = |name: &str| post.headers[name].as_str();
        let signer = Signer::parse(SECRET).unwrap();
        let (id, seconds) = (header("webhook-id"), header("webhook-timestamp").parse().unwrap());
        assert_eq!(header("webhook-signature"), signer.sign(id, seconds, post.body.as_bytes()));
        assert_eq!((seconds, header("webhook-key-id")), (super::START / 1000, "acme"));
        let event: Json = serde_json::from_str(&post.body).unwrap();
        assert_eq!(event["payload"]["changes"]["companyname"], "Ängström ✓");
        assert!(world.netsuite.script_log(&acme()).is_empty(), "{:?}", world.netsuite.script_log(&acme()));
    }
}

#[test]
fn what_does_not_get_through_waits() {
    let hub = Hub::new();
    let world = hub.world(Mode::Direct);
    hub.answers(None);
    let id = world.customer(json!({"companyname": "A"}));
    world.edit("customer", &id, json!({"companyname": "B"}));
    assert_eq!(world.netsuite.events_waiting(&acme()), 2);
    hub.answers(Some(503));
    world.netsuite.run_outbox_script(&acme());
    assert_eq!(hub.take().len(), 1, "those behind it wait for it");
    hub.answers(Some(202));
    let path = "/netsuite/acme/app/site/hosting/restlet.nl?script=customscript_sx_rl_event&deploy=customdeploy_sx_rl_event";
    let (status, _, body) = world.send("POST", path, json!({"action": "drain"}).to_string());
    assert_eq!((status.as_u16(), body.as_str()), (200, r#"{"failed":0,"refused":0,"taken":2}"#));
    let names: Vec<Json> = hub
        .take()
        .iter()
        .map(|post| {
            serde_json::from_str::<Json>(&post.body).unwrap()["payload"]["changes"]["companyname"].clone()
        })
        .collect();
    assert_eq!(names, [json!("A"), json!("B")]);
}

#[test]
fn what_the_hub_refuses_is_given_up_in_the_end() {
    let (world, hub) = world();
    world.customer(json!({"companyname": "A"}));
    hub.answers(Some(422));
    for _ in 0..60 {
        world.netsuite.run_outbox_script(&acme());
    }
    assert_eq!((hub.take().len(), world.netsuite.events_waiting(&acme())), (50, 0));
}

#[test]
fn operations_are_forgotten_after_a_month() {
    let (world, _) = world();
    let id = world.apply_one(create(1, "sx-1", json!({"companyname": "A"}))).id;
    let read = |n: u128| {
        world.read_one(
            json!({"type": "customer", "id": id, "operations": [key(n)], "fields": ["companyname"]}),
        )
    };
    world.netsuite.run_outbox_script(&acme());
    world.apply_one(update(2, id.as_deref().unwrap(), json!({}), json!({"companyname": "B"})));
    assert_eq!(read(1).held.len(), 1);
    world.clock.pass(32 * 86_400_000);
    world.netsuite.run_outbox_script(&acme());
    assert!(read(1).held.is_empty());
}

#[test]
fn without_its_summary_the_outbox_script_forgets_nothing() {
    let files = Files::of_the_project();
    let source = files
        .source("sx_mr_outbox.js")
        .unwrap()
        .replace("reduce, summarize }", "reduce, summarize: () => {} }");
    let world = Hub::new().world_of(Mode::Outbox, files.with("sx_mr_outbox.js", source));
    let id = world.apply_one(create(1, "sx-1", json!({"companyname": "A"}))).id.unwrap();
    world.apply_one(update(2, &id, json!({}), json!({"companyname": "B"})));
    world.clock.pass(32 * 86_400_000);
    world.netsuite.run_outbox_script(&acme());
    let read = json!({"type": "customer", "id": id, "operations": [key(1)], "fields": ["companyname"]});
    assert_eq!(world.read_one(read).held.len(), 1);
}

#[test]
fn user_events_are_lost_doubled_and_switched_off() {
    let (world, hub) = world();
    world.faults(|f| f.user_event_doubled = 1.0);
    let id = world.customer(json!({"companyname": "A"}));
    world.faults(|f| (f.user_event_doubled, f.user_event_lost) = (0.0, 1.0));
    world.edit("customer", &id, json!({"companyname": "B"}));
    world.faults(|f| (f.user_event_lost, f.user_event_off) = (0.0, true));
    world.edit("customer", &id, json!({"companyname": "C"}));
    world.netsuite.run_outbox_script(&acme());
    assert_eq!(hub.take().len(), 2);
}

#[test]
fn late_calls_land_in_their_time() {
    let (world, _) = world();
    world.faults(|f| (f.late, f.late_max_ms) = (1.0, 1_000));
    let (status, _) = world
        .restlet(&json!({"action": "apply", "writes": [create(1, "sx-1", json!({"companyname": "A"}))]}));
    assert_eq!((status.as_u16(), world.netsuite.all(&acme(), &kind("customer")).len()), (504, 0));
    world.clock.pass(1_000);
    let landed = || world.netsuite.stats(&acme()).in_flight == 0;
    for _ in 0..2_000 {
        if landed() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(world.netsuite.all(&acme(), &kind("customer")).len(), 1);
    assert_eq!(world.netsuite.stats(&acme()).landed_late, 1);
}

#[test]
fn the_probe_tells_what_the_role_sees() {
    let (world, _) = world();
    let (status, body) = world.restlet(&json!({"action": "probe"}));
    assert_eq!(status, 200, "{body}");
    let probed: Json = serde_json::from_str(&body).unwrap();
    assert_eq!(probed["types"][0]["visible"]["creditlimit"], "currency");
    assert!(probed["types"].as_array().unwrap().iter().all(|of| of["hidden"] == json!([])), "{probed}");
    let order = probed["types"].as_array().unwrap().iter().find(|of| of["type"] == "salesorder").unwrap();
    assert_eq!(order["visible"]["item"]["quantity"], "float");
}

/// Not a test of anything: what a call costs, for `--nocapture`.
#[test]
fn ten_writes_take_so_long() {
    use shared::runtime::clock::{Clock, SystemClock};
    let time = |world: &World| {
        let id = world.customer(json!({"companyname": "A"}));
        let began = SystemClock.now();
        const CALLS: u128 = 20;
        for call in 0..CALLS {
            let writes: Vec<Json> = (0..10)
                .map(|n| {
                    update(1 + call * 10 + n, &id, json!({}), json!({"companyname": format!("{call}.{n}")}))
                })
                .collect();
            world.apply(json!(writes));
        }
        (SystemClock.now().0 - began.0) as f64 / CALLS as f64
    };
    let (deployed, _) = world();
    println!("one apply of ten writes: scripts {} ms, twin {} ms", time(&deployed), time(&World::new()));
}
