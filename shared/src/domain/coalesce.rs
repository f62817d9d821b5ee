//! When a record's pending events are absorbed.

use super::id::Timestamp;
use super::surface::Coalescing;

/// When pending events that began at `first`, last grew at `last` and number `count` are to be absorbed.
pub fn flush_at(
    first: Timestamp,
    last: Timestamp,
    count: usize,
    flush_now: bool,
    rules: &Coalescing,
) -> Timestamp {
    if flush_now || count >= rules.max_events {
        return last;
    }
    last.plus(rules.quiet_ms).min(first.plus(rules.max_wait_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_when_quiet_or_old_or_many_or_told() {
        let rules = Coalescing { quiet_ms: 100, max_wait_ms: 1_000, max_events: 3 };
        let at = |first, last, count, now| flush_at(Timestamp(first), Timestamp(last), count, now, &rules).0;
        assert_eq!(at(0, 0, 1, false), 100, "quiet");
        assert_eq!(at(0, 950, 2, false), 1_000, "old");
        assert_eq!(at(0, 50, 3, false), 50, "many");
        assert_eq!(at(0, 0, 1, true), 0, "told");
    }
}
