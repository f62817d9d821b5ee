//! SuiteX as a target: our calls as tenant transactions, their results in our words.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Map;
use shared::breakage::{self, Breakage};
use shared::domain::governance::CallEnd;
use shared::domain::id::{AccountId, Revision, Side, SideId};
use shared::domain::record::Verb;
use shared::domain::surface::Account;
use shared::suitex::{Applied, By, Change, Look, Row, TenantWrite, Tenants};
use shared::writer::{Answer, CallFault, LookCall, Refusal, Shown, Target, Twin, WriteCall};
use uuid::Uuid;

/// Most writes of one call: they share a transaction, which holds its rows from SuiteX's people.
const WRITES_MAX: usize = 32;

/// SuiteX, through its tenant databases.
#[derive(Clone)]
pub struct SuiteX {
    /// The tenant databases.
    pub tenants: Arc<dyn Tenants>,
}

#[async_trait]
impl Target for SuiteX {
    fn side(&self) -> Side {
        Side::SuiteX
    }

    fn is_governed(&self) -> bool {
        false
    }

    fn batch_max(&self) -> usize {
        WRITES_MAX
    }

    /// An answer that did not come is unknown for that record and those after it.
    async fn write(&self, account: &Account, calls: &[WriteCall]) -> Result<Vec<Answer>, CallFault> {
        let mut writes = Vec::with_capacity(calls.len());
        for call in calls {
            let change = self.change_of(&account.id, call).await?;
            writes.push(TenantWrite { table: &call.surface.suitex, operation: call.operation, change });
        }
        let applied = self.tenants.apply_all(&account.id, &writes).await.map_err(unknown)?;
        Ok(applied.into_iter().map(answer_to_write).collect())
    }

    async fn look(&self, account: &Account, calls: &[LookCall]) -> Result<Vec<Answer>, CallFault> {
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let by = call.id.as_ref().map_or(By::SyncId(call.canonical.as_str()), |id| By::Id(id.as_str()));
            let look = self.tenants.read(&account.id, &call.surface.suitex, by).await.map_err(unknown)?;
            answers.push(match look {
                Look::Found(row) => looked(row, &call.operations),
                Look::Deleted(revision) => Answer::Gone(Some(revision)),
                Look::Missing => Answer::Missing,
            });
        }
        Ok(answers)
    }
}

impl SuiteX {
    async fn change_of(&self, account: &AccountId, call: &WriteCall) -> Result<Change, CallFault> {
        let id = call.id.as_ref().map(SideId::to_string).unwrap_or_default();
        let revision = match breakage::on(Breakage::NoCompareBeforeSet) {
            // Blind: whatever the row is now.
            true => {
                match self.tenants.read(account, &call.surface.suitex, By::Id(&id)).await.map_err(unknown)? {
                    Look::Found(row) => row.revision,
                    Look::Deleted(_) | Look::Missing => Revision(0),
                }
            }
            false => call.revision.unwrap_or_default(),
        };
        let expected = match breakage::on(Breakage::NoCompareBeforeSet) {
            true => Map::new(),
            false => call.expected.clone(),
        };
        Ok(match call.verb {
            Verb::Create => Change::Create {
                sync_id: call.canonical.to_string(),
                values: call.values.clone(),
                unless: call.unless.clone(),
            },
            Verb::Update => Change::Update { id, revision, expected, values: call.values.clone() },
            Verb::Delete => Change::Delete { id, revision, expected },
        })
    }
}

fn unknown(error: shared::fault::Unavailable) -> CallFault {
    CallFault::new(CallEnd::Unknown, error.to_string())
}

fn answer_to_write(applied: Applied) -> Answer {
    match applied {
        Applied::Done(row) => Answer::Applied(row.and_then(shown)),
        Applied::Mismatch(row) => looked(row, &[]),
        Applied::Twins(rows) => {
            let twin = |mut row: Row| {
                let mark = row.sync_id.take();
                Some(Twin { shown: shown(row)?, mark })
            };
            Answer::Twins(rows.into_iter().filter_map(twin).collect())
        }
        Applied::Gone(Some(revision)) => Answer::Gone(Some(revision)),
        Applied::Gone(None) => Answer::Missing,
        Applied::Refused { code, message, field } => Answer::Refused(Refusal {
            code,
            message,
            field,
            may_pass: false,
            hint: "SuiteX's own rule refuses it: correct what the message names, then retry.",
        }),
    }
}

/// A row remembers the last call that changed it. No call in doubt can come before that one: each writes only to
/// the revision that it knows.
fn looked(mut row: Row, in_doubt: &[Uuid]) -> Answer {
    let Row { last_call, .. } = &mut row;
    let call = last_call.take().filter(|call| in_doubt.contains(&call.operation));
    let held = BTreeMap::from_iter(call.map(|call| (call.operation, call.values)));
    shown(row).map_or(Answer::Missing, |shown| Answer::Looked { shown, held })
}

/// A row whose id is no id cannot be spoken of.
fn shown(row: Row) -> Option<Shown> {
    Some(Shown { id: SideId::parse(&row.id).ok()?, revision: row.revision, values: row.values })
}
