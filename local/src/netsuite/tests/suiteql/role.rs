//! What a role does not see looks as if it were not there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use suiteql::HiddenColumns;

use super::{World, acme};

#[test]
fn hidden_rows_are_silently_missing_from_queries_alone() {
    let world = World::new();
    let ids = ["A", "B"].map(|name| world.customer(json!({"companyname": name})));
    let hidden: i64 = ids[0].parse().unwrap();
    world.settings(|s| s.hidden_rows = BTreeMap::from([("customer".into(), BTreeSet::from([hidden]))]));
    assert_eq!(world.column("SELECT id FROM customer"), [ids[1].clone()]);
    assert_eq!(world.column("SELECT COUNT(*) FROM customer"), ["1"]);
    assert!(world.items("SELECT recordid FROM deletedrecord").is_empty(), "invisible is not deleted");
    assert_eq!(world.customer_now(&ids[0]).values["companyname"], "A");
    world.settings(|s| s.hidden_rows.clear());
    assert_eq!(world.column("SELECT COUNT(*) FROM customer"), ["2"]);
}

#[test]
fn hidden_columns_are_unknown_or_hold_nothing() {
    let world = World::new();
    world.customer(json!({"companyname": "A", "creditlimit": "5"}));
    world.settings(|s| s.hidden_columns = BTreeSet::from(["customer.creditlimit".into()]));
    let (status, code, words) = world.refusal("SELECT creditlimit FROM customer");
    assert_eq!((status, &*code), (400, "INVALID_PARAMETER"));
    assert!(words.contains("Unknown identifier 'creditlimit'."), "{words}");
    world.settings(|s| s.hidden_as = HiddenColumns::Null);
    assert_eq!(world.items("SELECT companyname, creditlimit FROM customer"), [json!({"companyname": "A"})]);
}

#[test]
fn a_column_that_is_no_filter_is_shown_all_the_same() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.settings(|s| s.unfilterable_columns = BTreeSet::from(["customer.lastmodifieddate".into()]));
    let after = "TO_TIMESTAMP('1970-01-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS')";
    let (status, code, words) =
        world.refusal(&format!("SELECT id FROM customer WHERE id > 0 AND lastmodifieddate >= {after}"));
    assert_eq!((status, &*code), (400, "INVALID_PARAMETER"));
    assert!(words.contains("Invalid or unsupported search"), "{words}");
    assert_eq!(world.column("SELECT id FROM customer WHERE id > 0 ORDER BY lastmodifieddate"), [id]);
}

#[test]
fn a_missing_permission_reads_as_a_missing_record() {
    let world = World::new();
    world.settings(|s| s.denied = BTreeSet::from(["deletedrecord".into()]));
    let (status, _, words) = world.refusal("SELECT recordid FROM deletedrecord");
    assert_eq!(status, 400);
    assert!(words.ends_with("Search error occurred: Record 'deletedrecord' was not found."), "{words}");
}

#[test]
fn a_setting_that_names_nothing_is_refused() {
    let world = World::new();
    let refused = |change: fn(&mut crate::netsuite::Settings)| {
        let mut faults = world.netsuite.faults(&acme());
        change(&mut faults.settings);
        world.netsuite.set_faults(&acme(), faults).unwrap_err().field
    };
    let at = |name: &str| Some(format!("settings.{name}"));
    assert_eq!(refused(|s| s.denied = BTreeSet::from(["salesorder".into()])), at("denied"));
    assert_eq!(
        refused(|s| s.hidden_columns = BTreeSet::from(["customer.nope".into()])),
        at("hidden_columns")
    );
    let nobody = || BTreeMap::from([("nobody".into(), BTreeSet::new())]);
    let mut faults = world.netsuite.faults(&acme());
    assert_eq!(
        refused(|s| s.unfilterable_columns = BTreeSet::from(["customer.nope".into()])),
        at("unfilterable_columns")
    );
    faults.settings.hidden_rows = nobody();
    assert_eq!(world.netsuite.set_faults(&acme(), faults).unwrap_err().field, at("hidden_rows"));
}
