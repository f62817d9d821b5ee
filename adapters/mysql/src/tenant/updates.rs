//! Updates of many rows of a table in one transaction: each statement but the update itself serves all of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shared::suitex::{Applied, Change, TenantWrite};
use sqlx::{Connection, MySqlConnection};
use uuid::Uuid;

use super::names::number;
use super::table::{Place, Table};
use super::write::{Known, SYNC_ACTOR, Stop, TELL_TRIGGERS, Write, as_known};
use crate::fault::{Cause, cause};

/// The same of another call: what it does to a row is an edit of its own, for the edit is a row's.
const TELL_CALL: &str = "set @sync_call = ?";

/// An update by the sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update<'a> {
    /// The row.
    pub(super) id: u64,
    known: Known<'a>,
    values: &'a Map<String, Json>,
    operation: Uuid,
}

impl<'a> Update<'a> {
    /// The update that a write of ours is, if it is one.
    pub(super) fn of(write: &'a TenantWrite<'_>) -> Option<Self> {
        let Change::Update { id, revision, expected, values } = &write.change else { return None };
        let known = Known { revision: *revision, expected };
        Some(Self { id: number(id)?, known, values, operation: write.operation })
    }
}

/// Does updates of different rows in one transaction; an answer for each, in their order. `None`: one of them is refused,
/// and nothing was done; singly, the others go through.
pub(super) async fn update_all(
    on: &mut MySqlConnection,
    table: &Table,
    updates: &[Update<'_>],
) -> Result<Option<Vec<Applied>>, sqlx::Error> {
    let mut transaction = on.begin().await?;
    let mut write = Write { on: &mut transaction, table, is_ours: true };
    match write.update_all(updates).await {
        Ok(applied) => {
            transaction.commit().await?;
            Ok(Some(applied))
        }
        Err(Stop::Failed(error)) if !is_refusal(&error) => Err(error),
        Err(Stop::Refused(_) | Stop::Failed(_)) => {
            transaction.rollback().await?;
            Ok(None)
        }
    }
}

/// Whether the database has said no, and will say so again: not lost, and in nobody's way.
fn is_refusal(error: &sqlx::Error) -> bool {
    match cause(error) {
        Cause::Duplicate | Cause::Refused(_) | Cause::Denied(_) | Cause::Server(_) => true,
        Cause::Deadlock | Cause::LockWait | Cause::Lost => false,
    }
}

impl Write<'_> {
    async fn update_all(&mut self, updates: &[Update<'_>]) -> Result<Vec<Applied>, Stop> {
        let ids: Vec<u64> = updates.iter().map(|update| update.id).collect();
        let nobody = None::<String>;
        sqlx::query(TELL_TRIGGERS)
            .bind(SYNC_ACTOR)
            .bind(&nobody)
            .bind(&nobody)
            .execute(&mut *self.on)
            .await?;
        self.table.lock(self.on, &ids).await?;
        let mut found = self.table.find_all(self.on, &ids).await?;
        let (mut before, mut applied) = (BTreeMap::new(), Vec::with_capacity(updates.len()));
        for update in updates {
            let place = found.remove(&update.id).unwrap_or(Place::Nowhere);
            let row = match as_known(self.table, place, Some(update.known)) {
                Ok(row) => row,
                Err(elsewhere) => {
                    applied.push(Some(elsewhere));
                    continue;
                }
            };
            let told = sqlx::query(TELL_CALL).bind(update.operation.to_string());
            told.execute(&mut *self.on).await?;
            applied.push(self.set(&row, Some(update.known), update.values).await?);
            before.insert(update.id, row.revision);
        }
        let mut after = self.table.find_all(self.on, &ids).await?;
        let (mut changed, mut answered) = (Vec::new(), Vec::new());
        let answers = ids.iter().zip(applied).map(|(id, mismatch)| {
            let Some(Place::Living(row)) = after.remove(id) else {
                return mismatch.unwrap_or(Applied::Gone(None));
            };
            if before.get(id).is_some_and(|before| *before != row.revision) {
                changed.push((*id, row.revision));
                answered.extend(mismatch.is_none().then_some(*id));
            }
            mismatch.unwrap_or_else(|| Applied::Done(Some(self.table.shown(&row))))
        });
        let answers = answers.collect();
        self.table.take_back(self.on, &answered).await?;
        self.tell_suitex("update", &changed).await?;
        Ok(answers)
    }
}
