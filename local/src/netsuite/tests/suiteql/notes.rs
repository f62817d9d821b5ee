//! What NetSuite notes of each save, and who sees it.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use shared::domain::id::{Side, SideId, Timestamp};
use shared::domain::surface::SyncConfig;
use shared::netsuite::notes::{Setter, question, read, setter};

use super::super::{START, create};
use super::{World, acme, kind, map};
use crate::netsuite::{NoteFields, NotesShown};

impl World {
    /// The notes of a record: field, from, to, who, how.
    fn notes(&self, id: &str) -> Vec<String> {
        let rows = self.items(&format!(
            "SELECT n.field, n.type, n.oldvalue, n.newvalue, BUILTIN.DF(n.name) AS who, BUILTIN.DF(n.context) AS how \
             FROM systemnote n WHERE n.recordid = {id} ORDER BY n.date, n.field"
        ));
        let line = |row: &Json| {
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_string();
            ["field", "type", "oldvalue", "newvalue", "who", "how"].map(text).join(" ")
        };
        rows.iter().map(line).collect()
    }
}

#[test]
fn every_save_leaves_a_note_for_each_field() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Ada", "phone": "1", "custentity_tags": ["7", "12"]}));
    world.clock.pass(1_000);
    world.edit("customer", &id, json!({"phone": "2", "isinactive": true, "companyname": "Ada"}));
    world.clock.pass(1_000);
    let imported = map(json!({"phone": null, "creditlimit": "12.5"}));
    world.netsuite.ui_edit(&acme(), &kind("customer"), &id, &imported, false, "bob").unwrap();
    assert_eq!(
        world.notes(&id),
        [
            "CUSTENTITY_TAGS Set - 12,7 ann UI",
            "ENTITY.SCOMPANYNAME Set - Ada ann UI",
            "ENTITY.SPHONE Set - 1 ann UI",
            "ENTITY.BISINACTIVE Set - T ann UI",
            "ENTITY.SPHONE Change 1 2 ann UI",
            "ENTITY.MCREDITLIMIT Set - 12.50 bob CSV Import",
            "ENTITY.SPHONE Unset 2 - bob CSV Import",
        ]
    );
    assert_eq!(world.column("SELECT DISTINCT recordtypeid FROM systemnote"), ["-9"]);
    assert_eq!(world.column("SELECT DISTINCT context FROM systemnote ORDER BY context"), ["CSV", "UIF"]);
    let order = world.make("salesorder", json!({"entity": id, "memo": "x", "trandate": "2026-01-15"}));
    let entity = format!("TRANDOC.KENTITY Set - {id} ann UI");
    let expected = ["TRANDOC.DTRANDATE Set - 01/15/2026 ann UI", &*entity, "TRANDOC.SMEMO Set - x ann UI"];
    assert_eq!(world.notes(&order), expected);
}

#[test]
fn what_our_restlet_saves_is_noted_as_ours() {
    let world = World::new();
    let made = world.apply_one(create(1, "sx-1", json!({"companyname": "Ada"})));
    let id = made.id.expect("it was made");
    assert_eq!(world.notes(&id), ["ENTITY.SCOMPANYNAME Set - Ada suitex-sync RESTlet"]);
}

#[test]
fn a_role_sees_all_notes_or_its_own_or_no_table() {
    let world = World::new();
    let ours = world.apply_one(create(1, "sx-1", json!({"companyname": "Ada"}))).id.unwrap();
    let anns = world.customer(json!({"companyname": "Bob"}));
    world.settings(|s| s.notes_shown = NotesShown::Own);
    assert_eq!((world.notes(&ours).len(), world.notes(&anns).len()), (1, 0));
    world.settings(|s| {
        s.notes_shown = NotesShown::All;
        s.note_fields = NoteFields::ScriptId;
    });
    assert_eq!(world.notes(&anns), ["companyname Set - Bob ann UI"]);
    world.settings(|s| s.denied = BTreeSet::from(["systemnote".into()]));
    let (status, code, words) = world.refusal("SELECT recordid FROM systemnote");
    assert_eq!((status, &*code), (400, "INVALID_PARAMETER"));
    assert!(words.ends_with("Search error occurred: Record 'systemnote' was not found."), "{words}");
}

