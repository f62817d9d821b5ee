//! What must hold when the faults have stopped and everything has settled.
//!
//! What does *not* count as failure: a record that a person must still look at (an open conflict or error
//! names it), a record that was detached by its delete rule, and two forms of one value that the sides insist
//! on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt;
use local::beside::CreatedBeside;
use serde_json::{Map, Value as Json};
use shared::domain::governance::cap;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId};
use shared::domain::plan::{Plan, plan};
use shared::domain::record::{Presence, Record};
use shared::domain::settle::unstorable_error;
use shared::domain::surface::{Direction, TypeSurface};
use shared::domain::value::{Kind, Value};
use shared::ledger::Ledger;
use shared::state::notices::Topic;
use shared::state::{Ambiguities, ErrorEntry, HistoryDecision, State, Subject};

use crate::executor::Lane;
use crate::people::Edits;
use crate::sends;
use crate::watch::Violation;
use crate::world::{SECRETS, World};

const HOUR_MS: i64 = 3_600_000;

/// A future of the memory twins, which never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a memory twin does not wait")
}

/// Checks one account; answers what is broken.
pub fn check(world: &World, lane: Lane, edits: &Edits) -> Vec<Violation> {
    let account = &world.accounts[lane];
    let mut check = Check { world, account, found: Vec::new() };
    let records = world.state.all_records(account);
    let last = check.last_edits(edits);
    check.events();
    check.governance();
    check.secrets(lane);
    check.bounds(&records);
    check.writes(edits, &records);
    for record in &records {
        check.history(record);
        check.parity(record);
        check.edits(record, &last);
    }
    check.orphans(&records);
    check.beside();
    check.over(&records);
    check.told();
    let (state, now) = (&world.state, world.executor.now());
    check.found.extend(sends::check(&world.faults.sends, state, account, now));
    check.found
}

