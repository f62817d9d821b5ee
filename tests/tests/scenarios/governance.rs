//! An account's NetSuite is asked no more at once than it may be, and all work is done all the same.

use serde_json::json;
use shared::domain::governance::cap;
use shared::state::notices::Topic;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn never_more_calls_at_once_than_the_cap() {
    let mut story = Story::new();
    story.netsuite(|f| (f.latency_ms, f.latency_per_write_ms) = (900, 50));
    for n in 0..150 {
        story.create(SuiteX, "customer", json!({"company_name": format!("c{n}")}));
    }
    story.settle();
    let stats = story.world.netsuite.stats(&story.account());
    let cap = cap(&story.world.config.accounts[&story.account()].limits);
    assert!(stats.max_in_flight <= cap, "{} calls at once, the cap is {cap}", stats.max_in_flight);
    assert_eq!((story.count(NetSuite, "customer"), stats.overloads_by_limit), (150, 0));
    assert!(stats.calls < 60, "{} calls for 150 creates: ten to a call", stats.calls);
}

#[test]
fn calls_of_others_that_fill_the_pool_only_cost_time() {
    let mut story = Story::new();
    story.netsuite(|f| f.foreign_calls = 10);
    let id = story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.pass(60_000);
    assert_eq!(story.count(NetSuite, "customer"), 0);
    story.netsuite(|f| f.foreign_calls = 0);
    story.settle();
    story.pair(SuiteX, "customer", &id);
    assert_eq!(story.errors(), [], "an overload is nobody's error");
}

#[test]
fn a_night_of_maintenance_locks_no_record() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.netsuite(|f| f.down = true);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    for _ in 0..8 {
        story.world.executor.advance(3_600_000);
        story.pass(2_000);
    }
    assert_eq!(story.errors(), []);
    story.netsuite(|f| f.down = false);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
}

/// Looks tell that a dead writer's calls are over. They are due after the backlog that waits for those permits.
#[test]
fn a_writer_that_dies_with_all_permits_costs_a_minute_whatever_waits() {
    let mut story = Story::new();
    story.netsuite(|f| f.latency_ms = 900);
    for n in 0..300 {
        story.create(SuiteX, "customer", json!({"company_name": format!("c{n}")}));
    }
    let account = story.account();
    let creates = |world: &simulation::world::World| world.netsuite.stats(&account).creates;
    // Twice: the permits of those that died first are counted beside the others.
    for _ in 0..2 {
        let before = creates(&story.world);
        story.step_until(|world| creates(world) >= before + 20);
        story.crash("ns-writer");
        story.pass(35_000);
    }
    story.pass(70_000);
    assert_eq!(story.count(NetSuite, "customer"), 300);
    story.settle();
    assert_eq!(story.errors(), []);
}

/// One notice when the account is suspended, however many calls are refused, and one when it goes on.
#[test]
fn refused_credentials_suspend_the_account_until_they_are_taken_again() {
    let mut story = Story::new();
    let account = story.account();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let notices = |story: &Story| {
        let mut all = story.world.state.all_notices(&story.account());
        all.retain(|notice| [Topic::Auth, Topic::Recovered].contains(&notice.topic));
        all.sort_by_key(|notice| notice.at);
        all.into_iter().map(|notice| notice.text).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        story.netsuite(|f| f.auth = true);
        let before = notices(&story).len();
        for n in 0..60 {
            story.create(SuiteX, "customer", json!({"company_name": format!("c{before}-{n}")}));
        }
        let calls = story.world.netsuite.stats(&account).calls;
        story.pass(1_200_000);
        let told = notices(&story);
        assert_eq!(told.len(), before + 1, "{told:?}");
        assert!(told[before].contains("acme: NetSuite refuses our credentials"), "{told:?}");
        let calls = story.world.netsuite.stats(&account).calls - calls;
        assert!(
            (3..=12).contains(&calls),
            "{calls} calls in twenty minutes: one probe at a time, ever rarer"
        );
        let governance = story.world.state.governance(&account);
        assert!(governance.suspended.is_some() && governance.is_queued());
        story.netsuite(|f| f.auth = false);
        story.settle();
        assert_eq!(notices(&story).len(), before + 2);
        assert!(notices(&story)[before + 1].contains("takes our credentials again"));
        assert_eq!(story.world.state.governance(&account).suspended, None);
    }
    assert_eq!(story.count(NetSuite, "customer"), 121);
    assert_eq!(story.errors(), [], "it is no record's error");
    story.pair(NetSuite, "customer", &pair.netsuite);
}

/// What may not be written before midnight is planned once a minute, not again and again.
#[test]
fn a_backlog_without_a_budget_costs_next_to_nothing() {
    let mut story =
        Story::configured(|text| text.replace("daily_requests = 500000", "daily_requests = 5000"));
    story.spend_budget();
    for n in 0..300 {
        story.create(SuiteX, "item", json!({"name": format!("i{n}")}));
    }
    story.pass(120_000);
    story.world.faults.lanes[story.lane].aim(None);
    story.pass(600_000);
    let effects = story.world.faults.lanes[story.lane].effects();
    assert!(effects < 2_000, "{effects} effects in ten minutes");
    story.world.executor.advance(24 * 3_600_000);
    story.settle();
    assert_eq!(story.count(NetSuite, "item"), 300);
}

/// One call meets each end of a token, and is made once more; what people did comes through as if nothing had happened.
#[test]
fn a_token_that_ends_in_the_middle_of_work_is_got_anew_and_nobody_notices() {
    let mut story = Story::new();
    let account = story.account();
    story.world.require_sign_in();
    story.netsuite(|f| (f.latency_ms, f.token_lives_s) = (900, 3_600));
    let given = |story: &Story| story.world.netsuite.stats(&account).tokens_given;
    for round in 0..3 {
        for n in 0..60 {
            story.create(SuiteX, "customer", json!({"company_name": format!("c{round}-{n}")}));
        }
        story.pass(2_000);
        let before = story.world.netsuite.stats(&account);
        story.world.netsuite.forget_tokens(&account);
        story.pass(60_000);
        story.settle();
        let after = story.world.netsuite.stats(&account);
        assert!(after.not_signed_in > before.not_signed_in, "it ended in the middle of work");
        // Two instances of the writer and two of the poller, each with a token of its own.
        assert!(after.tokens_given - before.tokens_given <= 4, "{before:?} {after:?}");
    }
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (180, 180));
    assert_eq!(story.errors(), []);
    assert_eq!(story.world.state.governance(&account).suspended, None);
    // An hour goes by: it is renewed before its end, and no call is turned away.
    let before = story.world.netsuite.stats(&account).not_signed_in;
    let had = given(&story);
    for n in 0..8 {
        story.world.executor.advance(900_000);
        story.create(SuiteX, "customer", json!({"company_name": format!("d{n}")}));
        story.settle();
    }
    assert!(given(&story) > had);
    // But for the instances that have not called since their tokens were forgotten.
    assert!(story.world.netsuite.stats(&account).not_signed_in - before <= 3);
    assert_eq!(story.count(NetSuite, "customer"), 188);
}
