//! No statement reads more than it gives.

use mysql::ledger::{MysqlLedger, STATEMENTS, Statement};
use shared::ledger::Ledger;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Row};

use crate::{entry, ledger};

async fn fill(ledger: &MysqlLedger) {
    for account in ["acme", "globex", "initech"] {
        for from in (0..2_000).step_by(500) {
            ledger.append((from..from + 500).map(|n| entry(account, n)).collect()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_statement_goes_by_a_key() {
    let (database, ledger) = ledger().await;
    fill(&ledger).await;
    sqlx::raw_sql("analyze table event_store").execute(&database.pool).await.unwrap();
    for Statement { sql, values, key } in STATEMENTS {
        let mut explained = format!("explain format=traditional {sql}");
        for value in *values {
            explained = explained.replacen('?', value, 1);
        }
        assert!(!explained.contains('?'), "a value for each parameter: {explained}");
        let plan = sqlx::raw_sql(AssertSqlSafe(explained)).fetch_all(&database.pool).await.unwrap();
        // What stands for no table of ours: the list of what is asked for, and a result that is looked at again.
        let is_table = |row: &&MySqlRow| {
            row.get::<Option<&str>, _>("table")
                .is_some_and(|table| table != "asked" && !table.starts_with('<'))
        };
        let tables: Vec<&MySqlRow> = plan.iter().filter(is_table).collect();
        assert!(!tables.is_empty(), "{sql}");
        for row in tables {
            let (kind, by): (Option<&str>, Option<&str>) = (row.get("type"), row.get("key"));
            assert!(matches!(kind, Some("const" | "eq_ref" | "ref" | "range")), "{sql}: {kind:?}");
            assert_eq!(by, Some(*key), "{sql}");
        }
    }
}
