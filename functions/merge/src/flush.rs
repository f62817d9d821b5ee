//! The flusher: absorbs what is pending for a record, in ledger order, in one commit.

use std::sync::Arc;

use serde_json::json;
use shared::announce;
use shared::breakage::{self, Breakage};
use shared::domain::absorb::{absorb, absorb_resolution};
use shared::domain::event::{ChangeEvent, FieldError, Operation, Source};
use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId, Timestamp, derived_id};
use shared::domain::news::{Fact, News};
use shared::domain::plan::{has_work, reschedule};
use shared::domain::record::{Lock, Presence, Record};
use shared::domain::report::Report;
use shared::domain::surface::TypeSurface;
use shared::fault::Unavailable;
use shared::history;
use shared::intake::subjects_of;
use shared::state::{
    AuditRow, Commit, ErrorEntry, ErrorStatus, LinkChange, Notice, PendingRow, Place, Subject, Verdict,
};
use uuid::Uuid;

use crate::App;
use crate::identity::{Identity, resolve};
use crate::translate::{self, NotNews};

/// Subjects taken from the buffer at once.
const ROUND: usize = 100;

/// Subjects that one tick takes up from the table.
const SWEEP: usize = ROUND * 10;

/// A resolution that comes while a write of its record is under way looks again so much later, ms.
const UNTIL_SETTLED_MS: i64 = 1_000;

/// Others may commit to the record while we decide; after so many times the tick takes over.
const TRIES: usize = 10;

/// Wakes the account's flusher in this instance.
pub(crate) fn wake(app: &App, account: &AccountId) {
    let (flusher, account) = (app.clone(), account.clone());
    app.ports.tasks.wake(format!("flush:{account}"), move || {
        let (app, account) = (flusher.clone(), account.clone());
        Box::pin(async move {
            if let Err(error) = run(&app, &account).await {
                tracing::warn!(%error, "flusher stopped; the tick starts it again");
            }
        })
    });
}

/// Works until nothing of the account is noted in the buffer.
async fn run(app: &App, account: &AccountId) -> Result<(), Unavailable> {
    let ports = &app.ports;
    while !ports.tasks.is_stopping() {
        let now = ports.clock.now();
        let due = match ports.buffer.take_due(account, now, ROUND).await {
            Ok(due) => due,
            Err(away) => return without_buffer(app, account, now, &away).await,
        };
        if due.is_empty() {
            match ports.buffer.next_due(account).await {
                Ok(Some(at)) => ports.clock.sleep_until(at).await,
                Ok(None) => break,
                Err(away) => return without_buffer(app, account, now, &away).await,
            }
            continue;
        }
        for subject in due {
            if let Some((record_type, subject)) = Subject::parse(&subject) {
                flush(app, account, &record_type, &subject).await?;
            }
        }
    }
    Ok(())
}

/// Goes once over what is due by the table, which is later than the buffer would say. Instances may do so at
/// the same time: they get in each other's way, no more.
async fn without_buffer(
    app: &App,
    account: &AccountId,
    now: Timestamp,
    away: &Unavailable,
) -> Result<(), Unavailable> {
    tracing::warn!(%away, "flushing by the table alone");
    for (record_type, subject) in app.ports.state.pending_due(account, now, SWEEP).await? {
        if app.ports.tasks.is_stopping() {
            break;
        }
        flush(app, account, &record_type, &subject).await?;
    }
    Ok(())
}

/// Notes in the buffer what is due by the table: what the buffer forgot, and what has waited too long.
pub(crate) async fn sweep(app: &App, account: &AccountId, now: Timestamp) -> Result<usize, Unavailable> {
    let due = app.ports.state.pending_due(account, now, SWEEP).await?;
    // The flusher, which the tick wakes next, goes by the table then.
    if let Err(away) = note(app, account, &due).await {
        tracing::warn!(%away, "due subjects not noted in the buffer");
    }
    Ok(due.len())
}

async fn note(app: &App, account: &AccountId, subjects: &[(RecordType, Subject)]) -> Result<(), Unavailable> {
    let now = app.ports.clock.now();
    for (record_type, subject) in subjects {
        let text = subject.to_text(record_type);
        app.ports.buffer.note(account, &text, now, true, &app.ports.config.coalescing).await?;
    }
    Ok(())
}

