//! What a brake holds: a person lets it pass, or discards it. The poller carries it out at its next tick.

use serde_json::json;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use shared::state::ErrorStatus;
use shared::state::brake::{BrakeWord, CLASS};

use super::audit_row;
use super::errors::Case;
use crate::access::Access;
use crate::view::ErrorView;

/// Goes on only for who may decide about what a brake holds.
pub fn need_decider(case: &Case) -> Result<(), Problem> {
    case.access.as_ref().map_or(Ok(()), |access| access.need(Role::Admin).map(|_| ()))
}

/// Whether this error's brake waits for a decision, and who asks may decide.
pub fn may_decide(case: &Case) -> bool {
    is_undecided(case) && case.access.as_ref().is_some_and(|access| access.may(Role::Admin))
}

fn is_undecided(case: &Case) -> bool {
    let error = &case.entry;
    error.class == CLASS && error.brake.is_none() && error.status != ErrorStatus::Closed
}

/// Decides what becomes of what an error's brake holds, for a reason.
pub async fn decide(case: &Case, word: BrakeWord, why: &str) -> Result<ErrorView, Problem> {
    need_decider(case)?;
    let missing = || Problem::unprocessable("note", "must say why");
    let why = &super::note("note", Some(why.to_string()))?.ok_or_else(missing)?;
    let Some(access) = case.access.as_ref().filter(|_| case.entry.class == CLASS) else {
        return Err(Problem::unprocessable("decision", "this error tells of no brake that holds anything"));
    };
    if !is_undecided(case) {
        let present = serde_json::Map::from_iter([("error".to_string(), json!(case.view()))]);
        return Err(Problem::conflict("it is decided already, or over", present));
    }
    let note = said(access, word, why);
    let details = json!({ "decision": word, "code": case.entry.code, "why": why });
    let audit = audit_row(access, "brake", format!("error:{}", case.entry.id), details);
    let decided = access.decide_brake(&case.entry, (word, note), audit).await?;
    Ok(ErrorView::new(&decided))
}

fn said(access: &Access, word: BrakeWord, why: &str) -> String {
    let what = match word {
        BrakeWord::Pass => "let pass",
        BrakeWord::Discard => "discarded",
    };
    format!("{what} by {}: {why}", access.person().email())
}
