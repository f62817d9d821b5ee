//! One effect that goes wrong, counted from when the aim was taken: what is to be enumerated is not left to dice.

/// What goes wrong at one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The request never arrives.
    RequestLost,
    /// It is done; its answer never arrives.
    ReplyLost,
    /// The instance dies just before.
    CrashBefore,
    /// The instance dies just after.
    CrashAfter,
}

impl Harm {
    /// All of them.
    pub const ALL: [Harm; 4] = [Harm::RequestLost, Harm::ReplyLost, Harm::CrashBefore, Harm::CrashAfter];
}

/// Counts effects, so that one of them can be hit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Aim {
    /// Effects since the aim was taken.
    effects: usize,
    /// Which of them is hit, and how.
    at: Option<(usize, Harm)>,
}

impl Aim {
    /// Counts from here; the `nth` effect (from 0), if any, is hit.
    pub fn at(at: Option<(usize, Harm)>) -> Self {
        Self { effects: 0, at }
    }

    /// Effects since then.
    pub fn effects(&self) -> usize {
        self.effects
    }

    /// What happens to the effect that comes now.
    pub fn hit(&mut self) -> Option<Harm> {
        let harm = self.at.filter(|(nth, _)| *nth == self.effects).map(|(_, harm)| harm);
        self.effects += 1;
        harm
    }
}
