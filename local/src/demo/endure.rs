//! The demo's people in a world that somebody else troubles: they edit both sides until the trouble is over, then
//! everything settles, and every edit is held against what became of it.
//!
//! People decide conflicts, as always; errors are left as they are. Nothing that is healthy may need a person.

use std::cell::Cell;
use std::collections::BTreeMap;

use shared::domain::id::{AccountId, PerSide, RecordType, Side};

use super::book::{Doing, Taken};
use super::latency::percentile;
use super::{
    Book, Broken, Client, DataSet, Demo, DemoOptions, Latency, People, Progress, Reckoning, Reviewer,
};
use super::{ROUNDS, survey};
use crate::world::World;

/// What is away is waited for so long, in ms.
const PATIENCE_MS: i64 = 600_000;

/// How the people work.
#[derive(Debug, Clone)]
pub struct Work {
    /// What they do follows from it; when, does not.
    pub seed: u64,
    /// How long the trouble is to last, in ms.
    pub lasts_ms: u64,
    /// Edits in a second, all of them together, as long as nobody keeps them waiting.
    pub edits_per_second: f64,
    /// Customers, items and orders of each account that are filled in before, at most.
    pub records: [usize; 3],
    /// Everything must have settled so long after the trouble, in ms.
    pub settle_within_ms: i64,
}

/// An edit that a system said it took.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The system.
    pub side: Side,
    /// The tenant.
    pub account: AccountId,
    /// Our name of the type.
    pub kind: RecordType,
    /// The side's id of the record.
    pub id: String,
    /// The row's revision after it, where the system tells one.
    pub revision: Option<i64>,
    /// Whether the record was deleted.
    pub deleted: bool,
}

/// A record that somebody made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The tenant.
    pub account: AccountId,
    /// Our name of the type.
    pub kind: RecordType,
    /// Our id.
    pub canonical: String,
}

/// How it ended.
#[derive(Debug)]
pub struct Endured {
    /// Edits that a system said it took, in the order of their answers.
    pub acknowledged: Vec<Acknowledged>,
    /// Edits over which a system failed, and which were found.
    pub found: u64,
    /// Edits over which a system failed, and which were not carried out, or cannot be told from that.
    pub never_came: u64,
    /// What was refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Every record that was made.
    pub records: Vec<Made>,
    /// Edits by fate, in words.
    pub fates: BTreeMap<String, u64>,
    /// Edits that nothing explains, in full.
    pub unaccounted: Vec<String>,
    /// Conflicts that opened, and those that are open still.
    pub conflicts: (u64, usize),
    /// Errors that are open, in full.
    pub open_errors: Vec<String>,
    /// Records that were compared, and those that are the same.
    pub compared: (u64, u64),
    /// Differences that something explains, by what.
    pub explained: BTreeMap<String, u64>,
    /// Those that nothing explains, in full.
    pub unexplained: Vec<String>,
    /// How long an edit took to the other side: half of them, 99 in a hundred, all; ms.
    pub latency: PerSide<[Option<i64>; 3]>,
    /// From the end of the trouble until nothing was left to do, ms.
    pub settled_ms: i64,
    /// Stages and how long they took, in ms.
    pub times: Vec<(&'static str, i64)>,
}

/// Has people work in `world` while `trouble` runs. It is given a way to tell what it does.
pub async fn endure(
    world: &World,
    work: &Work,
    trouble: impl AsyncFnOnce(&dyn Fn(&str)) -> Result<(), String>,
) -> Result<Endured, String> {
    let options = DemoOptions { data: None, edits: 0, seed: work.seed };
    let demo = Demo {
        options: &options,
        data: &DataSet::sample().first(work.records),
        client: Client::new(&world.url).patient(PATIENCE_MS),
        book: Book::new(world.config.clone()).into(),
        latency: Latency::default(),
        progress: Progress::begin(),
        times: Vec::new().into(),
        settle_within_ms: work.settle_within_ms,
    };
    let endured = demo.endure(work, trouble).await;
    demo.progress.end();
    endured.map_err(|Broken(reason)| reason)
}

impl Demo<'_> {
    async fn endure(
        &self,
        work: &Work,
        trouble: impl AsyncFnOnce(&dyn Fn(&str)) -> Result<(), String>,
    ) -> Result<Endured, Broken> {
        let reviewer = Reviewer::new(&self.client, work.seed).without_retries();
        self.fill().await?;
        self.took("filling");
        self.work_under(work, &reviewer, trouble).await?;
        self.took("trouble");
        self.progress.stage("the trouble is over");
        let before = self.progress.elapsed();
        self.quiet("everything").await?;
        let settled_ms = self.progress.elapsed() - before;
        for _ in 0..ROUNDS {
            if reviewer.decide(0).await? == 0 {
                break;
            }
            self.quiet("decisions").await?;
        }
        self.took("settling");
        self.progress.stage("comparing both systems, and accounting for every edit");
        self.account(&reviewer, settled_ms).await
    }

