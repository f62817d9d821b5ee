//! The part of the port that knows who could be whom.

use async_trait::async_trait;
use shared::domain::id::{AccountId, RecordKey, Timestamp};
use shared::fault::Unavailable;
use shared::state::{Ambiguities, Ambiguity};
use uuid::Uuid;

use super::{MysqlState, WHAT, ambiguous_record, ask, cursor};
use crate::fault::{retrying, unavailable};

#[async_trait]
impl Ambiguities for MysqlState {
    async fn ambiguities(&self, records: &[RecordKey]) -> Result<Vec<Option<Ambiguity>>, Unavailable> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let found = ask!(self, |c| ambiguous_record::of(c, records))?;
        Ok(records.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn open_ambiguities(
        &self,
        account: &AccountId,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Ambiguity>, Unavailable> {
        ask!(self, |c| ambiguous_record::page(c, account, after, cursor::size(limit)))
    }

    async fn ambiguity(&self, id: Uuid) -> Result<Option<Ambiguity>, Unavailable> {
        ask!(self, |c| ambiguous_record::find(c, id))
    }
}
