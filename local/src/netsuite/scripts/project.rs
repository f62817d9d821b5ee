//! The objects of the project, as far as they decide what runs where: scripts, their deployments and parameters,
//! and the fields of custom records.

use std::collections::BTreeMap;

use super::files::OBJECTS;
use crate::netsuite::user_event::Context;

/// What starts a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Restlet,
    UserEvent,
    MapReduce,
}

/// A script record.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Path below the project's folder in the File Cabinet.
    pub(super) file: String,
    /// Deployments that run: deployed, and not in testing.
    pub(super) deployments: Vec<Deployment>,
    /// Parameter → its default.
    pub(super) parameters: BTreeMap<String, Option<String>>,
}

/// A deployment.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    /// The record type that it listens to, lower case.
    pub(super) record_type: Option<String>,
    /// What may start it, in the words of `runtime.executionContext`; nothing named: anything.
    contexts: Vec<String>,
}

impl Deployment {
    /// Whether it runs for what was done in this context.
    pub(super) fn runs_in(&self, context: Context) -> bool {
        self.contexts.is_empty() || self.contexts.iter().any(|name| name == context.as_str())
    }
}

/// A custom record type: its fields and NetSuite's types of them, lower case.
#[derive(Debug)]
pub(super) struct CustomType {
    pub(super) id: String,
    pub(super) fields: Vec<(String, String)>,
}

/// What is deployed in every account.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) scripts: Vec<Script>,
    pub(super) custom_types: Vec<CustomType>,
}

impl Project {
    /// Reads the objects. They are our own, so what is not understood shows in the tests.
    pub(super) fn read() -> Self {
        Self::of(|xml| xml.to_string())
    }

    /// The same with the objects as `change` leaves them.
    pub(super) fn of(change: impl Fn(&str) -> String) -> Self {
        let changed: Vec<String> = OBJECTS.iter().map(|(_, xml)| change(xml)).collect();
        let objects = || changed.iter().map(String::as_str);
        Self {
            scripts: objects().filter_map(script).collect(),
            custom_types: objects().filter_map(custom_type).collect(),
        }
    }

    /// The script of an id, by which deployment.
    pub(super) fn deployed(
        &self,
        kind: Kind,
        script: &str,
        deployment: &str,
    ) -> Option<(&Script, &Deployment)> {
        let script = self.scripts.iter().find(|s| s.kind == kind && s.id == script)?;
        Some((script, script.deployments.iter().find(|d| d.id == deployment)?))
    }

    /// The User Events of a record type.
    pub(super) fn user_events(&self, record_type: &str) -> impl Iterator<Item = (&Script, &Deployment)> {
        let listens = move |d: &&Deployment| d.record_type.as_deref() == Some(record_type);
        let scripts = self.scripts.iter().filter(|s| s.kind == Kind::UserEvent);
        scripts.flat_map(move |s| s.deployments.iter().filter(listens).map(move |d| (s, d)))
    }
}

fn script(xml: &str) -> Option<Script> {
    let roots = [
        ("restlet", Kind::Restlet),
        ("usereventscript", Kind::UserEvent),
        ("mapreducescript", Kind::MapReduce),
    ];
    let (id, kind) = roots.iter().find_map(|(root, kind)| Some((elements(xml, root).first()?.0, *kind)))?;
    let file = text(xml, "scriptfile")?.trim_matches(['[', ']']).rsplit_once("/suitex_sync/")?.1;
    let runs = |(_, body): &(&str, &str)| {
        text(body, "isdeployed") == Some("T") && text(body, "status") != Some("TESTING")
    };
    let deployment = |(id, body): (&str, &str)| Deployment {
        id: id.to_string(),
        record_type: text(body, "recordtype").map(str::to_ascii_lowercase),
        contexts: text(body, "executioncontext").into_iter().flat_map(names).collect(),
    };
    let parameter =
        |(id, body): (&str, &str)| (id.to_string(), text(body, "defaultvalue").map(str::to_string));
    Some(Script {
        id: id.to_string(),
        kind,
        file: file.to_string(),
        deployments: elements(xml, "scriptdeployment").into_iter().filter(runs).map(deployment).collect(),
        parameters: elements(xml, "scriptcustomfield").into_iter().map(parameter).collect(),
    })
}

/// The names of a list.
fn names(list: &str) -> impl Iterator<Item = String> {
    list.split('|').map(str::trim).filter(|name| !name.is_empty()).map(str::to_string)
}

fn custom_type(xml: &str) -> Option<CustomType> {
    let field = |(id, body): (&str, &str)| {
        (id.to_string(), text(body, "fieldtype").unwrap_or("TEXT").to_ascii_lowercase())
    };
    Some(CustomType {
        id: elements(xml, "customrecordtype").first()?.0.to_string(),
        fields: elements(xml, "customrecordcustomfield").into_iter().map(field).collect(),
    })
}

/// The elements of a name that have a `scriptid`: the id, and what stands inside.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let (start, end) = (format!("<{name} scriptid=\""), format!("</{name}>"));
    let mut rest = xml.split(start.as_str());
    rest.next();
    rest.filter_map(|part| {
        let (id, body) = part.split_once('"')?;
        Some((id, body.split(end.as_str()).next()?))
    })
    .collect()
}

/// The text of the first element of a name.
fn text<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_understood() {
        let project = Project::read();
        let told = |s: &Script| format!("{} {:?} {} {}", s.id, s.kind, s.file, s.deployments.len());
        assert_eq!(
            project.scripts.iter().map(told).collect::<Vec<_>>(),
            [
                "customscript_sx_mr_outbox MapReduce sx_mr_outbox.js 1",
                "customscript_sx_rl_event Restlet sx_rl_event.js 1",
                "customscript_sx_rl_write Restlet sx_rl_write.js 1",
                "customscript_sx_ue_delta UserEvent sx_ue_delta.js 3",
            ]
        );
        let (script, _) = project.user_events("salesorder").next().unwrap();
        assert_eq!(script.parameters["custscript_sx_delta_mode"].as_deref(), Some("outbox"));
        assert_eq!(project.custom_types[0].fields[3], ("custrecord_sx_idem_held".into(), "clobtext".into()));
    }
}
