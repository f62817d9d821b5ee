//! What a person is about to do: the values to send, and by what they will be recognised. Nothing here is
//! sent.

use fastrand::Rng;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, RecordType, Side};
use shared::domain::surface::{Direction, Field, FieldIx, TypeSurface};
use shared::domain::value::{Column, Kind, LineSpec};

use super::book::{Book, Doing, RecordIx, is_boundless};
use super::fate::{Change, EXISTS};
use super::value;

/// An edit of a record that is there.
pub(super) struct Plan {
    /// What kind.
    pub(super) doing: Doing,
    /// The record.
    pub(super) record: RecordIx,
    /// Where.
    pub(super) side: Side,
    /// The fields to set, as the side names them; `None` deletes the record.
    pub(super) values: Option<Map<String, Json>>,
    /// Canonical field name → what the edit does to it.
    pub(super) changes: Vec<(String, Change)>,
    /// The field and the quantity of a line that is added: its key is told by the side.
    pub(super) new_line: Option<(String, u64)>,
    /// Whether somebody does the same on the other side at the same time.
    pub(super) collides: bool,
}

impl Plan {
    fn new(doing: Doing, record: RecordIx, side: Side) -> Self {
        let (changes, new_line) = (Vec::new(), None);
        Self { doing, record, side, values: Some(Map::new()), changes, new_line, collides: false }
    }

    fn set(mut self, field: &Field, given: Json, change: Option<Change>) -> Self {
        if let Some(values) = &mut self.values {
            values.insert(field.name_on(self.side).to_string(), given);
        }
        self.changes.extend(change.map(|change| (field.name.to_string(), change)));
        self
    }

    /// A deletion.
    pub(super) fn deletion(record: RecordIx, side: Side) -> Self {
        let changes = vec![(EXISTS.to_string(), Change::Deleted)];
        Self { values: None, changes, ..Self::new(Doing::Delete, record, side) }
    }

    /// New values for at most `how_many` fields.
    pub(super) fn fields(
        book: &mut Book,
        dice: &mut Rng,
        (record, side): (RecordIx, Side),
        how_many: usize,
    ) -> Option<Self> {
        let surface = book.surface(record);
        let mut plan = Self::new(Doing::Fields, record, side);
        for _ in 0..how_many {
            let field = dice.usize(0..surface.fields.len());
            let spec = &surface.fields[field];
            if plan.changes.iter().any(|(name, _)| **name == *spec.name) {
                continue;
            }
            if let Some(typed) = value::new(book, dice, record, side, field) {
                plan = plan.set(spec, typed.given, Some(Change::Value(typed.canonical)));
            }
        }
        (!plan.changes.is_empty()).then_some(plan)
    }

    /// A day that does not exist, or a word where a number belongs.
    pub(super) fn mistyped(book: &Book, record: RecordIx, side: Side) -> Option<Self> {
        let surface = book.surface(record);
        let is_strict = |field: &&Field| matches!(field.kind, Kind::Date | Kind::Decimal { .. });
        let field = surface.fields.iter().find(is_strict)?;
        let given = json!("2026-02-30");
        Some(Self::new(Doing::Fields, record, side).set(field, given.clone(), Some(Change::Value(given))))
    }

    /// Two values for one field, one on each side.
    pub(super) fn same_field(book: &mut Book, dice: &mut Rng, record: RecordIx) -> Option<[Self; 2]> {
        let surface = book.surface(record);
        let suits =
            |(_, field): &(FieldIx, &Field)| is_boundless(&field.kind) && field.direction == Direction::Both;
        let fields: Vec<(FieldIx, &Field)> = surface.fields.iter().enumerate().filter(suits).collect();
        let (field, spec) = *fields.get(dice.usize(0..fields.len().max(1)))?;
        let mut plan = |side| {
            let typed = value::new(book, dice, record, side, field)?;
            let plan = Self { collides: true, ..Self::new(Doing::Fields, record, side) };
            Some(plan.set(spec, typed.given, Some(Change::Value(typed.canonical))))
        };
        Some([plan(Side::NetSuite)?, plan(Side::SuiteX)?])
    }

