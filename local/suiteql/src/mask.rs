//! Oracle's date masks, to write dates with and to read them with.

use std::fmt::Write as _;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde::{Deserialize, Serialize};

use crate::refusal::oracle;

/// A mask, understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mask {
    text: String,
    parts: Vec<Part>,
}

/// A text that is no mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ORA-01821: date format not recognized")]
pub struct BadMask;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    piece: Piece,
    /// Under `FM`: without padding.
    bare: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Year(usize),
    Month,
    MonthName {
        short: bool,
        case: Case,
    },
    Day,
    DayOfYear,
    DayOfWeek,
    DayName {
        short: bool,
        case: Case,
    },
    Quarter,
    IsoYear,
    IsoWeek,
    Hour24,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    /// Always zero: NetSuite keeps whole seconds.
    Fraction(usize),
    HalfDay {
        dotted: bool,
        lower: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Title,
    Lower,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The names of the pieces; of two that both fit, the longer stands first.
const PIECES: [&str; 33] = [
    "RRRR", "YYYY", "IYYY", "MONTH", "SSSSS", "HH24", "HH12", "A.M.", "P.M.", "YYY", "DDD", "DAY", "MON",
    "FF1", "FF2", "FF3", "FF6", "FF9", "RR", "YY", "MM", "DD", "DY", "HH", "MI", "SS", "FF", "AM", "PM",
    "IW", "Q", "D", "Y",
];

impl Mask {
    /// Reads a mask.
    pub fn parse(text: &str) -> Result<Self, BadMask> {
        let mut parts = Vec::new();
        let mut bare = false;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let upper = rest.to_ascii_uppercase();
            if upper.starts_with("FM") {
                bare = !bare;
                rest = &rest[2..];
            } else if let Some(quoted) = rest.strip_prefix('"') {
                let (literal, after) = quoted.split_once('"').ok_or(BadMask)?;
                parts.push(Part { piece: Piece::Literal(literal.to_string()), bare });
                rest = after;
            } else if let Some(name) = PIECES.iter().find(|name| upper.starts_with(**name)) {
                let (written, after) = rest.split_at(name.len());
                parts.push(Part { piece: piece(name, written), bare });
                rest = after;
            } else if !first.is_ascii_alphanumeric() {
                parts.push(Part { piece: Piece::Literal(first.to_string()), bare });
                rest = &rest[first.len_utf8()..];
            } else {
                return Err(BadMask);
            }
        }
        Ok(Self { text: text.to_string(), parts })
    }

    /// Writes a date.
    pub fn write(&self, at: NaiveDateTime) -> String {
        let mut out = String::new();
        for Part { piece, bare } in &self.parts {
            let mut number = |value: i64, width: usize| {
                let width = if *bare { 0 } else { width };
                // Writing into a string cannot fail.
                let _ = write!(out, "{value:0width$}");
            };
            let hour = i64::from(at.hour());
            match piece {
                Piece::Year(4) => number(i64::from(at.year()), 4),
                Piece::Year(digits) => {
                    let ten = 10_i32.pow(u32::try_from(*digits).unwrap_or(2));
                    number(i64::from(at.year().rem_euclid(ten)), *digits);
                }
                Piece::Month => number(i64::from(at.month()), 2),
                Piece::Day => number(i64::from(at.day()), 2),
                Piece::DayOfYear => number(i64::from(at.ordinal()), 3),
                Piece::DayOfWeek => number(i64::from(at.weekday().num_days_from_sunday()) + 1, 1),
                Piece::Quarter => number(i64::from(at.month0() / 3) + 1, 1),
                Piece::IsoYear => number(i64::from(at.iso_week().year()), 4),
                Piece::IsoWeek => number(i64::from(at.iso_week().week()), 2),
                Piece::Hour24 => number(hour, 2),
                Piece::Hour12 => number((hour + 11) % 12 + 1, 2),
                Piece::Minute => number(i64::from(at.minute()), 2),
                Piece::Second => number(i64::from(at.second()), 2),
                Piece::SecondOfDay => number(i64::from(at.num_seconds_from_midnight()), 5),
                Piece::Fraction(digits) => out.push_str(&"0".repeat(*digits)),
                Piece::Literal(literal) => out.push_str(literal),
                Piece::MonthName { short, case } => {
                    name(&mut out, MONTHS[at.month0() as usize], *short, *case, if *bare { 0 } else { 9 });
                }
                Piece::DayName { short, case } => {
                    let day = DAYS[at.weekday().num_days_from_sunday() as usize];
                    name(&mut out, day, *short, *case, if *bare { 0 } else { 9 });
                }
                Piece::HalfDay { dotted, lower } => {
                    let text = match (hour < 12, dotted) {
                        (true, false) => "AM",
                        (false, false) => "PM",
                        (true, true) => "A.M.",
                        (false, true) => "P.M.",
                    };
                    out.push_str(&if *lower { text.to_lowercase() } else { text.to_string() });
                }
            }
        }
        out
    }

    /// The mask as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reads what the wall clock shows in `text`; or why it is no such text, in Oracle's words.
    pub fn read(&self, text: &str) -> Result<NaiveDateTime, String> {
        let mut reader = Reader { rest: text.trim(), ..Reader::default() };
        for Part { piece, .. } in &self.parts {
            // Oracle lets the time of day be missing at the end.
            if reader.rest.is_empty() && reader.day.is_some() {
                break;
            }
            reader.take(piece)?;
        }
        if !reader.rest.is_empty() {
            return Err(oracle(1830, "date format picture ends before converting entire input string"));
        }
        reader.finish()
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    hour24: Option<u32>,
    hour12: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
}

impl Reader<'_> {
    fn take(&mut self, piece: &Piece) -> Result<(), String> {
        match piece {
            Piece::Literal(literal) => self.literal(literal),
            Piece::Year(4) => self.number(4, 1..=9999, 1841, "year").map(|y| self.year = y.try_into().ok()),
            Piece::Year(_) => {
                let short = self.number(2, 0..=99, 1841, "year")?;
                // As `RR` does: the century that is nearer.
                self.year = i32::try_from(if short < 50 { 2000 + short } else { 1900 + short }).ok();
                Ok(())
            }
            Piece::Month => self.number(2, 1..=12, 1843, "month").map(|month| self.month = Some(month)),
            Piece::MonthName { .. } => self.month_name(),
            Piece::Day => self.number(2, 1..=31, 1847, "day of month").map(|day| self.day = Some(day)),
            Piece::Hour24 => self.number(2, 0..=23, 1850, "hour").map(|hour| self.hour24 = Some(hour)),
            Piece::Hour12 => self.number(2, 1..=12, 1849, "hour").map(|hour| self.hour12 = Some(hour)),
            Piece::Minute => self.number(2, 0..=59, 1851, "minutes").map(|minute| self.minute = minute),
            Piece::Second => self.number(2, 0..=59, 1852, "seconds").map(|second| self.second = second),
            Piece::Fraction(_) => self.number(9, 0..=999_999_999, 1880, "fractional seconds").map(|_| ()),
            Piece::HalfDay { .. } => self.half_day(),
            Piece::DayOfYear
            | Piece::DayOfWeek
            | Piece::DayName { .. }
            | Piece::Quarter
            | Piece::IsoYear
            | Piece::IsoWeek
            | Piece::SecondOfDay => Err(oracle(1820, "format code cannot appear in date input format")),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<(), String> {
        let mut rest = self.rest.chars();
        for expected in literal.chars() {
            match rest.next() {
                // Any punctuation does for any other.
                Some(c) if c == expected || !(c.is_alphanumeric() || expected.is_alphanumeric()) => {}
                _ => return Err(oracle(1861, "literal does not match format string")),
            }
        }
        self.rest = rest.as_str();
        Ok(())
    }

    fn number(
        &mut self,
        digits: usize,
        range: std::ops::RangeInclusive<u32>,
        code: u32,
        what: &str,
    ) -> Result<u32, String> {
        let have = self.rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        if have == 0 {
            return Err(oracle(1858, "a non-numeric character was found where a numeric was expected"));
        }
        let (number, rest) = self.rest.split_at(have);
        self.rest = rest;
        let (least, most) = (*range.start(), *range.end());
        number
            .parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| oracle(code, &format!("{what} must be between {least} and {most}")))
    }

    fn month_name(&mut self) -> Result<(), String> {
        let bad = || oracle(1843, "not a valid month");
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at(letters);
        let found = MONTHS
            .iter()
            .position(|month| month.eq_ignore_ascii_case(word) || month[..3].eq_ignore_ascii_case(word));
        self.month = Some(u32::try_from(found.ok_or_else(bad)? + 1).map_err(|_| bad())?);
        self.rest = rest;
        Ok(())
    }

    fn half_day(&mut self) -> Result<(), String> {
        let upper = self.rest.to_ascii_uppercase();
        let found = [("A.M.", false), ("P.M.", true), ("AM", false), ("PM", true)]
            .into_iter()
            .find(|(text, _)| upper.starts_with(text));
        let (text, afternoon) = found.ok_or_else(|| oracle(1855, "AM/A.M. or PM/P.M. required"))?;
        self.rest = &self.rest[text.len()..];
        self.afternoon = Some(afternoon);
        Ok(())
    }

    fn finish(self) -> Result<NaiveDateTime, String> {
        let short = || oracle(1840, "input value not long enough for date format");
        let hour = match (self.hour24, self.hour12) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 },
            (None, None) => 0,
        };
        let year = self.year.ok_or_else(short)?;
        let day = NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))
            .ok_or_else(|| oracle(1839, "date not valid for month specified"))?;
        NaiveTime::from_hms_opt(hour, self.minute, self.second)
            .map(|time| day.and_time(time))
            .ok_or_else(short)
    }
}

