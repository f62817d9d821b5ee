//! Every function that takes values and gives one, with Oracle's meaning. Those whose name begins with `#` are
//! operators and conversions, out of reach of a query's text.

use chrono::{Datelike, NaiveDate};
use rusqlite::types::Value;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::calendar::{Calendar, DAY, last_of_month};
use crate::catalog::Kind;
use crate::mask::Mask;
use crate::number::{self, decimal, held};
use crate::refusal::oracle;

/// What a call gives, or the words of its refusal.
type Given = Result<Value, String>;

/// A function.
pub(crate) struct Function {
    /// Its name, in lower case.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) takes: &'static [Kind],
    /// How many of those it needs.
    pub(crate) least: usize,
    /// What it gives.
    pub(crate) gives: Kind,
    /// Whether null in means null out.
    strict: bool,
    run: fn(&Calendar, &[Value]) -> Given,
}

impl Function {
    /// The name under which SQLite knows it.
    pub(crate) fn internal(&self) -> String {
        format!("f_{}", self.name.trim_start_matches('#'))
    }

    /// Calls it.
    pub(crate) fn call(&self, calendar: &Calendar, args: &[Value]) -> Given {
        if self.strict && args.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        (self.run)(calendar, args)
    }
}

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const N: Kind = Kind::Number;
const T: Kind = Kind::Text;
const D: Kind = Kind::Date;

const fn strict(
    name: &'static str,
    takes: &'static [Kind],
    least: usize,
    gives: Kind,
    run: fn(&Calendar, &[Value]) -> Given,
) -> Function {
    Function { name, takes, least, gives, strict: true, run }
}

const fn lenient(
    name: &'static str,
    takes: &'static [Kind],
    least: usize,
    gives: Kind,
    run: fn(&Calendar, &[Value]) -> Given,
) -> Function {
    Function { name, takes, least, gives, strict: false, run }
}

