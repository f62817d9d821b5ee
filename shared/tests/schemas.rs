//! What we emit is what `schemas/` describes, and what the requirements' own schemas (appendix C) ask for.
//! What the parser takes, the schema of the input takes too, and what one refuses, the other refuses.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, Timestamp, Version};
use shared::domain::merged::MergedEvent;
use shared::domain::record::Record;
use shared::domain::surface::{SyncConfig, TypeSurface};
use shared::domain::value::Value;
use shared::state::{ErrorEntry, ErrorStatus};
use uuid::Uuid;

const CHANGE: &str = include_str!("../../schemas/change-event.schema.json");
const MERGED: &str = include_str!("../../schemas/merged-event.schema.json");
const ERROR: &str = include_str!("../../schemas/error-report.schema.json");
/// As the requirements have them.
const C1: &str = include_str!("fixtures/c1-change-event.schema.json");
const C2: &str = include_str!("fixtures/c2-merged-event.schema.json");

const ID: &str = "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f";
const SOURCES: [&str; 5] = ["netsuite-ue", "netsuite-poll", "suitex", "reconcile", "review"];
const OPERATIONS: [&str; 3] = ["create", "update", "delete"];

fn parsed(schema: &str) -> Json {
    serde_json::from_str(schema).expect("a schema is JSON")
}

fn validator(schema: &Json) -> Validator {
    jsonschema::draft7::options().should_validate_formats(true).build(schema).expect("a schema of draft 7")
}

/// The schema of what is accepted: a definition of the event's schema.
fn input() -> Validator {
    let mut schema = parsed(CHANGE);
    let definitions = schema["definitions"].take();
    validator(&json!({ "$ref": "#/definitions/input", "definitions": definitions }))
}

/// C2 refers to a definition that it lacks: C1.
fn c2() -> Validator {
    let mut schema = parsed(C2);
    schema["definitions"] = json!({ "changeEvent": parsed(C1) });
    validator(&schema)
}

#[track_caller]
fn assert_valid(validator: &Validator, json: &Json) {
    if let Err(error) = validator.validate(json) {
        panic!("{error} at {}\n{json:#}", error.instance_path());
    }
}

fn resolution() -> Json {
    json!({
        "conflictId": ID, "conflictRevision": 3, "keep": true,
        "fields": {"email": "netsuite", "phone": "suggested", "city": {"value": "Ulm"}, "tags": {"value": null}},
    })
}

fn identity(choice: Json) -> Json {
    json!({"ambiguityId": ID, "revision": 2, "choice": choice})
}

/// A small event of a source, as a producer sends it.
fn sent(source: &str, operation: &str) -> Json {
    let payload = match (source, operation) {
        ("review", _) => json!({"resolution": resolution(), "flush": true}),
        (_, "delete") => json!({}),
        _ => json!({"changes": {"email": "a@b.c", "phone": null}, "previous": {"email": "x@b.c"}}),
    };
    json!({
        "eventId": ID, "accountId": "acme", "recordType": "customer", "recordId": "5", "source": source,
        "operation": operation, "timestamp": "2026-01-01T00:00:00Z", "revision": 7, "payload": payload,
    })
}

fn with(mut json: Json, field: &str, value: Json) -> Json {
    json[field] = value;
    json
}

fn without(mut json: Json, field: &str) -> Json {
    json.as_object_mut().expect("an object").remove(field);
    json
}

