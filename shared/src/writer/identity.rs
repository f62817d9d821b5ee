//! Before a record is created: is it one that the target has already? The create itself asks the target, so that
//! there is as little time between question and create as the target can make it; what it found is judged here.
//!
//! What a rule cannot tell waits for a person, whose word comes back through merge and is carried out here. Which of
//! the values then counts is not decided here: the record is linked, looked at, and absorbed like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::calls::Planned;
use super::settle::{Job, store, unidentified};
use super::translate::{self, CanonicalIds, Counterparts};
use super::{Twin, Writer};
use crate::breakage::{self, Breakage};
use crate::domain::governance::{backoff_ms, dice};
use crate::domain::id::{CanonicalId, RecordKey, Side, SideId, Timestamp, derived_id};
use crate::domain::identity::{self, CANDIDATES_MAX, Found, Match, Unless, filled_keys, judge, shared_keys};
use crate::domain::plan::{Plan, reschedule};
use crate::domain::record::{Due, DueReason, Lock, Presence, Record, Verb};
use crate::domain::settle::{Reply, settle};
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;
use crate::state::notices::Topic;
use crate::state::{
    Ambiguity, AmbiguityStatus, AuditRow, Candidate, Commit, LinkChange, Notice, State, Verdict,
};

/// A record that may get a counterpart at this moment is asked about again after so long, ms; if that is not enough,
/// later and later.
const UNTIL_SETTLED_MS: i64 = 2_000;

/// What could be a record about which a person is asked waits for the answer, and asks again after so long, ms.
const UNTIL_ANSWERED_MS: i64 = 300_000;

/// Most records that a target is told to pass over: keys that so many share name nobody.
const PASSED_MAX: usize = 1_000;

/// Whose a record of the target is.
#[derive(Debug, Clone)]
enum Owner {
    /// We never heard of it.
    Nobody,
    /// A record of ours without a counterpart.
    Alone(Arc<Record>),
    /// The same, and a person is asked which of our side's records it is: no rule comes before the answer.
    Asked(Arc<Record>),
    /// This one, which may be getting its counterpart right now, or has values that are written to its own side alone.
    Undecided(CanonicalId),
    /// Another record, with a counterpart of its own.
    Another(CanonicalId),
}

/// Gives each create what is to forbid it, and carries out what people have chosen. Answers with the writes that are
/// left, and with the records that became a choice's.
pub(super) async fn before_creates(
    writer: &Writer,
    account: &Account,
    mut writes: Vec<Planned>,
    counterparts: &Counterparts,
    now: Timestamp,
) -> Result<(Vec<Planned>, Vec<RecordKey>), Unavailable> {
    let is_asked = |p: &Planned| {
        matches!(&p.plan, Plan::Write(write) if write.verb == Verb::Create)
            && !p.surface.match_keys.is_empty()
    };
    let keys = writes.iter().filter(|p| is_asked(p)).map(|p| p.record.key.clone());
    let keys = Vec::from_iter(keys);
    if keys.is_empty() || breakage::on(Breakage::CreatedBlindly) {
        return Ok((writes, Vec::new()));
    }
    let known = writer.ports.state.ambiguities(&keys).await?;
    // What is known of the other side's records says nothing here.
    let of_side = |(key, known): (RecordKey, Option<Ambiguity>)| {
        known.filter(|known| known.side == writer.side()).map(|known| (key, known))
    };
    let known: BTreeMap<RecordKey, Ambiguity> = keys.into_iter().zip(known).filter_map(of_side).collect();
    let mut linked = Vec::new();
    let mut left = Vec::with_capacity(writes.len());
    for mut planned in writes.drain(..) {
        if !is_asked(&planned) {
            left.push(planned);
            continue;
        }
        match known.get(&planned.record.key).map(|known| (known, known.chosen())) {
            Some((known, Some(chosen))) => {
                carry_out(writer, account, &planned, known.clone(), chosen.clone(), now).await?;
                linked.push(planned.record.key);
            }
            known => {
                planned.unless =
                    unless(writer, &planned, known.map(|(known, _)| known), counterparts).await?;
                left.push(planned);
            }
        }
    }
    Ok((left, linked))
}

