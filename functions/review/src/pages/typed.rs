//! What a person has chosen and typed about a conflict: read from the form, made an answer as the API takes it, and
//! kept, so that a page that must be shown again shows all of it. Pure.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use shared::domain::event::WireChoice;
use shared::domain::surface::TypeSurface;
use shared::domain::value::Kind;

use crate::desk::Answer;

/// The form.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Typed {
    /// The revision that the person saw.
    pub(super) revision: Option<u64>,
    /// For all fields without a choice of their own: `suitex`, `netsuite` or `suggested`.
    pub(super) rest: Option<String>,
    /// Whether a record that one side deleted lives on.
    pub(super) keep: Option<bool>,
    /// Why.
    pub(super) note: String,
    /// By canonical field name.
    pub(super) fields: BTreeMap<String, Picked>,
}

/// One field of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Picked {
    /// `suitex`, `netsuite`, `suggested` or `edit`; empty when nothing is chosen.
    pub(super) pick: String,
    /// What was typed as another value, as it was typed.
    pub(super) value: Option<String>,
}

impl Typed {
    /// Reads a form; names that no form of ours has are left out.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let parts: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|e| format!("the form cannot be read: {e}"))?;
        let mut typed = Self::default();
        for (name, value) in parts {
            match name.split_once('.') {
                Some(("pick", field)) => typed.fields.entry(field.into()).or_default().pick = value,
                Some(("value", field)) => typed.fields.entry(field.into()).or_default().value = Some(value),
                None if name == "revision" => typed.revision = value.parse().ok(),
                None if name == "choice" => typed.rest = Some(value).filter(|rest| !rest.is_empty()),
                None if name == "keep" => typed.keep = value.parse().ok(),
                // Browsers send line ends as the network has them; people type them as they are stored.
                None if name == "note" => typed.note = value.replace("\r\n", "\n"),
                _ => {}
            }
        }
        Ok(typed)
    }

    /// What is typed for a field, if anything.
    pub(super) fn field(&self, name: &str) -> Option<&Picked> {
        self.fields.get(name)
    }

    /// The answer that it is, on a conflict with these open fields; a field in which nothing is chosen has no decision
    /// of its own. Fields that are not open any more are left out: the sides agree on them.
    pub(super) fn answer(&self, surface: &TypeSurface, open: &[&str]) -> Result<Answer, Wrong> {
        let mut fields = BTreeMap::new();
        for (name, picked) in self.fields.iter().filter(|(name, _)| open.contains(&name.as_str())) {
            let at = |reason: String| Wrong { field: name.clone(), reason };
            let choice = match picked.pick.as_str() {
                "" => continue,
                "edit" => {
                    let kind = surface.field(name).map(|ix| &surface.fields[ix].kind);
                    let typed = picked.value.as_deref().unwrap_or_default();
                    let value = kind.map_or(Ok(Json::Null), |kind| parsed(kind, typed)).map_err(at)?;
                    WireChoice::Value(value)
                }
                side => choice(side).ok_or_else(|| at(format!("{side:?} cannot be chosen")))?,
            };
            fields.insert(name.clone(), choice);
        }
        let rest = self.rest.as_deref().map(|side| {
            let wrong = || Wrong { field: String::new(), reason: format!("{side:?} cannot be chosen") };
            choice(side).ok_or_else(wrong)
        });
        let note = Some(self.note.trim().to_string()).filter(|note| !note.is_empty());
        Ok(Answer {
            revision: self.revision.unwrap_or_default(),
            choice: rest.transpose()?,
            fields,
            keep: self.keep,
            note,
        })
    }
}

fn choice(side: &str) -> Option<WireChoice> {
    match side {
        "suitex" => Some(WireChoice::Suitex),
        "netsuite" => Some(WireChoice::Netsuite),
        "suggested" => Some(WireChoice::Suggested),
        _ => None,
    }
}

/// Something typed that its field cannot take.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wrong {
    /// The field, by canonical name.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// What was typed into the box of a field, as the API takes it. Empty clears the field.
