//! Queries that a poller would never send.

use super::{BTreeMap, BTreeSet, Role, ask, filled, rows, run};
use crate::HiddenColumns;

#[test]
fn queries_are_answered_as_oracle_answers_them() {
    let mut database = filled();
    let mut check = |query: &str, expected: &[&str]| {
        assert_eq!(rows(&mut database, query), expected, "{query}");
    };
    // Aggregates and groups.
    check("SELECT COUNT(*) FROM customer", &["5"]);
    check("SELECT COUNT(city), COUNT(DISTINCT city) FROM customer", &["4 2"]);
    check("SELECT SUM(creditlimit), AVG(creditlimit) FROM customer", &["157.3 39.325"]);
    check("SELECT MIN(companyname), MAX(id) FROM customer WHERE id > 999", &["- -"]);
    check("SELECT COUNT(*), SUM(id) FROM customer WHERE 1 = 0", &["0 -"]);
    check("SELECT COUNT(*) FROM customer WHERE 1 = 0 GROUP BY city", &[]);
    check(
        "SELECT city, COUNT(*) n FROM customer GROUP BY city ORDER BY city",
        &["Berlin 2", "Paris 2", "- 1"],
    );
    check("SELECT city FROM customer GROUP BY city HAVING SUM(creditlimit) > 60", &["Berlin"]);
    check(
        "SELECT UPPER(city) || '!', MAX(id) FROM customer WHERE city IS NOT NULL GROUP BY city ORDER BY 2 DESC",
        &["PARIS! 11", "BERLIN! 2"],
    );
    check(
        "SELECT CASE WHEN creditlimit >= 50 THEN 'big' ELSE 'small' END k, COUNT(*) FROM customer \
         GROUP BY CASE WHEN creditlimit >= 50 THEN 'big' ELSE 'small' END ORDER BY k",
        &["big 2", "small 3"],
    );
    // Joins.
    check(
        "SELECT c.companyname, COUNT(t.id) FROM customer c LEFT JOIN transaction t ON t.entity = c.id \
         WHERE c.id < 5 GROUP BY c.companyname ORDER BY 1",
        &["Acme 2", "Bolt_1 0", "Corks% 0"],
    );
    check(
        "SELECT t.id, c.companyname FROM transaction t, customer c WHERE t.entity = c.id ORDER BY t.id",
        &["100 Acme", "101 Acme", "102 acme"],
    );
    check(
        "SELECT t.id, NVL(c.companyname, 'nobody') FROM customer c RIGHT JOIN transaction t ON t.entity = c.id \
         WHERE t.id > 101 ORDER BY t.id",
        &["102 acme", "103 nobody"],
    );
    check(
        "SELECT t.id, SUM(l.quantity * l.rate) FROM transaction t INNER JOIN transactionline l \
         ON l.transaction = t.id GROUP BY t.id ORDER BY 2, 1",
        &["102 0.6", "100 3.1", "101 8"],
    );
    check(
        "SELECT a.id, b.id FROM customer a JOIN customer b ON a.parent = b.id ORDER BY a.id",
        &["2 1", "3 1", "11 2"],
    );
    // Null.
    check("SELECT id FROM customer WHERE city <> 'Berlin' ORDER BY id", &["10", "11"]);
    check("SELECT id FROM customer WHERE NOT (city = 'Berlin') ORDER BY id", &["10", "11"]);
    check("SELECT id FROM customer WHERE city = NULL OR isinactive IS NULL", &["11"]);
    check("SELECT id FROM customer WHERE id NOT IN (SELECT parent FROM customer)", &[]);
    check("SELECT id FROM customer WHERE companyname = ''", &[]);
    check("SELECT id FROM customer ORDER BY parent, id", &["2", "3", "11", "1", "10"]);
    check("SELECT id FROM customer ORDER BY parent DESC, id", &["1", "10", "11", "2", "3"]);
    check("SELECT id FROM customer ORDER BY parent NULLS FIRST, id DESC", &["10", "1", "3", "2", "11"]);
    check("SELECT 'a' || NULL || 'b' || '', NVL2(NULL, 1, 2), NULLIF(3, 3) FROM dual", &["ab 2 -"]);
    check(
        "SELECT DECODE(city, NULL, 'none', 'Berlin', 'B', 'other') FROM customer ORDER BY id",
        &["B", "B", "none", "other", "other"],
    );
    // Text.
    check("SELECT id FROM customer WHERE companyname LIKE 'acme'", &["10"]);
    check("SELECT id FROM customer WHERE companyname LIKE '%\\_1' ESCAPE '\\'", &["2"]);
    check("SELECT id FROM customer WHERE companyname LIKE '_o%' ORDER BY id", &["2", "3"]);
    check("SELECT id FROM customer WHERE companyname NOT LIKE '%c%' ORDER BY id", &["2", "3", "11"]);
    check("SELECT id FROM customer WHERE companyname = 'O''Neil'", &["11"]);
    check(
        "SELECT companyname FROM customer ORDER BY companyname",
        &["Acme", "Bolt_1", "Corks%", "O'Neil", "acme"],
    );
    check(
        "SELECT SUBSTR('invoice', 3, 2), SUBSTR('invoice', -3), INSTR('banana', 'an', 3), LENGTH('äöü'), \
         REPLACE('a-b-c', '-'), LPAD('7', 3, '0'), TRIM('  x '), INITCAP('new york'), LTRIM('xxab', 'x') FROM dual",
        &["vo ice 4 3 abc 007 x New York ab"],
    );
    // Numbers, and numbers beside text.
    check(
        "SELECT 1 / 4, 0.1 + 0.2, MOD(-7, 3), ROUND(2.5), ROUND(-2.5), TRUNC(1.999, 1), CEIL(1.1) FROM dual",
        &["0.25 0.3 -1 3 -3 1.9 2"],
    );
    check("SELECT id FROM customer WHERE id = '10'", &["10"]);
    check("SELECT id FROM customer WHERE id > '9' ORDER BY id", &["10", "11"]);
    check("SELECT id FROM customer WHERE id IN ('1', 3) ORDER BY id DESC", &["3", "1"]);
    check("SELECT id FROM customer WHERE (id, city) IN ((1, 'Berlin'), (10, 'Rome'))", &["1"]);
    check("SELECT id FROM customer WHERE creditlimit BETWEEN 0.2 AND 7 ORDER BY id", &["2", "11"]);
    check(
        "SELECT TO_CHAR(1234.5, 'FM9,999.00'), TO_NUMBER('12.50') * 2, GREATEST(3, 10) FROM dual",
        &["1,234.50 25 10"],
    );
    // Sets.
    check(
        "SELECT city FROM customer UNION SELECT 'Oslo' FROM dual ORDER BY 1",
        &["Berlin", "Oslo", "Paris", "-"],
    );
    check(
        "SELECT id FROM customer WHERE id < 3 UNION ALL SELECT id FROM customer WHERE id < 2 ORDER BY id",
        &["1", "1", "2"],
    );
    check("SELECT id FROM customer MINUS SELECT entity FROM transaction ORDER BY 1", &["2", "3", "11"]);
    check("SELECT id FROM customer INTERSECT SELECT entity FROM transaction ORDER BY id DESC", &["10", "1"]);
    check("SELECT DISTINCT city FROM customer ORDER BY city DESC", &["-", "Paris", "Berlin"]);
    // Subqueries.
    check(
        "SELECT id FROM customer c WHERE EXISTS (SELECT 1 FROM transaction t WHERE t.entity = c.id) ORDER BY id",
        &["1", "10"],
    );
    check(
        "SELECT id, (SELECT MAX(t.id) FROM transaction t WHERE t.entity = c.id) FROM customer c ORDER BY id",
        &["1 101", "2 -", "3 -", "10 102", "11 -"],
    );
    check(
        "SELECT companyname FROM customer WHERE creditlimit > (SELECT AVG(creditlimit) FROM customer) ORDER BY id",
        &["Acme", "acme"],
    );
    check(
        "SELECT s.c, s.n FROM (SELECT city c, COUNT(*) n FROM customer GROUP BY city) s WHERE s.n > 1 ORDER BY s.c",
        &["Berlin 2", "Paris 2"],
    );
    // Row numbers.
    check("SELECT COUNT(*) FROM customer WHERE ROWNUM <= 3", &["3"]);
    check("SELECT id FROM customer WHERE ROWNUM > 1", &[]);
    check("SELECT id FROM (SELECT id FROM customer ORDER BY id DESC) WHERE ROWNUM < 3", &["11", "10"]);
    check(
        "SELECT id FROM (SELECT ROWNUM r, id FROM (SELECT id FROM customer ORDER BY id)) WHERE r BETWEEN 2 AND 3 \
         ORDER BY r",
        &["2", "3"],
    );
    check(
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY city ORDER BY id DESC) FROM customer WHERE city = 'Paris' ORDER BY id",
        &["10 2", "11 1"],
    );
    check("SELECT LISTAGG(id, ',') WITHIN GROUP (ORDER BY id DESC) FROM customer", &["11,10,3,2,1"]);
    // Dates: 12:00 in UTC is 08:00 in New York.
    check(
        "SELECT SYSDATE, TRUNC(SYSDATE), TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI:SS') FROM dual",
        &["07/01/2026 07/01/2026 2026-07-01 08:00:00"],
    );
    check(
        "SELECT TO_CHAR(lastmodifieddate, 'HH:MI AM'), TO_CHAR(lastmodifieddate, 'HH24:MI') FROM customer WHERE id = 11",
        &["06:30 PM 18:30"],
    );
    check(
        "SELECT TO_CHAR(TRUNC(lastmodifieddate), 'YYYY-MM-DD HH24:MI') FROM customer WHERE id = 11",
        &["2026-06-01 00:00"],
    );
    check("SELECT ROUND((SYSDATE - lastmodifieddate) * 24) FROM customer WHERE id = 1", &["722"]);
    check(
        "SELECT TO_CHAR(SYSDATE - 10/86400, 'HH24:MI:SS'), TO_CHAR(SYSDATE + 1, 'DD Mon YYYY') FROM dual",
        &["07:59:50 02 Jul 2026"],
    );
    check(
        "SELECT id FROM transaction WHERE trandate = TO_DATE('06/15/2026', 'MM/DD/YYYY') ORDER BY id",
        &["101", "102"],
    );
    check(
        "SELECT TO_CHAR(trandate, 'YYYY-MM'), COUNT(*) FROM transaction GROUP BY TO_CHAR(trandate, 'YYYY-MM') ORDER BY 1",
        &["2026-05 1", "2026-06 3"],
    );
    check(
        "SELECT TO_CHAR(ADD_MONTHS(trandate, 1), 'YYYY-MM-DD'), EXTRACT(DAY FROM LAST_DAY(trandate)) FROM transaction WHERE id = 103",
        &["2026-07-31 30"],
    );
}

