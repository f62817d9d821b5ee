//! How people hear of what a poll meets: every error comes with its notice, and so does its end.

use shared::state::{Commit, ErrorEntry, ErrorStatus, Notice};
use uuid::Uuid;

use crate::caller::{Caller, Stop};

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
    commit(caller, errors, notices).await
}

/// Closes errors, and has people told. What a person has closed already is not told again.
pub(crate) async fn over(caller: &Caller<'_>, over: Vec<Over>) -> Result<(), Stop> {
    let now = caller.app.ports.clock.now();
    let mut closed = Vec::new();
    for Over { error, why } in over {
        let known = caller.app.state.error(error).await?;
        let Some(known) = known.filter(|known| known.status != ErrorStatus::Closed) else { continue };
        // What a person has decided says more than that it was carried out.
        let note = known.note.clone().filter(|_| known.brake.is_some()).unwrap_or(why);
        closed.push(ErrorEntry { status: ErrorStatus::Closed, note: Some(note), ..known });
    }
    if closed.is_empty() {
        return Ok(());
    }
    let notices = closed.iter().map(|error| end_of(error, now)).collect();
    commit(caller, closed, notices).await
}

/// That an error is over. Of a brake all hear who heard that it holds.
fn end_of(error: &ErrorEntry, now: shared::domain::id::Timestamp) -> Notice {
    let notice = Notice::error_over(error, now);
    match error.class.as_str() {
        crate::filed::BRAKE => notice.to(shared::state::notices::Topic::Brake.audience()),
        _ => notice,
    }
}

async fn commit(caller: &Caller<'_>, errors: Vec<ErrorEntry>, notices: Vec<Notice>) -> Result<(), Stop> {
    let commit = Commit { errors, notices, ..Commit::new(caller.account.id.clone()) };
    caller.app.state.commit(vec![commit]).await?;
    Ok(())
}
