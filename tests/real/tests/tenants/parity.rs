//! The same work on the simulated SuiteX and on MySQL, step by step: every answer is the same.
//!
//! What may differ: the texts of refusals, times, and positions in the outbox (MySQL's have gaps).

use std::collections::BTreeMap;

use local::suitex::SuiteX;
use serde_json::json;
use shared::domain::id::Timestamp;
use shared::runtime::clock::{BoxFuture, Clock};

use super::*;

const STEPS: usize = 400;
const TABLES: [(&str, &str); 3] =
    [("customer", "customers"), ("item", "items"), ("salesorder", "sales_orders")];

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_790_000_000_000)
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Step {
    Add { of: usize, values: Map<String, Json> },
    Edit { of: usize, id: String, values: Map<String, Json> },
    Remove { of: usize, id: String },
    Apply { of: usize, change: Change },
    Look { of: usize, id: String, sync_id: bool },
    List { of: usize },
    Relay { most: usize },
}

/// What is answered, without what may differ.
#[derive(Debug, PartialEq)]
enum Answer {
    Applied(Applied),
    Person(Result<Option<Row>, (String, Option<String>)>),
    Look(Look),
    List(Vec<Row>),
    Relay(Vec<Json>),
}

#[tokio::test]
async fn mysql_answers_as_the_simulated_suitex_does() {
    let tenant = Tenant::fresh().await;
    for seed in 1..=6 {
        let simulated = SuiteX::new(config(), Arc::new(Still));
        clear(&tenant).await;
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let mut told = Vec::new();
        for at in 0..STEPS {
            let step = dice.step(&simulated);
            told.push(step.clone());
            let expected = on_simulation(&simulated, &step).await;
            let found = on_mysql(&tenant, &step).await;
            if found != expected {
                let before = &told[told.len().saturating_sub(6)..];
                panic!("seed {seed}, step {at}: {before:#?}\nsimulated {expected:#?}\nmysql     {found:#?}");
            }
            if let Some(of) = refused_insert(&step, &found) {
                align_ids(&tenant, TABLES[of].1).await;
            }
        }
        for (of, (record_type, _)) in TABLES.iter().enumerate() {
            let rows = simulated.all(&acme(), record_type);
            assert_eq!(on_mysql(&tenant, &Step::List { of }).await, Answer::List(rows), "seed {seed}");
        }
        assert_eq!(tenant.app.sync_writes(&acme()).await, Ok(simulated.sync_writes(&acme())), "seed {seed}");
        assert_eq!(
            tenant.app.outbox_len(&acme()).await,
            Ok(simulated.outbox_len(&acme()) as u64),
            "seed {seed}"
        );
        assert!(simulated.sync_writes(&acme()) > 30, "seed {seed}: the sync hardly ever wrote");
    }
}

async fn clear(tenant: &Tenant) {
    let lists = ["sales_orders_lines", "sales_orders_steps"];
    let own = ["sync_rows", "outbox_events", "synced_events"];
    let mut all = vec!["set foreign_key_checks = off".to_string()];
    for table in TABLES.iter().map(|(_, table)| table).chain(&lists).chain(&own) {
        all.push(format!("truncate table {table}"));
    }
    all.push("set foreign_key_checks = on".to_string());
    tenant.sql(&all.join("; ")).await;
}

/// The table that refused a new row: that costs MySQL an id, and the simulation none.
fn refused_insert(step: &Step, answer: &Answer) -> Option<usize> {
    let of = match step {
        Step::Add { of, .. } | Step::Apply { of, change: Change::Create { .. } } => *of,
        _ => return None,
    };
    matches!(answer, Answer::Applied(Applied::Refused { .. }) | Answer::Person(Err(_))).then_some(of)
}

async fn align_ids(tenant: &Tenant, table: &str) {
    let next = format!(
        "select cast(coalesce(max(row_id), 0) + 1 as signed) from sync_rows where table_name = '{table}'"
    );
    let next: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(next)).fetch_one(&tenant.database.pool).await.unwrap();
    tenant.sql(&format!("alter table {table} auto_increment = {next}")).await;
}

async fn on_simulation(suitex: &SuiteX, step: &Step) -> Answer {
    let person = |result: Result<Option<Row>, local::suitex::Problem>| {
        let code = |problem: local::suitex::Problem| {
            (problem.kind.trim_start_matches("urn:suitex:problem:").to_string(), problem.field)
        };
        Answer::Person(result.map_err(code))
    };
    match step {
        Step::Add { of, values } => person(suitex.create(&acme(), TABLES[*of].0, values, "ann").map(Some)),
        Step::Edit { of, id, values } => {
            person(suitex.edit(&acme(), TABLES[*of].0, id, values, "ann").map(Some))
        }
        Step::Remove { of, id } => person(suitex.delete(&acme(), TABLES[*of].0, id, "ann").map(|()| None)),
        Step::List { of } => Answer::List(suitex.all(&acme(), TABLES[*of].0)),
        step => on_port(suitex, step).await,
    }
}

