//! The scans for deletions: what NetSuite lists as deleted, and what a look confirms.
//!
//! Not being visible is not being deleted: only a record that is known to be there and that the list of deletions names
//! is looked at, and one that the look still finds is not told as deleted. The list names kinds of records by labels
//! that anybody may have changed, so it is asked for ids alone: every synced record of that id is looked at.
//!
//! The list is gone through three times: at once, after an hour and after a day. What was deleted before anything was
//! known of it (its creation is on the bus, and whoever takes it in is away) is found when it is.

use std::collections::BTreeMap;

use shared::domain::id::{RecordType, SideId};
use shared::domain::surface::TypeSurface;

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Row};
use crate::gone::{Deletions, Gone, NAME, Teller, deleted_at, is_there};
use crate::look::{Look, look};
use crate::owed::Added;
use crate::page::{self, Page};
use crate::stride::READS;
use crate::wall::Clocks;
use crate::{event, filed, query, told};

/// How long ago a deletion is when the list is gone through, s.
pub(crate) const AGES_S: [i64; 3] = [0, 3_600, 86_400];

/// NetSuite's list of deletions.
const TABLE: &str = "deletedrecord";

/// A record that may have been deleted.
struct Suspect<'a> {
    surface: &'a TypeSurface,
    id: SideId,
    listed: String,
}

impl Suspect<'_> {
    /// A type and an id: ids are unique within a kind of record only.
    fn key(&self) -> String {
        format!("{} {}", self.surface.record_type, self.id)
    }
}

/// One of the scans.
pub(crate) struct DeletionScan<'a> {
    pub(crate) caller: &'a Caller<'a>,
    /// Which: how old the deletions are that it looks for, s.
    pub(crate) age_s: i64,
    /// What NetSuite's clock showed so long ago.
    pub(crate) clocks: &'a Clocks,
    /// Counts events on the bus.
    pub(crate) published: &'a mut usize,
}

impl<'a> DeletionScan<'a> {
    /// Goes through what was deleted. The cursor keeps what was done, however it ends; answers when everything had
    /// been looked at, ms.
    pub(crate) async fn scan(mut self) -> (Option<i64>, Result<(), Stop>) {
        let mut deletions: Deletions = match self.caller.cursor(NAME).await {
            Ok(deletions) => deletions,
            Err(away) => return (None, Err(away.into())),
        };
        let before = deletions.clone();
        let end = self.go_on(&mut deletions).await;
        let saved = if deletions == before { Ok(()) } else { self.save(&deletions).await };
        (deletions.of(self.age_s).cursor.reached_at(), end.and(saved))
    }

    async fn go_on(&mut self, deletions: &mut Deletions) -> Result<(), Stop> {
        let overlap_s = self.caller.app.rules.overlap_s;
        loop {
            self.begin(&mut deletions.of(self.age_s).cursor).await?;
            let Page { rows, is_last } =
                page::next(self.caller, TABLE, &mut deletions.of(self.age_s).cursor, query::deleted).await?;
            self.judge(deletions, &rows).await?;
            if !self.tell(deletions).await? {
                return Ok(());
            }
            rows.last().inspect(|row| deletions.of(self.age_s).cursor.pass(row.id, overlap_s));
            if is_last && deletions.of(self.age_s).cursor.end(self.clocks) {
                break;
            }
            self.save(deletions).await?;
        }
        self.ask_for_owed(deletions).await?;
        self.tell(deletions).await.map(|_| ())
    }

    /// Begins a scan, unless one is under way.
    async fn begin(&self, cursor: &mut Cursor) -> Result<(), Stop> {
        let had_missed = cursor.owed.has_missed();
        cursor.scan(self.clocks, self.caller.app.rules.overlap_s);
        if had_missed && !cursor.owed.has_missed() {
            told::over(self.caller, vec![filed::less_refused(self.caller.account, NAME)]).await?;
        }
        Ok(())
    }

    /// Looks at every record that is known to be there under an id of the rows.
    async fn judge(&mut self, deletions: &mut Deletions, rows: &[Row]) -> Result<(), Stop> {
        let mut suspects = Vec::new();
        for surface in self.caller.account.types.values() {
            suspects.extend(self.suspects(surface, rows).await?);
        }
        suspects.retain(|suspect| {
            let key = suspect.key();
            let knows = deletions.of(self.age_s).cursor.knows(&key, &suspect.listed);
            !knows && !deletions.has(&key) && !deletions.discards(self.age_s, &key, &suspect.listed)
        });
        let mut left = &suspects[..];
        while !left.is_empty() && !self.teller().is_over(deletions).await? {
            let answered = self.look(deletions, left).await?;
            left = &left[answered..];
            self.save(deletions).await?;
        }
        Ok(())
    }

