//! The ladder: who is told as something waits longer than was agreed. Pure.
//!
//! Near its time the owner; past it the person who was asked to decide; then, one after the other, who is above.

use shared::domain::id::{AccountId, RecordKey, Timestamp};
use shared::domain::surface::{Notify, OnBreach};
use shared::state::Notice;
use shared::state::notices::{Audience, Topic};
use uuid::Uuid;

use super::memory::{Climb, Kind, Memory};

const HOUR_MS: i64 = 3_600_000;

/// So many of each kind are told one by one: neither keeps the other from being heard.
pub(super) const CLIMBS_MAX: usize = 250;

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matter {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    /// In words: which record, which fields.
    pub(super) about: String,
    /// The record, when there is one.
    pub(super) key: Option<RecordKey>,
    /// The fields; none: all of the record.
    pub(super) fields: Vec<String>,
    /// Since when it waits.
    pub(super) since: Timestamp,
    /// By when somebody should have decided.
    pub(super) due: Timestamp,
    /// Who was asked to.
    pub(super) assignee: Option<String>,
    /// What happens when nobody has.
    pub(super) on_breach: OnBreach,
}

/// A step of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Near,
    Past,
    Authority(usize),
}

/// The ladder for what has waited since, and is due then: its steps, and when each is taken.
fn ladder((since, due): (Timestamp, Timestamp), rules: &Notify) -> Vec<(Step, Timestamp)> {
    let agreed = (due.0 - since.0).max(0);
    let near = since.plus((agreed as f64 * rules.sla_near) as i64);
    let mut steps = vec![(Step::Near, near), (Step::Past, due)];
    let above = rules.authorities.iter().map(|authority| authority.after_hours).enumerate();
    steps.extend(above.map(|(nth, hours)| (Step::Authority(nth), due.plus(i64::from(hours) * HOUR_MS))));
    if rules.authorities.is_empty() {
        // Nobody is above: everybody who is named hears of it.
        steps.push((Step::Authority(0), due.plus(HOUR_MS)));
    }
    steps
}

/// How long before its time the earliest matter can be near it: what is due later need not be looked at. As long as the
/// longest time that is ever agreed, less what may pass of it.
pub(super) fn lead_ms(longest_ms: i64, rules: &Notify) -> i64 {
    (longest_ms as f64 * (1.0 - rules.sla_near)) as i64
}

/// How many of a kind may begin to climb. So many at most are told one by one: beyond that, who knows of one more knows
/// nothing more, and an alarm tells how many there are.
pub(super) struct Room(usize);

impl Room {
    pub(super) fn of(memory: &Memory, kind: Kind) -> Self {
        let climbing = memory.climbs.values().filter(|climb| climb.kind == kind).count();
        Self(CLIMBS_MAX.saturating_sub(climbing))
    }

    /// Whether a step was reached that was not told yet, and there is room to tell it. Asked in the order of the times at
    /// which they are due, for who comes first has the room.
    pub(super) fn takes(
        &mut self,
        memory: &Memory,
        id: Uuid,
        times: (Timestamp, Timestamp),
        rules: &Notify,
        now: Timestamp,
    ) -> bool {
        let reached = ladder(times, rules).iter().take_while(|(_, at)| *at <= now).count();
        match memory.climbs.get(&id) {
            // It was closed, waits anew, and the old one is seen to be over first.
            Some(climb) if times.0 > climb.since => false,
            Some(climb) => reached > climb.steps,
            None if reached > 0 && self.0 > 0 => {
                self.0 -= 1;
                true
            }
            None => false,
        }
    }
}

/// Whether its time has come, so that what was agreed for that case happens.
pub(super) fn is_past(matter: &Matter, now: Timestamp) -> bool {
    now >= matter.due
}

/// The notices of the steps that were reached since the last look.
pub(super) fn climb(
    memory: &mut Memory,
    account: &AccountId,
    matters: &[Matter],
    rules: &Notify,
    now: Timestamp,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for matter in matters {
        let ladder = ladder((matter.since, matter.due), rules);
        let reached = ladder.iter().take_while(|(_, at)| *at <= now).count();
        let known = memory.climbs.get(&matter.id).map_or(0, |climb| climb.steps);
        if reached <= known {
            continue;
        }
        for (step, _) in &ladder[known..reached] {
            // What is past is not near.
            if *step != Step::Near || reached == 1 {
                notices.push(notice(account, matter, *step, now));
            }
        }
        let new = || Climb {
            kind: matter.kind,
            about: matter.about.clone(),
            since: matter.since,
            steps: 0,
            stop: None,
            is_over: false,
        };
        memory.climbs.entry(matter.id).or_insert_with(new).steps = reached;
    }
    notices
}

