//! Why a field holds what it holds, in a sentence, word for word; and records as they were.

#[path = "../../../memory_ports.rs"]
mod memory_ports;

mod notes;

use axum::Router;
use futures::FutureExt;
use memory_ports::{NOW, World, get, key};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::{Value as Json, json};
use shared::domain::absorb::{absorb, absorb_override, absorb_resolution};
use shared::domain::conflict::{Choice, Override, Resolution};
use shared::domain::event::{ChangeEvent, parse_values};
use shared::domain::id::{RecordKey, Revision, Side, Timestamp, derived_id};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Presence, Record, Span};
use shared::domain::report::Report;
use shared::domain::surface::TypeSurface;
use shared::history;
use shared::ledger::{Entry, Ledger};
use shared::state::{Commit, HistoryDecision, HistoryRow, LinkChange};

/// The record in NetSuite.
const NETSUITE_ID: &str = "1007";

/// A record that lives: everything that happens to it is decided by the core, and stored as merge stores it.
struct Story {
    world: World,
    router: Router,
    record: Record,
    surface: TypeSurface,
    minute: i64,
    told: i64,
}

fn story(kind: &str) -> Story {
    let world = World::new();
    let identity = Identity::Development(Development::new(&world.ports.config));
    let router = router(App { ports: world.ports.clone(), identity });
    let key: RecordKey = key("acme", kind, "7");
    let surface = TypeSurface::clone(&world.surface(&key));
    let record = Record::new(key, &surface);
    let mut story = Story { world, router, record, surface, minute: 0, told: 200 };
    story.told("suitex", Some("sam"), Side::SuiteX, json!({}), true);
    let side = &mut story.record.sides.netsuite;
    (side.presence, side.seen, side.id) =
        (Presence::There, Some(Revision(100)), Some(memory_ports::side_id(NETSUITE_ID)));
    story.minute = 0;
    story
}

impl Story {
    fn now(&self) -> Timestamp {
        NOW.plus(self.minute * 60_000)
    }

    fn told(&mut self, source: &str, actor: Option<&str>, side: Side, values: Json, full: bool) {
        let values = parse_values(values.as_object().unwrap(), side, &self.surface, "").unwrap();
        self.told += 1;
        let cause = derived_id("told", &[&self.minute.to_string(), source]);
        let news = News {
            side,
            id: memory_ports::side_id(if side == Side::NetSuite { NETSUITE_ID } else { "sx-7" }),
            fact: Fact::Holds { values, full },
            revision: Some(Revision(self.told)),
            span: Span::at(self.now()),
            standing: Standing::Heard,
            operation: None,
            cause,
        };
        let report = absorb(&mut self.record, &news, &self.surface);
        self.commit(&report, source, actor, cause);
    }

    fn commit(&mut self, report: &Report, source: &str, actor: Option<&str>, cause: uuid::Uuid) {
        let row = history::row(&self.record, report, source, actor, vec![cause], self.now(), &self.surface);
        self.store(row);
    }

    fn store(&mut self, row: HistoryRow) {
        let mut commit = Commit::new(self.record.key.account.clone());
        let id = |side: Side| self.record.sides[side].id.clone().map(|id| LinkChange::Set(side, id));
        commit.links = Side::BOTH.into_iter().filter_map(id).collect();
        commit.record = Some(self.record.clone());
        if !row.decisions.is_empty() {
            commit.history.push(row);
        }
        self.world.commit(commit);
        self.record = self.world.load(&self.record.key);
        self.minute += 1;
    }

    fn sam(&mut self, values: Json) -> &mut Self {
        self.told("suitex", Some("sam"), Side::SuiteX, values, false);
        self
    }

    fn ann(&mut self, values: Json) -> &mut Self {
        self.told("netsuite-ue", Some("ann"), Side::NetSuite, values, false);
        self
    }

    fn rita(&mut self, choice: Choice) -> &mut Self {
        let conflict = self.record.conflict.clone().expect("a conflict");
        let fields = conflict.clashes.iter().map(|clash| (clash.field, choice.clone())).collect();
        let decided = Resolution { conflict: conflict.id, revision: conflict.revision, fields, keep: None };
        let at = self.now();
        let report = absorb_resolution(&mut self.record, &decided, at);
        let cause = derived_id("resolved", &[&self.minute.to_string()]);
        self.commit(&report, "review", Some("rita@dev.example"), cause);
        self
    }

