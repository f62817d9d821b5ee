//! What people at work ask: the inbox, whose a conflict is, the audit, a history from its end, what is held.

use serde_json::json;
use shared::domain::conflict::Conflict;
use shared::domain::id::{AccountId, PerSide, Side, Version};
use shared::domain::record::Record;
use shared::domain::surface::Risk;
use shared::state::brake::{self, BrakeDecision, BrakeWord};
use shared::state::controls::{Hold, Holder, Holds};
use shared::state::desk::{AuditFilter, ConflictCounts, ConflictFilter, Filed, WaitingCounts};
use shared::state::{
    Ambiguity, AmbiguityStatus, AuditRow, Commit, ErrorEntry, ErrorStatus, HistoryRow, State,
};
use uuid::Uuid;

use super::{commit, commit_of, conflict, each, fresh, load, put, surface};
use crate::{account, acme, at, globex, id, kind};

/// What a conflict has until it is due, where nothing else is configured.
const DAY_MS: i64 = 86_400_000;

/// A conflict, opened then, on these fields.
fn opened(n: u128, opened_at: i64, fields: &[usize]) -> Conflict {
    let mut open = conflict(id(n));
    let clash = open.clashes.remove(0);
    open.opened_at = at(opened_at);
    open.clashes =
        fields.iter().map(|&field| shared::domain::conflict::Clash { field, ..clash.clone() }).collect();
    open.set_due(&surface());
    open
}

async fn with_conflict(state: &dyn State, of: &AccountId, name: &str, conflict: Conflict) -> Record {
    let mut record = fresh(of, name);
    record.conflict = Some(conflict);
    put(state, record).await
}

fn row(actor: &str, action: &str, subject: &str) -> AuditRow {
    AuditRow {
        at: at(9),
        actor: actor.into(),
        action: action.into(),
        subject: subject.into(),
        details: json!({ "why": "because" }),
    }
}

fn ids(filed: &[Filed]) -> Vec<u128> {
    filed.iter().map(|filed| filed.conflict.as_u128()).collect()
}

async fn list(state: &dyn State, filter: &ConflictFilter) -> Vec<u128> {
    ids(&state.open_conflicts(&acme(), filter, None, 100).await.unwrap())
}

#[test]
fn conflicts_are_found_by_their_ids_open_or_closed_in_these_accounts_alone() {
    each(async |state| {
        for n in 1..=3 {
            let record = with_conflict(state, &acme(), &format!("customer/{n}"), opened(n, 10, &[0])).await;
            if n == 2 {
                put(state, Record { conflict: None, ..record }).await;
            }
        }
        with_conflict(state, &globex(), "customer/9", opened(9, 10, &[0])).await;
        let of = async |accounts: &[AccountId], wanted: &[u128]| {
            let wanted: Vec<_> = wanted.iter().map(|n| id(*n)).collect();
            let mut found = state.conflicts_of(accounts, &wanted).await.unwrap();
            found.sort_by_key(|filed| filed.conflict);
            found
        };
        let found = of(&[acme()], &[3, 2, 1, 9, 77, 3]).await;
        assert_eq!(ids(&found), [1, 2, 3]);
        assert_eq!(found.iter().map(|filed| filed.is_open).collect::<Vec<_>>(), [true, false, true]);
        for filed in &found {
            let one = state.conflict_of(&[acme()], filed.conflict).await.unwrap();
            assert_eq!(one.as_ref(), Some(filed), "as it is found alone");
        }
        assert_eq!(ids(&of(&[acme(), globex()], &[1, 9]).await), [1, 9]);
        assert_eq!(ids(&of(&[], &[1]).await), [0u128; 0]);
        assert_eq!(ids(&of(&[acme()], &[]).await), [0u128; 0]);
    });
}

