//! How an event is taken: ledger first, then *always* the pending list, then the ack. A crash between the two
//! is repaired by the redelivery, which finds the ledger row and still writes the pending one.

use crate::breakage::{self, Breakage};
use crate::domain::event::{ChangeEvent, Source};
use crate::domain::id::{AccountId, CanonicalId, Side, SideId};
use crate::fault::Fault;
use crate::ledger::{Appended, Entry};
use crate::runtime::Ports;
use crate::state::{PendingRow, Place, Subject};

/// Takes events: durable when this returns `Ok`. An event that the ledger refuses is a [`Fault::Park`], told
/// once the others are durable.
pub async fn take(ports: &Ports, events: Vec<ChangeEvent>) -> Result<(), Fault> {
    let now = ports.clock.now();
    let rules = &ports.config.coalescing;
    let answers = ports.ledger.append(events.iter().map(Entry::of).collect()).await?;
    let mut rows = Vec::with_capacity(events.len());
    let mut refused = None;
    for (event, answer) in events.iter().zip(answers) {
        match answer {
            Appended::Fresh => {}
            Appended::Known if breakage::on(Breakage::PendingSkippedWhenKnown) => continue,
            Appended::Known => {}
            Appended::Refused(reason) => {
                refused.get_or_insert(Fault::Park { field: "$".into(), reason });
                continue;
            }
        }
        rows.push(PendingRow {
            account: account_of(ports, event),
            record_type: event.record_type.clone(),
            subject: subject_of(event),
            event_id: event.event_id,
            arrived_at: now,
            // The buffer knows better; this is when the tick looks, should the buffer forget.
            place: Place::Pending { due_at: now.plus(rules.max_wait_ms) },
        });
        ports.metrics.event(event.source.as_str());
    }
    ports.state.enqueue(rows.clone()).await?;
    for row in &rows {
        let subject = row.subject.to_text(&row.record_type);
        let flush = events.iter().any(|event| event.event_id == row.event_id && event.payload.flush);
        // The buffer may be away: the tick finds the row.
        if let Err(error) = ports.buffer.note(&row.account, &subject, now, flush, rules).await {
            tracing::warn!(%error, "pending event not noted in the buffer");
        }
    }
    refused.map_or(Ok(()), Err)
}

fn account_of(ports: &Ports, event: &ChangeEvent) -> AccountId {
    if breakage::on(Breakage::KeyWithoutAccount)
        && let Some(first) = ports.config.accounts.keys().next()
    {
        return first.clone();
    }
    event.account_id.clone()
}

/// The record that the event is about, as its source names it.
pub fn subject_of(event: &ChangeEvent) -> Subject {
    match (event.source, event.side()) {
        (Source::Review, _) | (_, None) => {
            // A side id and a canonical id are spelled alike.
            let id =
                CanonicalId::parse(event.record_id.as_str()).expect("a side id is a canonical id's text");
            Subject::Canonical(id)
        }
        (_, Some(side)) => Subject::Side(side, event.record_id.clone()),
    }
}

/// The subjects under which events about a linked record may be pending.
pub fn subjects_of(id: &CanonicalId, sides: impl Iterator<Item = (Side, SideId)>) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = sides.map(|(side, id)| Subject::Side(side, id)).collect();
    subjects.push(Subject::Canonical(id.clone()));
    subjects
}
