//! Questions who is who, notices and errors, as pages and as an API: found, answered, seen to.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use memory_ports::{NOW, World, account, ask, get, key};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::{Value as Json, json};
use shared::domain::event::{ChangeEvent, IdentityChoice};
use shared::domain::id::{Side, Timestamp};
use shared::pubsub::Topic;
use shared::state::deliveries::{Channel, Deliveries as _, Delivery, Plan, Recipient, Standing};
use shared::state::notices::Topic as About;
use shared::state::{Ambiguity, AmbiguityStatus, Commit, ErrorEntry, Notice};
use tower::ServiceExt;
use uuid::Uuid;

struct Desk {
    world: World,
    router: Router,
}

/// An answer, as text.
struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn desk() -> Desk {
    let world = World::new();
    let identity = Identity::Development(Development::new(&world.ports.config));
    Desk { router: router(App { ports: world.ports.clone(), identity }), world }
}

impl Desk {
    fn send(&self, who: &str, request: http::request::Builder, body: String) -> Shown {
        let request = request.header("cookie", format!("review-as={who}"));
        let request: Request<Body> = request.body(body.into()).unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never().expect("pages do not wait").unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Shown { status: parts.status, headers: parts.headers, text }
    }

    fn get(&self, who: &str, path: &str) -> Shown {
        self.send(who, Request::get(path), String::new())
    }

    fn post(&self, who: &str, path: &str, form: &str) -> Shown {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        self.send(who, request, form.to_string())
    }

    fn published(&self) -> Vec<ChangeEvent> {
        let messages = self.world.bus.on(Topic::Raw);
        messages.iter().map(|m| ChangeEvent::from_slice(&m.data).unwrap()).collect()
    }

    /// Ada is asked about: two in NetSuite have her address.
    fn question(&self) -> (String, Ambiguity) {
        let of = |name: &str, city: &str| json!({"companyname": name, "email": "a@b.c", "city": city});
        let candidates = [("31", of("<script>North", "Ulm")), ("32", of("South", "Bonn"))];
        let ada = json!({"company_name": "Ada", "email": "a@b.c", "city": "Ulm"});
        let asked = self.world.ask_which(&key("acme", "customer", "8"), ada, &candidates);
        (format!("/review/ambiguous/{}", asked.id()), asked)
    }

    fn error(&self, n: u128, first_at: Timestamp) -> ErrorEntry {
        let message = format!("trouble number {n}");
        let id = Uuid::from_u128(n);
        let mut error =
            ErrorEntry::open(&account("acme"), id, "validation", "BAD", &message, "Mend it.", first_at);
        error.causes = vec!["the write of customer 7".into(), "USER_ERROR: <b>no</b>".into()];
        self.world.commit(Commit { errors: vec![error.clone()], ..Commit::new(account("acme")) });
        error
    }

    fn notice(&self, of: &str, n: i64) -> Notice {
        let text = format!("{of}: trouble {n}");
        let notice = Notice::new(&account(of), About::Error, format!("error:{n}"), "", text, NOW.plus(n));
        let notices = vec![notice.clone()];
        self.world.commit(Commit { notices, ..Commit::new(account(of)) });
        notice
    }
}

#[test]
fn a_question_is_in_the_inbox_and_its_page_shows_what_tells_the_candidates_apart() {
    let desk = desk();
    let (path, _) = desk.question();
    for list in ["/review/", "/review/?kind=ambiguous", "/review/ambiguous"] {
        let shown = desk.get("rita", list);
        assert!(shown.text.contains(&format!("href=\"{path}\"")), "{list}: {}", shown.text);
    }
    assert!(!desk.get("rita", "/review/?kind=errors").text.contains(&path));
    let shown = desk.get("vera", &path);
    assert_eq!(shown.status, 200);
    for told in ["South", "Bonn", "&lt;script&gt;North", "Alike in all: Email.", "You may look"] {
        assert!(shown.text.contains(told), "{told}: {}", shown.text);
    }
    assert!(!shown.text.contains("<script>North") && !shown.text.contains("value=\"link:31\""));
    assert_eq!(desk.get("gus", &path).status, 404, "another account's");
    assert!(desk.get("rita", &path).text.contains("value=\"link:31\""));
    let view = get(&desk.router, &path.replace("/review/", "/api/v1/")).body;
    assert_eq!(view["candidates"][1]["fields"]["city"], "Bonn");
    assert_eq!(view["candidates"][1]["values"]["companyname"], "South", "as the side says it, too");
}

