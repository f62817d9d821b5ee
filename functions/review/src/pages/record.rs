//! A record: what is agreed, what each side holds, why, and everything that was ever decided about it. Pure.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value as Json;
use shared::domain::id::{Side, Timestamp};
use shared::domain::people::Role;
use shared::domain::surface::TypeSurface;

use super::{conflict, part, typed, value, words};
use crate::desk::{AsOf, Why};
use crate::view::{DecisionView, HistoryView, Listed, RecordLine, RecordView, SideView};

/// A record's path.
pub(super) fn path(account: &str, kind: &str, id: &str) -> String {
    format!("/review/records/{account}/{kind}/{id}")
}

/// A list of records.
pub(super) fn list(records: &[RecordLine]) -> Markup {
    html! {
        ol.items data-rows {
            @for record in records {
                li {
                    div.what {
                        a href=(path(&record.account, &record.record_type, &record.id)) { (record.record_type) " " (record.id) }
                    }
                    div.soft.small {
                        (record.account) " · version " (record.version)
                        @if let Some(id) = &record.ids.suitex { " · SuiteX " (id) }
                        @if let Some(id) = &record.ids.netsuite { " · NetSuite " (id) }
                    }
                    div.when { @if record.alive { (part::status(record.status)) } @else { span.pill { "deleted" } } }
                }
            }
        }
    }
}

/// Everything that is shown of a record.
pub(super) struct Shown<'a> {
    pub(super) record: &'a RecordView,
    pub(super) surface: &'a TypeSurface,
    /// What was decided, the newest first.
    pub(super) history: &'a Listed<HistoryView>,
    /// Where this page of the history begins, if it is not the first.
    pub(super) after: Option<&'a str>,
    /// The one field that is asked about.
    pub(super) why: Option<Why>,
    /// As it was.
    pub(super) past: Option<AsOf>,
    pub(super) role: Role,
    /// What an admin wanted to set and could not.
    pub(super) refused: Option<Refused>,
    pub(super) now: Timestamp,
}

/// An override that was refused: all that was typed, and why.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Refused {
    pub(super) field: String,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) unlock: bool,
    pub(super) wrong: String,
}

/// What people call it.
fn title(record: &RecordView) -> String {
    let named = record.state.iter().find(|(name, _)| *name == "name" || name.ends_with("_name"));
    let named = named.and_then(|(_, value)| value.as_str()).filter(|name| !name.is_empty());
    conflict::title(named, &record.record_type, &record.id)
}

/// The page of one record.
pub(super) fn body(shown: &Shown) -> Markup {
    let record = shown.record;
    let name = title(record);
    let inbox = part::link("/review/records", &[("account", Some(&record.account))]);
    html! {
        (part::crumbs(&[("Records", "/review/records".into()), (&record.account, inbox)], &name))
        div.title {
            h1 { (name) }
            div.line {
                @if record.alive { (part::status(record.status)) } @else { span.pill.bad { "deleted" } }
                span { (record.record_type) " " (record.id) }
                span.soft { "version " (record.version) }
                @if record.pending_events > 0 { span.pill { (words::count(record.pending_events as u64, "edit")) " being taken in" } }
            }
        }
        (stops(record))
        @if let Some(why) = &shown.why { (why_card(shown, why)) }
        @if let Some(past) = &shown.past { (past_card(shown, past)) }
        (values(shown))
        div.with-side {
            (history(shown))
            aside.stack aria-label="The two sides" {
                (side(Side::SuiteX, &record.sides.suitex, record.ids.suitex.as_deref(), shown.now))
                (side(Side::NetSuite, &record.sides.netsuite, record.ids.netsuite.as_deref(), shown.now))
                (as_of(shown))
            }
        }
    }
}

/// What keeps it from being written, with the way to end that.
fn stops(record: &RecordView) -> Markup {
    let others: Vec<&String> = record.lock.reasons.iter().filter(|r| !r.starts_with("conflict ")).collect();
    html! {
        @if let Some(found) = &record.conflict {
            (part::say("wait", "It is in conflict", &html! {
                p {
                    @if found.locks_record { "Nothing of it is written until somebody decides. " }
                    @else { "Only " (found.fields.keys().map(|f| words::field(f)).collect::<Vec<_>>().join(", ")) " waits. " }
                    a href=(conflict::path(found.conflict_id)) { "Decide it" }
                }
            }))
        }
        @if record.status == "ambiguous" {
            (part::say("wait", "Which is it?", &html! {
                p { "Nothing of it is written until somebody says which of the other side’s records it is. " a href=(part::link("/review/", &[("account", Some(&record.account)), ("kind", Some("ambiguous"))])) { "To the questions" } }
            }))
        } @else if !others.is_empty() {
            (part::say("bad", "It is locked", &html! {
                ul { @for reason in &others { li { (reason) } } }
                p { a href=(part::link("/review/errors", &[("account", Some(&record.account))])) { "Errors of " (record.account) } }
            }))
        }
    }
}

