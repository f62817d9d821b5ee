//! Whose ids are whose; and what a new link wakes.

use shared::domain::id::{AccountId, Side};
use shared::domain::record::{Due, DueReason, Record};
use shared::state::{Commit, Link, LinkChange, Place, State, Verdict};

use super::{commit, commit_of, each, fresh, link, load, pending, put, suitex, woken};
use crate::{acme, at, canonical, globex, id, key, kind, side_id};

async fn owner(
    state: &dyn State,
    account: &AccountId,
    record_type: &str,
    side: Side,
    id: &str,
) -> Option<Link> {
    let asked = [(kind(record_type), side, side_id(id))];
    state.links(account, &asked).await.unwrap().remove(0)
}

async fn counterpart(state: &dyn State, side: Side, id: &str) -> Option<String> {
    let asked = [(kind("customer"), canonical(id))];
    state.counterparts(&acme(), side, &asked).await.unwrap().remove(0).map(|id| id.to_string())
}

fn live(id: &str) -> Option<Link> {
    Some(Link { canonical: canonical(id), retired: false })
}

#[test]
fn a_link_is_found_from_both_ends() {
    each(async |state| {
        let record = fresh(&acme(), "customer/5");
        woken(link(state, &record, Side::SuiteX, "x5").await);
        let record = load(state, &record.key).await.expect("the record");
        woken(link(state, &record, Side::NetSuite, "5").await);
        assert_eq!(owner(state, &acme(), "customer", Side::SuiteX, "x5").await, live("5"));
        assert_eq!(owner(state, &acme(), "customer", Side::NetSuite, "5").await, live("5"));
        assert_eq!(counterpart(state, Side::SuiteX, "5").await.as_deref(), Some("x5"));
        assert_eq!(counterpart(state, Side::NetSuite, "5").await.as_deref(), Some("5"));
    });
}

#[test]
fn an_id_is_one_sides_of_one_type_in_one_account() {
    each(async |state| {
        woken(link(state, &fresh(&acme(), "customer/5"), Side::SuiteX, "7").await);
        assert_eq!(owner(state, &acme(), "customer", Side::NetSuite, "7").await, None);
        assert_eq!(owner(state, &acme(), "item", Side::SuiteX, "7").await, None);
        assert_eq!(owner(state, &globex(), "customer", Side::SuiteX, "7").await, None);
        // So each of them may have another record of that id.
        woken(link(state, &fresh(&acme(), "item/9"), Side::SuiteX, "7").await);
        woken(link(state, &fresh(&globex(), "customer/8"), Side::SuiteX, "7").await);
        assert_eq!(owner(state, &acme(), "customer", Side::SuiteX, "7").await, live("5"));
    });
}

#[test]
fn an_id_that_is_taken_stays_with_its_record() {
    each(async |state| {
        woken(link(state, &fresh(&acme(), "customer/5"), Side::SuiteX, "x5").await);
        let other = put(state, fresh(&acme(), "customer/6")).await;
        assert_eq!(link(state, &other, Side::SuiteX, "x5").await, Verdict::LinkTaken(canonical("5")));
        assert_eq!(load(state, &other.key).await, Some(other), "nothing is written");
        assert_eq!(owner(state, &acme(), "customer", Side::SuiteX, "x5").await, live("5"));
        assert_eq!(counterpart(state, Side::SuiteX, "6").await, None);
    });
}

#[test]
fn setting_a_link_again_is_no_offence() {
    each(async |state| {
        let record = fresh(&acme(), "customer/5");
        woken(link(state, &record, Side::SuiteX, "x5").await);
        let record = load(state, &record.key).await.expect("the record");
        assert!(woken(link(state, &record, Side::SuiteX, "x5").await).is_empty());
        assert_eq!(owner(state, &acme(), "customer", Side::SuiteX, "x5").await, live("5"));
    });
}

