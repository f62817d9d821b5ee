//! One `SELECT`.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::Translator;
use super::query::{Output, Rows, output_of, refuse_first, sorted};
use super::scope::Scope;
use super::term::Term;
use crate::refusal::Refusal;

impl Translator<'_> {
    /// Translates a `SELECT` within `parent`, sorted by `order`.
    pub(super) fn select(
        &self,
        select: &Select,
        order: &[OrderByExpr],
        parent: Option<&Scope<'_>>,
    ) -> Result<Rows, Refusal> {
        refuse_extras(select)?;
        let mut scope = Scope::within(parent);
        let from = self.from(&select.from, &mut scope)?;
        let key = match (&*scope.sources, &*select.from) {
            ([only], [table]) if table.joins.is_empty() => only.key.clone(),
            _ => None,
        };
        let mut tail = self.filtered(select, from, &scope)?;
        if self.has_row_numbers {
            // Numbering rows that nobody asks the number of changes nothing.
            scope.number();
        }
        let keys = self.group_keys(&select.group_by, &scope)?;
        scope.group(keys.clone());
        let items = self.items(&select.projection, &scope)?;
        let having = select.having.as_ref().map(|having| self.term(having, &scope)?.truth()).transpose()?;
        let is_grouped =
            !keys.is_empty() || having.is_some() || items.iter().any(|(_, term)| term.is_aggregate);
        let checked = |term: Term| match is_grouped {
            true => grouped(term),
            false => Ok(term),
        };
        let mut columns = Vec::new();
        let mut sql = Vec::new();
        for (name, term) in items {
            let term = checked(term.value()?)?;
            columns.push(Output { name, kind: term.kind, is_full: term.is_full });
            sql.push(term.sql);
        }
        let having = having.map(checked).transpose()?;
        let is_distinct = matches!(select.distinct, Some(Distinct::Distinct));
        let mut sorts = Vec::new();
        let mut is_settled = false;
        // After DISTINCT only what was selected can sort.
        for by in if is_distinct { &[] } else { order } {
            let term = match output_of(by, &columns)? {
                Some(ix) => {
                    Term { is_full: columns[ix].is_full, ..Term::new(sql[ix].clone(), columns[ix].kind) }
                }
                None => checked(self.term(&by.expr, &scope)?.value()?)?,
            };
            is_settled |= !is_grouped && key.as_ref() == Some(&term.sql);
            if term.constant.is_none() {
                sorts.push(sorted(by, &term)?);
            }
        }
        if scope.is_numbered() {
            tail = self.numbered_rows(select, &scope, &tail)?;
            is_settled = false;
            if order.is_empty() && !is_grouped {
                // Oracle promises no order here, but rows come as they were numbered, and everybody counts on it.
                sorts.push(scope.row_number().sql);
                is_settled = true;
            }
        }
        if !keys.is_empty() {
            tail += &format!(" GROUP BY {}", keys.join(", "));
        }
        if let Some(having) = having {
            tail += &format!(" HAVING {}", having.sql);
        }
        let rows = Rows { items: sql, is_distinct, tail, columns, order: sorts, is_settled };
        if is_distinct { self.sort_outputs(rows, order) } else { Ok(rows) }
    }

    fn filtered(&self, select: &Select, from: String, scope: &Scope<'_>) -> Result<String, Refusal> {
        let mut wanted = Vec::new();
        scope.filter(true);
        for part in super::rownum::row_conditions(select.selection.as_ref()) {
            let term = self.term(part, scope)?.truth()?;
            if term.is_aggregate {
                return Err(Refusal::oracle(934, "group function is not allowed here"));
            }
            wanted.push(term.sql);
        }
        scope.filter(false);
        Ok(match wanted.is_empty() {
            true => format!(" FROM {from}"),
            false => format!(" FROM {from} WHERE {}", wanted.join(" AND ")),
        })
    }

    fn group_keys(&self, group_by: &GroupByExpr, scope: &Scope<'_>) -> Result<Vec<String>, Refusal> {
        let (expressions, modifiers) = match group_by {
            GroupByExpr::Expressions(expressions, modifiers) => (expressions, modifiers),
            GroupByExpr::All(_) => return Err(Refusal::unsupported("GROUP BY ALL")),
        };
        refuse_first(&[(!modifiers.is_empty(), "GROUP BY with modifiers")])?;
        let mut keys = Vec::new();
        for expression in expressions {
            let term = self.term(expression, scope)?.value()?;
            if term.is_aggregate {
                return Err(Refusal::oracle(934, "group function is not allowed here"));
            }
            // A bare number would be the place of a column to SQLite; to Oracle it is a constant.
            keys.push(if term.constant.is_some() { "NULL".to_string() } else { term.sql });
        }
        Ok(keys)
    }

    fn items(&self, projection: &[SelectItem], scope: &Scope<'_>) -> Result<Vec<(String, Term)>, Refusal> {
        let mut items = Vec::new();
        for (ix, item) in projection.iter().enumerate() {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    items.push((name_of(expression, ix), self.term(expression, scope)?));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push((alias.value.to_lowercase(), self.term(expr, scope)?));
                }
                SelectItem::Wildcard(options) => {
                    refuse_options(options)?;
                    items.extend(scope.all(None)?);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    refuse_options(options)?;
                    let name = match &*name.0 {
                        [part] => part.as_ident(),
                        _ => None,
                    };
                    let name = name.ok_or_else(|| Refusal::unsupported("a record's full name"))?;
                    items.extend(scope.all(Some(name))?);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
                | SelectItem::ExprWithAliases { .. } => return Err(Refusal::unsupported("this column")),
            }
        }
        Ok(items)
    }
}

/// A term where rows are grouped: a column outside of aggregates must be part of something grouped by.
fn grouped(term: Term) -> Result<Term, Refusal> {
    match term.loose {
        Some(_) => Err(Refusal::oracle(979, "not a GROUP BY expression")),
        None => Ok(term),
    }
}

/// What a column is called that was given no name: its own, or `expr` and its place.
fn name_of(expression: &Expr, ix: usize) -> String {
    match expression {
        Expr::Identifier(name) => name.value.to_lowercase(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map_or_else(String::new, |name| name.value.to_lowercase())
        }
        Expr::Nested(inner) => name_of(inner, ix),
        _ => format!("expr{}", ix + 1),
    }
}

fn refuse_extras(select: &Select) -> Result<(), Refusal> {
    refuse_first(&[
        (select.top.is_some(), "TOP"),
        (select.exclude.is_some(), "EXCLUDE"),
        (select.into.is_some(), "INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "AS VALUE"),
        (select.select_modifiers.is_some(), "a modifier of SELECT"),
        (select.flavor != SelectFlavor::Standard, "FROM before SELECT"),
        (matches!(select.distinct, Some(Distinct::On(_))), "DISTINCT ON"),
        (select.from.is_empty(), "SELECT without FROM"),
    ])
}

fn refuse_options(options: &WildcardAdditionalOptions) -> Result<(), Refusal> {
    refuse_first(&[
        (options.opt_ilike.is_some(), "* ILIKE"),
        (options.opt_exclude.is_some(), "* EXCLUDE"),
        (options.opt_except.is_some(), "* EXCEPT"),
        (options.opt_replace.is_some(), "* REPLACE"),
        (options.opt_rename.is_some(), "* RENAME"),
        (options.opt_alias.is_some(), "* AS"),
    ])
}
