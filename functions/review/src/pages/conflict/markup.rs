//! The page of a conflict: what is wrong, why, what each side holds, and what to press. Pure.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::{PerSide, Side, Timestamp};
use shared::domain::surface::TypeSurface;
use shared::domain::value::Kind;
use uuid::Uuid;

use super::field::{self, Asked, Clashing};
use crate::desk::{Effect, Moment};
use crate::pages::typed::{Typed, Wrong};
use crate::pages::{part, value, words};
use crate::view::{self, ConflictView, HistoryView};

/// Most entries of the timeline that are shown; the history has all of them.
const TIMELINE_MAX: usize = 60;

/// Everything that the page shows.
pub(super) struct Shown<'a> {
    /// The conflict as it is now.
    pub(super) conflict: &'a ConflictView,
    /// Its type.
    pub(super) surface: &'a TypeSurface,
    /// What happened to the record's fields, the newest first.
    pub(super) timeline: &'a [Moment],
    /// How each side came by what it holds, where that was before the conflict.
    pub(super) origins: &'a [Origin],
    /// What the person has chosen and typed.
    pub(super) typed: &'a Typed,
    /// What is wrong with that.
    pub(super) wrong: Option<&'a Wrong>,
    /// What would be written where, if enough is chosen to tell.
    pub(super) writes: &'a Writes,
    /// What has changed since the person looked, by field.
    pub(super) moved: &'a [Moved],
    /// How this page came about.
    pub(super) state: State,
    /// Whether this person may decide, and who they are.
    pub(super) may_decide: bool,
    pub(super) me: &'a str,
    pub(super) now: Timestamp,
}

/// How a page of a conflict came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Somebody looks at it.
    Asked,
    /// A decision was refused: the conflict had moved on.
    Late,
    /// A decision was on its way, and came too late: the conflict had moved on.
    Overtaken,
    /// A decision is on its way.
    Sent,
}

/// A field that changed since the person looked, and what each side held then.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moved {
    pub(super) field: String,
    pub(super) netsuite: Option<Json>,
    pub(super) suitex: Option<Json>,
}

/// What changed since the person looked, field by field. Moments come the newest first: the oldest of a side tells what
/// it held before all of them.
pub(super) fn moved(since: &[Moment]) -> Vec<Moved> {
    let mut moved: BTreeMap<&str, Moved> = BTreeMap::new();
    for moment in since {
        let field = moved.entry(&moment.field).or_insert_with(|| Moved {
            field: moment.field.clone(),
            netsuite: None,
            suitex: None,
        });
        match moment.side {
            Some("netsuite") => field.netsuite = Some(moment.base.clone()),
            Some("suitex") => field.suitex = Some(moment.base.clone()),
            _ => {}
        }
    }
    moved.into_values().collect()
}

/// An edit before the conflict: of a field that it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub(super) field: String,
    pub(super) side: Side,
    pub(super) actor: Option<String>,
    pub(super) at: Timestamp,
    pub(super) from: Json,
    pub(super) to: Json,
}

/// The edits that a conflict is about and that came before it: of each side and field of which the conflict's own
/// timeline has none, the newest in the history.
pub(super) fn origins(conflict: &ConflictView, moments: &[Moment], history: &[HistoryView]) -> Vec<Origin> {
    let mut origins = Vec::new();
    for name in conflict.fields.keys() {
        for side in [Side::SuiteX, Side::NetSuite] {
            if moments.iter().any(|m| m.field == *name && m.side == Some(side.as_str())) {
                continue;
            }
            let of_side = history.iter().filter(|row| match side {
                Side::SuiteX => row.source == "suitex",
                Side::NetSuite => row.source.starts_with("netsuite"),
            });
            let mut found = of_side.flat_map(|row| row.decisions.iter().map(move |decision| (row, decision)));
            let found = found.find(|(_, decision)| decision.field == *name && decision.from != decision.to);
            origins.extend(found.map(|(row, decision)| Origin {
                field: name.clone(),
                side,
                actor: row.actor.clone(),
                at: row.at,
                from: decision.from.clone(),
                to: decision.to.clone(),
            }));
        }
    }
    origins.sort_by_key(|origin| std::cmp::Reverse(origin.at));
    origins
}

/// What a decision would write, or what is still missing to tell.
pub(super) type Writes = Result<Vec<Effect>, String>;

/// A conflict's path.
pub(in crate::pages) fn path(id: Uuid) -> String {
    format!("/review/conflicts/{id}")
}

