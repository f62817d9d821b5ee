//! What is written is what is read, for every kind, up to what each can hold.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use shared::domain::id::{Side, Timestamp};
use shared::domain::value::Kind;

use super::*;

const ROUNDS: usize = 150;

/// Any text without a NUL, which is no value of a text.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        r#"[aAäÄ '"\\%_\n\t😀𝕏\u{202e}é]{0,20}"#,
        any::<String>().prop_map(|text| text.chars().filter(|c| *c != '\0').take(20).collect()),
    ]
}

/// A wire value of each column of `customers` that takes any value of its kind.
fn customer() -> impl Strategy<Value = Map<String, Json>> {
    let decimal = prop_oneof![
        (-792281625142643375935439503_i128..=792281625142643375935439503).prop_map(decimal),
        (-100_000_i128..100_000).prop_map(decimal),
        Just("0.00".to_string()),
    ];
    let day =
        (-719_162_i64..=2_932_896).prop_map(|day| Timestamp(day * 86_400_000).to_string()[..10].to_string());
    let moment = (-62_135_596_800_000_i64..=253_402_300_799_999).prop_map(|at| Timestamp(at).to_string());
    let tags = prop::collection::btree_set(text(), 0..5);
    (
        prop::option::of(text()),
        prop::option::of(prop_oneof![text(), Just("😀".repeat(70_000))]),
        prop::option::of(decimal),
        prop::option::of(prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)]),
        prop::option::of(any::<bool>()),
        prop::option::of(day),
        prop::option::of(moment),
        prop::option::of(text()),
        prop::option::of(tags),
    )
        .prop_map(|(company, notes, credit, employees, inactive, since, seen_at, tier, tags)| {
            map(json!({
                "company": company, "notes": notes, "credit_limit": credit, "employees": employees,
                "inactive": inactive, "since": since, "seen_at": seen_at, "tier": tier, "tags": tags,
            }))
        })
}

fn decimal(cents: i128) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

fn canonical(record_type: &str, values: &Map<String, Json>) -> Map<String, Json> {
    let account = account();
    let surface = account.types.values().find(|surface| surface.record_type.as_str() == record_type).unwrap();
    let canonical = |field: &shared::domain::surface::Field| {
        let json = values.get(&field.suitex).unwrap_or(&Json::Null);
        let value = field.kind.parse(Side::SuiteX, json).unwrap();
        (field.suitex.clone(), field.kind.render(Side::SuiteX, &value))
    };
    surface.fields.iter().map(canonical).collect()
}

fn runner() -> TestRunner {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, seed)
}

#[tokio::test]
async fn what_is_written_is_what_is_read_and_what_is_told() {
    let tenant = Tenant::fresh().await;
    let mut runner = runner();
    for round in 0..ROUNDS {
        let (first, second) = (customer(), customer()).new_tree(&mut runner).unwrap().current();
        let Applied::Done(Some(row)) = tenant
            .apply(
                "customers",
                Change::Create {
                    sync_id: format!("c{round}"),
                    values: first.clone(),
                    unless: Default::default(),
                },
            )
            .await
        else {
            panic!("{first:?}")
        };
        assert_eq!(row.values, canonical("customer", &first), "round {round}");
        let expected = row.values.clone();
        let change = Change::Update { id: row.id, revision: row.revision, expected, values: second.clone() };
        let Applied::Done(Some(row)) = tenant.apply("customers", change).await else { panic!("{second:?}") };
        assert_eq!(row.values, canonical("customer", &second), "round {round}");
        assert_eq!(tenant.row("customers", &row.id).await, row);
        tenant.app.edit(&acme(), "customer", &row.id, &first, "ann").await.unwrap();
        let (first, second) = (canonical("customer", &first), canonical("customer", &second));
        let news = tenant.news().await;
        for name in first.keys() {
            let created = if first[name].is_null() { None } else { Some(&first[name]) };
            assert_eq!(news[0].changes.get(name), created, "round {round}: {name}");
            // What a person has set back.
            let told = news.get(1).map(|row| (row.changes.get(name), row.previous.get(name)));
            let is_changed = first[name] != second[name];
            let changed = (is_changed.then_some(&first[name]), is_changed.then_some(&second[name]));
            assert_eq!(told.unwrap_or_default(), changed, "round {round}: {name}");
        }
    }
}

