//! A NetSuite that answers just the questions which the poller asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::memory_ports::Still;

/// A record, or what is left of it.
#[derive(Clone)]
pub(crate) struct Row {
    /// On NetSuite's wall clock.
    pub(crate) at: String,
    pub(crate) email: String,
    pub(crate) is_deleted: bool,
    /// Not shown by SuiteQL yet, or not to our role.
    pub(crate) is_hidden: bool,
    /// Never named by SuiteQL.
    pub(crate) is_unlisted: bool,
    /// Shown by SuiteQL, refused by the RESTlet.
    pub(crate) is_refused: bool,
    /// Listed as deleted, and nothing to the RESTlet.
    pub(crate) is_forgotten: bool,
    /// A call about it dies.
    pub(crate) is_deadly: bool,
    /// SuiteQL shows no time of its last change.
    pub(crate) is_untimed: bool,
    /// Shown besides.
    pub(crate) phone: Option<&'static str>,
}

/// NetSuite's record types here, and the tables in which SuiteQL shows them.
const TABLES: [(&str, &str); 3] =
    [("customer", "customer"), ("inventoryitem", "item"), ("salesorder", "transaction")];

/// One account's NetSuite.
#[derive(Default)]
pub(crate) struct NetSuite {
    pub(crate) rows: Mutex<BTreeMap<(&'static str, u64), Row>>,
    pub(crate) now: Mutex<String>,
    /// Tables that our role may not see.
    pub(crate) refused: Mutex<BTreeSet<&'static str>>,
    /// Times up to this and from its day on cannot be read.
    pub(crate) gap: Mutex<Option<[&'static str; 2]>>,
    /// Records that were looked at, by call.
    pub(crate) reads: Mutex<Vec<usize>>,
    /// Tables that it lists by no time.
    pub(crate) timeless: Mutex<BTreeSet<&'static str>>,
    /// Tables whose times our role does not see: they look empty.
    pub(crate) hidden_times: Mutex<BTreeSet<&'static str>>,
    /// Rows of a table that are like no other, before those that are.
    pub(crate) odd: Mutex<Vec<(&'static str, Json)>>,
    /// How often it was asked which of some records it lists.
    pub(crate) lists: Mutex<usize>,
    /// So many more of these questions are answered, when it is said how many.
    pub(crate) lists_left: Mutex<Option<usize>>,
    /// How long a look takes, ms, on this clock.
    pub(crate) slow: Mutex<Option<(Arc<Still>, i64)>>,
}

impl NetSuite {
    /// Records that were looked at.
    pub(crate) fn looks(&self) -> usize {
        self.reads.lock().unwrap().iter().sum()
    }

    pub(crate) fn answer(&self, uri: &str, body: &Json) -> (u16, Json) {
        match body["q"].as_str() {
            Some(query) => self.query(query),
            None => {
                assert!(uri.contains("restlet.nl"), "{uri}");
                self.read(body["reads"].as_array().expect("reads"))
            }
        }
    }

    fn query(&self, query: &str) -> (u16, Json) {
        let page = |items: Vec<Json>| (200, json!({ "items": items }));
        if query.contains("FROM DUAL") {
            let now = self.now.lock().unwrap().clone();
            let columns = query.split(" AS ago_").skip(1).map(|rest| rest.split([',', ' ']).next().unwrap());
            let column = |age: &str| {
                let ago = chrono::NaiveDateTime::parse_from_str(&now, "%Y-%m-%d %H:%M:%S").unwrap();
                // The clock of these tests says what it shows, less the lag.
                let ago = ago - chrono::TimeDelta::seconds(age.parse::<i64>().unwrap() - 5);
                (format!("AGO_{age}"), json!(ago.format("%Y-%m-%d %H:%M:%S").to_string()))
            };
            return page(vec![Json::Object(columns.map(column).collect())]);
        }
        let table = query.split(" FROM ").nth(1).unwrap().split(' ').next().unwrap();
        let bad = |detail: &str| {
            let detail = json!({ "detail": detail, "o:errorCode": "INVALID_PARAMETER" });
            (400, json!({ "title": "Bad Request", "o:errorDetails": [detail] }))
        };
        if self.refused.lock().unwrap().contains(table) {
            return bad("Record was not found");
        }
        if let Some((_, ids)) = query.split_once("id IN (") {
            return self.list(table, ids.trim_end_matches(')'));
        }
        let is_timeless = self.timeless.lock().unwrap().contains(table);
        if is_timeless && query.contains("TO_TIMESTAMP('") {
            return bad("Search error occurred: Invalid or unsupported search");
        }
        let times: Vec<&str> = query.split("TO_TIMESTAMP('").skip(1).map(|rest| &rest[..19]).collect();
        if let Some([first, last]) = *self.gap.lock().unwrap()
            && times.iter().any(|time| (first..last).contains(time))
        {
            return bad("ORA-01878: specified field not found in datetime or interval");
        }
        let after: u64 = query.rsplit("id > ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        let (from, upto) = if times.is_empty() { ("0", "9") } else { (times[0], times[1]) };
        let kind = TABLES.iter().find(|(_, of)| *of == table).map(|(kind, _)| *kind);
        let rows = self.rows.lock().unwrap();
        let is_listed = |(of, row): (&str, &Row)| match kind {
            Some(kind) => of == kind && !row.is_deleted,
            None => row.is_deleted,
        };
        let is_named = |row: &Row| !row.is_hidden && !row.is_unlisted;
        let are_hidden = self.hidden_times.lock().unwrap().contains(table);
        let has_time = |row: &Row| !row.is_untimed && !are_hidden;
        let asks_for_time = if query.contains(" IS NULL ") {
            Some(false)
        } else if query.contains(" IS NOT NULL ") || !times.is_empty() {
            Some(true)
        } else {
            None
        };
        let is_asked_for = |row: &Row| asks_for_time.is_none_or(|asked| has_time(row) == asked);
        let listed =
            rows.iter().filter(|((of, _), row)| is_named(row) && is_listed((*of, *row)) && is_asked_for(row));
        let mut found: Vec<(u64, &String)> = listed
            .map(|((_, id), row)| (*id, &row.at))
            .filter(|(id, at)| (from..=upto).contains(&at.as_str()) && *id > after)
            .collect();
        found.sort();
        // SuiteQL writes ids as texts; a number means the same.
        let id = |id: u64| if id.is_multiple_of(2) { json!(id) } else { json!(id.to_string()) };
        let item = |(of, at): (u64, &String)| json!({ "links": [], "id": id(of), "at": at });
        let odd = self.odd.lock().unwrap();
        let odd = odd
            .iter()
            .filter(|(of, _)| *of == table && after == 0 && !times.is_empty())
            .map(|(_, row)| row.clone());
        page(odd.chain(found.into_iter().map(item)).take(1_000).collect())
    }

    /// Which of these records it lists.
    fn list(&self, table: &str, ids: &str) -> (u16, Json) {
        if let Some(left) = &mut *self.lists_left.lock().unwrap() {
            if *left == 0 {
                let detail =
                    json!({ "detail": "An unexpected error occurred.", "o:errorCode": "UNEXPECTED_ERROR" });
                return (500, json!({ "title": "Internal Server Error", "o:errorDetails": [detail] }));
            }
            *left -= 1;
        }
        *self.lists.lock().unwrap() += 1;
        let kind = TABLES.iter().find(|(_, of)| *of == table).expect("a table").0;
        let rows = self.rows.lock().unwrap();
        let asked: Vec<u64> = ids.split(", ").map(|id| id.parse().unwrap()).collect();
        assert!(asked.len() <= 1_000, "Oracle takes no more in one list");
        let is_listed = |id: &&u64| {
            rows.get(&(kind, **id)).is_some_and(|row| !row.is_hidden && !row.is_unlisted && !row.is_deleted)
        };
        let items = asked.iter().filter(is_listed).map(|id| json!({ "links": [], "id": id.to_string() }));
        (200, json!({ "items": items.collect::<Vec<Json>>() }))
    }

    fn read(&self, reads: &[Json]) -> (u16, Json) {
        self.reads.lock().unwrap().push(reads.len());
        assert!(reads.len() <= 50, "units for fifty");
        if let Some((clock, millis)) = &*self.slow.lock().unwrap() {
            clock.pass(*millis);
        }
        let rows = self.rows.lock().unwrap();
        let row = |read: &Json| {
            let id: u64 = read["id"].as_str().unwrap().parse().unwrap();
            let kind = TABLES.iter().find(|(kind, _)| read["type"] == *kind).expect("a type").0;
            (id, rows.get(&(kind, id)))
        };
        if reads.iter().any(|read| row(read).1.is_some_and(|row| row.is_deadly)) {
            let error =
                json!({ "code": "SSS_TIME_LIMIT_EXCEEDED", "message": "Script Execution Time Exceeded." });
            return (400, json!({ "error": error }));
        }
        let look = |read: &Json| {
            let time = |row: &Row| format!("{}Z", row.at.replace(' ', "T"));
            match row(read) {
                (_, Some(row)) if row.is_refused => json!({
                    "outcome": "refused", "error": { "code": "INSUFFICIENT_PERMISSION", "message": "No" },
                }),
                (id, Some(row)) if row.is_deleted && !row.is_forgotten => {
                    json!({ "outcome": "deleted", "id": id.to_string(), "lastModified": time(row) })
                }
                (id, Some(row)) if !row.is_hidden && !row.is_deleted => json!({
                    "outcome": "found", "id": id.to_string(), "lastModified": time(row), "values": values(row),
                }),
                _ => json!({ "outcome": "missing" }),
            }
        };
        let results: Vec<Json> = reads.iter().map(look).collect();
        (200, json!({ "results": results, "remainingUsage": 4_000 }))
    }
}

/// What a look shows of a record.
fn values(row: &Row) -> Json {
    match row.phone {
        Some(phone) => json!({ "email": row.email, "phone": phone }),
        None => json!({ "email": row.email }),
    }
}
