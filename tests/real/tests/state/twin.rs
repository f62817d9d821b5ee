//! The state in memory is the specification: both are given the same, at random, and must tell the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use shared::domain::conflict::Conflict;
use shared::domain::id::{CanonicalId, RecordKey, RecordType, Side, Timestamp, Version};
use shared::domain::record::{Due, DueReason, Record};
use shared::domain::value::Value;
use shared::state::desk::ConflictFilter;
use shared::state::memory::MemoryState;
use shared::state::notices::Topic;
use shared::state::{
    AuditRow, Commit, ErrorEntry, ErrorStatus, Freed, HistoryRow, LinkChange, Notice, PendingRow, Place,
    State, Subject, Verdict,
};

use super::{acme, at, canonical, config, fresh, id, kind, side_id};

const CUSTOMERS: u8 = 5;
const ORDERS: u8 = 5;
const IDS: u8 = 6;
const EVENTS: u8 = 30;

fn keys() -> Vec<RecordKey> {
    let named = |kind_: &'static str, letter: char, count| {
        (0..count).map(move |n| RecordKey::new(acme(), kind(kind_), canonical(&format!("{letter}{n}"))))
    };
    named("customer", 'c', CUSTOMERS).chain(named("salesorder", 'o', ORDERS)).collect()
}

fn subjects() -> Vec<Subject> {
    let side = |side: Side| (0..IDS).map(move |n| Subject::Side(side, side_id(&format!("s{n}"))));
    let ours = keys().into_iter().map(|key| Subject::Canonical(key.id));
    Side::BOTH.into_iter().flat_map(side).chain(ours).collect()
}

/// What happens, drawn from a seed.
struct Story {
    dice: Rng,
    /// Of its own for what was added: what the others draw is not shifted by it.
    more: Rng,
    /// Who stands for whom: what was taken over is not taken over again, nor is who took something over.
    taken: Vec<CanonicalId>,
}

impl Story {
    fn event(&mut self) -> uuid::Uuid {
        id(self.dice.u8(0..EVENTS).into())
    }

    fn time(&mut self) -> Timestamp {
        at(self.dice.i64(0..100))
    }

    fn side(&mut self) -> Side {
        Side::BOTH[self.dice.usize(0..2)]
    }

    fn customer(&mut self) -> CanonicalId {
        canonical(&format!("c{}", self.dice.u8(0..CUSTOMERS)))
    }

    fn place(&mut self) -> Place {
        match self.dice.u8(0..8) {
            0 => Place::Pending { due_at: self.time() },
            1 | 6 | 7 => Place::Waiting {
                record_type: kind("customer"),
                side: self.side(),
                id: format!("s{}", self.dice.u8(0..IDS)),
                until: self.time(),
            },
            2 => Place::Applied,
            3 => Place::Superseded,
            4 => Place::Conflict(id(self.dice.u128(700..720))),
            _ => Place::Error(id(9)),
        }
    }

    fn pending(&mut self) -> PendingRow {
        let subjects = subjects();
        PendingRow {
            account: acme(),
            record_type: kind(if self.dice.bool() { "customer" } else { "salesorder" }),
            subject: subjects[self.dice.usize(0..subjects.len())].clone(),
            event_id: self.event(),
            arrived_at: self.time(),
            place: self.place(),
        }
    }

    fn due(&mut self) -> Option<Due> {
        let reason = match self.dice.u8(0..6) {
            0 => DueReason::Dirty,
            1 => DueReason::Unsettled,
            2 | 3 => DueReason::WaitingFor {
                record_type: kind("customer"),
                id: self.customer().as_str().into(),
                since: self.time(),
            },
            _ => return None,
        };
        Some(Due { at: self.time(), reason, attempts: self.dice.u32(0..3) })
    }

