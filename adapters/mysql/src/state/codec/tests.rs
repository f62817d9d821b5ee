//! What is written is what is read, whatever a record holds; and what becomes of it when the configuration
//! changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use shared::domain::conflict::{Clash, Conflict};
use shared::domain::id::{AccountId, CanonicalId, PerSide, RecordKey, RecordType, Revision, Side, SideId};
use shared::domain::id::{Timestamp, Version};
use shared::domain::record::{
    Behind, Due, DueReason, Fields, Form, Intent, Lock, Origin, Presence, Record, Sent, SideState, Span, Verb,
};
use shared::domain::surface::{FieldIx, Policy, Risk, SyncConfig, TypeSurface};
use shared::domain::value::{Kind, LineSpec, Value};
use uuid::Uuid;

use super::{Row, decode, encode};

/// A type with a field of every kind.
fn surface(changed: impl Fn(&str) -> String) -> Arc<TypeSurface> {
    let fields = r#"
        a_text = { type = "text" }
        b_integer = { type = "integer" }
        c_decimal = { type = "decimal", scale = 4 }
        d_boolean = { type = "boolean" }
        e_date = { type = "date" }
        f_moment = { type = "datetime" }
        g_select = { type = "select" }
        h_set = { type = "multiselect" }
        i_reference = { type = "reference", to = "thing" }
        j_lines = { type = "lines", columns = { item = { type = "reference", to = "thing" }, qty = { type = "integer" }, rate = { type = "decimal", scale = 2 }, tax = { type = "boolean" } } }
    "#;
    let text = format!("[account.acme]\n[type.thing]\n[type.thing.fields]\n{}", changed(fields));
    let config = SyncConfig::parse(&text).unwrap();
    let account = &config.accounts[&AccountId::parse("acme").unwrap()];
    Arc::clone(&account.types[&RecordType::parse("thing").unwrap()])
}

fn same(text: &str) -> String {
    text.to_string()
}

fn scalar() -> impl Strategy<Value = Value> + Clone {
    let decimal = (any::<i64>(), 0u32..=28).prop_map(|(number, scale)| {
        let text = format!("{}e-{scale}", number);
        let plain: Result<_, _> = Kind::Decimal { scale: 4 }.parse(Side::SuiteX, &serde_json::json!(text));
        plain.unwrap_or_default()
    });
    let day = (-9_999i32..=12_000, 1u32..=366).prop_map(|(year, day)| {
        chrono::NaiveDate::from_yo_opt(year, day).map(Value::Date).unwrap_or_default()
    });
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        decimal,
        any::<String>().prop_map(|text| Value::Text(text.into())),
        Just(Value::Text("\0 \u{1f980} \" \\ { [ null".into())),
        day,
        any::<i64>().prop_map(|at| Value::DateTime(Timestamp(at))),
        btree_set(any::<String>().prop_map(Arc::from), 0..4)
            .prop_map(|set: BTreeSet<Arc<str>>| Value::Set(Arc::new(set))),
    ]
}

/// Any value under any field: a configuration may have changed a field's type.
fn value() -> impl Strategy<Value = Value> + Clone {
    let lines = |columns| btree_map(any::<String>().prop_map(Arc::from), vec(scalar(), columns), 0..4);
    prop_oneof![
        5 => scalar(),
        1 => lines(4..=4).prop_map(|lines| Value::Lines(Arc::new(lines))),
        1 => lines(0..=6).prop_map(|lines| Value::Lines(Arc::new(lines))),
    ]
}

const FIELDS: usize = 10;

fn fields() -> impl Strategy<Value = Fields> {
    vec(value(), FIELDS)
}

fn field() -> std::ops::Range<FieldIx> {
    0..FIELDS
}

fn at() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn due() -> impl Strategy<Value = Due> {
    let waiting = ("[a-z]{1,9}", ".{0,20}", at()).prop_map(|(kind, id, since)| DueReason::WaitingFor {
        record_type: RecordType::parse(&kind).unwrap(),
        id: id.into(),
        since,
    });
    let reason = prop_oneof![
        Just(DueReason::Dirty),
        Just(DueReason::Unsettled),
        Just(DueReason::BackingOff),
        waiting,
    ];
    (at(), reason, any::<u32>()).prop_map(|(at, reason, attempts)| Due { at, reason, attempts })
}

