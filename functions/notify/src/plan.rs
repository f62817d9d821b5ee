//! To whom each notice goes, and what becomes a digest. The decision is pure; the state takes it as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::id::{AccountId, Timestamp, derived_id};
use shared::domain::surface::Notify;
use shared::fault::Unavailable;
use shared::state::Notice;
use shared::state::deliveries::{Channel, Delivery, Plan, Recipient, Standing};
use shared::state::notices::{Audience, Topic};

use crate::App;

/// Notices planned at once.
const BATCH: usize = 500;

/// Most deliveries of a window that are looked at. Digests keep them far below.
const RECENT_MAX: usize = 5_000;

/// A digest waits so long for what else is coming, ms.
const GATHER_MS: i64 = 30_000;

/// How often a plan is made anew because somebody else was at it.
const ATTEMPTS: usize = 3;

/// Plans all notices of an account that are new; answers how many.
pub(crate) async fn plan_all(app: &App, account: &AccountId, rules: &Notify) -> Result<usize, Unavailable> {
    let (state, mut planned, mut lost) = (&app.state, 0, 0);
    while !app.ports.tasks.is_stopping() {
        let notices = state.unplanned(account, BATCH).await?;
        if notices.is_empty() {
            break;
        }
        let now = app.ports.clock.now();
        let since = now.plus(-minutes(rules.digest_minutes));
        let recent = state.deliveries_since(account, since, RECENT_MAX).await?;
        let count = notices.len();
        let reaches = |to: &Recipient| app.messenger.reaches(to);
        let people = People { rules, reaches: &reaches };
        match state.plan_deliveries(account, plan(notices, &recent, &people, now)).await? {
            true => planned += count,
            // Another instance has planned some of them, or is sending a digest that ours would have joined.
            false if lost < ATTEMPTS => lost += 1,
            false => break,
        }
    }
    Ok(planned)
}

/// Whom there is to tell, and who can be reached at all.
struct People<'a> {
    rules: &'a Notify,
    reaches: &'a (dyn Fn(&Recipient) -> bool + Sync),
}

fn minutes(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000
}

/// What becomes of these notices, when these deliveries were decided on within the window.
fn plan(notices: Vec<Notice>, recent: &[Delivery], people: &People<'_>, now: Timestamp) -> Plan {
    let rules = people.rules;
    let mut groups: BTreeMap<(Recipient, Topic), Vec<&Notice>> = BTreeMap::new();
    for notice in &notices {
        for to in recipients(notice, people) {
            groups.entry((to, notice.topic)).or_default().push(notice);
        }
    }
    let mut plan = Plan { notices: notices.iter().map(|notice| notice.id).collect(), ..Plan::default() };
    for ((to, topic), notices) in groups {
        let of_group = || recent.iter().filter(|delivery| delivery.to == to && delivery.topic == topic);
        if let Some(open) = of_group().find(|delivery| gathers(delivery)) {
            plan.items.extend(notices.iter().map(|notice| (open.id, notice.id)));
            continue;
        }
        let last_digest = of_group().filter(|delivery| delivery.notices > 1).map(|d| d.created_at).max();
        let few = of_group().count() + notices.len() <= rules.digest_over as usize;
        let delivery = |name: &str, first: &Notice, due_at: Timestamp| Delivery {
            id: derived_id(name, &[&first.id.to_string(), to.channel.as_str(), &to.name]),
            account: first.account.clone(),
            to: to.clone(),
            topic,
            notices: 0,
            standing: Standing::Due,
            due_at,
            attempts: 0,
            created_at: now,
            failure: None,
        };
        if few && last_digest.is_none() {
            for notice in notices {
                let single = delivery("delivery", notice, now);
                plan.items.push((single.id, notice.id));
                plan.new.push(single);
            }
            continue;
        }
        // One at once, then one for each window.
        let window = minutes(rules.digest_minutes);
        let due_at =
            last_digest.map_or(now.plus(GATHER_MS), |last| last.plus(window).max(now.plus(GATHER_MS)));
        let digest = delivery("digest", notices[0], due_at);
        plan.items.extend(notices.iter().map(|notice| (digest.id, notice.id)));
        plan.new.push(digest);
    }
    plan
}

/// Whether it is a digest that still waits for more.
fn gathers(delivery: &Delivery) -> bool {
    delivery.standing == Standing::Due && delivery.attempts == 0 && delivery.due_at > delivery.created_at
}

/// Who gets a notice. That a recipient cannot be reached is told to the others.
fn recipients(notice: &Notice, people: &People<'_>) -> BTreeSet<Recipient> {
    let mut all = BTreeSet::new();
    for audience in &notice.audience {
        all.extend(of_audience(audience, people));
    }
    if notice.topic == Topic::Delivery {
        all.retain(|to| notice.subject != trouble(to));
    }
    all
}

