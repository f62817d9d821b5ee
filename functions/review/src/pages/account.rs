//! How accounts stand: what waits, when it will be done, what NetSuite allows, and what people have stopped. Pure.

use maud::{Markup, html};
use shared::domain::id::{Side, Timestamp};
use shared::domain::people::Role;

use super::{part, words};
use crate::desk::NOTE_MAX;
use crate::view::{AccountView, HoldView};

/// All accounts that a person may look at.
pub(super) fn list(accounts: &[AccountView], now: Timestamp) -> Markup {
    html! {
        div.title {
            h1 { "Accounts" }
            p.lede { "What waits to be written, when it will be done, and how much NetSuite lets us do." }
        }
        @if accounts.is_empty() {
            section.card { (part::empty("No account is yours to see", "An admin lists people by address in sync.toml, under [account.NAME.people].")) }
        }
        @for account in accounts { (card(account, now)) }
    }
}

fn card(account: &AccountView, now: Timestamp) -> Markup {
    let id = format!("account-{}", account.account);
    html! {
        section.card aria-labelledby=(id) {
            header {
                h2 id=(id) { (account.account) }
                (status(account))
                span.end.small { a href=(part::link("/review/", &[("account", Some(&account.account))])) { "its inbox" } }
            }
            div.body {
                @if let Some(since) = account.suspended_since {
                    (part::say("bad", "NetSuite refuses our credentials", &html! {
                        p {
                            "Since " (part::at(since)) " nothing is written to NetSuite; one call at a time tries. Renew the certificate, or look for \
                             the role and the integration in NetSuite. It goes on by itself once a call is answered."
                        }
                    }))
                }
                @if let Some(until) = account.not_before.filter(|_| account.suspended_since.is_none()) {
                    p.small { "NetSuite is left alone until " (part::at(until)) ": its last calls failed." }
                }
                div.columns {
                    (waiting(account))
                    (speed(account))
                    (latency(account))
                    (calls(account))
                }
                (conflicts(account))
                @if account.role >= Role::Admin { (controls(account, now)) } @else { (held(account, now)) }
            }
        }
    }
}

fn status(account: &AccountView) -> Markup {
    let is_held = account.holds.netsuite.is_some() || account.holds.suitex.is_some();
    match account.status {
        "suspended" => html! { span.pill.bad { "suspended" } },
        "queued" => html! { span.pill.wait { "one call at a time" } },
        _ if is_held => html! { span.pill.wait { "writes are held" } },
        _ if !account.lag.is_met || is_slow(account) => html! { span.pill.wait { "late" } },
        _ => html! { span.pill.good { "running" } },
    }
}

/// Whether what has arrived of late took longer than was promised.
fn is_slow(account: &AccountView) -> bool {
    Side::BOTH.into_iter().any(|side| account.latency.on(side).is_met == Some(false))
}

fn waiting(account: &AccountView) -> Markup {
    let (netsuite, suitex) = (account.backlog.netsuite, account.backlog.suitex);
    let most = netsuite.max(suitex).max(1) as f64;
    let told =
        |side: Side, n: u64| format!("{} waiting for {}", words::count(n, "record"), words::side(side));
    html! {
        div.figure {
            h3 { "Waiting to be written" }
            @for (side, n) in [(Side::NetSuite, netsuite), (Side::SuiteX, suitex)] {
                span.small { (part::side(side)) " " strong.num { (words::grouped(n)) } }
                (part::bar(n as f64, most, None, side.as_str(), &told(side, n)))
            }
            p.small.soft {
                @match (netsuite, account.drains_in_ms, account.writes_per_second) {
                    (0, _, _) => "Nothing waits for NetSuite.",
                    (_, Some(ms), Some(pace)) => { "NetSuite’s will be done in about " (words::span(ms)) ", at " (format!("{pace:.1}")) " a second." },
                    _ => "Nothing was written to NetSuite of late, so nobody can tell when it will be done.",
                }
            }
        }
    }
}

fn speed(account: &AccountView) -> Markup {
    let objective = account.lag.objective_ms;
    html! {
        div.figure {
            h3 { "Waiting the longest" }
            @for (side, ms) in [(Side::NetSuite, account.lag.netsuite_ms), (Side::SuiteX, account.lag.suitex_ms)] {
                @let tone = if ms > objective { "bad" } else { "good" };
                @let told = format!("for {}: {}, of {} allowed", words::side(side), seconds(ms), seconds(objective));
                span.small { (part::side(side)) " " strong.num { (seconds(ms)) } }
                (part::bar(ms as f64, (objective * 2) as f64, Some(objective as f64), tone, &told))
            }
            p.small.soft {
                @if account.lag.is_met { "Within the " (seconds(objective)) " that were promised." }
                @else { "More than the " (seconds(objective)) " that were promised." }
            }
        }
    }
}

