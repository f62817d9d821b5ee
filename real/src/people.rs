//! SuiteX's people, on SuiteX's real databases.

use async_trait::async_trait;
use local::suitex::{Application, CommitHook, Problem};
use mysql::tenant::{App, Obstacle, Refusal};
use serde_json::{Map, Value as Json};
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::suitex::Row;

/// The application on its databases; it tells when somebody has saved something.
pub(crate) struct People {
    /// The application.
    pub(crate) app: App,
    /// Whom it tells.
    pub(crate) committed: CommitHook,
}

impl People {
    /// Tells of what was saved.
    fn saved<T>(&self, account: &AccountId, done: Result<T, Obstacle>) -> Result<T, Problem> {
        let done = done.map_err(problem)?;
        (self.committed)(account);
        Ok(done)
    }
}

#[async_trait]
impl Application for People {
    async fn list(
        &self,
        account: &AccountId,
        record_type: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Row>, Problem> {
        self.app.list(account, record_type, offset, limit).await.map_err(problem)
    }

    async fn view(&self, account: &AccountId, record_type: &str, id: &str) -> Result<Row, Problem> {
        self.app.view(account, record_type, id).await.map_err(problem)
    }

    async fn create(
        &self,
        account: &AccountId,
        record_type: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        self.saved(account, self.app.create(account, record_type, values, actor).await)
    }

    async fn edit(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        self.saved(account, self.app.edit(account, record_type, id, values, actor).await)
    }

    async fn delete(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        actor: &str,
    ) -> Result<(), Problem> {
        self.saved(account, self.app.delete(account, record_type, id, actor).await)
    }

    async fn outbox_len(&self, account: &AccountId) -> Result<usize, Unavailable> {
        let len = self.app.outbox_len(account).await.map_err(away)?;
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    async fn sync_writes(&self, account: &AccountId) -> Result<u64, Unavailable> {
        self.app.sync_writes(account).await.map_err(away)
    }
}

fn away(obstacle: Obstacle) -> Unavailable {
    match obstacle {
        Obstacle::Down(unavailable) => unavailable,
        other => Unavailable::new("suitex", other.to_string()),
    }
}

/// An obstacle in the words that the simulated SuiteX has for people.
fn problem(obstacle: Obstacle) -> Problem {
    match obstacle {
        Obstacle::NoAccount(account) => Problem::no_account(&account),
        Obstacle::NoType(name) => Problem::no_type(&name),
        Obstacle::NoRow { table, id } => Problem::no_row(&table, &id),
        Obstacle::Deleted { table, id } => Problem::deleted(&table, &id),
        Obstacle::Refused(refusal) => refused(refusal),
        Obstacle::Down(reason) => Problem { detail: reason.to_string(), ..Problem::down() },
    }
}

fn refused(Refusal { code, message, field }: Refusal) -> Problem {
    let (status, title) = match code.as_str() {
        "unknown_table" => (404, "Unknown table"),
        "unknown_column" => (422, "Unknown column"),
        "invalid_value" => (422, "Invalid value"),
        "invalid_reference" => (422, "Reference to nothing"),
        "has_dependents" => (409, "Still referred to"),
        "duplicate" => (409, "Already there"),
        "too_large" => (413, "Too large"),
        _ => (422, "Forbidden by a rule"),
    };
    Problem { field, ..Problem::new(status, &code, title, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_the_same_words_as_in_the_simulated_suitex() {
        let refusal = |code: &str| {
            let (message, field) = ("no".to_string(), Some("email".to_string()));
            problem(Obstacle::Refused(Refusal { code: code.into(), message, field }))
        };
        let told = refusal("invalid_reference");
        assert_eq!(
            (told.status, told.title, told.field.as_deref()),
            (422, "Reference to nothing", Some("email"))
        );
        assert_eq!(refusal("has_dependents").status, 409);
        assert_eq!(problem(Obstacle::Deleted { table: "items".into(), id: "1".into() }).status, 410);
        assert_eq!(problem(Obstacle::NoAccount("x".into())), Problem::no_account("x"));
        assert_eq!(problem(Obstacle::Down(Unavailable::new("suitex", "gone"))).status, 503);
    }
}
