//! Values between wire form and MySQL's columns, by kind.
//!
//! | kind | column | shown as |
//! |---|---|---|
//! | text, select | any text type | string; empty is null |
//! | integer | any integer type | number |
//! | decimal | `DECIMAL`, never a float | string |
//! | boolean | `TINYINT(1)` | `true`, `false` |
//! | date | `DATE` | `YYYY-MM-DD` |
//! | datetime | `DATETIME(3)` in UTC | RFC 3339 |
//! | multiselect | `JSON`, an array | array; empty is null |
//! | reference | the referred table's `id` | string |
//!
//! A set is a JSON column and not a child table because its members are nobody's rows: nothing refers to one,
//! and it is written as a whole. MySQL itself makes the JSON that triggers tell and that we read, from one
//! expression; [`Kind::parse`] gives it its canonical form.

use serde_json::Value as Json;
use shared::domain::id::{Side, Timestamp};
use shared::domain::surface::{Field, TypeSurface};
use shared::domain::value::{Kind, LineSpec, Value};
use sqlx::MySql;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;

use super::names::{ID, child_table, literal, parent_column, quoted};

/// Decimal digits that a canonical decimal can have.
const DECIMAL_DIGITS: u32 = 29;

/// The SQL expression that shows `column` in wire form.
fn shown(kind: &Kind, column: &str) -> String {
    match kind {
        // By length: to a collation that pads, a space is empty too.
        Kind::Text { .. } | Kind::Select { .. } => {
            format!("if(length({column}) = 0, null, convert({column} using utf8mb4))")
        }
        Kind::Integer => column.to_string(),
        Kind::Decimal { .. } | Kind::Reference { .. } => {
            format!("cast({column} as char character set utf8mb4)")
        }
        Kind::Boolean => {
            let json = |boolean| format!("cast('{boolean}' as json)");
            format!(
                "case when {column} is null then null when {column} then {} else {} end",
                json(true),
                json(false)
            )
        }
        Kind::Date => format!("date_format({column}, '%Y-%m-%d')"),
        Kind::DateTime => format!("date_format({column}, '%Y-%m-%dT%H:%i:%s.%fZ')"),
        Kind::MultiSelect => format!("if(json_length({column}) = 0, null, {column})"),
        Kind::Lines(_) => unreachable!("lines are not in a column"),
    }
}

/// The SQL expression of a row's columns as one object, lists left out. `row` is `old`, `new` or an alias.
pub(super) fn columns_of(surface: &TypeSurface, row: &str) -> String {
    object(columns(surface), row)
}

/// The SQL statements of an update trigger that put the columns which differ between `old` and `new` into two
/// objects, variables of these names: as they were, and as they are.
///
/// A statement for each column, for MySQL goes through all that an expression is made of several times whenever
/// it is evaluated, the arms that are not taken too; what stands in a branch that is not taken costs nothing.
pub(super) fn gather_changes(surface: &TypeSurface, was: &str, is: &str) -> String {
    let gather = |(name, kind): (&str, &Kind)| {
        let column = quoted(name);
        // No name is in the object yet.
        let put = |object: &str, row: &str| {
            let shown = shown(kind, &format!("{row}.{column}"));
            format!("set {object} = json_merge_preserve({object}, json_object({}, {shown}));", literal(name))
        };
        format!("if {} then {} {} end if;", differs(kind, &column), put(was, "old"), put(is, "new"))
    };
    columns(surface).map(gather).collect::<Vec<_>>().join(" ")
}

/// The SQL expression of whether `old` and `new` differ in a column's wire form.
fn differs(kind: &Kind, column: &str) -> String {
    match kind {
        // By bytes: a collation may take other letters for the same, and spaces for nothing. Empty is null.
        Kind::Text { .. } | Kind::Select { .. } => format!(
            "not (cast(old.{column} as binary) <=> cast(new.{column} as binary)) \
             and length(concat_ws('', old.{column}, new.{column})) > 0"
        ),
        Kind::MultiSelect => {
            let shown = |row: &str| shown(kind, &format!("{row}.{column}"));
            format!("not ({} <=> {})", shown("old"), shown("new"))
        }
        _ => format!("not (old.{column} <=> new.{column})"),
    }
}

