//! What stops when nobody has decided in time, and goes on when somebody has: by the holds and locks that people use too.

use std::collections::BTreeSet;

use serde_json::json;
use shared::domain::id::{AccountId, RecordKey, Side, Timestamp};
use shared::domain::plan::reschedule;
use shared::domain::record::{Lock, Record, hold_lock};
use shared::domain::surface::{Account, OnBreach};
use shared::fault::{Fault, Unavailable};
use shared::state::controls::{Hold, Holder};
use shared::state::notices::Topic;
use shared::state::{AmbiguityStatus, AuditRow, Commit, ErrorStatus, Notice, Verdict};
use uuid::Uuid;

use super::ladder::Matter;
use super::memory::{Climb, Held, Kind, Memory, Stage, Stop};
use crate::App;

/// Who holds, in the audit and in the holds themselves.
pub const ACTOR: &str = "notify";

/// How often a lock is decided anew because the record moved on meanwhile.
const ATTEMPTS: u32 = 5;

/// What the configuration asks to be stopped; `None`: nothing, or there is nothing to stop.
pub(super) fn asked_for(matter: &Matter) -> Option<Held> {
    match (matter.on_breach, &matter.key) {
        (OnBreach::Nothing, _) | (OnBreach::ReadOnlyField, None) => None,
        (OnBreach::PauseWrites, _) => Some(Held::Writes),
        (OnBreach::ReadOnlyField, Some(key)) => {
            Some(Held::Record { key: key.clone(), fields: matter.fields.clone() })
        }
    }
}

