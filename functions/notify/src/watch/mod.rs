//! A look at an account: what is seen is judged by [`alarms`] and [`ladder`], which are pure; what follows is written as a
//! whole. Two instances that look at once see the same, and one of them writes.

mod alarms;
mod hold;
mod ladder;
mod memory;

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::id::{AccountId, PerSide, RecordKey, Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::{Account, OnBreach};
use shared::fault::{Fault, Unavailable};
use shared::state::desk::{ConflictFilter, Filed};
use shared::state::watch::Watched;
use shared::state::{ErrorEntry, ErrorStatus, Notice};
use uuid::Uuid;

use self::alarms::Look;
use self::ladder::Matter;
use self::memory::{Counts, Kind, Memory};
use crate::App;

pub use self::hold::ACTOR;

/// Rows of one page.
const PAGE: usize = 200;

/// Pages of conflicts, and of errors, that a look goes through; the next look goes on from there.
const PAGES: usize = 5;

/// Errors that are counted by kind.
const KINDS_OF: usize = 1_000;

/// Due records among which an important one is looked for.
const STALE_OF: usize = 100;

/// Deliveries in trouble that are looked at.
const TROUBLE_OF: usize = 100;

/// Things that had waited too long, of which one look sees whether they are over.
const OVER_OF: usize = 100;

/// Looks at an account, and tells what is to be told.
pub(crate) async fn watch(app: &App, account: &Account) -> Result<(), Fault> {
    let state = &app.state;
    let stored = state.watch_memory(&account.id).await?;
    // What an unreadable memory costs is a notice told twice.
    let mut memory: Memory = serde_json::from_str(&stored.text).unwrap_or_default();
    let before = memory.clone();
    let now = app.ports.clock.now();

    let look = look(app, account, &memory, now).await?;
    let mut notices = alarms::judge(&mut memory, &look);
    let ended = over(app, &account.id, &mut memory).await?;
    for (id, climb) in ended {
        if let Some(held) = &climb.held
            && !memory.climbs.values().any(|other| other.held.as_ref() == Some(held))
        {
            hold::release(app, account, id, held, now).await?;
        }
        notices.extend(ladder::over(&account.id, id, &climb, now));
    }
    let matters = matters(app, account, &mut memory, now).await?;
    notices.extend(ladder::climb(&mut memory, &account.id, &matters, &account.notify, now));
    for matter in matters.iter().filter(|matter| ladder::is_past(matter, now)) {
        notices.extend(stop(app, account, &mut memory, matter, now).await?);
    }
    if memory == before && notices.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_string(&memory).map_err(|e| Fault::Broken(e.to_string()))?;
    if !state.note_watched(&account.id, stored.revision, Watched { text, notices }).await? {
        tracing::debug!(account = %account.id, "another instance has looked meanwhile");
    }
    Ok(())
}

/// What is to be seen of the account as a whole.
async fn look<'a>(
    app: &App,
    account: &'a Account,
    memory: &Memory,
    now: Timestamp,
) -> Result<Look<'a>, Unavailable> {
    let (state, rules, id) = (&app.state, &account.notify, &account.id);
    let census = state.census(id).await?;
    let governance = state.governance_of(id).await?;
    let minutes = |minutes: u32| now.plus(-i64::from(minutes) * 60_000);
    let told = memory.inbox_at.map_or(Timestamp(0), |at| at.plus(1));
    let due = PerSide {
        netsuite: state.backlog(id, Side::NetSuite, now).await?,
        suitex: state.backlog(id, Side::SuiteX, now).await?,
    };
    let mut stale = None;
    for side in Side::BOTH {
        if stale.is_none() && due[side] > 0 {
            let old = state.due(id, side, minutes(rules.backlog_minutes), STALE_OF).await?;
            stale = old.into_iter().find(|key| is_important(account, key)).map(|key| key.to_string());
        }
    }
    let of = |place: &str| census.get(place).copied().unwrap_or(0);
    Ok(Look {
        account: id,
        rules,
        now,
        counts: Counts { at: now, events: census.values().sum(), overloads: governance.overloads },
        waiting: of("pending") + of("waiting"),
        due,
        stale,
        suspended: governance.suspended,
        opened: state.conflicts_opened(id, minutes(rules.conflict_minutes)).await?,
        unseen: state.conflicts_opened(id, told).await?,
        conflicts: state.conflict_counts(id, now).await?,
        kinds: state.error_kinds(id, minutes(rules.refusals_minutes), KINDS_OF).await?,
        trouble: state.deliveries(id, true, None, TROUBLE_OF).await?.items,
    })
}

fn is_important(account: &Account, key: &RecordKey) -> bool {
    account.types.get(&key.record_type).is_some_and(|of| of.priority >= account.notify.backlog_priority)
}

/// Which of those that had waited too long are over; they are forgotten. Some of them at each look.
async fn over(
    app: &App,
    account: &AccountId,
    memory: &mut Memory,
) -> Result<Vec<(Uuid, memory::Climb)>, Unavailable> {
    let from = memory.over_from.unwrap_or(Uuid::nil());
    let turn: Vec<(Uuid, Kind)> =
        memory.climbs.range(from..).take(OVER_OF).map(|(id, climb)| (*id, climb.kind)).collect();
    // Behind the last: from the beginning again.
    memory.over_from = (turn.len() == OVER_OF).then(|| turn[turn.len() - 1].0);
    let mut ended = Vec::new();
    for (id, kind) in turn {
        let is_open = match kind {
            Kind::Conflict => {
                let filed = app.state.conflict_of(std::slice::from_ref(account), id).await?;
                filed.is_some_and(|filed| filed.is_open)
            }
            Kind::Error => {
                let error = app.state.error(id).await?;
                error.is_some_and(|error| error.status == ErrorStatus::Open)
            }
        };
        if !is_open {
            ended.extend(memory.climbs.remove(&id).map(|climb| (id, climb)));
        }
    }
    Ok(ended)
}

