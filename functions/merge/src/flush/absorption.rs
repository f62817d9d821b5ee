//! One record taking in its pending events. No effects.

use std::sync::Arc;

use serde_json::json;
use shared::breakage::{self, Breakage};
use shared::domain::absorb::{absorb, absorb_override, absorb_resolution};
use shared::domain::event::{ChangeEvent, FieldError, Operation, Source, WireIdentity};
use shared::domain::id::{RecordKey, RecordType, Side, SideId, Timestamp, derived_id};
use shared::domain::identity;
use shared::domain::merged::MergedEvent;
use shared::domain::news::{Fact, News};
use shared::domain::plan::{has_work, note_behind, reschedule};
use shared::domain::record::{Lock, Presence, Record};
use shared::domain::report::Report;
use shared::domain::surface::TypeSurface;
use shared::history;
use shared::state::{
    Ambiguity, AmbiguityAnswer, AmbiguityStatus, AuditRow, Commit, ErrorEntry, HistoryRow, LinkChange,
    Notice, PendingRow, Place, Subject,
};
use uuid::Uuid;

use crate::pending::{Loaded, Pending};
use crate::translate::{self, Links, NotNews};

/// A resolution that comes while a write of its record is under way looks again so much later, ms.
const UNTIL_SETTLED_MS: i64 = 1_000;

/// What is left to do once a record's commit is written.
pub(super) struct After {
    /// The record.
    pub(super) key: RecordKey,
    /// Where its events went.
    pub(super) places: Vec<(Uuid, &'static str)>,
    /// Events that were absorbed.
    pub(super) absorbed: usize,
    /// What to tell the writers.
    pub(super) merged: MergedEvent,
    /// The record's subject, when an event of it has to be looked at again soon.
    pub(super) again: Option<(RecordType, Subject)>,
}

/// One record taking in its pending events.
pub(super) struct Absorption {
    record: Record,
    /// As it is stored; `None`: it is new.
    stored: Option<Arc<Record>>,
    rows: Vec<PendingRow>,
    /// What is asked about who it is, where that is asked.
    asked: Option<Ambiguity>,
    /// That, as it is stored.
    asked_before: Option<Ambiguity>,
    surface: Arc<TypeSurface>,
    now: Timestamp,
    links: Vec<LinkChange>,
    retired: Vec<(Side, SideId)>,
    places: Vec<(Uuid, Place)>,
    history: Vec<HistoryRow>,
    audit: Vec<AuditRow>,
    errors: Vec<ErrorEntry>,
    absorbed: Vec<Arc<ChangeEvent>>,
    changed: Vec<usize>,
    /// The oldest change that was decided on, and who told of it; `None`: a person, or both sides.
    oldest: Option<(Timestamp, Option<Side>)>,
}

impl Absorption {
    /// `record` as it was loaded, or new; `link`: an id of it that is to be linked; `asked`: what is asked about who it is.
    pub(super) fn new(
        record: Record,
        stored: Option<Arc<Record>>,
        link: Option<(Side, SideId)>,
        asked: Option<Ambiguity>,
        surface: Arc<TypeSurface>,
        now: Timestamp,
    ) -> Self {
        Self {
            record,
            stored,
            rows: Vec::new(),
            asked_before: asked.clone(),
            asked,
            surface,
            now,
            links: Vec::from_iter(link.map(|(side, id)| LinkChange::Set(side, id))),
            retired: Vec::new(),
            places: Vec::new(),
            history: Vec::new(),
            audit: Vec::new(),
            errors: Vec::new(),
            absorbed: Vec::new(),
            changed: Vec::new(),
            oldest: None,
        }
    }

