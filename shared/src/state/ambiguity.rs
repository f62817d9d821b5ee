//! Records of which a side has several that could be them: a person must tell. The queue of these questions, and what
//! was answered.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::domain::event::IdentityChoice;
use crate::domain::id::{AccountId, CanonicalId, RecordKey, Revision, Side, SideId, Timestamp};
use crate::domain::identity::question_id;
use crate::fault::Unavailable;

/// What is known of records that a side has and that could be one of ours. One row per record, kept: what a person has
/// declined is not asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ambiguity {
    /// The record.
    pub record: RecordKey,
    /// The side that lacks it.
    pub side: Side,
    /// Up by one with each question. An answer counts only for the one that was judged.
    pub revision: u64,
    /// Where it stands.
    pub status: AmbiguityStatus,
    /// What was found when the side was last asked.
    pub candidates: Vec<Candidate>,
    /// Found, and others': records that have a counterpart of their own.
    pub passed: Vec<SideId>,
    /// What a person said it is not.
    pub declined: Vec<SideId>,
    /// Since when it is asked.
    pub opened_at: Timestamp,
    /// The last answer.
    pub answer: Option<AmbiguityAnswer>,
}

/// Where a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AmbiguityStatus {
    /// A person must tell.
    Open,
    /// A person has told; the writer has not acted on it yet, or it holds for good.
    Answered,
    /// Nobody need tell.
    Closed,
}

impl AmbiguityStatus {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            AmbiguityStatus::Open => "open",
            AmbiguityStatus::Answered => "answered",
            AmbiguityStatus::Closed => "closed",
        }
    }
}

/// A record of a side that could be ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The side's id.
    pub id: SideId,
    /// The side's clock when it was seen.
    pub revision: Revision,
    /// What it held then, under the side's names.
    pub values: Map<String, Json>,
    /// The keys in which it is like ours: canonical names of their fields.
    pub matched: Vec<Vec<String>>,
    /// The record that it belongs to, when it has a counterpart: then it cannot be chosen.
    pub taken_by: Option<CanonicalId>,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmbiguityAnswer {
    /// Which it is.
    pub choice: IdentityChoice,
    /// Who said so.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

impl Ambiguity {
    /// What is known before anything was found.
    pub fn new(record: RecordKey, side: Side, now: Timestamp) -> Self {
        Self {
            record,
            side,
            revision: 0,
            status: AmbiguityStatus::Closed,
            candidates: Vec::new(),
            passed: Vec::new(),
            declined: Vec::new(),
            opened_at: now,
            answer: None,
        }
    }

    /// Its id, under which people find it.
    pub fn id(&self) -> Uuid {
        question_id(&self.record, self.side)
    }

    /// Its place in the list of open ones.
    pub fn place(&self) -> (Timestamp, Uuid) {
        (self.opened_at, self.id())
    }

    /// Whether a person is asked, or has answered and it is not carried out yet.
    pub fn is_asked(&self) -> bool {
        matches!(self.status, AmbiguityStatus::Open | AmbiguityStatus::Answered)
    }

    /// The candidates that a person may choose.
    pub fn free(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| candidate.taken_by.is_none())
    }

    /// Whether this answers the question as it is asked now.
    pub fn is_answered_by(&self, revision: u64, choice: &IdentityChoice) -> bool {
        let is_offered = match choice {
            IdentityChoice::Link(id) => self.free().any(|candidate| candidate.id == *id),
            IdentityChoice::Create | IdentityChoice::Again => true,
        };
        self.status == AmbiguityStatus::Open && self.revision == revision && is_offered
    }

    /// Takes an answer.
    pub fn answered(&mut self, answer: AmbiguityAnswer) {
        match &answer.choice {
            IdentityChoice::Create => {
                let shown: Vec<SideId> = self.free().map(|candidate| candidate.id.clone()).collect();
                self.declined.extend(shown);
                self.declined.sort();
                self.declined.dedup();
                self.status = AmbiguityStatus::Answered;
            }
            IdentityChoice::Link(_) => self.status = AmbiguityStatus::Answered,
            IdentityChoice::Again => self.status = AmbiguityStatus::Closed,
        }
        self.answer = Some(answer);
    }

    /// The record that a person chose, until it has become ours.
    pub fn chosen(&self) -> Option<&SideId> {
        match (self.status, &self.answer) {
            (AmbiguityStatus::Answered, Some(AmbiguityAnswer { choice: IdentityChoice::Link(id), .. })) => {
                Some(id)
            }
            _ => None,
        }
    }
}

/// The part of the state that knows them. They are written by [`super::State::commit`].
#[async_trait]
pub trait Ambiguities: Send + Sync {
    /// What is known about these records, in their order.
    async fn ambiguities(&self, records: &[RecordKey]) -> Result<Vec<Option<Ambiguity>>, Unavailable>;

    /// At most `limit` open questions, those first that have waited longest; after that place in the list.
    async fn open_ambiguities(
        &self,
        account: &AccountId,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Ambiguity>, Unavailable>;

    /// One, by its id.
    async fn ambiguity(&self, id: Uuid) -> Result<Option<Ambiguity>, Unavailable>;
}
