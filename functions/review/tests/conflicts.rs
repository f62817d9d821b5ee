//! Conflicts: shown, and decided.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use memory_ports::{Answer, NOW, World, get, key, post};
use review::identity::Development;
use review::{App, BODY_MAX_BYTES, Identity, router};
use serde_json::{Value as Json, json};
use shared::domain::absorb::absorb_resolution;
use shared::domain::conflict::{Clash, Conflict};
use shared::domain::event::{ChangeEvent, Source};
use shared::domain::id::{PerSide, RecordKey, Side, derived_id};
use shared::domain::record::{Record, Span};
use shared::domain::surface::{Policy, Risk};
use shared::domain::value::Value;
use shared::pubsub::Topic;

struct Desk {
    world: World,
    router: Router,
    customer: RecordKey,
}

/// A customer whose comments (low risk) and credit limit (high risk) were changed on both sides.
fn desk() -> Desk {
    let world = World::new();
    let customer = key("acme", "customer", "7");
    let mut record = world.synced(&customer, json!({"comments": "base", "credit_limit": "1"}));
    world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "sx", "credit_limit": "2"}));
    world.tell(&mut record, Side::NetSuite, 101, false, &json!({"comments": "ns", "credit_limit": "3"}));
    world.store(&record, Vec::new());
    Desk { router: router(app(&world)), world, customer }
}

fn app(world: &World) -> App {
    let identity = Identity::Development(Development::new(&world.ports.config));
    App { ports: world.ports.clone(), identity }
}

impl Desk {
    fn record(&self) -> Record {
        self.world.load(&self.customer)
    }

    fn conflict(&self) -> Conflict {
        self.record().conflict.expect("it is open")
    }

    fn store(&self, record: &Record) {
        self.world.store(record, Vec::new());
    }

    fn path(&self) -> String {
        format!("/api/v1/conflicts/{}", self.conflict().id)
    }

    fn resolve(&self, mut answer: Json) -> Answer {
        if answer.get("conflictRevision").is_none() {
            answer["conflictRevision"] = json!(self.conflict().revision);
        }
        post(&self.router, &format!("{}/resolve", self.path()), answer.to_string())
    }

    /// The one event that was published, and the record once it has taken it.
    fn resolved(&self) -> (ChangeEvent, Record) {
        let messages = self.world.bus.on(Topic::Raw);
        let event = ChangeEvent::from_slice(&messages.last().unwrap().data).unwrap();
        let mut record = self.record();
        let surface = self.world.surface(&self.customer);
        let resolution = event.payload.resolution.as_ref().unwrap().to_domain(&surface).unwrap();
        let report = absorb_resolution(&mut record, &resolution, NOW);
        assert!(!report.outdated_resolution);
        (event, record)
    }

    fn shown(&self, record: &Record, field: &str) -> Json {
        let surface = self.world.surface(&self.customer);
        let field = surface.field(field).unwrap();
        surface.fields[field].kind.render(Side::SuiteX, &record.canonical[field])
    }
}

#[test]
fn a_conflict_shows_both_sides_and_a_suggestion() {
    let desk = desk();
    let shown = get(&desk.router, &desk.path()).body;
    let field = |base, suitex, netsuite, risk| {
        json!({"base": base, "suitex": suitex, "netsuite": netsuite, "suggested": netsuite,
            "policy": "manual", "risk": risk, "kind": if risk == "low" { "text" } else { "decimal" }})
    };
    let expected = json!({
        "conflictId": desk.conflict().id, "account": "acme", "recordType": "customer", "recordId": "7",
        "title": null, "ids": {"netsuite": "ns-7", "suitex": "sx-7"},
        "conflictRevision": desk.conflict().revision, "openedAt": "2026-01-01T00:00:00.000Z",
        "dueAt": "2026-01-02T00:00:00.000Z", "overdue": false, "assignee": null, "locksRecord": true,
        "fields": {"comments": field("base", "sx", "ns", "low"), "credit_limit": field("1.00", "2.00", "3.00", "high")}
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(shown[member], *value, "{member}");
    }
    let list =
        |query: &str| get(&desk.router, &format!("/review/api/v1/conflicts{query}")).body["items"].clone();
    assert_eq!(list(""), json!([expected]));
    assert_eq!(list("?account=acme&limit=1"), json!([expected]));
    assert_eq!(list("?account=globex"), json!([]));
}

#[test]
fn one_choice_decides_every_field() {
    for (choice, comments, limit) in
        [("suitex", "sx", "2.00"), ("netsuite", "ns", "3.00"), ("suggested", "ns", "3.00")]
    {
        let desk = desk();
        let answer = desk.resolve(json!({"choice": choice, "note": "called them"}));
        let (event, record) = desk.resolved();
        assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({"eventId": event.event_id})));
        assert_eq!(
            (event.source, event.record_id.as_str(), event.actor()),
            (Source::Review, "7", Some("ada@dev.example"))
        );
        assert!(event.payload.flush && event.auth_context["note"] == "called them");
        assert_eq!(
            (desk.shown(&record, "comments"), desk.shown(&record, "credit_limit")),
            (json!(comments), json!(limit))
        );
        assert_eq!(record.conflict, None);
    }
}