#[test]
fn a_word_leaves_as_an_event_and_twice_is_once() {
    for (choice, expected) in [
        ("link%3A32", IdentityChoice::Link(memory_ports::side_id("32"))),
        ("create", IdentityChoice::Create),
        ("again", IdentityChoice::Again),
    ] {
        let desk = desk();
        let (path, _) = desk.question();
        let form = format!("revision=1&choice={choice}&note=+by+phone+");
        let decide = format!("{path}/decide");
        assert_eq!(desk.post("vera", &decide, &form).status, 403);
        assert_eq!(desk.post("gus", &decide, &form).status, 404);
        assert!(desk.published().is_empty());
        let sent = desk.post("rita", &decide, &form);
        let there = format!("{path}?sent=1");
        assert_eq!(
            (sent.status, sent.headers["location"].to_str().unwrap()),
            (StatusCode::SEE_OTHER, &*there)
        );
        desk.post("rita", &decide, &form);
        let events = desk.published();
        assert_eq!(events[0].event_id, events[1].event_id, "a second click is the same event");
        assert_eq!(events[0].payload.identity.as_ref().unwrap().choice, expected);
        assert_eq!(
            (events[0].actor(), &events[0].auth_context["note"]),
            (Some("rita@dev.example"), &json!("by phone"))
        );
        assert!(desk.get("rita", &there).text.contains("on its way"));
    }
}

#[test]
fn a_word_that_cannot_be_taken_comes_back_with_all_that_was_typed() {
    let desk = desk();
    let (path, mut asked) = desk.question();
    let decide = format!("{path}/decide");
    for (form, said) in [
        ("revision=1&note=typed+with+care", "Needs a decision"),
        ("revision=1&choice=link%3A99&note=typed+with+care", "none of the candidates"),
        ("revision=1&choice=both&note=typed+with+care", "none of those that the page offers"),
    ] {
        let shown = desk.post("rita", &decide, form);
        assert_eq!(shown.status, 422, "{form}");
        for kept in [said, "\ntyped with care</textarea>"] {
            assert!(shown.text.contains(kept), "{kept}: {}", shown.text);
        }
    }
    let long = format!("revision=1&choice=create&note={}", "x".repeat(2_001));
    assert_eq!(desk.post("rita", &decide, &long).status, 422, "a note is as long as any other");
    // Asked anew meanwhile.
    asked.revision = 2;
    desk.world.commit(Commit { ambiguities: vec![asked.clone()], ..Commit::new(account("acme")) });
    let late = desk.post("rita", &decide, "revision=1&choice=link%3A32&note=typed+with+care");
    assert_eq!(late.status, 409);
    for kept in [
        "changed while you were deciding",
        "value=\"link:32\" checked",
        "\ntyped with care</textarea>",
        "name=\"revision\" value=\"2\"",
    ] {
        assert!(late.text.contains(kept), "{kept}: {}", late.text);
    }
    assert!(desk.published().is_empty());
    asked.status = shared::state::AmbiguityStatus::Closed;
    desk.world.commit(Commit { ambiguities: vec![asked], ..Commit::new(account("acme")) });
    let over = desk.post("rita", &decide, "revision=2&choice=create");
    assert!(over.status == 409 && over.text.contains("Somebody was quicker"), "{}", over.text);
    assert!(desk.get("rita", &path).text.contains("Nobody need say any more"));
}