/// What forbids this create: everything with one of its keys, but what a person or a link tells from it.
async fn unless(
    writer: &Writer,
    planned: &Planned,
    known: Option<&Ambiguity>,
    counterparts: &Counterparts,
) -> Result<Unless, Unavailable> {
    let (record, side) = (&planned.record, writer.side());
    let filled = filled_keys(&planned.surface, &record.canonical);
    let render = |key: &Vec<_>| {
        let rendered = counterparts.render(key, side, &planned.surface);
        // A reference without a counterpart could not be asked for: the plan has waited for it.
        (rendered.len() == key.len()).then_some(rendered)
    };
    let keys = filled.iter().filter_map(render).collect();
    let mut except = BTreeSet::new();
    if let Some(known) = known {
        except.extend(known.declined.iter().cloned());
        // They may have lost their counterpart since.
        let owners = owners(
            &*writer.ports.state,
            record,
            side,
            &planned.surface,
            known.passed.iter().map(|id| (id, None)),
        )
        .await?;
        let passed = known.passed.iter().zip(owners);
        let is_free = |owner: &Owner| matches!(owner, Owner::Alone(_) | Owner::Asked(_));
        except.extend(passed.filter(|(_, owner)| !is_free(owner)).map(|(id, _)| id.clone()));
    }
    Ok(Unless { keys, except: Vec::from_iter(except) })
}

/// Whose these records of `side` are, each with the mark that it carries, if we saw it.
async fn owners<'a>(
    state: &dyn State,
    mine: &Record,
    side: Side,
    surface: &TypeSurface,
    asked: impl Iterator<Item = (&'a SideId, Option<&'a str>)>,
) -> Result<Vec<Owner>, Unavailable> {
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let key = &mine.key;
    let ids: Vec<_> = asked.iter().map(|(id, _)| (key.record_type.clone(), side, (*id).clone())).collect();
    let links = state.links(&key.account, &ids).await?;
    // A create of ours leaves its mark before its link is known. Any other mark is the customer's own.
    let names = links.iter().zip(&asked).map(|(link, (_, mark))| match link {
        Some(link) => Some(link.canonical.clone()),
        None => mark.and_then(|mark| CanonicalId::parse(mark).ok()),
    });
    let names: Vec<Option<CanonicalId>> = names.collect();
    let sibling = |id: &CanonicalId| RecordKey::new(key.account.clone(), key.record_type.clone(), id.clone());
    let keys: Vec<RecordKey> = names.iter().flatten().map(sibling).collect();
    let questions = state.ambiguities(&keys).await?;
    let mut records = state.load(&keys).await?.into_iter().zip(questions);
    let mut found = Vec::with_capacity(asked.len());
    for ((link, name), (id, _)) in links.into_iter().zip(names).zip(asked) {
        let (record, question) = name.and_then(|_| records.next()).unwrap_or_default();
        let is_asked = question.is_some_and(|question| question.side == side.other() && question.is_asked());
        found.push(match (link, record) {
            (Some(link), _) if link.retired => Owner::Another(link.canonical),
            (Some(link), None) => Owner::Another(link.canonical),
            (Some(_), Some(record)) => match owner_of(mine, side, record, surface) {
                Owner::Alone(record) if is_asked => Owner::Asked(record),
                owner => owner,
            },
            // It carries the mark of a record that does not know it yet, or of which it is a copy.
            (None, Some(record)) if record.key == mine.key => Owner::Undecided(mine.key.id.clone()),
            (None, Some(record)) if !record.sides[side].is_there_as_another(id) => {
                Owner::Another(record.key.id.clone())
            }
            (None, Some(_) | None) => Owner::Nobody,
        });
    }
    Ok(found)
}

fn owner_of(mine: &Record, side: Side, owner: Arc<Record>, surface: &TypeSurface) -> Owner {
    let (here, there) = (&owner.sides[side], &owner.sides[side.other()]);
    if owner.key == mine.key {
        return Owner::Undecided(owner.key.id.clone());
    }
    let has_none = there.presence == Presence::Never && there.id.is_none();
    if !has_none || !owner.alive || owner.conflict.is_some() || here.detached || there.detached {
        return Owner::Another(owner.key.id.clone());
    }
    if owner.why_unreadable().is_some() {
        return Owner::Undecided(owner.key.id.clone());
    }
    // What a person has set and is not written yet stands in that record alone, and would be gone with it.
    let is_to_be_written =
        |f: usize| owner.is_written_to(side, f, surface) && !here.holds(f, &owner.canonical[f]);
    let is_under_way = here.intent.is_some() || there.intent.is_some();
    if is_under_way || (0..surface.fields.len()).any(is_to_be_written) {
        return Owner::Undecided(owner.key.id.clone());
    }
    Owner::Alone(owner)
}