#[test]
fn fields_are_decided_one_by_one() {
    let desk = desk();
    let fields = json!({"comments": {"value": "both"}, "credit_limit": {"choice": "suitex"}});
    assert_eq!(desk.resolve(json!({"fields": fields})).status, 202);
    let (_, record) = desk.resolved();
    assert_eq!(
        (desk.shown(&record, "comments"), desk.shown(&record, "credit_limit")),
        (json!("both"), json!("2.00"))
    );
    let cleared = json!({"choice": "netsuite", "fields": {"comments": {"value": null}}});
    assert_eq!(desk.resolve(cleared).status, 202);
    let (_, record) = desk.resolved();
    assert_eq!(
        (desk.shown(&record, "comments"), desk.shown(&record, "credit_limit")),
        (Json::Null, json!("3.00"))
    );
}

#[test]
fn a_double_click_is_one_resolution_and_another_choice_is_another() {
    let desk = desk();
    let click = |value: Json| {
        let fields = json!({"comments": {"choice": "suitex"}, "credit_limit": {"value": value}});
        desk.resolve(json!({"fields": fields})).body["eventId"].clone()
    };
    let first = click(json!("4.5"));
    desk.world.clock.pass(1_000);
    assert_eq!(click(json!(4.50)), first, "the same value in another form");
    assert_ne!(click(json!("4.51")), first);
}

