//! Many conflicts at once: which, by which rule, what that would do and cost; and only then, the button. Pure.

use maud::{Markup, html};
use shared::domain::surface::Policy;
use uuid::Uuid;

use super::{conflict, part, value, words};
use crate::desk::{Applied, Batch, ConflictQuery, Judged, Planned};
use shared::runtime::problem::Problem;

/// Conflicts of a plan that are shown one by one.
const SHOWN_MAX: usize = 60;

/// The rules that decide a conflict, as people read them.
const RULES: [(Policy, &str); 3] = [
    (Policy::SuitexWins, "SuiteX’s values"),
    (Policy::NetsuiteWins, "NetSuite’s values"),
    (Policy::LatestWins, "what is suggested: the later change"),
];

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) query: &'a ConflictQuery,
    pub(super) policy: Option<Policy>,
    pub(super) accounts: Vec<String>,
    /// `type.field` of all accounts.
    pub(super) fields: Vec<String>,
}

/// A rule by its name.
pub(super) fn policy(name: &str) -> Option<Policy> {
    RULES.iter().map(|(policy, _)| *policy).find(|policy| policy.as_str() == name)
}

/// The page: the question, and the plan once there is one.
pub(super) fn body(asked: &Asked, planned: Option<&Planned>) -> Markup {
    html! {
        (part::crumbs(&[("Inbox", "/review/".into())], "Decide many"))
        div.title {
            h1 { "Decide many" }
            p.lede { "Choose which conflicts and by which rule. You see what would be written, and what it costs, before anything is. Whether a record that one side has deleted lives on is never decided here." }
        }
        (question(asked))
        @if let Some(planned) = planned { (plan(planned)) }
    }
}

fn question(asked: &Asked) -> Markup {
    let query = asked.query;
    let is = |value: &Option<String>, option: &str| value.as_deref() == Some(option);
    html! {
        section.card aria-label="Which conflicts" {
            form.filters method="get" action="/review/bulk" {
                div {
                    label for="account" { "Account" }
                    select id="account" name="account" {
                        option value="" { "all" }
                        @for account in &asked.accounts { option value=(account) selected[is(&query.account, account)] { (account) } }
                    }
                }
                div {
                    label for="field" { "On the field" }
                    select id="field" name="field" {
                        option value="" { "any" }
                        @for field in &asked.fields { option value=(field) selected[is(&query.field, field)] { (field.replace('.', ": ").replace('_', " ")) } }
                    }
                }
                div {
                    label for="risk" { "Risk" }
                    select id="risk" name="risk" {
                        option value="" { "any" }
                        option value="low" selected[is(&query.risk, "low")] { "low" }
                        option value="high" selected[is(&query.risk, "high")] { "high" }
                    }
                }
                div {
                    label for="assignee" { "Whose" }
                    select id="assignee" name="assignee" {
                        option value="" { "anybody’s" }
                        option value="me" selected[is(&query.assignee, "me")] { "mine" }
                        option value="nobody" selected[is(&query.assignee, "nobody")] { "nobody’s" }
                    }
                }
                div {
                    label for="rule" { "Take" }
                    select id="rule" name="rule" {
                        @for (policy, text) in RULES { option value=(policy.as_str()) selected[asked.policy == Some(policy)] { (text) } }
                    }
                }
                div.end { button.main name="plan" value="1" { "Show the plan" } }
            }
        }
    }
}

