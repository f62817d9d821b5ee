//! People and scripts at work in both systems: what they do is drawn from the account's dice and remembered,
//! so that the end can be held against it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, RecordType, Side};
use shared::domain::surface::TypeSurface;
use shared::domain::value::Kind;

use crate::executor::Lane;
use crate::world::World;

/// A field of a record as its side names it.
pub type Cell = (Side, RecordType, String, usize);

/// What people did to one account.
#[derive(Debug, Default)]
pub struct Edits {
    next: u64,
    /// The last value that somebody gave a field, as the side stored it.
    pub last: BTreeMap<Cell, Json>,
    /// Edits, creates and deletes that a system took.
    pub taken: u64,
    /// Those that it refused.
    pub refused: u64,
}

/// The kinds of edits and how often each comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Create,
    Edit,
    Delete,
}

impl Edits {
    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// One person does one thing.
    pub fn act(&mut self, world: &mut World, lane: Lane) {
        let account = world.accounts[lane].clone();
        let side = if world.lanes[lane].dice.bool() { Side::NetSuite } else { Side::SuiteX };
        let types: Vec<RecordType> = world.config.accounts[&account].types.keys().cloned().collect();
        let kind = types[world.lanes[lane].dice.usize(0..types.len())].clone();
        let ids = ids_on(world, side, &account, &kind);
        let doing = match (world.lanes[lane].dice.u32(0..100), ids.len()) {
            (_, 0..=1) => Doing::Create,
            (0..=9, n) if n < 6 => Doing::Create,
            (10..=13, _) => Doing::Delete,
            _ => Doing::Edit,
        };
        let id = (!ids.is_empty()).then(|| ids[world.lanes[lane].dice.usize(0..ids.len())].clone());
        let quiet = world.lanes[lane].dice.u32(0..100) < 20;
        match (doing, id) {
            (Doing::Create, _) | (_, None) => self.create(world, lane, side, &kind),
            (Doing::Edit, Some(id)) => self.edit(world, lane, side, &kind, &id, !quiet),
            (Doing::Delete, Some(id)) => self.delete(world, lane, side, &kind, &id, !quiet),
        }
    }

    fn create(&mut self, world: &mut World, lane: Lane, side: Side, kind: &RecordType) {
        let account = world.accounts[lane].clone();
        let surface = std::sync::Arc::clone(&world.config.accounts[&account].types[kind]);
        let mut values = Map::new();
        for field in 0..surface.fields.len() {
            if (surface.fields[field].required || world.lanes[lane].dice.u32(0..100) < 60)
                && let Some(value) = self.value(world, lane, side, &surface, field, None)
            {
                values.insert(surface.fields[field].name_on(side).to_string(), value);
            }
        }
        let made = match side {
            Side::NetSuite => {
                world.netsuite.ui_create(&account, kind, &values, true, "ann").map_err(|e| e.message)
            }
            Side::SuiteX => world
                .suitex
                .create(&account, kind.as_str(), &values, "sam")
                .map(|row| row.id)
                .map_err(|problem| problem.detail),
        };
        match made {
            Ok(id) => self.took(world, lane, side, kind, &id, &surface, &values, "creates"),
            Err(why) => self.was_refused(world, lane, side, kind, "create", &why),
        }
    }

    fn edit(&mut self, world: &mut World, lane: Lane, side: Side, kind: &RecordType, id: &str, told: bool) {
        let account = world.accounts[lane].clone();
        let surface = std::sync::Arc::clone(&world.config.accounts[&account].types[kind]);
        let now = values_of(world, side, &account, kind, id);
        let mut values = Map::new();
        for _ in 0..world.lanes[lane].dice.usize(1..=3) {
            let field = world.lanes[lane].dice.usize(0..surface.fields.len());
            let name = surface.fields[field].name_on(side).to_string();
            if let Some(value) = self.value(world, lane, side, &surface, field, now.get(&name)) {
                values.insert(name, value);
            }
        }
        let done = match side {
            Side::NetSuite => {
                world.netsuite.ui_edit(&account, kind, id, &values, told, "ann").map_err(|e| e.message)
            }
            Side::SuiteX => world
                .suitex
                .edit(&account, kind.as_str(), id, &values, "sam")
                .map(|_| ())
                .map_err(|problem| problem.detail),
        };
        match done {
            Ok(()) => self.took(world, lane, side, kind, id, &surface, &values, "edits"),
            Err(why) => self.was_refused(world, lane, side, kind, id, &why),
        }
    }

