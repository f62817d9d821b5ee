//! Calls of functions by name.

use rusqlite::types::Value;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, OrderByExpr, WindowType,
};

use super::Translator;
use super::operator::chosen;
use super::query::{refuse_first, sorted};
use super::scope::Scope;
use super::term::Term;
use crate::catalog::Kind;
use crate::functions::find;
use crate::refusal::Refusal;

/// A call, before its arguments are looked at.
struct Call<'e> {
    name: String,
    args: Vec<&'e Expr>,
    /// `COUNT(*)`.
    is_starred: bool,
    is_distinct: bool,
}

impl Translator<'_> {
    /// Translates a call.
    pub(super) fn function(&self, function: &Function, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let call = read(function)?;
        if let Some(term) = self.over_rows(function, &call, scope)? {
            return Ok(term);
        }
        refuse_first(&[
            (function.over.is_some(), "OVER beside this function"),
            (!function.within_group.is_empty(), "WITHIN GROUP beside this function"),
            (call.is_starred, "* beside this function"),
            (call.is_distinct, "DISTINCT beside this function"),
        ])?;
        if call.name == "builtin.df" {
            return match &*call.args {
                [Expr::Identifier(name)] => scope.shown(None, name),
                [Expr::CompoundIdentifier(parts)] if parts.len() == 2 => {
                    scope.shown(Some(&parts[0]), &parts[1])
                }
                _ => Err(Refusal::unsupported("BUILTIN.DF of what is no column")),
            };
        }
        let args = call.args.iter().map(|arg| self.value(arg, scope)).collect::<Result<Vec<_>, _>>()?;
        self.over_values(&call.name, args)
    }

    fn over_values(&self, name: &str, args: Vec<Term>) -> Result<Term, Refusal> {
        let few = || Refusal::oracle(938, "not enough arguments for function");
        let kind = args.first().map_or(Kind::Nothing, |arg| arg.kind);
        let count = args.len();
        match name {
            "sysdate" | "systimestamp" | "current_date" | "current_timestamp" if count == 0 => {
                Ok(Term::constant(Value::Integer(self.now), Kind::Date))
            }
            "nvl" if count == 2 => self.first_filled(args, true),
            "coalesce" if count > 1 => self.first_filled(args, false),
            "nvl2" => match <[Term; 3]>::try_from(args) {
                Ok([tested, some, none]) => {
                    let (kind, results) = self.agree(vec![some, none], true)?;
                    let is_there = Term::of(format!("({} IS NOT NULL)", tested.sql), Kind::Truth, [&tested]);
                    Ok(chosen(kind, &[is_there], &results))
                }
                Err(_) => Err(few()),
            },
            "nullif" => match <[Term; 2]>::try_from(args) {
                Ok([one, other]) => {
                    let equal = self.compare(one.clone(), "=", other)?;
                    let kind = one.kind;
                    Ok(chosen(kind, &[equal], &[Term::null(), one]))
                }
                Err(_) => Err(few()),
            },
            "decode" => self.decode(args),
            "greatest" | "least" if count > 0 => self.extreme(name, args),
            "to_char" => match kind {
                Kind::Text | Kind::Nothing if count == 1 => {
                    Ok(args.into_iter().next().unwrap_or_else(Term::null))
                }
                Kind::Number | Kind::Date if count == 1 => {
                    self.convert(args.into_iter().next().unwrap_or_else(Term::null), Kind::Text)
                }
                Kind::Date => self.operator("#masked_date", args),
                _ => self.operator("#masked_number", args),
            },
            // A date stays one: people write TO_DATE of what is a date already.
            "to_date" | "to_timestamp" if kind == Kind::Date => {
                self.convert(args.into_iter().next().unwrap_or_else(Term::null), Kind::Date)
            }
            "trunc" if kind == Kind::Date => self.operator("#start", args),
            "trunc" => self.operator("#cut", args),
            "round" if kind == Kind::Date => Err(Refusal::unsupported("ROUND of a date")),
            "round" => self.operator("#round", args),
            "concat" => self.operator("#join", args),
            "trim" => self.operator("#trim", args),
            "substring" => self.operator("substr", args),
            name => match find(name).filter(|_| !name.starts_with('#')) {
                Some(function) => self.call(function, args),
                None => Err(Refusal::unsupported(format!("there is no function {name}"))),
            },
        }
    }

    fn first_filled(&self, args: Vec<Term>, lenient: bool) -> Result<Term, Refusal> {
        let (kind, args) = self.agree(args, lenient)?;
        let sql: Vec<&str> = args.iter().map(|arg| arg.sql.as_str()).collect();
        let is_full = args.iter().any(|arg| arg.is_full);
        Ok(Term { is_full, ..Term::of(format!("COALESCE({})", sql.join(", ")), kind, &args) })
    }

    /// `DECODE`: to it, and to nothing else, null equals null.
    fn decode(&self, args: Vec<Term>) -> Result<Term, Refusal> {
        let mut args = args.into_iter();
        let tested = args.next().ok_or_else(|| Refusal::oracle(938, "not enough arguments for function"))?;
        let mut rest: Vec<Term> = args.collect();
        if rest.len() < 2 {
            return Err(Refusal::oracle(938, "not enough arguments for function"));
        }
        let otherwise = if rest.len() % 2 == 1 { rest.pop() } else { None };
        let (mut wanted, mut results) = (vec![tested], Vec::new());
        for (ix, term) in rest.into_iter().enumerate() {
            if ix % 2 == 0 { wanted.push(term) } else { results.push(term) }
        }
        results.push(otherwise.unwrap_or_else(Term::null));
        // What is searched for decides, as in Oracle: DECODE(id, '7', …) compares texts.
        wanted.rotate_left(1);
        let (_, mut wanted) = self.agree(wanted, true)?;
        let tested = wanted.pop().unwrap_or_else(Term::null);
        let equal =
            |one: &Term| Term::of(format!("({} IS {})", tested.sql, one.sql), Kind::Truth, [&tested, one]);
        let conditions: Vec<Term> = wanted.iter().map(equal).collect();
        let (kind, results) = self.agree(results, true)?;
        Ok(chosen(kind, &conditions, &results))
    }

    /// `GREATEST` and `LEAST`: null as soon as one is.
    fn extreme(&self, name: &str, args: Vec<Term>) -> Result<Term, Refusal> {
        let (kind, args) = self.agree(args, true)?;
        let sql: Vec<&str> = args.iter().map(|arg| arg.sql.as_str()).collect();
        let sql = match (name, &*sql) {
            (_, [only]) => (*only).to_string(),
            ("greatest", sql) => format!("MAX({})", sql.join(", ")),
            (_, sql) => format!("MIN({})", sql.join(", ")),
        };
        Ok(Term::of(sql, kind, &args))
    }

    /// A function over many rows: an aggregate, or with `OVER` a window. `None`: it is neither.
    fn over_rows(
        &self,
        function: &Function,
        call: &Call<'_>,
        scope: &Scope<'_>,
    ) -> Result<Option<Term>, Refusal> {
        let ranks = ["row_number", "rank", "dense_rank"];
        if ranks.contains(&call.name.as_str()) && call.args.is_empty() {
            let Some(over) = &function.over else {
                return Err(Refusal::oracle(30484, "missing window specification for this function"));
            };
            let name = call.name.to_uppercase();
            let (window, parts) = self.window(over, scope)?;
            return Ok(Some(Term::of(format!("{name}() OVER ({window})"), Kind::Number, &parts)));
        }
        let inner = match (call.name.as_str(), &*call.args) {
            ("count", []) if call.is_starred => None,
            ("count" | "min" | "max" | "sum" | "avg", [arg]) => Some(self.value(arg, scope)?),
            ("listagg", [_] | [_, _]) => return self.listed(function, call, scope).map(Some),
            _ => return Ok(None),
        };
        refuse_first(&[(!function.within_group.is_empty(), "WITHIN GROUP beside this function")])?;
        if inner.as_ref().is_some_and(|inner| inner.is_aggregate) && function.over.is_none() {
            return Err(Refusal::oracle(935, "group function is nested too deeply"));
        }
        let (name, kind) = match call.name.as_str() {
            "count" => ("COUNT", Kind::Number),
            "min" => ("MIN", inner.as_ref().map_or(Kind::Nothing, |inner| inner.kind)),
            "max" => ("MAX", inner.as_ref().map_or(Kind::Nothing, |inner| inner.kind)),
            "sum" => ("f_sum", Kind::Number),
            _ => ("f_avg", Kind::Number),
        };
        let inner = match inner {
            Some(inner) if name.starts_with('f') => Some(self.convert(inner, Kind::Number)?),
            inner => inner,
        };
        let sql = inner.as_ref().map_or("*", |inner| &inner.sql);
        let sql = format!("{name}({}{sql})", if call.is_distinct { "DISTINCT " } else { "" });
        match &function.over {
            None => Ok(Some(Term { is_aggregate: true, ..Term::new(sql, kind) })),
            Some(over) => {
                refuse_first(&[(call.is_distinct, "DISTINCT beside OVER")])?;
                let (window, mut parts) = self.window(over, scope)?;
                parts.extend(inner);
                Ok(Some(Term::of(format!("{sql} OVER ({window})"), kind, &parts)))
            }
        }
    }

    fn listed(&self, function: &Function, call: &Call<'_>, scope: &Scope<'_>) -> Result<Term, Refusal> {
        refuse_first(&[(function.over.is_some(), "LISTAGG with OVER")])?;
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(self.convert(self.value(arg, scope)?, Kind::Text)?);
        }
        let separator = args.get(1).map_or("''", |separator| &separator.sql);
        let order = self.keys(&function.within_group, scope)?.0;
        let order = if order.is_empty() { "f_dice()".to_string() } else { order };
        let item = &args[0].sql;
        // SQLite allows DISTINCT beside one argument only.
        let sql = match call.is_distinct {
            true => return Err(Refusal::unsupported("LISTAGG(DISTINCT)")),
            false => format!("GROUP_CONCAT({item}, {separator} ORDER BY {order})"),
        };
        Ok(Term { is_aggregate: true, ..Term::new(sql, Kind::Text) })
    }

    fn window(&self, over: &WindowType, scope: &Scope<'_>) -> Result<(String, Vec<Term>), Refusal> {
        let WindowType::WindowSpec(over) = over else {
            return Err(Refusal::unsupported("a named window"));
        };
        refuse_first(&[
            (over.window_name.is_some(), "a named window"),
            (over.window_frame.is_some(), "a window frame"),
        ])?;
        let by = over.partition_by.iter().map(|by| self.value(by, scope));
        let mut parts = by.collect::<Result<Vec<_>, _>>()?;
        let mut sql = String::new();
        if !parts.is_empty() {
            let keys: Vec<&str> = parts.iter().map(|part| part.sql.as_str()).collect();
            sql = format!("PARTITION BY {}", keys.join(", "));
        }
        let (order, keys) = self.keys(&over.order_by, scope)?;
        if !order.is_empty() {
            sql += &format!(" ORDER BY {order}");
        }
        parts.extend(keys);
        Ok((sql, parts))
    }

    fn keys(&self, order: &[OrderByExpr], scope: &Scope<'_>) -> Result<(String, Vec<Term>), Refusal> {
        let mut keys = Vec::new();
        let mut terms = Vec::new();
        for key in order {
            let term = self.value(&key.expr, scope)?;
            keys.push(sorted(key, &term)?);
            terms.push(term);
        }
        Ok((keys.join(", "), terms))
    }
}

