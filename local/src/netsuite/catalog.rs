//! The tables under which SuiteQL knows an account's records, and the rows of a record.
//!
//! Known are the columns that the sync surface names and those that every record has. What the simulator does
//! not keep (names and ids of who deleted something, creation dates) has no column or holds nothing, rather than
//! something made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::domain::surface::FieldIx;
use shared::domain::value::{Kind as FieldKind, LineSpec, Lines, Value};
use suiteql::{Catalog, Cell, Column, Kind, Table};

use super::notes;
use super::record::{Record, internal_id};
use super::schema::Schema;
use super::settings::{DeletedType, Settings, UnsetCheckbox};
use super::table::Deletion;

/// The header line of a transaction has a unique key too; ours lie beyond those of all lines.
const HEADER_KEYS: i64 = 1 << 40;

/// Where one type's records stand.
pub(super) struct Place {
    /// Their table.
    pub(super) table: usize,
    /// The table of their lines.
    pub(super) lines: Option<usize>,
    /// The table of their deletions.
    pub(super) deletions: usize,
    netsuite: String,
    class: Class,
    /// How many columns their table has, of all types that share it.
    columns: Vec<Column>,
    line_columns: Vec<Column>,
}

/// What NetSuite takes a type for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Item(&'static str),
    Transaction(&'static str),
    Custom,
    Other,
}

impl Class {
    fn of(netsuite: &str) -> Self {
        match netsuite {
            "inventoryitem" => Class::Item("InvtPart"),
            "noninventoryitem" | "noninventorysaleitem" => Class::Item("NonInvtPart"),
            "serviceitem" | "servicesaleitem" => Class::Item("Service"),
            "assemblyitem" => Class::Item("Assembly"),
            "kititem" => Class::Item("Kit"),
            "salesorder" => Class::Transaction("SalesOrd"),
            "purchaseorder" => Class::Transaction("PurchOrd"),
            "estimate" => Class::Transaction("Estimate"),
            "invoice" => Class::Transaction("CustInvc"),
            "cashsale" => Class::Transaction("CashSale"),
            "cashrefund" => Class::Transaction("CashRfnd"),
            "creditmemo" => Class::Transaction("CustCred"),
            "opportunity" => Class::Transaction("Opprtnty"),
            "journalentry" => Class::Transaction("Journal"),
            "transferorder" => Class::Transaction("TrnfrOrd"),
            "workorder" => Class::Transaction("WorkOrd"),
            "itemreceipt" => Class::Transaction("ItemRcpt"),
            "itemfulfillment" => Class::Transaction("ItemShip"),
            "customerpayment" => Class::Transaction("CustPymt"),
            "returnauthorization" => Class::Transaction("RtnAuth"),
            "vendorbill" => Class::Transaction("VendBill"),
            custom if custom.starts_with("customrecord") => Class::Custom,
            _ => Class::Other,
        }
    }

    fn table<'n>(&self, netsuite: &'n str) -> &'n str {
        match self {
            Class::Item(_) => "item",
            Class::Transaction(_) => "transaction",
            Class::Custom | Class::Other => netsuite,
        }
    }

    fn last_modified(&self) -> &'static str {
        match self {
            Class::Custom => "lastmodified",
            Class::Item(_) | Class::Transaction(_) | Class::Other => "lastmodifieddate",
        }
    }

    /// NetSuite's own number of the type, where it is known.
    fn type_id(&self, netsuite: &str) -> Option<i64> {
        match self {
            Class::Item(_) => Some(-10),
            Class::Transaction(_) => Some(-30),
            Class::Other if netsuite == "customer" => Some(-2),
            Class::Custom | Class::Other => None,
        }
    }
}

/// The table in which SuiteQL shows a type.
pub(super) fn table_of(netsuite: &str) -> &str {
    Class::of(netsuite).table(netsuite)
}

