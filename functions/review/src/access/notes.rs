//! NetSuite's system notes, asked when somebody wonders who set a value: at most one call a view, under a permit that
//! leaves one to all others, and never waited for long. The page can do without the answer.
//!
//! A call that is slow goes on without its page, to its own end: its permit is held for it, and what it says is here for
//! the next view. What was asked is kept for a minute.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, ready, select};
use shared::domain::governance::{Call, CallEnd, Purpose};
use shared::domain::id::{AccountId, RecordType, SideId, Timestamp};
use shared::domain::plan::{CALL_LANDS_WITHIN_MS, SEND_WITHIN_MS};
use shared::domain::surface::{Account, Field, FieldIx, TypeSurface};
use shared::netsuite::client::Client;
use shared::netsuite::code::{Class, Code};
use shared::netsuite::error::end_of_question;
use shared::netsuite::notes::{self, Note};
use shared::runtime::Ports;
use shared::runtime::clock::BoxFuture;
use shared::runtime::tasks::Tasks;
use shared::writer::CallFault;

use super::Access;

/// A page waits for an answer so long, ms.
const WAIT_MS: i64 = 3_000;

/// An answer is kept so long, ms.
const KEPT_MS: i64 = 60_000;

/// Answers that are kept at most.
const KEPT_MAX: usize = 100;

/// Why NetSuite's system notes tell nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// NetSuite keeps none of such a field, or we do not know where.
    NotKept,
    /// Our role may not read them.
    Hidden,
    /// It did not answer, or nothing that we understand.
    Away,
    /// It has not answered yet.
    Slow,
    /// No call was to spare.
    Busy,
    /// No note that our role sees tells of the value.
    Nobody,
    /// The notes that tell of the value name different people.
    Several,
    /// The last note before we saw the value tells of another.
    Another,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Silence::NotKept => "NetSuite keeps no system notes of this field that we could ask for who set it",
            Silence::Hidden => {
                "our role in NetSuite may not read its system notes, which could tell who set it: that takes the \
                 permission System Notes"
            }
            Silence::Away => "NetSuite's system notes, which could tell who set it, could not be read just now",
            Silence::Slow => {
                "NetSuite has not answered yet what its system notes say of who set it: look again in a moment"
            }
            Silence::Busy => {
                "NetSuite was not asked who set it, for all calls that we may make are in use: look again later"
            }
            Silence::Nobody => "none of NetSuite's system notes that our role may read tells who set this value",
            Silence::Several => "NetSuite's system notes name several people, each of whom may have set this value",
            Silence::Another => {
                "the last of NetSuite's system notes from before we saw this value tells of another value"
            }
        })
    }
}

/// What NetSuite said.
type Said = Result<Arc<[Note]>, Silence>;

/// What was asked about: whose record, and which of its fields.
type Subject = (AccountId, RecordType, SideId, FieldIx);

/// NetSuite's system notes, for an instance that may ask for them.
#[derive(Clone)]
pub struct SystemNotes {
    client: Client,
    kept: Arc<Mutex<BTreeMap<Subject, Kept>>>,
}

/// A question that was asked.
struct Kept {
    /// When.
    asked: Timestamp,
    /// It is forgotten then.
    until: Timestamp,
    /// None while its call is under way.
    said: Option<Said>,
}

