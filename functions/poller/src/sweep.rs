//! The sweep: records that we know as being there and that NetSuite's list of their type no longer names. It finds what
//! no scan can: the deletion of a type that `deletedrecord` does not list, a row that it has lost, a record that our
//! role has lost sight of.
//!
//! Not being listed is not being deleted. What is not listed is asked for in another way, by the RESTlet. It is gone
//! when NetSuite knows its deletion, or says twice, an hour apart, that there is no such record. NetSuite may say so of
//! what a role does not see too, which is why a single answer counts for nothing, and many are held by the brake. What
//! is refused, or found there, is hidden: a person is told, for no scan of changes will ever name it.
//!
//! It goes through our own records, by key, at a slow pace: a few pages at each tick until it is through, and then not
//! before a day is over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::domain::id::{Side, SideId};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::netsuite::table::Table;
use shared::netsuite::wire::What;

use crate::caller::{Caller, Stop};
use crate::gone::{self, Deletions, Gone, Teller, deleted_at, is_there};
use crate::look::{Look, look};
use crate::stride::{READS, Stride};
use crate::suspects::{Found, Suspects, Then};
use crate::wall::Clocks;
use crate::{event, filed, page, query, told};

/// Whose deletions these are, among those of the scans for deletions.
pub(crate) const STAGE: i64 = -1;

const NAME: &str = "sweep";

/// Records of one page.
const PAGE: usize = 500;

/// Pages of one tick at most, over all types.
const PAGES_MAX: usize = 6;

/// What was saved less than so long ago may not be listed yet, s.
const SETTLED_S: i64 = 3_600;

/// How far the sweep has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Sweep {
    types: BTreeMap<String, Pass>,
    suspects: Suspects,
    stride: Stride,
}

/// How far it has come through one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    /// When this pass began, or the one that is over, on our clock, ms.
    began_at: i64,
    /// The key up to which this pass has come; `None` when it is over.
    under_way: Option<String>,
}

/// A record that should be listed.
struct Known {
    key: String,
    id: SideId,
    number: u64,
}

/// The sweep of an account.
pub(crate) struct Sweeping<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) clocks: &'a Clocks,
    /// Counts events on the bus.
    pub(crate) published: &'a mut usize,
}

