//! The schedule of a run: what happens when, until all is quiet.

use shared::domain::id::Side;
use shared::domain::plan::CALL_LANDS_WITHIN_MS;

use super::Run;
use super::words::say;

impl Run {
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.faults && self.rng.f64() < p
    }

    pub(super) fn step(&mut self) {
        let ms = match self.rng.usize(..20) {
            0..9 => self.rng.i64(0..300),
            9..18 => self.rng.i64(1_000..15_000),
            _ => self.rng.i64(15_000..60_000),
        };
        self.now = self.now.plus(ms);
        self.land_late();
        let x = self.rng.f64();
        if self.deletes && self.rng.f64() < 0.02 {
            let side = Side::BOTH[self.rng.usize(..2)];
            self.user_delete(side);
        } else if x < 0.18 {
            self.user_edit(Side::NetSuite);
            if self.rng.f64() < 0.3 {
                self.user_edit(Side::NetSuite); // within the same second
            }
        } else if x < 0.36 {
            self.user_edit(Side::SuiteX);
        } else if x < 0.45 {
            self.poll();
        } else if x < 0.62 {
            self.deliver(Side::NetSuite);
        } else if x < 0.79 {
            self.deliver(Side::SuiteX);
        } else if x < 0.83 {
            self.resolve();
        } else {
            let side = Side::BOTH[self.rng.usize(..2)];
            self.push(side);
        }
    }

    fn land_late(&mut self) {
        let mut waiting = std::mem::take(&mut self.late);
        let (rng, now, faults) = (&mut self.rng, self.now, self.faults);
        let landing: Vec<_> = waiting
            .extract_if(.., |(last, _)| !faults || *last <= now || rng.f64() < 0.1)
            .map(|(_, call)| call)
            .collect();
        self.late = waiting;
        for call in landing {
            if self.now <= self.lands_until(&call) {
                say!(self, "a call that hung lands");
                self.land(Side::NetSuite, &call);
            }
        }
    }

    pub(super) fn play(mut self) -> Self {
        for _ in 0..self.setup.steps {
            self.step();
        }
        say!(self, "-- faults stop");
        self.faults = false;
        for _ in 0..30 {
            self.now = self.now.plus(CALL_LANDS_WITHIN_MS / 15);
            self.land_late();
            while !self.bus.netsuite.is_empty() || !self.bus.suitex.is_empty() {
                self.deliver(Side::NetSuite);
                self.deliver(Side::SuiteX);
            }
            self.resolve();
            self.push(Side::NetSuite);
            self.push(Side::SuiteX);
            self.poll();
        }
        self.check();
        self
    }
}