impl SystemNotes {
    /// Asked by this client.
    pub fn new(client: Client) -> Self {
        Self { client, kept: Arc::default() }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Subject, Kept>> {
        // What is in it is whole whenever the lock is free.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of what NetSuite says, if it was asked after `since`.
    fn known(&self, subject: &Subject, since: Timestamp, now: Timestamp) -> Option<Said> {
        let mut kept = self.kept();
        kept.retain(|_, one| now < one.until);
        let one = kept.get(subject)?;
        match &one.said {
            None => Some(Err(Silence::Slow)),
            Some(said) => (one.asked >= since).then(|| said.clone()),
        }
    }

    fn keep(&self, subject: &Subject, one: Kept) {
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX && !kept.contains_key(subject) {
            let oldest = kept.iter().min_by_key(|(_, one)| one.asked).map(|(subject, _)| subject.clone());
            oldest.and_then(|subject| kept.remove(&subject));
        }
        kept.insert(subject.clone(), one);
    }
}

/// A question about one field of a record.
pub(crate) struct Question<'a> {
    /// What is configured of its type.
    pub(crate) surface: &'a TypeSurface,
    /// NetSuite's id of the record.
    pub(crate) id: &'a SideId,
    /// The field.
    pub(crate) field: FieldIx,
    /// When we last learned of it: what NetSuite said before does not answer.
    pub(crate) since: Timestamp,
}

impl Access {
    /// What NetSuite's system notes tell of a field. At most one call is made.
    pub(crate) async fn system_notes(&self, notes: &SystemNotes, asked: &Question<'_>) -> Said {
        let Question { surface, id, field, since } = *asked;
        let text = notes::question(surface, &surface.fields[field], id).ok_or(Silence::NotKept)?;
        let subject = (self.account.clone(), surface.record_type.clone(), id.clone(), field);
        let (ports, account, now) = (&self.ports, self.account(), self.now());
        // Somebody else's clock may be ahead of ours.
        let since = since.min(now);
        if let Some(said) = notes.known(&subject, since, now) {
            return said;
        }
        let until = now.plus(CALL_LANDS_WITHIN_MS);
        let call = Call { id: ports.ids.draw(), purpose: Purpose::Ask, now, until, writes: 0 };
        match ports.state.begin_call(&account.id, &call, &account.limits).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Silence::Busy),
            Err(error) => {
                tracing::warn!(account = %account.id, %error, "no permit to ask for system notes");
                return Err(Silence::Busy);
            }
        }
        notes.keep(&subject, Kept { asked: now, until, said: None });
        let asking = Asking {
            notes: notes.clone(),
            ports: ports.clone(),
            account: account.clone(),
            field: surface.fields[field].clone(),
            subject: subject.clone(),
            text,
        };
        let (name, tasks) = (format!("system-notes {}", call.id), ports.tasks.clone());
        let mut under_way = UnderWay { call: Some(Box::pin(asking.ask(call))), name, tasks };
        under_way.wait(async { ports.clock.sleep_until(now.plus(WAIT_MS)).await }).await;
        notes.known(&subject, since, now).unwrap_or(Err(Silence::Slow))
    }
}

/// Everything that a call needs, whoever waits for it.
struct Asking {
    notes: SystemNotes,
    ports: Ports,
    account: Account,
    field: Field,
    subject: Subject,
    text: String,
}

impl Asking {
    /// Makes the call, gives its permit back, and keeps what was said.
    async fn ask(self, call: Call) {
        let Self { notes, ports, account, field, subject, text } = self;
        let is_late = ports.clock.now().0 - call.now.0 > SEND_WITHIN_MS;
        let answer = match is_late {
            true => Err(CallFault::new(CallEnd::NotMade, "this instance was paused before the call")),
            false => notes.client.suiteql(&account, &text).await,
        };
        let end = answer.as_ref().map_or_else(end_of_question, |_| CallEnd::Answered);
        let ended = ports.state.end_call(&account.id, call.id, end, ports.clock.now(), &account.limits).await;
        if let Err(error) = ended {
            tracing::warn!(account = %account.id, %error, "permit not given back; it expires by itself");
        }
        let said = match answer {
            Ok(rows) => notes::read(&field, &rows, call.now).map(Arc::from).map_err(|why| {
                tracing::warn!(account = %account.id, %why, "system notes were not understood");
                Silence::Away
            }),
            Err(fault) => Err(silence_of(&account, &fault)),
        };
        let until = ports.clock.now().plus(KEPT_MS);
        notes.keep(&subject, Kept { asked: call.now, until, said: Some(said) });
    }
}

/// What a call in vain means. NetSuite says of a table that a role may not see that there is none.
fn silence_of(account: &Account, fault: &CallFault) -> Silence {
    let code = fault.code.as_deref().and_then(Code::parse);
    let silence = match code.map(Code::class) {
        Some(Class::Permission) => Silence::Hidden,
        Some(Class::Shape | Class::Absent) if fault.why.contains("was not found") => Silence::Hidden,
        _ => Silence::Away,
    };
    tracing::info!(account = %account.id, why = fault.why, "system notes were not told");
    silence
}

/// A call under way, which goes on if nobody waits for it any more.
struct UnderWay {
    call: Option<BoxFuture<()>>,
    name: String,
    tasks: Tasks,
}

impl UnderWay {
    /// Waits for the call, or for `patience` to end.
    async fn wait(&mut self, patience: impl Future<Output = ()>) {
        let Some(call) = &mut self.call else { return };
        let is_over = matches!(select(call, Box::pin(patience)).await, Either::Left(_));
        if is_over {
            self.call = None;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        // Work is made anew each time it is woken; this is made but once.
        let once = Mutex::new(Some(call));
        let rest = move || {
            let call = once.lock().unwrap_or_else(PoisonError::into_inner).take();
            call.unwrap_or_else(|| Box::pin(ready(())))
        };
        self.tasks.wake(std::mem::take(&mut self.name), rest);
    }
}