    fn links(&mut self, key: &RecordKey, now: &BTreeMap<RecordKey, Record>) -> Vec<LinkChange> {
        let mut links = Vec::new();
        for _ in 0..[0, 0, 1, 1, 2][self.dice.usize(0..5)] {
            let (side, id) = (self.side(), side_id(&format!("s{}", self.dice.u8(0..IDS))));
            let retire = self.dice.u8(0..4) == 0;
            links.push(if retire { LinkChange::Retire(side, id) } else { LinkChange::Set(side, id) });
        }
        let alias = self.customer();
        let free = |id: &CanonicalId, taken: &[CanonicalId]| !taken.contains(id);
        let may = key.record_type == kind("customer") && alias != key.id;
        if may && free(&alias, &self.taken) && free(&key.id, &self.taken) && self.dice.u8(0..12) == 0 {
            self.taken.push(alias.clone());
            self.taken.push(key.id.clone());
            // As those who join two records do it; in memory, what is set before it wakes nobody who waits for it.
            let other = RecordKey::new(key.account.clone(), key.record_type.clone(), alias.clone());
            let row_revision = now.get(&other).map_or(0, |other| other.row_revision);
            links.insert(0, LinkChange::Alias(alias, row_revision));
        }
        links
    }

    fn error(&mut self) -> ErrorEntry {
        let status = [ErrorStatus::Open, ErrorStatus::Retried, ErrorStatus::Closed][self.dice.usize(0..3)];
        ErrorEntry {
            id: id(self.dice.u128(800..806)),
            account: acme(),
            record: self.dice.bool().then(|| keys()[0].clone()),
            class: "validation".into(),
            code: "c".into(),
            message: self.dice.u8(..).to_string(),
            hint: "h".into(),
            field: self.dice.bool().then(|| "email".into()),
            events: vec![self.event()],
            payload: self.dice.bool().then(|| "{}".into()),
            attempts: self.dice.u32(0..3),
            first_at: self.time(),
            last_at: self.time(),
            status,
            causes: self.dice.bool().then(|| self.dice.u8(..).to_string()).into_iter().collect(),
            note: self.dice.bool().then(|| "n".into()),
            edits: vec![self.event()],
            brake: Some(shared::state::brake::BrakeWord::Discard),
            tried_at: (status == ErrorStatus::Retried).then_some(Timestamp(3)),
            to_send: status == ErrorStatus::Retried,
        }
    }

    /// A decision about one of the records as they are `now`, or rather as some believe they are.
    fn commit(&mut self, now: &mut BTreeMap<RecordKey, Record>) -> Commit {
        let mut commit = Commit::new(acme());
        commit.places = (0..self.dice.u8(0..4)).map(|_| (self.event(), self.place())).collect();
        if self.more.u8(0..4) == 0 {
            let events = (0..4).map(|_| id(self.more.u128(0..u128::from(EVENTS)))).collect();
            commit.freed = vec![Freed { error: id(9), events, to: Place::Superseded }];
        }
        if self.dice.u8(0..8) == 0 {
            commit.errors = (0..self.dice.u8(1..3)).map(|_| self.error()).collect();
            let (at, notice) = (self.time(), id(self.dice.u128(0..5)));
            commit.notices =
                vec![Notice::new(&acme(), Topic::Error, "error:1", &notice.to_string(), "t", at)];
            let details = serde_json::json!({ "n": 1 });
            let (actor, action, subject) = ("sam".into(), "resolve".into(), "x".into());
            commit.audit = vec![AuditRow { at, actor, action, subject, details }];
        }
        if self.dice.u8(0..10) == 0 {
            return commit;
        }
        let keys = keys();
        let at_ = self.dice.usize(0..keys.len());
        let key = &keys[at_];
        let record = now.entry(key.clone()).or_insert_with(|| Record::new(key.clone(), &config::surface()));
        record.version = Version(record.version.0 + 1);
        record.alive = self.dice.bool();
        record.canonical[0] = Value::Text(self.dice.u32(..).to_string().into());
        record.sides.netsuite.due = self.due();
        record.sides.suitex.due = self.due();
        let opened_at = at(self.more.i64(0..100));
        record.conflict = (self.dice.u8(0..3) == 0).then(|| Conflict {
            id: id(700 + at_ as u128 * 2 + u128::from(self.dice.bool())),
            revision: 1,
            opened_at,
            due_at: opened_at.plus(86_400_000),
            clashes: vec![],
            deleted_by: Some(Side::SuiteX),
        });
        let row = |version| HistoryRow {
            version,
            at: at(1),
            source: "read".into(),
            actor: None,
            events: vec![id(1)],
            decisions: vec![],
        };
        commit.history = (0..self.dice.u8(0..3)).map(|_| row(record.version)).collect();
        commit.record = Some(record.clone());
        // Later in the batch it stands on this one.
        record.row_revision += 1;
        commit.links = self.links(key, now);
        if self.dice.u8(0..12) == 0 {
            commit.record.as_mut().expect("its record").row_revision += 1;
        }
        commit
    }
}

