//! Time. The machine's clock moves by itself, the simulation's when it is told to.

use std::sync::Arc;

use futures::poll;
use shared::runtime::clock::{Clock, SystemClock};
use simulation::executor::Executor;

use crate::at;
use crate::row::wait;

struct Row {
    name: &'static str,
    clock: Arc<dyn Clock>,
    /// Lets a millisecond go by, where somebody must.
    pass: Box<dyn Fn()>,
}

fn clocks() -> Vec<Row> {
    let executor = Executor::new(1, at(1_000_000));
    let simulated = |skew: i64| {
        let (clock, executor) = (Arc::new(executor.clock(skew)), executor.clone());
        Row { name: "simulated", clock, pass: Box::new(move || executor.advance(1)) }
    };
    let system = Row { name: "system", clock: Arc::new(SystemClock), pass: Box::new(|| {}) };
    vec![system, simulated(0), simulated(250), simulated(-250)]
}

fn each(check: impl AsyncFn(&Row)) {
    for row in clocks() {
        println!("{}", row.name);
        wait(check(&row));
    }
}

#[test]
fn time_does_not_go_back() {
    each(async |row| {
        let mut last = row.clock.now();
        for _ in 0..1_000 {
            (row.pass)();
            let now = row.clock.now();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    });
}

#[test]
fn who_sleeps_until_then_wakes_then_and_not_before() {
    each(async |row| {
        let until = row.clock.now().plus(3);
        let mut sleeper = row.clock.sleep_until(until);
        while poll!(&mut sleeper).is_pending() {
            (row.pass)();
            tokio::task::yield_now().await;
        }
        assert!(row.clock.now() >= until, "woken {} ms early", until.0 - row.clock.now().0);
    });
}

#[test]
fn who_sleeps_until_a_time_that_is_past_does_not_sleep() {
    each(async |row| {
        for until in [row.clock.now(), row.clock.now().plus(-60_000), at(0), at(i64::MIN / 2)] {
            row.clock.sleep_until(until).await;
        }
    });
}

#[test]
fn a_sleeper_may_be_given_up_and_sleepers_do_not_wait_for_each_other() {
    each(async |row| {
        let mut long = row.clock.sleep_until(row.clock.now().plus(86_400_000));
        assert!(poll!(&mut long).is_pending());
        drop(long);
        let mut longer = row.clock.sleep_until(row.clock.now().plus(86_400_000));
        assert!(poll!(&mut longer).is_pending());
        let mut short = row.clock.sleep_until(row.clock.now().plus(2));
        while poll!(&mut short).is_pending() {
            (row.pass)();
            tokio::task::yield_now().await;
        }
        assert!(poll!(&mut longer).is_pending());
    });
}
