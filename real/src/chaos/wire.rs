//! A wire between the functions and a server that can be cut, or go silent: a TCP proxy.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use shared::runtime::tasks::{Spawn, TokioSpawn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes carried at once.
const CHUNK: usize = 16 * 1024;

/// What has been done to the wire. Connections are numbered as they come.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    accepted: u64,
    /// Connections below this number are closed.
    cut_below: u64,
    /// Connections below this number stay, and carry nothing any more.
    dead_below: u64,
    /// New connections are taken, and carry nothing, now or ever.
    is_silent: bool,
}

/// A proxy on a port of its own. It ends when it is dropped.
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Wire {
    /// Before `server`, `host:port`.
    pub(crate) async fn before(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::<watch::Sender<State>>::default();
        TokioSpawn.spawn(Box::pin(accept(listener, server.to_string(), Arc::downgrade(&state))));
        Ok(Self { address, state })
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cut_below = state.accepted);
    }

    /// Half open: connections stay and carry nothing any more, and so do new ones.
    pub(crate) fn silence(&self) {
        self.state.send_modify(|state| (state.is_silent, state.dead_below) = (true, state.accepted));
    }

    /// Carries new connections again. The old ones stay dead without a word, as after a failover.
    pub(crate) fn heal(&self) {
        self.state.send_modify(|state| (state.is_silent, state.dead_below) = (false, state.accepted));
    }
}

async fn accept(listener: TcpListener, server: String, state: std::sync::Weak<watch::Sender<State>>) {
    loop {
        let accepted = listener.accept().await;
        let Some(state) = state.upgrade() else { return };
        let Ok((client, _)) = accepted else { continue };
        let number = state.borrow().accepted;
        state.send_modify(|state| state.accepted += 1);
        let (changes, server) = (state.subscribe(), server.clone());
        TokioSpawn.spawn(Box::pin(async move {
            // Nobody there: the client's connection is closed.
            let Ok(server) = TcpStream::connect(server).await else { return };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            // An end that closes, and a cut, close both ways.
            tokio::select! {
                () = carry(from_client, to_server, number, changes.clone()) => {}
                () = carry(from_server, to_client, number, changes) => {}
            }
        }));
    }
}

/// Carries bytes one way, until an end closes or the wire is cut.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    mut changes: watch::Receiver<State>,
) {
    let (mut bytes, mut is_dead) = (vec![0; CHUNK], false);
    loop {
        let state = *changes.borrow_and_update();
        if number < state.cut_below {
            return;
        }
        // Once dead, dead for ever.
        is_dead |= state.is_silent || number < state.dead_below;
        tokio::select! {
            biased;
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            read = from.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) if is_dead => {}
                Ok(read) => {
                    if to.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn echo() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        TokioSpawn.spawn(Box::pin(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                TokioSpawn.spawn(Box::pin(async move {
                    let (mut from, mut to) = client.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                }));
            }
        }));
        address
    }

    /// What comes back for a byte: it, the end of the connection, or nothing in time.
    async fn answer(client: &mut TcpStream) -> Option<usize> {
        let _ = client.write_all(b"x").await;
        let read = timeout(Duration::from_millis(300), client.read(&mut [0; 8])).await;
        read.ok().map(|read| read.unwrap_or(0))
    }

    #[tokio::test]
    async fn a_wire_carries_until_it_is_cut_or_silent() {
        let wire = Wire::before(&echo().await).await.unwrap();
        let connect = || TcpStream::connect(wire.address());
        let mut first = connect().await.unwrap();
        assert_eq!(answer(&mut first).await, Some(1));
        wire.cut();
        assert_eq!(answer(&mut first).await, Some(0), "closed");

        let mut second = connect().await.unwrap();
        assert_eq!(answer(&mut second).await, Some(1));
        wire.silence();
        let mut third = connect().await.unwrap();
        assert_eq!((answer(&mut second).await, answer(&mut third).await), (None, None), "half open");
        wire.heal();
        assert_eq!((answer(&mut second).await, answer(&mut third).await), (None, None), "dead for ever");
        assert_eq!(answer(&mut connect().await.unwrap()).await, Some(1));
    }
}
