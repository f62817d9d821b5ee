//! People for development, made of the configured accounts: nobody has to sign in, everybody may be anybody.
//!
//! | | |
//! |---|---|
//! | `ada` | admin everywhere; who says nothing is her |
//! | `rita` | resolver of the first account |
//! | `vera` | viewer of the first account |
//! | `gus` | resolver of the second account alone |

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Query;
use http::header::COOKIE;
use http::request::Parts;
use shared::domain::id::AccountId;
use shared::domain::people::Role;
use shared::domain::surface::SyncConfig;
use shared::runtime::problem::Problem;

use super::Person;

/// The cookie that says who somebody is; `?as=` says it for one request.
pub const SWITCH_COOKIE: &str = "review-as";

/// The made-up people.
#[derive(Debug, Clone)]
pub struct Development(Arc<BTreeMap<&'static str, Person>>);

impl Development {
    /// People for the accounts of `config`.
    pub fn new(config: &SyncConfig) -> Self {
        let accounts: Vec<&AccountId> = config.accounts.keys().collect();
        let one = |n: usize, role| accounts.get(n).map(|id| ((*id).clone(), role)).into_iter().collect();
        let everywhere = accounts.iter().map(|id| ((*id).clone(), Role::Admin)).collect();
        let people: [(&str, &str, BTreeMap<AccountId, Role>); 4] = [
            ("ada", "Ada Admin", everywhere),
            ("rita", "Rita Resolver", one(0, Role::Resolver)),
            ("vera", "Vera Viewer", one(0, Role::Viewer)),
            ("gus", "Gus Globe", one(1, Role::Resolver)),
        ];
        let person = |(short, name, granted): (&'static str, &str, _)| {
            let (email, name) = (format!("{short}@dev.example"), name.to_string());
            (short, Person { email, name, granted: Some(granted) })
        };
        Self(Arc::new(people.into_iter().map(person).collect()))
    }

    /// Their short names, and themselves.
    pub fn people(&self) -> impl Iterator<Item = (&'static str, &Person)> {
        self.0.iter().map(|(short, person)| (*short, person))
    }

    pub(super) fn person(&self, head: &Parts) -> Result<Person, Problem> {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(&head.uri);
        let asked = query.ok().and_then(|Query(mut query)| query.remove("as"));
        let name = asked.or_else(|| cookie(head, SWITCH_COOKIE).map(str::to_string));
        let name = name.unwrap_or_else(|| "ada".to_string());
        self.0.get(name.as_str()).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().copied().collect();
            Problem::unauthorized(format!("there are only {}", known.join(", "))).at("as")
        })
    }
}

/// A cookie's value.
fn cookie<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let all = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}