/// The target created nothing, for it has these.
pub(super) async fn after_twins(
    writer: &Writer,
    account: &Account,
    job: Job,
    twins: Vec<Twin>,
    ids: &CanonicalIds,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let (state, side) = (&*writer.ports.state, writer.side());
    let mut record = job.record.clone();
    settle(&mut record, side, Reply::NotDone, job.asked, &job.surface);
    let known = state.ambiguities(std::slice::from_ref(&record.key)).await?.pop().flatten();
    let known = known.filter(|known| known.side == side);
    let mut known = known.unwrap_or_else(|| Ambiguity::new(record.key.clone(), side, now));
    let asked = twins.iter().map(|twin| (&twin.shown.id, twin.mark.as_deref()));
    let owners = owners(state, &record, side, &job.surface, asked).await?;
    let of_undecided = |(twin, owner): (&Twin, &Owner)| match owner {
        Owner::Undecided(owner) => Some((twin.shown.id.clone(), owner.clone())),
        Owner::Nobody | Owner::Alone(_) | Owner::Asked(_) | Owner::Another(_) => None,
    };
    let undecided: Vec<_> = twins.iter().zip(&owners).filter_map(of_undecided).collect();
    if !undecided.is_empty() {
        let commit = wait(writer, account, record, &job.surface, &undecided, now);
        return finish(writer, account, &job, commit, "undecided", now).await;
    }
    if owners.iter().any(|owner| matches!(owner, Owner::Asked(_))) {
        let commit = wait_for_answer(account, record, side, now);
        return finish(writer, account, &job, commit, "undecided", now).await;
    }
    let candidate = |(twin, owner): (&Twin, &Owner)| {
        let read = translate::read(ids, side, &job.surface, &twin.shown.values);
        Candidate {
            id: twin.shown.id.clone(),
            revision: twin.shown.revision,
            values: twin.shown.values.clone(),
            matched: shared_keys(&job.surface, &record.canonical, &read.values),
            taken_by: if let Owner::Another(id) = owner { Some(id.clone()) } else { None },
        }
    };
    known.candidates = twins.iter().zip(&owners).map(candidate).collect();
    let found = known.candidates.iter();
    let found: Vec<Found> =
        found.map(|c| Found { id: c.id.clone(), is_taken: c.taken_by.is_some() }).collect();
    match judge(&found, &known.declined) {
        Match::None | Match::Others => {
            // Without them it is asked again: others may be behind them.
            known.passed.extend(found.into_iter().filter(|f| f.is_taken).map(|f| f.id));
            known.passed.sort();
            known.passed.dedup();
            if known.passed.len() > PASSED_MAX {
                let why = format!(
                    "{side} has more than {PASSED_MAX} records with its match keys, all of them others"
                );
                let mut commit = file(writer, account, record, &job.surface, &why, now);
                commit.ambiguities.push(known);
                return finish(writer, account, &job, commit, "shared_by_too_many", now).await;
            }
            if known.status == AmbiguityStatus::Open {
                known.status = AmbiguityStatus::Closed;
            }
            record.sides[side].due = None;
            reschedule(&mut record, &job.surface, now);
            let commit =
                Commit { record: Some(record), ambiguities: vec![known], ..Commit::new(account.id.clone()) };
            finish(writer, account, &job, commit, "others", now).await
        }
        Match::One(id) => {
            let at = found.iter().position(|f| f.id == id);
            let owner = at.map_or(&Owner::Nobody, |at| &owners[at]);
            let commit = link(account, record, side, id, owner, known, "rule", now);
            finish(writer, account, &job, commit, "linked", now).await
        }
        Match::Several => {
            let commit = ask(account, record, side, known, &job.surface, now);
            finish(writer, account, &job, commit, "ambiguous", now).await
        }
    }
}