/// The verdict, with what it has woken in one order.
fn sorted(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Committed(mut woken) => {
            woken.sort();
            Verdict::Committed(woken)
        }
        other => other,
    }
}

/// Everything that the port tells, as text.
async fn told(state: &dyn State) -> Vec<String> {
    let (keys, mut out) = (keys(), Vec::new());
    let loaded = state.load(&keys).await.unwrap();
    out.extend(keys.iter().zip(loaded).map(|(key, record)| format!("{key}: {record:?}")));
    for key in &keys {
        out.push(format!("history of {key}: {:?}", state.history(key).await.unwrap()));
    }
    let records: Vec<(RecordType, CanonicalId)> =
        keys.iter().map(|key| (key.record_type.clone(), key.id.clone())).collect();
    for side in Side::BOTH {
        for kind in [kind("customer"), kind("salesorder")] {
            let ids = (0..IDS).map(|n| (kind.clone(), side, side_id(&format!("s{n}"))));
            let ids: Vec<_> = ids.collect();
            out.push(format!("links {kind} {side}: {:?}", state.links(&acme(), &ids).await.unwrap()));
        }
        out.push(format!("{side}: {:?}", state.counterparts(&acme(), side, &records).await.unwrap()));
        for now in [0, 50, 200] {
            out.push(format!(
                "due {side} {now}: {:?}",
                state.due(&acme(), side, at(now), 100).await.unwrap()
            ));
        }
        for since in [0, 50, 200] {
            let behind = state.behind(&acme(), side, at(since), 100).await.unwrap();
            out.push(format!("behind {side} {since}: {behind:?}"));
        }
        out.push(format!("next {side}: {:?}", state.next_due(&acme(), side).await.unwrap()));
    }
    for kind in [kind("customer"), kind("salesorder")] {
        let mut open = state.pending(&acme(), &kind, &subjects()).await.unwrap();
        open.sort_by_key(|row| row.event_id);
        out.push(format!("open {kind}: {open:?}"));
    }
    let mut due = state.pending_due(&acme(), at(50), 100).await.unwrap();
    due.sort();
    out.push(format!("pending due: {due:?}"));
    out.push(format!("records: {:?}", state.records(&acme(), None, None, 100).await.unwrap()));
    out.push(format!("conflicts: {:?}", state.conflicts(None, None, 100).await.unwrap()));
    for n in 700..720 {
        out.push(format!("conflict {n}: {:?}", state.conflict(id(n)).await.unwrap().map(|r| r.key.clone())));
    }
    let filed = state.open_conflicts(&acme(), &ConflictFilter::default(), None, 100).await.unwrap();
    out.push(format!("filed: {filed:?}"));
    for open in [false, true] {
        out.push(format!("errors {open}: {:?}", state.errors(None, open, None, 100).await.unwrap()));
    }
    let census = state.census(&acme()).await.unwrap();
    out.push(format!("census: {:?}", census.into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>()));
    let events: Vec<_> = (0..EVENTS).map(|n| id(n.into())).collect();
    out.push(format!("unlisted: {:?}", state.unlisted(&acme(), &events).await.unwrap()));
    out
}

