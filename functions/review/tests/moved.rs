//! A conflict that moves on while people look at it, and one that is over: what is told of it, by whom it was ended.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use memory_ports::{NOW, World, account, get, key};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{RecordKey, Side, Timestamp, Version, derived_id};
use shared::domain::record::Record;
use shared::domain::surface::SyncConfig;
use shared::state::{Commit, HistoryDecision, HistoryRow};
use tower::ServiceExt;
use uuid::Uuid;

struct Desk {
    world: World,
    router: Router,
    customer: RecordKey,
}

/// A customer whose comments and credit limit were changed on both sides, with the history of that.
fn desk() -> Desk {
    let world = World::new();
    let customer = key("acme", "customer", "7");
    let mut record = world.synced(&customer, json!({"comments": "base", "credit_limit": "1"}));
    world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": "sx", "credit_limit": "2"}));
    world.tell(&mut record, Side::NetSuite, 101, false, &json!({"comments": "ns", "credit_limit": "3"}));
    world.store(&record, Vec::new());
    let identity = Identity::Development(Development::new(&world.ports.config));
    let desk = Desk { router: router(App { ports: world.ports.clone(), identity }), world, customer };
    // Older than the conflict: what ended another one.
    desk.wrote(row(1, "zoe", &[("comments", "conflict_opened")], Uuid::from_u128(1)), None);
    desk.wrote(row(2, "zoe", &[("comments", "resolved")], Uuid::from_u128(2)), None);
    let cause = derived_id("test", &["101", "netsuite"]);
    desk.wrote(
        row(3, "nina", &[("comments", "conflict_opened"), ("credit_limit", "conflict_opened")], cause),
        None,
    );
    desk
}

fn row(version: u64, actor: &str, decisions: &[(&str, &str)], event: Uuid) -> HistoryRow {
    let decision = |(field, rule): &(&str, &str)| HistoryDecision {
        field: field.to_string(),
        rule: rule.to_string(),
        base: json!("base"),
        ours: json!(format!("{field} of {actor}")),
        from: json!("base"),
        to: json!(format!("{field} of {actor}")),
    };
    HistoryRow {
        version: Version(version),
        at: Timestamp(NOW.0 - 1_000 + version as i64),
        source: if actor == "nina" { "netsuite-ue" } else { "review" }.into(),
        actor: Some(actor.into()),
        events: vec![event],
        decisions: decisions.iter().map(decision).collect(),
    }
}

impl Desk {
    fn wrote(&self, row: HistoryRow, change: Option<&dyn Fn(&mut Record)>) {
        let mut record = self.world.load(&self.customer);
        record.version = row.version;
        if let Some(change) = change {
            change(&mut record);
        }
        let history = vec![row];
        self.world.commit(Commit { record: Some(record), history, ..Commit::new(account("acme")) });
    }

    fn conflict(&self) -> (String, u64) {
        let conflict = self.world.load(&self.customer).conflict.expect("it is open");
        (format!("/review/conflicts/{}", conflict.id), conflict.revision)
    }