fn piece(name: &str, written: &str) -> Piece {
    let case = match written.as_bytes() {
        [first, second, ..] if first.is_ascii_uppercase() && second.is_ascii_lowercase() => Case::Title,
        [first, ..] if first.is_ascii_lowercase() => Case::Lower,
        _ => Case::Upper,
    };
    let lower = case == Case::Lower;
    match name {
        "YYYY" | "RRRR" => Piece::Year(4),
        "YYY" => Piece::Year(3),
        "YY" | "RR" => Piece::Year(2),
        "Y" => Piece::Year(1),
        "IYYY" => Piece::IsoYear,
        "IW" => Piece::IsoWeek,
        "Q" => Piece::Quarter,
        "MONTH" => Piece::MonthName { short: false, case },
        "MON" => Piece::MonthName { short: true, case },
        "MM" => Piece::Month,
        "DDD" => Piece::DayOfYear,
        "DD" => Piece::Day,
        "D" => Piece::DayOfWeek,
        "DAY" => Piece::DayName { short: false, case },
        "DY" => Piece::DayName { short: true, case },
        "HH24" => Piece::Hour24,
        // The trap: HH alone is the twelve-hour clock.
        "HH" | "HH12" => Piece::Hour12,
        "MI" => Piece::Minute,
        "SS" => Piece::Second,
        "SSSSS" => Piece::SecondOfDay,
        "A.M." | "P.M." => Piece::HalfDay { dotted: true, lower },
        "AM" | "PM" => Piece::HalfDay { dotted: false, lower },
        fraction => Piece::Fraction(fraction[2..].parse().unwrap_or(6)),
    }
}

fn name(out: &mut String, full: &str, short: bool, case: Case, width: usize) {
    let (text, width) = if short { (&full[..3], 0) } else { (full, width) };
    let text = match case {
        Case::Upper => text.to_uppercase(),
        Case::Title => text.to_string(),
        Case::Lower => text.to_lowercase(),
    };
    // Writing into a string cannot fail.
    let _ = write!(out, "{text:width$}");
}

impl FromStr for Mask {
    type Err = BadMask;

    fn from_str(text: &str) -> Result<Self, BadMask> {
        Mask::parse(text)
    }
}

impl TryFrom<String> for Mask {
    type Error = BadMask;

    fn try_from(text: String) -> Result<Self, BadMask> {
        Mask::parse(&text)
    }
}

impl From<Mask> for String {
    fn from(mask: Mask) -> String {
        mask.text
    }
}
