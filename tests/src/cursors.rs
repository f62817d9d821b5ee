//! Looks at every cursor of the poller as it is stored: it must never pass a change that nobody has seen (I19).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use local::functions::POLL_OVERLAP_S;
use local::netsuite::NetSuite;
use serde_json::Value as Json;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::state::State;

/// NetSuite's wall clock here, all winter long: America/Los_Angeles.
const ZONE: &str = "-08:00";

/// What the poller has told, and of what.
pub struct Cursors {
    netsuite: Arc<NetSuite>,
    /// The newest revision of each record that the bus has taken from the poller, s.
    told: Mutex<BTreeMap<(String, String, String), i64>>,
}

impl Cursors {
    /// Nothing is told yet.
    pub fn new(netsuite: Arc<NetSuite>) -> Self {
        Self { netsuite, told: Mutex::default() }
    }

    /// The bus has taken an event.
    pub fn told(&self, event: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Json>(event) else { return };
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_string();
        if let ("netsuite-poll", Some(revision)) = (text("source").as_str(), event["revision"].as_i64()) {
            let key = (text("accountId"), text("recordType"), text("recordId"));
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let newest = told.entry(key).or_insert(revision);
            *newest = revision.max(*newest);
        }
    }

    /// What a type's cursor has passed unseen: no later scan looks for what lies before the overlap.
    pub(crate) fn passed_unseen(
        &self,
        state: &dyn State,
        account: &AccountId,
        name: &str,
        cursor: &str,
    ) -> Option<String> {
        let kind = RecordType::parse(name).ok()?;
        let cursor: Json = serde_json::from_str(cursor).ok()?;
        let reached = cursor["reached"]["shown"].as_str()?.replace(' ', "T");
        let reached = Timestamp::parse(&format!("{reached}{ZONE}"))?.seconds();
        // Refused, or held by the brake: it is asked for again.
        let is_owed = |id: &str| {
            cursor["owed"]["debts"].get(id).or_else(|| cursor["emptied"]["waiting"].get(id)).is_some()
        };
        // What the role does not see in any list no scan can tell: the sweep does.
        let hidden = self.netsuite.faults(account).settings.hidden_rows;
        let is_hidden = |id: &str| {
            let id = id.parse::<i64>().ok();
            id.is_some_and(|id| hidden.values().any(|ids| ids.contains(&id)))
        };
        let records = self.netsuite.all(account, &kind);
        let unseen = records.into_iter().filter(|record| {
            record.last_modified_secs <= reached - POLL_OVERLAP_S
                && !is_owed(&record.id)
                && !is_hidden(&record.id)
        });
        let told = |id: &str| {
            let key = (account.to_string(), name.to_string(), id.to_string());
            self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
        };
        let mut unseen = unseen.filter_map(|record| {
            let (told, known) = (told(&record.id), known(state, account, &kind, &record.id));
            (told.max(known) < Some(record.last_modified_secs)).then_some((record, told, known))
        });
        let (record, told, known) = unseen.next()?;
        Some(format!(
            "{account}: the cursor of {name} is at {reached} and passed {}, saved at {}, told at {told:?}, known at {known:?}",
            record.id, record.last_modified_secs
        ))
    }
}

/// The newest revision that is known, or about to be looked at, of a record of NetSuite's, s.
fn known(state: &dyn State, account: &AccountId, kind: &RecordType, id: &str) -> Option<i64> {
    let id = SideId::parse(id).ok()?;
    let asked = [(kind.clone(), Side::NetSuite, id.clone())];
    let links = state.links(account, &asked).now_or_never()?.ok()?;
    let link = links.into_iter().next().flatten();
    let canonical = link.map_or_else(|| CanonicalId::born(Side::NetSuite, &id), |link| link.canonical);
    let key = RecordKey::new(account.clone(), kind.clone(), canonical);
    let record = state.load(&[key]).now_or_never()?.ok()?.pop()??;
    let side = &record.sides[Side::NetSuite];
    // One that turned out to be another is looked at, whatever was told of it before.
    if side.wants_read { Some(i64::MAX) } else { side.newest().map(|newest| newest.0) }
}
