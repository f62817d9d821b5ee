//! Before a record is created, the other side is asked for one that it could be: one is linked, of several a person
//! chooses, and nothing is created blindly.

use http::StatusCode;
use local::netsuite::Behaviour;
use serde_json::{Value as Json, json};
use shared::breakage::{self, Breakage};
use shared::state::{Ambiguities, State};

use crate::story::{NetSuite, Story, SuiteX};

/// Customers that are alike, on both sides, of which nobody has heard: `(netsuite ids, suitex ids)`. The first side to be
/// heard is the one that is told first.
fn made(story: &mut Story, netsuite: &[Json], suitex: &[Json]) -> (Vec<String>, Vec<String>) {
    let ns = netsuite.iter().map(|values| {
        let account = story.account();
        let values = values.as_object().expect("an object");
        let kind = crate::story::kind("customer");
        story.world.netsuite.ui_create(&account, &kind, values, false, "ann").expect("a customer")
    });
    let ns = ns.collect();
    let sx = suitex.iter().map(|values| story.create(SuiteX, "customer", values.clone())).collect();
    (ns, sx)
}

fn counts(story: &Story) -> (usize, usize) {
    (story.count(NetSuite, "customer"), story.count(SuiteX, "customer"))
}

/// The only question that is open, as people see it.
#[track_caller]
fn question(story: &mut Story) -> Json {
    let list = story.get("ambiguous?account=acme");
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{list:#}");
    story.get(&format!("ambiguous/{}", items[0]["ambiguityId"].as_str().expect("an id")))
}

fn decide(story: &mut Story, question: &Json, choice: Json) -> (StatusCode, Json) {
    let path = format!("ambiguous/{}/decide?as=rita", question["ambiguityId"].as_str().expect("an id"));
    story.post(&path, json!({ "revision": question["revision"], "choice": choice, "note": "they rang" }))
}

#[test]
fn one_that_is_alike_becomes_the_same_record_and_keeps_what_only_one_side_knew() {
    let mut story = Story::new();
    let (ns, sx) = made(
        &mut story,
        &[json!({ "companyname": "Ada Ltd", "email": "ADA@x.y ", "phone": "1", "city": "Ulm" })],
        &[json!({ "company_name": "Ada", "email": "ada@x.y", "comments": "ring twice" })],
    );
    story.settle();
    assert_eq!(counts(&story), (1, 1));
    let pair = story.pair(SuiteX, "customer", &sx[0]);
    assert_eq!(pair.netsuite, ns[0]);
    story.assert_both("customer", &pair, "phone", json!("1"));
    story.assert_both("customer", &pair, "city", json!("Ulm"));
    story.assert_both("customer", &pair, "comments", json!("ring twice"));
    let record = story.record(NetSuite, "customer", &ns[0]);
    assert!(story.world.state.audit(&story.account()).iter().any(|row| row.action == "linked"
        && row.subject == record.key.to_string()
        && row.details["matched"] == json!([["email"]])));
    // Neither email is what somebody must write for the other to be taken: SuiteX wins.
    assert_eq!(story.value(NetSuite, "customer", &ns[0], "email"), json!("ada@x.y"));
    story.forget_edits();
}

#[test]
fn a_change_of_one_that_nobody_has_told_of_is_looked_up_before_anything_is_made_of_it() {
    let mut story = Story::new();
    let ada = json!({ "companyname": "Ada", "email": "a@b.c", "city": "Ulm" });
    let id = story.create_unseen("customer", ada);
    story.edit(NetSuite, "customer", &id, json!({ "phone": "2" }));
    story.settle();
    let pair = story.pair(NetSuite, "customer", &id);
    for (field, value) in [("company_name", "Ada"), ("email", "a@b.c"), ("city", "Ulm"), ("phone", "2")] {
        assert_eq!(story.value(SuiteX, "customer", &pair.suitex, field), json!(value), "{field}");
    }
    assert_eq!(story.writes().1, 1, "it was made at once as it is: {}", story.trace());
    story.forget_edits();
}

#[test]
fn it_is_found_from_either_side_and_whoever_is_heard_first() {
    for poll_first in [false, true] {
        let mut story = Story::new();
        let (ns, sx) = if poll_first {
            let (ns, _) = made(&mut story, &[json!({ "companyname": "Ada", "email": "a@b.c" })], &[]);
            story.poll();
            // It has a counterpart now, and what comes is another.
            let sx =
                vec![story.create(SuiteX, "customer", json!({ "company_name": "Ada 2", "email": "a@b.c" }))];
            (ns, sx)
        } else {
            let sx =
                vec![story.create(SuiteX, "customer", json!({ "company_name": "Ada", "email": "a@b.c" }))];
            let (ns, _) = made(&mut story, &[json!({ "companyname": "Ada", "email": "a@b.c" })], &[]);
            (ns, sx)
        };
        story.settle();
        let pair = story.pair(SuiteX, "customer", &sx[0]);
        assert_eq!(counts(&story), if poll_first { (2, 2) } else { (1, 1) });
        assert_eq!(pair.netsuite == ns[0], !poll_first, "one that has a counterpart is no match");
        story.forget_edits();
    }
}

#[test]
fn both_sides_tell_of_theirs_at_the_same_moment() {
    let mut story = Story::new();
    story.create(NetSuite, "customer", json!({ "companyname": "Ada", "email": "a@b.c", "phone": "1" }));
    story.create(SuiteX, "customer", json!({ "company_name": "Ada", "email": "A@B.C", "phone": "1" }));
    story.settle();
    assert_eq!(counts(&story), (1, 1));
    assert_eq!(story.errors(), []);
    story.forget_edits();
}

#[test]
fn what_differs_and_needs_a_person_is_a_conflict_and_overwrites_nobody() {
    let mut story = Story::new();
    let (ns, sx) = made(
        &mut story,
        &[json!({ "companyname": "Ada", "email": "a@b.c", "comments": "theirs" })],
        &[json!({ "company_name": "Ada", "email": "a@b.c", "comments": "ours" })],
    );
    story.settle();
    assert_eq!(story.value(NetSuite, "customer", &ns[0], "comments"), json!("theirs"));
    assert_eq!(story.value(SuiteX, "customer", &sx[0], "comments"), json!("ours"));
    let conflict = story.conflict();
    assert_eq!(conflict["fields"]["comments"]["base"], json!(null), "nothing was ever agreed");
    story.resolve(&conflict, json!({ "choice": "netsuite" }));
    let pair = story.pair(SuiteX, "customer", &sx[0]);
    story.assert_both("customer", &pair, "comments", json!("theirs"));
}

#[test]
fn of_several_a_person_chooses_and_nothing_is_created_before() {
    let mut story = Story::new();
    let (ns, sx) = made(
        &mut story,
        &[
            json!({ "companyname": "Ada North", "email": "a@b.c", "phone": "1" }),
            json!({ "companyname": "Ada South", "email": "a@b.c" }),
        ],
        &[json!({ "company_name": "Ada", "email": "a@b.c", "comments": "c" })],
    );
    story.settle();
    assert_eq!(counts(&story), (2, 1));
    assert_eq!(story.writes(), (0, 0));
    let asked = question(&mut story);
    assert_eq!((&asked["side"], &asked["status"]), (&json!("netsuite"), &json!("open")));
    assert_eq!(asked["state"]["company_name"], json!("Ada"));
    let ids: Vec<&str> =
        asked["candidates"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&ns[0], &ns[1]]);
    assert_eq!(asked["candidates"][0]["matched"], json!([["email"]]));
    let preview = asked["candidates"][0]["preview"].as_array().expect("a preview");
    let of =
        |field: &str| preview.iter().find(|one| one["field"] == field).unwrap_or_else(|| panic!("{field}"));
    assert_eq!(of("phone")["result"], json!("1"));
    assert_eq!(of("phone")["writtenTo"], json!(["suitex"]));
    assert_eq!(of("comments")["writtenTo"], json!(["netsuite"]));
    let foretold = of("company_name")["result"].clone();
    let view = story.get(&format!("records/acme/customer/suitex:{}", sx[0]));
    assert_eq!(view["status"], json!("ambiguous"));
    let notices = story.world.state.all_notices(&story.account());
    assert_eq!(
        notices.iter().filter(|notice| notice.topic.as_str() == "ambiguous").count(),
        1,
        "{notices:?}"
    );

    let (status, answer) = decide(&mut story, &asked, json!({ "link": ns[0] }));
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    // A double click is one event.
    assert_eq!(decide(&mut story, &asked, json!({ "link": ns[0] })).1, answer);
    story.settle();
    let told = story.world.state.audit(&story.account());
    let told = told.iter().find(|row| row.action == "identified").expect("who said so is in the audit");
    assert_eq!((told.actor.as_str(), &told.details["why"]), ("rita@dev.example", &json!("they rang")));
    let pair = story.pair(SuiteX, "customer", &sx[0]);
    assert_eq!(pair.netsuite, ns[0]);
    story.assert_both("customer", &pair, "phone", json!("1"));
    story.assert_both("customer", &pair, "comments", json!("c"));
    let names = [(NetSuite, &ns[0], "companyname"), (SuiteX, &sx[0], "company_name")];
    assert_eq!(
        names.map(|(side, id, name)| story.value(side, "customer", id, name)),
        [foretold.clone(), foretold]
    );
    let (status, late) = decide(&mut story, &asked, json!("create"));
    assert_eq!((status, &late["ambiguity"]["status"]), (StatusCode::CONFLICT, &json!("closed")));
    story.forget_edits();
    // The other one is a customer of its own.
    story.poll();
    assert_eq!(counts(&story), (2, 2));
    assert_eq!(story.errors(), []);
}