/// What people call a record.
pub(in crate::pages) fn title(title: Option<&str>, kind: &str, id: &str) -> String {
    title.map_or_else(|| format!("{} {id}", words::field(kind)), |title| words::short(title, 80))
}

/// Under the frame.
pub(super) fn body(shown: &Shown) -> Markup {
    let conflict = shown.conflict;
    let name = title(conflict.title.as_deref(), &conflict.record_type, &conflict.record_id);
    let account = part::link("/review/", &[("account", Some(&conflict.account))]);
    html! {
        (part::crumbs(&[("Inbox", "/review/".into()), (&conflict.account, account)], &name))
        (head(shown, &name))
        (told(shown))
        div.with-side {
            @if shown.state == State::Sent { (sent(shown)) } @else { (form(shown)) }
            aside.stack aria-label="About this conflict" {
                section.card {
                    header { h2 { "What happened" } }
                    div.body data-part="timeline" { (timeline(shown.timeline, shown.origins, shown.now)) }
                }
                (facts(shown))
            }
        }
        div data-live=(live(shown)) data-after=[(shown.state == State::Sent).then_some("800")] hidden {}
    }
}

fn live(shown: &Shown) -> String {
    let revision = match shown.state {
        State::Sent => shown.typed.revision.unwrap_or(shown.conflict.conflict_revision),
        _ => shown.conflict.conflict_revision,
    };
    let sent = (shown.state == State::Sent).then_some("1");
    let path = format!("{}/live", path(shown.conflict.conflict_id));
    part::link(&path, &[("revision", Some(&revision.to_string())), ("sent", sent)])
}

fn head(shown: &Shown, name: &str) -> Markup {
    let conflict = shown.conflict;
    let fields = words::count(conflict.fields.len() as u64, "field");
    html! {
        div.title {
            h1 { (name) }
            div.line {
                (part::due(conflict.due_at, conflict.opened_at, shown.now))
                a href=(record_path(conflict)) { (conflict.record_type) " " (conflict.record_id) }
                span.soft { "opened " (part::ago(conflict.opened_at, shown.now)) }
                span.soft { "revision " (conflict.conflict_revision) }
            }
            p.lede {
                @match (conflict.deleted_by, conflict.fields.len()) {
                    (Some(side), 0) => { "Deleted in " (side_name(side)) " while it was still in use on the other side." },
                    (Some(side), _) => { "Deleted in " (side_name(side)) ", and " (fields) " changed on the other side." },
                    (None, 1) => "SuiteX and NetSuite changed the same field, each to something else.",
                    (None, _) => { "SuiteX and NetSuite changed the same " (fields) ", each to something else." },
                }
                " "
                @if conflict.locks_record {
                    "Nothing of this record is written on either side until somebody decides."
                } @else {
                    "Only what stands here waits; everything else of the record goes on as usual."
                }
            }
        }
    }
}

pub(in crate::pages) fn side_name(side: &str) -> &'static str {
    if side == "suitex" { words::side(Side::SuiteX) } else { words::side(Side::NetSuite) }
}

fn record_path(conflict: &ConflictView) -> String {
    format!("/review/records/{}/{}/{}", conflict.account, conflict.record_type, conflict.record_id)
}

/// What must be said before anything is pressed. A part of its own: what comes meanwhile is put there.
fn told(shown: &Shown) -> Markup {
    html! {
        div.stack data-part="told" {
            @if shown.state == State::Late {
                (part::say("wait", "This conflict moved on while you were deciding", &html! {
                    p { "Nothing was applied. Everything that you chose and typed is still here; look again at what is marked, and apply once more." }
                }))
            }
            @if shown.state == State::Overtaken {
                (part::say("wait", "Your decision came too late", &html! {
                    p { "This conflict moved on before it counted, and nothing was applied. What has changed since is marked; decide again." }
                }))
            }
            @if let Some(wrong) = shown.wrong {
                (part::say("bad", "This cannot be applied yet", &html! {
                    p {
                        @if wrong.field.is_empty() { (words::sentence(&wrong.reason)) }
                        @else { strong { (words::field(&wrong.field)) } ": " (wrong.reason) }
                        ". Nothing was applied, and nothing that you typed is lost."
                    }
                }))
            }
            @if !shown.may_decide {
                (part::say("", "You may look", &html! {
                    p { "A resolver or admin of " (shown.conflict.account) " decides. Take this page’s address to one of them." }
                }))
            }
        }
    }
}

