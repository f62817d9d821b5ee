//! Brings a database to the level that this program knows: the files of `migrations/`, in order, each once.
//!
//! MySQL commits every DDL statement by itself, so a file holds one statement, and a file that was begun is
//! noted before it runs. Who dies in between is followed by somebody who runs the statement again and finds
//! that it had happened.

mod event_store;
mod sync_state;
mod tenant;

use std::fmt;

use sha2::{Digest, Sha256};
use shared::domain::id::AccountId;
use sqlx::{Connection, MySqlConnection, MySqlPool, Row};

use crate::fault;

/// Longest wait for somebody else who migrates the same database, in seconds.
const TURN_WITHIN_S: i64 = 60;

/// A kind of database, with migrations of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// The ledger, on an instance of its own.
    EventStore,
    /// Everything else that is ours.
    SyncState,
    /// What we add to a SuiteX tenant's database.
    Tenant,
}

impl Schema {
    /// All of them.
    pub const ALL: [Schema; 3] = [Schema::EventStore, Schema::SyncState, Schema::Tenant];

    /// The folder's name below `migrations/`, and the database's in most places.
    pub fn as_str(self) -> &'static str {
        match self {
            Schema::EventStore => "event_store",
            Schema::SyncState => "sync_state",
            Schema::Tenant => "tenant",
        }
    }

    /// Its migrations, in order.
    pub fn migrations(self) -> &'static [Migration] {
        match self {
            Schema::EventStore => event_store::MIGRATIONS,
            Schema::SyncState => sync_state::MIGRATIONS,
            Schema::Tenant => tenant::MIGRATIONS,
        }
    }

    /// What makes the tables in which `migrate` notes what it has done.
    fn books(self) -> &'static [&'static str] {
        match self {
            Schema::EventStore | Schema::SyncState => &[BOOK],
            Schema::Tenant => &[BOOK, SURFACE],
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file of `migrations/`: one statement.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The file's name without its end: a number of four digits, `_`, words.
    pub name: &'static str,
    /// The statement.
    pub sql: &'static str,
}

impl Migration {
    /// What tells the statement from another.
    fn checksum(&self) -> Vec<u8> {
        Sha256::digest(self.sql).to_vec()
    }
}

/// Lists the files of a folder below `migrations/`.
macro_rules! migrations {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$($crate::migrate::Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/", $folder, "/", $name, ".sql")),
        }),*]
    };
}
use migrations;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The database's level now: the number of migrations applied.
    pub level: usize,
    /// The migrations applied just now.
    pub applied: Vec<&'static str>,
}

/// Why a database cannot be used, or not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// It is no MySQL 8.
    #[error("{schema} needs MySQL 8.0 or later, and this is {version}")]
    Version {
        /// Which database.
        schema: Schema,
        /// What the server says it is.
        version: String,
    },
    /// Migrations are missing.
    #[error("{schema} is at level {level} of {known}: run `suitex-sync migrate`")]
    Behind {
        /// Which database.
        schema: Schema,
        /// Migrations applied.
        level: usize,
        /// Migrations known.
        known: usize,
    },
    /// A later program has been here.
    #[error("{schema} has migration {name}, which this program does not know: deploy the later program")]
    Ahead {
        /// Which database.
        schema: Schema,
        /// The first unknown migration.
        name: String,
    },
    /// A file was changed after it was applied.
    #[error("{schema}: {name} is not what was applied: restore the file, and make the change in a new one")]
    Changed {
        /// Which database.
        schema: Schema,
        /// The file.
        name: &'static str,
    },
    /// Somebody else migrates it.
    #[error("{schema} is being migrated by somebody else")]
    Busy {
        /// Which database.
        schema: Schema,
    },
    /// Nothing tells of edits there.
    #[error("no table of {account}'s tells its edits yet: run `suitex-sync migrate` with this SYNC_CONFIG")]
    NoTriggers {
        /// Whose database it is.
        account: AccountId,
    },
    /// What tells of edits there was made from another configuration, or by another program.
    #[error(
        "the triggers of {account} are of another SYNC_CONFIG, or of another program (made {made_at}): \
         run `suitex-sync migrate` with this one"
    )]
    OtherTriggers {
        /// Whose database it is.
        account: AccountId,
        /// When they were made.
        made_at: String,
    },
    /// A statement failed.
    #[error("{schema}: {name}: {error}")]
    Failed {
        /// Which database.
        schema: Schema,
        /// The file.
        name: &'static str,
        /// MySQL's words.
        #[source]
        error: sqlx::Error,
    },
    /// MySQL could not be asked.
    #[error("{schema}: {error}")]
    Database {
        /// Which database.
        schema: Schema,
        /// MySQL's words.
        #[source]
        error: sqlx::Error,
    },
}

