//! Files the open conflicts under the times that are agreed now: when those were changed, or were never told, what is filed
//! is of before, and the inbox and the ladder go by it.

use shared::domain::id::{Timestamp, derived_id};
use shared::domain::record::Record;
use shared::domain::surface::Account;
use shared::fault::Unavailable;
use shared::state::Commit;
use shared::state::desk::{ConflictFilter, Filed};
use uuid::Uuid;

use super::memory::Memory;
use super::{PAGE, PAGES};
use crate::App;

/// Goes through the open conflicts once for each change of the agreed times, some pages at each look.
pub(super) async fn file(app: &App, account: &Account, memory: &mut Memory) -> Result<(), Unavailable> {
    let by = agreed(account);
    if memory.filed_by != Some(by) {
        memory.filed_by = Some(by);
        memory.file_from = Some((Timestamp(i64::MIN), Uuid::nil()));
    }
    for _ in 0..PAGES {
        let Some(after) = memory.file_from else { return Ok(()) };
        let filter = ConflictFilter::default();
        let page = app.state.open_conflicts(&account.id, &filter, Some(after), PAGE).await?;
        memory.file_from = page.last().map(Filed::place).filter(|_| page.len() == PAGE);
        let keys: Vec<_> = page.iter().map(|filed| filed.key.clone()).collect();
        let records = app.state.load(&keys).await?;
        let stale = page
            .iter()
            .zip(&records)
            .filter_map(|(filed, record)| record.as_ref().filter(|record| is_filed_otherwise(filed, record)));
        let anew = stale
            .map(|record| Commit { record: Some(Record::clone(record)), ..Commit::new(account.id.clone()) });
        // As they are: a commit files what it finds. Whoever has committed meanwhile has filed it too.
        app.state.commit(anew.collect()).await?;
    }
    Ok(())
}

fn is_filed_otherwise(filed: &Filed, record: &Record) -> bool {
    let conflict = record.conflict.as_ref().filter(|conflict| conflict.id == filed.conflict);
    conflict.is_some_and(|conflict| (conflict.opened_at, conflict.due_at) != (filed.opened_at, filed.due_at))
}

/// What stands for the agreed times of an account.
fn agreed(account: &Account) -> Uuid {
    let of_type = |(kind, surface): (_, &std::sync::Arc<shared::domain::surface::TypeSurface>)| {
        let fields: Vec<i64> = surface.fields.iter().map(|field| field.sla_ms).collect();
        format!("{kind} {} {fields:?}", surface.sla_ms)
    };
    let types: Vec<String> = account.types.iter().map(of_type).collect();
    derived_id("agreed", &[&types.join("\n")])
}
