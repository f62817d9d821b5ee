//! A few records to begin with, made as people make them: some in SuiteX, some in NetSuite.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, RecordType};

use crate::netsuite::scripts::aside;
use crate::system::System;

/// Makes the records. What a configuration of one's own has no place for is left out.
pub(crate) async fn fill(system: &System) {
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    for record in records().as_array().into_iter().flatten() {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let (account, kind) = (AccountId::parse(text("account")), RecordType::parse(text("type")));
        let (Ok(account), Ok(kind)) = (account, kind) else { continue };
        let values = with_ids(&record["values"], &made);
        let id = match text("in") {
            "suitex" => {
                let row = system.suitex.create(&account, kind.as_str(), &values, "sample").await;
                row.map(|row| row.id).map_err(|problem| problem.to_string())
            }
            _ => {
                let (netsuite, account, kind) = (Arc::clone(&system.netsuite), account.clone(), kind.clone());
                let made = aside(move || netsuite.ui_create(&account, &kind, &values, true, "sample")).await;
                made.map_or_else(
                    || Err("NetSuite failed".into()),
                    |made| made.map_err(|refusal| refusal.message),
                )
            }
        };
        match id {
            Ok(id) => {
                made.insert(text("as").to_string(), id);
            }
            Err(reason) => tracing::debug!(%account, %kind, reason, "no sample of this type"),
        }
    }
}

/// The values with the ids of records made before in place of `@name`.
fn with_ids(values: &Json, made: &BTreeMap<String, String>) -> Map<String, Json> {
    fn put(value: &Json, made: &BTreeMap<String, String>) -> Json {
        match value {
            Json::String(text) => match text.strip_prefix('@') {
                Some(name) => made.get(name).map_or(Json::Null, |id| json!(id)),
                None => value.clone(),
            },
            Json::Array(items) => items.iter().map(|item| put(item, made)).collect(),
            Json::Object(object) => object.iter().map(|(k, v)| (k.clone(), put(v, made))).collect(),
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }
    match put(values, made) {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

fn records() -> Json {
    json!([
        { "in": "suitex", "account": "acme", "type": "customer", "as": "harbour", "values": {
            "company_name": "Harbour Coffee Roasters", "email": "orders@harbourcoffee.example",
            "phone": "+31 20 555 0136", "credit_limit": "12500.00", "tags": ["retail", "priority"],
            "street": "Prins Hendrikkade 33", "city": "Amsterdam", "region": "Noord-Holland",
            "postal_code": "1012 TM", "country": "Netherlands", "inactive": false,
            "comments": "Deliveries before nine." } },
        { "in": "suitex", "account": "acme", "type": "customer", "as": "fjord", "values": {
            "company_name": "Fjord Outdoor AS", "email": "innkjop@fjordoutdoor.example",
            "phone": "+47 55 55 01 90", "credit_limit": "40000.00", "tags": ["wholesale"],
            "street": "Bryggen 12", "city": "Bergen", "postal_code": "5003", "country": "Norway",
            "inactive": false } },
        { "in": "netsuite", "account": "acme", "type": "customer", "as": "lumen", "values": {
            "companyname": "Lumen Hotels Group", "email": "procurement@lumenhotels.example",
            "phone": "+49 30 5550 1842", "creditlimit": "75000.00", "custentity_tags": ["hospitality"],
            "addr1": "Torstraße 164", "city": "Berlin", "zip": "10115", "country": "Germany",
            "isinactive": false } },
        { "in": "suitex", "account": "acme", "type": "item", "as": "beans", "values": {
            "name": "Espresso beans 1 kg", "description": "Dark roast, whole bean", "price": "18.50",
            "stock": 420, "category": "coffee", "discontinued": false } },
        { "in": "suitex", "account": "acme", "type": "item", "as": "grinder", "values": {
            "name": "Burr grinder G2", "description": "Conical burr, 40 settings", "price": "249.00",
            "stock": 36, "category": "equipment", "discontinued": false } },
        { "in": "netsuite", "account": "acme", "type": "item", "as": "lamp", "values": {
            "itemid": "Desk lamp Aurora", "salesdescription": "Dimmable, brushed steel", "baseprice": "89.90",
            "quantityavailable": 150, "class": "lighting", "isinactive": false, "upccode": "4006381333931" } },
        { "in": "suitex", "account": "acme", "type": "salesorder", "as": "order", "values": {
            "customer_id": "@harbour", "order_date": "2026-03-02", "ship_date": "2026-03-05",
            "memo": "Call before delivery", "status": "B", "freight": "24.00", "lines": [
                { "item_id": "@beans", "quantity": 40, "rate": "18.5000", "discount": "0.0500" },
                { "item_id": "@grinder", "quantity": 2, "rate": "249.0000", "discount": null } ] } },
        { "in": "netsuite", "account": "acme", "type": "salesorder", "as": "lamps", "values": {
            "entity": "@lumen", "trandate": "2026-03-04", "memo": "Renovation, second floor",
            "orderstatus": "A", "shippingcost": "60.00", "item": [
                { "item": "@lamp", "quantity": 120, "rate": "79.9000", "custcol_discount": "0.1000" } ] } },
        { "in": "suitex", "account": "globex", "type": "customer", "as": "meridian", "values": {
            "company_name": "Meridian Robotics", "email": "ap@meridianrobotics.example",
            "phone": "+1 617 555 0158", "credit_limit": "150000.00", "tags": ["industrial"],
            "street": "55 Binney Street", "city": "Cambridge", "region": "MA", "postal_code": "02142",
            "country": "United States", "inactive": false } },
        { "in": "netsuite", "account": "globex", "type": "item", "as": "servo", "values": {
            "itemid": "Servo drive SD-40", "salesdescription": "400 W, EtherCAT", "baseprice": "612.00",
            "quantityavailable": 75, "class": "drives", "isinactive": false } },
        { "in": "netsuite", "account": "globex", "type": "customer", "as": "solar", "values": {
            "companyname": "Solar Fields Ltd", "email": "buying@solarfields.example",
            "phone": "+44 20 7946 0311", "creditlimit": "30000.00", "addr1": "1 Canada Square",
            "city": "London", "zip": "E14 5AB", "country": "United Kingdom", "isinactive": false } }
    ])
}
