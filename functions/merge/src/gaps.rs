//! The second line: what is in the ledger and not on the pending list, because its taker died between the two
//! and nobody delivered it again.

use shared::breakage::{self, Breakage};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{AccountId, CanonicalId, Timestamp};
use shared::fault::Unavailable;
use shared::intake::subject_of;
use shared::ledger::Stored;
use shared::runtime::Ports;
use shared::state::{PendingRow, Place, Subject};
use uuid::Uuid;

/// Entries compared at once.
const ROUND: usize = 1_000;

/// Puts what is missing on the pending list.
pub(crate) async fn fill(ports: &Ports, account: &AccountId) -> Result<(), Unavailable> {
    if breakage::on(Breakage::PendingSkippedWhenKnown) {
        // The defect is only seen where this line does not mend it.
        return Ok(());
    }
    loop {
        let from = ports.state.watermark(account, "ledger").await?;
        let entries = ports.ledger.scan(account, from, ROUND).await?;
        let Some(last) = entries.last().map(|e| e.seq) else { return Ok(()) };
        let ids: Vec<Uuid> = entries.iter().map(|e| e.entry.event_id).collect();
        let unlisted = ports.state.unlisted(account, &ids).await?;
        let now = ports.clock.now();
        let missing = entries.iter().filter(|e| unlisted.contains(&e.entry.event_id));
        let rows: Vec<PendingRow> = missing.filter_map(|stored| row(stored, now)).collect();
        if !rows.is_empty() {
            // Mostly another instance's that is just about to list them itself.
            tracing::info!(events = rows.len(), %account, "listed what was in the ledger only");
            ports.state.enqueue(rows).await?;
        }
        ports.state.set_watermark(account, "ledger", last).await?;
    }
}

fn row(stored: &Stored, now: Timestamp) -> Option<PendingRow> {
    let entry = &stored.entry;
    let (subject, place) = match ChangeEvent::from_slice(&entry.payload) {
        Ok(event) if !event.metadata.contains_key("reply") => {
            (subject_of(&event), Place::Pending { due_at: now })
        }
        // A reply that a writer noted before a commit that never came: the writer looks again by itself.
        _ => (Subject::Canonical(CanonicalId::parse(&entry.record_id).ok()?), Place::Superseded),
    };
    Some(PendingRow {
        account: entry.account.clone(),
        record_type: entry.record_type.clone(),
        subject,
        event_id: entry.event_id,
        arrived_at: now,
        place,
    })
}