/// All of them.
pub(crate) static FUNCTIONS: &[Function] = &[
    // Operators.
    strict("#add", &[N, N], 2, N, |_, v| numbers(v, Decimal::checked_add)),
    strict("#subtract", &[N, N], 2, N, |_, v| numbers(v, Decimal::checked_sub)),
    strict("#multiply", &[N, N], 2, N, |_, v| numbers(v, Decimal::checked_mul)),
    strict("#divide", &[N, N], 2, N, |_, v| match decimal(&v[1])?.is_zero() {
        true => Err(oracle(1476, "divisor is equal to zero")),
        false => numbers(v, Decimal::checked_div),
    }),
    strict("#negate", &[N], 1, N, |_, v| Ok(held(-decimal(&v[0])?))),
    lenient("#join", &[T, T], 2, T, |_, v| filled(text(&v[0]) + &text(&v[1]))),
    strict("#later", &[D, N], 2, D, |_, v| {
        let seconds = decimal(&v[1])?.checked_mul(Decimal::from(DAY)).ok_or_else(overflow)?;
        let seconds = seconds.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        whole(&v[0])?.checked_add(whole(&held(seconds))?).map(Value::Integer).ok_or_else(overflow)
    }),
    strict("#days", &[D, D], 2, N, |_, v| {
        let seconds = Decimal::from(whole(&v[0])?) - Decimal::from(whole(&v[1])?);
        Ok(held(seconds / Decimal::from(DAY)))
    }),
    lenient("#like", &[T, T, T], 2, Kind::Truth, |_, v| like(v)),
    // Conversions.
    strict("#number_text", &[N], 1, T, |_, v| number::text(&v[0]).map(Value::Text)),
    strict("#date_text", &[D], 1, T, |c, v| filled(c.date_format.write(c.wall(whole(&v[0])?)))),
    strict("to_number", &[T], 1, N, |_, v| number::parse(&text(&v[0])).map(held)),
    strict("#masked_number", &[N, T], 2, T, |_, v| filled(number::masked(decimal(&v[0])?, &text(&v[1]))?)),
    strict("#masked_date", &[D, T], 2, T, |c, v| filled(mask(&v[1])?.write(c.wall(whole(&v[0])?)))),
    strict("to_date", &[T, T], 1, D, read_date),
    strict("to_timestamp", &[T, T], 1, D, read_date),
    // Numbers.
    strict("abs", &[N], 1, N, |_, v| Ok(held(decimal(&v[0])?.abs()))),
    strict("ceil", &[N], 1, N, |_, v| Ok(held(decimal(&v[0])?.ceil()))),
    strict("floor", &[N], 1, N, |_, v| Ok(held(decimal(&v[0])?.floor()))),
    strict("sign", &[N], 1, N, |_, v| {
        let number = decimal(&v[0])?;
        Ok(Value::Integer(if number.is_zero() { 0 } else { 1 - 2 * i64::from(number.is_sign_negative()) }))
    }),
    // Oracle divides by nothing here and gives the number back.
    strict("mod", &[N, N], 2, N, |_, v| match decimal(&v[1])?.is_zero() {
        true => Ok(v[0].clone()),
        false => numbers(v, Decimal::checked_rem),
    }),
    strict("power", &[N, N], 2, N, |_, v| irrational(double(&v[0]).powf(double(&v[1])))),
    strict("sqrt", &[N], 1, N, |_, v| irrational(double(&v[0]).sqrt())),
    strict("#round", &[N, N], 1, N, |_, v| rounded(v, RoundingStrategy::MidpointAwayFromZero)),
    strict("#cut", &[N, N], 1, N, |_, v| rounded(v, RoundingStrategy::ToZero)),
    // Text.
    strict("lower", &[T], 1, T, |_, v| filled(text(&v[0]).to_lowercase())),
    strict("upper", &[T], 1, T, |_, v| filled(text(&v[0]).to_uppercase())),
    strict("initcap", &[T], 1, T, |_, v| filled(initial_capitals(&text(&v[0])))),
    strict("length", &[T], 1, N, |_, v| count(text(&v[0]).chars().count())),
    strict("substr", &[T, N, N], 2, T, substr),
    strict("instr", &[T, T, N], 2, N, instr),
    lenient("replace", &[T, T, T], 2, T, |_, v| match text(&v[1]).as_str() {
        _ if v[0] == Value::Null => Ok(Value::Null),
        "" => Ok(v[0].clone()),
        from => filled(text(&v[0]).replace(from, &v.get(2).map(text).unwrap_or_default())),
    }),
    strict("lpad", &[T, N, T], 2, T, |_, v| pad(v, |text, fill| fill + &text)),
    strict("rpad", &[T, N, T], 2, T, |_, v| pad(v, |text, fill| text + &fill)),
    strict("#trim", &[T, T], 1, T, |_, v| trimmed(v, true, true)),
    strict("ltrim", &[T, T], 1, T, |_, v| trimmed(v, true, false)),
    strict("rtrim", &[T, T], 1, T, |_, v| trimmed(v, false, true)),
    strict("chr", &[N], 1, T, |_, v| {
        let code = u32::try_from(whole(&v[0])?).ok().and_then(char::from_u32);
        filled(code.ok_or_else(|| oracle(1428, "argument is out of range"))?.to_string())
    }),
    strict("ascii", &[T], 1, N, |_, v| {
        Ok(text(&v[0]).chars().next().map_or(Value::Null, |c| Value::Integer(i64::from(u32::from(c)))))
    }),
    // Dates.
    strict("#start", &[D, T], 1, D, start_of),
    strict("add_months", &[D, N], 2, D, |c, v| {
        let months = whole(&held(decimal(&v[1])?.trunc()))?;
        c.add_months(whole(&v[0])?, months).map(Value::Integer).ok_or_else(overflow)
    }),
    strict("last_day", &[D], 1, D, |c, v| {
        let wall = c.wall(whole(&v[0])?);
        let last = last_of_month(wall.date()).ok_or_else(overflow)?;
        c.read(last.and_time(wall.time())).map(Value::Integer)
    }),
    strict("months_between", &[D, D], 2, N, |c, v| {
        let (a, b) = (c.wall(whole(&v[0])?), c.wall(whole(&v[1])?));
        let months = i64::from(a.year() - b.year()) * 12 + i64::from(a.month()) - i64::from(b.month());
        let ends = [a, b].map(|at| last_of_month(at.date()) == Some(at.date()));
        if a.day() == b.day() || ends == [true, true] {
            return Ok(Value::Integer(months));
        }
        let day = |at: chrono::NaiveDateTime| {
            let into = at.signed_duration_since(at.date().and_time(chrono::NaiveTime::MIN));
            Decimal::from(at.day()) + Decimal::from(into.num_seconds()) / Decimal::from(DAY)
        };
        Ok(held(Decimal::from(months) + (day(a) - day(b)) / Decimal::from(31)))
    }),
    strict("#part", &[D, T], 2, N, |c, v| {
        let wall = c.wall(whole(&v[0])?);
        let part = Mask::parse(&text(&v[1])).map_err(|bad| bad.to_string())?.write(wall);
        number::parse(&part).map(held)
    }),
];

