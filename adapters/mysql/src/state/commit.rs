//! Commits: everything that one decision changes, in one transaction.
//!
//! A transaction locks the rows that its commits touch, in the order of their keys, judges every commit on them
//! ([`super::round`]), and writes what stands, table by table. The comparison of row revisions is made under the
//! lock, so nobody can come between it and the write. A row that does not exist cannot be locked: who adds it at
//! the same time as somebody else meets a duplicate, is rolled back, and then finds it there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use shared::domain::id::{AccountId, PerSide, RecordKey, Side};
use shared::domain::surface::SyncConfig;
use shared::fault::Unavailable;
use shared::state::watch::behind_since;
use shared::state::{Commit, Link, Place, Verdict};
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::codec::encode;
use super::conflicts::Opened;
use super::current_state::{self, Write};
use super::event_census::Moves;
use super::record_link::{self, LinkId};
use super::round::{Prepared, Standing, Stored, linked, refusal, rounds};
use super::state_history::Decided;
use super::together::Asked;
use super::wake::{go_on, wake};
use super::{
    MysqlState, WHAT, ambiguous_record, conflict_field, conflicts, event_audit_log, notification,
    pending_event, state_history, sync_error_queue,
};
use crate::fault::{Cause, cause, retrying, unavailable};

/// How often a round is begun because somebody added a row at the same time.
const DUPLICATES_MAX: u32 = 5;

/// Who waits for verdicts on its commits.
type Caller = Asked<Arc<Prepared>, Vec<Verdict>>;

/// What a round came to.
enum Outcome {
    /// A verdict for each commit.
    Judged(Vec<Verdict>),
    /// Nothing was written: a commit wakes a record that another one of the round writes. They go singly.
    Singly,
}

