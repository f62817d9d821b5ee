//! The language over a few small tables. Each expectation was worked out by hand from Oracle's rules.

mod answers;
mod clocks;
mod masks;
mod refused;
mod speed;

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::{
    Answer, Ask, Calendar, Catalog, Cell, Column, Database, Gap, Kind, Mask, Overlap, Reckoning, Refusal,
    Role, Table,
};

/// 2026-07-01T12:00:00Z, on a Wednesday.
const NOW: i64 = 1_782_907_200;

fn calendar(zone: &str) -> Calendar {
    Calendar {
        zone: zone.parse::<Tz>().unwrap(),
        reckoning: Reckoning::Instant,
        overlap: Overlap::Later,
        gap: Gap::Refuse,
        date_format: Mask::parse("MM/DD/YYYY").unwrap(),
    }
}

fn utc(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

fn moment(text: &str) -> Cell {
    Cell::Moment(utc(text))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_string())
}

fn number(text: &str) -> Cell {
    Cell::Number(text.parse::<Decimal>().unwrap())
}

fn table(name: &str, key: &str, owner: &str, columns: &[(&str, Kind)]) -> Table {
    let full = [key, "lastmodifieddate"];
    let column = |(name, kind): &(&str, Kind)| Column {
        name: (*name).to_string(),
        kind: *kind,
        is_full: full.contains(name),
    };
    Table {
        name: name.into(),
        columns: columns.iter().map(column).collect(),
        key: Some(key.into()),
        owner: owner.into(),
        indexes: match columns.iter().any(|(name, _)| *name == "lastmodifieddate") {
            true => vec![vec!["lastmodifieddate".into(), key.into()]],
            false => Vec::new(),
        },
    }
}

fn catalog() -> Catalog {
    let (n, t, d) = (Kind::Number, Kind::Text, Kind::Date);
    let customer = [
        ("id", n),
        ("companyname", t),
        ("city", t),
        ("creditlimit", n),
        ("isinactive", t),
        ("parent", n),
        ("lastmodifieddate", d),
    ];
    let transaction =
        [("id", n), ("entity", n), ("trandate", d), ("orderstatus", t), ("lastmodifieddate", d)];
    let line = [("uniquekey", n), ("transaction", n), ("item", n), ("quantity", n), ("rate", n)];
    Catalog::new(vec![
        table("customer", "id", "id", &customer),
        table("transaction", "id", "id", &transaction),
        table("transactionline", "uniquekey", "transaction", &line),
    ])
}

fn empty(calendar: Calendar) -> Database {
    Database::new(catalog(), calendar).unwrap()
}

/// | id | companyname | city   | creditlimit | inactive | parent | modified     |
/// |----|-------------|--------|-------------|----------|--------|--------------|
/// | 1  | Acme        | Berlin | 100.10      | F        |        | 10:00:00     |
/// | 2  | Bolt_1      | Berlin | 0.20        | F        | 1      | 10:00:01     |
/// | 3  | Corks%      |        |             | T        | 1      | 10:00:01     |
/// | 10 | acme        | Paris  | 50          | F        |        | 10:00:02     |
/// | 11 | O'Neil      | Paris  | 7           |          | 2      | 22:30:00     |
fn filled() -> Database {
    let mut database = empty(calendar("America/New_York"));
    let customers = [
        (1, "Acme", text("Berlin"), number("100.10"), text("F"), Cell::Null, "2026-06-01T10:00:00Z"),
        (2, "Bolt_1", text("Berlin"), number("0.20"), text("F"), Cell::Integer(1), "2026-06-01T10:00:01Z"),
        (3, "Corks%", Cell::Null, Cell::Null, text("T"), Cell::Integer(1), "2026-06-01T10:00:01Z"),
        (10, "acme", text("Paris"), number("50"), text("F"), Cell::Null, "2026-06-01T10:00:02Z"),
        (11, "O'Neil", text("Paris"), number("7"), Cell::Null, Cell::Integer(2), "2026-06-01T22:30:00Z"),
    ];
    let orders = [
        (100, Cell::Integer(1), "2026-05-31", text("A"), "2026-06-02T00:00:00Z"),
        (101, Cell::Integer(1), "2026-06-15", text("B"), "2026-06-02T00:00:01Z"),
        (102, Cell::Integer(10), "2026-06-15", text("B"), "2026-06-02T00:00:02Z"),
        (103, Cell::Null, "2026-06-30", text("H"), "2026-06-02T00:00:03Z"),
    ];
    let lines = [(1, 100, 7, 2, "1.5"), (2, 100, 8, 1, "0.1"), (3, 101, 7, 4, "2"), (4, 102, 8, 3, "0.2")];
    database
        .fill(|filling| {
            for (id, name, city, limit, inactive, parent, at) in customers {
                let row = vec![Cell::Integer(id), text(name), city, limit, inactive, parent, moment(at)];
                filling.replace(0, id, &[row])?;
            }
            for (id, entity, day, status, at) in orders {
                let row =
                    vec![Cell::Integer(id), entity, Cell::Day(day.parse().unwrap()), status, moment(at)];
                filling.replace(1, id, &[row])?;
            }
            for order in [100, 101, 102] {
                let of_order = lines.iter().filter(|line| line.1 == order);
                let rows: Vec<_> = of_order
                    .map(|(key, order, item, quantity, rate)| {
                        let whole = [*key, *order, *item, *quantity].map(Cell::Integer);
                        whole.into_iter().chain([number(rate)]).collect()
                    })
                    .collect();
                filling.replace(2, order, &rows)?;
            }
            Ok(())
        })
        .unwrap();
    database
}

fn ask<'a>(text: &'a str, role: &'a Role) -> Ask<'a> {
    Ask { text, now: NOW, role, dice: 1, ceiling: 100_000, limit: 1_000, offset: 0 }
}

fn run(database: &mut Database, query: &str) -> Result<Answer, Refusal> {
    database.query(&ask(query, &Role::default()))
}

/// The rows of a query, a line each: cells with spaces between them, nothing as `-`.
#[track_caller]
fn rows(database: &mut Database, query: &str) -> Vec<String> {
    let answer = run(database, query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"));
    assert_eq!(answer.total, answer.rows.len(), "{query}");
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".into());
    answer.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
}

/// The one value of a query.
#[track_caller]
fn value(database: &mut Database, query: &str) -> String {
    let rows = rows(database, query);
    assert_eq!(rows.len(), 1, "{query}: {rows:?}");
    rows.into_iter().next().unwrap()
}