fn event(json: &Json) -> ChangeEvent {
    ChangeEvent::from_slice(json.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}\n{json:#}"))
}

/// Events with everything that an event may have.
fn rich() -> Vec<Json> {
    let ue = || sent("netsuite-ue", "update");
    vec![
        with(ue(), "baseVersion", json!("v12")),
        with(ue(), "externalId", json!("sx-9")),
        with(ue(), "revision", json!("2026-01-01T00:00:07+01:00")),
        with(ue(), "authContext", json!({"actor": "ann", "role": 3})),
        with(ue(), "metadata", json!({"operation": ID, "traceparent": "00-ab-cd-01", "context": "RESTLET"})),
        with(ue(), "payload", json!({"changes": {"email": null}, "full": true, "flush": true})),
        with(ue(), "colour", json!({"kept": ["as", "it", "is"]})),
        without(ue(), "eventId"),
        without(ue(), "revision"),
        with(without(ue(), "payload"), "fullSnapshotRef", json!("gs://b/pinned/acme/aa")),
        with(without(ue(), "payload"), "metadata", json!({"payloadRef": "gs://b/pinned/acme/aa"})),
        with(sent("reconcile", "update"), "metadata", json!({"side": "suitex"})),
        with(
            sent("review", "update"),
            "payload",
            json!({"identity": identity(json!("create")), "flush": true}),
        ),
        with(sent("review", "update"), "payload", json!({"identity": identity(json!({"link": "1001"}))})),
    ]
}

#[test]
fn what_is_emitted_validates_for_every_source_and_operation() {
    let (ours, s1) = (validator(&parsed(CHANGE)), validator(&parsed(C1)));
    let all = SOURCES.iter().flat_map(|s| OPERATIONS.iter().map(|o| sent(s, o))).chain(rich());
    for json in all {
        let emitted = serde_json::to_value(event(&json)).expect("an event is JSON");
        assert_valid(&ours, &emitted);
        // The requirements know three sources; the other two are ours.
        if SOURCES[..3].contains(&emitted["source"].as_str().expect("a source")) {
            assert_valid(&s1, &emitted);
        }
    }
}

#[test]
fn what_is_accepted_validates_in_both_spellings() {
    let input = input();
    let first = json!({
        "accountId": "acme", "recordType": "customer", "recordId": "12345", "eventType": "update", "source": "UE",
        "timestamp": "2025-11-14T13:12:05Z", "baseVersion": "v123", "changes": {"companyname": "x"},
    });
    let spellings = [
        first.clone(),
        with(first.clone(), "recordId", json!(12345)),
        with(first.clone(), "source", json!("Poller")),
        with(first.clone(), "revision", json!("17")),
        with(first.clone(), "orderingKey", json!("customer:12345")),
        with(first.clone(), "operation", json!(null)),
        with(without(first, "changes"), "eventType", json!("delete")),
    ];
    let small = SOURCES.iter().flat_map(|s| OPERATIONS.iter().map(|o| sent(s, o)));
    for json in spellings.into_iter().chain(small).chain(rich()) {
        assert_valid(&input, &json);
        let emitted = serde_json::to_value(event(&json)).expect("an event is JSON");
        assert_valid(&input, &emitted);
        assert_eq!(event(&emitted), event(&json), "what is emitted is accepted and means the same");
    }
}

#[test]
fn bad_events_are_refused_by_parser_and_schema_alike() {
    let input = input();
    let good = || sent("suitex", "update");
    let wide: Map<String, Json> = (0..2_001).map(|n| (format!("f{n}"), json!(n))).collect();
    for bad in [
        json!([]),
        json!("text"),
        without(good(), "accountId"),
        without(good(), "recordType"),
        without(good(), "recordId"),
        without(good(), "source"),
        without(good(), "operation"),
        with(good(), "operation", json!(null)),
        without(good(), "timestamp"),
        without(good(), "payload"),
        with(good(), "accountId", json!(7)),
        with(good(), "accountId", json!("a:b")),
        with(good(), "recordType", json!("")),
        with(good(), "recordType", json!("x".repeat(201))),
        with(good(), "recordId", json!(-4)),
        with(good(), "recordId", json!(1.5)),
        with(good(), "recordId", json!("1|2")),
        with(good(), "recordId", json!("ä")),
        with(good(), "source", json!("excel")),
        with(good(), "operation", json!("upsert")),
        with(good(), "timestamp", json!("yesterday")),
        with(good(), "timestamp", json!("2026-02-30T00:00:00Z")),
        with(good(), "timestamp", json!(1_767_225_600)),
        with(good(), "revision", json!(-1)),
        with(good(), "revision", json!(1e300)),
        with(good(), "revision", json!("soon")),
        with(good(), "revision", json!("2026-01-01T00:00:00Z")),
        with(good(), "baseVersion", json!("seven")),
        with(good(), "baseVersion", json!(-1)),
        with(good(), "payload", json!("x")),
        with(good(), "payload", json!({})),
        with(good(), "payload", json!({"changes": []})),
        with(good(), "payload", json!({"changes": {}})),
        with(good(), "payload", json!({"changes": wide})),
        with(good(), "payload", json!({"changes": {"a": 1}, "full": "yes"})),
        with(good(), "payload", json!({"changes": {"a": 1}, "previous": 7})),
        with(good(), "changes", json!({"email": "said twice"})),
        with(good(), "eventId", json!("7")),
        with(good(), "metadata", json!(7)),
        with(good(), "authContext", json!("ann")),
        with(good(), "externalId", json!(7)),
        with(good(), "source", json!("review")),
        with(sent("review", "update"), "payload", json!({"resolution": {"conflictId": ID}})),
        with(
            sent("review", "update"),
            "payload",
            json!({"resolution": with(resolution(), "more", json!(1))}),
        ),
        with(
            sent("review", "update"),
            "payload",
            json!({"resolution": with(resolution(), "fields", json!({"email": "ann"}))}),
        ),
        with(
            sent("review", "update"),
            "payload",
            json!({"resolution": resolution(), "identity": identity(json!("create"))}),
        ),
        with(sent("review", "update"), "payload", json!({"identity": identity(json!("perhaps"))})),
        with(sent("review", "update"), "payload", json!({"identity": identity(json!({"link": "a:b"}))})),
        with(sent("review", "update"), "payload", json!({"identity": {"ambiguityId": ID, "revision": 1}})),
    ] {
        let parsed = ChangeEvent::from_slice(bad.to_string().as_bytes());
        assert!(parsed.is_err(), "the parser takes {bad:#}");
        assert!(!input.is_valid(&bad), "the schema takes {bad:#}");
    }
}

#[test]
fn an_event_that_lacks_something_is_not_what_we_emit() {
    let ours = validator(&parsed(CHANGE));
    let emitted = serde_json::to_value(event(&sent("suitex", "update"))).expect("an event is JSON");
    for field in [
        "eventId",
        "accountId",
        "recordType",
        "recordId",
        "source",
        "operation",
        "timestamp",
        "payload",
        "orderingKey",
    ] {
        assert!(!ours.is_valid(&without(emitted.clone(), field)), "without {field}");
    }
    for (field, value) in [
        ("source", json!("UE")),
        ("orderingKey", json!("customer:5")),
        ("recordId", json!(5)),
        ("revision", json!("7")),
        ("eventId", json!("7")),
    ] {
        assert!(!ours.is_valid(&with(emitted.clone(), field, value)), "with another {field}");
    }
}

fn customer() -> Arc<TypeSurface> {
    let config =
        SyncConfig::parse(include_str!("../../config/sync.toml")).expect("the product's configuration");
    let (acme, customer) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    Arc::clone(config.surface(&acme, &customer).expect("a type of the configuration"))
}

fn merged(sources: &[Arc<ChangeEvent>]) -> Json {
    let surface = customer();
    let (acme, kind) = (AccountId::parse("acme").unwrap(), surface.record_type.clone());
    let mut record = Record::new(RecordKey::new(acme, kind, CanonicalId::parse("sx-5").unwrap()), &surface);
    let fields = ["email", "phone", "credit_limit", "inactive"].map(|name| surface.field(name).expect(name));
    record.version = Version(4);
    record.canonical[fields[0]] = Value::Text("a@b.c".into());
    record.canonical[fields[2]] = surface.fields[fields[2]].kind.parse(Side::SuiteX, &json!("12.5")).unwrap();
    record.canonical[fields[3]] = Value::Bool(true);
    let event = MergedEvent::new(&record, fields.into_iter(), sources, Side::BOTH.to_vec(), &surface);
    serde_json::to_value(event).expect("an event is JSON")
}

#[test]
fn a_merged_event_validates() {
    let (ours, s1) = (validator(&parsed(MERGED)), c2());
    let of = |sources: &[&str]| -> Vec<Arc<ChangeEvent>> {
        sources.iter().flat_map(|s| OPERATIONS.iter().map(|o| Arc::new(event(&sent(s, o))))).collect()
    };
    let traced = event(&with(sent("suitex", "update"), "metadata", json!({"traceparent": "00-ab-cd-01"})));
    for sources in [of(&SOURCES[..3]), Vec::new(), vec![Arc::new(traced)]] {
        let emitted = merged(&sources);
        assert_valid(&ours, &emitted);
        assert_valid(&s1, &emitted);
    }
    assert_valid(&ours, &merged(&of(&SOURCES)));
}

#[test]
fn a_large_source_event_travels_by_reference_and_still_validates() {
    let long = "x".repeat(70_000);
    let large = event(&with(sent("suitex", "update"), "payload", json!({"changes": {"comments": long}})));
    let emitted = merged(&[Arc::new(large)]);
    assert_eq!(emitted["sourceEvents"][0]["payload"], json!({ "ledgerRef": ID }));
    assert_valid(&validator(&parsed(MERGED)), &emitted);
    assert_valid(&c2(), &emitted);
}

#[test]
fn a_bad_merged_event_is_refused() {
    let ours = validator(&parsed(MERGED));
    let good = merged(&[Arc::new(event(&sent("suitex", "update")))]);
    for field in [
        "mergedEventId",
        "accountId",
        "recordType",
        "recordId",
        "version",
        "changes",
        "sourceEvents",
        "targets",
        "orderingKey",
    ] {
        assert!(!ours.is_valid(&without(good.clone(), field)), "without {field}");
    }
    for (field, value) in [
        ("targets", json!([])),
        ("targets", json!(["oracle"])),
        ("version", json!("v4")),
        ("sourceEvents", json!([{"eventId": ID}])),
        ("more", json!(1)),
    ] {
        assert!(!ours.is_valid(&with(good.clone(), field, value.clone())), "{field} = {value}");
    }
}

#[test]
fn an_error_report_validates() {
    let ours = validator(&parsed(ERROR));
    let acme = AccountId::parse("acme").unwrap();
    let kind = RecordType::parse("customer").unwrap();
    let key = RecordKey::new(acme.clone(), kind, CanonicalId::parse("5").unwrap());
    let entry = |class: &str, status, record| ErrorEntry {
        id: Uuid::parse_str(ID).unwrap(),
        account: acme.clone(),
        record,
        class: class.into(),
        code: "NOT_PERSISTED".into(),
        message: "netsuite took the write and kept the old value".into(),
        hint: "Make the field writable, then retry.".into(),
        field: Some("phone".into()),
        events: vec![Uuid::parse_str(ID).unwrap()],
        payload: Some("data:;base64,/w==".into()),
        attempts: 1,
        first_at: Timestamp(1_767_225_600_000),
        last_at: Timestamp(1_767_225_600_001),
        status,
        causes: vec!["it was being written".into()],
        note: Some("dismissed by rita: a test".into()),
        edits: vec![Uuid::parse_str(ID).unwrap()],
        brake: Some(shared::state::brake::BrakeWord::Pass),
        tried_at: Some(Timestamp(1_767_225_600_002)),
        to_send: true,
    };
    for class in ["validation", "malformed", "not_persisted", "waiting", "identity", "missing", "delivery"] {
        for status in [ErrorStatus::Open, ErrorStatus::Retried, ErrorStatus::Closed] {
            for record in [None, Some(key.clone())] {
                let json = serde_json::to_value(entry(class, status, record)).expect("an error is JSON");
                assert_valid(&ours, &json);
            }
        }
    }
    let unclassified = serde_json::to_value(entry("odd", ErrorStatus::Open, None)).expect("an error is JSON");
    assert!(!ours.is_valid(&unclassified));
}

#[test]
fn every_field_has_a_description() {
    fn undescribed(schema: &Json, path: &str, found: &mut Vec<String>) {
        // Conditions refer to fields that are described where they are defined.
        let plain = ["if", "then", "not", "anyOf", "allOf"];
        for (name, inner) in
            schema.as_object().into_iter().flatten().filter(|(n, _)| !plain.contains(&n.as_str()))
        {
            if let ("properties", Some(fields)) = (name.as_str(), inner.as_object()) {
                for (field, inner) in fields {
                    let path = format!("{path}/{field}");
                    if inner.get("description").is_none() {
                        found.push(path.clone());
                    }
                    undescribed(inner, &path, found);
                }
            } else if let Some(inner) = inner.as_object() {
                undescribed(&Json::Object(inner.clone()), &format!("{path}/{name}"), found);
            }
        }
    }
    for schema in [CHANGE, MERGED, ERROR] {
        let mut found = Vec::new();
        let mut schema = parsed(schema);
        if let Some(says) = schema.pointer_mut("/definitions/saysWhatChanged") {
            *says = json!({});
        }
        undescribed(&schema, "", &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}
