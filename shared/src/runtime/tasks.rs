//! Work that outlives a request: the flusher, the drainers, the relay. It stops at its next step once the
//! process is told to stop; the minute tick, here or elsewhere, picks up what it left.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::clock::BoxFuture;

/// Starts background work.
pub trait Spawn: Send + Sync {
    /// Runs `work` to its end, or until the process dies.
    fn spawn(&self, work: BoxFuture<()>);
}

/// Background work of one instance.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    spawner: Box<dyn Spawn>,
    stopping: AtomicBool,
    /// Running work by name; true when it was asked for again while it ran.
    running: Mutex<BTreeMap<String, bool>>,
}

impl Tasks {
    /// Starts work by `spawner`.
    pub fn new(spawner: impl Spawn + 'static) -> Self {
        Self {
            inner: Arc::new(Inner {
                spawner: Box::new(spawner),
                stopping: AtomicBool::new(false),
                running: Mutex::default(),
            }),
        }
    }

    /// Whether work is to stop at its next step.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    /// Tells all work to stop at its next step.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether any work runs.
    pub fn is_busy(&self) -> bool {
        !lock(&self.inner.running).is_empty()
    }

    /// Runs `work` under `name`, once at a time in this instance: asked for while it runs, it runs once more
    /// after, so that no wake-up is lost.
    pub fn wake<F>(&self, name: String, work: F)
    where
        F: Fn() -> BoxFuture<()> + Send + Sync + 'static,
    {
        if self.is_stopping() {
            return;
        }
        match lock(&self.inner.running).entry(name.clone()) {
            Entry::Occupied(mut running) => {
                running.insert(true);
                return;
            }
            Entry::Vacant(slot) => {
                slot.insert(false);
            }
        }
        let inner = Arc::clone(&self.inner);
        self.inner.spawner.spawn(Box::pin(async move {
            let mut running = Running { inner, name, ended: false };
            loop {
                work().await;
                if !running.again() {
                    break;
                }
            }
        }));
    }
}

/// Takes the name off the list however the work ends, by panic and abort too.
struct Running {
    inner: Arc<Inner>,
    name: String,
    ended: bool,
}

impl Running {
    /// Whether the work was asked for meanwhile. If not, its name is free again from this moment.
    fn again(&mut self) -> bool {
        let mut running = lock(&self.inner.running);
        let asked = running.get(&self.name) == Some(&true) && !self.inner.stopping.load(Ordering::Relaxed);
        if asked {
            running.insert(self.name.clone(), false);
        } else {
            running.remove(&self.name);
            self.ended = true;
        }
        asked
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After an orderly end the name may be in use by the next run already.
        if !self.ended {
            lock(&self.inner.running).remove(&self.name);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Work on the tokio runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSpawn;

impl Spawn for TokioSpawn {
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    fn spawn(&self, work: BoxFuture<()>) {
        tokio::spawn(work);
    }
}
