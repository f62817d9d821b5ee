//! A deployment as README says it is made, how a function starts in it, and the program that does both.

mod deploy;
mod place;
mod program;
mod start;
