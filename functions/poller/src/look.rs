//! Looks at records through the write RESTlet, as many at a time as its calls survive.

use shared::domain::id::{Side, SideId};
use shared::domain::surface::TypeSurface;
use shared::netsuite::wire::{Outcome, Read, Refusal, What};

use crate::caller::{Caller, Stop};
use crate::stride::{Stride, Then};

/// What a look showed.
pub(crate) enum Look {
    /// The record.
    Found(Box<Outcome>),
    /// No record: deleted, or not there for our role.
    Gone(Box<Outcome>),
    /// NetSuite refused to show it.
    Refused(Refusal),
}

/// Looks at the first of these records; what it showed of each, at least one.
pub(crate) async fn look(
    caller: &Caller<'_>,
    stride: &mut Stride,
    records: &[(&TypeSurface, &SideId)],
) -> Result<Vec<Look>, Stop> {
    loop {
        let asked = &records[..stride.size().min(records.len())];
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        match caller.read(asked.iter().map(|(surface, id)| look_at(surface, id)).collect()).await {
            Ok(outcomes) => {
                stride.answered();
                return judged(asked.len(), outcomes);
            }
            Err(Stop::Fault(fault)) if fault.end.is_doubtful() => match stride.died(asked.len()) {
                Then::Fewer => {}
                Then::Later => return Err(Stop::Fault(fault)),
                Then::PassOver => {
                    let code = fault.code.unwrap_or_else(|| "CALL_DIED".into());
                    return Ok(vec![Look::Refused(Refusal { code, message: fault.why, field: None })]);
                }
            },
            Err(stop) => return Err(stop),
        }
    }
}

/// What the outcomes say; those from the first on that was not tried are left for another call.
fn judged(asked: usize, outcomes: Vec<Outcome>) -> Result<Vec<Look>, Stop> {
    if outcomes.len() != asked {
        return Err(Stop::Odd(format!("{asked} records were asked for, {} told", outcomes.len())));
    }
    let tried = outcomes.into_iter().take_while(|outcome| outcome.outcome != What::NotAttempted);
    let looks = tried.map(judge).collect::<Result<Vec<Look>, Stop>>()?;
    if looks.is_empty() {
        return Err(Stop::Odd("it tried none of the looks".into()));
    }
    Ok(looks)
}

fn judge(outcome: Outcome) -> Result<Look, Stop> {
    Ok(match outcome.outcome {
        What::Found => Look::Found(Box::new(outcome)),
        What::Deleted | What::Missing => Look::Gone(Box::new(outcome)),
        What::Refused => {
            let unsaid =
                || Refusal { code: "REFUSED".into(), message: "it does not say why".into(), field: None };
            Look::Refused(outcome.error.unwrap_or_else(unsaid))
        }
        What::Applied | What::AlreadyApplied | What::Mismatch | What::Twins | What::NotAttempted => {
            return Err(Stop::Odd("a look was answered as a write".into()));
        }
    })
}

fn look_at(surface: &TypeSurface, id: &SideId) -> Read {
    Read {
        record_type: surface.netsuite.clone(),
        id: Some(id.to_string()),
        external_id: None,
        operations: Vec::new(),
        fields: surface.names_on(Side::NetSuite),
    }
}
