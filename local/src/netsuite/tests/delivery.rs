//! What becomes of a call on its way in and of its answer on the way out.

use futures::FutureExt;
use serde_json::{Value as Json, json};
use shared::domain::id::AccountId;
use shared::netsuite::wire::What;

use super::{START, World, acme, create, key, kind, map, update};

fn count(world: &World) -> usize {
    world.netsuite.all(&acme(), &kind("customer")).len()
}

fn apply(writes: Json) -> Json {
    json!({"action": "apply", "writes": writes})
}

#[test]
fn a_lost_request_does_nothing_and_a_lost_reply_everything() {
    let world = World::new();
    world.faults(|f| f.lost_request = 1.0);
    let (status, body) = world.restlet(&apply(json!([create(1, "sx-1", json!({"companyname": "A"}))])));
    assert_eq!((status.as_u16(), count(&world)), (502, 0));
    assert!(body.contains("<html"), "{body}");

    world.faults(|f| (f.lost_request, f.lost_reply) = (0.0, 1.0));
    let (status, _) = world.restlet(&apply(json!([create(1, "sx-1", json!({"companyname": "A"}))])));
    assert_eq!((status.as_u16(), count(&world)), (504, 1));
    world.faults(|f| f.lost_reply = 0.0);
    let read = world.read_one(
        json!({"type": "customer", "externalId": "sx-1", "operations": [key(1)], "fields": ["companyname"]}),
    );
    assert_eq!(read.held[&key(1)], map(json!({"companyname": "A"})));
    let injected = world.netsuite.injected(&acme());
    assert_eq!((injected["lost_request"], injected["lost_reply"]), (1, 1));
}

#[test]
fn a_late_call_lands_at_its_own_time() {
    let world = World::new();
    world.faults(|f| (f.late, f.late_max_ms) = (1.0, 10_000));
    let (status, _) = world.restlet(&apply(json!([create(1, "sx-1", json!({"companyname": "A"}))])));
    assert_eq!((status.as_u16(), count(&world)), (504, 0));
    assert_eq!(world.netsuite.stats(&acme()).in_flight, 1, "it holds its place until it lands");
    world.clock.pass(60_000);
    let landed = world.netsuite.all(&acme(), &kind("customer"));
    assert_eq!(landed.len(), 1);
    let second = landed[0].last_modified_secs - START / 1000;
    assert!((0..=10).contains(&second), "{second} s after it was sent");
    let stats = world.netsuite.stats(&acme());
    assert_eq!((stats.in_flight, stats.landed_late, stats.creates), (0, 1, 1));
    let event = &world.netsuite.take_user_events(&acme())[0];
    assert!(event["timestamp"].as_str().unwrap() < "2026-01-01T00:00:11", "{event}");
}

#[test]
fn a_call_whose_client_went_away_lands_all_the_same() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.faults(|f| f.latency_ms = 4_000);
    let write = update(1, &id, json!({"companyname": "A"}), json!({"companyname": "B"}));
    let mut call = world.begin_restlet(&apply(json!([write])));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    assert_eq!(world.netsuite.stats(&acme()).in_flight, 1);
    assert_eq!(world.customer_now(&id).values["companyname"], "A");
    world.clock.pass(2_000);
    assert_eq!(world.customer_now(&id).values["companyname"], "B");
    assert_eq!(world.netsuite.stats(&acme()).in_flight, 0);
}

#[test]
fn a_call_takes_effect_half_way_and_frees_its_place_at_the_end() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.faults(|f| (f.latency_ms, f.latency_per_write_ms) = (1_000, 1_000));
    let write = update(1, &id, json!({}), json!({"companyname": "B"}));
    let mut call = world.begin_restlet(&apply(json!([write])));
    assert!((&mut call).now_or_never().is_none());
    world.clock.pass(1_000);
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(world.customer_now(&id).values["companyname"], "B");
    assert_eq!(world.netsuite.stats(&acme()).in_flight, 1);
    world.clock.pass(1_000);
    let response = (&mut call).now_or_never().expect("answered");
    assert_eq!(response.status(), 200);
    drop(call);
    assert_eq!(world.netsuite.stats(&acme()).in_flight, 0);
}

#[test]
fn a_slow_script_leaves_the_tail_for_another_call() {
    let world = World::new();
    world.faults(|f| f.latency_per_write_ms = 60_000);
    let writes: Vec<_> = (0..10).map(|n| create(n, &format!("sx-{n}"), json!({}))).collect();
    let mut call = world.begin_restlet(&apply(json!(writes)));
    assert!((&mut call).now_or_never().is_none());
    world.clock.pass(130_000);
    assert!((&mut call).now_or_never().is_none());
    world.clock.pass(130_000);
    assert!((&mut call).now_or_never().is_some());
    assert_eq!(count(&world), 4, "begun at 0, 60, 120 and 180 s");
}

