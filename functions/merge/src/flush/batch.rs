//! Several records of one type, from their subjects to their commits: what is asked of the databases is asked once
//! for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::announce;
use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId, Timestamp, derived_id};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::fault::Unavailable;
use shared::intake::subjects_of;
use shared::state::{Commit, PendingRow, Place, Subject, Verdict};

use super::absorption::{Absorption, Decided, error};
use crate::App;
use crate::identity::{self, Named};
use crate::pending;

/// Absorbs what is pending for some subjects. Returns those whose records others committed to meanwhile: they must
/// be asked about again.
pub(super) async fn absorb(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    subjects: Vec<Subject>,
    surface: &Arc<TypeSurface>,
) -> Result<Vec<Subject>, Unavailable> {
    let found = identity::resolve(&app.ports, account, record_type, subjects).await?;
    let now = app.ports.clock.now();
    let mut aside = Vec::new();
    if !found.over.is_empty() {
        let mut commit = Commit::new(account.clone());
        commit.places = found.over.iter().map(|row| (row.event_id, Place::Superseded)).collect();
        aside.push(commit);
    }
    aside.extend(found.twins.iter().map(|(subject, key, rows)| refuse_twin(subject, key, rows, now)));
    if !aside.is_empty() {
        app.ports.state.commit(aside).await?;
    }

    let (open, mut again) = open(app, found.records, surface).await?;
    let subjects: Vec<Vec<Subject>> = open.iter().map(Open::subjects).collect();
    let (pending, links) = pending::load(app, account, record_type, &subjects, surface).await?;
    let mut decided = Vec::new();
    for (open, pending) in open.into_iter().zip(pending) {
        if pending.rows.is_empty() {
            continue;
        }
        let mut absorption = Absorption::new(open.record, open.link.clone(), Arc::clone(surface), now);
        absorption.absorb_all(pending, &links);
        decided.push((absorption.decide(), open.named_by, open.link.is_some()));
    }
    again.extend(commit(app, account, decided, now).await?);
    Ok(again)
}

/// A record that is being absorbed into.
struct Open {
    record: Record,
    /// The subjects that named it.
    named_by: Vec<Subject>,
    link: Option<(Side, SideId)>,
}

impl Open {
    /// The subjects under which its events may be pending.
    fn subjects(&self) -> Vec<Subject> {
        let ids = Side::BOTH.into_iter().filter_map(|s| Some((s, self.record.sides[s].id.clone()?)));
        let mut subjects = BTreeSet::from_iter(subjects_of(&self.record.key.id, ids));
        subjects.extend(self.named_by.iter().cloned());
        Vec::from_iter(subjects)
    }
}

/// Loads the records, each once whoever named it. Second: subjects that must be resolved again, for another one's
/// commit may tell more about them.
async fn open(
    app: &App,
    named: Vec<Named>,
    surface: &TypeSurface,
) -> Result<(Vec<Open>, Vec<Subject>), Unavailable> {
    let keys: Vec<RecordKey> = named.iter().map(|named| named.key.clone()).collect();
    if keys.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let known = app.ports.state.load(&keys).await?;
    let mut open: BTreeMap<RecordKey, Open> = BTreeMap::new();
    let mut again = Vec::new();
    for (Named { subject, key, link }, known) in named.into_iter().zip(known) {
        let record = known.map_or_else(|| Record::new(key, surface), |record| Record::clone(&record));
        // Its writer may have just learnt another id: who this is must be asked again.
        let is_another = link.as_ref().is_some_and(|(side, id)| record.sides[*side].is_there_as_another(id));
        match open.get_mut(&record.key) {
            _ if is_another => again.push(subject),
            // Two new ids of one record: the second is looked at when the first has become its own.
            Some(open) if open.link.is_some() && link.is_some() => again.push(subject),
            Some(open) => {
                open.named_by.push(subject);
                open.link = open.link.take().or(link);
            }
            None => {
                open.insert(record.key.clone(), Open { record, named_by: vec![subject], link });
            }
        }
    }
    Ok((open.into_values().collect(), again))
}

/// Two records of one side carry one mark: a person must tell them apart.
fn refuse_twin(subject: &Subject, key: &RecordKey, rows: &[PendingRow], now: Timestamp) -> Commit {
    let name = subject.to_text(&key.record_type);
    let id = derived_id("twin", &[&key.to_string(), &name]);
    let message = format!("{name} carries the mark of {key}, which that side has under another id");
    let hint = "A copy was made of a synced record: clear the copy's external id (or sync_id), then retry.";
    let mut error = error(&key.account, id, "identity", "DUPLICATE_IDENTITY", &message, hint, now);
    error.events = rows.iter().map(|row| row.event_id).collect();
    let mut commit = Commit::new(key.account.clone());
    commit.places = rows.iter().map(|row| (row.event_id, Place::Error(id))).collect();
    commit.errors.push(error);
    commit
}

/// Commits what was decided, and wakes who has work now. Returns the subjects of what somebody else committed to
/// first.
async fn commit(
    app: &App,
    account: &AccountId,
    decided: Vec<(Decided, Vec<Subject>, bool)>,
    now: Timestamp,
) -> Result<Vec<Subject>, Unavailable> {
    if decided.is_empty() {
        return Ok(Vec::new());
    }
    let ports = &app.ports;
    let (mut commits, mut rest) = (Vec::new(), Vec::new());
    for (Decided { commit, absorbed, merged, again }, named_by, is_linked) in decided {
        let places: Vec<&'static str> = commit.places.iter().map(|(_, place)| place.name()).collect();
        commits.push(commit);
        rest.push((places, absorbed, merged, again, named_by, is_linked));
    }
    let verdicts = ports.state.commit(commits).await?;
    let (mut overtaken, mut news) = (Vec::new(), Vec::new());
    for (verdict, (places, absorbed, merged, again, named_by, is_linked)) in verdicts.into_iter().zip(rest) {
        let Verdict::Committed(mut woken) = verdict else {
            overtaken.extend(named_by);
            continue;
        };
        places.into_iter().for_each(|place| ports.metrics.place(place));
        ports.metrics.flush(absorbed);
        news.push(merged);
        woken.extend(again);
        // Lost, this costs latency: the rows are in the table.
        let _ = note_later(app, account, &woken, is_linked, now).await;
    }
    if let Err(error) = announce::merged(ports, &news).await {
        tracing::warn!(%error, "writers not woken; the tick wakes them");
    }
    Ok(overtaken)
}

/// What a link has woken goes on at once; what waits for an open write looks again after the quiet time.
async fn note_later(
    app: &App,
    account: &AccountId,
    subjects: &[(RecordType, Subject)],
    now_is_right: bool,
    now: Timestamp,
) -> Result<(), Unavailable> {
    for (record_type, subject) in subjects {
        let text = subject.to_text(record_type);
        let flush_now = now_is_right && !matches!(subject, Subject::Canonical(_));
        app.ports.buffer.note(account, &text, now, flush_now, &app.ports.config.coalescing).await?;
    }
    Ok(())
}