    /// Takes in events one after the other; stops at the first that has to wait.
    pub(super) fn absorb_all(&mut self, pending: Pending, links: &Links) {
        let Pending { rows, mut events, is_put_off: _ } = pending;
        self.rows = rows;
        if breakage::on(Breakage::CrossSourceFolding) {
            fold(&mut events);
        }
        for (event, body) in events {
            let event = Arc::new(event);
            if let Err(wrong) = body {
                self.park(&event, &wrong);
                continue;
            }
            let Some(side) = event.side() else {
                if let Some(word) = &event.payload.identity {
                    self.identify(&event, word);
                } else if !self.resolve(&event) {
                    break;
                }
                continue;
            };
            if self.retired.contains(&(side, event.record_id.clone())) {
                self.places.push((event.event_id, Place::Superseded));
                continue;
            }
            match translate::news(&event, side, &self.record, &self.surface, links) {
                Ok(news) => self.absorb(&event, &news),
                Err(NotNews::Wrong(wrong)) => self.park(&event, &wrong),
                Err(NotNews::Waits(missing)) => {
                    if !self.wait(&event, side, missing) {
                        break;
                    }
                }
            }
        }
    }

    fn absorb(&mut self, event: &Arc<ChangeEvent>, news: &News) {
        if news.fact == Fact::Deleted && self.record.sides[news.side].presence == Presence::Never {
            // Whatever comes late about it creates nothing.
            self.retire(news.side, news.id.clone());
        }
        let is_unknown = self.record.version.0 == 0 && !self.record.alive;
        let report = absorb(&mut self.record, news, &self.surface);
        if is_unknown
            && matches!(news.fact, Fact::Holds { full: false, .. })
            && event.operation == Operation::Update
        {
            // It was there before we were told of it, and there is more to it than what was changed.
            self.record.sides[news.side].wants_read = true;
        }
        if let Some(id) = report.retired.clone() {
            self.retire(news.side, id);
        }
        let nothing_new = report.decisions.is_empty() && report.own == 0 && report.stale > 0;
        let place = match &self.record.conflict {
            Some(conflict) if report.in_conflict() => Place::Conflict(conflict.id),
            _ if nothing_new => Place::Superseded,
            _ => Place::Applied,
        };
        self.record_report(event, &report, place, news.span.to);
    }

    /// A person's decision. False: a write of the record is still under way, so it has to wait.
    fn resolve(&mut self, event: &Arc<ChangeEvent>) -> bool {
        let is_open = |side: Side| self.record.sides[side].intent.is_some();
        if Side::BOTH.into_iter().any(is_open) && !breakage::on(Breakage::LockNotChecked) {
            let due_at = self.now.plus(UNTIL_SETTLED_MS);
            self.places.push((event.event_id, Place::Pending { due_at }));
            return false;
        }
        let (surface, at) = (&self.surface, event.timestamp);
        let report = match (&event.payload.resolution, &event.payload.overriding) {
            (Some(wire), _) => {
                wire.to_domain(surface).map(|decided| absorb_resolution(&mut self.record, &decided, at))
            }
            (None, Some(wire)) => wire
                .to_domain(surface)
                .map(|decided| absorb_override(&mut self.record, &decided, at, surface)),
            (None, None) => return true,
        };
        let report = match report {
            Ok(report) => report,
            Err(wrong) => {
                self.park(event, &wrong);
                return true;
            }
        };
        let place = if report.outdated_resolution { Place::Superseded } else { Place::Applied };
        self.audit.push(decided(event, &report, &self.record, surface, self.now));
        self.record_report(event, &report, place, at);
        true
    }

    /// A person's word on which of a side's records this is. The writer carries it out.
    fn identify(&mut self, event: &Arc<ChangeEvent>, word: &WireIdentity) {
        let is_asked = |asked: &&mut Ambiguity| {
            asked.id() == word.ambiguity_id
                && identity::asked_about(&self.record) == Some(asked.side)
                && asked.is_answered_by(word.revision, &word.choice)
        };
        let actor = event.actor().unwrap_or("review").to_string();
        let (place, action) = match self.asked.as_mut().filter(is_asked) {
            Some(asked) => {
                asked.answered(AmbiguityAnswer {
                    choice: word.choice.clone(),
                    actor: actor.clone(),
                    at: event.timestamp,
                });
                self.record.locks.retain(|lock| lock.error != word.ambiguity_id);
                (Place::Applied, "identified")
            }
            None => (Place::Superseded, "identity_outdated"),
        };
        self.audit.push(AuditRow {
            at: self.now,
            actor,
            action: action.into(),
            subject: self.record.key.to_string(),
            details: json!({
                "event": event.event_id,
                "identity": word,
                "why": event.auth_context.get("note"),
            }),
        });
        self.places.push((event.event_id, place));
        self.absorbed.push(Arc::clone(event));
    }

