//! Who may do what in an account: from the configuration, by address.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a person may do in an account. Each may also do what the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Decide conflicts, have errors tried again or dismissed, take and give conflicts.
    Resolver,
    /// Set a field's value against policy, direction and lock; hold an account's writes and let them go.
    Admin,
}

impl Role {
    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Resolver => "resolver",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One address, or everybody of a domain. Written in small letters, for addresses are compared so.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    One(String),
    /// With its `@`.
    Domain(String),
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address (ann@example.com) nor everybody of a domain (*@example.com)")]
pub struct BadPattern(String);

impl Pattern {
    fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern(text.to_string());
        let small = text.to_lowercase();
        let (name, domain) = small.split_once('@').ok_or_else(bad)?;
        let is_part = |part: &str| {
            !part.is_empty() && !part.contains(['@', '*']) && !part.contains(char::is_whitespace)
        };
        match (name, is_part(domain)) {
            ("*", true) => Ok(Pattern::Domain(format!("@{domain}"))),
            (name, true) if is_part(name) => Ok(Pattern::One(small)),
            _ => Err(bad()),
        }
    }

    fn takes(&self, email: &str) -> bool {
        match self {
            Pattern::One(one) => email == one,
            // The last `@` is where the domain begins, whatever a quoted name may hold.
            Pattern::Domain(domain) => email.rfind('@').is_some_and(|at| at > 0 && email[at..] == **domain),
        }
    }
}

/// An account's people: `[account.<id>.people]`, a list of addresses for each role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People(Vec<(Role, Pattern)>);

impl People {
    /// People by role.
    pub fn parse<'a>(lists: impl IntoIterator<Item = (Role, &'a [String])>) -> Result<Self, BadPattern> {
        let mut people = Vec::new();
        for (role, patterns) in lists {
            for pattern in patterns {
                people.push((role, Pattern::parse(pattern)?));
            }
        }
        Ok(Self(people))
    }

    /// What the person with this address may do: the most that any entry says.
    pub fn role_of(&self, email: &str) -> Option<Role> {
        let email = email.to_lowercase();
        self.0.iter().filter(|(_, pattern)| pattern.takes(&email)).map(|(role, _)| *role).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(viewer: &[&str], resolver: &[&str], admin: &[&str]) -> Result<People, BadPattern> {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (viewer, resolver, admin) = (own(viewer), own(resolver), own(admin));
        People::parse([
            (Role::Viewer, viewer.as_slice()),
            (Role::Resolver, resolver.as_slice()),
            (Role::Admin, admin.as_slice()),
        ])
    }

    #[test]
    fn the_most_that_any_entry_says_counts() {
        let people = people(&["*@a.example"], &["Rita@a.example"], &["ada@b.example"]).unwrap();
        for (email, role) in [
            ("vera@a.example", Some(Role::Viewer)),
            ("rita@A.example", Some(Role::Resolver)),
            ("ADA@b.example", Some(Role::Admin)),
            ("rita@b.example", None),
            ("rita@a.example.evil.example", None),
            ("rita@evil.example@a.example", Some(Role::Viewer)),
            ("@a.example", None),
            ("x@sub.a.example", None),
            ("", None),
        ] {
            assert_eq!(people.role_of(email), role, "{email}");
        }
        assert!(Role::Viewer < Role::Resolver && Role::Resolver < Role::Admin);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "*", "ann", "@a.example", "*@", "*@*", "a*@a.example", "a b@c.example", "a@b@c"] {
            assert_eq!(people(&[], &[bad], &[]), Err(BadPattern(bad.into())), "{bad}");
        }
    }
}
