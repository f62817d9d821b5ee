use super::*;
use crate::domain::absorb::{absorb, absorb_override};
use crate::domain::conflict::Override;
use crate::domain::id::{AccountId, RecordType, Revision};
use crate::domain::news::{Fact, News, Standing};
use crate::domain::record::Span;
use crate::domain::surface::SyncConfig;
use crate::domain::value::Value;

const SIDE: Side = Side::NetSuite;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A record of one side, which tells these values of it.
fn born(surface: &TypeSurface, side: Side, id: &str, values: &[(&str, &str)]) -> Record {
    let (account, kind) = (AccountId::parse("acme").unwrap(), surface.record_type.clone());
    let mut record = Record::new(RecordKey::new(account, kind, CanonicalId::parse(id).unwrap()), surface);
    let values = values.iter().map(|(name, value)| (surface.field(name).unwrap(), text(value))).collect();
    let news = News {
        side,
        id: SideId::parse(id).unwrap(),
        fact: Fact::Holds { values, full: true },
        revision: Some(Revision(1)),
        span: Span::at(Timestamp(1_000)),
        standing: Standing::Heard,
        operation: None,
        cause: derived_id("test", &[id]),
    };
    absorb(&mut record, &news, surface);
    record
}

#[test]
fn what_a_person_has_set_in_a_record_of_one_side_is_not_lost_with_it() {
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
    let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    let surface = config.surface(&account, &kind).unwrap();
    let mine = born(surface, Side::SuiteX, "sx-1", &[("email", "a@b.c")]);
    let mut owner = born(surface, SIDE, "7", &[("email", "a@b.c"), ("phone", "1")]);
    let of = |owner: &Record| owner_of(&mine, SIDE, Arc::new(owner.clone()), surface);
    assert!(matches!(of(&owner), Owner::Alone(_)), "{:?}", of(&owner));

    let phone = surface.field("phone").unwrap();
    let overriding = Override { version: owner.version, fields: vec![(phone, text("2"))], unlock: false };
    absorb_override(&mut owner, &overriding, Timestamp(2_000), surface);
    assert!(matches!(of(&owner), Owner::Undecided(_)), "it is not written yet: {:?}", of(&owner));

    owner.sides[SIDE].shadow[phone] = text("2");
    assert!(matches!(of(&owner), Owner::Alone(_)), "{:?}", of(&owner));
    // The side's own form of what was written will do.
    owner.sides[SIDE].shadow[phone] = text("+2");
    owner.sides[SIDE].learn(phone, text("2"), text("+2"));
    assert!(matches!(of(&owner), Owner::Alone(_)), "{:?}", of(&owner));
}
