//! A type's scan for what was saved: changed ids, the records themselves, what of them is news, on the bus.

use std::collections::BTreeMap;

use shared::breakage::{self, Breakage};
use shared::domain::event::ChangeEvent;
use shared::domain::id::SideId;
use shared::domain::surface::TypeSurface;
use shared::netsuite::table::Table;
use shared::netsuite::wire::Refusal;
use shared::state::ErrorEntry;
use shared::state::brake::BrakeWord;

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Row};
use crate::emptied::{Limit, TooMany};
use crate::event::Judged;
use crate::look::{Look, look};
use crate::owed::Added;
use crate::page::{self, Ids, Page};
use crate::stride::READS;
use crate::told::Over;
use crate::untimed::is_nearly_all;
use crate::wall::Clocks;
use crate::{event, filed, held, query, told};

/// One type's scan.
pub(crate) struct Changes<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) surface: &'a TypeSurface,
    pub(crate) clocks: &'a Clocks,
    /// Counts events on the bus.
    pub(crate) published: &'a mut usize,
    /// What was read in this tick and waits, for it empties fields.
    pub(crate) kept: BTreeMap<u64, ChangeEvent>,
}

impl Changes<'_> {
    /// Goes through what was saved up to now. The cursor keeps what was done, however it ends; answers when
    /// everything had been looked at, ms.
    pub(crate) async fn scan(mut self) -> (Option<i64>, Result<(), Stop>) {
        let mut cursor: Cursor = match self.caller.cursor(self.surface.record_type.as_str()).await {
            Ok(cursor) => cursor,
            Err(away) => return (None, Err(away.into())),
        };
        let before = cursor.clone();
        let end = self.go_on(&mut cursor).await;
        let saved = if cursor == before { Ok(()) } else { self.save(&cursor).await };
        (cursor.reached_at(), end.and(saved))
    }

    async fn go_on(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        let (now_ms, every_s) = (self.caller.app.ports.clock.now().0, self.caller.app.rules.whole_every_s);
        match &cursor.whole {
            Some(whole) if whole.after.is_some() => self.read_whole(cursor).await?,
            Some(whole) if whole.rests(now_ms, every_s) => {}
            // Whoever was not listed by time may be so now.
            Some(_) | None => self.read_changed(cursor).await?,
        }
        self.ask_for_held(cursor).await?;
        self.ask_for_owed(cursor).await?;
        self.settle_emptied(cursor).await.map(|_| ())
    }

    /// What was saved, by time.
    async fn read_changed(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        let table = Table::of(&self.surface.netsuite);
        loop {
            self.begin(cursor).await?;
            let page = page::next(self.caller, table.name, cursor, |scan| query::changed(table, scan)).await;
            let Page { rows, is_last } = match page {
                Err(Stop::Fault(fault)) if page::is_refused(&fault) => {
                    // If it lists the type at all, it is the time that cannot be asked for.
                    if page::ids(self.caller, table.name, &query::all(table, 0)).await.is_err() {
                        return Err(Stop::Fault(fault));
                    }
                    let (account, kind) = (&self.caller.account.id, &self.surface.record_type);
                    tracing::warn!(%account, %kind, why = %fault, "NetSuite lists it by no time; it is read whole");
                    cursor.go_whole(self.clocks);
                    return self.read_whole(cursor).await;
                }
                page => page?,
            };
            cursor.whole = None;
            if !self.tell(cursor, &rows).await? {
                return Ok(());
            }
            if is_last {
                self.settle_emptied(cursor).await?;
                if cursor.end(self.clocks) {
                    return self.read_untimed(cursor).await;
                }
            }
            self.save(cursor).await?;
        }
    }

    /// What no scan by time names, for it has none; at times.
    async fn read_untimed(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        let (now_ms, every_s) = (self.caller.app.ports.clock.now().0, self.caller.app.rules.whole_every_s);
        if !cursor.untimed.is_due(now_ms, every_s) {
            return Ok(());
        }
        let table = Table::of(&self.surface.netsuite);
        while let Some(after) = cursor.untimed.after {
            let Ids { ids, is_last } =
                page::ids(self.caller, table.name, &query::untimed(table, after)).await?;
            if after == 0 && self.is_read_whole_instead(cursor, ids.len()).await? {
                return self.read_whole(cursor).await;
            }
            let mark = |cursor: &mut Cursor, id| cursor.untimed.after = Some(id);
            if !self.look_at_all(cursor, &ids, &self.clocks.shown.clone(), mark).await? {
                return Ok(());
            }
            if is_last {
                self.settle_emptied(cursor).await?;
                cursor.untimed.after = None;
            }
        }
        Ok(())
    }

    /// Whether (nearly) all of a type has no time, of which this many rows are on the first page: a person is told, and
    /// the type is read whole. Once more, too, when its times are shown again: what was saved before is listed no more.
    async fn is_read_whole_instead(&self, cursor: &mut Cursor, untimed: usize) -> Result<bool, Stop> {
        let (account, table) = (self.caller.account, Table::of(&self.surface.netsuite));
        let was_hidden = cursor.untimed.is_hidden;
        let timed = match untimed {
            0 => 0,
            _ => page::ids(self.caller, table.name, &query::timed(table)).await?.ids.len(),
        };
        let is_hidden = is_nearly_all(untimed, timed);
        if is_hidden && !was_hidden {
            let now = self.caller.app.ports.clock.now();
            told::file(self.caller, vec![filed::not_timed(account, self.surface, (untimed, timed), now)])
                .await?;
        }
        if was_hidden && !is_hidden {
            told::over(self.caller, vec![filed::timed(account, self.surface)]).await?;
        }
        cursor.untimed.is_hidden = is_hidden;
        if is_hidden || was_hidden {
            cursor.untimed.after = None;
            cursor.go_whole(self.clocks);
            // The hour until the next reading is for what no scan by time finds.
            cursor.whole.iter_mut().for_each(|whole| whole.is_last = !is_hidden);
        }
        Ok(is_hidden || was_hidden)
    }

    /// All that there is, by id.
    async fn read_whole(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        let table = Table::of(&self.surface.netsuite);
        while let Some((after, at)) =
            cursor.whole.as_ref().and_then(|w| Some((w.after?, w.began.shown.clone())))
        {
            let Ids { ids, is_last } = page::ids(self.caller, table.name, &query::all(table, after)).await?;
            let mark = |cursor: &mut Cursor, id| {
                if let Some(whole) = &mut cursor.whole {
                    whole.after = Some(id);
                }
            };
            if !self.look_at_all(cursor, &ids, &at, mark).await? {
                return Ok(());
            }
            if is_last {
                self.settle_emptied(cursor).await?;
                cursor.end_whole();
            }
        }
        Ok(())
    }

    /// Looks at all of these, under this time; `mark` notes how far. Whether the scan may go on.
    async fn look_at_all(
        &mut self,
        cursor: &mut Cursor,
        ids: &[u64],
        at: &str,
        mark: impl Fn(&mut Cursor, u64),
    ) -> Result<bool, Stop> {
        let rows: Vec<Row> = ids.iter().map(|id| Row { id: *id, at: at.to_string() }).collect();
        let mut left: Vec<&Row> = rows.iter().collect();
        while !left.is_empty() {
            if cursor.emptied.is_full() && !self.settle_emptied(cursor).await? {
                return Ok(false);
            }
            let Some(answered) = self.look(cursor, &left[..left.len().min(READS)]).await? else { break };
            mark(cursor, left[answered - 1].id);
            left.drain(..answered);
            self.save(cursor).await?;
        }
        Ok(true)
    }

    /// Begins a scan, unless one is under way.
    async fn begin(&self, cursor: &mut Cursor) -> Result<(), Stop> {
        let had_missed = cursor.owed.has_missed();
        cursor.scan(self.clocks, self.overlap_s());
        if had_missed && !cursor.owed.has_missed() {
            let over = filed::less_refused(self.caller.account, self.surface.record_type.as_str());
            told::over(self.caller, vec![over]).await?;
        }
        Ok(())
    }

    /// Reads the rows' records and publishes what is news. After each call the cursor is past what it showed: it is
    /// on the bus, owed, or waits. Whether the scan may go on.
    async fn tell(&mut self, cursor: &mut Cursor, rows: &[Row]) -> Result<bool, Stop> {
        let mut left = rows;
        loop {
            if cursor.emptied.is_full() && !self.settle_emptied(cursor).await? {
                return Ok(false);
            }
            let unknown = left.iter().filter(|row| !cursor.knows(&row.id.to_string(), &row.at));
            let asked: Vec<&Row> = unknown.take(READS).collect();
            if breakage::on(Breakage::CursorBeforeBus) {
                self.pass(cursor, &asked).await?;
            }
            let Some(answered) = self.look(cursor, &asked).await? else {
                left.last().inspect(|row| cursor.pass(row.id, self.overlap_s()));
                return Ok(true);
            };
            self.pass(cursor, &asked[..answered]).await?;
            let passed = asked[answered - 1].id;
            left = &left[left.partition_point(|row| row.id <= passed)..];
        }
    }

    /// Notes rows as looked at.
    async fn pass(&self, cursor: &mut Cursor, rows: &[&Row]) -> Result<(), Stop> {
        for row in rows {
            cursor.note(row.id.to_string(), &row.at, self.overlap_s());
            cursor.pass(row.id, self.overlap_s());
        }
        self.save(cursor).await
    }

    /// One call about the first of these rows: what it shows is published or owed. Answers how many it was about;
    /// `None` when there are none.
    async fn look(&mut self, cursor: &mut Cursor, rows: &[&Row]) -> Result<Option<usize>, Stop> {
        let (app, account) = (self.caller.app, self.caller.account);
        let ids: Vec<SideId> =
            rows.iter().filter_map(|row| SideId::parse(&row.id.to_string()).ok()).collect();
        let records: Vec<_> = ids.iter().map(|id| (self.surface, id)).collect();
        let looks = look(self.caller, &mut cursor.stride, &records).await?;
        let answered = looks.len();
        let (mut found, mut errors, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for (row, look) in rows.iter().zip(looks) {
            match look {
                Look::Found(outcome) => match event::full_read(account, self.surface, *outcome) {
                    Ok(read) => {
                        over.extend(self.pay(cursor, row, true));
                        found.push((*row, read));
                    }
                    Err(message) => {
                        cursor.emptied.forget(row.id);
                        let why = Refusal { code: "UNREADABLE".into(), message, field: None };
                        errors.extend(self.owe(cursor, row, &why));
                    }
                },
                // The scan of deletions judges: what we may not see is not deleted.
                Look::Gone(_) => {
                    cursor.emptied.forget(row.id);
                    over.extend(self.pay(cursor, row, false));
                }
                Look::Refused(why) => {
                    cursor.emptied.forget(row.id);
                    errors.extend(self.owe(cursor, row, &why));
                }
            }
        }
        let (rows, reads): (Vec<&Row>, Vec<ChangeEvent>) = found.into_iter().unzip();
        let judged = event::judged(&*app.state, account, self.surface, reads).await?;
        let mut news = Vec::new();
        for (row, judged) in rows.into_iter().zip(judged) {
            let Judged { read, is_news, held, now_empty } = judged;
            if let Some(word) = cursor.emptied.word(&row.at).filter(|_| !now_empty.is_empty()) {
                cursor.emptied.forget(row.id);
                news.extend(match word {
                    BrakeWord::Pass => Some(read),
                    BrakeWord::Discard => event::without(read, &now_empty),
                });
                continue;
            }
            if cursor.emptied.note((row.id, &row.at), &held, now_empty) {
                self.kept.insert(row.id, read);
                continue;
            }
            self.kept.remove(&row.id);
            news.extend(is_news.then_some(read));
        }
        *self.published += self.caller.publish(news).await?;
        told::file(self.caller, errors).await?;
        told::over(self.caller, over).await?;
        Ok((answered > 0).then_some(answered))
    }

    /// What has turned empty is told, unless it is too much. Whether the scan may go on.
    async fn settle_emptied(&mut self, cursor: &mut Cursor) -> Result<bool, Stop> {
        let rules = &self.caller.app.rules;
        let limit = Limit { most: rules.nulls_max, percent: rules.nulls_percent };
        cursor.emptied.forget_decided(&self.clocks.shown);
        if let Some(found) = cursor.emptied.too_many(limit) {
            let Some(word) = self.hold(cursor, &found).await? else { return Ok(false) };
            cursor.emptied.decide(word, &self.clocks.shown);
            // Each is looked at once more, and then told as was decided.
            self.kept.clear();
        }
        self.release(cursor).await?;
        while cursor.emptied.is_waiting() {
            // What was read in an earlier tick may have been saved since.
            let unread: Vec<Row> = cursor.emptied.turn(usize::MAX).into_iter().map(Row::from).collect();
            let unread: Vec<&Row> = unread.iter().filter(|row| !self.kept.contains_key(&row.id)).collect();
            if !unread.is_empty() {
                self.look(cursor, &unread[..unread.len().min(READS)]).await?;
            }
            let kept = std::mem::take(&mut self.kept);
            let (ids, told): (Vec<u64>, Vec<ChangeEvent>) = kept.into_iter().unzip();
            *self.published += self.caller.publish(told).await?;
            ids.into_iter().for_each(|id| cursor.emptied.forget(id));
            self.save(cursor).await?;
        }
        cursor.emptied.begin_anew();
        Ok(true)
    }

    /// The brake holds: none of what has turned empty is told, and a person is asked. What has been decided, if it has.
    async fn hold(&self, cursor: &mut Cursor, found: &TooMany) -> Result<Option<BrakeWord>, Stop> {
        let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
        let since = match cursor.emptied.braked {
            Some(since) => since,
            None => {
                cursor.emptied.braked = Some(now.0);
                self.save(cursor).await?;
                now.0
            }
        };
        let error = filed::mass_null(account, self.surface, since, found, now);
        held::decision(self.caller, error, since).await
    }

    /// A person has decided, the limit was raised, or the fields are filled again.
    async fn release(&self, cursor: &mut Cursor) -> Result<(), Stop> {
        let Some(since) = cursor.emptied.braked.take() else { return Ok(()) };
        told::over(self.caller, vec![filed::nulls_passed(self.caller.account, self.surface, since)]).await
    }

    /// What the brake holds is looked at again, some of it at each tick: it may hold something again.
    async fn ask_for_held(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        if cursor.emptied.braked.is_none() {
            return Ok(());
        }
        let turn: Vec<Row> = cursor.emptied.turn(READS).into_iter().map(Row::from).collect();
        let mut left: Vec<&Row> = turn.iter().collect();
        while let Some(answered) = self.look(cursor, &left).await? {
            cursor.emptied.looked_at(left[answered - 1].id);
            left.drain(..answered);
        }
        Ok(())
    }

    /// What was refused is asked for again, some of it at each tick.
    async fn ask_for_owed(&mut self, cursor: &mut Cursor) -> Result<(), Stop> {
        let row = |(key, at): (String, String)| Some(Row { id: key.parse().ok()?, at });
        let turn: Vec<Row> = cursor.owed.turn(READS).into_iter().filter_map(row).collect();
        let mut left: Vec<&Row> = turn.iter().collect();
        while let Some(answered) = self.look(cursor, &left).await? {
            cursor.owed.asked(&left[answered - 1].id.to_string());
            left.drain(..answered);
        }
        Ok(())
    }

    /// The error to file when a record is refused for the first time.
    fn owe(&self, cursor: &mut Cursor, row: &Row, why: &Refusal) -> Option<ErrorEntry> {
        let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
        match cursor.owed.add(&row.id.to_string(), &row.at) {
            Added::New => Some(filed::not_shown(account, self.surface, &row.id.to_string(), why, now)),
            Added::Known => None,
            Added::NoRoom => Some(filed::too_much_refused(account, self.surface.record_type.as_str(), now)),
        }
    }

    /// The error to close when a record is refused no more.
    fn pay(&self, cursor: &mut Cursor, row: &Row, is_there: bool) -> Option<Over> {
        let id = row.id.to_string();
        cursor.owed.pay(&id).then(|| filed::shown(self.caller.account, self.surface, &id, is_there))
    }

    async fn save(&self, cursor: &Cursor) -> Result<(), Stop> {
        self.caller.save(self.surface.record_type.as_str(), cursor).await
    }

    fn overlap_s(&self) -> i64 {
        self.caller.app.rules.overlap_s
    }
}
