//! What waits for a link, and what wakes it.

use std::sync::Arc;

use uuid::Uuid;

use super::{At, Tables};
use crate::domain::id::{RecordType, Side, SideId, Timestamp};
use crate::domain::record::{Due, DueReason};
use crate::state::{Place, Subject};

impl Tables {
    /// Whether the link has come between the look that missed it and now: nothing else would wake who waits for it.
    pub(super) fn waits_for_what_is_there(&self, event: Uuid) -> bool {
        let place = self.pending.get(&event).map(|row| &row.place);
        let Some(Place::Waiting { record_type, side, id, .. }) = place else { return false };
        let id = SideId::parse(id).ok();
        id.is_some_and(|id| self.links.contains_key(&(record_type.clone(), *side, id)))
    }

    /// Whether the event is in this error still.
    pub(super) fn is_stuck_in(&self, event: Uuid, error: Uuid) -> bool {
        self.pending.get(&event).is_some_and(|row| row.place == Place::Error(error))
    }

    /// An event need not wait any longer.
    pub(super) fn go_on(&mut self, event: Uuid, woken: &mut Vec<(RecordType, Subject)>) {
        let Some(row) = self.pending.get(&event) else { return };
        let due_at = row.arrived_at;
        woken.push((row.record_type.clone(), row.subject.clone()));
        self.move_event(event, Place::Pending { due_at });
    }

    /// A record has a counterpart on `side` now: what waited for it goes on.
    pub(super) fn wake(
        &mut self,
        place: &At,
        side: Side,
        id: &SideId,
        woken: &mut Vec<(RecordType, Subject)>,
    ) {
        let events = self.waiting_events.remove(&(place.0.clone(), side, id.to_string())).unwrap_or_default();
        for event in events {
            self.go_on(event, woken);
        }
        let mut places = vec![place.clone()];
        places.extend(
            self.aliases
                .iter()
                .filter(|(from, to)| from.0 == place.0 && **to == place.1)
                .map(|(from, _)| from.clone()),
        );
        for on in places {
            for waiting in self.waiting_records.remove(&(side, on)).unwrap_or_default() {
                let Some(record) = self.records.get_mut(&waiting) else { continue };
                let record = Arc::make_mut(record);
                let Some(due) = &mut record.sides[side].due else { continue };
                self.due[side].remove(&(due.at, waiting.clone()));
                *due = Due { at: Timestamp(0), reason: DueReason::Dirty, attempts: due.attempts };
                record.row_revision += 1;
                self.behind[side].remove(&waiting);
                self.due[side].insert((Timestamp(0), waiting));
            }
        }
    }
}
