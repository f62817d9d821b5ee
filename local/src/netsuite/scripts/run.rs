//! One run of a script: who runs, what it may spend, and what it asks of NetSuite.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use shared::domain::id::Timestamp;

use super::engine::Engine;
use super::price::{Allowance, LOOKS_MAX};
use super::project::{Deployment, Kind, Script};
use super::thrown::{End, Thrown};
use super::{Deployed, Mode, formats, outside, records, search, secrets, suiteql};
use crate::netsuite::account::Account;
use crate::netsuite::user_event::Context;

/// Lines of the script log that are kept.
const LOG_LINES_MAX: usize = 200;

/// A run.
pub(super) struct Run {
    pub(super) account: Arc<Account>,
    pub(super) deployed: Arc<Deployed>,
    pub(super) script: String,
    deployment: String,
    kind: Kind,
    parameters: BTreeMap<String, Option<String>>,
    /// What started it, in the words of `runtime.executionContext`.
    pub(super) context: Context,
    pub(super) user: String,
    allowance: Cell<Allowance>,
    units: Cell<i64>,
    began: Cell<Timestamp>,
    /// What the account's faults add to its time, in ms.
    slowed: Cell<i64>,
    looks: Cell<u64>,
    ended: Cell<Option<End>>,
    /// After so many more saves the run dies, of slowness.
    dies_after: Cell<Option<u64>>,
    /// And after so many more calls of the modules.
    dies_after_calls: Cell<Option<u64>>,
}

/// Who runs which script.
pub(super) struct Runner<'a> {
    pub(super) script: &'a Script,
    pub(super) deployment: &'a Deployment,
    pub(super) context: Context,
    pub(super) user: &'a str,
}

impl Run {
    /// An engine that runs a script of the account.
    pub(super) fn engine(
        account: &Arc<Account>,
        deployed: &Arc<Deployed>,
        runner: &Runner<'_>,
    ) -> Result<(Rc<Self>, Engine), Thrown> {
        let Runner { script, deployment, context, user } = runner;
        let run = Rc::new(Self {
            account: Arc::clone(account),
            deployed: Arc::clone(deployed),
            script: script.id.clone(),
            deployment: deployment.id.clone(),
            kind: script.kind,
            parameters: script.parameters.clone(),
            context: *context,
            user: user.to_string(),
            allowance: Cell::new(Allowance::RESTLET),
            units: Cell::new(0),
            began: Cell::new(account.clock.now()),
            slowed: Cell::new(0),
            looks: Cell::new(0),
            ended: Cell::new(None),
            dies_after: Cell::new(None),
            dies_after_calls: Cell::new(None),
        });
        let engine = Engine::new(Rc::clone(&run))?;
        Ok((run, engine))
    }

    /// Begins to count anew.
    pub(super) fn begin(&self, allowance: Allowance) {
        self.allowance.set(allowance);
        self.units.set(allowance.units);
        self.began.set(self.account.clock.now());
        self.slowed.set(0);
        self.looks.set(0);
        self.ended.set(None);
    }

    /// Lets the run die of slowness after so many more saves.
    pub(super) fn dies_after(&self, saves: u64) {
        if saves == 0 {
            self.end(End::Time);
        }
        self.dies_after.set(Some(saves));
    }

    /// Lets the run die of slowness after so many more calls of the modules.
    pub(super) fn dies_after_calls(&self, calls: u64) {
        if calls == 0 {
            self.end(End::Time);
        }
        self.dies_after_calls.set(Some(calls));
    }

    /// Whether it has died so.
    pub(super) fn died_of_calls(&self) -> bool {
        self.dies_after_calls.get() == Some(0)
    }

    /// Whether saves of this run are seen by User Events: those of a User Event are not.
    pub(super) fn is_seen(&self) -> bool {
        self.kind != Kind::UserEvent
    }

    /// Why NetSuite ended it.
    pub(super) fn ended(&self) -> Option<End> {
        self.ended.get()
    }

    /// A file of the project, or a module.
    pub(super) fn source(&self, path: &str) -> Option<&str> {
        self.deployed.files.source(path)
    }

    /// The engine looks up from its work: whether the run is over.
    pub(super) fn must_end(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > LOOKS_MAX {
            self.end(End::Instructions);
        }
        self.check_time();
        self.ended.get().is_some()
    }

    /// Answers what a script asks.
    pub(super) fn answer(&self, what: &str, about: &str) -> String {
        self.check_time();
        let answered = match self.ended.get() {
            Some(end) => Err(end.into()),
            None => {
                let answered = self.dispatch(what, about);
                self.called();
                answered
            }
        };
        let answer = match answered {
            Ok(value) => json!({ "value": value }),
            Err(thrown) => json!({ "thrown": thrown }),
        };
        answer.to_string()
    }