    fn page(&self, path: &str) -> String {
        let request = Request::get(path).header("cookie", "review-as=rita").body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never().expect("pages do not wait").unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let bytes = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[test]
fn an_override_of_another_field_is_no_change_of_the_conflict() {
    let desk = desk();
    let (path, seen) = desk.conflict();
    desk.wrote(row(4, "ada", &[("phone", "overridden")], Uuid::from_u128(4)), None);
    let edit = row(5, "nina", &[("comments", "conflict_rebased")], Uuid::from_u128(5));
    desk.wrote(edit, Some(&|record| record.conflict.as_mut().unwrap().revision += 1));
    let override_after = row(6, "ada", &[("phone", "overridden")], Uuid::from_u128(6));
    desk.wrote(override_after, None);
    let api = path.replace("/review/", "/api/v1/");
    let changes = get(&desk.router, &format!("{api}/changes?since={seen}")).body;
    let fields: Vec<&Json> = changes["items"].as_array().unwrap().iter().map(|item| &item["field"]).collect();
    assert_eq!(fields, ["comments"], "{changes:#}");
    let notice = desk.page(&format!("{path}/live?revision={seen}"));
    assert!(notice.contains("<strong>Comments</strong>") && !notice.contains("Phone"), "{notice}");
    // Nor is anything told of what was before the conflict.
    assert!(!notice.contains("zoe"), "{notice}");
}

#[test]
fn a_decision_that_came_too_late_is_told_so_with_what_has_changed_since() {
    let desk = desk();
    let (path, sent) = desk.conflict();
    assert!(desk.page(&format!("{path}?sent={sent}")).contains("on its way"));
    let edit = row(4, "nina", &[("comments", "conflict_rebased")], Uuid::from_u128(5));
    desk.wrote(edit, Some(&|record| record.conflict.as_mut().unwrap().revision += 1));
    let page = desk.page(&format!("{path}?sent={sent}"));
    assert!(page.contains("Your decision came too late"), "{page}");
    assert!(page.contains("card clash moved") && page.contains("Changed while you were deciding"), "{page}");
    // A draft of the revision that was decided may be put back here, for what has changed since is shown.
    assert!(page.contains(&format!("data-revision=\"{}\" data-since=\"{sent}\"", sent + 1)), "{page}");
    assert!(!page.contains("data-kept"), "{page}");
    let asked = desk.page(&path);
    assert!(
        asked.contains(&format!("data-revision=\"{}\"", sent + 1)) && !asked.contains("data-since"),
        "{asked}"
    );
    assert!(asked.contains("id=\"draft-old\" hidden"), "an older draft is offered, not put back: {asked}");
}

#[test]
fn who_ended_a_conflict_is_named_and_not_who_came_later() {
    let desk = desk();
    let (path, _) = desk.conflict();
    let resolved =
        row(4, "rita", &[("comments", "resolved"), ("credit_limit", "resolved")], Uuid::from_u128(4));
    desk.wrote(resolved, Some(&|record| record.conflict = None));
    desk.wrote(row(5, "ada", &[("comments", "overridden")], Uuid::from_u128(5)), None);
    desk.wrote(row(6, "nina", &[("phone", "conflict_opened")], Uuid::from_u128(6)), None);
    desk.wrote(row(7, "eve", &[("phone", "resolved")], Uuid::from_u128(7)), None);
    let page = desk.page(&path);
    assert!(page.contains("Decided by rita"), "{page}");
    assert!(!page.contains("of eve") && !page.contains("by eve") && !page.contains("by ada"), "{page}");
}

#[test]
fn a_decision_after_the_end_is_told_so_and_nothing_typed_is_lost() {
    for (who, is_late) in [("ada@dev.example", true), ("rita@dev.example", false)] {
        let desk = desk();
        let (path, revision) = desk.conflict();
        let resolved =
            row(4, who, &[("comments", "resolved"), ("credit_limit", "resolved")], Uuid::from_u128(4));
        desk.wrote(resolved, Some(&|record| record.conflict = None));
        let form = format!(
            "revision={revision}&pick.comments=edit&value.comments=an+hour%27s+work&pick.credit_limit=suitex&note=called+them"
        );
        let request = Request::post(format!("{path}/resolve")).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", "review-as=rita").body(Body::from(form)).unwrap();
        let answer = desk.router.clone().oneshot(request).now_or_never().unwrap().unwrap();
        assert_eq!(answer.status(), if is_late { 409 } else { 303 }, "{who}");
        let bytes = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        let page = String::from_utf8(bytes.to_vec()).unwrap();
        for typed in ["an hour's work", "called them", "Your decision came too late", "Decided by ada"] {
            assert_eq!(page.contains(typed), is_late, "{typed}: {page}");
        }
        // A draft is thrown away only by who decided.
        let page = desk.page(&path);
        assert_eq!(page.contains("data-draft-mine"), !is_late, "{page}");
        assert!(page.contains("data-draft-unsent"), "{page}");
        assert!(desk.world.bus.on(shared::pubsub::Topic::Raw).is_empty());
    }
}

#[test]
fn the_page_of_what_is_over_looks_again_for_a_while_and_not_for_ever() {
    let desk = desk();
    let (path, _) = desk.conflict();
    let resolved =
        row(4, "rita", &[("comments", "resolved"), ("credit_limit", "resolved")], Uuid::from_u128(4));
    desk.wrote(resolved, Some(&|record| record.conflict = None));
    assert!(desk.page(&path).contains("data-again=\"3\""), "something is still to be written");
    desk.world.clock.pass(10 * 60_000);
    let later = desk.page(&path);
    assert!(later.contains("To be written") && !later.contains("data-again"), "{later}");
}

#[test]
fn one_choice_for_all_fields_deletes_no_record() {
    let desk = desk();
    let mut record = desk.world.load(&desk.customer);
    record.conflict.as_mut().unwrap().deleted_by = Some(Side::NetSuite);
    desk.world.store(&record, Vec::new());
    let (path, revision) = desk.conflict();
    let send = |what: &str, typed: &str| {
        let request = Request::post(format!("{path}/{what}")).header("sec-fetch-site", "same-origin");
        let body = Body::from(format!("revision={revision}&{typed}"));
        let request = request.header("cookie", "review-as=rita").body(body).unwrap();
        let answer = desk.router.clone().oneshot(request).now_or_never().unwrap().unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    };
    let (status, page) = send("resolve", "choice=netsuite");
    assert!(status == 422 && page.contains("Needs a decision: does the record live on"), "{status}: {page}");
    assert!(send("writes", "choice=netsuite").1.contains("Choose for everything that is open"));
    assert!(desk.world.bus.on(shared::pubsub::Topic::Raw).is_empty());
    assert_eq!(send("resolve", "choice=netsuite&keep=true").0, 303);
}

#[test]
fn a_conflict_of_two_hundred_fields_is_shown_and_decided() {
    let mut text = String::from("[account.acme]\n[account.globex]\n[type.wide.fields]\n");
    for n in 0..200 {
        writeln!(text, "field_{n:03} = {{ type = \"text\", policy = \"manual\" }}").unwrap();
    }
    let mut world = World::new();
    world.ports.edge.config = Arc::new(SyncConfig::parse(&text).unwrap());
    let wide = key("acme", "wide", "1");
    let values = |of: &str| -> Json {
        Json::Object(
            (0..200).map(|n| (format!("field_{n:03}"), json!(format!("{of} {n}")))).collect::<Map<_, _>>(),
        )
    };
    let mut record = world.synced(&wide, values("base"));
    world.tell(&mut record, Side::SuiteX, 101, false, &values("sx"));
    world.tell(&mut record, Side::NetSuite, 101, false, &values("ns"));
    world.store(&record, Vec::new());
    let identity = Identity::Development(Development::new(&world.ports.config));
    let desk = Desk { router: router(App { ports: world.ports.clone(), identity }), world, customer: wide };
    let (path, revision) = desk.conflict();
    let page = desk.page(&path);
    assert!(page.contains("200 fields to decide"), "{}", page.len());
    assert_eq!(page.matches("card clash\"").count(), 200);
    assert!(page.contains("<ins>sx</ins>") && page.contains("pick.field_199"));
    let mut form = format!("revision={revision}&note=all");
    for n in 0..200 {
        write!(form, "&pick.field_{n:03}={}", ["suitex", "netsuite", "edit"][n % 3]).unwrap();
        write!(form, "&value.field_{n:03}=typed+{n}").unwrap();
    }
    let request = Request::post(format!("{path}/resolve")).header("sec-fetch-site", "same-origin");
    let request = request.header("cookie", "review-as=ada").body(Body::from(form)).unwrap();
    let answer = desk.router.clone().oneshot(request).now_or_never().unwrap().unwrap();
    assert_eq!(answer.status(), 303);
    let event = desk.world.bus.json(shared::pubsub::Topic::Raw).pop().expect("a decision");
    let fields = event["payload"]["resolution"]["fields"].as_object().unwrap();
    assert_eq!(
        (fields.len(), &fields["field_198"], &fields["field_199"]),
        (200, &json!("suitex"), &json!("netsuite"))
    );
    assert_eq!(fields["field_002"], json!({"value": "typed 2"}));
}
