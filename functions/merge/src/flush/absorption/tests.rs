use serde_json::Value as Json;
use shared::domain::absorb::absorb;
use shared::domain::event::IdentityChoice;
use shared::domain::id::{AccountId, CanonicalId, Revision};
use shared::domain::news::Standing;
use shared::domain::record::Span;
use shared::domain::surface::SyncConfig;
use shared::domain::value::Value;
use shared::state::Candidate;

use super::*;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// A customer of SuiteX of which NetSuite has two that it could be.
struct Asked {
    surface: Arc<TypeSurface>,
    record: Record,
    question: Ambiguity,
}

impl Asked {
    fn new() -> Self {
        let config = SyncConfig::parse(include_str!("../../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
        let surface = Arc::clone(config.surface(&account, &kind).unwrap());
        let key = RecordKey::new(account, kind, CanonicalId::parse("sx-1").unwrap());
        let mut record = Record::new(key, &surface);
        let news = News {
            side: Side::SuiteX,
            id: SideId::parse("1").unwrap(),
            fact: Fact::Holds {
                values: vec![(surface.field("email").unwrap(), Value::Text("a@b.c".into()))],
                full: true,
            },
            revision: Some(Revision(1)),
            span: Span::at(NOW),
            standing: Standing::Heard,
            operation: None,
            cause: derived_id("test", &["birth"]),
        };
        absorb(&mut record, &news, &surface);
        let candidate = |id: &str| Candidate {
            id: SideId::parse(id).unwrap(),
            revision: Revision(1),
            values: serde_json::Map::new(),
            matched: vec![vec!["email".into()]],
            taken_by: None,
        };
        let question = Ambiguity {
            revision: 1,
            status: AmbiguityStatus::Open,
            candidates: vec![candidate("1001"), candidate("1002")],
            ..Ambiguity::new(record.key.clone(), Side::NetSuite, NOW)
        };
        let lock = Lock { field: None, error: question.id(), reason: "two".into(), since: NOW };
        record.locks.push(lock);
        record.row_revision = 3;
        Self { surface, record, question }
    }

    /// What merge commits when these events come.
    fn hear(&self, events: &[Json]) -> Commit {
        let stored = Some(Arc::new(self.record.clone()));
        let asked = Some(self.question.clone());
        let surface = Arc::clone(&self.surface);
        let mut absorption = Absorption::new(self.record.clone(), stored, None, asked, surface, NOW);
        let read = |event: &Json| (ChangeEvent::from_slice(event.to_string().as_bytes()).unwrap(), Ok(()));
        let events = events.iter().map(read).collect();
        let pending = Pending { rows: Vec::new(), events, is_put_off: false };
        absorption.absorb_all(pending, &Links::new());
        absorption.decide().0
    }

    fn decision(&self, payload: Json) -> Json {
        event("review", self.record.key.id.as_str(), 9, payload)
    }
}

fn event(source: &str, id: &str, second: i64, payload: Json) -> Json {
    json!({
        "eventId": derived_id("test", &[source, id, &second.to_string()]),
        "accountId": "acme", "recordType": "customer", "recordId": id, "source": source,
        "operation": "update", "timestamp": format!("2026-01-01T00:00:{second:02}Z"), "revision": 1,
        "payload": payload,
    })
}

/// What tells nothing new of the record.
fn echo() -> Json {
    event("suitex", "1", 5, json!({ "changes": { "email": "a@b.c" } }))
}

#[test]
fn an_echo_does_not_ask_anew_what_a_person_may_have_answered_meanwhile() {
    let commit = Asked::new().hear(&[echo()]);
    assert_eq!(commit.places.len(), 1);
    assert!(commit.record.is_none() && commit.ambiguities.is_empty(), "{commit:?}");
}

#[test]
fn news_that_leaves_the_question_as_it_is_does_not_write_it() {
    let asked = Asked::new();
    let mut phone = event("suitex", "1", 5, json!({ "changes": { "phone": "7" } }));
    phone["revision"] = json!(2);
    let commit = asked.hear(&[phone]);
    assert!(commit.record.is_some_and(|record| record.is_locked()));
    assert_eq!(commit.ambiguities, []);
}

#[test]
fn an_answer_is_stored_with_the_record_that_it_frees() {
    let asked = Asked::new();
    let word = json!({ "identity": {
        "ambiguityId": asked.question.id(), "revision": 1, "choice": { "link": "1002" } } });
    let commit = asked.hear(&[echo(), asked.decision(word), echo()]);
    assert!(commit.record.is_some_and(|record| !record.is_locked()));
    let [answered] = &commit.ambiguities[..] else { panic!("{:?}", commit.ambiguities) };
    let choice = answered.answer.as_ref().map(|answer| answer.choice.clone());
    assert_eq!(choice, Some(IdentityChoice::Link(SideId::parse("1002").unwrap())));
}

#[test]
fn an_admin_who_unlocks_the_record_closes_its_question() {
    let asked = Asked::new();
    for (unlock, is_closed) in [(false, false), (true, true)] {
        let word = json!({ "override": {
            "version": asked.record.version.0, "fields": { "phone": "7" }, "unlock": unlock } });
        let commit = asked.hear(&[asked.decision(word)]);
        let record = commit.record.expect("a decision is a change");
        let closed = commit.ambiguities.iter().any(|asked| asked.status == AmbiguityStatus::Closed);
        assert_eq!((!record.is_locked(), closed), (is_closed, is_closed), "unlock {unlock}");
    }
}

#[test]
fn a_side_is_behind_by_the_oldest_change_that_it_has_not_been_given() {
    let mut asked = Asked::new();
    let phone = |at: &str, revision: u64, phone: &str| {
        let mut event = event("suitex", "1", 0, json!({ "changes": { "phone": phone } }));
        (event["timestamp"], event["revision"]) = (json!(at), json!(revision));
        event["eventId"] = json!(derived_id("test", &[at]));
        event
    };
    let behind = |commit: &Commit| {
        let sides = &commit.record.as_ref().expect("it has changed").sides;
        assert_eq!(sides.suitex.behind, None, "who told of it");
        sides.netsuite.behind.map(|behind| (NOW.0 - behind.changed.0, NOW.0 - behind.decided.0))
    };
    let edits = [phone("2025-12-31T23:59:50Z", 2, "1"), phone("2025-12-31T23:59:57Z", 3, "2")];
    let locked = asked.hear(&edits);
    assert_eq!(behind(&locked), None, "nothing is written to it until somebody says who it is");
    asked.record.locks.clear();
    let commit = asked.hear(&edits);
    assert_eq!(behind(&commit), Some((10_000, 0)));
    // A source's clock may be ahead of ours.
    assert_eq!(behind(&asked.hear(&[phone("2026-01-01T00:00:09Z", 2, "1")])), Some((0, 0)));
    asked.record = commit.record.expect("a record");
    let later = asked.hear(&[phone("2025-12-31T23:59:59Z", 4, "3")]);
    assert_eq!(behind(&later), Some((10_000, 0)), "the older change still waits");
}
