//! The people: some dozens at once, in both systems, each doing one thing after the other with a moment's
//! thought between. What a system took is entered in the book.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use fastrand::Rng;
use futures::future::{try_join, try_join_all};
use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::runtime::clock::{Clock, SystemClock};

use super::book::{Book, Doing, Edit, Known, RecordIx, Taken};
use super::client::{Address, Answer, Broken, Client};
use super::doubt;
use super::fate::{Change, EXISTS};
use super::latency::Latency;
use super::plan::{Birth, Plan};

/// How many people there are.
const PEOPLE: u64 = 32;

/// How long people work at least, in ms: time for every trouble to come.
const WORK_MS: u64 = 30_000;

/// How much longer they work for each edit, in µs, all of them together.
const WORK_US_PER_EDIT: u64 = 5_000;

/// Edits in a hundred in NetSuite that no User Event sees, as by CSV import.
const UNTOLD_PERCENT: u32 = 8;

/// The people and what they share.
pub(super) struct People<'a> {
    /// Their browsers.
    pub(super) client: &'a Client,
    /// What they know.
    pub(super) book: &'a RefCell<Book>,
    /// Who looks how long an edit takes.
    pub(super) latency: &'a Latency,
    /// Edits yet to be made.
    left: Cell<usize>,
    /// Longest thought between two edits of a person, in ms; half of it on average.
    thought_ms: i64,
    /// Whether they begin nothing more.
    gone_home: Cell<bool>,
}

/// About how long people work on so many edits, in ms.
pub(super) fn working_time_ms(edits: usize) -> u64 {
    if edits == 0 { 0 } else { WORK_MS + edits as u64 * WORK_US_PER_EDIT / 1_000 }
}

impl<'a> People<'a> {
    /// People who make `edits` edits, in about `lasts` ms.
    pub(super) fn new(
        client: &'a Client,
        book: &'a RefCell<Book>,
        latency: &'a Latency,
        edits: usize,
        lasts: u64,
    ) -> Self {
        let each = lasts * PEOPLE / edits.max(1) as u64;
        let thought_ms = (2 * each).max(1).cast_signed();
        Self { client, book, latency, left: Cell::new(edits), thought_ms, gone_home: Cell::new(false) }
    }

    /// The same, at the same pace, until they are sent home.
    pub(super) fn without_end(self) -> Self {
        Self { left: Cell::new(usize::MAX), ..self }
    }

    /// They finish what they have begun, and begin nothing more.
    pub(super) fn go_home(&self) {
        self.gone_home.set(true);
    }

