//! Lines are merged by line and column.

use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// An order with two lines, of quantity 1 and 2 at a rate of 10.
fn order(policy: &str) -> (Story, Pair) {
    let policy = format!("required = true\npolicy = \"{policy}\"\nkey");
    let mut story =
        Story::configured(|text| text.replace("required = true\npolicy = \"latest_wins\"\nkey", &policy));
    let customer = story.customer(json!({"companyname": "Ada"}));
    let item = story.born(NetSuite, "item", json!({"itemid": "Bolt"}));
    let line = |quantity| json!({"item": item.netsuite, "quantity": quantity, "rate": "10"});
    let values = json!({"entity": customer.netsuite, "item": [line(1), line(2)]});
    let pair = story.born(NetSuite, "salesorder", values);
    (story, pair)
}

/// Changes the lines of a side as a person does: the whole list, with its keys.
fn edit(story: &mut Story, pair: &Pair, side: shared::domain::id::Side, change: impl FnOnce(&mut Vec<Json>)) {
    let (id, field) = if side == NetSuite { (&pair.netsuite, "item") } else { (&pair.suitex, "lines") };
    let mut lines = story.value(side, "salesorder", id, field);
    change(lines.as_array_mut().expect("lines"));
    story.edit(side, "salesorder", id, json!({ field: lines }));
}

/// Quantity and rate of each line, the same on both sides.
fn lines(story: &Story, pair: &Pair) -> Vec<(i64, String)> {
    let of = |side, id: &str, field: &str| {
        let lines = story.value(side, "salesorder", id, field);
        let cell = |l: &Json| {
            (l["quantity"].as_i64().expect("a number"), l["rate"].as_str().expect("text").to_string())
        };
        let mut cells: Vec<_> = lines.as_array().into_iter().flatten().map(cell).collect();
        cells.sort();
        cells
    };
    let (netsuite, suitex) = (of(NetSuite, &pair.netsuite, "item"), of(SuiteX, &pair.suitex, "lines"));
    assert_eq!(netsuite, suitex);
    netsuite
}

/// The line of this quantity.
fn of(lines: &mut [Json], quantity: i64) -> &mut Json {
    lines.iter_mut().find(|l| l["quantity"] == json!(quantity)).expect("a line of this quantity")
}

fn cell(quantity: i64, rate: &str) -> (i64, String) {
    (quantity, rate.to_string())
}

#[test]
fn different_lines_and_different_columns_are_put_together() {
    let (mut story, pair) = order("manual");
    edit(&mut story, &pair, NetSuite, |lines| of(lines, 1)["quantity"] = json!(5));
    edit(&mut story, &pair, SuiteX, |lines| {
        of(lines, 1)["rate"] = json!("11");
        of(lines, 2)["rate"] = json!("12");
    });
    story.settle();
    assert_eq!(lines(&story, &pair), [cell(2, "12.0000"), cell(5, "11.0000")]);
    assert_eq!(story.get("conflicts")["items"], json!([]), "nothing contradicts itself");
}

#[test]
fn one_cell_changed_on_both_sides_is_decided_by_the_policy() {
    for (policy, expected) in [("netsuite_wins", 5), ("suitex_wins", 7)] {
        let (mut story, pair) = order(policy);
        edit(&mut story, &pair, NetSuite, |lines| of(lines, 1)["quantity"] = json!(5));
        edit(&mut story, &pair, SuiteX, |lines| {
            of(lines, 1)["quantity"] = json!(7);
            of(lines, 2)["rate"] = json!("12");
        });
        story.settle();
        assert_eq!(lines(&story, &pair), [cell(2, "12.0000"), cell(expected, "10.0000")], "{policy}");
    }
}

#[test]
fn one_cell_changed_on_both_sides_is_asked_about_when_the_policy_says_so() {
    let (mut story, pair) = order("manual");
    edit(&mut story, &pair, NetSuite, |lines| of(lines, 1)["quantity"] = json!(5));
    edit(&mut story, &pair, SuiteX, |lines| of(lines, 1)["quantity"] = json!(7));
    story.settle();
    let conflict = story.conflict();
    assert!(conflict["fields"]["lines"].is_object(), "{conflict}");
    story.resolve(&conflict, json!({"choice": "suitex"}));
    assert_eq!(lines(&story, &pair), [cell(2, "10.0000"), cell(7, "10.0000")]);
}

#[test]
fn added_lines_of_both_sides_are_all_there_and_keep_their_keys() {
    let (mut story, pair) = order("netsuite_wins");
    let add = |quantity| {
        move |lines: &mut Vec<Json>| {
            let mut line = lines[0].clone();
            let line_object = line.as_object_mut().expect("a line");
            line_object
                .retain(|name, _| !matches!(name.as_str(), "line_key" | "lineuniquekey" | "custcol_sx_line"));
            line["quantity"] = json!(quantity);
            lines.push(line);
        }
    };
    edit(&mut story, &pair, NetSuite, add(3));
    edit(&mut story, &pair, SuiteX, add(4));
    story.settle();
    let all = [cell(1, "10.0000"), cell(2, "10.0000"), cell(3, "10.0000"), cell(4, "10.0000")];
    assert_eq!(lines(&story, &pair), all);
    // A line that was born in SuiteX is the same line when NetSuite edits it.
    edit(&mut story, &pair, NetSuite, |lines| of(lines, 4)["rate"] = json!("44"));
    story.settle();
    assert_eq!(lines(&story, &pair)[3], cell(4, "44.0000"));
    assert_eq!(lines(&story, &pair).len(), 4);
}

#[test]
fn a_line_that_one_side_removes_goes_on_the_other_too() {
    for side in [NetSuite, SuiteX] {
        let (mut story, pair) = order("manual");
        edit(&mut story, &pair, side, |lines| lines.retain(|l| l["quantity"] != json!(1)));
        story.settle();
        assert_eq!(lines(&story, &pair), [cell(2, "10.0000")]);
    }
}

/// An order of which `remover` has removed the first line while the other side changed it.
fn removed(policy: &str, remover: shared::domain::id::Side) -> (Story, Pair) {
    let (mut story, pair) = order(policy);
    edit(&mut story, &pair, remover, |lines| lines.retain(|l| l["quantity"] != json!(1)));
    edit(&mut story, &pair, remover.other(), |lines| of(lines, 1)["quantity"] = json!(9));
    story.settle();
    (story, pair)
}

#[test]
fn a_removed_line_stays_away_where_the_policy_is_with_who_removed_it() {
    for (policy, remover) in [("netsuite_wins", NetSuite), ("suitex_wins", SuiteX)] {
        let (story, pair) = removed(policy, remover);
        assert_eq!(lines(&story, &pair), [cell(2, "10.0000")], "{policy}");
    }
}

#[test]
fn a_line_removed_in_suitex_comes_back_where_the_policy_is_with_who_changed_it() {
    let (story, pair) = removed("netsuite_wins", SuiteX);
    assert_eq!(lines(&story, &pair), [cell(2, "10.0000"), cell(9, "10.0000")]);
}

#[test]
fn a_line_removed_in_netsuite_comes_back_where_the_policy_is_with_who_changed_it() {
    let (story, pair) = removed("suitex_wins", NetSuite);
    assert_eq!(story.errors(), []);
    assert_eq!(lines(&story, &pair), [cell(2, "10.0000"), cell(9, "10.0000")]);
}
