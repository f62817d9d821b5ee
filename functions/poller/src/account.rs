//! One account's poll: NetSuite's time, then each type, then deletions and the sweep, each with a share of the time.

use std::collections::BTreeMap;

use shared::domain::surface::{Account, TypeSurface};

use crate::App;
use crate::caller::{Caller, LEASE, Stop};
use crate::changed::Changes;
use crate::deleted::{AGES_S, DeletionScan};
use crate::page;
use crate::sweep::Sweeping;
use crate::wall::Clocks;

/// What came of an account's poll.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    /// Events on the bus.
    pub(crate) published: usize,
    /// What went wrong; running out of time is not.
    pub(crate) stopped: Option<Stop>,
}

/// One of an account's scans.
#[derive(Clone, Copy)]
enum Scan<'a> {
    Changes(&'a TypeSurface),
    /// Of so long ago, s.
    Deletions(i64),
    /// What is known to be there, and may not be.
    Sweep,
}

/// Polls an account, as far as time and permits go.
pub(crate) async fn poll(app: &App, account: &Account) -> Polled {
    let holder = app.ports.ids.draw().to_string();
    let until = app.ports.clock.now().plus(app.rules.budget_ms);
    let caller = Caller { app, account, holder: &holder, until };
    let mut polled = Polled::default();
    match all(&caller, &mut polled).await {
        Ok(()) | Err(Stop::Later) => {}
        Err(stop) => polled.stopped = Some(stop),
    }
    // A lease that cannot be given back runs out.
    let _ = app.ports.buffer.release(&account.id, LEASE, &holder).await;
    polled
}

async fn all(caller: &Caller<'_>, polled: &mut Polled) -> Result<(), Stop> {
    let ages = AGES_S.map(|age_s| age_s + caller.app.rules.lag_s);
    let at = caller.app.ports.clock.now().0;
    let times = page::times(caller, &ages).await?;
    let clocks: Vec<(i64, Clocks)> =
        AGES_S.into_iter().zip(times).map(|(age_s, shown)| (age_s, Clocks { shown, at })).collect();
    let mut types: Vec<&TypeSurface> = caller.account.types.values().map(|surface| &**surface).collect();
    types.sort_by_key(|surface| std::cmp::Reverse(surface.priority));
    let changes = types.into_iter().map(Scan::Changes);
    let scans: Vec<Scan<'_>> = changes.chain(AGES_S.map(Scan::Deletions)).chain([Scan::Sweep]).collect();
    let unfinished = shared_out(caller, &clocks, scans, polled).await?;
    // What the others left of the time is for whoever has more to do, by priority.
    for scan in unfinished {
        one(caller, &clocks, scan, polled).await?;
    }
    Ok(())
}

/// Gives each scan an equal share of what is left of the time, so that a long one keeps no other from being polled.
/// Answers which have not come to their end.
async fn shared_out<'a>(
    caller: &Caller<'_>,
    clocks: &[(i64, Clocks)],
    scans: Vec<Scan<'a>>,
    polled: &mut Polled,
) -> Result<Vec<Scan<'a>>, Stop> {
    let mut unfinished = Vec::new();
    let mut waiting = i64::try_from(scans.len()).unwrap_or(i64::MAX);
    for scan in scans {
        let now = caller.app.ports.clock.now();
        let share = (caller.until.0 - now.0) / waiting;
        waiting -= 1;
        match one(&Caller { until: now.plus(share), ..*caller }, clocks, scan, polled).await {
            Ok(()) => {}
            Err(Stop::Later) => unfinished.push(scan),
            Err(stop) => return Err(stop),
        }
    }
    Ok(unfinished)
}

/// One scan. What NetSuite says against it must not keep the others from being polled.
async fn one(
    caller: &Caller<'_>,
    clocks: &[(i64, Clocks)],
    scan: Scan<'_>,
    polled: &mut Polled,
) -> Result<(), Stop> {
    let age_s = match scan {
        Scan::Changes(_) | Scan::Sweep => 0,
        Scan::Deletions(age_s) => age_s,
    };
    let Some((_, clocks)) = clocks.iter().find(|(age, _)| *age == age_s) else { return Ok(()) };
    let published = &mut polled.published;
    let (reached_at, end) = match scan {
        Scan::Changes(surface) => {
            Changes { caller, surface, clocks, published, kept: BTreeMap::new() }.scan().await
        }
        Scan::Deletions(age_s) => DeletionScan { caller, age_s, clocks, published }.scan().await,
        Scan::Sweep => (None, Sweeping { caller, clocks, published }.scan().await),
    };
    if let Some(reached_at) = reached_at {
        let ports = &caller.app.ports;
        ports.metrics.poll_lag(ports.clock.now().0 - reached_at);
    }
    match end {
        Err(stop @ (Stop::Fault(_) | Stop::Odd(_))) => {
            let what = match scan {
                Scan::Changes(surface) => surface.record_type.as_str(),
                Scan::Deletions(_) => "deletions",
                Scan::Sweep => "sweep",
            };
            tracing::warn!(account = %caller.account.id, %what, %stop, "not polled");
            polled.stopped = Some(stop);
            Ok(())
        }
        end => end,
    }
}
