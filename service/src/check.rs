//! What is asked of the outside before the first request. Everything is asked at once, and all that is not as it
//! should be is told.
//!
//! ```text
//! the bus, the bucket, our databases               wrong: the function does not start
//! the keys of tokens                               away: a warning, for nobody is believed until they are back
//!                                                  what answers has none: the function does not start
//! the buffer                                       away: a warning, for it slows and never stops
//!                                                  no such host, no Redis, refuses us: the function does not start
//! a tenant's database                              away: a warning, for it may be back at any time
//!                                                  wrong: that tenant is set aside, the others go on
//! all tenants' databases                           none is right: the function does not start
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use mysql::fault::{Cause, cause};
use mysql::migrate::{self, MigrateError, Schema};
use mysql::roles::{self, Right};
use mysql::tenant::{self, MysqlTenants};
use redis_buffer::Standing as Buffer;
use shared::domain::id::AccountId;
use shared::domain::surface::Account;
use shared::runtime::clock::Clock;
use sqlx::MySqlPool;
use tokio::time::timeout;

use crate::outside::Parts;
use crate::settings::{Settings, Told};

/// Each database is given so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A clock that is further from the database's than this, ms, would make windows and leases wrong.
const CLOCK_APART_MS: i64 = 5_000;

/// What was found.
#[derive(Default)]
pub(crate) struct Checked {
    /// Why the function does not start.
    pub(crate) wrong: Vec<String>,
    /// Whose SuiteX it must leave alone, and why.
    pub(crate) aside: BTreeMap<AccountId, String>,
}

/// How a database stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Right,
    /// It could not be asked.
    Away(String),
    Wrong(Vec<String>),
}

impl Parts {
    /// Asks everything outside whether it is there and what it should be.
    pub(crate) async fn check(&self, settings: &Settings, told: &Told) -> Checked {
        let ((keys, redis, topics, bucket), (state, ledger), tenants) = futures::join!(
            async { futures::join!(self.keys(), self.redis(), self.topics(), self.bucket(settings, told)) },
            async { futures::join!(self.state(settings), self.ledger(settings)) },
            self.tenants(settings),
        );
        let mut checked = judge(tenants);
        let ours = [keys, redis, topics, bucket, state, ledger].concat();
        checked.wrong.splice(0..0, ours);
        checked
    }

    async fn keys(&self) -> Vec<String> {
        let Some(verifier) = &self.verifier else { return Vec::new() };
        match verifier.check().await {
            Ok(()) => Vec::new(),
            Err(error) if error.is_about_the_address() => vec![format!("PUSH_JWKS_URL: {error}")],
            Err(error) => {
                tracing::warn!(%error, "the keys of push tokens are away: nobody is believed until they are back");
                Vec::new()
            }
        }
    }

    async fn redis(&self) -> Vec<String> {
        let Some(redis) = &self.redis else { return Vec::new() };
        match redis.check().await {
            Ok(Buffer::There) => Vec::new(),
            Ok(Buffer::Away(why)) => {
                tracing::warn!(%why, "Redis is away: everything is slower until it is back, and nothing is lost");
                Vec::new()
            }
            Err(refused) => vec![format!("REDIS_URL: {refused}")],
        }
    }

    async fn topics(&self) -> Vec<String> {
        let Some(publisher) = &self.publisher else { return Vec::new() };
        publisher.check().await.err().unwrap_or_default()
    }

    async fn bucket(&self, settings: &Settings, told: &Told) -> Vec<String> {
        let bucket = settings.bucket().filter(|_| !told.about(&["BLOB_BUCKET"]));
        let (Some(blob), Some(bucket)) = (&self.blob, bucket) else { return Vec::new() };
        blob.check(bucket).await.err().map(|refused| format!("BLOB_BUCKET: {refused}")).into_iter().collect()
    }

    async fn state(&self, settings: &Settings) -> Vec<String> {
        let Some(pool) = &self.state else { return Vec::new() };
        self.ours("STATE_DATABASE_URL", pool, Schema::SyncState, settings).await
    }

    async fn ledger(&self, settings: &Settings) -> Vec<String> {
        let Some(pool) = &self.ledger else { return Vec::new() };
        self.ours("LEDGER_DATABASE_URL", pool, Schema::EventStore, settings).await
    }

    async fn ours(&self, name: &str, pool: &MySqlPool, schema: Schema, settings: &Settings) -> Vec<String> {
        let rights = roles::rights(schema, settings.function);
        let lines = match self.standing(pool, schema, rights, None, settings.function).await {
            Standing::Right => Vec::new(),
            Standing::Away(why) => vec![why],
            Standing::Wrong(lines) => lines,
        };
        lines.into_iter().map(|line| format!("{name}: {line}")).collect()
    }