#[test]
fn columns_are_named_in_lower_case_and_never_twice() {
    let mut database = filled();
    let query = "SELECT c.ID, t.id, COUNT(*), UPPER(c.City) AS \"Town\" FROM customer c \
                 JOIN transaction t ON t.entity = c.id GROUP BY c.id, t.id, c.city";
    assert_eq!(run(&mut database, query).unwrap().columns, ["id", "id_0", "expr3", "town"]);
    let all = run(&mut database, "SELECT * FROM customer").unwrap().columns;
    assert_eq!(all.join(" "), "id companyname city creditlimit isinactive parent lastmodifieddate");
    assert_eq!(run(&mut database, "SELECT t.* FROM customer c, transaction t").unwrap().columns.len(), 5);
}

#[test]
fn rows_without_an_order_come_as_the_dice_fall() {
    let mut database = filled();
    let role = Role::default();
    let mut thrown = |query: &str, dice: u64| {
        let answer = database.query(&super::Ask { dice, ..ask(query, &role) }).unwrap();
        answer.rows.into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>()
    };
    let orders: BTreeSet<_> = (0..40).map(|dice| thrown("SELECT id FROM customer", dice)).collect();
    assert!(orders.len() > 20, "40 throws gave {} orders", orders.len());
    assert_eq!(thrown("SELECT id FROM customer", 7), thrown("SELECT id FROM customer", 7));
    let tied = "SELECT id FROM customer ORDER BY lastmodifieddate";
    let orders: BTreeSet<_> = (0..20).map(|dice| thrown(tied, dice)).collect();
    assert_eq!(orders.len(), 2, "the two records of one second change places, nothing else");
    let settled = "SELECT id FROM customer ORDER BY lastmodifieddate, id";
    let orders: BTreeSet<_> = (0..20).map(|dice| thrown(settled, dice)).collect();
    assert_eq!(orders.len(), 1);
    let any = "SELECT id FROM customer WHERE ROWNUM <= 1";
    let firsts: BTreeSet<_> = (0..40).map(|dice| thrown(any, dice)).collect();
    assert_eq!(firsts.len(), 5, "an unordered ROWNUM takes any row");
}

