//! A short round of the crash tests: every kind of trouble at least once.

use crate::Services;

#[test]
fn a_short_round_of_crashes_loses_nothing_and_doubles_nothing() {
    let services = Services::up();
    let round = services.program().args(["chaos", "--minutes", "0.33", "--seed", "1"]).output();
    let round = round.expect("the program");
    let [said, shown] = [&round.stdout, &round.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(round.status.success(), "{}\n{shown}\n{said}", round.status);
    for kind in ["kill -9 of MySQL", "kill -9 of Redis", "kill -9 of a function", "FLUSHALL", "MySQL away"] {
        assert!(said.contains(kind), "there was no {kind}:\n{said}");
    }
}
