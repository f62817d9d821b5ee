//! What NetSuite refuses, through the very scripts that customers deploy: an error of that record alone, in NetSuite's
//! own words, with what to do about it; and over once it is mended.

use std::collections::{BTreeMap, BTreeSet};

use local::netsuite::{Behaviour, Faults};
use serde_json::{Value as Json, json};
use shared::domain::id::Side;

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// Longer than two of dlq's ticks.
const SOON_MS: i64 = 150_000;

/// How a refusal is mended.
enum Mend {
    /// By another edit in SuiteX; nobody has anything tried again.
    Here(Json),
    /// By whoever may in NetSuite; then a person has it tried again.
    There,
}

/// What NetSuite refuses.
struct Refusal {
    record_type: &'static str,
    /// The edit in SuiteX.
    edit: Json,
    /// What forbids it there.
    forbid: fn(&mut Faults, &str),
    class: &'static str,
    code: &'static str,
    field: Option<&'static str>,
    /// NetSuite's words about it.
    words: &'static str,
    /// What a person is told to do.
    hint: &'static str,
    mend: Mend,
    /// What NetSuite holds in the end.
    held: (&'static str, Json),
}

fn behave(faults: &mut Faults, field: &str, behaviour: Behaviour) {
    faults.behaviours.insert(field.into(), behaviour);
}

fn table() -> Vec<Refusal> {
    vec![
        Refusal {
            record_type: "salesorder",
            edit: json!({"memo": "By hand"}),
            forbid: |faults, _| faults.rules.closed_until = Some("2025-11-30".into()),
            class: "validation",
            code: "USER_ERROR",
            field: None,
            words: "closed accounting period",
            hint: "correct what the message names",
            mend: Mend::There,
            held: ("memo", json!("By hand")),
        },
        Refusal {
            record_type: "customer",
            edit: json!({"phone": "2"}),
            forbid: |faults, _| faults.rules.read_only = BTreeSet::from(["customer".into()]),
            class: "validation",
            code: "INSUFFICIENT_PERMISSION",
            field: None,
            words: "Permission Violation: You need a higher level of the 'customer' permission",
            hint: "grant it in NetSuite",
            mend: Mend::There,
            held: ("phone", json!("2")),
        },
        Refusal {
            record_type: "item",
            edit: json!({"category": "99"}),
            forbid: |faults, _| {
                let options = ["1", "2"].map(String::from).into();
                behave(faults, "item.class", Behaviour::Options(options));
            },
            class: "validation",
            code: "INVALID_KEY_OR_REF",
            field: Some("category"),
            words: "Invalid class reference key 99",
            hint: "create or correct it",
            mend: Mend::Here(json!({"category": "2"})),
            held: ("class", json!("2")),
        },
        Refusal {
            record_type: "customer",
            edit: json!({"phone": "+31 20 555 0100 ext. 4711"}),
            forbid: |faults, _| behave(faults, "customer.phone", Behaviour::AtMost(21)),
            class: "validation",
            code: "EXCEEDED_MAX_FIELD_LENGTH",
            field: Some("phone"),
            words: "The field phone contained more than the maximum number ( 21 ) of characters",
            hint: "shorten it",
            mend: Mend::Here(json!({"phone": "+31 20 555 0100"})),
            held: ("phone", json!("+31 20 555 0100")),
        },
        Refusal {
            record_type: "customer",
            edit: json!({"city": "Ulm"}),
            forbid: |faults, id| {
                let ids = BTreeSet::from([id.parse().expect("a number")]);
                faults.rules.locked = BTreeMap::from([("customer".into(), ids)]);
            },
            class: "validation",
            code: "USER_ERROR",
            field: None,
            words: "locked by a user defined workflow",
            hint: "correct what the message names",
            mend: Mend::There,
            held: ("city", json!("Ulm")),
        },
        Refusal {
            record_type: "item",
            edit: json!({"description": "galvanised"}),
            forbid: |faults, _| behave(faults, "item.salesdescription", Behaviour::Ignore),
            class: "not_persisted",
            code: "NOT_PERSISTED",
            field: Some("description"),
            words: "description",
            hint: "retry",
            mend: Mend::There,
            held: ("salesdescription", json!("galvanised")),
        },
    ]
}

/// A record of each type on both sides, and an item beside them.
fn begin() -> (Story, BTreeMap<&'static str, Pair>, Pair) {
    let mut story = Story::scripted();
    let customer = story.born(SuiteX, "customer", json!({"company_name": "Ada", "phone": "1"}));
    let item = story.born(SuiteX, "item", json!({"name": "Bolt", "category": "1"}));
    let lines = json!([{"line_key": "a", "item_id": item.suitex, "quantity": 1, "rate": "10"}]);
    let order = json!({"customer_id": customer.suitex, "order_date": "2025-11-03", "lines": lines});
    let order = story.born(SuiteX, "salesorder", order);
    let neighbour = story.born(SuiteX, "item", json!({"name": "Nut"}));
    (story, BTreeMap::from([("customer", customer), ("item", item), ("salesorder", order)]), neighbour)
}

#[test]
fn each_refusal_is_one_records_and_over_once_it_is_mended() {
    for refusal in table() {
        let (mut story, records, neighbour) = begin();
        let pair = &records[refusal.record_type];
        story.netsuite(|faults| (refusal.forbid)(faults, &pair.netsuite));
        let account = story.account();
        let before = story.world.netsuite.stats(&account);
        story.edit(SuiteX, refusal.record_type, &pair.suitex, refusal.edit.clone());
        story.edit(SuiteX, "item", &neighbour.suitex, json!({"name": "Nut 2"}));
        story.step_until(|world| world.netsuite.stats(&account).writes_applied > before.writes_applied);
        let calls = story.world.netsuite.stats(&account).calls - before.calls;
        assert_eq!(calls, 1, "{}: one call brings both", refusal.code);
        assert_eq!(story.value(NetSuite, "item", &neighbour.netsuite, "itemid"), json!("Nut 2"));

        story.settle();
        let error = story.error();
        let told = (error.class.as_str(), error.code.as_str(), error.field.as_deref());
        assert_eq!(told, (refusal.class, refusal.code, refusal.field), "{error:?}");
        assert!(error.message.contains(refusal.words), "{error:?}");
        assert!(error.hint.contains(refusal.hint), "{error:?}");
        let record = story.record(NetSuite, refusal.record_type, &pair.netsuite);
        assert_eq!(error.record.as_ref(), Some(&record.key));
        let held = |story: &Story| story.value(NetSuite, refusal.record_type, &pair.netsuite, refusal.held.0);
        assert_ne!(held(&story), refusal.held.1, "{}: else this shows nothing", refusal.code);
        for (field, value) in refusal.edit.as_object().into_iter().flatten() {
            let kept = story.value(SuiteX, refusal.record_type, &pair.suitex, field);
            assert_eq!(&kept, value, "{}: the edit is not undone, nor cut short", refusal.code);
        }
        let beside = story.record(NetSuite, "item", &neighbour.netsuite);
        assert!(beside.locks.is_empty() && beside.sides[Side::NetSuite].due.is_none(), "{beside:?}");

        match &refusal.mend {
            Mend::Here(edit) => story.edit(SuiteX, refusal.record_type, &pair.suitex, edit.clone()),
            Mend::There => {
                story.netsuite(|faults| {
                    faults.behaviours.clear();
                    faults.rules = Default::default();
                });
                story.retry(&error);
            }
        }
        story.pass(SOON_MS);
        assert_eq!(story.errors(), [], "{}: it is over by itself", refusal.code);
        assert_eq!(held(&story), refusal.held.1, "{}", refusal.code);
        assert!(story.record(NetSuite, refusal.record_type, &pair.netsuite).locks.is_empty());
    }
}

#[test]
fn what_netsuite_trims_is_no_error_and_no_loop() {
    let (mut story, records, _) = begin();
    let pair = &records["customer"];
    story.netsuite(|faults| behave(faults, "customer.phone", Behaviour::Trim));
    let before = story.writes();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": " 2 "}));
    story.settle();
    story.poll();
    story.assert_both("customer", pair, "phone", json!("2"));
    assert_eq!(story.writes(), (before.0 + 1, before.1 + 1));
    assert_eq!(story.errors(), []);
}
