//! The log of everything that was acknowledged, held against what there is when all is over. Pure.

use std::collections::{BTreeMap, BTreeSet};

use local::demo::endure::{Acknowledged, Endured, Made};
use shared::domain::id::Side;

use super::evidence::{Decided, Event, Evidence, Record, Writes};
use super::witness::Accepted;

/// What is wrong, in full; nothing of it may be.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Acknowledged, and not there, or not all the way.
    pub(crate) lost: Vec<String>,
    /// There more than once, or made by nobody.
    pub(crate) doubled: Vec<String>,
    /// Not the same on both sides and as agreed, or not as it is counted.
    pub(crate) different: Vec<String>,
    /// Locked, or waiting for a person, without a reason.
    pub(crate) locked: Vec<String>,
}

/// Account, record as SuiteX names it, and its revision.
type Edit<'a> = (&'a str, &'a (String, String), i64);

impl Verdict {
    /// Whether all is well.
    pub(crate) fn is_good(&self) -> bool {
        *self == Self::default()
    }

    /// Judges.
    pub(crate) fn of(endured: &Endured, accepted: &[Accepted], evidence: &Evidence) -> Self {
        let mut verdict = Self {
            lost: endured.unaccounted.clone(),
            different: endured.unexplained.clone(),
            locked: endured.open_errors.clone(),
            ..Self::default()
        };
        verdict.events(accepted, evidence);
        verdict.edits(&endured.acknowledged, evidence);
        verdict.places(evidence);
        verdict.records(&endured.records, evidence);
        verdict.writes(evidence);
        verdict
    }

    /// No record of a side was changed by us oftener than there were reasons to, and SuiteX was told of each change once.
    ///
    /// A call may be sent twice, if its answer was lost: what counts is a second effect, a revision of SuiteX's row or
    /// a save of NetSuite's. Decisions that one write carried out together count singly, so that a record that was
    /// decided oftener than written has room for a second effect that is not noticed; one that was written as often as
    /// decided has none. In a round there are about twice as many reasons as writes: one doubled write may pass, a
    /// writer that doubles does not.
    fn writes(&mut self, evidence: &Evidence) {
        let former: BTreeMap<[&str; 3], &str> = evidence
            .records
            .iter()
            .filter_map(|r| Some(([&*r.account, &*r.kind, &*r.id], r.alias_of.as_deref()?)))
            .collect();
        let now = |[account, kind, id]: [&'_ str; 3]| {
            let id = former.get(&[account, kind, id]).map_or(id, |now| *now);
            [account, kind, id].map(str::to_string)
        };
        let mut reasons: BTreeMap<(Side, [String; 3]), u64> = BTreeMap::new();
        for decided in &evidence.history {
            let record = now(decided.record.each_ref().map(String::as_str));
            for side in Side::BOTH {
                *reasons.entry((side, record.clone())).or_default() += reasons_to_write(side, decided);
            }
        }
        let mut written: BTreeMap<(Side, [String; 3]), u64> = BTreeMap::new();
        for Writes { account, kind, side, id, times } in &evidence.writes {
            let link = (account.clone(), kind.clone(), *side, id.clone());
            match evidence.links.get(&link) {
                Some(record) => {
                    *written.entry((*side, now([account, kind, record]))).or_default() += times;
                }
                None => {
                    let whose = format!("{account} {kind} {id} of {side} was written, and is nobody's");
                    self.doubled.push(whose);
                }
            }
        }
        for (at, times) in written {
            let reasons = reasons.get(&at).copied().unwrap_or_default();
            let (side, [account, kind, id]) = at;
            if times > reasons {
                let told = format!("{account} {kind} {id}: {times} writes to {side}, and {reasons} reasons");
                self.doubled.push(told);
            }
        }
        let told = |(account, table, row, revision): &(String, String, u64, i64)| {
            format!("{account} {table} {row}: SuiteX was told of its revision {revision} more than once")
        };
        self.doubled.extend(evidence.told_twice.iter().map(told));
    }

