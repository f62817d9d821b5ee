//! What goes wrong in an account's NetSuite, and how often. Probabilities are between 0 and 1.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shared::domain::value::{Kind, Value};

use super::refusal::{Reason, Refused};
use super::rules::Rules;
use super::settings::Settings;

/// The faults of one account. The default is a NetSuite in perfect health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Maintenance: every call is answered 503, with a page for people.
    pub down: bool,
    /// Every call is answered 401.
    pub auth: bool,
    /// The account has moved: every call is sent to another data centre, 302.
    pub moved: bool,
    /// The address is not of the account's own domain: every call is answered 403, with a page for people.
    pub foreign_domain: bool,
    /// Access tokens that are given from now on are good for so long, s; NetSuite's are for an hour.
    pub token_lives_s: i64,
    /// Share of calls refused as one too many, though the pool has room.
    pub overload: f64,
    /// Share of calls that never reach NetSuite: 502, nothing done.
    pub lost_request: f64,
    /// Share of calls carried out and answered 504.
    pub lost_reply: f64,
    /// Share of calls answered 504 at once and carried out later.
    pub late: f64,
    /// How much later, at most, in ms.
    pub late_max_ms: i64,
    /// Share of calls carried out and answered 200 with a page for people.
    pub html: f64,
    /// Share of calls carried out and answered 200 with half of the body.
    pub truncated: f64,
    /// Share of calls carried out and answered 206 with half of the body.
    pub partial_content: f64,
    /// Share of `apply` calls whose script dies after some of its writes.
    pub partial: f64,
    /// A run of the write RESTlet that is to write dies after so many calls of the `N/*` modules.
    pub dies_after_calls: Option<u64>,
    /// A save of text that contains this never ends: the run of the script that asks for it dies.
    pub deadly: Option<String>,
    /// Share of saves by a script that find the record saved by somebody else meanwhile.
    pub collision: f64,
    /// Share of User Events that are lost.
    pub user_event_lost: f64,
    /// Share of User Events that are sent twice.
    pub user_event_doubled: f64,
    /// The User Event script is not deployed.
    pub user_event_off: bool,
    /// The User Event script is an old one, which tells of our updates too. The scripts that are run know nothing of it.
    pub user_event_old: bool,
    /// How long a call takes, in ms.
    pub latency_ms: i64,
    /// How much longer it takes for each write, in ms.
    pub latency_per_write_ms: i64,
    /// Calls of other integrations in flight: they occupy the account's pool.
    pub foreign_calls: u32,
    /// Size of the pool, when not the configured one.
    pub concurrency: Option<u32>,
    /// Share of API writes that a workflow refuses.
    pub refuse_probability: f64,
    /// Share of SuiteQL queries answered 500 for no reason.
    pub query_error: f64,
    /// Share of saves and deletions that queries see later than their lastModified says.
    pub late_visible: f64,
    /// How much later, in ms.
    pub late_visible_ms: i64,
    /// What the account's own rules forbid.
    pub rules: Rules,
    /// How the account is set up: no faults, but not known to its clients either.
    pub settings: Settings,
    /// `type.netsuite_field` → what NetSuite does to values written to it.
    pub behaviours: BTreeMap<String, Behaviour>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            down: false,
            auth: false,
            moved: false,
            foreign_domain: false,
            token_lives_s: 3_600,
            overload: 0.0,
            lost_request: 0.0,
            lost_reply: 0.0,
            late: 0.0,
            late_max_ms: 300_000,
            html: 0.0,
            truncated: 0.0,
            partial_content: 0.0,
            partial: 0.0,
            dies_after_calls: None,
            deadly: None,
            collision: 0.0,
            user_event_lost: 0.0,
            user_event_doubled: 0.0,
            user_event_off: false,
            user_event_old: false,
            latency_ms: 0,
            latency_per_write_ms: 0,
            foreign_calls: 0,
            concurrency: None,
            refuse_probability: 0.0,
            query_error: 0.0,
            late_visible: 0.0,
            late_visible_ms: 90_000,
            rules: Rules::default(),
            settings: Settings::default(),
            behaviours: BTreeMap::new(),
        }
    }
}