/// The tables of these types, and each type's place among them.
pub(super) fn catalog<'s>(schemas: impl Iterator<Item = &'s Arc<Schema>>) -> (Catalog, Vec<Place>) {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut types = Vec::new();
    for schema in schemas {
        let netsuite = schema.surface().netsuite.to_lowercase();
        let class = Class::of(&netsuite);
        let name = class.table(&netsuite).to_string();
        let table = tables.entry(name.clone()).or_insert_with(|| record_table(&name, class));
        for field in schema.fields() {
            if let Some(kind) = column_kind(&field.kind) {
                add(table, &field.netsuite, kind);
            }
        }
        let lines = keyed_lines(schema).next().is_some() && matches!(class, Class::Transaction(_));
        if lines {
            let table = tables.entry("transactionline".into()).or_insert_with(line_table);
            for (_, spec) in keyed_lines(schema) {
                for column in &spec.columns {
                    if let Some(kind) = column_kind(&column.kind) {
                        add(table, &column.netsuite, kind);
                    }
                }
                if let Some(key) = &spec.key {
                    add(table, &key.netsuite_external, Kind::Text);
                }
            }
        }
        types.push((netsuite, class, name, lines));
    }
    tables.insert("deletedrecord".into(), deletion_table());
    tables.insert(notes::TABLE.into(), notes::table());
    let catalog = Catalog::new(tables.into_values().collect());
    let find = |name: &str| catalog.find(name).unwrap_or_default();
    let place = |(netsuite, class, name, lines): (String, Class, String, bool)| {
        let (table, lines) = (find(&name), lines.then(|| find("transactionline")));
        let line_columns = lines.map_or_else(Vec::new, |lines| catalog.tables[lines].columns.clone());
        let columns = catalog.tables[table].columns.clone();
        Place { table, lines, deletions: find("deletedrecord"), netsuite, class, columns, line_columns }
    };
    let places = types.into_iter().map(place).collect();
    (catalog, places)
}

fn column(name: &str, kind: Kind, is_full: bool) -> Column {
    Column { name: name.to_string(), kind, is_full }
}

fn record_table(name: &str, class: Class) -> Table {
    let last_modified = class.last_modified();
    let mut columns = vec![
        column("id", Kind::Number, true),
        column("externalid", Kind::Text, false),
        column(last_modified, Kind::Date, true),
    ];
    match class {
        Class::Item(_) => columns.push(column("itemtype", Kind::Text, true)),
        Class::Transaction(_) => {
            columns.extend([column("type", Kind::Text, true), column("recordtype", Kind::Text, true)]);
        }
        Class::Custom | Class::Other => {}
    }
    if !matches!(class, Class::Transaction(_)) {
        columns.push(column("isinactive", Kind::Text, false));
    }
    Table {
        name: name.to_string(),
        columns,
        key: Some("id".into()),
        owner: "id".into(),
        indexes: vec![vec![last_modified.into(), "id".into()], vec!["externalid".into()]],
    }
}

fn line_table() -> Table {
    let columns = vec![
        column("uniquekey", Kind::Number, true),
        column("id", Kind::Number, true),
        column("transaction", Kind::Number, true),
        column("linesequencenumber", Kind::Number, true),
        column("mainline", Kind::Text, true),
        column("taxline", Kind::Text, true),
    ];
    Table {
        name: "transactionline".into(),
        columns,
        key: Some("uniquekey".into()),
        owner: "transaction".into(),
        indexes: vec![vec!["transaction".into(), "linesequencenumber".into()]],
    }
}

fn deletion_table() -> Table {
    let text = ["scriptid", "type", "name", "context", "deletedby", "iscustomlist", "iscustomrecord"];
    let mut columns = vec![
        column("recordid", Kind::Number, true),
        column("recordtypeid", Kind::Number, false),
        column("deleteddate", Kind::Date, true),
    ];
    columns.extend(text.map(|name| column(name, Kind::Text, false)));
    columns.push(column("iscustomtransaction", Kind::Text, false));
    Table {
        name: "deletedrecord".into(),
        columns,
        key: None,
        owner: "recordid".into(),
        indexes: vec![vec!["deleteddate".into(), "recordid".into()], vec!["recordid".into()]],
    }
}

/// Adds a column. Where two types hold different things under one name, SuiteQL shows both as text.
fn add(table: &mut Table, name: &str, kind: Kind) {
    let name = name.to_lowercase();
    match table.column(&name) {
        None => table.columns.push(Column { name, kind, is_full: false }),
        Some(ix) if table.columns[ix].kind == kind => {}
        Some(ix) => table.columns[ix].kind = Kind::Text,
    }
}

