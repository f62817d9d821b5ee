//! What is known of one side, but for its shadow and its due work, which have columns of their own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use shared::domain::id::{Revision, SideId, Timestamp, Version};
use shared::domain::record::{Behind, Form, Intent, Presence, Sent, SideState, Verb};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

use super::value::Stored;
use super::{name, parse, position};

/// Its JSON. What is empty is left out.
#[derive(Serialize, Deserialize)]
pub(super) struct SideDoc<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<SideId>,
    #[serde(with = "PresenceDoc")]
    presence: Presence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Revision>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    made_apart: bool,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    field_seen: Vec<(Cow<'a, str>, Revision)>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    sent: Vec<SentDoc<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    intent: Option<IntentDoc<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    cut: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    wants_read: bool,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    forms: Vec<(Cow<'a, str>, Stored<'a>, Stored<'a>)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detached: bool,
    /// When the change was made, and when it was taken in, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behind: Option<(i64, i64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Presence", rename_all = "lowercase")]
enum PresenceDoc {
    Never,
    There,
    Gone,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Verb", rename_all = "lowercase")]
enum VerbDoc {
    Create,
    Update,
    Delete,
}

#[derive(Serialize, Deserialize)]
struct SentDoc<'a> {
    operation: Uuid,
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Stored<'a>,
    until: i64,
}

#[derive(Serialize, Deserialize)]
struct IntentDoc<'a> {
    operation: Uuid,
    #[serde(with = "VerbDoc")]
    verb: Verb,
    #[serde(borrow)]
    wanted: Vec<(Cow<'a, str>, Stored<'a>)>,
    #[serde(borrow)]
    expected: Vec<(Cow<'a, str>, Stored<'a>)>,
    version: Version,
    started: i64,
    deadline: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_of: Option<Uuid>,
}

/// As serde asks for it.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

pub(super) fn encode<'a>(state: &'a SideState, surface: &'a TypeSurface) -> SideDoc<'a> {
    let stored = |field: FieldIx, value: &'a Value| Stored::of(value, &surface.fields[field].kind);
    let pairs = |pairs: &'a [(FieldIx, Value)]| {
        pairs.iter().map(|(field, value)| (name(surface, *field), stored(*field, value))).collect()
    };
    let sent = state.sent.iter().map(|sent| SentDoc {
        operation: sent.operation,
        field: name(surface, sent.field),
        value: stored(sent.field, &sent.value),
        until: sent.until.0,
    });
    let form = |f: &'a Form| (name(surface, f.field), stored(f.field, &f.wanted), stored(f.field, &f.held));
    SideDoc {
        id: state.id.clone(),
        presence: state.presence,
        seen: state.seen,
        field_seen: state.field_seen.iter().map(|(field, r)| (name(surface, *field), *r)).collect(),
        sent: sent.collect(),
        intent: state.intent.as_ref().map(|intent| IntentDoc {
            operation: intent.operation,
            verb: intent.verb,
            wanted: pairs(&intent.wanted),
            expected: pairs(&intent.expected),
            version: intent.version,
            started: intent.started.0,
            deadline: intent.deadline.0,
            last_of: intent.last_of,
        }),
        made_apart: state.made_apart,
        cut: state.cut,
        wants_read: state.wants_read,
        forms: state.forms.iter().map(form).collect(),
        detached: state.detached,
        behind: state.behind.map(|behind| (behind.changed.0, behind.decided.0)),
    }
}

/// Without shadow and due work.
pub(super) fn decode(text: &str, surface: Option<&TypeSurface>) -> Result<SideState, String> {
    let doc: SideDoc<'_> = parse("side", text)?;
    let mut state = SideState {
        id: doc.id,
        presence: doc.presence,
        seen: doc.seen,
        made_apart: doc.made_apart,
        cut: doc.cut,
        wants_read: doc.wants_read,
        detached: doc.detached,
        behind: doc
            .behind
            .map(|(changed, decided)| Behind { changed: Timestamp(changed), decided: Timestamp(decided) }),
        ..SideState::default()
    };
    for (name, revision) in doc.field_seen {
        state.field_seen.extend(position(surface, &name).map(|field| (field, revision)));
    }
    for SentDoc { operation, field, value, until } in doc.sent {
        if let Some((field, value)) = pair(field, value, surface)? {
            state.sent.push(Sent { operation, field, value, until: Timestamp(until) });
        }
    }
    for (name, wanted, held) in doc.forms {
        let wanted = pair(name.clone(), wanted, surface)?;
        if let (Some((field, wanted)), Some((_, held))) = (wanted, pair(name, held, surface)?) {
            state.forms.push(Form { field, wanted, held });
        }
    }
    state.intent = doc.intent.map(|intent| intent.decode(surface)).transpose()?;
    Ok(state)
}

impl IntentDoc<'_> {
    fn decode(self, surface: Option<&TypeSurface>) -> Result<Intent, String> {
        let pairs = |pairs: Vec<(Cow<'_, str>, Stored<'_>)>| {
            let known = pairs.into_iter().map(|(name, value)| pair(name, value, surface));
            known.filter_map(Result::transpose).collect::<Result<Vec<_>, String>>()
        };
        Ok(Intent {
            operation: self.operation,
            verb: self.verb,
            wanted: pairs(self.wanted)?,
            expected: pairs(self.expected)?,
            version: self.version,
            started: Timestamp(self.started),
            deadline: Timestamp(self.deadline),
            last_of: self.last_of,
        })
    }
}

/// A field and its value; `None` when the field is no longer configured.
pub(super) fn pair(
    name: Cow<'_, str>,
    value: Stored<'_>,
    surface: Option<&TypeSurface>,
) -> Result<Option<(FieldIx, Value)>, String> {
    let (Some(surface), Some(field)) = (surface, position(surface, &name)) else { return Ok(None) };
    Ok(Some((field, value.into_value(&surface.fields[field].kind)?)))
}
