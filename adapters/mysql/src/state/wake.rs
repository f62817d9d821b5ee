//! Work and events that go on because the link that they waited for has come. A round is one account's.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId};
use shared::state::{Commit, Place, Subject};
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::codec::waits_for;
use super::event_census::Moves;
use super::record_link::{self, LinkId};
use super::round::{Standing, Stored};
use super::{current_state, pending_event};

/// Whose events go on.
type Woken = Vec<(RecordType, Subject)>;

/// A record of the round that has a new id, and the place of its commit.
type Linking<'a> = (usize, &'a Stored<'a>);

/// Has what waited for the new links go on. The events' subjects, for each commit; `None` when a commit wakes a
/// record that another one writes.
pub(super) async fn wake(
    connection: &mut MySqlConnection,
    standing: &[&Standing<'_>],
    moves: &mut Moves,
) -> Result<Option<Vec<Woken>>, sqlx::Error> {
    let mut woken = vec![Woken::new(); standing.len()];
    let records = (0..).zip(standing).filter_map(|(at, standing)| Some((at, standing.record.as_ref()?)));
    let linking: Vec<Linking<'_>> = records.filter(|(_, stored)| !stored.linked.new.is_empty()).collect();
    if let Some((_, Stored { row, .. })) = linking.first() {
        let account = &row.key.account;
        if !wake_work(connection, account, standing, &linking).await? {
            return Ok(None);
        }
        wake_events(connection, account, standing, &linking, &mut woken, moves).await?;
    }
    Ok(Some(woken))
}

/// Has the writers' work go on; false when some of it is a record's that another commit writes.
async fn wake_work(
    connection: &mut MySqlConnection,
    account: &AccountId,
    standing: &[&Standing<'_>],
    linking: &[Linking<'_>],
) -> Result<bool, sqlx::Error> {
    let written: BTreeSet<&RecordKey> =
        standing.iter().filter_map(|s| Some(&s.record.as_ref()?.row.key)).collect();
    let linked: BTreeMap<&RecordKey, &Stored<'_>> =
        linking.iter().map(|(_, stored)| (&stored.row.key, *stored)).collect();
    // Each record by the names under which it can be waited for.
    let own = linked.iter().map(|(key, stored)| (waits_for(&key.record_type, key.id.as_str()), *stored));
    let mut names: BTreeMap<String, &Stored<'_>> = own.collect();
    // A record that is new has had no other id.
    let known = linked.values().filter(|s| s.before.is_some() || !s.linked.aliases.is_empty());
    let known: Vec<RecordKey> = known.map(|stored| stored.row.key.clone()).collect();
    for (key, former) in current_state::aliases(connection, &known).await? {
        let stored = linked.get(&key).copied();
        names.extend(stored.map(|stored| (waits_for(&key.record_type, former.as_str()), stored)));
    }
    for side in Side::BOTH {
        let is_new = |stored: &Stored<'_>| stored.linked.new.iter().any(|(new, _)| *new == side);
        let on = names.iter().filter(|(_, stored)| is_new(stored)).map(|(name, _)| name.clone());
        let mut waiting = Vec::new();
        for (key, on) in current_state::waiting(connection, account, side, &on.collect::<Vec<_>>()).await? {
            // Its own work is as the commit says.
            if names.get(&on).is_some_and(|stored| stored.row.key == key) {
                continue;
            }
            if written.contains(&key) {
                return Ok(false);
            }
            waiting.push(key);
        }
        current_state::wake(connection, side, &waiting).await?;
    }
    Ok(true)
}

/// Has events go on, and says for which commit.
async fn wake_events(
    connection: &mut MySqlConnection,
    account: &AccountId,
    standing: &[&Standing<'_>],
    linking: &[Linking<'_>],
    woken: &mut [Woken],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (at, Stored { row: current, linked, .. }) in linking {
        let name = |(side, id): &(Side, SideId)| {
            pending_event::waits_for(&current.key.record_type, *side, id.as_str())
        };
        names.extend(linked.new.iter().map(|new| (name(new), *at)));
    }
    // What an earlier commit of the round moves does not wait any more; what it leaves waiting is another round's.
    let mut moved: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (at, standing) in (0..).zip(standing) {
        for (event, _) in &standing.commit.places {
            moved.entry(*event).or_insert(at);
        }
    }
    let on: Vec<String> = names.keys().cloned().collect();
    let mut events = Vec::new();
    for waiting in pending_event::waiting(connection, account, &on).await? {
        let Some(at) = names.get(&waiting.on) else { continue };
        if moved.get(&waiting.event).is_none_or(|by| by >= at) {
            events.push(waiting.event);
            woken[*at].push((waiting.record_type, waiting.subject));
        }
    }
    pending_event::wake(connection, account, &events, moves).await
}

/// Has events go on that come to wait for a link which has come between the look that missed it and now: nothing else
/// would wake them. Who adds the link adds it before it looks for who waits; we wait before we look for the link, so one
/// of us sees the other.
pub(super) async fn go_on(
    connection: &mut MySqlConnection,
    standing: &[&Standing<'_>],
    woken: &mut [Vec<(RecordType, Subject)>],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    let waits = |place: &Place, account: &AccountId| match place {
        Place::Waiting { record_type, side, id, .. } => {
            let (account, record_type, id) = (account.clone(), record_type.clone(), SideId::parse(id).ok()?);
            Some(LinkId { account, record_type, side: *side, id })
        }
        Place::Pending { .. } | Place::Applied | Place::Superseded | Place::Conflict(_) | Place::Error(_) => {
            None
        }
    };
    let of_commit = |commit: &Commit| {
        commit.places.iter().filter_map(|(_, place)| waits(place, &commit.account)).collect::<BTreeSet<_>>()
    };
    let wanted: Vec<BTreeSet<LinkId>> = standing.iter().map(|s| of_commit(s.commit)).collect();
    let all = BTreeSet::from_iter(wanted.iter().flatten().cloned());
    if all.is_empty() {
        return Ok(());
    }
    let there = record_link::lock(connection, &Vec::from_iter(all)).await?;
    for ((wanted, standing), woken) in wanted.iter().zip(standing).zip(woken) {
        let on = wanted.iter().filter(|id| there.contains_key(id));
        let on: Vec<String> =
            on.map(|id| pending_event::waits_for(&id.record_type, id.side, id.id.as_str())).collect();
        // Its last word about each event; what it leaves waiting nobody else of the round moves.
        let last: BTreeMap<Uuid, &Place> =
            standing.commit.places.iter().map(|(event, place)| (*event, place)).collect();
        let mut waiting = pending_event::waiting(connection, &standing.commit.account, &on).await?;
        let is_own = |event: &Uuid| matches!(last.get(event), Some(Place::Waiting { .. }));
        waiting.retain(|waiting| is_own(&waiting.event));
        let events: Vec<Uuid> = waiting.iter().map(|waiting| waiting.event).collect();
        pending_event::wake(connection, &standing.commit.account, &events, moves).await?;
        woken.extend(waiting.into_iter().map(|waiting| (waiting.record_type, waiting.subject)));
    }
    Ok(())
}