fn column_kind(kind: &FieldKind) -> Option<Kind> {
    match kind {
        FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Reference { .. } => Some(Kind::Number),
        FieldKind::Text { .. } | FieldKind::Boolean | FieldKind::Select { .. } | FieldKind::MultiSelect => {
            Some(Kind::Text)
        }
        FieldKind::Date | FieldKind::DateTime => Some(Kind::Date),
        FieldKind::Lines(_) => None,
    }
}

fn keyed_lines(schema: &Schema) -> impl Iterator<Item = (FieldIx, &LineSpec)> {
    schema.fields().iter().enumerate().filter_map(|(ix, field)| match &field.kind {
        FieldKind::Lines(spec) if spec.key.is_some() => Some((ix, spec)),
        _ => None,
    })
}

impl Place {
    /// The number under which notes are kept of the type: entities share one.
    pub(super) fn note_number(&self) -> Option<i64> {
        match &self.class {
            Class::Other if self.netsuite == "customer" => Some(-9),
            class => class.type_id(&self.netsuite),
        }
    }

    /// The table by which notes name the type's fields.
    pub(super) fn note_table(&self) -> &'static str {
        match self.class {
            Class::Item(_) => "ITEM",
            Class::Transaction(_) => "TRANDOC",
            Class::Custom | Class::Other => "ENTITY",
        }
    }

    /// A record's row.
    pub(super) fn row(&self, settings: &Settings, schema: &Schema, record: &Record) -> Vec<Cell> {
        let mut cells = vec![Cell::Null; self.columns.len()];
        let mut set = |name: &str, cell: Cell| {
            if let Some(ix) = self.columns.iter().position(|column| column.name == name) {
                cells[ix] = cell;
            }
        };
        set("id", whole(record.id));
        set("externalid", record.external_id.as_deref().map_or(Cell::Null, |id| Cell::Text(id.to_string())));
        set(self.class.last_modified(), Cell::Moment(record.last_modified));
        set("isinactive", Cell::Text("F".into()));
        match self.class {
            Class::Item(item_type) => set("itemtype", Cell::Text(item_type.into())),
            Class::Transaction(transaction_type) => {
                set("type", Cell::Text(transaction_type.into()));
                set("recordtype", Cell::Text(self.netsuite.clone()));
            }
            Class::Custom | Class::Other => {}
        }
        for (field, value) in schema.fields().iter().zip(&record.body.values) {
            set(&field.netsuite.to_lowercase(), cell(settings, &field.kind, value));
        }
        agree(&mut cells, &self.columns);
        cells
    }

    /// The rows of a record's lines, the header's first.
    pub(super) fn lines(&self, settings: &Settings, schema: &Schema, record: &Record) -> Vec<Vec<Cell>> {
        let empty = vec![Cell::Null; self.line_columns.len()];
        let id = record.id.cast_signed();
        let set = |cells: &mut Vec<Cell>, name: &str, cell: Cell| {
            if let Some(ix) = self.line_columns.iter().position(|column| column.name == name) {
                cells[ix] = cell;
            }
        };
        let head = |number: usize, key: i64, mainline: &str| {
            let mut cells = empty.clone();
            set(&mut cells, "uniquekey", Cell::Integer(key));
            // NetSuite's line id stays when lines before it go; ours is the line's place.
            set(&mut cells, "id", whole(number as u64));
            set(&mut cells, "transaction", whole(record.id));
            set(&mut cells, "linesequencenumber", whole(number as u64));
            set(&mut cells, "mainline", Cell::Text(mainline.into()));
            set(&mut cells, "taxline", Cell::Text("F".into()));
            cells
        };
        let mut rows = vec![head(0, HEADER_KEYS + id, "T")];
        for (ix, spec) in keyed_lines(schema) {
            let Value::Lines(lines) = &record.body.values[ix] else { continue };
            // The records keep no order of lines but that in which they came to be.
            let mut keys: Vec<(u64, &Arc<str>)> =
                record.body.lines_of(ix).map(|(key, id)| (id, key)).collect();
            keys.sort_unstable();
            for (unique, key) in keys {
                let mut cells = head(rows.len(), unique.cast_signed(), "F");
                if let (Some(names), false) = (&spec.key, unique.to_string() == **key) {
                    let name = names.netsuite_external.to_lowercase();
                    set(&mut cells, &name, Cell::Text(key.to_string()));
                }
                for (name, cell) in line(settings, spec, lines, key) {
                    set(&mut cells, &name, cell);
                }
                agree(&mut cells, &self.line_columns);
                rows.push(cells);
            }
        }
        rows
    }

    /// The row of a deletion, if it leaves one.
    pub(super) fn deletion(
        &self,
        settings: &Settings,
        columns: &[Column],
        deletion: &Deletion,
    ) -> Option<Vec<Cell>> {
        if settings.untracked_deletions.contains(&self.netsuite) {
            return None;
        }
        let custom = if self.class == Class::Custom { "T" } else { "F" };
        let written = match settings.deleted_type {
            DeletedType::Label => label(&self.netsuite),
            DeletedType::ScriptId => self.netsuite.clone(),
            DeletedType::Upper => self.netsuite.to_uppercase(),
        };
        let cell = |column: &Column| match column.name.as_str() {
            "recordid" => whole(deletion.id),
            "recordtypeid" => self.class.type_id(&self.netsuite).map_or(Cell::Null, Cell::Integer),
            "deleteddate" => Cell::Moment(deletion.at),
            "scriptid" => Cell::Text(self.netsuite.to_uppercase()),
            "type" => Cell::Text(written.clone()),
            "iscustomrecord" => Cell::Text(custom.into()),
            "iscustomlist" | "iscustomtransaction" => Cell::Text("F".into()),
            _ => Cell::Null,
        };
        Some(columns.iter().map(cell).collect())
    }
}

