//! A type's scan for what was saved: changed ids, the records themselves, what of them is news, on the bus.

use serde_json::{Map, Value as Json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Side, SideId, Timestamp, derived_id};
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::error::refusal;
use shared::netsuite::wire::{Outcome, Read, Refusal, What};
use shared::state::{Commit, ErrorEntry, ErrorStatus};

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Place, hour_before};
use crate::event;
use crate::query::{self, PAGE, Table};

/// Records of one call: ten units each, of five thousand.
pub(crate) const READS: usize = 50;

/// In spring NetSuite's clock leaves out an hour, and a time within may be one that its database cannot read. The
/// database's number stands in the message alone, under a code that says nothing.
const NO_SUCH_HOUR: &str = "ORA-01878";

/// Records that NetSuite may refuse to show before the scan stands still.
const OWED_MAX: usize = 1_000;

/// Goes through what was saved up to `upto`; answers how many events it has published.
pub(crate) async fn scan(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    upto: &str,
    now: Timestamp,
) -> Result<usize, Stop> {
    let (state, account, overlap_s) = (&caller.app.state, &caller.account.id, caller.app.rules.overlap_s);
    let name = surface.record_type.as_str();
    let mut cursor = Cursor::parse(state.poll_cursor(account, name).await?.as_deref());
    let owed: Vec<u64> = cursor.owed.iter().copied().collect();
    let mut published = tell(caller, surface, &mut cursor, &owed).await?;
    loop {
        let rows = page(caller, surface, &mut cursor, upto, now).await?;
        let unknown: Vec<u64> = rows.iter().filter(|row| !cursor.knows(row)).map(|row| row.id).collect();
        published += tell(caller, surface, &mut cursor, &unknown).await?;
        let is_last = rows.len() < PAGE;
        cursor.pass(rows, overlap_s);
        if is_last {
            cursor.end(overlap_s);
        }
        // Only now: what it passes is on the bus, or owed.
        state.set_poll_cursor(account, name, &cursor.to_text()).await?;
        if is_last {
            return Ok(published);
        }
    }
}

/// The next page of a scan.
async fn page(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    cursor: &mut Cursor,
    upto: &str,
    now: Timestamp,
) -> Result<Vec<Place>, Stop> {
    let mut scan = cursor.scan(upto, now, caller.app.rules.overlap_s);
    let table = Table::of(&surface.netsuite);
    let rows = match caller.query(&query::changed(table, &scan)).await {
        Err(Stop::Fault(fault)) if fault.why.contains(NO_SUCH_HOUR) => {
            scan.after = Place { time: hour_before(&scan.after.time), id: 0 };
            caller.query(&query::changed(table, &scan)).await?
        }
        rows => rows?,
    };
    rows.iter().map(place).collect()
}

/// The place that a row names. An id may be a number or a text.
pub(crate) fn place(row: &Map<String, Json>) -> Result<Place, Stop> {
    let id = match row.get("id") {
        Some(Json::String(text)) => text.parse().ok(),
        other => other.and_then(Json::as_u64),
    };
    let place = id.zip(row.get("at").and_then(Json::as_str));
    let place = place.map(|(id, at)| Place { time: at.to_string(), id });
    place.ok_or_else(|| Stop::Odd(format!("a row without id or time: {}", Json::Object(row.clone()))))
}

/// Reads records and publishes those that tell something new; answers how many. What NetSuite refuses to show is owed
/// from then on, and a person is told; what it shows is so no more.
async fn tell(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    cursor: &mut Cursor,
    ids: &[u64],
) -> Result<usize, Stop> {
    let mut published = 0;
    for ids in ids.chunks(READS) {
        let mut left = ids.to_vec();
        while !left.is_empty() {
            let looks = looks(caller, surface, &left).await?;
            let news = event::news(&*caller.app.state, caller.account, surface, looks.found).await?;
            published += caller.publish(news).await?;
            owe(caller, surface, cursor, (&left, &looks.not_tried), looks.refused).await?;
            left = looks.not_tried;
        }
    }
    Ok(published)
}

/// What a call of looks told.
#[derive(Default)]
struct Looks {
    found: Vec<ChangeEvent>,
    /// Or shown in a form that nobody can read.
    refused: Vec<(u64, Refusal)>,
    not_tried: Vec<u64>,
}

