//! Accounts write dates in their own way and live in their own zone; through the deployed scripts they arrive the same.

use serde_json::{Value as Json, json};
use shared::netsuite::wire::What;
use suiteql::Mask;

use super::scripts::Hub;
use super::{World, acme, key, kind, map};
use crate::netsuite::{Cause, Mode, ScriptDates};

/// Masks, and NetSuite's names of them.
const FORMATS: [(&str, &str); 6] = [
    ("FMDD/MM/YYYY", "D/M/YYYY"),
    ("FMMM/DD/YYYY", "M/D/YYYY"),
    ("YYYY-MM-DD", "YYYY-MM-DD"),
    ("DD.MM.YYYY", "DD.MM.YYYY"),
    ("DD/MM/YYYY", "DD/MM/YYYY"),
    ("DD-Mon-YYYY", "DD-Mon-YYYY"),
];

const ZONES: [&str; 4] = ["America/Los_Angeles", "Pacific/Auckland", "Asia/Kathmandu", "UTC"];

/// Days and moments that a wrong format or zone makes others of: days that could be months, the ends of days, months and
/// years, and hours around both changes of the clocks.
const DATES: [(&str, &str); 5] = [
    ("2026-02-03", "2026-07-04T23:59:59Z"),
    ("2026-03-08", "2026-03-08T10:30:00Z"),
    ("2026-11-01", "2026-11-01T12:00:01Z"),
    ("2026-12-31", "2026-12-31T23:30:00Z"),
    ("2027-01-01", "2027-01-01T00:00:00Z"),
];

/// When orders are deleted: the clock stands still.
const DELETED: &str = "2026-01-01T00:00:00Z";

fn fields() -> Json {
    json!(["trandate", "custbody_confirmed_at"])
}

/// Day and moment in an answer or event, the moment in whole seconds.
fn dates(values: &Json) -> (String, String) {
    let text = |name: &str| values[name].as_str().unwrap_or_else(|| panic!("{name}: {values}")).to_string();
    (text("trandate"), text("custbody_confirmed_at").replace(".000Z", "Z"))
}

fn told(hub: &Hub) -> Vec<Json> {
    hub.take().iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect()
}

/// An order of these dates goes in and out by every way that the scripts have.
fn goes_through(world: &World, hub: &Hub, n: u128, (day, moment): (&str, &str), case: &str) {
    let expected = (day.to_string(), moment.to_string());
    let customer = world.customer(json!({"companyname": "Ada"}));
    let values = json!({"entity": customer, "trandate": day, "custbody_confirmed_at": moment,
                        "item": [{"quantity": 1}]});
    let write = json!({"operation": key(2 * n), "verb": "create", "type": "salesorder",
                       "externalId": format!("sx-{n}"), "values": values, "fields": fields()});
    let made = world.apply_one(write);
    assert_eq!((made.outcome, dates(&json!(made.values))), (What::Applied, expected.clone()), "{case}");
    let id = made.id.unwrap();
    let now = || world.netsuite.snapshot(&acme(), &kind("salesorder"), &id).unwrap().values;
    assert_eq!(dates(&json!(now())), expected, "{case}: as it is stored");
    let read = json!({"type": "salesorder", "id": id, "fields": fields()});
    assert_eq!(dates(&json!(world.read_one(read).values)), expected, "{case}: as it is read");
    let event = told(hub).pop().unwrap();
    assert_eq!(dates(&event["payload"]["changes"]), expected, "{case}: as our create is told");
    // What is expected of it is what it holds: compared before it is set.
    let held = json!({"trandate": day, "custbody_confirmed_at": moment});
    let to = json!({"trandate": "2026-06-05", "custbody_confirmed_at": "2026-06-05T04:03:02Z"});
    let write = json!({"operation": key(2 * n + 1), "verb": "update", "type": "salesorder", "id": id,
                       "expected": held, "values": to, "fields": fields()});
    let set = world.apply_one(write);
    assert_eq!((set.outcome, dates(&json!(set.values))), (What::Applied, dates(&to)), "{case}");
    told(hub);
    for cause in [Cause::Page, Cause::InlineEdit] {
        for values in [&held, &to] {
            let of = kind("salesorder");
            world.netsuite.change(&acme(), (&of, &id), &map(values.clone()), cause).unwrap();
            let events = told(hub);
            assert_eq!(events.len(), 1, "{case} {cause:?}");
            assert_eq!(dates(&events[0]["payload"]["changes"]), dates(values), "{case} {cause:?}");
        }
    }
    // A search says when it was deleted, in the user's words.
    world.netsuite.ui_delete(&acme(), &kind("salesorder"), &id, false, "ann").unwrap();
    let gone =
        world.read_one(json!({"type": "salesorder", "externalId": format!("sx-{n}"), "fields": fields()}));
    assert_eq!((gone.outcome, gone.last_modified.as_deref()), (What::Deleted, Some(DELETED)), "{case}");
    assert!(
        world.netsuite.script_log(&acme()).is_empty(),
        "{case}: {:?}",
        world.netsuite.script_log(&acme())
    );
}

