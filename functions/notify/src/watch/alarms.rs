//! What is the matter with an account as a whole. Pure: what was seen, and what is remembered, in; notices out.
//!
//! An alarm is raised once, told again each day that it lasts, and cleared only well below its threshold, so that what
//! swings around it is told once.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, PerSide, Timestamp};
use shared::domain::surface::Notify;
use shared::state::Notice;
use shared::state::deliveries::{Delivery, Standing};
use shared::state::desk::ConflictCounts;
use shared::state::notices::Topic;
use shared::state::watch::ErrorKind;

use super::ladder::CLIMBS_MAX;
use super::memory::{Alarm, Counts, Memory};
use crate::plan::trouble;

const DAY_MS: i64 = 86_400_000;

/// A recipient is in trouble once a message to it was tried so often in vain.
const TRIED_IN_VAIN: u32 = 3;

/// What was seen of an account.
pub(super) struct Look<'a> {
    pub(super) account: &'a AccountId,
    pub(super) rules: &'a Notify,
    pub(super) now: Timestamp,
    /// Events ever accepted, and calls ever refused for want of room.
    pub(super) counts: Counts,
    /// Events that are not absorbed yet.
    pub(super) waiting: u64,
    /// Records that are due.
    pub(super) due: PerSide<u64>,
    /// A record of an important type that has been due for too long.
    pub(super) stale: Option<String>,
    /// Since when our credentials are refused.
    pub(super) suspended: Option<Timestamp>,
    /// Conflicts opened within the window.
    pub(super) opened: u64,
    /// Conflicts opened since people were last told of them.
    pub(super) unseen: u64,
    /// Conflicts that are open.
    pub(super) conflicts: ConflictCounts,
    /// Open errors that are past their time, as far as they were looked at.
    pub(super) errors_overdue: u64,
    /// Open questions that are past their time, as far as they were looked at.
    pub(super) questions_overdue: u64,
    /// Open errors of the window, by kind.
    pub(super) kinds: Vec<(ErrorKind, u64)>,
    /// Deliveries that were tried in vain.
    pub(super) trouble: Vec<Delivery>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Too much.
    Over,
    /// Neither.
    Between,
    /// Well below.
    Clear,
}

impl Level {
    /// Over the threshold, or at half of it at most.
    fn of(count: u64, threshold: u64) -> Self {
        match count {
            count if count > threshold => Level::Over,
            count if count <= threshold / 2 => Level::Clear,
            _ => Level::Between,
        }
    }

    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Level::Over, _) | (_, Level::Over) => Level::Over,
            (Level::Between, _) | (_, Level::Between) => Level::Between,
            (Level::Clear, Level::Clear) => Level::Clear,
        }
    }
}

/// What is to be told, with the memory as it is from now on.
pub(super) fn judge(memory: &mut Memory, look: &Look<'_>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let window = minutes(look.rules.conflict_minutes.max(look.rules.backlog_minutes));
    let before = memory.counts_before(look.now, minutes(look.rules.backlog_minutes)).copied();
    memory.count(look.counts, window);
    notices.extend(backlog(memory, look, before));
    let before = memory.counts_before(look.now, minutes(look.rules.conflict_minutes)).copied();
    let surge = conflicts(memory, look, before);
    // A surge says it already.
    if surge.is_none() && !memory.alarms.contains_key("conflicts") {
        notices.extend(inbox(memory, look));
    }
    notices.extend(surge);
    overdue(memory, look, &mut notices);
    refusals(memory, look, &mut notices);
    unreachable(memory, look, &mut notices);
    notices
}

fn minutes(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000
}

/// Raises, tells again, or clears one alarm.
fn signal(
    memory: &mut Memory,
    look: &Look<'_>,
    (name, subject, topic): (&str, String, Topic),
    level: Level,
    (text, over): (String, String),
) -> Option<Notice> {
    let (account, now) = (look.account, look.now);
    let notice = |once: String, text| Notice::new(account, topic, subject.clone(), &once, text, now);
    match (memory.alarms.get_mut(name), level) {
        (None, Level::Over) => {
            memory.alarms.insert(name.to_string(), Alarm { topic, since: now, days: 0 });
            Some(notice(format!("{name} {}", now.0), text))
        }
        (Some(alarm), Level::Over) => {
            let days = (now.0 - alarm.since.0) / DAY_MS;
            let again = days > alarm.days;
            alarm.days = days;
            again.then(|| {
                let text = format!("{text} This has lasted since {}.", alarm.since);
                notice(format!("{name} {} day {days}", alarm.since.0), text)
            })
        }
        (Some(alarm), Level::Clear) => {
            let (since, audience) = (alarm.since, alarm.topic.audience());
            memory.alarms.remove(name);
            let once = format!("{name} {}", since.0);
            let text = format!("{over} It had lasted since {since}.");
            Some(Notice::new(account, Topic::Recovered, subject, &once, text, now).to(audience))
        }
        (Some(_), Level::Between) | (None, Level::Between | Level::Clear) => None,
    }
}

