//! How long changes were under way when a write brought them: told from the history alone.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shared::domain::id::{PerSide, Side, Timestamp};
use shared::state::HistoryDecision;

/// What each side holds and lacks of what was agreed, as far as the history tells.
#[derive(Default)]
pub(super) struct Progress {
    sides: PerSide<BTreeMap<String, Field>>,
}

/// One field on one side.
struct Field {
    held: Json,
    /// When the agreed value that the side lacks was made at its source.
    lacks_since: Option<Timestamp>,
}

impl Progress {
    /// `teller` (a person when none) told something at `at`, which led to this decision.
    pub(super) fn decided(&mut self, decision: &HistoryDecision, teller: Option<Side>, at: Timestamp) {
        let is_open = decision.rule.starts_with("conflict_") || decision.rule == "delete_asked";
        for side in Side::BOTH {
            let known = self.sides[side].get(&decision.field);
            let held = match (teller == Some(side), decision.rule.as_str()) {
                // The side's own form of what was agreed is as good as that.
                (true, "target_form" | "not_persisted") => decision.to.clone(),
                (true, _) => decision.ours.clone(),
                (false, _) => known.map_or_else(|| decision.from.clone(), |field| field.held.clone()),
            };
            let before = known.and_then(|field| field.lacks_since);
            // While a person has to decide, nothing is under way.
            let lacks = held != decision.to && !is_open;
            let lacks_since = lacks.then(|| before.map_or(at, |before| before.min(at)));
            self.sides[side].insert(decision.field.clone(), Field { held, lacks_since });
        }
    }

    /// A write to `side` ended well at `at`: how long the oldest change that it brought was under way, in ms.
    pub(super) fn written(&mut self, side: Side, at: Timestamp) -> Option<i64> {
        let since = self.sides[side].values().filter_map(|field| field.lacks_since).min();
        // It holds all that was agreed now. What that was does not matter: a field without an entry is taken to
        // hold what was agreed when it is next decided.
        self.sides[side].retain(|_, field| field.lacks_since.is_none());
        since.map(|since| (at.0 - since.0).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decision(rule: &str, ours: &str, from: &str, to: &str) -> HistoryDecision {
        HistoryDecision {
            field: "phone".into(),
            rule: rule.into(),
            base: Json::Null,
            ours: json!(ours),
            from: json!(from),
            to: json!(to),
        }
    }

    const SX: Option<Side> = Some(Side::SuiteX);
    const NS: Option<Side> = Some(Side::NetSuite);

    #[test]
    fn it_is_counted_from_the_oldest_change_to_the_first_write() {
        let mut progress = Progress::default();
        progress.decided(&decision("clean", "b", "a", "b"), SX, Timestamp(100));
        progress.decided(&decision("clean", "c", "b", "c"), SX, Timestamp(700));
        assert_eq!(progress.written(Side::NetSuite, Timestamp(1_200)), Some(1_100));
        assert_eq!(progress.written(Side::NetSuite, Timestamp(1_300)), None);
        assert_eq!(progress.written(Side::SuiteX, Timestamp(1_300)), None);
    }

    #[test]
    fn the_side_that_loses_gets_its_value_back() {
        let mut progress = Progress::default();
        progress.decided(&decision("clean", "b", "a", "b"), SX, Timestamp(100));
        progress.decided(&decision("netsuite_wins", "n", "b", "n"), NS, Timestamp(200));
        assert_eq!(progress.written(Side::NetSuite, Timestamp(1_000)), None);
        assert_eq!(progress.written(Side::SuiteX, Timestamp(1_000)), Some(800));
    }

    #[test]
    fn a_persons_time_to_decide_is_not_ours() {
        let mut progress = Progress::default();
        progress.decided(&decision("conflict_opened", "n", "s", "s"), NS, Timestamp(100));
        progress.decided(&decision("resolved", "n", "s", "n"), None, Timestamp(60_000));
        assert_eq!(progress.written(Side::NetSuite, Timestamp(61_000)), None, "it holds the chosen value");
        assert_eq!(progress.written(Side::SuiteX, Timestamp(61_000)), Some(1_000));
    }
}
