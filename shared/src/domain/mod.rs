//! The pure core: no input or output, no clock, no async, no randomness. Time, ids and dice come in as
//! arguments; decisions go out as values.
//!
//! Read in this order: [`id`], [`value`], [`surface`] (what is synced), [`record`] (what we know),
//! [`news`] → [`absorb`] (what follows from news), [`plan`] (what must be written), [`settle`] (what a reply
//! means), [`report`] (why).

pub mod absorb;
pub mod coalesce;
pub mod conflict;
pub mod event;
pub mod governance;
pub mod id;
pub mod identity;
pub mod lines;
pub mod merged;
pub mod news;
pub mod people;
pub mod plan;
pub mod record;
pub mod report;
pub mod settle;
pub mod surface;
pub mod value;
