//! The tables `notice_delivery` and `notice_delivery_item`: notices on their way to people.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shared::domain::id::{AccountId, Timestamp};
use shared::fault::Unavailable;
use shared::state::deliveries::{Attempt, Channel, Claimed, Deliveries, Delivery, Plan, Recipient, Standing};
use shared::state::notices::Topic;
use shared::state::{Notice, Page};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::notification::{notice_of, unplanned};
use super::sql::{Bound, padded, pieces, statements, tuples, unreadable, width};
use super::{MysqlState, WHAT, ask, columns, cursor, notice_told};
use crate::fault::{retrying, unavailable};

const COLUMNS: &str = "account_id, delivery_id, channel, recipient, topic, standing, due_at, attempts, created_at, \
    failure, in_trouble";

/// What is read of a delivery: its columns, and how many notices it tells.
pub(super) fn shown() -> String {
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("d.{column}")).collect();
    format!(
        "{}, (select count(*) from notice_delivery_item as i where i.account_id = d.account_id and \
         i.delivery_id = d.delivery_id) as notices",
        columns.join(", ")
    )
}

statements! {
    LOCK_NOTICES = |n| format!("select notification_id from notification where account_id = ? and \
        is_planned = false and notification_id in ({}) order by notification_id for update", super::sql::marks(n));
    PLANNED = |n| format!("update notification set is_planned = true where account_id = ? and \
        notification_id in ({})", super::sql::marks(n));
    LOCK_UNTRIED = |n| format!("select delivery_id from notice_delivery where account_id = ? and attempts = 0 and \
        claim is null and delivery_id in ({}) order by delivery_id for update", super::sql::marks(n));
    ADD = |n| format!("insert into notice_delivery ({COLUMNS}) values {} \
        on duplicate key update created_at = notice_delivery.created_at", tuples(n, width(COLUMNS)));
    ADD_ITEMS = |n| format!("insert into notice_delivery_item (account_id, delivery_id, notification_id) values {} \
        on duplicate key update account_id = notice_delivery_item.account_id", tuples(n, 3));
    SINCE = |_| format!("select {} from notice_delivery as d force index (newest) where account_id = ? and \
        created_at >= ? order by created_at desc, delivery_id limit ?", shown());
    DUE = |_| format!("select {} from notice_delivery as d force index (due) where account_id = ? and \
        standing = 'due' and due_at <= ? and (claim is null or claimed_until <= ?) order by due_at, delivery_id \
        limit ?", shown());
    CLAIM = |_| "update notice_delivery set claim = ?, claimed_until = ?, attempts = attempts + 1 \
        where account_id = ? and delivery_id = ? and standing = 'due' and due_at <= ? and \
        (claim is null or claimed_until <= ?)".into();
    ONE = |_| format!("select {} from notice_delivery as d where account_id = ? and delivery_id = ?", shown());
    FIRST = |_| "select n.account_id, n.notification_id, n.at, n.topic, n.message, n.severity, n.audience, \
        n.subject, n.link from notice_delivery_item as i join notification as n on n.account_id = i.account_id and \
        n.notification_id = i.notification_id where i.account_id = ? and i.delivery_id = ? \
        order by n.at, n.notification_id limit ?".into();
    END = |_| "update notice_delivery set standing = ?, due_at = ?, failure = ?, in_trouble = ?, claim = null, \
        claimed_until = null where account_id = ? and delivery_id = ? and claim = ?".into();
    PAGE = |_| format!("select {} from notice_delivery as d force index (newest) where account_id = ? and \
        (created_at < ? or (created_at = ? and delivery_id > ?)) order by created_at desc, delivery_id limit ?",
        shown());
    PAGE_IN_TROUBLE = |_| format!("select {} from notice_delivery as d force index (trouble) where account_id = ? \
        and in_trouble = true and (created_at < ? or (created_at = ? and delivery_id > ?)) \
        order by created_at desc, delivery_id limit ?", shown());
}

pub(super) fn delivery_of(row: &MySqlRow) -> Result<Delivery, sqlx::Error> {
    let word = |column: &str| -> Result<String, sqlx::Error> { row.try_get(column) };
    let (channel, topic, standing) = (word("channel")?, word("topic")?, word("standing")?);
    let bad = |what: &str| unreadable(format!("{what} of a delivery"));
    Ok(Delivery {
        id: row.try_get("delivery_id")?,
        account: columns::account(row)?,
        to: Recipient {
            channel: Channel::parse(&channel).ok_or_else(|| bad(&channel))?,
            name: row.try_get("recipient")?,
        },
        topic: Topic::parse(&topic).ok_or_else(|| bad(&topic))?,
        notices: row.try_get::<i64, _>("notices")?.try_into().unwrap_or(u32::MAX),
        standing: Standing::parse(&standing).ok_or_else(|| bad(&standing))?,
        due_at: Timestamp(row.try_get("due_at")?),
        attempts: row.try_get("attempts")?,
        created_at: Timestamp(row.try_get("created_at")?),
        failure: row.try_get("failure")?,
    })
}

async fn all(connection: &mut MySqlConnection, query: Bound) -> Result<Vec<Delivery>, sqlx::Error> {
    query.fetch_all(connection).await?.iter().map(delivery_of).collect()
}

/// Whether all these rows are there to be locked, and are.
async fn lock_all(
    connection: &mut MySqlConnection,
    statement: super::sql::Statement,
    account: &AccountId,
    ids: &BTreeSet<Uuid>,
) -> Result<bool, sqlx::Error> {
    let mut found = 0;
    for group in padded(&Vec::from_iter(ids)) {
        let query = statement.of(group.len()).bind(account.as_str());
        let rows =
            group.iter().fold(query, |query, id| query.bind(***id)).fetch_all(&mut *connection).await?;
        found += rows.len();
    }
    Ok(found == ids.len())
}