/// Whose these records are, each with its owner, will be clear soon; if it is not, a person must look.
fn wait(
    writer: &Writer,
    account: &Account,
    mut record: Record,
    surface: &TypeSurface,
    undecided: &[(SideId, CanonicalId)],
    now: Timestamp,
) -> Commit {
    let (side, key) = (writer.side(), record.key.to_string());
    let attempts = record.sides[side].due.as_ref().map_or(0, |due| due.attempts) + 1;
    if attempts >= account.limits.max_retry_attempts {
        let named = undecided.iter().map(|(id, owner)| format!("{id}, which is {owner}"));
        let named = Vec::from_iter(named).join("; ");
        let why = format!("{side} has a record that it could be and that does not settle: {named}");
        return file(writer, account, record, surface, &why, now);
    }
    let roll = dice(&derived_id("dice", &[&key, &attempts.to_string()]));
    let wait = if attempts == 1 { UNTIL_SETTLED_MS } else { backoff_ms(attempts - 1, roll) };
    record.sides[side].due = Some(Due { at: now.plus(wait), reason: DueReason::BackingOff, attempts });
    Commit { record: Some(record), ..Commit::new(account.id.clone()) }
}

/// It could be a record about which a person is asked: it is not late, and nobody counts how often it looks for the answer.
fn wait_for_answer(account: &Account, mut record: Record, side: Side, now: Timestamp) -> Commit {
    let (at, reason) = (now.plus(UNTIL_ANSWERED_MS), DueReason::Dirty);
    record.sides[side].due = Some(Due { at, reason, attempts: 0 });
    Commit { record: Some(record), ..Commit::new(account.id.clone()) }
}

/// It does not become clear who the record is: a person must look.
fn file(
    writer: &Writer,
    account: &Account,
    mut record: Record,
    surface: &TypeSurface,
    why: &str,
    now: Timestamp,
) -> Commit {
    let side = writer.side();
    let mut error = unidentified(&mut record, side, why, now);
    error.attempts = record.sides[side].due.take().map_or(0, |due| due.attempts) + 1;
    reschedule(&mut record, surface, now);
    writer.ports.metrics.error(&error.class);
    let mut commit = Commit::new(account.id.clone());
    commit.notices.push(Notice::of_new_error(&error, now));
    commit.errors.push(error);
    commit.record = Some(record);
    commit
}

/// The question about the record that nobody need answer any more, closed, to be stored with the record.
pub(super) async fn over(
    writer: &Writer,
    record: &mut Record,
    surface: &TypeSurface,
    now: Timestamp,
) -> Result<Option<Ambiguity>, Unavailable> {
    let asked = identity::asked_about(record);
    let Some(side) = asked.filter(|side| identity::is_over(record, *side)) else { return Ok(None) };
    let id = identity::question_id(&record.key, side);
    record.locks.retain(|lock| lock.error != id);
    reschedule(record, surface, now);
    let known = writer.ports.state.ambiguities(std::slice::from_ref(&record.key)).await?.pop().flatten();
    let known = known.filter(|known| known.side == side);
    Ok(known.map(|known| Ambiguity { status: AmbiguityStatus::Closed, ..known }))
}

/// `other`, which `side` alone has, was the commit's record all along. Nobody need tell any more what it is.
pub(super) fn alias(commit: &mut Commit, other: &Record, side: Side, now: Timestamp) {
    commit.links.push(LinkChange::Alias(other.key.id.clone(), other.row_revision));
    if identity::asked_about(other).is_some() {
        commit.ambiguities.push(Ambiguity::new(other.key.clone(), side.other(), now));
    }
}

async fn finish(
    writer: &Writer,
    account: &Account,
    job: &Job,
    commit: Commit,
    name: &'static str,
    now: Timestamp,
) -> Result<(), Unavailable> {
    writer.ports.metrics.write(writer.side(), name);
    match writer.ports.state.commit(vec![commit]).await?.pop() {
        Some(Verdict::Committed(woken)) => {
            store::wake(writer, account, woken, now).await;
            Ok(())
        }
        Some(Verdict::Refused(why)) => store::file_unstorable(writer, account, &job.record, &why, now).await,
        // The intent is still there: a look finds that nothing was created, and the target is asked afresh.
        Some(Verdict::Stale | Verdict::LinkTaken(_)) | None => {
            store::look_again(writer, account, job, Vec::new(), now).await
        }
    }
}