    async fn suspects(&self, surface: &'a TypeSurface, rows: &[Row]) -> Result<Vec<Suspect<'a>>, Stop> {
        // One id may be listed more than once: for another kind of record.
        let listed: BTreeMap<u64, &String> = rows.iter().fold(BTreeMap::new(), |mut latest, row| {
            let at = latest.entry(row.id).or_insert(&row.at);
            *at = (*at).max(&row.at);
            latest
        });
        let ids = listed.iter().filter_map(|(id, at)| Some((SideId::parse(&id.to_string()).ok()?, *at)));
        let ids: Vec<(SideId, &String)> = ids.collect();
        let (state, account) = (&*self.caller.app.state, self.caller.account);
        let known = event::known(state, account, surface, ids.iter().map(|(id, _)| id.clone())).await?;
        let there = ids.into_iter().zip(known).filter(|(_, record)| record.as_deref().is_some_and(is_there));
        Ok(there.map(|((id, at), _)| Suspect { surface, id, listed: at.clone() }).collect())
    }

    /// One call about the first of these records; answers how many it was about.
    async fn look(&self, deletions: &mut Deletions, suspects: &[Suspect<'_>]) -> Result<usize, Stop> {
        let (app, account) = (self.caller.app, self.caller.account);
        let now = app.ports.clock.now();
        let records: Vec<_> = suspects.iter().take(READS).map(|s| (s.surface, &s.id)).collect();
        let looks = look(self.caller, &mut deletions.of(self.age_s).cursor.stride, &records).await?;
        let answered = looks.len();
        let (mut errors, mut over) = (Vec::new(), Vec::new());
        for (suspect, look) in suspects.iter().zip(looks) {
            let (key, id) = (suspect.key(), suspect.id.as_str());
            let owed = &mut deletions.of(self.age_s).cursor.owed;
            match look {
                Look::Refused(why) => match owed.add(&key, &suspect.listed) {
                    Added::New => errors.push(filed::not_shown(account, suspect.surface, id, &why, now)),
                    Added::Known => {}
                    Added::NoRoom => errors.push(filed::too_much_refused(account, NAME, now)),
                },
                Look::Found(_) => {
                    over.extend(owed.pay(&key).then(|| filed::shown(account, suspect.surface, id, true)));
                    deletions.of(self.age_s).cursor.note(key, &suspect.listed, app.rules.overlap_s);
                }
                Look::Gone(outcome) => {
                    over.extend(owed.pay(&key).then(|| filed::shown(account, suspect.surface, id, false)));
                    let gone = Gone { listed: suspect.listed.clone(), at: deleted_at(&outcome, now).0 };
                    deletions.note(self.age_s, key, gone);
                }
            }
        }
        told::file(self.caller, errors).await?;
        told::over(self.caller, over).await?;
        Ok(answered)
    }

    /// Publishes the confirmed deletions, unless they are too many. Whether the scan may go on.
    async fn tell(&mut self, deletions: &mut Deletions) -> Result<bool, Stop> {
        let told = self.teller().tell(deletions).await?;
        *self.published += told.unwrap_or(0);
        Ok(told.is_some())
    }

    fn teller(&self) -> Teller<'_> {
        Teller { caller: self.caller, stage: self.age_s, clocks: self.clocks }
    }

    /// What was refused is asked for again, some of it at each tick.
    async fn ask_for_owed(&self, deletions: &mut Deletions) -> Result<(), Stop> {
        let account = self.caller.account;
        let suspect = |(key, listed): (String, String)| {
            let (kind, id) = key.split_once(' ')?;
            let surface = account.types.get(&RecordType::parse(kind).ok()?)?;
            Some(Suspect { surface, id: SideId::parse(id).ok()?, listed })
        };
        let turn: Vec<Suspect<'_>> =
            deletions.of(self.age_s).cursor.owed.turn(READS).into_iter().filter_map(suspect).collect();
        let mut left = &turn[..];
        while !left.is_empty() {
            let answered = self.look(deletions, left).await?;
            deletions.of(self.age_s).cursor.owed.asked(&left[answered - 1].key());
            left = &left[answered..];
        }
        Ok(())
    }

    async fn save(&self, deletions: &Deletions) -> Result<(), Stop> {
        self.caller.save(NAME, deletions).await
    }
}
