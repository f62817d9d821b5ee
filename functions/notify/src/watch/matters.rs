//! What is near its time, or past it, and has a step to take: conflicts by when they are due, errors and questions who is
//! who by their age.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::id::{RecordKey, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::{Account, OnBreach};
use shared::fault::Unavailable;
use shared::state::desk::{ConflictFilter, Filed};
use shared::state::{Ambiguity, ErrorEntry, ErrorStatus};

use super::ladder::{self, Matter, Room};
use super::memory::{Kind, Memory};
use super::{PAGE, PAGES};
use crate::App;

const HOUR_MS: i64 = 3_600_000;

/// How long an error, or a question who is who, may wait, ms.
pub(super) fn agreed_for_errors(account: &Account) -> i64 {
    i64::from(account.notify.error_sla_hours) * HOUR_MS
}

/// The conflicts that have a step to take; those first that are due first.
pub(super) async fn conflicts(
    app: &App,
    account: &Account,
    memory: &Memory,
    now: Timestamp,
) -> Result<Vec<Matter>, Unavailable> {
    let (state, rules) = (&app.state, &account.notify);
    let fields = account.types.values().flat_map(|t| t.fields.iter().map(|f| f.sla_ms).chain([t.sla_ms]));
    let until = now.plus(ladder::lead_ms(fields.max().unwrap_or(0), rules));
    let (mut after, mut filed) = (None, Vec::<Filed>::new());
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
    let mut room = Room::of(memory, Kind::Conflict);
    filed.retain(|filed| room.takes(memory, filed.conflict, (filed.opened_at, filed.due_at), rules, now));
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
    // The record tells; how it is filed may be of before the agreed times were changed.
    let times = record.conflict.as_ref().map(|conflict| (conflict.opened_at, conflict.due_at));
    let (since, due) = times.unwrap_or((filed.opened_at, filed.due_at));
    Matter {
        id: filed.conflict,
        kind: Kind::Conflict,
        about: format!("{}: both sides have changed {what}", filed.key),
        on_breach: on_breach(account, Some(&filed.key), &fields),
        key: Some(filed.key.clone()),
        fields,
        since,
        due,
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

/// The open errors that are near their time, the oldest first.
pub(super) async fn open_errors(
    app: &App,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<ErrorEntry>, Unavailable> {
    let agreed = agreed_for_errors(account);
    let until = now.plus(ladder::lead_ms(agreed, &account.notify) - agreed);
    let (mut after, mut open) = (None, Vec::new());
    for _ in 0..PAGES {
        let page = app.state.errors_by_age(&account.id, ErrorStatus::Open, after, until, PAGE).await?;
        after = page.last().map(|error| (error.first_at, error.id)).filter(|_| page.len() == PAGE);
        open.extend(page);
        if after.is_none() {
            break;
        }
    }
    Ok(open)
}

/// Those of these errors that have a step to take.
pub(super) fn errors(
    account: &Account,
    memory: &Memory,
    open: Vec<ErrorEntry>,
    now: Timestamp,
) -> Vec<Matter> {
    let (agreed, rules) = (agreed_for_errors(account), &account.notify);
    let mut room = Room::of(memory, Kind::Error);
    let matter = |error: ErrorEntry| {
        let (since, due) = (error.first_at, error.first_at.plus(agreed));
        room.takes(memory, error.id, (since, due), rules, now).then(|| {
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
    open.into_iter().filter_map(matter).collect()
}

/// The open questions who is who that are near their time, the oldest first.
pub(super) async fn open_questions(
    app: &App,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<Ambiguity>, Unavailable> {
    let agreed = agreed_for_errors(account);
    let until = now.plus(ladder::lead_ms(agreed, &account.notify) - agreed);
    let (mut after, mut open) = (None, Vec::new());
    for _ in 0..PAGES {
        let page = app.state.open_ambiguities(&account.id, after, PAGE).await?;
        let old = page.iter().take_while(|asked| asked.opened_at <= until).count();
        after = page.last().map(Ambiguity::place).filter(|_| old == PAGE);
        open.extend(page.into_iter().take(old));
        if after.is_none() {
            break;
        }
    }
    Ok(open)
}

/// Those of these questions that have a step to take.
pub(super) fn questions(
    account: &Account,
    memory: &Memory,
    open: &[Ambiguity],
    now: Timestamp,
) -> Vec<Matter> {
    let (agreed, rules) = (agreed_for_errors(account), &account.notify);
    let mut room = Room::of(memory, Kind::Question);
    let matter = |asked: &Ambiguity| {
        let (id, key) = (asked.id(), &asked.record);
        let (since, due) = (asked.opened_at, asked.opened_at.plus(agreed));
        room.takes(memory, id, (since, due), rules, now).then(|| Matter {
            id,
            kind: Kind::Question,
            about: format!("{key}: {} has several records that could be it", asked.side),
            on_breach: on_breach(account, Some(key), &[]),
            key: Some(key.clone()),
            fields: Vec::new(),
            since,
            due,
            assignee: None,
        })
    };
    open.iter().filter_map(matter).collect()
}
