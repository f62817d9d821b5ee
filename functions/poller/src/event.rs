//! What a look at NetSuite tells, as an event; and whether it tells anything.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use shared::domain::event::{ChangeEvent, FieldError};
use shared::domain::id::{RecordKey, Side, SideId, Timestamp, derived_id};
use shared::domain::record::{Presence, Record};
use shared::domain::surface::{Account, TypeSurface};
use shared::domain::value::Value;
use shared::fault::Unavailable;
use shared::netsuite::wire::Outcome;
use shared::state::{Link, State};
use shared::writer::translate::{CanonicalIds, read};

/// A full read: the record that a look found. Else, what is wrong with the answer.
pub(crate) fn full_read(
    account: &Account,
    surface: &TypeSurface,
    found: Outcome,
) -> Result<ChangeEvent, String> {
    let at = found.last_modified.as_deref().and_then(Timestamp::parse);
    let id = found.id.as_deref().and_then(|id| SideId::parse(id).ok());
    let (Some(at), Some(id)) = (at, id) else {
        let (id, at) = (found.id, found.last_modified);
        return Err(format!("it is shown with the id {id:?} and the time {at:?}"));
    };
    let values = Json::Object(found.values);
    event(account, surface, &id, ("update", &at.to_string()), at, found.external_id, values)
        .map_err(|why| why.to_string())
}

/// A full read without these of its fields: they keep what they hold. `None`: nothing else was read.
pub(crate) fn without(read: ChangeEvent, fields: &[String]) -> Option<ChangeEvent> {
    let mut read = ChangeEvent { event_id: derived_id("poll-part", &[&read.event_id.to_string()]), ..read };
    read.payload.changes.retain(|name, _| !fields.contains(name));
    read.payload.full = false;
    (!read.payload.changes.is_empty()).then_some(read)
}

/// A deletion that NetSuite lists under a time of its own, which is what makes the event: when it was looked for says
/// nothing about it.
pub(crate) fn deletion(
    account: &Account,
    surface: &TypeSurface,
    id: &SideId,
    (listed, at): (&str, Timestamp),
) -> Result<ChangeEvent, FieldError> {
    event(account, surface, id, ("delete", listed), at, None, json!({}))
}

/// A full read beside what is known of its record.
pub(crate) struct Judged {
    pub(crate) read: ChangeEvent,
    /// Whether it tells more than is known.
    pub(crate) is_news: bool,
    /// Fields in which the record was known to hold something.
    pub(crate) held: Vec<String>,
    /// Those of them that are empty now, or not shown any more.
    pub(crate) now_empty: Vec<String>,
}

/// What these full reads tell, in their order.
pub(crate) async fn judged(
    state: &dyn State,
    account: &Account,
    surface: &TypeSurface,
    reads: Vec<ChangeEvent>,
) -> Result<Vec<Judged>, Unavailable> {
    let records = known(state, account, surface, reads.iter().map(|read| read.record_id.clone())).await?;
    let references = reads.iter().map(|read| (surface, &read.payload.changes));
    let ids = CanonicalIds::load(state, &account.id, Side::NetSuite, references).await?;
    let judge = |(read, record): (ChangeEvent, Option<Arc<Record>>)| {
        let is_news = record.as_ref().is_none_or(|record| tells_more(record, surface, &read, &ids));
        let (held, now_empty) =
            record.filter(|_| is_news).map(|record| emptied(&record, surface, &read)).unwrap_or_default();
        Judged { read, is_news, held, now_empty }
    };
    Ok(reads.into_iter().zip(records).map(judge).collect())
}

/// Those of these full reads whose records are not known just so.
pub(crate) async fn news(
    state: &dyn State,
    account: &Account,
    surface: &TypeSurface,
    reads: Vec<ChangeEvent>,
) -> Result<Vec<ChangeEvent>, Unavailable> {
    let judged = judged(state, account, surface, reads).await?;
    Ok(judged.into_iter().filter(|judged| judged.is_news).map(|judged| judged.read).collect())
}

/// The fields in which a record was known to hold something, and those of them in which a look shows nothing.
fn emptied(record: &Record, surface: &TypeSurface, look: &ChangeEvent) -> (Vec<String>, Vec<String>) {
    let side = &record.sides[Side::NetSuite];
    if side.presence != Presence::There {
        return (Vec::new(), Vec::new());
    }
    let shown = &look.payload.changes;
    let is_empty = |json: Option<&Json>| match json {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.is_empty(),
        Some(Json::Array(some)) => some.is_empty(),
        Some(_) => false,
    };
    let held = surface.fields.iter().zip(&side.shadow).filter(|(_, value)| **value != Value::Null);
    let held: Vec<&str> = held.map(|(field, _)| field.name_on(Side::NetSuite)).collect();
    let now_empty = held.iter().filter(|name| is_empty(shown.get(**name)));
    let now_empty = now_empty.map(ToString::to_string).collect();
    (held.iter().map(ToString::to_string).collect(), now_empty)
}

/// The records that have these ids, in their order.
pub(crate) async fn known(
    state: &dyn State,
    account: &Account,
    surface: &TypeSurface,
    ids: impl Iterator<Item = SideId>,
) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
    let asked: Vec<_> = ids.map(|id| (surface.record_type.clone(), Side::NetSuite, id)).collect();
    let links = state.links(&account.id, &asked).await?;
    let key = |canonical| RecordKey::new(account.id.clone(), surface.record_type.clone(), canonical);
    let keys: Vec<RecordKey> =
        links.iter().flatten().filter(|link| !link.retired).map(|link| key(link.canonical.clone())).collect();
    let mut records = state.load(&keys).await?.into_iter();
    let of = |link: Option<Link>| match link {
        Some(link) if !link.retired => records.next().flatten(),
        _ => None,
    };
    Ok(links.into_iter().map(of).collect())
}

/// Whether a look tells more than is known: a later time, or, of the same, another value.
fn tells_more(record: &Record, surface: &TypeSurface, look: &ChangeEvent, ids: &CanonicalIds) -> bool {
    let side = &record.sides[Side::NetSuite];
    let (Some(seen), Presence::There) = (side.seen, side.presence) else { return true };
    if look.revision != Some(seen) {
        return look.revision > Some(seen);
    }
    let told = read(ids, Side::NetSuite, surface, &look.payload.changes);
    !told.errors.is_empty()
        || told.unresolved
        || told.values.iter().any(|(field, value)| side.shadow.get(*field) != Some(value))
}

/// The same operation, of the same time, with the same values, is the same event.
fn event(
    account: &Account,
    surface: &TypeSurface,
    id: &SideId,
    (operation, time): (&str, &str),
    at: Timestamp,
    external_id: Option<String>,
    values: Json,
) -> Result<ChangeEvent, FieldError> {
    let kind = surface.record_type.as_str();
    let parts = [account.id.as_str(), kind, id.as_str(), operation, time, &values.to_string()];
    let event = json!({
        "eventId": derived_id("poll", &parts),
        "accountId": account.id,
        "recordType": kind,
        "recordId": id.as_str(),
        "source": "netsuite-poll",
        "operation": operation,
        "timestamp": at,
        "revision": at.seconds(),
        "externalId": external_id,
        "payload": { "changes": values, "full": operation != "delete" },
    });
    let Json::Object(event) = event else { unreachable!("it was written as an object") };
    ChangeEvent::from_object(event)
}