#[tokio::test]
async fn both_tell_the_same_of_the_same() {
    let (mut committed, mut refused, mut woken) = (0, 0, 0);
    for seed in 0..12 {
        let (database, real) = fresh().await;
        let memory = MemoryState::new();
        let (dice, more) = (Rng::with_seed(seed), Rng::with_seed(seed + 1_000));
        let mut story = Story { dice, more, taken: Vec::new() };
        for step in 0..60 {
            let rows: Vec<PendingRow> = (0..story.dice.u8(0..4)).map(|_| story.pending()).collect();
            memory.enqueue(rows.clone()).await.unwrap();
            real.enqueue(rows).await.unwrap();
            let keys = keys();
            let known = memory.load(&keys).await.unwrap();
            let mut now: BTreeMap<RecordKey, Record> = known
                .into_iter()
                .flatten()
                .map(|record| (record.key.clone(), Record::clone(&record)))
                .collect();
            let commits: Vec<Commit> = (0..story.dice.u8(1..6)).map(|_| story.commit(&mut now)).collect();
            let expected = memory.commit(commits.clone()).await.unwrap();
            let verdicts = real.commit(commits).await.unwrap();
            let (expected, verdicts): (Vec<_>, Vec<_>) =
                (expected.into_iter().map(sorted).collect(), verdicts.into_iter().map(sorted).collect());
            assert_eq!(verdicts, expected, "seed {seed}, step {step}");
            for verdict in &verdicts {
                match verdict {
                    Verdict::Committed(subjects) => {
                        (committed, woken) = (committed + 1, woken + subjects.len())
                    }
                    Verdict::Stale | Verdict::LinkTaken(_) => refused += 1,
                    Verdict::Refused(why) => panic!("seed {seed}, step {step}: {why}"),
                }
            }
            if step % 4 != 3 {
                continue;
            }
            let (expected, found) = (told(&memory).await, told(&real).await);
            for (expected, found) in expected.iter().zip(&found) {
                assert_eq!(found, expected, "seed {seed}, step {step}");
            }
        }
        let rows = |table: &str| {
            let count = format!("select count(*) from {table}");
            let pool = database.pool.clone();
            async move {
                let count = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(count));
                count.fetch_one(&pool).await.unwrap() as usize
            }
        };
        assert_eq!(rows("notification").await, memory.all_notices(&acme()).len(), "seed {seed}");
        assert_eq!(rows("event_audit_log").await, memory.audit(&acme()).len(), "seed {seed}");
    }
    assert!(committed > 500 && refused > 100 && woken > 20, "{committed} {refused} {woken}: a dull story");
}

/// Beyond the memory twin: who takes over somebody who had taken over another gets both.
#[tokio::test]
async fn a_chain_of_former_ids_leads_to_the_record_that_there_is() {
    let (_database, state) = fresh().await;
    let take = async |name: &str, alias: &str| {
        let other = super::load(&state, &super::key(&format!("customer/{alias}"))).await;
        let row_revision = other.map_or(0, |other| other.row_revision);
        let known = super::load(&state, &super::key(name)).await;
        let record = known.map_or_else(|| super::record(name), |known: Arc<Record>| (*known).clone());
        let links = vec![LinkChange::Alias(canonical(alias), row_revision)];
        let verdicts = state.commit(vec![Commit { links, ..super::commit_of(&record) }]).await.unwrap();
        assert!(matches!(verdicts[..], [Verdict::Committed(_)]), "{verdicts:?}");
    };
    take("customer/b", "a").await;
    take("customer/c", "b").await;
    for name in ["customer/a", "customer/b", "customer/c"] {
        let found = super::load(&state, &super::key(name)).await.expect("the record");
        assert_eq!(found.key, super::key("customer/c"));
    }
    // Of another type with the same id nothing has changed.
    assert_eq!(super::load(&state, &super::key("item/a")).await, None);
}
