//! A type's scan for what was saved: changed ids, the records themselves, what of them is news, on the bus.

use serde_json::{Map, Value as Json};
use shared::domain::id::{Side, SideId, Timestamp};
use shared::domain::surface::TypeSurface;
use shared::netsuite::wire::{Outcome, Read, What};

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Place, hour_before};
use crate::event::{self, Shown};
use crate::query::{self, PAGE, Table};

/// Records of one call: ten units each, of five thousand.
pub(crate) const READS: usize = 50;

/// Goes through what was saved up to `upto`; answers how many events it has published.
pub(crate) async fn scan(
    caller: &Caller<'_>,
    surface: &TypeSurface,
    upto: &str,
    now: Timestamp,
) -> Result<usize, Stop> {
    let (state, account, rules) = (&caller.app.state, &caller.account.id, &caller.app.rules);
    let name = surface.record_type.as_str();
    let mut cursor = Cursor::parse(state.poll_cursor(account, name).await?.as_deref());
    let mut published = 0;
    loop {
        let rows = page(caller, surface, &mut cursor, upto, now).await?;
        let unknown: Vec<&Place> = rows.iter().filter(|place| !cursor.knows(place)).collect();
        for places in unknown.chunks(READS) {
            let ids = places.iter().map(|place| place.id.to_string()).collect();
            published += publish(caller, surface, ids).await?;
        }
        let is_last = rows.len() < PAGE;
        cursor.pass(rows);
        if is_last {
            cursor.end(rules.overlap_s);
        }
        // Only now: what it passes is on the bus.
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
        // In spring NetSuite's clock leaves out an hour; a time within may be one that it cannot read.
        Err(Stop::Fault(fault)) if fault.why.contains("ORA-01878") => {
            scan.after = Place { time: hour_before(&scan.after.time), id: 0 };
            caller.query(&query::changed(table, &scan)).await?
        }
        rows => rows?,
    };
    rows.iter().map(place).collect()
}

/// The place that a row names.
pub(crate) fn place(row: &Map<String, Json>) -> Result<Place, Stop> {
    let text = |name| row.get(name).and_then(Json::as_str);
    let place = text("id").and_then(|id| id.parse().ok()).zip(text("at"));
    let place = place.map(|(id, at)| Place { time: at.to_string(), id });
    place.ok_or_else(|| Stop::Odd(format!("a row without id or time: {}", Json::Object(row.clone()))))
}

/// Reads records and publishes those that tell something new; answers how many.
async fn publish(caller: &Caller<'_>, surface: &TypeSurface, mut ids: Vec<String>) -> Result<usize, Stop> {
    let mut published = 0;
    while !ids.is_empty() {
        let outcomes = caller.read(ids.iter().map(|id| look_at(surface, id)).collect()).await?;
        if outcomes.len() != ids.len() {
            return Err(Stop::Odd(format!("{} records were asked for, {} told", ids.len(), outcomes.len())));
        }
        let not_tried = |outcome: &Outcome| outcome.outcome == What::NotAttempted;
        let left: Vec<String> =
            ids.iter().zip(&outcomes).filter(|(_, o)| not_tried(o)).map(|(id, _)| id.clone()).collect();
        if left.len() == ids.len() {
            return Err(Stop::Odd("it tried none of the looks".into()));
        }
        let shown: Vec<Shown> = outcomes.into_iter().filter_map(Shown::of).collect();
        let news = event::news(&*caller.app.state, caller.account, surface, shown).await?;
        published += caller.publish(news).await?;
        ids = left;
    }
    Ok(published)
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
