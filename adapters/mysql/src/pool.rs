//! Connections: bounded in number and in time, and every one of them set up alike.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, MySqlPool};

/// A connection that has lain idle for longer than this is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Longest wait for the answer to that question.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// No connection is used for longer: after a failover, or behind a balancer, load finds its way back.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// An idle connection is closed after this.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// What every connection is told first.
///
/// READ COMMITTED: no gap locks between tenants. Strict: MySQL refuses what it would otherwise cut short.
/// Binary collation: two texts are equal when their bytes are.
const SET_UP: &str = "set session transaction_isolation = 'READ-COMMITTED', \
    sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY', \
    time_zone = '+00:00', ";

/// How to reach a database, and how much of it to use.
#[derive(Clone)]
pub struct PoolOptions {
    /// `mysql://user:password@host:port/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path`.
    pub url: String,
    /// Most connections at once.
    pub connections: u32,
    /// Longest wait for a free connection, a new one included.
    pub acquire: Duration,
    /// Longest time that the server spends on one `SELECT`.
    pub read: Duration,
    /// Longest wait for a row lock, in whole seconds.
    pub lock_wait: Duration,
}

impl PoolOptions {
    /// The usual bounds: 8 connections, 5 s for a connection, 10 s for a read, 5 s for a lock.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 8,
            acquire: Duration::from_secs(5),
            read: Duration::from_secs(10),
            lock_wait: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for PoolOptions {
    /// Without the address: it holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, connections, acquire, read, lock_wait } = self;
        let mut shown = f.debug_struct("PoolOptions");
        shown.field("connections", connections).field("acquire", acquire);
        shown.field("read", read).field("lock_wait", lock_wait).finish_non_exhaustive()
    }
}

/// An address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("not an address of a MySQL database (mysql://user:password@host:port/database): {0}")]
pub struct BadAddress(String);

/// A pool that connects when it is first used, and again whenever a connection is lost: the database may be
/// away at the start. Must be called within a tokio runtime.
///
/// There is no TCP keepalive to set here, so the death of a connection shows in other ways: an answer that
/// does not come in time ([`crate::fault::retrying`]), a ping after a rest, a ping before the connection goes
/// back to the pool.
pub fn connect(options: &PoolOptions) -> Result<MySqlPool, BadAddress> {
    // Whatever is before the colon is taken for a scheme, and what is missing for localhost.
    if !options.url.starts_with("mysql://") && !options.url.starts_with("mariadb://") {
        return Err(BadAddress("it begins otherwise".into()));
    }
    let address = MySqlConnectOptions::from_str(&options.url).map_err(|e| BadAddress(e.to_string()))?;
    let address = address.pipes_as_concat(false).no_engine_substitution(false).timezone(None);
    let address = address.set_names(false).disable_statement_logging();
    let set_up = format!(
        "{SET_UP}innodb_lock_wait_timeout = {}, max_execution_time = {}, names utf8mb4 collate utf8mb4_bin",
        options.lock_wait.as_secs().max(1),
        options.read.as_millis().max(1),
    );
    Ok(MySqlPoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.acquire)
        .max_lifetime(LIFETIME)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let set_up = set_up.clone();
            Box::pin(async move {
                connection.execute(sqlx::AssertSqlSafe(set_up)).await?;
                Ok(())
            })
        })
        .before_acquire(|connection, met| {
            let is_trusted = met.idle_for < TRUSTED_FOR && !is_doubted(met.age);
            Box::pin(async move { if is_trusted { Ok(true) } else { is_of_use(connection, met.age).await } })
        })
        // The pool pings what comes back, but without end; a half-open connection would hold its place.
        .after_release(|connection, met| Box::pin(is_of_use(connection, met.age)))
        .connect_lazy_with(address))
}

/// When a server last said that it may only be read. One moment for all pools: whose server that was is not known there.
static DOUBTED: Mutex<Option<Instant>> = Mutex::new(None);

/// Connections that were open then are asked for so long, whenever they go to the pool or come from it.
const DOUBTED_FOR: Duration = Duration::from_secs(60);

/// A server said that it may only be read, as a primary does that was demoted. It lives and answers pings, so that
/// nothing else would take us to the one that is the primary now, at the same address.
pub(crate) fn doubt() {
    #[expect(clippy::disallowed_methods, reason = "connections age by the machine's own clock")]
    let now = Instant::now();
    *DOUBTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
}

/// Whether a connection of this age was open when a server said so, not long ago.
fn is_doubted(age: Duration) -> bool {
    let since = *DOUBTED.lock().unwrap_or_else(PoisonError::into_inner);
    since.map(|since| since.elapsed()).is_some_and(|since| since < DOUBTED_FOR && age >= since)
}

/// Whether a connection of this age may be used again; an error when it is dead.
async fn is_of_use(connection: &mut MySqlConnection, age: Duration) -> Result<bool, sqlx::Error> {
    if !is_doubted(age) {
        return ping(connection).await;
    }
    let asked = sqlx::query_scalar::<_, bool>("select not (@@global.read_only or @@global.innodb_read_only)");
    match tokio::time::timeout(PING_WITHIN, asked.fetch_one(connection)).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// `Ok(true)`, or an error when the connection is no use any more.
async fn ping(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(PING_WITHIN, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bad_address_is_told_and_a_password_is_not() {
        for bad in ["", "127.0.0.1:3306", "mysql://h:port/x"] {
            assert!(connect(&PoolOptions::new(bad)).is_err(), "{bad:?}");
        }
        assert!(!format!("{:?}", PoolOptions::new("mysql://u:hush@h/d")).contains("hush"));
    }
}
