//! How things are called in sentences for people. Pure.

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Side, Timestamp};
use shared::domain::value::Kind;
use utoipa::ToSchema;

/// Longest value in a sentence, in characters.
const VALUE_MAX: usize = 60;

/// Who told something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Teller {
    /// The person or script, when known.
    pub(super) actor: Option<String>,
    /// The side that it is about; none for a person's decision.
    pub(super) side: Option<Side>,
    /// How we came to know, where nobody told: `a poll`, `a look`, …
    pub(super) found_by: Option<&'static str>,
    /// The system note that names the person.
    pub(super) note: Option<Noted>,
}

/// What one of NetSuite's system notes tells.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// When it was set, on NetSuite's wall clock, as NetSuite shows it to us: we know no zone of it.
    pub at: String,
    /// How, in NetSuite's word for it: `UI`, `CSV Import`, …
    pub context: Option<String>,
}

impl Teller {
    /// Of a row of the history: its source and actor, and the events that it names.
    pub(super) fn new(source: &str, actor: Option<&str>, events: &[&ChangeEvent]) -> Self {
        let told_side = events.iter().find_map(|event| event.side());
        let (side, found_by) = match source {
            "netsuite-ue" => (Some(Side::NetSuite), None),
            "netsuite-poll" => (Some(Side::NetSuite), Some("a poll")),
            "suitex" => (Some(Side::SuiteX), None),
            "reconcile" => (told_side.or(Some(Side::NetSuite)), Some("a comparison")),
            "reply" => (told_side, Some("the reply to a write")),
            "read" => (told_side, Some("a look")),
            _ => (None, None),
        };
        let actor = actor.or_else(|| events.iter().find_map(|event| event.actor()));
        Self { actor: actor.map(str::to_string), side, found_by, note: None }
    }

    /// `ann in NetSuite`, `Ann Lee in NetSuite (UI)`, `somebody in SuiteX`, `rita@example.com`.
    pub(super) fn who(&self) -> String {
        let actor = self.actor.as_deref().unwrap_or("somebody");
        let context = self.note.as_ref().and_then(|note| note.context.as_deref());
        match (self.side, context) {
            (Some(side), Some(context)) => format!("{actor} in {} ({context})", system(side)),
            (Some(side), None) => format!("{actor} in {}", system(side)),
            (None, _) => actor.to_string(),
        }
    }

    /// `on 2026-01-01 at 00:00 UTC`, and how it was found where nobody told.
    pub(super) fn when(&self, at: Timestamp) -> String {
        if let Some(note) = &self.note {
            let (day, time) = (note.at.get(..10), note.at.get(11..16));
            let at = day.zip(time).map_or(note.at.clone(), |(day, time)| format!("{day} at {time}"));
            return format!("on {at} by NetSuite's clock, as its system notes tell");
        }
        match self.found_by {
            Some(found) => format!("before {}, when {found} found it", moment(at)),
            None => format!("on {}", moment(at)),
        }
    }
}

/// A side's name.
pub(super) fn system(side: Side) -> &'static str {
    match side {
        Side::NetSuite => "NetSuite",
        Side::SuiteX => "SuiteX",
    }
}

/// `2026-01-01 at 00:00 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(date), Some(time)) => format!("{date} at {time} UTC"),
        _ => text,
    }
}

/// A value: `empty`, `"a text"`, `12.50`, `3 lines`.
pub(super) fn value(kind: &Kind, json: &Json) -> String {
    let short = |text: &str| match text.chars().count() > VALUE_MAX {
        true => format!("{}…", text.chars().take(VALUE_MAX).collect::<String>()),
        false => text.to_string(),
    };
    match (kind, json) {
        (_, Json::Null) => "empty".to_string(),
        (Kind::Lines(_), Json::Array(lines)) if lines.len() == 1 => "1 line".to_string(),
        (Kind::Lines(_), Json::Array(lines)) => format!("{} lines", lines.len()),
        (_, Json::Array(items)) if items.is_empty() => "none".to_string(),
        (_, Json::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            short(&items.join(", "))
        }
        (Kind::Text { .. } | Kind::Select { .. }, Json::String(text)) => format!("\"{}\"", short(text)),
        (_, Json::String(text)) => short(text),
        (_, Json::Bool(true)) => "yes".to_string(),
        (_, Json::Bool(false)) => "no".to_string(),
        (_, other) => short(&other.to_string()),
    }
}