/// What is near its time, or past it, and has a step to take.
async fn matters(
    app: &App,
    account: &Account,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Matter>, Unavailable> {
    let mut matters = conflicts(app, account, memory, now).await?;
    matters.extend(errors(app, account, memory, now).await?);
    Ok(matters)
}

async fn conflicts(
    app: &App,
    account: &Account,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Matter>, Unavailable> {
    let (state, rules) = (&app.state, &account.notify);
    let fields = account.types.values().flat_map(|t| t.fields.iter().map(|f| f.sla_ms).chain([t.sla_ms]));
    let until = now.plus(ladder::lead_ms(fields.max().unwrap_or(0), rules));
    let (mut after, mut filed) = (memory.conflicts_from.take(), Vec::<Filed>::new());
    for _ in 0..PAGES {
        let page = state.open_conflicts(&account.id, &ConflictFilter::default(), after, PAGE).await?;
        let whole = page.len() == PAGE;
        let near = page.iter().take_while(|filed| filed.due_at <= until).count();
        after = page.last().map(Filed::place).filter(|_| whole && near == PAGE);
        filed.extend(page.into_iter().take(near));
        if after.is_none() {
            break;
        }
    }
    memory.conflicts_from = after;
    filed.retain(|filed| {
        ladder::has_step(memory, filed.conflict, (filed.opened_at, filed.due_at), rules, now)
    });
    let keys: BTreeSet<RecordKey> = filed.iter().map(|filed| filed.key.clone()).collect();
    let keys = Vec::from_iter(keys);
    let records = state.load(&keys).await?;
    let records: BTreeMap<&RecordKey, _> =
        keys.iter().zip(records).filter_map(|(key, record)| Some((key, record?))).collect();
    let matter = |filed: &Filed| {
        let record = records.get(&filed.key)?;
        record.conflict.as_ref().filter(|conflict| conflict.id == filed.conflict)?;
        Some(conflict(account, record, filed))
    };
    Ok(filed.iter().filter_map(matter).collect())
}

fn conflict(account: &Account, record: &Record, filed: &Filed) -> Matter {
    let surface = account.types.get(&filed.key.record_type);
    let clashes = record.conflict.iter().flat_map(|conflict| &conflict.clashes);
    let name = |field: usize| surface.and_then(|s| s.fields.get(field)).map(|field| field.name.to_string());
    let fields: Vec<String> = clashes.filter_map(|clash| name(clash.field)).collect();
    let what = match fields.is_empty() {
        true => "whether it lives on".to_string(),
        false => fields.join(", "),
    };
    Matter {
        id: filed.conflict,
        kind: Kind::Conflict,
        about: format!("{}: both sides have changed {what}", filed.key),
        on_breach: on_breach(account, Some(&filed.key), &fields),
        key: Some(filed.key.clone()),
        fields,
        since: filed.opened_at,
        due: filed.due_at,
        assignee: filed.assignee.clone(),
    }
}

fn on_breach(account: &Account, key: Option<&RecordKey>, fields: &[String]) -> OnBreach {
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    match key {
        Some(key) => account.notify.on_breach(&key.record_type, &fields),
        None => account.notify.on_breach,
    }
}

async fn errors(
    app: &App,
    account: &Account,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Matter>, Unavailable> {
    let (state, rules) = (&app.state, &account.notify);
    let agreed = i64::from(rules.error_sla_hours) * 3_600_000;
    let until = now.plus(ladder::lead_ms(agreed, rules) - agreed);
    let (mut after, mut open): (_, Vec<ErrorEntry>) = (memory.errors_from.take(), Vec::new());
    for _ in 0..PAGES {
        let page = state.errors_by_age(&account.id, ErrorStatus::Open, after, until, PAGE).await?;
        after = page.last().map(|error| (error.first_at, error.id)).filter(|_| page.len() == PAGE);
        open.extend(page);
        if after.is_none() {
            break;
        }
    }
    memory.errors_from = after;
    let matter = |error: ErrorEntry| {
        let (since, due) = (error.first_at, error.first_at.plus(agreed));
        ladder::has_step(memory, error.id, (since, due), rules, now).then(|| {
            let about = error.record.as_ref().map_or_else(|| account.id.to_string(), ToString::to_string);
            let fields = Vec::from_iter(error.field.clone());
            Matter {
                id: error.id,
                kind: Kind::Error,
                about: format!("{about}: {}", error.message),
                on_breach: on_breach(account, error.record.as_ref(), &fields),
                key: error.record,
                fields,
                since,
                due,
                assignee: None,
            }
        })
    };
    Ok(open.into_iter().filter_map(matter).collect())
}

/// Stops what is to stop when nobody has decided in time.
async fn stop(
    app: &App,
    account: &Account,
    memory: &mut Memory,
    matter: &Matter,
    now: Timestamp,
) -> Result<Option<Notice>, Fault> {
    let Some(climb) = memory.climbs.get_mut(&matter.id).filter(|climb| climb.held.is_none()) else {
        return Ok(None);
    };
    let Some(held) = hold::hold(app, account, matter, now).await? else { return Ok(None) };
    let notice = hold::notice(&account.id, matter, &held, now);
    climb.held = Some(held);
    Ok(Some(notice))
}