/// After so many ms our RESTlet starts no further write.
pub(super) const SCRIPT_STOPS_MS: i64 = 200_000;

impl Faults {
    /// How long a call takes that begins so many writes, in ms.
    pub(super) fn work(&self, writes: usize) -> i64 {
        let writes = i64::try_from(writes).unwrap_or(i64::MAX);
        self.latency_ms.saturating_add(self.latency_per_write_ms.saturating_mul(writes)).max(0)
    }

    /// How long a call takes that asks for so many writes, in ms: those it would begin too late it does not
    /// begin.
    pub(super) fn latency(&self, writes: usize) -> i64 {
        let most = SCRIPT_STOPS_MS.saturating_add(self.latency_per_write_ms);
        self.work(writes).min(most.max(self.latency_ms))
    }
}

/// What NetSuite does to the values written to one field. `Ignore` is for API writes only (the field is not
/// on the integration's form); the others meet people too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// White space around text goes.
    Trim,
    /// Text becomes upper case.
    Upper,
    /// The write is accepted and the value stays.
    Ignore,
    /// Decimals become whole.
    Round,
    /// Text that contains this is refused.
    RefuseContaining(String),
    /// Text of more characters is refused.
    AtMost(usize),
    /// Of a select, these options are there and no others.
    Options(BTreeSet<String>),
}

impl Behaviour {
    /// The name under which it is counted.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Behaviour::Trim => "trim",
            Behaviour::Upper => "upper",
            Behaviour::Ignore => "ignore",
            Behaviour::Round => "round",
            Behaviour::RefuseContaining(_) => "refuse_containing",
            Behaviour::AtMost(_) => "at_most",
            Behaviour::Options(_) => "options",
        }
    }

    /// What a field of this kind holds after `value` was written to it; `None`: the value is refused.
    pub(super) fn settle(&self, kind: &Kind, current: &Value, value: &Value) -> Option<Value> {
        let rewritten = |text: &str| match text {
            "" => Value::Null,
            text => Value::Text(text.into()),
        };
        match (self, kind, value) {
            (Behaviour::Ignore, _, _) => Some(current.clone()),
            (Behaviour::Trim, Kind::Text { .. }, Value::Text(text)) => Some(rewritten(text.trim())),
            (Behaviour::Upper, Kind::Text { .. }, Value::Text(text)) => Some(rewritten(&text.to_uppercase())),
            (Behaviour::Round, Kind::Decimal { scale }, Value::Decimal(number)) => {
                let away = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
                let mut whole = number.round_dp_with_strategy(0, away);
                whole.rescale(*scale);
                Some(Value::Decimal(whole))
            }
            (Behaviour::RefuseContaining(bad), Kind::Text { .. }, Value::Text(text))
                if text.contains(bad) =>
            {
                None
            }
            (Behaviour::AtMost(most), Kind::Text { .. }, Value::Text(text))
                if text.chars().count() > *most =>
            {
                None
            }
            (Behaviour::Options(options), Kind::Select { .. }, Value::Text(option))
                if !options.contains(&**option) =>
            {
                None
            }
            (
                Behaviour::Trim
                | Behaviour::Upper
                | Behaviour::Round
                | Behaviour::RefuseContaining(_)
                | Behaviour::AtMost(_)
                | Behaviour::Options(_),
                _,
                _,
            ) => Some(value.clone()),
        }
    }

    /// NetSuite's words about a value that it refuses.
    pub(super) fn refusal(&self, field: &str, value: &Json) -> Refused {
        match self {
            Behaviour::AtMost(most) => {
                let message = format!(
                    "The field {field} contained more than the maximum number ( {most} ) of characters allowed."
                );
                Refused::field(Reason::TooLong, field, message)
            }
            Behaviour::Options(_) => {
                let shown = value.as_str().unwrap_or_default();
                let message = format!("Invalid {field} reference key {shown}.");
                Refused::field(Reason::BadReference, field, message)
            }
            Behaviour::Trim
            | Behaviour::Upper
            | Behaviour::Ignore
            | Behaviour::Round
            | Behaviour::RefuseContaining(_) => {
                let message = format!("Please enter a valid value for: {field}.");
                Refused::field(Reason::Business, field, message)
            }
        }
    }
}
