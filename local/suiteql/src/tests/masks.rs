//! Masks, to write and to read with.

use chrono::{NaiveDate, NaiveDateTime};

use crate::mask::Mask;
use crate::number::masked;

fn at(day: (i32, u32, u32), time: (u32, u32, u32)) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap();
    day.and_hms_opt(time.0, time.1, time.2).unwrap()
}

#[test]
fn dates_are_written() {
    let (morning, night) = (at((2026, 3, 5), (0, 7, 9)), at((2026, 12, 31), (23, 59, 58)));
    for (mask, in_the_morning, at_night) in [
        ("YYYY-MM-DD HH24:MI:SS", "2026-03-05 00:07:09", "2026-12-31 23:59:58"),
        ("HH:MI:SS", "12:07:09", "11:59:58"),
        ("hh12:mi am", "12:07 am", "11:59 pm"),
        ("HH:MI P.M.", "12:07 A.M.", "11:59 P.M."),
        ("DD.MM.YY", "05.03.26", "31.12.26"),
        ("FMMM/DD/YYYY", "3/5/2026", "12/31/2026"),
        ("DD-MON-YYYY", "05-MAR-2026", "31-DEC-2026"),
        ("Mon", "Mar", "Dec"),
        ("FMDay, DD Month YYYY", "Thursday, 5 March 2026", "Thursday, 31 December 2026"),
        ("MONTH|", "MARCH    |", "DECEMBER |"),
        ("DY D DDD Q IW IYYY", "THU 5 064 1 10 2026", "THU 5 365 4 53 2026"),
        ("YYYY-MM-DD\"T\"HH24:MI:SS.FF3\"Z\"", "2026-03-05T00:07:09.000Z", "2026-12-31T23:59:58.000Z"),
        ("SSSSS", "00429", "86398"),
    ] {
        let mask = Mask::parse(mask).unwrap();
        assert_eq!((&*mask.write(morning), &*mask.write(night)), (in_the_morning, at_night), "{mask:?}");
    }
    for bad in ["YYYY-XX", "T", "YYYY\"open", "hello"] {
        assert!(Mask::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn dates_are_read() {
    let read = |text: &str, mask: &str| Mask::parse(mask).unwrap().read(text);
    let noon = Ok(at((2026, 3, 5), (12, 0, 0)));
    assert_eq!(read("2026-03-05 12:00:00", "YYYY-MM-DD HH24:MI:SS"), noon);
    assert_eq!(read("2026/03/05 12.00.00", "YYYY-MM-DD HH24:MI:SS"), noon, "any punctuation does");
    assert_eq!(read("5.3.2026 12:00 pm", "DD.MM.YYYY HH:MI AM"), noon);
    assert_eq!(read("05-mar-2026 12", "DD-MON-YYYY HH24"), noon);
    assert_eq!(read("2026-03-05T12:00:00Z", "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\""), noon);
    let midnight = Ok(at((2026, 3, 5), (0, 0, 0)));
    assert_eq!(read("2026-03-05", "YYYY-MM-DD HH24:MI:SS"), midnight, "the time may be missing");
    assert_eq!(read("2026-03-05 12:00:00", "YYYY-MM-DD HH:MI:SS"), midnight, "twelve without PM is night");
    for (text, mask, code) in [
        ("2026-03-05 24:00", "YYYY-MM-DD HH24:MI", "ORA-01850"),
        ("2026-03-05 00:60", "YYYY-MM-DD HH24:MI", "ORA-01851"),
        ("2026-03-05 00:00", "YYYY-MM-DD HH:MI", "ORA-01849"),
        ("2026-03-XX", "YYYY-MM-DD", "ORA-01858"),
        ("20260305", "YYYY-MM-DD", "ORA-01861"),
        ("03-05", "MM-DD", "ORA-01840"),
        ("2026 1", "YYYY Q", "ORA-01820"),
    ] {
        assert!(read(text, mask).unwrap_err().starts_with(code), "{text} {mask}: {:?}", read(text, mask));
    }
}

#[test]
fn numbers_are_written() {
    for (number, mask, expected) in [
        ("1234.567", "FM9,999,999.00", "1,234.57"),
        ("0.5", "FM0.909", "0.50"),
        ("0.5", "FM9.9", ".5"),
        ("-12", "FM999", "-12"),
        ("12", "99999", "    12"),
        ("7", "FM000", "007"),
        ("1234", "FM999", "####"),
        ("5", "FM$99.00", "$5.00"),
    ] {
        assert_eq!(masked(number.parse().unwrap(), mask).unwrap(), expected, "{number} {mask}");
    }
    assert!(masked(1.into(), "9x").is_err());
}
