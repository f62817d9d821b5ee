//! What MySQL's errors mean, by number, and what is tried again.

use std::time::Duration;

use shared::fault::Unavailable;
use sqlx::mysql::MySqlDatabaseError;

use crate::pool;

/// How often work is begun, the first time included.
const ATTEMPTS: u32 = 5;

/// Longest wait for one attempt; longer than any bound that the server keeps by itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What an error means for whoever met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A row with this unique key is there already (1062).
    Duplicate,
    /// Two transactions waited for each other, and this one was rolled back (1213).
    Deadlock,
    /// A lock did not become free in time (1205). Only the statement was rolled back.
    LockWait,
    /// The server refuses these values, and will always: too long, out of range, null, a constraint, a
    /// trigger. The number says which; 0: they could not even be sent.
    Refused(u16),
    /// This account may not do this.
    Denied(u16),
    /// Another error of the server's.
    Server(u16),
    /// No connection, or none any more, or no answer in time: whether the work was done is unknown. A server that was
    /// made read-only is no connection either: the one to write to is elsewhere by now.
    Lost,
}

/// The server, the session or the storage engine may only be read, as where a primary was until now.
const READ_ONLY: [u16; 3] = [1290, 1792, 1836];

/// What `error` means.
pub fn cause(error: &sqlx::Error) -> Cause {
    if matches!(error, sqlx::Error::Encode(_)) {
        return Cause::Refused(0);
    }
    let Some(number) = number(error) else { return Cause::Lost };
    match number {
        1062 => Cause::Duplicate,
        1213 => Cause::Deadlock,
        1205 => Cause::LockWait,
        // Null, out of range, wrong value, too long, wrong character, invalid JSON, foreign keys, check, signalled
        // by a trigger, larger than max_allowed_packet.
        1048 | 1264 | 1265 | 1292 | 1300 | 1364 | 1366 | 1406 | 1690 | 3854 | 3988 | 3140 | 3141 | 3156
        | 1216 | 1217 | 1451 | 1452 | 3819 | 1644 | 1153 => Cause::Refused(number),
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => Cause::Denied(number),
        // Shutdown in progress, killed, disconnected for being idle.
        1053 | 1077 | 1317 | 3169 | 4031 => Cause::Lost,
        number if READ_ONLY.contains(&number) => Cause::Lost,
        _ => Cause::Server(number),
    }
}

/// Whether the server, or this connection to it, takes no writes (any more).
fn is_read_only(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| READ_ONLY.contains(&number))
}

/// MySQL's number of the error, when it is one of the server's.
pub fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// The error as the ports tell it: `what` could not be used.
pub fn unavailable(what: &'static str) -> impl Fn(sqlx::Error) -> Unavailable + Copy {
    move |error| Unavailable::new(what, error.to_string())
}

/// Does `work`, and does it again when it lost a deadlock or a wait for a lock. `work` is a whole transaction,
/// begun anew each time: it may run more than once, though only once to its end.
///
/// `dice` spreads those who collide: any number that differs between them.
///
/// # Errors
///
/// The last error of `work`; one of [`Cause::Lost`] when no answer came in time.
pub async fn retrying<T, W>(dice: u64, mut work: impl FnMut() -> W) -> Result<T, sqlx::Error>
where
    W: Future<Output = Result<T, sqlx::Error>>,
{
    let mut attempt = 1;
    loop {
        let error = match within(ANSWER_WITHIN, work()).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if is_read_only(&error) {
            pool::doubt();
        }
        let again = matches!(cause(&error), Cause::Deadlock | Cause::LockWait);
        if !again || attempt == ATTEMPTS {
            return Err(error);
        }
        tracing::debug!(%error, attempt, "begun again");
        rest(pause(attempt, dice)).await;
        attempt += 1;
    }
}

/// `work`, or an error of [`Cause::Lost`] when it takes longer than `limit`. What was under way on the
/// connection is rolled back when the connection goes back to the pool.
pub async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(answer) => answer,
        Err(_) => {
            Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time")))
        }
    }
}

/// 2 to 4 ms, doubled with each attempt.
fn pause(attempt: u32, dice: u64) -> Duration {
    // The same dice must not keep two apart by the same amount for ever.
    let spread = dice.rotate_left(attempt * 11) % 2_000;
    Duration::from_micros((2_000 + spread) << attempt.min(8).saturating_sub(1))
}

#[expect(clippy::disallowed_methods, reason = "a real database runs on the machine's own clock")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_short() {
        for dice in [0, 7, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            let pauses: Vec<Duration> = (1..ATTEMPTS).map(|attempt| pause(attempt, dice)).collect();
            assert!(pauses.is_sorted(), "{pauses:?}");
            assert!(pauses[0] >= Duration::from_millis(2) && pauses[3] < Duration::from_millis(32));
        }
        assert_ne!(pause(1, 1), pause(1, 2));
    }

    #[test]
    fn what_is_not_the_servers_error_is_a_lost_connection() {
        assert_eq!(cause(&sqlx::Error::PoolTimedOut), Cause::Lost);
        assert_eq!(cause(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Cause::Lost);
    }
}
