//! Conflicts.

use std::collections::BTreeMap;

use axum::response::{Json, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::event::WireChoice;
use shared::domain::people::Role;
use shared::domain::surface::Policy;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;

use super::{Members, Shown, accepted, tagged};
use crate::access::Seat;
use crate::desk::{
    self, Accepted, Answer, Applied, Batch, ConflictQuery, Effect, Moment, Open, Planned, Planning, Policied,
};
use crate::request::{self, Body, IfMatch, Params, Segments};
use crate::view::{ConflictView, Listed, ProblemView};

/// A decision, as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `answer` reads")]
pub(crate) struct AnswerBody {
    /// The revision on which it was judged; or `If-Match`.
    conflict_revision: Option<u64>,
    /// `netsuite`, `suitex` or `suggested`, for every field that has no choice of its own.
    choice: Option<String>,
    /// Field → `{"choice": …}` or `{"value": …}`.
    fields: Option<BTreeMap<String, Value>>,
    /// Whether a record that one side has deleted lives on.
    keep: Option<bool>,
    /// Why.
    note: Option<String>,
}

/// A rule that decides, as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `route` reads")]
pub(crate) struct PolicyBody {
    /// The revision on which it was judged; or `If-Match`.
    conflict_revision: Option<u64>,
    /// `netsuite_wins`, `suitex_wins` or `latest_wins`.
    policy: String,
    /// Why.
    note: Option<String>,
}

/// Whose a conflict is to be, as it is sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `assign` reads")]
pub(crate) struct AssignBody {
    /// An address; null: nobody's.
    assignee: Option<String>,
    /// Whose it was when you looked; null: nobody's. It must be said.
    #[schema(required = true)]
    was: Option<String>,
    /// Why.
    note: Option<String>,
}

/// Which conflicts are to be decided by which rule, as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `plan` reads")]
pub(crate) struct PlanBody {
    /// `netsuite_wins`, `suitex_wins` or `latest_wins`.
    policy: String,
    /// As in the list.
    account: Option<String>,
    /// As in the list.
    r#type: Option<String>,
    /// As in the list.
    field: Option<String>,
    /// As in the list.
    assignee: Option<String>,
    /// As in the list.
    risk: Option<String>,
    /// As in the list.
    older_than_hours: Option<u32>,
}

/// What would be written where.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    effects: Vec<Effect>,
}

/// What has changed since a revision.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changes {
    /// The revision now.
    revision: u64,
    /// What has changed, the newest first.
    items: Vec<Moment>,
}

/// Open conflicts, those first that are due first.
#[utoipa::path(get, path = "/conflicts", tag = "conflicts",
    params(
        ("account" = Option<String>, Query, description = "of this account alone"),
        ("type" = Option<String>, Query, description = "of this record type"),
        ("field" = Option<String>, Query, description = "on this field, named `type.field`"),
        ("policy" = Option<String>, Query, description = "`manual`: on fields; `ask`: whether a deleted record lives on"),
        ("assignee" = Option<String>, Query, description = "an address, `me` or `nobody`"),
        ("olderThanHours" = Option<u32>, Query, description = "open for so long at least"),
        ("risk" = Option<String>, Query, description = "`high`: those that lock the record; `low`: the others"),
        ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<ConflictView>), (status = 400, body = ProblemView)))]
pub(crate) async fn list(seat: Seat, params: Params) -> Shown<Listed<ConflictView>> {
    let text = |name: &str| params.get(name).map(str::to_string);
    let query = ConflictQuery {
        account: text("account"),
        record_type: text("type"),
        field: text("field"),
        policy: text("policy"),
        assignee: text("assignee"),
        older_than_hours: params.number("olderThanHours")?,
        risk: text("risk"),
    };
    Ok(Json(desk::list(&seat, &query, params.get("after"), params.limit()?).await?))
}

/// One open conflict: what each side holds, what each choice would do, what happened.
#[utoipa::path(get, path = "/conflicts/{id}", tag = "conflicts",
    params(("id" = String, Path)),
    responses((status = 200, body = desk::Shown), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "it is closed")))]
