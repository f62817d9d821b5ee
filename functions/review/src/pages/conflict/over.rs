//! A conflict that is over: how it ended, and where its record stands.

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use shared::domain::id::Side;
use shared::runtime::problem::Problem;
use uuid::Uuid;

use super::markup::{path, title};
use crate::desk::{self, ConflictQuery};
use crate::pages::layout::{Page, Section};
use crate::pages::visit::Visit;
use crate::pages::{part, record, value, words};
use crate::view::{DecisionView, HistoryView, RecordView};

/// For so long after its end the page comes again by itself while something is still to be written, ms: what takes longer
/// waits for something else, and the record's own page tells for what.
const FRESH_MS: i64 = 60_000;

/// The page. `closed` is the problem that says whose it was.
pub(super) async fn page(visit: &Visit, id: Uuid, closed: &Problem) -> Result<Response, Problem> {
    let of = |name: &str| closed.extensions.get("record")?.get(name)?.as_str();
    let (Some(account), Some(kind), Some(record)) = (of("account"), of("type"), of("id")) else {
        return Err(closed.clone());
    };
    let found = desk::record(&visit.seat, account, kind, record).await?;
    let end = desk::ended(&found, id).await?;
    let view = desk::view(&found).await?;
    let next = desk::list(&visit.seat, &ConflictQuery::default(), None, 1).await?;
    let next = next.items.first().map(|next| {
        (path(next.conflict_id), title(next.title.as_deref(), &next.record_type, &next.record_id))
    });
    let named = view.state.iter().find(|(name, _)| *name == "name" || name.ends_with("_name"));
    let named = named.and_then(|(_, value)| value.as_str()).filter(|name| !name.is_empty());
    let name = title(named, kind, record);
    let now = visit.seat.now();
    let end = end.as_ref().and_then(|row| Some((row, ends(row)?)));
    let body = html! {
        (part::crumbs(&[("Inbox", "/review/".into())], &name))
        div.title data-draft-over=(path(id)) {
            h1 { (name) }
            div.line { (part::status(view.status)) a href=(record::path(account, kind, record)) { (kind) " " (record) } }
        }
        section.card aria-labelledby="over" {
            header {
                h2 id="over" {
                    @match &end {
                        Some((row, decision)) if matches!(decision.rule.as_str(), "resolved" | "overridden") => {
                            "Decided by " (row.actor.as_deref().unwrap_or("somebody"))
                        },
                        Some((_, decision)) if decision.rule == "deleted_on_both" => "Over: it is deleted on both sides",
                        Some(_) => "Over: the sides agree by themselves",
                        None => "This conflict is over",
                    }
                }
                @if let Some((row, _)) = &end { span.end.small.soft { (part::ago(row.at, now)) " · version " (row.version) } }
            }
            div.body {
                @if let Some((row, _)) = &end {
                    @for decision in &row.decisions {
                        div.before { span.soft { (words::field(&decision.field)) } (value::change(&decision.from, &decision.to)) }
                    }
                }
                div.writes {
                    @for side in [Side::SuiteX, Side::NetSuite] { (holds(side, &view)) }
                }
                div.flow {
                    @match &next {
                        Some((path, name)) => { a.btn.main href=(path) data-apply { "Next: " (words::short(name, 40)) } },
                        None => span.pill.good { "Nothing else is in conflict" },
                    }
                    a.btn href="/review/" { "Inbox" }
                    a.btn href=(record::path(account, kind, record)) { "History" }
                }
            }
        }
    };
    let is_done = view.sides.suitex.dirty.is_empty() && view.sides.netsuite.dirty.is_empty();
    let is_fresh = end.is_some_and(|(row, _)| now.0 - row.at.0 < FRESH_MS);
    let page =
        Page { title: &name, section: Section::Inbox, body, again_s: (!is_done && is_fresh).then_some(3) };
    Ok(visit.page(StatusCode::OK, page).await)
}

/// The decision of this row that ended it.
fn ends(row: &HistoryView) -> Option<&DecisionView> {
    let rules = ["resolved", "overridden", "conflict_closed", "deleted_on_both"];
    rules.iter().find_map(|rule| row.decisions.iter().find(|decision| decision.rule == *rule))
}

fn holds(side: Side, view: &RecordView) -> Markup {
    let state = match side {
        Side::SuiteX => &view.sides.suitex,
        Side::NetSuite => &view.sides.netsuite,
    };
    html! {
        section.(side.as_str()) {
            h3 { (part::side(side)) }
            p.small {
                @match state.presence {
                    "gone" => "It is deleted here.",
                    _ if state.dirty.is_empty() => "It holds what was decided.",
                    _ => { "To be written: " (state.dirty.iter().map(|d| words::field(d)).collect::<Vec<_>>().join(", ")) "." },
                }
            }
        }
    }
}

/// For who is still looking at it.
pub(super) fn notice(id: Uuid) -> Markup {
    html! {
        div.stack data-part="told" data-say="This conflict is over." {
            (part::say("good", "This conflict is over", &html! {
                p { "Somebody has decided it, or the sides agree by themselves. " a href=(path(id)) { "See how it ended" } }
            }))
        }
    }
}