/// Reads the form of a call.
fn read(function: &Function) -> Result<Call<'_>, Refusal> {
    let parts: Vec<String> = function.name.0.iter().map(ToString::to_string).collect();
    let mut call = Call {
        name: parts.join(".").to_lowercase(),
        args: Vec::new(),
        is_starred: false,
        is_distinct: false,
    };
    refuse_first(&[
        (function.filter.is_some(), "FILTER"),
        (function.null_treatment.is_some(), "IGNORE NULLS"),
        (function.uses_odbc_syntax, "{fn}"),
        (!matches!(function.parameters, FunctionArguments::None), "two lists of arguments"),
    ])?;
    let FunctionArgumentList { duplicate_treatment, args, clauses } = match &function.args {
        FunctionArguments::None => return Ok(call),
        FunctionArguments::List(list) => list,
        FunctionArguments::Subquery(_) => return Err(Refusal::unsupported("a subquery as argument")),
    };
    refuse_first(&[(!clauses.is_empty(), "a clause among arguments")])?;
    call.is_distinct = matches!(duplicate_treatment, Some(DuplicateTreatment::Distinct));
    for arg in args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => call.args.push(arg),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => call.is_starred = true,
            _ => return Err(Refusal::unsupported("a named argument")),
        }
    }
    Ok(call)
}
