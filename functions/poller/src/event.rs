//! What a look at NetSuite tells, as an event; and whether it tells anything.

use serde_json::{Map, Value as Json, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{RecordKey, Revision, Side, SideId, Timestamp, derived_id};
use shared::domain::record::{Presence, Record};
use shared::domain::surface::{Account, TypeSurface};
use shared::fault::Unavailable;
use shared::netsuite::wire::{Outcome, What};
use shared::state::State;
use shared::writer::translate::{CanonicalIds, read};

/// A record as NetSuite shows it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    id: SideId,
    external_id: Option<String>,
    at: Timestamp,
    values: Map<String, Json>,
}

impl Shown {
    /// The record that a look found; `None` when it found none, which is for the scan of deletions to judge: what we
    /// may not see is not deleted.
    pub(crate) fn of(outcome: Outcome) -> Option<Self> {
        if outcome.outcome != What::Found {
            return None;
        }
        let at = Timestamp::parse(outcome.last_modified.as_deref()?)?;
        let id = SideId::parse(outcome.id.as_deref()?).ok()?;
        Some(Self { id, external_id: outcome.external_id, at, values: outcome.values })
    }
}

/// The events of those records that are not known just so.
pub(crate) async fn news(
    state: &dyn State,
    account: &Account,
    surface: &TypeSurface,
    shown: Vec<Shown>,
) -> Result<Vec<ChangeEvent>, Unavailable> {
    let records = known(state, account, surface, shown.iter().map(|shown| shown.id.clone())).await?;
    let references = shown.iter().map(|shown| (surface, &shown.values));
    let ids = CanonicalIds::load(state, &account.id, Side::NetSuite, references).await?;
    let is_news = |(shown, record): &(Shown, Option<std::sync::Arc<Record>>)| {
        record.as_ref().is_none_or(|record| tells_more(record, surface, shown, &ids))
    };
    let news = shown.into_iter().zip(records).filter(is_news);
    Ok(news.filter_map(|(shown, _)| full_read(account, surface, shown)).collect())
}

/// The records that have these ids, in their order.
pub(crate) async fn known(
    state: &dyn State,
    account: &Account,
    surface: &TypeSurface,
    ids: impl Iterator<Item = SideId>,
) -> Result<Vec<Option<std::sync::Arc<Record>>>, Unavailable> {
    let asked: Vec<_> = ids.map(|id| (surface.record_type.clone(), Side::NetSuite, id)).collect();
    let links = state.links(&account.id, &asked).await?;
    let key = |canonical| RecordKey::new(account.id.clone(), surface.record_type.clone(), canonical);
    let keys: Vec<RecordKey> =
        links.iter().flatten().filter(|link| !link.retired).map(|link| key(link.canonical.clone())).collect();
    let mut records = state.load(&keys).await?.into_iter();
    let of = |link: Option<shared::state::Link>| match link {
        Some(link) if !link.retired => records.next().flatten(),
        _ => None,
    };
    Ok(links.into_iter().map(of).collect())
}

/// Whether a look tells more than is known: a later time, or, of the same, another value.
fn tells_more(record: &Record, surface: &TypeSurface, shown: &Shown, ids: &CanonicalIds) -> bool {
    let side = &record.sides[Side::NetSuite];
    let (Some(seen), Presence::There) = (side.seen, side.presence) else { return true };
    let revision = Revision(shown.at.seconds());
    if revision != seen {
        return revision > seen;
    }
    let told = read(ids, Side::NetSuite, surface, &shown.values);
    !told.errors.is_empty()
        || told.unresolved
        || told.values.iter().any(|(field, value)| side.shadow.get(*field) != Some(value))
}

fn full_read(account: &Account, surface: &TypeSurface, shown: Shown) -> Option<ChangeEvent> {
    let Shown { id, external_id, at, values } = shown;
    let values = Json::Object(values);
    event(account, surface, &id, "update", at, external_id, values)
}

/// A deletion, at its time.
pub(crate) fn deletion(
    account: &Account,
    surface: &TypeSurface,
    id: &SideId,
    at: Timestamp,
) -> Option<ChangeEvent> {
    event(account, surface, id, "delete", at, None, json!({}))
}

/// The same look told twice is the same event.
fn event(
    account: &Account,
    surface: &TypeSurface,
    id: &SideId,
    operation: &str,
    at: Timestamp,
    external_id: Option<String>,
    values: Json,
) -> Option<ChangeEvent> {
    let kind = surface.record_type.as_str();
    let parts = [account.id.as_str(), kind, id.as_str(), operation, &at.to_string(), &values.to_string()];
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
    match event {
        Json::Object(object) => ChangeEvent::from_object(object).ok(),
        _ => None,
    }
}