async fn looks(caller: &Caller<'_>, surface: &TypeSurface, ids: &[u64]) -> Result<Looks, Stop> {
    let outcomes = caller.read(ids.iter().map(|id| look_at(surface, &id.to_string())).collect()).await?;
    if outcomes.len() != ids.len() {
        return Err(Stop::Odd(format!("{} records were asked for, {} told", ids.len(), outcomes.len())));
    }
    let mut looks = Looks::default();
    for (id, outcome) in ids.iter().zip(outcomes) {
        match outcome.outcome {
            What::Found => match event::full_read(caller.account, surface, outcome) {
                Ok(read) => looks.found.push(read),
                Err(message) => {
                    looks.refused.push((*id, Refusal { code: "UNREADABLE".into(), message, field: None }))
                }
            },
            What::Refused => looks.refused.push((*id, refusal_of(outcome))),
            What::NotAttempted => looks.not_tried.push(*id),
            // The scan of deletions judges: what we may not see is not deleted.
            What::Deleted | What::Missing => {}
            What::Applied | What::AlreadyApplied | What::Mismatch => {
                return Err(Stop::Odd(format!("a look at {id} was answered as a write")));
            }
        }
    }
    if looks.not_tried.len() == ids.len() {
        return Err(Stop::Odd("it tried none of the looks".into()));
    }
    Ok(looks)
}

/// Why NetSuite refuses to show a record.
pub(crate) fn refusal_of(outcome: Outcome) -> Refusal {
    let unsaid = || Refusal { code: "REFUSED".into(), message: "it does not say why".into(), field: None };
    outcome.error.unwrap_or_else(unsaid)
}

/// Keeps account of what NetSuite refuses to show. An error is filed when a record is refused first, and closed when it
/// is shown.
async fn owe(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    cursor: &mut Cursor,
    (asked, not_tried): (&[u64], &[u64]),
    refused: Vec<(u64, Refusal)>,
) -> Result<(), Stop> {
    let is_refused = |id: &u64| refused.iter().any(|(other, _)| other == id);
    let paid: Vec<u64> =
        asked.iter().copied().filter(|id| !is_refused(id) && !not_tried.contains(id)).collect();
    let paid: Vec<u64> = paid.into_iter().filter(|id| cursor.owed.remove(id)).collect();
    let new: Vec<(u64, Refusal)> = refused.into_iter().filter(|(id, _)| cursor.owed.insert(*id)).collect();
    if cursor.owed.len() > OWED_MAX {
        return Err(Stop::Odd(format!(
            "it refuses to show more than {OWED_MAX} records of {}",
            surface.netsuite
        )));
    }
    let now = caller.app.ports.clock.now();
    let file = |id: u64, why: &Refusal| not_shown(caller.account, surface, &id.to_string(), why, now);
    let over = Refusal { code: "SHOWN".into(), message: "it is shown again".into(), field: None };
    let closed = paid.iter().map(|id| ErrorEntry { status: ErrorStatus::Closed, ..file(*id, &over) });
    let opened = new.iter().map(|(id, why)| file(*id, why));
    let errors: Vec<ErrorEntry> = closed.chain(opened).collect();
    if !errors.is_empty() {
        let commit = Commit { errors, ..Commit::new(caller.account.id.clone()) };
        caller.app.state.commit(vec![commit]).await?;
    }
    Ok(())
}

/// The error that NetSuite lists a record as saved or deleted and refuses to show it.
pub(crate) fn not_shown(
    account: &Account,
    surface: &TypeSurface,
    id: &str,
    why: &Refusal,
    now: Timestamp,
) -> ErrorEntry {
    let kind = surface.record_type.as_str();
    let error = derived_id("not-shown", &[account.id.as_str(), kind, id]);
    let message =
        format!("NetSuite tells that {kind} {id} has changed and does not show it: {}", why.message);
    let hint = refusal(&why.code, &why.message, None).hint;
    ErrorEntry::open(&account.id, error, "not_shown", &why.code, &message, hint, now)
}

/// A look at a record by its internal id.
pub(crate) fn look_at(surface: &TypeSurface, id: &str) -> Read {
    Read {
        record_type: surface.netsuite.clone(),
        id: Some(id.to_string()),
        external_id: None,
        operations: Vec::new(),
        fields: surface.names_on(Side::NetSuite),
    }
}

/// A NetSuite id of ours.
pub(crate) fn side_id(id: u64) -> Option<SideId> {
    SideId::parse(&id.to_string()).ok()
}
