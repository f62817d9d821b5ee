//! Accounts, the audit, and who one is.

use std::collections::BTreeMap;

use axum::response::{Json, Response};
use serde::{Deserialize, Serialize};
use shared::domain::id::Side;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;

use super::{Members, Shown, tagged};
use crate::access::Seat;
use crate::desk::{self, AuditQuery, AuditView, Held};
use crate::request::{Body, IfMatch, Params, Segments};
use crate::view::{AccountView, Listed, ProblemView};

/// Accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accounts {
    items: Vec<AccountView>,
}

/// Why something is held or let go, as it is sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `hold` reads")]
pub(crate) struct NoteBody {
    /// Why.
    note: String,
}

/// An account's events by place: they add up to the ledger's.
#[derive(Serialize, ToSchema)]
pub(crate) struct CensusView {
    account: String,
    places: BTreeMap<&'static str, u64>,
    total: u64,
}

/// Who one is, and what one may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The address.
    email: String,
    /// The name.
    name: String,
    /// Whether people are made up here, and not identified.
    development: bool,
    /// What one may do, by account.
    #[schema(value_type = BTreeMap<String, String>)]
    roles: BTreeMap<String, Role>,
}

/// How every account stands that one may look at.
#[utoipa::path(get, path = "/accounts", tag = "accounts", responses((status = 200, body = Accounts)))]
pub(crate) async fn list(seat: Seat) -> Shown<Accounts> {
    Ok(Json(Accounts { items: desk::accounts(&seat).await? }))
}

/// How an account stands: backlog, pace, when it is worked off, lag, calls to NetSuite, what is held.
#[utoipa::path(get, path = "/accounts/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = ProblemView)))]
pub(crate) async fn one(seat: Seat, Segments(account): Segments<String>) -> Result<Response, Problem> {
    let view = desk::account(&seat.account(&account)?).await?;
    Ok(tagged(view.state(), view))
}

/// Holds an account's writes to a side. What is due stays due. `If-Match` names what was held when one looked: the account's
/// ETag.
#[utoipa::path(post, path = "/accounts/{account}/{side}/suspend", tag = "accounts", request_body = NoteBody,
    params(("account" = String, Path), ("side" = String, Path, description = "`netsuite` or `suitex`"),
        ("If-Match" = String, Header)),
    responses((status = 200, body = Held), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "held already: with who holds them, since when and why"),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn suspend(
    seat: Seat,
    Segments(of): Segments<(String, String)>,
    tag: IfMatch,
    body: Body,
) -> Shown<Held> {
    hold(&seat, &of, true, &tag, &body).await
}

/// Lets an account's writes to a side go on.
#[utoipa::path(post, path = "/accounts/{account}/{side}/resume", tag = "accounts", request_body = NoteBody,
    params(("account" = String, Path), ("side" = String, Path, description = "`netsuite` or `suitex`"),
        ("If-Match" = String, Header)),
    responses((status = 200, body = Held), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "not held: with who has let them go, and when"),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn resume(
    seat: Seat,
    Segments(of): Segments<(String, String)>,
    tag: IfMatch,
    body: Body,
) -> Shown<Held> {
    hold(&seat, &of, false, &tag, &body).await
}

async fn hold(
    seat: &Seat,
    of: &(String, String),
    held: bool,
    tag: &IfMatch,
    Body(body): &Body,
) -> Shown<Held> {
    let access = seat.account(&of.0)?;
    let side = Side::BOTH.into_iter().find(|side| side.as_str() == of.1);
    let side = side.ok_or_else(|| Problem::not_found("there is netsuite, and there is suitex").at("side"))?;
    let seen = desk::holding(&access, side).await?;
    let mut members = Members::read_if_any(body)?;
    let note = members.note()?;
    members.finish("a hold")?;
    tag.of(side).must_say(&seen.state(), || serde_json::json!({ "holds": seen.view() }))?;
    Ok(Json(desk::hold(&seen, held, note.as_deref()).await?))
}

/// An account's events by place.
#[utoipa::path(get, path = "/census/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = CensusView), (status = 404, body = ProblemView)))]
pub(crate) async fn census(seat: Seat, Segments(account): Segments<String>) -> Shown<CensusView> {
    let access = seat.account(&account)?;
    let places = desk::census(&access).await?;
    let total = places.values().sum();
    Ok(Json(CensusView { account: access.account().id.to_string(), places, total }))
}

/// Who did what in an account, the newest first.
#[utoipa::path(get, path = "/audit/{account}", tag = "audit",
    params(("account" = String, Path),
        ("subject" = Option<String>, Query, description = "a record key, `conflict:<id>`, `error:<id>`, `account:<side>`"),
        ("actor" = Option<String>, Query, description = "an address, or a function"),
        ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<AuditView>), (status = 404, body = ProblemView)))]
pub(crate) async fn audit(
    seat: Seat,
    Segments(account): Segments<String>,
    params: Params,
) -> Shown<Listed<AuditView>> {
    let access = seat.account(&account)?;
    let text = |name: &str| params.get(name).map(str::to_string);
    let query = AuditQuery { subject: text("subject"), actor: text("actor") };
    Ok(Json(desk::audit(&access, &query, params.get("after"), params.limit()?).await?))
}

/// Who one is, and what one may do.
#[utoipa::path(get, path = "/me", tag = "accounts",
    responses((status = 200, body = Me), (status = 401, body = ProblemView)))]
pub(crate) async fn me(seat: Seat) -> Shown<Me> {
    let person = seat.person();
    let roles = seat.accounts().into_iter().map(|access| (access.account().id.to_string(), access.role()));
    Ok(Json(Me {
        email: person.email().to_string(),
        name: person.name().to_string(),
        development: person.is_development(),
        roles: roles.collect(),
    }))
}
