//! Request → state → view; and the two things that people may do: resolve and retry.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json;
use http::StatusCode;
use serde_json::{Map, Value, json};
use shared::domain::conflict::Conflict;
use shared::domain::id::{CanonicalId, PerSide, RecordKey, Side, SideId};
use shared::domain::record::Record;
use shared::domain::surface::{Account, TypeSurface};
use shared::intake::subjects_of;
use shared::pubsub::{Topic, change_message};
use shared::redrive::{Redriven, redrive};
use shared::runtime::problem::Problem;
use shared::state::{ErrorEntry, Page};

use crate::account::Standing;
use crate::request::{self, Body, Params, Segments};
use crate::resolve::{self, Decision};
use crate::{App, view};

type Shown = Result<Json<Value>, Problem>;

/// Account, type and id, as the path has them.
type Named = Segments<(String, String, String)>;

pub(crate) async fn records(
    State(app): State<App>,
    Segments(name): Segments<String>,
    params: Params,
) -> Shown {
    let account = request::account(&app.ports.config, &name)?;
    let only = params.get("type").map(|name| request::surface(account, name)).transpose()?;
    let (only, limit) = (only.map(|surface| &surface.record_type), params.limit()?);
    let page = app.ports.state.records(&account.id, only, params.get("after"), limit).await?;
    let now = app.ports.clock.now();
    let line = |r: &Arc<Record>| view::line(r, account.types.get(&r.key.record_type).map(AsRef::as_ref), now);
    let items: Vec<_> = page.items.iter().map(line).collect();
    Ok(Json(json!({ "items": items, "next": page.next })))
}

pub(crate) async fn record(State(app): State<App>, named: Named) -> Shown {
    let (record, surface) = find(&app, &named).await?;
    let key = &record.key;
    let ids = Side::BOTH.into_iter().filter_map(|side| Some((side, record.sides[side].id.clone()?)));
    let subjects = subjects_of(&key.id, ids);
    let pending = app.ports.state.pending(&key.account, &key.record_type, &subjects).await?.len();
    Ok(Json(json!(view::record(&record, surface, pending, app.ports.clock.now()))))
}

pub(crate) async fn history(State(app): State<App>, named: Named) -> Shown {
    let (record, _) = find(&app, &named).await?;
    let items = app.ports.state.history(&record.key).await?;
    Ok(Json(json!({ "items": items })))
}

/// The record that the path names: by our id, or by a side's.
async fn find<'a>(app: &'a App, named: &Named) -> Result<(Arc<Record>, &'a TypeSurface), Problem> {
    let Segments((account, kind, id)) = named;
    let account = request::account(&app.ports.config, account)?;
    let surface = request::surface(account, kind)?;
    let missing = || Problem::not_found("there is no such record").at("id");
    let id = match id.split_once(':') {
        None => CanonicalId::parse(id).ok(),
        Some(("netsuite", id)) => by_side(app, account, surface, Side::NetSuite, id).await?,
        Some(("suitex", id)) => by_side(app, account, surface, Side::SuiteX, id).await?,
        Some(_) => None,
    };
    let key = RecordKey::new(account.id.clone(), surface.record_type.clone(), id.ok_or_else(missing)?);
    let record = app.ports.state.load(&[key]).await?.pop().flatten().ok_or_else(missing)?;
    Ok((record, surface))
}

async fn by_side(
    app: &App,
    account: &Account,
    surface: &TypeSurface,
    side: Side,
    id: &str,
) -> Result<Option<CanonicalId>, Problem> {
    let Ok(id) = SideId::parse(id) else { return Ok(None) };
    let link = app.ports.state.links(&account.id, &[(surface.record_type.clone(), side, id)]).await?.pop();
    Ok(link.flatten().map(|link| link.canonical))
}

pub(crate) async fn conflicts(State(app): State<App>, params: Params) -> Shown {
    let (account, limit) = (params.account()?, params.limit()?);
    let page = app.ports.state.conflicts(account.as_ref(), params.get("after"), limit).await?;
    // What is no longer configured cannot be shown by field; its record can.
    let shown = |record: &Arc<Record>| {
        let surface = app.ports.config.surface(&record.key.account, &record.key.record_type)?;
        Some(view::conflict(&record.key, record.conflict.as_ref()?, surface))
    };
    let items: Vec<_> = page.items.iter().filter_map(shown).collect();
    Ok(Json(json!({ "items": items, "next": page.next })))
}

