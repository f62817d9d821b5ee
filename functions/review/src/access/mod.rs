//! What a person may see and do: the one place where roles are compared.
//!
//! Everything that this function shows or does begins with an [`Access`], which nothing but a role makes. It carries
//! the account, and every question to the state that `reach` can ask takes the account from there: so a view of
//! another account cannot be written.

mod ambiguous;
mod brake;
mod notes;
mod notices;
mod reach;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::people::Role;
use shared::domain::surface::{Account, SyncConfig};
use shared::runtime::Ports;
use shared::runtime::clock::Clock;
use shared::runtime::problem::Problem;

use crate::App;
use crate::identity::{Development, Person};

pub(crate) use notes::Question;
pub use notes::{Silence, SystemNotes};
pub(crate) use notices::{Told, Waiting};

/// A person at their desk, as far as the accounts go that they may look at.
#[derive(Clone)]
pub struct Seat {
    ports: Ports,
    person: Arc<Person>,
    development: Option<Development>,
}

impl FromRequestParts<App> for Seat {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let person = app.identity.person(parts).await?;
        let development = app.identity.development().cloned();
        Ok(Self { ports: app.ports.clone(), person: Arc::new(person), development })
    }
}

impl Seat {
    /// Who sits there.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The made-up people among whom one may choose, in development.
    pub fn development(&self) -> Option<&Development> {
        self.development.as_ref()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// What tells it.
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    /// Every account that the person may look at, by name.
    pub fn accounts(&self) -> Vec<Access> {
        self.ports.config.accounts.values().filter_map(|account| self.to(account)).collect()
    }

    /// The account of this name. One that the person may not look at is not there.
    pub fn account(&self, name: &str) -> Result<Access, Problem> {
        let account = AccountId::parse(name).ok().and_then(|id| self.ports.config.accounts.get(&id));
        let access = account.and_then(|account| self.to(account));
        access.ok_or_else(|| Problem::not_found("there is no such account").at("account"))
    }

    /// The account of this name, or all.
    pub fn accounts_of(&self, name: Option<&str>) -> Result<Vec<Access>, Problem> {
        match name {
            Some(name) => Ok(vec![self.account(name)?]),
            None => Ok(self.accounts()),
        }
    }

    /// Whether the person is an admin of every account. Only such a one looks after what belongs to none.
    pub fn is_admin_everywhere(&self) -> bool {
        let mut accounts = self.ports.config.accounts.values();
        accounts.all(|account| self.person.role_in(account) == Some(Role::Admin))
    }

    fn to(&self, account: &Account) -> Option<Access> {
        let role = self.person.role_in(account)?;
        let (ports, person) = (self.ports.clone(), Arc::clone(&self.person));
        let colleagues =
            self.development.iter().flat_map(Development::people).map(|(_, p)| p.clone()).collect();
        Some(Access { ports, person, account: account.id.clone(), role, colleagues })
    }
}

/// What a person may do in one account.
#[derive(Clone)]
pub struct Access {
    ports: Ports,
    person: Arc<Person>,
    account: AccountId,
    role: Role,
    /// Made-up people, in development.
    colleagues: Arc<[Person]>,
}

impl Access {
    /// The account.
    pub fn account(&self) -> &Account {
        // Unwrap safety: it was found there.
        self.ports.config.accounts.get(&self.account).expect("a configured account")
    }

    /// Who.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// As what.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the person may do what `role` may.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// Goes on only for who may do what `role` may.
    pub fn need(&self, role: Role) -> Result<&Self, Problem> {
        if self.may(role) {
            return Ok(self);
        }
        let (own, account) = (self.role, &self.account);
        Err(Problem::forbidden(format!(
            "this takes a {role} of {account}; {} is a {own}",
            self.person.email()
        )))
    }

    /// What somebody else may do there.
    pub(crate) fn role_of(&self, email: &str) -> Option<Role> {
        let known = self.colleagues.iter().find(|person| person.email() == email);
        match known {
            Some(person) => person.role_in(self.account()),
            None => self.account().people.role_of(email),
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// What is configured.
    pub fn config(&self) -> &SyncConfig {
        &self.ports.config
    }
}