async fn on_mysql(tenant: &Tenant, step: &Step) -> Answer {
    use mysql::tenant::Obstacle;
    let person = |result: Result<Option<Row>, Obstacle>| {
        Answer::Person(result.map_err(|obstacle| match obstacle {
            Obstacle::NoRow { .. } => ("not_found".to_string(), None),
            Obstacle::Deleted { .. } => ("deleted".to_string(), None),
            Obstacle::Refused(refusal) => (refusal.code, refusal.field),
            other => panic!("{other}"),
        }))
    };
    let app = &tenant.app;
    match step {
        Step::Add { of, values } => person(app.create(&acme(), TABLES[*of].0, values, "ann").await.map(Some)),
        Step::Edit { of, id, values } => {
            person(app.edit(&acme(), TABLES[*of].0, id, values, "ann").await.map(Some))
        }
        Step::Remove { of, id } => person(app.delete(&acme(), TABLES[*of].0, id, "ann").await.map(|()| None)),
        Step::List { of } => Answer::List(app.list(&acme(), TABLES[*of].0, 0, 10_000).await.unwrap()),
        step => on_port(&*tenant.tenants, step).await,
    }
}

async fn on_port(tenants: &dyn Tenants, step: &Step) -> Answer {
    match step {
        Step::Apply { of, change } => {
            let applied = tenants.apply(&acme(), TABLES[*of].1, uuid::Uuid::nil(), change).await.unwrap();
            Answer::Applied(match applied {
                Applied::Refused { code, field, .. } => {
                    Applied::Refused { code, field, message: String::new() }
                }
                other => other,
            })
        }
        Step::Look { of, id, sync_id } => {
            let by = if *sync_id { By::SyncId(id) } else { By::Id(id) };
            Answer::Look(tenants.read(&acme(), TABLES[*of].1, by).await.unwrap())
        }
        Step::Relay { most } => {
            let rows = tenants.outbox(&acme(), *most).await.unwrap().rows;
            let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
            assert!(seqs.is_sorted(), "{seqs:?}");
            tenants.dispatched(&acme(), &seqs).await.unwrap();
            let plain = |row: OutboxRow| json!(OutboxRow { seq: 0, at: Timestamp(0), ..row });
            Answer::Relay(rows.into_iter().map(plain).collect())
        }
        Step::Add { .. } | Step::Edit { .. } | Step::Remove { .. } | Step::List { .. } => unreachable!(),
    }
}

/// Draws steps that meet: few ids, few values, and what is there now about as often as not.
struct Dice(fastrand::Rng);

impl Dice {
    fn step(&mut self, suitex: &SuiteX) -> Step {
        let of = self.0.usize(0..TABLES.len());
        match self.0.u32(0..100) {
            0..18 => Step::Add { of, values: self.values(of, 70) },
            18..36 => Step::Edit { of, id: self.id(of, suitex), values: self.values(of, 40) },
            36..41 => Step::Remove { of, id: self.id(of, suitex) },
            41..52 => Step::Apply { of, change: self.creation(of) },
            52..76 => Step::Apply { of, change: self.update(of, suitex) },
            76..82 => Step::Apply { of, change: self.deletion(of, suitex) },
            82..86 => Step::Look { of, id: self.id(of, suitex), sync_id: false },
            86..90 => Step::Look { of, id: self.sync_id(), sync_id: true },
            90..92 => Step::List { of },
            _ => Step::Relay { most: self.0.usize(1..30) },
        }
    }

    fn creation(&mut self, of: usize) -> Change {
        Change::Create { sync_id: self.sync_id(), values: self.values(of, 70), unless: Default::default() }
    }

    fn update(&mut self, of: usize, suitex: &SuiteX) -> Change {
        let (id, revision, expected) = self.known(of, suitex);
        Change::Update { id, revision, expected, values: self.values(of, 40) }
    }

    fn deletion(&mut self, of: usize, suitex: &SuiteX) -> Change {
        let (id, revision, expected) = self.known(of, suitex);
        Change::Delete { id, revision, expected }
    }