/// The record is the target's `id`. Who had that id alone was this record all along.
#[expect(clippy::too_many_arguments, reason = "one decision's parts, passed once")]
fn link(
    account: &Account,
    mut record: Record,
    side: Side,
    id: SideId,
    owner: &Owner,
    mut known: Ambiguity,
    why: &str,
    now: Timestamp,
) -> Commit {
    identity::link(&mut record, side, id.clone(), now);
    let mut commit = Commit::new(account.id.clone());
    if let Owner::Alone(other) = owner {
        alias(&mut commit, other, side, now);
    }
    commit.links.push(LinkChange::Set(side, id.clone()));
    let matched = known.candidates.iter().find(|c| c.id == id).map(|c| c.matched.clone());
    commit.audit.push(AuditRow {
        at: now,
        actor: format!("{side}-writer"),
        action: "linked".into(),
        subject: record.key.to_string(),
        details: json!({ "target": side, "id": id, "by": why, "matched": matched }),
    });
    known.status = AmbiguityStatus::Closed;
    commit.ambiguities.push(known);
    commit.record = Some(record);
    commit
}

/// A person must tell: nothing is created until then.
fn ask(
    account: &Account,
    mut record: Record,
    side: Side,
    mut known: Ambiguity,
    surface: &TypeSurface,
    now: Timestamp,
) -> Commit {
    (known.status, known.revision, known.opened_at) = (AmbiguityStatus::Open, known.revision + 1, now);
    let ids: Vec<String> = known.free().map(|candidate| candidate.id.to_string()).collect();
    let more = if ids.len() >= CANDIDATES_MAX { "at least " } else { "" };
    let reason = format!("{side} has {more}{} records that it could be: {}", ids.len(), ids.join(", "));
    let id = known.id();
    record.locks.retain(|lock| lock.error != id);
    record.locks.push(Lock { field: None, error: id, reason: reason.clone(), since: now });
    record.sides[side].due = None;
    reschedule(&mut record, surface, now);
    let text = format!("{}: {reason}. Choose one, or have it created.", record.key);
    let (subject, once) = (format!("ambiguous:{id}"), known.revision.to_string());
    let notice = Notice::new(&account.id, Topic::Ambiguous, subject, &once, text, now);
    Commit {
        record: Some(record),
        ambiguities: vec![known],
        notices: vec![notice],
        ..Commit::new(account.id.clone())
    }
}

/// Carries out what a person chose, if the chosen record is still free; else the target is asked again.
async fn carry_out(
    writer: &Writer,
    account: &Account,
    planned: &Planned,
    mut known: Ambiguity,
    chosen: SideId,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let (side, record) = (writer.side(), planned.record.clone());
    let (surface, asked) = (&planned.surface, [(&chosen, None)].into_iter());
    let owner = owners(&*writer.ports.state, &record, side, surface, asked).await?.pop();
    let commit = match owner.unwrap_or(Owner::Nobody) {
        Owner::Undecided(owner) => wait(writer, account, record, surface, &[(chosen, owner)], now),
        Owner::Another(_) => {
            known.status = AmbiguityStatus::Closed;
            let audit = AuditRow {
                at: now,
                actor: format!("{side}-writer"),
                action: "link_outdated".into(),
                subject: record.key.to_string(),
                details: json!({ "target": side, "id": chosen }),
            };
            Commit {
                record: Some(record),
                ambiguities: vec![known],
                audit: vec![audit],
                ..Commit::new(account.id.clone())
            }
        }
        // This is a person's word, and ends what is asked about the other one.
        Owner::Asked(owner) => {
            link(account, record, side, chosen, &Owner::Alone(owner), known, "person", now)
        }
        owner => link(account, record, side, chosen, &owner, known, "person", now),
    };
    match writer.ports.state.commit(vec![commit]).await?.pop() {
        Some(Verdict::Committed(woken)) => {
            store::wake(writer, account, woken, now).await;
            Ok(())
        }
        // Else it would be tried, and refused, for ever.
        Some(Verdict::Refused(why)) => {
            store::file_unstorable(writer, account, &planned.record, &why, now).await
        }
        // Overtaken, it is planned afresh, and the choice is still there.
        Some(Verdict::Stale | Verdict::LinkTaken(_)) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
