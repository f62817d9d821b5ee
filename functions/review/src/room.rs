//! Room for large bodies: so many at once and no more, so that they never take all memory together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::runtime::problem::Problem;

/// Large bodies that one instance reads at once.
pub const LARGE_AT_ONCE: usize = 4;

/// How many there are.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<AtomicUsize>);

/// Room for one, until it is dropped.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Room {
    /// Room for one more, if there is some.
    pub(crate) fn enter(&self) -> Result<Place, Problem> {
        let one_more = |taken: usize| (taken < LARGE_AT_ONCE).then_some(taken + 1);
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
            Ok(_) => Ok(Place(Arc::clone(&self.0))),
            Err(_) => {
                Err(Problem::unavailable("other large edits are being read; send it again in a moment"))
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
