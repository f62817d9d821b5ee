//! What a person says about what a brake holds: its error is filed, and asked what was decided.

use shared::domain::id::Timestamp;
use shared::state::brake::BrakeWord;
use shared::state::notices::Topic;
use shared::state::{Commit, ErrorEntry, ErrorStatus, Notice};

use crate::caller::{Caller, Stop};

/// Whether a person has decided about a brake that holds since then. Its error stands until then: whoever closes it, or
/// has it tried again, without saying what is to become of what is held, is asked again.
pub(crate) async fn decision(
    caller: &Caller<'_>,
    error: ErrorEntry,
    since: i64,
) -> Result<Option<BrakeWord>, Stop> {
    let known = caller.app.state.error(error.id).await?;
    if let Some(word) = known.as_ref().and_then(|known| known.brake) {
        return Ok(Some(word));
    }
    if known.is_some_and(|known| known.status == ErrorStatus::Open) {
        return Ok(None);
    }
    // One notice for each brake, however often its error is filed.
    let (account, now): (_, Timestamp) = (&caller.account.id, caller.app.ports.clock.now());
    let (subject, once) = (format!("error:{}", error.id), since.to_string());
    let notice = Notice::new(account, Topic::Brake, subject, &once, error.message.clone(), now);
    let commit = Commit { errors: vec![error], notices: vec![notice], ..Commit::new(account.clone()) };
    caller.app.state.commit(vec![commit]).await?;
    Ok(None)
}
