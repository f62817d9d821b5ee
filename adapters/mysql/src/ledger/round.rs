//! One round: the appends of several callers, written together, told apart again.

use std::collections::{HashMap, HashSet};

use shared::fault::Unavailable;
use shared::ledger::{Appended, Entry};
use sqlx::MySqlPool;

use super::event_store;
use super::row::Row;
use super::{WHAT, unavailable};
use crate::fault::{Cause, cause, retrying};

/// How often a lost connection is replaced: after a restart of the server each of the pool's may be dead.
/// Appending once more does no harm, whatever became of the first time.
const LOST: u32 = 3;

/// How often events that somebody else appends at the same moment are looked up anew.
const RACES: u32 = 5;

/// At its start, and after an event that was there already, a worker asks first for so many rounds.
const CAUTIOUS_ROUNDS: u32 = 100;

/// Whether a round asks which of its events are there already before it writes. An insert that meets one fails, draws
/// ids all the same and leaves a gap, for which a scan then waits; to ask in vain costs as much as half an insert, and
/// a way to MySQL and back. What is delivered twice seldom comes alone, and mostly after somebody has died.
pub(super) struct Caution {
    rounds: u32,
}

impl Default for Caution {
    fn default() -> Self {
        Self { rounds: CAUTIOUS_ROUNDS }
    }
}

impl Caution {
    fn asks(&mut self) -> bool {
        let asks = self.rounds > 0;
        self.rounds = self.rounds.saturating_sub(1);
        asks
    }

    fn learn(&mut self, answers: &[Appended]) {
        if answers.iter().any(|answer| matches!(answer, Appended::Known)) {
            self.rounds = CAUTIOUS_ROUNDS;
        }
    }
}

/// Appends the entries of each caller; answers each caller. What is the matter with one entry is told to its
/// caller alone; when MySQL is lost, everybody is told.
pub(super) async fn append(
    pool: &MySqlPool,
    callers: Vec<Vec<Entry>>,
    caution: &mut Caution,
) -> Vec<Result<Vec<Appended>, Unavailable>> {
    let mut round = Round::default();
    let asked: Vec<Vec<Place>> =
        callers.into_iter().map(|entries| entries.into_iter().map(|e| round.add(e)).collect()).collect();
    let verdicts = write_all(pool, &round.rows, caution).await;
    asked.into_iter().map(|places| answer(places, &verdicts)).collect()
}

/// Where a caller's entry went.
enum Place {
    /// It is this row.
    Row(usize),
    /// The event is this row already, brought by somebody before in the same round.
    Again(usize),
    /// Nowhere.
    Refused(String),
}

/// The rows of a round, each event once.
#[derive(Default)]
struct Round {
    rows: Vec<Row>,
    by_event: HashMap<(shared::domain::id::AccountId, uuid::Uuid), usize>,
}

impl Round {
    fn add(&mut self, entry: Entry) -> Place {
        let row = match Row::of(entry) {
            Ok(row) => row,
            Err(reason) => return Place::Refused(reason),
        };
        let next = self.rows.len();
        match *self.by_event.entry(row.key()).or_insert(next) {
            at if at < next => Place::Again(at),
            at => {
                self.rows.push(row);
                Place::Row(at)
            }
        }
    }
}

type Verdict = Result<Appended, Unavailable>;

fn answer(places: Vec<Place>, verdicts: &[Verdict]) -> Result<Vec<Appended>, Unavailable> {
    let of = |place| match place {
        Place::Row(at) => verdicts[at].clone(),
        Place::Again(at) => verdicts[at].clone().map(|first| match first {
            Appended::Fresh | Appended::Known => Appended::Known,
            refused @ Appended::Refused(_) => refused,
        }),
        Place::Refused(reason) => Ok(Appended::Refused(reason)),
    };
    places.into_iter().map(of).collect()
}

/// Writes the rows in their order, with one statement where none is refused; else by halves, until what is
/// refused stands alone.
async fn write_all(pool: &MySqlPool, rows: &[Row], caution: &mut Caution) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(rows.len());
    let mut parts = vec![rows];
    while let Some(part) = parts.pop() {
        match write(pool, part, caution).await {
            Ok(fresh) => verdicts.extend(fresh.into_iter().map(Ok)),
            Err(error) => match (cause(&error), part) {
                (Cause::Refused(_), [_]) => verdicts.push(Ok(Appended::Refused(error.to_string()))),
                (Cause::Refused(_), _) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right, left]);
                }
                _ => {
                    // Not one more attempt: who is lost now is delivered again.
                    let lost = unavailable(WHAT)(error);
                    verdicts.resize_with(rows.len(), || Err(lost.clone()));
                    return verdicts;
                }
            },
        }
    }
    verdicts
}

/// Writes rows with one statement; without those that are there already, once one has been met.
async fn write(pool: &MySqlPool, rows: &[Row], caution: &mut Caution) -> Result<Vec<Appended>, sqlx::Error> {
    let (mut asks, mut races, mut lost) = (caution.asks(), 0, 0);
    loop {
        match write_new(pool, rows, asks).await {
            Ok(answers) => {
                caution.learn(&answers);
                return Ok(answers);
            }
            Err(error) if cause(&error) == Cause::Duplicate && races < RACES => {
                (asks, races) = (true, races + 1)
            }
            Err(error) if cause(&error) == Cause::Lost && lost < LOST => lost += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn write_new(pool: &MySqlPool, rows: &[Row], asks: bool) -> Result<Vec<Appended>, sqlx::Error> {
    let dice = rows.first().map_or(0, |row| row.entry.event_id.as_u64_pair().1);
    let known = if asks { retrying(dice, || event_store::known(pool, rows)).await? } else { HashSet::new() };
    let fresh: Vec<&Row> = rows.iter().filter(|row| !known.contains(&row.key())).collect();
    retrying(dice, || event_store::insert(pool, &fresh)).await?;
    let answer = |row: &Row| if known.contains(&row.key()) { Appended::Known } else { Appended::Fresh };
    Ok(rows.iter().map(answer).collect())
}
