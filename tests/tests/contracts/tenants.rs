//! `Tenants`: which rows forbid a create, by text that was stored with blanks around it. The other checks of this port
//! are `tests/real/tests/tenants`, which also compares the simulated SuiteX with MySQL step by step.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use shared::domain::identity::Unless;
use shared::domain::surface::SyncConfig;
use shared::suitex::{Applied, Change, Tenants};
use uuid::Uuid;

use crate::{acme, rows};

const CONFIG: &str = r#"
[account.acme]

[type.customer]
suitex = "customers"
match = ["name", ["first", "last"]]

[type.customer.fields]
name = { type = "text", max = 200 }
first = { type = "text", max = 200 }
last = { type = "text" }
"#;

pub(crate) fn config() -> Arc<SyncConfig> {
    Arc::new(SyncConfig::parse(CONFIG).expect("a configuration"))
}

fn map(json: Json) -> Map<String, Json> {
    json.as_object().expect("an object").clone()
}

async fn create(tenants: &dyn Tenants, mark: &str, values: Json, keys: &[Json]) -> Applied {
    let unless = Unless { keys: keys.iter().cloned().map(map).collect(), except: Vec::new() };
    let change = Change::Create { sync_id: mark.into(), values: map(values), unless };
    tenants.apply(&acme(), "customers", Uuid::nil(), &change).await.expect("an answer")
}

/// Whether a row that holds `stored` forbids a create of `asked`; what was stored stays.
async fn forbids(tenants: &dyn Tenants, mark: &str, stored: Json, asked: Json) -> bool {
    let Applied::Done(Some(row)) = create(tenants, &format!("stored {mark}"), stored, &[]).await else {
        panic!("stored")
    };
    match create(tenants, &format!("asked {mark}"), json!({}), &[asked]).await {
        Applied::Twins(rows) => {
            assert_eq!(rows.iter().map(|found| &found.id).collect::<Vec<_>>(), [&row.id]);
            true
        }
        Applied::Done(Some(_)) => false,
        other => panic!("{other:?}"),
    }
}

/// Texts around which there are blanks, `*` being the text; and whether a row that holds it is found.
const STORED: [(&str, bool); 30] = [
    ("*", true),
    ("* ", true),
    (" *", true),
    ("  *   ", true),
    ("        *", true),
    ("         *", false),
    ("*\t", true),
    ("*\r\n", true),
    ("*\n \n", true),
    ("*  \t ", true),
    ("*\u{a0}", true),
    ("*\u{a0} \u{a0}", true),
    ("\u{a0}*", true),
    ("\t*", true),
    ("\n*", true),
    ("\r\n*\r\n", true),
    ("\t\t*", false),
    (" \t*", false),
    ("*\u{2003}", false),
    ("*\u{b}", false),
    ("* \u{c}", false),
    ("\u{b}*", false),
    ("x*", false),
    (" x*", false),
    ("*x", false),
    ("* x", false),
    ("*  x", false),
    (" *x", false),
    (" * x", false),
    ("**", false),
];

#[test]
fn a_row_is_found_by_text_that_was_stored_with_blanks_around_it() {
    for row in rows::tenants() {
        row.check(async |tenants| {
            for (nth, (stored, found)) in STORED.iter().enumerate() {
                // A name of its own, with what a pattern could take for more than it is.
                let (ada, eve) = (format!("Ada_{nth}%\\"), format!("Eve_{nth}%\\"));
                let asked = [ada.to_uppercase(), format!(" {eve}\t")];
                for (name, asked) in [ada, eve].into_iter().zip(asked) {
                    let stored = json!({"name": stored.replace('*', &name)});
                    let is_found = forbids(tenants, &name, stored.clone(), json!({"name": asked})).await;
                    assert_eq!(is_found, *found, "{stored} by {asked:?}");
                }
            }
        });
    }
}

#[test]
fn each_text_of_a_key_is_found_so() {
    for row in rows::tenants() {
        row.check(async |tenants| {
            let asked = |nth: usize| json!({"first": format!("ada{nth}"), "last": "Smith"});
            for (nth, (first, last, found)) in [
                (" Ada0 ", "\tsmith\r\n", true),
                ("Ada1", " Smith", true),
                ("Ada2 ", "Smith  x", false),
                ("Ada3", "\t\tSmith", false),
            ]
            .into_iter()
            .enumerate()
            {
                let stored = json!({"first": first, "last": last});
                assert_eq!(forbids(tenants, first, stored, asked(nth)).await, found, "{first:?} {last:?}");
            }
        });
    }
}

#[test]
fn many_rows_that_are_nearly_it_do_not_hide_the_one_that_is() {
    for row in rows::tenants() {
        row.check(async |tenants| {
            for nth in 0..1_100 {
                let values = json!({"name": format!(" Ada {nth}")});
                create(tenants, &format!("near{nth}"), values, &[]).await;
            }
            assert!(forbids(tenants, "it", json!({"name": " Ada "}), json!({"name": "Ada"})).await);
        });
    }
}
