//! Saving: what happens between a write and the record, whoever writes.
//!
//! Read the values, let the account's own rules have their way with them, check references, store, fire the
//! User Event. A save that changes nothing leaves no trace.

use serde_json::{Map, Value as Json};
use shared::domain::surface::FieldIx;

use super::account::State;
use super::faults::Behaviour;
use super::record::{Body, Record};
use super::refusal::{Reason, Refused};
use super::scripts::{self, Submitted};
use super::store::{Draft, TableIx};
use super::table::When;
use super::user_event::{Context, Origin, Saved};

impl State {
    /// Creates a record and returns its id.
    pub(super) fn create(
        &mut self,
        table: TableIx,
        external_id: Option<&str>,
        values: &Map<String, Json>,
        origin: &Origin<'_>,
    ) -> Result<u64, Refused> {
        let mut draft = self.store.draft(table, None, values)?;
        if let Some(external_id) = external_id.filter(|e| !e.is_empty()) {
            draft.external_id = Some(external_id.into());
        }
        self.judge(table, None, &mut draft, origin)?;
        let when = self.when();
        let id = self.store.insert(table, draft, when);
        let of = self.store.table(table);
        if let Some(record) = of.get(id) {
            self.notes.save((table, &of.schema), (None, record), record.body.filled(), (origin, when));
        }
        self.tell_of_save(table, id, None, origin);
        Ok(id)
    }

    /// Sets fields of a record. Says whether that changed anything.
    pub(super) fn update(
        &mut self,
        table: TableIx,
        id: u64,
        values: &Map<String, Json>,
        origin: &Origin<'_>,
    ) -> Result<bool, Refused> {
        let mut draft = self.store.draft(table, Some(id), values)?;
        self.judge(table, Some(id), &mut draft, origin)?;
        let Some(current) = self.store.table(table).get(id) else { return Err(Refused::missing()) };
        let changed = draft.body.differences(&current.body);
        let same = draft.external_id == current.external_id && draft.mark == current.mark;
        if changed.is_empty() && same {
            return Ok(false);
        }
        let when = self.when();
        let before = self.store.replace(table, id, draft, &changed, when);
        let of = self.store.table(table);
        if let Some(record) = of.get(id) {
            let (of, saved) = ((table, &*of.schema), (before.as_ref(), record));
            self.notes.save(of, saved, changed.iter().copied(), (origin, when));
        }
        // Our own code tells of changes alone; the scripts are run after every save, and see for themselves.
        if let Some(before) = before
            && (self.runs_scripts || !changed.is_empty())
        {
            self.tell_of_save(table, id, Some((&before, changed)), origin);
        }
        Ok(true)
    }

    /// Deletes a record.
    pub(super) fn delete(&mut self, table: TableIx, id: u64, origin: &Origin<'_>) -> Result<(), Refused> {
        self.refuse_at_random(origin)?;
        if let Some(stored) = self.store.table(table).get(id) {
            self.refuse_by_rule(table, Some(id), &stored.body, origin)?;
        }
        let when = self.when();
        let record = self.store.delete(table, id, when)?;
        self.notes.touch(id);
        if self.user_events_see(origin) {
            let schema = &self.store.table(table).schema;
            if self.runs_scripts {
                let was = scripts::document(schema, Some(&record));
                let submitted = Submitted::new(schema, "delete", was.clone(), was, origin);
                self.submit(submitted);
                return Ok(());
            }
            let previous = record.body.render_fields(schema, record.body.filled());
            let saved = self.saved(table, &record, "delete", Map::new(), previous);
            let event = saved.event(origin);
            self.send(event);
        }
        Ok(())
    }

    /// Now, and when queries will see it.
    fn when(&mut self) -> When {
        let late = self.strikes("late_visible", |f| f.late_visible);
        let visible_from = late.then(|| self.now.plus(self.faults().late_visible_ms));
        When { second: self.now.seconds(), visible_from }
    }

    /// Everything that can change or refuse a draft.
    fn judge(
        &mut self,
        table: TableIx,
        id: Option<u64>,
        draft: &mut Draft,
        origin: &Origin<'_>,
    ) -> Result<(), Refused> {
        self.refuse_at_random(origin)?;
        self.refuse_by_rule(table, id, &draft.body, origin)?;
        for &ix in &draft.written {
            self.behave(table, id, &mut draft.body, ix, origin)?;
        }
        self.store.refuse_taken_external_id(table, id, draft.external_id.as_deref())?;
        self.store.refuse_dangling(table, &draft.body, &draft.written)
    }