    fn ada(&mut self, field: &str, value: &str) -> &mut Self {
        let ix = self.surface.field(field).unwrap();
        let value = self.surface.fields[ix].kind.parse(Side::SuiteX, &json!(value)).unwrap();
        let overriding = Override { version: self.record.version, fields: vec![(ix, value)], unlock: false };
        let (at, surface) = (self.now(), self.surface.clone());
        let report = absorb_override(&mut self.record, &overriding, at, &surface);
        let cause = derived_id("overridden", &[&self.minute.to_string()]);
        self.commit(&report, "review", Some("ada@dev.example"), cause);
        self
    }

    fn why(&self, field: &str) -> Json {
        let key = &self.record.key;
        let path = format!("/api/v1/records/acme/{}/{}/why/{field}", key.record_type, key.id);
        let answer = get(&self.router, &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    #[track_caller]
    fn says(&self, field: &str, sentence: &str) {
        assert_eq!(self.why(field)["sentence"], sentence);
    }
}

#[test]
fn whoever_set_it_is_named() {
    let mut story = story("customer");
    story.sam(json!({"phone": "1"}));
    story.says("phone", "phone is \"1\" because sam in SuiteX set it on 2026-01-01 at 00:00 UTC.");
    let why = story.why("phone");
    assert_eq!((&why["complete"], why["chain"].as_array().unwrap().len()), (&json!(true), 1));
    assert_eq!((&why["chain"][0]["rule"], &why["chain"][0]["actor"]), (&json!("clean"), &json!("sam")));
}

#[test]
fn what_a_poll_found_was_done_by_somebody() {
    let mut story = story("customer");
    story.told("netsuite-poll", None, Side::NetSuite, json!({"phone": "2"}), false);
    story.says(
        "phone",
        "phone is \"2\" because somebody in NetSuite set it before 2026-01-01 at 00:00 UTC, when a poll found it.",
    );
}

#[test]
fn the_policy_that_chose_is_named() {
    let mut story = story("customer");
    story.sam(json!({"phone": "s"})).ann(json!({"phone": "n"}));
    story.says(
        "phone",
        "phone is \"n\" because ann in NetSuite set it on 2026-01-01 at 00:01 UTC, while the other side had \"s\": the \
         field's policy is latest_wins.",
    );
}

#[test]
fn what_was_not_taken_since_is_told() {
    let mut story = story("customer");
    story.sam(json!({"email": "s@a.example"})).ann(json!({"email": "n@a.example"}));
    story.says(
        "email",
        "email is \"s@a.example\" because sam in SuiteX set it on 2026-01-01 at 00:00 UTC; since then ann in NetSuite \
         set \"n@a.example\" on 2026-01-01 at 00:01 UTC, which was not taken: the field's policy is suitex_wins.",
    );
}

#[test]
fn an_open_conflict_is_told() {
    let mut story = story("customer");
    story.sam(json!({"comments": "sx"})).ann(json!({"comments": "ns"}));
    story.says(
        "comments",
        "comments is \"sx\" because sam in SuiteX set it on 2026-01-01 at 00:00 UTC; since then ann in NetSuite set \
         \"ns\" on 2026-01-01 at 00:01 UTC: they are in conflict, and somebody must decide.",
    );
}

#[test]
fn who_chose_in_a_conflict_is_named_with_what_they_chose_between() {
    let mut story = story("customer");
    story.sam(json!({"comments": "sx"})).ann(json!({"comments": "ns"})).rita(Choice::Side(Side::NetSuite));
    story.says(
        "comments",
        "comments is \"ns\" because rita@dev.example chose NetSuite's value on 2026-01-01 at 00:02 UTC in a conflict in \
         which SuiteX had \"sx\" (sam) and NetSuite had \"ns\" (ann).",
    );
    let rules: Vec<Json> =
        story.why("comments")["chain"].as_array().unwrap().iter().map(|s| s["rule"].clone()).collect();
    assert_eq!(rules, ["clean", "conflict_opened", "resolved"]);
}

#[test]
fn a_value_of_the_persons_own_is_told_as_such_after_a_rebase() {
    let mut story = story("customer");
    story.sam(json!({"credit_limit": "11"})).ann(json!({"credit_limit": "12"}));
    story.sam(json!({"credit_limit": "13"}));
    let ix = story.surface.field("credit_limit").unwrap();
    let own = story.surface.fields[ix].kind.parse(Side::SuiteX, &json!("12.5")).unwrap();
    story.rita(Choice::Edited(own));
    story.says(
        "credit_limit",
        "credit_limit is 12.50 because rita@dev.example decided on it on 2026-01-01 at 00:03 UTC in a conflict in which \
         SuiteX had 13.00 (sam) and NetSuite had 12.00 (ann).",
    );
}

#[test]
fn an_override_is_told() {
    let mut story = story("customer");
    story.sam(json!({"email": "s@a.example"})).ada("email", "o@a.example");
    story.says(
        "email",
        "email is \"o@a.example\" because ada@dev.example set it on 2026-01-01 at 00:01 UTC by override, whatever policy \
         and direction say.",
    );
}

#[test]
fn who_made_the_same_change_is_told() {
    let mut story = story("customer");
    story.sam(json!({"phone": "x"})).ann(json!({"phone": "x"}));
    story.says(
        "phone",
        "phone is \"x\" because sam in SuiteX set it on 2026-01-01 at 00:00 UTC; since then ann in NetSuite made the same \
         change on 2026-01-01 at 00:01 UTC.",
    );
}

#[test]
fn what_is_put_back_is_told_with_where_the_field_comes_from() {
    let mut story = story("item");
    story.ann(json!({"sku": "S1"})).sam(json!({"sku": "mine"}));
    story.says(
        "sku",
        "sku is \"S1\" because ann in NetSuite set it on 2026-01-01 at 00:00 UTC; since then sam in SuiteX set \"mine\" on \
         2026-01-01 at 00:01 UTC, which is put back: the field comes from NetSuite alone.",
    );
}

#[test]
fn what_was_put_together_is_told() {
    let mut story = story("customer");
    story.sam(json!({"tags": ["a", "b"]})).ann(json!({"tags": ["a", "c"]}));
    story.says(
        "tags",
        "tags is a, b, c because ann in NetSuite set a, c on 2026-01-01 at 00:01 UTC, which was put together with the \
         other side's a, b.",
    );
}

#[test]
fn a_targets_own_form_leads_back_to_who_wrote_it() {
    let mut story = story("customer");
    story.sam(json!({"company_name": "acme"}));
    // What the reply to our write told is in the ledger, as every reply that brings news.
    let cause = derived_id("reply", &["1"]);
    let event = json!({
        "eventId": cause, "accountId": "acme", "recordType": "customer", "recordId": NETSUITE_ID, "source": "reconcile",
        "operation": "update", "timestamp": story.now(), "metadata": {"side": "netsuite", "reply": "written"},
        "payload": {"changes": {"companyname": "ACME"}, "full": true},
    });
    let event = ChangeEvent::from_slice(event.to_string().as_bytes()).unwrap();
    story.world.ledger.append(vec![Entry::of(&event)]).now_or_never().unwrap().unwrap();
    let ix = story.surface.field("company_name").unwrap();
    story.record.canonical[ix] = shared::domain::value::Value::Text("ACME".into());
    let decision = HistoryDecision {
        field: "company_name".into(),
        rule: "target_form".into(),
        base: json!("acme"),
        ours: json!("ACME"),
        from: json!("acme"),
        to: json!("ACME"),
    };
    let (version, at) = (story.record.version.next(), story.now());
    let (events, decisions) = (vec![cause], vec![decision]);
    story.store(HistoryRow { version, at, source: "reply".into(), actor: None, events, decisions });
    story.says(
        "company_name",
        "company_name is \"ACME\" because sam in SuiteX set \"acme\" on 2026-01-01 at 00:00 UTC, and NetSuite made this of \
         \"acme\".",
    );
}

#[test]
fn what_nobody_set_is_told_as_such() {
    let story = story("customer");
    story.says("phone", "phone is empty because nobody has ever set it.");
    let missing = get(&story.router, "/api/v1/records/acme/customer/7/why/colour");
    assert_eq!(missing.problem(), (404, json!("field")));
}

#[test]
fn a_record_is_shown_as_it_was_at_a_version_and_at_a_time() {
    let mut story = story("customer");
    story
        .sam(json!({"phone": "1"}))
        .ann(json!({"phone": "2"}))
        .sam(json!({"phone": "3", "email": "e@a.example"}));
    let newest = story.record.version.0;
    let at = |when: &str| get(&story.router, &format!("/api/v1/records/acme/customer/7?as_of={when}"));
    let phone = |when: String| at(&when).body["state"]["phone"].clone();
    for (version, expected) in [(newest, "3"), (newest - 1, "2"), (newest - 2, "1")] {
        assert_eq!(phone(version.to_string()), expected, "version {version}");
        assert_eq!(phone(format!("v{version}")), expected);
    }
    assert_eq!(at(&(newest - 1).to_string()).body["state"]["email"], Json::Null);
    assert_eq!(phone("2026-01-01T00:01:30Z".into()), "2");
    assert_eq!(phone("2027-01-01T00:00:00Z".into()), "3");
    assert_eq!(at("2025-01-01T00:00:00Z").problem(), (404, json!("as_of")), "it was not there");
    assert_eq!(at("yesterday").problem(), (400, json!("as_of")));
    assert_eq!(at("0").problem(), (404, json!("as_of")));
}
