//! `config/sync.toml` as it is written, and what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::super::id::{AccountId, PerSide, RecordType, Side};
use super::super::people::{BadPattern, People, Role};
use super::super::value::{Column, Kind, LineKey, LineSpec};
use super::notify::{RawNotify, check_paths};
use super::pages::{self, check_address, netsuite_page};
use super::{
    Account, BadConfig, Coalescing, DeleteRule, Direction, Field, FieldIx, Limits, Notify, Policy, Risk,
    SyncConfig, TypeSurface,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    coalescing: Coalescing,
    #[serde(default)]
    account: BTreeMap<AccountId, RawAccount>,
    #[serde(default)]
    notify: RawNotify,
    #[serde(default, rename = "type")]
    types: BTreeMap<RecordType, RawType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    netsuite_account: Option<String>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    people: RawPeople,
    /// A change should be on the other side within so many seconds.
    #[serde(default = "default_objective")]
    objective_seconds: u32,
    /// `"customer.email" = { policy = "manual" }`
    #[serde(default)]
    overrides: BTreeMap<String, RawOverride>,
    /// `https://acme.suitex.example`, for links.
    suitex_url: Option<String>,
    #[serde(default)]
    notify: RawNotify,
}

fn default_objective() -> u32 {
    60
}

/// Addresses (`ann@example.com`) or everybody of a domain (`*@example.com`), by role.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawPeople {
    viewer: Vec<String>,
    resolver: Vec<String>,
    admin: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct RawOverride {
    policy: Option<Policy>,
    sla_hours: Option<u32>,
    risk: Option<Risk>,
    direction: Option<Direction>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawType {
    netsuite: Option<String>,
    suitex: Option<String>,
    #[serde(default)]
    delete: RawDelete,
    inactive: Option<String>,
    #[serde(default, rename = "match")]
    match_keys: Vec<RawMatch>,
    #[serde(default = "default_priority")]
    priority: u8,
    #[serde(default = "default_reference_wait")]
    reference_wait_ms: i64,
    /// A conflict should be decided within so many hours; a field may say otherwise.
    #[serde(default = "default_sla")]
    sla_hours: u32,
    #[serde(default)]
    page: RawPages,
    fields: BTreeMap<String, RawField>,
}

/// Paths of the pages that show a record: `netsuite = "/app/…?id={id}"`.
#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields, default)]
struct RawPages {
    netsuite: Option<String>,
    suitex: Option<String>,
}

/// A key: one field, or several that name a record together.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum RawMatch {
    One(String),
    All(Vec<String>),
}

impl RawMatch {
    fn names(&self) -> &[String] {
        match self {
            RawMatch::One(name) => std::slice::from_ref(name),
            RawMatch::All(names) => names,
        }
    }
}

fn default_priority() -> u8 {
    5
}

fn default_reference_wait() -> i64 {
    3_600_000
}

fn default_sla() -> u32 {
    24
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields, default)]
struct RawDelete {
    netsuite: DeleteRule,
    suitex: DeleteRule,
}

