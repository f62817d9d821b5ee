//! Errors: the list, and one with what happened, what to do, and what to press. Pure.

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use shared::redrive::payload_bytes;
use shared::state::ErrorStatus;

use super::{part, words};
use crate::view::ErrorView;

/// Longest payload that is shown, in characters; the API has all of it.
const PAYLOAD_MAX: usize = 20_000;

/// A list of errors.
pub(super) fn list(errors: &[ErrorView], now: Timestamp) -> Markup {
    html! {
        ol.items data-rows {
            @for error in errors {
                li {
                    div.what {
                        span.kind.error { (error.class) }
                        a href=(path(error)) { (words::short(&error.message, 140)) }
                    }
                    div.soft.small { (about(error)) }
                    div.when {
                        (status(error.status))
                        span { (words::count(u64::from(error.attempts), "time")) ", last " (part::ago(error.last_at, now)) }
                    }
                }
            }
        }
    }
}

/// An error's path.
pub(super) fn path(error: &ErrorView) -> String {
    format!("/review/errors/{}", error.id)
}

fn about(error: &ErrorView) -> String {
    let record = error.record.as_ref().map(|key| format!("{} {}", key.record_type, key.id));
    let field = error.field.as_deref().map(field_name);
    let parts = [record, field, Some(error.code.clone()), Some(error.account.to_string())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// `payload.changes.credit_limit` → `Credit limit`.
fn field_name(path: &str) -> String {
    words::field(path.strip_prefix("payload.changes.").unwrap_or(path))
}

fn status(status: ErrorStatus) -> Markup {
    match status {
        ErrorStatus::Open => html! { span.pill.bad { "open" } },
        ErrorStatus::Retried => html! { span.pill.wait { "being tried again" } },
        ErrorStatus::Closed => html! { span.pill.good { "over" } },
    }
}

/// What the class of an error means, for who sees it for the first time.
fn meaning(class: &str) -> &'static str {
    match class {
        "validation" => "NetSuite or SuiteX, or the field’s own rule, refuses a value.",
        "malformed" => "A message could not be read, so nobody knows yet what it wanted.",
        "not_persisted" => {
            "The value was taken, and was not there afterwards: something on that side sets it back or ignores it."
        }
        "not_shown" => "The value was written, and that side does not show it to us.",
        "waiting" => "The record refers to another one that never came.",
        "missing" => "The record is not there any more where it should be written.",
        "identity" => "It is not certain which record on the other side this one is.",
        "brake" => "So many records were deleted or emptied at once that we stopped to ask.",
        "permission" => "The role that we sign in with may not do this.",
        _ => "Trying again by itself did not help.",
    }
}

/// Everything about an error that is shown, and what may be done.
pub(super) struct Shown<'a> {
    pub(super) error: &'a ErrorView,
    /// What people call its record.
    pub(super) title: Option<String>,
    /// Whether this person may have it tried again.
    pub(super) may_act: bool,
    pub(super) now: Timestamp,
}

/// The page of one error.
pub(super) fn body(shown: &Shown) -> Markup {
    let error = shown.error;
    let name = words::short(&error.message, 140);
    html! {
        (part::crumbs(&[("Errors", part::link("/review/errors", &[("account", Some(&error.account))]))], &error.code))
        div.title {
            h1 { (name) }
            div.line {
                (status(error.status))
                span.pill { (error.class) }
                span.soft { (meaning(&error.class)) }
            }
        }
        @if error.status == ErrorStatus::Retried {
            (part::say("good", "It is being tried again", &html! {
                p { "If it fails the same way, it is open again here. If it succeeds, nothing more is heard of it: " a href="/review/" { "on to the inbox" } "." }
            }))
        }
        section.say.wait aria-labelledby="todo" { h2 id="todo" { "What to do" } p { (error.hint) } }
        div.with-side {
            div.stack {
                @if shown.may_act && error.status != ErrorStatus::Closed { (actions(shown)) }
                (details(error))
            }
            aside.stack aria-label="About this error" { (facts(shown)) }
        }
    }
}

