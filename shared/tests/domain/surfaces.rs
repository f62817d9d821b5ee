//! `sync.toml`: what it may not say, and what the message then is.

use shared::domain::id::{AccountId, RecordType, Side};
use shared::domain::surface::{
    Coalescing, DeleteRule, Direction, Limits, Policy, Risk, SyncConfig, TypeSurface,
};

fn refusal(text: &str) -> String {
    match SyncConfig::parse(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(refused) => refused.to_string(),
    }
}

fn parse(text: &str) -> SyncConfig {
    SyncConfig::parse(text).unwrap_or_else(|refused| panic!("{refused}\n{text}"))
}

fn of(config: &SyncConfig, account: &str, record_type: &str) -> TypeSurface {
    let (account, record_type) =
        (AccountId::parse(account).unwrap(), RecordType::parse(record_type).unwrap());
    config.surface(&account, &record_type).expect("configured").as_ref().clone()
}

#[test]
fn a_bad_file_is_refused_with_the_place_and_the_reason() {
    // What follows `[account.a]`, and what the message must hold.
    for (text, expected) in [
        ("colour = 1", &["line 2", "unknown field `colour`"][..]),
        ("limits = { concurency = 3 }", &["line 2", "concurency"]),
        ("[coalescing]\nquiet = 1", &["line 3", "quiet"]),
        ("[type.t]\nnetsuite = \"t\"", &["missing field `fields`"]),
        ("[type.t.fields]\nf = { type = \"money\" }", &["line 3", "unknown variant `money`"]),
        ("[type.t.fields]\nf = { type = \"text\", policy = \"newest\" }", &["line 3", "newest"]),
        ("[type.t.fields]\nf = { type = \"text\", riks = \"low\" }", &["line 3", "riks"]),
        (
            "[type.t]\ndelete = { netsuite = \"forget\" }\n[type.t.fields]\nf = { type = \"text\" }",
            &["line 3", "forget"],
        ),
        ("[type.\"a b\".fields]\nf = { type = \"text\" }", &["record type", "a b"]),
        ("[account.\"a:b\"]", &["account", "a:b"]),
        (
            "[type.t.fields]\nf = { type = \"text\", policy = \"union\" }",
            &["account a", "type t", "field f", "multiselects only"],
        ),
        ("[type.t.fields]\nf = { type = \"text\", scale = 2 }", &["type t", "field f", "scale does not go"]),
        ("[type.t.fields]\nf = { type = \"integer\", max = 2 }", &["field f", "max does not go"]),
        ("[type.t.fields]\nf = { type = \"text\", options = [\"a\"] }", &["field f", "options does not go"]),
        ("[type.t.fields]\nf = { type = \"text\", to = \"t\" }", &["field f", "to does not go"]),
        (
            "[type.t.fields]\nf = { type = \"text\", columns = { a = { type = \"text\" } } }",
            &["columns does not go"],
        ),
        ("[type.t.fields]\nf = { type = \"decimal\", scale = 13 }", &["field f", "between 0 and 12"]),
        ("[type.t.fields]\nf = { type = \"reference\" }", &["field f", "needs to ="]),
        (
            "[type.t.fields]\nf = { type = \"reference\", to = \"u\" }",
            &["field f", "u", "not a configured type"],
        ),
        ("[type.t.fields]\nf = { type = \"lines\" }", &["field f", "lines need columns"]),
        (
            "[type.t.fields]\nf = { type = \"lines\", columns = { c = { type = \"lines\", columns = { d = { type = \"text\" } } } } }",
            &["field f", "column c", "lines within lines"],
        ),
        (
            "[type.t.fields]\nf = { type = \"lines\", columns = { c = { type = \"reference\", to = \"u\" } } }",
            &["field f", "column c", "not a configured type"],
        ),
        (
            "[type.t.fields]\na = { type = \"text\", group = \"g\", policy = \"manual\" }\nb = { type = \"text\", group = \"g\" }",
            &["type t", "a and b are in one group"],
        ),
        (
            "[type.t.fields]\na = { type = \"text\", group = \"g\", risk = \"high\" }\nb = { type = \"text\", group = \"g\" }",
            &["a and b are in one group"],
        ),
        (
            "[type.t.fields]\na = { type = \"text\", group = \"g\", direction = \"to_suitex\" }\nb = { type = \"text\", group = \"g\" }",
            &["a and b are in one group"],
        ),
        (
            "[type.t.fields]\na = { type = \"multiselect\", group = \"g\", policy = \"union\" }\nb = { type = \"multiselect\", group = \"g\", policy = \"union\" }",
            &["field a", "cannot be part of a group"],
        ),
        (
            "[type.t.fields]\na = { type = \"text\" }\nb = { type = \"text\", suitex = \"a\" }",
            &["type t", "two fields are called \"a\" in suitex"],
        ),
        (
            "[type.t.fields]\na = { type = \"text\", netsuite = \"b\" }\nb = { type = \"text\" }",
            &["called \"b\" in netsuite"],
        ),
        (
            "[type.t]\ninactive = \"f\"\n[type.t.fields]\nf = { type = \"text\" }",
            &["type t", "\"f\" names no boolean field"],
        ),
        (
            "[type.t]\ninactive = \"g\"\n[type.t.fields]\nf = { type = \"boolean\" }",
            &["\"g\" names no boolean field"],
        ),
        (
            "[type.t]\ndelete = { suitex = \"inactivate\" }\n[type.t.fields]\nf = { type = \"text\" }",
            &["inactivate needs inactive"],
        ),
        (
            "overrides = { \"t.g\" = { risk = \"low\" } }\n[type.t.fields]\nf = { type = \"text\" }",
            &["account a", "\"t.g\" names no type.field"],
        ),
        (
            "overrides = { \"f\" = { risk = \"low\" } }\n[type.t.fields]\nf = { type = \"text\" }",
            &["\"f\" names no type.field"],
        ),
        (
            "overrides = { \"t.f\" = { policy = \"union\" } }\n[type.t.fields]\nf = { type = \"text\" }",
            &["account a", "multiselects only"],
        ),
        (
            "[type.t.fields]\nf = { type = \"reference\", to = \"t\", required = true }",
            &["required references lead from t back to t"],
        ),
        (
            "[type.t.fields]\nf = { type = \"reference\", to = \"u\", required = true }\n[type.u.fields]\nl = { type = \"lines\", required = true, columns = { c = { type = \"reference\", to = \"t\" } } }",
            &["required references lead from t back to t"],
        ),
    ] {
        let message = refusal(&format!("[account.a]\n{text}"));
        for part in expected {
            assert!(message.contains(part), "{text}\n→ {message}\nlacks {part:?}");
        }
    }
    assert!(refusal("[type.t.fields]\nf = { type = \"text\" }").contains("no [account.<id>]"));
}

