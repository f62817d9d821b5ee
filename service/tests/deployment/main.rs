//! A deployment as README says it is made, and how a function starts in it.

mod deploy;
mod place;
mod start;