    /// People at work while there is trouble.
    async fn work_under(
        &self,
        work: &Work,
        reviewer: &Reviewer<'_>,
        trouble: impl AsyncFnOnce(&dyn Fn(&str)) -> Result<(), String>,
    ) -> Result<(), Broken> {
        let Work { seed, lasts_ms, edits_per_second, .. } = *work;
        let done = Cell::new(false);
        let edits = (edits_per_second * lasts_ms as f64 / 1_000.0).ceil() as usize;
        // As many as there is time for: the pace alone is given.
        let people = People::new(&self.client, &self.book, &self.latency, edits, lasts_ms);
        let people = people.without_end();
        let working = async {
            people.work(seed).await?;
            done.set(true);
            Ok(())
        };
        let troubling = async {
            let told = trouble(&|text| self.progress.line(text)).await;
            people.go_home();
            told.map_err(Broken)
        };
        futures::try_join!(
            working,
            troubling,
            reviewer.work(&done),
            self.latency.watch(&self.client, &done),
            self.learn(&done),
            self.show_work(reviewer, &done),
        )?;
        Ok(())
    }

    async fn show_work(&self, reviewer: &Reviewer<'_>, done: &Cell<bool>) -> Result<(), Broken> {
        while !done.get() {
            let (made, open) = (self.book.borrow().edits.len(), reviewer.open.get());
            self.progress.step(&format!("{made} edits, {open} conflicts open"));
            self.moment().await;
        }
        Ok(())
    }

    #[expect(clippy::await_holding_refcell_ref, reason = "everybody has gone home")]
    async fn account(&self, reviewer: &Reviewer<'_>, settled_ms: i64) -> Result<Endured, Broken> {
        let (client, book) = (&self.client, self.book.borrow());
        let parity = survey::parity(client).await?;
        let reckoning = Reckoning::of(client, &book).await?;
        let (_, open_errors) = survey::errors(client).await?;
        let open = reviewer.open.get();
        self.took("checks");
        let (mut acknowledged, mut found) = (Vec::new(), 0);
        for edit in &book.edits {
            match edit.taken {
                Taken::Told(revision) => {
                    let (account, kind, _) = book.address(edit.record, edit.side);
                    let (side, id, deleted) = (edit.side, edit.id.clone(), edit.doing == Doing::Delete);
                    acknowledged.push(Acknowledged { side, account, kind, id, revision, deleted });
                }
                Taken::Found => found += 1,
                Taken::Perhaps => {}
            }
        }
        let made = book.records.iter().map(|known| Made {
            account: known.account.clone(),
            kind: known.kind.clone(),
            canonical: known.canonical.clone(),
        });
        let samples = self.latency.samples.borrow();
        let of = |side: Side| [50, 99, 100].map(|percent| percentile(&samples[side], percent));
        Ok(Endured {
            acknowledged,
            found,
            never_came: reckoning.never_came,
            refused: book.refused.clone(),
            records: made.collect(),
            fates: reckoning.accounts.edits.iter().map(|(fate, count)| (fate.words(), *count)).collect(),
            unaccounted: reckoning.unaccounted,
            conflicts: (reckoning.opened, open),
            open_errors,
            compared: (parity.records, parity.same),
            explained: parity.explained,
            unexplained: parity.unexplained,
            latency: PerSide { netsuite: of(Side::NetSuite), suitex: of(Side::SuiteX) },
            settled_ms,
            times: self.times.take(),
        })
    }
}