    fn delete(&mut self, world: &mut World, lane: Lane, side: Side, kind: &RecordType, id: &str, told: bool) {
        let account = world.accounts[lane].clone();
        let done = match side {
            Side::NetSuite => {
                world.netsuite.ui_delete(&account, kind, id, told, "ann").map_err(|e| e.message)
            }
            Side::SuiteX => world.suitex.delete(&account, kind.as_str(), id, "sam").map_err(|p| p.detail),
        };
        match done {
            Ok(()) => {
                self.taken += 1;
                world.note(lane, format!("{side} deletes {kind} {id}"));
            }
            Err(why) => self.was_refused(world, lane, side, kind, id, &why),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one edit's parts, passed once")]
    fn took(
        &mut self,
        world: &mut World,
        lane: Lane,
        side: Side,
        kind: &RecordType,
        id: &str,
        surface: &TypeSurface,
        values: &Map<String, Json>,
        verb: &str,
    ) {
        self.taken += 1;
        let account = world.accounts[lane].clone();
        let stored = values_of(world, side, &account, kind, id);
        world.note(lane, format!("{side} {verb} {kind} {id}: {}", Json::Object(values.clone())));
        for name in values.keys() {
            if let (Some(field), Some(value)) = (surface.field_on(side, name), stored.get(name)) {
                self.last.insert((side, kind.clone(), id.to_string(), field), value.clone());
            }
        }
    }

    fn was_refused(
        &mut self,
        world: &mut World,
        lane: Lane,
        side: Side,
        kind: &RecordType,
        id: &str,
        why: &str,
    ) {
        self.refused += 1;
        world.note(lane, format!("{side} refuses {kind} {id}: {why}"));
    }

    /// A value for a field: mostly one that was never there before.
    fn value(
        &mut self,
        world: &mut World,
        lane: Lane,
        side: Side,
        surface: &TypeSurface,
        field: usize,
        now: Option<&Json>,
    ) -> Option<Json> {
        let account = world.accounts[lane].clone();
        let fresh = self.fresh();
        let dice = &mut world.lanes[lane].dice;
        let spec = &surface.fields[field];
        let roll = dice.u32(0..100);
        // What names a record somebody may have entered before, on either side.
        if (30..45).contains(&roll) && surface.match_keys.iter().any(|key| key.contains(&field)) {
            let of = if dice.bool() { Side::NetSuite } else { Side::SuiteX };
            let ids = ids_on(world, of, &account, &surface.record_type);
            let dice = &mut world.lanes[lane].dice;
            if !ids.is_empty() {
                let id = ids[dice.usize(0..ids.len())].clone();
                let known = values_of(world, of, &account, &surface.record_type, &id);
                if let Some(known) = known.get(spec.name_on(of)).filter(|known| !known.is_null()) {
                    return Some(known.clone());
                }
            }
        }
        let dice = &mut world.lanes[lane].dice;
        Some(match &spec.kind {
            Kind::Text { .. } if roll < 5 => json!(null),
            Kind::Text { .. } if roll < 12 => json!(format!(" v{fresh} ")),
            Kind::Text { .. } => json!(format!("v{fresh}")),
            Kind::Integer => json!(fresh),
            Kind::Decimal { .. } => json!(format!("{}.{:02}", fresh, fresh % 100)),
            Kind::Boolean => json!(dice.bool()),
            Kind::Date => json!(format!("2026-{:02}-{:02}", 1 + fresh % 12, 1 + fresh % 28)),
            Kind::DateTime => {
                json!(format!("2026-01-01T{:02}:{:02}:{:02}Z", fresh % 24, fresh % 60, fresh % 59))
            }
            Kind::Select { options } if options.is_empty() => json!(format!("c{}", dice.u32(0..4))),
            Kind::Select { options } => {
                json!(options.iter().nth(dice.usize(0..options.len())).map(ToString::to_string))
            }
            Kind::MultiSelect => {
                json!((0..5).filter(|_| dice.bool()).map(|n| format!("t{n}")).collect::<Vec<_>>())
            }
            Kind::Reference { to } => {
                let ids = ids_on(world, side, &account, to);
                let dice = &mut world.lanes[lane].dice;
                if ids.is_empty() || (!spec.required && roll < 20) {
                    return if spec.required { None } else { Some(json!(null)) };
                }
                json!(ids[dice.usize(0..ids.len())])
            }
            Kind::Lines(lines) => {
                let items = ids_on(world, side, &account, &RecordType::parse("item").ok()?);
                let dice = &mut world.lanes[lane].dice;
                let mut rows: Vec<Json> = now.and_then(Json::as_array).cloned().unwrap_or_default();
                if rows.len() > 1 && roll < 20 {
                    rows.remove(dice.usize(0..rows.len()));
                } else if !rows.is_empty() && roll < 60 {
                    let row = dice.usize(0..rows.len());
                    rows[row]["quantity"] = json!(fresh);
                } else if !items.is_empty() && rows.len() < 6 {
                    let name = |of: &str| {
                        lines.columns.iter().find(|c| &*c.name == of).map(|c| match side {
                            Side::NetSuite => c.netsuite.clone(),
                            Side::SuiteX => c.suitex.clone(),
                        })
                    };
                    let mut row = Map::new();
                    row.insert(name("item")?, json!(items[dice.usize(0..items.len())]));
                    row.insert(name("quantity")?, json!(fresh));
                    row.insert(name("rate")?, json!(format!("{fresh}.5")));
                    rows.push(Json::Object(row));
                }
                json!(rows)
            }
        })
    }
}

fn ids_on(world: &World, side: Side, account: &AccountId, kind: &RecordType) -> Vec<String> {
    match side {
        Side::NetSuite => world.netsuite.all(account, kind).into_iter().map(|s| s.id).collect(),
        Side::SuiteX => world.suitex.all(account, kind.as_str()).into_iter().map(|r| r.id).collect(),
    }
}

fn values_of(
    world: &World,
    side: Side,
    account: &AccountId,
    kind: &RecordType,
    id: &str,
) -> Map<String, Json> {
    match side {
        Side::NetSuite => world.netsuite.snapshot(account, kind, id).map(|s| s.values),
        Side::SuiteX => world.suitex.row(account, kind.as_str(), id).map(|r| r.values),
    }
    .unwrap_or_default()
}
