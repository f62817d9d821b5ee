//! Lines keep their identity.

use serde_json::{Value as Json, json};
use shared::netsuite::wire::What;

use super::{World, acme, key, kind, map};

struct Order {
    world: World,
    id: String,
    item: String,
}

impl Order {
    fn new(lines: impl FnOnce(&str) -> Json) -> Self {
        let world = World::new();
        let customer = world.customer(json!({"companyname": "A"}));
        let item = map(json!({"itemid": "bolt"}));
        let item = world.netsuite.ui_create(&acme(), &kind("item"), &item, true, "ann").unwrap();
        let values = map(json!({"entity": customer, "item": lines(&item)}));
        let id = world.netsuite.ui_create(&acme(), &kind("salesorder"), &values, true, "ann").unwrap();
        Self { world, id, item }
    }

    fn lines(&self) -> Vec<Json> {
        let order = self.world.netsuite.snapshot(&acme(), &kind("salesorder"), &self.id).unwrap();
        order.values["item"].as_array().cloned().unwrap_or_default()
    }

    fn write(&self, n: u128, expected: Json, lines: Json) -> shared::netsuite::wire::Outcome {
        self.world.apply_one(json!({"operation": key(n), "verb": "update", "type": "salesorder",
            "id": self.id, "expected": expected, "values": {"item": lines}, "fields": ["item"]}))
    }
}

fn three(item: &str) -> Json {
    json!([{"item": item, "quantity": 1}, {"item": item, "quantity": 2}, {"item": item, "quantity": 3}])
}

#[test]
fn lines_keep_their_keys_while_the_middle_one_is_edited() {
    let order = Order::new(three);
    let before = order.lines();
    let mut edited = before.clone();
    edited[1]["quantity"] = json!(20);
    order.world.edit("salesorder", &order.id, json!({"item": edited}));
    assert_eq!(order.lines(), edited);

    let without = json!([edited[0], edited[2]]);
    order.world.edit("salesorder", &order.id, json!({"item": without}));
    assert_eq!(json!(order.lines()), without);
    order.world.edit("salesorder", &order.id, json!({"item": [edited[0], {"item": order.item}, edited[2]]}));
    let keys: Vec<_> = order.lines().iter().map(|l| l["lineuniquekey"].clone()).collect();
    assert_eq!(keys[..2], [before[0]["lineuniquekey"].clone(), before[2]["lineuniquekey"].clone()]);
    assert_ne!(keys[2], before[1]["lineuniquekey"], "a key is never used again");
}

#[test]
fn a_line_of_ours_gets_a_key_of_netsuite_too() {
    let order = Order::new(three);
    let mut lines = order.lines();
    lines.push(json!({"custcol_sx_line": "sx-l1", "item": order.item, "quantity": 4, "rate": "1.5"}));
    let outcome = order.write(1, json!({"item": order.lines()}), json!(lines));
    assert_eq!(outcome.outcome, What::Applied);
    let ours = order.lines().into_iter().find(|l| l["custcol_sx_line"] == "sx-l1").unwrap();
    assert_eq!(ours["rate"], "1.5000");
    let unique = ours["lineuniquekey"].as_str().unwrap().to_string();
    assert!(unique.parse::<u64>().is_ok());

    // Found again by either key, and it keeps both.
    let by_own = json!([{"lineuniquekey": unique, "item": order.item, "quantity": 5}]);
    order.world.edit("salesorder", &order.id, json!({"item": by_own}));
    let by_ours = json!([{"custcol_sx_line": "sx-l1", "item": order.item, "quantity": 6}]);
    order.world.edit("salesorder", &order.id, json!({"item": by_ours}));
    let lines = order.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["custcol_sx_line"], &lines[0]["lineuniquekey"]), (&json!("sx-l1"), &json!(unique)));
    assert_eq!(lines[0]["quantity"], 6);
}

#[test]
fn a_line_born_in_netsuite_may_be_given_our_key() {
    let order = Order::new(|item| json!([{"item": item, "quantity": 1}]));
    let mut line = order.lines().remove(0);
    line["custcol_sx_line"] = json!("sx-l9");
    order.world.edit("salesorder", &order.id, json!({"item": [line]}));
    assert_eq!(order.lines(), [line]);
}

#[test]
fn expected_lines_are_compared_by_value() {
    let order = Order::new(three);
    let seen = order.lines();
    let mut backwards = seen.clone();
    backwards.reverse();
    assert_eq!(order.write(1, json!({"item": backwards}), json!([])).outcome, What::Applied);
    assert!(order.lines().is_empty());
    assert_eq!(order.write(2, json!({"item": seen}), json!([{"item": order.item}])).outcome, What::Mismatch);
}

#[test]
fn lines_that_cannot_be_are_refused() {
    let order = Order::new(three);
    let twice = json!(order.lines()[0]);
    for (lines, code) in [
        (json!([{"lineuniquekey": "777", "item": order.item}]), "INVALID_KEY_OR_REF"),
        (json!([{"item": "424242"}]), "INVALID_KEY_OR_REF"),
        (json!([{"colour": "red"}]), "INVALID_FLD_VALUE"),
        (json!([{"quantity": 1.5}]), "INVALID_FLD_VALUE"),
        (json!([twice, twice]), "INVALID_FLD_VALUE"),
        (json!("none"), "INVALID_FLD_VALUE"),
    ] {
        let error = order.write(1, json!({}), lines.clone()).error.unwrap_or_else(|| panic!("{lines}"));
        assert_eq!((error.code.as_str(), error.field.as_deref()), (code, Some("item")), "{lines}");
    }
    assert_eq!(order.lines().len(), 3);
}

#[test]
fn lines_count_as_references() {
    let order = Order::new(three);
    let delete = |user| order.world.netsuite.ui_delete(&acme(), &kind("item"), &order.item, true, user);
    assert_eq!(delete("ann").unwrap_err().code, "USER_ERROR");
    order.world.edit("salesorder", &order.id, json!({"item": null}));
    delete("ann").unwrap();
}

#[test]
fn a_line_that_came_back_answers_to_the_key_that_it_had() {
    let order = Order::new(three);
    let before = order.lines();
    let old = before[1]["lineuniquekey"].clone();
    order.world.edit("salesorder", &order.id, json!({"item": [before[0], before[2]]}));
    let back = json!({"custcol_sx_line": old, "item": order.item, "quantity": 2});
    let done = order.write(1, json!({}), json!([before[0], back, before[2]]));
    assert_eq!(done.outcome, What::Applied, "{:?}", done.error);

    let by_old = json!({"lineuniquekey": old, "item": order.item, "quantity": 7});
    let done = order.write(2, json!({}), json!([before[0], by_old, before[2]]));
    assert_eq!(done.outcome, What::Applied, "{:?}", done.error);
    let line = order.lines().into_iter().find(|line| line["custcol_sx_line"] == old).unwrap();
    assert_eq!(line["quantity"], json!(7));
    assert_ne!(line["lineuniquekey"], old);
}
