//! Records of which a side has several that could be them, and a person's word on which it is. The word leaves as an
//! event, like a resolution.

use std::sync::Arc;

use serde_json::{Map, json};
use shared::domain::event::{IdentityChoice, Payload, WireIdentity};
use shared::domain::identity;
use shared::domain::people::Role;
use shared::domain::record::Record;
use shared::runtime::problem::Problem;
use shared::state::{Ambiguity, AmbiguityStatus};
use uuid::Uuid;

use super::conflicts::Accepted;
use super::decision;
use crate::access::{Access, Seat};
use crate::view::{AmbiguityView, Listed};

/// A person's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The revision on which it was judged.
    pub revision: u64,
    /// Which it is.
    pub choice: IdentityChoice,
    /// Why.
    pub note: Option<String>,
}

/// A question that the person may look at.
pub struct Question {
    access: Access,
    asked: Ambiguity,
    /// The record that it is about; none when that has become another one.
    record: Option<Arc<Record>>,
}

impl Question {
    /// What the person may do in its account.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether a person must tell.
    pub fn is_open(&self) -> bool {
        self.asked.status == AmbiguityStatus::Open
    }

    /// The revision that an answer must name.
    pub fn revision(&self) -> u64 {
        self.asked.revision
    }

    /// What is shown of it, with what each answer would change.
    pub async fn view(&self) -> Result<AmbiguityView, Problem> {
        let surface = self.access.account().types.get(&self.asked.record.record_type);
        // What is no longer configured, or has become another record, is shown as it was found.
        let (Some(surface), Some(record)) = (surface, &self.record) else {
            return Ok(AmbiguityView::new(&self.asked));
        };
        let ids = self.access.referred(&self.asked, surface).await?;
        Ok(AmbiguityView::whole(&self.asked, record, surface, &ids, self.access.now()))
    }

    /// 409, with the present view.
    async fn past(&self, detail: &str) -> Result<Problem, Problem> {
        let present = json!(self.view().await?);
        Ok(Problem::conflict(detail, Map::from_iter([("ambiguity".to_string(), present)])))
    }
}

/// Open questions of the accounts that the person may look at, those first that have waited longest.
pub async fn questions(
    seat: &Seat,
    account: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<AmbiguityView>, Problem> {
    let after = super::place(after)?;
    let mut all: Vec<Ambiguity> = Vec::new();
    for access in seat.accounts_of(account)? {
        all.extend(access.ambiguous(after, limit + 1).await?);
    }
    all.sort_by_key(Ambiguity::place);
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|last| format!("{}:{}", last.opened_at.0, last.id()));
    Ok(Listed { items: all.iter().map(AmbiguityView::new).collect(), next })
}

/// The question with this id, open or not.
pub async fn question(seat: &Seat, id: Uuid) -> Result<Question, Problem> {
    let found = seat.ambiguity(id).await?;
    let (access, asked) =
        found.ok_or_else(|| Problem::not_found("no record was ever ambiguous under this id").at("id"))?;
    let record = access.record(&Access::name_of(&asked.record)).await?;
    let record = record.filter(|record| record.key == asked.record);
    Ok(Question { access, asked, record })
}

/// Says which it is. Takes effect once merge has taken it in, if the question is still the same then.
pub async fn identify(question: &Question, word: &Word) -> Result<Accepted, Problem> {
    let Question { access, asked, record } = question;
    access.need(Role::Resolver)?;
    if !question.is_open() {
        return Err(question.past("the question is answered").await?);
    }
    if asked.revision != word.revision {
        let detail = format!("the question is at revision {} now; decide on what it shows", asked.revision);
        return Err(question.past(&detail).await?);
    }
    if !asked.is_answered_by(word.revision, &word.choice) {
        let reason = "names none of the candidates that are free";
        return Err(Problem::unprocessable("choice.link", reason));
    }
    let note = super::note("note", word.note.clone())?;
    let waits = |record: &&Arc<Record>| identity::asked_about(record) == Some(asked.side);
    let Some(record) = record.as_ref().filter(waits) else {
        return Err(question.past("the record does not wait for this any more").await?);
    };
    let choice = word.choice.clone();
    let identity = WireIdentity { ambiguity_id: asked.id(), revision: word.revision, choice };
    let payload = Payload { identity: Some(identity), ..Payload::default() };
    let event = decision(access, &record.key, record.version.0, payload, note.as_deref(), access.now());
    access.publish(std::slice::from_ref(&event)).await?;
    Ok(Accepted { event_id: event.event_id })
}
