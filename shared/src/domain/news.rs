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
    /// A read that started and was committed at one row revision of ours: it alone may decide between equal
    /// revisions.
    pub authoritative: bool,
    /// The save was made by this call of ours; what it changed beyond the call's fields is not ours.
    pub operation: Option<Uuid>,
    /// The event that brought it.
    pub cause: Uuid,
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
