//! What the people of the demo know: which records there are, under which ids, and everything that anybody
//! did to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, PerSide, RecordType, Side};
use shared::domain::surface::{Field, FieldIx, SyncConfig, TypeSurface};
use shared::domain::value::Kind;

use super::fate::Change;

/// Position of a record in the book.
pub(super) type RecordIx = usize;

/// A record.
#[derive(Debug)]
pub(super) struct Known {
    /// Its tenant.
    pub(super) account: AccountId,
    /// Its type.
    pub(super) kind: RecordType,
    /// Our id.
    pub(super) canonical: String,
    /// Its id on each side, once known.
    pub(super) ids: PerSide<Option<String>>,
    /// Nobody refers to it, and nobody will: it may be deleted.
    pub(super) leaf: bool,
    /// Somebody deleted it: it is left alone from then on.
    pub(super) closed: bool,
    /// A person works on it on that side.
    busy: PerSide<bool>,
    /// Values that a field had before, as text.
    used: BTreeSet<(FieldIx, String)>,
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// Made a record.
    Create,
    /// Set one to three fields.
    Fields,
    /// Added to a set, or took from it.
    Tags,
    /// Changed, added or removed a line.
    Lines,
    /// Deleted a record.
    Delete,
}

impl Doing {
    /// In words, for the report.
    pub(super) fn words(self) -> &'static str {
        match self {
            Doing::Create => "records created",
            Doing::Fields => "fields edited",
            Doing::Tags => "tags edited",
            Doing::Lines => "lines edited",
            Doing::Delete => "records deleted",
        }
    }
}

/// An edit that a system took.
#[derive(Debug)]
pub(super) struct Edit {
    /// The record.
    pub(super) record: RecordIx,
    /// Where.
    pub(super) side: Side,
    /// The side's id of the record then.
    pub(super) id: String,
    /// What kind.
    pub(super) doing: Doing,
    /// Whether somebody edited the same on the other side at the same time.
    pub(super) collides: bool,
    /// Canonical field name → what it did to it.
    pub(super) changes: Vec<(String, Change)>,
    /// Canonical field name → what it left there, in SuiteX's form.
    pub(super) left: BTreeMap<String, Json>,
    /// How the system took it.
    pub(super) taken: Taken,
}

/// How a system took an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It said so; the row's revision then, where it tells one.
    Told(Option<i64>),
    /// It failed over it, and was found to have taken it.
    Found,
    /// It failed over it, and shows nothing of it: it may have been overwritten since.
    Perhaps,
}

/// Everything known.
pub(super) struct Book {
    /// What is synced.
    pub(super) config: Arc<SyncConfig>,
    /// The records.
    pub(super) records: Vec<Known>,
    /// The edits, those of one record and side in their order.
    pub(super) edits: Vec<Edit>,
    /// What was refused at the door, by reason.
    pub(super) refused: BTreeMap<String, u64>,
    last: u64,
}

/// Of so many records, those at the front are edited more often than others.
const HOT_ONE_IN: usize = 40;
/// How many edits in a hundred go to those.
const HOT_PERCENT: u32 = 10;
/// So many characters of a refusal's reason are shown.
const REASON_MAX: usize = 56;

/// So many draws find a record that suits, or none is taken.
const DRAWS: usize = 30;

impl Book {
    /// An empty book.
    pub(super) fn new(config: Arc<SyncConfig>) -> Self {
        Self { config, records: Vec::new(), edits: Vec::new(), refused: BTreeMap::new(), last: 0 }
    }

