//! Every topic by its own cause: something happens in the town, the functions do their work, and the mail is there.

use real_tests::address;
use serde_json::json;
use shared::domain::id::Timestamp;
use shared::state::notices::{Notices, Topic};

use crate::town::{Town, acme};

const HOUR_MS: i64 = 3_600_000;

/// What is configured of acme's notices, so that little is enough.
fn rules(topic: Topic) -> &'static str {
    match topic {
        Topic::Backlog | Topic::Recovered => "backlog_events = 2\n",
        Topic::ConflictSurge => "conflict_count = 1\n",
        Topic::Inbox => "inbox_minutes = 1\n",
        Topic::Refusals => "refusals = 2\n",
        Topic::Held => "on_breach = \"pause_writes\"\n",
        Topic::Delivery => {
            "owner = { email = [\"OWNER\"], slack = [\"broken\"] }\non_call = { email = [\"OWNER\"] }\n"
        }
        Topic::Auth
        | Topic::Error
        | Topic::Ambiguous
        | Topic::Brake
        | Topic::SlaNear
        | Topic::SlaPast
        | Topic::Escalated => "",
    }
}

/// Has that happen which people are told of so.
async fn happen(town: &Town, topic: Topic) {
    match topic {
        Topic::Auth => {
            town.refuse_credentials();
            for _ in 0..4 {
                town.wait(20 * 60_000);
                town.minutes(1).await;
            }
        }
        Topic::Backlog => backlog(town).await,
        Topic::Recovered => {
            backlog(town).await;
            town.hold(false).await;
            town.minutes(3).await;
        }
        Topic::ConflictSurge => conflicts(town, 2).await,
        Topic::Inbox => conflicts(town, 1).await,
        Topic::Refusals => {
            town.nonsense("{").await;
            town.nonsense("[").await;
            town.minutes(2).await;
        }
        Topic::Error => {
            town.nonsense("{").await;
            town.minutes(2).await;
        }
        Topic::Ambiguous => {
            for name in ["North", "South"] {
                town.in_netsuite(json!({"companyname": name, "email": "a@b.c"}));
            }
            town.in_suitex(json!({"company_name": "Ada", "email": "a@b.c"}));
            // Before a poll has brought the two over. The first attempts may be in vain.
            for _ in 0..8 {
                town.minute_without(&["poller"]).await;
            }
        }
        Topic::Brake => {
            let ids: Vec<String> = (0..3)
                .map(|n| town.in_netsuite(json!({"companyname": format!("c{n}"), "phone": "1"})))
                .collect();
            town.minutes(3).await;
            ids.iter().for_each(|id| town.edit_in_netsuite(id, json!({"phone": null})));
            town.minutes(3).await;
        }
        Topic::SlaNear => waits(town, 18).await,
        Topic::SlaPast | Topic::Held => waits(town, 24).await,
        Topic::Escalated => waits(town, 25).await,
        Topic::Delivery => {
            town.nonsense("{").await;
            for _ in 0..6 {
                town.wait(10 * 60_000);
                town.minutes(1).await;
            }
        }
    }
}

/// More is to be written than people want to wait for.
async fn backlog(town: &Town) {
    town.hold(true).await;
    for n in 0..3 {
        town.in_suitex(json!({"company_name": format!("c{n}")}));
    }
    town.minutes(3).await;
}

/// So many customers are changed on both sides at once.
async fn conflicts(town: &Town, count: usize) {
    let pairs: Vec<(String, String)> = (0..count)
        .map(|n| {
            let id = town.in_netsuite(json!({"companyname": format!("c{n}"), "comments": "old"}));
            (format!("c{n}"), id)
        })
        .collect();
    town.minutes(3).await;
    for (name, netsuite) in &pairs {
        town.edit_in_netsuite(netsuite, json!({"comments": "from NetSuite"}));
        town.edit_in_suitex(&town.found_in_suitex(name), json!({"comments": "from SuiteX"}));
    }
    town.minutes(3).await;
}

/// Nobody decides for so long.
async fn waits(town: &Town, hours: i64) {
    conflicts(town, 1).await;
    town.wait(hours * HOUR_MS);
    town.minutes(2).await;
}

/// A topic that is new has no case above: this does not compile then.
#[tokio::test]
async fn whatever_people_are_told_of_happens_and_the_mail_arrives_once() {
    let smtp = address("SYNC_TEST_SMTP");
    for topic in Topic::ALL.iter().copied() {
        let town = Town::new(rules(topic), &smtp).await;
        happen(&town, topic).await;
        let of_topic = async |account: &shared::domain::id::AccountId| {
            let page = town.office.state.notices(account, false, None, 500).await.unwrap();
            let mut own = page.items;
            own.retain(|shown| shown.notice.topic == topic);
            own
        };
        let own = of_topic(&acme()).await;
        let [shown] = &own[..] else { panic!("{topic:?}: {own:?}") };
        assert!(shown.notice.at > Timestamp(0) && shown.notice.link.is_some(), "{topic:?}: {shown:?}");
        let mails = town.office.mails().await;
        let runbook = format!("What to do: runbooks/{}.md", topic.as_str());
        let about: Vec<&String> = mails.iter().filter(|mail| mail.contains(&runbook)).collect();
        assert_eq!(about.len(), 1, "{topic:?}: {mails:#?}");
        let page = format!("https://sync.example.com{}", shown.notice.link.as_deref().unwrap_or_default());
        let whole = about[0].replace("=\r\n", "").replace("=3D", "=");
        assert!(whole.contains(&page), "{topic:?}: the mail leads to {page}: {whole}");
    }
}
