//! Under which names and in which form SuiteQL shows the records.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use shared::domain::surface::SyncConfig;

use super::super::{START, Shown, Standing};
use super::{World, acme, kind, map};
use crate::netsuite::Scripts;
use crate::netsuite::{DeletedType, NetSuite, UnsetCheckbox};

#[test]
fn a_customer_has_its_fields_under_netsuites_names() {
    let world = World::new();
    let parent = world.customer(json!({"companyname": "Parent", "isinactive": true}));
    let values = json!({"companyname": "Ada", "creditlimit": "1000.50", "custentity_tags": ["7", "12"],
                        "parent": parent, "externalId": "C-1"});
    let id = world.customer(values);
    let all = world.items(&format!("SELECT * FROM customer WHERE id = {id}"));
    assert_eq!(
        all,
        [json!({"id": id, "externalid": "C-1", "lastmodifieddate": "12/31/2025", "companyname": "Ada",
                "creditlimit": "1000.5", "custentity_tags": "12,7", "parent": parent})]
    );
    assert_eq!(world.column("SELECT id FROM customer WHERE isinactive = 'T'"), [parent]);
    assert!(world.items("SELECT id FROM customer WHERE isinactive = 'F'").is_empty(), "nobody ever set it");
    world.settings(|s| {
        s.unset_checkbox = UnsetCheckbox::False;
        s.multiselect_delimiter = ", ".into();
        s.date_format = "DD.MM.YYYY".parse().unwrap();
    });
    assert_eq!(
        world.items("SELECT lastmodifieddate, custentity_tags FROM customer WHERE isinactive = 'F'"),
        [json!({"lastmodifieddate": "31.12.2025", "custentity_tags": "12, 7"})]
    );
}

#[test]
fn items_and_orders_share_tables_with_their_kin() {
    let world = World::new();
    let customer = world.customer(json!({"companyname": "Ada"}));
    let item = world.make("item", json!({"itemid": "bolt", "baseprice": "2.50", "quantityavailable": 4}));
    let lines = json!([{"item": item, "quantity": 3, "rate": "1.5", "custcol_sx_line": "sx-1"}, {"item": item, "quantity": 1}]);
    let order = world.make(
        "salesorder",
        json!({"entity": customer, "trandate": "2026-01-15", "custbody_confirmed_at": "2026-01-02T20:30:15Z",
               "orderstatus": "B", "item": lines}),
    );
    assert_eq!(
        world.items("SELECT itemtype, itemid, baseprice, quantityavailable, isinactive FROM item"),
        [json!({"itemtype": "InvtPart", "itemid": "bolt", "baseprice": "2.5", "quantityavailable": "4"})]
    );
    assert_eq!(
        world.items(
            "SELECT id, type, recordtype, entity, trandate, orderstatus, \
             TO_CHAR(custbody_confirmed_at, 'YYYY-MM-DD HH24:MI:SS') confirmed FROM transaction"
        ),
        [json!({"id": order, "type": "SalesOrd", "recordtype": "salesorder", "entity": customer,
                "trandate": "01/15/2026", "orderstatus": "B", "confirmed": "2026-01-02 12:30:15"})]
    );
    let of_lines = "SELECT id, linesequencenumber, mainline, item, quantity, rate, custcol_sx_line \
                    FROM transactionline ORDER BY linesequencenumber";
    assert_eq!(
        world.items(of_lines),
        [
            json!({"id": "0", "linesequencenumber": "0", "mainline": "T"}),
            json!({"id": "1", "linesequencenumber": "1", "mainline": "F", "item": item, "quantity": "3",
                   "rate": "1.5", "custcol_sx_line": "sx-1"}),
            json!({"id": "2", "linesequencenumber": "2", "mainline": "F", "item": item, "quantity": "1"}),
        ]
    );
    let keys = world.column("SELECT uniquekey FROM transactionline WHERE mainline = 'F' ORDER BY uniquekey");
    let stored = world.netsuite.snapshot(&acme(), &kind("salesorder"), &order).unwrap();
    let stored: Vec<&Json> =
        stored.values["item"].as_array().unwrap().iter().map(|line| &line["lineuniquekey"]).collect();
    assert!(keys.iter().all(|key| stored.contains(&&json!(key))), "{keys:?} {stored:?}");
    assert_eq!(
        world.items(
            "SELECT c.companyname, SUM(l.quantity * NVL(l.rate, 0)) total FROM transaction t \
             JOIN customer c ON c.id = t.entity JOIN transactionline l ON l.transaction = t.id \
             WHERE l.mainline = 'F' GROUP BY c.companyname"
        ),
        [json!({"companyname": "Ada", "total": "4.5"})]
    );
    world.settings(|s| s.negative_quantities = true);
    assert_eq!(
        world.column("SELECT quantity FROM transactionline WHERE mainline = 'F' ORDER BY id"),
        ["-3", "-1"]
    );
    world.delete("salesorder", &order);
    assert!(world.items("SELECT id FROM transactionline").is_empty());
}