#[test]
fn a_conflict_that_moved_on_is_shown_instead() {
    let desk = desk();
    let seen = desk.conflict().revision;
    let mut record = desk.record();
    desk.world.tell(&mut record, Side::SuiteX, 102, false, &json!({"comments": "newer"}));
    desk.store(&record);
    let answer = desk.resolve(json!({"conflictRevision": seen, "choice": "suitex"}));
    assert_eq!(answer.problem().0, 409);
    assert_eq!(answer.body["conflict"]["fields"]["comments"]["suitex"], "newer");
    assert_eq!(answer.body["conflict"]["conflictRevision"], seen + 1);
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn what_is_wrong_with_an_answer_is_named() {
    let desk = desk();
    let with = |name: &str, decision: Json| {
        let mut fields = json!({"comments": {"choice": "suitex"}, "credit_limit": {"choice": "suitex"}});
        fields[name] = decision;
        json!({ "fields": fields })
    };
    for (answer, field, reason) in [
        (json!({"conflictRevision": "1", "choice": "suitex"}), "conflictRevision", "whole number"),
        (json!({"choice": "excel"}), "choice", "netsuite, suitex or suggested"),
        (json!({}), "fields.comments", "needs a decision"),
        (json!({"fields": {"comments": {"choice": "suitex"}}}), "fields.credit_limit", "needs a decision"),
        (json!({"fields": []}), "fields", "must be an object"),
        (with("email", json!({"choice": "suitex"})), "fields.email", "not in this conflict"),
        (with("colour", json!({"choice": "suitex"})), "fields.colour", "not in this conflict"),
        (with("comments", json!("suitex")), "fields.comments", "must be"),
        (with("comments", json!({})), "fields.comments", "must be"),
        (with("comments", json!({"choice": "suitex", "value": "x"})), "fields.comments", "must be"),
        (with("comments", json!({"choice": "mine"})), "fields.comments", "netsuite, suitex or suggested"),
        (with("comments", json!({"value": {"a": 1}})), "fields.comments", "expected text"),
        (with("comments", json!({"value": "x".repeat(4_001)})), "fields.comments", "at most 4000"),
        (with("credit_limit", json!({"value": "a lot"})), "fields.credit_limit", "decimal number"),
        (json!({"choice": "suitex", "keep": "yes"}), "keep", "true or false"),
        (json!({"choice": "suitex", "keep": true}), "keep", "neither side"),
        (json!({"choice": "suitex", "actor": "rita"}), "actor", "who signed in"),
        (json!({"choice": "suitex", "note": 7}), "note", "must be text"),
        (json!({"choice": "suitex", "note": "x".repeat(1_000_000)}), "note", "at most 2000"),
        (json!({"choice": "suitex", "note": "x".repeat(2_001)}), "note", "at most 2000"),
        (json!({"choice": "suitex", "revision": 1}), "revision", "not part of"),
    ] {
        let refused = desk.resolve(answer.clone());
        assert_eq!(refused.problem(), (422, json!(field)), "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains(reason), "{refused:?}");
    }
    let path = format!("{}/resolve", desk.path());
    for (body, status) in [("[]".to_string(), 400), ("{".into(), 400), (" ".repeat(BODY_MAX_BYTES + 1), 413)]
    {
        assert_eq!(post(&desk.router, &path, body).problem().0, status);
    }
    assert!(desk.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn only_an_open_conflict_can_be_resolved() {
    let desk = desk();
    let path = format!("{}/resolve", desk.path());
    let answer = json!({"conflictRevision": desk.conflict().revision, "choice": "suitex"}).to_string();
    let mut record = desk.record();
    record.conflict = None;
    desk.store(&record);
    assert_eq!(
        post(&desk.router, &path, answer.clone()).problem().0,
        409,
        "it is over, and who asks is told so"
    );
    let nobody = "/api/v1/conflicts/00000000-0000-4000-8000-000000000001/resolve";
    assert_eq!(post(&desk.router, nobody, answer.clone()).problem(), (404, json!("id")));
    assert_eq!(post(&desk.router, "/api/v1/conflicts/seven/resolve", answer).problem(), (400, json!("id")));
}

#[test]
fn to_choose_the_side_that_deleted_is_to_delete() {
    for (answer, alive) in [
        (json!({"choice": "netsuite"}), false),
        (json!({"choice": "suitex"}), true),
        (json!({"keep": false}), false),
        (json!({"choice": "suggested", "keep": true}), true),
        (json!({"choice": "netsuite", "keep": true}), true),
    ] {
        let desk = desk();
        let mut record = desk.record();
        record.conflict.as_mut().unwrap().deleted_by = Some(Side::NetSuite);
        desk.store(&record);
        assert_eq!(get(&desk.router, &desk.path()).body["deletedBy"], "netsuite");
        assert_eq!(desk.resolve(answer.clone()).status, 202, "{answer}");
        assert_eq!(desk.resolved().1.alive, alive, "{answer}");
        for undecided in [json!({"choice": "suggested"}), json!({})] {
            assert_eq!(desk.resolve(undecided).problem(), (422, json!("keep")));
        }
    }
}

#[test]
fn an_edited_reference_must_lead_somewhere() {
    let desk = desk();
    let field = desk.world.surface(&desk.customer).field("parent").unwrap();
    let mut record = desk.record();
    let clash = Clash {
        field,
        base: Value::Null,
        values: PerSide { netsuite: Value::Null, suitex: Value::Text("8".into()) },
        edited: PerSide { netsuite: Span::at(NOW), suitex: Span::at(NOW) },
        made_apart: false,
        suggested: Value::Null,
        policy: Policy::Manual,
        risk: Risk::Low,
    };
    record.conflict = Some(Conflict {
        id: derived_id("test", &["parent"]),
        revision: 1,
        opened_at: NOW,
        due_at: NOW,
        clashes: vec![clash],
        deleted_by: None,
    });
    desk.store(&record);
    let answer = json!({"fields": {"parent": {"value": "9"}}});
    let refused = desk.resolve(answer.clone());
    assert_eq!(refused.problem(), (422, json!("fields.parent")));
    assert_eq!(refused.body["detail"], "there is no customer 9");
    desk.world.synced(&key("acme", "customer", "9"), json!({}));
    assert_eq!(desk.resolve(answer).status, 202);
}

#[test]
fn nothing_is_decided_that_the_bus_does_not_have() {
    let desk = desk();
    desk.world.bus.down.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(desk.resolve(json!({"choice": "suitex"})).problem().0, 503);
}
