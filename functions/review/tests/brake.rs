//! What a brake holds: who may decide about it, how often, and what is noted of it.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use futures::FutureExt;
use http::{Request, StatusCode};
use memory_ports::{Answer, NOW, World, account, ask, get};
use review::access::Seat;
use review::identity::Development;
use review::{App, Identity, desk, router};
use serde_json::{Value as Json, json};
use shared::state::brake::BrakeWord;
use shared::state::{Commit, ErrorEntry, ErrorStatus, State};
use uuid::Uuid;

const BRAKE: Uuid = Uuid::from_u128(8);

fn held() -> (World, Router) {
    let world = World::new();
    let open =
        |id, class: &str| ErrorEntry::open(&account("acme"), id, class, "MASS_DELETE", "so many", "ask", NOW);
    let errors = vec![open(BRAKE, "brake"), open(Uuid::from_u128(7), "missing")];
    world.commit(Commit { errors, ..Commit::new(account("acme")) });
    let identity = Identity::Development(Development::new(&world.ports.config));
    let router = router(App { ports: world.ports.clone(), identity });
    (world, router)
}

fn decide(router: &Router, who: &str, error: Uuid, tag: &str, body: &Json) -> Answer {
    let request = Request::post(format!("/api/v1/errors/{error}/brake?as={who}")).header("if-match", tag);
    ask(router, request.body(Body::from(body.to_string())).unwrap())
}

fn stored(world: &World) -> ErrorEntry {
    world.state.error(BRAKE).now_or_never().unwrap().unwrap().expect("it is filed")
}

#[test]
fn an_admin_decides_once_and_it_is_in_the_error_and_in_the_audit() {
    for (word, text, said) in
        [(BrakeWord::Pass, "pass", "let pass by ada"), (BrakeWord::Discard, "discard", "discarded by ada")]
    {
        let (world, router) = held();
        let body = json!({"decision": text, "note": "as planned"});
        let answer = decide(&router, "ada", BRAKE, "\"open-1\"", &body);
        assert_eq!((answer.status, &answer.body["brake"]), (StatusCode::OK, &json!(text)), "{answer:?}");
        let error = stored(&world);
        assert_eq!((error.status, error.brake, error.attempts), (ErrorStatus::Retried, Some(word), 1));
        let note = error.note.unwrap();
        assert!(note.starts_with(said) && note.ends_with(": as planned"), "{note}");
        let audit = world.state.audit(&account("acme"));
        assert_eq!((audit.len(), audit[0].action.as_str()), (1, "brake"));
        assert_eq!(audit[0].subject, format!("error:{BRAKE}"));
        assert_eq!(
            (&audit[0].details["decision"], &audit[0].details["why"]),
            (&json!(text), &json!("as planned"))
        );
        let other = json!({"decision": "pass", "note": "no, let it"});
        assert_eq!(decide(&router, "ada", BRAKE, "\"open-1\"", &other).status, 412);
        let tag = get(&router, &format!("/api/v1/errors/{BRAKE}?as=ada")).headers["etag"].clone();
        let again = decide(&router, "ada", BRAKE, tag.to_str().unwrap(), &other);
        assert_eq!(again.status, 409, "{again:?}");
        assert_eq!((stored(&world).brake, world.state.audit(&account("acme")).len()), (Some(word), 1));
    }
}

#[test]
fn nothing_is_decided_by_others_or_about_something_else_or_without_a_reason() {
    let (world, router) = held();
    let good = json!({"decision": "pass", "note": "because"});
    let tag = "\"open-1\"";
    for who in ["vera", "rita"] {
        assert_eq!(decide(&router, who, BRAKE, tag, &good).problem().0, 403, "{who}");
    }
    assert_eq!(decide(&router, "gus", BRAKE, tag, &good).problem().0, 404);
    assert_eq!(decide(&router, "ada", Uuid::from_u128(7), tag, &good).problem(), (422, json!("decision")));
    for (bad, field) in [
        (json!({"decision": "perhaps", "note": "x"}), "decision"),
        (json!({"note": "x"}), "decision"),
        (json!({"decision": "pass"}), "note"),
        (json!({"decision": "pass", "note": "  "}), "note"),
        (json!({"decision": "pass", "note": "x", "all": true}), "all"),
    ] {
        assert_eq!(decide(&router, "ada", BRAKE, tag, &bad).problem(), (422, json!(field)), "{bad}");
    }
    let untagged = Request::post(format!("/api/v1/errors/{BRAKE}/brake?as=ada"));
    assert_eq!(ask(&router, untagged.body(Body::from(good.to_string())).unwrap()).status, 428);
    assert_eq!((stored(&world).brake, stored(&world).status), (None, ErrorStatus::Open));
    assert!(world.state.audit(&account("acme")).is_empty());
}