fn notice(account: &AccountId, matter: &Matter, step: Step, now: Timestamp) -> Notice {
    let Matter { about, due, since, .. } = matter;
    let asked = matter.assignee.as_ref().map_or(String::new(), |who| format!(" {who} was asked to."));
    let (topic, once, text, audience) = match step {
        Step::Near => (
            Topic::SlaNear,
            "near".to_string(),
            format!("{about}: should be decided by {due}; it has waited since {since}.{asked}"),
            vec![Audience::Owner],
        ),
        Step::Past => (
            Topic::SlaPast,
            "past".to_string(),
            format!("{about}: should have been decided by {due}; it has waited since {since}.{asked}"),
            match &matter.assignee {
                Some(who) => vec![Audience::Assignee(who.clone())],
                None => vec![Audience::Owner],
            },
        ),
        Step::Authority(nth) => (
            Topic::Escalated,
            format!("authority {nth}"),
            format!(
                "{about}: nobody has decided, though it was due by {due}.{asked} Please see that somebody does."
            ),
            vec![Audience::Authority(nth)],
        ),
    };
    let subject = format!("{}:{}", matter.kind.as_str(), matter.id);
    // What waits anew is told anew.
    let once = format!("{once} {}", matter.since.0);
    Notice::new(account, topic, subject, &once, text, now).to(audience)
}

