//! Which records events are about.

use std::collections::BTreeSet;

use shared::breakage::{self, Breakage};
use shared::domain::event::Operation;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId};
use shared::domain::record::Presence;
use shared::fault::Unavailable;
use shared::runtime::Ports;
use shared::state::{PendingRow, Subject};

use crate::pending;

/// A subject, and the record that it turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    /// The subject.
    pub(crate) subject: Subject,
    /// The record, by an id that may be an alias.
    pub(crate) key: RecordKey,
    /// The subject's id is not linked yet: the link to store with the first commit.
    pub(crate) link: Option<(Side, SideId)>,
}

/// Who some subjects of one type are.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    /// Records.
    pub(crate) records: Vec<Named>,
    /// What is pending about records that their side has deleted: nothing it says creates anything.
    pub(crate) over: Vec<PendingRow>,
    /// What is pending about a record with the mark of another, which its side has under another id: each with
    /// that other.
    pub(crate) twins: Vec<(Subject, RecordKey, Vec<PendingRow>)>,
}

/// Resolves subjects: by their links; what has none by our own mark (NetSuite's external id, SuiteX's `sync_id`),
/// which its pending events may carry, so that news of what we created is known before the link is stored.
pub(crate) async fn resolve(
    ports: &Ports,
    account: &AccountId,
    record_type: &RecordType,
    subjects: Vec<Subject>,
) -> Result<Identities, Unavailable> {
    let key = |id: CanonicalId| RecordKey::new(account.clone(), record_type.clone(), id);
    let mut found = Identities::default();
    let mut by_side = Vec::new();
    for subject in subjects {
        match &subject {
            Subject::Canonical(id) => {
                let key = key(id.clone());
                found.records.push(Named { subject, key, link: None });
            }
            Subject::Side(side, id) => by_side.push((record_type.clone(), *side, id.clone())),
        }
    }
    if by_side.is_empty() {
        return Ok(found);
    }
    let (mut retired, mut strangers) = (Vec::new(), Vec::new());
    let links = ports.state.links(account, &by_side).await?;
    for ((_, side, id), link) in by_side.into_iter().zip(links) {
        let subject = Subject::Side(side, id.clone());
        match link {
            Some(link) if link.retired => retired.push(subject),
            Some(link) => found.records.push(Named { subject, key: key(link.canonical), link: None }),
            None => strangers.push((side, id)),
        }
    }
    if !retired.is_empty() {
        found.over = ports.state.pending(account, record_type, &retired).await?;
    }
    introduce(ports, account, record_type, strangers, &mut found).await?;
    Ok(found)
}

/// Resolves ids that nobody knows, by their marks. Without one they are new records.
async fn introduce(
    ports: &Ports,
    account: &AccountId,
    record_type: &RecordType,
    strangers: Vec<(Side, SideId)>,
    found: &mut Identities,
) -> Result<(), Unavailable> {
    if strangers.is_empty() {
        return Ok(());
    }
    let key = |id: CanonicalId| RecordKey::new(account.clone(), record_type.clone(), id);
    let subjects: Vec<Subject> = strangers.iter().map(|(s, id)| Subject::Side(*s, id.clone())).collect();
    let rows = ports.state.pending(account, record_type, &subjects).await?;
    let events = pending::events(ports, account, &rows).await?;
    let of = |subject: &Subject| {
        let rows = rows.iter().filter(|row| row.subject == *subject).cloned();
        let rows: Vec<PendingRow> = rows.collect();
        let ids: BTreeSet<_> = rows.iter().map(|row| row.event_id).collect();
        (rows, events.iter().filter(move |event| ids.contains(&event.event_id)))
    };
    let mark = |subject: &Subject| {
        let text = of(subject).1.find_map(|event| event.external_id.as_deref())?;
        CanonicalId::parse(text).ok().map(key)
    };
    let marks: Vec<Option<RecordKey>> = subjects.iter().map(mark).collect();
    let asked: Vec<RecordKey> = marks.iter().flatten().cloned().collect();
    // A mark that we never gave is the customer's own external id and means nothing to us.
    let mut marked = if asked.is_empty() { Vec::new() } else { ports.state.load(&asked).await? }.into_iter();
    for (((side, id), subject), mark) in strangers.into_iter().zip(subjects).zip(marks) {
        let record = mark.and_then(|_| marked.next().flatten());
        let link = Some((side, id.clone()));
        let Some(record) = record else {
            found.records.push(Named { subject, key: key(CanonicalId::born(side, &id)), link });
            continue;
        };
        let theirs = &record.sides[side];
        let is_free = theirs.id.is_none() || theirs.presence == Presence::Gone;
        if is_free || breakage::on(Breakage::LinkOverwritten) {
            found.records.push(Named { subject, key: record.key.clone(), link });
            continue;
        }
        let (rows, mut events) = of(&subject);
        if events.any(|event| event.operation == Operation::Delete) {
            // A copy that is gone again is nobody's question.
            found.over.extend(rows);
        } else {
            found.twins.push((subject, record.key.clone(), rows));
        }
    }
    Ok(())
}