#[test]
fn notices_come_newest_first_from_all_accounts_each_with_how_it_got_to_people() {
    let desk = desk();
    let [one, two, three] = [("acme", 1), ("globex", 2), ("acme", 3)].map(|(of, n)| desk.notice(of, n));
    let mail = |n: u128, standing, failure: Option<&str>| Delivery {
        id: Uuid::from_u128(n),
        account: account("acme"),
        to: Recipient { channel: Channel::Email, name: "ops@acme.example".into() },
        topic: About::Error,
        notices: 0,
        standing,
        due_at: NOW,
        attempts: 2,
        created_at: NOW,
        failure: failure.map(str::to_string),
    };
    let new = vec![mail(1, Standing::Sent, None), mail(2, Standing::Due, Some("550 <b>no</b> such user"))];
    let items = vec![(Uuid::from_u128(1), one.id), (Uuid::from_u128(2), three.id)];
    let plan = Plan { notices: vec![one.id, three.id], new, items };
    assert!(desk.world.state.plan_deliveries(&account("acme"), plan).now_or_never().unwrap().unwrap());
    let listed = |query: &str| get(&desk.router, &format!("/api/v1/notices?{query}")).body;
    let texts = |body: &Json| -> Vec<String> {
        body["items"].as_array().unwrap().iter().map(|n| n["text"].as_str().unwrap().to_string()).collect()
    };
    let all = listed("");
    assert_eq!(texts(&all), [&*three.text, &two.text, &one.text]);
    assert_eq!(all["items"][2]["deliveries"][0]["standing"], "sent");
    assert_eq!(all["items"][0]["deliveries"][0]["failure"], "550 <b>no</b> such user");
    assert_eq!(all["items"][1]["deliveries"], json!([]));
    // In pages, across accounts.
    let first = listed("limit=2");
    assert_eq!(texts(&first), [&*three.text, &two.text]);
    let second = listed(&format!("limit=2&after={}", first["next"].as_str().unwrap()));
    assert_eq!((texts(&second), &second["next"]), (vec![one.text.clone()], &Json::Null));
    assert_eq!(texts(&listed("account=globex")), [&*two.text]);
    assert_eq!(texts(&listed("as=rita")), [&*three.text, &one.text], "of who may look at acme alone");
    let trouble = get(&desk.router, "/api/v1/deliveries/acme?inTrouble=true").body;
    assert_eq!(
        (trouble["items"].as_array().unwrap().len(), &trouble["items"][0]["to"]),
        (1, &json!("ops@acme.example"))
    );

    let page = desk.get("rita", "/review/notices");
    for told in [
        "trouble 3",
        "trouble 1",
        "Not getting through",
        "550 &lt;b&gt;no&lt;/b&gt; such user",
        "By mail to ops@acme.example",
        "/review/errors/3",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    assert!(!page.text.contains("trouble 2") && !page.text.contains("globex"), "{}", page.text);
    assert_eq!(desk.get("gus", "/review/notices?account=acme").status, 404);
}

#[test]
fn a_notice_is_seen_to_by_who_may_once() {
    let desk = desk();
    let notice = desk.notice("acme", 1);
    let path = format!("/review/notices/acme/{}/acknowledge", notice.id);
    assert!(!desk.get("vera", "/review/notices").text.contains("/acknowledge"), "nothing to press");
    assert_eq!(desk.post("vera", &path, "").status, 403);
    assert_eq!(desk.post("gus", &path, "").status, 404);
    assert_eq!(desk.post("rita", &path.replace("acme", "globex"), "").status, 404);
    assert!(desk.get("rita", "/review/notices").text.contains(&path));
    let back = "back=%2Freview%2Fnotices%3Faccount%3Dacme";
    let seen = desk.post("rita", &path, back);
    assert_eq!(
        (seen.status, seen.headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/review/notices?account=acme")
    );
    // Nobody is led elsewhere; and who was first stays.
    let again = desk.post("ada", &path, "back=https%3A%2F%2Fevil.example");
    assert_eq!(again.headers["location"].to_str().unwrap(), "/review/notices");
    assert!(!desk.get("rita", "/review/notices").text.contains("trouble 1"));
    desk.world.clock.pass(3 * 3_600_000);
    let shown = desk.get("vera", "/review/notices?all=1").text;
    let who = shown.split_once("seen to by rita@dev.example, ").expect("by whom").1;
    assert!(who.starts_with("<time datetime=\"2026-01-01T00:00:00.000Z\""), "and when: {}", &who[..80]);
    assert!(shown.contains("has seen to it for all"));
    let audit = desk.world.state.audit(&account("acme"));
    assert_eq!(
        audit.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect::<Vec<_>>(),
        [("rita@dev.example", "acknowledge")]
    );
    let missing = path.replace(&notice.id.to_string(), &Uuid::from_u128(5).to_string());
    assert_eq!(desk.post("rita", &missing, "").status, 404);
}

#[test]
fn what_is_nobodys_is_told_to_admins_of_every_account_alone() {
    let desk = desk();
    let notice = desk.notice("unknown", 1);
    let path = format!("/review/notices/unknown/{}/acknowledge", notice.id);
    assert!(desk.get("ada", "/review/notices").text.contains("trouble 1"));
    assert!(!desk.get("rita", "/review/notices").text.contains("trouble 1"));
    assert_eq!(desk.post("rita", &path, "").status, 404);
    assert_eq!(desk.post("ada", &path, "").status, 303);
}

#[test]
fn the_inbox_begins_with_the_errors_that_have_waited_longest_whatever_came_since() {
    let desk = desk();
    let oldest = desk.error(1, NOW.plus(-90 * 3_600_000));
    for n in 2..=160 {
        desk.error(n, NOW.plus(-(n as i64)));
    }
    for list in ["/review/", "/review/?kind=errors"] {
        let text = desk.get("rita", list).text;
        let first = text.split_once("data-rows").expect("a list").1;
        assert!(first.find("trouble number 1<").is_some_and(|at| at < 600), "{list}: {first}");
        assert!(text.contains("past by 2 days"), "within 24 hours, as is configured");
    }
    // And goes on to the newest.
    let (mut path, mut seen) = ("/review/?kind=errors".to_string(), 0);
    loop {
        let text = desk.get("rita", &path).text;
        seen += text.matches("trouble number").count();
        let Some(next) = text.split_once("rel=\"next\" href=\"") else { break };
        path = next.1.split_once('"').unwrap().0.replace("&amp;", "&");
    }
    assert_eq!(seen, 160);
    let api = get(&desk.router, &format!("/api/v1/errors/{}", oldest.id));
    assert_eq!(api.body["pages"], json!({"netsuite": null, "suitex": null}));
}

#[test]
fn questions_stand_in_the_order_in_which_they_were_asked_whosever_they_are() {
    let desk = desk();
    // The later by its name, the longer it has waited; every other one is another account's.
    let ages: i64 = 160;
    for n in 0..ages {
        let of = if n % 2 == 0 { "acme" } else { "globex" };
        let record = key(of, "customer", &format!("{n:03}"));
        let opened_at = NOW.plus(-n * 3_600_000);
        let asked = Ambiguity {
            revision: 1,
            status: AmbiguityStatus::Open,
            ..Ambiguity::new(record, Side::NetSuite, opened_at)
        };
        desk.world.commit(Commit { ambiguities: vec![asked], ..Commit::new(account(of)) });
    }
    let order = |text: &str| -> Vec<i64> {
        let ids = text.split("customer ").skip(1);
        let ids = ids.filter_map(|rest| rest.get(..3)?.parse().ok());
        let mut ids: Vec<i64> = ids.collect();
        ids.dedup();
        ids
    };
    for list in ["/review/ambiguous", "/review/?kind=ambiguous", "/review/"] {
        let (mut path, mut seen) = (list.to_string(), Vec::new());
        loop {
            let text = desk.get("ada", &path).text;
            let rows = text.split_once("data-rows").map_or("", |(_, rows)| rows);
            seen.extend(order(rows));
            let Some(next) = text.split_once("rel=\"next\" href=\"") else { break };
            path = next.1.split_once('"').unwrap().0.replace("&amp;", "&");
        }
        let expected: Vec<i64> = (0..ages).rev().collect();
        // The inbox of everything is its most urgent part.
        let shown = if list == "/review/" { seen.len().max(1) } else { expected.len() };
        assert_eq!(seen, expected[..shown], "{list}");
    }
    let first = get(&desk.router, "/api/v1/ambiguous?as=ada&limit=1").body;
    assert_eq!(first["items"][0]["recordId"], "159");
    let next = first["next"].as_str().expect("there are more");
    let second = get(&desk.router, &format!("/api/v1/ambiguous?as=ada&limit=1&after={next}")).body;
    assert_eq!(second["items"][0]["recordId"], "158");
    let own = get(&desk.router, &format!("/api/v1/ambiguous?as=rita&limit=1&after={next}")).body;
    assert_eq!(own["items"][0]["recordId"], "158");
    let wrong = get(&desk.router, "/api/v1/ambiguous?after=yesterday");
    assert_eq!(wrong.problem(), (400, json!("after")));
}

/// An error about a record that both sides have, whose event is in the ledger.
fn stuck(desk: &Desk) -> (String, ErrorEntry) {
    let customer = key("acme", "customer", "7");
    desk.world.synced(&customer, json!({"company_name": "Acme Ltd"}));
    let payload = json!({
        "accountId": "acme", "recordType": "customer", "recordId": "sx-7", "source": "suitex", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"credit_limit": "much"}}
    });
    let mut error = desk.error(9, NOW);
    error.record = Some(customer);
    error.payload = Some(payload.to_string());
    error.attempts = 0;
    desk.world.commit(Commit { errors: vec![error.clone()], ..Commit::new(account("acme")) });
    (format!("/review/errors/{}", error.id), error)
}

