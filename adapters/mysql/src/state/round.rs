//! Which commits may share a transaction, and what each of them is worth there. No effects.
//!
//! Commits stand one after the other: each is judged on what those before it have left. A transaction locks what
//! its commits touch, judges them all, and then writes; so commits share one only where that comes to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::domain::id::{PerSide, RecordKey, Side, SideId};
use shared::state::{Commit, Link, LinkChange, Place, Verdict};
use uuid::Uuid;

use super::codec::{Row, sibling};
use super::current_state::Held;
use super::record_link::LinkId;

/// Most commits of one transaction.
const COMMITS_MAX: usize = 64;

/// A commit, and the row that its record is stored as.
pub(super) struct Prepared {
    pub(super) commit: Commit,
    pub(super) row: Option<Row>,
}

impl Prepared {
    /// The record that it is about.
    fn key(&self) -> Option<&RecordKey> {
        self.row.as_ref().map(|row| &row.key)
    }

    /// The records whose rows it changes.
    pub(super) fn records(&self) -> Vec<RecordKey> {
        let Some(key) = self.key() else { return Vec::new() };
        let aliases = self.commit.links.iter().filter_map(|change| match change {
            LinkChange::Alias(alias, _) => Some(sibling(key, alias.clone())),
            LinkChange::Set(..) | LinkChange::Retire(..) => None,
        });
        std::iter::once(key.clone()).chain(aliases).collect()
    }

    /// The ids whose links it changes.
    pub(super) fn links(&self) -> Vec<LinkId> {
        let Some(key) = self.key() else { return Vec::new() };
        let ids = self.commit.links.iter().filter_map(|change| match change {
            LinkChange::Set(side, id) | LinkChange::Retire(side, id) => Some(link_id(key, *side, id)),
            LinkChange::Alias(..) => None,
        });
        ids.collect()
    }

    /// Whether it may wake something.
    fn wakes(&self) -> bool {
        self.key().is_some() && self.commit.links.iter().any(|change| matches!(change, LinkChange::Set(..)))
    }

    /// Whether it leaves something waiting for a link.
    fn waits(&self) -> bool {
        let waits = |side: Side| {
            self.row
                .as_ref()
                .and_then(|row| row.sides[side].due.as_ref())
                .is_some_and(|due| due.waits.is_some())
        };
        Side::BOTH.into_iter().any(waits)
            || self.commit.places.iter().any(|(_, place)| matches!(place, Place::Waiting { .. }))
    }

    /// The events that it leaves waiting for a link.
    fn left_waiting(&self) -> impl Iterator<Item = Uuid> {
        let places = self.commit.places.iter();
        places.filter(|(_, place)| matches!(place, Place::Waiting { .. })).map(|(event, _)| *event)
    }

    /// Whether it puts events into a conflict, from which whoever closes the conflict lets them go.
    fn holds(&self) -> bool {
        self.commit.places.iter().any(|(_, place)| matches!(place, Place::Conflict(_)))
    }
}

/// The commits in their order, cut where one depends on those before it.
pub(super) fn rounds(commits: &[Arc<Prepared>]) -> Vec<&[Arc<Prepared>]> {
    let mut rounds = Vec::new();
    let mut from = 0;
    let (mut records, mut links) = (BTreeSet::new(), BTreeSet::new());
    let (mut wakes, mut waits, mut holds) = (false, false, false);
    let (mut places, mut frees) = (false, false);
    let mut waiting = BTreeSet::new();
    for (at, next) in commits.iter().enumerate() {
        let (its_records, its_links) = (next.records(), next.links());
        let depends = its_records.iter().any(|key| records.contains(key))
            || its_links.iter().any(|id| links.contains(id))
            // What one leaves waiting or in a conflict, another may wake or release: only their order tells how
            // it ends.
            || (wakes && next.waits())
            || (waits && !its_links.is_empty())
            // Whether an event goes on at once depends on the place that its own commit leaves it in.
            || next.commit.places.iter().any(|(event, _)| waiting.contains(event))
            || (holds && next.row.is_some())
            // What an error lets go is what is in it after those before.
            || (places && !next.commit.freed.is_empty())
            || (frees && !next.commit.places.is_empty());
        if depends || at - from == COMMITS_MAX {
            rounds.push(&commits[from..at]);
            from = at;
            (records, links) = (BTreeSet::new(), BTreeSet::new());
            (wakes, waits, holds) = (false, false, false);
            (places, frees) = (false, false);
            waiting = BTreeSet::new();
        }
        records.extend(its_records);
        links.extend(its_links);
        wakes |= next.wakes();
        waits |= next.waits();
        holds |= next.holds();
        places |= !next.commit.places.is_empty();
        frees |= !next.commit.freed.is_empty();
        waiting.extend(next.left_waiting());
    }
    if from < commits.len() {
        rounds.push(&commits[from..]);
    }
    rounds
}

