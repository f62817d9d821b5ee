//! Knobs: how a tenant's SuiteX behaves, and misbehaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::domain::surface::{Field, TypeSurface};
use shared::domain::value::{Kind, Value};

/// How a tenant's SuiteX behaves. Nothing special by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuiteXFaults {
    /// The tenant's database cannot be reached, neither by us nor by people.
    pub down: bool,
    /// No text that is written may contain this.
    pub refuse_containing: Option<String>,
    /// `type.column` → what SuiteX makes of a text that is written there.
    pub behaviours: BTreeMap<String, Behaviour>,
}

/// What SuiteX makes of a text before it stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Without white space around it.
    Trim,
    /// In upper case.
    Upper,
}

impl Behaviour {
    fn apply(self, text: &str) -> Value {
        let stored = match self {
            Behaviour::Trim => text.trim().to_string(),
            Behaviour::Upper => text.to_uppercase(),
        };
        if stored.is_empty() { Value::Null } else { Value::Text(stored.into()) }
    }
}

impl SuiteXFaults {
    /// The value as it will be stored.
    pub(super) fn stored(&self, surface: &TypeSurface, field: &Field, value: Value) -> Value {
        let (Kind::Text { .. }, Value::Text(text), false) = (&field.kind, &value, self.behaviours.is_empty())
        else {
            return value;
        };
        match self.behaviours.get(&format!("{}.{}", surface.record_type, field.suitex)) {
            Some(behaviour) => behaviour.apply(text),
            None => value,
        }
    }

    /// The forbidden text, if the value contains it.
    pub(super) fn forbids(&self, value: &Value) -> Option<&str> {
        self.refuse_containing.as_deref().filter(|text| contains(value, text))
    }
}

fn contains(value: &Value, needle: &str) -> bool {
    let found = |text: &Arc<str>| text.contains(needle);
    match value {
        Value::Text(text) => found(text),
        Value::Set(set) => set.iter().any(found),
        Value::Lines(lines) => lines.values().flatten().any(|v| contains(v, needle)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::DateTime(_) => false,
    }
}
