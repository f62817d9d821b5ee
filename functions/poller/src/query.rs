//! What NetSuite is asked, in SuiteQL. Pure.
//!
//! Times are asked for and compared as `YYYY-MM-DD HH24:MI:SS`: without a mask NetSuite shows the date alone, in the
//! format that somebody prefers. Pages are never asked for by offset, for each would be a query of its own, between
//! which rows come and go; nor by time, for how NetSuite sorts the hour that comes twice is not documented. The next
//! page is what has a higher id.

use shared::netsuite::table::Table;

use super::cursor::Scan;

const MASK: &str = "'YYYY-MM-DD HH24:MI:SS'";

/// What NetSuite's clock shows, and what it showed so many seconds ago: a column `ago_<seconds>` for each.
pub(crate) fn times(ages_s: &[i64]) -> String {
    let column = |age: &i64| format!("TO_CHAR(SYSDATE - {age}/86400, {MASK}) AS ago_{age}");
    let columns: Vec<String> = ages_s.iter().map(column).collect();
    format!("SELECT {} FROM DUAL", columns.join(", "))
}

/// A page of what was saved: `id` and `at`, by id.
pub(crate) fn changed(table: Table<'_>, scan: &Scan) -> String {
    let Table { name, modified, .. } = table;
    let only = only(table);
    let within = within(modified, "id", scan);
    format!("SELECT id, TO_CHAR({modified}, {MASK}) AS at FROM {name} WHERE {only}{within}")
}

/// A page of what was deleted, of whatever type: `id` and `at`, by id.
pub(crate) fn deleted(scan: &Scan) -> String {
    let within = within("deleteddate", "recordid", scan);
    format!("SELECT recordid AS id, TO_CHAR(deleteddate, {MASK}) AS at FROM deletedrecord WHERE {within}")
}

/// A page of all that there is: `id`, by id.
pub(crate) fn all(table: Table<'_>, after: u64) -> String {
    let (name, only) = (table.name, only(table));
    format!("SELECT id FROM {name} WHERE {only}id > {after} ORDER BY id")
}

/// A page of what has no time of change: `id`, by id.
pub(crate) fn untimed(table: Table<'_>, after: u64) -> String {
    let (Table { name, modified, .. }, only) = (table, only(table));
    format!("SELECT id FROM {name} WHERE {only}{modified} IS NULL AND id > {after} ORDER BY id")
}

/// A page of what has one.
pub(crate) fn timed(table: Table<'_>) -> String {
    let (Table { name, modified, .. }, only) = (table, only(table));
    format!("SELECT id FROM {name} WHERE {only}{modified} IS NOT NULL AND id > 0 ORDER BY id")
}

/// Which of these ids are listed: `id`. Not more than a page's rows at once.
pub(crate) fn listed(table: Table<'_>, ids: impl Iterator<Item = u64>) -> String {
    let (name, only) = (table.name, only(table));
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("SELECT id FROM {name} WHERE {only}id IN ({})", ids.join(", "))
}

/// Which rows of its table are of the type.
fn only(table: Table<'_>) -> String {
    table.only.map(|(column, value)| format!("{column} = '{value}' AND ")).unwrap_or_default()
}

/// The rows of a scan, in its order.
fn within(time: &str, id: &str, scan: &Scan) -> String {
    let moment = |text: &str| format!("TO_TIMESTAMP('{text}', {MASK})");
    let (from, upto, after) = (moment(&scan.from), moment(&scan.upto), scan.after);
    format!("{time} >= {from} AND {time} <= {upto} AND {id} > {after} ORDER BY {id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Cursor;
    use crate::wall::Clocks;

    #[test]
    fn a_page_is_what_has_a_higher_id() {
        let mut cursor = Cursor::default();
        let scan = cursor.scan(&Clocks { shown: "2026-03-01 10:00:00".into(), at: 0 }, 300);
        assert_eq!(
            changed(Table::of("salesorder"), scan),
            "SELECT id, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS at FROM transaction \
             WHERE type = 'SalesOrd' AND lastmodifieddate >= TO_TIMESTAMP('1970-01-01 00:00:00', \
             'YYYY-MM-DD HH24:MI:SS') AND lastmodifieddate <= TO_TIMESTAMP('2026-03-01 10:00:00', \
             'YYYY-MM-DD HH24:MI:SS') AND id > 0 ORDER BY id"
        );
        assert!(deleted(scan).ends_with("AND recordid > 0 ORDER BY recordid"), "{}", deleted(scan));
        assert_eq!(all(Table::of("customer"), 7), "SELECT id FROM customer WHERE id > 7 ORDER BY id");
        assert_eq!(
            listed(Table::of("kititem"), [7, 12].into_iter()),
            "SELECT id FROM item WHERE itemtype = 'Kit' AND id IN (7, 12)"
        );
        assert_eq!(
            untimed(Table::of("kititem"), 7),
            "SELECT id FROM item WHERE itemtype = 'Kit' AND lastmodifieddate IS NULL AND id > 7 ORDER BY id"
        );
        assert_eq!(
            timed(Table::of("customrecord_x")),
            "SELECT id FROM customrecord_x WHERE lastmodified IS NOT NULL AND id > 0 ORDER BY id"
        );
        assert_eq!(
            times(&[5]),
            "SELECT TO_CHAR(SYSDATE - 5/86400, 'YYYY-MM-DD HH24:MI:SS') AS ago_5 FROM DUAL"
        );
    }
}
