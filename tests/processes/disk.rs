//! The disk of scripts/services that is slow on demand: what a commit takes, as MySQL itself measures it.

use std::process::{Command, Output};

use crate::Services;

/// How much longer each sync takes while the disk is slow, in ms. No commit here takes as long by itself.
const SLOWER_BY_MS: i64 = 300;

/// Says how long each of three commits took, in microseconds.
const COMMITS: &str = "
    create database if not exists disk; create table if not exists disk.commits (id int);
    set @began = sysdate(6); insert into disk.commits values (1); select timestampdiff(microsecond, @began, sysdate(6));
    set @began = sysdate(6); insert into disk.commits values (2); select timestampdiff(microsecond, @began, sysdate(6));
    set @began = sysdate(6); insert into disk.commits values (3); select timestampdiff(microsecond, @began, sysdate(6));
";

/// MySQL's own client, from the packages that brought the server; the SQL is its first argument.
const CLIENT: &str = r#"
    set -euo pipefail
    source scripts/lib/packages.sh
    CACHE=$SYNC_SERVICES_CACHE
    unpacked mysql bin/mysql --no-defaults --protocol=TCP -h127.0.0.1 -P"$(<"$SYNC_SERVICES_DIR/mysql/port")" \
        -uroot --skip-column-names --execute="$1"
"#;

#[test]
fn a_commit_waits_for_a_slow_disk_and_is_quick_again_afterwards() {
    let services = Services::up();
    assert!(commits_ms(&services).iter().any(|ms| *ms < SLOWER_BY_MS), "the disk is slow by itself");

    tell(&services, &["slow", "mysql", &SLOWER_BY_MS.to_string()]);
    let slow = commits_ms(&services);
    assert!(slow.iter().all(|ms| *ms >= SLOWER_BY_MS), "the disk is slow, and commits took {slow:?} ms");

    tell(&services, &["quick", "mysql"]);
    let quick = commits_ms(&services);
    assert!(quick.iter().any(|ms| *ms < SLOWER_BY_MS), "the disk is quick, and commits took {quick:?} ms");

    for again in ["up", "restart"] {
        tell(&services, &["slow", "mysql", &SLOWER_BY_MS.to_string()]);
        tell(&services, &[again, "mysql"]);
        let quick = commits_ms(&services);
        assert!(quick.iter().any(|ms| *ms < SLOWER_BY_MS), "after {again} commits took {quick:?} ms");
    }
}

#[test]
fn a_bare_server_says_that_it_cannot_be_slowed() {
    let services = Services::up();
    let bare = said(script(&services, &["restart", "mysql"]).env_remove("SYNC_MYSQL_SLOW_DISK"));
    assert!(bare.status.success(), "{bare:?}");
    for words in [&["slow", "mysql", "300"][..], &["up", "mysql"]] {
        let refused = said(&mut script(&services, words));
        let reason = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{words:?} was done");
        assert!(reason.contains("mysql was started without a disk that can be slow"), "{words:?}: {reason}");
    }
}

/// What commits take, in ms.
fn commits_ms(services: &Services) -> Vec<i64> {
    let client = said(services.command("bash").args(["-c", CLIENT, "-", COMMITS]));
    let shown = String::from_utf8_lossy(&client.stdout);
    let took: Vec<i64> = shown.lines().filter_map(|line| Some(line.parse::<i64>().ok()? / 1_000)).collect();
    assert_eq!(took.len(), 3, "{client:?}");
    took
}

fn tell(services: &Services, words: &[&str]) {
    let told = said(&mut script(services, words));
    assert!(told.status.success(), "{words:?}: {told:?}");
}

fn script(services: &Services, words: &[&str]) -> Command {
    let mut command = services.command(crate::root().join("scripts/services"));
    command.args(words);
    command
}

fn said(command: &mut Command) -> Output {
    command.output().expect("the program")
}