#[test]
fn a_retired_id_stays_known_and_is_nobodys_counterpart() {
    each(async |state| {
        let record = fresh(&acme(), "customer/5");
        woken(link(state, &record, Side::SuiteX, "x5").await);
        let record = load(state, &record.key).await.expect("the record");
        let links = vec![LinkChange::Retire(Side::SuiteX, side_id("x5"))];
        woken(commit(state, Commit { links, ..commit_of(&record) }).await);
        let retired = Link { canonical: canonical("5"), retired: true };
        assert_eq!(owner(state, &acme(), "customer", Side::SuiteX, "x5").await, Some(retired));
        assert_eq!(counterpart(state, Side::SuiteX, "5").await, None);
        // It comes back to nobody, not even to the record that it was.
        let record = load(state, &record.key).await.expect("the record");
        assert!(matches!(link(state, &record, Side::SuiteX, "x5").await, Verdict::LinkTaken(_)));
        // The record may get another one.
        woken(link(state, &record, Side::SuiteX, "x6").await);
        assert_eq!(counterpart(state, Side::SuiteX, "5").await.as_deref(), Some("x6"));
    });
}

#[test]
fn retiring_an_id_that_was_never_linked_makes_it_known() {
    each(async |state| {
        let links = vec![LinkChange::Retire(Side::NetSuite, side_id("5"))];
        woken(commit(state, Commit { links, ..commit_of(&fresh(&acme(), "customer/5")) }).await);
        let retired = Link { canonical: canonical("5"), retired: true };
        assert_eq!(owner(state, &acme(), "customer", Side::NetSuite, "5").await, Some(retired));
    });
}

/// `customer/5` and `customer/sx-1`, of which the first turns out to have been the second all along.
async fn joined(state: &dyn State) -> Record {
    woken(link(state, &fresh(&acme(), "customer/5"), Side::NetSuite, "5").await);
    let record = fresh(&acme(), "customer/sx-1");
    woken(link(state, &record, Side::SuiteX, "1").await);
    let record = load(state, &record.key).await.expect("the record");
    let links = vec![LinkChange::Alias(canonical("5"), 1), LinkChange::Set(Side::NetSuite, side_id("5"))];
    woken(commit(state, Commit { links, ..commit_of(&record) }).await);
    load(state, &record.key).await.expect("the record")
}

#[test]
fn who_has_moved_on_is_not_taken_over() {
    each(async |state| {
        woken(link(state, &fresh(&acme(), "customer/5"), Side::NetSuite, "5").await);
        let record = put(state, fresh(&acme(), "customer/sx-1")).await;
        let other = load(state, &key(&acme(), "customer/5")).await.expect("the other");
        let links = vec![LinkChange::Alias(canonical("5"), other.row_revision)];
        // Its own writer begins to write it meanwhile.
        put(state, other).await;
        assert_eq!(commit(state, Commit { links, ..commit_of(&record) }).await, Verdict::Stale);
        assert_eq!(owner(state, &acme(), "customer", Side::NetSuite, "5").await, live("5"));
    });
}

#[test]
fn whoever_asks_for_an_alias_gets_the_record_that_it_stands_for() {
    each(async |state| {
        let record = joined(state).await;
        assert_eq!(load(state, &key(&acme(), "customer/5")).await, Some(record));
        assert_eq!(owner(state, &acme(), "customer", Side::NetSuite, "5").await, live("sx-1"));
        for id in ["5", "sx-1"] {
            assert_eq!(counterpart(state, Side::NetSuite, id).await.as_deref(), Some("5"));
            assert_eq!(counterpart(state, Side::SuiteX, id).await.as_deref(), Some("1"));
        }
        let all = state.records(&acme(), None, None, 10).await.unwrap();
        assert_eq!(all.items.len(), 1, "an alias is no record of its own");
    });
}

#[test]
fn nothing_is_committed_to_an_alias() {
    each(async |state| {
        joined(state).await;
        let mut old = fresh(&acme(), "customer/5");
        assert_eq!(commit(state, commit_of(&old)).await, Verdict::Stale);
        old.row_revision = 1;
        assert_eq!(commit(state, commit_of(&old)).await, Verdict::Stale);
    });
}