#[tokio::test]
async fn lines_are_read_as_they_were_written() {
    let tenant = Tenant::fresh().await;
    tenant.add("item", json!({})).await;
    let mut runner = runner();
    let line = (text(), any::<Option<i64>>(), any::<bool>())
        .prop_map(|(what, n, is_done)| json!([what, n, is_done]));
    let lists =
        (prop::collection::vec(line, 0..30), prop::collection::btree_set("[a-zA-Z äÄ.-]{1,6}", 0..30));
    let row = tenant.add("salesorder", json!({})).await;
    let mut known = row;
    for round in 0..40 {
        let (lines, keys): (Vec<Json>, BTreeSet<String>) = lists.new_tree(&mut runner).unwrap().current();
        let steps: Vec<_> = lines.iter().map(|l| json!({"what": l[0], "done": l[2]})).collect();
        let keyed: Vec<_> = keys
            .iter()
            .zip(&lines)
            .map(|(key, l)| json!({"line_key": key, "quantity": l[1], "rate": "1.5", "item_id": 1}))
            .collect();
        let values = map(json!({"lines": keyed, "steps": steps}));
        let (id, revision, expected) = (known.id.clone(), known.revision, known.values.clone());
        let change = Change::Update { id, revision, expected, values: values.clone() };
        let Applied::Done(Some(row)) = tenant.apply("sales_orders", change).await else {
            panic!("{values:?}")
        };
        assert_eq!(row.values, canonical("salesorder", &values), "round {round}");
        known = row;
    }
}

#[tokio::test]
async fn what_a_column_cannot_hold_is_refused_and_never_cut() {
    let tenant = Tenant::fresh().await;
    for (column, value) in [
        ("since", json!("12000-01-01")),
        ("seen_at", json!("-000001-01-01T00:00:00Z")),
        ("tier", json!("x".repeat(256))),
    ] {
        let applied = tenant.apply("customers", creation("7", json!({column: value}))).await;
        assert_eq!(refusal(applied), ("invalid_value".to_string(), Some(column.to_string())), "{column}");
    }
}

#[tokio::test]
async fn a_decimal_is_exact_at_every_scale() {
    let rows = (0..=12).map(|scale| format!("d{scale} = {{ type = \"decimal\", scale = {scale} }}\n"));
    let fields: String = rows.collect();
    let config = format!("[account.acme]\n[type.t]\n[type.t.fields]\n{fields}");
    let config = SyncConfig::parse(&config).unwrap();
    let account = &config.accounts[&acme()];
    let database = Database::fresh(Schema::Tenant).await;
    run(&database.pool, &business_tables(account)).await.unwrap();
    run(&database.pool, &ddl(account)).await.unwrap();
    let addresses = TenantAddresses([(acme(), database.url())].into());
    let tenants = MysqlTenants::new(&config, &addresses).unwrap();
    for digits in ["79228162514264337593543950335", "-79228162514264337593543950335", "1", "-1", "0"] {
        let mut values = Map::new();
        for field in &account.types.values().next().unwrap().fields {
            let Kind::Decimal { scale } = field.kind else { unreachable!() };
            let number = digits.parse::<i128>().unwrap();
            let unit = 10_i128.pow(scale);
            let sign = if number < 0 { "-" } else { "" };
            let (whole, rest) = ((number / unit).abs(), (number % unit).abs());
            let rest =
                if scale == 0 { String::new() } else { format!(".{rest:0width$}", width = scale as usize) };
            values.insert(field.suitex.clone(), json!(format!("{sign}{whole}{rest}")));
        }
        let sync_id = format!("c{digits}");
        let change = Change::Create { sync_id, values: values.clone(), unless: Default::default() };
        let Applied::Done(Some(row)) = tenants.apply(&acme(), "t", uuid::Uuid::nil(), &change).await.unwrap()
        else {
            panic!("{values:?}")
        };
        assert_eq!(row.values, values);
    }
}

/// A raw edit may leave what the kind of the field refuses; it is shown as it is, and no other field suffers.
#[tokio::test]
async fn what_is_no_value_of_its_kind_is_shown_as_it_is() {
    let tenant = Tenant::fresh().await;
    tenant.sql("alter table customers modify company varchar(400)").await;
    tenant.sql("insert into customers (company, employees) values (repeat('x', 21), 3)").await;
    let row = tenant.row("customers", "1").await;
    assert_eq!((&row.values["company"], &row.values["employees"]), (&json!("x".repeat(21)), &json!(3)));
    assert_eq!(tenant.outbox().await[0].changes["company"], json!("x".repeat(21)));
    let change = update("1", 1, json!({"company": "x".repeat(21)}), json!({"company": "y"}));
    let Applied::Done(Some(row)) = tenant.apply("customers", change).await else { panic!("written") };
    assert_eq!(row.values["company"], json!("y"));
}