    /// Nobody need tell any more who the record is when nothing is to be created, and what was found says nothing when
    /// it is to be found by other values. Nor does a question wait that locks nothing: an admin has unlocked the record,
    /// and what is still to be asked is asked anew.
    fn ask_no_more(&mut self) {
        let side = identity::asked_about(&self.record);
        if let Some(side) = side
            && (identity::is_over(&self.record, side) || identity::changes_keys(&self.surface, &self.changed))
        {
            let id = identity::question_id(&self.record.key, side);
            self.record.locks.retain(|lock| lock.error != id);
        }
        let is_locked = identity::asked_about(&self.record).is_some();
        if let Some(asked) =
            self.asked.as_mut().filter(|asked| asked.status == AmbiguityStatus::Open && !is_locked)
        {
            asked.status = AmbiguityStatus::Closed;
        }
    }

    /// Notes what an event of something that was done `at` this time has led to.
    fn record_report(&mut self, event: &Arc<ChangeEvent>, report: &Report, place: Place, at: Timestamp) {
        self.places.push((event.event_id, place));
        self.absorbed.push(Arc::clone(event));
        if report.decisions.is_empty() {
            return;
        }
        let from = event.side();
        self.oldest = Some(match self.oldest {
            None => (at, from),
            Some((oldest, known)) => (oldest.min(at), known.filter(|_| known == from)),
        });
        let (source, actor) = (event.source.as_str(), event.actor());
        let ids = vec![event.event_id];
        self.history.push(history::row(&self.record, report, source, actor, ids, self.now, &self.surface));
        for field in report.decisions.iter().filter_map(|d| d.field) {
            if !self.changed.contains(&field) {
                self.changed.push(field);
            }
        }
    }

    fn retire(&mut self, side: Side, id: SideId) {
        self.links.retain(|l| *l != LinkChange::Set(side, id.clone()));
        self.links.push(LinkChange::Retire(side, id.clone()));
        self.retired.push((side, id));
    }

    /// Leaves the event for when the referred record has a link. False: nothing after it may go first. True:
    /// it has waited too long and is an error now.
    fn wait(
        &mut self,
        event: &Arc<ChangeEvent>,
        side: Side,
        missing: shared::domain::value::Unresolved,
    ) -> bool {
        let row = self.rows.iter().find(|r| r.event_id == event.event_id);
        let waits = self.surface.reference_wait_ms;
        let since = row.map_or(self.now, |r| r.arrived_at);
        if self.now >= since.plus(waits) {
            let reason = format!(
                "refers to {} {} of {side}, which has not come in {} s",
                missing.record_type,
                missing.id,
                waits / 1000
            );
            self.park(event, &FieldError { field: "payload.changes".into(), reason });
            return true;
        }
        let place = Place::Waiting {
            record_type: missing.record_type,
            side,
            id: missing.id.to_string(),
            until: since.plus(waits),
        };
        self.places.push((event.event_id, place));
        false
    }

    /// The event can never be absorbed: it is filed, and the record locked until a person has looked.
    fn park(&mut self, event: &Arc<ChangeEvent>, wrong: &FieldError) {
        let key = self.record.key.clone();
        let id = derived_id("event_error", &[&key.to_string(), &event.event_id.to_string()]);
        let hint = "Correct the value at its source, which sends a new event; or correct the configuration and retry.";
        let message = format!("event from {}: {wrong}", event.source.as_str());
        let mut entry =
            ErrorEntry::open(&key.account, id, "validation", "EVENT_REFUSED", &message, hint, self.now);
        entry.record = Some(key);
        entry.field = Some(wrong.field.clone());
        entry.events = vec![event.event_id];
        self.record.locks.retain(|l| l.error != id);
        self.record.locks.push(Lock { field: None, error: id, reason: message, since: self.now });
        self.places.push((event.event_id, Place::Error(id)));
        self.errors.push(entry);
    }