pub(crate) async fn one(seat: Seat, Segments(id): Segments<String>) -> Result<Response, Problem> {
    let open = open(&seat, &id).await?;
    Ok(tagged(open.revision(), desk::show(&open).await?))
}

/// What has changed since a revision: what to tell who has judged that one.
#[utoipa::path(get, path = "/conflicts/{id}/changes", tag = "conflicts",
    params(("id" = String, Path), ("since" = u64, Query, description = "the revision that was judged")),
    responses((status = 200, body = Changes), (status = 404, body = ProblemView), (status = 409, body = ProblemView)))]
pub(crate) async fn changes(seat: Seat, Segments(id): Segments<String>, params: Params) -> Shown<Changes> {
    let open = open(&seat, &id).await?;
    let since = params.number("since")?.ok_or_else(|| Problem::bad_request("since", "is missing"))?;
    let items = desk::changed_since(&open, &desk::story(&open).await?.moments, since);
    Ok(Json(Changes { revision: open.revision(), items }))
}

/// What a decision would write where. Changes nothing.
#[utoipa::path(post, path = "/conflicts/{id}/preview", tag = "conflicts",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = AnswerBody,
    responses((status = 200, body = Preview), (status = 409, body = ProblemView), (status = 412, body = ProblemView),
        (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn preview(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Shown<Preview> {
    let open = open(&seat, &id).await?;
    let answer = answer(&body, &tag)?;
    let effects = tag.past(desk::preview(&open, &answer))?;
    Ok(Json(Preview { effects }))
}

/// Decides. Takes effect once it is taken in, if the conflict has not moved on until then.
#[utoipa::path(post, path = "/conflicts/{id}/resolve", tag = "conflicts",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = AnswerBody,
    responses((status = 202, body = Accepted), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "closed, or at another revision: with the present view"),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn resolve(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let open = open(&seat, &id).await?;
    let answer = answer(&body, &tag)?;
    tag.past(desk::resolve(&open, &answer).await).map(accepted)
}

/// Decides as a rule would have: `netsuite_wins`, `suitex_wins`, or `latest_wins`.
#[utoipa::path(post, path = "/conflicts/{id}/route", tag = "conflicts",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = PolicyBody,
    responses((status = 202, body = Accepted), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView), (status = 412, body = ProblemView), (status = 422, body = ProblemView),
        (status = 428, body = ProblemView)))]
pub(crate) async fn route(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let open = open(&seat, &id).await?;
    let mut members = Members::read(&body)?;
    let revision = tag.or_body("conflictRevision", members.number("conflictRevision")?)?;
    let policied = Policied { revision, policy: policy(&mut members)?, note: members.note()? };
    members.finish("a route")?;
    tag.past(desk::route(&open, &policied).await).map(accepted)
}

/// Gives a conflict to somebody, or to nobody. `was` says whose it was when one looked: null for nobody's.
#[utoipa::path(post, path = "/conflicts/{id}/assign", tag = "conflicts",
    params(("id" = String, Path)), request_body = AssignBody,
    responses((status = 200, body = ConflictView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "somebody else was faster: with whose it is, by whom and when"),
        (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn assign(
    seat: Seat,
    Segments(id): Segments<String>,
    Body(body): Body,
) -> Shown<ConflictView> {
    let before = open(&seat, &id).await?;
    let mut members = Members::read(&body)?;
    let was = members.0.contains_key("was").then(|| members.text("was")).transpose()?;
    let (to, note) = (members.text("assignee")?, members.note()?);
    members.finish("an assignment")?;
    before.access().need(Role::Resolver)?;
    let unsaid =
        || Problem::precondition_required("say whose it was when you looked: was, null for nobody's");
    let was = was.ok_or_else(|| unsaid().at("was"))?;
    desk::assign(&before, to.as_deref(), was.as_deref(), note.as_deref()).await?;
    Ok(Json(open(&seat, &id).await?.view()))
}

/// Plans to decide many conflicts by one rule: what each decision would do, and what it costs. Changes nothing.
#[utoipa::path(post, path = "/conflicts/plan", tag = "conflicts", request_body = PlanBody,
    responses((status = 200, body = Planned), (status = 400, body = ProblemView), (status = 422, body = ProblemView)))]