#[test]
fn no_rule_answers_what_a_person_is_asked() {
    for is_linked in [true, false] {
        let mut story = Story::new();
        let (ns, sx) = made(
            &mut story,
            &[
                json!({ "companyname": "Ada North", "email": "a@b.c" }),
                json!({ "companyname": "Ada South", "email": "a@b.c" }),
            ],
            &[json!({ "company_name": "Ada", "email": "a@b.c" })],
        );
        story.settle();
        // The candidates are heard of, and SuiteX has what each of them could be.
        for _ in 0..3 {
            story.tell_of_changes();
            story.pass(600_000);
        }
        assert_eq!(counts(&story), (2, 1), "nobody has answered yet");
        assert_eq!(story.value(SuiteX, "customer", &sx[0], "company_name"), json!("Ada"));
        let asked = question(&mut story);
        let choice = if is_linked { json!({ "link": ns[1] }) } else { json!("create") };
        let (status, answer) = decide(&mut story, &asked, choice);
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        story.settle();
        story.pass(600_000);
        story.settle();
        let pair = story.pair(SuiteX, "customer", &sx[0]);
        assert_eq!(ns[1] == pair.netsuite, is_linked);
        // Whoever was not chosen is a customer of its own.
        assert_eq!(counts(&story), if is_linked { (2, 2) } else { (3, 3) });
        assert_eq!(
            story.value(SuiteX, "customer", &story.pair(NetSuite, "customer", &ns[0]).suitex, "company_name"),
            json!("Ada North")
        );
        assert_eq!((story.get("ambiguous")["items"].clone(), story.errors()), (json!([]), vec![]));
        story.forget_edits();
    }
}