/// Absorbs what is pending for the record that `subject` names.
pub(crate) async fn flush(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    subject: &Subject,
) -> Result<(), Unavailable> {
    let Some(surface) = app.ports.config.surface(account, record_type).cloned() else { return Ok(()) };
    for _ in 0..TRIES {
        if attempt(app, account, record_type, subject, &surface).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// One attempt; false when somebody else committed first.
async fn attempt(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    subject: &Subject,
    surface: &Arc<TypeSurface>,
) -> Result<bool, Unavailable> {
    let ports = &app.ports;
    let state = &ports.state;
    let rows = state.pending(account, record_type, std::slice::from_ref(subject)).await?;
    let events = load_events(app, account, &rows).await?;
    let (key, link) = match resolve(ports, account, record_type, subject, &events).await? {
        Identity::Record { key, link } => (key, link),
        Identity::Retired => return supersede(app, account, &rows).await,
        // A copy that is gone again is nobody's question.
        Identity::Twin(_) if events.iter().any(|e| e.operation == Operation::Delete) => {
            return supersede(app, account, &rows).await;
        }
        Identity::Twin(key) => return refuse_twin(app, account, &rows, subject, &key).await,
    };
    let known = state.load(std::slice::from_ref(&key)).await?.pop().flatten();
    let record = known.map_or_else(|| Record::new(key, surface), |r| Record::clone(&r));
    if link.as_ref().is_some_and(|(side, id)| record.sides[*side].is_there_as_another(id)) {
        // Its writer has just learnt another id: who this is must be asked again.
        return Ok(false);
    }
    let ids = Side::BOTH.into_iter().filter_map(|s| Some((s, record.sides[s].id.clone()?)));
    let mut subjects = subjects_of(&record.key.id, ids);
    if !subjects.contains(subject) {
        subjects.push(subject.clone());
    }
    let rows = state.pending(account, record_type, &subjects).await?;
    if rows.is_empty() {
        return Ok(true);
    }
    let events = load_events(app, account, &rows).await?;
    let mut absorption = Absorption::new(record, rows, Arc::clone(surface), ports.clock.now());
    absorption.links.extend(link.clone().map(|(side, id)| LinkChange::Set(side, id)));
    absorption.absorb_all(app, events).await?;
    absorption.commit(app, link).await
}

/// The events of pending rows, in ledger order.
async fn load_events(
    app: &App,
    account: &AccountId,
    rows: &[PendingRow],
) -> Result<Vec<ChangeEvent>, Unavailable> {
    let ids: Vec<Uuid> = rows.iter().map(|r| r.event_id).collect();
    let stored = app.ports.ledger.read(account, &ids).await?;
    // What the ledger holds was an event when it was taken.
    Ok(stored.iter().filter_map(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).collect())
}

async fn supersede(app: &App, account: &AccountId, rows: &[PendingRow]) -> Result<bool, Unavailable> {
    let mut commit = Commit::new(account.clone());
    commit.places = rows.iter().map(|r| (r.event_id, Place::Superseded)).collect();
    app.ports.state.commit(vec![commit]).await?;
    Ok(true)
}

/// Two records of one side carry one mark: a person must tell them apart.
async fn refuse_twin(
    app: &App,
    account: &AccountId,
    rows: &[PendingRow],
    subject: &Subject,
    key: &RecordKey,
) -> Result<bool, Unavailable> {
    let now = app.ports.clock.now();
    let name = subject.to_text(&key.record_type);
    let id = derived_id("twin", &[&key.to_string(), &name]);
    let message = format!("{name} carries the mark of {key}, which that side has under another id");
    let hint = "A copy was made of a synced record: clear the copy's external id (or sync_id), then retry.";
    let mut error = error(account, id, "identity", "DUPLICATE_IDENTITY", &message, hint, now);
    error.events = rows.iter().map(|r| r.event_id).collect();
    let mut commit = Commit::new(account.clone());
    commit.places = rows.iter().map(|r| (r.event_id, Place::Error(id))).collect();
    commit.errors.push(error);
    app.ports.state.commit(vec![commit]).await?;
    Ok(true)
}

fn error(
    account: &AccountId,
    id: Uuid,
    class: &str,
    code: &str,
    message: &str,
    hint: &str,
    now: Timestamp,
) -> ErrorEntry {
    ErrorEntry {
        id,
        account: account.clone(),
        record: None,
        class: class.into(),
        code: code.into(),
        message: message.into(),
        hint: hint.into(),
        field: None,
        events: Vec::new(),
        payload: None,
        attempts: 1,
        first_at: now,
        last_at: now,
        status: ErrorStatus::Open,
    }
}

/// One record taking in its pending events.
struct Absorption {
    record: Record,
    rows: Vec<PendingRow>,
    surface: Arc<TypeSurface>,
    now: Timestamp,
    links: Vec<LinkChange>,
    retired: Vec<(Side, SideId)>,
    places: Vec<(Uuid, Place)>,
    history: Vec<shared::state::HistoryRow>,
    audit: Vec<AuditRow>,
    errors: Vec<ErrorEntry>,
    absorbed: Vec<Arc<ChangeEvent>>,
    changed: Vec<usize>,
}

impl Absorption {
    fn new(record: Record, rows: Vec<PendingRow>, surface: Arc<TypeSurface>, now: Timestamp) -> Self {
        Self {
            record,
            rows,
            surface,
            now,
            links: Vec::new(),
            retired: Vec::new(),
            places: Vec::new(),
            history: Vec::new(),
            audit: Vec::new(),
            errors: Vec::new(),
            absorbed: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Takes in events one after the other; stops at the first that has to wait.
    async fn absorb_all(&mut self, app: &App, mut events: Vec<ChangeEvent>) -> Result<(), Unavailable> {
        let mut bodies = Vec::with_capacity(events.len());
        for event in &mut events {
            bodies.push(translate::load_body(app, event).await?);
        }
        let account = self.record.key.account.clone();
        let links = translate::load_links(&app.ports, &account, &events, &self.surface).await?;
        if breakage::on(Breakage::CrossSourceFolding) {
            fold(&mut events);
        }
        for (event, body) in events.into_iter().zip(bodies) {
            let event = Arc::new(event);
            if let Err(wrong) = body {
                self.park(&event, &wrong);
                continue;
            }
            let Some(side) = event.side() else {
                if !self.resolve(&event) {
                    break;
                }
                continue;
            };
            if self.retired.contains(&(side, event.record_id.clone())) {
                self.places.push((event.event_id, Place::Superseded));
                continue;
            }
            match translate::news(&event, side, &self.record, &self.surface, &links) {
                Ok(news) => self.absorb(&event, &news),
                Err(NotNews::Wrong(wrong)) => self.park(&event, &wrong),
                Err(NotNews::Waits(missing)) => {
                    if !self.wait(&event, side, missing) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn absorb(&mut self, event: &Arc<ChangeEvent>, news: &News) {
        if news.fact == Fact::Deleted && self.record.sides[news.side].presence == Presence::Never {
            // Whatever comes late about it creates nothing.
            self.retire(news.side, news.id.clone());
        }
        let report = absorb(&mut self.record, news, &self.surface);
        if let Some(id) = report.retired.clone() {
            self.retire(news.side, id);
        }
        let nothing_new = report.decisions.is_empty() && report.own == 0 && report.stale > 0;
        let place = match &self.record.conflict {
            Some(conflict) if report.in_conflict() => Place::Conflict(conflict.id),
            _ if nothing_new => Place::Superseded,
            _ => Place::Applied,
        };
        self.record_report(event, &report, place);
    }

    /// A person's decision. False: a write of the record is still under way, so it has to wait.
    fn resolve(&mut self, event: &Arc<ChangeEvent>) -> bool {
        let is_open = |side: Side| self.record.sides[side].intent.is_some();
        if Side::BOTH.into_iter().any(is_open) && !breakage::on(Breakage::LockNotChecked) {
            let due_at = self.now.plus(UNTIL_SETTLED_MS);
            self.places.push((event.event_id, Place::Pending { due_at }));
            return false;
        }
        let resolution = event.payload.resolution.as_ref().map(|r| r.to_domain(&self.surface));
        let report = match resolution {
            Some(Ok(resolution)) => absorb_resolution(&mut self.record, &resolution, event.timestamp),
            Some(Err(wrong)) => {
                self.park(event, &wrong);
                return true;
            }
            None => return true,
        };
        let (place, action) = match report.outdated_resolution {
            true => (Place::Superseded, "resolution_outdated"),
            false => (Place::Applied, "resolved"),
        };
        self.audit.push(AuditRow {
            at: self.now,
            actor: event.actor().unwrap_or("review").to_string(),
            action: action.into(),
            subject: self.record.key.to_string(),
            details: json!({ "event": event.event_id, "resolution": event.payload.resolution }),
        });
        self.record_report(event, &report, place);
        true
    }

    fn record_report(&mut self, event: &Arc<ChangeEvent>, report: &Report, place: Place) {
        self.places.push((event.event_id, place));
        self.absorbed.push(Arc::clone(event));
        if report.decisions.is_empty() {
            return;
        }
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
        let mut entry = error(&key.account, id, "validation", "EVENT_REFUSED", &message, hint, self.now);
        entry.record = Some(key);
        entry.field = Some(wrong.field.clone());
        entry.events = vec![event.event_id];
        self.record.locks.retain(|l| l.error != id);
        self.record.locks.push(Lock { field: None, error: id, reason: message, since: self.now });
        self.places.push((event.event_id, Place::Error(id)));
        self.errors.push(entry);
    }

    /// Commits, and wakes who has work now. False when somebody else committed first.
    async fn commit(mut self, app: &App, link: Option<(Side, SideId)>) -> Result<bool, Unavailable> {
        let ports = &app.ports;
        // A conflict that opened and closed within these events holds none of them.
        let open = self.record.conflict.as_ref().map(|c| c.id);
        for (_, place) in &mut self.places {
            if matches!(place, Place::Conflict(id) if Some(*id) != open) {
                *place = Place::Applied;
            }
        }
        reschedule(&mut self.record, &self.surface, self.now);
        let mut commit = Commit::new(self.record.key.account.clone());
        commit.links = self.links;
        commit.history = self.history;
        commit.audit = self.audit;
        commit.places = self.places.clone();
        commit.notices = self.errors.iter().map(|e| notice(e, &self.record.key, self.now)).collect();
        commit.errors = self.errors;
        commit.record = Some(self.record.clone());
        let account = commit.account.clone();
        let woken = match ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(woken)) => woken,
            Some(Verdict::Stale | Verdict::LinkTaken(_)) | None => return Ok(false),
        };
        for (_, place) in &self.places {
            ports.metrics.place(place.name());
        }
        ports.metrics.flush(self.absorbed.len());
        let mut again = woken;
        if self.places.iter().any(|(_, p)| matches!(p, Place::Pending { .. })) {
            again.push((self.record.key.record_type.clone(), Subject::Canonical(self.record.key.id.clone())));
        }
        // Lost, these cost latency: the rows are in the table, and the sides are due.
        let _ = note_later(app, &account, &again, link.is_some(), self.now).await;
        let targets: Vec<Side> =
            Side::BOTH.into_iter().filter(|s| has_work(&self.record, *s, &self.surface, self.now)).collect();
        if let Err(error) =
            announce::merged(ports, &self.record, &self.changed, &self.absorbed, &targets, &self.surface)
                .await
        {
            tracing::warn!(%error, "writers not woken; the tick wakes them");
        }
        Ok(true)
    }
}

/// What a link has woken goes on at once; what waits for an open write looks again after the quiet time.
async fn note_later(
    app: &App,
    account: &AccountId,
    subjects: &[(RecordType, Subject)],
    now_is_right: bool,
    now: Timestamp,
) -> Result<(), Unavailable> {
    for (record_type, subject) in subjects {
        let text = subject.to_text(record_type);
        let flush_now = now_is_right && !matches!(subject, Subject::Canonical(_));
        app.ports.buffer.note(account, &text, now, flush_now, &app.ports.config.coalescing).await?;
    }
    Ok(())
}

fn notice(error: &ErrorEntry, key: &RecordKey, now: Timestamp) -> Notice {
    let id = derived_id("notice", &[&error.id.to_string(), &now.to_string()]);
    Notice { id, at: now, topic: "error".into(), text: format!("{key}: {}", error.message) }
}

/// The defect that the design forbids: events of different sources made into one.
fn fold(events: &mut [ChangeEvent]) {
    let Some((last, before)) = events.split_last_mut() else { return };
    if last.source == Source::Review {
        return;
    }
    for event in before.iter_mut().filter(|e| e.source != Source::Review && e.source != last.source) {
        for (name, value) in std::mem::take(&mut event.payload.changes) {
            last.payload.changes.entry(name).or_insert(value);
        }
    }
}
