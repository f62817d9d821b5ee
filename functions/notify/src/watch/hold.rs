//! What stops when nobody has decided in time, and goes on when somebody has: by the holds and locks that people use too.

use serde_json::json;
use shared::domain::id::{AccountId, RecordKey, Side, Timestamp, derived_id};
use shared::domain::plan::reschedule;
use shared::domain::record::{Lock, Record};
use shared::domain::surface::{Account, OnBreach};
use shared::fault::{Fault, Unavailable};
use shared::state::controls::Hold;
use shared::state::notices::Topic;
use shared::state::{AuditRow, Commit, Notice, Verdict};
use uuid::Uuid;

use super::ladder::Matter;
use super::memory::Held;
use crate::App;

/// Who holds, in the audit and in the holds themselves.
pub const ACTOR: &str = "notify";

/// How often a lock is decided anew because the record moved on meanwhile.
const ATTEMPTS: u32 = 5;

/// Stops what the configuration asks for; done again it changes nothing. `None`: it asks for nothing, or there is nothing
/// to stop.
pub(super) async fn hold(
    app: &App,
    account: &Account,
    matter: &Matter,
    now: Timestamp,
) -> Result<Option<Held>, Fault> {
    match (matter.on_breach, &matter.key) {
        (OnBreach::Nothing, _) | (OnBreach::ReadOnlyField, None) => Ok(None),
        (OnBreach::PauseWrites, _) => {
            for side in Side::BOTH {
                let reason = format!("nobody has decided in time: {}", matter.about);
                let hold = Hold { since: now, actor: ACTOR.into(), reason };
                let audit = audit("hold", format!("account:{side}"), matter.id, now);
                // Where people hold them already, they are held.
                app.state.set_hold(&account.id, side, Some(hold), audit).await?;
            }
            Ok(Some(Held::Writes))
        }
        (OnBreach::ReadOnlyField, Some(key)) => {
            change(app, account, key, matter.id, Some(matter), now).await?;
            Ok(Some(Held::Record(key.clone())))
        }
    }
}

/// Lets go on what was stopped because of this.
pub(super) async fn release(
    app: &App,
    account: &Account,
    matter: Uuid,
    held: &Held,
    now: Timestamp,
) -> Result<(), Fault> {
    match held {
        Held::Writes => {
            let holds = app.state.holds(&account.id).await?;
            // What people hold, people let go.
            for side in
                Side::BOTH.into_iter().filter(|side| holds[*side].as_ref().is_some_and(|h| h.actor == ACTOR))
            {
                let audit = audit("release", format!("account:{side}"), matter, now);
                app.state.set_hold(&account.id, side, None, audit).await?;
            }
            Ok(())
        }
        Held::Record(key) => change(app, account, key, matter, None, now).await,
    }
}

/// The notice of something stopped.
pub(super) fn notice(account: &AccountId, matter: &Matter, held: &Held, now: Timestamp) -> Notice {
    let what = match (held, &matter.fields[..]) {
        (Held::Writes, _) => "Nothing is written in this account".to_string(),
        (Held::Record(key), []) => format!("Nothing is written to {key}"),
        (Held::Record(key), fields) => format!("{} of {key} is written on neither side", fields.join(", ")),
    };
    let text = format!("{what} until somebody decides. {}: it was due by {}.", matter.about, matter.due);
    let subject = format!("{}:{}", matter.kind.as_str(), matter.id);
    Notice::new(account, Topic::Held, subject, "held", text, now)
}

/// Locks what `matter` names, or (`None`) takes its locks away.
async fn change(
    app: &App,
    account: &Account,
    key: &RecordKey,
    id: Uuid,
    matter: Option<&Matter>,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(surface) = account.types.get(&key.record_type) else { return Ok(()) };
    for _ in 0..ATTEMPTS {
        let stored = app.state.load(std::slice::from_ref(key)).await?.pop().flatten();
        let Some(stored) = stored else { return Ok(()) };
        let mut record = Record::clone(&stored);
        record.locks.retain(|lock| lock.error != lock_id(id));
        if let Some(matter) = matter {
            let fields = matter.fields.iter().filter_map(|name| surface.field(name)).map(Some);
            let fields: Vec<Option<usize>> = match matter.fields.is_empty() {
                true => vec![None],
                false => fields.collect(),
            };
            let reason = format!("nobody has decided in time: {}", matter.about);
            let lock = |field| Lock { field, error: lock_id(id), reason: reason.clone(), since: now };
            record.locks.extend(fields.into_iter().map(lock));
        }
        let held = |record: &Record| record.locks.iter().filter(|l| l.error == lock_id(id)).count();
        if held(&record) == held(&stored) {
            return Ok(());
        }
        reschedule(&mut record, surface, now);
        let action = if matter.is_some() { "hold" } else { "release" };
        let mut commit = Commit::new(account.id.clone());
        commit.audit.push(audit(action, key.to_string(), id, now));
        commit.record = Some(record);
        match app.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => return Ok(()),
            Some(Verdict::Stale) => {}
            Some(Verdict::Refused(why)) => {
                return Err(Fault::Broken(format!("a lock that the state refuses: {why}")));
            }
            Some(Verdict::LinkTaken(_)) | None => return Err(Fault::Broken("a lock changes no link".into())),
        }
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

/// What the locks that stand for a matter name in place of an error.
fn lock_id(matter: Uuid) -> Uuid {
    derived_id("hold", &[&matter.to_string()])
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
