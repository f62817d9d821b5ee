//! What would be written where, if something were decided. Pure: the planner itself is asked, on a copy.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::absorb::absorb_resolution;
use shared::domain::conflict::Resolution;
use shared::domain::id::{Side, Timestamp};
use shared::domain::plan::{Plan, plan};
use shared::domain::record::{Record, Verb};
use shared::domain::surface::TypeSurface;
use utoipa::ToSchema;

use crate::view::{shown, verb};

/// What a decision would do on one side.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// `netsuite` or `suitex`.
    pub side: &'static str,
    /// `create`, `update`, `delete`; `nothing`: it holds all of it already; `locked`: something else forbids writing;
    /// `look`: it is looked at first; `wait`: a write is under way, and settles first.
    pub verb: &'static str,
    /// What would be set, field by field.
    pub fields: BTreeMap<String, Setting>,
}

/// A field that would be set.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Setting {
    /// What the side holds.
    pub from: Json,
    /// What it would hold.
    pub to: Json,
}

impl Effect {
    /// Whether it would write.
    pub fn writes(&self) -> bool {
        matches!(self.verb, "create" | "update" | "delete" | "look" | "wait")
    }
}

/// What a resolution would do, side by side.
pub(super) fn of_resolution(
    record: &Record,
    resolution: &Resolution,
    surface: &TypeSurface,
    now: Timestamp,
) -> Vec<Effect> {
    let mut decided = record.clone();
    absorb_resolution(&mut decided, resolution, now);
    Side::BOTH.into_iter().map(|side| effect(&decided, side, surface, now)).collect()
}

fn effect(record: &Record, side: Side, surface: &TypeSurface, now: Timestamp) -> Effect {
    let has = |_: &_, _: &str| true;
    let (verb, wanted) = match plan(record, side, surface, now, &has) {
        Plan::Nothing => ("nothing", Vec::new()),
        Plan::Locked => ("locked", Vec::new()),
        Plan::Wait { .. } => ("wait", Vec::new()),
        // Nothing is said to lack a counterpart here.
        Plan::Read | Plan::WaitFor(_) => ("look", Vec::new()),
        Plan::Write(write) => {
            let wanted = if write.verb == Verb::Delete { Vec::new() } else { write.wanted };
            (verb(write.verb), wanted)
        }
    };
    let state = &record.sides[side];
    let setting = |(field, to): (usize, _)| {
        let name = surface.fields[field].name.to_string();
        (name, Setting { from: shown(surface, field, &state.shadow[field]), to: shown(surface, field, &to) })
    };
    Effect { side: side.as_str(), verb, fields: wanted.into_iter().map(setting).collect() }
}