/// Brings about what is remembered, whoever has remembered it: stops what is to stop, lets go on what is to go on, and
/// forgets what is over. Done again it changes nothing. What cannot be done yet stays as it is remembered. Whether the
/// memory has changed by it.
pub(super) async fn carry_out(
    app: &App,
    account: &Account,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<bool, Fault> {
    let mut todo: Vec<(Uuid, Climb)> = memory.climbs.iter().map(|(id, climb)| (*id, climb.clone())).collect();
    todo.retain(|(_, climb)| climb.stop.as_ref().is_some_and(|stop| stop.stage != Stage::Stands));
    let mut put_off = BTreeSet::new();
    for (id, climb) in &todo {
        if let Some(Stop { what: Held::Record { key, fields }, stage }) = &climb.stop {
            let is_wanted = *stage == Stage::Wanted && is_undecided(app, *id, climb).await?;
            let wanted = is_wanted.then_some((climb, &fields[..]));
            if !change(app, account, key, *id, wanted, now).await? {
                put_off.insert(*id);
            }
        }
    }
    todo.retain(|(id, _)| !put_off.contains(id));
    writes(app, account, memory, now).await?;
    for (id, _) in &todo {
        let Some(climb) = memory.climbs.get_mut(id) else { continue };
        match (climb.stop.as_mut(), climb.is_over) {
            (Some(stop), _) if stop.stage == Stage::Wanted => stop.stage = Stage::Stands,
            (_, false) => climb.stop = None,
            (_, true) => _ = memory.climbs.remove(id),
        }
    }
    Ok(!todo.is_empty())
}

/// Whether a decision is still waited for: a conflict is looked for again where its record is locked.
async fn is_undecided(app: &App, id: Uuid, climb: &Climb) -> Result<bool, Unavailable> {
    match climb.kind {
        Kind::Conflict => Ok(true),
        Kind::Error => Ok(app.state.error(id).await?.is_some_and(|error| error.status == ErrorStatus::Open)),
        Kind::Question => {
            let asked = app.state.ambiguity(id).await?;
            Ok(asked.is_some_and(|asked| asked.status == AmbiguityStatus::Open))
        }
    }
}

/// Holds the account's writes as long as something asks for it. The hold is the watcher's own, whatever people hold; one
/// that nothing asks for is let go, whoever left it behind.
async fn writes(app: &App, account: &Account, memory: &Memory, now: Timestamp) -> Result<(), Fault> {
    let of = |stage: Stage| {
        memory.climbs.iter().find(|(_, climb)| {
            climb.stop.as_ref().is_some_and(|stop| stop.what == Held::Writes && stop.stage == stage)
        })
    };
    let is_asked_for = memory.climbs.values().any(|climb| climb.stops(&Held::Writes));
    let held = app.state.holds(&account.id).await?;
    for side in Side::BOTH {
        let subject = format!("account:{side}");
        let (mine, from) = ((side, Holder::Watch), held[side].of(Holder::Watch));
        if let Some((id, climb)) = of(Stage::Wanted).filter(|_| from.is_none()) {
            let reason = format!("nobody has decided in time: {}", climb.about);
            let hold = Hold { since: now, actor: ACTOR.into(), reason };
            let audit = audit("hold", subject, *id, now);
            app.state.set_hold(&account.id, mine, None, Some(hold), audit).await?;
        } else if from.is_some() && !is_asked_for {
            let because = of(Stage::Ending).map_or(Uuid::nil(), |(id, _)| *id);
            let audit = audit("release", subject, because, now);
            app.state.set_hold(&account.id, mine, from, None, audit).await?;
        }
    }
    Ok(())
}

/// The notice of something stopped.
pub(super) fn notice(account: &AccountId, matter: &Matter, held: &Held, now: Timestamp) -> Notice {
    let what = match (held, &matter.fields[..]) {
        (Held::Writes, _) => "Nothing is written in this account".to_string(),
        (Held::Record { key, .. }, []) => format!("Nothing is written to {key}"),
        (Held::Record { key, .. }, fields) => {
            format!("{} of {key} is written on neither side", fields.join(", "))
        }
    };
    let text = format!("{what} until somebody decides. {}: it was due by {}.", matter.about, matter.due);
    let subject = format!("{}:{}", matter.kind.as_str(), matter.id);
    // It is told once for each time that it is stopped: with what is remembered.
    Notice::new(account, Topic::Held, subject, &format!("held {}", now.0), text, now)
}

/// Locks these fields of a record, or all of it, or (`None`) takes the locks away. What is decided is not locked.
/// False: that has to wait until the record can be read.
async fn change(
    app: &App,
    account: &Account,
    key: &RecordKey,
    id: Uuid,
    wanted: Option<(&Climb, &[String])>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(surface) = account.types.get(&key.record_type) else { return Ok(true) };
    for _ in 0..ATTEMPTS {
        let stored = app.state.load(std::slice::from_ref(key)).await?.pop().flatten();
        let Some(stored) = stored else { return Ok(true) };
        if stored.why_unreadable().is_some() {
            // It is not written either, so there is nothing to hold. A lock that it may have is still to be taken away.
            return Ok(wanted.is_some());
        }
        let mut record = Record::clone(&stored);
        record.end_hold(id);
        let is_open = |climb: &Climb| {
            climb.kind != Kind::Conflict || record.conflict.as_ref().is_some_and(|conflict| conflict.id == id)
        };
        if let Some((climb, names)) = wanted.filter(|(climb, _)| is_open(climb)) {
            let fields: Vec<Option<usize>> = match names.is_empty() {
                true => vec![None],
                false => names.iter().filter_map(|name| surface.field(name)).map(Some).collect(),
            };
            let reason = format!("nobody has decided in time: {}", climb.about);
            let lock = |field| Lock { field, error: hold_lock(id), reason: reason.clone(), since: now };
            record.locks.extend(fields.into_iter().map(lock));
        }
        let held = |record: &Record| record.locks.iter().filter(|l| l.error == hold_lock(id)).count();
        if held(&record) == held(&stored) {
            return Ok(true);
        }
        reschedule(&mut record, surface, now);
        let action = if wanted.is_some() { "hold" } else { "release" };
        let mut commit = Commit::new(account.id.clone());
        commit.audit.push(audit(action, key.to_string(), id, now));
        commit.record = Some(record);
        match app.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => return Ok(true),
            Some(Verdict::Stale) => {}
            Some(Verdict::Refused(why)) => {
                return Err(Fault::Broken(format!("a lock that the state refuses: {why}")));
            }
            Some(Verdict::LinkTaken(_)) | None => return Err(Fault::Broken("a lock changes no link".into())),
        }
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

fn audit(action: &str, subject: String, matter: Uuid, now: Timestamp) -> AuditRow {
    AuditRow {
        at: now,
        actor: ACTOR.into(),
        action: action.into(),
        subject,
        details: json!({ "because": matter, "why": "nobody has decided in time" }),
    }
}
