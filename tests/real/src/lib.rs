//! Tests against real MySQL, Redis, Pub/Sub and Cloud Storage: where they are, and a fresh database each.

pub mod database;
pub mod redis;

use shared::runtime::env::Env;

pub use database::Database;
pub use redis::RedisDatabase;

/// The address of the MySQL server of the tests, with an account that may create databases and users.
///
/// # Panics
///
/// When there is none.
pub fn mysql() -> String {
    address("SYNC_TEST_MYSQL")
}

/// The address of the Redis server of the tests; they use all its databases.
///
/// # Panics
///
/// When there is none.
pub fn redis_address() -> String {
    address("SYNC_TEST_REDIS")
}

/// The value of an environment variable that names a service.
///
/// # Panics
///
/// When it is not set: a test that cannot run has not passed.
pub fn address(variable: &str) -> String {
    match Env::of_process().get(variable) {
        Some(address) => address.to_string(),
        None => panic!("set {variable} (scripts/services up prints it), or run scripts/test"),
    }
}

/// Runs `work` in the background of the test's runtime.
#[expect(clippy::disallowed_methods, reason = "a test has no App whose Tasks it could use")]
pub fn run(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}