pub(crate) async fn conflict(State(app): State<App>, Segments(id): Segments<String>) -> Shown {
    let (record, conflict, surface) = open_conflict(&app, &id).await?;
    Ok(Json(json!(view::conflict(&record.key, &conflict, surface))))
}

/// The record with this conflict, while it is open.
async fn open_conflict<'a>(
    app: &'a App,
    id: &str,
) -> Result<(Arc<Record>, Conflict, &'a TypeSurface), Problem> {
    let id = request::id(id)?;
    let record = app.ports.state.conflict(id).await?;
    let record = record.ok_or_else(|| Problem::not_found("no open conflict has this id").at("id"))?;
    let Some(conflict) = record.conflict.clone().filter(|conflict| conflict.id == id) else {
        return Err(Problem::conflict("the conflict is closed", Map::new()));
    };
    let key = &record.key;
    let surface = app.ports.config.surface(&key.account, &key.record_type).ok_or_else(|| {
        let reason = format!("{} is no longer configured in {}", key.record_type, key.account);
        Problem::unprocessable("recordType", reason)
    })?;
    Ok((record, conflict, surface))
}

pub(crate) async fn resolve(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (record, conflict, surface) = open_conflict(&app, &id).await?;
    let answer = resolve::read(&body)?;
    let decision = resolve::decide(&answer, &record, &conflict, surface)?;
    check_references(&app, &record, &decision).await?;
    let event = resolve::event(&record, &answer, decision.resolution, app.ports.clock.now());
    app.ports.publish.publish(Topic::Raw, vec![change_message(&event)]).await?;
    app.ports.metrics.event(event.source.as_str());
    Ok((StatusCode::ACCEPTED, Json(json!({ "eventId": event.event_id }))))
}

/// An edited value that refers to a record that we don't have would wait for it in vain.
async fn check_references(app: &App, record: &Record, decision: &Decision) -> Result<(), Problem> {
    for (field, kind, id) in &decision.references {
        let known = match CanonicalId::parse(id) {
            Ok(id) => {
                let key = RecordKey::new(record.key.account.clone(), kind.clone(), id);
                app.ports.state.load(&[key]).await?.pop().flatten().is_some_and(|record| record.alive)
            }
            Err(_) => false,
        };
        if !known {
            return Err(Problem::unprocessable(field, format!("there is no {kind} {id}")));
        }
    }
    Ok(())
}

pub(crate) async fn errors(
    State(app): State<App>,
    params: Params,
) -> Result<Json<Page<ErrorEntry>>, Problem> {
    let (account, open, limit) = (params.account()?, params.switch("open")?, params.limit()?);
    Ok(Json(app.ports.state.errors(account.as_ref(), open, params.get("after"), limit).await?))
}

fn no_such_error() -> Problem {
    Problem::not_found("there is no such error").at("id")
}

pub(crate) async fn error(
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> Result<Json<ErrorEntry>, Problem> {
    let error = app.ports.state.error(request::id(&id)?).await?;
    error.map(Json).ok_or_else(no_such_error)
}

pub(crate) async fn retry(State(app): State<App>, Segments(id): Segments<String>, params: Params) -> Shown {
    let actor = params.get("actor").unwrap_or("reviewer");
    match redrive(&app.ports, request::id(&id)?, actor).await? {
        Redriven::Tried(tried) => Ok(Json(json!(tried))),
        Redriven::NoSuchError => Err(no_such_error()),
    }
}

pub(crate) async fn account(State(app): State<App>, Segments(name): Segments<String>) -> Shown {
    let account = request::account(&app.ports.config, &name)?;
    let (state, now) = (&app.ports.state, app.ports.clock.now());
    let governance = state.governance_of(&account.id).await?;
    let backlog = PerSide {
        netsuite: state.backlog(&account.id, Side::NetSuite, now).await?,
        suitex: state.backlog(&account.id, Side::SuiteX, now).await?,
    };
    Ok(Json(json!(Standing::new(account, &governance, backlog, now))))
}

pub(crate) async fn census(State(app): State<App>, Segments(name): Segments<String>) -> Shown {
    let account = request::account(&app.ports.config, &name)?;
    let places = app.ports.state.census(&account.id).await?;
    let total: u64 = places.values().sum();
    Ok(Json(json!({ "account": account.id, "places": places, "total": total })))
}