#[test]
fn dates_arrive_the_same_whatever_the_account_writes_them_like() {
    let mut n = 0;
    for (mask, name) in FORMATS {
        let hub = Hub::new();
        let world = hub.world(Mode::Direct);
        for zone in ZONES {
            for script_dates in [ScriptDates::Objects, ScriptDates::Text] {
                for twelve_hours in [true, false] {
                    let case = format!("{name} {zone} {script_dates:?} {twelve_hours}");
                    world.faults(|f| {
                        f.settings.date_format = Mask::parse(mask).unwrap();
                        f.settings.timezone = zone.parse().unwrap();
                        (f.settings.script_dates, f.settings.twelve_hours) = (script_dates, twelve_hours);
                    });
                    let (status, probed) = world.restlet(&json!({"action": "probe", "types": []}));
                    let probed: Json = serde_json::from_str(&probed).unwrap();
                    assert_eq!(status, 200, "{case}: {probed}");
                    let told = (&probed["dateFormat"], &probed["timeZone"]);
                    assert_eq!(told, (&json!(name), &json!(zone)));
                    // A format has nothing to do with the others' dates: one each is enough but for text.
                    let all = if script_dates == ScriptDates::Text { DATES.len() } else { 1 };
                    for date in &DATES[..all] {
                        n += 1;
                        goes_through(&world, &hub, n, *date, &case);
                    }
                }
            }
        }
    }
}

#[test]
fn as_text_they_are_what_the_user_reads() {
    let script = "define(['N/record'], (record) => ({ post: ({ id }) => { \
                  const one = record.load({ type: 'salesorder', id }); \
                  return [one.getValue('trandate'), one.getValue('custbody_confirmed_at')].join(', '); } }));";
    let world = Hub::new().world_with("sx_rl_write.js", script);
    let customer = world.customer(json!({"companyname": "Ada"}));
    let values = map(json!({"entity": customer, "trandate": "2026-02-03",
                            "custbody_confirmed_at": "2026-07-05T01:02:03Z", "item": [{"quantity": 1}]}));
    let id = world.netsuite.ui_create(&acme(), &kind("salesorder"), &values, false, "ann").unwrap();
    for (mask, zone, twelve_hours, shown) in [
        ("FMDD/MM/YYYY", "America/Los_Angeles", true, "3/2/2026, 4/7/2026 06:02:03 pm"),
        ("FMMM/DD/YYYY", "America/Los_Angeles", false, "2/3/2026, 7/4/2026 18:02:03"),
        ("YYYY-MM-DD", "Pacific/Auckland", false, "2026-02-03, 2026-07-05 13:02:03"),
        ("DD.MM.YYYY", "UTC", true, "03.02.2026, 05.07.2026 01:02:03 am"),
    ] {
        world.faults(|f| {
            f.settings.date_format = Mask::parse(mask).unwrap();
            f.settings.timezone = zone.parse().unwrap();
            (f.settings.script_dates, f.settings.twelve_hours) = (ScriptDates::Text, twelve_hours);
        });
        let (status, body) = world.restlet(&json!({ "id": id }));
        assert_eq!((status.as_u16(), body.as_str()), (200, shown));
    }
}
