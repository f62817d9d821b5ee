//! The buffer, emptied.

use std::time::Duration;

use redis::AsyncConnectionConfig;

/// Redis answers from memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Forgets everything that a world before this one has left in the address's database.
pub(crate) async fn empty(address: &str) -> Result<(), String> {
    tell(address, "FLUSHDB").await
}

/// Forgets everything, for everybody.
pub(crate) async fn flush_all(address: &str) -> Result<(), String> {
    tell(address, "FLUSHALL").await
}

async fn tell(address: &str, command: &str) -> Result<(), String> {
    let wrong = |error: redis::RedisError| format!("Redis: {error}");
    let client = redis::Client::open(address).map_err(wrong)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(wrong)?;
    redis::cmd(command).exec_async(&mut connection).await.map_err(wrong)
}