fn values(shown: &Shown) -> Markup {
    let record = shown.record;
    let blame = blame(&shown.history.items);
    let here = path(&record.account, &record.record_type, &record.id);
    html! {
        section.card aria-labelledby="values" {
            header { h2 id="values" { "Both sides" } span.end.small.soft { "what is agreed, and where a side differs" } }
            table.wide {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Agreed" } th scope="col" { "SuiteX" } th scope="col" { "NetSuite" } th scope="col" { "Set by" } } }
                tbody {
                    @for field in &shown.surface.fields {
                        @let name = &*field.name;
                        @let agreed = record.state.get(name).unwrap_or(&Json::Null);
                        @let differs = [&record.sides.suitex, &record.sides.netsuite].iter().any(|side| side.dirty.iter().any(|d| d == name));
                        @let locked = record.lock.record || record.lock.fields.iter().any(|locked| locked == name);
                        tr.differs[differs] {
                            th scope="row" {
                                (words::field(name))
                                @if locked && differs { " " span.pill.wait { "waits" } }
                            }
                            td data-label="Agreed" { div { (value::brief(agreed)) } }
                            td.same[is_same(&record.sides.suitex, name, agreed)] data-label="SuiteX" { div { (held(&record.sides.suitex, name, agreed)) } }
                            td.same[is_same(&record.sides.netsuite, name, agreed)] data-label="NetSuite" { div { (held(&record.sides.netsuite, name, agreed)) } }
                            td data-label="Set by" {
                                div.small {
                                    @if let Some((row, decision)) = blame.get(name) {
                                        (row.actor.as_deref().unwrap_or(teller(&row.source))) ", " (part::ago(row.at, shown.now)) " "
                                        @if decision.rule != "clean" { span.soft { "(" (rule(&decision.rule)) ") " } }
                                    }
                                    a href=(part::link(&here, &[("why", Some(name))])) { "why" span.sr { " is " (words::field(name)) " what it is?" } "?" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn is_same(side: &SideView, name: &str, agreed: &Json) -> bool {
    side.shadow.get(name) == Some(agreed)
}

/// What a side holds: a mark where it is as agreed, else the value with what differs.
fn held(side: &SideView, name: &str, agreed: &Json) -> Markup {
    match side.shadow.get(name) {
        None => html! { span.soft { "not there" } },
        Some(value) if value == agreed => html! { span.soft title="as agreed" { "same" } },
        // Not “emptied”: it may never have held anything.
        Some(Json::Null) => value::brief(&Json::Null),
        Some(value) => value::change(agreed, value),
    }
}

/// The last decision that changed each field, among these rows.
fn blame(rows: &[HistoryView]) -> BTreeMap<&str, (&HistoryView, &DecisionView)> {
    let mut blame = BTreeMap::new();
    for row in rows {
        for decision in row.decisions.iter().rev().filter(|d| d.from != d.to) {
            blame.entry(decision.field.as_str()).or_insert((row, decision));
        }
    }
    blame
}

/// What a rule did, for people.
fn rule(rule: &str) -> &str {
    match rule {
        "clean" => "one side changed it",
        "converged" => "both sides changed it to the same",
        "combined" => "both changes were put together",
        "union" => "both were joined, by policy",
        "netsuite_wins" => "NetSuite wins, by policy",
        "suitex_wins" => "SuiteX wins, by policy",
        "latest_wins" => "the later change wins, by policy",
        "conflict_opened" => "the sides disagree: a conflict was opened",
        "conflict_rebased" => "edited again while in conflict",
        "conflict_closed" => "the sides agree again",
        "resolved" => "decided by a person",
        "overridden" => "set by an admin, past every rule",
        "target_form" => "the other side’s own form of it",
        "not_persisted" => "it was written and not kept",
        "direction" => "the field comes from one side alone",
        "created" => "made",
        "delete_propagated" => "deleted on both sides",
        "delete_inactivated" => "deleted on one side, set inactive on the other",
        "delete_detached" => "deleted on one side, no longer synced",
        "delete_asked" => "deleted on one side: somebody must decide",
        "deleted_on_both" => "deleted on both sides",
        other => other,
    }
}

fn history(shown: &Shown) -> Markup {
    let record = shown.record;
    let here = path(&record.account, &record.record_type, &record.id);
    let start = shown.after.map(|_| here.clone());
    let next = shown.history.next.as_deref().map(|next| part::link(&here, &[("after", Some(next))]));
    html! {
        section.card aria-labelledby="history" {
            header { h2 id="history" { "History" } }
            div.body {
                @if shown.history.items.is_empty() { p.soft { "Nothing was decided about it yet." } }
                ol.timeline {
                    @for row in &shown.history.items {
                        li.(source_class(&row.source)) {
                            div.small {
                                @if let Some(actor) = &row.actor { strong { (actor) } " · " }
                                (teller(&row.source)) " · "
                                a href=(part::link(&here, &[("as_of", Some(&row.version.to_string()))])) { "version " (row.version) }
                                " · " (part::ago(row.at, shown.now))
                            }
                            @for decision in &row.decisions {
                                (decided(decision))
                            }
                        }
                    }
                }
            }
            (part::pager(start.as_deref(), next.as_deref()))
        }
    }
}

fn decided(decision: &DecisionView) -> Markup {
    let is_plain = decision.rule == "clean";
    html! {
        div.small {
            span.soft { (words::field(&decision.field)) ": " }
            @if decision.field == "$exists" { (rule(&decision.rule)) }
            @else {
                @if decision.from != decision.to { (value::change(&decision.from, &decision.to)) " " }
                @if !is_plain { span.soft { "(" (rule(&decision.rule)) ")" } }
            }
        }
    }
}

fn source_class(source: &str) -> &'static str {
    match source {
        "netsuite-ue" | "netsuite-poll" => "netsuite",
        "suitex" => "suitex",
        "review" => "review",
        _ => "ours",
    }
}

fn teller(source: &str) -> &'static str {
    match source {
        "netsuite-ue" => "saved in NetSuite",
        "netsuite-poll" => "found by a poll of NetSuite",
        "suitex" => "saved in SuiteX",
        "review" => "a decision",
        "reply" => "the reply to a write of ours",
        "read" => "a look of ours",
        "reconcile" => "a comparison",
        _ => "told",
    }
}

fn side(side: Side, view: &SideView, id: Option<&str>, now: Timestamp) -> Markup {
    html! {
        section.card {
            header { h2 { (part::side(side)) } @if let Some(id) = id { span.soft.small { (id) } } }
            div.body {
                p.small {
                    @match view.presence {
                        "there" if view.dirty.is_empty() => "It holds all that is agreed.",
                        "there" => { "It differs in " strong { (view.dirty.iter().map(|d| words::field(d)).collect::<Vec<_>>().join(", ")) } "." },
                        "gone" => "It was deleted there.",
                        _ => "It is not there yet.",
                    }
                }
                @if view.detached { p.small { "It is no longer synced to this side." } }
                @if let Some(intent) = &view.intent {
                    p.small { "A write is under way since " (part::ago(intent.started, now)) ": " (intent.fields.iter().map(|f| words::field(f)).collect::<Vec<_>>().join(", ")) "." }
                }
                @if let Some(due) = &view.due {
                    p.small {
                        @match due.reason {
                            "waiting_for" => { "Waits for " (due.waiting_for.as_deref().unwrap_or("another record")) "." },
                            "backing_off" => { "Refused " (words::count(u64::from(due.attempts), "time")) "; tried again " (part::at(due.at)) "." },
                            "unsettled" => "A write was not answered; it is looked at before anything else.",
                            _ => "It is due to be written.",
                        }
                    }
                }
            }
        }
    }
}

fn as_of(shown: &Shown) -> Markup {
    let record = shown.record;
    html! {
        section.card {
            header { h2 { "As it was" } }
            div.body {
                form.tight method="get" action=(path(&record.account, &record.record_type, &record.id)) {
                    label for="as_of" { "Version, or time" }
                    input type="text" id="as_of" name="as_of" placeholder=(record.version.saturating_sub(1)) autocomplete="off" required;
                    span.hint { "As 12, or 2026-01-31T14:30:00Z." }
                    div { button { "Show" } }
                }
            }
        }
    }
}

fn past_card(shown: &Shown, past: &AsOf) -> Markup {
    let now = &shown.record.state;
    html! {
        section.card aria-labelledby="past" {
            header { h2 id="past" { "As it was in version " (past.version) } @if !past.alive { span.pill.bad { "deleted" } } }
            table.wide {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Then" } th scope="col" { "Since then" } } }
                tbody {
                    @for (name, then) in &past.state {
                        @let since = now.get(name).unwrap_or(&Json::Null);
                        tr.differs[since != then] {
                            th scope="row" { (words::field(name)) }
                            td data-label="Then" { div { (value::brief(then)) } }
                            td data-label="Since then" { div { @if since == then { span.soft { "the same" } } @else { (value::change(then, since)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// Why one field is what it is; and for admins, the way past every rule.
fn why_card(shown: &Shown, why: &Why) -> Markup {
    let record = shown.record;
    html! {
        section.card aria-labelledby="why" id="why-card" {
            header { h2 id="why" { "Why " (words::field(&why.field)) " is what it is" } }
            div.body {
                p { (words::sentence(&why.sentence)) }
                @if let Some(unnamed) = &why.unnamed { p.small.soft { (words::sentence(unnamed)) "." } }
                @if why.chain.len() > 1 {
                    details {
                        summary { "Step by step" }
                        ol.timeline {
                            @for step in &why.chain {
                                li.(step.side.unwrap_or("review")) {
                                    div.small {
                                        @if let Some(actor) = &step.actor { strong { (actor) } " · " }
                                        (teller(&step.source))
                                        " · version " (step.version) " · " (part::at(step.at))
                                        @if let Some(note) = &step.note { " · noted there " (note.at) @if let Some(context) = &note.context { " (" (context) ")" } }
                                    }
                                    div.small { (value::change(&step.from, &step.to)) " " span.soft { "(" (rule(&step.rule)) ")" } }
                                }
                            }
                        }
                    }
                }
                @if shown.role >= Role::Admin && record.alive { (overriding(shown, why)) }
            }
        }
    }
}

fn overriding(shown: &Shown, why: &Why) -> Markup {
    let record = shown.record;
    let Some(ix) = shown.surface.field(&why.field) else { return html! {} };
    let kind = &shown.surface.fields[ix].kind;
    let action = format!("{}/override", path(&record.account, &record.record_type, &record.id));
    let label = format!("Value of {}", words::field(&why.field));
    let refused = shown.refused.as_ref();
    let value = refused.map_or_else(|| typed::shown(kind, &why.value), |refused| refused.value.clone());
    html! {
        details open[shown.refused.is_some()] {
            summary { "Set it, past every rule" }
            form.tight method="post" action=(action) {
                @if let Some(refused) = &shown.refused { p.wrong role="alert" { (words::sentence(&refused.wrong)) ". Nothing was set, and nothing that you typed is lost." } }
                p.small { "Policy, direction and the field’s lock do not hold you back. Both sides get this value, and the audit says that you did it." }
                input type="hidden" name="version" value=(record.version);
                input type="hidden" name="field" value=(why.field);
                (conflict::input(kind, "value", "override-value", &label, &value))
                @if record.lock.record {
                    label.flow { input type="checkbox" name="unlock" value="yes" checked[refused.is_some_and(|refused| refused.unlock)]; " Release the record’s lock, too" }
                }
                label for="override-note" { "Why" }
                input type="text" id="override-note" name="note" value=(refused.map_or("", |refused| &refused.note)) required maxlength="2000" autocomplete="off";
                div { button.danger { "Set it" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(version: u64, actor: &str, field: &str, from: Json, to: Json) -> HistoryView {
        HistoryView {
            version,
            at: Timestamp(0),
            source: "suitex".into(),
            actor: Some(actor.into()),
            events: Vec::new(),
            decisions: vec![DecisionView {
                field: field.into(),
                rule: "clean".into(),
                base: json!(null),
                ours: to.clone(),
                from,
                to,
            }],
        }
    }

    #[test]
    fn blame_is_whoever_changed_a_field_last() {
        let rows = [
            row(3, "cy", "email", json!("b"), json!("b")),
            row(2, "bob", "email", json!("a"), json!("b")),
            row(1, "ann", "email", json!(null), json!("a")),
            row(1, "ann", "phone", json!(null), json!("1")),
        ];
        let blame = blame(&rows);
        assert_eq!(blame["email"].0.actor.as_deref(), Some("bob"), "cy changed nothing");
        assert_eq!(blame["phone"].0.actor.as_deref(), Some("ann"));
    }
}