/// That something which people were told of as overdue was decided.
pub(super) fn over(account: &AccountId, id: Uuid, climb: &Climb, now: Timestamp) -> Option<Notice> {
    // Near its time is no news when it is over.
    if climb.steps < 2 {
        return None;
    }
    let go_on = if climb.stop.is_some() { " What was stopped because of it goes on." } else { "" };
    let text = format!("{}: somebody has decided, or it has settled by itself.{go_on}", climb.about);
    let subject = format!("{}:{id}", climb.kind.as_str());
    let audience = match climb.steps {
        2 => vec![Audience::Owner],
        steps => {
            let above = (0..steps - 2).map(Audience::Authority);
            std::iter::once(Audience::Owner).chain(above).collect()
        }
    };
    let once = format!("decided {}", climb.since.0);
    Some(Notice::new(account, Topic::Recovered, subject, &once, text, now).to(audience))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::surface::Authority;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn acme() -> AccountId {
        AccountId::parse("acme").unwrap()
    }

    fn matter(n: u128, assignee: Option<&str>) -> Matter {
        Matter {
            id: Uuid::from_u128(n),
            kind: Kind::Conflict,
            about: "acme:customer:7 (email)".into(),
            key: None,
            fields: vec!["email".into()],
            since: NOW,
            due: NOW.plus(24 * HOUR_MS),
            assignee: assignee.map(str::to_string),
            on_breach: OnBreach::Nothing,
        }
    }

    fn rules(after_hours: &[u32]) -> Notify {
        let authority = |hours: &u32| Authority { after_hours: *hours, ..Authority::default() };
        Notify { authorities: after_hours.iter().map(authority).collect(), ..Notify::default() }
    }

    fn begun(kind: Kind, since: Timestamp) -> Climb {
        Climb { kind, about: "x".into(), since, steps: 1, stop: None, is_over: false }
    }

    #[test]
    fn each_kind_has_its_room_and_who_is_due_first_has_it_first() {
        let (mut memory, rules, now) = (Memory::default(), rules(&[]), NOW.plus(90 * HOUR_MS));
        let times = (NOW, NOW.plus(24 * HOUR_MS));
        let admitted = |memory: &Memory, kind, from: u128| {
            let mut room = Room::of(memory, kind);
            let ids = (from..from + 1_000).map(Uuid::from_u128);
            ids.filter(|id| room.takes(memory, *id, times, &rules, now)).collect::<Vec<_>>()
        };
        let errors = admitted(&memory, Kind::Error, 0);
        assert_eq!(errors, (0..CLIMBS_MAX as u128).map(Uuid::from_u128).collect::<Vec<_>>());
        memory.climbs.extend(errors.into_iter().map(|id| (id, begun(Kind::Error, NOW))));
        assert!(admitted(&memory, Kind::Error, 5_000).is_empty(), "there is no room");
        assert_eq!(admitted(&memory, Kind::Error, 0).len(), CLIMBS_MAX, "who climbs goes on");
        assert_eq!(admitted(&memory, Kind::Conflict, 9_000).len(), CLIMBS_MAX, "errors starve nobody");
    }

    #[test]
    fn what_waits_anew_is_told_anew() {
        let first = matter(1, None);
        let again = Matter { since: NOW.plus(HOUR_MS), due: NOW.plus(25 * HOUR_MS), ..first.clone() };
        let ids = |matter: &Matter| {
            let late = NOW.plus(90 * HOUR_MS);
            let told =
                climb(&mut Memory::default(), &acme(), std::slice::from_ref(matter), &rules(&[]), late);
            told.into_iter().map(|notice| notice.id).collect::<Vec<_>>()
        };
        assert!(ids(&first).iter().all(|id| !ids(&again).contains(id)));
        let end = |since| over(&acme(), Uuid::nil(), &Climb { steps: 2, ..begun(Kind::Error, since) }, NOW);
        assert_ne!(end(first.since).unwrap().id, end(again.since).unwrap().id);
        let memory =
            Memory { climbs: [(first.id, begun(Kind::Error, first.since))].into(), ..Memory::default() };
        let times = (again.since, again.due);
        let mut room = Room::of(&memory, Kind::Error);
        assert!(!room.takes(&memory, again.id, times, &rules(&[]), NOW.plus(90 * HOUR_MS)));
    }

    /// Looks each quarter of an hour for so many hours; what was told, and in which hour.
    fn told(matter: &Matter, rules: &Notify, hours: i64) -> Vec<(i64, Topic, Vec<Audience>)> {
        let (mut memory, mut told) = (Memory::default(), Vec::new());
        for quarter in 0..=hours * 4 {
            let now = NOW.plus(quarter * HOUR_MS / 4);
            for notice in climb(&mut memory, &acme(), std::slice::from_ref(matter), rules, now) {
                told.push((quarter / 4, notice.topic, notice.audience));
            }
        }
        told
    }

    #[test]
    fn twenty_five_hours_climb_the_ladder() {
        let ann = Audience::Assignee("ann@example.com".into());
        let expected = [
            (18, Topic::SlaNear, vec![Audience::Owner]),
            (24, Topic::SlaPast, vec![ann]),
            (25, Topic::Escalated, vec![Audience::Authority(0)]),
        ];
        assert_eq!(told(&matter(1, Some("ann@example.com")), &rules(&[1, 12]), 25), expected);
        assert_eq!(told(&matter(1, None), &rules(&[]), 60)[1..].len(), 2, "each step once, then silence");
        let higher = told(&matter(1, None), &rules(&[1, 12]), 60);
        assert_eq!(higher.last().unwrap(), &(36, Topic::Escalated, vec![Audience::Authority(1)]));
    }

    #[test]
    fn who_was_away_hears_of_every_step_but_the_one_that_is_stale() {
        let (mut memory, late) = (Memory::default(), NOW.plus(30 * HOUR_MS));
        let notices = climb(&mut memory, &acme(), &[matter(1, None)], &rules(&[1]), late);
        let topics: Vec<Topic> = notices.iter().map(|notice| notice.topic).collect();
        assert_eq!(topics, [Topic::SlaPast, Topic::Escalated]);
        assert!(climb(&mut memory, &acme(), &[matter(1, None)], &rules(&[1]), late).is_empty());
    }

    #[test]
    fn the_end_is_told_to_those_who_heard_of_it() {
        let climb = |steps| Climb { steps, ..begun(Kind::Conflict, NOW) };
        assert!(over(&acme(), Uuid::nil(), &climb(1), NOW).is_none());
        let audience = |steps| over(&acme(), Uuid::nil(), &climb(steps), NOW).unwrap().audience;
        assert_eq!(audience(2), [Audience::Owner]);
        assert_eq!(audience(4), [Audience::Owner, Audience::Authority(0), Audience::Authority(1)]);
    }

    #[test]
    fn what_cannot_be_near_yet_is_not_looked_at() {
        let lead = lead_ms(24 * HOUR_MS, &rules(&[]));
        assert_eq!(lead, 6 * HOUR_MS);
        let times = (matter(1, None).since, matter(1, None).due);
        let near = ladder(times, &rules(&[]))[0].1;
        assert!(matter(1, None).due <= near.plus(lead));
    }
}