fn columns(surface: &TypeSurface) -> impl Iterator<Item = (&str, &Kind)> {
    let columns = surface.fields.iter().filter(|field| !matches!(field.kind, Kind::Lines(_)));
    columns.map(|field| (field.suitex.as_str(), &field.kind))
}

/// The SQL expression of a line as one object.
pub(super) fn line_of(spec: &LineSpec, row: &str) -> String {
    let key = spec.key.as_ref().map(|key| (key.suitex.as_str(), &Kind::Text { max: None }));
    object(key.into_iter().chain(spec.columns.iter().map(|c| (c.suitex.as_str(), &c.kind))), row)
}

fn object<'a>(columns: impl Iterator<Item = (&'a str, &'a Kind)>, row: &str) -> String {
    let member = |(name, kind): (&str, &Kind)| {
        format!("{}, {}", literal(name), shown(kind, &format!("{row}.{}", quoted(name))))
    };
    format!("json_object({})", columns.map(member).collect::<Vec<_>>().join(", "))
}

/// The SQL expression of all lines of `id` as one object: line row id → line. Null when there are none.
pub(super) fn lines_of(surface: &TypeSurface, list: &Field, id: &str) -> String {
    let Kind::Lines(spec) = &list.kind else { unreachable!("only lists have lines") };
    format!(
        "(select json_objectagg(l.{ID}, {}) from {} l where l.{} = {id})",
        line_of(spec, "l"),
        quoted(&child_table(surface, list)),
        quoted(&parent_column(surface)),
    )
}

/// The type that a column of this kind is created with. Text that people compare has a collation that takes
/// `a` for `A`, as SuiteX's own has.
pub(super) fn column_type(kind: &Kind) -> String {
    match kind {
        Kind::Text { max: Some(max @ ..=255) } => format!("varchar({max})"),
        Kind::Text { max: Some(..=16_000) } => "text".to_string(),
        Kind::Text { .. } => "longtext".to_string(),
        Kind::Select { .. } => "varchar(255)".to_string(),
        Kind::Integer => "bigint".to_string(),
        Kind::Decimal { scale } => format!("decimal({DECIMAL_DIGITS}, {scale})"),
        Kind::Boolean => "tinyint(1)".to_string(),
        Kind::Date => "date".to_string(),
        Kind::DateTime => "datetime(3)".to_string(),
        Kind::MultiSelect => "json".to_string(),
        Kind::Reference { .. } => "bigint unsigned".to_string(),
        Kind::Lines(_) => unreachable!("lines are not in a column"),
    }
}

/// A value as a parameter: text where MySQL's strict conversion from text is exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Param {
    Null,
    Integer(i64),
    Text(String),
}

impl Param {
    /// `value` as a parameter for a column of `kind`.
    pub(super) fn of(kind: &Kind, value: &Value) -> Self {
        match value {
            Value::Null => Param::Null,
            Value::Bool(b) => Param::Integer(i64::from(*b)),
            Value::Integer(n) => Param::Integer(*n),
            Value::DateTime(at) => Param::Text(moment(*at)),
            value => match kind.render(Side::SuiteX, value) {
                Json::String(text) => Param::Text(text),
                json => Param::Text(json.to_string()),
            },
        }
    }
}

/// As MySQL reads a moment of UTC.
fn moment(at: Timestamp) -> String {
    match chrono::DateTime::from_timestamp_millis(at.0) {
        Some(at) => at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        // Further away than any calendar: MySQL refuses it by name of its column.
        None => at.to_string(),
    }
}

/// A statement with parameters.
pub(super) type Bound<'q> = Query<'q, MySql, MySqlArguments>;

/// `query` with `param` as its next parameter.
pub(super) fn bind(query: Bound<'_>, param: Param) -> Bound<'_> {
    match param {
        Param::Null => query.bind(None::<String>),
        Param::Integer(n) => query.bind(n),
        Param::Text(text) => query.bind(text),
    }
}
