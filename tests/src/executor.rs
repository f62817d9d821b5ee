//! The executor: every handler and every background task is polled here, one step at a time, in an order that
//! the seed decides. Time stands still until the world moves it.
//!
//! Each account has its own dice and its own tasks, so that nothing about one account can depend on another.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use shared::domain::id::Timestamp;
use shared::runtime::clock::{BoxFuture, Clock};
use shared::runtime::tasks::Spawn;

/// Which account's lane: an index into the configured accounts.
pub type Lane = usize;

/// Which instance of which function a task runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The function.
    pub function: &'static str,
    /// 0 or 1.
    pub number: usize,
}

/// Runs tasks.
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    now: Timestamp,
    lanes: Vec<Tasks>,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    next_timer: u64,
    /// What is being polled now: whatever it spawns belongs to the same lane.
    current: Option<(Lane, u64)>,
    /// Instances that are to die before they make another step.
    doomed: Vec<(Lane, Instance)>,
}

#[derive(Default)]
struct Tasks {
    next: u64,
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
}

struct Task {
    instance: Instance,
    /// Out while it is being polled.
    future: Option<BoxFuture<()>>,
    /// The last point at which it gave way.
    at: &'static str,
}

struct Ready {
    shared: Arc<Mutex<Shared>>,
    lane: Lane,
    task: u64,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        lock(&self.shared).lanes[self.lane].make_ready(self.task);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    fn make_ready(&mut self, task: u64) {
        if self.tasks.contains_key(&task) && !self.ready.contains(&task) {
            self.ready.push(task);
        }
    }
}