    /// A workflow that locks records now and then; it looks at API writes only.
    fn refuse_at_random(&mut self, origin: &Origin<'_>) -> Result<(), Refused> {
        let api = origin.context != Context::UserInterface;
        if api && self.strikes("refused", |f| f.refuse_probability) {
            let message = "This record has been locked by a user defined workflow.";
            return Err(Refused::new(Reason::Business, message));
        }
        Ok(())
    }

    /// Lets the field's behaviour, if it has one, change what was written to it.
    fn behave(
        &mut self,
        table: TableIx,
        id: Option<u64>,
        body: &mut Body,
        ix: FieldIx,
        origin: &Origin<'_>,
    ) -> Result<(), Refused> {
        let Some(behaviour) = self.behaviour(table, ix) else { return Ok(()) };
        let person = origin.context == Context::UserInterface;
        if person && *behaviour == Behaviour::Ignore {
            return Ok(());
        }
        let schema = &self.store.table(table).schema;
        let field = schema.field(ix);
        let nothing = Body::empty(schema);
        let current = id.and_then(|id| self.store.table(table).get(id)).map_or(&nothing, |r| &r.body);
        let kind = behaviour.as_str();
        let Some(settled) = behaviour.settle(&field.kind, &current.values[ix], &body.values[ix]) else {
            let refused = behaviour.refusal(&field.netsuite, &body.render(schema, ix));
            self.count(kind);
            return Err(refused);
        };
        if settled != body.values[ix] {
            // Only `Ignore` touches lines, and then it is the current lines that stay.
            let ids = current.lines_of(ix).map(|(key, id)| (key.clone(), id)).collect();
            body.set_lines(ix, settled, ids);
            self.count(kind);
        }
        Ok(())
    }

    /// Fires the User Event of a create, or of an update that changed the fields named beside the record as
    /// it was before.
    fn tell_of_save(
        &mut self,
        table: TableIx,
        id: u64,
        before: Option<(&Record, Vec<FieldIx>)>,
        origin: &Origin<'_>,
    ) {
        if !self.user_events_see(origin) {
            return;
        }
        let of = self.store.table(table);
        let Some(record) = of.get(id) else { return };
        if self.runs_scripts {
            let submitted = scripts::submitted(&of.schema, record, before, origin);
            self.submit(submitted);
            return;
        }
        // What our RESTlet updates it answers itself; the script knows such a save by its mark.
        let is_answered = before.is_some() && origin.operation.is_some() && of.schema.mark().is_some();
        if is_answered && !self.faults().user_event_old {
            return;
        }
        let (operation, changed, previous) = match before {
            None => ("create", record.body.filled().collect(), Map::new()),
            Some((before, changed)) => {
                let previous = before.body.render_fields(&of.schema, changed.iter().copied());
                ("update", changed, previous)
            }
        };
        let changes = record.body.render_fields(&of.schema, changed);
        let event = self.saved(table, record, operation, changes, previous).event(origin);
        self.send(event);
    }

    fn saved<'a>(
        &'a self,
        table: TableIx,
        record: &'a Record,
        operation: &'static str,
        changes: Map<String, Json>,
        previous: Map<String, Json>,
    ) -> Saved<'a> {
        let schema = &self.store.table(table).schema;
        Saved { account: &self.id, schema, record, operation, at: self.now, changes, previous }
    }

    fn user_events_see(&mut self, origin: &Origin<'_>) -> bool {
        if origin.user_event && self.faults().user_event_off {
            self.count("user_event_off");
            return false;
        }
        origin.user_event
    }

    /// Has the account's scripts run after this save.
    fn submit(&mut self, submitted: Submitted) {
        if self.strikes("user_event_lost", |f| f.user_event_lost) {
            return;
        }
        if self.strikes("user_event_doubled", |f| f.user_event_doubled) {
            self.submitted.push(submitted.clone());
        }
        self.submitted.push(submitted);
    }

    fn send(&mut self, event: Json) {
        if self.strikes("user_event_lost", |f| f.user_event_lost) {
            return;
        }
        if self.strikes("user_event_doubled", |f| f.user_event_doubled) {
            self.user_events.push(event.clone());
        }
        self.user_events.push(event);
    }
}
