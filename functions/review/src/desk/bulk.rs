//! Many conflicts at once: first a plan, which shows what each decision would do and costs, then its application.
//!
//! A plan is not kept: its id is made of everything in it. Who applies it sends back what they were shown, and the id
//! tells whether that is it; each conflict is then judged by the revision that the plan names, as if it were decided
//! alone. So what has moved on since is left out and told, and nothing is decided that nobody has seen.

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::derived_id;
use shared::domain::people::Role;
use shared::domain::surface::Policy;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Policied;
use super::audit_row;
use super::conflicts::{self, ConflictQuery, Open};
use super::effects::Effect;
use crate::access::{Access, Seat};
use crate::view::ConflictView;

/// Most conflicts of one plan.
pub const PLAN_MAX: usize = 500;

/// Conflicts of each kind that no plan can hold of which it tells all the same.
const BESIDE_MAX: usize = 100;

/// Conflicts on fields, and those about whether a record lives on, as the list's query calls them.
const FIELDS: &str = "manual";
const DELETIONS: &str = "ask";

/// Writes that share a call to NetSuite.
const WRITES_A_CALL: usize = 10;

/// What is to be decided, about which conflicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Planning {
    /// Which conflicts.
    pub query: ConflictQuery,
    /// By which rule.
    pub policy: Policy,
}

/// What would be done. Nothing is, yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Its id: what `apply` must name.
    pub plan: Uuid,
    /// By which rule.
    #[schema(value_type = String)]
    pub policy: Policy,
    /// Conflicts that would be decided.
    pub items: Vec<Item>,
    /// Conflicts that the rule cannot decide, with the reason, or that are not the person's to decide.
    pub left: Vec<Left>,
    /// Whether more match than one plan takes.
    pub more: bool,
    /// What it would cost.
    pub cost: Cost,
}

/// A conflict that would be decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The conflict as it is now.
    pub conflict: ConflictView,
    /// What would be written where.
    pub effects: Vec<Effect>,
}

/// A conflict that is left as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Which.
    pub conflict_id: Uuid,
    /// Why.
    pub reason: String,
}

/// What a plan costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Writes to NetSuite.
    pub netsuite_writes: usize,
    /// Writes to SuiteX.
    pub suitex_writes: usize,
    /// Calls to NetSuite, ten writes each at best.
    pub netsuite_calls: usize,
}

/// A plan as it is sent back.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// The plan's id.
    pub plan: Uuid,
    /// By which rule.
    #[schema(value_type = String)]
    pub policy: Policy,
    /// What was planned: conflict and revision.
    pub items: Vec<Judged>,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}

/// A conflict, and the revision at which it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judged {
    /// The conflict.
    pub conflict_id: Uuid,
    /// Its revision.
    pub conflict_revision: u64,
}

/// What became of a plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Decisions on their way.
    pub accepted: usize,
    /// Conflicts that were left as they are.
    pub left: usize,
    /// One by one.
    pub items: Vec<Fate>,
}

/// What became of one conflict of a plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fate {
    /// Which.
    pub conflict_id: Uuid,
    /// The event that carries the decision; none: it was left.
    pub event_id: Option<Uuid>,
    /// Why it was left.
    pub reason: Option<String>,
}

/// The id of a plan: the same for the same decisions, whoever reckons.
fn id_of(policy: Policy, items: impl Iterator<Item = (Uuid, u64)>) -> Uuid {
    let mut items: Vec<String> = items.map(|(id, revision)| format!("{id}:{revision}")).collect();
    items.sort();
    derived_id("plan", &[policy.as_str(), &items.join(",")])
}

/// Plans; changes nothing.
pub async fn plan(seat: &Seat, planning: &Planning) -> Result<Planned, Problem> {
    let Planning { query, policy } = planning;
    // A rule that cannot decide is told at once, not conflict by conflict.
    Policied { revision: 0, policy: *policy, note: None }.answer()?;
    let accounts = seat.accounts_of(query.account.as_deref())?;
    let (own, others): (Vec<Access>, Vec<Access>) =
        accounts.into_iter().partition(|access| access.may(Role::Resolver));
    // What a rule cannot decide, or is not the person's to decide, must not fill the plan: it is told beside it.
    let of = |asks: &str| ConflictQuery { policy: Some(asks.into()), ..query.clone() };
    let filed = conflicts::filed(seat, &own, &of(FIELDS), None, PLAN_MAX + 1).await?;
    let more = filed.len() > PLAN_MAX;
    let (mut items, mut left) = (Vec::new(), Vec::new());
    for (conflict_id, opened) in conflicts::open_all(&filed[..filed.len().min(PLAN_MAX)]).await? {
        match opened.and_then(|open| item(&open, *policy)) {
            Ok(item) => items.push(item),
            Err(problem) => left.push(Left { conflict_id, reason: reason(&problem) }),
        }
    }
    let mut beside = conflicts::filed(seat, &own, &of(DELETIONS), None, BESIDE_MAX).await?;
    beside.extend(conflicts::filed(seat, &others, query, None, BESIDE_MAX).await?);
    for (conflict_id, opened) in conflicts::open_all(&beside).await? {
        // One that has closed meanwhile needs no word.
        let refused = opened.ok().and_then(|open| item(&open, *policy).err());
        left.extend(refused.map(|problem| Left { conflict_id, reason: reason(&problem) }));
    }
    let judged = items.iter().map(|item| (item.conflict.conflict_id, item.conflict.conflict_revision));
    let plan = id_of(*policy, judged);
    let cost = cost(&items);
    Ok(Planned { plan, policy: *policy, items, left, more, cost })
}