fn backlog(memory: &mut Memory, look: &Look<'_>, before: Option<Counts>) -> Option<Notice> {
    let (account, most) = (look.account, look.rules.backlog_events);
    let records = look.due.netsuite.max(look.due.suitex);
    let mut level = Level::of(look.waiting.max(records), most);
    if look.stale.is_some() {
        level = Level::Over;
    }
    // That nothing is written while our credentials are refused was told already.
    if look.suspended.is_some() && level == Level::Over && !memory.alarms.contains_key("backlog") {
        return None;
    }
    let stale = look.stale.as_ref().map_or(String::new(), |key| {
        format!(" {key} has been due for more than {} minutes.", look.rules.backlog_minutes)
    });
    let refused = look.counts.overloads.saturating_sub(before.map_or(look.counts.overloads, |c| c.overloads));
    let why = match refused {
        0 => String::new(),
        refused => format!(" NetSuite has refused {refused} calls of late for want of room."),
    };
    let text = format!(
        "{account}: {} events wait to be absorbed; {} records are to be written to NetSuite, {} to SuiteX.{stale}{why}",
        look.waiting, look.due.netsuite, look.due.suitex
    );
    let over = format!("{account}: what had piled up has been worked off.");
    let about = ("backlog", format!("account:{account}"), Topic::Backlog);
    signal(memory, look, about, level, (text, over))
}

fn conflicts(memory: &mut Memory, look: &Look<'_>, before: Option<Counts>) -> Option<Notice> {
    let (account, rules, opened) = (look.account, look.rules, look.opened);
    // Before a whole window has passed, all events that there ever were stand for those of the window: a share is then
    // too small rather than too large.
    let since = before.filter(|c| c.at <= look.now.plus(-minutes(rules.conflict_minutes)));
    let events = look.counts.events.saturating_sub(since.map_or(0, |c| c.events)).max(opened);
    let share = if events == 0 { 0.0 } else { opened as f64 / events as f64 };
    let by_share = match opened >= rules.conflict_share_from {
        true if share > rules.conflict_share => Level::Over,
        true if share > rules.conflict_share / 2.0 => Level::Between,
        true | false => Level::Clear,
    };
    let level = Level::of(opened, rules.conflict_count).worse(by_share);
    let text = format!(
        "{account}: {opened} conflicts opened in the last {} minutes, in {events} events ({:.1} %). {} are open, {} past \
         their time.",
        rules.conflict_minutes,
        share * 100.0,
        look.conflicts.open,
        look.conflicts.overdue
    );
    let over =
        format!("{account}: conflicts open at the usual rate again; {} are open.", look.conflicts.open);
    let about = ("conflicts", format!("conflicts:{account}"), Topic::ConflictSurge);
    signal(memory, look, about, level, (text, over))
}

/// That there is work: once in a while, and only when something was added.
fn inbox(memory: &mut Memory, look: &Look<'_>) -> Option<Notice> {
    let every = minutes(look.rules.inbox_minutes);
    let is_time = memory.inbox_at.is_none_or(|at| look.now >= at.plus(every));
    if every == 0 || !is_time || look.unseen == 0 || look.conflicts.open == 0 {
        return None;
    }
    memory.inbox_at = Some(look.now);
    let ConflictCounts { open, overdue, unassigned } = look.conflicts;
    let account = look.account;
    let text = format!(
        "{account}: {open} conflicts wait for a decision; {overdue} are past their time, {unassigned} are nobody's."
    );
    let once = look.now.0.to_string();
    Some(Notice::new(account, Topic::Inbox, format!("conflicts:{account}"), &once, text, look.now))
}

