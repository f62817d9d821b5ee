//! Functions over many rows that SQLite does not have with Oracle's meaning. The rest (`COUNT`, `MIN`, `MAX`)
//! are SQLite's own.

use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, Result};
use rust_decimal::Decimal;

use crate::database::refused;
use crate::number::{decimal, held};
use crate::refusal::oracle;

/// Tells SQLite of them.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_window_function("f_sum", 1, flags, Sum { mean: false })?;
    connection.create_window_function("f_avg", 1, flags, Sum { mean: true })?;
    connection.create_aggregate_function("f_single", 1, flags, Single)
}

/// Sum or mean of the numbers that are there.
struct Sum {
    mean: bool,
}

#[derive(Default)]
struct Total {
    sum: Decimal,
    count: i64,
}

impl Total {
    fn add(&mut self, value: Value, sign: i64) -> Result<()> {
        if value == Value::Null {
            return Ok(());
        }
        let overflow = || refused(oracle(1426, "numeric overflow"));
        let number = decimal(&value).map_err(refused)? * Decimal::from(sign);
        self.sum = self.sum.checked_add(number).ok_or_else(overflow)?;
        self.count += sign;
        Ok(())
    }

    fn give(&self, mean: bool) -> Value {
        match (self.count, mean) {
            (0, _) => Value::Null,
            (_, false) => held(self.sum),
            (count, true) => held(self.sum / Decimal::from(count)),
        }
    }
}

impl Aggregate<Total, Value> for Sum {
    fn init(&self, _: &mut Context<'_>) -> Result<Total> {
        Ok(Total::default())
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> Result<()> {
        total.add(context.get(0)?, 1)
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> Result<Value> {
        Ok(total.unwrap_or_default().give(self.mean))
    }
}

impl WindowAggregate<Total, Value> for Sum {
    fn value(&self, total: Option<&mut Total>) -> Result<Value> {
        Ok(total.map_or(Value::Null, |total| total.give(self.mean)))
    }

    fn inverse(&self, context: &mut Context<'_>, total: &mut Total) -> Result<()> {
        total.add(context.get(0)?, -1)
    }
}

/// The one value of a subquery that stands where a value is expected. SQLite would take the first of many.
struct Single;

impl Aggregate<Option<Value>, Value> for Single {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Value>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, found: &mut Option<Value>) -> Result<()> {
        match found.replace(context.get(0)?) {
            None => Ok(()),
            Some(_) => Err(too_many()),
        }
    }

    fn finalize(&self, _: &mut Context<'_>, found: Option<Option<Value>>) -> Result<Value> {
        Ok(found.flatten().unwrap_or(Value::Null))
    }
}

fn too_many() -> Error {
    refused(oracle(1427, "single-row subquery returns more than one row"))
}
