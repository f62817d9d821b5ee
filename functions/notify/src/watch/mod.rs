//! A look at an account: what is seen is judged by [`alarms`] and [`ladder`], which are pure; what follows is written as a
//! whole. Two instances that look at once see the same, and one of them writes.
//!
//! What is to be stopped, or to go on, is remembered first and done then ([`hold`]).

mod alarms;
mod filing;
mod hold;
mod ladder;
mod matters;
mod memory;

use shared::domain::id::{AccountId, PerSide, RecordKey, RecordType, Side, Timestamp};
use shared::domain::surface::Account;
use shared::fault::{Fault, Unavailable};
use shared::state::desk::COUNT_MAX;
use shared::state::watch::Watched;
use shared::state::{Ambiguity, AmbiguityStatus, ErrorEntry, ErrorStatus, Notice};
use uuid::Uuid;

use self::alarms::Look;
use self::ladder::Matter;
use self::memory::{Climb, Counts, Kind, Memory, Stage, Stop};
use crate::App;

pub use self::hold::ACTOR;

/// Rows of one page.
const PAGE: usize = 200;

/// Pages of conflicts, of errors, and of questions, that a look goes through.
const PAGES: usize = 5;

/// Errors that are counted by kind.
const KINDS_OF: usize = 1_000;

/// Records and events that have waited for long, among which an important one is looked for.
const STALE_OF: usize = 1_000;

/// Deliveries in trouble that are looked at.
const TROUBLE_OF: usize = 100;

/// Things that had waited too long, of which one look sees whether they are over.
const OVER_OF: usize = 100;

/// Looks at an account, tells what is to be told, and stops what is to stop.
pub(crate) async fn watch(app: &App, account: &Account) -> Result<(), Fault> {
    let state = &app.state;
    let stored = state.watch_memory(&account.id).await?;
    let mut memory = Memory::read(&stored).map_err(Fault::Broken)?;
    let before = memory.clone();
    let now = app.ports.clock.now();

    let errors = matters::open_errors(app, account, now).await?;
    let questions = matters::open_questions(app, account, now).await?;
    let look = look(app, account, &memory, (&errors, &questions), now).await?;
    let mut notices = alarms::judge(&mut memory, &look);
    notices.extend(over(app, &account.id, &mut memory, now).await?);
    filing::file(app, account, &mut memory).await?;
    let mut matters = matters::conflicts(app, account, &memory, now).await?;
    matters.extend(matters::errors(account, &memory, errors, now));
    matters.extend(matters::questions(account, &memory, &questions, now));
    notices.extend(ladder::climb(&mut memory, &account.id, &matters, &account.notify, now));
    for matter in matters.iter().filter(|matter| ladder::is_past(matter, now)) {
        notices.extend(stop(account, &mut memory, matter, now));
    }
    let mut revision = stored.revision;
    if memory != before || !notices.is_empty() {
        if !remember(app, account, revision, &memory, notices).await? {
            return Ok(());
        }
        revision += 1;
    }
    // Only now: what is held and not remembered would be held for ever.
    if hold::carry_out(app, account, &mut memory, now).await? {
        remember(app, account, revision, &memory, Vec::new()).await?;
    }
    Ok(())
}

/// Writes down what is remembered from now on, with what is told. False: another instance has, and goes on.
async fn remember(
    app: &App,
    account: &Account,
    revision: u64,
    memory: &Memory,
    notices: Vec<Notice>,
) -> Result<bool, Fault> {
    let text = serde_json::to_string(memory).map_err(|e| Fault::Broken(e.to_string()))?;
    let noted = app.state.note_watched(&account.id, revision, Watched { text, notices }).await?;
    if !noted {
        tracing::debug!(account = %account.id, "another instance has looked meanwhile");
    }
    Ok(noted)
}

/// What is to be seen of the account as a whole.
async fn look<'a>(
    app: &App,
    account: &'a Account,
    memory: &Memory,
    (errors, questions): (&[ErrorEntry], &[Ambiguity]),
    now: Timestamp,
) -> Result<Look<'a>, Unavailable> {
    let (state, rules, id) = (&app.state, &account.notify, &account.id);
    let census = state.census(id).await?;
    let governance = state.governance_of(id).await?;
    let minutes = |minutes: u32| now.plus(-i64::from(minutes) * 60_000);
    let due = PerSide {
        netsuite: state.backlog(id, Side::NetSuite, now).await?,
        suitex: state.backlog(id, Side::SuiteX, now).await?,
    };
    let unseen = match (rules.inbox_minutes, memory.inbox_at) {
        (0, _) => 0,
        (_, told) => {
            let since = told.map_or(Timestamp(0), |at| at.plus(1));
            state.conflicts_opened(id, since, 1).await?
        }
    };
    // What is more than too much need not be counted.
    let opened_max = COUNT_MAX.max(rules.conflict_count.saturating_add(1));
    let agreed = matters::agreed_for_errors(account);
    let of = |place: &str| census.get(place).copied().unwrap_or(0);
    Ok(Look {
        account: id,
        rules,
        now,
        counts: Counts { at: now, events: census.values().sum(), overloads: governance.overloads },
        waiting: of("pending") + of("waiting"),
        due,
        stale: stale(app, account, minutes(rules.backlog_minutes)).await?,
        suspended: governance.suspended,
        opened: state.conflicts_opened(id, minutes(rules.conflict_minutes), opened_max).await?,
        unseen,
        conflicts: state.conflict_counts(id, now).await?,
        errors_overdue: errors.iter().filter(|error| error.first_at.plus(agreed) <= now).count() as u64,
        questions_overdue: questions.iter().filter(|q| q.opened_at.plus(agreed) <= now).count() as u64,
        kinds: state.error_kinds(id, minutes(rules.refusals_minutes), KINDS_OF).await?,
        trouble: state.deliveries(id, true, None, TROUBLE_OF).await?.items,
    })
}