    /// One more item in a set, or, if `may_remove`, perhaps one less; `row` is what the side shows.
    pub(super) fn tags(
        book: &mut Book,
        dice: &mut Rng,
        (record, side): (RecordIx, Side),
        row: &Map<String, Json>,
        may_remove: bool,
    ) -> Option<Self> {
        let surface = book.surface(record);
        let spec = surface.fields.iter().find(|field| field.kind == Kind::MultiSelect)?;
        let mut items = row.get(spec.name_on(side)).and_then(Json::as_array).cloned().unwrap_or_default();
        let change = if may_remove && items.len() > 1 && dice.u32(0..3) == 0 {
            Change::Removed(items.remove(dice.usize(0..items.len())).as_str()?.to_string())
        } else {
            let item = format!("t{}", book.fresh());
            items.push(json!(item));
            Change::Added(item)
        };
        Some(Self::new(Doing::Tags, record, side).set(spec, Json::Array(items), Some(change)))
    }

    /// A line changed, added or removed; `row` is what the side shows.
    pub(super) fn lines(
        book: &mut Book,
        dice: &mut Rng,
        (record, side): (RecordIx, Side),
        row: &Map<String, Json>,
    ) -> Option<Self> {
        let surface = book.surface(record);
        let list = List::of(&surface, side)?;
        let mut lines = list.read(row);
        let plan = Self::new(Doing::Lines, record, side);
        match dice.u32(0..10) {
            0..2 if lines.len() > 1 => {
                let line = lines.remove(dice.usize(0..lines.len()));
                let change = Change::LineRemoved(list.key(&line)?);
                Some(plan.set(list.field, Json::Array(lines), Some(change)))
            }
            2..4 if lines.len() < 8 => {
                let account = book.records[record].account.clone();
                let quantity = book.fresh();
                lines.push(list.fresh_line(book, dice, &account, quantity)?);
                let new_line = Some((list.field.name.to_string(), quantity));
                Some(Self { new_line, ..plan.set(list.field, Json::Array(lines), None) })
            }
            _ if !lines.is_empty() => {
                let at = dice.usize(0..lines.len());
                let key = list.key(&lines[at])?;
                Some(plan.cell(book, dice, &list, lines, &key))
            }
            _ => None,
        }
    }

    /// The same line's quantity on both sides; `rows` is what each shows.
    pub(super) fn same_cell(
        book: &mut Book,
        dice: &mut Rng,
        record: RecordIx,
        rows: [&Map<String, Json>; 2],
    ) -> Option<[Self; 2]> {
        let surface = book.surface(record);
        let lists = [List::of(&surface, Side::NetSuite)?, List::of(&surface, Side::SuiteX)?];
        let [netsuite, suitex] = [lists[0].read(rows[0]), lists[1].read(rows[1])];
        let keys: Vec<String> = netsuite.iter().filter_map(|line| lists[0].key(line)).collect();
        let is_there = |key: &String| suitex.iter().any(|line| lists[1].key(line).as_ref() == Some(key));
        let key = keys.into_iter().find(is_there)?;
        let mut plan = |side, list: &List<'_>, lines| {
            let plan = Self { collides: true, ..Self::new(Doing::Lines, record, side) };
            plan.cell(book, dice, list, lines, &key)
        };
        Some([plan(Side::NetSuite, &lists[0], netsuite), plan(Side::SuiteX, &lists[1], suitex)])
    }

    /// Another quantity, or rate, in the line `key`. Lines that collide are given the quantity.
    fn cell(self, book: &mut Book, dice: &mut Rng, list: &List<'_>, mut lines: Vec<Json>, key: &str) -> Self {
        let n = book.fresh();
        let by_rate = !self.collides && dice.bool();
        let (column, value) =
            if by_rate { ("rate", json!(format!("{n}.0000"))) } else { ("quantity", json!(n)) };
        let name = list.column(column);
        for line in lines.iter_mut().filter(|line| list.key(line).as_deref() == Some(key)) {
            line[name] = value.clone();
        }
        let change = Change::Cell { line: key.to_string(), column: column.to_string(), value };
        self.set(list.field, Json::Array(lines), Some(change))
    }
}

