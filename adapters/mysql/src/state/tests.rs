//! The module's own rules, and which commits may share a transaction.

use std::path::Path;
use std::sync::Arc;

use shared::domain::conflict::Conflict;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::domain::record::{Due, DueReason, Record};
use shared::domain::surface::{SyncConfig, TypeSurface};
use shared::state::{Commit, LinkChange, Place};
use uuid::Uuid;

use super::codec::encode;
use super::round::{Prepared, rounds};

#[test]
fn every_statement_is_listed_where_it_can_be_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state");
    let mut tables = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if ["sql", "tests"].contains(&name.as_str()) {
            continue;
        }
        assert!(!text.contains("sqlx::query"), "{name}: a statement is declared with `statements!`");
        if text.contains("statements! {") {
            tables += 1;
            let listed = super::statements().iter().any(|(of, _)| of.starts_with(&format!("{name}.")));
            assert!(listed, "`statements()` lists those of {name}");
        }
    }
    assert!(tables > 5, "the rule looks at {tables} tables");
}

fn surface() -> Arc<TypeSurface> {
    let text = "[account.acme]\n[type.customer.fields]\nemail = { type = \"text\" }";
    let config = SyncConfig::parse(text).expect("a configuration");
    let account = AccountId::parse("acme").expect("a name");
    Arc::clone(config.surface(&account, &RecordType::parse("customer").expect("a name")).expect("a type"))
}

/// What a commit is about, besides its record.
#[derive(Clone, Copy)]
enum About {
    Nothing,
    Link(&'static str),
    Alias(&'static str),
    Waits,
    WaitingEvent,
    HeldEvent,
}

fn commit(id: &str, about: About) -> Commit {
    let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    let key = RecordKey::new(account.clone(), kind.clone(), CanonicalId::parse(id).unwrap());
    let mut record = Record::new(key, &surface());
    let mut commit = Commit::new(account);
    match about {
        About::Nothing => {}
        About::Link(id) => commit.links = vec![LinkChange::Set(Side::SuiteX, SideId::parse(id).unwrap())],
        About::Alias(id) => commit.links = vec![LinkChange::Alias(CanonicalId::parse(id).unwrap(), 0)],
        About::Waits => {
            let reason = DueReason::WaitingFor { record_type: kind, id: "9".into(), since: Timestamp(1) };
            record.sides.suitex.due = Some(Due { at: Timestamp(1), reason, attempts: 0 });
        }
        About::WaitingEvent => {
            let (side, id) = (Side::SuiteX, "x9".into());
            let place = Place::Waiting { record_type: kind, side, id, until: Timestamp(9) };
            commit.places = vec![(Uuid::nil(), place)];
        }
        About::HeldEvent => {
            commit.places = vec![(Uuid::nil(), Place::Conflict(Uuid::nil()))];
            record.conflict = Some(Conflict {
                id: Uuid::nil(),
                revision: 1,
                opened_at: Timestamp(1),
                due_at: Timestamp(2),
                clashes: vec![],
                deleted_by: Some(Side::SuiteX),
            });
        }
    }
    commit.record = Some(record);
    commit
}

fn sizes(commits: &[(&str, About)]) -> Vec<usize> {
    let surface = surface();
    let prepared = commits.iter().map(|(id, about)| {
        let commit = commit(id, *about);
        let row = commit.record.as_ref().map(|record| encode(record, &surface));
        Arc::new(Prepared { commit, row })
    });
    let prepared: Vec<Arc<Prepared>> = prepared.collect();
    rounds(&prepared).iter().map(|round| round.len()).collect()
}

#[test]
fn what_depends_on_what_went_before_goes_after_it() {
    use About::{Alias, HeldEvent, Link, Nothing, WaitingEvent, Waits};
    type Case = (&'static [(&'static str, About)], &'static [usize]);
    let cases: [Case; 11] = [
        (&[("1", Nothing), ("2", Link("a")), ("3", Link("b")), ("4", Nothing)], &[4]),
        (&[("1", Waits), ("2", WaitingEvent), ("3", Nothing)], &[3]),
        // It moves the event on that the one before leaves waiting.
        (&[("1", Waits), ("2", WaitingEvent), ("3", HeldEvent)], &[2, 1]),
        (&[("1", Nothing), ("2", Nothing), ("1", Nothing), ("3", Nothing)], &[2, 2]),
        (&[("1", Link("a")), ("2", Link("a"))], &[1, 1]),
        (&[("1", Nothing), ("2", Alias("1"))], &[1, 1]),
        (&[("1", Alias("2")), ("2", Nothing)], &[1, 1]),
        (&[("1", Link("a")), ("2", Waits)], &[1, 1]),
        (&[("1", WaitingEvent), ("2", Link("a"))], &[1, 1]),
        (&[("1", HeldEvent), ("2", Nothing)], &[1, 1]),
        (&[], &[]),
    ];
    for (at, (commits, expected)) in cases.into_iter().enumerate() {
        assert_eq!(sizes(commits), expected, "case {at}");
    }
    let names: Vec<String> = (0..150).map(|n| n.to_string()).collect();
    let many: Vec<(&str, About)> = names.iter().map(|name| (name.as_str(), Nothing)).collect();
    assert_eq!(sizes(&many), [64, 64, 22]);
}
