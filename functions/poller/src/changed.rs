//! A type's scan for what was saved: changed ids, the records themselves, what of them is news, on the bus.

use shared::breakage::{self, Breakage};
use shared::domain::id::SideId;
use shared::domain::surface::TypeSurface;
use shared::netsuite::wire::Refusal;
use shared::state::{Commit, ErrorEntry};

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Row};
use crate::look::{Look, look};
use crate::owed::Added;
use crate::page::{self, Page};
use crate::stride::READS;
use crate::table::Table;
use crate::wall::Clocks;
use crate::{event, filed, query};

/// One type's scan.
pub(crate) struct Changes<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) surface: &'a TypeSurface,
    pub(crate) clocks: &'a Clocks,
    /// Counts events on the bus.
    pub(crate) published: &'a mut usize,
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
        let table = Table::of(&self.surface.netsuite);
        loop {
            self.begin(cursor).await?;
            let Page { rows, is_last } =
                page::next(self.caller, cursor, |scan| query::changed(table, scan)).await?;
            self.tell(cursor, &rows).await?;
            if is_last && cursor.end(self.clocks) {
                break;
            }
            self.save(cursor).await?;
        }
        self.ask_for_owed(cursor).await
    }

    /// Begins a scan, unless one is under way.
    async fn begin(&self, cursor: &mut Cursor) -> Result<(), Stop> {
        let had_missed = cursor.owed.has_missed();
        cursor.scan(self.clocks, self.overlap_s());
        if had_missed && !cursor.owed.has_missed() {
            let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
            let over = filed::too_much_refused(account, self.surface.record_type.as_str(), now);
            let errors = vec![filed::closed(over)];
            let commit = Commit { errors, ..Commit::new(account.id.clone()) };
            self.caller.app.state.commit(vec![commit]).await?;
        }
        Ok(())
    }

    /// Reads the rows' records and publishes what is news. After each call the cursor is past what it showed: it is
    /// on the bus, or owed.
    async fn tell(&mut self, cursor: &mut Cursor, rows: &[Row]) -> Result<(), Stop> {
        let mut left = rows;
        loop {
            let unknown = left.iter().filter(|row| !cursor.knows(&row.id.to_string(), &row.at));
            let asked: Vec<&Row> = unknown.take(READS).collect();
            if breakage::on(Breakage::CursorBeforeBus) {
                self.pass(cursor, &asked).await?;
            }
            let Some(answered) = self.look(cursor, &asked).await? else {
                left.last().inspect(|row| cursor.pass(row.id, self.overlap_s()));
                return Ok(());
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
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for (row, look) in rows.iter().zip(looks) {
            match look {
                Look::Found(outcome) => match event::full_read(account, self.surface, *outcome) {
                    Ok(read) => {
                        errors.extend(self.pay(cursor, row, true));
                        found.push(read);
                    }
                    Err(message) => {
                        let why = Refusal { code: "UNREADABLE".into(), message, field: None };
                        errors.extend(self.owe(cursor, row, &why));
                    }
                },
                // The scan of deletions judges: what we may not see is not deleted.
                Look::Gone(_) => errors.extend(self.pay(cursor, row, false)),
                Look::Refused(why) => errors.extend(self.owe(cursor, row, &why)),
            }
        }
        let news = event::news(&*app.state, account, self.surface, found).await?;
        *self.published += self.caller.publish(news).await?;
        if !errors.is_empty() {
            app.state.commit(vec![Commit { errors, ..Commit::new(account.id.clone()) }]).await?;
        }
        Ok((answered > 0).then_some(answered))
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
    fn pay(&self, cursor: &mut Cursor, row: &Row, is_there: bool) -> Option<ErrorEntry> {
        let (account, now) = (self.caller.account, self.caller.app.ports.clock.now());
        let id = row.id.to_string();
        cursor.owed.pay(&id).then(|| filed::shown(account, self.surface, &id, is_there, now))
    }

    async fn save(&self, cursor: &Cursor) -> Result<(), Stop> {
        self.caller.save(self.surface.record_type.as_str(), cursor).await
    }

    fn overlap_s(&self) -> i64 {
        self.caller.app.rules.overlap_s
    }
}
