//! How far the demo is, on standard error: one line that is written anew, or a plain line now and then where
//! there is no terminal.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};

use shared::domain::id::Timestamp;
use shared::runtime::clock::{Clock, SystemClock};

/// Between two plain lines, in ms.
const PLAIN_EVERY_MS: i64 = 5_000;

/// Says how far the demo is.
pub(super) struct Progress {
    began: Timestamp,
    is_terminal: bool,
    told: Cell<Timestamp>,
}

impl Progress {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self { began: SystemClock.now(), is_terminal: stderr().is_terminal(), told: Cell::new(Timestamp(0)) }
    }

    /// Ms since the beginning.
    pub(super) fn elapsed(&self) -> i64 {
        SystemClock.now().0 - self.began.0
    }

    /// Something new begins.
    pub(super) fn stage(&self, text: &str) {
        self.told.set(SystemClock.now());
        let seconds = self.elapsed() as f64 / 1_000.0;
        let (before, after) = if self.is_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        let mut out = stderr().lock();
        // Nobody who can be told.
        let _ = write!(out, "{before}{seconds:6.1} s  {text}{after}").and_then(|()| out.flush());
    }

    /// Something happened that is to be read afterwards: a line of its own, everywhere.
    pub(super) fn line(&self, text: &str) {
        self.stage(text);
        self.end();
    }

    /// The same goes on.
    pub(super) fn step(&self, text: &str) {
        if self.is_terminal || SystemClock.now() >= self.told.get().plus(PLAIN_EVERY_MS) {
            self.stage(text);
        }
    }

    /// What follows stands on a line of its own.
    pub(super) fn end(&self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}