fn overflow() -> String {
    oracle(1426, "numeric overflow")
}

fn numbers(args: &[Value], run: impl Fn(Decimal, Decimal) -> Option<Decimal>) -> Given {
    run(decimal(&args[0])?, decimal(&args[1])?).map(held).ok_or_else(overflow)
}

fn double(value: &Value) -> f64 {
    match value {
        // Beyond 2^53 the last digits are lost, as with every root.
        Value::Integer(whole) => *whole as f64,
        Value::Real(double) => *double,
        Value::Null | Value::Text(_) | Value::Blob(_) => f64::NAN,
    }
}

fn irrational(number: f64) -> Given {
    match number.is_finite() {
        true => number::parse(&number.to_string()).map(held),
        false => Err(oracle(1428, "argument is out of range")),
    }
}

/// A value as text.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Real(_) => number::text(value).unwrap_or_default(),
        Value::Null | Value::Blob(_) => String::new(),
    }
}

/// Text that is empty is null.
fn filled(text: String) -> Given {
    Ok(if text.is_empty() { Value::Null } else { Value::Text(text) })
}

fn whole(value: &Value) -> Result<i64, String> {
    match value {
        Value::Integer(whole) => Ok(*whole),
        _ => Err(overflow()),
    }
}

/// A number as a position, its fraction cut off.
fn position(value: &Value) -> Result<i64, String> {
    whole(&held(decimal(value)?.trunc()))
}

fn count(number: usize) -> Given {
    i64::try_from(number).map(Value::Integer).map_err(|_| overflow())
}

fn mask(value: &Value) -> Result<Mask, String> {
    Mask::parse(&text(value)).map_err(|bad| bad.to_string())
}

fn read_date(calendar: &Calendar, args: &[Value]) -> Given {
    let wall = match args.get(1) {
        Some(given) => mask(given)?.read(&text(&args[0])),
        None => calendar.date_format.read(&text(&args[0])),
    };
    calendar.read(wall?).map(Value::Integer)
}

fn rounded(args: &[Value], how: RoundingStrategy) -> Given {
    let number = decimal(&args[0])?;
    let places = args.get(1).map_or(Ok(0), position)?;
    if places >= 0 {
        let places = u32::try_from(places).map_err(|_| overflow())?;
        return Ok(held(number.round_dp_with_strategy(places.min(28), how)));
    }
    // 1250 to -2 places is 1300.
    let unit = u32::try_from(-places).ok().and_then(|places| 10_i64.checked_pow(places));
    let Some(unit) = unit.map(Decimal::from) else { return Ok(Value::Integer(0)) };
    Ok(held((number / unit).round_dp_with_strategy(0, how) * unit))
}

fn initial_capitals(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric();
    }
    out
}

fn substr(_: &Calendar, args: &[Value]) -> Given {
    let chars: Vec<char> = text(&args[0]).chars().collect();
    let length = i64::try_from(chars.len()).map_err(|_| overflow())?;
    let from = match position(&args[1])? {
        0 => 0,
        from if from > 0 => from - 1,
        from => length + from,
    };
    let take = args.get(2).map_or(Ok(length), position)?;
    if from < 0 || from >= length || take < 1 {
        return Ok(Value::Null);
    }
    let (from, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(take).unwrap_or(0));
    filled(chars.into_iter().skip(from).take(take).collect())
}