fn line<'l>(
    settings: &'l Settings,
    spec: &'l LineSpec,
    lines: &'l Lines,
    key: &Arc<str>,
) -> impl Iterator<Item = (String, Cell)> + 'l {
    let row: &[Value] = lines.get(key).map_or(&[], |row| row);
    spec.columns.iter().zip(row).map(|(column, value)| {
        let name = column.netsuite.to_lowercase();
        let shown = match cell(settings, &column.kind, value) {
            Cell::Integer(quantity) if settings.negative_quantities && name == "quantity" => {
                Cell::Integer(-quantity)
            }
            Cell::Number(quantity) if settings.negative_quantities && name == "quantity" => {
                Cell::Number(-quantity)
            }
            shown => shown,
        };
        (name, shown)
    })
}

/// A value as SuiteQL has it.
pub(super) fn cell(settings: &Settings, kind: &FieldKind, value: &Value) -> Cell {
    match (kind, value) {
        (FieldKind::Boolean, Value::Null) => match settings.unset_checkbox {
            UnsetCheckbox::Null => Cell::Null,
            UnsetCheckbox::False => Cell::Text("F".into()),
        },
        (FieldKind::Reference { .. }, Value::Text(id)) => internal_id(id).map_or(Cell::Null, whole),
        (_, Value::Null | Value::Lines(_)) => Cell::Null,
        (_, Value::Bool(checked)) => Cell::Text(if *checked { "T" } else { "F" }.into()),
        (_, Value::Integer(number)) => Cell::Integer(*number),
        (_, Value::Decimal(number)) => Cell::Number(*number),
        (_, Value::Text(text)) => Cell::Text(text.to_string()),
        (_, Value::Date(day)) => Cell::Day(*day),
        (_, Value::DateTime(at)) => Cell::Moment(at.seconds()),
        (_, Value::Set(options)) => {
            let options: Vec<&str> = options.iter().map(|option| &**option).collect();
            Cell::Text(options.join(&settings.multiselect_delimiter))
        }
    }
}

/// Makes text of what stands in a column of text, for the columns that two types fill differently.
fn agree(cells: &mut [Cell], columns: &[Column]) {
    for (cell, column) in cells.iter_mut().zip(columns) {
        let number = match cell {
            Cell::Integer(number) => Decimal::from(*number),
            Cell::Number(number) => *number,
            _ => continue,
        };
        if column.kind == Kind::Text {
            *cell = Cell::Text(number.to_string());
        }
    }
}

fn whole(id: u64) -> Cell {
    Cell::Integer(id.cast_signed())
}

/// What people call a type.
fn label(netsuite: &str) -> String {
    let words = ["inventory", "non", "service", "assembly", "kit", "sales", "purchase", "cash", "credit"];
    let split = words.iter().find_map(|word| Some((*word, netsuite.strip_prefix(word)?)));
    let title = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    match split {
        Some((word, rest)) if !rest.is_empty() => format!("{} {}", title(word), title(rest)),
        _ => title(netsuite),
    }
}