pub(super) fn parsed(kind: &Kind, typed: &str) -> Result<Json, String> {
    let text = typed.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Ok(Json::Null);
    }
    Ok(match kind {
        Kind::Integer => {
            text.trim().parse::<i64>().map_or_else(|_| json!(text.trim()), |number| json!(number))
        }
        Kind::Boolean => match text.trim() {
            "yes" => json!(true),
            "no" => json!(false),
            other => json!(other),
        },
        Kind::MultiSelect => {
            let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
            json!(parts.collect::<Vec<_>>())
        }
        Kind::Lines(_) => serde_json::from_str(&text).map_err(|e| format!("is not JSON: {e}"))?,
        Kind::Decimal { .. } | Kind::Date | Kind::DateTime | Kind::Reference { .. } => json!(text.trim()),
        Kind::Text { .. } | Kind::Select { .. } => json!(text),
    })
}

/// A value as it stands in its field's box.
pub(super) fn shown(kind: &Kind, value: &Json) -> String {
    match (kind, value) {
        (_, Json::Null) => String::new(),
        (Kind::Lines(_), lines) => serde_json::to_string_pretty(lines).unwrap_or_default(),
        (_, value) => super::value::text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::{AccountId, RecordType, Side};
    use shared::domain::surface::SyncConfig;
    use std::sync::Arc;

    fn customer() -> Arc<TypeSurface> {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
        config.surface(&account, &kind).unwrap().clone()
    }

    #[test]
    fn a_form_is_read_and_made_an_answer() {
        let form = "revision=3&choice=&pick.comments=edit&value.comments=Ring%0D%0Atwice+%26+wait&pick.credit_limit=suitex\
                    &value.credit_limit=&note=+called+&unknown=1&pick.gone=suitex";
        let typed = Typed::read(form.as_bytes()).unwrap();
        assert_eq!((typed.revision, typed.rest.as_deref(), typed.keep), (Some(3), None, None));
        let answer = typed.answer(&customer(), &["comments", "credit_limit"]).unwrap();
        let fields = BTreeMap::from([
            ("comments".to_string(), WireChoice::Value(json!("Ring\ntwice & wait"))),
            ("credit_limit".to_string(), WireChoice::Suitex),
        ]);
        let expected = Answer { revision: 3, fields, note: Some("called".into()), ..Answer::default() };
        assert_eq!(answer, expected);
        let kept = typed.field("comments").unwrap();
        assert_eq!((kept.pick.as_str(), kept.value.as_deref()), ("edit", Some("Ring\r\ntwice & wait")));
    }

    #[test]
    fn the_rest_and_a_deletion_are_decided_too() {
        let typed = Typed::read(b"revision=1&choice=netsuite&keep=false").unwrap();
        let answer = typed.answer(&customer(), &["comments"]).unwrap();
        let (choice, keep) = (Some(WireChoice::Netsuite), Some(false));
        assert_eq!(answer, Answer { revision: 1, choice, keep, ..Answer::default() });
        let made_up = Typed::read(b"revision=1&choice=both").unwrap();
        assert_eq!(
            made_up.answer(&customer(), &["comments"]).unwrap_err().reason,
            "\"both\" cannot be chosen"
        );
    }

    #[test]
    fn what_is_shown_in_a_box_is_read_back_as_it_was() {
        for (name, value) in [
            ("comments", json!("a\nb, c")),
            ("credit_limit", json!("12.50")),
            ("tags", json!(["a", "b"])),
            ("inactive", json!(true)),
            ("parent", json!("sx-7")),
            ("comments", json!(null)),
        ] {
            let surface = customer();
            let kind = &surface.fields[surface.field(name).unwrap()].kind;
            let read = parsed(kind, &shown(kind, &value)).unwrap();
            assert_eq!(kind.parse(Side::SuiteX, &read), kind.parse(Side::SuiteX, &value), "{name}");
            assert_eq!(read, value, "{name}");
        }
    }

    #[test]
    fn what_a_field_cannot_take_names_the_field() {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let (account, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("salesorder").unwrap());
        let orders = config.surface(&account, &kind).unwrap();
        let typed = Typed::read(b"revision=1&pick.lines=edit&value.lines=not+json").unwrap();
        let wrong = typed.answer(orders, &["lines"]).unwrap_err();
        assert_eq!(wrong.field, "lines");
        assert!(wrong.reason.starts_with("is not JSON"), "{}", wrong.reason);
    }
}
