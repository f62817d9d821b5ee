//! Errors and what overtakes them.

use super::*;
use serde_json::{Value as Json, json};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, Version};
use shared::domain::record::Lock;
use shared::domain::settle::{missing_error, unreadable_error};
use shared::domain::surface::SyncConfig;
use shared::domain::value::Value;
use shared::state::HistoryDecision;
use shared::state::brake::BrakeWord;
use std::sync::Arc;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn surface() -> Arc<TypeSurface> {
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
    let (acme, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    Arc::clone(config.surface(&acme, &kind).unwrap())
}

/// A record that both sides hold, the same on both.
fn synced(surface: &TypeSurface) -> Record {
    let key = RecordKey::new(
        AccountId::parse("acme").unwrap(),
        RecordType::parse("customer").unwrap(),
        CanonicalId::parse("7").unwrap(),
    );
    let mut record = Record::new(key, surface);
    (record.alive, record.version) = (true, Version(1));
    for side in Side::BOTH {
        (record.sides[side].presence, record.sides[side].seen) = (Presence::There, Some(Revision(100)));
    }
    record
}

fn error(status: ErrorStatus) -> ErrorEntry {
    let acme = AccountId::parse("acme").unwrap();
    let mut error = ErrorEntry::open(&acme, Uuid::from_u128(7), "validation", "X", "no", "mend", NOW);
    (error.status, error.field) = (status, Some("email".into()));
    error.record = Some(synced(&surface()).key);
    error
}

fn lock(record: &mut Record) {
    let lock = Lock { field: None, error: Uuid::from_u128(7), reason: "no".into(), since: NOW };
    record.locks.push(lock);
}

fn differ(record: &mut Record, surface: &TypeSurface) {
    record.canonical[surface.field("email").unwrap()] = Value::Text("new@b.c".into());
}

fn event(revision: i64, changes: Json) -> ChangeEvent {
    let body = json!({
        "accountId": "acme", "recordType": "customer", "recordId": "7", "source": "suitex", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z", "revision": revision, "payload": {"changes": changes}
    });
    ChangeEvent::from_slice(body.to_string().as_bytes()).unwrap()
}

fn changed(field: &str, at: i64) -> HistoryRow {
    let decision = HistoryDecision {
        field: field.into(),
        rule: "clean".into(),
        base: json!("a"),
        ours: json!("b"),
        from: json!("a"),
        to: json!("b"),
    };
    HistoryRow {
        version: Version(2),
        at: NOW.plus(at),
        source: "suitex".into(),
        actor: None,
        events: vec![],
        decisions: vec![decision],
    }
}

/// Judges with nothing known but what is changed here.
fn judge(
    error: &ErrorEntry,
    change: impl FnOnce(&mut Record, &TypeSurface),
    more: impl FnOnce(&mut Known<'_>),
) -> Stand {
    let surface = surface();
    let mut record = synced(&surface);
    change(&mut record, &surface);
    let mut known = Known {
        record: Some((&record, &surface)),
        told_by: None,
        events: &[],
        places: &[],
        since: &[],
        now: NOW,
    };
    more(&mut known);
    stand(error, &known)
}

fn is_over(stand: Stand) -> bool {
    matches!(stand, Stand::Over(_))
}

#[test]
fn what_was_tried_again_is_over_once_nothing_is_left_to_do() {
    let retried = error(ErrorStatus::Retried);
    assert!(is_over(judge(&retried, |_, _| {}, |_| {})));
    assert_eq!(judge(&retried, |r, _| lock(r), |_| {}), Stand::Stands, "it has failed again meanwhile");
    assert_eq!(judge(&retried, differ, |_| {}), Stand::Stands, "not written yet");
    let stuck = ErrorEntry { events: vec![Uuid::from_u128(1)], ..retried };
    let at = |place: Option<Place>| {
        let places: &[_] = vec![place].leak();
        judge(&stuck, |_, _| {}, |known| known.places = places)
    };
    assert_eq!(at(Some(Place::Pending { due_at: NOW })), Stand::Stands);
    assert!(is_over(at(Some(Place::Applied))) && is_over(at(Some(Place::Superseded))));
}

#[test]
fn what_is_on_the_bus_yet_has_not_gone_through() {
    let mut sent = error(ErrorStatus::Retried);
    (sent.payload, sent.tried_at) = (Some("{}".into()), Some(NOW));
    let of = |error: &ErrorEntry, places: Vec<Option<Place>>, after| {
        let places: &[_] = places.leak();
        judge(error, |_, _| {}, |known| (known.places, known.now) = (places, NOW.plus(after)))
    };
    assert_eq!(of(&sent, vec![], 60_000), Stand::Stands, "nobody has taken these bytes yet");
    assert_eq!(of(&sent, vec![None], 60_000), Stand::Stands, "the ledger alone has them");
    assert!(is_over(of(&sent, vec![Some(Place::Applied)], 60_000)));
    let unsent = ErrorEntry { to_send: true, ..sent.clone() };
    assert_eq!(of(&unsent, vec![], UNSENT_AFTER_MS - 1), Stand::Stands, "its sender may be at it");
    assert_eq!(of(&unsent, vec![], UNSENT_AFTER_MS), Stand::Unsent);
    for error in [&sent, &unsent] {
        assert_eq!(of(error, vec![], TRIED_FOR_MAX_MS), Stand::InVain);
    }
    // A person is asked again, and it may go through all the same.
    let open = ErrorEntry { status: ErrorStatus::Open, ..sent };
    assert_eq!(of(&open, vec![], TRIED_FOR_MAX_MS), Stand::Stands);
    assert!(is_over(of(&open, vec![Some(Place::Conflict(Uuid::from_u128(3)))], TRIED_FOR_MAX_MS)));
}

#[test]
fn where_nothing_was_sent_and_no_record_is_known_nothing_can_have_gone_through() {
    let about_nothing = ErrorEntry { record: None, ..error(ErrorStatus::Retried) };
    let of = |error: &ErrorEntry, after| {
        let known =
            Known { record: None, told_by: None, events: &[], places: &[], since: &[], now: NOW.plus(after) };
        stand(error, &known)
    };
    assert_eq!(of(&about_nothing, 1), Stand::Stands);
    assert_eq!(of(&about_nothing, TRIED_FOR_MAX_MS), Stand::InVain, "it was last met then");
    let decided = ErrorEntry { brake: Some(BrakeWord::Pass), ..about_nothing };
    assert_eq!(of(&decided, TRIED_FOR_MAX_MS), Stand::Stands, "what a brake holds is the poller's to end");
}

/// What a side did not show: the record, or this field of it.
fn unseen(field: Option<&str>) -> ErrorEntry {
    let key = synced(&surface()).key;
    let id = match field {
        Some(field) => unreadable_error(&key, Side::NetSuite, field),
        None => missing_error(&key, Side::NetSuite),
    };
    ErrorEntry { id, record: Some(key), field: field.map(str::to_string), ..error(ErrorStatus::Open) }
}

#[test]
fn what_a_side_did_not_show_is_over_by_a_look_alone() {
    for field in [Some("email"), None] {
        let error = unseen(field);
        let lock = |record: &mut Record| {
            record.locks.push(Lock { field: None, error: error.id, reason: "no".into(), since: NOW });
        };
        let at = |after| judge(&error, |r, _| lock(r), |known| known.now = NOW.plus(after));
        assert_eq!(at(0), Stand::Stands, "what we know of that side is what it held before");
        assert_eq!(at(LOOK_AFTER_MS - 1), Stand::Stands);
        assert_eq!(at(LOOK_AFTER_MS), Stand::Look(Side::NetSuite));
        let told: &[HistoryRow] =
            vec![HistoryRow { source: "netsuite-ue".into(), ..changed("email", 1) }].leak();
        let elsewhere: &[HistoryRow] = vec![changed("email", 1)].leak();
        assert_eq!(judge(&error, |r, _| lock(r), |k| k.since = told), Stand::Look(Side::NetSuite));
        assert_eq!(judge(&error, |r, _| lock(r), |k| k.since = elsewhere), Stand::Stands, "the other side");
        let wants = |record: &mut Record, _: &TypeSurface| {
            lock(record);
            record.sides.netsuite.wants_read = true;
        };
        assert_eq!(
            judge(&error, wants, |k| k.now = NOW.plus(LOOK_AFTER_MS)),
            Stand::Stands,
            "it is asked for"
        );
        assert!(is_over(judge(&error, |_, _| {}, |_| {})), "who took a look in has taken the lock away");
        let gone = |record: &mut Record, _: &TypeSurface| {
            lock(record);
            record.alive = false;
            (record.sides.netsuite.presence, record.sides.suitex.presence) = (Presence::Gone, Presence::Gone);
        };
        assert!(is_over(judge(&error, gone, |_| {})));
        let often = ErrorEntry { attempts: 3, ..error.clone() };
        let later = |after| judge(&often, |r, _| lock(r), |known| known.now = NOW.plus(after));
        assert_eq!(later(LOOK_AFTER_MS * 4 - 1), Stand::Stands, "looked at less and less often");
        assert_eq!(later(LOOK_AFTER_MS * 4), Stand::Look(Side::NetSuite));
    }
}

#[test]
fn a_refused_write_is_over_when_there_is_nothing_to_write() {
    let open = error(ErrorStatus::Open);
    assert!(is_over(judge(&open, |r, _| lock(r), |_| {})));
    let both = |r: &mut Record, s: &TypeSurface| {
        lock(r);
        differ(r, s);
    };
    assert_eq!(judge(&open, both, |_| {}), Stand::Stands);
    assert_eq!(judge(&open, |_, _| {}, |_| {}), Stand::Stands, "what locks nothing is another's to close");
}

#[test]
fn a_refused_write_is_tried_again_when_the_field_to_blame_was_changed_since() {
    let both = |r: &mut Record, s: &TypeSurface| {
        lock(r);
        differ(r, s);
    };
    let with = |rows: Vec<HistoryRow>, error: &ErrorEntry| {
        let rows = rows.leak();
        judge(error, both, |known| known.since = rows)
    };
    let open = error(ErrorStatus::Open);
    assert_eq!(with(vec![changed("email", 1)], &open), Stand::Mended);
    assert_eq!(with(vec![changed("phone", 1)], &open), Stand::Stands, "another field");
    assert_eq!(with(vec![changed("email", 0)], &open), Stand::Stands, "before it was refused");
    let unblamed = ErrorEntry { field: None, ..error(ErrorStatus::Open) };
    assert_eq!(with(vec![changed("phone", 1)], &unblamed), Stand::Mended);
}

#[test]
fn a_stuck_event_is_overtaken_by_later_news_of_all_that_it_says() {
    let mut stuck = error(ErrorStatus::Open);
    stuck.events = vec![Uuid::from_u128(1)];
    let of = |revision, changes, change: &dyn Fn(&mut Record, &TypeSurface)| {
        let events = vec![event(revision, changes)].leak();
        judge(&stuck, |r, s| change(r, s), |known| known.events = events)
    };
    let nothing = |_: &mut Record, _: &TypeSurface| {};
    assert!(is_over(of(99, json!({"email": "a"}), &nothing)), "a whole look came after");
    assert_eq!(of(100, json!({"email": "a"}), &nothing), Stand::Stands, "of the same moment");
    assert_eq!(of(101, json!({"email": "a"}), &nothing), Stand::Stands);
    let later = |record: &mut Record, surface: &TypeSurface| {
        record.sides.suitex.note(surface.field("email").unwrap(), Revision(102));
    };
    assert!(is_over(of(101, json!({"email": "a"}), &later)));
    assert_eq!(
        of(101, json!({"email": "a", "phone": "1"}), &later),
        Stand::Stands,
        "of the phone nothing later is known"
    );
    assert_eq!(judge(&stuck, |_, _| {}, |_| {}), Stand::Stands, "an event that cannot be read is not judged");
    let gone = |record: &mut Record, _: &TypeSurface| record.sides.suitex.presence = Presence::Gone;
    assert!(is_over(of(500, json!({"email": "a"}), &gone)));
}

#[test]
fn what_could_not_be_read_is_over_once_the_side_was_looked_at() {
    let mut unread = error(ErrorStatus::Open);
    unread.payload = Some("{".into());
    let of = |wants_read, side| {
        let change = |r: &mut Record, _: &TypeSurface| {
            lock(r);
            r.sides.suitex.wants_read = wants_read;
        };
        judge(&unread, change, |known| known.told_by = side)
    };
    assert!(is_over(of(false, Some(Side::SuiteX))));
    assert_eq!(of(true, Some(Side::SuiteX)), Stand::Stands);
    assert_eq!(of(false, None), Stand::Stands);
}

/// What a side told could not be stored. It locks nothing, and the side is looked at again by itself.
#[test]
fn what_could_not_be_stored_is_over_once_the_side_was_looked_at_and_that_was_stored() {
    for side in Side::BOTH {
        let mut told = error(ErrorStatus::Open);
        (told.code, told.field) = ("NOT_STORABLE".into(), None);
        told.id = unstorable_error(told.record.as_ref().unwrap(), side);
        let looks = |record: &mut Record, _: &TypeSurface| record.sides[side].wants_read = true;
        assert_eq!(judge(&told, looks, |_| {}), Stand::Stands, "{side} is to be looked at");
        // What another error, or people, keep from being done was not done.
        let locked = |record: &mut Record, _: &TypeSurface| {
            differ(record, &surface());
            lock(record);
        };
        let held = judge(&told, locked, |_| {});
        assert_eq!(held, Stand::Stands, "{side}: a lock is no success");
        assert!(is_over(judge(&told, |_, _| {}, |_| {})), "{side}");
        let other = |record: &mut Record, _: &TypeSurface| record.sides[side.other()].wants_read = true;
        assert!(
            is_over(judge(&told, other, |_| {})),
            "{side}: what the other side waits for is not its matter"
        );
    }
}

/// What events came to could not be stored: merge has set them aside.
#[test]
fn events_that_could_not_be_stored_are_over_once_a_later_change_was() {
    let mut aside = error(ErrorStatus::Open);
    (aside.code, aside.field) = ("NOT_STORABLE".into(), None);
    let events: &'static [ChangeEvent] = vec![event(105, json!({"email": "too long"}))].leak();
    aside.events = vec![events[0].event_id];
    let with = |known: &mut Known<'_>| known.events = events;
    let later = |revision: i64| {
        move |record: &mut Record, _: &TypeSurface| {
            lock(record);
            record.sides[Side::SuiteX].seen = Some(Revision(revision));
        }
    };
    assert_eq!(judge(&aside, later(100), with), Stand::Stands);
    assert!(is_over(judge(&aside, later(106), with)));
}
