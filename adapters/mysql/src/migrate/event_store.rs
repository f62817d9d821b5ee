//! The files of `migrations/event_store`.

use super::{Migration, migrations};

pub(super) const MIGRATIONS: &[Migration] = migrations!["event_store":
    "0001_event_store",
    "0002_event_store_no_update",
    "0003_event_store_no_delete",
];
