//! What is noted of a brake: what is to become of what it holds.

use shared::runtime::problem::Problem;
use shared::state::brake::BrakeWord;
use shared::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, Verdict};

use super::Access;

impl Access {
    /// Notes with an error of the account what the person has decided about what the brake holds, and the audit of it.
    pub(crate) async fn decide_brake(
        &self,
        error: &ErrorEntry,
        (word, note): (BrakeWord, String),
        audit: AuditRow,
    ) -> Result<ErrorEntry, Problem> {
        debug_assert!(error.account == self.account);
        let decided = ErrorEntry {
            status: ErrorStatus::Retried,
            brake: Some(word),
            note: Some(note),
            last_at: self.now(),
            ..error.clone()
        };
        let (errors, audit) = (vec![decided.clone()], vec![audit]);
        let commit = Commit { errors, audit, ..Commit::new(self.account.clone()) };
        match self.ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => Ok(decided),
            other => {
                tracing::error!(?other, "what was decided about a brake was not written");
                Err(Problem::internal("the log has the details"))
            }
        }
    }
}
