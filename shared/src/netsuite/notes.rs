//! NetSuite's system notes: who set a field of a record, how, and to what, as far as our role may read them. Pure.
//!
//! - A note writes a field of NetSuite's own under a name that nobody documents, as `ENTITY.SPHONE`: a table, a letter
//!   for the type, the field's id in upper case. A custom field has its id. What is named otherwise is not recognised.
//! - It writes a value as people see it. A text, a number, a checkbox can be read back; a date or the name of what is
//!   referred to cannot, for their form is somebody's preference. Then nobody is named.
//! - It tells its time by a wall clock of whose zone nothing is known. How long ago that was is known but for an hour:
//!   the clock may have been changed since.
//!
//! A wrong name is worse than none: whatever leaves two people possible names neither.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde_json::{Map, Value as Json};

use super::table::Table;
use crate::domain::id::{Side, SideId, Timestamp};
use crate::domain::surface::{Field, TypeSurface};
use crate::domain::value::{Kind, Value};

const MASK: &str = "YYYY-MM-DD HH24:MI:SS";

/// How far the time of a note may be off, ms: the hour by which clocks are changed, and what a call takes or two clocks
/// differ.
const DOUBT_MS: i64 = 3_600_000 + 600_000;

/// A note about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When it was written, on our clock, within an hour: see the module.
    pub at: Timestamp,
    /// The same on NetSuite's wall clock, as it is shown there.
    pub shown: String,
    /// Who set the field.
    pub author: Option<String>,
    /// How: NetSuite's word for it, as `UI`.
    pub context: Option<String>,
    /// To what, as NetSuite writes it.
    pub value: Option<String>,
}

/// Which of some notes tells who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setter<'n> {
    /// This one.
    One(&'n Note),
    /// Several may, and they name different people.
    Several,
    /// The last one before we saw the value tells of another.
    Another,
    /// None tells that the field was ever set to it by then.
    Nobody,
}

/// The question for the newest notes about a field of the record that NetSuite knows as `id`; none where the notes keep
/// nothing of it, or keep it under a number that we don't know.
pub fn question(surface: &TypeSurface, field: &Field, id: &SideId) -> Option<String> {
    let id: u64 = id.as_str().parse().ok()?;
    let numbers = numbers(&surface.netsuite)?;
    let name = field.netsuite.to_uppercase();
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_plain || matches!(field.kind, Kind::Lines(_)) {
        return None;
    }
    // `_` is any one letter; which fields it lets through that are others, `read` leaves out.
    Some(format!(
        "SELECT TO_CHAR(n.date, '{MASK}') AS at, TO_CHAR(SYSDATE, '{MASK}') AS clock, n.field, n.newvalue, \
         BUILTIN.DF(n.name) AS author, BUILTIN.DF(n.context) AS how \
         FROM systemnote n WHERE n.recordtypeid IN ({numbers}) AND n.recordid = {id} AND \
         (UPPER(n.field) = '{name}' OR UPPER(n.field) LIKE '%._{name}' OR UPPER(n.field) LIKE '%.{name}') \
         ORDER BY n.date DESC"
    ))
}

/// The numbers under which notes are kept of a type. Entities of all kinds share one, and their ids: a number that means
/// a kind of its own does no harm.
fn numbers(netsuite: &str) -> Option<&'static str> {
    match (Table::of(netsuite).name, netsuite) {
        ("item", _) => Some("-10"),
        ("transaction", _) => Some("-30"),
        (_, "customer" | "lead" | "prospect") => Some("-9, -2"),
        (_, "vendor" | "employee" | "partner" | "contact") => Some("-9"),
        _ => None,
    }
}

/// What the rows of [`question`] say, asked at `now`. Else, what is wrong with them.
pub fn read(field: &Field, rows: &[Map<String, Json>], now: Timestamp) -> Result<Vec<Note>, String> {
    let note = |row: &Map<String, Json>| {
        let text = |name: &str| row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let wall = |name: &str| NaiveDateTime::parse_from_str(text(name)?, "%Y-%m-%d %H:%M:%S").ok();
        let (Some(at), Some(clock), Some(shown)) = (wall("at"), wall("clock"), text("at")) else {
            return Err("a system note without a time".to_string());
        };
        if !text("field").is_some_and(|name| is_named(field, name)) {
            return Ok(None);
        }
        let own = |name: &str| text(name).map(str::to_string);
        Ok(Some(Note {
            at: now.plus((at - clock).num_milliseconds()),
            shown: shown.to_string(),
            author: own("author"),
            context: own("how"),
            value: own("newvalue"),
        }))
    };
    rows.iter().filter_map(|row| note(row).transpose()).collect()
}

/// Whether a note about `name` is about the field.
fn is_named(field: &Field, name: &str) -> bool {
    let wanted = field.netsuite.as_str();
    let Some((_, last)) = name.rsplit_once('.') else { return name.eq_ignore_ascii_case(wanted) };
    let untyped = last.get(1..).unwrap_or_default();
    last.eq_ignore_ascii_case(wanted) || untyped.eq_ignore_ascii_case(wanted)
}