/// Something of an important type that has waited since then, however often it was tried.
async fn stale(app: &App, account: &Account, since: Timestamp) -> Result<Option<String>, Unavailable> {
    let (state, id) = (&app.state, &account.id);
    for side in Side::BOTH {
        let behind: Vec<RecordKey> = state.behind(id, side, since, STALE_OF).await?;
        if let Some(key) = behind.into_iter().find(|key| is_important(account, &key.record_type)) {
            return Ok(Some(key.to_string()));
        }
    }
    let events = state.pending_due(id, since, STALE_OF).await?;
    let event = events.into_iter().find(|(kind, _)| is_important(account, kind));
    Ok(event.map(|(kind, subject)| format!("{id}:{}", subject.to_text(&kind))))
}

fn is_important(account: &Account, kind: &RecordType) -> bool {
    account.types.get(kind).is_some_and(|of| of.priority >= account.notify.backlog_priority)
}

/// Where something stands that had waited too long.
enum Standing {
    Open,
    /// A person had it tried again.
    Tried,
    Over,
}

/// Sees which of those that had waited too long are over, and tells it. Some of them at each look. What stopped because of
/// one goes on, and it is forgotten then.
async fn over(
    app: &App,
    account: &AccountId,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Notice>, Unavailable> {
    let from = memory.over_from.unwrap_or(Uuid::nil());
    let turn: Vec<Uuid> = memory.climbs.range(from..).take(OVER_OF).map(|(id, _)| *id).collect();
    // Behind the last: from the beginning again.
    memory.over_from = (turn.len() == OVER_OF).then(|| turn[turn.len() - 1]);
    let mut notices = Vec::new();
    for id in turn {
        let Some(climb) = memory.climbs.get(&id).filter(|climb| !climb.is_over) else { continue };
        let standing = standing(app, account, id, climb).await?;
        let Some(climb) = memory.climbs.get_mut(&id) else { continue };
        match standing {
            Standing::Open => {}
            // What is held could not be tried. If it fails, what is past its time is stopped again.
            Standing::Tried => {
                if let Some(stop) = climb.stop.as_mut() {
                    stop.stage = Stage::Ending;
                    climb.steps = climb.steps.min(1);
                }
            }
            Standing::Over => {
                notices.extend(ladder::over(account, id, climb, now));
                climb.is_over = true;
                match climb.stop.as_mut() {
                    Some(stop) => stop.stage = Stage::Ending,
                    None => _ = memory.climbs.remove(&id),
                }
            }
        }
    }
    Ok(notices)
}

async fn standing(app: &App, account: &AccountId, id: Uuid, climb: &Climb) -> Result<Standing, Unavailable> {
    match climb.kind {
        Kind::Conflict => {
            let filed = app.state.conflict_of(std::slice::from_ref(account), id).await?;
            let is_open = filed.is_some_and(|filed| filed.is_open);
            Ok(if is_open { Standing::Open } else { Standing::Over })
        }
        Kind::Error => Ok(match app.state.error(id).await? {
            // It was closed meanwhile, and is another one.
            Some(error) if error.first_at > climb.since => Standing::Over,
            Some(error) => match error.status {
                ErrorStatus::Open => Standing::Open,
                ErrorStatus::Retried => Standing::Tried,
                ErrorStatus::Closed => Standing::Over,
            },
            None => Standing::Over,
        }),
        Kind::Question => Ok(match app.state.ambiguity(id).await? {
            // It was answered meanwhile, and is asked anew.
            Some(asked) if asked.opened_at > climb.since => Standing::Over,
            Some(asked) if asked.status == AmbiguityStatus::Open => Standing::Open,
            Some(_) | None => Standing::Over,
        }),
    }
}

/// Has that stop which is to stop when nobody has decided in time.
fn stop(account: &Account, memory: &mut Memory, matter: &Matter, now: Timestamp) -> Option<Notice> {
    let climb = memory.climbs.get_mut(&matter.id).filter(|climb| climb.stop.is_none() && !climb.is_over)?;
    let what = hold::asked_for(matter)?;
    let notice = hold::notice(&account.id, matter, &what, now);
    climb.stop = Some(Stop { what, stage: Stage::Wanted });
    Some(notice)
}
