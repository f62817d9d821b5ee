//! What arrives at the targets, and when: a look at the calls that the writers make, which changes nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, Response};
use shared::domain::id::{AccountId, Side, Timestamp};
use shared::fault::Unavailable;
use shared::netsuite::transport::{Lost, Transport};
use shared::netsuite::wire::{Answer, Call, What};
use shared::runtime::clock::{Clock, SystemClock};
use shared::suitex::{Applied, By, Change, Look, OutboxPage, TenantWrite, Tenants};
use tokio::runtime::Handle;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

/// When a record was written, and how long its target took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    pub(crate) target_ms: i64,
}

/// The writes that targets have carried out.
#[derive(Default)]
pub(crate) struct Arrivals {
    writes: [AtomicU64; 2],
    all: Mutex<HashMap<(Side, AccountId, String), Vec<Arrival>>>,
}

impl Arrivals {
    /// Writes to a side so far.
    pub(crate) fn writes(&self, side: Side) -> u64 {
        self.writes[side as usize].load(Ordering::Relaxed)
    }

    /// Writes to both sides so far.
    pub(crate) fn all(&self) -> u64 {
        Side::BOTH.into_iter().map(|side| self.writes(side)).sum()
    }

    /// The first write of a record since `from`.
    pub(crate) fn since(
        &self,
        from: Timestamp,
        side: Side,
        account: &AccountId,
        id: &str,
    ) -> Option<Arrival> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let of_record = all.get(&(side, account.clone(), id.to_string()))?;
        of_record.iter().find(|arrival| arrival.at >= from).copied()
    }

    fn note(&self, side: Side, account: &AccountId, id: String, began: Timestamp) {
        let at = SystemClock.now();
        let arrival = Arrival { at, target_ms: at.0 - began.0 };
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((side, account.clone(), id)).or_default().push(arrival);
        self.writes[side as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// SuiteX, watched.
pub(crate) struct WatchedTenants {
    pub(crate) inner: Arc<dyn Tenants>,
    pub(crate) arrivals: Arc<Arrivals>,
}

impl WatchedTenants {
    fn note(&self, account: &AccountId, change: &Change, applied: &Applied, began: Timestamp) {
        if let (Applied::Done(_), Change::Update { id, .. }) = (applied, change) {
            self.arrivals.note(Side::SuiteX, account, id.clone(), began);
        }
    }
}

#[async_trait]
impl Tenants for WatchedTenants {
    async fn read(&self, account: &AccountId, table: &str, by: By<'_>) -> Result<Look, Unavailable> {
        self.inner.read(account, table, by).await
    }

    async fn apply(
        &self,
        account: &AccountId,
        table: &str,
        operation: Uuid,
        change: &Change,
    ) -> Result<Applied, Unavailable> {
        let began = SystemClock.now();
        let applied = self.inner.apply(account, table, operation, change).await?;
        self.note(account, change, &applied, began);
        Ok(applied)
    }

    async fn apply_all(
        &self,
        account: &AccountId,
        writes: &[TenantWrite<'_>],
    ) -> Result<Vec<Applied>, Unavailable> {
        let began = SystemClock.now();
        let applied = self.inner.apply_all(account, writes).await?;
        writes
            .iter()
            .zip(&applied)
            .for_each(|(write, applied)| self.note(account, &write.change, applied, began));
        Ok(applied)
    }

    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable> {
        self.inner.outbox(account, limit).await
    }

    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable> {
        self.inner.dispatched(account, seqs).await
    }
}

/// The way to the simulated NetSuite, watched. It thinks on a runtime of its own.
pub(crate) fn netsuite(router: Router, runtime: Handle, arrivals: Arc<Arrivals>) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let (router, arrivals) = (router.clone(), Arc::clone(&arrivals));
        let answered = runtime.spawn(answer(router, request, arrivals));
        async move { answered.await.map_err(|error| Lost::NoAnswer(error.to_string()))? }
    }))
}

async fn answer(
    router: Router,
    request: Request<Bytes>,
    arrivals: Arc<Arrivals>,
) -> Result<Response<Bytes>, Lost> {
    let began = SystemClock.now();
    let account = request.uri().path().split('/').nth(2).and_then(|name| AccountId::parse(name).ok());
    let call = serde_json::from_slice::<Call>(request.body());
    let Ok(response) = router.oneshot(request.map(Body::from)).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| Lost::NoAnswer(error.to_string()))?;
    if let (Some(account), Ok(Call::Apply { writes })) = (account, call)
        && let Ok(answer) = serde_json::from_slice::<Answer>(&body)
    {
        for (write, outcome) in writes.into_iter().zip(answer.results) {
            if let (What::Applied, Some(id)) = (outcome.outcome, write.id) {
                arrivals.note(Side::NetSuite, &account, id, began);
            }
        }
    }
    Ok(Response::from_parts(parts, body))
}
