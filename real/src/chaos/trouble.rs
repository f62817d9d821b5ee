//! Making the trouble that is planned, each lane by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use shared::domain::id::Timestamp;
use shared::runtime::clock::{Clock, SystemClock};

use super::plan::{Kind, Lane, Plan};
use super::wire::Wire;
use crate::buffer;
use crate::children::Place;
use crate::services::Control;

/// How long MySQL stands still, in ms.
const FROZEN_MS: std::ops::Range<i64> = 1_000..3_000;

/// So much longer takes each sync and each write of a slow disk, in ms; a commit waits for about four of them.
const SLOWER_BY_MS: std::ops::Range<i64> = 100..1_000;

/// How long new connections carry nothing, in ms.
const SILENT_MS: std::ops::Range<i64> = 1_000..5_000;

/// What trouble can be made with.
pub(crate) struct Tools {
    /// Services, to be killed.
    pub(crate) control: Control,
    /// Where Redis is.
    pub(crate) redis: String,
    /// Before MySQL.
    pub(crate) mysql_wire: Wire,
    /// Before Redis.
    pub(crate) redis_wire: Wire,
    /// Where functions run.
    pub(crate) places: Vec<Arc<Place>>,
}

/// What was done, and how long each time what was hurt took until it answered again, in ms.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done(pub(crate) BTreeMap<Kind, Vec<i64>>);

/// Makes everything in `plan`, and returns when it is over and everything runs again.
pub(crate) async fn make(plan: &Plan, tools: &Tools, seed: u64, tell: &dyn Fn(&str)) -> Result<Done, String> {
    let maker = Maker { plan, tools, tell, began: SystemClock.now(), done: RefCell::default() };
    let lane = |lane, n: u64| maker.lane(lane, Rng::with_seed(seed.rotate_left(23) ^ n));
    let made = futures::try_join!(
        lane(Lane::Mysql, 1),
        lane(Lane::Redis, 2),
        lane(Lane::Functions, 3),
        lane(Lane::MysqlWire, 4),
        lane(Lane::RedisWire, 5),
    );
    // A lane that failed has ended the others, wherever they were.
    let quick = tools.control.tell("quick", "mysql").await;
    made.and(quick)?;
    Ok(maker.done.into_inner())
}

struct Maker<'a> {
    plan: &'a Plan,
    tools: &'a Tools,
    tell: &'a dyn Fn(&str),
    began: Timestamp,
    done: RefCell<Done>,
}

impl Maker<'_> {
    async fn lane(&self, lane: Lane, mut dice: Rng) -> Result<(), String> {
        let mut victims = Vec::new();
        for (at, kind) in self.plan.of(lane) {
            SystemClock.sleep_until(self.began.plus(at.cast_signed())).await;
            // Everybody has a turn before anybody has another.
            if victims.is_empty() {
                victims = self.tools.places.clone();
                dice.shuffle(&mut victims);
            }
            let victim = if lane == Lane::Functions { victims.pop() } else { None };
            let name = victim.as_ref().map(|place| format!(" ({})", place.function)).unwrap_or_default();
            (self.tell)(&format!("{}{name}", kind.words()));
            let began = SystemClock.now();
            self.strike(kind, victim.as_deref(), &mut dice).await?;
            let took = SystemClock.now().0 - began.0;
            self.done.borrow_mut().0.entry(kind).or_default().push(took);
        }
        Ok(())
    }

    async fn strike(&self, kind: Kind, victim: Option<&Place>, dice: &mut Rng) -> Result<(), String> {
        let Tools { control, redis, mysql_wire, redis_wire, .. } = self.tools;
        match kind {
            Kind::KillMysql => {
                control.tell("kill", "mysql").await?;
                control.tell("up", "mysql").await?;
            }
            Kind::MysqlAway => {
                control.tell("kill", "mysql").await?;
                pause(self.plan.away_ms.cast_signed()).await;
                (self.tell)("MySQL comes back");
                control.tell("up", "mysql").await?;
            }
            Kind::FreezeMysql => {
                control.tell("freeze", "mysql").await?;
                pause(dice.i64(FROZEN_MS)).await;
                control.tell("thaw", "mysql").await?;
            }
            Kind::SlowDisk => {
                let slower_by_ms = dice.i64(SLOWER_BY_MS);
                (self.tell)(&format!("each sync and each write takes {slower_by_ms} ms longer"));
                control.slow_mysql(slower_by_ms).await?;
                let longest = self.plan.slow_ms.cast_signed();
                pause(dice.i64(longest / 3..=longest)).await;
                control.tell("quick", "mysql").await?;
            }
            Kind::KillRedis => {
                control.tell("kill", "redis").await?;
                control.tell("up", "redis").await?;
            }
            Kind::FlushAll => buffer::flush_all(redis).await?,
            Kind::KillFunction => {
                if let Some(victim) = victim
                    && !victim.crash_at_work().await
                {
                    (self.tell)(&format!("{} does not serve, and is not killed", victim.function));
                }
            }
            Kind::EndFunction => victim.into_iter().for_each(Place::replace),
            Kind::CutMysql => mysql_wire.cut(),
            Kind::CutRedis => redis_wire.cut(),
            Kind::SilenceMysql => half_open(mysql_wire, dice).await,
            Kind::SilenceRedis => half_open(redis_wire, dice).await,
        }
        Ok(())
    }
}

async fn half_open(wire: &Wire, dice: &mut Rng) {
    wire.silence();
    pause(dice.i64(SILENT_MS)).await;
    wire.heal();
}

async fn pause(ms: i64) {
    SystemClock.sleep_until(SystemClock.now().plus(ms)).await;
}
