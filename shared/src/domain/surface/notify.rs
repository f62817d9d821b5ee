//! Who is told of what, and from when on something is worth telling: `[notify]`, and `[account.<id>.notify]` where an
//! account differs, key by key.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::id::RecordType;
use super::TypeSurface;

/// People, and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contacts {
    /// Addresses.
    pub email: Vec<String>,
    /// Slack webhooks, by the names that `SLACK_WEBHOOKS` gives them.
    pub slack: Vec<String>,
}

/// A step of the ladder: who is told when still nobody has decided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authority {
    /// Addresses.
    pub email: Vec<String>,
    /// Slack webhooks.
    pub slack: Vec<String>,
    /// So many hours after the agreed time.
    pub after_hours: u32,
}

/// What happens by itself when nobody has decided in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBreach {
    /// Nothing but notices.
    #[default]
    Nothing,
    /// The fields in question are held: nothing writes them, on either side, until somebody has decided.
    ReadOnlyField,
    /// All writes of the account are held.
    PauseWrites,
}

/// Whom to tell, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Notify {
    /// Who owns the account.
    pub owner: Contacts,
    /// Who is on call for the system.
    pub on_call: Contacts,
    /// Who is above, the lowest first.
    pub authorities: Vec<Authority>,
    /// More events or records waiting than this are a backlog,
    pub backlog_events: u64,
    /// and so is one that has waited for so long, in minutes,
    pub backlog_minutes: u32,
    /// where its type has this priority or a higher one.
    pub backlog_priority: u8,
    /// So many conflicts among the events of the window are too many: a share,
    pub conflict_share: f64,
    /// from so many conflicts on.
    pub conflict_share_from: u64,
    /// So many conflicts in the window are too many, whatever the share.
    pub conflict_count: u64,
    /// The window, in minutes.
    pub conflict_minutes: u32,
    /// So many records refused for one reason within the window are one trouble, not many.
    pub refusals: u64,
    /// The window, in minutes.
    pub refusals_minutes: u32,
    /// Of new conflicts people are told once in so many minutes; 0: never.
    pub inbox_minutes: u32,
    /// Somebody is warned when this share of the agreed time has passed.
    pub sla_near: f64,
    /// An error should be seen to within so many hours.
    pub error_sla_hours: u32,
    /// More notices of one topic to one recipient within the window become a digest.
    pub digest_over: u32,
    /// The window, in minutes.
    pub digest_minutes: u32,
    /// What happens when nobody has decided in time,
    pub on_breach: OnBreach,
    /// and what happens instead for a type, or a `type.field`.
    pub on_breach_of: BTreeMap<String, OnBreach>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            owner: Contacts::default(),
            on_call: Contacts::default(),
            authorities: Vec::new(),
            backlog_events: 10_000,
            backlog_minutes: 60,
            backlog_priority: 5,
            conflict_share: 0.05,
            conflict_share_from: 20,
            conflict_count: 100,
            conflict_minutes: 60,
            refusals: 20,
            refusals_minutes: 60,
            inbox_minutes: 60,
            sla_near: 0.75,
            error_sla_hours: 24,
            digest_over: 3,
            digest_minutes: 60,
            on_breach: OnBreach::Nothing,
            on_breach_of: BTreeMap::new(),
        }
    }
}

impl Notify {
    /// What happens when nobody has decided in time about these fields of a type: the gravest that is asked for.
    pub fn on_breach(&self, record_type: &RecordType, fields: &[&str]) -> OnBreach {
        let of_field =
            fields.iter().filter_map(|f| self.on_breach_of.get(&format!("{record_type}.{f}"))).max();
        *of_field.or_else(|| self.on_breach_of.get(record_type.as_str())).unwrap_or(&self.on_breach)
    }

    /// The names of all Slack webhooks that are told anything.
    pub fn webhooks(&self) -> impl Iterator<Item = &str> {
        let contacts = self.owner.slack.iter().chain(&self.on_call.slack);
        contacts.chain(self.authorities.iter().flat_map(|a| &a.slack)).map(String::as_str)
    }

