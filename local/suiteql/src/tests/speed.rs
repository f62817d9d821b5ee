//! How long a page takes over many records. Told, not asserted:
//! `cargo test --release -p suiteql speed -- --nocapture`.

use std::time::SystemTime;

use super::{Cell, NOW, Role, ask, calendar, empty};

const RECORDS: i64 = 100_000;

#[test]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn a_page_over_many_records_comes_quickly() {
    let millis = |since: SystemTime| since.elapsed().unwrap_or_default().as_secs_f64() * 1e3;
    let mut database = empty(calendar("America/Los_Angeles"));
    let row = |id: i64| {
        let mut row = vec![Cell::Null; 7];
        row[0] = Cell::Integer(id);
        row[1] = Cell::Text(format!("Customer {id}"));
        // Seven to a second.
        row[6] = Cell::Moment(NOW - 20_000 + id / 7);
        row
    };
    let start = SystemTime::now();
    database.fill(|filling| (1..=RECORDS).try_for_each(|id| filling.replace(0, id, &[row(id)]))).unwrap();
    println!("filled with {RECORDS}: {:.0} ms", millis(start));
    let start = SystemTime::now();
    database.fill(|filling| filling.replace(0, 77, &[row(77)])).unwrap();
    println!("one save: {:.2} ms", millis(start));
    let role = Role::default();
    for (what, id) in [("first", 1), ("middle", RECORDS / 2), ("last", RECORDS - 1_000)] {
        let at = NOW - 20_000 + id / 7;
        let wall = database.calendar().wall(at).format("%Y-%m-%d %H:%M:%S");
        let query = format!(
            "SELECT id, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS lm FROM customer \
             WHERE lastmodifieddate <= SYSDATE - 10/86400 \
             AND (lastmodifieddate > TO_TIMESTAMP('{wall}', 'YYYY-MM-DD HH24:MI:SS') \
             OR (lastmodifieddate = TO_TIMESTAMP('{wall}', 'YYYY-MM-DD HH24:MI:SS') AND id > {id})) \
             ORDER BY lastmodifieddate ASC, id ASC"
        );
        let start = SystemTime::now();
        let answer = database.query(&ask(&query, &role)).unwrap();
        println!("{what} page of {}: {:.1} ms", answer.rows.len(), millis(start));
        assert_eq!(answer.rows[0][0], Some((id + 1).to_string()));
        assert_eq!(i64::try_from(answer.total).unwrap(), RECORDS - id);
    }
}
