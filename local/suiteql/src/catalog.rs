//! What there is to query: tables, their columns, and the cells that fill them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// Text. Empty text is null.
    Text,
    /// A date with its time of day, to the second.
    Date,
    /// True, false or unknown: a condition, never a column.
    Truth,
    /// Null of no kind yet: it fits everywhere.
    Nothing,
}

/// Before the name of a column, this makes the name of one that is out of a query's reach and holds what people read in
/// its place: what `BUILTIN.DF` gives.
pub const SHOWN: &str = "#";

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, in lower case.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is never null.
    pub is_full: bool,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, in lower case.
    pub name: String,
    /// Its columns, as `*` lists them.
    pub columns: Vec<Column>,
    /// The column of whole numbers that tells its rows apart, if one does.
    pub key: Option<String>,
    /// The column with the id of the record that a row belongs to.
    pub owner: String,
    /// Columns, besides the key, by which rows are found quickly.
    pub indexes: Vec<Vec<String>>,
}

impl Table {
    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// All tables of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The tables.
    pub tables: Vec<Table>,
    by_name: BTreeMap<String, usize>,
}

impl Catalog {
    /// The catalog of these tables. Of two with one name, the first counts.
    pub fn new(tables: Vec<Table>) -> Self {
        let mut by_name = BTreeMap::new();
        for (ix, table) in tables.iter().enumerate() {
            by_name.entry(table.name.clone()).or_insert(ix);
        }
        Self { tables, by_name }
    }

    /// The position of a table, by its name in lower case.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// One value in a row, as its owner has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(Decimal),
    /// Text.
    Text(String),
    /// A moment, in seconds of UTC.
    Moment(i64),
    /// A calendar day, which has no zone.
    Day(NaiveDate),
}
