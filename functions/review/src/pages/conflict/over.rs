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
use crate::pages::reply;
use crate::pages::typed::Typed;
use crate::pages::visit::Visit;
use crate::pages::{part, record, value, words};
use crate::view::{DecisionView, HistoryView, RecordView};

/// For so long after its end the page comes again by itself while something is still to be written, ms: what takes longer
/// waits for something else, and the record's own page tells for what.
const FRESH_MS: i64 = 60_000;

/// The page. `closed` is the problem that says whose it was; `late`: a decision that came too late, unless it is the one
/// that ended it.
pub(super) async fn page(
    visit: &Visit,
    id: Uuid,
    closed: &Problem,
    late: Option<&Typed>,
) -> Result<Response, Problem> {
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
    let is_mine =
        end.as_ref().is_some_and(|(row, _)| row.actor.as_deref() == Some(visit.seat.person().email()));
    if late.is_some() && is_mine {
        return Ok(reply::see_other(&path(id)));
    }
    let body = html! {
        (part::crumbs(&[("Inbox", "/review/".into())], &name))
        div.title data-draft-over=(path(id)) data-draft-mine[is_mine] {
            h1 { (name) }
            div.line { (part::status(view.status)) a href=(record::path(account, kind, record)) { (kind) " " (record) } }
        }
        @if let Some(typed) = late { (too_late(typed)) } @else { (unsent()) }
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
    let status = if late.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    Ok(visit.page(status, page).await)
}

/// What somebody chose and typed who was not the first. It can be read and copied; another conflict may want it.
fn too_late(typed: &Typed) -> Markup {
    let picked = typed.fields.iter().filter(|(_, picked)| !picked.pick.is_empty());
    let told = picked.map(|(name, picked)| match picked.value.as_deref().filter(|_| picked.pick == "edit") {
        Some(value) => (words::field(name), value),
        None => (words::field(name), picked.pick.as_str()),
    });
    let rest = typed.rest.as_deref().map(|rest| ("All other fields".to_string(), rest));
    let note =
        Some(typed.note.as_str()).filter(|note| !note.is_empty()).map(|note| ("Note".to_string(), note));
    part::say(
        "bad",
        "Your decision came too late and was not carried out",
        &html! {
            p { "The conflict was over before. This is what you had chosen and typed; if it should be so all the same, edit the record." }
            dl.kept { @for (name, value) in told.chain(rest).chain(note) { dt { (name) } dd { (value) } } }
        },
    )
}

/// A draft that this browser still has is put in here.
fn unsent() -> Markup {
    html! {
        section.say.wait hidden data-draft-unsent aria-label="What you had typed here" {
            h2 { "What you had chosen and typed here was not carried out" }
            p { "The conflict was over before you sent it." }
            dl.kept {}
            button.btn type="button" { "Forget it" }
        }
    }
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
