//! The Map/Reduce script: input, map, reduce, summary, each with an allowance of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::engine::Engine;
use super::price::Allowance;
use super::project::Kind;
use super::run::{Run, Runner};
use super::thrown::Thrown;
use crate::netsuite::account::Account;
use crate::netsuite::user_event::Context;

/// The user as which the schedule runs.
const SCHEDULE: &str = "-4";

/// Keys and texts, as stages hand them on.
type Pairs = Vec<(String, String)>;

/// Runs every Map/Reduce script of the project once.
pub(in crate::netsuite) fn run(account: &Arc<Account>) {
    let Some(deployed) = &account.deployed else { return };
    for script in deployed.project.scripts.iter().filter(|s| s.kind == Kind::MapReduce) {
        let Some(deployment) = script.deployments.first() else { continue };
        let runner = Runner { script, deployment, context: Context::MapReduce, user: SCHEDULE };
        let ran = Run::engine(account, deployed, &runner)
            .and_then(|(run, engine)| Stages { run: &run, engine: &engine, file: &script.file }.run());
        if let Err(thrown) = ran {
            account.enter().note_script(&script.id, &thrown);
        }
    }
}

/// The stages of one run. They share an engine, as the jobs of one processor do; none shares its allowance.
struct Stages<'a> {
    run: &'a Run,
    engine: &'a Engine,
    file: &'a str,
}

impl Stages<'_> {
    fn run(&self) -> Result<(), Thrown> {
        let (input, problem) = match self.stage("getInputData", Allowance::ENDS, &Json::Null).and_then(pairs)
        {
            Ok(input) => (input, Json::Null),
            Err(thrown) => (Pairs::new(), json!(thrown.message)),
        };
        let mut map_errors = Pairs::new();
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in input {
            let about = json!({ "key": key, "value": value });
            match self.stage("map", Allowance::MAP, &about).and_then(pairs) {
                Ok(written) => {
                    written.into_iter().for_each(|(key, value)| groups.entry(key).or_default().push(value));
                }
                Err(thrown) => map_errors.push((key, thrown.message)),
            }
        }
        let mut reduce_errors = Pairs::new();
        for (key, values) in groups {
            let about = json!({ "key": key, "values": values });
            if let Err(thrown) = self.stage("reduce", Allowance::REDUCE, &about) {
                reduce_errors.push((key, thrown.message));
            }
        }
        let about = json!({ "input": problem, "map": map_errors, "reduce": reduce_errors });
        self.stage("summarize", Allowance::ENDS, &about)?;
        Ok(())
    }

    fn stage(&self, entry: &str, allowance: Allowance, about: &Json) -> Result<Json, Thrown> {
        self.run.begin(allowance);
        self.engine.enter(self.file, entry, about)
    }
}

fn pairs(written: Json) -> Result<Pairs, Thrown> {
    serde_json::from_value(written).map_err(|error| Thrown::unexpected(error.to_string()))
}