/// Who set the field to `value`, which we saw there, and which was there at `seen` by NetSuite's own account: the nearest
/// note of it that is not later, unless others may be.
pub fn setter<'n>(notes: &'n [Note], field: &Field, value: &Value, seen: Timestamp) -> Setter<'n> {
    let is_same = |note: &&Note| is_value(&field.kind, note.value.as_deref(), value);
    let is_before = |at: Timestamp| at.0 < seen.0 - DOUBT_MS;
    let same: Vec<&Note> =
        notes.iter().filter(|note| note.at.0 <= seen.0 + DOUBT_MS).filter(is_same).collect();
    // Of two notes the clock tells which is the later, but for one hour a year; of a note and what we saw it does not.
    let is_past =
        |note: &Note| notes.iter().any(|other| other.at > note.at && is_before(other.at) && !is_same(&other));
    let standing: Vec<&Note> = same.iter().copied().filter(|note| !is_past(note)).collect();
    let last_before = standing.iter().map(|note| note.at).filter(|at| is_before(*at)).max();
    let possible: Vec<&Note> =
        standing.into_iter().filter(|note| !is_before(note.at) || Some(note.at) == last_before).collect();
    let authors: BTreeSet<Option<&str>> = possible.iter().map(|note| note.author.as_deref()).collect();
    let nearest = possible.iter().filter(|note| note.at <= seen).max_by_key(|note| note.at);
    match (authors.len(), nearest.or(possible.first())) {
        (0, _) | (_, None) if same.is_empty() => Setter::Nobody,
        (0, _) | (_, None) => Setter::Another,
        (1, Some(note)) => Setter::One(note),
        _ => Setter::Several,
    }
}

