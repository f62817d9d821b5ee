//! Numbers as Oracle has them: decimal, not binary.
//!
//! SQLite holds whole numbers and doubles. A decimal of up to 15 digits survives in a double, so everything is
//! calculated in decimals and kept in doubles: 0.1 + 0.2 is 0.3. Beyond 15 digits the last ones are lost.

use rusqlite::types::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::refusal::oracle;

/// A decimal as SQLite holds it.
pub(crate) fn held(number: Decimal) -> Value {
    let number = number.normalize();
    match number.to_i64() {
        Some(whole) if number.scale() == 0 => Value::Integer(whole),
        // The standard library reads to the nearest double.
        _ => number.to_string().parse().map_or(Value::Null, Value::Real),
    }
}

/// The decimal that SQLite holds.
pub(crate) fn decimal(value: &Value) -> Result<Decimal, String> {
    match value {
        Value::Integer(whole) => Ok(Decimal::from(*whole)),
        Value::Real(double) => parse(&double.to_string()),
        Value::Text(text) => parse(text),
        Value::Null | Value::Blob(_) => Err(invalid()),
    }
}

/// Reads a number.
pub(crate) fn parse(text: &str) -> Result<Decimal, String> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse().or_else(|_| Decimal::from_scientific(text)).map_err(|_| invalid())
}

fn invalid() -> String {
    oracle(1722, "invalid number")
}

/// A number without a mask.
pub(crate) fn text(value: &Value) -> Result<String, String> {
    decimal(value).map(|number| number.normalize().to_string())
}

/// A number under a mask of `9`, `0`, `.`, `,`, `$` and `FM`.
pub(crate) fn masked(number: Decimal, mask: &str) -> Result<String, String> {
    let bad = || oracle(1481, "invalid number format model");
    let upper = mask.to_ascii_uppercase();
    let (bare, body) = match upper.strip_prefix("FM") {
        Some(body) => (true, body),
        None => (false, upper.as_str()),
    };
    let (dollar, body) = match body.strip_prefix('$') {
        Some(body) => ("$", body),
        None => ("", body),
    };
    let (whole, fraction) = body.split_once(['.', 'D']).unwrap_or((body, ""));
    let digits = |part: &str| part.chars().all(|c| matches!(c, '9' | '0'));
    if body.is_empty() || !digits(fraction) || !whole.chars().all(|c| matches!(c, '9' | '0' | ',' | 'G')) {
        return Err(bad());
    }
    let scale = u32::try_from(fraction.len()).map_err(|_| bad())?;
    let away = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    let mut rounded = number.abs().round_dp_with_strategy(scale, away);
    rounded.rescale(scale);
    let shown = rounded.to_string();
    let (have, after) = shown.split_once('.').unwrap_or((&shown, ""));
    let have = if have == "0" { "" } else { have };
    let places = whole.chars().filter(|c| matches!(c, '9' | '0')).count();
    let width = body.len() + dollar.len() + 1;
    if have.len() > places {
        return Ok("#".repeat(width));
    }
    let mut out = String::new();
    let mut left = places;
    let mut started = false;
    for place in whole.chars() {
        if matches!(place, ',' | 'G') {
            if started {
                out.push(',');
            }
            continue;
        }
        started |= place == '0' || left <= have.len();
        if started {
            out.push(have.chars().nth(have.len().wrapping_sub(left)).unwrap_or('0'));
        }
        left -= 1;
    }
    if scale > 0 {
        // `FM` drops the zeros that stand for a 9.
        let kept = fraction.rfind('0').map_or(0, |at| at + 1);
        let shown = after.trim_end_matches('0').len().max(kept);
        out.push('.');
        out.push_str(if bare { &after[..shown] } else { after });
    }
    let sign = if number.is_sign_negative() && !rounded.is_zero() { "-" } else { "" };
    let text = format!("{sign}{dollar}{out}");
    Ok(if bare { text } else { format!("{text:>width$}") })
}