    /// A number that was never drawn before.
    pub(super) fn fresh(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The fields of a record's type.
    pub(super) fn surface(&self, record: RecordIx) -> Arc<TypeSurface> {
        let known = &self.records[record];
        self.surface_of(&known.account, &known.kind)
    }

    /// The fields of a type.
    pub(super) fn surface_of(&self, account: &AccountId, kind: &RecordType) -> Arc<TypeSurface> {
        // Unwrap safety: accounts and types come from this configuration.
        Arc::clone(self.config.surface(account, kind).expect("a type of the configuration"))
    }

    /// Enters a record that was born on `side` with `values` (canonical name → SuiteX's form).
    pub(super) fn enter(
        &mut self,
        (side, id): (Side, &str),
        (account, kind): (&AccountId, &RecordType),
        values: &Map<String, Json>,
        leaf: bool,
    ) -> RecordIx {
        let canonical = match side {
            Side::NetSuite => id.to_string(),
            Side::SuiteX => format!("sx-{id}"),
        };
        let mut ids = PerSide::default();
        ids[side] = Some(id.to_string());
        let surface = self.surface_of(account, kind);
        let text = |field: &Field| values.get(&*field.name).unwrap_or(&Json::Null).to_string();
        let held = surface.fields.iter().enumerate().map(|(ix, field)| (ix, text(field)));
        let nothing = (0..surface.fields.len()).map(|ix| (ix, Json::Null.to_string()));
        self.records.push(Known {
            account: account.clone(),
            kind: kind.clone(),
            canonical,
            ids,
            leaf,
            closed: false,
            busy: PerSide::default(),
            used: held.chain(nothing).collect(),
        });
        self.records.len() - 1
    }

    /// Remembers a value as used; false when the field had it before.
    pub(super) fn claim(&mut self, record: RecordIx, field: FieldIx, value: &Json) -> bool {
        self.records[record].used.insert((field, value.to_string()))
    }

    /// Draws a record that suits and on which nobody works on any of `sides`, and takes it.
    pub(super) fn take(
        &mut self,
        dice: &mut Rng,
        sides: &[Side],
        suits: impl Fn(&Known) -> bool,
    ) -> Option<RecordIx> {
        let all = self.records.len();
        for _ in 0..DRAWS {
            let hot = dice.u32(0..100) < HOT_PERCENT;
            let ix = dice.usize(0..if hot { all.div_ceil(HOT_ONE_IN) } else { all });
            let known = &mut self.records[ix];
            let is_free = |side: &Side| known.ids[*side].is_some() && !known.busy[*side];
            if !known.closed && sides.iter().all(is_free) && suits(known) {
                for side in sides {
                    known.busy[*side] = true;
                }
                return Some(ix);
            }
        }
        None
    }

    /// Gives a record back.
    pub(super) fn leave(&mut self, record: RecordIx, side: Side) {
        self.records[record].busy[side] = false;
    }

    /// The id on `side`, and our id, of some record that may be referred to.
    pub(super) fn referable(
        &self,
        dice: &mut Rng,
        side: Side,
        account: &AccountId,
        kind: &RecordType,
    ) -> Option<(String, String)> {
        let suits = |known: &&Known| {
            known.account == *account && known.kind == *kind && !known.leaf && known.ids[side].is_some()
        };
        let some: Vec<&Known> = self.records.iter().filter(suits).collect();
        let known = some.get(dice.usize(0..some.len().max(1)))?;
        Some((known.ids[side].clone()?, known.canonical.clone()))
    }

    /// Where a record is: its tenant, its type and its id on `side`.
    pub(super) fn address(&self, record: RecordIx, side: Side) -> (AccountId, RecordType, String) {
        let known = &self.records[record];
        (known.account.clone(), known.kind.clone(), known.ids[side].clone().unwrap_or_default())
    }

    /// Where the review API shows a record.
    pub(super) fn review_path(&self, record: RecordIx) -> String {
        let known = &self.records[record];
        format!("/review/api/v1/records/{}/{}/{}", known.account, known.kind, known.canonical)
    }

    /// What the row of a record holds, by canonical name and in SuiteX's form. References stay the side's own.
    pub(super) fn held(&self, record: RecordIx, side: Side, row: &Map<String, Json>) -> Map<String, Json> {
        let surface = self.surface(record);
        let read = |field: &Field| {
            let value = field.kind.parse(side, row.get(field.name_on(side))?).ok()?;
            Some((field.name.to_string(), field.kind.render(Side::SuiteX, &value)))
        };
        surface.fields.iter().filter_map(read).collect()
    }

    /// Enters a refusal at the door.
    pub(super) fn refuse(&mut self, side: Side, status: u16, why: &str) {
        // Ids and values differ where the reason is the same.
        let mut reason = String::new();
        for c in why.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }) {
            if c != '#' || !reason.ends_with('#') {
                reason.push(c);
            }
        }
        if reason.chars().count() > REASON_MAX {
            reason = reason.chars().take(REASON_MAX).chain(['…']).collect();
        }
        *self.refused.entry(format!("{side} {status}: {reason}")).or_default() += 1;
    }
}

/// Whether a kind of field has so many values that none need come twice.
pub(super) fn is_boundless(kind: &Kind) -> bool {
    match kind {
        Kind::Text { .. } | Kind::Integer | Kind::Decimal { .. } | Kind::Date | Kind::DateTime => true,
        Kind::Select { options } => options.is_empty(),
        Kind::Boolean | Kind::MultiSelect | Kind::Reference { .. } | Kind::Lines(_) => false,
    }
}
