//! Values as people read them, and what differs between two of them. Pure; everything that is shown is escaped.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Map, Value as Json};

use super::diff::{Piece, pieces};
use super::words;

/// Longest text that is shown whole in a list of values, in characters.
const BRIEF_CHARS: usize = 120;

/// A value as text.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(true) => "yes".into(),
        Json::Bool(false) => "no".into(),
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join(", "),
        Json::Object(parts) => {
            let part = |(name, value): (&String, &Json)| format!("{}: {}", words::field(name), text(value));
            parts.iter().filter(|(_, value)| !value.is_null()).map(part).collect::<Vec<_>>().join(" · ")
        }
    }
}

/// A value, whole.
pub(super) fn whole(value: &Json) -> Markup {
    match value {
        Json::Null => nothing(),
        Json::Array(lines) if lines.iter().any(Json::is_object) => html! {
            ol.lines { @for line in lines { li { (text(line)) } } }
        },
        Json::Array(parts) if parts.is_empty() => nothing(),
        _ => html! { span.v { (text(value)) } },
    }
}

/// The start of a value, for lists.
pub(super) fn brief(value: &Json) -> Markup {
    match value {
        Json::Null => nothing(),
        Json::Array(parts) if parts.is_empty() => nothing(),
        Json::Array(lines) if lines.iter().any(Json::is_object) => html! {
            span.v { (words::count(lines.len() as u64, "line")) }
        },
        _ => html! { span.v { (words::short(&text(value), BRIEF_CHARS)) } },
    }
}

fn nothing() -> Markup {
    html! { span.v.none { "empty" } }
}

/// What became of `before`: `after`, with what is gone and what is new marked.
pub(super) fn change(before: &Json, after: &Json) -> Markup {
    match (before, after) {
        (before, after) if before == after => whole(after),
        (Json::Array(old), Json::Array(new)) if old.iter().chain(new).any(Json::is_object) => lines(old, new),
        (Json::Array(old), Json::Array(new)) => set(old, new),
        // A list that was empty or is: each line is new, or gone.
        (Json::Null, Json::Array(new)) if new.iter().any(Json::is_object) => lines(&[], new),
        (Json::Array(old), Json::Null) if old.iter().any(Json::is_object) => lines(old, &[]),
        (_, Json::Null) => html! { span.v.none { "emptied" } },
        _ => marked(&text(before), &text(after)),
    }
}

fn marked(before: &str, after: &str) -> Markup {
    html! {
        span.v {
            @for piece in pieces(before, after) {
                @match piece {
                    Piece::Same(text) => (text),
                    Piece::Gone(text) => { span.sr { " removed: " } del { (text) } },
                    Piece::New(text) => { span.sr { " new: " } ins { (text) } },
                }
            }
        }
    }
}

fn set(old: &[Json], new: &[Json]) -> Markup {
    let gone = old.iter().filter(|part| !new.contains(part));
    html! {
        span.v {
            @for (at, part) in new.iter().enumerate() {
                @if at > 0 { ", " }
                @if old.contains(part) { (text(part)) } @else { span.sr { " new: " } ins { (text(part)) } }
            }
            @for part in gone { " " span.sr { " removed: " } del { (text(part)) } }
        }
    }
}

/// Lines matched by their key: the one member whose values are unique and stand in both lists.
fn lines(old: &[Json], new: &[Json]) -> Markup {
    let empty = Map::new();
    let object = |line: &'_ Json| -> Map<String, Json> { line.as_object().unwrap_or(&empty).clone() };
    let (old, new): (Vec<_>, Vec<_>) = (old.iter().map(object).collect(), new.iter().map(object).collect());
    let key = key_of(&old, &new);
    let id = |at: usize, line: &Map<String, Json>| match &key {
        Some(key) => line.get(key).map_or_else(|| at.to_string(), text),
        None => at.to_string(),
    };
    let before: BTreeMap<String, &Map<String, Json>> =
        old.iter().enumerate().map(|(at, line)| (id(at, line), line)).collect();
    let ids: Vec<String> = new.iter().enumerate().map(|(at, line)| id(at, line)).collect();
    let told = |line: &Map<String, Json>| text(&Json::Object(line.clone()));
    html! {
        ol.lines {
            @for (line, id) in new.iter().zip(&ids) {
                @match before.get(id) {
                    Some(was) if *was == line => li { (told(line)) },
                    Some(was) => li.changed { (marked(&told(was), &told(line))) },
                    None => li.new { span.sr { "new: " } ins { (told(line)) } },
                }
            }
            @for (id, line) in before.iter().filter(|(id, _)| !ids.contains(id)) {
                li.gone data-line=(id) { span.sr { "removed: " } del { (told(line)) } }
            }
        }
    }
}

fn key_of(old: &[Map<String, Json>], new: &[Map<String, Json>]) -> Option<String> {
    let names = old.iter().chain(new).flat_map(Map::keys).filter(|name| name.contains("key"));
    let is_unique = |lines: &[Map<String, Json>], name: &str| {
        let values: std::collections::BTreeSet<String> =
            lines.iter().filter_map(|line| line.get(name).map(Json::to_string)).collect();
        values.len() == lines.len()
    };
    names.into_iter().find(|name| is_unique(old, name) && is_unique(new, name)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_script_in_a_value_is_text() {
        let bad = json!("<script>alert(1)</script>");
        for shown in [whole(&bad), brief(&bad), change(&json!("x"), &bad), change(&bad, &json!(null))] {
            assert!(!shown.into_string().contains("<script"));
        }
        assert!(whole(&bad).into_string().contains("&lt;script&gt;"));
    }

    #[test]
    fn values_read_as_people_write_them() {
        for (value, expected) in [
            (json!(true), "yes"),
            (json!("12.50"), "12.50"),
            (json!(["b", "a"]), "b, a"),
            (json!({"item": "9", "rate": null, "line_key": "1"}), "Item: 9 · Line key: 1"),
        ] {
            assert_eq!(text(&value), expected);
        }
        assert!(whole(&json!(null)).into_string().contains("empty"));
    }

    #[test]
    fn a_change_marks_what_is_gone_and_what_is_new() {
        let shown = |before, after| change(&before, &after).into_string();
        assert!(shown(json!("Ring twice."), json!("Ring once.")).contains("<del>twice</del>"));
        let tags = shown(json!(["a", "b"]), json!(["b", "c"]));
        assert!(tags.contains("<ins>c</ins>") && tags.contains("<del>a</del>"), "{tags}");
        assert!(shown(json!("x"), json!(null)).contains("emptied"));
        assert!(!shown(json!("x"), json!("x")).contains("<ins>"));
    }

    #[test]
    fn lines_are_matched_by_their_key() {
        let line = |key: &str, quantity: u32| json!({"line_key": key, "quantity": quantity});
        let shown =
            change(&json!([line("a", 1), line("b", 2)]), &json!([line("b", 3), line("c", 4)])).into_string();
        assert_eq!(shown.matches("class=\"changed\"").count(), 1, "{shown}");
        assert_eq!(shown.matches("class=\"new\"").count(), 1, "{shown}");
        assert_eq!(shown.matches("class=\"gone\"").count(), 1, "{shown}");
        assert!(shown.contains("<del>2</del>") && shown.contains("<ins>3</ins>"), "{shown}");
    }
}