/// A row of `schema_migration`.
struct Applied {
    name: String,
    checksum: Vec<u8>,
    finished: bool,
}

/// Applies what is missing. Two at once take turns.
pub async fn migrate(pool: &MySqlPool, schema: Schema) -> Result<Report, MigrateError> {
    let failed = |error| MigrateError::Database { schema, error };
    let mut connection = turn(pool, schema).await?;
    let done = apply(&mut connection, schema).await;
    // The lock ends with the connection, whatever has happened on it.
    connection.close().await.map_err(failed)?;
    done
}

/// A connection that holds the lock of whoever changes this database's schema.
pub(crate) async fn turn(pool: &MySqlPool, schema: Schema) -> Result<MySqlConnection, MigrateError> {
    let failed = |error| MigrateError::Database { schema, error };
    // Not back to the pool: it holds the lock, and may hold others.
    let mut connection = pool.acquire().await.map_err(failed)?.detach();
    served_by_mysql_8(&mut connection, schema).await?;
    // A lock's name has room for 64 characters: a database's own name may be too long for it.
    let turn = "select get_lock(concat('suitex-sync.migrate.', left(sha2(database(), 256), 40)), ?)";
    let turn = sqlx::query_scalar::<_, Option<i64>>(turn).bind(TURN_WITHIN_S);
    if turn.fetch_one(&mut connection).await.map_err(failed)? != Some(1) {
        return Err(MigrateError::Busy { schema });
    }
    Ok(connection)
}

async fn apply(connection: &mut MySqlConnection, schema: Schema) -> Result<Report, MigrateError> {
    let failed = |error| MigrateError::Database { schema, error };
    for book in schema.books() {
        sqlx::raw_sql(*book).execute(&mut *connection).await.map_err(failed)?;
    }
    // A table that is in use for long is not altered: everybody would queue behind us.
    sqlx::raw_sql("set session lock_wait_timeout = 30").execute(&mut *connection).await.map_err(failed)?;
    let applied = applied(connection, schema).await?;
    compare(schema, &applied)?;
    let mut report = Report { level: schema.migrations().len(), applied: Vec::new() };
    for (at, migration) in schema.migrations().iter().enumerate() {
        let begun = applied.get(at).map(|row| row.finished);
        if begun == Some(true) {
            continue;
        }
        run(connection, schema, migration, begun.is_some()).await?;
        report.applied.push(migration.name);
    }
    Ok(report)
}