#[test]
fn what_looks_like_a_required_cycle_and_is_none_is_accepted() {
    for text in [
        "[type.t.fields]\nf = { type = \"reference\", to = \"t\" }",
        "[type.t.fields]\nf = { type = \"reference\", to = \"u\", required = true }\n[type.u.fields]\nf = { type = \"reference\", to = \"t\" }",
        "[type.t.fields]\nf = { type = \"reference\", to = \"u\", required = true }\n[type.u.fields]\ng = { type = \"text\" }",
    ] {
        parse(&format!("[account.a]\n{text}"));
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let config = parse("[account.a]\n[type.t.fields]\nb = { type = \"decimal\" }\na = { type = \"text\" }");
    let (account, surface) = (&config.accounts[&AccountId::parse("a").unwrap()], of(&config, "a", "t"));
    assert_eq!((config.coalescing, account.limits), (Coalescing::default(), Limits::default()));
    assert_eq!(account.netsuite_account, "a");
    assert_eq!((surface.netsuite.as_str(), surface.suitex.as_str(), surface.priority), ("t", "t", 5));
    assert_eq!((surface.delete.netsuite, surface.delete.suitex), (DeleteRule::Ask, DeleteRule::Propagate));
    let field = &surface.fields[0];
    assert_eq!(
        (&*field.name, field.netsuite.as_str(), field.suitex.as_str()),
        ("a", "a", "a"),
        "sorted by name"
    );
    assert_eq!(
        (field.policy, field.risk, field.direction),
        (Policy::NetsuiteWins, Risk::Low, Direction::Both)
    );
    assert_eq!(surface.units, [[0], [1]]);
}

#[test]
fn an_override_changes_one_account() {
    let text = "[account.a]\n[account.b]\noverrides = { \"t.f\" = { policy = \"manual\", risk = \"high\", direction = \"to_suitex\" } }\n\
                [type.t.fields]\nf = { type = \"text\" }";
    let config = parse(text);
    for (account, policy, risk, direction) in [
        ("a", Policy::NetsuiteWins, Risk::Low, Direction::Both),
        ("b", Policy::Manual, Risk::High, Direction::ToSuitex),
    ] {
        let field = &of(&config, account, "t").fields[0];
        assert_eq!((field.policy, field.risk, field.direction), (policy, risk, direction), "{account}");
    }
}

#[test]
fn the_real_file_is_accepted_and_finds_its_fields_by_every_name() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/sync.toml");
    let config = parse(&std::fs::read_to_string(path).expect("the file is there"));
    assert_eq!(config.accounts.len(), 2);
    for account in config.accounts.values() {
        for surface in account.types.values() {
            for (at, field) in surface.fields.iter().enumerate() {
                assert_eq!(surface.field(&field.name), Some(at));
                for side in Side::BOTH {
                    assert_eq!(
                        surface.field_on(side, field.name_on(side)),
                        Some(at),
                        "{} {side}",
                        field.name
                    );
                }
                assert!(surface.units[field.unit].contains(&at));
            }
            let mut grouped: Vec<_> = surface.units.concat();
            grouped.sort_unstable();
            assert_eq!(grouped, (0..surface.fields.len()).collect::<Vec<_>>(), "each field is in one unit");
        }
    }
    let customer = of(&config, "acme", "customer");
    let address = customer.units.iter().find(|unit| unit.len() > 1).expect("the address");
    assert_eq!(address.len(), 5);
    let email = customer.field("email").unwrap();
    assert_eq!(customer.fields[email].policy, Policy::SuitexWins);
    assert_eq!(of(&config, "globex", "customer").fields[email].policy, Policy::Manual);
}