/// The subject of "this recipient cannot be reached".
pub(crate) fn trouble(to: &Recipient) -> String {
    format!("deliveries:{}:{}", to.channel.as_str(), to.name)
}

/// Where nobody is named for a part, those who are named for the other hear of it; and where somebody who was asked to
/// decide cannot be reached, those do who have the part.
fn of_audience(audience: &Audience, people: &People<'_>) -> Vec<Recipient> {
    let rules = people.rules;
    let (owner, on_call) = (&rules.owner, &rules.on_call);
    let [owner, on_call] = [(&owner.email, &owner.slack), (&on_call.email, &on_call.slack)].map(named);
    let either = |first: Vec<Recipient>, other: Vec<Recipient>| if first.is_empty() { other } else { first };
    match audience {
        Audience::Owner => either(owner, on_call),
        Audience::OnCall => either(on_call, owner),
        Audience::Assignee(name) => {
            let asked = Recipient { channel: Channel::Email, name: name.clone() };
            let is_reached = name.contains('@') && (people.reaches)(&asked);
            if is_reached { vec![asked] } else { either(owner, on_call) }
        }
        Audience::Authority(nth) => match rules.authorities.get(*nth) {
            Some(authority) => either(named((&authority.email, &authority.slack)), [owner, on_call].concat()),
            None => [owner, on_call].concat(),
        },
    }
}