#[test]
fn the_inbox_begins_with_what_is_due_first() {
    each(async |state| {
        for (n, opened_at) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 40)] {
            with_conflict(state, &acme(), &format!("customer/{n}"), opened(n, opened_at, &[0])).await;
        }
        with_conflict(state, &globex(), "customer/9", opened(9, 1, &[0])).await;
        let expected = [2, 4, 3, 1, 5];
        assert_eq!(list(state, &ConflictFilter::default()).await, expected);
        for limit in 1..=6 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page =
                    state.open_conflicts(&acme(), &ConflictFilter::default(), after, limit).await.unwrap();
                seen.extend(ids(&page));
                after = page.last().map(Filed::place);
                if page.len() < limit {
                    break;
                }
            }
            assert_eq!(seen, expected, "in pages of {limit}");
        }
        let due = state.conflicts_by_sla(&acme(), at(20).plus(DAY_MS), 10).await.unwrap();
        assert_eq!(ids(&due), [2, 4, 3]);
        assert_eq!(due[0].due_at, at(10).plus(DAY_MS));
        assert_eq!(state.conflicts_by_sla(&acme(), at(20).plus(DAY_MS), 2).await.unwrap().len(), 2);
        assert!(
            state
                .open_conflicts(&account("nobody"), &ConflictFilter::default(), None, 9)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn every_filter_of_the_inbox_keeps_what_it_says() {
    each(async |state| {
        with_conflict(state, &acme(), "customer/1", opened(1, 10, &[0])).await;
        with_conflict(state, &acme(), "customer/2", opened(2, 20, &[0, 1])).await;
        with_conflict(state, &acme(), "item/3", opened(3, 30, &[1])).await;
        let mut high = opened(4, 40, &[2]);
        high.clashes[0].risk = Risk::High;
        with_conflict(state, &acme(), "item/4", high).await;
        let mut deleted = opened(5, 50, &[]);
        deleted.deleted_by = Some(Side::SuiteX);
        with_conflict(state, &acme(), "customer/5", deleted).await;
        for n in [2, 3] {
            assert!(
                state
                    .assign(&acme(), id(n), None, Some("ann@a.example"), row("ann", "assigned", "x"))
                    .await
                    .unwrap()
            );
        }
        let filter = ConflictFilter::default;
        for (wanted, expected) in [
            (filter(), vec![1, 2, 3, 4, 5]),
            (ConflictFilter { record_type: Some(kind("item")), ..filter() }, vec![3, 4]),
            (ConflictFilter { record_type: Some(kind("none")), ..filter() }, vec![]),
            (ConflictFilter { field: Some((kind("customer"), 0)), ..filter() }, vec![1, 2]),
            (ConflictFilter { field: Some((kind("customer"), 1)), ..filter() }, vec![2]),
            (ConflictFilter { field: Some((kind("item"), 1)), ..filter() }, vec![3]),
            (ConflictFilter { assignee: Some("ann@a.example".into()), ..filter() }, vec![2, 3]),
            (ConflictFilter { assignee: Some("ann@a.exampl".into()), ..filter() }, vec![]),
            (ConflictFilter { assignee: Some(String::new()), ..filter() }, vec![1, 4, 5]),
            (ConflictFilter { opened_until: Some(at(30)), ..filter() }, vec![1, 2, 3]),
            (ConflictFilter { locks_record: Some(true), ..filter() }, vec![4, 5]),
            (ConflictFilter { locks_record: Some(false), ..filter() }, vec![1, 2, 3]),
            (ConflictFilter { deleted: Some(true), ..filter() }, vec![5]),
            (ConflictFilter { deleted: Some(false), ..filter() }, vec![1, 2, 3, 4]),
            (
                ConflictFilter {
                    record_type: Some(kind("item")),
                    assignee: Some("ann@a.example".into()),
                    ..filter()
                },
                vec![3],
            ),
            (
                ConflictFilter {
                    field: Some((kind("customer"), 0)),
                    assignee: Some(String::new()),
                    opened_until: Some(at(10)),
                    ..filter()
                },
                vec![1],
            ),
        ] {
            assert_eq!(list(state, &wanted).await, expected, "{wanted:?}");
        }
    });
}

#[test]
fn the_inbox_follows_the_record() {
    each(async |state| {
        let mut record = with_conflict(state, &acme(), "customer/1", opened(1, 10, &[0])).await;
        let on =
            |field| ConflictFilter { field: Some((kind("customer"), field)), ..ConflictFilter::default() };
        assert!(state.assign(&acme(), id(1), None, Some("ann"), row("ann", "assigned", "x")).await.unwrap());
        // It moves: another field now, and the history says so.
        record.conflict = Some(Conflict { revision: 2, ..opened(1, 10, &[1]) });
        let decision = shared::state::HistoryDecision {
            field: "x".into(),
            rule: "conflict_rebased".into(),
            base: json!(null),
            ours: json!(null),
            from: json!(null),
            to: json!(null),
        };
        let history = HistoryRow { decisions: vec![decision], ..history(1) };
        commit(state, Commit { history: vec![history], ..commit_of(&record) }).await;
        assert_eq!((list(state, &on(0)).await, list(state, &on(1)).await), (vec![], vec![1]));
        let filed = state.conflict_of(&[acme()], id(1)).await.unwrap().expect("it is there");
        assert_eq!((filed.assignee.as_deref(), filed.is_open), (Some("ann"), true), "it stays whose it was");
        assert_eq!(filed.key, record.key);
        // It is over, and another one follows.
        let mut record = load(state, &record.key).await.unwrap();
        record.conflict = None;
        let mut record = put(state, record).await;
        assert!(
            list(state, &ConflictFilter::default()).await.is_empty() && list(state, &on(1)).await.is_empty()
        );
        let filed = state.conflict_of(&[acme()], id(1)).await.unwrap().expect("a closed one stays known");
        assert!(!filed.is_open);
        assert!(!state.assign(&acme(), id(1), Some("ann"), None, row("ann", "assigned", "x")).await.unwrap());
        record.conflict = Some(opened(2, 20, &[1]));
        put(state, record).await;
        assert_eq!(list(state, &on(1)).await, [2]);
    });
}

#[test]
fn what_is_filed_of_a_conflict_is_what_its_record_has() {
    each(async |state| {
        let mut record = with_conflict(state, &acme(), "customer/1", opened(1, 10, &[0])).await;
        // A commit about anything at all, that says nothing of the conflict: the agreed times were changed meanwhile.
        let mut sooner = opened(1, 10, &[1]);
        sooner.due_at = at(77);
        sooner.deleted_by = Some(Side::SuiteX);
        record.conflict = Some(sooner);
        put(state, record).await;
        let filed = state.conflict_of(&[acme()], id(1)).await.unwrap().expect("it is there");
        assert_eq!((filed.opened_at, filed.due_at, filed.is_open), (at(10), at(77), true));
        let on =
            |field| ConflictFilter { field: Some((kind("customer"), field)), ..ConflictFilter::default() };
        assert_eq!((list(state, &on(0)).await, list(state, &on(1)).await), (vec![], vec![1]));
        let locks = ConflictFilter { locks_record: Some(true), ..ConflictFilter::default() };
        assert_eq!(list(state, &locks).await, [1]);
        let due = state.conflicts_by_sla(&acme(), at(77), 9).await.unwrap();
        assert_eq!(ids(&due), [1]);
        assert_eq!(state.conflict_counts(&acme(), at(77)).await.unwrap().overdue, 1);
    });
}

#[test]
fn a_conflict_is_found_in_the_accounts_that_are_asked_alone() {
    each(async |state| {
        with_conflict(state, &acme(), "customer/1", opened(1, 10, &[0])).await;
        for (accounts, found) in [
            (vec![acme()], true),
            (vec![globex()], false),
            (vec![globex(), acme(), account("x")], true),
            (vec![], false),
        ] {
            assert_eq!(state.conflict_of(&accounts, id(1)).await.unwrap().is_some(), found, "{accounts:?}");
        }
        assert!(!state.assign(&globex(), id(1), None, Some("x"), row("x", "assigned", "y")).await.unwrap());
        assert!(state.audit_of(&globex(), &AuditFilter::default(), None, 9).await.unwrap().is_empty());
    });
}

#[test]
fn of_two_who_take_a_conflict_one_has_it() {
    each(async |state| {
        with_conflict(state, &acme(), "customer/1", opened(1, 10, &[0])).await;
        let take = async |from: Option<&str>, to: Option<&str>| {
            state.assign(&acme(), id(1), from, to, row("x", "assigned", "conflict:1")).await.unwrap()
        };
        assert!(take(None, Some("ann")).await);
        assert!(!take(None, Some("bob")).await);
        assert!(take(Some("ann"), Some("ann")).await, "to whom it is already");
        assert!(take(Some("ann"), None).await);
        let rows = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(rows.len(), 3, "what did not happen is in no audit");
    });
}

#[test]
fn conflicts_are_counted_by_what_they_wait_for() {
    each(async |state| {
        for n in 1..=4 {
            with_conflict(state, &acme(), &format!("customer/{n}"), opened(n, n as i64 * 10, &[0])).await;
        }
        state.assign(&acme(), id(2), None, Some("ann"), row("ann", "assigned", "x")).await.unwrap();
        let mut closed = load(state, &crate::key(&acme(), "customer/4")).await.unwrap();
        closed.conflict = None;
        put(state, closed).await;
        let counts = state.conflict_counts(&acme(), at(20).plus(DAY_MS)).await.unwrap();
        assert_eq!(counts, ConflictCounts { open: 3, overdue: 2, unassigned: 2 });
        assert_eq!(state.conflict_counts(&globex(), at(0)).await.unwrap(), ConflictCounts::default());
        assert_eq!(state.conflicts_opened(&acme(), at(0), 2).await.unwrap(), 2, "no more are counted");
        for (since, count) in [(0, 4), (20, 3), (41, 0)] {
            assert_eq!(state.conflicts_opened(&acme(), at(since), 9).await.unwrap(), count, "since {since}");
        }
    });
}

#[test]
fn the_audit_is_read_from_its_end_by_subject_and_by_person() {
    each(async |state| {
        let long = "x".repeat(1_000);
        let rows = [
            row("ann", "a", "acme:item:1"),
            row("bob", "b", "acme:item:1"),
            row("ann", "c", "acme:item:10"),
            row(&long, "d", &long),
        ];
        state.commit(vec![Commit { audit: rows.to_vec(), ..Commit::new(acme()) }]).await.unwrap();
        let read = async |subject: Option<&str>, actor: Option<&str>| {
            let filter =
                AuditFilter { subject: subject.map(str::to_string), actor: actor.map(str::to_string) };
            let (mut seen, mut before) = (String::new(), None);
            loop {
                let page = state.audit_of(&acme(), &filter, before, 2).await.unwrap();
                page.iter().for_each(|line| seen.push_str(&line.row.action));
                before = page.last().map(|line| line.at);
                if page.len() < 2 {
                    return seen;
                }
            }
        };
        assert_eq!(read(None, None).await, "dcba");
        assert_eq!(read(Some("acme:item:1"), None).await, "ba");
        assert_eq!(read(None, Some("ann")).await, "ca");
        assert_eq!(read(Some("acme:item:1"), Some("ann")).await, "a");
        assert_eq!(read(Some(&long), Some(&long)).await, "d");
        assert_eq!(read(Some("nothing"), None).await, "");
        let first = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(first[3].row, rows[0], "as it was written");
        assert!(state.audit_of(&globex(), &AuditFilter::default(), None, 9).await.unwrap().is_empty());
    });
}

fn history(version: u64) -> HistoryRow {
    HistoryRow {
        version: Version(version),
        at: at(version as i64),
        source: "suitex".into(),
        actor: None,
        events: vec![id(u128::from(version))],
        decisions: vec![],
    }
}

#[test]
fn a_history_is_read_from_its_end() {
    each(async |state| {
        let mut record = put(state, fresh(&acme(), "customer/1")).await;
        for versions in [vec![1, 2], vec![3], vec![4, 5, 6]] {
            let rows = versions.into_iter().map(history).collect();
            commit(state, Commit { history: rows, ..commit_of(&record) }).await;
            record = load(state, &record.key).await.unwrap();
        }
        for limit in 1..=7 {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let page = state.history_of(&record.key, before, limit).await.unwrap();
                seen.extend(page.iter().map(|line| line.row.version.0));
                before = page.last().map(|line| line.at);
                if page.len() < limit {
                    break;
                }
            }
            assert_eq!(seen, [6, 5, 4, 3, 2, 1], "in pages of {limit}");
        }
        assert!(state.history_of(&crate::key(&globex(), "customer/1"), None, 9).await.unwrap().is_empty());
    });
}