/// That a conflict has moved on, with the way to go on. Also told while somebody is deciding.
pub(super) fn rebase_notice(id: Uuid, seen: u64, now_at: u64, moved: &[Moved]) -> Markup {
    let fields: Vec<String> = moved.iter().map(|moved| words::field(&moved.field)).collect();
    html! {
        div.stack data-part="told" data-say="This conflict has just changed." {
            (part::say("wait", "This has just changed", &html! {
                p {
                    @if fields.is_empty() { "Somebody has edited the record again" }
                    @else { "Edited again: " strong { (fields.join(", ")) } }
                    ". You were looking at revision " (seen) "; it is at " (now_at) " now."
                }
                p {
                    button.main form="decide" formaction=(format!("{}/rebase", path(id))) formnovalidate {
                        "Show what is new, keep what I typed"
                    }
                }
            }))
        }
    }
}

fn form(shown: &Shown) -> Markup {
    let (conflict, typed) = (shown.conflict, shown.typed);
    let action = path(conflict.conflict_id);
    let cards = html! {
        @for (at, (name, clash)) in conflict.fields.iter().enumerate() {
            (card(shown, name, clash, at))
        }
        @if let Some(side) = conflict.deleted_by { (existence(shown, side)) }
    };
    if !shown.may_decide {
        return html! { div.stack { (cards) } };
    }
    html! {
        form.stack id="decide" method="post" action=(format!("{action}/resolve"))
            data-decide=(format!("{action}/writes")) data-draft=(action) data-draft-old="#draft-old"
            data-revision=(conflict.conflict_revision) data-since=[since(shown)]
            data-kept[shown.state == State::Late || shown.wrong.is_some()] {
            input type="hidden" name="revision" value=(conflict.conflict_revision);
            // Scripts show it to who has typed something on a page of an earlier revision.
            section.say.wait id="draft-old" hidden aria-label="What you typed earlier" {
                h2 { "You had typed something here before this changed" }
                p { "It was about an earlier state of this conflict, so it is not simply put back." }
                p { button formaction=(format!("{action}/rebase")) formnovalidate { "Show what is new, with what I typed" } }
            }
            // Enter in a box presses the first button of a form: it must be the one that changes nothing.
            button.sr tabindex="-1" aria-hidden="true" formaction=(format!("{action}/preview")) formnovalidate { "Preview" }
            @if conflict.fields.len() > 1 { (rest(typed)) }
            (cards)
            section.card {
                div.body {
                    label for="note" { "Why " span.hint { "for the history; others will read it" } }
                    textarea id="note" name="note" rows="2" maxlength="2000" { "\n" (typed.note) }
                }
            }
            section.card id="writes" tabindex="-1" aria-labelledby="writes-head" {
                header { h2 id="writes-head" { "What will be written where" } }
                div.body data-part="writes" aria-live="polite" { (writes(shown.writes)) }
            }
            div.bar {
                div.grow {
                    strong data-open { (words::count(conflict.fields.len() as u64, "field")) " to decide." }
                    " " span.soft.small { "Applied as " (shown.me) "." }
                }
                button formaction=(format!("{action}/preview")) formnovalidate { "Preview" }
                button.main data-apply { "Apply" kbd.keys-only aria-hidden="true" { "a" } }
            }
        }
    }
}

/// The revision since which the page shows what has changed: a draft of that one may be put back.
fn since(shown: &Shown) -> Option<u64> {
    shown.typed.revision.filter(|_| shown.state == State::Overtaken)
}

fn card(shown: &Shown, name: &str, clash: &view::Clashing, at: usize) -> Markup {
    const TEXT: Kind = Kind::Text { max: None };
    let kind = shown.surface.field(name).map_or(&TEXT, |ix| &shown.surface.fields[ix].kind);
    let moved = shown.moved.iter().find(|moved| moved.field == name);
    let by = |side: Side| {
        let is_its = |m: &&Moment| m.side == Some(side.as_str()) && m.field == name && m.rule != "waits";
        let of_moment = shown.timeline.iter().find(is_its).map(|moment| (moment.actor.clone(), moment.at));
        let is_its = |origin: &&Origin| origin.side == side && origin.field == name;
        let of_origin = || shown.origins.iter().find(is_its).map(|origin| (origin.actor.clone(), origin.at));
        let (actor, at) = of_moment.or_else(of_origin)?;
        Some((actor?, at))
    };
    let field = Clashing {
        name,
        kind,
        policy: clash.policy,
        risk: clash.risk,
        base: &clash.base,
        sides: PerSide { netsuite: &clash.netsuite, suitex: &clash.suitex },
        suggested: &clash.suggested,
        by: PerSide { netsuite: by(Side::NetSuite), suitex: by(Side::SuiteX) },
        moved: moved.map(|moved| PerSide {
            netsuite: moved.netsuite.as_ref().unwrap_or(&clash.netsuite),
            suitex: moved.suitex.as_ref().unwrap_or(&clash.suitex),
        }),
    };
    let wrong = shown.wrong.filter(|wrong| wrong.field == name).map(|wrong| wrong.reason.as_str());
    let asked = Asked { typed: shown.typed.field(name), wrong, may_decide: shown.may_decide, now: shown.now };
    field::card(&field, &asked, at)
}

