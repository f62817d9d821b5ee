//! What SuiteQL does not take.

use super::{filled, run};

#[track_caller]
fn refused(query: &str) -> String {
    match run(&mut filled(), query) {
        Ok(answer) => panic!("{query} gave {:?}", answer.rows),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn unsupported_syntax_is_refused() {
    let known = "Search error occurred: Invalid or unsupported search. [simulator: ";
    for query in [
        "WITH c AS (SELECT id FROM customer) SELECT id FROM c",
        "SELECT id FROM customer LIMIT 5",
        "SELECT id FROM customer ORDER BY id OFFSET 5 ROWS FETCH NEXT 5 ROWS ONLY",
        "SELECT TOP 5 id FROM customer",
        "DELETE FROM customer",
        "UPDATE customer SET city = 'x'",
        "INSERT INTO customer (id) VALUES (1)",
        "DROP TABLE customer",
        "SELECT id FROM customer; SELECT id FROM customer",
        "SELECT id FROM customer FOR UPDATE",
        "SELECT FROBNICATE(id) FROM customer",
        "SELECT RANDOM() FROM dual",
        "SELECT f_dice() FROM dual",
        "SELECT sqlite_version() FROM dual",
        "SELECT id FROM customer WHERE lastmodifieddate > DATE '2026-01-01'",
        "SELECT id FROM customer WHERE lastmodifieddate > TIMESTAMP '2026-01-01 00:00:00'",
        "SELECT id FROM customer WHERE lastmodifieddate > '2026-01-01'",
        "SELECT id FROM customer WHERE lastmodifieddate BETWEEN '01/01/2026' AND SYSDATE",
        "SELECT id FROM customer WHERE lastmodifieddate > SYSDATE - INTERVAL '1' DAY",
        "SELECT id = 1 FROM customer",
        "SELECT id FROM customer WHERE id = :id",
        "SELECT id FROM customer WHERE companyname ILIKE 'a%'",
        "SELECT id FROM customer NATURAL JOIN transaction",
        "SELECT c.id FROM customer c JOIN transaction t USING (id)",
        "SELECT c.id FROM customer c, transaction t WHERE c.id = t.entity (+)",
        "SELECT c.id FROM customer c, transaction t JOIN customer d ON d.id = t.entity",
        "SELECT id FROM customer WHERE ROWNUM = 1 OR id = 1",
        "SELECT * FROM customer QUALIFY ROW_NUMBER() OVER (ORDER BY id) = 1",
        "SELECT id::text FROM customer",
        "SELECT 1",
    ] {
        let words = refused(query);
        assert!(words.starts_with(known), "{query}: {words}");
    }
}

#[test]
fn names_that_mean_nothing_are_refused() {
    let unknown = |name: &str, available: &str| {
        format!(
            "Search error occurred: Unknown identifier '{name}'. Available identifiers are: {{{available}}}."
        )
    };
    assert_eq!(refused("SELECT subsidiary FROM customer"), unknown("subsidiary", "customer=customer"));
    assert_eq!(refused("SELECT x.id FROM customer c"), unknown("x", "c=customer"));
    assert_eq!(refused("SELECT id FROM customer WHERE TRUE"), unknown("TRUE", "customer=customer"));
    assert_eq!(
        refused("SELECT t.id FROM transaction t JOIN customer c ON c.id = t.entity WHERE memo IS NULL"),
        unknown("memo", "t=transaction, c=customer")
    );
    assert_eq!(refused("SELECT rowid FROM customer"), unknown("rowid", "customer=customer"));
    assert_eq!(
        refused("SELECT id FROM sqlite_master"),
        "Search error occurred: Record 'sqlite_master' was not found."
    );
    assert_eq!(
        refused("SELECT c.nothing FROM customer c"),
        "Search error occurred: Field 'nothing' for record 'customer' was not found. Reason: REMOVED - Field is removed."
    );
}

#[test]
fn what_is_no_sql_is_quoted_back() {
    for query in ["SELEC id FROM customer", "SELECT id FROM", "", "SELECT id FROM customer WHERE", "SELECT ("]
    {
        let words = refused(query);
        assert!(words.starts_with(&format!("Failed to parse SQL [{query}]: syntax error: ")), "{words}");
    }
}

#[test]
fn a_query_has_bounds() {
    let any_of = |count: usize| {
        let tests: Vec<String> = (0..count).map(|id| format!("(id = {id} AND city IS NOT NULL)")).collect();
        format!("SELECT id FROM customer WHERE {}", tests.join(" OR "))
    };
    assert_eq!(run(&mut filled(), &any_of(600)).unwrap().total, 4, "a long chain is not a deep one");
    for query in [
        any_of(1_000),
        format!("SELECT {}1 FROM dual", "1+".repeat(150)),
        format!("SELECT {}1{} FROM dual", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT '{}' FROM dual", "x".repeat(300_000)),
    ] {
        assert!(run(&mut filled(), &query).is_err(), "{:.40}", query);
    }
}

#[test]
fn oracle_refuses_by_number() {
    let long = |count: usize| {
        let ids: Vec<String> = (0..count).map(|id| id.to_string()).collect();
        format!("SELECT id FROM customer WHERE id IN ({})", ids.join(","))
    };
    assert_eq!(run(&mut filled(), &long(1_000)).unwrap().total, 5);
    for (query, code) in [
        (&*long(1_001), "ORA-01795"),
        ("SELECT 1 / 0 FROM dual", "ORA-01476"),
        ("SELECT id / (id - 1) FROM customer", "ORA-01476"),
        ("SELECT id FROM customer WHERE companyname = 5", "ORA-01722"),
        ("SELECT city, COUNT(*) FROM customer", "ORA-00979"),
        ("SELECT city, id FROM customer GROUP BY city", "ORA-00979"),
        ("SELECT city FROM customer GROUP BY city ORDER BY id", "ORA-00979"),
        ("SELECT UPPER(city) FROM customer GROUP BY LOWER(city)", "ORA-00979"),
        ("SELECT id FROM customer WHERE COUNT(*) > 1", "ORA-00934"),
        ("SELECT MAX(COUNT(*)) FROM customer", "ORA-00935"),
        ("SELECT id FROM customer, transaction", "ORA-00918"),
        ("SELECT id FROM customer UNION SELECT id, city FROM customer", "ORA-01789"),
        ("SELECT id FROM customer UNION SELECT city FROM customer", "ORA-01790"),
        ("SELECT DISTINCT city FROM customer ORDER BY id", "ORA-01791"),
        ("SELECT id FROM customer ORDER BY 2", "ORA-01785"),
        ("SELECT CASE WHEN id = 1 THEN 'a' ELSE 1 END FROM customer", "ORA-00932"),
        ("SELECT (SELECT id FROM customer) FROM dual", "ORA-01427"),
        (
            "SELECT id FROM customer WHERE id = (SELECT parent FROM customer WHERE parent IS NOT NULL)",
            "ORA-01427",
        ),
        ("SELECT id FROM customer WHERE id IN (SELECT id, city FROM customer)", "ORA-00913"),
        ("SELECT id FROM customer WHERE id", "ORA-00920"),
        ("SELECT LENGTH() FROM dual", "ORA-00938"),
        ("SELECT LENGTH('a', 'b') FROM dual", "ORA-00939"),
        ("SELECT TO_CHAR(SYSDATE, 'YYYY-XX') FROM dual", "ORA-01821"),
        ("SELECT TO_DATE('2026-13-01', 'YYYY-MM-DD') FROM dual", "ORA-01843"),
        ("SELECT TO_DATE('2026-02-30', 'YYYY-MM-DD') FROM dual", "ORA-01839"),
        ("SELECT TO_TIMESTAMP('2026-01-01 13:00:00', 'YYYY-MM-DD HH:MI:SS') FROM dual", "ORA-01849"),
        ("SELECT TO_DATE('2026-01-01 10:00', 'YYYY-MM-DD') FROM dual", "ORA-01830"),
        ("SELECT SYSDATE + SYSDATE FROM dual", "ORA-00975"),
        ("SELECT ROW_NUMBER() FROM customer", "ORA-30484"),
    ] {
        let words = refused(query);
        assert!(words.starts_with(&format!("Search error occurred: {code}")), "{query}: {words}");
    }
}
