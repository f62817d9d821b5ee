//! What the names in a query mean at one place of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use sqlparser::ast::Ident;

use super::term::Term;
use crate::catalog::Kind;
use crate::database::quoted;
use crate::refusal::Refusal;

/// One thing that a query selects from.
pub(super) struct Source {
    /// The name by which it is called, in lower case.
    pub(super) alias: String,
    /// The table's name, for messages.
    pub(super) record: String,
    /// Its columns.
    pub(super) columns: Vec<Reach>,
    /// The SQL of the column that tells its rows apart, if one does.
    pub(super) key: Option<String>,
    /// Whether its rows come in an order of their own, under [`ORDER`].
    pub(super) is_ordered: bool,
}

/// A column within reach.
#[derive(Clone)]
pub(super) struct Reach {
    /// Its name, in lower case.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// How SQLite reaches it.
    pub(super) sql: String,
    /// Whether it is never null.
    pub(super) is_full: bool,
    /// Whether rows can be chosen by it.
    pub(super) is_filterable: bool,
    /// How SQLite reaches what people read in its place, if that is known.
    pub(super) shown: Option<String>,
}

/// The hidden column with the place of a row in an ordered subquery.
pub(super) const ORDER: &str = "#order";
/// The name of the numbered rows that stand in for everything a query with `ROWNUM` selects from.
pub(super) const NUMBERED: &str = "#rows";

/// The sources of one `SELECT`, within those around it.
pub(super) struct Scope<'p> {
    pub(super) sources: Vec<Source>,
    parent: Option<&'p Scope<'p>>,
    /// Once rows are numbered, columns are reached through the numbering. These were.
    passed: RefCell<Option<BTreeSet<String>>>,
    /// The SQL of everything that is grouped by.
    grouped_by: Vec<String>,
    /// Whether what is translated chooses rows.
    filters: Cell<bool>,
}

impl<'p> Scope<'p> {
    pub(super) fn within(parent: Option<&'p Scope<'p>>) -> Self {
        Self {
            sources: Vec::new(),
            parent,
            passed: RefCell::new(None),
            grouped_by: Vec::new(),
            filters: Cell::new(false),
        }
    }

    /// Whether what is translated from here on chooses rows.
    pub(super) fn filter(&self, filters: bool) {
        self.filters.set(filters);
    }

    /// What is around it.
    pub(super) fn parent(&self) -> Option<&'p Scope<'p>> {
        self.parent
    }

    /// From here on, what is grouped by counts as settled.
    pub(super) fn group(&mut self, keys: Vec<String>) {
        self.grouped_by = keys;
    }

    /// A term of this scope: one that is grouped by has no loose columns.
    pub(super) fn settle(&self, term: Term) -> Term {
        match self.grouped_by.contains(&term.sql) {
            true => Term { loose: None, ..term },
            false => term,
        }
    }

    /// From here on, columns are reached through the numbered rows.
    pub(super) fn number(&self) {
        *self.passed.borrow_mut() = Some(BTreeSet::new());
    }

    /// The columns, in SQL, that were reached through the numbered rows.
    pub(super) fn passed(&self) -> BTreeSet<String> {
        self.passed.borrow().clone().unwrap_or_default()
    }

    /// Whether rows are numbered here.
    pub(super) fn is_numbered(&self) -> bool {
        self.passed.borrow().is_some()
    }

    /// The number of a row.
    pub(super) fn row_number(&self) -> Term {
        let sql = format!("{}.{}", quoted(NUMBERED), quoted("rownum"));
        Term { loose: Some("rownum".into()), is_full: true, ..Term::new(sql, Kind::Number) }
    }

