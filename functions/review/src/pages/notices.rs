//! What people were told: the newest first, how each got to them, and who has seen to it.

use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use maud::{Markup, html};
use shared::domain::id::Timestamp;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;

use super::form::Form;
use super::layout::{Page, Section};
use super::visit::{ROWS, Visit, pager};
use super::{part, reply, words};
use crate::desk::{self, NoticeQuery};
use crate::request;
use crate::view::{DeliveryView, NoticeView};

/// Deliveries in trouble that are shown, of each account.
const TROUBLE_MAX: usize = 10;

/// `GET /review/notices`: `account`, `all` (those too that somebody has seen to), `after`.
pub(super) async fn list(visit: Visit) -> Response {
    let answered = page(&visit).await;
    visit.answer(Section::Notices, answered).await
}

async fn page(visit: &Visit) -> Result<Response, Problem> {
    let (chosen, all, after) = (visit.asked("account"), visit.asked("all"), visit.asked("after"));
    let query = NoticeQuery { account: chosen.map(str::to_string), unread: all.is_none() };
    let found = desk::notices(&visit.seat, &query, after, ROWS).await?;
    let trouble = match after {
        None => desk::in_trouble(&visit.seat, chosen, TROUBLE_MAX).await?,
        Some(_) => Vec::new(),
    };
    let accounts = visit.seat.accounts();
    let may = |account: &str| {
        let access = accounts.iter().find(|access| access.account().id.as_str() == account);
        // What belongs to no account is seen by admins of all of them alone.
        access.is_none_or(|access| access.may(Role::Resolver))
    };
    let here = part::link("/review/notices", &[("account", chosen), ("all", all)]);
    let link = |account: Option<&str>| part::link("/review/notices", &[("account", account), ("all", all)]);
    let now = visit.seat.now();
    let body = html! {
        div.title { h1 { "Notices" } p.lede { "What people were told, by mail, by chat and here; the newest first. Whoever has seen to one has seen to it for all." } }
        (part::chips(&accounts, chosen, link, &[]))
        nav aria-label="Which notices" {
            ul.chips {
                @for (value, text) in [(None, "Nobody has seen to"), (Some("1"), "All")] {
                    li { a href=(part::link("/review/notices", &[("account", chosen), ("all", value)])) aria-current=[(all == value).then_some("true")] { (text) } }
                }
            }
        }
        @if !trouble.is_empty() { (in_trouble(&trouble, now)) }
        section.card aria-label="Notices" {
            @if found.items.is_empty() {
                @match all {
                    None => (part::empty("Nothing that nobody has seen to", "What people are told of appears here too, whether or not a mail gets through.")),
                    Some(_) => (part::empty("Nobody was told anything", "What people are told of appears here too, whether or not a mail gets through.")),
                }
            } @else {
                ol.items data-rows {
                    @for notice in &found.items { (one(notice, may(&notice.account), &here, now)) }
                }
            }
            (pager("/review/notices", &[("account", chosen), ("all", all), ("after", after)], found.next.as_deref()))
        }
    };
    let page = Page { title: "Notices", section: Section::Notices, body, again_s: None };
    Ok(visit.page(StatusCode::OK, page).await)
}