#[test]
fn what_is_held_is_held_until_it_is_let_go() {
    each(async |state| {
        let hold = |who: &str| Hold { since: at(7), actor: who.into(), reason: "month's end".into() };
        let set = async |side, from: Option<&Hold>, to: Option<Hold>| {
            let row = row("ada", "suspended", "account:netsuite");
            state.set_hold(&acme(), (side, Holder::People), from, to, row).await.unwrap()
        };
        let of_people = |holds: &PerSide<Holds>| (holds.netsuite.people.clone(), holds.suitex.people.clone());
        assert_eq!(state.holds(&acme()).await.unwrap(), Default::default());
        assert!(!set(Side::NetSuite, None, None).await, "nothing was held");
        assert!(set(Side::NetSuite, None, Some(hold("ada"))).await);
        assert!(!set(Side::NetSuite, None, Some(hold("bob"))).await, "the first reason stands");
        assert!(!set(Side::NetSuite, Some(&hold("bob")), None).await, "another's is not let go unseen");
        let held = state.holds(&acme()).await.unwrap();
        assert_eq!(of_people(&held), (Some(hold("ada")), None));
        assert_eq!(state.holds(&globex()).await.unwrap(), Default::default());
        assert!(set(Side::SuiteX, None, Some(hold("ada"))).await);
        assert!(set(Side::NetSuite, Some(&hold("ada")), None).await);
        let held = state.holds(&acme()).await.unwrap();
        assert_eq!(of_people(&held), (None, Some(hold("ada"))));
        let rows = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(rows.len(), 3);
    });
}