fn intent() -> impl Strategy<Value = Intent> {
    let verb = prop_oneof![Just(Verb::Create), Just(Verb::Update), Just(Verb::Delete)];
    let pairs = || vec((field(), value()), 0..4);
    let parts = (id(), verb, pairs(), pairs(), any::<u64>(), at(), at(), option::of(id()));
    parts.prop_map(|(operation, verb, wanted, expected, version, started, deadline, last_of)| Intent {
        operation,
        verb,
        wanted,
        expected,
        version: Version(version),
        started,
        deadline,
        last_of,
    })
}

fn side() -> impl Strategy<Value = SideState> {
    let presence = prop_oneof![Just(Presence::Never), Just(Presence::There), Just(Presence::Gone)];
    let revision = || any::<i64>().prop_map(Revision);
    let sent = (id(), field(), value(), at()).prop_map(|(operation, field, value, until)| Sent {
        operation,
        field,
        value,
        until,
    });
    let form = (field(), value(), value()).prop_map(|(field, wanted, held)| Form { field, wanted, held });
    let known = (option::of("[0-9]{1,9}"), presence, fields(), option::of(revision()));
    let news = (vec((field(), revision()), 0..4), vec(sent, 0..4), option::of(intent()));
    let behind = (at(), at()).prop_map(|(changed, decided)| Behind { changed, decided });
    let rest = (any::<[bool; 3]>(), 0..9_u32, option::of(due()), option::of(behind), vec(form, 0..4));
    (known, news, rest).prop_map(
        |(
            (id, presence, shadow, seen),
            (field_seen, sent, intent),
            ([wants_read, detached, made_apart], cut, due, behind, forms),
        )| {
            let id = id.map(|id| SideId::parse(&id).unwrap());
            SideState {
                id,
                presence,
                shadow,
                seen,
                made_apart,
                field_seen,
                sent,
                intent,
                cut,
                wants_read,
                due,
                behind,
                forms,
                detached,
            }
        },
    )
}

/// What a conflict has until it is due, where nothing else is configured.
const DAY_MS: i64 = 86_400_000;

fn conflict() -> impl Strategy<Value = Conflict> {
    let policy = prop_oneof![
        Just(Policy::NetsuiteWins),
        Just(Policy::SuitexWins),
        Just(Policy::LatestWins),
        Just(Policy::Manual),
        Just(Policy::Union)
    ];
    let risk = prop_oneof![Just(Risk::Low), Just(Risk::High)];
    let values = (value(), value(), value(), value());
    let span = || (at(), at()).prop_map(|(from, to)| Span { from, to });
    let edited = (span(), span()).prop_map(|(netsuite, suitex)| PerSide { netsuite, suitex });
    let clash = (field(), values, edited, any::<bool>(), policy, risk).prop_map(
        |(field, (base, netsuite, suitex, suggested), edited, made_apart, policy, risk)| {
            let values = PerSide { netsuite, suitex };
            Clash { field, base, values, edited, made_apart, suggested, policy, risk }
        },
    );
    let deleted_by = option::of(prop_oneof![Just(Side::NetSuite), Just(Side::SuiteX)]);
    (id(), any::<u64>(), at(), vec(clash, 0..4), deleted_by).prop_map(
        |(id, revision, opened_at, clashes, deleted_by)| Conflict {
            due_at: opened_at.plus(DAY_MS),
            id,
            revision,
            opened_at,
            clashes,
            deleted_by,
        },
    )
}

fn lock() -> impl Strategy<Value = Lock> {
    (option::of(field()), id(), any::<String>(), at()).prop_map(|(field, error, reason, since)| Lock {
        field,
        error,
        reason,
        since,
    })
}

