//! Which record an event is about.

use shared::breakage::{self, Breakage};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId};
use shared::domain::record::Presence;
use shared::fault::Unavailable;
use shared::runtime::Ports;
use shared::state::Subject;

/// Which record a subject names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Identity {
    /// This one; `link`: under an id that is not linked yet.
    Record {
        /// Its key.
        key: RecordKey,
        /// The link to store with the first commit.
        link: Option<(Side, SideId)>,
    },
    /// One that its side has deleted: nothing it says creates anything.
    Retired,
    /// It carries the mark of a record that the side has under another id.
    Twin(RecordKey),
}

/// Resolves a subject. `events` are its pending events: one may carry our own mark (NetSuite's external id,
/// SuiteX's `sync_id`), so that news of what we created is known before the link is stored.
pub(crate) async fn resolve(
    ports: &Ports,
    account: &AccountId,
    record_type: &RecordType,
    subject: &Subject,
    events: &[ChangeEvent],
) -> Result<Identity, Unavailable> {
    let key = |id: CanonicalId| RecordKey::new(account.clone(), record_type.clone(), id);
    let (side, id) = match subject {
        Subject::Canonical(id) => return Ok(Identity::Record { key: key(id.clone()), link: None }),
        Subject::Side(side, id) => (*side, id),
    };
    let asked = [(record_type.clone(), side, id.clone())];
    if let Some(Some(link)) = ports.state.links(account, &asked).await?.pop() {
        return Ok(match link.retired {
            true => Identity::Retired,
            false => Identity::Record { key: key(link.canonical), link: None },
        });
    }
    let link = Some((side, id.clone()));
    let mark = events.iter().find_map(|e| e.external_id.as_deref()).and_then(|m| CanonicalId::parse(m).ok());
    if let Some(mark) = mark {
        // A mark that we never gave is the customer's own external id and means nothing to us.
        if let Some(Some(record)) = ports.state.load(&[key(mark)]).await?.pop() {
            let theirs = &record.sides[side];
            let free = theirs.id.is_none() || theirs.presence == Presence::Gone;
            if free || breakage::on(Breakage::LinkOverwritten) {
                return Ok(Identity::Record { key: record.key.clone(), link });
            }
            return Ok(Identity::Twin(record.key.clone()));
        }
    }
    Ok(Identity::Record { key: key(CanonicalId::born(side, id)), link })
}
