//! People at their desks: they decide conflicts, have errors tried again and set values, through the door that everybody
//! takes, at random moments; and some try who may not.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value as Json, json};
use shared::domain::value::Kind;
use shared::state::{Ambiguities, State};

use crate::executor::Lane;
use crate::world::World;

/// A person decides an open conflict, perhaps on a stale view.
pub(crate) fn resolve(world: &mut World, lane: Lane, settled: bool) {
    let account = world.accounts[lane].clone();
    let open = futures::FutureExt::now_or_never(world.state.conflicts(Some(&account), None, 50));
    let Some(Ok(page)) = open else { return };
    if page.items.is_empty() {
        return;
    }
    let record = &page.items[world.lanes[lane].dice.usize(0..page.items.len())];
    let Some(conflict) = &record.conflict else { return };
    let choice = ["netsuite", "suitex", "suggested"][world.lanes[lane].dice.usize(0..3)];
    let stale = !settled && world.lanes[lane].dice.u32(0..10) == 0;
    let revision = if stale { conflict.revision.saturating_sub(1) } else { conflict.revision };
    let mut body = json!({ "conflictRevision": revision, "choice": choice });
    if conflict.deleted_by.is_some() {
        body["keep"] = json!(world.lanes[lane].dice.bool());
    }
    let (who, may) = somebody(world, lane, settled);
    let uri = format!("/review/api/v1/conflicts/{}/resolve?as={who}", conflict.id);
    world.note(lane, format!("{who} resolves {} r{revision}: {choice}", record.key));
    ask(world, lane, &uri, &body, may);
}

/// A person says which of a side's records one is, perhaps on a stale view.
pub(crate) fn tell_who(world: &mut World, lane: Lane, settled: bool) {
    let account = world.accounts[lane].clone();
    let open = futures::FutureExt::now_or_never(world.state.open_ambiguities(&account, None, 50));
    let Some(Ok(open)) = open else { return };
    if open.is_empty() {
        return;
    }
    let dice = &mut world.lanes[lane].dice;
    let asked = &open[dice.usize(0..open.len())];
    let free: Vec<_> = asked.free().collect();
    let choice = match dice.u32(0..10) {
        0..6 if !free.is_empty() => json!({ "link": free[dice.usize(0..free.len())].id }),
        6 => json!("again"),
        _ => json!("create"),
    };
    let stale = !settled && dice.u32(0..10) == 0;
    let revision = if stale { asked.revision.saturating_sub(1) } else { asked.revision };
    let (who, may) = somebody(world, lane, settled);
    let uri = format!("/review/api/v1/ambiguous/{}/decide?as={who}", asked.id());
    world.note(lane, format!("{who} tells who {} is, r{revision}: {choice}", asked.record));
    ask(world, lane, &uri, &json!({ "revision": revision, "choice": choice }), may);
}

/// A person has an error tried again.
pub(crate) fn retry(world: &mut World, lane: Lane, settled: bool) {
    let account = world.accounts[lane].clone();
    let open = futures::FutureExt::now_or_never(world.state.errors(Some(&account), true, None, 50));
    let Some(Ok(page)) = open else { return };
    if page.items.is_empty() {
        return;
    }
    let error = &page.items[world.lanes[lane].dice.usize(0..page.items.len())];
    let (who, may) = somebody(world, lane, settled);
    let uri = format!("/review/api/v1/errors/{}/retry?as={who}", error.id);
    world.note(lane, format!("{who} retries {}: {}", error.class, error.message));
    let tag = format!("\"{}\"", error.tag());
    ask_of(world, lane, &uri, &json!({}), Some(&tag), may);
}

/// An admin sets a value, whatever policy, direction and lock say; or somebody tries who is none.
pub(crate) fn overrides(world: &mut World, lane: Lane) {
    let account = world.accounts[lane].clone();
    let records = world.state.all_records(&account);
    let alive: Vec<_> = records.into_iter().filter(|record| record.alive).collect();
    if alive.is_empty() {
        return;
    }
    let dice = &mut world.lanes[lane].dice;
    let record = &alive[dice.usize(0..alive.len())];
    let surface = Arc::clone(&world.config.accounts[&account].types[&record.key.record_type]);
    let texts = surface.fields.iter().filter(|f| matches!(f.kind, Kind::Text { .. }));
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        return;
    }
    let dice = &mut world.lanes[lane].dice;
    let field = &texts[dice.usize(0..texts.len())].name;
    let value = format!("o{}", dice.u32(0..1_000_000));
    let (version, unlock) = (record.version.0 - u64::from(dice.u32(0..10) == 0), dice.bool());
    let who = ["ada", "ada", "ada", "rita"][dice.usize(0..4)];
    let body =
        json!({ "version": version, "fields": { &**field: value }, "unlock": unlock, "note": "so be it" });
    let (kind, id) = (&record.key.record_type, &record.key.id);
    let uri = format!("/review/api/v1/records/{account}/{kind}/{id}/override?as={who}");
    world.note(lane, format!("{who} overrides {field} of {} v{version}: {value}", record.key));
    ask(world, lane, &uri, &body, who == "ada");
}

/// Who decides, and whether they may: mostly an admin or the account's own resolver, at times a viewer or a resolver of
/// another account, until the trouble stops.
fn somebody(world: &mut World, lane: Lane, settled: bool) -> (&'static str, bool) {
    if settled {
        return ("ada", true);
    }
    let who = ["ada", "rita", "gus", "rita", "gus", "vera"][world.lanes[lane].dice.usize(0..6)];
    // The people of development: see `review::identity`.
    let first = world.config.accounts.keys().next() == Some(&world.accounts[lane]);
    (who, who == "ada" || (who == "rita" && first) || (who == "gus" && !first))
}

/// Somebody asks the review API to do something; who may not must not be heard.
fn ask(world: &mut World, lane: Lane, uri: &str, body: &Json, may: bool) {
    ask_of(world, lane, uri, body, None, may);
}

/// Asks about a thing as it was seen.
fn ask_of(world: &mut World, lane: Lane, uri: &str, body: &Json, seen: Option<&str>, may: bool) {
    let instance = world.any(lane, "review");
    let mut request = Request::post(uri).header("content-type", "application/json");
    if let Some(seen) = seen {
        request = request.header("if-match", seen);
    }
    let request = request.body(Bytes::from(body.to_string())).expect("a request");
    let watch = Arc::clone(&world.faults.watch);
    world.send(lane, instance, request, move |status, _| {
        if status.is_success() && !may {
            watch.violated("I18", "somebody was heard who has no right to be".into());
        }
    });
}
