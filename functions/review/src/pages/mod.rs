//! The pages: what people look at and press, at `/review/`. Rendered here, on the server; they work without scripts,
//! and with them they are quicker. What is done is done by [`crate::desk`], as by the API.
//!
//! A form that was sent leads to another page, so that a reload sends nothing; what was refused comes back with all
//! that was typed. No page loads anything that is not ours.

mod account;
mod ambiguous;
mod asset;
mod audit;
mod bulk;
mod conflict;
mod diff;
mod error;
mod form;
mod handler;
mod inbox;
mod layout;
mod notices;
mod part;
mod record;
mod reply;
mod route;
mod typed;
mod value;
mod visit;
mod words;

pub(crate) use route::router;
