//! Names of things. Two bare strings never stand side by side in a signature.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A name that cannot be one: what it was meant to be, and why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {reason}: {value:?}")]
pub struct BadName {
    what: &'static str,
    reason: &'static str,
    value: String,
}

/// Longest name accepted, in bytes. An ordering key (three names) stays under Pub/Sub's 1 KB.
pub const NAME_MAX_BYTES: usize = 200;

fn check(what: &'static str, value: &str) -> Result<(), BadName> {
    let bad = |reason| Err(BadName { what, reason, value: value.chars().take(60).collect() });
    match value {
        "" => bad("is empty"),
        v if v.len() > NAME_MAX_BYTES => bad("is longer than 200 bytes"),
        v if !v.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) => {
            bad("may hold only letters, digits, '-', '_' and '.'")
        }
        _ => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Parses a name: letters, digits, `-`, `_`, `.`; at most 200 bytes. Separators are refused.
            pub fn parse(value: &str) -> Result<Self, BadName> {
                check($what, value)?;
                Ok(Self(value.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A tenant. First in every key.
    AccountId, "account");
name!(
    /// A synced record type, as `sync.toml` names it.
    RecordType, "record type");
name!(
    /// Our own id of a record: the NetSuite internal id for records born there, `sx-<id>` for records born
    /// in SuiteX.
    CanonicalId, "record id");
name!(
    /// The id under which one side knows a record.
    SideId, "side id");

impl CanonicalId {
    /// The canonical id of a record born on `side` under `id`.
    pub fn born(side: Side, id: &SideId) -> Self {
        match side {
            Side::NetSuite => Self(id.0.clone()),
            Side::SuiteX => Self(format!("sx-{id}").into()),
        }
    }
}

/// What identifies a record. There is no constructor that forgets the account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordKey {
    /// Tenant.
    pub account: AccountId,
    /// Record type.
    pub record_type: RecordType,
    /// Canonical id.
    pub id: CanonicalId,
}

impl RecordKey {
    /// The key of record `id` of `record_type` in `account`.
    pub fn new(account: AccountId, record_type: RecordType, id: CanonicalId) -> Self {
        Self { account, record_type, id }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.account, self.record_type, self.id)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One of the two systems that are kept the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// NetSuite, where the books are.
    NetSuite,
    /// SuiteX, where the business runs.
    SuiteX,
}

impl Side {
    /// Both sides, in the order of [`PerSide`].
    pub const BOTH: [Side; 2] = [Side::NetSuite, Side::SuiteX];

    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::NetSuite => Side::SuiteX,
            Side::SuiteX => Side::NetSuite,
        }
    }

    /// `netsuite` or `suitex`, as on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::NetSuite => "netsuite",
            Side::SuiteX => "suitex",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that each side has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// NetSuite's.
    pub netsuite: T,
    /// SuiteX's.
    pub suitex: T,
}

impl<T> std::ops::Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }
}

impl<T> std::ops::IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::NetSuite => &mut self.netsuite,
            Side::SuiteX => &mut self.suitex,
        }
    }
}

/// A side's own clock: NetSuite's lastModified in epoch seconds, SuiteX's row revision. Comparable only
/// within one side of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub i64);

/// Our version of a record: up by one with each change to its canonical state, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// Milliseconds since the epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        chrono::DateTime::parse_from_rfc3339(text).ok().map(|t| Self(t.timestamp_millis()))
    }

    /// This time and `millis` more (or fewer, when negative).
    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Whole seconds since the epoch, rounded down: NetSuite's resolution.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(t) => f.write_str(&t.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("is not an RFC 3339 time"))
    }
}

/// The namespace of every id that is derived rather than drawn.
const NAMESPACE: Uuid = Uuid::from_u128(0x6ce2_9f41_51b8_4c3e_9d0a_7f1e_52aa_0c11);

/// An id derived from what it names: the same parts give the same id, on any instance, at any time.
pub fn derived_id(kind: &str, parts: &[&str]) -> Uuid {
    let mut text = String::with_capacity(96);
    text.push_str(kind);
    for part in parts {
        text.push('\u{1f}');
        text.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_separators_are_refused() {
        for bad in ["", "a:b", "a b", "a/b", "ä", "a\nb", "a|b", &"x".repeat(201)] {
            assert!(AccountId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(AccountId::parse("acme-1_SB2.x").unwrap().as_str(), "acme-1_SB2.x");
    }

    #[test]
    fn a_derived_id_depends_on_where_its_parts_end() {
        assert_ne!(derived_id("x", &["ab", "c"]), derived_id("x", &["a", "bc"]));
        assert_eq!(derived_id("x", &["ab", "c"]), derived_id("x", &["ab", "c"]));
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp(-1).seconds(), -1);
        assert_eq!(Timestamp(1999).seconds(), 1);
    }
}
