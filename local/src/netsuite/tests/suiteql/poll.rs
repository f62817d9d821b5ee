//! What a poller does, and what can go wrong for it.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::{Value as Json, json};
use suiteql::Reckoning;

use super::World;

/// The changed records after a cursor, a page at a time, until there are no more.
fn changed(world: &World, limit: usize) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut after = ("1970-01-02 00:00:00".to_string(), "0".to_string());
    loop {
        let (status, page) = world.page(&keyset(&after), &format!("limit={limit}&offset=0"));
        assert_eq!(status, 200, "{page}");
        let text = |item: &Json, name: &str| item[name].as_str().unwrap().to_string();
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| (text(item, "lm"), text(item, "id"))));
        match found.last() {
            Some(last) if items.len() == limit => after = last.clone(),
            _ => return found,
        }
    }
}

fn keyset((time, id): &(String, String)) -> String {
    let time = format!("TO_TIMESTAMP('{time}', 'YYYY-MM-DD HH24:MI:SS')");
    format!(
        "SELECT id, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS lm FROM customer \
         WHERE lastmodifieddate <= SYSDATE - 10/86400 \
         AND (lastmodifieddate > {time} OR (lastmodifieddate = {time} AND id > {id})) \
         ORDER BY lastmodifieddate ASC, id ASC"
    )
}

#[test]
fn a_keyset_finds_every_record_of_one_second_once() {
    for reckoning in [Reckoning::Instant, Reckoning::Wall] {
        let world = World::new();
        world.settings(|s| s.reckoning = reckoning);
        let mut made: Vec<_> =
            (0..25).map(|n| world.customer(json!({"companyname": n.to_string()}))).collect();
        world.clock.pass(1_000);
        made.push(world.customer(json!({"companyname": "later"})));
        world.clock.pass(20_000);
        let found: Vec<_> = changed(&world, 10).into_iter().map(|(_, id)| id).collect();
        assert_eq!(found, made, "25 in one second, and pages of ten");
    }
}

#[test]
fn what_is_shown_is_the_wall_clock_of_the_account() {
    let world = World::new();
    world.customer(json!({"companyname": "A"}));
    world.clock.pass(60_000);
    for (zone, expected, now) in [
        (Tz::America__Los_Angeles, "2025-12-31 16:00:00", "16:01"),
        (Tz::Asia__Kathmandu, "2026-01-01 05:45:00", "05:46"),
        (Tz::Pacific__Auckland, "2026-01-01 13:00:00", "13:01"),
    ] {
        world.settings(|s| s.timezone = zone);
        assert_eq!(changed(&world, 10)[0].0, expected);
        assert_eq!(world.column("SELECT TO_CHAR(SYSDATE, 'HH24:MI') FROM dual"), [now]);
    }
}

#[test]
fn a_save_is_found_at_the_next_query_and_a_lag_leaves_the_newest_out() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    assert!(changed(&world, 10).is_empty(), "it is not ten seconds old");
    world.clock.pass(10_000);
    assert_eq!(changed(&world, 10).len(), 1);
    assert_eq!(world.column("SELECT companyname FROM customer"), ["A"]);
    world.edit("customer", &id, json!({"companyname": "B"}));
    assert_eq!(world.column("SELECT companyname FROM customer"), ["B"]);
    world.delete("customer", &id);
    assert!(world.items("SELECT id FROM customer").is_empty());
}

#[test]
fn a_late_commit_appears_behind_the_cursor() {
    let world = World::new();
    let old = world.customer(json!({"companyname": "old"}));
    world.clock.pass(30_000);
    world.faults(|f| (f.late_visible, f.late_visible_ms) = (1.0, 90_000));
    world.edit("customer", &old, json!({"companyname": "new"}));
    let born = world.customer(json!({"companyname": "born late"}));
    world.faults(|f| f.late_visible = 0.0);
    world.clock.pass(10_000);
    let prompt = world.customer(json!({"companyname": "prompt"}));
    world.clock.pass(20_000);
    let before = changed(&world, 10);
    assert_eq!(before.iter().map(|(_, id)| id).collect::<Vec<_>>(), [&old, &prompt]);
    assert_eq!(world.column("SELECT companyname FROM customer ORDER BY id"), ["old", "prompt"]);
    world.clock.pass(59_999);
    assert_eq!(changed(&world, 10), before, "89.999 s after they were saved");
    world.clock.pass(1);
    let after = changed(&world, 10);
    assert_eq!(after.iter().map(|(_, id)| id).collect::<Vec<_>>(), [&old, &born, &prompt]);
    assert!(after[0].0 < before[1].0, "its time lies before what had been seen already");
    assert_eq!(world.customer_now(&old).values["companyname"], "new", "other interfaces saw it all along");
    assert_eq!(world.netsuite.injected(&super::acme())["late_visible"], 2);
}

#[test]
fn what_follows_a_late_commit_waits_for_it() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "1"}));
    assert_eq!(world.column("SELECT companyname FROM customer"), ["1"]);
    world.faults(|f| (f.late_visible, f.late_visible_ms) = (1.0, 5_000));
    world.edit("customer", &id, json!({"companyname": "2"}));
    world.faults(|f| f.late_visible = 0.0);
    world.edit("customer", &id, json!({"companyname": "3"}));
    assert_eq!(world.column("SELECT companyname FROM customer"), ["1"]);
    world.clock.pass(5_000);
    assert_eq!(world.column("SELECT companyname FROM customer"), ["3"]);
    world.faults(|f| f.late_visible = 1.0);
    world.delete("customer", &id);
    assert_eq!(world.column("SELECT id FROM customer"), std::slice::from_ref(&id));
    assert!(world.items("SELECT recordid FROM deletedrecord").is_empty());
    world.clock.pass(5_000);
    assert!(world.items("SELECT id FROM customer").is_empty());
    assert_eq!(world.column("SELECT recordid FROM deletedrecord"), [id]);
}

#[test]
fn details_come_in_batches_by_id() {
    let world = World::new();
    let ids: Vec<_> = (0..1_000).map(|n| world.customer(json!({"companyname": format!("C{n}")}))).collect();
    let query = |ids: &[String]| {
        format!("SELECT id, companyname FROM customer WHERE id IN ({}) ORDER BY id", ids.join(","))
    };
    assert_eq!(world.items(&query(&ids)).len(), 1_000);
    let too_many: Vec<_> = ids.iter().cloned().chain(["5".to_string()]).collect();
    assert!(world.refusal(&query(&too_many)).2.contains("ORA-01795"));
}

#[test]
fn a_sweep_of_ids_finds_what_is_there() {
    let world = World::new();
    let mut ids: BTreeSet<_> =
        (0..30).map(|n| world.customer(json!({"companyname": n.to_string()}))).collect();
    let gone = ids.pop_first().unwrap();
    world.delete("customer", &gone);
    let (mut found, mut after) = (BTreeSet::new(), "0".to_string());
    loop {
        let query = format!("SELECT id FROM customer WHERE id > {after} ORDER BY id");
        let (_, page) = world.page(&query, "limit=10");
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_string()));
        match items.last() {
            Some(last) if items.len() == 10 => after = last["id"].as_str().unwrap().to_string(),
            _ => break,
        }
    }
    assert_eq!(found, ids);
}