#[test]
fn an_event_that_waits_for_a_link_goes_on_when_it_comes() {
    each(async |state| {
        let subject = suitex("o1");
        let wait_for = |event: u128, side, id: &str| {
            let mut row = pending(&acme(), event, &subject, 0);
            let (record_type, id, until) = (kind("customer"), id.to_string(), at(9_000));
            row.place = Place::Waiting { record_type, side, id, until };
            row
        };
        let rows = vec![
            wait_for(1, Side::SuiteX, "x5"),
            wait_for(2, Side::SuiteX, "x6"),
            wait_for(3, Side::NetSuite, "x5"),
        ];
        state.enqueue(rows).await.unwrap();
        assert!(state.pending_due(&acme(), at(100), 9).await.unwrap().is_empty());
        // Of another account or type, with the same id: nothing happens.
        assert!(woken(link(state, &fresh(&globex(), "customer/5"), Side::SuiteX, "x5").await).is_empty());
        assert!(woken(link(state, &fresh(&acme(), "item/5"), Side::SuiteX, "x5").await).is_empty());
        let woken = woken(link(state, &fresh(&acme(), "customer/5"), Side::SuiteX, "x5").await);
        assert_eq!(woken, [(kind("customer"), subject.clone())]);
        assert_eq!(state.pending_due(&acme(), at(100), 9).await.unwrap(), woken);
        let census = state.census(&acme()).await.unwrap();
        assert_eq!((census.get("pending"), census.get("waiting")), (Some(&1), Some(&2)));
        let rows = state.pending(&acme(), &kind("customer"), std::slice::from_ref(&subject)).await.unwrap();
        let row = rows.iter().find(|r| r.event_id == id(1)).expect("the event");
        assert!(matches!(row.place, Place::Pending { .. }));
    });
}

#[test]
fn an_event_that_comes_to_wait_for_a_link_that_is_there_goes_on_at_once() {
    each(async |state| {
        let subject = suitex("o1");
        link(state, &fresh(&acme(), "customer/5"), Side::SuiteX, "x5").await;
        state
            .enqueue(vec![pending(&acme(), 1, &subject, 0), pending(&acme(), 2, &subject, 0)])
            .await
            .unwrap();
        let wait = |id: &str| {
            let (record_type, side, id) = (kind("customer"), Side::SuiteX, id.to_string());
            Place::Waiting { record_type, side, id, until: at(9_000) }
        };
        let mut moved = Commit::new(acme());
        moved.places = vec![(id(1), wait("x5")), (id(2), wait("x6"))];
        let verdict = commit(state, moved).await;
        assert_eq!(woken(verdict), [(kind("customer"), subject.clone())]);
        assert_eq!(
            state.pending_due(&acme(), at(100), 9).await.unwrap(),
            [(kind("customer"), subject.clone())]
        );
        let census = state.census(&acme()).await.unwrap();
        assert_eq!((census.get("pending"), census.get("waiting")), (Some(&1), Some(&1)));
    });
}

fn waiting_for(account: &AccountId, name: &str, on: &str) -> Record {
    let mut record = fresh(account, name);
    let reason = DueReason::WaitingFor { record_type: kind("customer"), id: on.into(), since: at(0) };
    record.sides.suitex.due = Some(Due { at: at(60_000), reason, attempts: 2 });
    record
}

#[test]
fn a_record_that_waits_for_a_counterpart_is_due_when_it_comes() {
    each(async |state| {
        let waiting = put(state, waiting_for(&acme(), "salesorder/1", "5")).await;
        put(state, waiting_for(&acme(), "salesorder/2", "6")).await;
        let customer = fresh(&acme(), "customer/5");
        woken(link(state, &customer, Side::NetSuite, "5").await);
        assert!(state.due(&acme(), Side::SuiteX, at(100), 9).await.unwrap().is_empty(), "of the other side");
        let customer = load(state, &customer.key).await.expect("the record");
        woken(link(state, &customer, Side::SuiteX, "x5").await);
        let due = state.due(&acme(), Side::SuiteX, at(100), 9).await.unwrap();
        assert_eq!(due, std::slice::from_ref(&waiting.key));
        // Whoever put it off in this moment must see that it was woken.
        assert_eq!(commit(state, commit_of(&waiting)).await, Verdict::Stale);
        let now = load(state, &waiting.key).await.expect("the record");
        assert_eq!(now.sides.suitex.due.map(|d| d.reason), Some(DueReason::Dirty));
    });
}

