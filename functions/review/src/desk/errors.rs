//! Errors that need a person.

use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use shared::domain::people::Role;
use shared::redrive::{Dismissed, Edited, NOTHING_TO_TRY, Redriven};
use shared::runtime::problem::Problem;
use shared::state::ErrorEntry;
use uuid::Uuid;

use crate::access::{Access, Seat};
use crate::view::{ErrorView, Listed, SentView, Sides, TriedView};

/// Which errors are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorQuery {
    /// Of this account alone.
    pub account: Option<String>,
    /// Only those that are open.
    pub open: bool,
}

/// Errors of the accounts that the person may look at, the newest first.
pub async fn errors(
    seat: &Seat,
    query: &ErrorQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<ErrorView>, Problem> {
    if query.account.is_none()
        && let Some(page) = seat.all_errors(query.open, after, limit).await?
    {
        return Ok(Listed { items: page.items.iter().map(ErrorView::new).collect(), next: page.next });
    }
    let accounts = seat.accounts_of(query.account.as_deref())?;
    if let [access] = accounts.as_slice() {
        let page = access.errors(query.open, after, limit).await?;
        return Ok(Listed { items: page.items.iter().map(ErrorView::new).collect(), next: page.next });
    }
    // Each account's list goes on behind the same place; what they share of the page is the newest of all.
    let mut items: Vec<ErrorEntry> = Vec::new();
    let mut more = false;
    for access in &accounts {
        let page = access.errors(query.open, after, limit).await?;
        more |= page.next.is_some();
        items.extend(page.items);
    }
    items.sort_by_key(|error| (std::cmp::Reverse(error.first_at), error.id));
    more |= items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Ok(Listed { items: items.iter().map(ErrorView::new).collect(), next })
}

/// An open error, and by when somebody should have seen to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The error.
    pub error: ErrorView,
    /// By when.
    pub due_at: Timestamp,
}

/// Open errors of the accounts that the person may look at, those first that have waited longest.
pub async fn waiting(
    seat: &Seat,
    account: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<Waiting>, Problem> {
    if let Some(name) = account {
        seat.account(name)?;
    }
    let after = super::place(after)?;
    let mut all: Vec<(ErrorEntry, Timestamp)> = Vec::new();
    for told in seat.told().into_iter().filter(|told| account.is_none_or(|name| told.name() == name)) {
        let (found, within) = (told.errors_by_age(after, limit + 1).await?, told.error_sla_ms());
        all.extend(found.into_iter().map(|error| {
            let due_at = error.first_at.plus(within);
            (error, due_at)
        }));
    }
    all.sort_by_key(|(error, _)| (error.first_at, error.id));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|(error, _)| cursor(error));
    let waiting =
        |(error, due_at): &(ErrorEntry, Timestamp)| Waiting { error: ErrorView::new(error), due_at: *due_at };
    Ok(Listed { items: all.iter().map(waiting).collect(), next })
}

/// Where a page ends that has this error last.
fn cursor(last: &ErrorEntry) -> String {
    format!("{}:{}", last.first_at.0, last.id)
}

/// An error that the person may look at.
pub struct Case {
    seat: Seat,
    /// None: it belongs to no account, and who asks is an admin everywhere.
    pub(super) access: Option<Access>,
    pub(super) entry: ErrorEntry,
}

impl Case {
    /// Who asks.
    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// What is shown of it.
    pub fn view(&self) -> ErrorView {
        ErrorView::new(&self.entry)
    }

    /// What is shown of it, with where its record is shown in each system.
    pub async fn whole(&self) -> Result<ErrorView, Problem> {
        let pages = self.seat.pages(&self.entry).await?;
        let mut view = self.view();
        view.pages = Some(Sides { netsuite: pages.netsuite, suitex: pages.suitex });
        Ok(view)
    }

    /// What is stuck in it, for a person to edit. `None`: nothing is but a write, or it is no JSON.
    pub async fn original(&self) -> Result<Option<Json>, Problem> {
        Ok(self.seat.original(&self.entry).await?)
    }

    /// What people call its record.
    pub async fn title(&self) -> Result<Option<String>, Problem> {
        let (Some(access), Some(key)) = (&self.access, &self.entry.record) else { return Ok(None) };
        let Some(surface) = access.account().types.get(&key.record_type) else { return Ok(None) };
        let record = access.record(&Access::name_of(key)).await?;
        Ok(record.and_then(|record| crate::view::title(&record, surface)))
    }

    /// Whether anything would happen if it were tried again.
    pub async fn can_retry(&self) -> Result<bool, Problem> {
        Ok(self.seat.can_retry(&self.entry).await?)
    }

    /// Whether who asks may do something about it.
    pub fn may_act(&self) -> bool {
        self.access.as_ref().is_none_or(|access| access.may(Role::Resolver))
    }

    /// What changes with everything that happens to it: an ETag.
    pub fn state(&self) -> String {
        self.entry.tag()
    }

    /// Goes on only for who may do something about it.
    pub fn need_resolver(&self) -> Result<(), Problem> {
        self.access.as_ref().map_or(Ok(()), |access| access.need(Role::Resolver).map(|_| ()))
    }
}

/// The error with this id.
pub async fn error(seat: &Seat, id: Uuid) -> Result<Case, Problem> {
    let (access, entry) = seat.error(id).await?.ok_or_else(no_such_error)?;
    Ok(Case { seat: seat.clone(), access, entry })
}

/// Has an error tried again, as it is, where there is something to try; for a reason, if the person gives one.
pub async fn retry(case: &Case, why: Option<&str>) -> Result<TriedView, Problem> {
    case.need_resolver()?;
    match case.seat.retry(&case.entry, why).await? {
        Redriven::Tried(tried) => Ok(TriedView::new(tried)),
        Redriven::Nothing => {
            let detail = format!("{NOTHING_TO_TRY}. What helps: {}", case.entry.hint);
            Err(Problem::unprocessable("id", detail))
        }
        Redriven::NoSuchError => Err(no_such_error()),
    }
}

/// Has an error tried again with other content: a change event about the same record, which goes its way under an id of
/// its own. The original stays as it is.
pub async fn edit(case: &Case, edited: Json, why: &str) -> Result<SentView, Problem> {
    case.need_resolver()?;
    let why = super::note("note", Some(why.to_string()))?.unwrap_or_default();
    match case.seat.retry_edited(&case.entry, edited, &why).await? {
        Edited::Sent { event, tried } => Ok(SentView { event_id: event, tried: TriedView::new(tried) }),
        Edited::Refused(wrong) => Err(wrong.into()),
        Edited::NoSuchError => Err(no_such_error()),
    }
}

/// Closes an error without trying anything again, for a reason.
pub async fn dismiss(case: &Case, why: &str) -> Result<TriedView, Problem> {
    case.need_resolver()?;
    let why = super::note("note", Some(why.to_string()))?.unwrap_or_default();
    match case.seat.dismiss(&case.entry, &why).await? {
        Dismissed::Closed(tried) => Ok(TriedView::new(tried)),
        Dismissed::Refused(wrong) => Err(wrong.into()),
        Dismissed::NoSuchError => Err(no_such_error()),
    }
}

fn no_such_error() -> Problem {
    Problem::not_found("there is no such error").at("id")
}