    /// The column that `name` means.
    pub(super) fn column(&self, qualifier: Option<&Ident>, name: &Ident) -> Result<Term, Refusal> {
        let wanted = name.value.to_lowercase();
        let is_refused = |column: &Reach| column.name == wanted && !column.is_filterable;
        if self.filters.get() && self.sources.iter().flat_map(|source| &source.columns).any(is_refused) {
            return Err(Refusal::unsupported(format!("{wanted} is no filter")));
        }
        match qualifier {
            None => self.unqualified(name, &wanted),
            Some(qualifier) => self.qualified(qualifier, name, &wanted),
        }
    }

    /// What people read in place of the column that `name` means.
    pub(super) fn shown(&self, qualifier: Option<&Ident>, name: &Ident) -> Result<Term, Refusal> {
        let is_meant = |source: &&Source| qualifier.is_none_or(|q| source.alias == q.value.to_lowercase());
        let wanted = name.value.to_lowercase();
        let sources = self.sources.iter().filter(is_meant);
        let mut found = sources.flat_map(|source| &source.columns).filter(|column| column.name == wanted);
        if let (Some(Reach { shown: Some(sql), .. }), None) = (found.next(), found.next()) {
            let (name, sql) = (wanted, sql.clone());
            let shown =
                Reach { name, kind: Kind::Text, sql, is_full: false, is_filterable: true, shown: None };
            return Ok(self.term(&shown, true));
        }
        self.column(qualifier, name)?;
        Err(Refusal::unsupported(format!("BUILTIN.DF of {wanted}")))
    }

    fn unqualified(&self, name: &Ident, wanted: &str) -> Result<Term, Refusal> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            let mut found = here.sources.iter().flat_map(|s| s.columns.iter().find(|c| c.name == wanted));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => return Err(Refusal::oracle(918, "column ambiguously defined")),
                (Some(column), None) => return Ok(here.term(column, std::ptr::eq(here, self))),
                (None, _) => scope = here.parent,
            }
        }
        Err(self.unknown(&name.value))
    }

    fn qualified(&self, qualifier: &Ident, name: &Ident, wanted: &str) -> Result<Term, Refusal> {
        let alias = qualifier.value.to_lowercase();
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(source) = here.sources.iter().find(|source| source.alias == alias) {
                let column = source.columns.iter().find(|column| column.name == wanted);
                let missing =
                    || Refusal::UnknownField { field: name.value.clone(), record: source.record.clone() };
                return column.map(|c| here.term(c, std::ptr::eq(here, self))).ok_or_else(missing);
            }
            scope = here.parent;
        }
        Err(self.unknown(&qualifier.value))
    }

    /// A column as a term. One of a query further out is constant here, whatever is grouped.
    fn term(&self, column: &Reach, is_own: bool) -> Term {
        let mut sql = column.sql.clone();
        if let Some(passed) = &mut *self.passed.borrow_mut() {
            passed.insert(sql.clone());
            sql = format!("{}.{}", quoted(NUMBERED), quoted(&sql));
        }
        let loose = is_own.then(|| column.name.clone());
        Term { loose, is_full: column.is_full, ..Term::new(sql, column.kind) }
    }

    /// Every column of every source, or of the one called so.
    pub(super) fn all(&self, alias: Option<&Ident>) -> Result<Vec<(String, Term)>, Refusal> {
        let wanted = alias.map(|alias| alias.value.to_lowercase());
        let sources = self.sources.iter().filter(|s| wanted.as_ref().is_none_or(|alias| s.alias == *alias));
        let columns: Vec<_> = sources
            .flat_map(|source| &source.columns)
            .map(|column| (column.name.clone(), self.term(column, true)))
            .collect();
        match (columns.is_empty(), alias) {
            (true, Some(alias)) => Err(self.unknown(&alias.value)),
            (true, None) => Err(Refusal::unsupported("* without a record")),
            (false, _) => Ok(columns),
        }
    }

    fn unknown(&self, name: &str) -> Refusal {
        let available: Vec<String> =
            self.sources.iter().map(|source| format!("{}={}", source.alias, source.record)).collect();
        Refusal::UnknownIdentifier { name: name.to_string(), available: available.join(", ") }
    }
}