impl Default for RawDelete {
    fn default() -> Self {
        Self { netsuite: DeleteRule::Ask, suitex: DeleteRule::Propagate }
    }
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawField {
    #[serde(rename = "type")]
    kind: RawKind,
    netsuite: Option<String>,
    suitex: Option<String>,
    max: Option<usize>,
    scale: Option<u32>,
    #[serde(default)]
    options: BTreeSet<String>,
    to: Option<RecordType>,
    #[serde(default)]
    direction: Direction,
    policy: Option<Policy>,
    #[serde(default)]
    risk: Risk,
    sla_hours: Option<u32>,
    #[serde(default)]
    required: bool,
    group: Option<String>,
    key: Option<RawLineKey>,
    #[serde(default)]
    columns: BTreeMap<String, RawField>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Datetime,
    Select,
    Multiselect,
    Reference,
    Lines,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawLineKey {
    suitex: String,
    netsuite: String,
    netsuite_external: String,
}

impl SyncConfig {
    /// Reads `sync.toml`. Errors name the line, or the type and field.
    pub fn parse(text: &str) -> Result<Self, BadConfig> {
        let raw: RawConfig = toml::from_str(text).map_err(|e| BadConfig(e.to_string()))?;
        if raw.account.is_empty() {
            return Err(BadConfig("no [account.<id>] is configured".into()));
        }
        let notify = raw.notify.over(&Notify::default()).map_err(BadConfig)?;
        let mut accounts = BTreeMap::new();
        for (id, account) in &raw.account {
            let types = surfaces_of(&raw.types, account)
                .map_err(|reason| BadConfig(format!("account {id}: {reason}")))?;
            let people = people_of(&account.people)
                .map_err(|reason| BadConfig(format!("account {id}: people: {reason}")))?;
            let notify = account.notify.over(&notify).and_then(|n| check_paths(&n, &types).map(|()| n));
            let notify = notify.map_err(|reason| BadConfig(format!("account {id}: {reason}")))?;
            if let Some(url) = &account.suitex_url {
                check_address(url).map_err(|reason| BadConfig(format!("account {id}: {reason}")))?;
            }
            let account = Account {
                id: id.clone(),
                netsuite_account: account.netsuite_account.clone().unwrap_or_else(|| id.to_string()),
                limits: account.limits,
                people,
                objective_ms: i64::from(account.objective_seconds) * 1_000,
                suitex_url: account.suitex_url.clone(),
                notify,
                types,
            };
            accounts.insert(id.clone(), account);
        }
        Ok(Self { coalescing: raw.coalescing, notify, accounts })
    }
}

fn people_of(raw: &RawPeople) -> Result<People, BadPattern> {
    let RawPeople { viewer, resolver, admin } = raw;
    let lists = [(Role::Viewer, viewer), (Role::Resolver, resolver), (Role::Admin, admin)];
    People::parse(lists.map(|(role, list)| (role, list.as_slice())))
}

fn hours(hours: u32) -> i64 {
    i64::from(hours) * 3_600_000
}

fn surfaces_of(
    types: &BTreeMap<RecordType, RawType>,
    account: &RawAccount,
) -> Result<BTreeMap<RecordType, Arc<TypeSurface>>, String> {
    let mut types = types.clone();
    for (path, change) in &account.overrides {
        let field = path
            .split_once('.')
            .and_then(|(t, f)| types.iter_mut().find(|(name, _)| name.as_str() == t)?.1.fields.get_mut(f))
            .ok_or_else(|| format!("override {path:?} names no type.field"))?;
        field.policy = change.policy.or(field.policy);
        field.risk = change.risk.unwrap_or(field.risk);
        field.sla_hours = change.sla_hours.or(field.sla_hours);
        field.direction = change.direction.unwrap_or(field.direction);
    }
    let mut surfaces = BTreeMap::new();
    for (name, raw) in &types {
        let surface = surface_of(name, raw, &types).map_err(|reason| format!("type {name}: {reason}"))?;
        surfaces.insert(name.clone(), Arc::new(surface));
    }
    refuse_required_cycles(&surfaces)?;
    Ok(surfaces)
}

fn surface_of(
    record_type: &RecordType,
    raw: &RawType,
    types: &BTreeMap<RecordType, RawType>,
) -> Result<TypeSurface, String> {
    let mut fields = Vec::new();
    let mut units: Vec<Vec<FieldIx>> = Vec::new();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for (ix, (name, field)) in raw.fields.iter().enumerate() {
        let at = |reason: String| format!("field {name}: {reason}");
        let unit = match &field.group {
            Some(group) => *groups.entry(group).or_insert_with(|| {
                units.push(Vec::new());
                units.len() - 1
            }),
            None => {
                units.push(Vec::new());
                units.len() - 1
            }
        };
        units[unit].push(ix);
        let kind = kind_of(field, types).map_err(at)?;
        let policy = field.policy.unwrap_or(Policy::NetsuiteWins);
        if policy == Policy::Union && kind != Kind::MultiSelect {
            return Err(at("policy union is for multiselects only".into()));
        }
        fields.push(Field {
            name: name.as_str().into(),
            netsuite: field.netsuite.clone().unwrap_or_else(|| name.clone()),
            suitex: field.suitex.clone().unwrap_or_else(|| name.clone()),
            kind,
            direction: field.direction,
            policy,
            risk: field.risk,
            sla_ms: hours(field.sla_hours.unwrap_or(raw.sla_hours)),
            required: field.required,
            unit,
        });
    }
    for unit in &units {
        let first = &fields[unit[0]];
        if let Some(other) = unit
            .iter()
            .map(|&ix| &fields[ix])
            .find(|f| f.policy != first.policy || f.risk != first.risk || f.direction != first.direction)
        {
            let (a, b) = (&first.name, &other.name);
            return Err(format!(
                "fields {a} and {b} are in one group and need one policy, risk and direction"
            ));
        }
    }
    if let Some(unit) = units.iter().find(|u| u.len() > 1 && fields[u[0]].policy == Policy::Union) {
        return Err(format!("field {}: a union cannot be part of a group", fields[unit[0]].name));
    }
    let inactive = match &raw.inactive {
        None => None,
        Some(name) => {
            let ix = fields.iter().position(|f| *f.name == **name);
            let ix = ix.filter(|&ix| fields[ix].kind == Kind::Boolean);
            Some(ix.ok_or_else(|| format!("inactive = {name:?} names no boolean field"))?)
        }
    };
    if inactive.is_none() && [raw.delete.netsuite, raw.delete.suitex].contains(&DeleteRule::Inactivate) {
        return Err("delete rule inactivate needs inactive = \"<boolean field>\"".into());
    }
    let match_keys = raw.match_keys.iter().map(|key| match_key(key, &fields)).collect::<Result<_, _>>()?;
    let names = |side| {
        let mut names = BTreeMap::new();
        for (ix, field) in fields.iter().enumerate() {
            if names.insert(field.name_on(side).to_string(), ix).is_some() {
                return Err(format!("two fields are called {:?} in {side}", field.name_on(side)));
            }
        }
        Ok(names)
    };
    let one_way = |from: Side| {
        let only = |f: &FieldIx| !fields[*f].direction.accepts_from(from.other());
        (0..fields.len()).filter(only).collect()
    };
    let netsuite = raw.netsuite.clone().unwrap_or_else(|| record_type.to_string());
    let suitex = raw.suitex.clone().unwrap_or_else(|| record_type.to_string());
    for path in [&raw.page.netsuite, &raw.page.suitex].into_iter().flatten() {
        pages::check(path)?;
    }
    let pages = PerSide {
        netsuite: raw.page.netsuite.clone().or_else(|| netsuite_page(&netsuite).map(str::to_string)),
        suitex: Some(raw.page.suitex.clone().unwrap_or_else(|| format!("/{suitex}/{{id}}"))),
    };
    Ok(TypeSurface {
        record_type: record_type.clone(),
        netsuite,
        suitex,
        pages,
        delete: PerSide { netsuite: raw.delete.netsuite, suitex: raw.delete.suitex },
        match_keys,
        inactive,
        priority: raw.priority,
        reference_wait_ms: raw.reference_wait_ms,
        sla_ms: hours(raw.sla_hours),
        by_netsuite: names(Side::NetSuite)?,
        by_suitex: names(Side::SuiteX)?,
        one_way: PerSide { netsuite: one_way(Side::NetSuite), suitex: one_way(Side::SuiteX) },
        fields,
        units,
    })
}

/// The fields of a key, each once, in their order.
fn match_key(raw: &RawMatch, fields: &[Field]) -> Result<Vec<FieldIx>, String> {
    let field_of = |name: &String| {
        let ix = fields.iter().position(|f| *f.name == **name);
        let ix = ix.ok_or_else(|| format!("match names {name:?}, which is no field of the type"))?;
        match fields[ix].kind {
            Kind::Text { .. } | Kind::Integer | Kind::Select { .. } | Kind::Reference { .. } => Ok(ix),
            Kind::Decimal { .. }
            | Kind::Boolean
            | Kind::Date
            | Kind::DateTime
            | Kind::MultiSelect
            | Kind::Lines(_) => Err(format!(
                "match names {name:?}: only text, integers, selects and references name a record"
            )),
        }
    };
    let key = raw.names().iter().map(field_of).collect::<Result<BTreeSet<_>, _>>()?;
    if key.is_empty() || key.len() < raw.names().len() {
        return Err("match has a key without fields, or with a field twice".into());
    }
    Ok(Vec::from_iter(key))
}

fn kind_of(raw: &RawField, types: &BTreeMap<RecordType, RawType>) -> Result<Kind, String> {
    let only = |given: bool, key: &str, kind: RawKind| match given && raw.kind != kind {
        true => Err(format!("{key} does not go with this type")),
        false => Ok(()),
    };
    only(raw.max.is_some(), "max", RawKind::Text)?;
    only(raw.scale.is_some(), "scale", RawKind::Decimal)?;
    only(!raw.options.is_empty(), "options", RawKind::Select)?;
    only(raw.to.is_some(), "to", RawKind::Reference)?;
    only(raw.key.is_some(), "key", RawKind::Lines)?;
    only(!raw.columns.is_empty(), "columns", RawKind::Lines)?;
    Ok(match raw.kind {
        RawKind::Text => Kind::Text { max: raw.max },
        RawKind::Integer => Kind::Integer,
        RawKind::Decimal => match raw.scale.unwrap_or(2) {
            scale @ 0..=12 => Kind::Decimal { scale },
            _ => return Err("scale is between 0 and 12".into()),
        },
        RawKind::Boolean => Kind::Boolean,
        RawKind::Date => Kind::Date,
        RawKind::Datetime => Kind::DateTime,
        RawKind::Select => Kind::Select { options: raw.options.iter().map(|o| o.as_str().into()).collect() },
        RawKind::Multiselect => Kind::MultiSelect,
        RawKind::Reference => match &raw.to {
            Some(to) if types.contains_key(to) => Kind::Reference { to: to.clone() },
            Some(to) => return Err(format!("refers to {to}, which is not a configured type")),
            None => return Err("a reference needs to = \"<type>\"".into()),
        },
        RawKind::Lines => {
            let mut columns = Vec::new();
            for (name, column) in &raw.columns {
                if column.kind == RawKind::Lines {
                    return Err(format!("column {name}: lines within lines"));
                }
                columns.push(Column {
                    name: name.as_str().into(),
                    netsuite: column.netsuite.clone().unwrap_or_else(|| name.clone()),
                    suitex: column.suitex.clone().unwrap_or_else(|| name.clone()),
                    kind: kind_of(column, types).map_err(|reason| format!("column {name}: {reason}"))?,
                });
            }
            if columns.is_empty() {
                return Err("lines need columns".into());
            }
            let key = raw.key.as_ref().map(|k| LineKey {
                suitex: k.suitex.clone(),
                netsuite: k.netsuite.clone(),
                netsuite_external: k.netsuite_external.clone(),
            });
            Kind::Lines(LineSpec { key, columns })
        }
    })
}

/// Records that need each other before either can be created would wait for ever.
fn refuse_required_cycles(surfaces: &BTreeMap<RecordType, Arc<TypeSurface>>) -> Result<(), String> {
    let needs = |name: &RecordType| -> Vec<RecordType> {
        let of = |kind: &Kind| match kind {
            Kind::Reference { to } => vec![to.clone()],
            Kind::Lines(spec) => spec
                .columns
                .iter()
                .filter_map(|c| if let Kind::Reference { to } = &c.kind { Some(to.clone()) } else { None })
                .collect(),
            _ => Vec::new(),
        };
        surfaces[name].fields.iter().filter(|f| f.required).flat_map(|f| of(&f.kind)).collect()
    };
    for start in surfaces.keys() {
        let mut seen = BTreeSet::new();
        let mut open = needs(start);
        while let Some(next) = open.pop() {
            if next == *start {
                return Err(format!(
                    "required references lead from {start} back to {start}: neither could be created"
                ));
            }
            if seen.insert(next.clone()) {
                open.extend(needs(&next));
            }
        }
    }
    Ok(())
}