#[test]
fn a_person_may_say_that_it_is_none_of_them_and_is_not_asked_again() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let (_, sx) = made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    let asked = question(&mut story);
    let (status, _) = decide(&mut story, &asked, json!("create"));
    assert_eq!(status, StatusCode::ACCEPTED);
    story.settle();
    assert_eq!(counts(&story), (3, 1));
    let pair = story.pair(SuiteX, "customer", &sx[0]);
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "companyname"), json!("Ada"));
    assert_eq!(story.get("ambiguous")["items"], json!([]));
}

#[test]
fn what_came_after_the_person_had_spoken_is_asked_about_anew() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let (_, sx) = made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    let asked = question(&mut story);
    // Another one, before the word has come through.
    let (more, _) = made(&mut story, &[alike("East")], &[]);
    assert_eq!(decide(&mut story, &asked, json!("create")).0, StatusCode::ACCEPTED);
    story.settle();
    assert_eq!(counts(&story), (3, 1), "nothing was created");
    let again = question(&mut story);
    assert_eq!(again["revision"], json!(2));
    let (status, stale) = decide(&mut story, &asked, json!("create"));
    assert_eq!((status, &stale["ambiguity"]["revision"]), (StatusCode::CONFLICT, &json!(2)));
    assert_eq!(decide(&mut story, &again, json!({ "link": more[0] })).0, StatusCode::ACCEPTED);
    story.settle();
    assert_eq!(story.pair(SuiteX, "customer", &sx[0]).netsuite, more[0]);
    story.forget_edits();
}