/// One choice for all fields that have none of their own.
fn rest(typed: &Typed) -> Markup {
    let chosen = typed.rest.as_deref().unwrap_or_default();
    let all = [
        ("", "Field by field", ""),
        ("suitex", "SuiteX for the rest", "⇧1"),
        ("netsuite", "NetSuite for the rest", "⇧2"),
        ("suggested", "The suggestions for the rest", "⇧3"),
    ];
    html! {
        section.card {
            fieldset.body {
                legend.sr { "All fields at once" }
                div.flow {
                    @for (value, text, keys) in all {
                        label.btn {
                            input type="radio" name="choice" value=(value) checked[chosen == value];
                            (text)
                            @if !keys.is_empty() { kbd.keys-only aria-hidden="true" { (keys) } }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a record that one side deleted lives on.
fn existence(shown: &Shown, side: &str) -> Markup {
    let typed = shown.typed.keep;
    let (by, other) = match side {
        "suitex" => ("SuiteX", "NetSuite"),
        _ => ("NetSuite", "SuiteX"),
    };
    html! {
        section.card.clash role="group" aria-labelledby="existence" tabindex="-1" data-own {
            header { h2 id="existence" { "Does it live on?" } span.pill.wait { "deleted in " (by) } }
            div.body {
                @if let Some(wrong) = shown.wrong.filter(|wrong| wrong.field == "keep") {
                    p.wrong role="alert" { (words::sentence(&wrong.reason)) }
                }
                @if shown.may_decide {
                    div.picks {
                        label.pick {
                            span.by { input type="radio" name="keep" value="true" checked[typed == Some(true)]; strong { "Keep it" } }
                            span { "It is made anew in " (by) ", with the values that you choose." }
                        }
                        label.pick {
                            span.by { input type="radio" name="keep" value="false" checked[typed == Some(false)]; strong { "Delete it" } }
                            span { "It is deleted in " (other) " too. Its history stays." }
                        }
                    }
                }
            }
        }
    }
}

/// What a decision would write.
pub(super) fn writes(writes: &Writes) -> Markup {
    match writes {
        Err(missing) => html! { p.soft { (missing) } },
        Ok(effects) => html! {
            div.writes { @for side in [Side::SuiteX, Side::NetSuite] { (written(effects, side)) } }
        },
    }
}

fn written(effects: &[Effect], side: Side) -> Markup {
    let effect = effects.iter().find(|effect| effect.side == side.as_str());
    let told = match effect.map(|effect| effect.verb) {
        None | Some("nothing") => "Nothing: it holds this already.",
        Some("create") => "It is made anew, with:",
        Some("delete") => "It is deleted.",
        Some("locked") => "Nothing yet: something else still locks it.",
        Some("wait") => "A write is under way; this comes after it.",
        Some("look") => "It is looked at first, then written where it differs.",
        Some(_) => "",
    };
    html! {
        section.(side.as_str()) aria-label=(format!("Written to {}", words::side(side))) {
            h3 { (part::side(side)) }
            @if !told.is_empty() { p.soft.small { (told) } }
            @for (name, set) in effect.into_iter().flat_map(|effect| &effect.fields) {
                div.tight { span.small.soft { (words::field(name)) } (value::change(&set.from, &set.to)) }
            }
        }
    }
}

/// What happened, the newest first.
pub(super) fn timeline(moments: &[Moment], origins: &[Origin], now: Timestamp) -> Markup {
    html! {
        @if moments.is_empty() && origins.is_empty() { p.soft { "Nothing is known of what led to this." } }
        ol.timeline {
            @for moment in moments.iter().take(TIMELINE_MAX) { (happened(moment, now)) }
            @for origin in origins.iter().take(TIMELINE_MAX.saturating_sub(moments.len())) {
                li.(origin.side.as_str()) data-id=(format!("{}-{}-{}", origin.at.0, origin.field, origin.side)) {
                    div.small { (part::side(origin.side)) @if let Some(actor) = &origin.actor { " · " (actor) } }
                    div.small { span.soft { (words::field(&origin.field)) ": " } (value::change(&origin.from, &origin.to)) }
                    div.small.soft { (part::ago(origin.at, now)) }
                }
            }
        }
    }
}

fn happened(moment: &Moment, now: Timestamp) -> Markup {
    let id = format!("{}-{}-{}-{}", moment.at.0, moment.field, moment.rule, moment.version.unwrap_or(0));
    let is_decision = matches!(moment.rule.as_str(), "resolved" | "overridden");
    let source = if is_decision { "review" } else { moment.side.unwrap_or("ours") };
    html! {
        li.(source) data-id=(id) title=(moment.text) {
            div.small {
                @match source {
                    "suitex" => (part::side(Side::SuiteX)),
                    "netsuite" => (part::side(Side::NetSuite)),
                    "review" => strong { "Decision" },
                    _ => strong { "Found when we looked" },
                }
                @if let Some(actor) = &moment.actor { " · " (actor) }
            }
            div.small {
                span.soft { (words::field(&moment.field)) ": " }
                @match (moment.field.as_str(), moment.rule.as_str()) {
                    (_, "resolved" | "overridden") => (value::brief(&moment.agreed)),
                    ("$exists", "waits") => "a decision is being taken in",
                    ("$exists", _) => "deleted",
                    (_, "waits") => (value::brief(&moment.value)),
                    _ => (value::change(&moment.base, &moment.value)),
                }
            }
            div.small.soft {
                (part::ago(moment.at, now))
                @match moment.rule.as_str() {
                    "waits" => ", being taken in",
                    "conflict_opened" => ", and the sides disagree",
                    "conflict_closed" => ", and the sides agree again",
                    _ => "",
                }
            }
        }
    }
}

fn facts(shown: &Shown) -> Markup {
    let conflict = shown.conflict;
    let action = path(conflict.conflict_id);
    html! {
        section.card {
            header { h2 { "Facts" } }
            div.body {
                dl.facts {
                    div { dt { "Account" } dd { (conflict.account) } }
                    div { dt { "Record" } dd { a href=(record_path(conflict)) { "both sides and history" } } }
                    @for (side, id) in [("SuiteX", &conflict.ids.suitex), ("NetSuite", &conflict.ids.netsuite)] {
                        div { dt { (side) } dd { @if let Some(id) = id { (id) } @else { span.soft { "not there" } } } }
                    }
                    div { dt { "Decide by" } dd { (part::at(conflict.due_at)) } }
                    div { dt { "Whose" } dd { (conflict.assignee.as_deref().unwrap_or("nobody’s yet")) } }
                }
                @if shown.may_decide {
                    form.flow method="post" action=(format!("{action}/assign")) {
                        input type="hidden" name="from" value=(conflict.assignee.as_deref().unwrap_or_default());
                        @if conflict.assignee.as_deref() == Some(shown.me) {
                            button name="to" value="" { "Give it back" }
                        } @else {
                            button name="to" value=(shown.me) { "Take it" }
                        }
                    }
                    details {
                        summary { "Give it to somebody else" }
                        form.tight method="post" action=(format!("{action}/assign")) {
                            input type="hidden" name="from" value=(conflict.assignee.as_deref().unwrap_or_default());
                            label for="assign-to" { "Address" }
                            input type="text" id="assign-to" name="to" inputmode="email" required autocomplete="off" placeholder="ann@example.com";
                            span.hint { "Of a resolver or admin of " (conflict.account) "." }
                            div { button { "Give it" } }
                        }
                    }
                }
            }
        }
    }
}

fn sent(shown: &Shown) -> Markup {
    let action = path(shown.conflict.conflict_id);
    html! {
        div.stack {
            (part::say("good", "Your decision is on its way", &html! {
                p {
                    "It counts as soon as writes of this record that were already under way have ended: usually a second or two. \
                     This page shows it when it is done."
                }
                p { a href=(action) { "Look at the conflict as it is" } " · " a href="/review/" { "On to the inbox" } }
            }))
        }
    }
}
