//! What waits for a person: the open conflict, and the locks.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use shared::domain::conflict::{Clash, Conflict};
use shared::domain::id::{PerSide, Side, Timestamp};
use shared::domain::record::{Lock, Record, Span};
use shared::domain::surface::{Policy, Risk, TypeSurface};
use uuid::Uuid;

use super::value::Stored;
use super::{name, parse, position};

/// Its JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct ReviewDoc<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictDoc<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    locks: Vec<LockDoc<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ConflictDoc<'a> {
    id: Uuid,
    revision: u64,
    opened_at: i64,
    #[serde(borrow)]
    clashes: Vec<ClashDoc<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_by: Option<Side>,
}

#[derive(Serialize, Deserialize)]
struct ClashDoc<'a> {
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    base: Stored<'a>,
    #[serde(borrow)]
    netsuite: Stored<'a>,
    #[serde(borrow)]
    suitex: Stored<'a>,
    /// From when to when each side's value may have been made: NetSuite's, SuiteX's.
    #[serde(default)]
    edited: [(i64, i64); 2],
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    made_apart: bool,
    #[serde(borrow)]
    suggested: Stored<'a>,
    policy: Policy,
    risk: Risk,
}

#[derive(Serialize, Deserialize)]
struct LockDoc<'a> {
    /// None: the record.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    field: Option<Cow<'a, str>>,
    error: Uuid,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    since: i64,
}

pub(super) fn encode<'a>(record: &'a Record, surface: &'a TypeSurface) -> ReviewDoc<'a> {
    let clash = |clash: &'a Clash| {
        let kind = &surface.fields[clash.field].kind;
        ClashDoc {
            field: name(surface, clash.field),
            base: Stored::of(&clash.base, kind),
            netsuite: Stored::of(&clash.values.netsuite, kind),
            suitex: Stored::of(&clash.values.suitex, kind),
            edited: [clash.edited.netsuite, clash.edited.suitex].map(|span| (span.from.0, span.to.0)),
            made_apart: clash.made_apart,
            suggested: Stored::of(&clash.suggested, kind),
            policy: clash.policy,
            risk: clash.risk,
        }
    };
    let lock = |lock: &'a Lock| LockDoc {
        field: lock.field.map(|field| name(surface, field)),
        error: lock.error,
        reason: Cow::Borrowed(&lock.reason),
        since: lock.since.0,
    };
    ReviewDoc {
        conflict: record.conflict.as_ref().map(|conflict| ConflictDoc {
            id: conflict.id,
            revision: conflict.revision,
            opened_at: conflict.opened_at.0,
            clashes: conflict.clashes.iter().map(clash).collect(),
            deleted_by: conflict.deleted_by,
        }),
        locks: record.locks.iter().map(lock).collect(),
    }
}

/// A lock of a field that is no longer configured is none, nor is a conflict over such fields alone.
pub(super) fn decode(
    text: &str,
    surface: Option<&TypeSurface>,
) -> Result<(Option<Conflict>, Vec<Lock>), String> {
    let doc: ReviewDoc<'_> = parse("conflict and locks", text)?;
    let conflict = match doc.conflict {
        Some(conflict) => conflict.decode(surface)?,
        None => None,
    };
    let mut locks = Vec::new();
    for LockDoc { field, error, reason, since } in doc.locks {
        let known = field.as_ref().map(|name| position(surface, name));
        if known != Some(None) {
            let (field, reason) = (known.flatten(), reason.into_owned());
            locks.push(Lock { field, error, reason, since: Timestamp(since) });
        }
    }
    Ok((conflict, locks))
}

impl ConflictDoc<'_> {
    fn decode(self, surface: Option<&TypeSurface>) -> Result<Option<Conflict>, String> {
        let told = self.clashes.len();
        let clashes = self.clashes.into_iter().filter_map(|clash| clash.decode(surface).transpose());
        let clashes = clashes.collect::<Result<Vec<_>, String>>()?;
        let lost = clashes.len() < told;
        let mut conflict = Conflict {
            id: self.id,
            revision: self.revision,
            opened_at: Timestamp(self.opened_at),
            due_at: Timestamp(self.opened_at),
            clashes,
            deleted_by: self.deleted_by,
        };
        // Not stored: it is what the configuration says of these fields now.
        if let Some(surface) = surface {
            conflict.set_due(surface);
        }
        Ok(Some(conflict).filter(|conflict| !(lost && conflict.is_settled())))
    }
}

impl ClashDoc<'_> {
    fn decode(self, surface: Option<&TypeSurface>) -> Result<Option<Clash>, String> {
        let (Some(surface), Some(field)) = (surface, position(surface, &self.field)) else { return Ok(None) };
        let kind = &surface.fields[field].kind;
        let (netsuite, suitex) = (self.netsuite.into_value(kind)?, self.suitex.into_value(kind)?);
        let [n, x] = self.edited.map(|(from, to)| Span { from: Timestamp(from), to: Timestamp(to) });
        Ok(Some(Clash {
            field,
            edited: PerSide { netsuite: n, suitex: x },
            made_apart: self.made_apart,
            base: self.base.into_value(kind)?,
            values: PerSide { netsuite, suitex },
            suggested: self.suggested.into_value(kind)?,
            policy: self.policy,
            risk: self.risk,
        }))
    }
}
