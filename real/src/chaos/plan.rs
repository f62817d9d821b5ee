//! What goes wrong, how often and when. Pure: it follows from the time that there is and from a seed.

use std::ops::Range;

use fastrand::Rng;

/// What can be done to a running system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `kill -9`, and started again.
    KillMysql,
    /// Killed, and started again only after minutes.
    MysqlAway,
    /// SIGSTOP and SIGCONT: a disk that hangs, and nothing is answered.
    FreezeMysql,
    /// Each sync and each write of a file takes longer: a disk that is slow, and everything is answered, late.
    SlowDisk,
    /// `kill -9`, and started again: it keeps nothing.
    KillRedis,
    /// Everything in it is forgotten.
    FlushAll,
    /// `kill -9` of one process of a function.
    KillFunction,
    /// SIGTERM to one process of a function, whatever it is doing.
    EndFunction,
    /// All connections from functions to MySQL are closed.
    CutMysql,
    /// All connections from functions to Redis are closed.
    CutRedis,
    /// Connections from functions to MySQL are open, and carry nothing any more; new ones neither, for a while.
    SilenceMysql,
    /// The same for Redis.
    SilenceRedis,
}

/// Troubles that come one after the other: two of one lane would undo each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The server process of MySQL.
    Mysql,
    /// The server process of Redis.
    Redis,
    /// The processes of the functions.
    Functions,
    /// The wires between functions and MySQL.
    MysqlWire,
    /// The wires between functions and Redis.
    RedisWire,
}

/// How often each comes in ten minutes. MySQL is away once, however long the round.
const IN_TEN_MINUTES: [(Kind, usize); 11] = [
    (Kind::KillMysql, 20),
    (Kind::KillRedis, 20),
    (Kind::KillFunction, 100),
    (Kind::EndFunction, 40),
    (Kind::FlushAll, 10),
    (Kind::FreezeMysql, 20),
    (Kind::SlowDisk, 10),
    (Kind::CutMysql, 15),
    (Kind::CutRedis, 15),
    (Kind::SilenceMysql, 8),
    (Kind::SilenceRedis, 8),
];

const TEN_MINUTES_MS: u64 = 600_000;

/// How long MySQL is away in a round of ten minutes or more, ms,
const AWAY_MS: u64 = 300_000;

/// and in a shorter one: this share of it.
const AWAY_ONE_IN: u64 = 5;

/// It goes after this many hundredths of the time that it does not take for itself.
const AWAY_AFTER_PERCENT: u64 = 70;

/// How long MySQL's disk is slow at most, ms,
const SLOW_MS: u64 = 10_000;

/// and in a round that would be full of it: this share of the round.
const SLOW_ONE_IN: u64 = 8;

impl Kind {
    /// In words, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Kind::KillMysql => "kill -9 of MySQL",
            Kind::MysqlAway => "MySQL away",
            Kind::FreezeMysql => "MySQL stopped where it was (a hanging disk)",
            Kind::SlowDisk => "MySQL on a slow disk",
            Kind::KillRedis => "kill -9 of Redis",
            Kind::FlushAll => "FLUSHALL",
            Kind::KillFunction => "kill -9 of a function",
            Kind::EndFunction => "SIGTERM of a function",
            Kind::CutMysql => "connections to MySQL dropped",
            Kind::CutRedis => "connections to Redis dropped",
            Kind::SilenceMysql => "connections to MySQL half open",
            Kind::SilenceRedis => "connections to Redis half open",
        }
    }

    /// What it must not overlap with.
    pub(crate) fn lane(self) -> Lane {
        match self {
            Kind::KillMysql | Kind::MysqlAway | Kind::FreezeMysql | Kind::SlowDisk => Lane::Mysql,
            Kind::KillRedis | Kind::FlushAll => Lane::Redis,
            Kind::KillFunction | Kind::EndFunction => Lane::Functions,
            Kind::CutMysql | Kind::SilenceMysql => Lane::MysqlWire,
            Kind::CutRedis | Kind::SilenceRedis => Lane::RedisWire,
        }
    }

    /// Whether it means nothing while MySQL is away: a function does not start then, and what is to be killed is one at
    /// its work.
    fn needs_mysql(self) -> bool {
        matches!(self.lane(), Lane::Mysql | Lane::MysqlWire) || self == Kind::KillFunction
    }
}

