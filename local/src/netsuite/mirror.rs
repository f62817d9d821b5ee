//! The account's records as SuiteQL's tables, kept in step with saves.
//!
//! The tables are filled at the first query and from then on take what changed since the last one: a poll over
//! a hundred thousand records copies the handful that was saved, not all. An account that nobody queries pays
//! nothing. (Filling only what a query's bounds need would copy less at first and would have to understand
//! every query.)

use suiteql::{Answer, Ask, Database, Refusal};

use super::account::State;
use super::catalog::{Place, catalog};
use super::notes;
use super::refusal::{Reason, Refused};
use super::settings::Settings;

/// SuiteQL's tables of one account.
pub(super) struct Mirror {
    database: Database,
    places: Vec<Place>,
    /// The settings under which they were filled.
    settings: Settings,
}

impl State {
    /// Answers a query over what is visible now.
    pub(super) fn query(&mut self, text: &str, limit: usize, offset: usize) -> Result<Answer, Refusal> {
        let dice = self.draw(u64::MAX);
        let settings = self.faults().settings.clone();
        let role = settings.role();
        let ceiling = settings.row_ceiling;
        let mut mirror = match self.mirror.take().filter(|mirror| mirror.settings == settings.of_tables()) {
            Some(mirror) => mirror,
            None => self.empty_mirror(&settings)?,
        };
        mirror.fill(self)?;
        if text.to_lowercase().contains(notes::TABLE) {
            mirror.fill_notes(self)?;
        }
        let ask = Ask { text, now: self.now.seconds(), role: &role, dice, ceiling, limit, offset };
        let answer = mirror.database.query(&ask);
        self.mirror = Some(mirror);
        answer
    }

    /// Refuses settings that name a table or column which does not exist: they would hide nothing.
    pub(super) fn refuse_unknown_names(&self, settings: &Settings) -> Result<(), Refused> {
        let (catalog, _) = catalog(self.store.tables().map(|table| &table.schema));
        let has_column = |name: &str| {
            let (table, column) = name.split_once('.').unwrap_or((name, ""));
            catalog.find(table).is_some_and(|ix| catalog.tables[ix].column(column).is_some())
        };
        let unknown = |setting: &str, name: &String| {
            let setting = format!("settings.{setting}");
            Refused::field(Reason::UnknownField, &setting, format!("SuiteQL knows no '{name}' here."))
        };
        let missing = |name: &&String| catalog.find(name).is_none();
        if let Some(name) = settings.denied.iter().find(missing) {
            return Err(unknown("denied", name));
        }
        if let Some(name) = settings.hidden_rows.keys().find(missing) {
            return Err(unknown("hidden_rows", name));
        }
        if let Some(name) = settings.hidden_columns.iter().find(|name| !has_column(name)) {
            return Err(unknown("hidden_columns", name));
        }
        match settings.unfilterable_columns.iter().find(|name| !has_column(name)) {
            Some(name) => Err(unknown("unfilterable_columns", name)),
            None => Ok(()),
        }
    }

    fn empty_mirror(&mut self, settings: &Settings) -> Result<Mirror, Refusal> {
        let (catalog, places) = catalog(self.store.tables().map(|table| &table.schema));
        let database = Database::new(catalog, settings.calendar())?;
        self.store.tables_mut().for_each(|table| table.unseen.forget());
        self.notes.forget();
        Ok(Mirror { database, places, settings: settings.of_tables() })
    }
}

impl Mirror {
    /// Takes over the notes that became visible since they were last asked for. The poller never asks.
    fn fill_notes(&mut self, state: &mut State) -> Result<(), Refusal> {
        let Self { database, places, settings } = self;
        let Some(table) = database.catalog().find(notes::TABLE) else { return Ok(()) };
        let changes = state.notes.take_changes(state.now, settings, (&state.store, places));
        database.fill(|filling| {
            changes.iter().try_for_each(|(id, rows)| filling.replace(table, id.cast_signed(), rows))
        })
    }

    /// Takes over what became visible since the last query.
    fn fill(&mut self, state: &mut State) -> Result<(), Refusal> {
        let now = state.now;
        let changes: Vec<Vec<u64>> = state.store.tables_mut().map(|table| table.take_changes(now)).collect();
        if changes.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let Self { database, places, settings } = self;
        let deletion_columns: Vec<_> = places
            .first()
            .map(|place| database.catalog().tables[place.deletions].columns.clone())
            .unwrap_or_default();
        database.fill(|filling| {
            for ((table, place), ids) in state.store.tables().zip(places).zip(changes) {
                for id in ids {
                    let owner = id.cast_signed();
                    let shown = table.shown(id);
                    let rows = shown.map(|record| place.row(settings, &table.schema, record));
                    filling.replace(place.table, owner, rows.as_slice())?;
                    if let Some(lines) = place.lines {
                        let rows = shown.map(|record| place.lines(settings, &table.schema, record));
                        filling.replace(lines, owner, &rows.unwrap_or_default())?;
                    }
                    let deletion = table.shown_deletion(id);
                    let rows = deletion.and_then(|gone| place.deletion(settings, &deletion_columns, gone));
                    filling.replace(place.deletions, owner, rows.as_slice())?;
                }
            }
            Ok(())
        })
    }
}
