//! A system failed over an edit, and nobody knows whether it took it: the person looks until it answers again, and
//! believes what is seen then.

use std::cell::RefCell;

use serde_json::{Map, Value as Json};
use shared::runtime::clock::{Clock, SystemClock};

use super::book::Book;
use super::client::{Address, Answer, Broken, Client};
use super::plan::{Birth, Plan};

/// Between two looks, in ms.
const LOOK_EVERY_MS: i64 = 250;

/// A system that answers again may still carry out what it had taken before, for so long, in ms.
const STILL_LANDS_MS: i64 = 2_000;

/// The status of what was not done.
const NOT_DONE: u16 = 503;

/// What became of an edit or a deletion: taken, with the row as it is now; refused, because it was not carried out;
/// or still unsure: the row shows nothing of it, and somebody may have written over it.
pub(super) async fn edited(
    client: &Client,
    book: &RefCell<Book>,
    (at, id): (&Address<'_>, &str),
    plan: &Plan,
) -> Result<Answer, Broken> {
    answers(client, at, id).await?;
    SystemClock.sleep_until(SystemClock.now().plus(STILL_LANDS_MS)).await;
    Ok(match (answers(client, at, id).await?, &plan.values) {
        (Answer::Taken(_), None) => Answer::Refused(NOT_DONE, "failed, and was not carried out".into()),
        (Answer::Refused(..), None) => Answer::Taken(Map::new()),
        (Answer::Taken(row), Some(values)) if is_shown(&book.borrow(), plan, values, &row) => {
            Answer::Taken(row)
        }
        _ => Answer::Unsure,
    })
}

/// What became of a record that was to be created: taken, or refused because it was not.
pub(super) async fn created(
    client: &Client,
    book: &RefCell<Book>,
    at: &Address<'_>,
    birth: &Birth,
) -> Result<Answer, Broken> {
    client.list(at).await?;
    SystemClock.sleep_until(SystemClock.now().plus(STILL_LANDS_MS)).await;
    let rows = client.list(at).await?;
    let book = book.borrow();
    let is_new = |row: &Map<String, Json>| {
        let id = row.get("id").and_then(Json::as_str);
        !book.records.iter().any(|known| {
            known.account == birth.account && known.kind == birth.kind && known.ids[at.side].as_deref() == id
        })
    };
    // Nobody else knows of it, so it holds what it was born with. Lists are given keys.
    let holds = |row: &Map<String, Json>| {
        let mut plain = birth.values.iter().filter(|(_, value)| !value.is_array());
        plain.all(|(name, value)| row.get(name) == Some(value))
    };
    let found = rows.into_iter().find(|row| is_new(row) && holds(row));
    Ok(found
        .map_or_else(|| Answer::Refused(NOT_DONE, "failed, and was not carried out".into()), Answer::Taken))
}

/// What a side says of a record, once it says anything.
async fn answers(client: &Client, at: &Address<'_>, id: &str) -> Result<Answer, Broken> {
    loop {
        match client.read(at, id).await? {
            Answer::Unsure => SystemClock.sleep_until(SystemClock.now().plus(LOOK_EVERY_MS)).await,
            answer => return Ok(answer),
        }
    }
}

/// Whether a row shows everything that an edit did.
fn is_shown(book: &Book, plan: &Plan, values: &Map<String, Json>, row: &Map<String, Json>) -> bool {
    let held = book.held(plan.record, plan.side, row);
    let of = |name: &str| held.get(name).unwrap_or(&Json::Null);
    let is_new_line = |(field, quantity): &(String, u64)| {
        of(field).as_array().into_iter().flatten().any(|line| line["quantity"] == *quantity)
    };
    let as_given = || values.iter().all(|(name, value)| row.get(name) == Some(value));
    as_given()
        || (plan.changes.iter().all(|(name, change)| change.shows(of(name)))
            && plan.new_line.iter().all(is_new_line))
}