/// A record to be made.
pub(super) struct Birth {
    /// Its tenant.
    pub(super) account: AccountId,
    /// Its type.
    pub(super) kind: RecordType,
    /// Its fields, as its side names them.
    pub(super) values: Map<String, Json>,
    /// Its fields but lines, by canonical name, in SuiteX's form.
    pub(super) canonical: Map<String, Json>,
}

/// How many of a new record's fields are filled in, in ten.
const FILLED_IN_TEN: u32 = 6;

impl Birth {
    /// A new record like `model`: of its account and type.
    pub(super) fn like(book: &mut Book, dice: &mut Rng, model: RecordIx, side: Side) -> Option<Self> {
        let (surface, account) = (book.surface(model), book.records[model].account.clone());
        let kind = book.records[model].kind.clone();
        let (mut values, mut canonical) = (Map::new(), Map::new());
        for (ix, field) in surface.fields.iter().enumerate() {
            let name = field.name_on(side).to_string();
            if !field.direction.accepts_from(side) || !(field.required || dice.u32(0..10) < FILLED_IN_TEN) {
                continue;
            }
            if let Kind::Lines(_) = field.kind {
                let list = List::of(&surface, side)?;
                let lines = (0..dice.usize(1..4)).map(|_| {
                    let quantity = book.fresh();
                    list.fresh_line(book, dice, &account, quantity)
                });
                values.insert(name, Json::Array(lines.collect::<Option<_>>()?));
            } else if let Some(typed) = value::draw(book, dice, model, side, ix) {
                values.insert(name, typed.given);
                canonical.insert(field.name.to_string(), typed.canonical);
            } else if field.required {
                return None;
            }
        }
        (!canonical.is_empty()).then_some(Self { account, kind, values, canonical })
    }
}

/// A list of lines, as one side has it.
pub(super) struct List<'a> {
    /// The field.
    pub(super) field: &'a Field,
    spec: &'a LineSpec,
    side: Side,
}

impl<'a> List<'a> {
    /// The list of a type that has one.
    pub(super) fn of(surface: &'a TypeSurface, side: Side) -> Option<Self> {
        surface.fields.iter().find_map(|field| match &field.kind {
            Kind::Lines(spec) => Some(Self { field, spec, side }),
            _ => None,
        })
    }

    fn read(&self, row: &Map<String, Json>) -> Vec<Json> {
        row.get(self.field.name_on(self.side)).and_then(Json::as_array).cloned().unwrap_or_default()
    }

    /// The canonical key of a line.
    fn key(&self, line: &Json) -> Option<String> {
        let names = self.spec.key.as_ref()?;
        let text = |name: &String| line[name].as_str().map(str::to_string);
        match self.side {
            Side::SuiteX => text(&names.suitex),
            Side::NetSuite => text(&names.netsuite_external).or_else(|| text(&names.netsuite)),
        }
    }

    /// The side's name of a column.
    fn column(&self, name: &str) -> &'a str {
        let on_side = |column: &'a Column| match self.side {
            Side::SuiteX => column.suitex.as_str(),
            Side::NetSuite => column.netsuite.as_str(),
        };
        self.spec.columns.iter().find(|column| *column.name == *name).map_or("", on_side)
    }

    /// A line without a key.
    pub(super) fn line(&self, item: &str, quantity: Json, rate: &str, discount: &str) -> Json {
        let mut line = Map::new();
        line.insert(self.column("item").into(), json!(item));
        line.insert(self.column("quantity").into(), quantity);
        line.insert(self.column("rate").into(), json!(rate));
        line.insert(self.column("discount").into(), json!(discount));
        Json::Object(line)
    }

    fn fresh_line(&self, book: &Book, dice: &mut Rng, account: &AccountId, quantity: u64) -> Option<Json> {
        // Unwrap safety: a constant name.
        let kind = RecordType::parse("item").expect("a name");
        let (item, _) = book.referable(dice, self.side, account, &kind)?;
        Some(self.line(&item, json!(quantity), &format!("{}.5000", quantity % 100), "0.0000"))
    }
}
