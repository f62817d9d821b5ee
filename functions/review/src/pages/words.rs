//! Words for people: names of fields, spans of time, what policies and risks mean. Pure.

use shared::domain::id::{Side, Timestamp};
use shared::domain::surface::{Policy, Risk};

const MINUTE_MS: i64 = 60_000;

/// A span of time, as review.js says it too.
pub(super) fn span(ms: i64) -> String {
    let minutes = ms.saturating_abs() / MINUTE_MS;
    match minutes {
        0 => "less than a minute".into(),
        1..60 => format!("{minutes} min"),
        60..600 if minutes % 60 != 0 => format!("{} h {} min", minutes / 60, minutes % 60),
        60..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

/// How long until `at`, or since: for what is due.
pub(super) fn due(at: Timestamp, now: Timestamp) -> String {
    let left = at.0.saturating_sub(now.0);
    if left < 0 { format!("past by {}", span(left)) } else { format!("due in {}", span(left)) }
}

/// A moment for readers without scripts: in UTC, and it says so.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// `credit_limit` → `Credit limit`; `$exists` is the record itself.
pub(super) fn field(name: &str) -> String {
    if name == "$exists" {
        return "The record itself".into();
    }
    sentence(&name.replace(['_', '.'], " "))
}

/// With a capital at its start.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// A side's name.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::NetSuite => "NetSuite",
        Side::SuiteX => "SuiteX",
    }
}

/// What a policy says, after “if both sides change it,”.
pub(super) fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::NetsuiteWins => "NetSuite wins",
        Policy::SuitexWins => "SuiteX wins",
        Policy::LatestWins => "the later change wins",
        Policy::Manual => "a person decides",
        Policy::Union => "both are joined",
    }
}

/// What a conflict on a field of this risk stops.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low risk: only this field waits",
        Risk::High => "high risk: the whole record waits",
    }
}

/// `1 field`, `2 fields`.
pub(super) fn count(n: u64, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        _ => format!("{} {}", grouped(n), plural(thing)),
    }
}

fn plural(thing: &str) -> String {
    match thing.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ => format!("{thing}s"),
    }
}

/// `1234567` → `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The start of a long text.
pub(super) fn short(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() { format!("{}…", start.trim_end()) } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_people_need_them() {
        for (ms, expected) in [
            (0, "less than a minute"),
            (59_999, "less than a minute"),
            (60_000, "1 min"),
            (-3_540_000, "59 min"),
            (3_600_000, "1 h"),
            (5_400_000, "1 h 30 min"),
            (36_060_000, "10 h"),
            (172_799_000, "47 h"),
            (172_800_000, "2 days"),
            (i64::MIN, "106751991167 days"),
        ] {
            assert_eq!(span(ms), expected, "{ms}");
        }
        let now = Timestamp(1_000_000_000);
        assert_eq!(due(now.plus(3 * 3_600_000), now), "due in 3 h");
        assert_eq!(due(now.plus(-2 * 3_600_000), now), "past by 2 h");
    }

    #[test]
    fn names_and_numbers_read_as_people_write_them() {
        assert_eq!(field("credit_limit"), "Credit limit");
        assert_eq!(field("$exists"), "The record itself");
        assert_eq!((count(1, "field"), count(0, "field")), ("1 field".into(), "0 fields".into()));
        assert_eq!((count(2, "entry"), count(2, "day")), ("2 entries".into(), "2 days".into()));
        assert_eq!((grouped(999), grouped(1_234_567)), ("999".into(), "1,234,567".into()));
        assert_eq!(moment(Timestamp(1_767_225_600_000)), "2026-01-01 00:00 UTC");
        assert_eq!((short("abc def", 4), short("abc", 3)), ("abc…".into(), "abc".into()));
    }
}
