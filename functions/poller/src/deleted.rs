//! The scan for deletions: what NetSuite lists as deleted, and what a look confirms.
//!
//! Not being visible is not being deleted: only a record that the list of deletions names is looked at, and one that
//! the look still finds is not told as deleted.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Side, SideId, Timestamp, derived_id};
use shared::domain::record::{Presence, Record};
use shared::domain::surface::{Account, TypeSurface};
use shared::netsuite::wire::What;
use shared::state::{Commit, ErrorEntry, Notice};

use crate::caller::{Caller, Stop};
use crate::changed::{READS, look_at, not_shown, place, refusal_of, side_id};
use crate::cursor::{Cursor, Place};
use crate::event;
use crate::query::{self, PAGE};

/// The scan's name.
const NAME: &str = "deletions";

/// The brake counts what was told within this, ms.
const HOUR_MS: i64 = 3_600_000;

/// Goes through what was deleted up to `upto`; answers how many events it has published.
pub(crate) async fn scan(caller: &Caller<'_>, upto: &str, now: Timestamp) -> Result<usize, Stop> {
    let (state, account, rules) = (&caller.app.state, &caller.account.id, &caller.app.rules);
    let mut cursor = Cursor::parse(state.poll_cursor(account, NAME).await?.as_deref());
    let mut published = 0;
    loop {
        let scan = cursor.scan(upto, now, rules.overlap_s);
        let rows = caller.query(&query::deleted(&scan)).await?;
        let places = rows.iter().map(place).collect::<Result<Vec<Place>, Stop>>()?;
        let mut by_type: BTreeMap<&str, Vec<SideId>> = BTreeMap::new();
        for (row, place) in rows.iter().zip(&places).filter(|(_, place)| !cursor.knows(place)) {
            if let (Some(surface), Some(id)) = (surface_of(caller.account, row), side_id(place.id)) {
                by_type.entry(surface.record_type.as_str()).or_default().push(id);
            }
        }
        let mut events = Vec::new();
        for surface in caller.account.types.values() {
            let ids = by_type.remove(surface.record_type.as_str()).unwrap_or_default();
            for ids in ids.chunks(READS) {
                events.extend(confirmed(caller, surface, ids, now).await?);
            }
        }
        cursor.told.retain(|at| *at > now.0 - HOUR_MS);
        if !events.is_empty() && cursor.told.len() + events.len() > rules.deletions_max {
            hold(caller, cursor.told.len() + events.len()).await?;
            return Ok(published);
        }
        cursor.told.extend(events.iter().map(|_| now.0));
        published += caller.publish(events).await?;
        let is_last = places.len() < PAGE;
        cursor.pass(places, rules.overlap_s);
        if is_last {
            cursor.end(rules.overlap_s);
        }
        // Only now: what it passes is on the bus.
        state.set_poll_cursor(account, NAME, &cursor.to_text()).await?;
        if is_last {
            return Ok(published);
        }
    }
}

/// The synced type that a row of the list is about. NetSuite writes a type in more than one way: `Sales Order`,
/// `salesorder`, `SALESORDER`; a custom record by its script id.
fn surface_of<'a>(account: &'a Account, row: &Map<String, Json>) -> Option<&'a TypeSurface> {
    let named = letters(row.get("type").and_then(Json::as_str)?);
    let surface = account.types.values().find(|surface| letters(&surface.netsuite) == named);
    surface.map(|surface| &**surface)
}

fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The deletions among these ids of records that are known to be there, each confirmed by a look.
async fn confirmed(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    ids: &[SideId],
    now: Timestamp,
) -> Result<Vec<ChangeEvent>, Stop> {
    let state = &*caller.app.state;
    let known = event::known(state, caller.account, surface, ids.iter().cloned()).await?;
    let is_there = |record: &Record| record.sides[Side::NetSuite].presence == Presence::There;
    let there = ids.iter().zip(known).filter(|(_, record)| record.as_ref().is_some_and(|r| is_there(r)));
    let there: Vec<&SideId> = there.map(|(id, _)| id).collect();
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = caller.read(there.iter().map(|id| look_at(surface, id.as_str())).collect()).await?;
    if outcomes.len() != there.len() || outcomes.iter().any(|o| o.outcome == What::NotAttempted) {
        return Err(Stop::Odd("not every look at a deleted record was answered".into()));
    }
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    for (id, outcome) in there.into_iter().zip(outcomes) {
        match outcome.outcome {
            What::Deleted | What::Missing => {
                let at = outcome.last_modified.as_deref().and_then(Timestamp::parse).unwrap_or(now);
                let event = event::deletion(caller.account, surface, id, at);
                events.push(event.map_err(|why| Stop::Odd(format!("a deletion makes no event: {why}")))?);
            }
            What::Refused => {
                errors.push(not_shown(caller.account, surface, id.as_str(), &refusal_of(outcome), now));
            }
            What::Found | What::NotAttempted | What::Applied | What::AlreadyApplied | What::Mismatch => {}
        }
    }
    if !errors.is_empty() {
        state.commit(vec![Commit { errors, ..Commit::new(caller.account.id.clone()) }]).await?;
    }
    Ok(events)
}

/// The brake: too many deletions at once are more often an accident than meant. Nothing is told, the cursor stays, and
/// a person is told why.
async fn hold(caller: &Caller<'_>, count: usize) -> Result<(), Stop> {
    let (account, most) = (&caller.account.id, caller.app.rules.deletions_max);
    let now = caller.app.ports.clock.now();
    let day = now.0.div_euclid(24 * HOUR_MS).to_string();
    let message = format!(
        "{count} records were deleted in NetSuite within an hour, more than the {most} that are passed on unasked: \
         none of these deletions was passed on"
    );
    let hint = "See in NetSuite whether they were meant. If so, raise POLL_DELETIONS_MAX of the poller until they \
                have gone through; if not, restore the records there.";
    let id = derived_id("mass-delete", &[account.as_str(), &day]);
    let error = ErrorEntry::open(account, id, "brake", "MASS_DELETE", &message, hint, now);
    let notice = Notice { id, at: now, topic: "brake".into(), text: message };
    let commit = Commit { errors: vec![error], notices: vec![notice], ..Commit::new(account.clone()) };
    caller.app.state.commit(vec![commit]).await?;
    Ok(())
}
