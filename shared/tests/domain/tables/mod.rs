//! The rules, one row a case. Integers stand for any value; revisions are seconds in NetSuite.

mod conflicts;
mod deletes;
mod forms;
mod gaps;
mod groups;
mod lines;
mod news;
mod plans;
mod policies;
mod replies;

use shared::domain::absorb::{absorb, absorb_resolution};
use shared::domain::conflict::{Choice, Resolution};
use shared::domain::id::{Revision, Side, Timestamp};
use shared::domain::news::News;
use shared::domain::plan::{Plan, Write, intend, plan};
use shared::domain::record::{Intent, Record, Verb};
use shared::domain::report::Report;
use shared::domain::settle::{Reply, Seen, settle};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

use super::fixture::{deleted, delta, fields, named, show, side_id, synced};
use super::model::faithful;

const N: Side = Side::NetSuite;
const X: Side = Side::SuiteX;

/// A record of one type, and what is said about it.
struct Thing {
    surface: TypeSurface,
    record: Record,
    now: Timestamp,
}

impl Thing {
    fn new(surface: TypeSurface, values: &[(&str, Value)]) -> Self {
        let record = synced(&surface, values);
        Self { surface, record, now: Timestamp(1_000_000) }
    }

    /// One field `f` of this type and policy.
    fn of(field: &str, value: Value) -> Self {
        Self::new(fields(&format!("f = {{ {field} }}")), &[("f", value)])
    }

    fn hear(&mut self, news: &News) -> Report {
        self.commit(|record, surface| absorb(record, news, surface))
    }

    fn commit(&mut self, step: impl FnOnce(&mut Record, &TypeSurface) -> Report) -> Report {
        let before = self.record.clone();
        let report = step(&mut self.record, &self.surface);
        self.record.row_revision += 1;
        assert_eq!(faithful(&before, &self.record, &report), Ok(()));
        report
    }

    fn edit(&mut self, side: Side, revision: i64, values: &[(&str, Value)]) -> Report {
        let values = named(&self.surface, values);
        self.hear(&delta(side, revision, values))
    }

    fn deletes(&mut self, side: Side, revision: i64) -> Report {
        self.hear(&deleted(side, revision))
    }

    fn resolve(&mut self, fields: Vec<(FieldIx, Choice)>, keep: Option<bool>) -> Report {
        let conflict = self.record.conflict.as_ref().expect("there is a conflict to resolve");
        let resolution = Resolution { conflict: conflict.id, revision: conflict.revision, fields, keep };
        let now = self.now;
        self.commit(|record, _| absorb_resolution(record, &resolution, now))
    }

    fn plan(&self, side: Side) -> Plan {
        plan(&self.record, side, &self.surface, self.now, &|_, _| true)
    }

    fn intend(&mut self, side: Side) -> Intent {
        let Plan::Write(write) = self.plan(side) else { panic!("no write: {:?}", self.plan(side)) };
        let intent = intend(&mut self.record, side, write, self.now, 60_000);
        self.record.row_revision += 1;
        intent
    }

    fn settle(&mut self, side: Side, reply: Reply) -> Report {
        let now = self.now;
        self.commit(|record, surface| settle(record, side, reply, now, surface))
    }

    /// The side as it is now: the shadow, but for these values.
    fn seen(&self, side: Side, revision: i64, values: &[(&str, Value)]) -> Seen {
        let mut all: Vec<_> = self.record.sides[side].shadow.iter().cloned().enumerate().collect();
        for (field, value) in named(&self.surface, values) {
            all[field].1 = value;
        }
        Seen { id: side_id(side), revision: Revision(revision), values: all, complete: true }
    }

    /// NetSuite tells that it has carried out the write under way, and what that left.
    fn carried_out(&self, values: &[(&str, Value)]) -> Vec<(Uuid, Vec<(FieldIx, Value)>)> {
        let intent = self.record.sides.netsuite.intent.as_ref().expect("a write under way");
        vec![(intent.operation, named(&self.surface, values))]
    }

    fn get(&self, name: &str) -> String {
        show(&self.record.canonical[self.surface.field(name).expect("a field")])
    }

    fn planned(&self, side: Side) -> String {
        self.in_words(self.plan(side))
    }

    /// A plan, in a word and its values.
    fn in_words(&self, plan: Plan) -> String {
        match plan {
            Plan::Nothing => "nothing".into(),
            Plan::Locked => "locked".into(),
            Plan::Read => "read".into(),
            Plan::Wait { until } => format!("wait until {}", until.0),
            Plan::WaitFor(missing) => format!("wait for {} {}", missing.record_type, missing.id),
            Plan::Write(Write { verb, wanted, expected, postponed }) => {
                let some = |values: &[(FieldIx, Value)]| {
                    let one =
                        |(f, v): &(FieldIx, Value)| format!(" {}={}", self.surface.fields[*f].name, show(v));
                    values.iter().map(one).collect::<String>()
                };
                let where_ =
                    if verb == Verb::Create { String::new() } else { format!(" where{}", some(&expected)) };
                let later = postponed.map_or(String::new(), |p| format!(", later {}", p.id));
                format!("{verb:?}{}{where_}{later}", some(&wanted)).to_lowercase()
            }
        }
    }

    /// What is in conflict: field, NetSuite's value, SuiteX's value, what is suggested.
    fn clashes(&self) -> String {
        let Some(conflict) = &self.record.conflict else { return "none".into() };
        let one = |c: &shared::domain::conflict::Clash| {
            let name = &self.surface.fields[c.field].name;
            format!("{name} {}|{}→{}", show(&c.values.netsuite), show(&c.values.suitex), show(&c.suggested))
        };
        let gone = conflict.deleted_by.map(|side| format!("deleted by {side}"));
        conflict.clashes.iter().map(one).chain(gone).collect::<Vec<_>>().join(", ")
    }
}

fn rules(report: &Report) -> Vec<&'static str> {
    report.decisions.iter().map(|d| d.rule.name()).collect()
}
