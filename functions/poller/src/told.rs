//! How people hear of what a poll meets: every error comes with its notice, and so does its end, which the audit has too.

use serde_json::json;
use shared::domain::id::Timestamp;
use shared::state::notices::Topic;
use shared::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, Notice};
use uuid::Uuid;

use crate::caller::{Caller, Stop};

/// Who closes an error, in the audit.
const ACTOR: &str = "poller";

/// An error that is over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) error: Uuid,
    pub(crate) why: String,
}

/// Files errors, and has people told.
pub(crate) async fn file(caller: &Caller<'_>, errors: Vec<ErrorEntry>) -> Result<(), Stop> {
    if errors.is_empty() {
        return Ok(());
    }
    let now = caller.app.ports.clock.now();
    let mut notices = Vec::with_capacity(errors.len());
    for error in &errors {
        let known = caller.app.state.error(error.id).await?;
        notices.push(Notice::of_error(&error.standing(known.as_ref()), now));
    }
    commit(caller, errors, notices, Vec::new()).await
}

/// Closes errors, and has people told. What a person has closed already is not told again.
pub(crate) async fn over(caller: &Caller<'_>, over: Vec<Over>) -> Result<(), Stop> {
    let now = caller.app.ports.clock.now();
    let (mut closed, mut audit) = (Vec::new(), Vec::new());
    for Over { error, why } in over {
        let known = caller.app.state.error(error).await?;
        let Some(known) = known.filter(|known| known.status != ErrorStatus::Closed) else { continue };
        audit.push(closing(&known, &why, now));
        // What a person has decided says more than that it was carried out.
        let note = known.note.clone().filter(|_| known.brake.is_some()).unwrap_or(why);
        closed.push(ErrorEntry { status: ErrorStatus::Closed, note: Some(note), ..known });
    }
    if closed.is_empty() {
        return Ok(());
    }
    let notices = closed.iter().map(|error| end_of(error, now)).collect();
    commit(caller, closed, notices, audit).await
}

/// That an error was closed: where it stood, why, and for a brake what a person had decided about it.
fn closing(known: &ErrorEntry, why: &str, now: Timestamp) -> AuditRow {
    let mut details =
        json!({ "from": known.status, "to": ErrorStatus::Closed, "why": why, "code": known.code });
    if let Some(word) = known.brake {
        details["decision"] = json!(word);
    }
    let subject = format!("error:{}", known.id);
    AuditRow { at: now, actor: ACTOR.into(), action: "closed".into(), subject, details }
}

/// That an error is over. Of a brake all hear who heard that it holds.
fn end_of(error: &ErrorEntry, now: Timestamp) -> Notice {
    let notice = Notice::error_over(error, now);
    match error.class.as_str() {
        crate::filed::BRAKE => notice.to(Topic::Brake.audience()),
        _ => notice,
    }
}

async fn commit(
    caller: &Caller<'_>,
    errors: Vec<ErrorEntry>,
    notices: Vec<Notice>,
    audit: Vec<AuditRow>,
) -> Result<(), Stop> {
    let commit = Commit { errors, notices, audit, ..Commit::new(caller.account.id.clone()) };
    caller.app.state.commit(vec![commit]).await?;
    Ok(())
}
