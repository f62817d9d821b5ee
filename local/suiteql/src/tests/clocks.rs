//! The two days of the year on which the wall clock jumps.

use super::{
    Calendar, Cell, Database, Gap, Overlap, Reckoning, calendar, empty, moment, rows, run, utc, value,
};

/// A customer for each moment, numbered from 1.
fn saved(calendar: Calendar, moments: &[&str]) -> Database {
    let mut database = empty(calendar);
    database
        .fill(|filling| {
            for (id, at) in (1..).zip(moments) {
                let mut row = vec![Cell::Null; 7];
                row[0] = Cell::Integer(id);
                row[6] = moment(at);
                filling.replace(0, id, &[row])?;
            }
            Ok(())
        })
        .unwrap();
    database
}

const SHOWN: &str =
    "SELECT TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') FROM customer ORDER BY lastmodifieddate, id";

/// A zone and its two jumps.
struct Jumps {
    zone: &'static str,
    /// Four moments around the end of summer time, of which the two in the middle read the same.
    moments: [&'static str; 4],
    /// How they read.
    walls: [&'static str; 4],
    /// A time that spring skips.
    skipped: &'static str,
    /// When it would be, had the clock not jumped.
    meant: &'static str,
}

const ZONES: [Jumps; 3] = [
    Jumps {
        zone: "America/New_York",
        moments: [
            "2026-11-01T04:30:00Z",
            "2026-11-01T05:30:00Z",
            "2026-11-01T06:30:00Z",
            "2026-11-01T07:30:00Z",
        ],
        walls: ["2026-11-01 00:30:00", "2026-11-01 01:30:00", "2026-11-01 01:30:00", "2026-11-01 02:30:00"],
        skipped: "2026-03-08 02:30:00",
        meant: "2026-03-08T07:30:00Z",
    },
    Jumps {
        zone: "Europe/Berlin",
        moments: [
            "2026-10-24T23:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z",
        ],
        walls: ["2026-10-25 01:30:00", "2026-10-25 02:30:00", "2026-10-25 02:30:00", "2026-10-25 03:30:00"],
        skipped: "2026-03-29 02:30:00",
        meant: "2026-03-29T01:30:00Z",
    },
    // Lord Howe's clocks move by half an hour.
    Jumps {
        zone: "Australia/Lord_Howe",
        moments: [
            "2026-04-04T14:15:00Z",
            "2026-04-04T14:45:00Z",
            "2026-04-04T15:15:00Z",
            "2026-04-04T15:45:00Z",
        ],
        walls: ["2026-04-05 01:15:00", "2026-04-05 01:45:00", "2026-04-05 01:45:00", "2026-04-05 02:15:00"],
        skipped: "2026-10-04 02:15:00",
        meant: "2026-10-03T15:45:00Z",
    },
];

#[test]
fn the_repeated_hour_of_autumn_reads_twice_the_same() {
    for Jumps { zone, moments, walls, .. } in ZONES {
        let mut database = saved(calendar(zone), &moments);
        assert_eq!(rows(&mut database, SHOWN), walls, "{zone}");
        // As moments, the order is that in which they happened, and a text means one of the two.
        let from = |wall: &str, operator: &str| {
            format!(
                "SELECT id FROM customer WHERE lastmodifieddate {operator} \
                 TO_TIMESTAMP('{wall}', 'YYYY-MM-DD HH24:MI:SS') ORDER BY lastmodifieddate, id"
            )
        };
        assert_eq!(rows(&mut database, &from(walls[1], ">=")), ["3", "4"], "{zone}: the later is meant");
        assert_eq!(rows(&mut database, &from(walls[1], "=")), ["3"], "{zone}");
        let earlier = Calendar { overlap: Overlap::Earlier, ..calendar(zone) };
        let mut database = saved(earlier, &moments);
        assert_eq!(
            rows(&mut database, &from(walls[1], ">=")),
            ["2", "3", "4"],
            "{zone}: the earlier is meant"
        );
        // By the wall clock, the two fall together, and so does everything between them.
        let wall = Calendar { reckoning: Reckoning::Wall, ..calendar(zone) };
        let mut database = saved(wall, &moments);
        assert_eq!(rows(&mut database, SHOWN), walls, "{zone}");
        assert_eq!(rows(&mut database, &from(walls[1], "=")), ["2", "3"], "{zone}");
    }
}

#[test]
fn by_the_wall_clock_a_later_save_can_sort_before_an_earlier_one() {
    let moments = ["2026-11-01T05:59:00Z", "2026-11-01T06:01:00Z"];
    let by_id = "SELECT id FROM customer ORDER BY lastmodifieddate, id";
    assert_eq!(rows(&mut saved(calendar("America/New_York"), &moments), by_id), ["1", "2"]);
    let wall = Calendar { reckoning: Reckoning::Wall, ..calendar("America/New_York") };
    assert_eq!(rows(&mut saved(wall, &moments), by_id), ["2", "1"]);
}

#[test]
fn a_time_that_spring_skips_is_refused_or_moved_on() {
    for Jumps { zone, skipped, meant, .. } in ZONES {
        let query = format!(
            "SELECT COUNT(*) FROM customer WHERE lastmodifieddate = TO_TIMESTAMP('{skipped}', 'YYYY-MM-DD HH24:MI:SS')"
        );
        let refusal = run(&mut saved(calendar(zone), &[meant]), &query).unwrap_err().to_string();
        assert!(refusal.contains("ORA-01878"), "{zone}: {refusal}");
        let forward = Calendar { gap: Gap::Forward, ..calendar(zone) };
        assert_eq!(value(&mut saved(forward, &[meant]), &query), "1", "{zone}");
        let wall = Calendar { reckoning: Reckoning::Wall, ..calendar(zone) };
        assert_eq!(value(&mut saved(wall, &[meant]), &query), "0", "{zone}: no record has such a time");
    }
}

#[test]
fn around_the_gap_times_go_on() {
    for (zone, moments, walls) in [
        (
            "America/New_York",
            ["2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z"],
            ["2026-03-08 01:59:59", "2026-03-08 03:00:00"],
        ),
        (
            "Europe/Berlin",
            ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"],
            ["2026-03-29 01:59:59", "2026-03-29 03:00:00"],
        ),
        (
            "Australia/Lord_Howe",
            ["2026-10-03T15:29:59Z", "2026-10-03T15:30:00Z"],
            ["2026-10-04 01:59:59", "2026-10-04 02:30:00"],
        ),
        // No summer time, and a quarter of an hour that nobody else has.
        (
            "Asia/Kathmandu",
            ["2026-03-28T18:14:59Z", "2026-03-28T18:15:00Z"],
            ["2026-03-28 23:59:59", "2026-03-29 00:00:00"],
        ),
    ] {
        for reckoning in [Reckoning::Instant, Reckoning::Wall] {
            let mut database = saved(Calendar { reckoning, ..calendar(zone) }, &moments);
            assert_eq!(rows(&mut database, SHOWN), walls, "{zone}");
            for (id, wall) in (1..).zip(walls) {
                let query = format!(
                    "SELECT id FROM customer WHERE lastmodifieddate = TO_TIMESTAMP('{wall}', 'YYYY-MM-DD HH24:MI:SS')"
                );
                assert_eq!(
                    value(&mut database, &query),
                    id.to_string(),
                    "{zone}: what is shown can be asked for"
                );
            }
        }
    }
}

#[test]
fn a_date_alone_is_the_day_in_the_zone_and_in_the_users_format() {
    // Late in the evening in UTC it is tomorrow in Kathmandu.
    let moments = ["2026-03-05T19:00:00Z"];
    let query = "SELECT lastmodifieddate FROM customer";
    for (zone, format, expected) in [
        ("Asia/Kathmandu", "MM/DD/YYYY", "03/06/2026"),
        ("Asia/Kathmandu", "DD.MM.YYYY", "06.03.2026"),
        ("America/New_York", "YYYY-MM-DD", "2026-03-05"),
        ("America/New_York", "FMMM/DD/YYYY", "3/5/2026"),
    ] {
        let calendar = Calendar { date_format: format.parse().unwrap(), ..calendar(zone) };
        assert_eq!(value(&mut saved(calendar, &moments), query), expected);
    }
}

#[test]
fn a_day_begins_at_midnight_or_where_the_clock_first_stands() {
    // Beirut's clocks skip the hour from midnight on.
    let beirut = calendar("Asia/Beirut");
    let mut database = saved(beirut, &["2026-03-29T10:00:00Z"]);
    let query = "SELECT TO_CHAR(TRUNC(lastmodifieddate), 'YYYY-MM-DD HH24:MI') FROM customer";
    assert_eq!(value(&mut database, query), "2026-03-29 01:00");
    let day = database.calendar().day("2026-03-29".parse().unwrap());
    assert_eq!(day, utc("2026-03-28T22:00:00Z"));
}