fn form(parts: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(parts).unwrap()
}

#[test]
fn an_errors_page_leads_to_the_record_everywhere_and_tells_what_led_to_it() {
    let desk = desk();
    let (path, _) = stuck(&desk);
    let shown = desk.get("rita", &path).text;
    for told in [
        "the write of customer 7",
        "USER_ERROR: &lt;b&gt;no&lt;/b&gt;",
        "app.netsuite.com/app/common/entity/entity.nl?id=ns-7",
        "Acme Ltd",
        "Edit it, and try again",
        "Dismiss it",
        "&quot;much&quot;",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let viewer = desk.get("vera", &path).text;
    assert!(!viewer.contains("<textarea") && !viewer.contains("Dismiss it"), "{viewer}");
    assert_eq!(desk.get("gus", &path).status, 404);
}

#[test]
fn what_is_stuck_is_edited_and_a_refused_edit_keeps_what_was_typed() {
    let desk = desk();
    let (path, error) = stuck(&desk);
    let edit = format!("{path}/edit");
    let state = "open-1";
    let bad = r#"{"recordType": "customer", "recordId": "sx-7", "source": "suitex", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"credit_limit": "a lot"}}}"#;
    for (event, note, said) in [
        ("{", "because", "not JSON"),
        (bad, "because", "payload.changes.credit_limit"),
        ("[]", "because", "a JSON object"),
        (bad, "", "say why"),
    ] {
        let shown = desk.post("rita", &edit, &form(&[("state", state), ("event", event), ("note", note)]));
        assert_eq!(shown.status, 422, "{event}: {}", shown.text);
        let escaped = event.replace('"', "&quot;");
        assert!(shown.text.contains(said) && shown.text.contains(&escaped), "{event} {said}: {}", shown.text);
        assert!(note.is_empty() || shown.text.contains("value=\"because\""), "{}", shown.text);
    }
    let good = bad.replace("a lot", "12.50");
    let sent = |who: &str, state: &str| {
        desk.post(who, &edit, &form(&[("state", state), ("event", &good), ("note", "a typo")]))
    };
    assert_eq!(sent("vera", state).status, 403);
    assert_eq!(sent("gus", state).status, 404);
    let late = sent("rita", "open-7");
    assert!(
        late.status == 409 && late.text.contains("12.50") && late.text.contains("value=\"a typo\""),
        "{}",
        late.text
    );
    assert!(desk.published().is_empty());
    let done = sent("rita", state);
    assert_eq!((done.status, done.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, &*path));
    let event = &desk.published()[0];
    assert_eq!(
        (event.actor(), &event.payload.changes["credit_limit"]),
        (Some("rita@dev.example"), &json!("12.50"))
    );
    assert_eq!(event.metadata["editOf"]["error"], json!(error.id));
}

#[test]
fn what_is_too_large_for_a_form_is_left_to_the_api() {
    let desk = desk();
    let (path, mut error) = stuck(&desk);
    let long = json!({"accountId": "acme", "note": "x".repeat(3 << 20)});
    (error.payload, error.attempts) = (Some(long.to_string()), 0);
    desk.world.commit(Commit { errors: vec![error.clone()], ..Commit::new(account("acme")) });
    let shown = desk.get("rita", &path).text;
    assert!(
        !shown.contains("<textarea")
            && shown.contains(&format!("POST /review/api/v1/errors/{}/edit", error.id))
    );
    assert!(shown.len() < 200_000, "{} bytes", shown.len());
    // Whatever form it is.
    let conflict = "/review/conflicts/00000000-0000-4000-8000-000000000001/resolve";
    for to in [&*format!("{path}/edit"), conflict] {
        let refused = desk.post("rita", to, &form(&[("event", &"x".repeat(2 << 20))]));
        assert_eq!(refused.status, 413, "{to}");
        assert!(refused.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{to}");
        assert!(refused.text.contains("too much for a form"), "{}", refused.text);
    }
    assert_eq!(desk.post("nobody", conflict, &form(&[("event", &"x".repeat(2 << 20))])).status, 401);
}

#[test]
fn an_error_is_tried_again_as_it_was_seen_and_only_where_there_is_something_to_try() {
    let desk = desk();
    let (path, error) = stuck(&desk);
    let retry = |state: &str| {
        desk.post(
            "rita",
            &format!("{path}/retry"),
            &form(&[("state", state), ("note", "the role was mended")]),
        )
    };
    assert!(desk.get("rita", &path).text.contains("Try again as it is"));
    assert_eq!(
        desk.post("rita", &format!("{path}/retry"), "").status,
        422,
        "on which state it was judged is missing"
    );
    let dismissed = form(&[("state", "open-1"), ("note", "a colleague says so")]);
    assert_eq!(desk.post("ada", &format!("{path}/dismiss"), &dismissed).status, 303);
    let late = retry("open-1");
    assert!(late.status == 409 && late.text.contains("has changed"), "{}", late.text);
    assert!(desk.world.bus.on(Topic::Raw).is_empty(), "what was dismissed is not sent by a page that is old");
    desk.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    assert_eq!(retry("open-0").status, 303);
    let audit = desk.world.state.audit(&account("acme"));
    let row = audit.iter().find(|row| row.action == "retry").unwrap();
    assert_eq!(row.details["why"], "the role was mended");

    let brake = desk.error(8, NOW);
    desk.world.commit(Commit { errors: vec![brake.clone()], ..Commit::new(account("acme")) });
    let shown = desk.get("rita", &format!("/review/errors/{}", brake.id)).text;
    assert!(!shown.contains("Try again as it is") && shown.contains("Dismiss it"), "{shown}");
}

#[test]
fn an_error_is_dismissed_with_a_reason_and_says_so() {
    let desk = desk();
    let (path, _) = stuck(&desk);
    let dismiss = format!("{path}/dismiss");
    let send = |who: &str, state: &str, note: &str| {
        desk.post(who, &dismiss, &form(&[("state", state), ("note", note)]))
    };
    assert_eq!(send("vera", "open-1", "known").status, 403);
    assert_eq!(send("gus", "open-1", "known").status, 404);
    let without = send("rita", "open-1", " ");
    assert!(without.status == 422 && without.text.contains("say why"), "{}", without.text);
    let late = send("rita", "retried-1", "it is known");
    assert!(late.status == 409 && late.text.contains("value=\"it is known\""), "{}", late.text);
    assert_eq!(send("rita", "open-1", "it is known").status, 303);
    let over = desk.get("rita", &path).text;
    assert!(over.contains("Dismissed by rita@dev.example: it is known"), "{over}");
    assert!(!over.contains("Dismiss it"), "nothing is left to press");
    let audit = desk.world.state.audit(&account("acme"));
    assert!(audit.iter().any(|row| row.action == "dismiss" && row.details["why"] == "it is known"));
}

#[test]
fn a_refused_override_keeps_what_was_typed() {
    let desk = desk();
    let customer = key("acme", "customer", "7");
    let mut record = desk.world.synced(&customer, json!({"credit_limit": "1.00", "comments": "x"}));
    desk.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "y"}));
    let version = desk.world.load(&customer).version.0;
    let path = "/review/records/acme/customer/7/override";
    let send = |version: u64, value: &str, note: &str| {
        let version = version.to_string();
        desk.post(
            "ada",
            path,
            &form(&[("version", &version), ("field", "credit_limit"), ("value", value), ("note", note)]),
        )
    };
    for (version, value, note, status) in [
        (version, "a lot", "by phone", 422),
        (version + 7, "12.50", "by phone", 409),
        (version, "12.50", " ", 422),
    ] {
        let shown = send(version, value, note);
        assert_eq!(shown.status, status, "{value} {note}");
        assert!(shown.text.contains(&format!("value=\"{value}\"")), "{value}: {}", shown.text);
        assert!(note.trim().is_empty() || shown.text.contains("value=\"by phone\""), "{}", shown.text);
        assert!(shown.text.contains("role=\"alert\""));
    }
    assert!(desk.published().is_empty());
    assert_eq!(send(version, "12.50", "by phone").status, 303);
}

#[test]
fn an_answer_is_checked_member_by_member() {
    let desk = desk();
    let (path, _) = desk.question();
    let path = format!("{}/decide", path.replace("/review/", "/api/v1/"));
    for (body, field) in [
        (json!({"choice": "create"}), "revision"),
        (json!({"revision": 1}), "choice"),
        (json!({"revision": 1, "choice": "both"}), "choice"),
        (json!({"revision": 1, "choice": {"link": "99"}}), "choice.link"),
        (json!({"revision": 1, "choice": "create", "note": 7}), "note"),
        (json!({"revision": 1, "choice": "create", "colour": 7}), "colour"),
    ] {
        let answer = ask(&desk.router, Request::post(&*path).body(Body::from(body.to_string())).unwrap());
        assert_eq!(answer.problem(), (422, json!(field)), "{body}");
    }
    assert!(desk.published().is_empty());
}
