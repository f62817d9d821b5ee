//! What a source says about its own side, in canonical values.

use uuid::Uuid;

use super::id::{Revision, Side, SideId};
use super::record::Span;
use super::surface::FieldIx;
use super::value::Value;

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The side it is about.
    pub side: Side,
    /// The side's id of the record.
    pub id: SideId,
    /// What it says.
    pub fact: Fact,
    /// The side's clock when it was so; without one, news can only make us look.
    pub revision: Option<Revision>,
    /// When the change was made.
    pub span: Span,
    /// How much it can decide.
    pub standing: Standing,
    /// The save was made by this call of ours; what it changed beyond the call's fields is not ours.
    pub operation: Option<Uuid>,
    /// The event that brought it.
    pub cause: Uuid,
}

/// How we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody told us: an event, a poll. It may be old.
    Heard,
    /// The answer to a call that began and was committed at one row revision of ours: it decides between equal
    /// revisions.
    Answered,
    /// Such an answer that also tells which of our calls the side has carried out: what it holds beyond those
    /// is somebody's edit.
    Accounted,
}

/// What news says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// These fields hold these values; a missing field says nothing.
    Holds {
        /// Field and value, each field once.
        values: Vec<(FieldIx, Value)>,
        /// Whether these are all the synced fields there are.
        full: bool,
    },
    /// The record was deleted.
    Deleted,
}