fn record() -> impl Strategy<Value = Record> {
    let told_by = option::of(prop_oneof![Just(Side::NetSuite), Just(Side::SuiteX)]);
    let origin = (told_by, at(), at()).prop_map(|(side, from, to)| Origin { side, span: Span { from, to } });
    let agreed = (any::<u64>(), any::<u64>(), any::<bool>(), fields(), vec(option::of(origin), FIELDS));
    let sides = (side(), side(), any::<bool>());
    (agreed, sides, option::of(conflict()), vec(lock(), 0..4)).prop_map(
        |(
            (row_revision, version, alive, canonical, origins),
            (mut netsuite, suitex, equal),
            conflict,
            locks,
        )| {
            if equal {
                netsuite.shadow.clone_from(&canonical);
            }
            let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("thing").unwrap());
            Record {
                key: RecordKey::new(account, kind, CanonicalId::parse("sx-1").unwrap()),
                row_revision,
                version: Version(version),
                alive,
                canonical,
                origins,
                sides: PerSide { netsuite, suitex },
                conflict,
                locks,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(record in record()) {
        let surface = surface(same);
        let row = encode(&record, &surface);
        for side in Side::BOTH {
            prop_assert_eq!(row.sides[side].shadow.is_none(), record.sides[side].shadow == record.canonical);
        }
        prop_assert_eq!(decode(&row, Some(&surface)).unwrap(), record);
    }

    #[test]
    fn a_record_whose_type_is_no_longer_configured_can_still_be_read(record in record()) {
        let read = decode(&encode(&record, &surface(same)), None).unwrap();
        prop_assert!(read.canonical.is_empty() && read.sides.suitex.shadow.is_empty());
        prop_assert_eq!((read.key, read.version, read.alive), (record.key, record.version, record.alive));
    }
}

/// A record with something in every place, about `a_text` and `b_integer`.
fn full() -> Record {
    let mut record = Record::new(
        RecordKey::new(
            AccountId::parse("acme").unwrap(),
            RecordType::parse("thing").unwrap(),
            CanonicalId::parse("5").unwrap(),
        ),
        &surface(same),
    );
    let (text, number) = (Value::Text("a".into()), Value::Integer(7));
    record.canonical[0] = text.clone();
    record.canonical[1] = number.clone();
    let state = &mut record.sides.netsuite;
    state.shadow[1] = number.clone();
    state.field_seen = vec![(0, Revision(1)), (1, Revision(2))];
    for (field, value) in [(0, text.clone()), (1, number.clone())] {
        state.sent.push(Sent { operation: Uuid::nil(), field, value: value.clone(), until: Timestamp(9) });
        state.learn(field, value.clone(), value);
    }
    let pairs = vec![(0, text.clone()), (1, number.clone())];
    state.intent = Some(Intent {
        operation: Uuid::nil(),
        verb: Verb::Update,
        wanted: pairs.clone(),
        expected: pairs,
        version: Version(1),
        started: Timestamp(1),
        deadline: Timestamp(2),
        last_of: Some(Uuid::nil()),
    });
    let clash = |field, value: &Value| Clash {
        field,
        base: Value::Null,
        values: PerSide { netsuite: value.clone(), suitex: Value::Null },
        edited: PerSide { netsuite: Span::at(Timestamp(1)), suitex: Span::at(Timestamp(2)) },
        made_apart: true,
        suggested: value.clone(),
        policy: Policy::Manual,
        risk: Risk::Low,
    };
    record.conflict = Some(Conflict {
        id: Uuid::from_u128(7),
        revision: 1,
        opened_at: Timestamp(5),
        due_at: Timestamp(5 + DAY_MS),
        clashes: vec![clash(0, &text)],
        deleted_by: None,
    });
    for field in [None, Some(0), Some(1)] {
        record.locks.push(Lock { field, error: Uuid::nil(), reason: "no".into(), since: Timestamp(1) });
    }
    record
}

#[test]
fn a_field_that_is_no_longer_configured_is_left_out_everywhere() {
    let without = |fields: &str| fields.replace("a_text = { type = \"text\" }", "");
    let later = surface(without);
    assert_eq!(later.fields.len(), FIELDS - 1);
    let read = decode(&encode(&full(), &surface(same)), Some(&later)).unwrap();
    let state = &read.sides.netsuite;
    assert_eq!(read.canonical[0], Value::Integer(7), "b_integer is the first field now");
    assert_eq!((state.field_seen.len(), state.sent.len(), state.forms.len()), (1, 1, 1));
    let intent = state.intent.as_ref().unwrap();
    assert_eq!(
        (&intent.wanted, &intent.expected),
        (&vec![(0, Value::Integer(7))], &vec![(0, Value::Integer(7))])
    );
    assert_eq!(read.conflict, None, "nothing is left to decide");
    assert_eq!(read.locks.iter().map(|l| l.field).collect::<Vec<_>>(), [None, Some(0)]);
}

#[test]
fn a_new_field_is_null_and_the_others_stay_themselves() {
    let with = |fields: &str| format!("{fields}\n aa_new = {{ type = \"text\" }}");
    let later = surface(with);
    let read = decode(&encode(&full(), &surface(same)), Some(&later)).unwrap();
    let new = later.field("aa_new").unwrap();
    assert_eq!(
        (new, &read.canonical[new], &read.sides.netsuite.shadow[new]),
        (1, &Value::Null, &Value::Null)
    );
    assert_eq!((&read.canonical[0], &read.canonical[2]), (&Value::Text("a".into()), &Value::Integer(7)));
    assert_eq!(read.sides.netsuite.intent.unwrap().wanted[1].0, 2);
}

#[test]
fn lines_keep_their_columns_when_others_come_and_go() {
    let mut record = full();
    let row = vec![Value::Text("9".into()), Value::Integer(3), Value::Null, Value::Bool(true)];
    record.canonical[9] = Value::Lines(Arc::new([("l1".into(), row)].into()));
    let changed =
        |fields: &str| fields.replace("qty = { type = \"integer\" }", "amount = { type = \"integer\" }");
    let later = surface(changed);
    let Kind::Lines(LineSpec { columns, .. }) = &later.fields[9].kind else { panic!("lines") };
    assert_eq!(&*columns[0].name, "amount");
    let read = decode(&encode(&record, &surface(same)), Some(&later)).unwrap();
    let Value::Lines(lines) = &read.canonical[9] else { panic!("lines") };
    assert_eq!(lines["l1"], [Value::Null, Value::Text("9".into()), Value::Null, Value::Bool(true)]);
}

#[test]
fn the_stored_form_is_the_one_that_later_programs_know() {
    let mut record = full();
    record.canonical[2] = Kind::Decimal { scale: 4 }.parse(Side::SuiteX, &"12.5".into()).unwrap();
    record.canonical[7] = Value::Set(Arc::new(["b".into(), "a".into()].into()));
    let row = encode(&record, &surface(same));
    assert_eq!(
        row.state,
        r#"{"a_text":"a","b_integer":7,"c_decimal":{"decimal":"12.5000"},"h_set":["a","b"]}"#
    );
    assert_eq!(
        row.sides.netsuite.state,
        concat!(
            r#"{"presence":"never","field_seen":[["a_text",1],["b_integer",2]],"#,
            r#""sent":[{"operation":"00000000-0000-0000-0000-000000000000","field":"a_text","value":"a","until":9},"#,
            r#"{"operation":"00000000-0000-0000-0000-000000000000","field":"b_integer","value":7,"until":9}],"#,
            r#""intent":{"operation":"00000000-0000-0000-0000-000000000000","verb":"update","#,
            r#""wanted":[["a_text","a"],["b_integer",7]],"expected":[["a_text","a"],["b_integer",7]],"#,
            r#""version":1,"started":1,"deadline":2,"last_of":"00000000-0000-0000-0000-000000000000"},"#,
            r#""forms":[["a_text","a","a"],["b_integer",7,7]]}"#,
        )
    );
}

#[test]
fn a_conflict_that_an_earlier_program_stored_tells_no_times() {
    let mut row = encode(&full(), &surface(same));
    let before = r#""edited":[[1,1],[2,2]],"made_apart":true,"#;
    let review = row.review.unwrap();
    assert!(review.contains(before), "{review}");
    row.review = Some(review.replace(before, ""));
    let conflict = decode(&row, Some(&surface(same))).unwrap().conflict.unwrap();
    let unknown = Span::at(Timestamp(0));
    let clash = &conflict.clashes[0];
    assert_eq!(clash.edited, PerSide { netsuite: unknown, suitex: unknown });
    assert!(!clash.made_apart);
}

#[test]
fn a_row_of_a_later_program_or_a_broken_one_is_refused_by_name() {
    let good = encode(&full(), &surface(same));
    let broken = |change: fn(&mut Row)| {
        let mut row = good.clone();
        change(&mut row);
        decode(&row, Some(&surface(same))).unwrap_err().to_string()
    };
    let later = broken(|row| row.format += 1);
    assert!(later.contains("acme:thing:5") && later.contains("its format is 2"), "{later}");
    assert!(broken(|row| row.state = "{".into()).contains("its values"));
    assert!(broken(|row| row.sides.suitex.state = "{}".into()).contains("its side"));
}

#[test]
fn what_a_later_program_has_added_is_passed_over() {
    let good = encode(&full(), &surface(same));
    let mut row = good.clone();
    let added = |text: &str| text.replacen('{', r#"{"mood":{"of":["the","day"]},"#, 1);
    row.sides = PerSide { netsuite: good.sides.netsuite.clone(), suitex: good.sides.suitex.clone() };
    for side in [&mut row.sides.netsuite, &mut row.sides.suitex] {
        side.state = added(&side.state).replace(r#"{"operation""#, r#"{"mood":1,"operation""#);
    }
    let review = good.review.clone().unwrap();
    row.review = Some(added(&review).replace(r#"{"field""#, r#"{"mood":null,"field""#));
    assert_ne!(row, good);
    assert_eq!(decode(&row, Some(&surface(same))).unwrap(), decode(&good, Some(&surface(same))).unwrap());
}
