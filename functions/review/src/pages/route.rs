//! Which page is where.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{any, get, post};
use shared::runtime::problem::Problem;

use super::{ambiguous, asset, conflict, error, handler, notices, visit};
use crate::App;

/// The pages, and what they load. Paths are whole: the pages are at one place, wherever the function is.
///
/// | | |
/// |---|---|
/// | `/review/` | the inbox |
/// | `/review/conflicts/{id}` | a conflict: `preview`, `writes`, `resolve`, `assign` take its form, `live` tells what is new |
/// | `/review/bulk` | many at once: a plan, then its application |
/// | `/review/records`, `…/{account}/{type}/{id}` | records; `override` takes an admin's value |
/// | `/review/ambiguous`, `…/{id}` | which of a side's records one is; `decide` |
/// | `/review/errors`, `…/{id}` | errors; `retry`, `edit`, `dismiss`, `brake` |
/// | `/review/notices` | what people were told; `acknowledge` |
/// | `/review/accounts`, `…/{account}` | how they stand; takes `hold` and `release` |
/// | `/review/audit` | who did what |
pub(crate) fn router(app: &App) -> Router<App> {
    let too_large = from_fn_with_state(app.clone(), visit::too_large);
    Router::new()
        .route("/", get(async || Redirect::temporary("/review/")))
        .route("/review", get(async || Redirect::temporary("/review/")))
        .route("/review/", get(handler::inbox))
        .route("/review/as", post(handler::switch))
        .route("/review/conflicts/{id}", get(conflict::show))
        .route("/review/conflicts/{id}/live", get(conflict::live))
        .route("/review/conflicts/{id}/preview", post(conflict::preview))
        .route("/review/conflicts/{id}/rebase", post(conflict::preview))
        .route("/review/conflicts/{id}/writes", post(conflict::effects))
        .route("/review/conflicts/{id}/resolve", post(conflict::resolve))
        .route("/review/conflicts/{id}/assign", post(conflict::assign))
        .route("/review/bulk", get(handler::plan).post(handler::apply))
        .route("/review/records", get(handler::records))
        .route("/review/records/{account}/{type}/{id}", get(handler::record))
        .route("/review/records/{account}/{type}/{id}/override", post(handler::set))
        .route("/review/errors", get(handler::errors))
        .route("/review/errors/{id}", get(error::show))
        .route("/review/errors/{id}/retry", post(error::retry))
        .route("/review/errors/{id}/edit", post(error::edit))
        .route("/review/errors/{id}/dismiss", post(error::dismiss))
        .route("/review/errors/{id}/brake", post(error::brake))
        .route("/review/ambiguous", get(ambiguous::list))
        .route("/review/ambiguous/{id}", get(ambiguous::show))
        .route("/review/ambiguous/{id}/decide", post(ambiguous::decide))
        .route("/review/notices", get(notices::list))
        .route("/review/notices/{account}/{id}/acknowledge", post(notices::acknowledge))
        .route("/review/accounts", get(handler::accounts))
        .route("/review/accounts/{account}", get(handler::account).post(handler::hold))
        .route("/review/audit", get(handler::audit))
        .route("/review/assets/{name}", get(asset::serve))
        // Programs are told so in their own words.
        .route("/review/api/{*rest}", any(async || Problem::not_found("there is nothing at this path")))
        .route("/review/{*rest}", get(handler::nowhere))
        .layer(too_large)
}
