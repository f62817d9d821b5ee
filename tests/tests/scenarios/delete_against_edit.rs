//! One side deletes a record while the other edits it: nobody decides alone what that means.

use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// A customer that `deleter` deletes while the other side sets its phone.
fn clash(deleter: shared::domain::id::Side, edit_comes_first: bool) -> (Story, Pair, Json) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let id = |side| if side == NetSuite { pair.netsuite.clone() } else { pair.suitex.clone() };
    let editor = deleter.other();
    if edit_comes_first {
        story.edit(editor, "customer", &id(editor), json!({"phone": "2"}));
        story.delete(deleter, "customer", &id(deleter));
    } else {
        story.delete(deleter, "customer", &id(deleter));
        story.edit(editor, "customer", &id(editor), json!({"phone": "2"}));
    }
    story.settle();
    let conflict = story.conflict();
    assert_eq!(conflict["deletedBy"], json!(deleter.as_str()));
    (story, pair, conflict)
}

#[test]
fn who_keeps_the_record_has_it_on_both_sides_with_the_edit() {
    for (deleter, edit_comes_first) in [(NetSuite, true), (NetSuite, false), (SuiteX, true), (SuiteX, false)]
    {
        let (mut story, pair, conflict) = clash(deleter, edit_comes_first);
        story.resolve(&conflict, json!({"keep": true, "choice": deleter.other().as_str()}));
        let survivor = if deleter == NetSuite { &pair.suitex } else { &pair.netsuite };
        let now = story.pair(deleter.other(), "customer", survivor);
        story.assert_both("customer", &now, "phone", json!("2"));
        let old = if deleter == NetSuite { &pair.netsuite } else { &pair.suitex };
        let new = if deleter == NetSuite { &now.netsuite } else { &now.suitex };
        assert_ne!(old, new, "it was created anew under another id");
    }
}

#[test]
fn who_lets_the_record_go_has_it_nowhere() {
    for (deleter, edit_comes_first) in [(NetSuite, true), (NetSuite, false), (SuiteX, true), (SuiteX, false)]
    {
        let (mut story, _, conflict) = clash(deleter, edit_comes_first);
        story.resolve(&conflict, json!({"keep": false}));
        assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (0, 0));
    }
}

#[test]
fn choosing_a_side_is_choosing_what_that_side_did() {
    for (choice, left) in [("netsuite", 0), ("suitex", 1)] {
        let (mut story, _, conflict) = clash(NetSuite, true);
        story.resolve(&conflict, json!({ "choice": choice }));
        assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (left, left));
    }
}

#[test]
fn an_edit_that_nobody_has_told_of_is_not_deleted_with_the_record() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    // No User Event sees it: when SuiteX's deletion comes to NetSuite, the comparison finds it.
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.delete(SuiteX, "customer", &pair.suitex);
    story.settle();
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!("2"));
    let conflict = story.conflict();
    assert_eq!(conflict["deletedBy"], json!("suitex"));
    story.resolve(&conflict, json!({"keep": true, "choice": "netsuite"}));
    let now = story.pair(NetSuite, "customer", &pair.netsuite);
    story.assert_both("customer", &now, "phone", json!("2"));
}

#[test]
fn both_may_delete_it() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.delete(NetSuite, "customer", &pair.netsuite);
    story.delete(SuiteX, "customer", &pair.suitex);
    story.settle();
    assert_eq!(story.get("conflicts")["items"], json!([]));
    assert_eq!(story.errors(), []);
}

#[test]
fn an_order_that_is_kept_comes_back_with_its_lines() {
    let mut story = Story::new();
    let customer = story.customer(json!({"companyname": "Ada"}));
    let item = story.born(NetSuite, "item", json!({"itemid": "Bolt"}));
    let line = json!({"item": item.netsuite, "quantity": 3, "rate": "10"});
    let order = story.born(NetSuite, "salesorder", json!({"entity": customer.netsuite, "item": [line]}));
    story.delete(NetSuite, "salesorder", &order.netsuite);
    story.settle();
    let conflict = story.conflict();
    story.resolve(&conflict, json!({"keep": true}));
    assert_eq!(story.errors(), []);
    let now = story.pair(SuiteX, "salesorder", &order.suitex);
    assert_eq!(story.value(NetSuite, "salesorder", &now.netsuite, "item")[0]["quantity"], json!(3));
}
