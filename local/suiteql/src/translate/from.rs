//! `FROM`: records, subqueries and joins.

use sqlparser::ast::{Expr, Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins};

use super::Translator;
use super::query::refuse_first;
use super::scope::{Reach, Scope, Source};
use crate::catalog::{Column, SHOWN, Table};
use crate::database::quoted;
use crate::refusal::Refusal;
use crate::role::HiddenColumns;

/// The table of one row and no columns.
const DUAL: &str = "dual";

impl Translator<'_> {
    /// Everything selected from, in SQL; `scope` learns its names.
    pub(super) fn from(&self, tables: &[TableWithJoins], scope: &mut Scope<'_>) -> Result<String, Refusal> {
        let mixes = tables.len() > 1 && tables.iter().any(|table| !table.joins.is_empty());
        refuse_first(&[(mixes, "a comma beside JOIN")])?;
        let mut sql = Vec::new();
        for table in tables {
            let mut joined = self.source(&table.relation, scope)?;
            for join in &table.joins {
                joined += &self.join(join, scope)?;
            }
            sql.push(joined);
        }
        Ok(sql.join(" CROSS JOIN "))
    }

    fn join(&self, join: &Join, scope: &mut Scope<'_>) -> Result<String, Refusal> {
        let (words, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT JOIN", on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT JOIN", on),
            JoinOperator::FullOuter(on) => ("FULL JOIN", on),
            JoinOperator::CrossJoin(none) => ("CROSS JOIN", none),
            _ => return Err(Refusal::unsupported("this join")),
        };
        let outer = words.starts_with(['L', 'R', 'F']);
        let joined = self.source(&join.relation, scope)?;
        if outer {
            // Whatever was never null can be now, on either side.
            let reaches = scope.sources.iter_mut().flat_map(|source| &mut source.columns);
            reaches.for_each(|column| column.is_full = false);
        }
        match (words, constraint) {
            ("CROSS JOIN", JoinConstraint::None) => Ok(format!(" CROSS JOIN {joined}")),
            (words, JoinConstraint::On(condition)) if words != "CROSS JOIN" => {
                let on = self.on(condition, scope)?;
                Ok(format!(" {words} {joined} ON {on}"))
            }
            _ => Err(Refusal::unsupported("a join without ON")),
        }
    }

    fn on(&self, condition: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
        let term = self.term(condition, scope)?.truth()?;
        match term.is_aggregate {
            true => Err(Refusal::oracle(934, "group function is not allowed here")),
            false => Ok(term.sql),
        }
    }

    /// One thing to select from.
    fn source(&self, factor: &TableFactor, scope: &mut Scope<'_>) -> Result<String, Refusal> {
        let (source, sql) = match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                refuse_first(&[
                    (args.is_some(), "a table function"),
                    (!with_hints.is_empty() || !index_hints.is_empty(), "a hint"),
                    (version.is_some(), "a version"),
                    (*with_ordinality, "WITH ORDINALITY"),
                    (!partitions.is_empty(), "PARTITION"),
                    (json_path.is_some(), "a path"),
                    (sample.is_some(), "SAMPLE"),
                ])?;
                let name = match &*name.0 {
                    [part] => part.as_ident(),
                    _ => None,
                };
                let name = name.ok_or_else(|| Refusal::unsupported("a record's full name"))?;
                self.record(&name.value, alias.as_ref())?
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                // A subquery here sees what is further out, but none of its neighbours.
                let rows = self.query(subquery, scope.parent())?;
                let alias = alias_of(alias.as_ref())?.unwrap_or_else(|| format!("#{}", scope.sources.len()));
                let columns = rows.columns.iter().enumerate().map(|(ix, column)| Reach {
                    name: column.name.clone(),
                    kind: column.kind,
                    sql: format!("{}.c{ix}", quoted(&alias)),
                    is_full: column.is_full,
                    is_filterable: true,
                    shown: None,
                });
                let is_ordered = !rows.order.is_empty();
                let sql = if is_ordered { rows.numbered() } else { rows.plain() };
                let sql = format!("({sql}) AS {}", quoted(&alias));
                let columns = columns.collect();
                (Source { record: alias.clone(), alias, columns, key: None, is_ordered }, sql)
            }
            _ => return Err(Refusal::unsupported("this kind of record in FROM")),
        };
        if scope.sources.iter().any(|other| other.alias == source.alias) {
            return Err(Refusal::oracle(918, "column ambiguously defined"));
        }
        scope.sources.push(source);
        Ok(sql)
    }

    fn record(&self, name: &str, alias: Option<&TableAlias>) -> Result<(Source, String), Refusal> {
        let lower = name.to_lowercase();
        let alias = alias_of(alias)?.unwrap_or_else(|| lower.clone());
        if lower == DUAL {
            let sql = format!("(SELECT 1) AS {}", quoted(&alias));
            let source = Source { alias, record: lower, columns: Vec::new(), key: None, is_ordered: false };
            return Ok((source, sql));
        }
        let table = self.catalog.find(&lower).filter(|_| !self.role.denied.contains(&lower));
        let table = table.and_then(|ix| self.catalog.tables.get(ix));
        // A missing permission reads as if the record did not exist.
        let table = table.ok_or_else(|| Refusal::UnknownRecord(name.to_string()))?;
        let shown = quoted(&table.name);
        let rows = match self.role.hidden_rows.get(&lower).filter(|hidden| !hidden.is_empty()) {
            None => shown,
            Some(hidden) => {
                let ids: Vec<String> = hidden.iter().map(ToString::to_string).collect();
                format!("(SELECT * FROM {shown} WHERE {} NOT IN ({}))", quoted(&table.owner), ids.join(", "))
            }
        };
        let sql = format!("{rows} AS {}", quoted(&alias));
        let key = table.key.as_ref().map(|key| format!("{}.{}", quoted(&alias), quoted(key)));
        let columns = self.columns(table, &alias);
        Ok((Source { alias, record: lower, columns, key, is_ordered: false }, sql))
    }

    /// The columns of a table that the role lets through.
    fn columns(&self, table: &Table, alias: &str) -> Vec<Reach> {
        let reach = |column: &Column| {
            if column.name.starts_with(SHOWN) {
                return None;
            }
            let is_hidden = self.role.hidden_columns.contains(&format!("{}.{}", table.name, column.name));
            let sql = match (is_hidden, self.role.hidden_as) {
                (true, HiddenColumns::Unknown) => return None,
                (true, HiddenColumns::Null) => "NULL".to_string(),
                (false, _) => format!("{}.{}", quoted(alias), quoted(&column.name)),
            };
            let is_full = column.is_full && !is_hidden;
            let name = format!("{}.{}", table.name, column.name);
            let is_filterable = !self.role.unfilterable_columns.contains(&name);
            let shown = table.column(&format!("{SHOWN}{}", column.name)).filter(|_| !is_hidden);
            let shown = shown.map(|ix| format!("{}.{}", quoted(alias), quoted(&table.columns[ix].name)));
            Some(Reach { name: column.name.clone(), kind: column.kind, sql, is_full, is_filterable, shown })
        };
        table.columns.iter().filter_map(reach).collect()
    }
}

fn alias_of(alias: Option<&TableAlias>) -> Result<Option<String>, Refusal> {
    let Some(alias) = alias else { return Ok(None) };
    refuse_first(&[(!alias.columns.is_empty() || alias.at.is_some(), "an alias with columns")])?;
    Ok(Some(alias.name.value.to_lowercase()))
}
