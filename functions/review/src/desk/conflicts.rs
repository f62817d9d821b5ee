//! The inbox, one conflict, and what is decided about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, json};
use shared::domain::conflict::Conflict;
use shared::domain::event::{Payload, WireChoice};
use shared::domain::id::{CanonicalId, RecordType, Timestamp};
use shared::domain::people::Role;
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;
use shared::state::desk::{ConflictFilter, Filed};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Answer, Decision, Policied, decide};
use super::effects::{self, Effect};
use super::records::Found;
use super::timeline::{self, Moment, Story};
use super::{audit_row, decision, last_word};
use crate::access::{Access, Seat};
use crate::view::{ConflictView, HistoryView, Listed};

/// Which conflicts are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConflictQuery {
    /// Of this account alone.
    pub account: Option<String>,
    /// Of this type.
    pub record_type: Option<String>,
    /// On this field, named `type.field`.
    pub field: Option<String>,
    /// `manual`: on fields; `ask`: whether a deleted record lives on.
    pub policy: Option<String>,
    /// An address; `me`; `nobody`.
    pub assignee: Option<String>,
    /// Open for so many hours at least.
    pub older_than_hours: Option<u32>,
    /// `high`: those that lock the record; `low`: the others.
    pub risk: Option<String>,
}

/// What was taken: it is on its way to where everything is decided.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The event that carries it. The same decision again is the same event.
    pub event_id: Uuid,
}

/// An open conflict, loaded.
pub struct Open {
    access: Access,
    record: Arc<Record>,
    conflict: Conflict,
    surface: Arc<TypeSurface>,
    filed: Filed,
}

/// A conflict, as a person needs it to decide.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The conflict.
    #[serde(flatten)]
    pub conflict: ConflictView,
    /// What would be written where, for each simple choice.
    pub effects: Choices,
    /// What happened, the newest first.
    pub timeline: Vec<Moment>,
    /// Whether who asks may decide it.
    pub may_resolve: bool,
}

/// What would be written where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Choices {
    /// If SuiteX's values are taken.
    pub suitex: Vec<Effect>,
    /// If NetSuite's are.
    pub netsuite: Vec<Effect>,
    /// If what is suggested is; empty where that leaves something open.
    pub suggested: Vec<Effect>,
}

impl Open {
    /// What the person may do in its account.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// What is configured of its type.
    pub fn surface(&self) -> &TypeSurface {
        &self.surface
    }

    /// What is shown of it.
    pub fn view(&self) -> ConflictView {
        let view = ConflictView::new(&self.record, &self.filed, &self.surface, self.access.now());
        // Unwrap safety: `open` has found it in this record.
        view.expect("the record has this conflict")
    }

    /// The revision that a decision must name.
    pub fn revision(&self) -> u64 {
        self.conflict.revision
    }

    /// The problem of who has judged another revision: with what there is to judge now.
    fn moved_on(&self) -> Problem {
        let detail =
            format!("the conflict is at revision {} now; decide on what it shows", self.conflict.revision);
        Problem::conflict(detail, Map::from_iter([("conflict".to_string(), json!(self.view()))]))
    }

    fn decide(&self, answer: &Answer) -> Result<Decision, Problem> {
        if answer.revision != self.conflict.revision {
            return Err(self.moved_on());
        }
        decide(answer, &self.conflict, &self.surface)
    }
}

