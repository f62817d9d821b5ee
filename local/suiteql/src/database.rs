//! The tables in an SQLite in memory, and the running of a translated query.

use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, params_from_iter};

use crate::aggregates;
use crate::calendar::Calendar;
use crate::catalog::{Catalog, Cell, Kind};
use crate::functions::FUNCTIONS;
use crate::number;
use crate::refusal::Refusal;
use crate::role::Role;
use crate::translate::{Statement, translate};

/// A query and the circumstances in which it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The query.
    pub text: &'a str,
    /// The time, in seconds of UTC.
    pub now: i64,
    /// Who asks.
    pub role: &'a Role,
    /// What rows without an order are shuffled by.
    pub dice: u64,
    /// Most rows that any query gives, over all its pages.
    pub ceiling: usize,
    /// Most rows on the page.
    pub limit: usize,
    /// Rows before the page.
    pub offset: usize,
}

/// One page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The names of the columns, in lower case.
    pub columns: Vec<String>,
    /// The rows; nothing is null.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows there are on all pages.
    pub total: usize,
}

/// The tables of one account.
pub struct Database {
    catalog: Catalog,
    calendar: Arc<Calendar>,
    connection: Connection,
    dice: Arc<Mutex<Rng>>,
}

/// An error of one of our functions, in the words that the caller is to read.
pub(crate) fn refused(words: String) -> Error {
    Error::UserFunctionError(words.into())
}

impl Database {
    /// Empty tables.
    pub fn new(catalog: Catalog, calendar: Calendar) -> Result<Self, Refusal> {
        let connection = Connection::open_in_memory().map_err(unexpected)?;
        connection.set_prepared_statement_cache_capacity(4 * catalog.tables.len() + 16);
        let calendar = Arc::new(calendar);
        let dice = Arc::new(Mutex::new(Rng::with_seed(0)));
        let database = Self { catalog, calendar, connection, dice };
        database.register().map_err(unexpected)?;
        database.create().map_err(unexpected)?;
        Ok(database)
    }

    /// How it reckons time. What was stored was stored so: another calendar needs another database.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Its tables.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn register(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        for function in FUNCTIONS {
            let calendar = Arc::clone(&self.calendar);
            let call = move |context: &Context<'_>| {
                let args = (0..context.len()).map(|ix| context.get(ix)).collect::<Result<Vec<Value>, _>>()?;
                function.call(&calendar, &args).map_err(refused)
            };
            self.connection.create_scalar_function(&*function.internal(), -1, flags, call)?;
        }
        let dice = Arc::clone(&self.dice);
        let throw = move |_: &Context<'_>| {
            // A poisoned lock means that a test failed; the dice are whole.
            Ok(dice.lock().unwrap_or_else(PoisonError::into_inner).i64(..))
        };
        // Not deterministic: it is thrown anew for each row.
        self.connection.create_scalar_function("f_dice", 0, FunctionFlags::SQLITE_UTF8, throw)?;
        aggregates::register(&self.connection)
    }

    fn create(&self) -> rusqlite::Result<()> {
        // Nothing here outlives the process.
        let mut script = String::from("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;");
        for table in &self.catalog.tables {
            let columns = table.columns.iter().map(|column| match table.key.as_ref() == Some(&column.name) {
                true => format!("{} INTEGER PRIMARY KEY", quoted(&column.name)),
                false => quoted(&column.name),
            });
            let columns: Vec<String> = columns.collect();
            script += &format!("CREATE TABLE {} ({});", quoted(&table.name), columns.join(", "));
            for (ix, index) in table.indexes.iter().enumerate() {
                let columns: Vec<String> = index.iter().map(|name| quoted(name)).collect();
                let name = quoted(&format!("{}#{ix}", table.name));
                script +=
                    &format!("CREATE INDEX {name} ON {} ({});", quoted(&table.name), columns.join(", "));
            }
        }
        self.connection.execute_batch(&script)
    }

    /// Stores rows. All that `fill` stores is stored at once, or none of it.
    pub fn fill<T>(
        &mut self,
        fill: impl FnOnce(&mut Filling<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.connection.execute_batch("BEGIN").map_err(unexpected)?;
        let filled = fill(&mut Filling { database: self });
        let end = if filled.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.connection.execute_batch(end).map_err(unexpected)?;
        filled
    }

    /// Runs a query and gives one page of its rows. Each page is a run of its own.
    pub fn query(&mut self, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let statement = translate(&self.catalog, &self.calendar, ask)?;
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = Rng::with_seed(ask.dice);
        let run = |error| failed(error, &statement);
        let total = format!("SELECT COUNT(*) FROM ({})", statement.plain);
        let total: i64 = self.connection.query_row(&total, [], |row| row.get(0)).map_err(run)?;
        let total = usize::try_from(total).unwrap_or(0).min(ask.ceiling);
        let limit = ask.limit.min(total.saturating_sub(ask.offset));
        let page = format!("{} LIMIT {limit} OFFSET {}", statement.ordered, ask.offset);
        let mut prepared = self.connection.prepare(&page).map_err(run)?;
        let width = statement.columns.len();
        let read =
            |row: &rusqlite::Row<'_>| (0..width).map(|ix| row.get(ix)).collect::<Result<Vec<Value>, _>>();
        let rows = prepared.query_map([], read).map_err(run)?;
        let mut answer = Answer { columns: Vec::with_capacity(width), rows: Vec::new(), total };
        for row in rows {
            let row = row.map_err(run)?;
            let shown = row.iter().zip(&statement.columns).map(|(value, (_, kind))| self.show(value, *kind));
            answer.rows.push(shown.collect::<Result<_, _>>()?);
        }
        answer.columns.extend(statement.columns.iter().map(|(name, _)| name.clone()));
        Ok(answer)
    }

    /// A value as text; a date that no mask was given for loses its time of day here.
    fn show(&self, value: &Value, kind: Kind) -> Result<Option<String>, Refusal> {
        match (value, kind) {
            (Value::Null, _) => Ok(None),
            (Value::Integer(held), Kind::Date) => {
                Ok(Some(self.calendar.date_format.write(self.calendar.wall(*held))))
            }
            (Value::Text(text), _) => Ok(Some(text.clone())),
            (number, _) => number::text(number).map(Some).map_err(Refusal::Unexpected),
        }
    }
}