fn named((email, slack): (&Vec<String>, &Vec<String>)) -> Vec<Recipient> {
    let to = |channel| move |name: &String| Recipient { channel, name: name.clone() };
    email.iter().map(to(Channel::Email)).chain(slack.iter().map(to(Channel::Slack))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::surface::{Authority, Contacts};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn contacts(name: &str) -> Contacts {
        Contacts { email: vec![format!("{name}@example.com")], slack: vec![name.to_string()] }
    }

    fn rules() -> Notify {
        let authority = |name: &str| {
            let Contacts { email, slack } = contacts(name);
            Authority { email, slack, after_hours: 1 }
        };
        Notify {
            owner: contacts("owner"),
            on_call: contacts("oncall"),
            authorities: vec![authority("head")],
            ..Notify::default()
        }
    }

    fn notices(topic: Topic, count: usize) -> Vec<Notice> {
        let acme = AccountId::parse("acme").unwrap();
        let notice = |n: usize| Notice::new(&acme, topic, format!("error:{n}"), "", "t", NOW);
        (0..count).map(notice).collect()
    }

    /// What is stored once a plan is written.
    fn stored(plan: &Plan) -> Vec<Delivery> {
        let count = |id: Uuid| plan.items.iter().filter(|(delivery, _)| *delivery == id).count() as u32;
        plan.new.iter().map(|d| Delivery { notices: count(d.id), ..d.clone() }).collect()
    }

    fn everybody(_: &Recipient) -> bool {
        true
    }

    fn planned(notices: Vec<Notice>, recent: &[Delivery], rules: &Notify, now: Timestamp) -> Plan {
        plan(notices, recent, &People { rules, reaches: &everybody }, now)
    }

    fn names(audience: Audience, rules: &Notify) -> Vec<String> {
        let notice = notices(Topic::Error, 1).remove(0).to(vec![audience]);
        let people = People { rules, reaches: &everybody };
        recipients(&notice, &people).into_iter().map(|to| to.name).collect()
    }

    #[test]
    fn who_was_asked_and_has_no_way_leaves_it_to_the_part() {
        let rules = rules();
        let asked = Audience::Assignee("ann@example.com".into());
        let notice = notices(Topic::SlaPast, 1).remove(0).to(vec![asked]);
        let told = |reaches: &(dyn Fn(&Recipient) -> bool + Sync)| {
            let all = recipients(&notice, &People { rules: &rules, reaches });
            all.into_iter().map(|to| to.name).collect::<Vec<_>>()
        };
        assert_eq!(told(&everybody), ["ann@example.com"]);
        assert_eq!(told(&|to| to.channel == Channel::Slack), ["owner@example.com", "owner"]);
    }

    #[test]
    fn each_recipient_gets_a_notice_once_by_each_channel() {
        let plan = planned(notices(Topic::Auth, 1), &[], &rules(), NOW);
        let to: Vec<_> = plan.new.iter().map(|d| (d.to.channel, d.to.name.as_str())).collect();
        let expected = [
            (Channel::Email, "oncall@example.com"),
            (Channel::Email, "owner@example.com"),
            (Channel::Slack, "oncall"),
            (Channel::Slack, "owner"),
        ];
        assert_eq!(to, expected);
        assert_eq!((plan.items.len(), plan.notices.len()), (4, 1));
        assert!(plan.new.iter().all(|d| d.due_at == NOW));
        let same = rules();
        let same = Notify { on_call: same.owner.clone(), ..same };
        assert_eq!(planned(notices(Topic::Auth, 1), &[], &same, NOW).new.len(), 2, "one person, both parts");
    }

    #[test]
    fn nobody_named_for_a_part_leaves_it_to_the_other() {
        let alone = Notify { on_call: Contacts::default(), authorities: vec![], ..rules() };
        for audience in [Audience::OnCall, Audience::Authority(3), Audience::Assignee("ann".into())] {
            assert_eq!(names(audience, &alone), ["owner@example.com", "owner"]);
        }
        assert_eq!(names(Audience::Assignee("ann@x.example".into()), &rules()), ["ann@x.example"]);
        assert_eq!(names(Audience::Authority(0), &rules()), ["head@example.com", "head"]);
        let nobody = Notify::default();
        let plan = planned(notices(Topic::Error, 2), &[], &nobody, NOW);
        assert_eq!((plan.new.len(), plan.notices.len()), (0, 2), "shown in the pages, and nowhere else");
    }

    #[test]
    fn who_cannot_be_reached_is_told_to_the_others() {
        let to = Recipient { channel: Channel::Email, name: "oncall@example.com".into() };
        let mut notice = notices(Topic::Delivery, 1).remove(0);
        notice.subject = trouble(&to);
        let rules = rules();
        let people = People { rules: &rules, reaches: &everybody };
        let told: Vec<String> = recipients(&notice, &people).into_iter().map(|to| to.name).collect();
        assert_eq!(told, ["oncall"]);
    }

    #[test]
    fn a_thousand_at_once_are_one_digest_for_each_recipient() {
        let plan = planned(notices(Topic::Error, 1_000), &[], &rules(), NOW);
        assert_eq!((plan.new.len(), plan.items.len()), (2, 2_000));
        assert!(stored(&plan).iter().all(|d| d.notices == 1_000 && d.due_at == NOW.plus(GATHER_MS)));
    }

    #[test]
    fn a_few_go_singly_then_one_digest_gathers_and_the_next_is_a_window_later() {
        let rules = rules();
        let mut all = notices(Topic::Error, 40);
        let first = planned(all.drain(..3).collect(), &[], &rules, NOW);
        assert_eq!(first.new.len(), 6, "three, to a mailbox and a chat");
        let mut recent = stored(&first);

        let second = planned(all.drain(..1).collect(), &recent, &rules, NOW.plus(1_000));
        let digests = stored(&second);
        assert_eq!(digests.len(), 2);
        recent.extend(digests.clone());
        let third = planned(all.drain(..5).collect(), &recent, &rules, NOW.plus(2_000));
        assert_eq!((third.new.len(), third.items.len()), (0, 10), "they join the digests");

        // Sent, with six in each.
        let sent = |d: &Delivery| Delivery { notices: 6, standing: Standing::Sent, attempts: 1, ..d.clone() };
        recent.truncate(6);
        recent.extend(digests.iter().map(sent));
        let fourth = planned(all.drain(..1).collect(), &recent, &rules, NOW.plus(600_000));
        let due: Vec<Timestamp> = fourth.new.iter().map(|d| d.due_at).collect();
        assert_eq!(due, [NOW.plus(1_000 + 3_600_000); 2], "the next a window later, whatever comes");

        // When all of that is long past, one is one again.
        let fifth = planned(all.drain(..1).collect(), &[], &rules, NOW.plus(9_000_000));
        assert!(fifth.new.iter().all(|d| d.due_at == NOW.plus(9_000_000)));
    }

    #[test]
    fn what_was_tried_is_not_added_to() {
        let of = |attempts, standing| Delivery {
            attempts,
            standing,
            notices: 9,
            ..stored(&planned(notices(Topic::Error, 9), &[], &rules(), NOW)).remove(0)
        };
        assert!(gathers(&of(0, Standing::Due)));
        assert!(!gathers(&of(1, Standing::Due)) && !gathers(&of(0, Standing::Sent)));
    }

    #[test]
    fn topics_do_not_share_digests() {
        let mut mixed = notices(Topic::Error, 2);
        mixed.extend(notices(Topic::SlaNear, 2));
        let plan = planned(mixed, &[], &rules(), NOW);
        assert_eq!(plan.new.len(), 8, "two of each are few");
    }
}