/// Open conflicts of the accounts that the person may look at, those first that are due first.
pub async fn list(
    seat: &Seat,
    query: &ConflictQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<ConflictView>, Problem> {
    let accounts = seat.accounts_of(query.account.as_deref())?;
    let filed = filed(seat, &accounts, query, after, limit + 1).await?;
    let next = (filed.len() > limit).then(|| filed.get(limit.wrapping_sub(1)).map(|(_, f)| cursor(f)));
    let mut items = Vec::with_capacity(limit);
    for access in &accounts {
        let own: Vec<&Filed> = filed
            .iter()
            .take(limit)
            .filter(|(of, _)| of.account().id == access.account().id)
            .map(|(_, f)| f)
            .collect();
        let names: Vec<_> = own.iter().map(|f| (f.key.record_type.clone(), f.key.id.clone())).collect();
        let records = access.records_of(&names).await?;
        for (filed, record) in own.into_iter().zip(records) {
            // What is no longer configured cannot be shown by field; its record can. One may have closed meanwhile.
            let surface = access.account().types.get(&filed.key.record_type);
            if let (Some(record), Some(surface)) = (record, surface) {
                items.extend(
                    ConflictView::new(&record, filed, surface, seat.now()).map(|v| (filed.place(), v)),
                );
            }
        }
    }
    items.sort_by(|(a, x), (b, y)| (a.0, &x.account, a.1).cmp(&(b.0, &y.account, b.1)));
    Ok(Listed { items: items.into_iter().map(|(_, view)| view).collect(), next: next.flatten() })
}

/// At most `limit` entries of the list, over all these accounts.
pub(super) async fn filed<'a>(
    seat: &Seat,
    accounts: &'a [Access],
    query: &ConflictQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(&'a Access, Filed)>, Problem> {
    let after = after.map(read_cursor).transpose()?;
    let mut all = Vec::new();
    for access in accounts {
        let Some(filter) = filter(seat, access, query)? else { continue };
        let id = access.account().id.as_str();
        // Where the last page ended, as seen from this account: the list goes by time, account, id.
        let from = after.as_ref().map(|(at, account, last)| match id.cmp(account.as_str()) {
            std::cmp::Ordering::Less => (*at, Uuid::max()),
            std::cmp::Ordering::Equal => (*at, *last),
            std::cmp::Ordering::Greater => (*at, Uuid::nil()),
        });
        let own = access.open_conflicts(&filter, from, limit).await?;
        all.extend(own.into_iter().map(|filed| (access, filed)));
    }
    let place = |(_, f): &(&Access, Filed)| (f.due_at, f.key.account.clone(), f.conflict);
    all.sort_by_key(place);
    all.truncate(limit);
    Ok(all)
}

fn cursor(filed: &Filed) -> String {
    format!("{}:{}:{}", filed.due_at.0, filed.key.account, filed.conflict)
}

fn read_cursor(text: &str) -> Result<(Timestamp, String, Uuid), Problem> {
    let parts = text.split_once(':').and_then(|(at, rest)| Some((at, rest.rsplit_once(':')?)));
    let read = parts.and_then(|(at, (account, id))| {
        Some((Timestamp(at.parse().ok()?), account.to_string(), Uuid::parse_str(id).ok()?))
    });
    read.ok_or_else(|| Problem::bad_request("after", "is not where a page of this list has ended"))
}

/// The query as the state takes it; `None`: nothing of this account is wanted.
fn filter(seat: &Seat, access: &Access, query: &ConflictQuery) -> Result<Option<ConflictFilter>, Problem> {
    let mut filter = ConflictFilter::default();
    let types = &access.account().types;
    let unknown = |field: &str, reason: &str| Problem::bad_request(field, reason);
    let kind = |name: &str| {
        RecordType::parse(name)
            .ok()
            .filter(|kind| seat.accounts().iter().any(|access| access.account().types.contains_key(kind)))
    };
    if let Some(name) = &query.record_type {
        let kind = kind(name).ok_or_else(|| unknown("type", "no account syncs such a type"))?;
        if !types.contains_key(&kind) {
            return Ok(None);
        }
        filter.record_type = Some(kind);
    }
    if let Some(path) = &query.field {
        let named = path.split_once('.').and_then(|(of, field)| Some((kind(of)?, field)));
        let (kind, name) = named.ok_or_else(|| unknown("field", "must be type.field, as item.price"))?;
        let Some(surface) = types.get(&kind) else { return Ok(None) };
        let field =
            surface.field(name).ok_or_else(|| unknown("field", "the type has no field of this name"))?;
        filter.field = Some((kind, field));
    }
    filter.deleted = match query.policy.as_deref() {
        None => None,
        Some("manual") => Some(false),
        Some("ask") => Some(true),
        Some(_) => return Err(unknown("policy", "must be manual or ask: no other rule opens a conflict")),
    };
    filter.locks_record = match query.risk.as_deref() {
        None => None,
        Some("low") => Some(false),
        Some("high") => Some(true),
        Some(_) => return Err(unknown("risk", "must be low or high")),
    };
    filter.assignee = query.assignee.as_deref().map(|name| match name {
        "me" => seat.person().email().to_string(),
        "nobody" => String::new(),
        address => address.to_lowercase(),
    });
    filter.opened_until = query.older_than_hours.map(|hours| seat.now().plus(-i64::from(hours) * 3_600_000));
    Ok(Some(filter))
}

/// The open conflict with this id. One that is over is a 409; one of an account that the person may not look at is
/// not there.
pub async fn open(seat: &Seat, id: Uuid) -> Result<Open, Problem> {
    let found = seat.conflict(id).await?;
    let (access, filed) = found.ok_or_else(no_such_conflict)?;
    let name = (filed.key.record_type.clone(), filed.key.id.clone());
    let record = access.record(&name).await?;
    of_record(access, filed, record)
}

/// The open conflicts with these ids, in their order, as [`open`] finds each; loaded together.
pub(super) async fn open_these(
    seat: &Seat,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Result<Open, Problem>)>, Problem> {
    let accounts = seat.accounts();
    let mut filed = Vec::with_capacity(ids.len());
    for access in &accounts {
        filed.extend(access.filed_all(ids).await?.into_iter().map(|filed| (access, filed)));
    }
    let opened = open_all(&filed).await?;
    let mut opened: BTreeMap<Uuid, Result<Open, Problem>> = opened.into_iter().collect();
    let of = |id: &Uuid| (*id, opened.remove(id).unwrap_or_else(|| Err(no_such_conflict())));
    Ok(ids.iter().map(of).collect())
}

/// The conflicts that are filed so, as [`open`] finds each.
pub(super) async fn open_all(
    filed: &[(&Access, Filed)],
) -> Result<Vec<(Uuid, Result<Open, Problem>)>, Problem> {
    let mut records: BTreeMap<Uuid, Arc<Record>> = BTreeMap::new();
    let mut accounts: Vec<&Access> = Vec::new();
    for (access, _) in filed {
        if !accounts.iter().any(|known| known.account().id == access.account().id) {
            accounts.push(access);
        }
    }
    for access in accounts {
        let own = filed.iter().filter(|(of, _)| of.account().id == access.account().id);
        let own: Vec<&Filed> = own.map(|(_, filed)| filed).collect();
        let names: Vec<_> = own.iter().map(|f| (f.key.record_type.clone(), f.key.id.clone())).collect();
        let found = access.records_of(&names).await?;
        records.extend(own.iter().zip(found).filter_map(|(f, record)| Some((f.conflict, record?))));
    }
    let opened = filed.iter().map(|(access, filed)| {
        let record = records.remove(&filed.conflict);
        (filed.conflict, of_record(Access::clone(access), filed.clone(), record))
    });
    Ok(opened.collect())
}

fn no_such_conflict() -> Problem {
    Problem::not_found("no open conflict has this id").at("id")
}

fn of_record(access: Access, filed: Filed, record: Option<Arc<Record>>) -> Result<Open, Problem> {
    let (id, key) = (filed.conflict, &filed.key);
    let record = record.ok_or_else(no_such_conflict)?;
    if let Some(why) = record.why_unreadable() {
        return Err(Problem::unprocessable("record", format!("it cannot be read just now: {why}")));
    }
    let Some(conflict) = record.conflict.clone().filter(|conflict| conflict.id == id) else {
        let over = json!({ "account": key.account, "type": key.record_type, "id": record.key.id });
        let shown = Map::from_iter([("record".to_string(), over)]);
        return Err(Problem::conflict("the conflict is closed", shown));
    };
    let surface = access.account().types.get(&key.record_type).cloned().ok_or_else(|| {
        let reason = format!("{} is no longer configured in {}", key.record_type, key.account);
        Problem::unprocessable("recordType", reason)
    })?;
    Ok(Open { access, record, conflict, surface, filed })
}

/// What is filed of a conflict of this account.
pub(super) async fn filed_of(access: &Access, id: Uuid) -> Result<Option<Filed>, Problem> {
    Ok(access.filed(id).await?)
}

/// Everything that a person needs to decide.
pub async fn show(open: &Open) -> Result<Shown, Problem> {
    let of = |choice| {
        let answer = Answer { revision: open.revision(), choice: Some(choice), ..Answer::default() };
        preview(open, &answer).unwrap_or_default()
    };
    Ok(Shown {
        conflict: open.view(),
        effects: Choices {
            suitex: of(WireChoice::Suitex),
            netsuite: of(WireChoice::Netsuite),
            suggested: of(WireChoice::Suggested),
        },
        timeline: story(open).await?.moments,
        may_resolve: open.access.may(Role::Resolver),
    })
}

/// What would be written where, if this were the answer.
pub fn preview(open: &Open, answer: &Answer) -> Result<Vec<Effect>, Problem> {
    let decision = open.decide(answer)?;
    let resolution = decision.resolution.to_domain(&open.surface)?;
    Ok(effects::of_resolution(&open.record, &resolution, &open.surface, open.access.now()))
}

/// What happened to the conflict and in it.
pub async fn story(open: &Open) -> Result<Story, Problem> {
    timeline::of_conflict(&open.access, &open.record, &open.conflict, &open.surface).await
}

/// Of what happened, what has changed since the conflict was at this revision, the newest first; empty when nothing has.
pub fn changed_since(open: &Open, moments: &[Moment], revision: u64) -> Vec<Moment> {
    let steps = usize::try_from(open.conflict.revision.saturating_sub(revision)).unwrap_or(usize::MAX);
    moments.iter().filter(|moment| moment.moves).take(steps).cloned().collect()
}

/// What ended a conflict of this record that is over, when its history tells.
pub async fn ended(found: &Found, conflict: Uuid) -> Result<Option<HistoryView>, Problem> {
    timeline::end_of(found.access(), &found.record().key, conflict).await
}

/// Decides an open conflict. Takes effect once merge has taken it in, if it is still at this revision then.
pub async fn resolve(open: &Open, answer: &Answer) -> Result<Accepted, Problem> {
    open.access.need(Role::Resolver)?;
    let note = super::note("note", answer.note.clone())?;
    let decision = open.decide(answer)?;
    check_references(&open.access, &decision.references).await?;
    let event = event_of(open, decision, note.as_deref());
    open.access.publish(std::slice::from_ref(&event)).await?;
    Ok(Accepted { event_id: event.event_id })
}

/// The event of a decision.
pub(super) fn event_of(
    open: &Open,
    decided: Decision,
    note: Option<&str>,
) -> shared::domain::event::ChangeEvent {
    let payload = Payload { resolution: Some(decided.resolution), ..Payload::default() };
    let (key, version) = (&open.record.key, open.record.version.0);
    decision(&open.access, key, version, payload, note, open.access.now())
}

/// What a rule says to an open conflict. Whether a record lives on is no rule's to say: a person is asked about each.
pub(super) fn by_rule(open: &Open, policied: &Policied) -> Result<Answer, Problem> {
    let answer = policied.answer()?;
    match open.conflict.deleted_by {
        None => Ok(answer),
        Some(by) => {
            let reason =
                format!("{by} has deleted the record: no rule decides whether it lives on, a person does");
            Err(Problem::unprocessable("policy", reason))
        }
    }
}

/// The decision that a rule makes, for a plan.
pub(super) fn decided(open: &Open, answer: &Answer) -> Result<Decision, Problem> {
    open.decide(answer)
}

/// Decides an open conflict as a rule would have.
pub async fn route(open: &Open, policied: &Policied) -> Result<Accepted, Problem> {
    open.access.need(Role::Resolver)?;
    resolve(open, &by_rule(open, policied)?).await
}

/// An edited value that refers to a record that we don't have would wait for it in vain.
pub(super) async fn check_references(
    access: &Access,
    references: &[(String, RecordType, Arc<str>)],
) -> Result<(), Problem> {
    for (field, kind, id) in references {
        let known = match CanonicalId::parse(id) {
            Ok(id) => access.record(&(kind.clone(), id)).await?.is_some_and(|record| record.alive),
            Err(_) => false,
        };
        if !known {
            return Err(Problem::unprocessable(field, format!("there is no {kind} {id}")));
        }
    }
    Ok(())
}

/// Gives an open conflict to `to`, or to nobody. `was`: whose it was when the person looked. Of two who take it at the same
/// moment the first has it; the other is told whose it is, by whom and when.
pub async fn assign(
    open: &Open,
    to: Option<&str>,
    was: Option<&str>,
    note: Option<&str>,
) -> Result<(), Problem> {
    let access = open.access.need(Role::Resolver)?;
    let to = to.map(|address| address.trim().to_lowercase()).filter(|address| !address.is_empty());
    let to = to.as_deref();
    if let Some(to) = to
        && !is_resolver(access, to)
    {
        let reason = format!("must be the address of a resolver of {}", access.account().id);
        return Err(Problem::unprocessable("assignee", reason));
    }
    let was = was.map(|address| address.trim().to_lowercase()).filter(|address| !address.is_empty());
    let (id, was) = (open.conflict.id, was.as_deref());
    let details = json!({ "from": was, "to": to, "why": note });
    let row = audit_row(access, "assigned", format!("conflict:{id}"), details);
    if !access.assign(id, was, to, row).await? {
        return Err(is_anothers(open).await?);
    }
    Ok(())
}

/// The problem of who comes second: with the conflict as it is, and who has taken or given it.
async fn is_anothers(open: &Open) -> Result<Problem, Problem> {
    let (access, id) = (&open.access, open.conflict.id);
    let filed = access.filed(id).await?.unwrap_or_else(|| open.filed.clone());
    let last = last_word(access, &format!("conflict:{id}")).await?;
    let by = last.as_ref().map_or(String::new(), |last| format!(", by {} at {}", last.actor, last.at));
    let whose = filed.assignee.as_deref().unwrap_or("nobody");
    let detail = match filed.is_open {
        true => format!("it is not whose you saw any more: {whose}’s{by}"),
        false => "the conflict is closed".to_string(),
    };
    let view = ConflictView::new(&open.record, &filed, &open.surface, access.now());
    let present = [("conflict".to_string(), json!(view)), ("last".to_string(), json!(last))];
    Ok(Problem::conflict(detail, Map::from_iter(present)))
}

/// Whether a conflict may be given to this address.
fn is_resolver(access: &Access, address: &str) -> bool {
    let person = access.person();
    let role = if person.email() == address { Some(access.role()) } else { access.role_of(address) };
    role.is_some_and(|role| role >= Role::Resolver)
}