/// More are past their time than are told one by one.
fn overdue(memory: &mut Memory, look: &Look<'_>, notices: &mut Vec<Notice>) {
    let account = look.account;
    for (name, page, what, overdue, advice) in [
        (
            "overdue",
            "conflicts",
            "conflicts",
            look.conflicts.overdue,
            "Decide them together, or have a rule decide.",
        ),
        (
            "overdue_errors",
            "errors",
            "errors",
            look.errors_overdue,
            "Mend what they have in common, and retry them.",
        ),
        (
            "overdue_questions",
            "questions",
            "questions who is who",
            look.questions_overdue,
            "Merge in that system what is the same there, or choose match keys that tell records apart.",
        ),
    ] {
        let text = format!(
            "{account}: {overdue} {what} or more are past their time, more than are told one by one. {advice}"
        );
        let over = format!("{account}: {overdue} {what} are past their time, and are told one by one again.");
        let about = (name, format!("{page}:{account}"), Topic::SlaPast);
        let level = Level::of(overdue, CLIMBS_MAX as u64);
        notices.extend(signal(memory, look, about, level, (text, over)));
    }
}

/// Many records refused for one reason are one trouble.
fn refusals(memory: &mut Memory, look: &Look<'_>, notices: &mut Vec<Notice>) {
    let (account, rules) = (look.account, look.rules);
    let name = |kind: &ErrorKind| format!("refusals:{}:{}", kind.class, kind.code);
    let mut seen: BTreeMap<String, (String, u64)> = look
        .kinds
        .iter()
        .map(|(kind, n)| (name(kind), (format!("{} {}", kind.class, kind.code), *n)))
        .collect();
    for known in memory.alarms.keys().filter(|name| name.starts_with("refusals:")) {
        let words = known.trim_start_matches("refusals:").replacen(':', " ", 1);
        seen.entry(known.clone()).or_insert((words, 0));
    }
    for (name, (kind, count)) in seen {
        // That many is too many: the threshold itself counts.
        let level = Level::of(count, rules.refusals.saturating_sub(1));
        let text = format!(
            "{account}: {count} records were refused in the last {} minutes, all for one reason: {kind}. Mend that, and \
             retry them together.",
            rules.refusals_minutes
        );
        let over = format!("{account}: no more records are refused for {kind}.");
        let about = (name.as_str(), format!("errors:{account}"), Topic::Refusals);
        notices.extend(signal(memory, look, about, level, (text, over)));
    }
}

/// Who cannot be reached: told to the others. What was given up is told of once, when nothing is tried any more: it says
/// nothing of today.
fn unreachable(memory: &mut Memory, look: &Look<'_>, notices: &mut Vec<Notice>) {
    let account = look.account;
    let mut seen: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let is_tried = |d: &&Delivery| d.standing == Standing::Due && d.attempts >= TRIED_IN_VAIN;
    for delivery in look.trouble.iter().filter(is_tried) {
        let entry = seen.entry(trouble(&delivery.to)).or_default();
        entry.0 = delivery.failure.clone().unwrap_or_default();
        entry.1 += 1;
    }
    for known in memory.alarms.keys().filter(|name| name.starts_with("deliveries:")) {
        seen.entry(known.clone()).or_default();
    }
    for (name, (why, count)) in seen {
        let level = if count > 0 { Level::Over } else { Level::Clear };
        let whom = name.trim_start_matches("deliveries:").replacen(':', " to ", 1);
        let text = format!(
            "{account}: {count} messages by {whom} could not be sent, and are tried again: {why}. None is lost; all of \
             them are in the pages."
        );
        let since = memory.alarms.get(&name).filter(|_| count == 0).map(|alarm| alarm.since);
        let is_given_up = |d: &&Delivery, since| {
            d.standing == Standing::GivenUp && d.due_at >= since && trouble(&d.to) == name
        };
        let given_up = since.map_or(0, |since| look.trouble.iter().filter(|d| is_given_up(d, since)).count());
        if let (Some(since), 1..) = (since, given_up) {
            memory.alarms.remove(&name);
            let text = format!(
                "{account}: {given_up} messages by {whom} were tried for days in vain, and are not tried any more. All \
                 of them are in the pages."
            );
            let once = format!("given up {}", since.0);
            notices.push(Notice::new(account, Topic::Delivery, name, &once, text, look.now));
            continue;
        }
        let over = format!("{account}: messages by {whom} get through again.");
        notices.extend(signal(memory, look, (&name, name.clone(), Topic::Delivery), level, (text, over)));
    }
}

#[cfg(test)]
mod tests;
