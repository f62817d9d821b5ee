//! What ns-writer reads from its environment.

use shared::domain::id::AccountId;
use shared::netsuite::config::NetSuiteConfig;
use shared::runtime::env::EnvReader;

/// Configuration of one instance: [`NetSuiteConfig`], and nothing else.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where NetSuite is, and how we sign in to each account.
    pub netsuite: NetSuiteConfig,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`. Each of `accounts` needs a credential.
    pub fn read<'a>(reader: &mut EnvReader<'_>, accounts: impl IntoIterator<Item = &'a AccountId>) -> Self {
        Self { netsuite: NetSuiteConfig::read(reader, accounts) }
    }
}
