//! What fires User Events: NetSuite's table, by the deployed script and by its twin.

use serde_json::{Value as Json, json};

use super::scripts::Hub;
use super::{World, acme, kind, map};
use crate::netsuite::{Cause, Mode};

/// What is told of a change by each cause: the context, or nothing. CSV imports by the account's preference, and NetSuite's
/// own mass updates, of which nothing is documented.
fn table(csv: bool, mass: bool) -> [(Cause, Option<&'static str>); 14] {
    [
        (Cause::Page, Some("USERINTERFACE")),
        (Cause::InlineEdit, Some("USERINTERFACE")),
        (Cause::Soap, Some("WEBSERVICES")),
        (Cause::Rest, Some("RESTWEBSERVICES")),
        (Cause::Restlet, Some("RESTLET")),
        (Cause::Suitelet, Some("SUITELET")),
        (Cause::Scheduled, Some("SCHEDULED")),
        (Cause::MapReduce, Some("MAPREDUCE")),
        (Cause::CustomMassUpdate, Some("CUSTOMMASSUPDATE")),
        (Cause::MassUpdate, mass.then_some("OTHER")),
        (Cause::CsvImport, csv.then_some("CSVIMPORT")),
        (Cause::UserEvent, None),
        (Cause::Workflow, None),
        (Cause::System, None),
    ]
}

/// Changes a customer's phone by each cause; answers the context that was told, if anything was.
fn told(world: &World, take: impl Fn() -> Vec<Json>) -> Vec<(Cause, Option<String>)> {
    let id = world.customer(json!({"companyname": "Ada"}));
    take();
    let by = |(n, cause): (usize, Cause)| {
        let phone = n.to_string();
        let values = map(json!({"phone": phone}));
        world.netsuite.change(&acme(), (&kind("customer"), &id), &values, cause).unwrap();
        assert_eq!(world.customer_now(&id).values["phone"], phone);
        let events = take();
        assert!(events.len() < 2, "{cause:?}: {events:?}");
        let told = events.first().map(|event| {
            assert_eq!(
                event["payload"]["changes"],
                json!({"phone": phone}),
                "{cause:?}: that and nothing else"
            );
            event["metadata"]["context"].as_str().unwrap().to_string()
        });
        (cause, told)
    };
    Cause::ALL.into_iter().enumerate().map(by).collect()
}

fn expected(csv: bool, mass: bool) -> Vec<(Cause, Option<String>)> {
    table(csv, mass).into_iter().map(|(cause, context)| (cause, context.map(str::to_string))).collect()
}

#[test]
fn the_deployed_script_is_fired_as_netsuite_has_it() {
    for (csv, mass) in [(false, false), (true, true)] {
        let hub = Hub::new();
        let world = hub.world(Mode::Direct);
        world.faults(|f| (f.settings.csv_imports_fire, f.settings.mass_updates_fire) = (csv, mass));
        let take = || hub.take().iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect();
        assert_eq!(told(&world, take), expected(csv, mass));
    }
}

#[test]
fn its_twin_tells_the_same() {
    for (csv, mass) in [(false, false), (true, true)] {
        let world = World::new();
        world.faults(|f| (f.settings.csv_imports_fire, f.settings.mass_updates_fire) = (csv, mass));
        assert_eq!(told(&world, || world.netsuite.take_user_events(&acme())), expected(csv, mass));
    }
}

#[test]
fn a_deployment_hears_of_its_contexts_alone() {
    let hub = Hub::new();
    let world = hub.deployed_with(|xml| {
        let Some((before, rest)) = xml.split_once("<executioncontext>") else { return xml.to_string() };
        let (_, after) = rest.split_once("</executioncontext>").unwrap();
        // The first deployment is the customers'.
        format!("{before}<executioncontext>USERINTERFACE | SCHEDULED</executioncontext>{after}")
    });
    let take = || hub.take().iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect();
    for (cause, context) in told(&world, take) {
        let hears = [Cause::Page, Cause::InlineEdit, Cause::Scheduled].contains(&cause);
        assert_eq!(context.is_some(), hears, "{cause:?}");
    }
}
