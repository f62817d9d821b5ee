//! SuiteQL, NetSuite's query language, over tables that somebody else fills.
//!
//! A query is parsed with Oracle's grammar, checked against what SuiteQL takes, translated with the kind of
//! every expression known, and run by an SQLite in memory: joins, grouping, sorting and three-valued logic are
//! SQLite's, every function and all arithmetic are ours, with Oracle's meaning. The crate knows no records, no
//! clock and no HTTP; equal tables, queries and dice give equal answers.
//!
//! ```text
//! text ─► parse ─► translate (scope, term, from, select) ─► SQLite over the tables ─► page of strings
//!                      │ refuses what NetSuite refuses            │ calls functions, calendar, mask, number
//! ```
//!
//! Known to be missing: `(+)` joins, `USING`, `ANY` and `ALL`, grouping sets, window frames, intervals, regular
//! expressions, `BUILTIN` functions but `DF`, and masks for `TO_NUMBER`. All are refused, none is answered wrongly.

mod aggregates;
mod calendar;
mod catalog;
mod database;
mod functions;
mod mask;
mod number;
mod refusal;
mod role;
#[cfg(test)]
mod tests;
mod translate;

pub use calendar::{Calendar, Gap, Overlap, Reckoning};
pub use catalog::{Catalog, Cell, Column, Kind, SHOWN, Table};
pub use database::{Answer, Ask, Database};
pub use mask::{BadMask, Mask};
pub use refusal::Refusal;
pub use role::{HiddenColumns, Role};
