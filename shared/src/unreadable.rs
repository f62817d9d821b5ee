//! Records that the state cannot read: what was spoilt, or written by a later release in a form that this one does not
//! know. Such a record stops, and nobody else's does; a person is told, and dlq's tick tries it again once it can be read.

use crate::domain::id::RecordKey;
use crate::domain::record::unreadable_error;
use crate::fault::Unavailable;
use crate::runtime::Ports;
use crate::state::{Commit, ErrorEntry, ErrorStatus, Notice, PendingRow, Place, UNREADABLE};

/// Files the error of such a record, with the events that cannot be absorbed into it. One that is open and says so already
/// is left as it is.
pub async fn file(ports: &Ports, key: &RecordKey, why: &str, rows: &[PendingRow]) -> Result<(), Unavailable> {
    let (id, now) = (unreadable_error(key), ports.clock.now());
    let known = ports.state.error(id).await?;
    if rows.is_empty() && known.as_ref().is_some_and(|known| known.status == ErrorStatus::Open) {
        return Ok(());
    }
    tracing::error!(record = %key, why, "a record that cannot be read is set aside");
    let message = format!("the state cannot read the record: {why}");
    let hint =
        "Mend its row of current_state, or deploy the release that wrote it: it then goes on by itself.";
    let mut error = ErrorEntry::open(&key.account, id, "unreadable", UNREADABLE, &message, hint, now);
    (error.record, error.events) = (Some(key.clone()), rows.iter().map(|row| row.event_id).collect());
    ports.metrics.error(&error.class);
    let mut commit = Commit::new(key.account.clone());
    commit.places = rows.iter().map(|row| (row.event_id, Place::Error(id))).collect();
    commit.notices.push(Notice::of_error(&error.standing(known.as_ref()), now));
    commit.errors.push(error);
    // No record: nothing that is decided on it could be stored.
    ports.state.commit(vec![commit]).await?;
    Ok(())
}
