//! One rule, one file: what people and systems do, step by step, and what must come of it. The world is the
//! simulation's (the real handlers, the bus, both systems), without faults but those that a story is about.
//!
//! When a story ends, everything must have settled and every invariant hold: see [`story::Story`].

mod asked;
mod story;

mod aba;
mod accounts;
mod buffer_away;
mod buffer_lost;
mod causes;
mod coalescing;
mod conflict;
mod create_seen_twice;
mod custom_record;
mod decimals;
mod delete_against_edit;
mod delete_rules;
mod desk;
mod dying_script;
mod echo;
mod equal_second;
mod every_effect;
mod governance;
mod hot_record;
mod ignored_field;
mod large_payload;
mod late_landing;
mod latency;
mod lines;
mod lost_reply;
mod match_keys;
mod merge_crash;
mod not_shown;
mod null_against_absent;
mod poison;
mod redelivered_suffix;
mod reference_before_target;
mod reference_cycle;
mod refusals;
mod refused;
mod stale;
mod statuses;
mod sweep;
mod trimming_target;
mod twin;
mod unknown;
mod why;
mod without_time;
