//! Each migration once, in order, whoever runs it and whenever he dies.

use mysql::migrate::{MigrateError, Schema, check, level, migrate};
use mysql::pool;
use real_tests::database::{administrator, options};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, MySqlPool};

/// A database with nothing in it, dropped by whoever drops this with [`Empty::drop_it`].
struct Empty {
    pool: MySqlPool,
    name: String,
    administrator: MySqlConnection,
}

impl Empty {
    async fn new(test: &str) -> Self {
        let name = format!("sync_test_empty_{test}");
        let mut administrator = administrator().await;
        for statement in [format!("drop database if exists {name}"), format!("create database {name}")] {
            administrator.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let pool = pool::connect(&options(&name)).unwrap();
        Self { pool, name, administrator }
    }

    async fn run(&self, statement: &'static str) {
        self.pool.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    async fn drop_it(mut self) {
        self.pool.close().await;
        let statement = format!("drop database {}", self.name);
        self.administrator.execute(AssertSqlSafe(statement)).await.unwrap();
        self.administrator.close().await.unwrap();
    }
}

#[tokio::test]
async fn every_schema_is_made_from_nothing_and_then_left_alone() {
    for schema in Schema::ALL {
        let database = Empty::new(&format!("all_{schema}")).await;
        let known = schema.migrations().len();
        assert_eq!(level(&database.pool, schema).await.unwrap(), 0);
        assert!(matches!(check(&database.pool, schema).await, Err(MigrateError::Behind { level: 0, .. })));
        let report = migrate(&database.pool, schema).await.unwrap();
        assert_eq!((report.level, report.applied.len()), (known, known));
        check(&database.pool, schema).await.unwrap();
        let again = migrate(&database.pool, schema).await.unwrap();
        assert_eq!((again.level, again.applied.len()), (known, 0));
        database.drop_it().await;
    }
}

#[tokio::test]
async fn two_at_once_take_turns() {
    let database = Empty::new("turns").await;
    let other = pool::connect(&options(&database.name)).unwrap();
    let (one, two) =
        tokio::join!(migrate(&database.pool, Schema::EventStore), migrate(&other, Schema::EventStore));
    let mut applied = [one.unwrap().applied.len(), two.unwrap().applied.len()];
    applied.sort();
    assert_eq!(applied, [0, Schema::EventStore.migrations().len()]);
    other.close().await;
    database.drop_it().await;
}

#[tokio::test]
async fn a_changed_file_a_later_program_and_a_hole_are_refused() {
    let database = Empty::new("refused").await;
    migrate(&database.pool, Schema::EventStore).await.unwrap();
    database.run("insert into schema_migration values ('9999_later', repeat('x', 32), now(6))").await;
    for refused in [
        level(&database.pool, Schema::EventStore).await.map(drop),
        migrate(&database.pool, Schema::EventStore).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, MigrateError::Ahead { name, .. } if name == "9999_later"), "{refused}");
    }
    database.run("delete from schema_migration where name = '9999_later'").await;
    database
        .run("update schema_migration set checksum = repeat('x', 32) where name = '0001_event_store'")
        .await;
    let refused = check(&database.pool, Schema::EventStore).await.unwrap_err();
    assert!(refused.to_string().contains("0001_event_store is not what was applied"), "{refused}");
    database.run("delete from schema_migration where name = '0001_event_store'").await;
    assert!(check(&database.pool, Schema::EventStore).await.is_err(), "a hole");
    database.drop_it().await;
}

#[tokio::test]
async fn who_died_before_or_after_a_statement_is_followed_by_somebody_who_finishes() {
    let database = Empty::new("died").await;
    migrate(&database.pool, Schema::EventStore).await.unwrap();
    // After the statement, before it was noted as done.
    database.run("update schema_migration set applied_at = null where name like '0003%'").await;
    let known = Schema::EventStore.migrations().len();
    assert_eq!(level(&database.pool, Schema::EventStore).await.unwrap(), 2);
    assert_eq!(migrate(&database.pool, Schema::EventStore).await.unwrap().applied.len(), 1);
    // Before it.
    database.run("drop trigger event_store_no_delete").await;
    database.run("update schema_migration set applied_at = null where name like '0003%'").await;
    migrate(&database.pool, Schema::EventStore).await.unwrap();
    let there = "select count(*) from information_schema.triggers where trigger_schema = database()";
    let triggers: i64 = sqlx::query_scalar(there).fetch_one(&database.pool).await.unwrap();
    assert_eq!((level(&database.pool, Schema::EventStore).await.unwrap(), triggers), (known, 2));
    database.drop_it().await;
}

#[tokio::test]
async fn a_statement_that_fails_otherwise_is_told_and_stays_to_be_done() {
    let database = Empty::new("fails").await;
    database.run("create table event_store (id int primary key)").await;
    let refused = migrate(&database.pool, Schema::EventStore).await.unwrap_err();
    assert!(refused.to_string().contains("0001_event_store: "), "{refused}");
    assert_eq!(level(&database.pool, Schema::EventStore).await.unwrap(), 0);
    database.drop_it().await;
}