/// See [`shared::state::State::commit`]. What several callers commit at one moment shares its transactions.
pub(super) async fn commit(state: &MysqlState, commits: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable> {
    // The callers' commits are one account's each.
    let Some(account) = commits.first().map(|commit| commit.account.clone()) else { return Ok(Vec::new()) };
    let prepare = |commit| Ok(Arc::new(prepare(state, commit)?));
    let prepared = commits.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    state.writing(&account).commits.ask(prepared, |callers| write_all(state.clone(), callers)).await
}

fn prepare(state: &MysqlState, commit: Commit) -> Result<Prepared, Unavailable> {
    let Some(record) = &commit.record else { return Ok(Prepared { commit, row: None }) };
    match state.config.surface(&record.key.account, &record.key.record_type) {
        Some(surface) => {
            let row = Some(encode(record, surface));
            Ok(Prepared { commit, row })
        }
        // Without its fields' names it would be stored without its fields.
        None => {
            let kind = &record.key.record_type;
            Err(Unavailable::new(WHAT, format!("{kind} is not configured in {}", record.key.account)))
        }
    }
}

/// Writes what several callers commit, and tells each its verdicts. What fails is told to those whose commit it is.
async fn write_all(state: MysqlState, callers: Vec<Caller>) {
    let commits: Vec<Arc<Prepared>> = callers.iter().flat_map(|caller| caller.rows.iter().cloned()).collect();
    let (mut judged, mut lost) = (VecDeque::with_capacity(commits.len()), None);
    for round in rounds(&commits) {
        match &lost {
            None => match write(&state, round).await {
                Ok(verdicts) => judged.extend(verdicts),
                Err(error) => {
                    judged.extend(round.iter().map(|_| Err(error.clone())));
                    lost = Some(error);
                }
            },
            Some(error) => judged.extend(round.iter().map(|_| Err(error.clone()))),
        }
    }
    for caller in callers {
        let own = judged.drain(..caller.rows.len());
        let told = own.collect();
        caller.tell(told);
    }
}

/// Writes a round; singly, where it cannot be written together. `Err`: the database is lost, and with it all of them.
async fn write(
    state: &MysqlState,
    round: &[Arc<Prepared>],
) -> Result<Vec<Result<Verdict, Unavailable>>, Unavailable> {
    match write_together(state, round).await {
        Ok(Outcome::Judged(verdicts)) => return Ok(verdicts.into_iter().map(Ok).collect()),
        Ok(Outcome::Singly) => {}
        Err(error) if cause(&error) == Cause::Lost => return Err(unavailable(WHAT)(error)),
        // One of them holds what no table takes, or may not be written: it must not take the others along.
        Err(_) => {}
    }
    let mut verdicts = Vec::with_capacity(round.len());
    for commit in round {
        match write_together(state, std::slice::from_ref(commit)).await {
            Ok(Outcome::Judged(verdict)) => verdicts.extend(verdict.into_iter().map(Ok)),
            Ok(Outcome::Singly) => verdicts.push(Err(Unavailable::new(WHAT, "a commit wakes itself"))),
            Err(error) if matches!(cause(&error), Cause::Refused(_)) => {
                verdicts.push(Ok(Verdict::Refused(error.to_string())));
            }
            Err(error) => verdicts.push(Err(unavailable(WHAT)(error))),
        }
    }
    Ok(verdicts)
}

async fn write_together(state: &MysqlState, round: &[Arc<Prepared>]) -> Result<Outcome, sqlx::Error> {
    for _ in 1..DUPLICATES_MAX {
        match retrying(state.dice(), || transaction(state, round)).await {
            Err(error) if cause(&error) == Cause::Duplicate => {}
            done => return done,
        }
    }
    retrying(state.dice(), || transaction(state, round)).await
}

async fn transaction(state: &MysqlState, round: &[Arc<Prepared>]) -> Result<Outcome, sqlx::Error> {
    let mut transaction = state.pool.begin().await?;
    let (judged, links) = judge(&mut transaction, round).await?;
    let standing: Vec<&Standing<'_>> = judged.iter().filter_map(|judged| judged.as_ref().ok()).collect();
    if standing.is_empty() {
        transaction.rollback().await?;
    } else {
        let mut moves = Moves::default();
        link(&mut transaction, &standing, &links).await?;
        let Some(mut woken) = wake(&mut transaction, &standing, &mut moves).await? else {
            transaction.rollback().await?;
            return Ok(Outcome::Singly);
        };
        close_and_open_conflicts(&mut transaction, &standing, &mut moves, &state.config).await?;
        store(&mut transaction, &standing).await?;
        place(&mut transaction, &standing, &mut moves).await?;
        go_on(&mut transaction, &standing, &mut woken, &mut moves).await?;
        tell(&mut transaction, &standing).await?;
        moves.count(&mut transaction).await?;
        transaction.commit().await?;
        let mut woken = woken.into_iter();
        let verdict = |judged: Result<_, Verdict>| {
            judged.map_or_else(|refused| refused, |_| Verdict::Committed(woken.next().unwrap_or_default()))
        };
        return Ok(Outcome::Judged(judged.into_iter().map(verdict).collect()));
    }
    Ok(Outcome::Judged(judged.into_iter().filter_map(Result::err).collect()))
}

/// Locks what the round touches, and decides about each commit.
async fn judge<'a>(
    connection: &mut MySqlConnection,
    round: &'a [Arc<Prepared>],
) -> Result<(Vec<Result<Standing<'a>, Verdict>>, BTreeMap<LinkId, Link>), sqlx::Error> {
    let keys: BTreeSet<RecordKey> = round.iter().flat_map(|prepared| prepared.records()).collect();
    let ids: BTreeSet<LinkId> = round.iter().flat_map(|prepared| prepared.links()).collect();
    let held = current_state::lock(connection, &Vec::from_iter(keys)).await?;
    let links = record_link::lock(connection, &Vec::from_iter(ids)).await?;
    let judge = |prepared: &'a Arc<Prepared>| {
        if let Some(refused) = refusal(prepared, &held, &links) {
            return Err(refused);
        }
        let record = prepared.row.as_ref().map(|row| {
            let before = held.get(&row.key).cloned();
            let ids = before.as_ref().map(|held| held.ids.clone()).unwrap_or_default();
            let linked = linked(&row.key, &prepared.commit.links, ids, &links);
            let lost = linked.aliases.iter().filter_map(|alias| held.get(alias)?.conflict);
            Stored { row, before, lost_conflicts: lost.collect(), linked }
        });
        Ok(Standing { commit: &prepared.commit, record })
    };
    let judged = round.iter().map(judge).collect();
    Ok((judged, links))
}

/// Writes aliases and links.
async fn link(
    connection: &mut MySqlConnection,
    standing: &[&Standing<'_>],
    known: &BTreeMap<LinkId, Link>,
) -> Result<(), sqlx::Error> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for stored in standing.iter().filter_map(|s| s.record.as_ref()) {
        for alias in &stored.linked.aliases {
            record_link::take_over(connection, alias, &stored.row.key).await?;
            current_state::become_alias(connection, alias, &stored.row.key).await?;
        }
        for (id, link) in &stored.linked.links {
            let rows = if known.contains_key(id) { &mut old } else { &mut new };
            rows.push((id.clone(), link.clone()));
        }
    }
    record_link::insert(connection, &new).await?;
    record_link::replace(connection, &old).await
}

