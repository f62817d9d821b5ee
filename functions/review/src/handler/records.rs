//! Records.

use std::collections::BTreeMap;

use axum::Extension;
use axum::response::{IntoResponse, Json, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;

use super::{Members, Shown, accepted, tagged};
use crate::access::{Seat, SystemNotes};
use crate::desk::{self, Accepted, AsOf, Overriding, When, Why};
use crate::request::{Body, IfMatch, Params, Segments};
use crate::view::{HistoryView, Listed, ProblemView, RecordLine, RecordView};

/// Account, type and id, as the path has them.
type Named = Segments<(String, String, String)>;

/// Records that were found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundLines {
    items: Vec<RecordLine>,
}

/// A record, as it is or as it was.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum RecordShown {
    Now(Box<RecordView>),
    Past(AsOf),
}

/// Values to be set, as they are sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `overriding` reads")]
pub(crate) struct OverrideBody {
    /// The record's version on which it was judged; or `If-Match`.
    version: Option<u64>,
    /// Field → value, in SuiteX's form; null clears.
    fields: BTreeMap<String, Value>,
    /// Whether locks of the whole record are released, too.
    unlock: Option<bool>,
    /// Why.
    note: String,
}

/// An account's records, by name.
#[utoipa::path(get, path = "/records/{account}", tag = "records",
    params(("account" = String, Path), ("type" = Option<String>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<RecordLine>), (status = 404, body = ProblemView)))]
pub(crate) async fn list(
    seat: Seat,
    Segments(account): Segments<String>,
    params: Params,
) -> Shown<Listed<RecordLine>> {
    let access = seat.account(&account)?;
    Ok(Json(desk::records(&access, params.get("type"), params.get("after"), params.limit()?).await?))
}

/// Records that carry an id, ours or a side's, of any type.
#[utoipa::path(get, path = "/search", tag = "records",
    params(("id" = String, Query), ("account" = Option<String>, Query)),
    responses((status = 200, body = FoundLines), (status = 400, body = ProblemView)))]
pub(crate) async fn search(seat: Seat, params: Params) -> Shown<FoundLines> {
    let id = params.get("id").ok_or_else(|| Problem::bad_request("id", "is missing"))?;
    let accounts = seat.accounts_of(params.get("account"))?;
    Ok(Json(FoundLines { items: desk::search(&accounts, id).await? }))
}

/// One record; `id` is canonical, `netsuite:<id>` or `suitex:<id>`. With `as_of`: what was agreed at that version or
/// time.
#[utoipa::path(get, path = "/records/{account}/{type}/{id}", tag = "records",
    params(("account" = String, Path), ("type" = String, Path), ("id" = String, Path),
        ("as_of" = Option<String>, Query, description = "a version, or an RFC 3339 time")),
    responses((status = 200, body = RecordShown), (status = 404, body = ProblemView)))]
pub(crate) async fn one(seat: Seat, Segments(named): Named, params: Params) -> Result<Response, Problem> {
    let found = desk::record(&seat, &named.0, &named.1, &named.2).await?;
    if let Some(when) = params.get("as_of") {
        let past = desk::record_as_of(&found, When::parse(when)?).await?;
        return Ok(Json(RecordShown::Past(past)).into_response());
    }
    let view = desk::view(&found).await?;
    Ok(tagged(view.version, RecordShown::Now(Box::new(view))))
}

/// What was decided about a record, the newest first.
#[utoipa::path(get, path = "/records/{account}/{type}/{id}/history", tag = "records",
    params(("account" = String, Path), ("type" = String, Path), ("id" = String, Path),
        ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<HistoryView>), (status = 404, body = ProblemView)))]
pub(crate) async fn history(
    seat: Seat,
    Segments(named): Named,
    params: Params,
) -> Shown<Listed<HistoryView>> {
    let found = desk::record(&seat, &named.0, &named.1, &named.2).await?;
    Ok(Json(desk::history(&found, params.get("after"), params.limit()?).await?))
}

/// Why a field holds what it holds: from whoever set it, by every rule that decided since; and in a sentence. Who set it
/// in NetSuite, if nobody told us, is asked of NetSuite's system notes, for three seconds at most.
#[utoipa::path(get, path = "/records/{account}/{type}/{id}/why/{field}", tag = "records",
    params(("account" = String, Path), ("type" = String, Path), ("id" = String, Path), ("field" = String, Path)),
    responses((status = 200, body = Why), (status = 404, body = ProblemView)))]
pub(crate) async fn why(
    seat: Seat,
    notes: Option<Extension<SystemNotes>>,
    Segments(named): Segments<(String, String, String, String)>,
) -> Shown<Why> {
    let found = desk::record(&seat, &named.0, &named.1, &named.2).await?;
    Ok(Json(desk::why(&found, &named.3, notes.as_deref()).await?))
}

/// An admin sets values, whatever policy, direction or lock say.
#[utoipa::path(post, path = "/records/{account}/{type}/{id}/override", tag = "records",
    params(("account" = String, Path), ("type" = String, Path), ("id" = String, Path),
        ("If-Match" = Option<String>, Header)), request_body = OverrideBody,
    responses((status = 202, body = Accepted), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "another version: with the present view"),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn overriding(
    seat: Seat,
    Segments(named): Named,
    tag: IfMatch,
    Body(body): Body,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let found = desk::record(&seat, &named.0, &named.1, &named.2).await?;
    let mut members = Members::read(&body)?;
    let overriding = Overriding {
        version: tag.or_body("version", members.number("version")?)?,
        fields: members.object("fields")?.into_iter().collect(),
        unlock: members.switch("unlock")?.unwrap_or(false),
        note: members.note()?,
    };
    members.finish("an override")?;
    tag.past(desk::override_fields(&found, &overriding).await).map(accepted)
}
