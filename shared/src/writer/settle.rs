//! What a call's answers make of the records: settle, then one commit each, if nothing else was committed
//! since the call began. That makes an answer authoritative; otherwise a look follows.

mod answer;
mod errors;
pub(super) mod store;

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub(super) use self::errors::{unidentified, waited_too_long};
use super::Writer;
use super::translate::CanonicalIds;
use super::{Answer, CallFault, LookCall, Shown, WriteCall, identity};
use crate::domain::governance::CallEnd;
use crate::domain::id::Timestamp;
use crate::domain::record::Record;
use crate::domain::surface::{Account, TypeSurface};
use crate::fault::Unavailable;

/// A record on its way through a call.
pub(super) struct Job {
    /// The record as it was committed before the call.
    pub(super) record: Record,
    /// Its type.
    pub(super) surface: Arc<TypeSurface>,
    /// What is asked of the target.
    pub(super) ask: Ask,
    /// When the call began: what it shows may have changed since.
    pub(super) asked: Timestamp,
}

/// A record's part of a call.
pub(super) enum Ask {
    Write(WriteCall),
    Look(LookCall),
}

impl Job {
    /// The write, unless it is a look.
    pub(super) fn write(&self) -> Option<&WriteCall> {
        match &self.ask {
            Ask::Write(write) => Some(write),
            Ask::Look(_) => None,
        }
    }

    /// The look, unless it is a write.
    pub(super) fn look(&self) -> Option<&LookCall> {
        match &self.ask {
            Ask::Write(_) => None,
            Ask::Look(look) => Some(look),
        }
    }
}

/// Stores what a call brought, for all of its records.
pub(super) async fn batch(
    writer: &Writer,
    account: &Account,
    jobs: Vec<Job>,
    result: Result<Vec<Answer>, CallFault>,
) -> Result<(), Unavailable> {
    let (now, side) = (writer.ports.clock.now(), writer.target.side());
    // An answer that is missing is unknown, like a call without one.
    let missing = CallFault::new(CallEnd::Unclear, "the answer lacks this record");
    let (answers, fault) = match result {
        Ok(answers) => (answers, missing),
        Err(fault) => (Vec::new(), fault),
    };
    let shown = jobs.iter().zip(&answers).flat_map(|(job, answer)| told(job, answer));
    let ids = CanonicalIds::load(&*writer.ports.state, &account.id, side, shown).await?;
    let (mut answers, mut over) = (answers.into_iter(), Vec::new());
    let (mut settled, mut found) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        let outcome = match answers.next() {
            Some(Answer::Twins(twins)) => {
                found.push((job, twins));
                continue;
            }
            Some(answer) => {
                over.extend(call_found_over(writer, &job, &answer));
                answer::answered(side, account, &job, answer, &ids, now)
            }
            None => answer::failed(side, account, &job, &fault, now),
        };
        writer.ports.metrics.write(side, outcome.name);
        settled.push((job, outcome));
    }
    store::store(writer, account, settled, now).await?;
    for (job, twins) in found {
        identity::after_twins(writer, account, job, twins, &ids, now).await?;
    }
    for call in over {
        writer.end(account, call, CallEnd::Over).await;
    }
    Ok(())
}

/// Everything that an answer tells of what the target holds or held.
fn told<'a>(
    job: &'a Job,
    answer: &'a Answer,
) -> impl Iterator<Item = (&'a TypeSurface, &'a Map<String, Json>)> {
    let (shown, held) = match answer {
        Answer::Applied(shown) => (shown.as_ref(), None),
        Answer::Looked { shown, held } => (Some(shown), Some(held)),
        _ => (None, None),
    };
    let twins = if let Answer::Twins(twins) = answer { &twins[..] } else { &[] };
    let values = shown.map(|shown: &Shown| &shown.values).into_iter();
    let values = values.chain(twins.iter().map(|twin| &twin.shown.values));
    let values = values.chain(held.into_iter().flat_map(|held| held.values()));
    values.map(|values| (&*job.surface, values))
}

/// The call of which nobody heard, when this look found its last write done.
fn call_found_over(writer: &Writer, job: &Job, answer: &Answer) -> Option<Uuid> {
    let intent = job.record.sides[writer.target.side()].intent.as_ref().filter(|_| job.write().is_none())?;
    let found = matches!(answer, Answer::Looked { held, .. } if held.contains_key(&intent.operation));
    intent.last_of.filter(|_| found)
}