/// Whether what a note says is this value.
fn is_value(kind: &Kind, note: Option<&str>, value: &Value) -> bool {
    let said = match (kind, note) {
        (_, None) => Value::Null,
        (Kind::MultiSelect, Some(text)) => {
            // What stands between options is documented nowhere; an id has none of these in it.
            let options = text.split([',', ';', '|', '\n', '\u{5}']).map(str::trim);
            Value::Set(Arc::new(options.filter(|id| !id.is_empty()).map(Arc::from).collect()))
        }
        (_, Some(text)) => match kind.parse(Side::NetSuite, &Json::from(text)) {
            Ok(said) => said,
            Err(_) => return false,
        },
    };
    match (&said, value) {
        (Value::Text(said), Value::Text(value)) => said.trim() == value.trim(),
        _ => said == *value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{AccountId, RecordType};
    use crate::domain::surface::SyncConfig;
    use serde_json::json;

    const HOUR: i64 = 3_600_000;
    /// 2026-01-01T12:00:00Z.
    const SEEN: Timestamp = Timestamp(1_767_268_800_000);

    fn surface(kind: &str) -> Arc<TypeSurface> {
        let config = SyncConfig::parse(include_str!("../../../config/sync.toml")).unwrap();
        let account = AccountId::parse("acme").unwrap();
        Arc::clone(config.surface(&account, &RecordType::parse(kind).unwrap()).unwrap())
    }

    fn asked(kind: &str, field: &str, id: &str) -> Option<String> {
        let surface = surface(kind);
        let field = &surface.fields[surface.field(field).unwrap()];
        question(&surface, field, &SideId::parse(id).unwrap())
    }

    fn note(minutes: i64, author: &str, value: &str) -> Note {
        Note {
            at: SEEN.plus(minutes * 60_000),
            shown: String::new(),
            author: Some(author.into()),
            context: None,
            value: Some(value.into()).filter(|value: &String| !value.is_empty()),
        }
    }

    /// Who is named for `value` of `customer.phone`, of these notes in any order.
    #[track_caller]
    fn named(notes: &[Note], value: &str, expected: &str) {
        let surface = surface("customer");
        let phone = &surface.fields[surface.field("phone").unwrap()];
        let value = phone.kind.parse(Side::SuiteX, &json!(value)).unwrap();
        let told = |notes: &[Note]| match setter(notes, phone, &value, SEEN) {
            Setter::One(note) => note.author.clone().unwrap_or_default(),
            Setter::Several => "several".into(),
            Setter::Another => "another".into(),
            Setter::Nobody => "nobody".into(),
        };
        assert_eq!(told(notes), expected);
        let turned: Vec<Note> = notes.iter().rev().cloned().collect();
        assert_eq!(told(&turned), expected, "in another order");
    }

    #[test]
    fn one_record_is_asked_about_under_its_number_and_its_fields_names() {
        let question = asked("customer", "phone", "1001").unwrap();
        assert!(question.contains("n.recordtypeid IN (-9, -2) AND n.recordid = 1001 AND"), "{question}");
        assert!(question.contains("UPPER(n.field) LIKE '%._PHONE'"), "{question}");
        assert!(asked("item", "price", "7").unwrap().contains("IN (-10)"));
        let order = asked("salesorder", "confirmed_at", "7").unwrap();
        assert!(order.contains("IN (-30)") && order.contains("'CUSTBODY_CONFIRMED_AT'"), "{order}");
        assert_eq!(asked("salesorder", "lines", "7"), None, "no note is kept of a whole list");
        assert_eq!(asked("customer", "phone", "sx-7"), None, "no id of NetSuite's");
        assert_eq!(numbers("customrecord_rental"), None);
    }

    #[test]
    fn a_field_is_known_by_its_id_with_or_without_table_and_type() {
        let surface = surface("customer");
        let field = |name: &str| &surface.fields[surface.field(name).unwrap()];
        for name in ["phone", "PHONE", "ENTITY.SPHONE", "ENTITY.PHONE"] {
            assert!(is_named(field("phone"), name), "{name}");
        }
        for name in ["SPHONE", "ENTITY.SALTPHONE", "ENTITY.SHOMEPHONE", "fax", ""] {
            assert!(!is_named(field("phone"), name), "{name}");
        }
        assert!(is_named(field("tags"), "CUSTENTITY_TAGS"));
    }

    #[test]
    fn rows_become_notes_on_our_clock() {
        let surface = surface("customer");
        let phone = &surface.fields[surface.field("phone").unwrap()];
        let row = |json: Json| json.as_object().unwrap().clone();
        let rows = [
            row(
                json!({"at": "2026-01-01 03:58:30", "clock": "2026-01-01 04:00:00", "field": "ENTITY.SPHONE",
                "newvalue": "2", "author": "Ann Lee", "how": "UI"}),
            ),
            row(
                json!({"at": "2025-12-31 04:00:00", "clock": "2026-01-01 04:00:00", "field": "ENTITY.SALTPHONE"}),
            ),
            row(json!({"at": "2025-12-31 04:00:00", "clock": "2026-01-01 04:00:00", "field": "phone"})),
        ];
        let notes = read(phone, &rows, SEEN).unwrap();
        let ann = Note {
            context: Some("UI".into()),
            shown: "2026-01-01 03:58:30".into(),
            ..note(0, "Ann Lee", "2")
        };
        assert_eq!(notes[0], Note { at: SEEN.plus(-90_000), ..ann });
        assert_eq!((notes.len(), notes[1].at, &notes[1].value), (2, SEEN.plus(-24 * HOUR), &None));
        assert!(read(phone, &[row(json!({"at": "01/01/2026", "field": "phone"}))], SEEN).is_err());
    }

    #[test]
    fn the_nearest_note_of_the_value_that_is_not_later_names_the_person() {
        named(&[note(-1, "ann", "2")], "2", "ann");
        named(&[note(-1, "ann", "2"), note(-2, "bob", "1"), note(-600, "cy", "2")], "2", "several");
        named(&[note(-1, "ann", "2"), note(-300, "bob", "1"), note(-600, "cy", "2")], "2", "ann");
        named(&[note(-300, "ann", "2"), note(-600, "cy", "2")], "2", "ann");
        named(&[note(-1, "ann", "2"), note(-600, "ann", "2")], "2", "ann");
        named(&[note(30, "ann", "2")], "2", "ann");
        named(&[note(-1, "ann", " 2 ")], "2", "ann");
        named(&[note(-300, "ann", "")], "", "ann");
    }

    #[test]
    fn who_may_not_be_the_one_is_not_named() {
        named(&[], "2", "nobody");
        named(&[note(-1, "ann", "1")], "2", "nobody");
        named(&[note(72, "ann", "2")], "2", "nobody");
        named(&[note(-1, "ann", "2"), note(-1, "bob", "2")], "2", "several");
        named(&[note(-300, "ann", "2"), note(-300, "bob", "2")], "2", "several");
        named(&[note(-30, "ann", "2"), note(30, "bob", "2")], "2", "several");
        named(&[note(-300, "ann", "2"), note(-100, "bob", "3")], "2", "another");
    }

    #[test]
    fn values_are_compared_in_canonical_form() {
        let decimal = Kind::Decimal { scale: 2 };
        let value = decimal.parse(Side::SuiteX, &json!("12.50")).unwrap();
        for (note, expected) in [("12.5", true), ("12.50", true), ("12.51", false), ("1.250,00 EUR", false)] {
            assert_eq!(is_value(&decimal, Some(note), &value), expected, "{note}");
        }
        assert!(is_value(&Kind::Boolean, Some("T"), &Value::Bool(true)));
        assert!(!is_value(&Kind::Boolean, Some("Yes"), &Value::Bool(true)), "nobody says that it means that");
        let set = Kind::MultiSelect.parse(Side::SuiteX, &json!(["7", "12"])).unwrap();
        assert!(is_value(&Kind::MultiSelect, Some("12, 7"), &set));
        assert!(!is_value(&Kind::MultiSelect, Some("12"), &set));
        let day = Kind::Date.parse(Side::SuiteX, &json!("2026-01-02")).unwrap();
        assert!(!is_value(&Kind::Date, Some("1/2/2026"), &day), "it may be in February");
    }
}