async fn run(
    connection: &mut MySqlConnection,
    schema: Schema,
    migration: &'static Migration,
    begun: bool,
) -> Result<(), MigrateError> {
    let failed = |error| MigrateError::Failed { schema, name: migration.name, error };
    if !begun {
        let row = sqlx::query("insert into schema_migration (name, checksum) values (?, ?)");
        row.bind(migration.name)
            .bind(migration.checksum())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    if let Err(error) = sqlx::raw_sql(migration.sql).execute(&mut *connection).await
        && !(begun && happened(&error))
    {
        return Err(failed(error));
    }
    let row = sqlx::query("update schema_migration set applied_at = utc_timestamp(6) where name = ?");
    row.bind(migration.name).execute(&mut *connection).await.map_err(failed)?;
    Ok(())
}

/// Whether a statement failed because it had been run: table, view, column, key, trigger or constraint is
/// there, or gone.
fn happened(error: &sqlx::Error) -> bool {
    matches!(fault::number(error), Some(1050 | 1051 | 1060 | 1061 | 1091 | 1304 | 1359 | 1826 | 3822 | 4092))
}

const BOOK: &str = "create table if not exists schema_migration (
  name varchar(100) character set ascii collate ascii_bin not null,
  checksum binary(32) not null,
  applied_at datetime(6) null comment 'null: begun, and perhaps not finished',
  primary key (name)
) comment 'Migrations of this database. Written by migrate, read by every function at its start; a row each.'";

const SURFACE: &str = "create table if not exists sync_surface (
  id tinyint unsigned not null comment 'always 1',
  checksum binary(32) not null comment 'of the triggers; zeros while they are exchanged',
  made_at datetime(6) not null comment 'UTC',
  primary key (id)
) comment 'Which triggers this database has. Written by migrate, read by outbox and sx-writer at their start; one row.'";

/// How far the database has come: the number of migrations applied, all of which this program knows.
pub async fn level(pool: &MySqlPool, schema: Schema) -> Result<usize, MigrateError> {
    let failed = |error| MigrateError::Database { schema, error };
    let mut connection = pool.acquire().await.map_err(failed)?;
    served_by_mysql_8(&mut connection, schema).await?;
    let applied = match applied(&mut connection, schema).await {
        // There is no such table: nobody has ever migrated it.
        Err(MigrateError::Database { error, .. }) if fault::number(&error) == Some(1146) => Vec::new(),
        other => other?,
    };
    compare(schema, &applied)?;
    Ok(applied.iter().take_while(|row| row.finished).count())
}

/// `Ok` when the database is where this program needs it; for a function's start.
pub async fn check(pool: &MySqlPool, schema: Schema) -> Result<(), MigrateError> {
    let (level, known) = (level(pool, schema).await?, schema.migrations().len());
    if level < known { Err(MigrateError::Behind { schema, level, known }) } else { Ok(()) }
}

async fn served_by_mysql_8(connection: &mut MySqlConnection, schema: Schema) -> Result<(), MigrateError> {
    let version: String = sqlx::query_scalar("select version()")
        .fetch_one(connection)
        .await
        .map_err(|error| MigrateError::Database { schema, error })?;
    let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < 8 || version.to_lowercase().contains("mariadb") {
        return Err(MigrateError::Version { schema, version });
    }
    Ok(())
}

async fn applied(connection: &mut MySqlConnection, schema: Schema) -> Result<Vec<Applied>, MigrateError> {
    let read =
        "select name, checksum, applied_at is not null as finished from schema_migration order by name";
    let rows = sqlx::query(read).fetch_all(connection).await;
    let rows = rows.map_err(|error| MigrateError::Database { schema, error })?;
    let row = |row: &sqlx::mysql::MySqlRow| {
        Ok(Applied {
            name: row.try_get("name")?,
            checksum: row.try_get("checksum")?,
            finished: row.try_get("finished")?,
        })
    };
    rows.iter().map(row).collect::<Result<_, _>>().map_err(|error| MigrateError::Database { schema, error })
}

/// What was applied must be a beginning of what is known, unchanged.
fn compare(schema: Schema, applied: &[Applied]) -> Result<(), MigrateError> {
    let known = schema.migrations();
    for (at, row) in applied.iter().enumerate() {
        match known.get(at) {
            Some(migration) if migration.name == row.name => {
                if migration.checksum() != row.checksum {
                    return Err(MigrateError::Changed { schema, name: migration.name });
                }
            }
            _ => return Err(MigrateError::Ahead { schema, name: row.name.clone() }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
