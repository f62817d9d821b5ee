//! Each kind of write, and at each effect on its way (ledger, pending list, commits, bus, permits, calls, the tenant's
//! transaction, the outbox mark) the request is lost, or the reply, or the instance dies before or after: enumerated, not
//! sampled. It comes to the same as without trouble, and each target is written to as often.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value as Json, json};
use shared::breakage::{self, Breakage};
use shared::domain::id::Side;
use simulation::aim::Harm;

use crate::story::{ACME, NetSuite, Pair, Story, SuiteX};

/// A record that both sides have, and what somebody does to it.
struct Kind {
    name: &'static str,
    prepare: fn(&mut Story) -> Option<Pair>,
    act: fn(&mut Story, Option<&Pair>),
    /// What both sides hold in the end.
    seen: fn(&Story) -> Json,
    /// Our writes that change something: in NetSuite, in SuiteX.
    writes: (u64, u64),
}

const KINDS: [Kind; 11] = [
    Kind {
        name: "create in NetSuite",
        prepare: |_| None,
        act: |story, _| {
            let values = json!({ "company_name": "Ada", "phone": "1", "email": "a@b.c" });
            drop(story.create(SuiteX, "customer", values))
        },
        seen: customers,
        writes: (1, 0),
    },
    Kind {
        name: "create in SuiteX",
        prepare: |_| None,
        act: |story, _| {
            let values = json!({ "companyname": "Ada", "phone": "1", "email": "a@b.c" });
            drop(story.create(NetSuite, "customer", values))
        },
        seen: customers,
        writes: (0, 1),
    },
    Kind {
        name: "update in NetSuite",
        prepare: customer,
        act: |story, pair| story.edit(SuiteX, "customer", &of(pair).suitex, json!({ "phone": "2" })),
        seen: customers,
        writes: (1, 0),
    },
    Kind {
        name: "update in SuiteX",
        prepare: customer,
        act: |story, pair| story.edit(NetSuite, "customer", &of(pair).netsuite, json!({ "phone": "2" })),
        seen: customers,
        writes: (0, 1),
    },
    Kind {
        name: "delete in NetSuite",
        prepare: customer,
        act: |story, pair| story.delete(SuiteX, "customer", &of(pair).suitex),
        seen: customers,
        writes: (1, 0),
    },
    // NetSuite's deletions wait for a person, whose decision is on its way when the trouble begins.
    Kind {
        name: "delete in SuiteX",
        prepare: |story| {
            let pair = story.customer(json!({ "companyname": "Ada", "phone": "1" }));
            story.delete(NetSuite, "customer", &pair.netsuite);
            story.settle();
            let conflict = story.conflict();
            story.decide(&conflict, json!({ "keep": false }));
            None
        },
        act: |_, _| {},
        seen: customers,
        writes: (0, 1),
    },
    Kind {
        name: "line in NetSuite",
        prepare: order,
        act: |story, pair| edit_line(story, of(pair), SuiteX),
        seen: orders,
        writes: (1, 0),
    },
    Kind {
        name: "line in SuiteX",
        prepare: order,
        act: |story, pair| edit_line(story, of(pair), NetSuite),
        seen: orders,
        writes: (0, 1),
    },
    // NetSuite has the customer, of which nobody has heard, and lacks its telephone.
    Kind {
        name: "match",
        prepare: |story| {
            unheard(story, "Ada");
            None
        },
        act: |story, _| {
            let values = json!({ "company_name": "Ada", "phone": "1", "email": "A@B.C" });
            drop(story.create(SuiteX, "customer", values));
        },
        seen: customers,
        writes: (1, 0),
    },
    // It has two, and a person's choice is on its way when the trouble begins.
    Kind {
        name: "choice",
        prepare: |story| {
            let id = unheard(story, "Ada");
            unheard(story, "Ada");
            let values = json!({ "company_name": "Ada", "phone": "1", "email": "a@b.c" });
            story.create(SuiteX, "customer", values);
            story.settle();
            let asked = story.get("ambiguous")["items"][0].clone();
            let path = format!("ambiguous/{}/decide", asked["ambiguityId"].as_str().expect("an id"));
            let (status, answer) = story.post(&path, json!({ "revision": 1, "choice": { "link": id } }));
            assert!(status.is_success(), "{answer}");
            None
        },
        act: |_, _| {},
        seen: customers,
        writes: (1, 0),
    },
    // The order waits for its customer's link, which wakes it.
    Kind {
        name: "link",
        prepare: |_| None,
        act: |story, _| {
            let customer = story.create(SuiteX, "customer", json!({ "company_name": "Ada" }));
            story.create(SuiteX, "salesorder", json!({ "customer_id": customer, "memo": "m" }));
        },
        seen: |story| json!([customers(story), orders(story)]),
        writes: (2, 0),
    },
];