    /// All of them at work, until no edit is left.
    pub(super) async fn work(&self, seed: u64) -> Result<(), Broken> {
        let dice = |n: u64| Rng::with_seed(seed.rotate_left(17) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        try_join_all((0..PEOPLE).map(|n| self.person(dice(n)))).await.map(|_| ())
    }

    async fn person(&self, mut dice: Rng) -> Result<(), Broken> {
        while self.left.get() > 0 && !self.gone_home.get() {
            let side = Side::BOTH[dice.usize(0..2)];
            match dice.u32(0..1000) {
                0..60 => self.collide_on_field(&mut dice).await?,
                60..75 => self.collide_on_line(&mut dice).await?,
                75..85 => self.collide_on_tags(&mut dice).await?,
                85..115 => self.create(&mut dice, side).await?,
                115..130 => self.delete(&mut dice, side).await?,
                130..135 => self.mistype(&mut dice, side).await?,
                135..230 => self.edit_list(&mut dice, side, "salesorder", Plan::lines).await?,
                230..280 => {
                    let tags = |book: &mut Book, dice: &mut Rng, at: (RecordIx, Side), row: &_| {
                        Plan::tags(book, dice, at, row, true)
                    };
                    self.edit_list(&mut dice, side, "customer", tags).await?;
                }
                _ => self.edit_fields(&mut dice, side).await?,
            }
            SystemClock.sleep_until(SystemClock.now().plus(dice.i64(0..self.thought_ms))).await;
        }
        Ok(())
    }

    async fn edit_fields(&self, dice: &mut Rng, side: Side) -> Result<(), Broken> {
        let Some(record) = self.take(dice, &[side], |_| true) else { return Ok(()) };
        let how_many = [1, 1, 1, 2, 3][dice.usize(0..5)];
        let plan = Plan::fields(&mut self.book.borrow_mut(), dice, (record, side), how_many);
        self.make_or_leave(dice, record, side, plan).await
    }

    /// A value that its field cannot hold.
    async fn mistype(&self, dice: &mut Rng, side: Side) -> Result<(), Broken> {
        let Some(record) = self.take(dice, &[side], |_| true) else { return Ok(()) };
        let plan = Plan::mistyped(&self.book.borrow(), record, side);
        self.make_or_leave(dice, record, side, plan).await
    }

    /// An edit of a list, made of what the side shows now.
    async fn edit_list(
        &self,
        dice: &mut Rng,
        side: Side,
        kind: &str,
        plan: impl Fn(&mut Book, &mut Rng, (RecordIx, Side), &Map<String, Json>) -> Option<Plan>,
    ) -> Result<(), Broken> {
        let Some(record) = self.take(dice, &[side], |known| known.kind.as_str() == kind) else {
            return Ok(());
        };
        let row = self.read(record, side).await?;
        let plan = row.and_then(|row| plan(&mut self.book.borrow_mut(), dice, (record, side), &row));
        self.make_or_leave(dice, record, side, plan).await
    }

    async fn collide_on_field(&self, dice: &mut Rng) -> Result<(), Broken> {
        let Some(record) = self.take(dice, &Side::BOTH, |_| true) else { return Ok(()) };
        let plans = Plan::same_field(&mut self.book.borrow_mut(), dice, record);
        self.make_both_or_leave(record, plans).await
    }

    async fn collide_on_line(&self, dice: &mut Rng) -> Result<(), Broken> {
        let is_order = |known: &Known| known.kind.as_str() == "salesorder";
        let Some(record) = self.take(dice, &Side::BOTH, is_order) else { return Ok(()) };
        let plans = match try_join(self.read(record, Side::NetSuite), self.read(record, Side::SuiteX)).await?
        {
            (Some(netsuite), Some(suitex)) => {
                Plan::same_cell(&mut self.book.borrow_mut(), dice, record, [&netsuite, &suitex])
            }
            _ => None,
        };
        self.make_both_or_leave(record, plans).await
    }

    async fn collide_on_tags(&self, dice: &mut Rng) -> Result<(), Broken> {
        let is_customer = |known: &Known| known.kind.as_str() == "customer";
        let Some(record) = self.take(dice, &Side::BOTH, is_customer) else { return Ok(()) };
        let plans = match try_join(self.read(record, Side::NetSuite), self.read(record, Side::SuiteX)).await?
        {
            (Some(netsuite), Some(suitex)) => {
                let book = &mut self.book.borrow_mut();
                let mut plan = |side, row| Plan::tags(book, dice, (record, side), row, false);
                plan(Side::NetSuite, &netsuite).zip(plan(Side::SuiteX, &suitex)).map(<[Plan; 2]>::from)
            }
            _ => None,
        };
        self.make_both_or_leave(record, plans).await
    }

    /// Deletes a record that nobody refers to; every other time while somebody edits it on the other side.
    async fn delete(&self, dice: &mut Rng, side: Side) -> Result<(), Broken> {
        if dice.bool() {
            let Some(record) = self.take(dice, &[side], |known| known.leaf) else { return Ok(()) };
            return self.make_or_leave(dice, record, side, Some(Plan::deletion(record, side))).await;
        }
        let Some(record) = self.take(dice, &Side::BOTH, |known| known.leaf) else { return Ok(()) };
        let edit = Plan::fields(&mut self.book.borrow_mut(), dice, (record, side.other()), 1);
        self.make_both_or_leave(record, edit.map(|edit| [edit, Plan::deletion(record, side)])).await
    }

    async fn create(&self, dice: &mut Rng, side: Side) -> Result<(), Broken> {
        let records = self.book.borrow().records.len();
        let model = dice.usize(0..records.max(1));
        let birth =
            (records > 0).then(|| Birth::like(&mut self.book.borrow_mut(), dice, model, side)).flatten();
        let Some(birth) = birth.filter(|_| self.reserve(1)) else { return Ok(()) };
        let at = Address { side, account: &birth.account, kind: &birth.kind };
        let answer = self.client.create(&at, &birth.values).await?;
        let (answer, found) = match answer {
            Answer::Unsure => (doubt::created(self.client, self.book, &at, &birth).await?, true),
            answer => (answer, false),
        };
        let row = match answer {
            Answer::Taken(row) => row,
            Answer::Unsure => return Ok(()),
            Answer::Refused(status, why) => {
                self.refused(side, status, &why);
                return Ok(());
            }
        };
        let mut book = self.book.borrow_mut();
        let id = row.get("id").and_then(Json::as_str).unwrap_or_default();
        let record = book.enter((side, id), (&birth.account, &birth.kind), &birth.canonical, true);
        let mut left: BTreeMap<String, Json> = book.held(record, side, &row).into_iter().collect();
        let lines =
            left.values().filter_map(Json::as_array).flatten().filter_map(|line| line["line_key"].as_str());
        let mut changes: Vec<_> = lines.map(|key| ("lines".into(), Change::LineAdded(key.into()))).collect();
        changes.push((EXISTS.into(), Change::Created));
        changes
            .extend(birth.canonical.iter().map(|(name, value)| (name.clone(), Change::Value(value.clone()))));
        left.extend(birth.canonical);
        let taken = if found { Taken::Found } else { told(&row) };
        book.edits.push(Edit {
            record,
            side,
            doing: Doing::Create,
            collides: false,
            changes,
            left,
            id: id.into(),
            taken,
        });
        Ok(())
    }

    fn take(&self, dice: &mut Rng, sides: &[Side], suits: impl Fn(&Known) -> bool) -> Option<RecordIx> {
        self.book.borrow_mut().take(dice, sides, suits)
    }

    /// Reserves `n` edits, so that no more are made than were asked for; false when fewer are left.
    fn reserve(&self, n: usize) -> bool {
        let rest = self.left.get().checked_sub(n);
        self.left.set(rest.unwrap_or(self.left.get()));
        rest.is_some()
    }

    async fn make_or_leave(
        &self,
        dice: &mut Rng,
        record: RecordIx,
        side: Side,
        plan: Option<Plan>,
    ) -> Result<(), Broken> {
        match plan.filter(|_| self.reserve(1)) {
            Some(plan) => self.make(plan, dice.u32(0..100) >= UNTOLD_PERCENT).await?,
            None => self.book.borrow_mut().leave(record, side),
        }
        Ok(())
    }

    /// Two people, one record, one moment.
    async fn make_both_or_leave(&self, record: RecordIx, plans: Option<[Plan; 2]>) -> Result<(), Broken> {
        match plans.filter(|_| self.reserve(2)) {
            Some([one, other]) => {
                try_join(self.make(one, true), self.make(other, true)).await?;
            }
            None => {
                let mut book = self.book.borrow_mut();
                Side::BOTH.into_iter().for_each(|side| book.leave(record, side));
            }
        }
        Ok(())
    }

    /// Makes a reserved edit, enters it, and gives the record back.
    async fn make(&self, plan: Plan, user_event: bool) -> Result<(), Broken> {
        let (record, side) = (plan.record, plan.side);
        let (account, kind, id) = self.book.borrow().address(record, side);
        let at = Address { side, account: &account, kind: &kind };
        let answer = match &plan.values {
            Some(values) => self.client.edit(&at, &id, values, user_event).await?,
            None => self.client.delete(&at, &id).await?,
        };
        let (row, taken) = match answer {
            Answer::Taken(row) => {
                let taken = told(&row);
                (row, taken)
            }
            Answer::Refused(status, why) => {
                self.book.borrow_mut().leave(record, side);
                self.refused(side, status, &why);
                return Ok(());
            }
            Answer::Unsure => match doubt::edited(self.client, self.book, (&at, &id), &plan).await? {
                Answer::Taken(row) => (row, Taken::Found),
                Answer::Unsure => (Map::new(), Taken::Perhaps),
                Answer::Refused(status, why) => {
                    self.book.borrow_mut().leave(record, side);
                    self.refused(side, status, &why);
                    return Ok(());
                }
            },
        };
        let Plan { doing, values, mut changes, new_line, collides, .. } = plan;
        self.book.borrow_mut().leave(record, side);
        let mut book = self.book.borrow_mut();
        let mut left: BTreeMap<String, Json> = book.held(record, side, &row).into_iter().collect();
        let surface = book.surface(record);
        let is_written = |name: &str| {
            let field = surface.field(name).map(|ix| surface.fields[ix].name_on(side));
            field.zip(values.as_ref()).is_some_and(|(field, values)| values.contains_key(field))
        };
        left.retain(|name, _| is_written(name));
        if let Some((field, quantity)) = new_line {
            let lines = left.get(&field).and_then(Json::as_array).into_iter().flatten();
            let keys = lines
                .filter(|line| line["quantity"] == quantity)
                .filter_map(|line| line["line_key"].as_str());
            changes.extend(keys.map(|key| (field.clone(), Change::LineAdded(key.to_string()))));
        }
        for (field, change) in &changes {
            if let Change::Value(value) = change {
                left.insert(field.clone(), value.clone());
            }
        }
        book.records[record].closed |= doing == Doing::Delete;
        if let (Doing::Fields, false, [(field, Change::Value(value))]) = (doing, collides, &changes[..]) {
            self.latency.offer(&book, (record, side), field, value);
        }
        book.edits.push(Edit { record, side, id, doing, collides, changes, left, taken });
        Ok(())
    }

    /// What the side shows of a record; `None` when it has none.
    async fn read(&self, record: RecordIx, side: Side) -> Result<Option<Map<String, Json>>, Broken> {
        let (account, kind, id) = self.book.borrow().address(record, side);
        match self.client.read(&Address { side, account: &account, kind: &kind }, &id).await? {
            Answer::Taken(row) => Ok(Some(row)),
            Answer::Refused(..) | Answer::Unsure => Ok(None),
        }
    }

    /// A reserved edit was refused: another is made in its place.
    fn refused(&self, side: Side, status: u16, why: &str) {
        self.left.set(self.left.get().saturating_add(1));
        self.book.borrow_mut().refuse(side, status, why);
    }
}

/// A row as its side showed it with its answer.
fn told(row: &Map<String, Json>) -> Taken {
    Taken::Told(row.get("revision").and_then(Json::as_i64))
}
