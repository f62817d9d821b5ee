//! What is asked of the world when all is over, and what it has counted itself.

use std::collections::BTreeMap;

use shared::domain::id::PerSide;
use shared::domain::surface::SyncConfig;

use super::client::{Broken, Client};
use crate::world::World;

/// What the world itself counted, all accounts together.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Written {
    /// Writes that changed something, by the side that was written to.
    pub(super) writes: PerSide<u64>,
    /// Calls of NetSuite.
    pub(super) calls: u64,
    /// Calls that NetSuite carried out after it had given up answering.
    pub(super) landed_late: u64,
    /// Most calls under way at once in one account's NetSuite, ever.
    pub(super) most_in_flight: u32,
    /// Calls that were one too many for an account.
    pub(super) too_many: u64,
}

impl Written {
    /// Everything so far.
    pub(super) async fn by(world: &World) -> Result<Self, Broken> {
        let mut written = Self::default();
        for account in &world.accounts {
            let stats = world.netsuite.stats(account);
            written.writes.netsuite += stats.writes_applied;
            written.writes.suitex +=
                world.suitex.sync_writes(account).await.map_err(|e| Broken(e.to_string()))?;
            written.calls += stats.calls;
            written.landed_late += stats.landed_late;
            written.too_many += stats.overloads_by_limit;
            written.most_in_flight = written.most_in_flight.max(stats.max_in_flight);
        }
        Ok(written)
    }

    /// What came after `before`.
    pub(super) fn since(mut self, before: Self) -> Self {
        self.writes.netsuite -= before.writes.netsuite;
        self.writes.suitex -= before.writes.suitex;
        self.calls -= before.calls;
        self.landed_late -= before.landed_late;
        self.too_many -= before.too_many;
        self
    }
}

/// Whether the systems are the same, in the words of `/control/parity`.
#[derive(Debug, Default)]
pub(super) struct Parity {
    /// Records that were compared.
    pub(super) records: u64,
    /// Those that are the same on both sides and as agreed.
    pub(super) same: u64,
    /// Differences that something explains, by what.
    pub(super) explained: BTreeMap<String, u64>,
    /// Those that nothing explains, in full.
    pub(super) unexplained: Vec<String>,
}

/// Compares both systems.
pub(super) async fn parity(client: &Client) -> Result<Parity, Broken> {
    let shown = client.get("/control/parity").await?;
    let count = |name: &str| shown[name].as_u64().unwrap_or(0);
    let mut parity = Parity { records: count("records"), same: count("same"), ..Parity::default() };
    for difference in shown["differences"].as_array().into_iter().flatten() {
        match difference["explained_by"].as_str() {
            Some(by) => *parity.explained.entry(by.to_string()).or_default() += 1,
            None => parity.unexplained.push(difference.to_string()),
        }
    }
    Ok(parity)
}

/// Records that exist, by type.
pub(super) async fn alive(client: &Client, config: &SyncConfig) -> Result<BTreeMap<String, u64>, Broken> {
    let mut alive: BTreeMap<String, u64> = BTreeMap::new();
    for account in config.accounts.keys() {
        for record in client.pages(&format!("/review/api/v1/records/{account}")).await? {
            let kind = record["type"].as_str().unwrap_or_default();
            *alive.entry(kind.to_string()).or_default() += u64::from(record["alive"] == true);
        }
    }
    Ok(alive)
}

/// Errors ever filed, by class, code and status; and those that are open, in full.
pub(super) async fn errors(client: &Client) -> Result<(BTreeMap<String, u64>, Vec<String>), Broken> {
    let (mut counts, mut open) = (BTreeMap::<String, u64>::new(), Vec::new());
    for error in client.pages("/review/api/v1/errors").await? {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let name = format!("{} {}, {}", text("class"), text("code"), text("status"));
        *counts.entry(name).or_default() += 1;
        if text("status") == "open" {
            let of = |name: &str| error["record"][name].as_str().unwrap_or_default();
            open.push(format!("open error: {} {}: {}", of("recordType"), of("id"), text("message")));
        }
    }
    Ok((counts, open))
}
