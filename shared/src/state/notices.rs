//! Notices: what people are told. A row each, shown in the pages as it is; [`super::deliveries`] carries them further.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{AuditRow, ErrorEntry, Page};
use crate::domain::governance::Turn;
use crate::domain::id::{AccountId, Timestamp, derived_id};
use crate::fault::Unavailable;

/// The account under which errors and notices stand that nobody's account explains.
pub const UNKNOWN_ACCOUNT: &str = "unknown";

const DAY_MS: i64 = 86_400_000;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// Its word, stable: it is stored.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $text,)*
                }
            }

            /// Reads what [`Self::as_str`] wrote.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }
    };
}
pub(super) use words;

words! {
    /// What a notice is about. Each has a page of this name in `runbooks/`.
    Topic {
        /// NetSuite refuses our credentials: the account is suspended.
        Auth = "auth",
        /// Too much is waiting, or for too long.
        Backlog = "backlog",
        /// Conflicts open at an unusual rate, or too many of the grave kind.
        ConflictSurge = "conflict_surge",
        /// There is work for people: conflicts that have opened of late.
        Inbox = "inbox",
        /// One side refuses again and again, for one reason.
        Refusals = "refusals",
        /// An error was filed.
        Error = "error",
        /// Records match, and a person must say which belong together.
        Ambiguous = "ambiguous",
        /// So much vanished at once that it is held back.
        Brake = "brake",
        /// Something will soon have waited longer than was agreed.
        SlaNear = "sla_near",
        /// It has.
        SlaPast = "sla_past",
        /// Still nobody has decided: a higher authority is told.
        Escalated = "escalated",
        /// Something was stopped until a person has decided.
        Held = "held",
        /// Notices do not get through.
        Delivery = "delivery",
        /// What an earlier notice told is over.
        Recovered = "recovered",
    }
}

words! {
    /// How grave it is.
    Severity {
        /// Good to know.
        Info = "info",
        /// A person should look, today.
        Warning = "warning",
        /// A person must look, now.
        Critical = "critical",
    }
}

impl Topic {
    /// How grave notices of this topic are.
    pub fn severity(self) -> Severity {
        match self {
            Topic::Auth | Topic::Backlog | Topic::Brake | Topic::SlaPast | Topic::Escalated | Topic::Held => {
                Severity::Critical
            }
            Topic::ConflictSurge
            | Topic::Refusals
            | Topic::Error
            | Topic::Ambiguous
            | Topic::SlaNear
            | Topic::Delivery => Severity::Warning,
            Topic::Inbox | Topic::Recovered => Severity::Info,
        }
    }

    /// Who is told, unless a notice says otherwise.
    pub fn audience(self) -> Vec<Audience> {
        match self {
            Topic::Auth | Topic::Backlog | Topic::Brake | Topic::Held => {
                vec![Audience::Owner, Audience::OnCall]
            }
            Topic::Delivery => vec![Audience::OnCall],
            Topic::ConflictSurge
            | Topic::Inbox
            | Topic::Refusals
            | Topic::Error
            | Topic::Ambiguous
            | Topic::SlaNear
            | Topic::SlaPast
            | Topic::Escalated
            | Topic::Recovered => vec![Audience::Owner],
        }
    }

    /// The page that says what to do, from the root of the project.
    pub fn runbook(self) -> String {
        format!("runbooks/{}.md", self.as_str())
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Who owns the account.
    Owner,
    /// Who is on call for the system.
    OnCall,
    /// The person who was asked to decide.
    Assignee(String),
    /// The n-th of those who are above; 0 is the first.
    Authority(usize),
}

/// A notice for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Its id, derived: the same notice is one row.
    pub id: Uuid,
    /// Tenant; [`UNKNOWN_ACCOUNT`] where it is nobody's.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// What it is about,
    pub topic: Topic,
    /// how grave it is,
    pub severity: Severity,
    /// and who is told.
    pub audience: Vec<Audience>,
    /// The thing that it is about: `conflict:<id>`, `error:<id>`, `account:<id>`, …
    pub subject: String,
    /// One or two sentences for people.
    pub text: String,
    /// The page that shows the thing, below the review function's own address.
    pub link: Option<String>,
}

