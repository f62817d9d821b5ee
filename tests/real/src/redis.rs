//! A Redis database for a test alone, of the sixteen that the server has.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Connection;

/// Which of the server's databases are in use is kept in its first. A test that dies leaves its mark for so
/// long, seconds.
const CLAIM_SECS: usize = 120;

/// An empty database, this test's alone until it is dropped.
pub struct RedisDatabase {
    number: usize,
    /// Into the database.
    inside: Mutex<Connection>,
    /// Into the first.
    claims: Connection,
}

impl RedisDatabase {
    /// A database that nobody else uses.
    ///
    /// # Panics
    ///
    /// When the server is not there, or no database becomes free.
    pub fn fresh() -> Self {
        let mut claims = connect(0);
        let number = claim(&mut claims);
        let database = Self { number, inside: Mutex::new(connect(number)), claims };
        database.lose();
        database
    }

    /// Its address.
    pub fn address(&self) -> String {
        address_of(self.number)
    }

    /// Loses everything in it, as FLUSHALL does.
    pub fn lose(&self) {
        redis::cmd("FLUSHDB").exec(&mut *self.inside()).expect("FLUSHDB");
    }

    /// Every key, and how long it has yet to live, ms; -1 for ever.
    pub fn keys(&self) -> Vec<(String, i64)> {
        let mut inside = self.inside();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut *inside).expect("KEYS");
        let ttl = |key: String| {
            let ttl = redis::cmd("PTTL").arg(&key).query(&mut *inside).expect("PTTL");
            (key, ttl)
        };
        // What expired since the first look is no key any more: -2.
        keys.into_iter().map(ttl).filter(|(_, ttl)| *ttl != -2).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Connection> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RedisDatabase {
    fn drop(&mut self) {
        // Whoever comes next empties it; a mark that stays runs out.
        let _ = redis::cmd("DEL").arg(mark(self.number)).exec(&mut self.claims);
    }
}

fn mark(number: usize) -> String {
    format!("sync-test:database:{number}")
}

fn claim(claims: &mut Connection) -> usize {
    // Half a minute: other tests end.
    for _ in 0..600 {
        for number in 1..16 {
            let mut set = redis::cmd("SET");
            set.arg(mark(number)).arg(std::process::id()).arg("NX").arg("EX").arg(CLAIM_SECS);
            if set.query::<Option<String>>(claims).expect("SET").is_some() {
                return number;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("all databases of SYNC_TEST_REDIS are in use by other tests");
}

fn connect(number: usize) -> Connection {
    let client = redis::Client::open(address_of(number)).expect("an address in SYNC_TEST_REDIS");
    let connection = client.get_connection_with_timeout(Duration::from_secs(5));
    let connection = connection.expect("the Redis server of SYNC_TEST_REDIS");
    connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    connection
}

fn address_of(number: usize) -> String {
    let server = crate::redis_address();
    let host_at = server.find("://").map_or(0, |at| at + 3);
    let path_at = server[host_at..].find('/').map_or(server.len(), |at| host_at + at);
    format!("{}/{number}", &server[..path_at])
}