    /// Some row as the sync may know it: mostly as it is, sometimes as it was or never was.
    fn known(&mut self, of: usize, suitex: &SuiteX) -> (String, Revision, Map<String, Json>) {
        let id = self.id(of, suitex);
        let Some(row) = suitex.row(&acme(), TABLES[of].0, &id) else {
            return (id, Revision(self.0.i64(0..4)), Map::new());
        };
        let stale = i64::from(self.0.u32(0..8) == 0);
        let mut expected = row.values;
        expected.retain(|_, _| self.0.u32(0..3) > 0);
        if self.0.u32(0..8) == 0 {
            expected.extend(self.values(of, 20));
        }
        (id, Revision(row.revision.0 - stale), expected)
    }

    fn id(&mut self, of: usize, suitex: &SuiteX) -> String {
        let rows = suitex.all(&acme(), TABLES[of].0);
        match self.0.u32(0..10) {
            0 => self.0.choice(["0", "01", "x", "1x", "999999"]).unwrap_or_default().to_string(),
            1 => self.0.u32(1..40).to_string(),
            _ if rows.is_empty() => "1".to_string(),
            _ => rows[self.0.usize(0..rows.len())].id.clone(),
        }
    }

    fn sync_id(&mut self) -> String {
        format!("c{}", self.0.u32(0..25))
    }

    /// Each column by `chance` in a hundred. One in ten sets of values has something wrong in it.
    fn values(&mut self, of: usize, chance: u32) -> Map<String, Json> {
        let columns: BTreeMap<&str, Vec<Json>> = match of {
            0 => customer_values(),
            1 => BTreeMap::from([("name", texts())]),
            _ => BTreeMap::from([
                ("customer_id", references()),
                ("memo", texts()),
                ("lines", self.lists(true)),
                ("steps", self.lists(false)),
            ]),
        };
        let mut values = Map::new();
        for (name, choices) in columns {
            if self.0.u32(0..100) < chance {
                values.insert(name.to_string(), choices[self.0.usize(0..choices.len())].clone());
            }
        }
        if self.0.u32(0..10) == 0 {
            let (name, value) = self.wrong(of);
            values.insert(name.to_string(), value);
        }
        values
    }

    fn wrong(&mut self, of: usize) -> (&'static str, Json) {
        let mut choices = vec![("colour", json!("red"))];
        match of {
            0 => choices.extend([
                ("company", json!("x".repeat(21))),
                ("credit_limit", json!("five")),
                ("since", json!("2026-02-30")),
                ("parent_id", json!("999")),
            ]),
            1 => choices.push(("name", json!({}))),
            _ => choices.extend([
                ("lines", json!([{"line_key": "a", "colour": "red"}])),
                ("lines", json!([{"line_key": "a"}, {"line_key": "a"}])),
                ("lines", json!([{"line_key": "a", "item_id": "999"}])),
                ("customer_id", json!("999")),
            ]),
        }
        choices.swap_remove(self.0.usize(0..choices.len()))
    }

    fn lists(&mut self, with_key: bool) -> Vec<Json> {
        let quantities = [json!(1), json!(2), json!("2.0"), json!(null)];
        let mut list = Vec::new();
        for key in ["a", "A", "b", "44", "c "] {
            let quantity = &quantities[self.0.usize(0..quantities.len())];
            let line = match with_key {
                true => json!({"line_key": key, "quantity": quantity, "rate": self.0.u32(0..3)}),
                false => json!({"what": key, "done": self.0.bool()}),
            };
            if self.0.bool() {
                list.insert(self.0.usize(0..=list.len()), line);
            }
        }
        vec![json!(list), json!(list), json!([]), json!(null)]
    }
}

fn customer_values() -> BTreeMap<&'static str, Vec<Json>> {
    BTreeMap::from([
        ("company", texts()),
        ("notes", texts()),
        ("credit_limit", vec![json!(5), json!("5.00"), json!("-0.001"), json!(7.25), json!(null)]),
        ("employees", vec![json!(1), json!("1"), json!(i64::MIN), json!(null)]),
        ("inactive", vec![json!("T"), json!(true), json!(false), json!(null)]),
        ("since", vec![json!("2026-02-28"), json!("1999-12-31"), json!(null)]),
        ("seen_at", vec![json!("2026-02-28T01:00:00Z"), json!("2026-02-28T02:00:00.000+01:00"), json!("")]),
        ("tier", texts()),
        ("tags", vec![json!(["b", "a"]), json!(["a", "b"]), json!(["A"]), json!([]), json!(null)]),
        ("parent_id", references()),
    ])
}

fn texts() -> Vec<Json> {
    ["", "A", "a", "a ", "ä", "😀", "it's \\", "\u{0}"]
        .map(Json::from)
        .into_iter()
        .chain([Json::Null])
        .collect()
}

/// To rows that are mostly there.
fn references() -> Vec<Json> {
    vec![json!("1"), json!(2), json!("3"), json!(null), json!(null)]
}
