//! The page of a question who is who: what our record holds, what tells the candidates apart, and what to press. Pure.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use uuid::Uuid;

use crate::pages::conflict::side_name;
use crate::pages::{conflict, part, record, value, words};
use crate::view::{AmbiguityView, CandidateView, LinkingView};

/// How a page of a question came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Somebody looks at it.
    Asked,
    /// An answer was refused, or came too late: the question is another one now.
    Late,
    /// An answer is on its way.
    Sent,
}

/// What a person has chosen and typed, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) choice: Option<String>,
    pub(super) note: String,
    pub(super) wrong: Option<String>,
}

/// Everything that the page shows.
pub(super) struct Shown<'a> {
    pub(super) question: &'a AmbiguityView,
    pub(super) asked: &'a Asked,
    pub(super) state: State,
    pub(super) may_decide: bool,
    pub(super) me: &'a str,
    pub(super) now: Timestamp,
}

/// A question's path.
pub(in crate::pages) fn path(id: Uuid) -> String {
    format!("/review/ambiguous/{id}")
}

/// What people call its record.
pub(in crate::pages) fn title(question: &AmbiguityView) -> String {
    conflict::title(question.title.as_deref(), &question.record_type, &question.record_id)
}

fn free(question: &AmbiguityView) -> impl Iterator<Item = &CandidateView> {
    question.candidates.iter().filter(|candidate| candidate.taken_by.is_none())
}

/// `email`, or `name and city`: in what it is like ours.
fn keys(candidate: &CandidateView) -> String {
    let key = |names: &Vec<String>| {
        names.iter().map(|name| words::field(name).to_lowercase()).collect::<Vec<_>>().join(" and ")
    };
    candidate.matched.iter().map(key).collect::<Vec<_>>().join(", or ")
}

/// A list of questions.
pub(super) fn list(questions: &[AmbiguityView], now: Timestamp) -> Markup {
    html! {
        ol.items data-rows {
            @for question in questions {
                li {
                    div.what {
                        span.kind.ambiguous { "Which is it?" }
                        a href=(path(question.ambiguity_id)) { (title(question)) }
                    }
                    div.soft.small { (about(question)) }
                    div.when { span { "asked " (part::ago(question.opened_at, now)) } }
                }
            }
        }
    }
}

/// What a question is about, in a line.
pub(in crate::pages) fn about(question: &AmbiguityView) -> String {
    let n = free(question).count() as u64;
    let (kind, id, account) = (&question.record_type, &question.record_id, &question.account);
    format!(
        "{} in {} could be it · {kind} {id} · {account}",
        words::count(n, "record"),
        side_name(question.side)
    )
}

/// Under the frame.
pub(super) fn body(shown: &Shown) -> Markup {
    let question = shown.question;
    let name = title(question);
    html! {
        (part::crumbs(&[("Inbox", "/review/".into()), ("Which is it?", "/review/ambiguous".into())], &name))
        div.title {
            h1 { (name) }
            div.line {
                (status(question.status))
                a href=(record::path(&question.account, &question.record_type, &question.record_id)) {
                    (question.record_type) " " (question.record_id)
                }
                span.soft { "asked " (part::ago(question.opened_at, shown.now)) }
                span.soft { "revision " (question.revision) }
            }
            p.lede {
                "Is it one of the records that " (side_name(question.side)) " has already? They are like it in what names such a record. \
                 Nothing is created there until somebody says so."
            }
        }
        (told(shown))
        @if question.status != "open" { (ended(shown)) }
        @else if shown.state == State::Sent { (sent(shown)) }
        @else { (apart(question)) (choices(shown)) }
    }
}

fn status(status: &str) -> Markup {
    match status {
        "open" => html! { span.pill.wait { "somebody must say" } },
        "answered" => html! { span.pill.good { "answered" } },
        _ => html! { span.pill { "nobody need say" } },
    }
}

fn told(shown: &Shown) -> Markup {
    html! {
        @if shown.state == State::Late && shown.question.status == "open" {
            (part::say("wait", "This question changed while you were deciding", &html! {
                p { "Nothing was done. What you chose and typed is still here where it is still offered; look at the records again, and send it once more." }
            }))
        }
        @if shown.state == State::Late && shown.question.status != "open" {
            (part::say("wait", "Somebody was quicker", &html! { p { "Your answer was not taken. Below stands what came of it." } }))
        }
        @if let Some(wrong) = &shown.asked.wrong {
            (part::say("bad", "This cannot be sent yet", &html! { p { (words::sentence(wrong)) ". Nothing was done, and nothing that you typed is lost." } }))
        }
        @if !shown.may_decide {
            (part::say("", "You may look", &html! {
                p { "A resolver or admin of " (shown.question.account) " decides. Take this page’s address to one of them." }
            }))
        }
    }
}

