//! One field of a conflict: what both sides held before, what each holds now, what we suggest, and a box for another
//! value. Pure.

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::{PerSide, Side, Timestamp};
use shared::domain::surface::{Policy, Risk};
use shared::domain::value::Kind;

use crate::pages::typed::{Picked, shown};
use crate::pages::{part, value, words};

/// Text up to this length has a box of one line, in characters.
const ONE_LINE_MAX: usize = 90;

/// A field on which the sides disagree.
pub(super) struct Clashing<'a> {
    /// Canonical name.
    pub(super) name: &'a str,
    /// What it holds.
    pub(super) kind: &'a Kind,
    /// What happens to such conflicts by rule.
    pub(super) policy: Policy,
    /// What it stops.
    pub(super) risk: Risk,
    /// What both sides held before.
    pub(super) base: &'a Json,
    /// What each side holds.
    pub(super) sides: PerSide<&'a Json>,
    /// What we would take.
    pub(super) suggested: &'a Json,
    /// Who set each side's value, and when, as far as it is known.
    pub(super) by: PerSide<Option<(String, Timestamp)>>,
    /// What it was when the person looked last, if it has changed since: each side's value.
    pub(super) moved: Option<PerSide<&'a Json>>,
}

/// How a field is shown.
pub(super) struct Asked<'a> {
    /// What was chosen and typed before.
    pub(super) typed: Option<&'a Picked>,
    /// What is wrong with that.
    pub(super) wrong: Option<&'a str>,
    /// Whether this person may decide.
    pub(super) may_decide: bool,
    /// Now.
    pub(super) now: Timestamp,
}

/// The card of a field; `at` is its place on the page.
pub(super) fn card(field: &Clashing, asked: &Asked, at: usize) -> Markup {
    let class = if field.moved.is_some() { "card clash moved" } else { "card clash" };
    html! {
        section class=(class) role="group" aria-labelledby=(format!("f{at}")) tabindex="-1" {
            header {
                h2 id=(format!("f{at}")) { (words::field(field.name)) }
                @if field.risk == Risk::High { span.pill.wait { (words::risk(field.risk)) } }
                @else { span.pill { (words::risk(field.risk)) } }
                @if field.policy != Policy::Manual {
                    span.pill { "by rule " (words::policy(field.policy)) }
                }
            }
            div.body {
                @if let Some(wrong) = asked.wrong { p.wrong role="alert" { (words::sentence(wrong)) } }
                @if let Some(was) = &field.moved { (moved(field, was)) }
                div.before { span.soft { "Before" } (value::whole(field.base)) }
                div.picks {
                    @for side in [Side::SuiteX, Side::NetSuite] { (side_pick(field, asked, side)) }
                    @if !is_a_side(field) { (suggestion(field, asked)) }
                    @if asked.may_decide { (edit(field, asked, at)) }
                }
            }
        }
    }
}

/// Whether what we suggest is what a side holds.
fn is_a_side(field: &Clashing) -> bool {
    field.suggested == field.sides.suitex || field.suggested == field.sides.netsuite
}

fn moved(field: &Clashing, was: &PerSide<&Json>) -> Markup {
    let changed = [Side::SuiteX, Side::NetSuite].into_iter().filter(|side| was[*side] != field.sides[*side]);
    html! {
        p { span.pill.wait { "Changed while you were deciding" } }
        @for side in changed {
            p.small { (part::side(side)) " had " (value::brief(was[side])) " when you looked." }
        }
    }
}

fn side_pick(field: &Clashing, asked: &Asked, side: Side) -> Markup {
    let (name, held) = (side.as_str(), field.sides[side]);
    let (is_suggested, key) = (field.suggested == held, if side == Side::SuiteX { "1" } else { "2" });
    // Of two sides that hold what we suggest, which cannot be, the first would carry the mark.
    let body = html! {
        (value::change(field.base, held))
        @if is_suggested || field.by[side].is_some() {
            span.flow.small.soft {
                @if is_suggested { span.pill.good { "suggested" } }
                @if let Some((actor, at)) = &field.by[side] { span { (actor) ", " (part::ago(*at, asked.now)) } }
            }
        }
    };
    pick(field, asked, name, key, is_suggested, &part::side(side), &body)
}

fn suggestion(field: &Clashing, asked: &Asked) -> Markup {
    let head = html! { strong { "Suggestion" } };
    pick(field, asked, "suggested", "3", true, &head, &value::change(field.base, field.suggested))
}

fn pick(
    field: &Clashing,
    asked: &Asked,
    choice: &str,
    key: &str,
    is_suggested: bool,
    head: &Markup,
    body: &Markup,
) -> Markup {
    let is_checked = asked.typed.is_some_and(|typed| typed.pick == choice);
    if !asked.may_decide {
        return html! { div.pick.(choice) { span.by { (head) } (body) } };
    }
    html! {
        label.pick.(choice) {
            span.by {
                input type="radio" name=(format!("pick.{}", field.name)) value=(choice) checked[is_checked]
                    data-suggested[is_suggested];
                (head)
                kbd.end.keys-only aria-hidden="true" { (key) }
            }
            (body)
        }
    }
}