async fn plan(state: &MysqlState, account: &AccountId, plan: &Plan) -> Result<bool, sqlx::Error> {
    let mut transaction = state.pool.begin().await?;
    let notices: BTreeSet<Uuid> = plan.notices.iter().copied().collect();
    let new: BTreeSet<Uuid> = plan.new.iter().map(|delivery| delivery.id).collect();
    let known: BTreeSet<Uuid> =
        plan.items.iter().map(|(delivery, _)| *delivery).filter(|delivery| !new.contains(delivery)).collect();
    if !lock_all(&mut transaction, LOCK_NOTICES, account, &notices).await?
        || !lock_all(&mut transaction, LOCK_UNTRIED, account, &known).await?
    {
        transaction.rollback().await?;
        return Ok(false);
    }
    for group in padded(&Vec::from_iter(&notices)) {
        let query = PLANNED.of(group.len()).bind(account.as_str());
        group.iter().fold(query, |query, id| query.bind(***id)).execute(&mut *transaction).await?;
    }
    for piece in pieces(&plan.new) {
        let query = piece.iter().fold(ADD.of(piece.len()), bind);
        query.execute(&mut *transaction).await?;
    }
    for piece in pieces(&plan.items) {
        let query = piece.iter().fold(ADD_ITEMS.of(piece.len()), |query, (delivery, notice)| {
            query.bind(account.as_str()).bind(*delivery).bind(*notice)
        });
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

fn bind(query: Bound, delivery: &Delivery) -> Bound {
    let query = query.bind(delivery.account.as_str()).bind(delivery.id).bind(delivery.to.channel.as_str());
    let query = query.bind(delivery.to.name.as_str()).bind(delivery.topic.as_str());
    let query = query.bind(delivery.standing.as_str()).bind(delivery.due_at.0).bind(delivery.attempts);
    query.bind(delivery.created_at.0).bind(delivery.failure.as_deref()).bind(delivery.failure.is_some())
}

async fn claim(
    connection: &mut MySqlConnection,
    account: &AccountId,
    delivery: Uuid,
    claim: Uuid,
    (now, until): (Timestamp, Timestamp),
    first: u64,
) -> Result<Option<Claimed>, sqlx::Error> {
    let query = CLAIM.query().bind(claim).bind(until.0).bind(account.as_str()).bind(delivery);
    if query.bind(now.0).bind(now.0).execute(&mut *connection).await?.rows_affected() != 1 {
        return Ok(None);
    }
    let row = ONE.query().bind(account.as_str()).bind(delivery).fetch_one(&mut *connection).await?;
    let query = FIRST.query().bind(account.as_str()).bind(delivery).bind(first);
    let first = query.fetch_all(connection).await?;
    let first = first.iter().map(notice_of).collect::<Result<Vec<Notice>, _>>()?;
    Ok(Some(Claimed { delivery: delivery_of(&row)?, first }))
}

async fn end(
    connection: &mut MySqlConnection,
    account: &AccountId,
    delivery: Uuid,
    claim: Uuid,
    (standing, due_at, failure): &(Standing, Timestamp, Option<String>),
) -> Result<bool, sqlx::Error> {
    let query = END.query().bind(standing.as_str()).bind(due_at.0).bind(failure.as_deref());
    let query = query.bind(failure.is_some()).bind(account.as_str()).bind(delivery).bind(claim);
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

#[async_trait]
impl Deliveries for MysqlState {
    async fn unplanned(&self, account: &AccountId, limit: usize) -> Result<Vec<Notice>, Unavailable> {
        ask!(self, |c| unplanned(c, account, cursor::size(limit)))
    }

    async fn plan_deliveries(&self, account: &AccountId, new: Plan) -> Result<bool, Unavailable> {
        let work = || plan(self, account, &new);
        retrying(self.dice(), work).await.map_err(unavailable(WHAT))
    }

    async fn deliveries_since(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let query = || SINCE.query().bind(account.as_str()).bind(since.0).bind(limit as u64);
        ask!(self, |c| all(c, query()))
    }

    async fn deliveries_of(
        &self,
        account: &AccountId,
        notices: &[Uuid],
    ) -> Result<Vec<(Uuid, Delivery)>, Unavailable> {
        ask!(self, |c| notice_told::deliveries(c, account, notices))
    }

    async fn deliveries_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let limit = cursor::size(limit);
        let query = || DUE.query().bind(account.as_str()).bind(now.0).bind(now.0).bind(limit);
        ask!(self, |c| all(c, query()))
    }

    async fn claim_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        by: Uuid,
        times: (Timestamp, Timestamp),
        first: usize,
    ) -> Result<Option<Claimed>, Unavailable> {
        ask!(self, |c| claim(c, account, delivery, by, times, first as u64))
    }

    async fn end_delivery(
        &self,
        account: &AccountId,
        delivery: Uuid,
        claim: Uuid,
        attempt: Attempt,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let leaves = attempt.leaves(now);
        ask!(self, |c| end(c, account, delivery, claim, &leaves))
    }

    async fn deliveries(
        &self,
        account: &AccountId,
        in_trouble: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable> {
        let ((at, id), limit) = (cursor::error(after), cursor::size(limit));
        let query = || {
            let query = if in_trouble { PAGE_IN_TROUBLE.query() } else { PAGE.query() };
            query.bind(account.as_str()).bind(at).bind(at).bind(id).bind(limit + 1)
        };
        let rows = ask!(self, |c| all(c, query()))?;
        Ok(cursor::page(rows, limit, |delivery| format!("{}:{}", delivery.created_at.0, delivery.id)))
    }
}
