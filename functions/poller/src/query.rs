//! What NetSuite is asked, in SuiteQL. Pure.
//!
//! Times are asked for and compared as `YYYY-MM-DD HH24:MI:SS`: without a mask NetSuite shows the date alone, in the
//! format that somebody prefers. Pages are never asked for by offset, for each would be a query of its own, between
//! which rows come and go: the next page is what comes after the last row.

use super::cursor::{Place, Scan};

/// Rows of a page: NetSuite's most.
pub(crate) const PAGE: usize = 1_000;

const MASK: &str = "'YYYY-MM-DD HH24:MI:SS'";

/// Where NetSuite keeps the records of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table<'a> {
    name: &'a str,
    /// Which of its rows are of the type: column and value.
    only: Option<(&'static str, &'static str)>,
    /// The column of its lastModified.
    modified: &'static str,
}

/// Types that share a table with others: NetSuite's record type, the table, the column that tells them apart, and
/// its value.
const SHARED: &[(&str, &str, &str, &str)] = &[
    ("inventoryitem", "item", "itemtype", "InvtPart"),
    ("noninventoryitem", "item", "itemtype", "NonInvtPart"),
    ("serviceitem", "item", "itemtype", "Service"),
    ("assemblyitem", "item", "itemtype", "Assembly"),
    ("kititem", "item", "itemtype", "Kit"),
    ("salesorder", "transaction", "type", "SalesOrd"),
    ("invoice", "transaction", "type", "CustInvc"),
    ("creditmemo", "transaction", "type", "CustCred"),
    ("estimate", "transaction", "type", "Estimate"),
    ("purchaseorder", "transaction", "type", "PurchOrd"),
    ("vendorbill", "transaction", "type", "VendBill"),
    ("itemfulfillment", "transaction", "type", "ItemShip"),
    ("customerpayment", "transaction", "type", "CustPymt"),
    ("returnauthorization", "transaction", "type", "RtnAuth"),
];

impl<'a> Table<'a> {
    /// The table of a record type: a shared one, or one of its own name, as custom records have.
    pub(crate) fn of(netsuite_type: &'a str) -> Self {
        if let Some((_, name, column, value)) = SHARED.iter().find(|(known, ..)| *known == netsuite_type) {
            return Self { name, only: Some((column, value)), modified: "lastmodifieddate" };
        }
        let modified =
            if netsuite_type.starts_with("customrecord") { "lastmodified" } else { "lastmodifieddate" };
        Self { name: netsuite_type, only: None, modified }
    }
}

/// What NetSuite's clock shows, less the lag, as `upto`.
pub(crate) fn now(lag_s: i64) -> String {
    format!("SELECT TO_CHAR(SYSDATE - {lag_s}/86400, {MASK}) AS upto FROM DUAL")
}

/// A page of what was saved: `id` and `at`, in their order.
pub(crate) fn changed(table: Table<'_>, scan: &Scan) -> String {
    let Table { name, only, modified } = table;
    let only = only.map(|(column, value)| format!("{column} = '{value}' AND ")).unwrap_or_default();
    let within = within(modified, "id", scan);
    format!("SELECT id, TO_CHAR({modified}, {MASK}) AS at FROM {name} WHERE {only}{within}")
}

/// A page of what was deleted, of whatever type: `id`, `type` and `at`, in their order.
pub(crate) fn deleted(scan: &Scan) -> String {
    let within = within("deleteddate", "recordid", scan);
    format!(
        "SELECT recordid AS id, type, TO_CHAR(deleteddate, {MASK}) AS at FROM deletedrecord WHERE {within}"
    )
}

/// The rows of a scan, in its order.
fn within(time: &str, id: &str, scan: &Scan) -> String {
    let moment = |text: &str| format!("TO_TIMESTAMP('{text}', {MASK})");
    let Place { time: after, id: last } = &scan.after;
    let (after, upto) = (moment(after), moment(&scan.upto));
    format!(
        "{time} <= {upto} AND ({time} > {after} OR ({time} = {after} AND {id} > {last})) ORDER BY {time}, {id}"
    )
}

#[cfg(test)]
mod tests {
    use shared::domain::id::Timestamp;

    use super::*;
    use crate::cursor::Cursor;

    #[test]
    fn a_page_is_what_comes_after_the_last_row() {
        let scan = Cursor::default().scan("2026-03-01 10:00:00", Timestamp(0), 300);
        assert_eq!(
            changed(Table::of("salesorder"), &scan),
            "SELECT id, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS at FROM transaction \
             WHERE type = 'SalesOrd' AND lastmodifieddate <= TO_TIMESTAMP('2026-03-01 10:00:00', \
             'YYYY-MM-DD HH24:MI:SS') AND (lastmodifieddate > TO_TIMESTAMP('1970-01-01 00:00:00', \
             'YYYY-MM-DD HH24:MI:SS') OR (lastmodifieddate = TO_TIMESTAMP('1970-01-01 00:00:00', \
             'YYYY-MM-DD HH24:MI:SS') AND id > 0)) ORDER BY lastmodifieddate, id"
        );
    }

    #[test]
    fn custom_records_have_a_table_and_a_column_of_their_own() {
        let table = Table::of("customrecord_rental");
        assert_eq!((table.name, table.modified, table.only), ("customrecord_rental", "lastmodified", None));
        assert_eq!(Table::of("customer").modified, "lastmodifieddate");
    }
}
