//! Parts that several pages have. Pure: data in, markup out.

use maud::{Markup, html};
use shared::domain::id::{Side, Timestamp};
use uuid::Uuid;

use super::words;
use crate::access::Access;

/// A moment; scripts put it into the reader's zone.
pub(super) fn at(at: Timestamp) -> Markup {
    html! { time datetime=(at) data-kind="at" { (words::moment(at)) } }
}

/// How long ago.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at) data-kind="ago" { (words::span(now.0 - at.0)) " ago" } }
}

/// When a person should have decided: the nearer, the louder.
pub(super) fn due(at: Timestamp, opened: Timestamp, now: Timestamp) -> Markup {
    let (left, whole) = (at.0 - now.0, (at.0 - opened.0).max(1));
    let loud = match left {
        left if left < 0 => "pill bad",
        left if left < whole / 4 => "pill wait",
        _ => "pill",
    };
    html! { span class=(loud) { time datetime=(at) data-kind="due" { (words::due(at, now)) } } }
}

/// A side's name in its colour.
pub(super) fn side(side: Side) -> Markup {
    html! { span.side.(side.as_str()) { (words::side(side)) } }
}

/// Where a record stands, as a pill.
pub(super) fn status(status: &str) -> Markup {
    let (class, text) = match status {
        "in_sync" => ("pill good", "in sync"),
        "pending" => ("pill", "being written"),
        "waiting" => ("pill wait", "waits for another record"),
        "conflict" => ("pill bad", "in conflict"),
        "ambiguous" => ("pill wait", "somebody must say which it is"),
        "locked" => ("pill bad", "locked by an error"),
        "error" => ("pill bad", "a field has an error"),
        other => ("pill", other),
    };
    html! { span class=(class) { (text) } }
}

/// Something to be told: `good`, `wait` or `bad`.
pub(super) fn say(tone: &str, head: &str, body: &Markup) -> Markup {
    html! { section.say.(tone) aria-label=(head) { h2 { (head) } (body) } }
}

/// Where this page is.
pub(super) fn crumbs(path: &[(&str, String)], here: &str) -> Markup {
    html! {
        nav.crumbs aria-label="Where you are" {
            ol {
                @for (text, link) in path { li { a href=(link) { (text) } } }
                li aria-current="page" { (here) }
            }
        }
    }
}

/// The way to the next page of a list, and back to its start.
pub(super) fn pager(start: Option<&str>, next: Option<&str>) -> Markup {
    if start.is_none() && next.is_none() {
        return html! {};
    }
    html! {
        nav.pager aria-label="Pages" {
            @if let Some(start) = start { a href=(start) { "Back to the first" } } @else { span {} }
            @if let Some(next) = next { a rel="next" href=(next) { "Next" } }
        }
    }
}

/// The accounts as chips, the one that is chosen marked; `link` makes the way to each.
pub(super) fn chips(
    accounts: &[Access],
    chosen: Option<&str>,
    link: impl Fn(Option<&str>) -> String,
    counts: &[u64],
) -> Markup {
    if accounts.len() < 2 && chosen.is_none() {
        return html! {};
    }
    html! {
        nav aria-label="Accounts" {
            ul.chips {
                li { a href=(link(None)) aria-current=[chosen.is_none().then_some("true")] { "All accounts" } }
                @for (at, access) in accounts.iter().enumerate() {
                    @let id = access.account().id.as_str();
                    li {
                        a href=(link(Some(id))) aria-current=[(chosen == Some(id)).then_some("true")] {
                            (id) @if let Some(n) = counts.get(at) { b { (words::grouped(*n)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Nothing to show, and what that means.
pub(super) fn empty(head: &str, text: &str) -> Markup {
    html! { div.empty { h2 { (head) } p { (text) } } }
}

/// The start of an id, the whole of it for who points at it.
pub(super) fn id(id: Uuid) -> Markup {
    let text = id.to_string();
    html! { span.mono title=(text) { (text[..8]) } }
}

/// A bar from 0 to `of`, for one figure; what it shows stands beside it in words.
pub(super) fn bar(value: f64, of: f64, mark: Option<f64>, tone: &str, told: &str) -> Markup {
    let share = |part: f64| if of > 0.0 { (part / of).clamp(0.0, 1.0) * 300.0 } else { 0.0 };
    html! {
        svg.chart viewBox="0 0 300 12" role="img" aria-label=(told) {
            rect.rail x="0" y="3" width="300" height="6" rx="3" {}
            @if value > 0.0 {
                rect class=(tone) x="0" y="3" width=(format!("{:.1}", share(value).max(3.0))) height="6" rx="3" {}
            }
            @if let Some(mark) = mark {
                line.mark x1=(format!("{:.1}", share(mark))) x2=(format!("{:.1}", share(mark))) y1="0" y2="12" {}
            }
        }
    }
}

/// Such a bar to `far`, and within it, stronger, one to `near`.
pub(super) fn bar_within(near: f64, far: f64, of: f64, mark: f64, tone: &str, told: &str) -> Markup {
    let width = |part: f64| format!("{:.1}", ((part / of.max(1.0)).clamp(0.0, 1.0) * 300.0).max(3.0));
    let mark = format!("{:.1}", (mark / of.max(1.0)).clamp(0.0, 1.0) * 300.0);
    html! {
        svg.chart viewBox="0 0 300 12" role="img" aria-label=(told) {
            rect.rail x="0" y="3" width="300" height="6" rx="3" {}
            rect.faint.(tone) x="0" y="3" width=(width(far)) height="6" rx="3" {}
            rect.(tone) x="0" y="3" width=(width(near)) height="6" rx="3" {}
            line.mark x1=(mark) x2=(mark) y1="0" y2="12" {}
        }
    }
}

/// A path with a query, its values escaped; what is empty is left out.
pub(super) fn link(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let given: Vec<(&str, &str)> =
        query.iter().filter_map(|(name, value)| Some((*name, value.filter(|v| !v.is_empty())?))).collect();
    match serde_urlencoded::to_string(given) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_escapes_what_it_carries() {
        let link = link("/review/", &[("account", Some("acme")), ("after", None), ("q", Some("a&b=\"<"))]);
        assert_eq!(link, "/review/?account=acme&q=a%26b%3D%22%3C");
        assert_eq!(super::link("/review/", &[("q", Some(""))]), "/review/");
    }

    #[test]
    fn what_is_due_grows_louder() {
        let (opened, now) = (Timestamp(0), Timestamp(80 * 3_600_000));
        let class = |hours: i64| due(Timestamp(hours * 3_600_000), opened, now).into_string();
        assert!(class(400).contains("\"pill\"") && class(400).contains("due in 13 days"));
        assert!(class(83).contains("pill wait") && class(83).contains("due in 3 h"));
        assert!(class(78).contains("pill bad") && class(78).contains("past by 2 h"));
    }
}
