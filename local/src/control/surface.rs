//! What is synced, for the page to build its forms from.

use axum::extract::State;
use axum::response::Json;
use serde_json::{Value, json};
use shared::domain::id::Side;
use shared::domain::surface::{Account, Direction, Field, TypeSurface};
use shared::domain::value::{Column, Kind};

use super::params::Params;
use super::{App, Shown};
use crate::functions::FUNCTIONS;

/// `GET /control/surface`
pub(super) async fn surface(State(system): App, params: Params) -> Shown {
    params.only(&[])?;
    Ok(Json(json!({
        "accounts": system.config.accounts.values().map(account).collect::<Vec<_>>(),
        "functions": FUNCTIONS,
    })))
}

fn account(account: &Account) -> Value {
    json!({ "id": account.id, "types": account.types.values().map(|t| record_type(t)).collect::<Vec<_>>() })
}

fn record_type(surface: &TypeSurface) -> Value {
    json!({
        "type": surface.record_type,
        "netsuite": surface.netsuite,
        "suitex": surface.suitex,
        "delete": surface.delete,
        "fields": surface.fields.iter().map(|f| field(f, surface)).collect::<Vec<_>>(),
    })
}

fn field(field: &Field, surface: &TypeSurface) -> Value {
    let mut shown = kind(&field.kind);
    shown["name"] = json!(&*field.name);
    shown["netsuite"] = json!(field.netsuite);
    shown["suitex"] = json!(field.suitex);
    shown["policy"] = json!(field.policy);
    shown["risk"] = json!(field.risk);
    shown["required"] = json!(field.required);
    shown["grouped"] = json!(surface.units[field.unit].len() > 1);
    shown["master"] = match field.direction {
        Direction::Both => Value::Null,
        Direction::ToSuitex => json!(Side::NetSuite),
        Direction::ToNetsuite => json!(Side::SuiteX),
    };
    shown
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text { max } => json!({ "kind": "text", "max": max }),
        Kind::Integer => json!({ "kind": "integer" }),
        Kind::Decimal { scale } => json!({ "kind": "decimal", "scale": scale }),
        Kind::Boolean => json!({ "kind": "boolean" }),
        Kind::Date => json!({ "kind": "date" }),
        Kind::DateTime => json!({ "kind": "datetime" }),
        Kind::Select { options } => {
            json!({ "kind": "select", "options": options.iter().map(|o| &**o).collect::<Vec<_>>() })
        }
        Kind::MultiSelect => json!({ "kind": "multiselect" }),
        Kind::Reference { to } => json!({ "kind": "reference", "to": to }),
        Kind::Lines(spec) => json!({
            "kind": "lines",
            "key": spec.key.as_ref().map(|key| json!({
                "suitex": key.suitex, "netsuite": key.netsuite, "netsuiteExternal": key.netsuite_external,
            })),
            "columns": spec.columns.iter().map(column).collect::<Vec<_>>(),
        }),
    }
}

fn column(column: &Column) -> Value {
    let mut shown = kind(&column.kind);
    shown["name"] = json!(&*column.name);
    shown["netsuite"] = json!(column.netsuite);
    shown["suitex"] = json!(column.suitex);
    shown
}
