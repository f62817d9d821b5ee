//! Several records of one type, from their subjects to their commits: what is asked of the databases is asked once
//! for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::announce;
use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId, Timestamp, derived_id};
use shared::domain::identity as identity_of;
use shared::domain::record::{Lock, Presence, Record};
use shared::domain::surface::TypeSurface;
use shared::fault::Unavailable;
use shared::intake::subjects_of;
use shared::runtime::Ports;
use shared::state::{Ambiguity, Commit, ErrorEntry, Notice, PendingRow, Place, Subject, Verdict};
use shared::unreadable;
use uuid::Uuid;

use super::absorption::{Absorption, After};
use crate::App;
use crate::identity::{self, Named};
use crate::pending;

/// Absorbs what is pending for some subjects. Returns those whose records others committed to meanwhile, or whose bodies
/// had no room: they must be asked about again.
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
    for (subject, key, rows) in &found.twins {
        aside.push(refuse_twin(&app.ports, subject, key, rows, now).await?);
    }
    if !aside.is_empty() {
        app.ports.state.commit(aside).await?;
    }

    let (open, mut again) = open(app, account, record_type, found.records, surface).await?;
    let subjects: Vec<Vec<Subject>> = open.iter().map(Open::subjects).collect();
    let (pending, links) = pending::load(app, account, record_type, &subjects, surface).await?;
    let mut asked = asked(app, &open).await?;
    let (mut commits, mut follow) = (Vec::new(), Vec::new());
    for (open, pending) in open.into_iter().zip(pending) {
        if pending.is_put_off {
            again.extend(open.named_by);
            continue;
        }
        if pending.rows.is_empty() {
            continue;
        }
        let asked = asked.remove(&open.record.key);
        let (record, link) = (open.record, open.link.clone());
        let mut absorption = Absorption::new(record, open.stored, link, asked, Arc::clone(surface), now);
        absorption.absorb_all(pending, &links);
        let (commit, after) = absorption.decide();
        commits.push(commit);
        follow.push(Follow { after, named_by: open.named_by, is_linked: open.link.is_some() });
    }
    if !commits.is_empty() {
        let verdicts = app.ports.state.commit(commits).await?;
        again.extend(follow_up(app, account, verdicts, follow, surface, now).await?);
    }
    Ok(again)
}

/// What is asked about who these records are, where that is asked.
async fn asked(app: &App, open: &[Open]) -> Result<BTreeMap<RecordKey, Ambiguity>, Unavailable> {
    let asked = open.iter().filter(|open| identity_of::asked_about(&open.record).is_some());
    let keys: Vec<RecordKey> = asked.map(|open| open.record.key.clone()).collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = app.ports.state.ambiguities(&keys).await?;
    Ok(keys.into_iter().zip(known).filter_map(|(key, known)| Some((key, known?))).collect())
}

