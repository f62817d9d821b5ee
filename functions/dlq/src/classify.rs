//! An exhausted message: an event after all, or malformed, why, and whose. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shared::domain::event::{ChangeEvent, FieldError};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::domain::surface::SyncConfig;
use shared::redrive::{malformed_id, payload_text};
use shared::state::{ErrorEntry, Subject};
use uuid::Uuid;

/// The account under which a message is filed that names none.
pub use shared::state::notices::UNKNOWN_ACCOUNT;

/// What a person can do about a message that cannot be read.
const HINT: &str = "Mend the producer or the configuration, then retry or edit it; the record is locked until then, or until a look at it \
     has shown what it holds.";

/// What a message is.
#[derive(Debug, PartialEq)]
pub(crate) enum Dead {
    /// An event of a configured account and type: nothing is wrong with it.
    Event(Box<ChangeEvent>),
    /// No retry can make it succeed.
    Malformed(Malformed),
}

/// A message that no retry can make succeed.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed {
    /// Whose it is, as far as it says.
    pub(crate) account: AccountId,
    /// The record that it is about, as far as it says.
    pub(crate) record: Option<(RecordType, Subject)>,
    /// The event's id, as far as it says.
    pub(crate) event: Option<Uuid>,
    /// Where it is wrong.
    pub(crate) field: String,
    /// What is wrong there.
    pub(crate) reason: String,
    /// What led here, the outermost first.
    pub(crate) causes: Vec<String>,
}

/// What a message is, by its body and attributes.
pub(crate) fn classify(data: &[u8], attributes: &BTreeMap<String, String>, config: &SyncConfig) -> Dead {
    let wrong = match ChangeEvent::from_slice(data) {
        Ok(event) => match not_configured(&event, config) {
            None => return Dead::Event(Box::new(event)),
            Some(wrong) => wrong,
        },
        Err(wrong) => wrong,
    };
    Dead::Malformed(malformed(data, attributes, wrong))
}

fn not_configured(event: &ChangeEvent, config: &SyncConfig) -> Option<FieldError> {
    let (account, kind) = (&event.account_id, &event.record_type);
    let wrong = |field: &str, reason| Some(FieldError { field: field.to_string(), reason });
    match config.accounts.get(account) {
        None => wrong("accountId", format!("{account} is not configured")),
        Some(found) if !found.types.contains_key(kind) => {
            wrong("recordType", format!("{kind} is not synced in {account}"))
        }
        Some(_) => None,
    }
}

/// Whose a malformed message is, read as far as it can be.
pub(crate) fn malformed(data: &[u8], attributes: &BTreeMap<String, String>, wrong: FieldError) -> Malformed {
    let body = match serde_json::from_slice(data) {
        Ok(Json::Object(object)) => object,
        _ => Map::new(),
    };
    // The attributes were set by whoever published, which is us: the body may be anybody's.
    let read = |attribute: &str, fields: &[&str]| {
        let field = || fields.iter().find_map(|name| text_of(body.get(*name)?));
        attributes.get(attribute).cloned().or_else(field)
    };
    let account = read("account", &["accountId"]).and_then(|text| AccountId::parse(&text).ok());
    let record_type = read("type", &["recordType"]).and_then(|text| RecordType::parse(&text).ok());
    let id = read("recordId", &["recordId", "id"]);
    let source = read("source", &["source"]);
    let side = body.get("metadata").and_then(|m| m.get("side")).and_then(Json::as_str);
    let subject = id.zip(source).and_then(|(id, source)| subject(&source, side, &id));
    Malformed {
        account: account.unwrap_or_else(|| AccountId::parse(UNKNOWN_ACCOUNT).expect("a constant name")),
        record: record_type.zip(subject),
        event: read("eventId", &["eventId"]).and_then(|text| Uuid::parse_str(&text).ok()),
        causes: causes(attributes, &wrong),
        reason: attributes.get("reason").cloned().unwrap_or(wrong.reason),
        field: wrong.field,
    }
}

/// Where it was delivered in vain, what its sender said of it, and what is wrong with it.
fn causes(attributes: &BTreeMap<String, String>, wrong: &FieldError) -> Vec<String> {
    let attribute = |name: &str| attributes.get(name);
    let delivered = attribute("CloudPubSubDeadLetterSourceSubscription").map(|subscription| {
        let times = attribute("CloudPubSubDeadLetterSourceDeliveryCount").map_or("several", String::as_str);
        format!("{subscription} was given it {times} times, and it was not taken")
    });
    let said = attribute("reason").cloned();
    delivered.into_iter().chain(said).chain([wrong.to_string()]).collect()
}

fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn subject(source: &str, side: Option<&str>, id: &str) -> Option<Subject> {
    let side = match (source, side) {
        ("review", _) => return CanonicalId::parse(id).ok().map(Subject::Canonical),
        ("suitex" | "SuiteX", _) | ("reconcile", Some("suitex")) => Side::SuiteX,
        ("netsuite-ue" | "UE" | "netsuite-poll" | "Poller" | "reconcile", _) => Side::NetSuite,
        _ => return None,
    };
    SideId::parse(id).ok().map(|id| Subject::Side(side, id))
}

impl Malformed {
    /// The error's id: the same bytes are the same error.
    pub(crate) fn id(&self, data: &[u8]) -> Uuid {
        malformed_id(&self.account, data)
    }

    /// What a person finds in the error queue.
    pub(crate) fn entry(&self, data: &[u8], record: Option<RecordKey>, now: Timestamp) -> ErrorEntry {
        let message = format!("{}: {}", self.field, self.reason);
        let (id, class, code) = (self.id(data), "malformed", "unreadable");
        let mut entry = ErrorEntry::open(&self.account, id, class, code, &message, HINT, now);
        entry.record = record;
        entry.field = Some(self.field.clone());
        entry.events = self.event.into_iter().collect();
        entry.payload = Some(payload_text(data));
        entry.causes = self.causes.clone();
        entry
    }

    /// The side that told it, as far as it says.
    pub(crate) fn told_by(&self) -> Option<Side> {
        match &self.record {
            Some((_, Subject::Side(side, _))) => Some(*side),
            Some((_, Subject::Canonical(_))) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> SyncConfig {
        SyncConfig::parse(include_str!("../../../config/sync.toml")).unwrap()
    }

    fn event() -> Json {
        json!({
            "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": "acme", "recordType": "customer",
            "recordId": "5", "source": "suitex", "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
            "payload": {"changes": {"email": "a"}}
        })
    }

    fn with(field: &str, value: Json) -> Json {
        let mut event = event();
        event[field] = value;
        event
    }

    fn read(body: &Json, attributes: &[(&str, &str)]) -> Dead {
        let attributes = attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        classify(body.to_string().as_bytes(), &attributes, &config())
    }

    fn refused(body: &Json, attributes: &[(&str, &str)]) -> Malformed {
        match read(body, attributes) {
            Dead::Malformed(malformed) => malformed,
            Dead::Event(_) => panic!("{body} is an event"),
        }
    }

    #[test]
    fn a_good_event_is_an_event() {
        assert!(matches!(read(&event(), &[]), Dead::Event(e) if e.account_id.as_str() == "acme"));
    }

    #[test]
    fn what_is_not_configured_is_malformed() {
        assert_eq!(refused(&with("accountId", json!("initech")), &[]).field, "accountId");
        assert_eq!(refused(&with("recordType", json!("invoice")), &[]).field, "recordType");
    }

    #[test]
    fn a_malformed_event_still_tells_whose_it_is() {
        for (source, side, subject) in [
            ("suitex", None, "customer:suitex:5"),
            ("UE", None, "customer:netsuite:5"),
            ("review", None, "customer:canonical:5"),
            ("reconcile", Some("suitex"), "customer:suitex:5"),
            ("reconcile", None, "customer:netsuite:5"),
        ] {
            let mut body = with("timestamp", json!("yesterday"));
            body["source"] = json!(source);
            body["metadata"] = side.map_or(json!({}), |side| json!({"side": side}));
            let malformed = refused(&body, &[]);
            let (kind, found) = malformed.record.unwrap();
            assert_eq!(found.to_text(&kind), subject, "{source}");
            assert_eq!(malformed.event.unwrap().to_string(), "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f");
        }
        let numbered = refused(&json!({"recordId": 5, "source": "suitex", "recordType": "item"}), &[]);
        assert_eq!(numbered.record.unwrap().1, Subject::Side(Side::SuiteX, SideId::parse("5").unwrap()));
    }

    #[test]
    fn attributes_tell_what_the_body_cannot() {
        let attributes = [("account", "acme"), ("type", "item"), ("reason", "no such thing as an upsert")];
        let malformed = refused(&json!("garbage"), &attributes);
        assert_eq!((malformed.account.as_str(), malformed.record), ("acme", None));
        assert_eq!(malformed.reason, "no such thing as an upsert");
        assert_eq!(refused(&json!("garbage"), &[]).account.as_str(), UNKNOWN_ACCOUNT);
        assert_eq!(refused(&json!("garbage"), &[("account", "a:b")]).account.as_str(), UNKNOWN_ACCOUNT);
    }

    #[test]
    fn the_same_bytes_are_the_same_error_within_an_account() {
        let (one, other) = (refused(&json!(1), &[("account", "acme")]), refused(&json!(1), &[]));
        assert_eq!(one.id(b"1"), one.id(b"1"));
        assert_ne!(one.id(b"1"), one.id(b"2"));
        assert_ne!(one.id(b"1"), other.id(b"1"));
    }
}
