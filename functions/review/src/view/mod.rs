//! What people are shown: by the API as JSON, by the pages as they are. Pure. Values are in SuiteX's form, under
//! canonical names; references are canonical ids.

mod account;
mod ambiguous;
mod conflict;
mod history;
mod latency;
mod notice;
mod problem;
mod record;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::Side;
use shared::domain::record::Record;
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use utoipa::ToSchema;

pub(crate) use account::Known;
pub use account::{AccountLine, AccountView, Backlog, Calls, Counts, HoldView, Lag};
pub use ambiguous::{AmbiguityView, AnswerView, CandidateView, LinkingView};
pub(crate) use conflict::title;
pub use conflict::{Clashing, ConflictLine, ConflictView};
pub use history::{DecisionView, ErrorView, HistoryView, KeyView, SentView, TriedView};
pub use latency::{Arrived, Latency, Spread};
pub use notice::{AcknowledgedView, DeliveryView, NoticeView};
pub use problem::ProblemView;
pub(crate) use record::verb;
pub use record::{DueView, IntentView, LockView, RecordLine, RecordView, SideView};

/// Something that each side has one of.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sides<T> {
    /// NetSuite's.
    pub netsuite: T,
    /// SuiteX's.
    pub suitex: T,
}

impl<T> Sides<T> {
    /// One side's.
    pub fn at(&self, side: Side) -> &T {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }

    /// Each side's.
    pub fn of(mut of: impl FnMut(Side) -> T) -> Self {
        Self { netsuite: of(Side::NetSuite), suitex: of(Side::SuiteX) }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins: what `after` takes; null on the last.
    pub next: Option<String>,
}

/// A value as people read and write it.
pub(crate) fn shown(surface: &TypeSurface, field: FieldIx, value: &Value) -> Json {
    surface.fields[field].kind.render(Side::SuiteX, value)
}

/// The ids under which the sides know a record.
pub(crate) fn ids(record: &Record) -> Sides<Option<String>> {
    Sides::of(|side| record.sides[side].id.as_ref().map(ToString::to_string))
}