impl Sweeping<'_> {
    /// Goes on with the sweep, as far as a tick's share goes. The cursor keeps what was done, however it ends.
    pub(crate) async fn scan(mut self) -> Result<(), Stop> {
        let mut sweep: Sweep = self.caller.cursor(NAME).await?;
        let before = sweep.clone();
        let end = self.go_on(&mut sweep).await;
        let saved = if sweep == before { Ok(()) } else { self.caller.save(NAME, &sweep).await };
        end.and(saved)
    }

    async fn go_on(&mut self, sweep: &mut Sweep) -> Result<(), Stop> {
        let mut deletions: Deletions = self.caller.cursor(gone::NAME).await?;
        if deletions.waits(STAGE) && !self.tell(&mut deletions).await? {
            return Ok(());
        }
        // What one type says against it must not keep the others from being swept.
        let mut end = self.ask_again(sweep, &mut deletions).await;
        let mut surfaces: Vec<&TypeSurface> = self.caller.account.types.values().map(|of| &**of).collect();
        let mut pages = 0;
        while pages < PAGES_MAX && !surfaces.is_empty() && !matches!(end, Err(Stop::Later)) {
            let mut left = Vec::new();
            for surface in surfaces {
                if pages == PAGES_MAX || !self.is_due(sweep, surface) {
                    continue;
                }
                pages += 1;
                match self.page(sweep, &mut deletions, surface).await {
                    Ok(true) => left.push(surface),
                    Ok(false) => {}
                    Err(stop @ (Stop::Later | Stop::Unavailable(_))) => return Err(stop),
                    Err(stop) => end = Err(stop),
                }
            }
            surfaces = left;
        }
        end
    }

    /// Whether a type is to be gone through. A type that is met for the first time has just been read by its scan.
    fn is_due(&self, sweep: &mut Sweep, surface: &TypeSurface) -> bool {
        let now_ms = self.caller.app.ports.clock.now().0;
        let first = Pass { began_at: now_ms, under_way: None };
        let pass = sweep.types.entry(surface.record_type.to_string()).or_insert(first);
        let every_ms = self.caller.app.rules.sweep_every_s * 1_000;
        if pass.under_way.is_none() && now_ms - pass.began_at >= every_ms {
            *pass = Pass { began_at: now_ms, under_way: Some(String::new()) };
        }
        pass.under_way.is_some()
    }

    /// One page of a type's records. Whether there are more.
    async fn page(
        &mut self,
        sweep: &mut Sweep,
        deletions: &mut Deletions,
        surface: &TypeSurface,
    ) -> Result<bool, Stop> {
        let (state, account) = (&self.caller.app.state, &self.caller.account.id);
        let kind = surface.record_type.to_string();
        let after = sweep.types.get(&kind).and_then(|pass| pass.under_way.clone());
        let after = after.filter(|after| !after.is_empty());
        let page = state.records(account, Some(&surface.record_type), after.as_deref(), PAGE).await?;
        let now_s = self.caller.app.ports.clock.now().seconds();
        let known: Vec<Known> = page.items.iter().filter_map(|record| known(record, now_s)).collect();
        let may_go_on = self.examine(sweep, deletions, surface, known).await?;
        if let (true, Some(pass)) = (may_go_on, sweep.types.get_mut(&kind)) {
            pass.under_way = page.next;
        }
        self.caller.save(NAME, sweep).await?;
        Ok(may_go_on && sweep.types.get(&kind).is_some_and(|pass| pass.under_way.is_some()))
    }

    /// Those of the suspects whose turn it is, some at each tick.
    async fn ask_again(&mut self, sweep: &mut Sweep, deletions: &mut Deletions) -> Result<(), Stop> {
        let now = self.caller.app.ports.clock.now();
        let turn = sweep.suspects.turn(now.0, READS);
        let account = self.caller.account;
        for surface in account.types.values() {
            let of_type = turn.iter().filter_map(|key| {
                let (kind, id) = key.split_once(' ')?;
                (kind == surface.record_type.as_str()).then(|| SideId::parse(id).ok()).flatten()
            });
            let ids: Vec<SideId> = of_type.collect();
            if ids.is_empty() {
                continue;
            }
            let records =
                event::known(&*self.caller.app.state, account, surface, ids.iter().cloned()).await?;
            let (mut again, mut over) = (Vec::new(), Vec::new());
            for (id, record) in ids.into_iter().zip(records) {
                let key = format!("{} {id}", surface.record_type);
                match record.as_deref().filter(|record| is_there(record)) {
                    Some(_) => again.extend(number(&id).map(|number| Known { key, id, number })),
                    // Somebody else has told its end.
                    None if sweep.suspects.clear(&key) => {
                        over.push(filed::listed(account, surface, id.as_str(), false));
                    }
                    None => {}
                }
            }
            told::over(self.caller, over).await?;
            self.examine(sweep, deletions, surface, again).await?;
        }
        Ok(())
    }

    /// Which of these records NetSuite lists, and what became of the others. Whether the sweep may go on.
    async fn examine(
        &mut self,
        sweep: &mut Sweep,
        deletions: &mut Deletions,
        surface: &TypeSurface,
        mut known: Vec<Known>,
    ) -> Result<bool, Stop> {
        if known.is_empty() {
            return Ok(true);
        }
        let table = Table::of(&surface.netsuite);
        let asked = query::listed(table, known.iter().map(|known| known.number));
        let listed = page::ids(self.caller, table.name, &asked).await?.ids;
        let listed: BTreeSet<u64> = listed.into_iter().collect();
        let account = self.caller.account;
        let is_listed = |known: &Known| listed.contains(&known.number);
        let shown = known.iter().filter(|known| is_listed(known) && sweep.suspects.clear(&known.key));
        let shown = shown.map(|known| filed::listed(account, surface, known.id.as_str(), true)).collect();
        told::over(self.caller, shown).await?;
        known.iter().filter(|known| is_listed(known)).for_each(|known| deletions.is_there_again(&known.key));
        known.retain(|known| !is_listed(known) && !deletions.has(&known.key));
        let mut left = &known[..];
        while !left.is_empty() && !self.teller().is_over(deletions).await? {
            let answered = self.look(sweep, deletions, surface, left).await?;
            left = &left[answered..];
        }
        if deletions.waits(STAGE) { self.tell(deletions).await } else { Ok(true) }
    }

    /// One call about the first of these records, which are not listed; answers how many it was about.
    async fn look(
        &mut self,
        sweep: &mut Sweep,
        deletions: &mut Deletions,
        surface: &TypeSurface,
        unlisted: &[Known],
    ) -> Result<usize, Stop> {
        let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
        let records: Vec<_> = unlisted.iter().take(READS).map(|known| (surface, &known.id)).collect();
        let looks = look(self.caller, &mut sweep.stride, &records).await?;
        let answered = looks.len();
        let (mut found, mut errors, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for (known, look) in unlisted.iter().zip(looks) {
            let (what, at, why) = match look {
                Look::Found(outcome) => {
                    // No scan names it: what it holds is told here.
                    found.extend(event::full_read(account, surface, *outcome).ok());
                    (Found::Hidden, now, None)
                }
                Look::Refused(why) => (Found::Hidden, now, Some(why)),
                Look::Gone(outcome) => {
                    let is_known = outcome.outcome == What::Deleted;
                    let what = if is_known { Found::Deleted } else { Found::Missing };
                    (what, deleted_at(&outcome, now), None)
                }
            };
            let id = known.id.as_str();
            let sees_all = self.caller.app.rules.role_sees_all;
            match sweep.suspects.note(&known.key, what, sees_all, now.0) {
                Then::AskAgain => {}
                Then::File => errors.push(match what {
                    Found::Missing => filed::missing(account, surface, id, now),
                    Found::Hidden | Found::Deleted => {
                        filed::not_listed(account, surface, id, why.as_ref(), now)
                    }
                }),
                Then::Gone { was_filed } => {
                    over.extend(was_filed.then(|| filed::listed(account, surface, id, false)));
                    let gone = Gone { listed: self.clocks.shown.clone(), at: at.0 };
                    deletions.note(STAGE, known.key.clone(), gone);
                }
            }
        }
        let news = event::news(&*self.caller.app.state, account, surface, found).await?;
        *self.published += self.caller.publish(news).await?;
        self.caller.save(gone::NAME, deletions).await?;
        told::file(self.caller, errors).await?;
        told::over(self.caller, over).await?;
        self.caller.save(NAME, sweep).await?;
        Ok(answered)
    }

    /// Publishes the confirmed deletions, unless they are too many. Whether the sweep may go on.
    async fn tell(&mut self, deletions: &mut Deletions) -> Result<bool, Stop> {
        let told = self.teller().tell(deletions).await?;
        self.caller.save(gone::NAME, deletions).await?;
        *self.published += told.unwrap_or(0);
        Ok(told.is_some())
    }

    fn teller(&self) -> Teller<'_> {
        Teller { caller: self.caller, stage: STAGE, clocks: self.clocks }
    }
}

/// A record that should be listed: linked, there, of our concern, and old enough.
fn known(record: &Record, now_s: i64) -> Option<Known> {
    let side = &record.sides[Side::NetSuite];
    let is_settled = side.newest().is_none_or(|newest| newest.0 <= now_s - SETTLED_S);
    let id = side.id.clone().filter(|_| is_there(record) && !side.detached && is_settled)?;
    let key = format!("{} {id}", record.key.record_type);
    Some(Known { key, number: number(&id)?, id })
}

/// NetSuite's own ids are numbers.
fn number(id: &SideId) -> Option<u64> {
    id.as_str().parse().ok()
}
