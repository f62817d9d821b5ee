//! Who is at the door. What a person may do in an account is decided in [`crate::access`].

mod development;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::Parts;
use shared::domain::id::AccountId;
use shared::domain::people::Role;
use shared::domain::surface::Account;
use shared::runtime::identity::{Identified, Identify};
use shared::runtime::problem::Problem;

pub use development::{Development, SWITCH_COOKIE};

/// Longest address and name that are taken, in characters.
const NAME_MAX: usize = 320;

/// How people are identified.
#[derive(Clone)]
pub enum Identity {
    /// By a proxy's assertion or a token, verified.
    Verified(Arc<dyn Identify>),
    /// People of our own making, for development: whoever asks is whom they say they are.
    Development(Development),
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    email: String,
    name: String,
    /// Roles that development people were made with.
    granted: Option<BTreeMap<AccountId, Role>>,
}

impl Person {
    /// Their address: the name under which everything they do is written down.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Their name, for people; the address when it is not known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they are made up: every page says so.
    pub fn is_development(&self) -> bool {
        self.granted.is_some()
    }

    /// What they may do in an account.
    pub(crate) fn role_in(&self, account: &Account) -> Option<Role> {
        match &self.granted {
            Some(granted) => granted.get(&account.id).copied(),
            None => account.people.role_of(&self.email),
        }
    }
}

impl Identity {
    /// Who sent the request with this head.
    pub(crate) async fn person(&self, head: &Parts) -> Result<Person, Problem> {
        match self {
            Identity::Development(development) => development.person(head),
            Identity::Verified(way) => verified(way.identify(&head.headers).await?),
        }
    }

    /// The made-up people, if people are.
    pub(crate) fn development(&self) -> Option<&Development> {
        match self {
            Identity::Development(development) => Some(development),
            Identity::Verified(_) => None,
        }
    }
}

fn verified(identified: Identified) -> Result<Person, Problem> {
    let is_name = |text: &str| text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control);
    let email = identified.email.trim().to_lowercase();
    if !email.contains('@') || !is_name(&email) {
        return Err(Problem::forbidden("the address that was vouched for is none"));
    }
    let name = identified.name.filter(|name| !name.trim().is_empty() && is_name(name));
    Ok(Person { name: name.unwrap_or_else(|| email.clone()), email, granted: None })
}