#[test]
fn who_waits_for_an_alias_is_woken_by_the_record_that_it_stands_for() {
    each(async |state| {
        let waiting = put(state, waiting_for(&acme(), "salesorder/1", "5")).await;
        woken(link(state, &fresh(&acme(), "customer/5"), Side::NetSuite, "5").await);
        let record = put(state, fresh(&acme(), "customer/sx-1")).await;
        let links = vec![LinkChange::Alias(canonical("5"), 1), LinkChange::Set(Side::NetSuite, side_id("5"))];
        woken(commit(state, Commit { links, ..commit_of(&record) }).await);
        let record = load(state, &record.key).await.expect("the record");
        woken(link(state, &record, Side::SuiteX, "1").await);
        assert_eq!(state.due(&acme(), Side::SuiteX, at(100), 9).await.unwrap(), [waiting.key]);
    });
}

#[test]
fn a_record_of_another_type_with_the_same_id_keeps_its_links() {
    each(async |state| {
        woken(link(state, &fresh(&acme(), "item/5"), Side::NetSuite, "5").await);
        woken(link(state, &fresh(&acme(), "customer/5"), Side::NetSuite, "5").await);
        let record = put(state, fresh(&acme(), "customer/sx-1")).await;
        let links = vec![LinkChange::Alias(canonical("5"), 1), LinkChange::Set(Side::NetSuite, side_id("5"))];
        woken(commit(state, Commit { links, ..commit_of(&record) }).await);
        let asked = ["customer", "item"].map(|name| (kind(name), Side::NetSuite, side_id("5")));
        let links = state.links(&acme(), &asked).await.unwrap();
        let names: Vec<_> = links.iter().flatten().map(|link| link.canonical.as_str()).collect();
        assert_eq!(names, ["sx-1", "5"]);
    });
}

/// Two commits of one batch, of which one sets a link that an event waits for, or leaves an event waiting for a link
/// that is there. Whose verdict tells of it follows from their order alone.
#[test]
fn what_is_woken_is_told_to_the_commit_that_woke_it() {
    each(async |state| {
        let moved = |event: u128, to: Place| (id(event), to);
        let on = |link: &str| Place::Waiting {
            record_type: kind("customer"),
            side: Side::SuiteX,
            id: link.into(),
            until: at(900),
        };
        let only = |places| Commit { places, ..Commit::new(acme()) };
        let told =
            |verdicts: Vec<Verdict>| verdicts.into_iter().map(woken).map(|w| w.len()).collect::<Vec<_>>();
        let events: Vec<_> = (1..=4).map(|n| pending(&acme(), n, &suitex(&format!("s{n}")), 10)).collect();
        state.enqueue(events).await.unwrap();
        woken(link(state, &fresh(&acme(), "customer/5"), Side::SuiteX, "x5").await);

        // Both move the second event, and both leave one waiting for what is there: the last word is the other's.
        let pending_again = Place::Pending { due_at: at(20) };
        let one = only(vec![moved(1, on("x5")), moved(2, pending_again)]);
        let other = only(vec![moved(2, on("x5"))]);
        assert_eq!(told(state.commit(vec![one, other]).await.unwrap()), [1, 1]);

        // What is moved elsewhere before the link comes does not wait for it any more; afterwards it has been woken.
        woken(commit(state, only(vec![moved(3, on("x6")), moved(4, on("x7"))])).await);
        let links = |name: &str, to: &str| Commit {
            links: vec![LinkChange::Set(Side::SuiteX, side_id(to))],
            ..commit_of(&fresh(&acme(), name))
        };
        let batch = vec![only(vec![moved(3, Place::Superseded)]), links("customer/6", "x6")];
        assert_eq!(told(state.commit(batch).await.unwrap()), [0, 0]);
        let batch = vec![links("customer/7", "x7"), only(vec![moved(4, Place::Superseded)])];
        assert_eq!(told(state.commit(batch).await.unwrap()), [1, 0]);
        let rows = [3, 4].map(|n| suitex(&format!("s{n}")));
        assert_eq!(state.pending(&acme(), &kind("customer"), &rows).await.unwrap(), []);
    });
}
