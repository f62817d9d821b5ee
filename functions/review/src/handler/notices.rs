//! What people were told.

use axum::response::Json;
use utoipa::ToSchema;

use super::{Members, Shown};
use crate::access::Seat;
use crate::desk::{self, NoticeQuery};
use crate::request::{self, Body, Params, Segments};
use crate::view::{DeliveryView, Listed, NoticeView, ProblemView};

/// An acknowledgement says nothing but that it is one.
#[derive(ToSchema)]
pub(crate) struct NothingBody {}

/// Notices, the newest first.
#[utoipa::path(get, path = "/notices", tag = "notices",
    params(("account" = Option<String>, Query, description = "of this account alone"),
        ("unread" = Option<bool>, Query, description = "those alone that nobody has acknowledged"),
        ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<NoticeView>), (status = 400, body = ProblemView),
        (status = 404, body = ProblemView)))]
pub(crate) async fn list(seat: Seat, params: Params) -> Shown<Listed<NoticeView>> {
    let query =
        NoticeQuery { account: params.get("account").map(str::to_string), unread: params.switch("unread")? };
    Ok(Json(desk::notices(&seat, &query, params.get("after"), params.limit()?).await?))
}

/// Notes that one has seen to a notice: nobody else needs to. Who was first stays.
#[utoipa::path(post, path = "/notices/{account}/{id}/acknowledge", tag = "notices", request_body = NothingBody,
    params(("account" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = NoticeView), (status = 403, body = ProblemView), (status = 404, body = ProblemView)))]
pub(crate) async fn acknowledge(
    seat: Seat,
    Segments((account, id)): Segments<(String, String)>,
    Body(body): Body,
) -> Shown<NoticeView> {
    Members::read_if_any(&body)?.finish("an acknowledgement")?;
    Ok(Json(desk::acknowledge(&seat, &account, request::id(&id)?).await?))
}

/// An account's messages to people, the newest first.
#[utoipa::path(get, path = "/deliveries/{account}", tag = "notices",
    params(("account" = String, Path),
        ("inTrouble" = Option<bool>, Query, description = "those alone that were tried in vain"),
        ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<DeliveryView>), (status = 404, body = ProblemView)))]
pub(crate) async fn deliveries(
    seat: Seat,
    Segments(account): Segments<String>,
    params: Params,
) -> Shown<Listed<DeliveryView>> {
    let (in_trouble, after) = (params.switch("inTrouble")?, params.get("after"));
    Ok(Json(desk::deliveries(&seat, &account, in_trouble, after, params.limit()?).await?))
}