/// `POST /review/notices/{account}/{id}/acknowledge`: `back`, the list that it was pressed in.
pub(super) async fn acknowledge(
    visit: Visit,
    Path((account, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let answered = async {
        let form = Form::read(&body)?;
        desk::acknowledge(&visit.seat, &account, request::id(&id)?).await?;
        // Only to a list of notices: nobody is to be led elsewhere from here.
        let back = form.get("back").filter(|back| back.starts_with("/review/notices?"));
        Ok(reply::see_other(back.unwrap_or("/review/notices")))
    };
    visit.answer(Section::Notices, answered.await).await
}

fn severity(severity: &str) -> Markup {
    match severity {
        "critical" => html! { span.pill.bad { "now" } },
        "warning" => html! { span.pill.wait { "today" } },
        _ => html! { span.pill { "good to know" } },
    }
}

fn one(notice: &NoticeView, may: bool, back: &str, now: Timestamp) -> Markup {
    let action = format!("/review/notices/{}/{}/acknowledge", notice.account, notice.id);
    html! {
        li.plain {
            div.what {
                span.kind.notice { (notice.topic.replace('_', " ")) }
                @match &notice.link {
                    Some(link) => a href=(link) { (notice.text) },
                    None => span { (notice.text) },
                }
            }
            div.tight.small {
                div.soft { (notice.account) " · for " (whom(&notice.audience)) }
                @if notice.deliveries.is_empty() { div.soft { "Shown here alone so far." } }
                @for delivery in &notice.deliveries { (way(delivery, now)) }
            }
            div.when {
                @if notice.acknowledged.is_none() { (severity(notice.severity)) }
                span { (part::ago(notice.at, now)) }
                @match &notice.acknowledged {
                    Some(seen) => span.small { "seen to by " (seen.by) ", " (part::ago(seen.at, now)) },
                    None if may => {
                        form method="post" action=(action) {
                            input type="hidden" name="back" value=(back);
                            button { "Seen to" span.sr { ": " (words::short(&notice.text, 60)) } }
                        }
                    },
                    None => "",
                }
            }
        }
    }
}

/// `the owner, who is on call, ann@example.com`.
fn whom(audience: &[String]) -> String {
    let name = |of: &String| match of.as_str() {
        "owner" => "the owner".to_string(),
        "on_call" => "who is on call".to_string(),
        other => other.to_string(),
    };
    audience.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// How a notice got, or gets, to somebody.
fn way(delivery: &DeliveryView, now: Timestamp) -> Markup {
    let by = if delivery.channel == "email" { "By mail" } else { "By Slack" };
    html! {
        div {
            (by) " to " (delivery.to) ": "
            @match (delivery.standing, &delivery.failure) {
                ("sent", _) => { "sent " (part::ago(delivery.due_at, now)) },
                ("given_up", _) => span.pill.bad { "given up" },
                (_, Some(_)) => { span.pill.wait { "not yet" } " tried " (words::count(u64::from(delivery.attempts), "time")) },
                _ => "on its way",
            }
            @if delivery.notices > 1 { span.soft { " (with " (words::count(u64::from(delivery.notices - 1), "other")) ")" } }
            @if let Some(failure) = &delivery.failure { div.soft { "“" (words::short(failure, 200)) "”" } }
        }
    }
}

fn in_trouble(trouble: &[DeliveryView], now: Timestamp) -> Markup {
    html! {
        section.card aria-labelledby="trouble" {
            header { h2 id="trouble" { "Not getting through" } span.end.small.soft { "tried in vain; each is tried for three days" } }
            div.body {
                ul.tight {
                    @for delivery in trouble {
                        li.small { strong { (delivery.account) } " · " (delivery.topic.replace('_', " ")) (way(delivery, now)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn delivery(standing: &'static str, failure: Option<&str>) -> DeliveryView {
        DeliveryView {
            id: Uuid::nil(),
            account: "acme".into(),
            channel: "email",
            to: "ops@example.com".into(),
            topic: "error",
            notices: 1,
            standing,
            due_at: Timestamp(0),
            attempts: 2,
            failure: failure.map(str::to_string),
        }
    }

    fn notice(deliveries: Vec<DeliveryView>) -> NoticeView {
        NoticeView {
            id: Uuid::nil(),
            account: "acme".into(),
            at: Timestamp(0),
            topic: "error",
            severity: "warning",
            audience: vec!["owner".into(), "ann@example.com".into()],
            subject: "error:1".into(),
            text: "<script>no".into(),
            link: Some("/review/errors/1".into()),
            acknowledged: None,
            deliveries,
        }
    }

    #[test]
    fn a_notice_says_how_it_got_to_people_and_only_who_may_acknowledges_it() {
        let shown = |deliveries, may| {
            one(&notice(deliveries), may, "/review/notices", Timestamp(60_000)).into_string()
        };
        assert!(shown(vec![], true).contains("Shown here alone so far."));
        assert!(shown(vec![delivery("sent", None)], true).contains("sent <time"));
        let failed = shown(vec![delivery("due", Some("550 <no> such user"))], true);
        assert!(failed.contains("not yet") && failed.contains("550 &lt;no&gt; such user"), "{failed}");
        assert!(shown(vec![delivery("given_up", Some("x"))], true).contains("given up"));
        assert!(!failed.contains("<script>") && failed.contains("the owner, ann@example.com"), "{failed}");
        assert!(failed.contains("<button") && !shown(vec![], false).contains("<button"));
    }
}