impl Executor {
    /// An executor with `lanes` accounts, at time `now`.
    pub fn new(lanes: usize, now: Timestamp) -> Self {
        let lanes = (0..lanes).map(|_| Tasks::default()).collect();
        let shared =
            Shared { now, lanes, timers: BTreeMap::new(), next_timer: 0, current: None, doomed: Vec::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        lock(&self.shared).now
    }

    /// Moves the time and wakes who slept until then.
    pub fn advance(&self, millis: i64) {
        let due: Vec<Waker> = {
            let mut shared = lock(&self.shared);
            shared.now = shared.now.plus(millis);
            let after = shared.now.plus(1);
            let later = shared.timers.split_off(&(after, 0));
            std::mem::replace(&mut shared.timers, later).into_values().collect()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// When the next sleeper wakes.
    pub fn next_timer(&self) -> Option<Timestamp> {
        lock(&self.shared).timers.keys().next().map(|(at, _)| *at)
    }

    /// Starts a task.
    pub fn spawn(&self, lane: Lane, instance: Instance, future: BoxFuture<()>) {
        let mut shared = lock(&self.shared);
        let tasks = &mut shared.lanes[lane];
        tasks.next += 1;
        let id = tasks.next;
        tasks.tasks.insert(id, Task { instance, future: Some(future), at: "start" });
        tasks.ready.push(id);
    }

    /// How many tasks of a lane could make a step.
    pub fn ready(&self, lane: Lane) -> usize {
        lock(&self.shared).lanes[lane].ready.len()
    }

    /// How many tasks a lane has.
    pub fn tasks(&self, lane: Lane) -> usize {
        lock(&self.shared).lanes[lane].tasks.len()
    }

    /// Lets the `nth` ready task of a lane make one step.
    pub fn step(&self, lane: Lane, nth: usize) {
        let (id, mut future) = {
            let mut shared = lock(&self.shared);
            let tasks = &mut shared.lanes[lane];
            if tasks.ready.is_empty() {
                return;
            }
            let nth = nth % tasks.ready.len();
            let id = tasks.ready.remove(nth);
            let Some(future) = tasks.tasks.get_mut(&id).and_then(|t| t.future.take()) else { return };
            shared.current = Some((lane, id));
            (id, future)
        };
        let waker = Waker::from(Arc::new(Ready { shared: Arc::clone(&self.shared), lane, task: id }));
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        let ended = {
            let mut shared = lock(&self.shared);
            shared.current = None;
            let tasks = &mut shared.lanes[lane];
            match poll {
                Poll::Ready(()) => {
                    tasks.tasks.remove(&id);
                    tasks.ready.retain(|ready| *ready != id);
                    Some(future)
                }
                Poll::Pending => {
                    if let Some(task) = tasks.tasks.get_mut(&id) {
                        task.future = Some(future);
                    }
                    None
                }
            }
        };
        // Dropped outside the lock: what it holds may wake or abandon things.
        drop(ended);
    }

    /// Kills what an instance runs for one account; answers at which points.
    pub fn kill(&self, lane: Lane, instance: Instance) -> Vec<&'static str> {
        let dead: Vec<Task> = {
            let tasks = &mut lock(&self.shared).lanes[lane];
            let ids: Vec<u64> =
                tasks.tasks.iter().filter(|(_, t)| t.instance == instance).map(|(id, _)| *id).collect();
            tasks.ready.retain(|id| !ids.contains(id));
            ids.iter().filter_map(|id| tasks.tasks.remove(id)).collect()
        };
        dead.iter().map(|t| t.at).collect()
    }

    /// Whoever is running now has made its last step.
    pub fn doom(&self) {
        let mut shared = lock(&self.shared);
        let Some((lane, id)) = shared.current else { return };
        if let Some(instance) = shared.lanes[lane].tasks.get(&id).map(|task| task.instance) {
            shared.doomed.push((lane, instance));
        }
    }

    /// The instances that are to die now.
    pub fn doomed(&self) -> Vec<(Lane, Instance)> {
        std::mem::take(&mut lock(&self.shared).doomed)
    }

    /// Gives way once: here the seed may run others, or kill the task.
    pub fn give_way(&self, at: &'static str) -> GiveWay {
        GiveWay { shared: Arc::clone(&self.shared), at, done: false }
    }

    /// Starts background tasks for an instance.
    pub fn spawner(&self, instance: Instance) -> Spawner {
        Spawner { executor: self.clone(), instance }
    }

    /// A clock that is off by `skew_ms`.
    pub fn clock(&self, skew_ms: i64) -> SimClock {
        SimClock { executor: self.clone(), skew_ms }
    }
}

/// See [`Executor::give_way`].
pub struct GiveWay {
    shared: Arc<Mutex<Shared>>,
    at: &'static str,
    done: bool,
}

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.done {
            return Poll::Ready(());
        }
        self.done = true;
        {
            let mut shared = lock(&self.shared);
            if let Some((lane, id)) = shared.current
                && let Some(task) = shared.lanes[lane].tasks.get_mut(&id)
            {
                task.at = self.at;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Spawns into the lane of whoever asks.
pub struct Spawner {
    executor: Executor,
    instance: Instance,
}

impl Spawn for Spawner {
    fn spawn(&self, work: BoxFuture<()>) {
        let lane = lock(&self.executor.shared).current.map_or(0, |(lane, _)| lane);
        self.executor.spawn(lane, self.instance, work);
    }
}

/// The simulated clock.
#[derive(Clone)]
pub struct SimClock {
    executor: Executor,
    skew_ms: i64,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.executor.now().plus(self.skew_ms)
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()> {
        Box::pin(Sleep {
            shared: Arc::clone(&self.executor.shared),
            until: until.plus(-self.skew_ms),
            timer: None,
        })
    }
}

struct Sleep {
    shared: Arc<Mutex<Shared>>,
    until: Timestamp,
    timer: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let mut shared = lock(&shared);
        if let Some(timer) = self.timer.take() {
            shared.timers.remove(&timer);
        }
        if shared.now >= self.until {
            return Poll::Ready(());
        }
        shared.next_timer += 1;
        let timer = (self.until, shared.next_timer);
        shared.timers.insert(timer, cx.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            lock(&self.shared).timers.remove(&timer);
        }
    }
}