    /// All addresses that are told anything.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let contacts = self.owner.email.iter().chain(&self.on_call.email);
        contacts.chain(self.authorities.iter().flat_map(|a| &a.email)).map(String::as_str)
    }
}

/// [`Notify`] as it is written: what is left out is as before.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNotify {
    owner: Option<Contacts>,
    on_call: Option<Contacts>,
    authorities: Option<Vec<Authority>>,
    backlog_events: Option<u64>,
    backlog_minutes: Option<u32>,
    backlog_priority: Option<u8>,
    conflict_share: Option<f64>,
    conflict_share_from: Option<u64>,
    conflict_count: Option<u64>,
    conflict_minutes: Option<u32>,
    refusals: Option<u64>,
    refusals_minutes: Option<u32>,
    inbox_minutes: Option<u32>,
    sla_near: Option<f64>,
    error_sla_hours: Option<u32>,
    digest_over: Option<u32>,
    digest_minutes: Option<u32>,
    on_breach: Option<OnBreach>,
    on_breach_of: Option<BTreeMap<String, OnBreach>>,
}

impl RawNotify {
    /// What holds where this is written over `base`.
    pub(super) fn over(&self, base: &Notify) -> Result<Notify, String> {
        let raw = self.clone();
        let mut authorities = raw.authorities.unwrap_or_else(|| base.authorities.clone());
        authorities.sort_by_key(|authority| authority.after_hours);
        let notify = Notify {
            owner: raw.owner.unwrap_or_else(|| base.owner.clone()),
            on_call: raw.on_call.unwrap_or_else(|| base.on_call.clone()),
            authorities,
            backlog_events: raw.backlog_events.unwrap_or(base.backlog_events),
            backlog_minutes: raw.backlog_minutes.unwrap_or(base.backlog_minutes),
            backlog_priority: raw.backlog_priority.unwrap_or(base.backlog_priority),
            conflict_share: raw.conflict_share.unwrap_or(base.conflict_share),
            conflict_share_from: raw.conflict_share_from.unwrap_or(base.conflict_share_from),
            conflict_count: raw.conflict_count.unwrap_or(base.conflict_count),
            conflict_minutes: raw.conflict_minutes.unwrap_or(base.conflict_minutes),
            refusals: raw.refusals.unwrap_or(base.refusals),
            refusals_minutes: raw.refusals_minutes.unwrap_or(base.refusals_minutes),
            inbox_minutes: raw.inbox_minutes.unwrap_or(base.inbox_minutes),
            sla_near: raw.sla_near.unwrap_or(base.sla_near),
            error_sla_hours: raw.error_sla_hours.unwrap_or(base.error_sla_hours),
            digest_over: raw.digest_over.unwrap_or(base.digest_over),
            digest_minutes: raw.digest_minutes.unwrap_or(base.digest_minutes),
            on_breach: raw.on_breach.unwrap_or(base.on_breach),
            on_breach_of: raw.on_breach_of.unwrap_or_else(|| base.on_breach_of.clone()),
        };
        checked(notify)
    }
}

fn checked(notify: Notify) -> Result<Notify, String> {
    let is_address = |text: &str| {
        let parts = text.split_once('@');
        parts.is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'))
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','))
    };
    if let Some(bad) = notify.addresses().find(|text| !is_address(text)) {
        return Err(format!("notify: {bad:?} is no e-mail address (write ann@example.com)"));
    }
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    if let Some(bad) = notify.webhooks().find(|text| !is_name(text)) {
        return Err(format!(
            "notify: slack = {bad:?} is no name of a webhook: letters, digits, - and _; its address stands in SLACK_WEBHOOKS"
        ));
    }
    for (key, share) in [("sla_near", notify.sla_near), ("conflict_share", notify.conflict_share)] {
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!("notify: {key} is a share, more than 0 and at most 1"));
        }
    }
    for (key, number) in [
        ("backlog_minutes", notify.backlog_minutes),
        ("conflict_minutes", notify.conflict_minutes),
        ("refusals_minutes", notify.refusals_minutes),
        ("digest_minutes", notify.digest_minutes),
        ("error_sla_hours", notify.error_sla_hours),
    ] {
        if number == 0 {
            return Err(format!("notify: {key} is at least 1"));
        }
    }
    Ok(notify)
}

