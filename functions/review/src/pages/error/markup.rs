//! Errors: the list, and one with what happened, what to do, and what to press. Pure.

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use shared::redrive::{self, payload_bytes};
use shared::state::ErrorStatus;

use super::brake;
use crate::pages::{part, record, words};
use crate::view::ErrorView;

/// Longest payload that is shown, in characters; the API has all of it.
const PAYLOAD_MAX: usize = 20_000;

/// Largest event that is edited in a form, in bytes: sent as a form, each of them may take three.
const EDITED_MAX: usize = 100_000;

/// Longest reason that is taken, in characters.
const REASON_MAX: usize = redrive::REASON_MAX;

/// What a person has typed about an error, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Typed {
    /// What was being done.
    pub(super) doing: Option<Doing>,
    /// The event, as JSON.
    pub(super) event: Option<String>,
    /// Why.
    pub(super) note: Option<String>,
    /// The part that is wrong, and why.
    pub(super) wrong: Option<(Option<String>, String)>,
}

/// What a person does about an error, in a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// It is tried again as it is.
    Retry,
    /// It is edited, and tried again.
    Edit,
    /// It is closed.
    Dismiss,
    /// What its brake holds passes, or is discarded.
    Decide,
}

impl Typed {
    /// The reason that was typed with this form, when it was refused.
    pub(super) fn note_of(&self, doing: Doing) -> Option<&str> {
        let is_mine = self.wrong.is_some() && self.doing == Some(doing);
        is_mine.then(|| self.note.as_deref().unwrap_or_default())
    }
}

/// A list of errors.
pub(in crate::pages) fn list(errors: &[ErrorView], now: Timestamp) -> Markup {
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
        "cut_off" => "Saving it breaks off on that side, each time; others are saved.",
        "not_polled" => "NetSuite does not show us what changes there, or not as it should.",
        "unreadable" => "What is stored of this one record cannot be read; no other is concerned.",
        "permission" => "The role that we sign in with may not do this.",
        _ => "Trying again by itself did not help.",
    }
}

/// Everything about an error that is shown, and what may be done.
pub(super) struct Shown<'a> {
    pub(super) error: &'a ErrorView,
    /// What people call its record.
    pub(super) title: Option<String>,
    /// What is stuck, as it can be edited.
    pub(super) original: Option<&'a str>,
    /// As the error stands: what a form must name.
    pub(super) state: &'a str,
    pub(super) typed: &'a Typed,
    /// Whether this person may do something about it.
    pub(super) may_act: bool,
    /// Whether its brake waits for a decision that this person may take.
    pub(super) may_decide: bool,
    /// Whether anything would happen if it were tried again.
    pub(super) can_retry: bool,
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
        @if let Some((field, wrong)) = &shown.typed.wrong {
            (part::say("bad", "This was not done", &html! {
                p { @if let Some(field) = field { strong { (field) } ": " } (words::sentence(wrong)) ". Nothing was changed, and nothing that you typed is lost." }
            }))
        }
        @if error.status == ErrorStatus::Closed {
            (part::say("good", "It is over", &html! { p { (words::sentence(error.note.as_deref().unwrap_or("a later success has overtaken it"))) "." } }))
        }
        section.say.wait aria-labelledby="todo" { h2 id="todo" { "What to do" } p { (error.hint) } }
        div.with-side {
            div.stack {
                @if error.class == shared::state::brake::CLASS && error.status == ErrorStatus::Open { (brake::deciding(shown)) }
                @if shown.may_act && error.status != ErrorStatus::Closed { (actions(shown)) }
                (details(error))
            }
            aside.stack aria-label="About this error" { (facts(shown)) }
        }
    }
}

fn actions(shown: &Shown) -> Markup {
    let (action, note) = (path(shown.error), shown.typed.note_of(Doing::Retry).unwrap_or_default());
    html! {
        section.card aria-labelledby="again" {
            header { h2 id="again" { "Try it again" } }
            div.body {
                @if shown.can_retry {
                    form.flow method="post" action=(format!("{action}/retry")) {
                        input type="hidden" name="state" value=(shown.state);
                        label for="retry-note" { "Why, for the audit, if you like" }
                        input type="text" id="retry-note" name="note" value=(note) maxlength=(REASON_MAX) autocomplete="off";
                        button.main data-apply { "Try again as it is" kbd.keys-only aria-hidden="true" { "a" } }
                        span.hint { "When what caused it has been put right on that side." }
                    }
                } @else {
                    p { "Nothing is stuck here that could be tried again: it is over by itself once what it tells of is." }
                }
                @if let Some(path) = elsewhere(shown.error) {
                    p { a href=(path) { "Set another value" } span.hint { " if what stands there now can never be taken. Then try it again." } }
                }
                @if let Some(original) = shown.original { (editing(shown, original)) }
                (dismissing(shown))
            }
        }
    }
}

