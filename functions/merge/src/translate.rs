//! From an event to news: canonical values, references by canonical id. Pure, but for the loading of bodies
//! and links that it is handed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::blob::{BlobRef, Body};
use shared::domain::event::{ChangeEvent, FieldError, Operation, PAYLOAD_REF, Source};
use shared::domain::id::{AccountId, RecordType, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Record, Span};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::{Unresolved, Value};
use shared::fault::Unavailable;
use shared::runtime::Ports;

/// Canonical ids by (type, side, side id).
pub(crate) type Links = BTreeMap<(RecordType, Side, String), Arc<str>>;

/// Why an event is not news (yet).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NotNews {
    /// It refers to a record that has no link yet.
    Waits(Unresolved),
    /// Its content can never be absorbed.
    Wrong(FieldError),
}

/// Whether an event left something in the bucket.
pub(crate) fn has_body(event: &ChangeEvent) -> bool {
    event.full_snapshot_ref.is_some() || event.metadata.contains_key(PAYLOAD_REF)
}

/// Loads what an event left in the bucket; answers how many bytes that were.
pub(crate) async fn load_body(
    app: &crate::App,
    event: &mut ChangeEvent,
) -> Result<Result<usize, FieldError>, Unavailable> {
    let wrong = |field: &str, reason: String| Ok(Err(FieldError { field: field.into(), reason }));
    let payload_ref = event.metadata.get(PAYLOAD_REF).and_then(|r| r.as_str()).map(str::to_string);
    let (field, text) = match (&event.full_snapshot_ref, payload_ref) {
        (Some(text), _) => ("fullSnapshotRef", text.clone()),
        (None, Some(text)) => ("metadata.payloadRef", text),
        (None, None) => return Ok(Ok(0)),
    };
    let at = match BlobRef::parse(&text, &app.blob_bucket, &event.account_id) {
        Ok(at) => at,
        Err(reason) => return wrong(field, reason),
    };
    let bytes = match app.ports.blob.get(&at).await? {
        Body::Whole(bytes) => bytes,
        Body::Missing => return wrong(field, format!("there is no body at {at}")),
        Body::Spoiled(why) => return wrong(field, format!("the body at {at} is spoiled: {why}")),
    };
    let Ok(serde_json::Value::Object(mut body)) = serde_json::from_slice(&bytes) else {
        return wrong(field, "the body is not a JSON object".into());
    };
    if field == "fullSnapshotRef" {
        (event.payload.changes, event.payload.full) = (body, true);
        return Ok(Ok(bytes.len()));
    }
    match body.remove("changes") {
        Some(serde_json::Value::Object(changes)) => event.payload.changes = changes,
        _ => return wrong(field, "the body has no changes".into()),
    }
    Ok(Ok(bytes.len()))
}

/// Loads the links behind every id that some events refer to.
pub(crate) async fn load_links(
    ports: &Ports,
    account: &AccountId,
    events: impl Iterator<Item = &ChangeEvent>,
    surface: &TypeSurface,
) -> Result<Links, Unavailable> {
    let mut wanted: BTreeSet<(RecordType, Side, SideId)> = BTreeSet::new();
    for event in events {
        let Some(side) = event.side() else { continue };
        let Ok(values) = event.values(side, surface) else { continue };
        for (field, value) in &values {
            surface.fields[*field].kind.references(value, &mut |kind, id| {
                if let Ok(id) = SideId::parse(id) {
                    wanted.insert((kind.clone(), side, id));
                }
            });
        }
    }
    if wanted.is_empty() {
        return Ok(Links::new());
    }
    let wanted: Vec<_> = wanted.into_iter().collect();
    let links = ports.state.links(account, &wanted).await?;
    let known = wanted.into_iter().zip(links).filter_map(|((kind, side, id), link)| {
        Some(((kind, side, id.to_string()), Arc::from(link?.canonical.as_str())))
    });
    Ok(known.collect())
}

/// What an event says, as news about its side of `record`.
pub(crate) fn news(
    event: &ChangeEvent,
    side: Side,
    record: &Record,
    surface: &TypeSurface,
    links: &Links,
) -> Result<News, NotNews> {
    let fact = match event.operation {
        Operation::Delete => Fact::Deleted,
        Operation::Create | Operation::Update => {
            let values = event.values(side, surface).map_err(NotNews::Wrong)?;
            let values = translated(values, side, surface, links).map_err(NotNews::Waits)?;
            Fact::Holds { values, full: event.payload.full }
        }
    };
    Ok(News {
        side,
        id: event.record_id.clone(),
        fact,
        revision: event.revision,
        span: span(event, record, side),
        standing: Standing::Heard,
        operation: event.own_operation(),
        cause: event.event_id,
    })
}

fn translated(
    values: Vec<(FieldIx, Value)>,
    side: Side,
    surface: &TypeSurface,
    links: &Links,
) -> Result<Vec<(FieldIx, Value)>, Unresolved> {
    let mut exchange =
        |kind: &RecordType, id: &str| links.get(&(kind.clone(), side, id.to_string())).cloned();
    let one = |(field, value): (FieldIx, Value)| {
        Ok((field, surface.fields[field].kind.translate(&value, &mut exchange)?))
    };
    values.into_iter().map(one).collect()
}

/// When the change was made. A poll only knows that it lies between the last look and lastModified.
fn span(event: &ChangeEvent, record: &Record, side: Side) -> Span {
    match event.source {
        Source::NetsuiteUe | Source::Suitex | Source::Review => Span::at(event.timestamp),
        Source::NetsuitePoll | Source::Reconcile => {
            let from = match side {
                Side::NetSuite => record.sides[side].seen.map_or(0, |r| r.0.saturating_mul(1000)),
                Side::SuiteX => 0,
            };
            let to = match (side, event.revision) {
                (Side::NetSuite, Some(revision)) => {
                    Timestamp(revision.0.saturating_mul(1000).saturating_add(999))
                }
                _ => event.timestamp,
            };
            Span { from: Timestamp(from.min(to.0)), to }
        }
    }
}
