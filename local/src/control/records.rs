//! A list of records with titles and states.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{Json, Response};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId};
use shared::domain::record::{Fields, Record};
use shared::domain::surface::{Account, TypeSurface};
use shared::domain::value::{Kind, Value as FieldValue};
use shared::runtime::problem::Problem;
use shared::state::Subject;

use super::params::Params;
use super::{App, Shown};
use crate::system::System;

/// `GET /control/records`: what the review API lists, with titles, and before it what is too new to be there.
pub(super) async fn records(State(system): App, params: Params) -> Shown {
    params.only(&["account", "type", "after", "limit"])?;
    let account = params.account(&system)?.ok_or_else(|| Problem::bad_request("account", "is missing"))?;
    let only = params.surface(account)?;
    let mut query = format!("limit={}", params.get("limit").unwrap_or("200"));
    for name in ["type", "after"] {
        if let Some(value) = params.get(name) {
            query.push_str(&format!("&{name}={value}"));
        }
    }
    let mut page = review(&system, &format!("/api/v1/records/{}?{query}", account.id)).await?;
    let mut items = match page["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    for item in &mut items {
        item["title"] = json!(title_of(&system, account, item).await?);
    }
    if params.get("after").is_none() {
        let mut newcomers = newcomers(&system, account, only).await?;
        newcomers.append(&mut items);
        items = newcomers;
    }
    Ok(Json(json!({ "items": items, "next": page["next"] })))
}

/// Asks the review function, as anybody would.
async fn review(system: &System, uri: &str) -> Result<Value, Problem> {
    let request =
        Request::get(uri).body(Body::empty()).map_err(|e| Problem::bad_request("after", e.to_string()))?;
    let crashed = || Problem::unavailable("review crashed before it had answered");
    let response: Response = system.fleet.call("review", request).await.ok_or_else(crashed)?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(|_| crashed())?.to_bytes();
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| crashed())?;
    if !status.is_success() {
        let field = body["field"].as_str().unwrap_or("$");
        return Err(Problem::unprocessable(field, body["detail"].as_str().unwrap_or("was refused")));
    }
    Ok(body)
}

async fn title_of(system: &System, account: &Account, item: &Value) -> Result<Option<String>, Problem> {
    let id = item["id"].as_str().and_then(|id| CanonicalId::parse(id).ok());
    let kind = item["type"].as_str().and_then(|kind| RecordType::parse(kind).ok());
    let (Some(id), Some(kind)) = (id, kind) else { return Ok(None) };
    let Some(record) = load(system, &account.id, kind, id).await? else { return Ok(None) };
    let Some(surface) = account.types.get(&record.key.record_type) else { return Ok(None) };
    if let Some(title) = name(surface, &record.canonical) {
        return Ok(Some(title));
    }
    // A document has no name of its own: it is known by whom it is for.
    let whom =
        surface.fields.iter().zip(&record.canonical).find_map(|(field, value)| match (&field.kind, value) {
            (Kind::Reference { to }, FieldValue::Text(id)) if field.required => {
                Some((to.clone(), id.clone()))
            }
            _ => None,
        });
    let Some((to, id)) = whom else { return Ok(None) };
    let Ok(id) = CanonicalId::parse(&id) else { return Ok(None) };
    let whom = load(system, &account.id, to.clone(), id).await?;
    Ok(whom.and_then(|whom| name(account.types.get(&to)?, &whom.canonical)))
}

async fn load(
    system: &System,
    account: &AccountId,
    kind: RecordType,
    id: CanonicalId,
) -> Result<Option<Arc<Record>>, Problem> {
    let key = RecordKey::new(account.clone(), kind, id);
    Ok(system.state.load(&[key]).await?.pop().flatten())
}

/// The first text whose field is a name.
fn name(surface: &TypeSurface, values: &Fields) -> Option<String> {
    surface.fields.iter().zip(values).find_map(|(field, value)| match value {
        FieldValue::Text(text) if field.name.contains("name") => Some(text.to_string()),
        _ => None,
    })
}

/// Records of which an event has come, and which are no record of ours yet.
async fn newcomers(
    system: &System,
    account: &Account,
    only: Option<&TypeSurface>,
) -> Result<Vec<Value>, Problem> {
    let mut asked: Vec<(RecordType, Side, SideId)> = Vec::new();
    let mut places = Vec::new();
    for row in system.inside.undone(&account.id).await? {
        let Subject::Side(side, id) = row.subject else { continue };
        let about = (row.record_type, side, id);
        let wanted = only.is_none_or(|only| only.record_type == about.0);
        if row.place.is_open() && wanted && !asked.contains(&about) {
            asked.push(about);
            places.push(row.place.name());
        }
    }
    let links = system.state.links(&account.id, &asked).await?;
    let new = asked.iter().zip(places).zip(links).filter(|(_, link)| link.is_none());
    let mut newcomers = Vec::new();
    for (((kind, side, id), place), _) in new {
        newcomers.push(newcomer(system, account, kind, *side, id, place).await);
    }
    Ok(newcomers)
}

async fn newcomer(
    system: &System,
    account: &Account,
    kind: &RecordType,
    side: Side,
    id: &SideId,
    status: &'static str,
) -> Value {
    let values = match side {
        Side::SuiteX => {
            let row = system.suitex.view(&account.id, kind.as_str(), id.as_str()).await;
            row.ok().map(|row| row.values)
        }
        Side::NetSuite => system.netsuite.snapshot(&account.id, kind, id.as_str()).map(|seen| seen.values),
    };
    let title = account.types.get(kind).and_then(|surface| {
        let field = surface.fields.iter().find(|field| field.name.contains("name"))?;
        values?.get(field.name_on(side))?.as_str().map(str::to_string)
    });
    json!({
        "id": Value::Null,
        "type": kind,
        "version": 0,
        "alive": true,
        "ids": { side.as_str(): id },
        "status": status,
        "title": title,
    })
}