    /// Each event that a function took is in the ledger.
    fn events(&mut self, accepted: &[Accepted], evidence: &Evidence) {
        let known: BTreeSet<&str> = evidence.ledger.iter().map(|event| event.id.as_str()).collect();
        let accepted: BTreeSet<&Accepted> = accepted.iter().collect();
        let missing = accepted.into_iter().filter(|accepted| !known.contains(accepted.event.as_str()));
        let told =
            |Accepted { event, by }: &Accepted| format!("{by} took event {event}, the ledger lacks it");
        self.lost.extend(missing.map(told));
    }

    /// Each edit that SuiteX took is in the ledger once: a row's revision is one edit. Who changes nothing is answered
    /// with the revision that is there, and an update of ours that left it is in no ledger.
    fn edits(&mut self, acknowledged: &[Acknowledged], evidence: &Evidence) {
        let mut revisions: BTreeMap<Edit<'_>, Vec<&Event>> = BTreeMap::new();
        let mut deleted: BTreeSet<(&str, &(String, String))> = BTreeSet::new();
        for event in evidence.ledger.iter().filter(|event| event.source == "suitex") {
            if let Some(revision) = event.revision {
                revisions.entry((&event.account, &event.subject, revision)).or_default().push(event);
            }
            if event.operation == "delete" {
                deleted.insert((&event.account, &event.subject));
            }
        }
        for ((account, (kind, id), revision), events) in &revisions {
            if events.len() > 1 {
                let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
                self.doubled.push(format!("{account} {kind} {id} in SuiteX: revision {revision} is {ids:?}"));
            }
        }
        for edit in acknowledged.iter().filter(|edit| edit.side == Side::SuiteX) {
            let subject = (edit.kind.to_string(), edit.id.clone());
            let Acknowledged { account, kind, id, revision, .. } = edit;
            let is_there = match revision {
                Some(revision) => {
                    let change = (account.to_string(), kind.to_string(), id.clone(), *revision);
                    revisions.contains_key(&(account.as_str(), &subject, *revision))
                        || evidence.updated.contains(&change)
                }
                None => !edit.deleted || deleted.contains(&(account.as_str(), &subject)),
            };
            if !is_there {
                let what = revision.map_or("deletion".into(), |revision| format!("revision {revision}"));
                self.lost.push(format!("SuiteX took {what} of {account} {kind} {id}, the ledger lacks it"));
            }
        }
    }

    /// Each event is in exactly one place, none is on its way, and the counts add up to the ledger's.
    fn places(&mut self, evidence: &Evidence) {
        let mut rest = evidence.places.clone();
        let mut counted: BTreeMap<String, i64> = BTreeMap::new();
        for event in &evidence.ledger {
            let named = || format!("event {} of {} ({})", event.id, event.account, event.source);
            match rest.remove(&(event.account.clone(), event.id.clone())) {
                None => self.lost.push(format!("{} is in the ledger and in no place", named())),
                Some(place) => {
                    match place.as_str() {
                        "pending" | "waiting" => self.lost.push(format!("{} is still {place}", named())),
                        "error" => self.locked.push(format!("{} is an error", named())),
                        _ => {}
                    }
                    *counted.entry(place).or_default() += 1;
                }
            }
        }
        let strange =
            |((account, event), place)| format!("event {event} of {account} is {place}, the ledger lacks it");
        self.lost.extend(rest.into_iter().map(strange));
        if counted != evidence.census {
            self.different
                .push(format!("events by place: {counted:?}, the census says {:?}", evidence.census));
        }
    }

