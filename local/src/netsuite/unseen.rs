//! What SuiteQL has yet to learn of a type's records.
//!
//! A save becomes visible to queries when its transaction ends, which can be later than the lastModified that
//! it left behind. Until then queries see the record as it was.
//!
//! ```text
//! 10:00:00  A is saved, visible from 10:01:30     query: A as before
//! 10:00:30  B is saved, visible at once           query: B, lastModified 10:00:30
//! 10:01:30                                        query: A, lastModified 10:00:00
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shared::domain::id::Timestamp;

use super::record::Record;

/// The changes of one type's records since queries last looked.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    /// Ids of records that changed; `None`: nobody has looked yet, so all did.
    changed: Option<BTreeSet<u64>>,
    withheld: BTreeMap<u64, Withheld>,
}

/// A record of which something is not visible yet.
#[derive(Debug)]
struct Withheld {
    /// How queries see it.
    shown: Option<Record>,
    /// How they will, and when. Never empty.
    coming: VecDeque<(Timestamp, Option<Record>)>,
}

impl Unseen {
    /// Notes a save or a deletion, visible at once or from a moment on.
    pub(super) fn note(
        &mut self,
        id: u64,
        before: Option<&Record>,
        after: Option<&Record>,
        visible_from: Option<Timestamp>,
    ) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
        match (self.withheld.get_mut(&id), visible_from) {
            (None, None) => {}
            (None, Some(at)) => {
                let coming = VecDeque::from([(at, after.cloned())]);
                self.withheld.insert(id, Withheld { shown: before.cloned(), coming });
            }
            (Some(withheld), at) => {
                // A later save waits for the earlier one: it holds the record's lock.
                let last = withheld.coming.back().map_or(Timestamp(0), |(at, _)| *at);
                withheld.coming.push_back((at.map_or(last, |at| at.max(last)), after.cloned()));
            }
        }
    }

    /// Everything is to be looked at anew.
    pub(super) fn forget(&mut self) {
        self.changed = None;
    }

    /// Lets time pass, and takes the ids of what changed; `None`: all.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<BTreeSet<u64>> {
        self.withheld.retain(|id, withheld| {
            while let Some((_, next)) = withheld.coming.pop_front_if(|(at, _)| *at <= now) {
                withheld.shown = next;
                if let Some(changed) = &mut self.changed {
                    changed.insert(*id);
                }
            }
            !withheld.coming.is_empty()
        });
        self.changed.replace(BTreeSet::new())
    }

    /// How queries see a record that is not yet seen as it is.
    pub(super) fn withheld(&self, id: u64) -> Option<Option<&Record>> {
        self.withheld.get(&id).map(|withheld| withheld.shown.as_ref())
    }
}
