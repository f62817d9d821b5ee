//! Every page but a conflict's: asked for, found, shown; and the forms that they carry.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, SET_COOKIE};
use maud::{Markup, html};
use shared::domain::id::Side;
use shared::runtime::problem::Problem;

use super::form::Form;
use super::layout::{Page, Section};
use super::visit::{ROWS, Visit, pager};
use super::{account, audit, bulk, error, inbox, part, record, reply, typed, words};
use crate::App;
use crate::access::{SystemNotes, Waiting};
use crate::desk::{self, AuditQuery, ConflictQuery, ErrorQuery, Overriding, Planning, When};
use crate::identity::SWITCH_COOKIE;

async fn ok(visit: &Visit, title: &str, section: Section, body: Markup) -> Response {
    visit.page(StatusCode::OK, Page { title, section, body, again_s: None }).await
}

/// `GET /review/`: `account`, `kind`, `field`, `assignee`, `after`.
pub(super) async fn inbox(visit: Visit) -> Response {
    let answered = inbox_page(&visit).await;
    visit.answer(Section::Inbox, answered).await
}

async fn inbox_page(visit: &Visit) -> Result<Response, Problem> {
    let (chosen, kind, now) = (visit.asked("account"), visit.asked("kind"), visit.seat.now());
    let (field, assignee, after) = (visit.asked("field"), visit.asked("assignee"), visit.asked("after"));
    let accounts = visit.seat.accounts();
    let counts = visit.counts().await?;
    let own = |value: Option<&str>| value.map(str::to_string);
    let query = ConflictQuery {
        account: own(chosen),
        field: own(field),
        assignee: own(assignee),
        ..ConflictQuery::default()
    };
    // The list of all is its most urgent part: each kind has a list of its own that goes on.
    let is_narrow = field.is_some() || assignee.is_some();
    let is_all = kind.is_none() && !is_narrow;
    let wants = |one: &str| kind == Some(one) || is_all;
    let from = after.filter(|_| !is_all);
    let (mut rows, mut next, mut more) = (Vec::new(), None, false);
    if wants("conflicts") || is_narrow {
        let found = desk::list(&visit.seat, &query, from, ROWS).await?;
        rows.extend(found.items.iter().map(inbox::Row::of_conflict));
        (more, next) = (found.next.is_some(), found.next);
    }
    if wants("errors") && !is_narrow {
        let found = desk::waiting(&visit.seat, chosen, from, ROWS).await?;
        rows.extend(found.items.iter().map(inbox::Row::of_error));
        (more, next) = (more || found.next.is_some(), found.next);
    }
    if wants("ambiguous") && !is_narrow {
        let found = desk::questions(&visit.seat, chosen, from, ROWS).await?;
        let row = |asked| inbox::Row::of_question(asked, visit.seat.error_sla_ms(&asked.account));
        rows.extend(found.items.iter().map(row));
        (more, next) = (more || found.next.is_some(), found.next);
    }
    if is_all {
        more |= rows.len() > ROWS;
        rows = inbox::urgent_first(rows, ROWS);
        next = None;
    }
    let of = |name: &str| accounts.iter().position(|access| access.account().id.as_str() == name);
    let waiting: Waiting = match chosen {
        Some(name) => of(name).map_or(Waiting::default(), |at| counts[at]),
        None => counts.iter().copied().fold(Waiting::default(), Waiting::and),
    };
    let link = |account: Option<&str>| part::link("/review/", &[("account", account), ("kind", kind)]);
    let kinds = [
        (None, "Everything", waiting.all()),
        (Some("conflicts"), "Conflicts", waiting.conflicts),
        (Some("errors"), "Errors", waiting.errors),
        (Some("ambiguous"), "Which is it?", waiting.questions),
    ];
    let of_kind = |kind: Option<&str>| part::link("/review/", &[("account", chosen), ("kind", kind)]);
    let body = html! {
        div.title {
            h1 { "Inbox" }
            p.lede { "What needs a person, the most urgent first." }
        }
        (part::chips(&accounts, chosen, link, &counts.iter().map(|waiting| waiting.all()).collect::<Vec<_>>()))
        nav aria-label="Kinds" {
            ul.chips {
                @for (value, text, count) in kinds {
                    li {
                        a href=(of_kind(value)) aria-current=[(kind == value).then_some("true")] {
                            (text) b { (words::grouped(count)) }
                        }
                    }
                }
                li { a href=(part::link("/review/bulk", &[("account", chosen)])) { "Decide many…" } }
            }
        }
        @if is_narrow {
            p.small {
                "Only " @if let Some(field) = field { "on " strong { (field) } " " } @if let Some(name) = assignee { "of " strong { (name) } " " }
                "· " a href=(part::link("/review/", &[("account", chosen)])) { "show all" }
            }
        }
        section.card aria-label="Waiting" {
            @if rows.is_empty() { (nothing(after.is_some())) } @else { (inbox::list(&rows, now)) }
            @if is_all && more {
                nav.pager aria-label="More" {
                    a href=(of_kind(Some("conflicts"))) { "All conflicts" }
                    a href=(of_kind(Some("errors"))) { "All errors" }
                    a href=(of_kind(Some("ambiguous"))) { "All questions" }
                }
            }
            (pager("/review/", &[("account", chosen), ("kind", kind), ("field", field), ("assignee", assignee), ("after", after)], next.as_deref()))
        }
    };
    Ok(ok(visit, "Inbox", Section::Inbox, body).await)
}

