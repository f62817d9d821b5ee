//! From a report to the row that people read.

use uuid::Uuid;

use crate::domain::id::{Side, Timestamp};
use crate::domain::record::Record;
use crate::domain::report::{Decision, Report};
use crate::domain::surface::TypeSurface;
use crate::domain::value::Value;
use crate::state::{HistoryDecision, HistoryRow};

/// The history row of what was decided about `record`, which carries the version after it.
pub fn row(
    record: &Record,
    report: &Report,
    source: &str,
    actor: Option<&str>,
    events: Vec<Uuid>,
    at: Timestamp,
    surface: &TypeSurface,
) -> HistoryRow {
    HistoryRow {
        version: record.version,
        at,
        source: source.to_string(),
        actor: actor.map(str::to_string),
        events,
        decisions: report.decisions.iter().map(|d| decision(d, surface)).collect(),
    }
}

/// Values are shown as SuiteX writes them, references by canonical id.
fn decision(decision: &Decision, surface: &TypeSurface) -> HistoryDecision {
    let show = |value: &Value| match (decision.field, value) {
        (Some(field), value) => surface.fields[field].kind.render(Side::SuiteX, value),
        (None, Value::Bool(exists)) => serde_json::Value::Bool(*exists),
        (None, _) => serde_json::Value::Null,
    };
    HistoryDecision {
        field: decision.field_name(surface).to_string(),
        rule: decision.rule.name().to_string(),
        base: show(&decision.base),
        ours: show(&decision.ours),
        from: show(&decision.theirs),
        to: show(&decision.result),
    }
}
