//! What NetSuite notes of each save: who set which field, from what to what, how and when. SuiteQL shows it as
//! `systemnote`.
//!
//! It lives as long as its record does. NetSuite keeps all of it; the simulator keeps the last [`KEPT_MAX`] notes of an
//! account. Sublists have none. An account whose notes nobody asks for pays for keeping them, and for no more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::domain::id::{Timestamp, derived_id};
use shared::domain::surface::{Field, FieldIx};
use shared::domain::value::{Kind as FieldKind, Value};
use suiteql::{Cell, Column, Kind, SHOWN, Table};

use super::catalog::{Place, cell};
use super::record::Record;
use super::restlet::INTEGRATION_USER;
use super::schema::Schema;
use super::settings::{NoteFields, NotesShown, Settings};
use super::store::{Store, TableIx};
use super::table::When;
use super::user_event::{Context, Origin};

/// The name of the table.
pub(super) const TABLE: &str = "systemnote";

/// Notes that an account keeps at most.
const KEPT_MAX: usize = 20_000;

/// What made a save: NetSuite's code, and its word for it. Of the codes only the first is known for certain.
#[derive(Debug, Clone, Copy)]
struct Means(&'static str, &'static str);

impl Means {
    fn of(origin: &Origin<'_>) -> Self {
        match (origin.context, origin.user_event) {
            (Context::UserInterface, true) => Means("UIF", "UI"),
            // What User Events don't see is, of all that is like it, a CSV import here.
            (Context::UserInterface, false) => Means("CSV", "CSV Import"),
            (Context::Restlet, _) => Means("RST", "RESTlet"),
            (Context::RestWebServices, _) => Means("RWS", "REST Web Services"),
            (Context::MapReduce, _) => Means("MPR", "Map/Reduce"),
            (Context::WebServices, _) => Means("SLT", "Web Services"),
            (Context::Suitelet, _) => Means("SUI", "Suitelet"),
            (Context::Scheduled, _) => Means("SCH", "Scheduled Script"),
            (Context::CustomMassUpdate, _) => Means("CMU", "Custom Mass Update"),
            (Context::CsvImport, _) => Means("CSV", "CSV Import"),
            (Context::UserEvent, _) => Means("UEV", "User Event"),
            (Context::Workflow, _) => Means("WFL", "Workflow"),
            (Context::Other, _) => Means("OTH", "Other"),
        }
    }
}

/// One field of one save.
#[derive(Debug)]
struct Note {
    table: TableIx,
    id: u64,
    field: FieldIx,
    second: i64,
    visible_from: Option<Timestamp>,
    old: Value,
    new: Value,
    author: Arc<str>,
    means: Means,
}

/// An account's notes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    kept: VecDeque<Note>,
    /// Records of which queries have not seen all notes; `None`: nobody has asked yet, so of all.
    unseen: Option<BTreeSet<u64>>,
}