    /// What is to be committed, and what is to be done then.
    pub(super) fn decide(mut self) -> (Commit, After) {
        // A conflict that opened and closed within these events holds none of them.
        let open = self.record.conflict.as_ref().map(|c| c.id);
        for (_, place) in &mut self.places {
            if matches!(place, Place::Conflict(id) if Some(*id) != open) {
                *place = Place::Applied;
            }
        }
        self.ask_no_more();
        reschedule(&mut self.record, &self.surface, self.now);
        if let Some((oldest, from)) = self.oldest {
            note_behind(&mut self.record, from, oldest, &self.surface, self.now);
        }
        let (key, surface) = (self.record.key.clone(), &self.surface);
        let is_put_off = self.places.iter().any(|(_, place)| matches!(place, Place::Pending { .. }));
        let again = is_put_off.then(|| (key.record_type.clone(), Subject::Canonical(key.id.clone())));
        let targets = Side::BOTH.into_iter().filter(|side| has_work(&self.record, *side, surface, self.now));
        let targets = Vec::from_iter(targets);
        let changed = self.changed.iter().copied();
        let merged = MergedEvent::new(&self.record, changed, &self.absorbed, targets, surface);
        let notices = self.errors.iter().map(|e| Notice::of_new_error(e, self.now)).collect();
        let places = self.places.iter().map(|(event, place)| (*event, place.name())).collect();
        let after = After { key: key.clone(), places, absorbed: self.absorbed.len(), merged, again };
        // What leaves the record as it was, as most echoes do, need not be decided on its present row: whoever writes
        // the row meanwhile has decided on the very record that these events leave behind.
        let is_held = |(_, place): &(Uuid, Place)| matches!(place, Place::Conflict(_));
        // A question is stored only where these events have changed it, and then with the record: else they would undo
        // what a person has answered meanwhile.
        let asked = self.asked.filter(|asked| Some(asked) != self.asked_before.as_ref());
        let is_unchanged = self.stored.as_deref() == Some(&self.record)
            && self.links.is_empty()
            && self.history.is_empty()
            && asked.is_none()
            && !self.places.iter().any(is_held);
        let commit = Commit {
            record: (!is_unchanged).then_some(self.record),
            links: self.links,
            history: self.history,
            places: self.places,
            errors: self.errors,
            ambiguities: Vec::from_iter(asked),
            audit: self.audit,
            notices,
            ..Commit::new(key.account)
        };
        (commit, after)
    }
}

/// What a person has done, for the audit: who, when, why, from and to.
fn decided(
    event: &ChangeEvent,
    report: &Report,
    record: &Record,
    surface: &TypeSurface,
    now: Timestamp,
) -> AuditRow {
    let action = match (event.payload.overriding.is_some(), report.outdated_resolution) {
        (false, false) => "resolved",
        (false, true) => "resolution_outdated",
        (true, false) => "overridden",
        (true, true) => "override_outdated",
    };
    let row = history::row(record, report, event.source.as_str(), event.actor(), Vec::new(), now, surface);
    let (mut from, mut to) = (serde_json::Map::new(), serde_json::Map::new());
    for decision in row.decisions {
        from.insert(decision.field.clone(), decision.from);
        to.insert(decision.field, decision.to);
    }
    let details = json!({
        "event": event.event_id,
        "resolution": event.payload.resolution,
        "override": event.payload.overriding,
        "why": event.auth_context.get("note"),
        "from": from,
        "to": to,
        "version": record.version,
    });
    let (actor, subject) = (event.actor().unwrap_or("review").to_string(), record.key.to_string());
    AuditRow { at: now, actor, action: action.into(), subject, details }
}

/// The defect that the design forbids: events of different sources made into one.
fn fold(events: &mut [Loaded]) {
    let Some(((last, _), before)) = events.split_last_mut() else { return };
    if last.source == Source::Review {
        return;
    }
    let others = before.iter_mut().map(|(event, _)| event);
    for event in others.filter(|e| e.source != Source::Review && e.source != last.source) {
        for (name, value) in std::mem::take(&mut event.payload.changes) {
            last.payload.changes.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests;