#[test]
fn nobody_need_tell_when_the_record_is_deleted_or_found_by_another_value() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let ada = || json!({ "company_name": "Ada", "email": "a@b.c" });
    let (_, sx) = made(&mut story, &[alike("North"), alike("South")], &[ada()]);
    story.settle();
    question(&mut story);
    story.edit(SuiteX, "customer", &sx[0], json!({ "email": "ada@b.c" }));
    story.settle();
    assert_eq!(story.get("ambiguous")["items"], json!([]));
    assert_eq!(counts(&story), (3, 1), "it has an address of its own now");

    let eve = story.create(SuiteX, "customer", ada());
    story.settle();
    question(&mut story);
    story.delete(SuiteX, "customer", &eve);
    story.settle();
    assert_eq!(story.get("ambiguous")["items"], json!([]));
    assert_eq!(counts(&story), (3, 1));
}

#[test]
fn the_other_side_may_be_put_in_order_and_asked_again() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let (ns, sx) = made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    let asked = question(&mut story);
    story.edit_unseen("customer", &ns[1], json!({ "email": "south@b.c" }));
    assert_eq!(decide(&mut story, &asked, json!("again")).0, StatusCode::ACCEPTED);
    story.settle();
    assert_eq!(story.pair(SuiteX, "customer", &sx[0]).netsuite, ns[0]);
    story.forget_edits();
}

#[test]
fn a_word_that_cannot_be_taken_says_why() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    let asked = question(&mut story);
    let path = format!("ambiguous/{}/decide?as=rita", asked["ambiguityId"].as_str().unwrap());
    for (body, at) in [
        (json!([]), "$"),
        (json!({ "choice": "create" }), "revision"),
        (json!({ "revision": 1 }), "choice"),
        (json!({ "revision": 1, "choice": "perhaps" }), "choice"),
        (json!({ "revision": 1, "choice": { "link": "4711" } }), "choice.link"),
        (json!({ "revision": 1, "choice": "create", "note": 7 }), "note"),
        (json!({ "revision": 1, "choice": "create", "colour": "red" }), "colour"),
    ] {
        let (status, problem) = story.post(&path, body.clone());
        assert!(status.is_client_error(), "{body}: {status}");
        assert_eq!(problem["field"], json!(at), "{body}: {problem}");
    }
    let nowhere = story.post(
        "ambiguous/00000000-0000-0000-0000-000000000007/decide",
        json!({"revision": 1, "choice": "create"}),
    );
    assert_eq!(nowhere.0, StatusCode::NOT_FOUND);
    // The question stands, and a word that can be taken ends it.
    let (status, answer) = decide(&mut story, &asked, json!("create"));
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.settle();
    assert_eq!(counts(&story), (3, 1));
}