#[test]
fn notes_come_and_go_with_their_records() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Ada"}));
    assert_eq!(world.notes(&id).len(), 1);
    world.faults(|faults| (faults.late_visible, faults.late_visible_ms) = (1.0, 5_000));
    world.edit("customer", &id, json!({"phone": "1"}));
    assert_eq!(world.notes(&id).len(), 1, "the save is not visible yet");
    world.clock.pass(5_000);
    assert_eq!(world.notes(&id).len(), 2);
    world.faults(|faults| faults.late_visible = 0.0);
    world.delete("customer", &id);
    assert!(world.notes(&id).is_empty());
}

#[test]
fn the_oldest_notes_of_an_account_are_dropped() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Ada"}));
    for n in 0..20_010 {
        world.edit("customer", &id, json!({ "phone": n.to_string() }));
    }
    assert_eq!(world.column("SELECT COUNT(*) FROM systemnote"), ["20000"]);
    assert!(world.items("SELECT field FROM systemnote WHERE field = 'ENTITY.SCOMPANYNAME'").is_empty());
}

#[test]
fn people_read_names_only_of_what_is_known_to_have_some() {
    let world = World::new();
    let refused = |query: &str| {
        let (status, _, words) = world.refusal(query);
        assert_eq!(status, 400, "{query}");
        words
    };
    assert!(refused("SELECT BUILTIN.DF(field) FROM systemnote").contains("BUILTIN.DF of field"));
    assert!(refused("SELECT BUILTIN.DF(nope) FROM systemnote").contains("Unknown identifier 'nope'"));
    assert!(refused("SELECT BUILTIN.DF(1) FROM systemnote").contains("what is no column"));
    world.customer(json!({"companyname": "Ada"}));
    let all = world.items("SELECT * FROM systemnote");
    assert!(all[0].as_object().unwrap().keys().all(|name| !name.contains('#')), "{all:?}");
}

/// The question that review asks, answered by the simulator.
#[test]
fn the_question_for_the_notes_of_a_field_is_answered() {
    let config = SyncConfig::parse(include_str!("../../../../../config/sync.toml")).unwrap();
    let surface = config.surface(&acme(), &kind("customer")).unwrap();
    let world = World::new();
    let id = world.customer(json!({"companyname": "Ada", "phone": "1"}));
    world.clock.pass(3_600_000);
    let values = map(json!({"phone": "2"}));
    world.netsuite.ui_edit(&acme(), &kind("customer"), &id, &values, false, "Ann Lee").unwrap();
    world.clock.pass(60_000);
    let now = Timestamp(START + 3_660_000);
    for fields in [NoteFields::Inner, NoteFields::ScriptId] {
        world.settings(|s| s.note_fields = fields);
        let phone = &surface.fields[surface.field("phone").unwrap()];
        let asked = question(surface, phone, &SideId::parse(&id).unwrap()).unwrap();
        let rows: Vec<_> = world.items(&asked).into_iter().map(map).collect();
        let notes = read(phone, &rows, now).unwrap();
        assert_eq!(notes.len(), 2, "{notes:?}");
        let value = phone.kind.parse(Side::SuiteX, &json!("2")).unwrap();
        let Setter::One(note) = setter(&notes, phone, &value, now) else { panic!("{notes:?}") };
        assert_eq!((note.author.as_deref(), note.context.as_deref()), (Some("Ann Lee"), Some("CSV Import")));
        assert_eq!(note.at, Timestamp(START + 3_600_000));
        assert_eq!(note.shown, "2025-12-31 17:00:00", "in Los Angeles");
    }
}
