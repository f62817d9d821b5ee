//! A wire between client and server that can be cut, or go silent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How often a wire looks whether it is cut.
const GLANCE: Duration = Duration::from_millis(10);

/// A TCP proxy on 127.0.0.1.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// New connections are taken, and nothing is ever forwarded.
    silent: AtomicBool,
    /// Connections accepted before the last fault: that many never carry another byte.
    dead: AtomicUsize,
    /// Connections before this one are closed.
    closed: AtomicUsize,
    accepted: AtomicUsize,
    stopped: AtomicBool,
}

impl Proxy {
    /// In front of `server`, `host:port`.
    pub(crate) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its port").port();
        let shared = Arc::new(Shared::default());
        let (seen, server) = (Arc::clone(&shared), server.to_string());
        std::thread::spawn(move || accept(&listener, &server, &seen));
        Self { port, shared }
    }

    /// Where it listens, `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Half-open: connections stay, and carry nothing any more; new ones are taken and carry nothing.
    pub(crate) fn go_silent(&self) {
        self.shared.silent.store(true, Ordering::SeqCst);
        self.shared.dead.store(self.accepted(), Ordering::SeqCst);
    }

    /// Carries new connections again. The old ones are lost without a word, as after a failover.
    pub(crate) fn heal(&self) {
        self.shared.dead.store(self.accepted(), Ordering::SeqCst);
        self.shared.silent.store(false, Ordering::SeqCst);
    }

    /// Closes every connection.
    pub(crate) fn cut(&self) {
        self.shared.closed.store(self.accepted(), Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, so that its thread ends.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, server: &str, shared: &Arc<Shared>) {
    for client in listener.incoming().map_while(Result::ok) {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let Ok(upstream) = TcpStream::connect(server) else { continue };
        for (from, to) in [(&client, &upstream), (&upstream, &client)] {
            let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
            let shared = Arc::clone(shared);
            std::thread::spawn(move || carry(from, to, number, &shared));
        }
    }
}

/// Carries bytes one way, until an end closes or the wire is cut.
fn carry(mut from: TcpStream, mut to: TcpStream, number: usize, shared: &Shared) {
    from.set_read_timeout(Some(GLANCE)).expect("a timeout");
    let mut bytes = [0; 4096];
    let mut silent = false;
    while !shared.stopped.load(Ordering::SeqCst) && shared.closed.load(Ordering::SeqCst) <= number {
        let read = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        // Once silent, silent for ever.
        silent |= shared.silent.load(Ordering::SeqCst) || shared.dead.load(Ordering::SeqCst) > number;
        if !silent && to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
