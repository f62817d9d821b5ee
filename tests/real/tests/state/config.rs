//! The configuration of the checks: in every account, every type has the customer's fields.

use std::sync::Arc;

use shared::domain::id::{AccountId, RecordType};
use shared::domain::surface::{Account, Limits, SyncConfig, TypeSurface};

const ACCOUNTS: [&str; 5] = ["acme", "acme-2", "acme.x", "globex", "unknown"];
const TYPES: [&str; 6] = ["customer", "item", "item-2", "item.x", "item0", "salesorder"];

/// The customer's fields, of the product's own configuration.
pub(crate) fn surface() -> Arc<TypeSurface> {
    let config = SyncConfig::parse(include_str!("../../../../config/sync.toml"))
        .expect("the product's own configuration");
    let (acme, customer) = (AccountId::parse("acme"), RecordType::parse("customer"));
    let surface = config.surface(&acme.expect("an account's name"), &customer.expect("a type's name"));
    Arc::clone(surface.expect("a type of the configuration"))
}

/// See the module.
pub(crate) fn config() -> Arc<SyncConfig> {
    let surface = surface();
    let account = |name: &str| {
        let id = AccountId::parse(name).expect("an account's name");
        let kind = |name: &str| (RecordType::parse(name).expect("a type's name"), Arc::clone(&surface));
        let types = TYPES.into_iter().map(kind).collect();
        let account = Account {
            id: id.clone(),
            netsuite_account: name.into(),
            limits: Limits::default(),
            people: Default::default(),
            objective_ms: 60_000,
            suitex_url: None,
            notify: Default::default(),
            types,
        };
        (id, account)
    };
    let accounts = ACCOUNTS.into_iter().map(account).collect();
    Arc::new(SyncConfig { coalescing: Default::default(), notify: Default::default(), accounts })
}
