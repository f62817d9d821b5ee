//! Values that people type in: each one that its field never held before, so that it can be recognised.

use chrono::{Days, NaiveDate};
use fastrand::Rng;
use serde_json::{Value as Json, json};
use shared::domain::id::{Side, Timestamp};
use shared::domain::surface::FieldIx;
use shared::domain::value::Kind;

use super::book::{Book, RecordIx};

/// A value, as it is typed in and as history shows it.
pub(super) struct Typed {
    /// As its side takes it.
    pub(super) given: Json,
    /// In SuiteX's form, references by canonical id.
    pub(super) canonical: Json,
}

/// So many draws find a value that is new, or none is typed.
const DRAWS: u32 = 4;

/// The days that are drawn from, and the first of them.
const DAYS: u64 = 36_500;
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();

/// The moments that are drawn from begin here: 2000-01-01T00:00:00Z.
const FIRST_MOMENT: Timestamp = Timestamp(946_684_800_000);

/// A new value for a field of a record, in `side`'s form. `None` when there is none left.
pub(super) fn new(
    book: &mut Book,
    dice: &mut Rng,
    record: RecordIx,
    side: Side,
    field: FieldIx,
) -> Option<Typed> {
    (0..DRAWS).find_map(|_| {
        let typed = draw(book, dice, record, side, field)?;
        book.claim(record, field, &typed.canonical).then_some(typed)
    })
}

/// Any value for a field of a record, or of one like it: new, where the field has values enough.
pub(super) fn draw(
    book: &mut Book,
    dice: &mut Rng,
    record: RecordIx,
    side: Side,
    field: FieldIx,
) -> Option<Typed> {
    let (n, surface) = (book.fresh(), book.surface(record));
    let spec = &surface.fields[field];
    let plain = |json: Json| Some(Typed { given: json.clone(), canonical: json });
    match &spec.kind {
        Kind::Text { .. } => plain(json!(format!("{} {n}", spec.name.replace('_', " ")))),
        Kind::Integer => plain(json!(n)),
        Kind::Decimal { scale } => {
            let (cents, scale) = (n % 10_u64.pow(*scale), *scale as usize);
            plain(json!(format!("{n}.{cents:0scale$}")))
        }
        Kind::Boolean => plain(json!(dice.bool())),
        Kind::Date => plain(json!(FIRST_DAY.checked_add_days(Days::new(n % DAYS))?.to_string())),
        Kind::DateTime => plain(json!(FIRST_MOMENT.plus(i64::try_from(n).ok()? * 1_000).to_string())),
        Kind::Select { options } if options.is_empty() => plain(json!(format!("c{n}"))),
        Kind::Select { options } => {
            plain(json!(options.iter().nth(dice.usize(0..options.len()))?.to_string()))
        }
        Kind::Reference { to } => {
            let account = book.records[record].account.clone();
            let (given, canonical) = book.referable(dice, side, &account, to)?;
            Some(Typed { given: json!(given), canonical: json!(canonical) })
        }
        Kind::MultiSelect | Kind::Lines(_) => None,
    }
}
