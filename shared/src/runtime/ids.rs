//! Ids that are drawn rather than derived: holders of leases, calls.

use uuid::Uuid;

/// Draws ids. [`RandomIds`] in life; the simulation brings a seeded one.
pub trait Ids: Send + Sync {
    /// A fresh id.
    fn draw(&self) -> Uuid;
}

/// Random ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws ids")]
    fn draw(&self) -> Uuid {
        Uuid::new_v4()
    }
}