/// Rows on their way in.
pub struct Filling<'a> {
    database: &'a Database,
}

impl Filling<'_> {
    /// Replaces the rows of one record in one table: none, one or many.
    pub fn replace(&mut self, table: usize, owner: i64, rows: &[Vec<Cell>]) -> Result<(), Refusal> {
        let Database { catalog, calendar, connection, .. } = self.database;
        let Some(table) = catalog.tables.get(table) else { return Ok(()) };
        let name = quoted(&table.name);
        let delete = format!("DELETE FROM {name} WHERE {} = ?", quoted(&table.owner));
        let insert = format!("INSERT INTO {name} VALUES ({})", vec!["?"; table.columns.len()].join(", "));
        let run = || -> rusqlite::Result<()> {
            connection.prepare_cached(&delete)?.execute([owner])?;
            for row in rows {
                let row = row.iter().map(|cell| stored(cell, calendar));
                connection.prepare_cached(&insert)?.execute(params_from_iter(row))?;
            }
            Ok(())
        };
        run().map_err(unexpected)
    }
}

fn stored(cell: &Cell, calendar: &Calendar) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(whole) => Value::Integer(*whole),
        Cell::Number(decimal) => number::held(*decimal),
        Cell::Text(text) if text.is_empty() => Value::Null,
        Cell::Text(text) => Value::Text(text.clone()),
        Cell::Moment(utc) => Value::Integer(calendar.hold(*utc)),
        Cell::Day(day) => Value::Integer(calendar.day(*day)),
    }
}

/// A name as SQLite reads it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn unexpected(error: Error) -> Refusal {
    Refusal::Unexpected(error.to_string())
}

/// What a failed run means: words of our own functions are for the caller, all else is our mistake.
fn failed(error: Error, statement: &Statement) -> Refusal {
    match &error {
        Error::SqliteFailure(_, Some(words)) if words.starts_with("ORA-") => Refusal::Database(words.clone()),
        _ => Refusal::Unexpected(format!("{error} in {}", statement.ordered)),
    }
}