fn nothing(is_later: bool) -> Markup {
    if is_later {
        return part::empty("That was all", "Nothing more waits behind this page.");
    }
    part::empty(
        "Nothing needs you",
        "No conflict is open, no error waits, and nobody is asked who is who. Edits travel by themselves; what cannot be decided by rule appears here, the most urgent first.",
    )
}

/// `GET /review/records`: `account`, `type`, `after`; `q`: an id, ours or a side's.
pub(super) async fn records(visit: Visit) -> Response {
    let answered = records_page(&visit).await;
    visit.answer(Section::Records, answered).await
}

async fn records_page(visit: &Visit) -> Result<Response, Problem> {
    let (chosen, kind, q, after) =
        (visit.asked("account"), visit.asked("type"), visit.asked("q"), visit.asked("after"));
    let accounts = visit.seat.accounts_of(chosen)?;
    let listed = match (q, accounts.first()) {
        (Some(id), _) => crate::view::Listed { items: desk::search(&accounts, id).await?, next: None },
        (None, Some(access)) => desk::records(access, kind, after, ROWS).await?,
        (None, None) => crate::view::Listed { items: Vec::new(), next: None },
    };
    let here = accounts.first().filter(|_| q.is_none()).map(|access| access.account().id.to_string());
    let mut types: Vec<&str> =
        accounts.iter().flat_map(|access| access.account().types.keys()).map(|kind| kind.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    let all = visit.seat.accounts();
    let body = html! {
        div.title {
            h1 { "Records" }
            p.lede { "What is agreed, what each side holds, and why." }
        }
        section.card aria-label="Search" {
            form.filters method="get" action="/review/records" role="search" {
                div {
                    label for="q" { "Id" }
                    input type="search" id="q" name="q" value=(q.unwrap_or_default()) data-search autocomplete="off" placeholder="ours, SuiteX’s or NetSuite’s";
                }
                div {
                    label for="account" { "Account" }
                    select id="account" name="account" {
                        @if q.is_some() { option value="" { "all" } }
                        @for access in &all {
                            @let id = access.account().id.as_str();
                            option value=(id) selected[chosen == Some(id) || (q.is_none() && here.as_deref() == Some(id))] { (id) }
                        }
                    }
                }
                div {
                    label for="type" { "Type" }
                    select id="type" name="type" {
                        option value="" { "all" }
                        @for name in &types { option value=(name) selected[kind == Some(*name)] { (name) } }
                    }
                }
                div.end { button.main { "Show" } }
            }
        }
        section.card aria-label="Records found" {
            @if listed.items.is_empty() {
                @match q {
                    Some(id) => (part::empty("No record has this id", &format!("Looked for {id} as our id, SuiteX’s and NetSuite’s, in every type that you may see."))),
                    None => (part::empty("No record here", "Records appear as soon as one side tells of them.")),
                }
            } @else { (record::list(&listed.items)) }
            (pager("/review/records", &[("account", here.as_deref()), ("type", kind), ("after", after)], listed.next.as_deref()))
        }
    };
    Ok(ok(visit, "Records", Section::Records, body).await)
}

/// What names a record in a path.
type Name = Path<(String, String, String)>;

/// `GET /review/records/{account}/{type}/{id}`: `why`, `as_of`, `after`.
pub(super) async fn record(
    visit: Visit,
    notes: Option<Extension<SystemNotes>>,
    Path(name): Name,
) -> Response {
    let shown = record_page(&visit, &name, StatusCode::OK, (None, notes.as_deref())).await;
    visit.answer(Section::Records, shown).await
}

async fn record_page(
    visit: &Visit,
    (account, kind, id): &(String, String, String),
    status: StatusCode,
    (refused, notes): (Option<record::Refused>, Option<&SystemNotes>),
) -> Result<Response, Problem> {
    let found = desk::record(&visit.seat, account, kind, id).await?;
    let after = visit.asked("after");
    let view = desk::view(&found).await?;
    let history = desk::history(&found, after, ROWS).await?;
    let asked = refused.as_ref().map(|refused| refused.field.clone());
    let asked = asked.as_deref().or(visit.asked("why"));
    let why = match asked {
        // A link may name a field as a side calls it: the record is shown all the same.
        Some(field) if found.surface().field(field).is_none() => None,
        Some(field) => Some(desk::why(&found, field, notes).await?),
        None => None,
    };
    let past = match visit.asked("as_of") {
        Some(text) => Some(desk::record_as_of(&found, When::parse(text)?).await?),
        None => None,
    };
    let shown = record::Shown {
        record: &view,
        surface: found.surface(),
        history: &history,
        after,
        why,
        past,
        role: found.access().role(),
        refused,
        now: visit.seat.now(),
    };
    let title = format!("{kind} {}", view.id);
    let page = Page { title: &title, section: Section::Records, body: record::body(&shown), again_s: None };
    Ok(visit.page(status, page).await)
}

/// `POST /review/records/{account}/{type}/{id}/override`.
pub(super) async fn set(visit: Visit, Path(name): Name, body: Bytes) -> Response {
    let answered = set_field(&visit, &name, &body).await;
    visit.answer(Section::Records, answered).await
}

async fn set_field(visit: &Visit, name: &(String, String, String), body: &[u8]) -> Result<Response, Problem> {
    let form = Form::read(body)?;
    let found = desk::record(&visit.seat, &name.0, &name.1, &name.2).await?;
    let field = form.need("field")?;
    let missing = || Problem::unprocessable("field", "the type has no field of this name");
    let kind = &found.surface().fields[found.surface().field(field).ok_or_else(missing)?].kind;
    let version = form.need("version")?.parse();
    let version = version.map_err(|_| Problem::unprocessable("version", "must be the record’s version"))?;
    let wanted = match typed::parsed(kind, form.whole("value")) {
        Err(reason) => Err(Problem::unprocessable(field, reason)),
        Ok(value) => {
            let overriding = Overriding {
                version,
                fields: [(field.to_string(), value)].into(),
                unlock: form.get("unlock").is_some(),
                note: form.get("note").map(str::to_string),
            };
            desk::override_fields(&found, &overriding).await
        }
    };
    match wanted {
        Ok(_) => Ok(reply::see_other(&record::path(&name.0, &name.1, &name.2))),
        Err(problem) if matches!(problem.status.as_u16(), 409 | 422) => {
            let text = |name: &str| form.get(name).unwrap_or_default().to_string();
            let refused = record::Refused {
                field: field.to_string(),
                // As it was typed: blanks around it may be meant.
                value: form.whole("value").replace("\r\n", "\n"),
                note: text("note"),
                unlock: form.get("unlock").is_some(),
                wrong: problem.detail,
            };
            record_page(visit, name, problem.status, (Some(refused), None)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /review/errors`: `account`, `all`, `after`.
pub(super) async fn errors(visit: Visit) -> Response {
    let answered = errors_page(&visit).await;
    visit.answer(Section::Errors, answered).await
}

async fn errors_page(visit: &Visit) -> Result<Response, Problem> {
    let (chosen, all, after) = (visit.asked("account"), visit.asked("all"), visit.asked("after"));
    let query = ErrorQuery { account: chosen.map(str::to_string), open: all.is_none() };
    let found = desk::errors(&visit.seat, &query, after, ROWS).await?;
    let accounts = visit.seat.accounts();
    let link = |account: Option<&str>| part::link("/review/errors", &[("account", account), ("all", all)]);
    let body = html! {
        div.title { h1 { "Errors" } p.lede { "What no retry could cure, each with what to do about it." } }
        (part::chips(&accounts, chosen, link, &[]))
        nav aria-label="Which errors" {
            ul.chips {
                @for (value, text) in [(None, "Open"), (Some("1"), "All, with those that are over")] {
                    li { a href=(part::link("/review/errors", &[("account", chosen), ("all", value)])) aria-current=[(all == value).then_some("true")] { (text) } }
                }
            }
        }
        section.card aria-label="Errors" {
            @if found.items.is_empty() {
                (part::empty("No error waits", "What fails is tried again by itself first. Only what that cannot cure comes here."))
            } @else { (error::list(&found.items, visit.seat.now())) }
            (pager("/review/errors", &[("account", chosen), ("all", all), ("after", after)], found.next.as_deref()))
        }
    };
    Ok(ok(visit, "Errors", Section::Errors, body).await)
}

/// `GET /review/accounts`.
pub(super) async fn accounts(visit: Visit) -> Response {
    let answered = async {
        let views = desk::accounts(&visit.seat).await?;
        Ok(ok(&visit, "Accounts", Section::Accounts, account::list(&views, visit.seat.now())).await)
    };
    visit.answer(Section::Accounts, answered.await).await
}

/// `GET /review/accounts/{account}`.
pub(super) async fn account(visit: Visit, Path(name): Path<String>) -> Response {
    let answered = async {
        let view = desk::account(&visit.seat.account(&name)?).await?;
        Ok(ok(&visit, &name, Section::Accounts, account::list(&[view], visit.seat.now())).await)
    };
    visit.answer(Section::Accounts, answered.await).await
}

/// `POST /review/accounts/{account}`: `do` is `hold` or `release`; `side`, `reason`, and the `state` that the person saw.
pub(super) async fn hold(visit: Visit, Path(name): Path<String>, body: Bytes) -> Response {
    let answered = async {
        let (access, form) = (visit.seat.account(&name)?, Form::read(&body)?);
        let side = match form.need("side")? {
            "netsuite" => Side::NetSuite,
            "suitex" => Side::SuiteX,
            _ => return Err(Problem::unprocessable("side", "must be netsuite or suitex")),
        };
        let held = match form.need("do")? {
            "hold" => true,
            "release" => false,
            _ => return Err(Problem::unprocessable("do", "must be hold or release")),
        };
        let seen = desk::holding(&access, side).await?;
        if form.need("state")? != seen.state() {
            return Err(seen.is_another());
        }
        desk::hold(&seen, held, Some(form.need("reason")?)).await?;
        Ok(reply::see_other("/review/accounts"))
    };
    visit.answer(Section::Accounts, answered.await).await
}

/// `GET /review/audit`: `account`, `actor`, `subject`, `after`.
pub(super) async fn audit(visit: Visit) -> Response {
    let answered = audit_page(&visit).await;
    visit.answer(Section::Audit, answered).await
}

async fn audit_page(visit: &Visit) -> Result<Response, Problem> {
    let (actor, subject, after) = (visit.asked("actor"), visit.asked("subject"), visit.asked("after"));
    let all = visit.seat.accounts();
    let access = match visit.asked("account") {
        Some(name) => Some(visit.seat.account(name)?),
        None => all.first().cloned(),
    };
    let own = |value: Option<&str>| value.map(str::to_string);
    let query = AuditQuery { subject: own(subject), actor: own(actor) };
    let found = match &access {
        Some(access) => desk::audit(access, &query, after, ROWS).await?,
        None => crate::view::Listed { items: Vec::new(), next: None },
    };
    let here = access.as_ref().map(|access| access.account().id.as_str());
    let body = html! {
        div.title { h1 { "Audit" } p.lede { "Who did what, when and why; the newest first. Nothing is ever taken out." } }
        section.card aria-label="Which rows" {
            form.filters method="get" action="/review/audit" role="search" {
                div {
                    label for="account" { "Account" }
                    select id="account" name="account" {
                        @for access in &all {
                            @let id = access.account().id.as_str();
                            option value=(id) selected[here == Some(id)] { (id) }
                        }
                    }
                }
                div { label for="actor" { "Who" } input type="search" id="actor" name="actor" value=(actor.unwrap_or_default()) data-search autocomplete="off" placeholder="ann@example.com"; }
                div { label for="subject" { "On what" } input type="search" id="subject" name="subject" value=(subject.unwrap_or_default()) autocomplete="off" placeholder="acme:customer:7"; }
                div.end { button.main { "Show" } }
            }
        }
        section.card aria-label="Rows" {
            @if found.items.is_empty() { (part::empty("Nothing was done here", "Or not by this person, or not to this. The name must be whole, as it stands in the rows.")) }
            @else { (audit::list(&found.items, visit.seat.now())) }
            (pager("/review/audit", &[("account", here), ("actor", actor), ("subject", subject), ("after", after)], found.next.as_deref()))
        }
    };
    Ok(ok(visit, "Audit", Section::Audit, body).await)
}

/// `GET /review/bulk`: which, by which `rule`; the plan when `plan` is there.
pub(super) async fn plan(visit: Visit) -> Response {
    let answered = plan_page(&visit).await;
    visit.answer(Section::Inbox, answered).await
}

async fn plan_page(visit: &Visit) -> Result<Response, Problem> {
    let own = |name: &str| visit.asked(name).map(str::to_string);
    let query = ConflictQuery {
        account: own("account"),
        field: own("field"),
        risk: own("risk"),
        assignee: own("assignee"),
        ..ConflictQuery::default()
    };
    let policy = visit.asked("rule").and_then(bulk::policy);
    let accounts = visit.seat.accounts();
    let mut fields: Vec<String> = Vec::new();
    for surface in accounts.iter().flat_map(|access| access.account().types.values()) {
        fields.extend(surface.fields.iter().map(|field| format!("{}.{}", surface.record_type, field.name)));
    }
    fields.sort();
    fields.dedup();
    let planned = match (visit.asked("plan"), policy) {
        (Some(_), Some(policy)) => {
            Some(desk::plan(&visit.seat, &Planning { query: query.clone(), policy }).await?)
        }
        (Some(_), None) => {
            return Err(Problem::bad_request("rule", "must be one of those that the page offers"));
        }
        (None, _) => None,
    };
    let accounts = accounts.iter().map(|access| access.account().id.to_string()).collect();
    let asked = bulk::Asked { query: &query, policy, accounts, fields };
    Ok(ok(visit, "Decide many", Section::Inbox, bulk::body(&asked, planned.as_ref())).await)
}

/// `POST /review/bulk`: a plan, as its page sends it.
pub(super) async fn apply(visit: Visit, body: Bytes) -> Response {
    let answered = async {
        let batch = bulk::batch(&Form::read(&body)?)?;
        let applied = desk::apply(&visit.seat, &batch).await?;
        // The same plan again is the same decisions: a reload does no harm.
        Ok(ok(&visit, "Decided", Section::Inbox, bulk::done(&applied)).await)
    };
    visit.answer(Section::Inbox, answered.await).await
}

/// `POST /review/as`: in development, to be somebody else; also for who is nobody.
pub(super) async fn switch(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let form = Form::read(&body)?;
    let name = form.need("as")?;
    let development = app.identity.development();
    let development = development.ok_or_else(|| Problem::not_found("people sign in here"))?;
    if !development.people().any(|(short, _)| short == name) {
        return Err(Problem::unprocessable("as", "is none of the people of development"));
    }
    let mut response = reply::see_other("/review/");
    let cookie = format!("{SWITCH_COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What is at no path.
pub(super) async fn nowhere(visit: Visit) -> Response {
    visit.answer(Section::Inbox, Err(Problem::not_found("there is nothing at this path"))).await
}
