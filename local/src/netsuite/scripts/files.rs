//! What `suitecloud project:deploy` uploads, as this program carries it; and the `N/*` modules behind it.

use std::collections::BTreeMap;

/// The files of one folder of `suitescript/src`, by path below it.
macro_rules! project {
    ($folder:literal: $($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../../../suitescript/src/", $folder, "/", $path)))),*]
    };
}

/// The modules that the simulator brings, by name.
macro_rules! modules {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("js/", $name, ".js")))),*] };
}

pub(super) const SCRIPTS: &[(&str, &str)] = project!("FileCabinet/SuiteScripts/suitex_sync":
    "sx_mr_outbox.js" "sx_rl_event.js" "sx_rl_write.js" "sx_ue_delta.js"
    "lib/apply.js" "lib/budget.js" "lib/call.js" "lib/decimal.js" "lib/deletions.js" "lib/delta.js" "lib/event.js"
    "lib/fields.js" "lib/ingest.js" "lib/lines.js" "lib/operations.js" "lib/outbox.js" "lib/outcome.js"
    "lib/probe.js" "lib/read.js" "lib/records.js" "lib/refusal.js" "lib/revision.js" "lib/settings.js"
    "lib/stamp.js" "lib/surface.js" "lib/twins.js" "lib/values.js");

pub(super) const OBJECTS: &[(&str, &str)] = project!("Objects":
    "custbody_sx_operation.xml" "custcol_sx_line.xml" "custentity_sx_operation.xml" "custinteg_sx_sync.xml"
    "custitem_sx_operation.xml" "customrecord_sx_idem.xml" "customrecord_sx_outbox.xml" "customrole_sx_sync.xml"
    "customscript_sx_mr_outbox.xml" "customscript_sx_rl_event.xml" "customscript_sx_rl_write.xml"
    "customscript_sx_ue_delta.xml" "custsecret_sx_ingest.xml");

const MODULES: &[(&str, &str)] = modules!("prelude" "N/crypto" "N/encode" "N/error" "N/format" "N/https"
    "N/internal/entry" "N/internal/NRecord" "N/internal/values" "N/log" "N/query" "N/record" "N/runtime" "N/search");

/// A deployed project.
#[derive(Debug, Clone)]
pub struct Files {
    replaced: BTreeMap<String, String>,
}

impl Files {
    /// The project as it stands in `suitescript/`.
    pub fn of_the_project() -> Self {
        Self { replaced: BTreeMap::new() }
    }

    /// With another text in place of a script's: for tests that break it.
    pub fn with(mut self, path: &str, source: String) -> Self {
        self.replaced.insert(path.to_string(), source);
        self
    }

    /// The text of a script or module.
    pub fn source(&self, path: &str) -> Option<&str> {
        let carried = || [SCRIPTS, MODULES].into_iter().flatten().find(|(name, _)| *name == path);
        self.replaced.get(path).map(String::as_str).or_else(|| carried().map(|(_, source)| *source))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn found(folder: &Path, prefix: &str, all: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                found(&entry.path(), &format!("{name}/"), all);
            } else {
                all.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_project_is_carried() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../suitescript/src");
        for (folder, carried) in [("FileCabinet/SuiteScripts/suitex_sync", SCRIPTS), ("Objects", OBJECTS)] {
            let mut there = BTreeSet::new();
            found(&project.join(folder), "", &mut there);
            assert_eq!(carried.iter().map(|(path, _)| path.to_string()).collect::<BTreeSet<_>>(), there);
        }
    }
}
