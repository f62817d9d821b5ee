//! Between the UTC seconds in which records keep their times and the wall clock that queries speak of.
//!
//! NetSuite does not document in which zone SuiteQL reads and shows times, nor how it compares them across the
//! two transitions of a year. All of that is set here, and tests run the alternatives.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::mask::Mask;
use crate::refusal::oracle;

/// What dates are compared and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reckoning {
    /// The moment: the repeated hour of autumn sorts as it happened, though it reads twice the same.
    #[default]
    Instant,
    /// What the clock on the wall shows: the repeated hour falls together with the first.
    Wall,
}

/// Which of two moments a text means that the wall clock shows twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The first, still in daylight saving time.
    Earlier,
    /// The second, in standard time: what Oracle's database assumes.
    #[default]
    Later,
}

/// What becomes of a text that names a time which the wall clock skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Refused, as Oracle's database does.
    #[default]
    Refuse,
    /// Moved on by the length of the gap.
    Forward,
}

/// How an account reckons time.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The zone of the wall clock.
    pub zone: Tz,
    /// What dates are compared by.
    pub reckoning: Reckoning,
    /// Texts that name two moments.
    pub overlap: Overlap,
    /// Texts that name none.
    pub gap: Gap,
    /// How a date looks that no mask was given for.
    pub date_format: Mask,
}

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

impl Calendar {
    /// The form in which the engine holds a moment: seconds of UTC, or of the wall clock.
    pub(crate) fn hold(&self, utc: i64) -> i64 {
        match self.reckoning {
            Reckoning::Instant => utc,
            Reckoning::Wall => self.local(utc).and_utc().timestamp(),
        }
    }

    /// What the wall clock shows at a date that the engine holds.
    pub(crate) fn wall(&self, held: i64) -> NaiveDateTime {
        match self.reckoning {
            Reckoning::Instant => self.local(held),
            Reckoning::Wall => DateTime::from_timestamp(held, 0).unwrap_or_default().naive_utc(),
        }
    }

    /// The date that a text on the wall clock means.
    pub(crate) fn read(&self, wall: NaiveDateTime) -> Result<i64, String> {
        match (self.resolve(wall), self.gap) {
            (Ok(held), _) => Ok(held),
            (Err(after), Gap::Forward) => Ok(after),
            (Err(_), Gap::Refuse) => Err(oracle(1878, "specified field not found in datetime or interval")),
        }
    }

    /// The first moment of a day. Where the clock skips midnight the day begins later.
    pub(crate) fn day(&self, day: NaiveDate) -> i64 {
        let midnight = day.and_time(NaiveTime::MIN);
        match self.reckoning {
            Reckoning::Wall => midnight.and_utc().timestamp(),
            Reckoning::Instant => match self.zone.from_local_datetime(&midnight).earliest() {
                Some(first) => first.timestamp(),
                None => self.after_gap(midnight),
            },
        }
    }

    /// A date so many whole months on, on the same day or the last of a shorter month.
    pub(crate) fn add_months(&self, held: i64, months: i64) -> Option<i64> {
        let wall = self.wall(held);
        let last = last_of_month(wall.date())? == wall.date();
        let step = chrono::Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        let moved = match months < 0 {
            true => wall.date().checked_sub_months(step)?,
            false => wall.date().checked_add_months(step)?,
        };
        // From the last day of a month Oracle goes to the last day of the other.
        let day = if last { last_of_month(moved)? } else { moved };
        Some(self.resolve(day.and_time(wall.time())).unwrap_or_else(|after| after))
    }

    fn local(&self, utc: i64) -> NaiveDateTime {
        let utc = DateTime::from_timestamp(utc, 0).unwrap_or_default();
        utc.with_timezone(&self.zone).naive_local()
    }

    /// The date of a wall-clock time; an error carries where a skipped one would be.
    fn resolve(&self, wall: NaiveDateTime) -> Result<i64, i64> {
        if self.reckoning == Reckoning::Wall {
            return Ok(wall.and_utc().timestamp());
        }
        let moments = self.zone.from_local_datetime(&wall);
        let chosen = match self.overlap {
            Overlap::Earlier => moments.earliest(),
            Overlap::Later => moments.latest(),
        };
        chosen.map(|moment| moment.timestamp()).ok_or_else(|| self.after_gap(wall))
    }

    /// A skipped time, read with the offset that was in force before the gap.
    fn after_gap(&self, wall: NaiveDateTime) -> i64 {
        let before = self.zone.offset_from_utc_datetime(&(wall - TimeDelta::days(1)));
        wall.and_utc().timestamp() - i64::from(before.fix().local_minus_utc())
    }
}

/// The last day of a day's month.
pub(crate) fn last_of_month(day: NaiveDate) -> Option<NaiveDate> {
    use chrono::Datelike;
    let next = day.with_day(1)?.checked_add_months(chrono::Months::new(1))?;
    next.checked_sub_days(Days::new(1))
}