/// A record that is being absorbed into.
struct Open {
    record: Record,
    /// As it is stored; `None`: it is new.
    stored: Option<Arc<Record>>,
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
/// commit may tell more about them. What cannot be read is set aside, with what is pending for it.
async fn open(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    named: Vec<Named>,
    surface: &TypeSurface,
) -> Result<(Vec<Open>, Vec<Subject>), Unavailable> {
    let keys: Vec<RecordKey> = named.iter().map(|named| named.key.clone()).collect();
    if keys.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let known = app.ports.state.load(&keys).await?;
    let overtaken = overtaken(app, account, record_type, &named, &known).await?;
    let mut open: BTreeMap<RecordKey, Open> = BTreeMap::new();
    let mut again = Vec::new();
    for (Named { subject, key, link }, stored) in named.into_iter().zip(known) {
        if let Some(why) = stored.as_deref().and_then(Record::why_unreadable) {
            let subjects = [Subject::Canonical(key.id.clone()), subject];
            let rows = app.ports.state.pending(account, record_type, &subjects).await?;
            unreadable::file(&app.ports, &key, why, &rows).await?;
            continue;
        }
        let record = stored.as_deref().map_or_else(|| Record::new(key, surface), Record::clone);
        // Its writer may have just learnt another id: who this is must be asked again.
        let is_another = link.as_ref().is_some_and(|(side, id)| record.sides[*side].is_there_as_another(id));
        match open.get_mut(&record.key) {
            _ if is_another || overtaken.contains(&subject) => again.push(subject),
            // Two new ids of one record: the second is looked at when the first has become its own.
            Some(open) if open.link.is_some() && link.is_some() => again.push(subject),
            Some(open) => {
                open.named_by.push(subject);
                open.link = open.link.take().or(link);
            }
            None => {
                let named_by = vec![subject];
                open.insert(record.key.clone(), Open { record, stored, named_by, link });
            }
        }
    }
    Ok((open.into_values().collect(), again))
}

/// Subjects whose links have been retired since they were looked up: the deletion was committed before the records were
/// loaded. By a record that is gone nobody could tell that what comes late is about the one that was deleted.
async fn overtaken(
    app: &App,
    account: &AccountId,
    record_type: &RecordType,
    named: &[Named],
    known: &[Option<Arc<Record>>],
) -> Result<BTreeSet<Subject>, Unavailable> {
    let linked_to_gone = |(named, stored): (&Named, &Option<Arc<Record>>)| {
        let Subject::Side(side, id) = &named.subject else { return None };
        let is_gone = stored.as_ref()?.sides[*side].presence == Presence::Gone;
        (is_gone && named.link.is_none()).then(|| (record_type.clone(), *side, id.clone()))
    };
    let ids: Vec<_> = named.iter().zip(known).filter_map(linked_to_gone).collect();
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let links = app.ports.state.links(account, &ids).await?;
    let retired =
        ids.into_iter().zip(links).filter(|(_, link)| link.as_ref().is_some_and(|link| link.retired));
    Ok(retired.map(|((_, side, id), _)| Subject::Side(side, id)).collect())
}

/// Two records of one side carry one mark: a person must tell them apart.
async fn refuse_twin(
    ports: &Ports,
    subject: &Subject,
    key: &RecordKey,
    rows: &[PendingRow],
    now: Timestamp,
) -> Result<Commit, Unavailable> {
    let name = subject.to_text(&key.record_type);
    let id = derived_id("twin", &[&key.to_string(), &name]);
    let message = format!("{name} carries the mark of {key}, which that side has under another id");
    let hint = "A copy was made of a synced record: clear the copy's external id (or sync_id), then retry.";
    let mut error = ErrorEntry::open(&key.account, id, "identity", "DUPLICATE_IDENTITY", &message, hint, now);
    error.events = rows.iter().map(|row| row.event_id).collect();
    let mut commit = Commit::new(key.account.clone());
    commit.places = rows.iter().map(|row| (row.event_id, Place::Error(id))).collect();
    let known = ports.state.error(id).await?;
    commit.notices.push(Notice::of_error(&error.standing(known.as_ref()), now));
    commit.errors.push(error);
    Ok(commit)
}

/// What is to be done after a commit.
struct Follow {
    after: After,
    named_by: Vec<Subject>,
    /// An id was linked with it.
    is_linked: bool,
}

/// Wakes who has work after what was committed. Returns the subjects of what somebody else committed to first.
async fn follow_up(
    app: &App,
    account: &AccountId,
    verdicts: Vec<Verdict>,
    follow: Vec<Follow>,
    surface: &TypeSurface,
    now: Timestamp,
) -> Result<Vec<Subject>, Unavailable> {
    let ports = &app.ports;
    let (mut overtaken, mut news) = (Vec::new(), Vec::new());
    for (verdict, Follow { after, named_by, is_linked }) in verdicts.into_iter().zip(follow) {
        let mut woken = match verdict {
            Verdict::Committed(woken) => woken,
            Verdict::Stale | Verdict::LinkTaken(_) => {
                overtaken.extend(named_by);
                continue;
            }
            Verdict::Refused(why) => {
                set_aside(app, &after, &why, surface, now).await?;
                continue;
            }
        };
        after.places.iter().for_each(|(_, place)| ports.metrics.place(place));
        ports.metrics.flush(after.absorbed);
        news.push(after.merged);
        woken.extend(after.again);
        // Lost, this costs latency: the rows are in the table.
        let _ = note_later(app, account, &woken, is_linked, now).await;
    }
    if let Err(error) = announce::merged(ports, &news).await {
        tracing::warn!(%error, "writers not woken; the tick wakes them");
    }
    Ok(overtaken)
}

/// The state cannot hold what these events come to: they are an error, and the record is locked as it was.
async fn set_aside(
    app: &App,
    after: &After,
    why: &str,
    surface: &TypeSurface,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let (state, key) = (&app.ports.state, &after.key);
    let events: Vec<Uuid> = after.places.iter().map(|(event, _)| *event).collect();
    let first = events.first().map(Uuid::to_string).unwrap_or_default();
    let id = derived_id("unstorable", &[&key.to_string(), &first]);
    let message = format!("what these events come to cannot be stored: {why}");
    tracing::error!(record = %key, why, "events set aside");
    let hint = "Correct the value that the message names at its source, which sends a new event; then retry.";
    let mut error = ErrorEntry::open(&key.account, id, "validation", "NOT_STORABLE", &message, hint, now);
    (error.record, error.events) = (Some(key.clone()), events.clone());
    app.ports.metrics.error(&error.class);
    let mut commit = Commit::new(key.account.clone());
    commit.places = events.into_iter().map(|event| (event, Place::Error(id))).collect();
    commit.notices.push(Notice::of_new_error(&error, now));
    commit.errors.push(error);
    // One that is new is locked all the same: what comes later must not be taken for all that there is.
    let known = state.load(std::slice::from_ref(key)).await?.pop().flatten();
    let mut record = known.map_or_else(|| Record::new(key.clone(), surface), |record| Record::clone(&record));
    record.locks.retain(|lock| lock.error != id);
    record.locks.push(Lock { field: None, error: id, reason: message, since: now });
    commit.record = Some(record);
    // Stale: the events stay pending, and are decided on anew.
    state.commit(vec![commit]).await?;
    Ok(())
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
