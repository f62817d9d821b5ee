//! What a brake holds: a person lets it pass, or discards it. The poller carries it out at its next tick.

use serde_json::{Map, json};
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use shared::state::brake::{BrakeDecision, BrakeWord, CLASS};

use super::errors::Case;
use super::{audit_row, error, last_word};
use crate::access::Access;
use crate::view::ErrorView;

/// Goes on only for who may decide about what a brake holds.
pub fn need_decider(case: &Case) -> Result<(), Problem> {
    case.access.as_ref().map_or(Ok(()), |access| access.need(Role::Admin).map(|_| ()))
}

/// Whether this error's brake waits for a decision, and who asks may decide.
pub fn may_decide(case: &Case) -> bool {
    case.entry.is_undecided() && case.access.as_ref().is_some_and(|access| access.may(Role::Admin))
}

/// Decides what becomes of what an error's brake holds, for a reason. Of two who decide at the same moment the first has
/// decided; the other is told who that was, what, and when.
pub async fn decide(case: &Case, word: BrakeWord, why: &str) -> Result<ErrorView, Problem> {
    need_decider(case)?;
    let missing = || Problem::unprocessable("note", "must say why");
    let why = &super::note("note", Some(why.to_string()))?.ok_or_else(missing)?;
    let Some(access) = case.access.as_ref().filter(|_| case.entry.class == CLASS) else {
        return Err(Problem::unprocessable("decision", "this error tells of no brake that holds anything"));
    };
    let decision = BrakeDecision { word, note: said(access, word, why), at: access.now() };
    let details = json!({ "decision": word, "code": case.entry.code, "why": why });
    let audit = audit_row(access, "brake", format!("error:{}", case.entry.id), details);
    match access.decide_brake(&case.entry, &decision, audit).await? {
        Some(decided) => Ok(ErrorView::new(&decided)),
        None => Err(decided_before(case, access).await?),
    }
}

/// The problem of who comes second: with who decided what and when, and the error as it is.
async fn decided_before(case: &Case, access: &Access) -> Result<Problem, Problem> {
    let now = error(case.seat(), case.entry.id).await?;
    let last = last_word(access, &format!("error:{}", case.entry.id)).await?;
    let detail = match (&last, &now.entry.note) {
        (Some(last), Some(note)) => format!("it is decided already, or over: {note} ({})", last.at),
        (_, _) => "it is decided already, or over".to_string(),
    };
    let present = [("error".to_string(), json!(now.view())), ("last".to_string(), json!(last))];
    Ok(Problem::conflict(detail, Map::from_iter(present)))
}

fn said(access: &Access, word: BrakeWord, why: &str) -> String {
    let what = match word {
        BrakeWord::Pass => "let pass",
        BrakeWord::Discard => "discarded",
    };
    format!("{what} by {}: {why}", access.person().email())
}