fn edit(field: &Clashing, asked: &Asked, at: usize) -> Markup {
    let typed = asked.typed;
    let is_checked = typed.is_some_and(|typed| typed.pick == "edit");
    let value = typed.and_then(|typed| typed.value.clone());
    let value = value.unwrap_or_else(|| shown(field.kind, field.suggested));
    let (id, label) = (format!("v{at}"), format!("Another value for {}", words::field(field.name)));
    html! {
        div.pick.edit {
            label.by for=(format!("e{at}")) {
                input type="radio" id=(format!("e{at}")) name=(format!("pick.{}", field.name)) value="edit"
                    checked[is_checked];
                strong { "Another value" }
                kbd.end.keys-only aria-hidden="true" { "e" }
            }
            (input(field.kind, &format!("value.{}", field.name), &id, &label, &value))
        }
    }
}

/// A box for a value of this kind.
pub(in crate::pages) fn input(kind: &Kind, name: &str, id: &str, label: &str, value: &str) -> Markup {
    let lines = |hint: &str, code: bool| {
        html! {
            textarea class=[code.then_some("code")] id=(id) name=(name) aria-label=(label) rows="2" spellcheck="false" {
                // The first line end after the tag is the markup's.
                "\n" (value)
            }
            @if !hint.is_empty() { span.hint { (hint) } }
        }
    };
    let line = |kind: &str, mode: Option<&str>, hint: &str| {
        html! {
            input type=(kind) id=(id) name=(name) aria-label=(label) value=(value) inputmode=[mode] autocomplete="off";
            @if !hint.is_empty() { span.hint { (hint) } }
        }
    };
    let choice = |options: &[(&str, &str)]| {
        html! {
            select id=(id) name=(name) aria-label=(label) {
                @for (option, text) in options { option value=(option) selected[*option == value] { (text) } }
            }
        }
    };
    match kind {
        Kind::Text { max } => {
            let is_long = max.is_none_or(|max| max > ONE_LINE_MAX) || value.contains('\n');
            let hint = max.map_or(String::new(), |max| format!("At most {max} characters; empty clears it."));
            if is_long { lines(&hint, false) } else { line("text", None, &hint) }
        }
        Kind::Integer => line("text", Some("numeric"), "A whole number."),
        Kind::Decimal { scale } => {
            line("text", Some("decimal"), &format!("A number with up to {scale} decimals."))
        }
        Kind::Boolean => choice(&[("", "empty"), ("yes", "yes"), ("no", "no")]),
        Kind::Date => line("date", None, ""),
        Kind::DateTime => line("text", None, "As 2026-01-31T14:30:00Z."),
        Kind::Select { options } if options.is_empty() => line("text", None, "The id of an option."),
        Kind::Select { options } => {
            let options: Vec<(&str, &str)> =
                std::iter::once(("", "empty")).chain(options.iter().map(|o| (&**o, &**o))).collect();
            choice(&options)
        }
        Kind::MultiSelect => line("text", None, "Separated by commas."),
        Kind::Reference { to } => line("text", None, &format!("Our id of a {to}.")),
        Kind::Lines(_) => lines("The lines as JSON.", true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown_card(suggested: &Json, asked: &Asked) -> String {
        let (base, sx, ns) = (json!("Ring twice."), json!("Ring once."), json!("<b>Gate</b>"));
        let kind = Kind::Text { max: Some(4000) };
        let field = Clashing {
            name: "comments",
            kind: &kind,
            policy: Policy::Manual,
            risk: Risk::Low,
            base: &base,
            sides: PerSide { netsuite: &ns, suitex: &sx },
            suggested,
            by: PerSide { netsuite: Some(("nina".into(), Timestamp(0))), suitex: None },
            moved: None,
        };
        card(&field, asked, 1).into_string()
    }

    fn asked<'a>(typed: Option<&'a Picked>) -> Asked<'a> {
        Asked { typed, wrong: None, may_decide: true, now: Timestamp(180_000) }
    }

    #[test]
    fn a_field_shows_both_sides_their_changes_and_who_made_them() {
        let card = shown_card(&json!("<b>Gate</b>"), &asked(None));
        assert!(card.contains("<del>twice</del>") && card.contains("<ins>once</ins>"), "{card}");
        assert!(card.contains("&lt;b&gt;Gate") && !card.contains("<b>Gate"), "{card}");
        assert!(card.contains("nina, ") && card.contains("3 min ago"), "{card}");
        assert!(!card.contains("value=\"suggested\""), "the suggestion is NetSuite's value: {card}");
        assert!(shown_card(&json!("both"), &asked(None)).contains("value=\"suggested\""));
        assert!(!card.contains(" checked"), "nothing is chosen for anybody: {card}");
    }

    #[test]
    fn what_was_chosen_and_typed_is_there_again() {
        let typed = Picked { pick: "edit".into(), value: Some("both\nof them".into()) };
        let card = shown_card(&json!("x"), &asked(Some(&typed)));
        assert!(
            card.contains("value=\"edit\" checked") && card.contains("\nboth\nof them</textarea>"),
            "{card}"
        );
    }

    #[test]
    fn who_may_only_look_finds_nothing_to_press() {
        let card = shown_card(&json!("x"), &Asked { may_decide: false, ..asked(None) });
        assert!(!card.contains("<input") && !card.contains("<textarea"), "{card}");
    }
}