#[test]
fn an_order_whose_lines_were_made_apart_does_not_get_each_line_twice() {
    let mut story = Story::configured(|own| {
        own.replace("[type.salesorder]\n", "[type.salesorder]\nmatch = [[\"customer\", \"memo\"]]\n")
    });
    let customer = story.customer(json!({ "companyname": "Ada" }));
    let item = story.born(NetSuite, "item", json!({ "itemid": "Bolt" }));
    let account = story.account();
    let order = json!({ "entity": customer.netsuite, "memo": "PO 7", "item": [{ "item": item.netsuite, "quantity": 3, "rate": "1" }] });
    let kind = crate::story::kind("salesorder");
    let ns =
        story.world.netsuite.ui_create(&account, &kind, order.as_object().unwrap(), false, "ann").unwrap();
    let lines = json!([{ "item_id": item.suitex, "quantity": 3, "rate": "1" }]);
    let sx = story.create(
        SuiteX,
        "salesorder",
        json!({ "customer_id": customer.suitex, "memo": "po 7", "lines": lines }),
    );
    story.settle();
    let pair = story.pair(SuiteX, "salesorder", &sx);
    assert_eq!(pair.netsuite, ns);
    let (here, there) =
        (story.value(NetSuite, "salesorder", &ns, "item"), story.value(SuiteX, "salesorder", &sx, "lines"));
    assert_eq!((here.as_array().unwrap().len(), there.as_array().unwrap().len()), (1, 1), "{here} {there}");
    story.forget_edits();
}

#[test]
fn a_free_one_is_seen_behind_ten_that_are_others() {
    let mut story = Story::new();
    for n in 0..9 {
        story.born(NetSuite, "customer", json!({ "companyname": format!("Linked {n}"), "email": "a@b.c" }));
    }
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let (ns, sx) = made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    let asked = question(&mut story);
    let ids: Vec<&str> =
        asked["candidates"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&ns[0], &ns[1]], "neither was linked because the other was not shown");
    assert_eq!(decide(&mut story, &asked, json!({ "link": ns[1] })).0, StatusCode::ACCEPTED);
    story.settle();
    assert_eq!(story.pair(SuiteX, "customer", &sx[0]).netsuite, ns[1]);
    story.forget_edits();
}

/// NetSuite refuses customers of this name.
fn refuses_bad_names(story: &mut Story) {
    let refuses = Behaviour::RefuseContaining("bad".into());
    story.netsuite(|f| drop(f.behaviours.insert("customer.companyname".into(), refuses)));
}

/// An admin sets values of a record of SuiteX.
fn override_fields(story: &mut Story, sx: &str, fields: Json, unlock: bool) {
    let path = format!("records/acme/customer/suitex:{sx}");
    let version = story.get(&path)["version"].clone();
    let body = json!({ "version": version, "note": "by phone", "fields": fields, "unlock": unlock });
    assert_eq!(story.post(&format!("{path}/override"), body).0, StatusCode::ACCEPTED);
}

#[test]
fn what_an_admin_has_set_waits_for_its_record_to_be_written_before_it_becomes_another_ones() {
    let mut story = Story::new();
    refuses_bad_names(&mut story);
    let sx =
        story.create(SuiteX, "customer", json!({ "company_name": "bad", "email": "a@b.c", "phone": "1" }));
    story.settle();
    let refused = story.error();
    // The record is locked, and so its own side is not written either.
    override_fields(&mut story, &sx, json!({ "phone": "2" }), false);
    story.settle();
    let ns = story.create(NetSuite, "customer", json!({ "companyname": "Ada", "email": "a@b.c" }));
    let begun = story.world.executor.now();
    story.settle();
    let waited = story.world.executor.now().0 - begun.0;
    assert!((30_000..900_000).contains(&waited), "later and later, and not for ever: {waited} ms");
    let errors = story.errors();
    let unclear = errors.iter().find(|error| error.code == "NOT_IDENTIFIED").expect("a person must look");
    assert!(unclear.message.contains(&format!("{sx}, which is sx-{sx}")), "{}", unclear.message);
    assert_eq!((errors.len(), counts(&story)), (2, (1, 1)));

    story.netsuite(|f| f.behaviours.clear());
    story.retry(&refused);
    // The other ends with it.
    story.pass(120_000);
    assert_eq!(story.errors(), []);
    let pair = story.pair(SuiteX, "customer", &sx);
    assert_eq!((pair.netsuite.clone(), counts(&story)), (ns, (1, 1)));
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.errors(), []);
    story.forget_edits();
}