pub(crate) async fn plan(seat: Seat, Body(body): Body) -> Shown<Planned> {
    let mut members = Members::read(&body)?;
    let policy = policy(&mut members)?;
    let older = members.number("olderThanHours")?;
    let query = ConflictQuery {
        account: members.text("account")?,
        record_type: members.text("type")?,
        field: members.text("field")?,
        // A rule decides fields; whether a record lives on is asked one by one.
        policy: None,
        assignee: members.text("assignee")?,
        older_than_hours: older.map(|hours| u32::try_from(hours).unwrap_or(u32::MAX)),
        risk: members.text("risk")?,
    };
    members.finish("a plan")?;
    Ok(Json(desk::plan(&seat, &Planning { query, policy }).await?))
}

/// Applies a plan: each conflict that is as it was planned is decided; the others are told.
#[utoipa::path(post, path = "/conflicts/apply", tag = "conflicts", request_body = Batch,
    responses((status = 202, body = Applied), (status = 409, body = ProblemView, description = "not what was planned"),
        (status = 422, body = ProblemView)))]
pub(crate) async fn apply(seat: Seat, Body(body): Body) -> Result<(StatusCode, Json<Applied>), Problem> {
    let batch: Batch = serde_json::from_slice(&body).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Problem::unprocessable("$", e.to_string()),
        _ => Problem::bad_request("$", format!("is not JSON: {e}")),
    })?;
    desk::apply(&seat, &batch).await.map(accepted)
}

async fn open(seat: &Seat, id: &str) -> Result<Open, Problem> {
    desk::open(seat, request::id(id)?).await
}

fn policy(members: &mut Members) -> Result<Policy, Problem> {
    let wrong = "must be netsuite_wins, suitex_wins or latest_wins";
    let given = members.take("policy").ok_or_else(|| Problem::unprocessable("policy", "is missing"))?;
    serde_json::from_value(given).map_err(|_| Problem::unprocessable("policy", wrong))
}

/// Reads `{conflictRevision?, choice?, fields?, keep?, note?}`.
fn answer(body: &[u8], tag: &IfMatch) -> Result<Answer, Problem> {
    let mut members = Members::read(body)?;
    let revision = tag.or_body("conflictRevision", members.number("conflictRevision")?)?;
    let given = members.take("choice").map(|json| choice("choice", &json)).transpose()?;
    let mut fields = BTreeMap::new();
    for (name, json) in members.object("fields")? {
        let decided = field(&format!("fields.{name}"), json)?;
        fields.insert(name, decided);
    }
    let keep = members.switch("keep")?;
    let note = members.note()?;
    members.finish("a resolution")?;
    Ok(Answer { revision, choice: given, fields, keep, note })
}

fn choice(field: &str, json: &Value) -> Result<WireChoice, Problem> {
    match json.as_str() {
        Some("netsuite") => Ok(WireChoice::Netsuite),
        Some("suitex") => Ok(WireChoice::Suitex),
        Some("suggested") => Ok(WireChoice::Suggested),
        _ => Err(Problem::unprocessable(field, "must be netsuite, suitex or suggested")),
    }
}

/// `{"choice": …}` or `{"value": …}`; a null value clears the field.
fn field(path: &str, json: Value) -> Result<WireChoice, Problem> {
    let wrong = || Problem::unprocessable(path, "must be {\"choice\": …} or {\"value\": …}");
    let Value::Object(mut given) = json else { return Err(wrong()) };
    match (given.remove("choice"), given.remove("value"), given.is_empty()) {
        (Some(json), None, true) => choice(path, &json),
        (None, Some(value), true) => Ok(WireChoice::Value(value)),
        _ => Err(wrong()),
    }
}