fn of(pair: Option<&Pair>) -> &Pair {
    pair.expect("a record that both sides have")
}

fn customer(story: &mut Story) -> Option<Pair> {
    Some(story.customer(json!({ "companyname": "Ada", "phone": "1" })))
}

/// A customer of NetSuite that nobody has told of, with the address `a@b.c`.
fn unheard(story: &Story, name: &str) -> String {
    let values = json!({ "companyname": name, "email": "a@b.c" });
    let values = values.as_object().expect("an object");
    let kind = crate::story::kind("customer");
    story.world.netsuite.ui_create(&story.account(), &kind, values, false, "ann").expect("a customer")
}

fn order(story: &mut Story) -> Option<Pair> {
    let customer = story.customer(json!({ "companyname": "Ada" }));
    let item = story.born(NetSuite, "item", json!({ "itemid": "Bolt" }));
    let line = |quantity| json!({ "item": item.netsuite, "quantity": quantity, "rate": "10" });
    let values = json!({ "entity": customer.netsuite, "item": [line(1), line(2)] });
    Some(story.born(NetSuite, "salesorder", values))
}

fn edit_line(story: &mut Story, pair: &Pair, side: Side) {
    let (id, field) = if side == NetSuite { (&pair.netsuite, "item") } else { (&pair.suitex, "lines") };
    let mut lines = story.value(side, "salesorder", id, field);
    lines[0]["quantity"] = json!(7);
    story.edit(side, "salesorder", id, json!({ field: lines }));
}

/// The customers of both sides, without ids.
fn customers(story: &Story) -> Json {
    let phones = |side, name: &str| {
        let rows = story.all(side, "customer");
        rows.iter().map(|row| json!([row[name], row["phone"]])).collect::<Vec<_>>()
    };
    json!([phones(NetSuite, "companyname"), phones(SuiteX, "company_name")])
}

/// The orders of both sides, without ids.
fn orders(story: &Story) -> Json {
    let cells = |row: &serde_json::Map<String, Json>, lines: &str, memo: &str| {
        let quantities = row[lines].as_array().into_iter().flatten().map(|line| line["quantity"].clone());
        json!([row[memo], quantities.collect::<Vec<_>>()])
    };
    let netsuite = story.all(NetSuite, "salesorder");
    let suitex = story.all(SuiteX, "salesorder");
    json!([
        netsuite.iter().map(|row| cells(row, "item", "memo")).collect::<Vec<_>>(),
        suitex.iter().map(|row| cells(row, "lines", "memo")).collect::<Vec<_>>()
    ])
}

/// Plays a kind of write; what is seen at the end, and how many effects it had.
fn play(kind: &Kind, at: Option<(usize, Harm)>) -> (Json, usize) {
    let mut story = Story::new();
    let pair = (kind.prepare)(&mut story);
    let before = story.writes();
    story.world.faults.lanes[ACME].aim(at);
    (kind.act)(&mut story, pair.as_ref());
    story.settle();
    let effects = story.world.faults.lanes[ACME].effects();
    // What is in the ledger and nowhere else is found by the tick.
    story.pass(180_000);
    story.world.faults.lanes[ACME].aim(None);
    let writes = story.writes();
    let wrote = (writes.0 - before.0, writes.1 - before.1);
    assert_eq!(wrote, kind.writes, "{} with {at:?}\n{}", kind.name, story.trace());
    assert_eq!(story.errors(), [], "{} with {at:?}", kind.name);
    ((kind.seen)(&story), effects)
}

#[test]
fn trouble_at_any_effect_of_any_write_comes_to_one_effect() {
    let mut hit = 0;
    for kind in &KINDS {
        let (expected, effects) = play(kind, None);
        assert!(effects > 7, "{} has only {effects} effects", kind.name);
        for nth in 0..effects {
            for harm in Harm::ALL {
                let (seen, _) = play(kind, Some((nth, harm)));
                assert_eq!(seen, expected, "{} with {harm:?} at effect {nth} of {effects}", kind.name);
                hit += 1;
            }
        }
    }
    assert!(hit > 500, "{hit}");
}

#[test]
fn an_event_that_is_acknowledged_too_early_is_noticed() {
    breakage::set(Some(Breakage::AckBeforeCommit));
    let kind = KINDS.iter().find(|kind| kind.name == "update in NetSuite").expect("one of the table");
    let (expected, effects) = play(kind, None);
    let is_noticed = |nth: &usize| {
        let hit = AssertUnwindSafe(|| play(kind, Some((*nth, Harm::CrashBefore))));
        catch_unwind(hit).map_or(true, |(seen, _)| seen != expected)
    };
    let noticed = (0..effects).filter(is_noticed).count();
    breakage::set(None);
    assert!(noticed > 0, "the enumeration sees nothing");
}
