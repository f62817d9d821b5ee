//! What is asked of the outside about who is who.

use shared::domain::id::{CanonicalId, RecordKey, RecordType, Timestamp};
use shared::domain::surface::TypeSurface;
use shared::fault::Unavailable;
use shared::state::Ambiguity;
use shared::writer::translate::CanonicalIds;
use uuid::Uuid;

use super::{Access, Seat};

impl Seat {
    /// The question with this id, and the account that it belongs to, if the person may look at that.
    pub(crate) async fn ambiguity(&self, id: Uuid) -> Result<Option<(Access, Ambiguity)>, Unavailable> {
        let Some(asked) = self.ports.state.ambiguity(id).await? else { return Ok(None) };
        let mut accounts = self.accounts().into_iter();
        Ok(accounts.find(|access| access.account == asked.record.account).map(|access| (access, asked)))
    }
}

impl Access {
    /// The account's open questions, those first that have waited longest.
    pub(crate) async fn ambiguous(
        &self,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Ambiguity>, Unavailable> {
        self.ports.state.open_ambiguities(&self.account, after, limit).await
    }

    /// The canonical ids behind what candidates refer to.
    pub(crate) async fn referred(
        &self,
        asked: &Ambiguity,
        surface: &TypeSurface,
    ) -> Result<CanonicalIds, Unavailable> {
        let held = asked.candidates.iter().map(|candidate| (surface, &candidate.values));
        CanonicalIds::load(&*self.ports.state, &self.account, asked.side, held).await
    }

    /// What a question's record is called within the account.
    pub(crate) fn name_of(key: &RecordKey) -> (RecordType, CanonicalId) {
        (key.record_type.clone(), key.id.clone())
    }
}
