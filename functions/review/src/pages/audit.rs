//! Who did what. Pure.

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::Timestamp;

use super::{part, value, words};
use crate::desk::AuditView;

/// A list of what was done in `account`.
pub(super) fn list(rows: &[AuditView], now: Timestamp) -> Markup {
    html! {
        table.wide {
            thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "On what" } th scope="col" { "Details" } } }
            tbody {
                @for row in rows {
                    tr {
                        td data-label="When" { div { (part::at(row.at)) " " span.small.soft { (part::ago(row.at, now)) } } }
                        td data-label="Who" { div { strong { (row.actor) } } }
                        td.key data-label="What" { div { (words::sentence(&row.action.replace('_', " "))) } }
                        td data-label="On what" { div { (subject(&row.subject)) } }
                        td data-label="Details" { div.small { (details(&row.details)) } }
                    }
                }
            }
        }
    }
}

/// What it was about, and the way there.
fn subject(subject: &str) -> Markup {
    let parts: Vec<&str> = subject.split(':').collect();
    let link = match parts.as_slice() {
        ["conflict", id] => Some((super::conflict::path_of(id), format!("conflict {}", words::short(id, 8)))),
        ["error", id] => Some((format!("/review/errors/{id}"), format!("error {}", words::short(id, 8)))),
        ["ambiguous", id] => {
            Some((format!("/review/ambiguous/{id}"), format!("question {}", words::short(id, 8))))
        }
        ["account" | "plan" | "notice", ..] => None,
        [account, kind, id] => Some((super::record::path(account, kind, id), format!("{kind} {id}"))),
        _ => None,
    };
    match link {
        Some((path, text)) => html! { a href=(path) { (text) } },
        None => html! { (subject) },
    }
}

/// Details, name by name; `from` and `to` as a change.
fn details(details: &Json) -> Markup {
    let Some(parts) = details.as_object() else { return html! { (value::text(details)) } };
    let change = parts.get("from").zip(parts.get("to"));
    let is_told = |name: &str| change.is_some() && matches!(name, "from" | "to");
    let others = parts.iter().filter(|(name, value)| !value.is_null() && !is_told(name));
    html! {
        @if let Some((from, to)) = change { div { (value::change(from, to)) } }
        @for (name, value) in others {
            div { span.soft { (words::field(name)) ": " } (words::short(&value::text(value), 300)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_done_leads_to_what_it_was_done_to() {
        let shown = |text: &str| subject(text).into_string();
        assert!(shown("acme:customer:7").contains("href=\"/review/records/acme/customer/7\""));
        assert!(shown("error:0a1b2c3d-1").contains("href=\"/review/errors/0a1b2c3d-1\""));
        assert_eq!(shown("account:netsuite"), "account:netsuite");
        assert!(!shown("<script>").contains("<script>"));
    }

    #[test]
    fn a_change_is_shown_as_one() {
        let shown = details(&json!({"from": {"held": false}, "to": {"held": true}, "why": "inventory"}))
            .into_string();
        assert!(shown.contains("<ins>yes</ins>") && shown.contains("Why: </span>inventory"), "{shown}");
    }
}
