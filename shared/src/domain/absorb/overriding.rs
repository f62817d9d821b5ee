//! An admin sets values, whatever policy, direction or lock say.

use super::super::conflict::{Conflict, Override};
use super::super::id::Timestamp;
use super::super::record::{Origin, Record, Span};
use super::super::report::{Decision, Report, Rule};
use super::super::surface::TypeSurface;
use super::set;

/// Takes in values that an admin sets. Counts only for the version that the person saw, of a record that lives. A
/// field that is in conflict is thereby decided; what locked the field alone is released, and what locked the record
/// only if the person says so.
pub fn absorb_override(
    record: &mut Record,
    overriding: &Override,
    at: Timestamp,
    surface: &TypeSurface,
) -> Report {
    let mut report = Report::of(None);
    if record.version != overriding.version || !record.alive {
        report.outdated_resolution = true;
        return report;
    }
    let origin = Origin { side: None, span: Span::at(at) };
    for (field, value) in &overriding.fields {
        if let Some(conflict) = &mut record.conflict
            && conflict.clash(*field).is_some()
        {
            conflict.clashes.retain(|clash| clash.field != *field);
            // Who decides on the rest must have seen that this is no longer open.
            conflict.revision += 1;
            conflict.set_due(surface);
        }
        let is_in_the_way = |of: Option<usize>| of == Some(*field) || (of.is_none() && overriding.unlock);
        record.locks.retain(|lock| !is_in_the_way(lock.field));
        let theirs = set(record, *field, value.clone(), origin, &mut report);
        report.decisions.push(Decision {
            field: Some(*field),
            rule: Rule::Overridden,
            base: theirs.clone(),
            ours: value.clone(),
            theirs,
            result: value.clone(),
        });
    }
    if record.conflict.as_ref().is_some_and(Conflict::is_settled) {
        record.close_conflict();
    }
    // A decision is a change, even where it confirms what was agreed.
    report.changed = true;
    record.version = record.version.next();
    report
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::absorb::absorb;
    use crate::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, Side, SideId};
    use crate::domain::news::{Fact, News, Standing};
    use crate::domain::plan::{Plan, plan};
    use crate::domain::record::Lock;
    use crate::domain::surface::SyncConfig;
    use crate::domain::value::Value;

    const CONFIG: &str = r#"
        [account.acme]
        [type.item.fields]
        a = { type = "text", policy = "manual" }
        b = { type = "text", policy = "manual" }
        sku = { type = "text", direction = "to_suitex" }
    "#;

    struct Desk {
        record: Record,
        surface: TypeSurface,
        news: i64,
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    impl Desk {
        /// A record that both sides have, all of it "0".
        fn new() -> Self {
            let config = SyncConfig::parse(CONFIG).expect("a configuration");
            let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("item").unwrap());
            let surface = TypeSurface::clone(config.surface(&account, &kind).expect("a type"));
            let key = RecordKey::new(account, kind, CanonicalId::parse("1").unwrap());
            let mut desk = Self { record: Record::new(key, &surface), surface, news: 100 };
            for side in Side::BOTH {
                desk.tell(side, &[("a", "0"), ("b", "0"), ("sku", "0")], true);
            }
            desk
        }

        fn field(&self, name: &str) -> usize {
            self.surface.field(name).expect("a field")
        }

        fn tell(&mut self, side: Side, values: &[(&str, &str)], full: bool) {
            self.news += 1;
            let values = values.iter().map(|(name, value)| (self.field(name), text(value))).collect();
            let news = News {
                side,
                id: SideId::parse("1").unwrap(),
                fact: Fact::Holds { values, full },
                revision: Some(Revision(self.news)),
                span: Span::at(Timestamp(self.news * 1_000)),
                standing: Standing::Heard,
                operation: None,
                cause: Uuid::from_u128(self.news as u128),
            };
            absorb(&mut self.record, &news, &self.surface);
        }

        fn set(&mut self, values: &[(&str, &str)], unlock: bool) -> Report {
            let version = self.record.version;
            let fields = values.iter().map(|(name, value)| (self.field(name), text(value))).collect();
            let overriding = Override { version, fields, unlock };
            absorb_override(&mut self.record, &overriding, Timestamp(1_000_000), &self.surface)
        }

        fn written(&self, side: Side) -> Vec<(usize, Value)> {
            match plan(&self.record, side, &self.surface, Timestamp(2_000_000), &|_, _| true) {
                Plan::Write(write) => write.wanted,
                other => panic!("{other:?}"),
            }
        }

        fn plan(&self, side: Side) -> Plan {
            plan(&self.record, side, &self.surface, Timestamp(2_000_000), &|_, _| true)
        }
    }

    #[test]
    fn what_an_admin_sets_is_written_to_both_sides_and_is_a_version() {
        let mut desk = Desk::new();
        let before = desk.record.version;
        let report = desk.set(&[("a", "mine")], false);
        assert_eq!((desk.record.version, report.changed), (before.next(), true));
        assert_eq!(report.decisions.iter().map(|d| d.rule).collect::<Vec<_>>(), [Rule::Overridden]);
        for side in Side::BOTH {
            assert_eq!(desk.written(side), [(desk.field("a"), text("mine"))], "{side}");
        }
    }

    #[test]
    fn it_goes_against_a_fields_direction_until_its_owner_moves() {
        let mut desk = Desk::new();
        let sku = desk.field("sku");
        desk.tell(Side::SuiteX, &[("sku", "edited")], false);
        assert_eq!(desk.record.canonical[sku], text("0"), "the field comes from NetSuite alone");
        desk.set(&[("sku", "mine")], false);
        for side in Side::BOTH {
            assert_eq!(desk.written(side), [(sku, text("mine"))], "{side}");
        }
        desk.tell(Side::NetSuite, &[("a", "0"), ("b", "0"), ("sku", "0")], true);
        assert_eq!(desk.record.canonical[sku], text("mine"), "what it held all along is no move");
        desk.tell(Side::NetSuite, &[("a", "0"), ("b", "0"), ("sku", "theirs")], true);
        assert_eq!(desk.record.canonical[sku], text("theirs"));
    }

    #[test]
    fn another_version_than_the_person_saw_is_not_overridden() {
        let mut desk = Desk::new();
        let seen = desk.record.version;
        desk.tell(Side::SuiteX, &[("a", "1")], false);
        let before = desk.record.clone();
        let overriding = Override { version: seen, fields: vec![(0, text("mine"))], unlock: true };
        let report = absorb_override(&mut desk.record, &overriding, Timestamp(9), &desk.surface);
        assert!(report.outdated_resolution && report.decisions.is_empty());
        assert_eq!(desk.record, before);
        desk.record.alive = false;
        let overriding = Override { version: desk.record.version, ..overriding };
        let report = absorb_override(&mut desk.record, &overriding, Timestamp(9), &desk.surface);
        assert!(report.outdated_resolution, "a deleted record has no values");
    }

    #[test]
    fn a_field_in_conflict_is_decided_by_it_and_the_rest_stays_open() {
        let mut desk = Desk::new();
        desk.tell(Side::SuiteX, &[("a", "sx"), ("b", "sx")], false);
        desk.tell(Side::NetSuite, &[("a", "ns"), ("b", "ns")], false);
        let revision = desk.record.conflict.as_ref().expect("it is open").revision;
        desk.set(&[("a", "mine")], false);
        let conflict = desk.record.conflict.clone().expect("b is open still");
        assert_eq!((conflict.clashes.len(), conflict.revision), (1, revision + 1));
        let set = (desk.field("a"), text("mine"));
        assert!(desk.written(Side::NetSuite).contains(&set) && desk.written(Side::SuiteX) == [set]);
        desk.set(&[("b", "mine")], false);
        assert_eq!(desk.record.conflict, None);
    }

    #[test]
    fn a_lock_of_the_record_is_released_only_when_it_is_said() {
        let mut desk = Desk::new();
        let lock = |field| Lock { field, error: Uuid::nil(), reason: "no".into(), since: Timestamp(1) };
        let a = desk.field("a");
        desk.record.locks = vec![lock(Some(a)), lock(None), lock(Some(desk.field("b")))];
        desk.set(&[("a", "mine")], false);
        assert_eq!(desk.record.locks, [lock(None), lock(Some(desk.field("b")))]);
        assert_eq!(desk.plan(Side::NetSuite), Plan::Locked, "I5 holds for admins, too");
        desk.set(&[("a", "still mine")], true);
        assert_eq!(desk.record.locks, [lock(Some(desk.field("b")))]);
        assert_eq!(desk.written(Side::NetSuite), [(a, text("still mine"))]);
    }
}
