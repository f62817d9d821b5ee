//! What is noted of a brake: what is to become of what it holds.

use shared::fault::Unavailable;
use shared::state::brake::BrakeDecision;
use shared::state::{AuditRow, ErrorEntry};

use super::Access;

impl Access {
    /// Notes with an error of the account what the person has decided about what the brake holds, and the audit of it; the
    /// error as it stands then. `None`: somebody has decided before, or it is over.
    pub(crate) async fn decide_brake(
        &self,
        error: &ErrorEntry,
        decision: &BrakeDecision,
        audit: AuditRow,
    ) -> Result<Option<ErrorEntry>, Unavailable> {
        debug_assert!(error.account == self.account);
        self.ports.state.decide_brake(&self.account, error.id, decision, audit).await
    }
}