/// How long changes took: for each side a bar to what 99 of 100 took, within it one to what half of them took.
fn latency(account: &AccountView) -> Markup {
    let latency = &account.latency;
    let objective = latency.objective_ms;
    html! {
        div.figure {
            h3 { "From change to the other side" }
            @for side in Side::BOTH {
                @let arrived = latency.on(side);
                span.small {
                    "to " (part::side(side)) " "
                    @match &arrived.took {
                        Some(took) => { strong.num { (seconds(took.p50_ms)) } " half, " strong.num { (seconds(took.p95_ms)) } " 95 %, " strong.num { (seconds(took.p99_ms)) } " 99 %" },
                        None => span.soft { "nothing in the last " (words::span(latency.window_ms)) },
                    }
                }
                @if let Some(took) = &arrived.took {
                    @let tone = if took.p99_ms > objective { "bad" } else { "good" };
                    @let told = format!(
                        "to {}: half of {} took {} at most, 99 of 100 {}; {} were promised",
                        words::side(side), words::count(arrived.changes as u64, "change"), seconds(took.p50_ms), seconds(took.p99_ms), seconds(objective),
                    );
                    (part::bar_within(took.p50_ms as f64, took.p99_ms as f64, (objective * 2) as f64, objective as f64, tone, &told))
                }
            }
            @for side in Side::BOTH {
                @let arrived = latency.on(side);
                @if let (Some(is_met), Some(decided)) = (arrived.is_met, &arrived.until_decided) {
                    p.small.soft {
                        "To " (words::side(side)) ": " (words::count(arrived.changes as u64, "change")) " in the last " (words::span(latency.window_ms))
                        @if is_met { ", within the " (seconds(objective)) " that were promised. " } @else { ", more than the " (seconds(objective)) " that were promised. " }
                        "Half of them were taken in after " (seconds(decided.p50_ms)) "."
                    }
                }
            }
        }
    }
}

/// A short time.
fn seconds(ms: i64) -> String {
    match ms {
        ms if ms < 60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => words::span(ms),
    }
}

fn calls(account: &AccountView) -> Markup {
    let calls = &account.calls;
    let (today, daily) = (calls.today as f64, calls.daily_requests as f64);
    let share = if daily > 0.0 { today / daily } else { 0.0 };
    let tone = if share > 0.9 {
        "bad"
    } else if share > 0.5 {
        "wait"
    } else {
        "good"
    };
    html! {
        div.figure {
            h3 { "Calls to NetSuite" }
            span.small {
                "under way " strong.num { (calls.open) } " of " (calls.limit) " that it bears; never more than " (calls.cap)
            }
            (part::bar(
                calls.open as f64, f64::from(calls.cap), Some(f64::from(calls.limit)), "netsuite",
                &format!("{} calls under way, {} borne, {} at most", calls.open, calls.limit, calls.cap),
            ))
            span.small { "today " strong.num { (words::grouped(calls.today)) } " of " (words::grouped(calls.daily_requests)) }
            (part::bar(today, daily, None, tone, &format!("{} of {} calls of today are used", calls.today, calls.daily_requests)))
            p.small.soft { (words::count(calls.overloads, "call")) " refused for want of room, ever." }
        }
    }
}

fn conflicts(account: &AccountView) -> Markup {
    let counts = &account.conflicts;
    let path = part::link("/review/", &[("account", Some(&account.account)), ("kind", Some("conflicts"))]);
    html! {
        p {
            @if counts.open == 0 { span.soft { "No open conflict." } }
            @else {
                a href=(path) { (words::count(counts.open, "open conflict")) }
                @if counts.overdue > 0 { ", " strong { (words::grouped(counts.overdue)) " past their time" } }
                @if counts.unassigned > 0 { ", " (words::grouped(counts.unassigned)) " nobody’s" }
                "."
            }
        }
    }
}

fn held(account: &AccountView, now: Timestamp) -> Markup {
    html! {
        @for (side, hold) in [(Side::NetSuite, &account.holds.netsuite), (Side::SuiteX, &account.holds.suitex)] {
            @if let Some(hold) = hold { (told(side, hold, now)) }
        }
    }
}

fn told(side: Side, hold: &HoldView, now: Timestamp) -> Markup {
    html! {
        p { "Writes to " (part::side(side)) " are held by " strong { (hold.actor) } ", " (part::ago(hold.since, now)) ": " (hold.reason) }
    }
}

/// Stopping and letting go, for admins.
fn controls(account: &AccountView, now: Timestamp) -> Markup {
    let path = format!("/review/accounts/{}", account.account);
    html! {
        details open[account.holds.netsuite.is_some() || account.holds.suitex.is_some()] {
            summary { "Hold writes, or let them go" }
            div.columns {
                @for (side, hold) in [(Side::NetSuite, &account.holds.netsuite), (Side::SuiteX, &account.holds.suitex)] {
                    form.tight method="post" action=(path) {
                        input type="hidden" name="side" value=(side.as_str());
                        input type="hidden" name="state" value=(account.hold_tags.at(side));
                        @match hold {
                            Some(hold) => {
                                (told(side, hold, now))
                                (why(&account.account, side, &html! { "Let them go, because" }))
                                div { button.main name="do" value="release" { "Let them go" } }
                            },
                            None => {
                                (why(&account.account, side, &html! { "Hold writes to " (part::side(side)) ", because" }))
                                div { button.danger name="do" value="hold" { "Hold" } }
                                span.hint { "What changes meanwhile is kept, and written when you let go." }
                            },
                        }
                    }
                }
            }
        }
    }
}

/// The box for a reason, as long as it is taken.
fn why(account: &str, side: Side, label: &Markup) -> Markup {
    let id = format!("reason-{account}-{side}");
    html! {
        label for=(id) { (label) }
        input type="text" id=(id) name="reason" required maxlength=(NOTE_MAX) autocomplete="off";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_have_tenths() {
        assert_eq!(
            (seconds(0), seconds(1_260), seconds(61_000)),
            ("0.0 s".into(), "1.2 s".into(), "1 min".into())
        );
    }
}