    /// Each record that somebody made is there once, nothing else is, and none is locked.
    fn records(&mut self, made: &[Made], evidence: &Evidence) {
        let by_key: BTreeMap<(&str, &str, &str), &Record> = evidence
            .records
            .iter()
            .map(|r| ((r.account.as_str(), r.kind.as_str(), r.id.as_str()), r))
            .collect();
        let mut makers: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
        for Made { account, kind, canonical } in made {
            let mut at = (account.as_str(), kind.as_str(), canonical.as_str());
            // A former id leads to the record, in one step.
            if let Some(alias) = by_key.get(&at).and_then(|record| record.alias_of.as_deref()) {
                at.2 = alias;
            }
            match by_key.get(&at) {
                Some(_) => makers.entry(at).or_default().push(canonical),
                None => {
                    self.lost.push(format!("record {account} {kind} {canonical} was made and is nowhere"))
                }
            }
        }
        for (at, record) in &by_key {
            let Record { account, kind, id, version, versions_told, .. } = record;
            match makers.get(at).map(Vec::as_slice) {
                _ if record.alias_of.is_some() => continue,
                Some([_]) => {}
                Some(many) => self.doubled.push(format!("record {account} {kind} {id} is {many:?} at once")),
                None => self.doubled.push(format!("record {account} {kind} {id} was made by nobody")),
            }
            if versions_told != version {
                let told =
                    format!("{account} {kind} {id}: version {version}, its history tells {versions_told}");
                self.different.push(told);
            }
            if record.is_locked {
                self.locked.push(format!("record {account} {kind} {id} is locked"));
            }
        }
        let mut seen = BTreeSet::new();
        for twin in evidence.made_in_netsuite.iter().filter(|made| !seen.insert(*made)) {
            self.doubled.push(format!("NetSuite has {twin:?} twice"));
        }
    }
}

/// How many writes to `side` a decision can be a reason for. What a side told itself, and nobody contradicted, it holds
/// already. A reference whose record is not there yet is written by itself, later.
pub(crate) fn reasons_to_write(side: Side, decided: &Decided) -> u64 {
    let is_its_own = match side {
        Side::SuiteX => decided.source == "suitex",
        Side::NetSuite => decided.source.starts_with("netsuite"),
    };
    let is_plain = |rule: &String| matches!(rule.as_str(), "clean" | "created" | "converged");
    if is_its_own && decided.rules.iter().all(is_plain) { 0 } else { 1 + decided.refer }
}

#[cfg(test)]
mod tests {
    use local::demo::endure::Endured;
    use shared::domain::id::{AccountId, PerSide, RecordType};

    use super::*;

    fn edit() -> Acknowledged {
        Acknowledged {
            side: Side::SuiteX,
            account: AccountId::parse("acme").unwrap(),
            kind: RecordType::parse("item").unwrap(),
            id: "7".into(),
            revision: Some(2),
            deleted: false,
        }
    }

    /// One record, made and edited once in SuiteX, and everything as it should be.
    fn good() -> (Endured, Vec<Accepted>, Evidence) {
        let endured = Endured {
            acknowledged: vec![Acknowledged { revision: Some(1), ..edit() }, edit()],
            found: 0,
            never_came: 0,
            refused: BTreeMap::new(),
            records: vec![Made { account: edit().account, kind: edit().kind, canonical: "sx-7".into() }],
            fates: BTreeMap::new(),
            unaccounted: Vec::new(),
            conflicts: (0, 0),
            open_errors: Vec::new(),
            compared: (1, 1),
            explained: BTreeMap::new(),
            unexplained: Vec::new(),
            latency: PerSide::default(),
            settled_ms: 0,
            times: Vec::new(),
        };
        let event = |id: &str, operation: &str, revision| Event {
            account: "acme".into(),
            id: id.into(),
            source: "suitex".into(),
            subject: ("item".into(), "7".into()),
            operation: operation.into(),
            revision: Some(revision),
        };
        let record = Record {
            account: "acme".into(),
            kind: "item".into(),
            id: "sx-7".into(),
            alias_of: None,
            is_locked: false,
            version: 2,
            versions_told: 2,
        };
        let user_event = Event { source: "netsuite-ue".into(), revision: None, ..event("c", "update", 0) };
        let place = |id: &str| (("acme".to_string(), id.to_string()), "applied".to_string());
        let evidence = Evidence {
            ledger: vec![event("a", "create", 1), event("b", "update", 2), user_event],
            places: ["a", "b", "c"].map(place).into(),
            census: BTreeMap::from([("applied".to_string(), 3)]),
            records: vec![record],
            made_in_netsuite: vec![("acme".into(), "item".into(), "sx-7".into())],
            // Made and edited in SuiteX, each written to NetSuite once; edited in NetSuite, written to SuiteX.
            history: vec![decided("suitex"), decided("suitex"), decided("netsuite-ue")],
            links: Side::BOTH.map(|side| link(side, side_id(side))).into(),
            writes: vec![writes(Side::NetSuite, 2), writes(Side::SuiteX, 1)],
            updated: BTreeSet::new(),
            told_twice: Vec::new(),
        };
        (endured, vec![Accepted { event: "c".into(), by: "ingest" }], evidence)
    }