    /// How each account's database stands.
    async fn tenants(&self, settings: &Settings) -> Vec<(AccountId, Option<Standing>)> {
        let Some(tenants) = &self.tenants else { return Vec::new() };
        let asked = settings.config.accounts.values().map(async |account| {
            let standing = match tenants.pool(&account.id) {
                Some(pool) => Some(self.tenant(pool, account, settings.function).await),
                None => None,
            };
            (account.id.clone(), standing)
        });
        join_all(asked).await
    }

    async fn tenant(&self, pool: &MySqlPool, account: &Account, function: &str) -> Standing {
        let mut rights = roles::rights(Schema::Tenant, function);
        if function == "sx-writer" {
            let tables = tenant::tables(account);
            rights.extend(roles::rights_on_business_tables(tables.iter().map(String::as_str)));
        }
        self.standing(pool, Schema::Tenant, rights, Some(account), function).await
    }

    async fn standing(
        &self,
        pool: &MySqlPool,
        schema: Schema,
        rights: Vec<Right>,
        triggers_of: Option<&Account>,
        function: &str,
    ) -> Standing {
        let asked = ask(pool, schema, rights, triggers_of, function, &*self.clock);
        match timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(lines)) if lines.is_empty() => Standing::Right,
            Ok(Ok(lines)) => Standing::Wrong(lines),
            Ok(Err(error)) => stands(&error),
            Err(_) => Standing::Away("no answer in time".into()),
        }
    }
}

/// A line for each match key that no index in SuiteX's databases serves. It is slow and not wrong, so nothing is refused.
pub(crate) async fn warn_of_missing_indexes(tenants: &MysqlTenants, settings: &Settings) {
    let each = settings.config.accounts.keys().map(async |account| {
        let asked = async { tenants.unindexed(account).await.map_err(|error| error.to_string()) };
        match timeout(ANSWER_WITHIN, asked).await.unwrap_or_else(|_| Err("no answer in time".into())) {
            Ok(missing) => {
                for missing in &missing {
                    tracing::warn!(%account, table = missing.table, column = missing.column, "{missing}");
                }
            }
            Err(error) => {
                tracing::warn!(%account, error, "whether indexes serve the match keys is not known");
            }
        }
    });
    join_all(each).await;
}

