//! A role that does not see when records were changed.

use std::collections::BTreeSet;

use poller::Rules;
use shared::state::notices::Topic as About;
use suiteql::HiddenColumns;

use crate::plain::Plain;

#[test]
fn a_role_that_sees_no_time_of_change_loses_no_change() {
    for hidden_as in [HiddenColumns::Unknown, HiddenColumns::Null] {
        let mut plain = Plain::new(Rules::default());
        let ids: Vec<String> = (0..5).map(|_| plain.customer("acme")).collect();
        plain.minutes(3);
        assert!(ids.iter().all(|id| plain.wrong("acme", id).is_none()));
        plain.settings("acme", |s| {
            s.hidden_columns = BTreeSet::from(["customer.lastmodifieddate".into()]);
            s.hidden_as = hidden_as;
        });
        plain.minutes(61);
        plain.phone("acme", &ids[0], "2");
        assert!(plain.wrong("acme", &ids[0]).is_some(), "else this shows nothing");
        plain.minutes(61);
        assert_eq!(plain.wrong("acme", &ids[0]), None, "{hidden_as:?}");
        let is_told = hidden_as == HiddenColumns::Null;
        assert_eq!(plain.codes("acme"), if is_told { vec!["NO_TIMES"] } else { vec![] }, "{hidden_as:?}");
        assert_eq!(plain.notices("acme", About::Error), usize::from(is_told));
        plain.phone("acme", &ids[1], "3");
        plain.settings("acme", |s| s.hidden_columns.clear());
        plain.minutes(63);
        assert!(ids.iter().all(|id| plain.wrong("acme", id).is_none()), "{hidden_as:?}");
        assert!(plain.codes("acme").is_empty());
        plain.phone("acme", &ids[2], "4");
        plain.minutes(2);
        assert_eq!(plain.wrong("acme", &ids[2]), None, "by the minute again: {hidden_as:?}");
    }
}

#[test]
fn a_type_that_the_role_may_not_read_is_told_and_goes_on_where_it_stopped() {
    let mut plain = Plain::new(Rules::default());
    let id = plain.customer("acme");
    plain.minutes(2);
    plain.settings("acme", |s| s.denied = BTreeSet::from(["customer".into()]));
    plain.phone("acme", &id, "2");
    assert!(plain.minutes(15).into_iter().all(|status| status == 503));
    let errors = plain.errors("acme");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].class.as_str(), errors[0].attempts), ("not_polled", 1));
    assert!(errors[0].message.contains("changed of customer"), "{errors:?}");
    assert!(plain.codes("globex").is_empty());
    plain.settings("acme", |s| s.denied.clear());
    plain.minutes(2);
    assert_eq!((plain.wrong("acme", &id), plain.codes("acme").len()), (None, 0));
    assert_eq!((plain.notices("acme", About::Error), plain.notices("acme", About::Recovered)), (1, 1));
}