#[test]
fn who_holds_for_another_reason_holds_for_itself() {
    each(async |state| {
        let hold = |who: &str| Hold { since: at(7), actor: who.into(), reason: format!("{who}'s") };
        let held = async || state.holds(&acme()).await.unwrap().suitex;
        let set = async |holder, to: Option<Hold>| {
            let (row, from) = (row("x", "suspended", "account:suitex"), held().await);
            state.set_hold(&acme(), (Side::SuiteX, holder), from.of(holder), to, row).await.unwrap()
        };
        assert!(set(Holder::Watch, Some(hold("notify"))).await);
        assert_eq!(held().await.shown(), Some((Holder::Watch, &hold("notify"))));
        assert!(set(Holder::People, Some(hold("ada"))).await, "though it is held already");
        let both = Holds { people: Some(hold("ada")), watch: Some(hold("notify")) };
        assert_eq!(held().await, both);
        assert_eq!(both.shown(), Some((Holder::People, &hold("ada"))));
        assert!(set(Holder::Watch, None).await);
        assert!(!set(Holder::Watch, None).await, "it has let go already");
        assert_eq!(held().await, Holds { people: Some(hold("ada")), watch: None });
        assert!(set(Holder::Watch, Some(hold("notify"))).await && set(Holder::People, None).await);
        assert!(held().await.is_held());
        assert!(set(Holder::Watch, None).await);
        assert_eq!(held().await, Holds::default());
        assert!(!state.holds(&acme()).await.unwrap().netsuite.is_held());
        let rows = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(rows.len(), 6);
    });
}

