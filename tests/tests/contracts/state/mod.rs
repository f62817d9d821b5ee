//! Records and all around them.

mod ambiguities;
mod commits;
mod desk;
mod due;
mod errors;
mod links;
mod pages;
mod pending;
mod permits;
mod told;

use std::sync::Arc;

use shared::domain::conflict::{Clash, Conflict};
use shared::domain::id::{AccountId, PerSide, RecordKey, RecordType, Side, Version};
use shared::domain::record::{Due, DueReason, Record, Span};
use shared::domain::surface::{Policy, Risk, SyncConfig, TypeSurface};
use shared::domain::value::Value;
use shared::state::{Commit, LinkChange, PendingRow, Place, State, Subject, Verdict};

use uuid::Uuid;

use crate::{acme, at, id, key, kind, rows, side_id};

fn each(check: impl AsyncFn(&(dyn State + 'static))) {
    for row in rows::states() {
        row.check(&check);
    }
}

/// Every type is stored alike: the customer's surface serves for all.
fn surface() -> Arc<TypeSurface> {
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml"))
        .expect("the product's own configuration");
    Arc::clone(config.surface(&acme(), &kind("customer")).expect("a type of the configuration"))
}

/// A new record, `customer/5` of an account.
fn fresh(account: &AccountId, name: &str) -> Record {
    let mut record = Record::new(key(account, name), &surface());
    record.alive = true;
    record
}

fn commit_of(record: &Record) -> Commit {
    Commit { record: Some(record.clone()), ..Commit::new(record.key.account.clone()) }
}

async fn commit(state: &dyn State, commit: Commit) -> Verdict {
    let mut verdicts = state.commit(vec![commit]).await.expect("the state is there");
    assert_eq!(verdicts.len(), 1, "a verdict for each commit");
    verdicts.remove(0)
}

#[track_caller]
fn woken(verdict: Verdict) -> Vec<(RecordType, Subject)> {
    match verdict {
        Verdict::Committed(woken) => woken,
        other => panic!("not committed: {other:?}"),
    }
}

/// Stores a record, and answers it as the next commit must have it.
async fn put(state: &dyn State, record: Record) -> Record {
    woken(commit(state, commit_of(&record)).await);
    load(state, &record.key).await.expect("what was stored")
}

async fn load(state: &dyn State, key: &RecordKey) -> Option<Record> {
    let mut found = state.load(std::slice::from_ref(key)).await.expect("the state is there");
    assert_eq!(found.len(), 1, "an answer for each key");
    found.remove(0).map(|r| Record::clone(&r))
}

/// Stores that `side` knows the record as `id`.
async fn link(state: &dyn State, record: &Record, side: Side, id: &str) -> Verdict {
    let links = vec![LinkChange::Set(side, side_id(id))];
    commit(state, Commit { links, ..commit_of(record) }).await
}

fn due(millis: i64) -> Option<Due> {
    Some(Due { at: at(millis), reason: DueReason::Dirty, attempts: 0 })
}

fn pending(account: &AccountId, event: u128, subject: &Subject, due_at: i64) -> PendingRow {
    PendingRow {
        account: account.clone(),
        record_type: kind("customer"),
        subject: subject.clone(),
        event_id: id(event),
        arrived_at: at(1),
        place: Place::Pending { due_at: at(due_at) },
    }
}

fn suitex(id: &str) -> Subject {
    Subject::Side(Side::SuiteX, side_id(id))
}

fn conflict(conflict: Uuid) -> Conflict {
    let clash = Clash {
        field: 0,
        base: Value::Null,
        values: PerSide { netsuite: Value::Text("n".into()), suitex: Value::Text("x".into()) },
        edited: PerSide { netsuite: Span::at(at(5)), suitex: Span::at(at(5)) },
        made_apart: false,
        suggested: Value::Text("n".into()),
        policy: Policy::Manual,
        risk: Risk::Low,
    };
    Conflict {
        id: conflict,
        revision: 1,
        opened_at: at(5),
        due_at: at(5).plus(86_400_000),
        clashes: vec![clash],
        deleted_by: None,
    }
}

fn at_version(mut record: Record, version: u64) -> Record {
    record.version = Version(version);
    record
}