fn instr(_: &Calendar, args: &[Value]) -> Given {
    let (text, part) = (text(&args[0]), text(&args[1]));
    let from = args.get(2).map_or(Ok(1), position)?;
    let skip = usize::try_from(from - 1).map_err(|_| oracle(1428, "argument is out of range"))?;
    let at = text.char_indices().nth(skip).map(|(at, _)| at);
    match at.and_then(|at| Some(at + text[at..].find(&part)?)) {
        Some(at) => count(text[..at].chars().count() + 1),
        None => Ok(Value::Integer(0)),
    }
}

fn pad(args: &[Value], put: fn(String, String) -> String) -> Given {
    /// Longest text that a query can make, as in Oracle.
    const MOST: usize = 4_000;
    let text = text(&args[0]);
    let width = usize::try_from(position(&args[1])?).unwrap_or(0).min(MOST);
    let have = text.chars().count();
    if width <= have {
        return filled(text.chars().take(width).collect());
    }
    let with = args.get(2).map_or_else(|| " ".to_string(), self::text);
    filled(put(text, with.chars().cycle().take(width - have).collect()))
}

fn trimmed(args: &[Value], left: bool, right: bool) -> Given {
    let set: Vec<char> = args.get(1).map_or_else(|| " ".to_string(), text).chars().collect();
    let text = text(&args[0]);
    let text = if left { text.trim_start_matches(&*set) } else { &text };
    filled(if right { text.trim_end_matches(&*set) } else { text }.to_string())
}

fn start_of(calendar: &Calendar, args: &[Value]) -> Given {
    let day = calendar.wall(whole(&args[0])?).date();
    let unit = args.get(1).map_or_else(|| "DD".to_string(), text).to_ascii_uppercase();
    let start = match unit.as_str() {
        "DD" | "DDD" | "J" => Some(day),
        "MM" | "MON" | "MONTH" => day.with_day(1),
        "Q" => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
        "YYYY" | "YEAR" | "YY" | "Y" => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        "IW" => day.checked_sub_days(chrono::Days::new(day.weekday().num_days_from_monday().into())),
        _ => return Err(oracle(1899, "bad precision specifier")),
    };
    start.map(|day| Value::Integer(calendar.day(day))).ok_or_else(overflow)
}

/// `LIKE`: `%` for any text, `_` for any character, and what follows the escape character for itself.
fn like(args: &[Value]) -> Given {
    if args[..2].contains(&Value::Null) {
        return Ok(Value::Null);
    }
    enum Want {
        Any,
        One,
        This(char),
    }
    let escape = args.get(2).map(text).and_then(|escape| escape.chars().next());
    let mut wants = Vec::new();
    let pattern = text(&args[1]);
    let mut pattern = pattern.chars();
    while let Some(c) = pattern.next() {
        wants.push(match c {
            c if Some(c) == escape => match pattern.next() {
                Some(c @ ('%' | '_')) => Want::This(c),
                Some(c) if Some(c) == escape => Want::This(c),
                _ => return Err(oracle(1424, "missing or illegal character following the escape character")),
            },
            '%' => Want::Any,
            '_' => Want::One,
            c => Want::This(c),
        });
    }
    let text: Vec<char> = text(&args[0]).chars().collect();
    // Where the text was when the last `%` was met: the only place worth going back to.
    let (mut at, mut want, mut back) = (0, 0, None);
    loop {
        match (wants.get(want), text.get(at)) {
            (Some(Want::Any), _) => {
                back = Some((want, at));
                want += 1;
            }
            (Some(Want::One), Some(_)) => (at, want) = (at + 1, want + 1),
            (Some(Want::This(c)), Some(have)) if c == have => (at, want) = (at + 1, want + 1),
            (None, None) => return Ok(Value::Integer(1)),
            (_, _) => match back {
                Some((any, from)) if from < text.len() => {
                    back = Some((any, from + 1));
                    (at, want) = (from + 1, any + 1);
                }
                _ => return Ok(Value::Integer(0)),
            },
        }
    }
}