/// Both have read the error before either has decided.
#[test]
fn of_two_admins_at_the_same_moment_the_first_decides_and_the_other_hears_who_what_and_when() {
    for (mine, theirs) in [(BrakeWord::Pass, BrakeWord::Discard), (BrakeWord::Pass, BrakeWord::Pass)] {
        let (world, _) = held();
        let identity = Identity::Development(Development::new(&world.ports.config));
        let app = App { ports: world.ports.clone(), identity };
        let case = || {
            let mut parts = Request::get("/?as=ada").body(()).unwrap().into_parts().0;
            let seat = Seat::from_request_parts(&mut parts, &app).now_or_never().unwrap().unwrap();
            desk::error(&seat, BRAKE).now_or_never().unwrap().unwrap()
        };
        let (first, second) = (case(), case());
        let done = desk::decide(&first, mine, "as planned").now_or_never().unwrap().unwrap();
        assert_eq!(done.brake, Some(mine));
        world.clock.pass(1_000);
        let late = desk::decide(&second, theirs, "by mistake").now_or_never().unwrap().unwrap_err();
        assert_eq!(late.status, StatusCode::CONFLICT);
        assert!(
            late.detail.contains("let pass by ada@dev.example: as planned (2026-01-01T00:00:00"),
            "{late:?}"
        );
        let last = &late.extensions["last"];
        assert_eq!(
            (&last["actor"], &last["details"]["decision"]),
            (&json!("ada@dev.example"), &json!("pass"))
        );
        assert_eq!(late.extensions["error"]["brake"], "pass");
        assert_eq!(stored(&world).brake, Some(mine), "the first decision stands");
        assert_eq!(world.state.audit(&account("acme")).len(), 1);
    }
}

#[test]
fn the_page_has_two_buttons_for_who_may_press_them() {
    let (world, router) = held();
    let page = |who: &str, request: http::request::Builder, form: &str| {
        let request =
            request.header("cookie", format!("review-as={who}")).header("sec-fetch-site", "same-origin");
        let (answer, text) = text_of(&router, request.body(Body::from(form.to_string())).unwrap());
        (answer, text)
    };
    let path = format!("/review/errors/{BRAKE}");
    let (_, shown) = page("ada", Request::get(&path), "");
    for word in ["pass", "discard"] {
        assert!(shown.contains(&format!("name=\"decision\" value=\"{word}\"")), "{shown}");
    }
    let (_, shown) = page("rita", Request::get(&path), "");
    assert!(!shown.contains("name=\"decision\"") && shown.contains("until an admin"), "{shown}");
    let to = format!("{path}/brake");
    assert_eq!(page("rita", Request::post(&to), "decision=pass&note=x&state=open-1").0, 403);
    let (status, shown) = page("ada", Request::post(&to), "decision=pass&state=open-1");
    assert_eq!(status, 422);
    assert!(shown.contains("Must say why"), "{shown}");
    assert_eq!(page("ada", Request::post(&to), "decision=pass&note=x&state=open-9").0, 409);
    assert_eq!(stored(&world).brake, None);
    assert_eq!(page("ada", Request::post(&to), "decision=pass&note=as+planned&state=open-1").0, 303);
    assert_eq!(stored(&world).brake, Some(BrakeWord::Pass));
    let (_, shown) = page("ada", Request::get(&path), "");
    assert!(!shown.contains("name=\"decision\"") && shown.contains("as planned"), "{shown}");
}

fn text_of(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let answer = router.clone().oneshot(request).now_or_never().expect("pages do not wait").unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
}
