//! The files of `migrations/tenant`.

use super::{Migration, migrations};

pub(super) const MIGRATIONS: &[Migration] = migrations!["tenant":
    "0001_sync_rows",
    "0002_outbox_events",
    "0003_synced_events",
    "0004_sync_edited",
    "0005_sync_created",
    "0006_sync_deleted",
    "0007_sync_line",
    "0008_sync_turns",
];
