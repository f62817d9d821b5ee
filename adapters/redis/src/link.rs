//! The connection: one, shared by all calls, replaced after any failure.
//!
//! Every call ends in its time, come what may. While the server is away, one call in a pause tries
//! to connect and the others fail at once: an outage of the buffer must not slow the callers down by a
//! timeout each.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError,
    ScriptInvocation, ServerErrorKind, TlsCertificates,
};
use shared::fault::Unavailable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The longest that a call takes, unless told otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(250);

/// After a failed connection the next is tried so much later, doubled with each further failure, at most
/// [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The longest that a look at how the server stands takes.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// How a certificate in PEM begins.
const PEM_BEGINS: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The address of a Redis server is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no address of a Redis server: {0}")]
pub struct BadAddress(String);

/// There is no speaking with the server, and waiting would not help: a host that nobody knows, a wrong password, a role
/// without the right, a certificate that we do not trust, no TLS where we ask for it, a server that is no Redis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// How the server stands, when it is not wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    There,
    /// It does not, and may at any time.
    Away(String),
}

pub(crate) struct Link {
    client: Client,
    /// Host and port, and whether it speaks TLS. `None`: a socket of this machine.
    host: Option<(String, u16, bool)>,
    call_timeout: Duration,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    open: Option<MultiplexedConnection>,
    /// Which connection `open` is: what failed may have been replaced by now.
    generation: u64,
    failures: u32,
    not_before: Option<Instant>,
}

impl Link {
    pub(crate) fn new(address: &str, authority: Option<Vec<u8>>) -> Result<Self, BadAddress> {
        // Its words name the part that is wrong, not the address, which may hold a password.
        let bad = |error: RedisError| BadAddress(error.to_string());
        let server = address.into_connection_info().map_err(bad)?;
        let host = match server.addr() {
            ConnectionAddr::Tcp(host, port) => Some((host.clone(), *port, false)),
            ConnectionAddr::TcpTls { host, port, .. } => Some((host.clone(), *port, true)),
            _ => None,
        };
        if matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
            // The client takes the process's own cryptography, and panics where none was chosen. Where one was,
            // that one stays.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let client = match authority {
            // The client would take what holds no certificate for no authority.
            Some(pem) if !pem.windows(PEM_BEGINS.len()).any(|part| part == PEM_BEGINS) => {
                return Err(BadAddress("its certificate authority is no certificate in PEM".into()));
            }
            Some(pem) => {
                Client::build_with_tls(server, TlsCertificates { client_tls: None, root_cert: Some(pem) })
            }
            None => Client::open(server),
        };
        Ok(Self { client: client.map_err(bad)?, host, call_timeout: CALL_TIMEOUT, slot: Mutex::default() })
    }

    pub(crate) fn with_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// Runs a script; loads it first where the server does not know it, as after a restart.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Unavailable> {
        let mut used = None;
        let asked = timeout(self.call_timeout, async {
            let (generation, mut connection) = self.connection().await?;
            used = Some(generation);
            script.invoke_async(&mut connection).await.map_err(|error| unavailable(error.to_string()))
        });
        let answer = asked.await.unwrap_or_else(|_| Err(unavailable("no answer in time")));
        if answer.is_err()
            && let Some(generation) = used
        {
            // It may be half open, or lead to a server that was demoted; a new one costs little.
            self.forget(generation);
        }
        answer
    }

    pub(crate) async fn check(&self) -> Result<Standing, Refused> {
        let asked = timeout(CHECK_WITHIN.max(self.call_timeout), self.ask()).await;
        asked.unwrap_or_else(|_| Ok(Standing::Away("no answer in time".into())))
    }

    async fn ask(&self) -> Result<Standing, Refused> {
        if let Some((host, port, _)) = &self.host {
            let found = lookup_host((host.as_str(), *port)).await.map(drop);
            found.map_err(|error| Refused(format!("its host cannot be resolved: {error}")))?;
        }
        let asked = async {
            let mut connection = self.connect().await?;
            redis::cmd("PING").exec_async(&mut connection).await
        };
        match asked.await {
            Ok(()) => Ok(Standing::There),
            Err(error) if self.is_another().await => {
                Err(Refused(format!("what answers there is no Redis: {error}")))
            }
            Err(error) if refuses(&error) => Err(Refused(format!("Redis refuses us: {error}"))),
            Err(error) => Ok(Standing::Away(error.to_string())),
        }
    }

    /// Whether something answers, and not as Redis does: its answers begin with `+` or `-`.
    async fn is_another(&self) -> bool {
        let Some((host, port, false)) = &self.host else { return false };
        let answer = async {
            let mut wire = TcpStream::connect((host.as_str(), *port)).await?;
            wire.write_all(b"PING\r\n").await?;
            wire.read_u8().await
        };
        answer.await.is_ok_and(|first| !matches!(first, b'+' | b'-'))
    }

    /// The connection that there is, or a new one. Callers that come while one connects wait for it.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Unavailable> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.open {
            return Ok((slot.generation, connection.clone()));
        }
        if slot.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(unavailable("was away a moment ago"));
        }
        // Shorter than a call, so that who connects learns how it ended.
        match timeout(self.call_timeout * 4 / 5, self.connect()).await {
            Ok(Ok(connection)) => {
                let generation = slot.generation + 1;
                *slot = Slot { open: Some(connection.clone()), generation, failures: 0, not_before: None };
                Ok((generation, connection))
            }
            failed => {
                slot.not_before = Some(Instant::now() + pause(slot.failures));
                slot.failures = slot.failures.saturating_add(1);
                Err(unavailable(match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "no connection in time".to_string(),
                }))
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // The timeouts are ours: the client's own leave a half-open connection in place.
        let no_timeouts =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        self.client.get_multiplexed_async_connection_with_config(&no_timeouts).await
    }

    /// Does not wait: who has the slot now connects, or has just taken the same connection and will fail as we
    /// did.
    fn forget(&self, generation: u64) {
        if let Ok(mut slot) = self.slot.try_lock()
            && slot.generation == generation
        {
            slot.open = None;
        }
    }
}

pub(crate) fn unavailable(why: impl Into<String>) -> Unavailable {
    Unavailable::new("buffer", why)
}

/// Until the next attempt, after so many failures in a row before this one.
fn pause(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSE_MAX)
}

/// Whether waiting would not help.
fn refuses(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => distrusts(error),
        ErrorKind::Server(said) => !matches!(
            said,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
        ),
        _ => true,
    }
}

/// Whether the server is none that we may speak to: a certificate that we do not trust, or no TLS. The client
/// keeps what the network said to itself, one level down.
fn distrusts(error: &RedisError) -> bool {
    let inner = error.source().and_then(|inner| inner.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let said = inner.and_then(|inner| inner.downcast_ref::<io::Error>());
    said.is_some_and(|said| said.kind() == io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let millis = |failures| pause(failures).as_millis();
        assert_eq!([0, 1, 2, 4].map(millis), [50, 100, 200, 800]);
        assert_eq!([5, 31, 32, u32::MAX].map(millis), [1_000; 4]);
    }
}
