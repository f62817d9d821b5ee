//! A short round of the crash tests: every kind of trouble at least once.

use crate::Services;

#[test]
fn a_short_round_of_crashes_loses_nothing_and_doubles_nothing() {
    let services = Services::up();
    let round = services.program().args(["chaos", "--minutes", "0.33", "--seed", "1"]).output();
    let round = round.expect("the program");
    let [said, shown] = [&round.stdout, &round.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(round.status.success(), "{}\n{shown}\n{said}", round.status);
    // What is planned is said first; what counts is what was made, and what people could do meanwhile.
    let (_, made) = said.split_once("trouble made").expect("the report");
    let (made, log) = made.split_once("the checker's log").expect("the checker's log");
    let kinds = [
        "kill -9 of MySQL",
        "MySQL on a slow disk",
        "kill -9 of Redis",
        "kill -9 of a function",
        "FLUSHALL",
        "MySQL away",
    ];
    for kind in kinds {
        assert!(made.contains(kind), "there was no {kind}:\n{said}");
    }
    let counted = |what: &str| {
        let line = log.lines().find(|line| line.contains(what));
        line.and_then(|line| line.split_whitespace().last()?.replace(',', "").parse::<u64>().ok())
    };
    for side in ["SuiteX", "NetSuite"] {
        let taken = counted(&format!("edits acknowledged by {side}"));
        assert!(taken.is_some_and(|taken| taken >= 8), "{side} took too few edits:\n{said}");
    }
    for side in ["suitex", "netsuite"] {
        let written = counted(&format!("writes to {side} that changed something"));
        assert!(written.is_some_and(|written| written >= 8), "nothing was written to {side}:\n{said}");
    }
}