fn item(open: &Open, policy: Policy) -> Result<Item, Problem> {
    open.access().need(Role::Resolver)?;
    let answer = conflicts::by_rule(open, &Policied { revision: open.revision(), policy, note: None })?;
    Ok(Item { conflict: open.view(), effects: conflicts::preview(open, &answer)? })
}

fn reason(problem: &Problem) -> String {
    match &problem.field {
        Some(field) => format!("{field}: {}", problem.detail),
        None => problem.detail.clone(),
    }
}

fn cost(items: &[Item]) -> Cost {
    let writes = |side: &str| {
        items.iter().flat_map(|item| &item.effects).filter(|e| e.side == side && e.writes()).count()
    };
    let (netsuite_writes, suitex_writes) = (writes("netsuite"), writes("suitex"));
    Cost { netsuite_writes, suitex_writes, netsuite_calls: netsuite_writes.div_ceil(WRITES_A_CALL) }
}

/// Applies a plan: every conflict that is as it was planned is decided; the others are told.
pub async fn apply(seat: &Seat, batch: &Batch) -> Result<Applied, Problem> {
    let judged = || batch.items.iter().map(|item| (item.conflict_id, item.conflict_revision));
    if batch.items.is_empty() || batch.items.len() > PLAN_MAX {
        return Err(Problem::unprocessable(
            "items",
            format!("must be 1 to {PLAN_MAX} conflicts, as planned"),
        ));
    }
    if id_of(batch.policy, judged()) != batch.plan {
        let detail = "this is not what was planned under this id; plan again, and send back what that shows";
        return Err(Problem::conflict(detail, Map::new()).at("plan"));
    }
    let note = super::note("note", batch.note.clone())?;
    let mut fates = Vec::with_capacity(batch.items.len());
    // What goes where: all decisions of an account are published together.
    let mut sent: Vec<(Access, Vec<ChangeEvent>)> = Vec::new();
    let ids: Vec<Uuid> = judged().map(|(id, _)| id).collect();
    let opened = conflicts::open_these(seat, &ids).await?;
    for ((conflict_id, opened), (_, revision)) in opened.into_iter().zip(judged()) {
        let policied = Policied { revision, policy: batch.policy, note: note.clone() };
        match opened.and_then(|open| decided(&open, &policied)) {
            Ok((access, event)) => {
                fates.push(Fate { conflict_id, event_id: Some(event.event_id), reason: None });
                match sent.iter_mut().find(|(of, _)| of.account().id == access.account().id) {
                    Some((_, events)) => events.push(event),
                    None => sent.push((access, vec![event])),
                }
            }
            Err(problem) if problem.status.is_server_error() => return Err(problem),
            Err(problem) => {
                fates.push(Fate { conflict_id, event_id: None, reason: Some(reason(&problem)) });
            }
        }
    }
    for (access, events) in &sent {
        access.publish(events).await?;
        let details = json!({
            "plan": batch.plan, "policy": batch.policy, "accepted": events.len(), "why": note,
        });
        access
            .note(vec![audit_row(access, "bulk_resolved", format!("plan:{}", batch.plan), details)])
            .await?;
    }
    let accepted = fates.iter().filter(|fate| fate.event_id.is_some()).count();
    Ok(Applied { accepted, left: fates.len() - accepted, items: fates })
}

fn decided(open: &Open, policied: &Policied) -> Result<(Access, ChangeEvent), Problem> {
    open.access().need(Role::Resolver)?;
    let answer = conflicts::by_rule(open, policied)?;
    let decision = conflicts::decided(open, &answer)?;
    let event = conflicts::event_of(open, decision, answer.note.as_deref());
    Ok((open.access().clone(), event))
}
