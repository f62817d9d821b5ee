//! What goes wrong on purpose.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::domain::id::AccountId;
use shared::runtime::problem::Problem;

use super::params::{Params, account, object, unknown};
use super::{App, Shown};
use crate::bus::BusFaults;
use crate::carrier::LocalBus;
use crate::functions::FUNCTIONS;
use crate::netsuite::Faults;
use crate::system::System;

/// [`BusFaults`] as JSON.
#[derive(Serialize, Deserialize)]
#[serde(remote = "BusFaults", deny_unknown_fields)]
struct BusFields {
    duplicate: f64,
    redeliver_suffix: f64,
    reorder: f64,
    ack_lost: f64,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(transparent)]
struct OnBus(#[serde(with = "BusFields")] BusFaults);

/// `GET /control/faults`
pub(super) async fn show(State(system): App, params: Params) -> Shown {
    params.only(&[])?;
    in_force(&system).await.map(Json)
}

/// `POST /control/faults`: everything that is named is set, or nothing when one part cannot be.
pub(super) async fn set(State(system): App, body: Bytes) -> Shown {
    let asked = object(&body, &["account", "netsuite", "bus", "crash"])?;
    let accounts = match asked.get("account") {
        None | Some(Value::Null) => system.accounts.clone(),
        Some(Value::String(name)) => vec![account(&system, name)?.id.clone()],
        Some(_) => return Err(Problem::unprocessable("account", "must be the id of an account")),
    };
    let crash = match asked.get("crash") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if FUNCTIONS.contains(&name.as_str()) => Some(name),
        Some(_) => {
            let reason = format!("must be a function: {}", FUNCTIONS.join(", "));
            return Err(Problem::unprocessable("crash", reason));
        }
    };
    let (mut netsuite, mut bus) = (Vec::new(), Vec::new());
    let carrier = system.carrier.local();
    if carrier.is_none() && asked.get("bus").is_some_and(|change| !change.is_null()) {
        let reason = "is Pub/Sub's own here, whose deliveries nobody can disturb: faults need the local bus";
        return Err(Problem::unprocessable("bus", reason));
    }
    for account in &accounts {
        if let Some(change) = asked.get("netsuite") {
            netsuite.push((account, changed(system.netsuite.faults(account), change, "netsuite")?));
        }
        if let (Some(change), Some(carrier)) = (asked.get("bus"), carrier) {
            bus.push((account, carrier, changed(OnBus(carrier.faults(account)), change, "bus")?));
        }
    }
    set_netsuite(&system, netsuite)?;
    for (account, carrier, OnBus(faults)) in bus {
        carrier.set_faults(account, faults);
    }
    if let Some(function) = crash {
        system.fleet.crash(function);
    }
    in_force(&system).await.map(Json)
}

/// Sets all, or none: NetSuite knows whether the fields and tables exist.
fn set_netsuite(system: &Arc<System>, faults: Vec<(&AccountId, Faults)>) -> Result<(), Problem> {
    let mut before = Vec::new();
    for (account, faults) in faults {
        before.push((account, system.netsuite.faults(account)));
        if let Err(refusal) = system.netsuite.set_faults(account, faults) {
            for (account, faults) in before {
                // They were in force a moment ago.
                let _ = system.netsuite.set_faults(account, faults);
            }
            // A setting says its own name; a behaviour only that of its field.
            let setting = refusal.field.filter(|field| field.starts_with("settings."));
            let at = setting.unwrap_or_else(|| "behaviours".into());
            return Err(Problem::unprocessable(format!("netsuite.{at}"), refusal.message));
        }
    }
    Ok(())
}

/// `current` with the members of `change` in place of its own; null stands for the healthy value. A member
/// that has members by nature, as the settings have, is changed member by member too.
fn changed<T>(current: T, change: &Value, at: &str) -> Result<T, Problem>
where
    T: Serialize + DeserializeOwned + Default,
{
    let change = match change {
        Value::Null => return Ok(T::default()),
        Value::Object(change) => change,
        _ => return Err(Problem::unprocessable(at, "must be an object, or null for none")),
    };
    let (mut fields, healthy) = (fields(&current), fields(&T::default()));
    let mut result = current;
    for (name, value) in change {
        let at = format!("{at}.{name}");
        let Some(usual) = healthy.get(name) else {
            return Err(unknown(&at, name, healthy.keys().map(String::as_str)));
        };
        let value = match (usual, value, fields.get(name)) {
            (usual, Value::Null, _) => usual.clone(),
            (Value::Object(usual), Value::Object(change), Some(Value::Object(now))) if !usual.is_empty() => {
                let mut whole = now.clone();
                for (name, value) in change {
                    let usual = usual.get(name).ok_or_else(|| {
                        unknown(&format!("{at}.{name}"), name, usual.keys().map(String::as_str))
                    })?;
                    let value = if value.is_null() { usual } else { value };
                    whole.insert(name.clone(), value.clone());
                }
                Value::Object(whole)
            }
            (_, value, _) => value.clone(),
        };
        in_range(usual, &value).map_err(|reason| Problem::unprocessable(&at, reason))?;
        fields.insert(name.clone(), value);
        let read = serde_json::from_value(Value::Object(fields.clone()));
        result = read.map_err(|error| Problem::unprocessable(&at, error.to_string()))?;
    }
    Ok(result)
}

fn fields(faults: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(faults) {
        Ok(Value::Object(fields)) => fields,
        // Both kinds of faults are structs of numbers, switches and maps.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Shares lie between 0 and 1, other numbers are not negative.
fn in_range(usual: &Value, value: &Value) -> Result<(), &'static str> {
    match (usual, value.as_f64()) {
        (Value::Number(n), number) if n.is_f64() => match number {
            Some(share) if (0.0..=1.0).contains(&share) => Ok(()),
            _ => Err("must be a share between 0 and 1"),
        },
        (Value::Number(_), Some(number)) if number < 0.0 => Err("must not be negative"),
        _ => Ok(()),
    }
}

/// What is wrong on purpose. `bus` is null where Pub/Sub itself carries the messages.
async fn in_force(system: &System) -> Result<Value, Problem> {
    let carrier = system.carrier.local();
    let mut accounts = Map::new();
    for account in &system.accounts {
        let allowance = system.inside.allowance(account).await?;
        let shown = json!({
            "netsuite": system.netsuite.faults(account),
            "bus": carrier.map(|carrier| OnBus(carrier.faults(account))),
            "injected": system.netsuite.injected(account),
            "governance": {
                "limit": allowance.limit,
                "failures": allowance.failures,
                "notBefore": allowance.not_before,
            },
        });
        accounts.insert(account.to_string(), shown);
    }
    Ok(json!({
        "accounts": accounts,
        "injectedByBus": carrier.map(LocalBus::injected).unwrap_or_default(),
        "crashes": system.fleet.crashes(),
    }))
}