impl Notes {
    /// Notes a save, and what it made of the fields in which the record differs now.
    pub(super) fn save(
        &mut self,
        (table, schema): (TableIx, &Schema),
        (before, record): (Option<&Record>, &Record),
        changed: impl IntoIterator<Item = FieldIx>,
        (origin, when): (&Origin<'_>, When),
    ) {
        let (id, means) = (record.id, Means::of(origin));
        let author: Arc<str> = match self.kept.back() {
            Some(last) if *last.author == *origin.user => Arc::clone(&last.author),
            _ => origin.user.into(),
        };
        for field in changed {
            if matches!(schema.field(field).kind, FieldKind::Lines(_)) {
                continue;
            }
            if self.kept.len() >= KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(Note {
                table,
                id,
                field,
                second: when.second,
                visible_from: when.visible_from,
                old: before.map_or(Value::Null, |record| record.body.values[field].clone()),
                new: record.body.values[field].clone(),
                author: Arc::clone(&author),
                means,
            });
        }
        self.touch(id);
    }

    /// Notes that a record is gone, and its notes with it.
    pub(super) fn touch(&mut self, id: u64) {
        if let Some(unseen) = &mut self.unseen {
            unseen.insert(id);
        }
    }

    /// Everything is to be shown anew.
    pub(super) fn forget(&mut self) {
        self.unseen = None;
    }

    /// The rows of each record of which queries have not seen all notes, as they may see them by now.
    pub(super) fn take_changes(
        &mut self,
        now: Timestamp,
        settings: &Settings,
        (store, places): (&Store, &[Place]),
    ) -> BTreeMap<u64, Vec<Vec<Cell>>> {
        let unseen = self.unseen.replace(BTreeSet::new());
        let is_wanted = |note: &&Note| unseen.as_ref().is_none_or(|ids| ids.contains(&note.id));
        let mut rows: BTreeMap<u64, Vec<Vec<Cell>>> =
            unseen.iter().flatten().map(|id| (*id, Vec::new())).collect();
        let mut coming = BTreeSet::new();
        for note in self.kept.iter().filter(is_wanted) {
            let of = rows.entry(note.id).or_default();
            let is_ours = *note.author == *INTEGRATION_USER;
            if note.visible_from.is_some_and(|from| from > now) {
                coming.insert(note.id);
            } else if store.table(note.table).get(note.id).is_some()
                && (is_ours || settings.notes_shown == NotesShown::All)
            {
                of.push(note.row(settings, &store.table(note.table).schema, &places[note.table]));
            }
        }
        self.unseen = Some(coming);
        rows
    }
}

impl Note {
    fn row(&self, settings: &Settings, schema: &Schema, place: &Place) -> Vec<Cell> {
        let field = schema.field(self.field);
        let kind = match (&self.old, &self.new) {
            (_, Value::Null) => "Unset",
            (Value::Null, _) => "Set",
            _ => "Change",
        };
        let value = |value: &Value| said(settings, &cell(settings, &field.kind, value));
        let employee = derived_id("employee", &[&self.author]).as_u128() % 1_000_000;
        // In the order of the columns below.
        vec![
            Cell::Integer(self.id.cast_signed()),
            place.note_number().map_or(Cell::Null, Cell::Integer),
            Cell::Moment(self.second),
            Cell::Text(named(settings, place, field)),
            Cell::Text(kind.into()),
            value(&self.old),
            value(&self.new),
            Cell::Integer(i64::try_from(employee).unwrap_or_default()),
            Cell::Text(self.author.to_string()),
            Cell::Text(self.means.0.into()),
            Cell::Text(self.means.1.into()),
        ]
    }
}

/// The table of the notes. What the simulator does not keep of them (the role, the record's name) has no column.
pub(super) fn table() -> Table {
    let column = |name: &str, kind| {
        let is_full = matches!(name, "recordid" | "date" | "field" | "name" | "context");
        Column { name: name.to_string(), kind, is_full }
    };
    let shown = |name: &str| column(&format!("{SHOWN}{name}"), Kind::Text);
    Table {
        name: TABLE.into(),
        columns: vec![
            column("recordid", Kind::Number),
            column("recordtypeid", Kind::Number),
            column("date", Kind::Date),
            column("field", Kind::Text),
            column("type", Kind::Text),
            column("oldvalue", Kind::Text),
            column("newvalue", Kind::Text),
            column("name", Kind::Number),
            shown("name"),
            column("context", Kind::Text),
            shown("context"),
        ],
        key: None,
        owner: "recordid".into(),
        indexes: vec![vec!["recordid".into()]],
    }
}

/// A field as a note names it: of a custom field its id, of one of NetSuite's own what is documented nowhere.
fn named(settings: &Settings, place: &Place, field: &Field) -> String {
    let name = &field.netsuite;
    match settings.note_fields {
        NoteFields::ScriptId => name.clone(),
        NoteFields::Inner if name.starts_with("cust") => name.to_uppercase(),
        NoteFields::Inner => {
            let letter = match &field.kind {
                FieldKind::Text { .. } => 'S',
                FieldKind::Integer => 'N',
                FieldKind::Decimal { .. } => 'M',
                FieldKind::Boolean => 'B',
                FieldKind::Date | FieldKind::DateTime => 'D',
                FieldKind::Select { .. } | FieldKind::Reference { .. } | FieldKind::MultiSelect => 'K',
                FieldKind::Lines(_) => 'L',
            };
            format!("{}.{letter}{}", place.note_table(), name.to_uppercase())
        }
    }
}

/// A value as people read it: days and times in the form that somebody prefers.
fn said(settings: &Settings, cell: &Cell) -> Cell {
    let date = |at: chrono::NaiveDateTime| Cell::Text(settings.date_format.write(at));
    match cell {
        Cell::Null => Cell::Null,
        Cell::Text(text) => Cell::Text(text.clone()),
        Cell::Integer(whole) => Cell::Text(whole.to_string()),
        Cell::Number(decimal) => Cell::Text(Decimal::to_string(decimal)),
        Cell::Day(day) => date(day.and_time(chrono::NaiveTime::MIN)),
        Cell::Moment(second) => {
            let at = chrono::DateTime::from_timestamp(*second, 0).unwrap_or_default();
            date(at.with_timezone(&settings.timezone).naive_local())
        }
    }
}