    fn decided(source: &str) -> Decided {
        let record = ["acme", "item", "sx-7"].map(String::from);
        Decided { record, source: source.into(), rules: vec!["clean".into(), "clean".into()], refer: 0 }
    }

    fn side_id(side: Side) -> &'static str {
        match side {
            Side::NetSuite => "1001",
            Side::SuiteX => "7",
        }
    }

    fn link(side: Side, id: &str) -> ((String, String, Side, String), String) {
        (("acme".into(), "item".into(), side, id.into()), "sx-7".into())
    }

    fn writes(side: Side, times: u64) -> Writes {
        Writes { account: "acme".into(), kind: "item".into(), side, id: side_id(side).into(), times }
    }

    /// How much is wrong once `spoil` is done: lost, doubled, different, locked.
    fn wrong(spoil: impl FnOnce(&mut Endured, &mut Vec<Accepted>, &mut Evidence)) -> [usize; 4] {
        let (mut endured, mut accepted, mut evidence) = good();
        spoil(&mut endured, &mut accepted, &mut evidence);
        let Verdict { lost, doubled, different, locked } = Verdict::of(&endured, &accepted, &evidence);
        [lost.len(), doubled.len(), different.len(), locked.len()]
    }

    #[test]
    fn whatever_is_lost_doubled_different_or_locked_is_noticed() {
        assert_eq!(wrong(|_, _, _| {}), [0; 4]);
        let gone = |id: &'static str| {
            move |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
                evidence.ledger.retain(|event| event.id != id);
                evidence.places.retain(|(_, event), _| event != id);
                evidence.census.insert("applied".into(), 2);
            }
        };
        assert_eq!(wrong(gone("c")), [1, 0, 0, 0], "ingest said 202");
        assert_eq!(wrong(gone("b")), [1, 0, 0, 0], "SuiteX took it");
        let deleted = |endured: &mut Endured, _: &mut Vec<Accepted>, _: &mut Evidence| {
            endured.acknowledged.push(Acknowledged { revision: None, deleted: true, ..edit() });
        };
        assert_eq!(wrong(deleted), [1, 0, 0, 0], "a deletion");
        assert_eq!(wrong(|_, _, e| drop(e.places.pop_first())), [1, 0, 1, 0], "never put on the list");
        let pending = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            *evidence.places.values_mut().next().unwrap() = "pending".into();
            evidence.census = BTreeMap::from([("applied".to_string(), 2), ("pending".to_string(), 1)]);
        };
        assert_eq!(wrong(pending), [1, 0, 0, 0], "never absorbed");
        assert_eq!(wrong(|_, _, e| e.records.clear()), [1, 0, 0, 0], "a record");
        assert_eq!(wrong(|_, _, e| e.ledger[1].revision = Some(1)), [1, 1, 0, 0], "one edit, two events");
        let twin = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            let record = evidence.records[0].clone();
            evidence.records.push(Record { id: "1001".into(), ..record });
        };
        assert_eq!(wrong(twin), [0, 1, 0, 0], "created twice");
        assert_eq!(wrong(|_, _, e| e.made_in_netsuite.extend(e.made_in_netsuite.clone())), [0, 1, 0, 0]);
        assert_eq!(
            wrong(|_, _, e| e.records[0].versions_told = 1),
            [0, 0, 1, 0],
            "a version without history"
        );
        assert_eq!(wrong(|_, _, e| e.records[0].is_locked = true), [0, 0, 0, 1]);
        assert_eq!(wrong(|e, _, _| e.open_errors.push("x".into())), [0, 0, 0, 1]);
        assert_eq!(wrong(|e, _, _| e.unexplained.push("x".into())), [0, 0, 1, 0]);
        assert_eq!(wrong(|e, _, _| e.unaccounted.push("x".into())), [1, 0, 0, 0]);
    }

    #[test]
    fn an_edit_that_changed_nothing_is_answered_with_the_revision_that_an_update_of_ours_left() {
        let answered = |ours: i64| {
            move |endured: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
                endured.acknowledged.push(Acknowledged { revision: Some(3), ..edit() });
                evidence.updated.insert(("acme".into(), "item".into(), "7".into(), ours));
            }
        };
        assert_eq!(wrong(answered(3)), [0; 4]);
        assert_eq!(wrong(answered(4)), [1, 0, 0, 0], "an edit of somebody's own, whatever we did after it");
    }

    #[test]
    fn a_write_needs_a_reason() {
        assert_eq!(wrong(|_, _, e| e.writes[0].times = 3), [0, 1, 0, 0], "one twice in NetSuite");
        assert_eq!(wrong(|_, _, e| e.writes[1].times = 2), [0, 1, 0, 0], "twice in SuiteX");
        let each_twice = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            evidence.writes.iter_mut().for_each(|writes| writes.times *= 2);
        };
        assert_eq!(wrong(each_twice), [0, 2, 0, 0], "each twice");
        assert_eq!(wrong(|_, _, e| e.links.clear()), [0, 2, 0, 0], "records of nobody");
        let another = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            // There are reasons enough, but for another record.
            evidence.history[0].record[2] = "sx-8".into();
        };
        assert_eq!(wrong(another), [0, 1, 0, 0], "another record's reason");
        let twice = ("acme".to_string(), "items".to_string(), 7, 2);
        assert_eq!(wrong(|_, _, e| e.told_twice.push(twice)), [0, 1, 0, 0], "told twice");
    }

    #[test]
    fn what_is_set_back_or_refers_to_what_is_not_there_yet_is_a_reason() {
        let contradicted = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            evidence.history.push(Decided { rules: vec!["netsuite_wins".into()], ..decided("suitex") });
            evidence.writes[1].times = 2;
        };
        assert_eq!(wrong(contradicted), [0; 4], "set back");
        let refers = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            evidence.history[0].refer = 1;
            evidence.writes[0].times = 3;
        };
        assert_eq!(wrong(refers), [0; 4], "created, and the reference set after");
        let former = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            let record = evidence.records[0].clone();
            evidence.records[0].alias_of = Some("1001".into());
            evidence.records.push(Record { id: "1001".into(), ..record });
            evidence.history[2].record[2] = "1001".into();
        };
        assert_eq!(wrong(former), [0; 4], "decided under two ids");
    }

    #[test]
    fn a_record_may_be_known_by_a_former_id() {
        let renamed = |_: &mut Endured, _: &mut Vec<Accepted>, evidence: &mut Evidence| {
            let record = evidence.records[0].clone();
            evidence.records[0].alias_of = Some("1001".into());
            evidence.records.push(Record { id: "1001".into(), ..record });
        };
        assert_eq!(wrong(renamed), [0; 4]);
    }
}
