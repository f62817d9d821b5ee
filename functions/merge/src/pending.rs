//! What is pending for some records, with the bodies and links that it takes to understand it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use futures::stream;
use shared::domain::event::{ChangeEvent, FieldError};
use shared::domain::id::{AccountId, RecordType};
use shared::domain::surface::TypeSurface;
use shared::fault::Unavailable;
use shared::runtime::Ports;
use shared::state::{PendingRow, Subject};
use uuid::Uuid;

use crate::App;
use crate::translate::{self, Links};

/// Bodies that are fetched at once.
const BODIES_AT_ONCE: usize = 8;

/// Once so many bytes of bodies are in memory, records with further ones wait for the next round.
const BODIES_BYTES: usize = 32 * 1024 * 1024;

/// An event with its body; or what is wrong with that.
pub(crate) type Loaded = (ChangeEvent, Result<(), FieldError>);

/// What is pending for one record.
#[derive(Default)]
pub(crate) struct Pending {
    /// The rows.
    pub(crate) rows: Vec<PendingRow>,
    /// Their events, in ledger order.
    pub(crate) events: Vec<Loaded>,
    /// There was no room for its bodies: it is to be asked about again, once this round is over.
    pub(crate) is_put_off: bool,
}

/// Why a body is not there.
enum NoBody {
    Away(Unavailable),
    NoRoom,
}

/// Room for bodies. Those of one record belong together: it has room for all of them, or waits.
#[derive(Default)]
struct Room {
    bytes: AtomicUsize,
    admitted: Mutex<BTreeSet<usize>>,
}

impl Room {
    /// Whether there is room for a body of the `nth` record. The first always finds some.
    fn admits(&self, nth: usize) -> bool {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bytes.load(Ordering::Relaxed) < BODIES_BYTES {
            admitted.insert(nth);
        }
        admitted.contains(&nth)
    }
}

/// What is pending for some records of one type: one entry for each set of `subjects`, in their order, and the
/// links behind all ids that the events refer to. What cannot be loaded now is left out, with its record's other
/// events, and stays pending.
pub(crate) async fn load(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    subjects: &[Vec<Subject>],
    surface: &TypeSurface,
) -> Result<(Vec<Pending>, Links), Unavailable> {
    let mut owner: BTreeMap<&Subject, usize> = BTreeMap::new();
    for (nth, subjects) in subjects.iter().enumerate() {
        subjects.iter().for_each(|subject| {
            owner.entry(subject).or_insert(nth);
        });
    }
    let asked: Vec<Subject> = owner.keys().map(|subject| (*subject).clone()).collect();
    let rows = app.ports.state.pending(account, record_type, &asked).await?;
    let events = events(&app.ports, account, &rows).await?;

    let mut all: Vec<Pending> = Vec::new();
    all.resize_with(subjects.len(), Pending::default);
    let mut owners: BTreeMap<Uuid, usize> = BTreeMap::new();
    for row in rows {
        let Some(nth) = owner.get(&row.subject).copied() else { continue };
        owners.insert(row.event_id, nth);
        all[nth].rows.push(row);
    }
    let (mut left_out, mut put_off) = (BTreeSet::new(), BTreeSet::new());
    // Once the bucket is away it is not asked for each of the others: the batch would wait, and what needs no body with it.
    let (is_away, room, owners) = (&AtomicBool::new(false), &Room::default(), &owners);
    let loads = events.into_iter().map(async |mut event| {
        if translate::has_body(&event) {
            if is_away.load(Ordering::Relaxed) {
                let away = Unavailable::new("blob", "it was away a moment ago");
                return (event, Err(NoBody::Away(away)));
            }
            if owners.get(&event.event_id).is_some_and(|nth| !room.admits(*nth)) {
                return (event, Err(NoBody::NoRoom));
            }
        }
        let body = translate::load_body(app, &mut event).await;
        is_away.fetch_or(body.is_err(), Ordering::Relaxed);
        if let Ok(Ok(bytes)) = body {
            room.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        (event, body.map(|body| body.map(drop)).map_err(NoBody::Away))
    });
    let mut loads = stream::iter(loads).buffered(BODIES_AT_ONCE);
    while let Some((event, body)) = loads.next().await {
        let Some(nth) = owners.get(&event.event_id).copied() else { continue };
        match body {
            Ok(body) => all[nth].events.push((event, body)),
            Err(NoBody::NoRoom) => drop(put_off.insert(nth)),
            Err(NoBody::Away(error)) => {
                tracing::warn!(%error, event = %event.event_id, "a body cannot be had now; the tick tries again");
                left_out.insert(nth);
            }
        }
    }
    for nth in put_off.difference(&left_out) {
        all[*nth] = Pending { is_put_off: true, ..Pending::default() };
    }
    for nth in left_out {
        all[nth] = Pending::default();
    }
    let events = all.iter().flat_map(|pending| &pending.events).map(|(event, _)| event);
    let links = translate::load_links(&app.ports, account, events, surface).await?;
    Ok((all, links))
}

/// The events of pending rows, in ledger order.
pub(crate) async fn events(
    ports: &Ports,
    account: &AccountId,
    rows: &[PendingRow],
) -> Result<Vec<ChangeEvent>, Unavailable> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|r| r.event_id).collect();
    let stored = ports.ledger.read(account, &ids).await?;
    // What the ledger holds was an event when it was taken.
    Ok(stored.iter().filter_map(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_room_for_all_its_bodies_or_waits() {
        let room = Room::default();
        assert!(room.admits(0) && room.admits(1));
        room.bytes.store(BODIES_BYTES, Ordering::Relaxed);
        assert!(room.admits(0) && room.admits(1), "they have begun");
        assert!(!room.admits(2), "there is no room for another");
    }
}