#[test]
fn a_page_is_a_part_of_what_the_ceiling_leaves() {
    let mut database = filled();
    let role = Role::default();
    let query = "SELECT id FROM customer ORDER BY id";
    let page = super::Ask { ceiling: 4, limit: 2, offset: 2, ..ask(query, &role) };
    let answer = database.query(&page).unwrap();
    assert_eq!((answer.total, answer.rows), (4, vec![vec![Some("3".into())], vec![Some("10".into())]]));
    let answer = database.query(&super::Ask { ceiling: 3, ..page }).unwrap();
    assert_eq!((answer.total, answer.rows), (3, vec![vec![Some("3".into())]]));
    assert!(database.query(&super::Ask { offset: 10, ..page }).unwrap().rows.is_empty());
}

#[test]
fn a_role_hides_rows_columns_and_records() {
    let mut database = filled();
    let mut role = Role {
        hidden_rows: BTreeMap::from([("customer".into(), BTreeSet::from([1, 10]))]),
        hidden_columns: BTreeSet::from(["customer.city".into()]),
        hidden_as: HiddenColumns::Null,
        ..Role::default()
    };
    let query = "SELECT id, city FROM customer ORDER BY id";
    let seen = database.query(&ask(query, &role)).unwrap().rows;
    assert_eq!(seen, [2, 3, 11].map(|id| vec![Some(id.to_string()), None]));
    let joined = "SELECT t.id FROM transaction t JOIN customer c ON c.id = t.entity";
    assert!(database.query(&ask(joined, &role)).unwrap().rows.is_empty(), "hidden from joins too");
    role.hidden_as = HiddenColumns::Unknown;
    let refused = |database: &mut super::Database, query: &str, role: &Role| {
        database.query(&ask(query, role)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&mut database, query, &role),
        "Search error occurred: Unknown identifier 'city'. Available identifiers are: {customer=customer}."
    );
    assert_eq!(
        refused(&mut database, "SELECT c.city FROM customer c", &role),
        "Search error occurred: Field 'city' for record 'customer' was not found. Reason: REMOVED - Field is removed."
    );
    assert_eq!(database.query(&ask("SELECT * FROM customer", &role)).unwrap().columns.len(), 6);
    role.denied.insert("customer".into());
    assert_eq!(
        refused(&mut database, "SELECT id FROM CUSTOMER", &role),
        "Search error occurred: Record 'CUSTOMER' was not found."
    );
}
