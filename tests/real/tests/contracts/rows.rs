//! The implementations behind a network.

use std::sync::Arc;
use std::time::Duration;

use mysql::ledger::MysqlLedger;
use mysql::migrate::Schema;
use mysql::state::MysqlState;
use mysql::tenant::{MysqlTenants, TenantAddresses, business_tables, ddl, run};
use real_tests::{Database, RedisDatabase};
use redis_buffer::RedisBuffer;
use shared::blob::Blob;
use shared::ledger::Ledger;
use shared::state::State;
use shared::suitex::Tenants;

use crate::buffer::Losable;
use crate::config::config;
use crate::publish::Observed;
use crate::row::{Held, Row};
use crate::{acme, cloud, tenants};

/// Checks ask what is answered; how fast is asked elsewhere.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn ledgers() -> Vec<Row<dyn Ledger>> {
    vec![Row::new("mysql", async || {
        let database = Database::fresh(Schema::EventStore).await;
        let (ledger, worker) = MysqlLedger::new(database.pool.clone());
        real_tests::run(worker);
        Held::<dyn Ledger>::with(Arc::new(ledger), database)
    })]
}

pub(crate) fn states() -> Vec<Row<dyn State>> {
    vec![Row::new("mysql", async || {
        let database = Database::fresh(Schema::SyncState).await;
        let state = MysqlState::new(database.pool.clone(), config());
        Held::<dyn State>::with(Arc::new(state), database)
    })]
}

pub(crate) fn tenants() -> Vec<Row<dyn Tenants>> {
    vec![Row::new("mysql", async || {
        let (database, config) = (Database::fresh(Schema::Tenant).await, tenants::config());
        let account = &config.accounts[&acme()];
        for statements in [business_tables(account), ddl(account)] {
            run(&database.pool, &statements).await.expect("its tables");
        }
        let addresses = TenantAddresses([(acme(), database.url())].into());
        let tenants = MysqlTenants::new(&config, &addresses).expect("its address");
        Held::<dyn Tenants>::with(Arc::new(tenants), database)
    })]
}

pub(crate) fn buffers() -> Vec<Row<Losable>> {
    vec![Row::new("redis", async || {
        let database = Arc::new(RedisDatabase::fresh());
        let buffer = RedisBuffer::open(&database.address(), None).expect("an address");
        let buffer = Arc::new(buffer.with_timeout(PATIENCE));
        let lost = Arc::clone(&database);
        let lose = move || {
            lost.lose();
            Box::pin(std::future::ready(())) as _
        };
        Held::with(Arc::new(Losable { buffer, lose: Box::new(lose) }), database)
    })]
}

pub(crate) fn blobs() -> Vec<Row<dyn Blob>> {
    vec![cloud::storage()]
}

pub(crate) fn buses() -> Vec<Row<Observed>> {
    vec![cloud::pubsub()]
}