/// Fields in which our record and the candidates are not all alike, and those that are alike in all.
fn telling(question: &AmbiguityView) -> (Vec<&str>, Vec<&str>) {
    let state = question.state.iter();
    let fields = state.chain(question.candidates.iter().filter_map(|candidate| candidate.fields.as_ref()));
    let names: BTreeSet<&str> = fields.flat_map(BTreeMap::keys).map(String::as_str).collect();
    let is_telling = |name: &&str| {
        let ours = question.state.as_ref().and_then(|state| state.get(*name)).unwrap_or(&Json::Null);
        question.candidates.iter().any(|candidate| held(candidate, name) != ours)
    };
    names.into_iter().partition(is_telling)
}

fn held<'a>(candidate: &'a CandidateView, name: &str) -> &'a Json {
    candidate.fields.as_ref().and_then(|fields| fields.get(name)).unwrap_or(&Json::Null)
}

/// What tells them apart, side by side.
fn apart(question: &AmbiguityView) -> Markup {
    let Some(state) = &question.state else { return html! {} };
    let (differs, same) = telling(question);
    let alike: Vec<String> = same
        .iter()
        .filter(|name| state.get(**name).is_some_and(|v| *v != Json::Null))
        .map(|name| words::field(name))
        .collect();
    let side = side_name(question.side);
    html! {
        section.card aria-labelledby="apart" {
            header { h2 id="apart" { "What tells them apart" } span.end.small.soft { "marked: not as in ours" } }
            table.wide {
                thead {
                    tr {
                        th scope="col" { "Field" }
                        th scope="col" { "Ours" }
                        @for candidate in &question.candidates { th scope="col" { (side) " " (candidate.id) } }
                    }
                }
                tbody {
                    @for name in &differs {
                        @let ours = state.get(*name).unwrap_or(&Json::Null);
                        tr {
                            th scope="row" { (words::field(name)) }
                            td data-label="Ours" { div { (value::brief(ours)) } }
                            @for candidate in &question.candidates {
                                @let theirs = held(candidate, name);
                                td.unlike[theirs != ours] data-label=(format!("{side} {}", candidate.id)) {
                                    div { (value::brief(theirs)) @if theirs != ours { span.sr { " (not as in ours)" } } }
                                }
                            }
                        }
                    }
                }
            }
            @if differs.is_empty() { div.body { p.soft { "Nothing that is synced: they hold the same." } } }
            @if !alike.is_empty() { div.body { p.small.soft { "Alike in all: " (alike.join(", ")) "." } } }
        }
    }
}

fn choices(shown: &Shown) -> Markup {
    let question = shown.question;
    let action = format!("{}/decide", path(question.ambiguity_id));
    let cards = html! {
        div.picks {
            @for candidate in &question.candidates { (pick(shown, candidate)) }
            (other(shown, "create", "None of these", &format!("A new one is created in {}. You are not asked about these again.", side_name(question.side))))
            (other(shown, "again", "Look again", &format!("When you have put something in order in {}: two that are the same thing were merged there, say.", side_name(question.side))))
        }
    };
    if !shown.may_decide {
        return html! { section.card aria-label="Candidates" { div.body { (cards) } } };
    }
    html! {
        form.stack method="post" action=(action) {
            input type="hidden" name="revision" value=(question.revision);
            section.card {
                fieldset.body {
                    legend { h2 { "Which is it?" } }
                    (cards)
                }
            }
            section.card {
                div.body {
                    label for="note" { "Why " span.hint { "for the audit; others will read it" } }
                    textarea id="note" name="note" rows="2" maxlength="2000" { "\n" (shown.asked.note) }
                }
            }
            div.bar {
                div.grow { span.soft.small { "Sent as " (shown.me) "." } }
                button.main data-apply { "Send" kbd.keys-only aria-hidden="true" { "a" } }
            }
        }
    }
}

fn pick(shown: &Shown, candidate: &CandidateView) -> Markup {
    let question = shown.question;
    let choice = format!("link:{}", candidate.id);
    let head = html! { strong { (side_name(question.side)) " " (candidate.id) } };
    let body = html! {
        @if !candidate.matched.is_empty() { span.small.soft { "Like ours in " (keys(candidate)) "." } }
        @match (&candidate.taken_by, &candidate.preview) {
            (Some(other), _) => span.small {
                "It belongs to "
                a href=(record::path(&question.account, &question.record_type, other)) { (question.record_type) " " (other) }
                " and cannot be chosen."
            },
            (None, Some(changes)) if changes.is_empty() => span.small { "Linking it changes nothing." },
            (None, Some(changes)) => { (linking(changes)) },
            (None, None) => "",
        }
    };
    if candidate.taken_by.is_some() || !shown.may_decide {
        return html! { div.pick { span.by { (head) } (body) } };
    }
    html! {
        label.pick {
            span.by { input type="radio" name="choice" value=(choice) checked[shown.asked.choice.as_ref() == Some(&choice)]; (head) }
            (body)
        }
    }
}

fn linking(changes: &[LinkingView]) -> Markup {
    html! {
        span.small.soft { "Linked, they would hold:" }
        @for change in changes {
            span.tight.small {
                span.soft { (words::field(&change.field)) @if !change.written_to.is_empty() { " (written to " (change.written_to.iter().map(|side| side_name(side)).collect::<Vec<_>>().join(" and ")) ")" } }
                @if change.conflict { span.pill.wait { "a conflict: somebody decides" } } @else { (value::brief(&change.result)) }
            }
        }
    }
}