fn plan(planned: &Planned) -> Markup {
    let (n, cost) = (planned.items.len(), planned.cost);
    html! {
        @if n == 0 {
            section.card { (part::empty("Nothing to decide", "No open conflict matches, or the rule decides none of those that do.")) }
        } @else {
            section.card aria-labelledby="plan" {
                header { h2 id="plan" { "The plan: " (words::count(n as u64, "conflict")) } }
                div.body {
                    dl.facts {
                        div { dt { "Written to SuiteX" } dd { (words::count(cost.suitex_writes as u64, "record")) } }
                        div { dt { "Written to NetSuite" } dd { (words::count(cost.netsuite_writes as u64, "record")) ", in about " (words::count(cost.netsuite_calls as u64, "call")) } }
                        @if planned.more { div { dt { "Beyond this" } dd { "more match; plan again when these are done" } } }
                        @if !planned.left.is_empty() { div { dt { "Left as they are" } dd { (words::count(planned.left.len() as u64, "conflict")) } } }
                    }
                    form.tight method="post" action="/review/bulk" {
                        input type="hidden" name="plan" value=(planned.plan);
                        input type="hidden" name="rule" value=(planned.policy.as_str());
                        input type="hidden" name="items" value=(judged(planned));
                        label for="note" { "Why" }
                        input type="text" id="note" name="note" maxlength="2000" autocomplete="off";
                        div { button.main data-apply { "Decide " (words::count(n as u64, "conflict")) kbd.keys-only aria-hidden="true" { "a" } } }
                        span.hint { "Each is decided as it stands here. What changes meanwhile is left out, and told." }
                    }
                }
            }
            section.card aria-labelledby="effects" {
                header { h2 id="effects" { "What each would do" } @if n > SHOWN_MAX { span.end.small.soft { "the first " (SHOWN_MAX) " of " (n) } } }
                table.wide {
                    thead { tr { th scope="col" { "Record" } th scope="col" { "SuiteX gets" } th scope="col" { "NetSuite gets" } } }
                    tbody {
                        @for item in planned.items.iter().take(SHOWN_MAX) {
                            @let found = &item.conflict;
                            tr {
                                th scope="row" {
                                    a href=(conflict::path(found.conflict_id)) { (conflict::title(found.title.as_deref(), &found.record_type, &found.record_id)) }
                                    div.small.soft { (found.record_type) " " (found.record_id) " · " (found.account) }
                                }
                                @for (side, label) in [("suitex", "SuiteX gets"), ("netsuite", "NetSuite gets")] {
                                    @let effect = item.effects.iter().find(|effect| effect.side == side);
                                    td data-label=(label) {
                                        div.small {
                                            @match effect.map(|effect| effect.verb) {
                                                None | Some("nothing") => span.soft { "nothing" },
                                                Some("delete") => "deleted",
                                                Some("locked") => span.soft { "locked by something else" },
                                                Some(_) => "",
                                            }
                                            @for (name, set) in effect.into_iter().flat_map(|effect| &effect.fields) {
                                                div { span.soft { (words::field(name)) ": " } (value::change(&set.from, &set.to)) }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if !planned.left.is_empty() {
            section.card {
                header { h2 { "Left as they are" } }
                div.body {
                    ul.tight {
                        @for left in planned.left.iter().take(SHOWN_MAX) {
                            li.small { a href=(conflict::path(left.conflict_id)) { "conflict " (part::id(left.conflict_id)) } ": " (left.reason) }
                        }
                    }
                }
            }
        }
    }
}

/// What was planned, as the form carries it.
fn judged(planned: &Planned) -> String {
    let one = |item: &crate::desk::Item| {
        format!("{}:{}", item.conflict.conflict_id, item.conflict.conflict_revision)
    };
    planned.items.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Reads a plan back from its form.
pub(super) fn batch(form: &super::form::Form) -> Result<Batch, Problem> {
    let wrong = |field: &str| Problem::unprocessable(field, "is not what the plan’s page sends; plan again");
    let plan = Uuid::parse_str(form.need("plan")?).map_err(|_| wrong("plan"))?;
    let policy = policy(form.need("rule")?).ok_or_else(|| wrong("rule"))?;
    let read = |pair: &str| {
        let (id, revision) = pair.split_once(':')?;
        Some(Judged { conflict_id: Uuid::parse_str(id).ok()?, conflict_revision: revision.parse().ok()? })
    };
    let items: Option<Vec<Judged>> = form.need("items")?.split(' ').map(read).collect();
    let items = items.ok_or_else(|| wrong("items"))?;
    Ok(Batch { plan, policy, items, note: form.get("note").map(str::to_string) })
}

/// What became of a plan.
pub(super) fn done(applied: &Applied) -> Markup {
    let left: Vec<_> = applied.items.iter().filter(|fate| fate.event_id.is_none()).collect();
    html! {
        (part::crumbs(&[("Inbox", "/review/".into()), ("Decide many", "/review/bulk".into())], "Done"))
        div.title { h1 { (words::count(applied.accepted as u64, "decision")) " on their way" } }
        (part::say("good", "They are being applied", &html! {
            p { "Each conflict leaves the inbox as its decision is taken in, usually within seconds. " a href="/review/" { "To the inbox" } }
        }))
        @if !left.is_empty() {
            (part::say("wait", &format!("{} left as they were", words::count(left.len() as u64, "conflict")), &html! {
                ul {
                    @for fate in left.iter().take(SHOWN_MAX) {
                        li { a href=(conflict::path(fate.conflict_id)) { "conflict " (part::id(fate.conflict_id)) } ": " (fate.reason.as_deref().unwrap_or("it could not be decided")) }
                    }
                }
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::form::Form;

    #[test]
    fn a_plan_is_read_back_as_it_was_sent() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sent = format!("plan={one}&rule=suitex_wins&items={two}%3A3+{one}%3A1&note=+tidy+");
        let batch = batch(&Form::read(sent.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (batch.plan, batch.policy, batch.note.as_deref()),
            (one, Policy::SuitexWins, Some("tidy"))
        );
        assert_eq!(
            batch.items.iter().map(|i| (i.conflict_id, i.conflict_revision)).collect::<Vec<_>>(),
            [(two, 3), (one, 1)]
        );
    }

    #[test]
    fn what_is_no_plan_is_told_so() {
        for (sent, field) in [
            ("rule=suitex_wins&items=x", "plan"),
            ("plan=00000000-0000-0000-0000-000000000001&rule=manual&items=x", "rule"),
            ("plan=00000000-0000-0000-0000-000000000001&rule=suitex_wins&items=x", "items"),
        ] {
            let problem = batch(&Form::read(sent.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{sent}");
        }
    }
}