#[test]
fn a_script_that_dies_has_saved_what_it_saved() {
    let world = World::seeded(3);
    world.faults(|f| f.partial = 1.0);
    let writes: Vec<_> = (0..10).map(|n| create(n, &format!("sx-{n}"), json!({}))).collect();
    let (status, body) = world.restlet(&apply(json!(writes)));
    assert_eq!(status, 400);
    assert!(body.contains("SSS_TIME_LIMIT_EXCEEDED"), "{body}");
    let saved = count(&world);
    assert!((1..10).contains(&saved), "{saved} of 10");
    world.faults(|f| f.partial = 0.0);
    let outcomes = world.apply(json!(writes));
    assert!(outcomes[..saved].iter().all(|o| o.outcome == What::AlreadyApplied));
    assert!(outcomes[saved..].iter().all(|o| o.outcome == What::Applied));
    assert_eq!(count(&world), 10);
}

#[test]
fn an_answer_may_arrive_spoilt() {
    let world = World::new();
    world.faults(|f| f.html = 1.0);
    let (status, body) = world.restlet(&apply(json!([create(1, "sx-1", json!({}))])));
    assert_eq!(status, 200);
    assert!(body.starts_with("<!DOCTYPE html>"), "{body}");
    world.faults(|f| (f.html, f.truncated) = (0.0, 1.0));
    let (status, body) = world.restlet(&apply(json!([create(2, "sx-2", json!({}))])));
    assert_eq!((status.as_u16(), count(&world)), (200, 2));
    assert!(body.starts_with('{') && serde_json::from_str::<Json>(&body).is_err(), "{body}");
}

#[test]
fn an_account_may_be_closed() {
    let world = World::new();
    world.faults(|f| f.down = true);
    let (status, body) = world.restlet(&apply(json!([])));
    assert_eq!(status, 503);
    assert!(body.contains("regularly scheduled maintenance"), "{body}");
    world.faults(|f| (f.down, f.auth) = (false, true));
    let (status, body) = world.restlet(&apply(json!([])));
    assert_eq!(status, 401);
    assert!(body.contains("INVALID_LOGIN_ATTEMPT"), "{body}");
}

#[test]
fn overload_is_worded_by_each_interface_in_its_own_way() {
    let world = World::new();
    world.faults(|f| f.overload = 1.0);
    let (status, body) = world.restlet(&apply(json!([])));
    assert_eq!(status, 400);
    assert_eq!(
        body,
        r#"{"error" : {"code" : "SSS_REQUEST_LIMIT_EXCEEDED", "message" : "Request Limit Exceeded"}}"#
    );
    let path = "/netsuite/acme/services/rest/record/v1/customer";
    let (status, headers, body) = world.send("GET", path, String::new());
    assert_eq!(status, 429);
    assert!(!headers.contains_key("retry-after"));
    let body: Json = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["title"], &body["status"]), (&json!("Too Many Requests"), &json!(429)));
    assert_eq!(body["o:errorDetails"][0]["o:errorCode"], "CONCURRENCY_LIMIT_EXCEEDED");
}

#[test]
fn others_calls_occupy_the_pool() {
    let world = World::new();
    // acme's pool has ten places.
    world.faults(|f| f.foreign_calls = 10);
    assert_eq!(world.restlet(&apply(json!([]))).0, 400);
    world.faults(|f| (f.foreign_calls, f.latency_ms) = (9, 1_000));
    let mut first = world.begin_restlet(&apply(json!([])));
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(world.restlet(&apply(json!([]))).0, 400, "the last place is taken");
    world.faults(|f| f.concurrency = Some(11));
    let mut second = world.begin_restlet(&apply(json!([])));
    assert!((&mut second).now_or_never().is_none());
    let stats = world.netsuite.stats(&acme());
    assert_eq!((stats.overloads_by_limit, stats.max_in_flight, stats.calls), (2, 2, 4));
    assert!(!world.netsuite.injected(&acme()).contains_key("overload"), "that was no injected fault");
}

/// What the same calls get in acme, whatever happens in globex.
fn history(with_globex: bool) -> Vec<String> {
    let world = World::seeded(42);
    let globex = AccountId::parse("globex").unwrap();
    for account in [acme(), globex.clone()] {
        let mut faults = world.netsuite.faults(&account);
        (faults.lost_reply, faults.late, faults.overload, faults.partial) = (0.2, 0.2, 0.2, 0.2);
        (faults.user_event_lost, faults.user_event_doubled) = (0.2, 0.2);
        world.netsuite.set_faults(&account, faults).unwrap();
    }
    let mut told = Vec::new();
    for n in 0..60 {
        let call = apply(json!([create(n, &format!("sx-{}", n % 7), json!({"companyname": n.to_string()}))]));
        if with_globex {
            let values = map(json!({"companyname": "G"}));
            world.netsuite.ui_create(&globex, &kind("customer"), &values, true, "bob").unwrap();
            let path = super::RESTLET.replace("acme", "7654321-sb1");
            world.send("POST", &path, call.to_string());
        }
        let (status, body) = world.restlet(&call);
        told.push(format!("{status} {body} {:?}", world.netsuite.take_user_events(&acme())));
        world.clock.pass(7_000);
    }
    told.push(format!("{:?}", world.netsuite.all(&acme(), &kind("customer"))));
    told.push(format!("{:?}", world.netsuite.injected(&acme())));
    told
}

#[test]
fn accounts_do_not_influence_each_other() {
    let alone = history(false);
    assert_eq!(alone, history(true));
    assert!(alone.last().unwrap().contains("late"), "{alone:?}");
}
