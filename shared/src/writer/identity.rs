//! Before a record is created: is it one that the target has already? The create itself asks the target, so that nobody
//! can come between question and create; what it found is judged here.
//!
//! What a rule cannot tell waits for a person, whose word comes back through merge and is carried out here. Which of
//! the values then counts is not decided here: the record is linked, looked at, and absorbed like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::drain::Planned;
use super::settle::{Job, store};
use super::translate::{self, CanonicalIds, Counterparts};
use super::{Twin, Writer};
use crate::breakage::{self, Breakage};
use crate::domain::id::{CanonicalId, RecordKey, Side, SideId, Timestamp};
use crate::domain::identity::{self, Found, Match, Unless, filled_keys, judge, shared_keys};
use crate::domain::plan::{Plan, reschedule};
use crate::domain::record::{Due, DueReason, Lock, Presence, Record, Verb};
use crate::domain::settle::{Reply, settle};
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;
use crate::state::notices::Topic;
use crate::state::{
    Ambiguity, AmbiguityStatus, AuditRow, Candidate, Commit, LinkChange, Notice, State, Verdict,
};

/// A record that may get a counterpart at this moment is asked about again after so long, ms.
const UNTIL_SETTLED_MS: i64 = 2_000;

/// Whose a record of the target is.
#[derive(Debug, Clone)]
enum Owner {
    /// We never heard of it.
    Nobody,
    /// A record of ours without a counterpart.
    Alone(Arc<Record>),
    /// One that may be getting its counterpart right now.
    Undecided,
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
        // A reference without a counterpart cannot be asked for.
        (rendered.len() == key.len()).then_some(rendered)
    };
    let keys = filled.iter().filter_map(render).collect();
    let mut except = BTreeSet::new();
    if let Some(known) = known {
        except.extend(known.declined.iter().cloned());
        // They may have lost their counterpart since.
        let owners =
            owners(&*writer.ports.state, record, side, known.passed.iter().map(|id| (id, None))).await?;
        let passed = known.passed.iter().zip(owners);
        except.extend(passed.filter(|(_, o)| !matches!(o, Owner::Alone(_))).map(|(id, _)| id.clone()));
    }
    Ok(Unless { keys, except: Vec::from_iter(except) })
}

/// Whose these records of `side` are, each with the mark that it carries, if we saw it.
async fn owners<'a>(
    state: &dyn State,
    mine: &Record,
    side: Side,
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
    let mut records = state.load(&keys).await?.into_iter();
    let mut found = Vec::with_capacity(asked.len());
    for ((link, name), (id, _)) in links.into_iter().zip(names).zip(asked) {
        let record = name.and_then(|_| records.next().flatten());
        found.push(match (link, record) {
            (Some(link), _) if link.retired => Owner::Another(link.canonical),
            (Some(link), None) => Owner::Another(link.canonical),
            (Some(_), Some(record)) => owner_of(mine, side, record),
            // It carries the mark of a record that does not know it yet, or of which it is a copy.
            (None, Some(record)) if record.key == mine.key => Owner::Undecided,
            (None, Some(record)) if !record.sides[side].is_there_as_another(id) => {
                Owner::Another(record.key.id.clone())
            }
            (None, Some(_) | None) => Owner::Nobody,
        });
    }
    Ok(found)
}

fn owner_of(mine: &Record, side: Side, owner: Arc<Record>) -> Owner {
    let (here, there) = (&owner.sides[side], &owner.sides[side.other()]);
    if owner.key == mine.key {
        return Owner::Undecided;
    }
    let has_none = there.presence == Presence::Never && there.id.is_none();
    if !has_none || !owner.alive || owner.conflict.is_some() || here.detached || there.detached {
        return Owner::Another(owner.key.id.clone());
    }
    if here.intent.is_some() || there.intent.is_some() { Owner::Undecided } else { Owner::Alone(owner) }
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
    let owners = owners(state, &record, side, asked).await?;
    if owners.iter().any(|owner| matches!(owner, Owner::Undecided)) {
        let attempts = record.sides[side].due.as_ref().map_or(0, |due| due.attempts);
        let due = Due { at: now.plus(UNTIL_SETTLED_MS), reason: DueReason::BackingOff, attempts };
        record.sides[side].due = Some(due);
        let commit = Commit { record: Some(record), ..Commit::new(account.id.clone()) };
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
        Match::None => {
            known.passed.extend(found.into_iter().map(|f| f.id));
            known.passed.sort();
            known.passed.dedup();
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
            let rules = &writer.ports.config.coalescing;
            for (kind, subject) in woken {
                let text = subject.to_text(&kind);
                // Lost, it costs latency: the tick finds them.
                let _ = writer.ports.buffer.note(&account.id, &text, now, true, rules).await;
            }
            Ok(())
        }
        // The intent is still there: a look finds that nothing was created, and the target is asked afresh.
        _ => store::look_again(writer, account, job, Vec::new(), now).await,
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
        commit.links.push(LinkChange::Alias(other.key.id.clone(), other.row_revision));
        // Nobody need tell any more what that record is.
        if identity::asked_about(other).is_some() {
            commit.ambiguities.push(Ambiguity::new(other.key.clone(), side.other(), now));
        }
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
    let reason = format!("{side} has {} records that it could be: {}", ids.len(), ids.join(", "));
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
    let (side, mut record) = (writer.side(), planned.record.clone());
    let owner = owners(&*writer.ports.state, &record, side, [(&chosen, None)].into_iter()).await?.pop();
    let commit = match owner.unwrap_or(Owner::Undecided) {
        Owner::Undecided => {
            let attempts = record.sides[side].due.as_ref().map_or(0, |due| due.attempts);
            let due = Due { at: now.plus(UNTIL_SETTLED_MS), reason: DueReason::BackingOff, attempts };
            record.sides[side].due = Some(due);
            Commit { record: Some(record), ..Commit::new(account.id.clone()) }
        }
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
        owner => link(account, record, side, chosen, &owner, known, "person", now),
    };
    // Overtaken, it is planned afresh, and the choice is still there.
    if let Some(Verdict::Committed(woken)) = writer.ports.state.commit(vec![commit]).await?.pop() {
        for (kind, subject) in woken {
            let (text, rules) = (subject.to_text(&kind), &writer.ports.config.coalescing);
            let _ = writer.ports.buffer.note(&account.id, &text, now, true, rules).await;
        }
    }
    Ok(())
}