/// Whether every path of `on_breach_of` names a type, or a field of one.
pub(super) fn check_paths(
    notify: &Notify,
    types: &BTreeMap<RecordType, std::sync::Arc<TypeSurface>>,
) -> Result<(), String> {
    let is_known = |path: &str| {
        let (kind, field) = path.split_once('.').map_or((path, None), |(kind, field)| (kind, Some(field)));
        let surface = types.iter().find(|(name, _)| name.as_str() == kind);
        surface.is_some_and(|(_, surface)| field.is_none_or(|field| surface.field(field).is_some()))
    };
    match notify.on_breach_of.keys().find(|path| !is_known(path)) {
        Some(bad) => Err(format!("notify: on_breach_of {bad:?} names no type, and no type.field")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::id::AccountId;
    use super::super::SyncConfig;
    use super::*;

    fn parse(text: &str) -> Result<SyncConfig, String> {
        let rest = "[type.customer.fields]\nemail = { type = \"text\" }\nphone = { type = \"text\" }";
        SyncConfig::parse(&format!("{text}\n{rest}")).map_err(|bad| bad.to_string())
    }

    fn of(config: &SyncConfig, account: &str) -> Notify {
        config.accounts[&AccountId::parse(account).unwrap()].notify.clone()
    }

    #[test]
    fn an_account_differs_key_by_key() {
        let config = parse(
            r#"
            [notify]
            owner = { email = ["all@example.com"] }
            refusals = 7
            authorities = [{ email = ["b@example.com"], after_hours = 9 }, { slack = ["a"], after_hours = 2 }]
            [account.acme.notify]
            owner = { slack = ["acme"] }
            on_breach_of = { "customer.email" = "pause_writes", customer = "read_only_field" }
            [account.globex]
            "#,
        )
        .unwrap();
        let (acme, globex) = (of(&config, "acme"), of(&config, "globex"));
        assert_eq!((acme.owner.email.len(), acme.owner.slack.len(), acme.refusals), (0, 1, 7));
        assert_eq!(globex, config.notify);
        assert_eq!(globex.addresses().collect::<Vec<_>>(), ["all@example.com", "b@example.com"]);
        assert_eq!(acme.webhooks().collect::<Vec<_>>(), ["acme", "a"], "the earlier step first");
        let customer = RecordType::parse("customer").unwrap();
        assert_eq!(acme.on_breach(&customer, &["phone", "email"]), OnBreach::PauseWrites);
        assert_eq!(acme.on_breach(&customer, &["phone"]), OnBreach::ReadOnlyField);
        assert_eq!(acme.on_breach(&RecordType::parse("item").unwrap(), &[]), OnBreach::Nothing);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wrong) in [
            ("[account.acme.notify]\nowner = { email = [\"ann\"] }", "\"ann\" is no e-mail address"),
            ("[account.acme.notify]\nowner = { email = [\"a@b\\r\\nBcc: c@d\"] }", "is no e-mail address"),
            ("[account.acme.notify]\non_call = { slack = [\"https://x\"] }", "is no name of a webhook"),
            ("[account.acme.notify]\nsla_near = 75", "sla_near is a share"),
            ("[account.acme.notify]\ndigest_minutes = 0", "digest_minutes is at least 1"),
            ("[account.acme.notify]\non_breach = \"panic\"", "panic"),
            ("[account.acme.notify]\nonbreach = \"nothing\"", "onbreach"),
            (
                "[account.acme.notify]\non_breach_of = { \"customer.fax\" = \"nothing\" }",
                "\"customer.fax\" names no type",
            ),
            ("[account.acme]\nsuitex_url = \"acme\"", "suitex_url"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