/// What is wrong with a database that answers: its level, its triggers, our rights there, or our clock against its.
async fn ask(
    pool: &MySqlPool,
    schema: Schema,
    rights: Vec<Right>,
    triggers_of: Option<&Account>,
    function: &str,
    clock: &dyn Clock,
) -> Result<Vec<String>, sqlx::Error> {
    let mut wrong = Vec::new();
    let levels = line_of(migrate::check(pool, schema).await)?;
    let is_migrated = levels.is_none();
    wrong.extend(levels);
    if let Some(account) = triggers_of.filter(|_| is_migrated) {
        wrong.extend(line_of(tenant::check(pool, account).await)?);
    }
    // The tables of a level that is not reached yet cannot be asked for.
    if is_migrated {
        match roles::lacking(pool, rights).await {
            Ok(lacking) => wrong.extend(told_of(&lacking, function)),
            Err(error) if matches!(cause(&error), Cause::Lost) => return Err(error),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    let theirs = "select cast(unix_timestamp(utc_timestamp(3)) * 1000 as signed)";
    let theirs: i64 = sqlx::query_scalar(theirs).fetch_one(pool).await?;
    wrong.extend(apart(theirs, clock.now().0));
    Ok(wrong)
}

/// What is wrong, of an answer; an error when there was none.
fn line_of(answer: Result<(), MigrateError>) -> Result<Option<String>, sqlx::Error> {
    match answer {
        Ok(()) => Ok(None),
        // Who may not read the book may lack other rights too; but who may not come in cannot be asked.
        Err(MigrateError::Database { error, .. }) if !is_about_a_table(&error) => Err(error),
        Err(error) => Ok(Some(error.to_string())),
    }
}

fn is_about_a_table(error: &sqlx::Error) -> bool {
    matches!(cause(error), Cause::Denied(1142 | 1143))
}

/// An error before anything could be asked: either nobody answered, or we were not let in.
fn stands(error: &sqlx::Error) -> Standing {
    match error {
        // A certificate that is not believed: a connection there was.
        sqlx::Error::Tls(_) => Standing::Wrong(vec![error.to_string()]),
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            Standing::Wrong(vec![error.to_string()])
        }
        _ if matches!(cause(error), Cause::Lost) => Standing::Away(error.to_string()),
        _ => Standing::Wrong(vec![error.to_string()]),
    }
}

fn told_of(lacking: &[Right], function: &str) -> Option<String> {
    let rights: Vec<String> = lacking.iter().map(Right::to_string).collect();
    let role = format!("{}{function}", roles::PREFIX);
    let cure = format!("give it the role {role}, which `suitex-sync migrate roles` makes");
    (!rights.is_empty()).then(|| format!("our account may not {}: {cure}", rights.join(", ")))
}

fn apart(theirs_ms: i64, ours_ms: i64) -> Option<String> {
    let apart = (theirs_ms - ours_ms).abs();
    (apart > CLOCK_APART_MS)
        .then(|| format!("our clock and the database's are {apart} ms apart: set this machine's clock"))
}

/// What follows from how the tenants' databases stand: one that is away or wrong is its own account's trouble, as
/// long as there are others to work for.
fn judge(tenants: Vec<(AccountId, Option<Standing>)>) -> Checked {
    let mut checked = Checked::default();
    let is_right = |(_, standing): &(AccountId, Option<Standing>)| *standing == Some(Standing::Right);
    let some_are_right = tenants.iter().any(is_right);
    for (account, standing) in tenants {
        let name = format!("TENANT_DATABASES, {account}");
        match standing {
            Some(Standing::Right) => {}
            None => checked.wrong.push(format!("{name}: there is no address")),
            Some(Standing::Away(why)) if some_are_right => {
                tracing::warn!(account = %account, %why, "a tenant's database is away: nothing is checked there");
            }
            Some(Standing::Away(why)) => checked.wrong.push(format!("{name}: {why}")),
            Some(Standing::Wrong(lines)) if some_are_right => {
                let why = lines.join("; ");
                tracing::error!(account = %account, %why, "a tenant is set aside until the next start");
                checked.aside.insert(account, why);
            }
            Some(Standing::Wrong(lines)) => {
                checked.wrong.extend(lines.into_iter().map(|line| format!("{name}: {line}")));
            }
        }
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(tenants: &[(&str, Option<Standing>)]) -> (Vec<String>, Vec<String>) {
        let tenants = tenants.iter().map(|(account, standing)| {
            let standing = match standing {
                Some(Standing::Away(why)) => Some(Standing::Away(why.clone())),
                Some(Standing::Wrong(lines)) => Some(Standing::Wrong(lines.clone())),
                Some(Standing::Right) => Some(Standing::Right),
                None => None,
            };
            (AccountId::parse(account).expect("an account"), standing)
        });
        let Checked { wrong, aside } = judge(tenants.collect());
        (wrong, aside.into_iter().map(|(account, why)| format!("{account}: {why}")).collect())
    }

    #[test]
    fn one_tenants_trouble_is_its_own_and_everybodys_is_the_functions() {
        let away = || Some(Standing::Away("gone".into()));
        let behind = || Some(Standing::Wrong(vec!["level 1".into(), "rights".into()]));
        let none: Vec<String> = Vec::new();
        assert_eq!(judged(&[]), (none.clone(), none.clone()));
        assert_eq!(
            judged(&[("acme", Some(Standing::Right)), ("globex", away())]),
            (none.clone(), none.clone())
        );
        let aside = vec!["globex: level 1; rights".to_string()];
        assert_eq!(judged(&[("acme", Some(Standing::Right)), ("globex", behind())]), (none.clone(), aside));
        let all = [
            "TENANT_DATABASES, acme: gone",
            "TENANT_DATABASES, globex: level 1",
            "TENANT_DATABASES, globex: rights",
        ];
        assert_eq!(
            judged(&[("acme", away()), ("globex", behind())]),
            (all.map(String::from).into(), none.clone())
        );
        let (wrong, _) = judged(&[("acme", Some(Standing::Right)), ("globex", None)]);
        assert_eq!(wrong, ["TENANT_DATABASES, globex: there is no address"]);
    }

    #[test]
    fn a_clock_may_be_five_seconds_off() {
        assert_eq!((apart(10_000, 5_000), apart(5_000, 10_000)), (None, None));
        for (theirs, ours) in [(10_001, 5_000), (5_000, 10_001)] {
            assert!(
                apart(theirs, ours).is_some_and(|line| line.contains("5001 ms apart")),
                "{theirs} {ours}"
            );
        }
    }

    #[test]
    fn who_is_not_let_in_is_not_away() {
        let io = |kind: std::io::ErrorKind| stands(&sqlx::Error::Io(kind.into()));
        assert!(matches!(stands(&sqlx::Error::PoolTimedOut), Standing::Away(_)));
        assert!(matches!(io(std::io::ErrorKind::ConnectionRefused), Standing::Away(_)));
        assert!(matches!(io(std::io::ErrorKind::InvalidData), Standing::Wrong(_)));
    }
}