#[test]
fn the_first_decision_about_a_brake_stands() {
    each(async |state| {
        let open = |n: u128, class: &str| {
            ErrorEntry::open(&acme(), Uuid::from_u128(n), class, "MASS_DELETE", "so many", "ask", at(1))
        };
        let errors = vec![open(1, brake::CLASS), open(2, "missing"), open(3, brake::CLASS)];
        commit(state, Commit { errors, ..Commit::new(acme()) }).await;
        let decide = async |account: &AccountId, n: u128, word, who: &str| {
            let decision = BrakeDecision { word, note: format!("by {who}"), at: at(5) };
            let row = row(who, "brake", "error:1");
            state.decide_brake(account, Uuid::from_u128(n), &decision, row).await.unwrap()
        };
        let first = decide(&acme(), 1, BrakeWord::Pass, "ada").await.expect("nobody has decided");
        assert_eq!((first.status, first.brake), (ErrorStatus::Retried, Some(BrakeWord::Pass)));
        assert_eq!((first.note.as_deref(), first.attempts, first.last_at), (Some("by ada"), 1, at(5)));
        assert_eq!(decide(&acme(), 1, BrakeWord::Discard, "bob").await, None);
        assert_eq!(decide(&acme(), 2, BrakeWord::Pass, "bob").await, None, "it is no brake");
        assert_eq!(decide(&globex(), 3, BrakeWord::Pass, "bob").await, None, "another account's");
        assert_eq!(decide(&acme(), 9, BrakeWord::Pass, "bob").await, None, "there is none");
        let closed = ErrorEntry { status: ErrorStatus::Closed, ..open(3, brake::CLASS) };
        commit(state, Commit { errors: vec![closed], ..Commit::new(acme()) }).await;
        assert_eq!(decide(&acme(), 3, BrakeWord::Pass, "bob").await, None, "it is over");
        assert_eq!(state.error(Uuid::from_u128(1)).await.unwrap(), Some(first));
        let rows = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(rows.iter().map(|line| line.row.actor.as_str()).collect::<Vec<_>>(), ["ada"]);
    });
}