/// A commit that is written.
pub(super) struct Standing<'a> {
    pub(super) commit: &'a Commit,
    /// What it makes of its record.
    pub(super) record: Option<Stored<'a>>,
}

/// A record that is written.
pub(super) struct Stored<'a> {
    pub(super) row: &'a Row,
    /// What was there.
    pub(super) before: Option<Held>,
    /// Former ids that had rows, with the conflicts that were open there.
    pub(super) lost_conflicts: Vec<Uuid>,
    /// What becomes of its links.
    pub(super) linked: Linked,
}

/// Why a commit is not written; `None` when it is.
pub(super) fn refusal(
    commit: &Prepared,
    held: &BTreeMap<RecordKey, Held>,
    links: &BTreeMap<LinkId, Link>,
) -> Option<Verdict> {
    let row = commit.row.as_ref()?;
    let stored = held.get(&row.key);
    if stored.map_or(0, |held| held.row_revision) != row.row_revision
        || stored.is_some_and(|held| held.is_alias)
    {
        return Some(Verdict::Stale);
    }
    let has_moved_on = |change: &LinkChange| match change {
        LinkChange::Alias(other, row_revision) => {
            let other = held.get(&sibling(&row.key, other.clone()));
            other.map_or(0, |held| held.row_revision) != *row_revision
        }
        LinkChange::Set(..) | LinkChange::Retire(..) => false,
    };
    if commit.commit.links.iter().any(has_moved_on) {
        return Some(Verdict::Stale);
    }
    commit.commit.links.iter().find_map(|change| {
        let LinkChange::Set(side, id) = change else { return None };
        let link = links.get(&link_id(&row.key, *side, id))?;
        let ours = link.canonical == row.key.id && !link.retired;
        let is_taken = |c: &LinkChange| matches!(c, LinkChange::Alias(other, _) if *other == link.canonical);
        let taken_over = commit.commit.links.iter().any(is_taken);
        (!ours && !taken_over).then(|| Verdict::LinkTaken(link.canonical.clone()))
    })
}

/// What a commit's links come to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Linked {
    /// The record's live ids afterwards.
    pub(super) ids: PerSide<Option<SideId>>,
    /// Links to write.
    pub(super) links: BTreeMap<LinkId, Link>,
    /// Ids that were not the record's before: what waits for them goes on.
    pub(super) new: Vec<(Side, SideId)>,
    /// Former ids of the record.
    pub(super) aliases: Vec<RecordKey>,
}

/// Follows the changes of a record's links, one after the other.
pub(super) fn linked(
    key: &RecordKey,
    changes: &[LinkChange],
    ids: PerSide<Option<SideId>>,
    known: &BTreeMap<LinkId, Link>,
) -> Linked {
    let mut linked = Linked { ids, ..Linked::default() };
    for change in changes {
        match change {
            LinkChange::Set(side, id) => {
                let name = link_id(key, *side, id);
                let was_ours = linked.links.get(&name).or_else(|| known.get(&name)).is_some_and(|link| {
                    link.canonical == key.id || linked.aliases.iter().any(|alias| alias.id == link.canonical)
                });
                if !was_ours {
                    linked.new.push((*side, id.clone()));
                }
                linked.links.insert(name, Link { canonical: key.id.clone(), retired: false });
                linked.ids[*side] = Some(id.clone());
            }
            LinkChange::Retire(side, id) => {
                let link = Link { canonical: key.id.clone(), retired: true };
                linked.links.insert(link_id(key, *side, id), link);
                if linked.ids[*side].as_ref() == Some(id) {
                    linked.ids[*side] = None;
                }
            }
            LinkChange::Alias(alias, _) => linked.aliases.push(sibling(key, alias.clone())),
        }
    }
    linked
}

fn link_id(key: &RecordKey, side: Side, id: &SideId) -> LinkId {
    LinkId { account: key.account.clone(), record_type: key.record_type.clone(), side, id: id.clone() }
}