fn actions(shown: &Shown) -> Markup {
    let action = path(shown.error);
    html! {
        section.card aria-labelledby="again" {
            header { h2 id="again" { "Try it again" } }
            div.body {
                form.flow method="post" action=(format!("{action}/retry")) {
                    button.main data-apply { "Try again as it is" kbd.keys-only aria-hidden="true" { "a" } }
                    span.hint { "When what caused it has been put right on that side." }
                }
                @if let Some(path) = elsewhere(shown.error) {
                    p { a href=(path) { "Set another value" } span.hint { " if what stands there now can never be taken. Then try it again." } }
                }
            }
        }
    }
}

/// Where the value that is to blame can be set.
fn elsewhere(error: &ErrorView) -> Option<String> {
    let (key, field) = (error.record.as_ref()?, error.field.as_deref()?);
    let name = field.strip_prefix("payload.changes.").unwrap_or(field);
    let path = super::record::path(&key.account, &key.record_type, &key.id);
    Some(part::link(&path, &[("why", Some(name))]))
}

fn details(error: &ErrorView) -> Markup {
    let payload = error.payload.as_deref().map(|text| {
        let bytes = payload_bytes(text);
        let json = serde_json::from_slice::<Json>(&bytes).ok();
        let shown = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
        shown.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned())
    });
    html! {
        section.card aria-labelledby="happened" {
            header { h2 id="happened" { "What happened" } }
            div.body {
                p { (error.message) }
                @if let Some(field) = &error.field { p { "To blame: " strong { (field_name(field)) } " " code { (field) } } }
            }
        }
        @if let Some(payload) = payload {
            section.card aria-labelledby="payload" {
                header { h2 id="payload" { "What was received" } }
                div.body { pre tabindex="0" role="region" aria-labelledby="payload" { (words::short(&payload, PAYLOAD_MAX)) } }
            }
        }
    }
}

fn facts(shown: &Shown) -> Markup {
    let error = shown.error;
    html! {
        section.card {
            header { h2 { "Facts" } }
            div.body {
                dl.facts {
                    div { dt { "Account" } dd { (error.account) } }
                    @if let Some(key) = &error.record {
                        div {
                            dt { "Record" }
                            dd {
                                a href=(format!("/review/records/{}/{}/{}", key.account, key.record_type, key.id)) {
                                    (shown.title.clone().unwrap_or_else(|| format!("{} {}", key.record_type, key.id)))
                                }
                            }
                        }
                    }
                    div { dt { "Code" } dd { code { (error.code) } } }
                    div { dt { "First met" } dd { (part::at(error.first_at)) } }
                    div { dt { "Last met" } dd { (part::at(error.last_at)) " (" (part::ago(error.last_at, shown.now)) ")" } }
                    div { dt { "Met" } dd { (words::count(u64::from(error.attempts), "time")) } }
                    @if !error.events.is_empty() {
                        div { dt { "Stuck events" } dd { @for (at, id) in error.events.iter().take(10).enumerate() { @if at > 0 { ", " } (part::id(*id)) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::AccountId;
    use shared::state::ErrorEntry;
    use uuid::Uuid;

    #[test]
    fn what_to_do_stands_above_everything_and_a_script_in_a_message_is_text() {
        let account = AccountId::parse("acme").unwrap();
        let bad = "<script>alert(1)</script> is no number";
        let mut entry =
            ErrorEntry::open(&account, Uuid::nil(), "validation", "BAD", bad, "Mend it.", Timestamp(0));
        entry.field = Some("payload.changes.credit_limit".into());
        entry.payload = Some("{\"x\": \"<img src=x onerror=alert(1)>\"}".into());
        let error = ErrorView::new(&entry);
        let shown = Shown { error: &error, title: None, may_act: true, now: Timestamp(0) };
        let page = body(&shown).into_string();
        assert!(page.find("Mend it.") < page.find("Try it again"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
        assert!(page.contains("Credit limit"), "{page}");
        assert!(!body(&Shown { may_act: false, ..shown }).into_string().contains("<button"));
    }
}
