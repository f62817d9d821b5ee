//! Deliberate defects, one per mechanism that the design rests on. The simulation switches one on and must
//! find it; without the feature `breakage` the switch is not there and every question is answered `false` at
//! compile time.

/// A mechanism that can be broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breakage {
    /// merge acks before the ledger and the pending list are committed.
    AckBeforeCommit,
    /// Keys forget the account.
    KeyWithoutAccount,
    /// The pending row is not written when the ledger already has the event.
    PendingSkippedWhenKnown,
    /// Targets are written without comparing what they hold.
    NoCompareBeforeSet,
    /// A sent value that comes back counts as somebody's edit.
    SentNotRecognised,
    /// An unknown outcome is taken for a failure and not read back.
    NoReadBack,
    /// Pending events of different sources are folded into one.
    CrossSourceFolding,
    /// `plan` ignores locks.
    LockNotChecked,
    /// A resolution counts whatever revision it was judged on, and a commit whatever row it was decided on.
    VersionNotCompared,
    /// News of the revision we already know is applied.
    EqualSecondApplied,
    /// A call's permit is given back when we stop waiting for its answer.
    PermitFreedAtTimeout,
    /// A link is overwritten by a later claim on the same side id.
    LinkOverwritten,
    /// The poller's cursor passes records before they are on the bus.
    CursorBeforeBus,
    /// Records are created without asking the target for others that they could be.
    CreatedBlindly,
    /// That a channel took a message is not noted.
    SentNotNoted,
    /// Nothing is flushed or written while the buffer is away.
    BufferRequired,
}

impl Breakage {
    /// All of them, with the names that the command line takes.
    pub const ALL: [(Breakage, &'static str); 16] = [
        (Breakage::AckBeforeCommit, "ack-before-commit"),
        (Breakage::KeyWithoutAccount, "key-without-account"),
        (Breakage::PendingSkippedWhenKnown, "pending-skipped-when-known"),
        (Breakage::NoCompareBeforeSet, "no-compare-before-set"),
        (Breakage::SentNotRecognised, "sent-not-recognised"),
        (Breakage::NoReadBack, "no-read-back"),
        (Breakage::CrossSourceFolding, "cross-source-folding"),
        (Breakage::LockNotChecked, "lock-not-checked"),
        (Breakage::VersionNotCompared, "version-not-compared"),
        (Breakage::EqualSecondApplied, "equal-second-applied"),
        (Breakage::PermitFreedAtTimeout, "permit-freed-at-timeout"),
        (Breakage::LinkOverwritten, "link-overwritten"),
        (Breakage::CursorBeforeBus, "cursor-before-bus"),
        (Breakage::CreatedBlindly, "created-blindly"),
        (Breakage::SentNotNoted, "sent-not-noted"),
        (Breakage::BufferRequired, "buffer-required"),
    ];
}

#[cfg(feature = "breakage")]
mod switch {
    use super::Breakage;
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<Breakage>> = const { Cell::new(None) };
    }

    /// Breaks one mechanism on this thread, or mends all.
    pub fn set(breakage: Option<Breakage>) {
        ACTIVE.set(breakage);
    }

    pub(crate) fn on(breakage: Breakage) -> bool {
        ACTIVE.get() == Some(breakage)
    }
}

#[cfg(feature = "breakage")]
pub use switch::set;

/// Whether this mechanism is broken now.
#[cfg(feature = "breakage")]
pub fn on(breakage: Breakage) -> bool {
    switch::on(breakage)
}

/// Whether this mechanism is broken now: never, in a build without the feature.
#[cfg(not(feature = "breakage"))]
pub const fn on(_breakage: Breakage) -> bool {
    false
}