impl Notice {
    /// A notice that is told once: `once` is what makes it another one than the last about the same subject.
    pub fn new(
        account: &AccountId,
        topic: Topic,
        subject: impl Into<String>,
        once: &str,
        text: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        let subject = subject.into();
        let id = derived_id("notice", &[account.as_str(), topic.as_str(), &subject, once]);
        let link = page_of(account, &subject);
        Self {
            id,
            account: account.clone(),
            at: now,
            topic,
            severity: topic.severity(),
            audience: topic.audience(),
            subject,
            text: text.into(),
            link,
        }
    }

    /// This notice, told to others.
    pub fn to(mut self, audience: Vec<Audience>) -> Self {
        self.audience = audience;
        self
    }

    /// That an account was suspended, or goes on: one row each, however often it is told.
    pub fn of_turn(account: &AccountId, turn: Turn, now: Timestamp) -> Self {
        let subject = format!("account:{account}");
        match turn {
            Turn::Suspended(since) => {
                let text = format!(
                    "{account}: NetSuite refuses our credentials. Nothing is written until it takes them again; one \
                     call at a time tries. Renew the certificate, or look for the role and the integration in NetSuite."
                );
                Self::new(account, Topic::Auth, subject, &since.0.to_string(), text, now)
            }
            Turn::Resumed(since) => {
                let text = format!(
                    "{account}: NetSuite takes our credentials again, which it refused since {since}; writing goes on."
                );
                let notice =
                    Self::new(account, Topic::Recovered, subject, &format!("auth {}", since.0), text, now);
                notice.to(Topic::Auth.audience())
            }
        }
    }

    /// That an error was filed: one notice a day, however often it is met. One that was closed and is met again is told
    /// anew, for whoever closed it has seen to it; that is why `error` is as it will stand ([`ErrorEntry::standing`]).
    pub fn of_error(error: &ErrorEntry, now: Timestamp) -> Self {
        let once = format!("{} {}", now.0.div_euclid(DAY_MS), error.first_at.0);
        Self::error(error, Topic::Error, &once, format!("{} ({})", error.message, error.class), now)
    }

    /// That an error was filed after something was tried again: each time is news.
    pub fn of_new_error(error: &ErrorEntry, now: Timestamp) -> Self {
        let text = format!("{} ({})", error.message, error.class);
        Self::error(error, Topic::Error, &now.0.to_string(), text, now)
    }

    /// That an error is over by itself.
    pub fn error_over(error: &ErrorEntry, now: Timestamp) -> Self {
        let why = error.note.as_deref().unwrap_or("closed by itself");
        let text = format!("{why}. It was: {}", error.message);
        Self::error(error, Topic::Recovered, &format!("error {}", now.0), text, now)
    }

    fn error(error: &ErrorEntry, topic: Topic, once: &str, text: String, now: Timestamp) -> Self {
        let about = error.record.as_ref().map_or_else(|| error.account.to_string(), ToString::to_string);
        Self::new(&error.account, topic, format!("error:{}", error.id), once, format!("{about}: {text}"), now)
    }
}

/// The page that shows a subject.
fn page_of(account: &AccountId, subject: &str) -> Option<String> {
    let (kind, id) = subject.split_once(':')?;
    match kind {
        "conflict" => Some(format!("/review/conflicts/{id}")),
        "error" => Some(format!("/review/errors/{id}")),
        "account" => Some(format!("/review/accounts/{id}")),
        "conflicts" => Some(format!("/review/?account={account}")),
        "errors" => Some(format!("/review/errors?account={account}")),
        "questions" => Some(format!("/review/?account={account}&kind=ambiguous")),
        "ambiguous" => Some(format!("/review/ambiguous/{id}")),
        "deliveries" => Some(format!("/review/notices?account={account}")),
        _ => None,
    }
}

