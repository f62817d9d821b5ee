//! How notices got to people: the table `notice_delivery_item`, asked by notice.

use std::collections::BTreeSet;

use shared::domain::id::AccountId;
use shared::state::deliveries::Delivery;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::notice_delivery::{delivery_of, shown};
use super::sql::{marks, padded, statements};

statements! {
    OF_NOTICES = |n| format!("select {}, told.notification_id as notice from notice_delivery_item as told \
        force index (of_notice) straight_join notice_delivery as d on d.account_id = told.account_id and \
        d.delivery_id = told.delivery_id where told.account_id = ? and told.notification_id in ({})",
        shown(), marks(n));
}

/// The deliveries that tell one of these notices, each beside its notice.
pub(super) async fn deliveries(
    connection: &mut MySqlConnection,
    account: &AccountId,
    notices: &[Uuid],
) -> Result<Vec<(Uuid, Delivery)>, sqlx::Error> {
    let notices = Vec::from_iter(notices.iter().copied().collect::<BTreeSet<Uuid>>());
    let mut told = Vec::new();
    for group in padded(&notices) {
        let query = OF_NOTICES.of(group.len()).bind(account.as_str());
        let rows = group.iter().fold(query, |query, id| query.bind(**id)).fetch_all(&mut *connection).await?;
        for row in &rows {
            told.push((row.try_get("notice")?, delivery_of(row)?));
        }
    }
    Ok(told)
}