/// Everything that goes wrong in a round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// What and when, in ms from the beginning, in order.
    pub(crate) troubles: Vec<(u64, Kind)>,
    /// How long MySQL is away, ms.
    pub(crate) away_ms: u64,
    /// How long its disk is slow each time, ms: from a third of this to all of it.
    pub(crate) slow_ms: u64,
}

impl Plan {
    /// A round of `lasts_ms`.
    pub(crate) fn new(lasts_ms: u64, dice: &mut Rng) -> Self {
        let away_ms = if lasts_ms >= TEN_MINUTES_MS { AWAY_MS } else { lasts_ms / AWAY_ONE_IN };
        let from = (lasts_ms - away_ms) * AWAY_AFTER_PERCENT / 100;
        let away = from..from + away_ms;
        let mut troubles = vec![(from, Kind::MysqlAway)];
        for (kind, times) in IN_TEN_MINUTES {
            let times = (times as u64 * lasts_ms).div_ceil(TEN_MINUTES_MS);
            let at = |dice: &mut Rng| moment(lasts_ms, kind.needs_mysql().then_some(&away), dice);
            troubles.extend((0..times).map(|_| (at(dice), kind)));
        }
        troubles.sort();
        Self { troubles, away_ms, slow_ms: SLOW_MS.min(lasts_ms / SLOW_ONE_IN) }
    }

    /// Those of a lane, in order.
    pub(crate) fn of(&self, lane: Lane) -> impl Iterator<Item = (u64, Kind)> {
        self.troubles.iter().copied().filter(move |(_, kind)| kind.lane() == lane)
    }

    /// How often a kind comes.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.troubles.iter().filter(|(_, of)| *of == kind).count()
    }

    /// The kinds that come.
    pub(crate) fn kinds(&self) -> std::collections::BTreeSet<Kind> {
        self.troubles.iter().map(|(_, kind)| *kind).collect()
    }
}

/// Any moment of a round, but none of `without`.
fn moment(lasts_ms: u64, without: Option<&Range<u64>>, dice: &mut Rng) -> u64 {
    let Some(without) = without else { return dice.u64(0..lasts_ms.max(1)) };
    let at = dice.u64(0..(lasts_ms - (without.end - without.start)).max(1));
    if at < without.start { at } else { at + (without.end - without.start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_hold_what_is_promised_of_them() {
        let plan = Plan::new(600_000, &mut Rng::with_seed(1));
        let promised = [
            (Kind::KillMysql, 20),
            (Kind::KillRedis, 20),
            (Kind::KillFunction, 100),
            (Kind::FlushAll, 10),
            (Kind::SlowDisk, 10),
            (Kind::MysqlAway, 1),
        ];
        for (kind, times) in promised {
            assert_eq!(plan.count(kind), times, "{kind:?}");
        }
        assert_eq!((plan.away_ms, plan.slow_ms), (300_000, 10_000));
    }

    #[test]
    fn the_shortest_round_holds_each_kind_and_its_mysql_is_not_troubled_while_it_is_away() {
        for seed in 0..50 {
            let plan = Plan::new(25_000, &mut Rng::with_seed(seed));
            assert_eq!(plan.kinds().len(), IN_TEN_MINUTES.len() + 1);
            assert!(plan.troubles.is_sorted() && plan.troubles.iter().all(|(at, _)| *at < 25_000));
            let away = plan.of(Lane::Mysql).find(|(_, kind)| *kind == Kind::MysqlAway).unwrap().0;
            let mut others = plan.troubles.iter().filter(|(_, k)| k.needs_mysql() && *k != Kind::MysqlAway);
            assert!(others.all(|(at, _)| *at < away || *at >= away + plan.away_ms));
        }
    }
}