struct Check<'a> {
    world: &'a World,
    account: &'a AccountId,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn fail(&mut self, invariant: &'static str, what: String) {
        self.found.push(Violation { invariant, what });
    }

    /// I1 no accepted event is lost; I9 each is in exactly one place, none is left half way; I16.
    fn events(&mut self) {
        let (world, account) = (self.world, self.account);
        let mut accepted = world.published.of(account);
        let lane = world.accounts.iter().position(|a| a == account).unwrap_or(0);
        accepted.extend(world.lanes[lane].accepted.lock().map(|a| a.clone()).unwrap_or_default());
        let ledger = now(world.ledger.scan(account, 0, usize::MAX)).unwrap_or_default();
        let there: BTreeSet<_> = ledger.iter().map(|s| s.entry.event_id).collect();
        for event in accepted {
            if !there.contains(&event) {
                self.fail("I1", format!("event {event} was accepted and is not in the ledger"));
            }
        }
        let rows = world.state.all_pending(account);
        let census = now(world.state.census(account)).unwrap_or_default();
        let total: u64 = census.values().sum();
        if total != ledger.len() as u64 || rows.len() != ledger.len() {
            self.fail(
                "I9",
                format!("{} events in the ledger, {} rows, census {census:?}", ledger.len(), rows.len()),
            );
        }
        for row in rows {
            if row.account != *self.account {
                self.fail("I10", format!("event {} of another account among ours", row.event_id));
            }
            if row.place.is_open() {
                let (subject, id) = (row.subject.to_text(&row.record_type), row.event_id);
                self.fail("I16", format!("event {id} about {subject} is still {:?}", row.place));
            }
        }
        if world.suitex.outbox_len(account) > 0 {
            self.fail("I16", "outbox rows are left".into());
        }
    }

    /// I16: what could not be stored once is no error any more when everything is stored. What another error or a conflict
    /// keeps from being done stays one: that one is for a person to look at first.
    fn over(&mut self, records: &[Arc<Record>]) {
        for error in self.open_errors() {
            let of = |key: &RecordKey| Side::BOTH.into_iter().find(|s| error.id == unstorable_error(key, *s));
            let Some((key, side)) = error.record.as_ref().and_then(|key| Some((key, of(key)?))) else {
                continue;
            };
            let record = records.iter().find(|record| record.key == *key);
            if !record.is_some_and(|record| self.is_held_up(record, side)) {
                self.fail(
                    "I16",
                    format!("error {} stands, and nothing comes of it: {}", error.id, error.message),
                );
            }
        }
    }

    /// Whether something is left to do on a side, and a conflict or an error in its way.
    fn is_held_up(&self, record: &Record, side: Side) -> bool {
        let Some(surface) = self.world.config.surface(&record.key.account, &record.key.record_type) else {
            return false;
        };
        let mut free = record.clone();
        free.locks.clear();
        let now = self.world.executor.now();
        Self::is_open(record) && plan(&free, side, surface, now, &|_, _| true) != Plan::Nothing
    }

    /// I16: who is asked who is who, and has not answered in time, was told so, and who is above.
    fn told(&mut self) {
        let (state, account) = (&self.world.state, self.account);
        let rules = &self.world.config.accounts[account].notify;
        let agreed = i64::from(rules.error_sla_hours) * HOUR_MS;
        let notices = state.all_notices(account);
        for asked in now(state.open_ambiguities(account, None, usize::MAX)).unwrap_or_default() {
            let (subject, due) = (format!("ambiguous:{}", asked.id()), asked.opened_at.plus(agreed));
            // The next step is an hour above; the clock moves in steps when little is left to do.
            for (topic, late) in [(Topic::SlaPast, 1), (Topic::Escalated, 2)] {
                let is_told = || notices.iter().any(|n| (n.topic, n.subject == subject) == (topic, true));
                if due.plus(late * HOUR_MS) < self.world.executor.now() && !is_told() {
                    let what = format!("{subject} was due by {due}, and nobody was told: {topic:?}");
                    self.fail("I16", what);
                }
            }
        }
    }

    /// I8: never more calls at once than the cap.
    fn governance(&mut self) {
        let stats = self.world.netsuite.stats(self.account);
        let cap = cap(&self.world.config.accounts[self.account].limits);
        if stats.max_in_flight as u64 > u64::from(cap) {
            self.fail("I8", format!("{} calls in flight, the cap is {cap}", stats.max_in_flight));
        }
    }

    /// I21: no secret in anything that anybody was answered, or that is stored for people.
    fn secrets(&mut self, lane: Lane) {
        let outputs = self.world.lanes[lane].outputs.lock().map(|o| o.clone()).unwrap_or_default();
        let errors = now(self.world.state.errors(Some(self.account), false, None, usize::MAX));
        let stored = errors.map(|p| format!("{:?}", p.items)).unwrap_or_default();
        let audit = format!("{:?}", self.world.state.audit(self.account));
        for (_, secret) in SECRETS {
            let bare = secret.trim_start_matches("whsec_");
            if outputs.iter().any(|o| o.contains(bare)) || stored.contains(bare) || audit.contains(bare) {
                self.fail("I21", "a signing key shows in an output".into());
            }
        }
    }

    /// I17: what is kept per record stays small.
    fn bounds(&mut self, records: &[Arc<Record>]) {
        for record in records {
            for side in Side::BOTH {
                let state = &record.sides[side];
                if state.sent.len() > 1_000
                    || state.forms.len() > record.canonical.len()
                    || record.locks.len() > 50
                {
                    self.fail("I17", format!("{}: {} sent values", record.key, state.sent.len()));
                }
            }
        }
        let keys = self.world.buffer.keys(self.account);
        if keys > 10_000 {
            self.fail("I17", format!("{keys} keys in the buffer"));
        }
    }

    /// I7: a change is written to a target once; what comes back is not written again.
    fn writes(&mut self, edits: &Edits, records: &[Arc<Record>]) {
        let stats = self.world.netsuite.stats(self.account);
        let writes = stats.writes_applied + self.world.suitex.sync_writes(self.account);
        let decided: usize = records
            .iter()
            .flat_map(|r| now(self.world.state.history(&r.key)).unwrap_or_default())
            .flat_map(|row| row.decisions)
            .filter(|d| !matches!(d.rule.as_str(), "clean" | "created" | "converged"))
            .count();
        let bound = edits.taken * 2 + 2 * decided as u64 + 10;
        if writes > bound {
            self.fail("I7", format!("{writes} writes after {} edits and {decided} decisions", edits.taken));
        }
    }

    /// I12: the history alone gives today's record. I3: a source's news is absorbed in its own order.
    fn history(&mut self, record: &Record) {
        let Some(surface) = self.world.config.surface(&record.key.account, &record.key.record_type) else {
            return;
        };
        let rows = now(self.world.state.history(&record.key)).unwrap_or_default();
        let mut rebuilt: BTreeMap<String, Json> = BTreeMap::new();
        for decision in rows.iter().flat_map(|row| &row.decisions) {
            rebuilt.insert(decision.field.clone(), decision.to.clone());
        }
        for (field, spec) in surface.fields.iter().enumerate() {
            let today = spec.kind.render(Side::SuiteX, &record.canonical[field]);
            let told = rebuilt.get(&*spec.name).cloned().unwrap_or(Json::Null);
            if today != told {
                self.fail(
                    "I12",
                    format!("{} {}: history gives {told}, the record has {today}", record.key, spec.name),
                );
            }
        }
        let alive = rebuilt.get("$exists").and_then(Json::as_bool).unwrap_or(false);
        if record.version.0 > 0 && alive != record.alive {
            self.fail("I12", format!("{}: history says alive = {alive}", record.key));
        }
        let last = rows.last().map_or(0, |r| r.version.0);
        if last != record.version.0 {
            self.fail(
                "I6",
                format!("{}: history ends at v{last}, the record is {}", record.key, record.version),
            );
        }
        self.order(record, &rows);
    }

    fn order(&mut self, record: &Record, rows: &[shared::state::HistoryRow]) {
        let Some(surface) = self.world.config.surface(&record.key.account, &record.key.record_type) else {
            return;
        };
        let ids: Vec<_> = rows.iter().flat_map(|r| r.events.iter().copied()).collect();
        let stored = now(self.world.ledger.read(self.account, &ids)).unwrap_or_default();
        if stored.len() != ids.iter().collect::<BTreeSet<_>>().len() {
            self.fail("I12", format!("{}: history names events that the ledger lacks", record.key));
        }
        let revision: BTreeMap<_, _> = stored
            .iter()
            .filter_map(|s| {
                let json: Json = serde_json::from_slice(&s.entry.payload).ok()?;
                let value = &json["revision"];
                let side = if s.entry.source == "suitex" { Side::SuiteX } else { Side::NetSuite };
                let is_message = matches!(s.entry.source, "suitex" | "netsuite-ue" | "netsuite-poll");
                let names = json["payload"]["changes"].as_object().into_iter().flat_map(|c| c.keys());
                let fields: BTreeSet<_> = names.filter_map(|name| surface.field_on(side, name)).collect();
                let id = json["recordId"].as_str()?.to_string();
                Some((s.entry.event_id, (side, id, value.as_i64().filter(|_| is_message)?, fields)))
            })
            .collect();
        let mut newest: BTreeMap<(Side, String, String), i64> = BTreeMap::new();
        for row in rows {
            for (side, id, revision, fields) in row.events.iter().filter_map(|id| revision.get(id)) {
                // A field of a group may be decided by news of another one, which says nothing new about it; an edit
                // may ask whether the record is to exist.
                let told = |field: &str| match surface.field(field) {
                    Some(field) => fields.contains(&field),
                    None => fields.is_empty(),
                };
                let told =
                    |decision: &HistoryDecision| told(&decision.field) && decision.base != decision.ours;
                for decision in row.decisions.iter().filter(|decision| told(decision)) {
                    let cell = (*side, id.clone(), decision.field.clone());
                    let known = newest.entry(cell).or_insert(*revision);
                    if *revision < *known {
                        let (key, field) = (&record.key, &decision.field);
                        self.fail(
                            "I3",
                            format!("{key} {field}: revision {revision} after {known} of {side}"),
                        );
                    }
                    *known = (*known).max(*revision);
                }
            }
        }
    }

    /// Whether a person has still to decide about the record.
    fn is_open(record: &Record) -> bool {
        record.conflict.is_some() || !record.locks.is_empty()
    }

    /// I4, I15: both sides hold what was agreed.
    fn parity(&mut self, record: &Record) {
        let Some(surface) = self.world.config.surface(&record.key.account, &record.key.record_type) else {
            return;
        };
        if Self::is_open(record) {
            return;
        }
        for side in Side::BOTH {
            let state = &record.sides[side];
            let there = state.id.as_ref().and_then(|id| self.values(side, surface, id.as_str()));
            match (record.alive && !state.detached, there) {
                (true, Some(values)) => self.compare(record, side, surface, &values),
                (true, None) => self.fail("I4", format!("{} is not on {side}: {:?}", record.key, state.due)),
                (false, Some(_)) if !state.detached => {
                    self.fail("I15", format!("{} was deleted and is still on {side}", record.key));
                }
                (false, _) => {}
            }
            if state.intent.is_some() || (state.due.is_some() && !state.detached) {
                self.fail("I16", format!("{} still has work for {side}: {:?}", record.key, state.due));
            }
        }
    }

    fn values(&self, side: Side, surface: &TypeSurface, id: &str) -> Option<Map<String, Json>> {
        match side {
            Side::NetSuite => {
                self.world.netsuite.snapshot(self.account, &surface.record_type, id).map(|s| s.values)
            }
            Side::SuiteX => {
                self.world.suitex.row(self.account, surface.record_type.as_str(), id).map(|r| r.values)
            }
        }
    }

    fn compare(&mut self, record: &Record, side: Side, surface: &TypeSurface, values: &Map<String, Json>) {
        for (field, spec) in surface.fields.iter().enumerate() {
            if !spec.direction.accepts_from(side.other()) && spec.direction != Direction::Both {
                continue;
            }
            let json = values.get(spec.name_on(side)).unwrap_or(&Json::Null);
            let held = spec.kind.parse(side, json).ok().and_then(|v| self.canonical(side, &spec.kind, &v));
            let wanted = &record.canonical[field];
            let by_form = |h: &Value| {
                record.sides[side]
                    .forms
                    .iter()
                    .any(|f| f.field == field && f.held == *h && f.wanted == *wanted)
            };
            if held.as_ref().is_none_or(|h| h != wanted && !by_form(h)) {
                let agreed = spec.kind.render(Side::SuiteX, wanted);
                self.fail(
                    "I4",
                    format!("{} {}: {side} holds {json}, agreed is {agreed}", record.key, spec.name),
                );
            }
        }
    }

    fn canonical(&self, side: Side, kind: &Kind, value: &Value) -> Option<Value> {
        let mut exchange = |kind: &RecordType, id: &str| {
            let id = SideId::parse(id).ok()?;
            let link =
                now(self.world.state.links(self.account, &[(kind.clone(), side, id)])).ok()?.pop()??;
            Some(Arc::from(link.canonical.as_str()))
        };
        kind.translate(value, &mut exchange).ok()
    }

    /// The last edits of each record's fields, on both sides and under ids that are retired since.
    fn last_edits<'e>(&self, edits: &'e Edits) -> LastEdits<'e> {
        let mut last = LastEdits::new();
        for ((side, kind, id, field), value) in &edits.last {
            let Ok(id) = SideId::parse(id) else { continue };
            let asked = [(kind.clone(), *side, id)];
            let link = now(self.world.state.links(self.account, &asked)).ok().and_then(|mut l| l.pop()?);
            if let Some(link) = link {
                let of = last.entry((kind.clone(), link.canonical.to_string(), *field)).or_default();
                of.push((*side, asked[0].2.clone(), value));
            }
        }
        last
    }

    /// I14: a field holds the last edit of one of the sides, unless a person, a form or a line merge decided.
    fn edits(&mut self, record: &Record, last: &LastEdits<'_>) {
        let Some(surface) = self.world.config.surface(&record.key.account, &record.key.record_type) else {
            return;
        };
        let is_detached = Side::BOTH.iter().any(|s| record.sides[*s].detached);
        if Self::is_open(record) || !record.alive || is_detached || self.is_ambiguous(&record.key) {
            return;
        }
        let rows = now(self.world.state.history(&record.key)).unwrap_or_default();
        // Deleted and kept by a person: what its side did to it just before was deleted with it.
        if rows.iter().flat_map(|r| &r.decisions).any(|d| d.field == "$exists" && d.rule == "resolved") {
            return;
        }
        let as_another = self.decided_as_another(record);
        // What was edited just before it was deleted need not have been seen.
        let was_deleted =
            rows.iter().flat_map(|r| &r.decisions).any(|d| d.field == "$exists" && d.rule != "created");
        for (field, spec) in surface.fields.iter().enumerate() {
            let unique = matches!(spec.kind, Kind::Text { .. } | Kind::Decimal { .. } | Kind::Integer);
            let grouped = surface.units[spec.unit].len() > 1;
            let of_field = |d: &&HistoryDecision| d.field == *spec.name;
            let by_person = rows
                .iter()
                .flat_map(|r| &r.decisions)
                .filter(of_field)
                .any(|d| matches!(d.rule.as_str(), "resolved" | "overridden"));
            let by_person = by_person || as_another.contains(&spec.name.to_string());
            if !unique || grouped || by_person || spec.direction != Direction::Both {
                continue;
            }
            let key = (surface.record_type.clone(), record.key.id.to_string(), field);
            let Some(last) = last.get(&key) else { continue };
            let agreed = spec.kind.render(Side::SuiteX, &record.canonical[field]);
            // What was done to a copy that is gone went with it; what was done while it passed for another
            // record was decided there.
            let is_own = |side: Side, id: &SideId| {
                record.sides[side].id.as_ref() == Some(id) && !self.was_another(record, side, id)
            };
            let own: Vec<_> = last.iter().filter(|(side, id, _)| is_own(*side, id)).collect();
            if !own.is_empty() && !last.iter().any(|(_, _, edit)| same_but_for_form(edit, &agreed)) {
                self.fail(
                    "I14",
                    format!("{} {}: is {agreed}, last edits were {last:?}", record.key, spec.name),
                );
            }
            let told = |d: &HistoryDecision, edit: &Json| {
                [&d.base, &d.ours, &d.from, &d.to].iter().any(|value| same_but_for_form(edit, value))
            };
            let decided = || rows.iter().flat_map(|r| &r.decisions).filter(of_field);
            for (_, _, edit) in own.into_iter().filter(|_| !was_deleted) {
                if !edit.is_null() && !decided().any(|d| told(d, edit)) {
                    self.fail("I14", format!("{} {}: nobody noticed {edit}", record.key, spec.name));
                }
            }
        }
    }

    /// Fields about which people have decided on the records that it has turned out to be. Their history is not read any
    /// more; the audit is.
    fn decided_as_another(&self, record: &Record) -> Vec<String> {
        let ids = Side::BOTH.into_iter().filter_map(|side| Some((side, record.sides[side].id.as_ref()?)));
        let former: Vec<String> =
            ids.filter_map(|(side, id)| Some(first_known_as(record, side, id)?.to_string())).collect();
        if former.is_empty() {
            return Vec::new();
        }
        let audit = self.world.state.audit(self.account);
        let is_decided = |action: &str| matches!(action, "resolved" | "overridden");
        let of_former = audit.iter().filter(|row| is_decided(&row.action) && former.contains(&row.subject));
        of_former.filter_map(|row| row.details["to"].as_object()).flat_map(|to| to.keys().cloned()).collect()
    }

    /// Whether `record` has taken over the record as which this id was first known.
    fn was_another(&self, record: &Record, side: Side, id: &SideId) -> bool {
        let first = first_known_as(record, side, id);
        first.is_some_and(|key| now(self.world.state.load(&[key])).is_ok_and(|found| found[0].is_some()))
    }

    /// I2: every record on a side is one record of ours, and none twice.
    fn orphans(&mut self, records: &[Arc<Record>]) {
        for (kind, surface) in &self.world.config.accounts[self.account].types {
            for side in Side::BOTH {
                let mut claimed: BTreeMap<&str, usize> = BTreeMap::new();
                for record in records.iter().filter(|r| r.key.record_type == *kind) {
                    if let (Some(id), Presence::There) = (&record.sides[side].id, record.sides[side].presence)
                    {
                        *claimed.entry(id.as_str()).or_default() += 1;
                    }
                }
                let there: Vec<String> = match side {
                    Side::NetSuite => {
                        self.world.netsuite.all(self.account, kind).into_iter().map(|s| s.id).collect()
                    }
                    Side::SuiteX => {
                        self.world.suitex.all(self.account, kind.as_str()).into_iter().map(|r| r.id).collect()
                    }
                };
                for id in there {
                    match claimed.get(id.as_str()) {
                        Some(1) => {}
                        None if self.is_filed(side, kind, &id) => {}
                        None => self.fail(
                            "I2",
                            format!("{} {id} of {side} is no record of ours", surface.record_type),
                        ),
                        Some(n) => self.fail("I2", format!("{kind} {id} of {side} belongs to {n} records")),
                    }
                }
            }
        }
    }

    /// I2: nothing was created beside a record that it could be, unless that was known to be another.
    fn beside(&mut self) {
        let created = [
            (Side::NetSuite, self.world.netsuite.created_beside(self.account)),
            (Side::SuiteX, self.world.suitex.created_beside(self.account)),
        ];
        for (side, created) in
            created.into_iter().flat_map(|(side, all)| all.into_iter().map(move |c| (side, c)))
        {
            let CreatedBeside { record_type, mark, others, except } = created;
            let what = format!("{record_type} {mark} was created on {side}");
            let unasked =
                others.iter().filter(|id| !except.iter().any(|known| known.as_str() == id.as_str()));
            let unasked: Vec<_> = unasked.collect();
            if !unasked.is_empty() {
                self.fail("I2", format!("{what} blindly beside {unasked:?}"));
            }
            let key = CanonicalId::parse(&mark)
                .map(|id| RecordKey::new(self.account.clone(), record_type.clone(), id));
            let known = key.ok().and_then(|key| now(self.world.state.ambiguities(&[key])).ok()?.pop()?);
            for id in except {
                let asked = [(record_type.clone(), side, id.clone())];
                let link =
                    now(self.world.state.links(self.account, &asked)).ok().and_then(|mut l| l.pop()?);
                let is_anothers = link.is_some_and(|link| link.retired || link.canonical.as_str() != mark);
                if !is_anothers && !known.as_ref().is_some_and(|known| known.declined.contains(&id)) {
                    self.fail("I2", format!("{what} as another than {id}, which nobody had said"));
                }
            }
        }
    }

    /// Whether an open error holds the events of this record.
    fn is_filed(&self, side: Side, kind: &RecordType, id: &str) -> bool {
        let Ok(id) = SideId::parse(id) else { return false };
        let first = CanonicalId::born(side, &id);
        let name = Subject::Side(side, id).to_text(kind);
        self.open_errors().iter().any(|e| {
            let of_record = e.record.as_ref().is_some_and(|k| k.record_type == *kind && k.id == first);
            of_record || e.message.contains(&name)
        })
    }

    /// Whether a person has still to say which of two records is which.
    fn is_ambiguous(&self, key: &RecordKey) -> bool {
        let names_it = |e: &ErrorEntry| match &e.record {
            // One side has one record where we know two: this one, and another of its type.
            Some(record) => {
                let mut words = e.message.split(' ');
                record.record_type == key.record_type
                    && (record == key || words.any(|word| word == key.id.as_str()))
            }
            None => e.message.contains(&format!("of {key},")),
        };
        self.open_errors().iter().any(|e| e.class == "identity" && names_it(e))
    }

    fn open_errors(&self) -> Vec<ErrorEntry> {
        let errors = now(self.world.state.errors(Some(self.account), true, None, usize::MAX));
        errors.map(|p| p.items).unwrap_or_default()
    }
}

/// By record and field: who edited it last, on each side and under each id.
type LastEdits<'e> = BTreeMap<(RecordType, String, usize), Vec<(Side, SideId, &'e Json)>>;

fn same_but_for_form(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => a.trim().eq_ignore_ascii_case(b.trim()),
        _ => a == b,
    }
}

/// The record as which an id of `record` was first known, if that was another.
fn first_known_as(record: &Record, side: Side, id: &SideId) -> Option<RecordKey> {
    let RecordKey { account, record_type, .. } = record.key.clone();
    let first = RecordKey::new(account, record_type, CanonicalId::born(side, id));
    (first != record.key).then_some(first)
}
