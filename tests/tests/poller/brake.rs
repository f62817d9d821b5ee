//! A person decides about a brake: for that account alone.

use poller::Rules;
use shared::state::brake::BrakeWord;
use shared::state::notices::Topic as About;

use crate::plain::Plain;

/// Two accounts with thirty customers each, of which twelve are deleted at once; more than five an hour are held.
fn masses() -> (Plain, [Vec<String>; 2]) {
    let rules = Rules { deletions_max: 5, sweep_every_s: 3_600, ..Rules::default() };
    let mut plain = Plain::new(rules);
    let ids = ["acme", "globex"].map(|name| Vec::from_iter((0..30).map(|_| plain.customer(name))));
    plain.minutes(10);
    for (name, ids) in ["acme", "globex"].iter().zip(&ids) {
        assert_eq!(plain.there(name, ids), 30);
        ids[..12].iter().for_each(|id| plain.delete(name, id));
    }
    plain.minutes(3);
    for (name, ids) in ["acme", "globex"].iter().zip(&ids) {
        assert_eq!((plain.there(name, ids), plain.codes(name)), (30, vec!["MASS_DELETE".to_string()]));
        assert_eq!(plain.notices(name, About::Brake), 1);
    }
    (plain, ids)
}

#[test]
fn what_passes_in_one_account_passes_in_that_one_alone() {
    let (mut plain, [acme, globex]) = masses();
    plain.decide("acme", BrakeWord::Pass);
    plain.minutes(3);
    assert_eq!((plain.there("acme", &acme), plain.codes("acme").len()), (18, 0));
    assert_eq!(plain.notices("acme", About::Recovered), 1);
    assert_eq!(
        (plain.there("globex", &globex), plain.codes("globex").len()),
        (30, 1),
        "nobody has decided there"
    );
    acme[12..20].iter().for_each(|id| plain.delete("acme", id));
    plain.minutes(3);
    assert_eq!(
        (plain.there("acme", &acme), plain.codes("acme").len()),
        (18, 1),
        "another mass is another question"
    );
    assert_eq!(plain.notices("acme", About::Brake), 2);
}

/// A scan looks at what was deleted in portions, and holds before it has looked at all; the scans of an hour and a day
/// later and the sweep come upon the rest.
#[test]
fn nothing_of_a_mass_passes_unasked_because_another_scan_finds_the_rest() {
    let rules = Rules { deletions_max: 50, sweep_every_s: 3_600, ..Rules::default() };
    let mut plain = Plain::new(rules);
    let ids = Vec::from_iter((0..300).map(|_| plain.customer("acme")));
    plain.minutes(10);
    assert_eq!(plain.there("acme", &ids), 300);
    ids[..120].iter().for_each(|id| plain.delete("acme", id));
    plain.minutes(27 * 60);
    assert_eq!(plain.there("acme", &ids), 300);
    assert!(plain.codes("acme").iter().all(|code| code == "MASS_DELETE"), "{:?}", plain.codes("acme"));
}

#[test]
fn what_is_discarded_is_kept_and_holds_no_later_deletion() {
    let (mut plain, [acme, globex]) = masses();
    plain.decide("acme", BrakeWord::Discard);
    plain.minutes(3);
    assert_eq!((plain.there("acme", &acme), plain.codes("acme").len()), (30, 0));
    plain.delete("acme", &acme[20]);
    plain.minutes(3);
    assert_eq!(plain.there("acme", &acme), 29, "one more is told");
    // The scans of an hour and of a day ago come by, and sweeps.
    plain.minutes(26 * 60);
    assert_eq!(
        (plain.there("acme", &acme), plain.codes("acme").len()),
        (29, 0),
        "{:?}",
        plain.errors("acme")
    );
    assert_eq!(plain.notices("acme", About::Brake), 1);
    assert_eq!(plain.there("globex", &globex), 30, "nobody has decided there");
    assert_eq!(plain.codes("globex"), ["MASS_DELETE"]);
}
