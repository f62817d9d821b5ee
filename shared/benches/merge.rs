//! What one record's merge costs: the target is 300 ns for a full read of 40 fields.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use shared::domain::absorb::absorb;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::plan::plan;
use shared::domain::record::{Record, Span};
use shared::domain::surface::{SyncConfig, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

const FIELDS: usize = 40;

/// 40 texts, one in eight of them `manual`.
fn surface() -> TypeSurface {
    let policy = |n: usize| if n % 8 == 1 { "manual" } else { "netsuite_wins" };
    let field = |n| format!("f{n:02} = {{ type = \"text\", policy = \"{}\" }}\n", policy(n));
    let fields: String = (0..FIELDS).map(field).collect();
    let config = SyncConfig::parse(&format!("[account.acme]\n[type.thing.fields]\n{fields}")).unwrap();
    let (account, thing) = (AccountId::parse("acme").unwrap(), RecordType::parse("thing").unwrap());
    config.surface(&account, &thing).unwrap().as_ref().clone()
}

fn value(field: usize, edition: &str) -> Value {
    Value::Text(format!("the value of field {field} as of {edition}").into())
}

/// A poll: every eighth field holds the value of `edition`, the others what they held.
fn poll(side: Side, revision: i64, edition: &str) -> News {
    let of = |n: usize| value(n, if n % 5 == 1 { edition } else { "the beginning" });
    News {
        side,
        id: SideId::parse("1").unwrap(),
        fact: Fact::Holds { values: (0..FIELDS).map(|n| (n, of(n))).collect(), full: true },
        revision: Some(Revision(revision)),
        span: Span::at(Timestamp(revision * 1000)),
        standing: Standing::Heard,
        operation: None,
        cause: Uuid::nil(),
    }
}

fn synced(surface: &TypeSurface) -> Record {
    let (account, thing) = (AccountId::parse("acme").unwrap(), RecordType::parse("thing").unwrap());
    let key = RecordKey::new(account, thing, CanonicalId::parse("1").unwrap());
    let mut record = Record::new(key, surface);
    for side in Side::BOTH {
        absorb(&mut record, &poll(side, 10, "the beginning"), surface);
    }
    record
}

fn merge(c: &mut Criterion) {
    let surface = surface();
    let in_sync = synced(&surface);
    // Before NetSuite tells of its eight edits, SuiteX has changed one of the fields, which is `manual`.
    let mut before = in_sync.clone();
    let Fact::Holds { values, .. } = poll(Side::SuiteX, 11, "SuiteX").fact else { unreachable!() };
    let one = values.into_iter().filter(|(n, _)| *n == 1).collect();
    let news = News { fact: Fact::Holds { values: one, full: false }, ..poll(Side::SuiteX, 11, "SuiteX") };
    absorb(&mut before, &news, &surface);
    let news = poll(Side::NetSuite, 11, "NetSuite");

    let mut after = before.clone();
    let report = absorb(&mut after, &news, &surface);
    assert_eq!((report.decisions.len(), after.conflict.as_ref().map(|c| c.clashes.len())), (8, Some(1)));

    let mut group = c.benchmark_group("merge of 40 fields");
    group.bench_function("8 changed, 1 of them in conflict", |b| {
        let absorb = |record: &mut Record| absorb(record, black_box(&news), &surface);
        b.iter_batched_ref(|| before.clone(), absorb, BatchSize::NumIterations(16));
    });
    let clean = poll(Side::NetSuite, 11, "NetSuite");
    group.bench_function("8 changed", |b| {
        let absorb = |record: &mut Record| absorb(record, black_box(&clean), &surface);
        b.iter_batched_ref(|| in_sync.clone(), absorb, BatchSize::NumIterations(16));
    });
    let same = poll(Side::NetSuite, 11, "the beginning");
    group.bench_function("nothing changed", |b| {
        let absorb = |record: &mut Record| absorb(record, black_box(&same), &surface);
        b.iter_batched_ref(|| in_sync.clone(), absorb, BatchSize::NumIterations(16));
    });
    for (what, record) in [("plan, 8 to write", &after), ("plan, nothing to write", &in_sync)] {
        group.bench_function(what, |b| {
            b.iter(|| plan(black_box(record), Side::SuiteX, &surface, Timestamp(0), &|_, _| true));
        });
    }
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