/// The form in which what is stuck is edited.
fn editing(shown: &Shown, original: &str) -> Markup {
    let (typed, action) = (shown.typed, path(shown.error));
    let (is_mine, note) =
        (typed.note_of(Doing::Edit).is_some(), typed.note_of(Doing::Edit).unwrap_or_default());
    let event = typed.event.as_deref().unwrap_or(original);
    if event.len() > EDITED_MAX {
        return editing_elsewhere(shown.error, event.len());
    }
    html! {
        details open[is_mine] {
            summary { "Edit it, and try again" }
            form.tight method="post" action=(format!("{action}/edit")) data-draft=(format!("{action}/edit")) data-kept[is_mine] {
                input type="hidden" name="state" value=(shown.state);
                p.small { "What you send travels as an event of its own, about the same record and from the same source. The original is kept, and both are linked." }
                label for="event" { "The event, as JSON" }
                textarea.code id="event" name="event" rows="12" spellcheck="false" { "\n" (event) }
                label for="edit-note" { "Why" }
                input type="text" id="edit-note" name="note" value=(note) required maxlength=(REASON_MAX) autocomplete="off";
                div { button { "Send the edit" } }
            }
        }
    }
}

/// What is said in place of a form that would be too large.
fn editing_elsewhere(error: &ErrorView, bytes: usize) -> Markup {
    let api = format!("/review/api/v1/errors/{}", error.id);
    html! {
        details {
            summary { "Edit it, and try again" }
            p.small {
                "It has " (words::count(bytes as u64, "byte")) ": too much for a form. " code { "GET " (api) }
                " shows what was received, " code { "POST " (api) "/edit" } " takes another event in its place."
            }
        }
    }
}

/// The form that closes it without trying anything again.
fn dismissing(shown: &Shown) -> Markup {
    let (typed, action) = (shown.typed, path(shown.error));
    let (is_mine, note) =
        (typed.note_of(Doing::Dismiss).is_some(), typed.note_of(Doing::Dismiss).unwrap_or_default());
    html! {
        details open[is_mine] {
            summary { "Dismiss it" }
            form.tight method="post" action=(format!("{action}/dismiss")) {
                input type="hidden" name="state" value=(shown.state);
                p.small { "Nothing is sent, and the record is free again. Where the two sides still differ that is written, and an error comes back if it is refused again." }
                label for="dismiss-note" { "Why" }
                input type="text" id="dismiss-note" name="note" value=(note) required maxlength=(REASON_MAX) autocomplete="off";
                div { button.danger { "Dismiss" } }
            }
        }
    }
}

/// Where the value that is to blame can be set.
fn elsewhere(error: &ErrorView) -> Option<String> {
    let (key, field) = (error.record.as_ref()?, error.field.as_deref()?);
    let name = field.strip_prefix("payload.changes.").unwrap_or(field);
    let path = record::path(&key.account, &key.record_type, &key.id);
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
                @if !error.causes.is_empty() {
                    h3 { "What led to it" }
                    ol.lines { @for cause in &error.causes { li { (words::short(cause, 600)) } } }
                }
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
                    @if let Some(pages) = &error.pages {
                        @for (name, page) in [("SuiteX", &pages.suitex), ("NetSuite", &pages.netsuite)] {
                            @if let Some(page) = page {
                                div { dt { "In " (name) } dd { a href=(page) rel="external noreferrer" { "the record there" span.sr { ", in " (name) } } } }
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
                    @if !error.edits.is_empty() {
                        div { dt { "Sent instead" } dd { @for (at, id) in error.edits.iter().take(10).enumerate() { @if at > 0 { ", " } (part::id(*id)) } } }
                    }
                    @if let Some(note) = error.note.as_deref().filter(|_| error.status != ErrorStatus::Closed) {
                        div { dt { "Last said" } dd { (words::sentence(note)) } }
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
        let typed = Typed::default();
        let shown = Shown {
            error: &error,
            title: None,
            original: Some("{\"x\": \"<script>\"}"),
            state: "open-1",
            typed: &typed,
            may_act: true,
            may_decide: false,
            can_retry: true,
            now: Timestamp(0),
        };
        let page = body(&shown).into_string();
        assert!(page.find("Mend it.") < page.find("Try it again"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
        assert!(page.contains("Credit limit"), "{page}");
        assert!(!body(&Shown { may_act: false, ..shown }).into_string().contains("<button"));
    }
}
