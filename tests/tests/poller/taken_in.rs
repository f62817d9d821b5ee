//! What becomes of an event: it is absorbed at once, as merge does it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};
use shared::domain::absorb::absorb;
use shared::domain::event::{ChangeEvent, Operation, parse_values};
use shared::domain::id::{CanonicalId, RecordKey, Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Presence, Record, Span};
use shared::domain::surface::TypeSurface;
use shared::netsuite::client::Client;
use shared::netsuite::wire::{Read, What};
use shared::state::{LinkChange, State};
use uuid::Uuid;

use futures::FutureExt;

use crate::memory_ports::World;

/// What was told so far.
#[derive(Default)]
pub(crate) struct TakenIn {
    ids: BTreeSet<Uuid>,
    /// Which event told a state of a record.
    states: BTreeMap<String, Uuid>,
}

impl TakenIn {
    /// Takes an event in; answers what is wrong with its being told. User Events may come twice.
    pub(crate) fn take(&mut self, world: &World, client: &Client, json: &Json) -> Option<String> {
        let Json::Object(object) = json else { return Some(format!("no event: {json}")) };
        let event = ChangeEvent::from_object(object.clone()).expect("an event");
        let is_poll = json["source"] == "netsuite-poll";
        let repeated = is_poll && !self.ids.insert(event.event_id);
        let state = format!(
            "{} {} {} {:?} {:?} {:?}",
            event.account_id,
            event.record_type,
            event.record_id,
            event.operation,
            event.revision,
            event.payload.changes
        );
        let other = is_poll.then(|| self.states.insert(state.clone(), event.event_id)).flatten();
        absorbed(world, client, &event);
        match other {
            Some(other) if other != event.event_id => Some(format!("told under two ids: {state}")),
            Some(_) | None if repeated => Some(format!("told twice: {state}")),
            Some(_) | None => None,
        }
    }
}

fn absorbed(world: &World, client: &Client, event: &ChangeEvent) {
    let Some(key) = key_of(world, event) else { return };
    let surface = world.surface(&key);
    let (mut record, mut links) = match known(world, &key) {
        Some(record) => (record, Vec::new()),
        None => {
            let link = LinkChange::Set(Side::NetSuite, event.record_id.clone());
            (Record::new(key.clone(), &surface), vec![link])
        }
    };
    let fact = match event.operation {
        Operation::Delete => Fact::Deleted,
        Operation::Create | Operation::Update => holds(&surface, &event.payload.changes, event.payload.full),
    };
    let mut news = News {
        side: Side::NetSuite,
        id: event.record_id.clone(),
        fact,
        revision: event.revision,
        span: Span::at(event.timestamp),
        standing: Standing::Heard,
        operation: None,
        cause: event.event_id,
    };
    let retired = absorb(&mut record, &news, &surface).retired;
    // Two edits in one second cannot be told apart by what is heard of them: a writer would look.
    if std::mem::take(&mut record.sides[Side::NetSuite].wants_read) {
        let account = &world.ports.config.accounts[&key.account];
        let read = Read {
            record_type: surface.netsuite.clone(),
            id: Some(event.record_id.to_string()),
            external_id: None,
            operations: Vec::new(),
            fields: surface.names_on(Side::NetSuite),
        };
        let looks = client.read(account, vec![read]).now_or_never().expect("no waiting").expect("an answer");
        let at = looks[0].last_modified.as_deref().and_then(Timestamp::parse).expect("a time");
        news.fact = match looks[0].outcome {
            What::Found => holds(&surface, &looks[0].values, true),
            _ => Fact::Deleted,
        };
        (news.revision, news.span, news.standing) =
            (Some(Revision(at.seconds())), Span::at(at), Standing::Answered);
        absorb(&mut record, &news, &surface);
    }
    links.extend(retired.map(|id| LinkChange::Retire(Side::NetSuite, id)));
    world.store(&record, links);
}

fn holds(surface: &TypeSurface, values: &Map<String, Json>, full: bool) -> Fact {
    Fact::Holds { values: parse_values(values, Side::NetSuite, surface, "").expect("values"), full }
}

/// The record that an event is about; `None` when its id is retired.
fn key_of(world: &World, event: &ChangeEvent) -> Option<RecordKey> {
    let asked = [(event.record_type.clone(), Side::NetSuite, event.record_id.clone())];
    let links = world.state.links(&event.account_id, &asked).now_or_never().unwrap().unwrap();
    if links[0].as_ref().is_some_and(|link| link.retired) {
        return None;
    }
    let canonical = links[0].as_ref().map(|link| link.canonical.clone());
    let canonical = canonical.unwrap_or_else(|| CanonicalId::born(Side::NetSuite, &event.record_id));
    Some(RecordKey::new(event.account_id.clone(), event.record_type.clone(), canonical))
}

/// What is known of a record.
pub(crate) fn known(world: &World, key: &RecordKey) -> Option<Record> {
    let records = world.state.load(std::slice::from_ref(key)).now_or_never().unwrap().unwrap();
    records[0].as_deref().cloned()
}

/// Whether what is known of a record's NetSuite side is what NetSuite holds; else what is wrong.
pub(crate) fn differs(
    world: &World,
    key: &RecordKey,
    id: &SideId,
    held: Option<(i64, &Map<String, Json>)>,
) -> Option<String> {
    let Some(record) = known(world, key) else {
        return held.map(|_| format!("{key}: nothing is known of {id}"));
    };
    let side = &record.sides[Side::NetSuite];
    let Some((saved, values)) = held else {
        return (side.presence == Presence::There)
            .then(|| format!("{key}: {id} was deleted, and is thought to be there"));
    };
    if side.presence != Presence::There {
        return Some(format!("{key}: {id} is there, and thought to be gone"));
    }
    if side.newest().map(|newest| newest.0) < Some(saved) {
        return Some(format!("{key}: {id} was saved at {saved}, known is {:?}", side.newest()));
    }
    let surface = world.surface(key);
    let mut fields = surface.fields.iter().enumerate();
    fields.find_map(|(field, spec)| {
        let json = values.get(spec.name_on(Side::NetSuite)).unwrap_or(&Json::Null);
        let held = spec.kind.parse(Side::NetSuite, json).expect("a value");
        (held != side.shadow[field]).then(|| format!("{key} {}: NetSuite holds {json}", spec.name))
    })
}