#[test]
fn what_else_waits_for_a_person_is_counted_by_account() {
    each(async |state| {
        assert_eq!(state.waiting_counts(&acme()).await.unwrap(), WaitingCounts::default());
        let error = |n: u128, status| {
            let open = ErrorEntry::open(&acme(), Uuid::from_u128(n), "validation", "X", "no", "mend", at(1));
            ErrorEntry { status, ..open }
        };
        let of = |n, status| error(n, status);
        let errors = vec![
            of(1, ErrorStatus::Open),
            of(2, ErrorStatus::Open),
            of(3, ErrorStatus::Retried),
            of(4, ErrorStatus::Closed),
        ];
        let asked = |name: &str, status| {
            let asked = Ambiguity::new(crate::key(&acme(), name), Side::NetSuite, at(1));
            Ambiguity { status, ..asked }
        };
        let ambiguities = vec![
            asked("customer/1", AmbiguityStatus::Open),
            asked("customer/2", AmbiguityStatus::Answered),
            asked("customer/3", AmbiguityStatus::Closed),
        ];
        commit(state, Commit { errors, ambiguities, ..Commit::new(acme()) }).await;
        let counted = WaitingCounts { errors: 2, questions: 1 };
        assert_eq!(state.waiting_counts(&acme()).await.unwrap(), counted);
        assert_eq!(state.waiting_counts(&globex()).await.unwrap(), WaitingCounts::default());
        let closed = vec![of(1, ErrorStatus::Closed)];
        commit(state, Commit { errors: closed, ..Commit::new(acme()) }).await;
        assert_eq!(state.waiting_counts(&acme()).await.unwrap().errors, 1);
    });
}