#[test]
fn deletions_leave_a_row_where_they_are_tracked() {
    let world = World::new();
    let customer = world.customer(json!({"companyname": "Ada"}));
    let item = world.make("item", json!({"itemid": "bolt"}));
    world.clock.pass(3_600_000);
    world.settings(|s| s.untracked_deletions = BTreeSet::from(["inventoryitem".into()]));
    world.delete("customer", &customer);
    world.delete("item", &item);
    let query = "SELECT recordid, recordtypeid, type, scriptid, iscustomrecord, name, \
                 TO_CHAR(deleteddate, 'YYYY-MM-DD HH24:MI:SS') deleted FROM deletedrecord ORDER BY deleteddate, recordid";
    let row = |id: &str, type_id: &str, name: &str, script: &str| {
        json!({"recordid": id, "recordtypeid": type_id, "type": name, "scriptid": script,
               "iscustomrecord": "F", "deleted": "2025-12-31 17:00:00"})
    };
    let of_customer = row(&customer, "-2", "Customer", "CUSTOMER");
    assert_eq!(world.items(query), std::slice::from_ref(&of_customer));
    world.settings(|s| s.untracked_deletions.clear());
    assert_eq!(world.items(query), [of_customer, row(&item, "-10", "Inventory Item", "INVENTORYITEM")]);
    for (form, expected) in [(DeletedType::ScriptId, "inventoryitem"), (DeletedType::Upper, "INVENTORYITEM")]
    {
        world.settings(|s| s.deleted_type = form);
        assert_eq!(world.column("SELECT type FROM deletedrecord WHERE recordtypeid = -10"), [expected]);
    }
    let since = "SELECT recordid FROM deletedrecord WHERE deleteddate > \
                 TO_TIMESTAMP('2025-12-31 17:00:00', 'YYYY-MM-DD HH24:MI:SS')";
    assert!(world.items(since).is_empty());
}

#[test]
fn a_custom_record_is_found_under_its_script_id() {
    let config = format!(
        "{}\n[type.machine]\nnetsuite = \"customrecord_machine\"\nsuitex = \"machines\"\n\
         delete = {{ netsuite = \"ask\", suitex = \"propagate\" }}\n\
         [type.machine.fields]\nname = {{ type = \"text\", max = 20 }}\n",
        include_str!("../../../../../config/sync.toml")
    );
    let config = SyncConfig::parse(&config).unwrap();
    let clock = Arc::new(Standing(std::sync::Mutex::new(START)));
    let netsuite = NetSuite::new(Arc::new(config), Arc::new(Shown(Arc::clone(&clock))), 1, Scripts::Native);
    let router = netsuite.router();
    let world = World { netsuite, clock, router, runs_scripts: false };
    let made =
        world.netsuite.ui_create(&acme(), &kind("machine"), &map(json!({"name": "press"})), true, "ann");
    let id = made.unwrap();
    let query = "SELECT id, name, TO_CHAR(lastmodified, 'HH24:MI') at, isinactive FROM CustomRecord_Machine";
    assert_eq!(world.items(query), [json!({"id": id, "name": "press", "at": "16:00", "isinactive": "F"})]);
    assert!(
        world.refusal("SELECT lastmodifieddate FROM customrecord_machine").2.contains("Unknown identifier")
    );
    world.delete("machine", &id);
    assert_eq!(
        world.items("SELECT recordid, scriptid, iscustomrecord FROM deletedrecord"),
        [json!({"recordid": id, "scriptid": "CUSTOMRECORD_MACHINE", "iscustomrecord": "T"})]
    );
}
