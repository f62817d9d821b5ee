//! `/control`: what the playground, a test or a demonstration may ask of the world itself. None of it exists
//! in production.
//!
//! | | |
//! |---|---|
//! | `GET faults` | the faults in force, and how many were injected so far |
//! | `POST faults` | `{account?, netsuite?, bus?, crash?}`: sets what is named, leaves the rest; null heals; `netsuite.settings` is the account's zone, date format, role and what else is not known for sure |
//! | `POST quiesce` | `{timeoutMs?}`: waits until nothing is pending |
//! | `GET parity` | every difference between both systems and the agreed state; `account` |
//! | `GET surface` | what is synced |
//! | `GET records` | records with titles and states; `account`, `type`, `after`, `limit` |
//! | `GET story` | what happened to a record; `account`, `type`, `id` as in the review API |

mod faults;
mod params;
mod parity;
mod quiesce;
mod records;
mod surface;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::{get, post};
use serde_json::{Value, json};
use shared::runtime::problem::Problem;

use crate::story;
use crate::system::System;
use params::Params;

type App = State<Arc<System>>;
type Shown = Result<Json<Value>, Problem>;

pub(crate) fn routes() -> Router<Arc<System>> {
    let routes = Router::new()
        .route("/faults", get(faults::show).post(faults::set))
        .route("/quiesce", post(quiesce::quiesce))
        .route("/parity", get(parity::parity))
        .route("/surface", get(surface::surface))
        .route("/records", get(records::records))
        .route("/story", get(story_of));
    Router::new().nest("/control", routes)
}

async fn story_of(State(system): App, params: Params) -> Shown {
    params.only(&["account", "type", "id"])?;
    let account = params.account(&system)?.ok_or_else(|| Problem::bad_request("account", "is missing"))?;
    let surface = params.surface(account)?.ok_or_else(|| Problem::bad_request("type", "is missing"))?;
    let id = params.get("id").ok_or_else(|| Problem::bad_request("id", "is missing"))?;
    Ok(Json(json!({ "items": story::tell(&system, account, surface, id).await? })))
}