    fn dispatch(&self, what: &str, about: &str) -> Result<Json, Thrown> {
        match what {
            "now" => Ok(json!(self.now().0)),
            "usage" => Ok(json!(self.units.get())),
            "runtime" => Ok(json!({
                "script": self.script, "deployment": self.deployment, "user": self.user,
                "context": self.context.as_str(),
            })),
            "parameter" => Ok(json!(self.parameter(&parsed::<Named>(about)?.name))),
            "preference" => Ok(json!(formats::preference(self, &parsed::<Named>(about)?.name))),
            "format.are_text" => Ok(formats::are_text(self)),
            "format.text" => formats::text(self, &parsed(about)?),
            "format.parse" => formats::parse(self, &parsed(about)?),
            "feature" => Ok(json!(matches!(&*parsed::<Named>(about)?.name, "MULTICURRENCY" | "MULTPRICE"))),
            "log" => Ok(self.log(&parsed(about)?)),
            "secret" => secrets::refuse_unknown(self, &parsed(about)?),
            "digest" => secrets::digest(self, &parsed(about)?),
            "record.create" => records::create(self, &parsed(about)?),
            "record.load" => records::load(self, &parsed(about)?),
            "record.save" => records::save(self, parsed(about)?),
            "record.delete" => records::delete(self, &parsed(about)?),
            "search" => search::search(self, &parsed(about)?),
            "suiteql" => suiteql::run(self, &parsed(about)?),
            "https.post" => outside::post(self, parsed(about)?),
            "https.restlet" => outside::call_restlet(self, &parsed(about)?),
            other => Err(Thrown::not_simulated(other)),
        }
    }

    /// The time as the run sees it.
    pub(super) fn now(&self) -> Timestamp {
        self.account.clock.now().plus(self.slowed.get())
    }

    /// Pays for something; a run that cannot ends.
    pub(super) fn spend(&self, units: i64) -> Result<(), Thrown> {
        self.units.set(self.units.get() - units);
        if self.units.get() < 0 {
            self.units.set(0);
            self.end(End::Usage);
            return Err(End::Usage.into());
        }
        Ok(())
    }

    /// Something took longer than it should.
    pub(super) fn slow(&self, millis: i64) {
        self.slowed.set(self.slowed.get().saturating_add(millis.max(0)));
    }

    /// Something was saved, and is.
    pub(super) fn saved(&self) {
        if let Some(left) = self.dies_after.get() {
            self.dies_after.set(Some(left.saturating_sub(1)));
            if left <= 1 {
                self.end(End::Time);
            }
        }
    }

    /// A module was called, and has done what it was asked.
    fn called(&self) {
        if let Some(left) = self.dies_after_calls.get() {
            self.dies_after_calls.set(Some(left.saturating_sub(1)));
            if left <= 1 {
                self.end(End::Time);
            }
        }
    }

    fn check_time(&self) {
        if self.now().0 - self.began.get().0 > self.allowance.get().millis {
            self.end(End::Time);
        }
    }

    fn end(&self, end: End) {
        if self.ended.get().is_none() {
            self.ended.set(Some(end));
        }
    }

    /// A parameter of this script, as the account's administrator set it.
    fn parameter(&self, name: &str) -> Option<String> {
        let default = self.parameters.get(name)?;
        let account = self.account.id.as_str();
        let mode = match self.deployed.mode {
            Mode::Outbox => "outbox",
            Mode::Direct => "direct",
        };
        match name {
            "custscript_sx_delta_mode" => Some(mode.to_string()),
            "custscript_sx_event_url" | "custscript_sx_outbox_url" => Some(outside::INGEST_URL.to_string()),
            "custscript_sx_delta_account" | "custscript_sx_event_key" | "custscript_sx_outbox_key" => {
                Some(account.to_string())
            }
            _ => default.clone(),
        }
    }

    fn log(&self, line: &LogLine) -> Json {
        let LogLine { level, title, details } = line;
        tracing::debug!(account = %self.account.id, script = self.script, level, title, details, "a script logs");
        let mut state = self.account.enter();
        if state.script_log.len() == LOG_LINES_MAX {
            state.script_log.pop_front();
        }
        state.script_log.push_back(format!("{level} {}: {title}: {details}", self.script));
        Json::Null
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct LogLine {
    level: String,
    title: String,
    #[serde(default)]
    details: String,
}

/// What a script asks about, which our own modules have put into form.
fn parsed<T: DeserializeOwned>(about: &str) -> Result<T, Thrown> {
    let bad = |error: serde_json::Error| Thrown::new("SSS_MISSING_REQD_ARGUMENT", error.to_string());
    serde_json::from_str(about).map_err(bad)
}