#[test]
fn no_question_stays_open_about_a_record_that_an_admin_has_unlocked() {
    let mut story = Story::new();
    let alike = |n: &str| json!({ "companyname": n, "email": "a@b.c" });
    let (ns, sx) = made(
        &mut story,
        &[alike("North"), alike("South")],
        &[json!({ "company_name": "Ada", "email": "a@b.c" })],
    );
    story.settle();
    question(&mut story);
    for id in &ns {
        story.edit_unseen("customer", id, json!({ "email": "other@b.c" }));
    }
    override_fields(&mut story, &sx[0], json!({ "phone": "7" }), true);
    story.settle();
    assert_eq!(counts(&story), (3, 1));
    assert_eq!(story.get("ambiguous")["items"], json!([]));
    story.forget_edits();
}

#[test]
fn no_question_stays_open_about_a_record_that_turns_out_to_be_another() {
    let mut story = Story::new();
    refuses_bad_names(&mut story);
    for _ in 0..2 {
        story.create(SuiteX, "customer", json!({ "company_name": "bad", "email": "a@b.c" }));
    }
    story.settle();
    story.hold_user_events = true;
    story.netsuite(|f| f.lost_reply = 1.0);
    let sx = story.create(SuiteX, "customer", json!({ "company_name": "Ada", "email": "ada@b.c" }));
    story.pass(3_000);
    let ns = story.all(NetSuite, "customer").len();
    assert_eq!(ns, 1, "it was created, and nobody heard of it");
    let id = story.world.netsuite.all(&story.account(), &crate::story::kind("customer"))[0].id.clone();
    // A script of the account gives it another address, and tells without our mark.
    story.edit(NetSuite, "customer", &id, json!({ "email": "a@b.c" }));
    story.drain();
    for event in &mut story.world.lanes[crate::story::ACME].user_events {
        let event = event.as_object_mut().expect("an event");
        event.retain(|name, _| name != "externalId" && name != "metadata");
    }
    story.hold_user_events = false;
    story.pass(60_000);
    let asked = question(&mut story);
    assert_eq!((&asked["side"], &asked["recordId"]), (&json!("suitex"), &json!(id)));
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    assert_eq!(story.pair(SuiteX, "customer", &sx).netsuite, id);
    assert_eq!(story.get("ambiguous")["items"], json!([]));
    story.forget_edits();
}

#[test]
fn who_creates_blindly_is_noticed() {
    breakage::set(Some(Breakage::CreatedBlindly));
    let mut story = Story::new();
    made(&mut story, &[json!({ "companyname": "Ada", "email": "a@b.c" })], &[]);
    story.create(SuiteX, "customer", json!({ "company_name": "Ada", "email": "a@b.c" }));
    story.settle();
    breakage::set(None);
    let beside = story.world.netsuite.created_beside(&story.account());
    assert_eq!(beside.len(), 1, "{beside:?}");
    let account = story.account();
    let asked = futures::FutureExt::now_or_never(story.world.state.open_ambiguities(&account, None, 10));
    assert!(asked.expect("memory").expect("memory").is_empty());
    let errors = futures::FutureExt::now_or_never(story.world.state.errors(None, true, None, 10));
    assert!(errors.expect("memory").expect("memory").items.is_empty());
    // Its own checks would fail: that is the point.
    std::mem::forget(story);
}
