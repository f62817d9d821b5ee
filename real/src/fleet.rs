//! The fleet of processes: calls go over HTTP to the instances of a function in turn, a crash is `kill -9`.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use google::bridge::{Bridge, Caller};
use google::publish::PubsubPublisher;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::{HeaderName, Request};
use local::fleet::Fleet;
use local::functions::{FUNCTIONS, TICKS};
use reqwest::redirect::Policy;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::children::Place;

/// Processes of each function.
pub(crate) const INSTANCES: usize = 2;

/// Ports that Linux, macOS and Windows give to no outgoing connection, and that few programs listen on.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Largest body of a call, in bytes: more than any function takes.
const BODY_MAX: usize = 32 * 1024 * 1024;

/// A call is answered within this, or counts as crashed.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Headers that belong to one connection and are not handed on.
const OF_CONNECTION: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// The processes, and what pushes to them.
pub(crate) struct Processes {
    places: BTreeMap<&'static str, Vec<Arc<Place>>>,
    turn: AtomicUsize,
    crashes: Mutex<BTreeMap<&'static str, u64>>,
    http: reqwest::Client,
    scheduler: Caller,
    stop: watch::Sender<bool>,
    /// What is ended with the fleet.
    running: Mutex<Option<Running>>,
}

struct Running {
    keepers: JoinSet<()>,
    bridge: Bridge,
    publisher: Arc<PubsubPublisher>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A free port for each process.
///
/// From below those that the system gives to outgoing connections: none of these comes between the drawing and
/// the moment at which the process listens.
pub(crate) async fn ports() -> io::Result<BTreeMap<&'static str, Vec<u16>>> {
    let (mut ports, mut taken) = (BTreeMap::<_, Vec<u16>>::new(), Vec::new());
    let mut left = Vec::from_iter(PORTS);
    fastrand::shuffle(&mut left);
    for function in FUNCTIONS {
        for _ in 0..INSTANCES {
            let listener = loop {
                let port = left.pop().ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))?;
                match TcpListener::bind(("127.0.0.1", port)).await {
                    Ok(listener) => break listener,
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                    Err(error) => return Err(error),
                }
            };
            ports.entry(function).or_default().push(listener.local_addr()?.port());
            // All are held until all are drawn, so that none is drawn twice.
            taken.push(listener);
        }
    }
    Ok(ports)
}

impl Processes {
    /// Starts the processes, and returns when each of them answers; the error is for people.
    pub(crate) async fn start(
        places: Vec<Arc<Place>>,
        bridge: Bridge,
        scheduler: Caller,
        publisher: Arc<PubsubPublisher>,
    ) -> Result<Self, String> {
        let stop = watch::Sender::new(false);
        let mut keepers = JoinSet::new();
        for place in &places {
            keepers.spawn(Arc::clone(place).keep(stop.subscribe()));
        }
        // Where an answer leads to is for the browser to follow, under its own address and cookies.
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build();
        let http = http.map_err(|error| error.to_string())?;
        for place in &places {
            place.ready(&http).await?;
        }
        let mut by_function = BTreeMap::<_, Vec<_>>::new();
        for place in places {
            by_function.entry(place.function).or_default().push(place);
        }
        Ok(Self {
            places: by_function,
            turn: AtomicUsize::new(0),
            crashes: Mutex::default(),
            http,
            scheduler,
            stop,
            running: Mutex::new(Some(Running { keepers, bridge, publisher })),
        })
    }

    /// All places.
    pub(crate) fn places(&self) -> Vec<Arc<Place>> {
        self.places.values().flatten().cloned().collect()
    }

    /// The instances of a function, the one whose turn it is first.
    fn in_turn(&self, function: &str) -> Vec<&Arc<Place>> {
        let places = self.places.get(function).map(Vec::as_slice).unwrap_or_default();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (0..places.len()).map(|n| &places[(turn + n) % places.len()]).collect()
    }

    /// The headers of a call. The scheduler's calls and SuiteX's pokes carry a token, as they do in life.
    fn headers(&self, request: &http::request::Parts, function: &str) -> HeaderMap {
        let mut headers = request.headers.clone();
        OF_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
        let path = request.uri.path();
        if (TICKS.contains(&(function, path)) || path == "/poke")
            && let Ok(token) = self.scheduler.token()
            && let Ok(bearer) = format!("Bearer {token}").parse()
        {
            headers.insert(AUTHORIZATION, bearer);
        }
        headers
    }
}

#[async_trait]
impl Fleet for Processes {
    async fn call(&self, function: &str, request: Request<Body>) -> Option<Response> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_MAX).await.ok()?;
        let headers = self.headers(&parts, function);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        for place in self.in_turn(function) {
            let call = self.http.request(parts.method.clone(), format!("{}{path}", place.url));
            let call = call.headers(headers.clone()).timeout(ANSWER_WITHIN).body(body.clone());
            match call.send().await {
                Ok(answer) => return passed_on(answer).await,
                // It is not there: whoever balances load asks another.
                Err(error) if error.is_connect() => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn crash(&self, function: &str) -> bool {
        let Some((name, _)) = self.places.get_key_value(function) else { return false };
        let Some(place) = self.in_turn(function).into_iter().next() else { return false };
        place.crash();
        *lock(&self.crashes).entry(name).or_default() += 1;
        true
    }

    fn crashes(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.crashes).clone()
    }

    /// Nobody can look into another process; what its background work leaves undone is in the state.
    fn busy(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }

    async fn ended(&self) {
        let Some(Running { mut keepers, bridge, publisher }) = lock(&self.running).take() else { return };
        // Each gives its process its time, and kills it then.
        while keepers.join_next().await.is_some() {}
        publisher.stop().await;
        bridge.stop().await;
    }
}

/// An answer as it came, but for what belongs to the connection.
async fn passed_on(answer: reqwest::Response) -> Option<Response> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.ok()?));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    OF_CONNECTION.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    Some(response)
}
