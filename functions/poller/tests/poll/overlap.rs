//! Two ticks of one account at once.
//!
//! A call takes its time here: its tick rests before NetSuite has it and before the answer is heard. Between any two of
//! these moments another instance polls from beginning to end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::task::Poll as Task;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use poller::{App, Rules, router};
use serde_json::Value as Json;
use shared::buffer::memory::MemoryBuffer;
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Lost;
use shared::pubsub::Topic;
use shared::runtime::Edge;
use shared::runtime::clock::BoxFuture;
use shared::runtime::tasks::{Spawn, Tasks};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::{NINE, Poll, poll};

/// Whether the instances share what holds the lease. Without, each polls as if it were alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Held,
    Lost,
}

/// Work that a test carries on step by step.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<BoxFuture<()>>>>);

impl Spawn for Steps {
    fn spawn(&self, work: BoxFuture<()>) {
        self.0.lock().unwrap().push(work);
    }
}

struct Instance {
    router: Router,
    steps: Steps,
}

impl Instance {
    fn new(poll: &Poll, lease: Lease) -> Self {
        let steps = Steps::default();
        let ports = Edge { tasks: Tasks::new(steps.clone()), ..poll.app.ports.clone() };
        let ports = match lease {
            Lease::Held => ports,
            Lease::Lost => Edge { buffer: Arc::new(MemoryBuffer::default()), ..ports },
        };
        Self { router: router(App { ports, client: slow(poll), ..poll.app.clone() }), steps }
    }

    /// Begins a tick; answers its work.
    fn begin(&self) -> BoxFuture<()> {
        let request = Request::post("/tick?account=acme").body(Body::empty()).unwrap();
        assert!(
            self.router.clone().oneshot(request).now_or_never().is_none(),
            "the work runs beside the request"
        );
        self.steps.0.lock().unwrap().pop().expect("its work")
    }
}

/// Speaks to the same NetSuite, and rests twice in each call.
fn slow(poll: &Poll) -> Client {
    let netsuite = Arc::clone(&poll.netsuite);
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        let netsuite = Arc::clone(&netsuite);
        async move {
            rest().await;
            let body: Json = serde_json::from_slice(request.body()).unwrap();
            let (status, body) = netsuite.answer(&request.uri().to_string(), &body);
            rest().await;
            Ok::<_, Lost>(Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
        }
    });
    let address = "https://acme".to_string();
    let address =
        Address { suitetalk_url: address.clone(), base_url: address, script: "s".into(), deploy: "d".into() };
    Client::new(BoxCloneSyncService::new(transport), address, Signer::unsigned())
}

async fn rest() {
    let mut has_rested = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut has_rested, true) { Task::Ready(()) } else { Task::Pending }
    })
    .await;
}

/// Carries work on to its end; answers in how many steps.
fn finish(mut work: BoxFuture<()>) -> usize {
    (1..10_000).find(|_| (&mut work).now_or_never().is_some()).expect("it ends")
}

/// Customers that were saved, one that was deleted, and an order.
fn changes() -> Poll {
    let mut poll = poll();
    poll.rules(Rules { budget_ms: 600_000, ..poll.app.rules });
    (1..=120).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    poll.put("salesorder", 7, "2026-01-01 09:00:00", "s");
    poll.known(500, NINE, "a");
    poll.save(500, "2026-01-01 09:00:00", "a");
    poll.delete(500, "2026-01-01 09:30:00");
    poll
}

/// What was published: every event's id, and what it is about.
fn told(poll: &Poll) -> Vec<(String, String)> {
    let text = |event: &Json| format!("{} {} {}", event["recordType"], event["recordId"], event["payload"]);
    let events = poll.world.bus.json(Topic::Raw);
    events.iter().map(|event| (event["eventId"].to_string(), text(event))).collect()
}

#[test]
fn every_change_is_told_by_one_event_wherever_ticks_overlap() {
    for lease in [Lease::Held, Lease::Lost] {
        let mut doubled = 0;
        let steps = finish(Instance::new(&changes(), lease).begin());
        assert!(steps > 20, "{steps} steps");
        for before in 0..steps {
            let poll = changes();
            let (one, other) = (Instance::new(&poll, lease), Instance::new(&poll, lease));
            let mut work = one.begin();
            for _ in 0..before {
                assert!((&mut work).now_or_never().is_none());
            }
            finish(other.begin());
            finish(work);
            let told = told(&poll);
            let ids: BTreeSet<&String> = told.iter().map(|(id, _)| id).collect();
            let said: BTreeSet<&String> = told.iter().map(|(_, said)| said).collect();
            assert_eq!(
                (said.len(), ids.len()),
                (122, 122),
                "{lease:?}, after {before} steps: one event each"
            );
            if lease == Lease::Held {
                assert_eq!(told.len(), 122, "after {before} steps: once each");
            }
            doubled += told.len() - 122;
            // The next tick has nothing to add: no cursor was left behind what was told.
            poll.minute("2026-01-01 10:01:00");
            let after: BTreeSet<String> = self::told(&poll).into_iter().map(|(id, _)| id).collect();
            assert_eq!(after.len(), 122, "{lease:?}, after {before} steps");
            assert!(poll.errors(false).is_empty());
        }
        assert_eq!(doubled > 0, lease == Lease::Lost, "else this shows nothing: {doubled}");
    }
}
