//! The person who decides conflicts and has errors tried again, by the review API.

use std::cell::{Cell, RefCell};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::Timestamp;
use shared::runtime::clock::{Clock, SystemClock};

use super::client::{Broken, Client};

/// How often the person looks, in ms.
const LOOK_EVERY_MS: i64 = 1_000;

/// A conflict is left alone until it is so old, in ms.
const AFTER_MS: i64 = 2_000;

/// What the person has done.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Done {
    /// Decisions that were accepted.
    pub(super) decided: u64,
    /// Decisions that came too late: the conflict had moved on.
    pub(super) outdated: u64,
    /// Errors tried again.
    pub(super) retried: u64,
}

/// The person.
pub(super) struct Reviewer<'a> {
    client: &'a Client,
    dice: RefCell<Rng>,
    /// What was done so far.
    pub(super) done: Cell<Done>,
    /// How many conflicts were open at the last look.
    pub(super) open: Cell<usize>,
    values: Cell<u64>,
    /// Whether the person has errors tried again.
    retries: bool,
}

impl<'a> Reviewer<'a> {
    /// A person whose choices follow from `seed`.
    pub(super) fn new(client: &'a Client, seed: u64) -> Self {
        let dice = RefCell::new(Rng::with_seed(seed.rotate_left(40)));
        let (done, open, values) = (Cell::default(), Cell::default(), Cell::default());
        Self { client, dice, done, open, values, retries: true }
    }

    /// The same, but errors are left as they are.
    pub(super) fn without_retries(self) -> Self {
        Self { retries: false, ..self }
    }

    /// Works until `done`.
    pub(super) async fn work(&self, done: &Cell<bool>) -> Result<(), Broken> {
        while !done.get() {
            self.decide(AFTER_MS).await?;
            self.retry().await?;
            SystemClock.sleep_until(SystemClock.now().plus(LOOK_EVERY_MS)).await;
        }
        Ok(())
    }

    /// Decides what has been open for at least `age` ms; how much was open.
    pub(super) async fn decide(&self, age: i64) -> Result<usize, Broken> {
        let conflicts = self.client.pages("/review/api/v1/conflicts").await?;
        self.open.set(conflicts.len());
        for conflict in &conflicts {
            let opened = conflict["openedAt"].as_str().and_then(Timestamp::parse);
            if opened.is_some_and(|at| at.plus(age) > SystemClock.now()) {
                continue;
            }
            let id = conflict["conflictId"].as_str().unwrap_or_default();
            let path = format!("/review/api/v1/conflicts/{id}/resolve");
            let (status, body) = self.client.ask(Method::POST, &path, Some(&self.decision(conflict))).await?;
            let mut done = self.done.get();
            match status {
                202 => done.decided += 1,
                // Moved on, closed by itself, or the function crashed: it is looked at again.
                404 | 409 | 500..600 => done.outdated += 1,
                _ => return Err(Broken(format!("{path}: {status} {body}"))),
            }
            self.done.set(done);
        }
        Ok(conflicts.len())
    }

    /// Has every open error tried again; how many there were.
    pub(super) async fn retry(&self) -> Result<usize, Broken> {
        if !self.retries {
            return Ok(0);
        }
        let errors = self.client.pages("/review/api/v1/errors?open=true").await?;
        for error in &errors {
            let id = error["id"].as_str().unwrap_or_default();
            let seen = format!("\"{}-{}\"", error["status"].as_str().unwrap_or_default(), error["attempts"]);
            let path = format!("/review/api/v1/errors/{id}/retry");
            match self.client.ask_of(Method::POST, &path, Some(&json!({})), Some(&seen)).await?.0 {
                200 => self.done.set(Done { retried: self.done.get().retried + 1, ..self.done.get() }),
                // It was met again or is over meanwhile, or nothing is stuck in it; or the function crashed.
                404 | 409 | 412 | 422 | 500..600 => {}
                status => return Err(Broken(format!("{path}: {status}"))),
            }
        }
        Ok(errors.len())
    }

    /// Mostly one side's value, sometimes what is suggested, seldom one of the person's own.
    fn decision(&self, conflict: &Json) -> Json {
        let mut dice = self.dice.borrow_mut();
        let mut fields = Map::new();
        for (name, clash) in conflict["fields"].as_object().into_iter().flatten() {
            let choice = match dice.u32(0..20) {
                0..8 => json!({ "choice": "netsuite" }),
                8..16 => json!({ "choice": "suitex" }),
                16..19 => json!({ "choice": "suggested" }),
                _ => match self.own_value(&clash["netsuite"]) {
                    Some(value) => json!({ "value": value }),
                    None => json!({ "choice": "suggested" }),
                },
            };
            fields.insert(name.clone(), choice);
        }
        let mut decision = json!({
            "conflictRevision": conflict["conflictRevision"],
            "fields": fields,
        });
        if !conflict["deletedBy"].is_null() {
            decision["keep"] = json!(dice.bool());
        }
        decision
    }

    /// A value of the same form, which nobody else has typed: negative numbers, and words of the person's own.
    fn own_value(&self, like: &Json) -> Option<Json> {
        self.values.set(self.values.get() + 1);
        let n = self.values.get();
        match like {
            Json::String(text) if text.parse::<rust_decimal::Decimal>().is_ok() => {
                Some(json!(format!("-{n}.00")))
            }
            Json::String(text) if text.contains(' ') => Some(json!(format!("decided by rita {n}"))),
            _ => None,
        }
    }
}
