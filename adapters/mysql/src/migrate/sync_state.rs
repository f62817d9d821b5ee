//! The files of `migrations/sync_state`.

use super::{Migration, migrations};

pub(super) const MIGRATIONS: &[Migration] = migrations!["sync_state":
    "0001_current_state",
    "0002_state_history",
    "0003_pending_event",
    "0004_event_census",
    "0005_pending_event_counted",
    "0006_pending_event_moved",
    "0007_record_link",
    "0008_conflicts",
    "0009_sync_error_queue",
    "0010_event_audit_log",
    "0011_notification",
    "0012_governance",
    "0013_open_call",
    "0014_sync_watermark",
    "0015_poll_cursor",
    "0016_governance_learned",
    "0017_open_call_begun",
    "0018_pending_event_not_counted",
    "0019_pending_event_moves_not_counted",
    "0020_event_census_by_program",
    "0021_conflicts_desk",
    "0022_conflict_field",
    "0023_account_hold",
    "0024_event_audit_log_keys",
];
