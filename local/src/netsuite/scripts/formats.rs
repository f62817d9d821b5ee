//! N/format, and the user's preferences: dates as text in the user's format and zone.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use suiteql::Mask;

use super::run::Run;
use super::thrown::Thrown;
use crate::netsuite::record::rfc3339;
use crate::netsuite::settings::{ScriptDates, Settings};

/// A date in one form or the other.
#[derive(Deserialize)]
pub(super) struct Dated {
    value: String,
    /// `date`, or a moment.
    r#type: String,
}

impl Dated {
    fn is_day(&self) -> bool {
        self.r#type == "date"
    }

    fn invalid(&self) -> Thrown {
        Thrown::new("SSS_INVALID_TYPE_ARG", format!("Invalid {}: {}", self.r#type, self.value))
    }
}

/// Whether records show dates as text.
pub(super) fn are_text(run: &Run) -> Json {
    json!(settings(run).script_dates == ScriptDates::Text)
}

/// A date in wire form, as the user reads it.
pub(super) fn text(run: &Run, dated: &Dated) -> Result<Json, Thrown> {
    let settings = settings(run);
    if dated.is_day() {
        let day: NaiveDate = dated.value.parse().map_err(|_| dated.invalid())?;
        return Ok(json!(settings.date_format.write(day.and_time(NaiveTime::MIN))));
    }
    let moment = DateTime::parse_from_rfc3339(&dated.value).map_err(|_| dated.invalid())?;
    let shown = moment.with_timezone(&settings.timezone).naive_local();
    let (day, time) = (settings.date_format.write(shown), clock(&settings, true).write(shown));
    Ok(json!(format!("{day} {time}")))
}

/// What the user typed, in wire form.
pub(super) fn parse(run: &Run, dated: &Dated) -> Result<Json, Thrown> {
    let settings = settings(run);
    if dated.is_day() {
        let day = settings.date_format.read(&dated.value).map_err(|_| dated.invalid())?;
        return Ok(json!(day.date().to_string()));
    }
    // Searches show no seconds.
    let read = |seconds: bool| {
        let whole = format!("{} {}", settings.date_format.as_str(), clock(&settings, seconds).as_str());
        Mask::parse(&whole).ok()?.read(&dated.value).ok()
    };
    let shown = read(true).or_else(|| read(false)).ok_or_else(|| dated.invalid())?;
    let moment = settings.timezone.from_local_datetime(&shown).latest().ok_or_else(|| dated.invalid())?;
    Ok(json!(rfc3339(moment.timestamp())))
}

/// A preference of the user's.
pub(super) fn preference(run: &Run, name: &str) -> String {
    let settings = settings(run);
    match name {
        "TIMEZONE" => settings.timezone.name().to_string(),
        "DATEFORMAT" => named(settings.date_format.as_str()),
        "TIMEFORMAT" => if settings.twelve_hours { "hh:mm a" } else { "HH:mm" }.to_string(),
        _ => String::new(),
    }
}

/// NetSuite's name of a format: what Oracle's database writes without filling zeros has one letter.
fn named(mask: &str) -> String {
    match mask.strip_prefix("FM") {
        Some(bare) => bare.replace("DD", "D").replace("MM", "M"),
        None => mask.to_string(),
    }
}

/// A moment in the user's format and zone, to the minute, as searches show it.
pub(super) fn to_the_minute(settings: &Settings, seconds: i64) -> String {
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let shown = at.with_timezone(&settings.timezone).naive_local();
    format!("{} {}", settings.date_format.write(shown), clock(settings, false).write(shown))
}

fn clock(settings: &Settings, seconds: bool) -> Mask {
    let mask = match (settings.twelve_hours, seconds) {
        (true, true) => "HH12:MI:SS am",
        (true, false) => "HH12:MI am",
        (false, true) => "HH24:MI:SS",
        (false, false) => "HH24:MI",
    };
    // Unwrap safety: masks of known parts.
    Mask::parse(mask).expect("a mask")
}

fn settings(run: &Run) -> Settings {
    run.account.enter().faults().settings.clone()
}