/// A notice as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The notice.
    #[serde(flatten)]
    pub notice: Notice,
    /// Who has acknowledged it, and when: nobody else needs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
}

/// That somebody has seen to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
}

/// The audit of an acknowledgement, for whoever stores one.
pub fn acknowledgement(notice: Uuid, by: &str, now: Timestamp) -> AuditRow {
    AuditRow {
        at: now,
        actor: by.to_string(),
        action: "acknowledge".into(),
        subject: format!("notice:{notice}"),
        details: json!({}),
    }
}

/// Notices, as people see them. Part of [`super::State`], whose commits write them.
#[async_trait]
pub trait Notices: Send + Sync {
    /// An account's notices, the newest first, after `after`; `unread`: those that nobody has acknowledged.
    async fn notices(
        &self,
        account: &AccountId,
        unread: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Shown>, Unavailable>;

    /// How many of an account's notices nobody has acknowledged; at most `most` are counted.
    async fn unread(&self, account: &AccountId, most: usize) -> Result<usize, Unavailable>;

    /// Notes that a person has seen to it, and writes it into the audit. Who was first stays. `None`: the account has no
    /// such notice.
    async fn acknowledge(
        &self,
        account: &AccountId,
        notice: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Shown>, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> AccountId {
        AccountId::parse("acme").unwrap()
    }

    #[test]
    fn every_word_is_read_back_and_topics_can_be_file_names() {
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.as_str()), Some(*topic));
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.as_str());
            assert!(topic.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            assert!(!topic.audience().is_empty());
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.as_str()), Some(*severity));
        }
    }

    #[test]
    fn the_same_thing_said_again_is_the_same_notice() {
        let of = |topic, subject: &str, once: &str, at| {
            Notice::new(&acme(), topic, subject, once, "t", Timestamp(at)).id
        };
        assert_eq!(of(Topic::Error, "error:1", "a", 1), of(Topic::Error, "error:1", "a", 2));
        assert_ne!(of(Topic::Error, "error:1", "a", 1), of(Topic::Error, "error:1", "b", 1));
        assert_ne!(of(Topic::Error, "error:1", "a", 1), of(Topic::Error, "error:2", "a", 1));
        assert_ne!(of(Topic::Error, "error:1", "a", 1), of(Topic::Recovered, "error:1", "a", 1));
    }

    #[test]
    fn an_error_is_told_once_a_day_and_the_end_of_it_too() {
        let mut error =
            ErrorEntry::open(&acme(), Uuid::nil(), "malformed", "X", "no", "mend it", Timestamp(5));
        assert_eq!(
            Notice::of_error(&error, Timestamp(5)).id,
            Notice::of_error(&error, Timestamp(DAY_MS - 1)).id
        );
        assert_ne!(Notice::of_error(&error, Timestamp(5)).id, Notice::of_error(&error, Timestamp(DAY_MS)).id);
        let again = ErrorEntry { first_at: Timestamp(7), last_at: Timestamp(7), ..error.clone() };
        let told = |known: &ErrorEntry| Notice::of_error(&again.standing(Some(known)), Timestamp(7)).id;
        assert_eq!(told(&error), Notice::of_error(&error, Timestamp(5)).id, "met again");
        let closed = ErrorEntry { status: crate::state::ErrorStatus::Closed, ..error.clone() };
        assert_ne!(told(&closed), told(&error), "closed, and met again");
        error.note = Some("closed by itself: it was saved again".into());
        let over = Notice::error_over(&error, Timestamp(9));
        assert_eq!(over.topic, Topic::Recovered);
        assert_eq!(over.text, "acme: closed by itself: it was saved again. It was: no");
        assert_eq!(over.link.as_deref(), Some("/review/errors/00000000-0000-0000-0000-000000000000"));
    }
}