fn other(shown: &Shown, choice: &str, head: &str, text: &str) -> Markup {
    if !shown.may_decide {
        return html! {};
    }
    let is_checked = shown.asked.choice.as_deref() == Some(choice);
    html! {
        label.pick {
            span.by { input type="radio" name="choice" value=(choice) checked[is_checked]; strong { (head) } }
            span.small { (text) }
        }
    }
}

fn sent(shown: &Shown) -> Markup {
    let here = path(shown.question.ambiguity_id);
    part::say(
        "good",
        "Your answer is on its way",
        &html! {
            p { "It counts as soon as it is taken in: usually a second or two. This page shows it when it is done." }
            p { a href=(here) { "Look at the question as it is" } " · " a href="/review/" { "On to the inbox" } }
        },
    )
}

fn ended(shown: &Shown) -> Markup {
    let question = shown.question;
    let said = question.answer.as_ref().map(|answer| {
        match (answer.choice.as_str(), answer.choice["link"].as_str()) {
            (_, Some(id)) => format!("It is {} {id}", side_name(question.side)),
            (Some("again"), _) => "Look again".to_string(),
            _ => "None of these: create it".to_string(),
        }
    });
    html! {
        section.card aria-labelledby="ended" {
            header {
                h2 id="ended" { @match &said { Some(said) => (said), None => "Nobody need say any more" } }
                @if let Some(answer) = &question.answer { span.end.small.soft { (answer.actor) ", " (part::ago(answer.at, shown.now)) } }
            }
            div.body {
                p {
                    @match question.status {
                        "answered" => "It is carried out as soon as the record is written; what both hold is then decided like any change on both sides.",
                        _ if said.is_some() => "That was carried out, or is no longer needed: the record has its counterpart, or is gone.",
                        _ => "The record has a counterpart by now, is gone, or is found by other values.",
                    }
                }
                div.flow {
                    a.btn href=(record::path(&question.account, &question.record_type, &question.record_id)) { "To the record" }
                    a.btn href="/review/" { "Inbox" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn candidate(id: &str, fields: Json) -> CandidateView {
        CandidateView {
            id: id.into(),
            revision: 1,
            values: serde_json::Map::new(),
            fields: Some(serde_json::from_value(fields).unwrap()),
            matched: vec![vec!["email".into()]],
            taken_by: None,
            preview: Some(Vec::new()),
        }
    }

    fn question() -> AmbiguityView {
        AmbiguityView {
            ambiguity_id: Uuid::nil(),
            account: "acme".into(),
            record_type: "customer".into(),
            record_id: "sx-1".into(),
            title: Some("<script>Ada".into()),
            side: "netsuite",
            revision: 3,
            status: "open",
            opened_at: Timestamp(0),
            answer: None,
            state: Some(
                serde_json::from_value(json!({"email": "a@b.c", "city": "Ulm", "phone": null})).unwrap(),
            ),
            candidates: vec![
                candidate("1", json!({"email": "a@b.c", "city": "Ulm"})),
                candidate("2", json!({"email": "a@b.c", "city": "<b>Bonn", "phone": null})),
            ],
        }
    }

    fn page(question: &AmbiguityView, asked: &Asked, may_decide: bool) -> String {
        let state = State::Asked;
        body(&Shown { question, asked, state, may_decide, me: "rita", now: Timestamp(0) }).into_string()
    }

    #[test]
    fn what_tells_candidates_apart_is_shown_and_what_is_alike_is_only_named() {
        let question = question();
        assert_eq!(telling(&question), (vec!["city"], vec!["email", "phone"]));
        let shown = page(&question, &Asked::default(), true);
        assert!(
            shown.contains("&lt;b&gt;Bonn") && !shown.contains("<b>Bonn") && !shown.contains("<script>"),
            "{shown}"
        );
        assert!(shown.contains("Alike in all: Email."), "{shown}");
        assert_eq!(shown.matches("class=\"unlike\"").count(), 1, "{shown}");
        assert!(!shown.contains(" checked"), "nothing is chosen for anybody: {shown}");
    }

    #[test]
    fn what_was_chosen_and_typed_is_there_again_and_a_taken_one_is_not_offered() {
        let mut question = question();
        question.candidates[0].taken_by = Some("ns-9".into());
        let asked =
            Asked { choice: Some("link:2".into()), note: "by phone".into(), wrong: Some("no".into()) };
        let shown = page(&question, &asked, true);
        assert!(
            shown.contains("value=\"link:2\" checked") && shown.contains("\nby phone</textarea>"),
            "{shown}"
        );
        assert!(!shown.contains("value=\"link:1\"") && shown.contains("cannot be chosen"), "{shown}");
        assert!(
            !page(&question, &asked, false).contains("<input"),
            "who may only look finds nothing to press"
        );
    }
}
