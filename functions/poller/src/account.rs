//! One account's poll: NetSuite's time, then each type, then deletions and the sweep, each with a share of the time.

use std::collections::BTreeMap;

use shared::domain::id::Timestamp;
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::error::is_refused;

use crate::App;
use crate::caller::{Caller, LEASE, Stop};
use crate::changed::Changes;
use crate::deleted::{AGES_S, DeletionScan};
use crate::failing::{Failing, How};
use crate::sweep::Sweeping;
use crate::wall::Clocks;
use crate::{filed, page, told};

/// Where it is kept which scans fail. No record type is called so.
const NAME: &str = "scans that fail";

/// What came of an account's poll.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    /// Events on the bus.
    pub(crate) published: usize,
    /// What went wrong; running out of time is not.
    pub(crate) stopped: Option<Stop>,
    /// Whether there was no time for all of it, or no permit, or another instance was at it: what was not published
    /// may be there all the same.
    pub(crate) is_cut_short: bool,
    /// How the scans ended that came to an end, by name; of several of one name, a failure counts.
    ends: BTreeMap<String, End>,
}

/// How a scan ended.
#[derive(Debug)]
enum End {
    Well,
    Failed(How, String, String),
}

impl Polled {
    fn note(&mut self, scan: &str, stop: Option<&Stop>) {
        let failed = match stop {
            Some(Stop::Fault(fault)) => {
                let how = if is_refused(fault) { How::Refused } else { How::Away };
                let code = fault.code.clone().unwrap_or_else(|| "NO_ANSWER".into());
                Some(End::Failed(how, code, fault.why.clone()))
            }
            Some(Stop::Odd(why)) => Some(End::Failed(How::Refused, "ODD_ANSWER".into(), why.clone())),
            Some(Stop::Later | Stop::Unavailable(_)) => return,
            None => None,
        };
        match failed {
            Some(failed) => _ = self.ends.insert(scan.to_string(), failed),
            None => _ = self.ends.entry(scan.to_string()).or_insert(End::Well),
        }
    }
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

impl Scan<'_> {
    fn name(&self) -> &str {
        match self {
            Scan::Changes(surface) => surface.record_type.as_str(),
            Scan::Deletions(_) => filed::DELETIONS,
            Scan::Sweep => filed::SWEEP,
        }
    }
}

/// Polls an account, as far as time and permits go.
pub(crate) async fn poll(app: &App, account: &Account) -> Polled {
    let holder = app.ports.ids.draw().to_string();
    let until = app.ports.clock.now().plus(app.rules.budget_ms);
    let caller = Caller { app, account, holder: &holder, until };
    let mut polled = Polled::default();
    match all(&caller, &mut polled).await {
        Ok(()) => {}
        Err(Stop::Later) => polled.is_cut_short = true,
        Err(stop) => polled.stopped = Some(stop),
    }
    if let Err(stop) = tell_failures(&caller, &mut polled).await {
        polled.stopped.get_or_insert(stop);
    }
    // A lease that cannot be given back runs out.
    let _ = app.ports.buffer.release(&account.id, LEASE, &holder).await;
    polled
}

/// Has people told which scans fail for long, and which do no more.
async fn tell_failures(caller: &Caller<'_>, polled: &mut Polled) -> Result<(), Stop> {
    if polled.ends.is_empty() {
        return Ok(());
    }
    let (account, now) = (caller.account, caller.app.ports.clock.now());
    let mut failing: Failing = caller.cursor(NAME).await?;
    let before = failing.clone();
    let (mut errors, mut over) = (Vec::new(), Vec::new());
    for (scan, end) in std::mem::take(&mut polled.ends) {
        match end {
            End::Failed(how, code, why) => {
                let since = failing.failed(&scan, how, now.0);
                let filed = |since| filed::not_polled(account, &scan, (&code, &why), Timestamp(since), now);
                errors.extend(since.map(filed));
            }
            End::Well if failing.went_well(&scan) => {
                over.push(filed::polled(account, &scan, "NetSuite answers it again"));
            }
            End::Well => {}
        }
    }
    let others = [filed::CLOCK, filed::DELETIONS, filed::SWEEP];
    let is_scan =
        |scan: &str| others.contains(&scan) || account.types.keys().any(|kind| kind.as_str() == scan);
    for scan in failing.obsolete(is_scan) {
        if failing.went_well(&scan) {
            over.push(filed::polled(account, &scan, "the type is not synced any more"));
        }
    }
    told::file(caller, errors).await?;
    told::over(caller, over).await?;
    if failing == before { Ok(()) } else { caller.save(NAME, &failing).await }
}

async fn all(caller: &Caller<'_>, polled: &mut Polled) -> Result<(), Stop> {
    let ages = AGES_S.map(|age_s| age_s + caller.app.rules.lag_s);
    let at = caller.app.ports.clock.now().0;
    let times = page::times(caller, &ages).await;
    polled.note(filed::CLOCK, times.as_ref().err());
    let times = times?;
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
    polled.note(scan.name(), end.as_ref().err());
    match end {
        Err(stop @ (Stop::Fault(_) | Stop::Odd(_))) => {
            let what = scan.name();
            tracing::warn!(account = %caller.account.id, %what, %stop, "not polled");
            polled.stopped = Some(stop);
            Ok(())
        }
        end => end,
    }
}