/// A conflict that is over lets go of its events; its id stays known.
async fn close_and_open_conflicts(
    connection: &mut MySqlConnection,
    standing: &[&Standing<'_>],
    moves: &mut Moves,
    config: &SyncConfig,
) -> Result<(), sqlx::Error> {
    let mut opened = Vec::new();
    for (commit, stored) in standing.iter().filter_map(|s| Some((s.commit, s.record.as_ref()?))) {
        let Stored { row, before, lost_conflicts, .. } = stored;
        let account = &row.key.account;
        let known = before.as_ref().and_then(|held| held.conflict);
        let over = known.filter(|known| row.conflict != Some(*known));
        for over in lost_conflicts.iter().copied().chain(over) {
            conflicts::close(connection, account, over).await?;
            conflict_field::close(connection, account, over).await?;
        }
        if let Some(over) = over {
            pending_event::release(connection, account, over, moves).await?;
        }
        let Some(conflict) = commit.record.as_ref().and_then(|record| record.conflict.as_ref()) else {
            continue;
        };
        // Whatever the commit is about: what is filed is what the record has now, and when the surface asks for it.
        if known == Some(conflict.id) {
            conflict_field::close(connection, account, conflict.id).await?;
        }
        opened.push(Opened { key: &row.key, conflict });
    }
    conflicts::open(connection, &opened).await?;
    conflict_field::open(connection, &opened, config).await
}

/// Writes the records and what was decided about them.
async fn store(connection: &mut MySqlConnection, standing: &[&Standing<'_>]) -> Result<(), sqlx::Error> {
    let (mut decided, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for (commit, stored) in standing.iter().filter_map(|s| Some((s.commit, s.record.as_ref()?))) {
        let (key, row_revision) = (&stored.row.key, stored.row.row_revision + 1);
        let rows = (0..).zip(&commit.history);
        decided.extend(rows.map(|(position, row)| Decided::new(key, row_revision, position, row)));
        let rows = if stored.before.is_some() { &mut old } else { &mut new };
        let before = stored.before.as_ref().map(|held| held.behind).unwrap_or_default();
        let due = |side: Side| commit.record.as_ref().and_then(|record| record.sides[side].due.as_ref());
        let since = |side: Side| behind_since(before[side], due(side));
        let behind = PerSide { netsuite: since(Side::NetSuite), suitex: since(Side::SuiteX) };
        rows.push(Write { row: stored.row, ids: stored.linked.ids.clone(), behind });
    }
    current_state::insert(connection, &new).await?;
    current_state::replace(connection, &old).await?;
    state_history::insert(connection, &decided).await
}

/// Moves events: those that go to one place together, the last word about each counting.
async fn place(
    connection: &mut MySqlConnection,
    standing: &[&Standing<'_>],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    let mut last: BTreeMap<(&AccountId, Uuid), &Place> = BTreeMap::new();
    for commit in standing.iter().map(|s| s.commit) {
        last.extend(commit.places.iter().map(|(event, place)| ((&commit.account, *event), place)));
    }
    let mut groups: Vec<(&AccountId, &Place, Vec<Uuid>)> = Vec::new();
    for ((account, event), place) in last {
        match groups.iter_mut().find(|(of, to, _)| *of == account && *to == place) {
            Some((_, _, events)) => events.push(event),
            None => groups.push((account, place, vec![event])),
        }
    }
    for (account, place, events) in groups {
        pending_event::place(connection, account, &events, place, moves).await?;
    }
    for commit in standing.iter().map(|s| s.commit) {
        for freed in &commit.freed {
            pending_event::free(connection, &commit.account, freed, moves).await?;
        }
    }
    Ok(())
}

/// Writes what is there for people: errors, questions, notices, audit.
async fn tell(connection: &mut MySqlConnection, standing: &[&Standing<'_>]) -> Result<(), sqlx::Error> {
    let (mut errors, mut notices, mut audit) = (Vec::new(), Vec::new(), Vec::new());
    let mut ambiguities = Vec::new();
    for commit in standing.iter().map(|s| s.commit) {
        errors.extend(&commit.errors);
        ambiguities.extend(&commit.ambiguities);
        notices.extend(commit.notices.iter().map(|notice| (&commit.account, notice)));
        audit.extend(commit.audit.iter().map(|row| (&commit.account, row)));
    }
    sync_error_queue::file(connection, errors).await?;
    for commit in standing.iter().map(|s| s.commit) {
        sync_error_queue::sent(connection, &commit.account, &commit.sent).await?;
    }
    ambiguous_record::put(connection, &ambiguities).await?;
    notification::insert(connection, &notices).await?;
    event_audit_log::insert(connection, &audit).await
}
