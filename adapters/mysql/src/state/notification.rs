//! The table `notification`: notices for people.

use async_trait::async_trait;
use shared::domain::id::{AccountId, Timestamp};
use shared::fault::Unavailable;
use shared::state::notices::{Acknowledged, Notices, Severity, Shown, Topic, acknowledgement};
use shared::state::{Notice, Page};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::codec::{from_json, json};
use super::sql::{pieces, statements, tuples, unreadable, width};
use super::{MysqlState, WHAT, ask, columns, cursor, event_audit_log};
use crate::fault::{retrying, unavailable};

const COLUMNS: &str =
    "account_id, notification_id, at, topic, message, severity, audience, subject, link, is_planned";

const SHOWN: &str = "account_id, notification_id, at, topic, message, severity, audience, subject, link, \
    acknowledged_at, acknowledged_by";

statements! {
    INSERT = |n| format!("insert into notification ({COLUMNS}) values {} \
        on duplicate key update at = notification.at", tuples(n, width(COLUMNS)));
    PAGE = |_| format!("select {SHOWN} from notification force index (newest) where account_id = ? and \
        (at < ? or (at = ? and notification_id > ?)) order by at desc, notification_id limit ?");
    PAGE_UNREAD = |_| format!("select {SHOWN} from notification force index (unread) where account_id = ? and \
        acknowledged_at is null and (at < ? or (at = ? and notification_id > ?)) \
        order by at desc, notification_id limit ?");
    UNREAD = |_| "select count(*) from (select 1 from notification force index (unread) where account_id = ? and \
        acknowledged_at is null limit ?) as unread".into();
    LOCK = |_| format!("select {SHOWN} from notification where account_id = ? and notification_id = ? for update");
    ACKNOWLEDGE = |_| "update notification set acknowledged_at = ?, acknowledged_by = ? \
        where account_id = ? and notification_id = ?".into();
    UNPLANNED = |_| format!("select {SHOWN} from notification force index (unplanned) where account_id = ? and \
        is_planned = false order by at, notification_id limit ?");
}

/// Adds notices; one that is there stays as it is.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    notices: &[(&AccountId, &Notice)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(notices) {
        let query = piece.iter().fold(INSERT.of(piece.len()), |query, (account, notice)| {
            let query = query.bind(account.as_str()).bind(notice.id).bind(notice.at.0);
            let query = query.bind(notice.topic.as_str()).bind(notice.text.as_str());
            let query = query.bind(notice.severity.as_str()).bind(json(&notice.audience));
            query.bind(notice.subject.as_str()).bind(notice.link.as_deref()).bind(false)
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// The oldest notices that are not planned yet.
pub(super) async fn unplanned(
    connection: &mut MySqlConnection,
    account: &AccountId,
    limit: u64,
) -> Result<Vec<Notice>, sqlx::Error> {
    let rows = UNPLANNED.query().bind(account.as_str()).bind(limit).fetch_all(connection).await?;
    rows.iter().map(notice_of).collect()
}

/// The notice in a row.
pub(super) fn notice_of(row: &MySqlRow) -> Result<Notice, sqlx::Error> {
    let (topic, severity): (&str, &str) = (row.try_get("topic")?, row.try_get("severity")?);
    // A row of an earlier level may bear a word of its own.
    let topic = Topic::parse(topic).unwrap_or(Topic::Error);
    let audience: Option<&str> = row.try_get("audience")?;
    Ok(Notice {
        id: row.try_get("notification_id")?,
        account: columns::account(row)?,
        at: Timestamp(row.try_get("at")?),
        topic,
        severity: Severity::parse(severity).ok_or_else(|| unreadable(format!("no severity: {severity}")))?,
        audience: audience.map_or_else(|| Ok(topic.audience()), |text| from_json("audience", text))?,
        subject: row.try_get("subject")?,
        text: row.try_get("message")?,
        link: row.try_get("link")?,
    })
}

fn shown_of(row: &MySqlRow) -> Result<Shown, sqlx::Error> {
    let at: Option<i64> = row.try_get("acknowledged_at")?;
    let by: Option<String> = row.try_get("acknowledged_by")?;
    let acknowledged = at.map(|at| Acknowledged { at: Timestamp(at), by: by.unwrap_or_default() });
    Ok(Shown { notice: notice_of(row)?, acknowledged })
}

async fn page(
    connection: &mut MySqlConnection,
    account: &AccountId,
    unread: bool,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Shown>, sqlx::Error> {
    let (at, id) = cursor::error(after);
    let query = if unread { PAGE_UNREAD.query() } else { PAGE.query() };
    let query = query.bind(account.as_str()).bind(at).bind(at).bind(id).bind(limit + 1);
    let rows = query.fetch_all(connection).await?;
    let shown = rows.iter().map(shown_of).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(shown, limit, |shown| format!("{}:{}", shown.notice.at.0, shown.notice.id)))
}

async fn unread(
    connection: &mut MySqlConnection,
    account: &AccountId,
    most: u64,
) -> Result<usize, sqlx::Error> {
    let row = UNREAD.query().bind(account.as_str()).bind(most).fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs() as usize)
}

async fn acknowledge(
    state: &MysqlState,
    account: &AccountId,
    notice: Uuid,
    by: &str,
    now: Timestamp,
) -> Result<Option<Shown>, sqlx::Error> {
    let mut transaction = state.pool.begin().await?;
    let row = LOCK.query().bind(account.as_str()).bind(notice).fetch_optional(&mut *transaction).await?;
    let Some(mut shown) = row.as_ref().map(shown_of).transpose()? else { return Ok(None) };
    if shown.acknowledged.is_none() {
        let query = ACKNOWLEDGE.query().bind(now.0).bind(by).bind(account.as_str()).bind(notice);
        query.execute(&mut *transaction).await?;
        let audit = acknowledgement(notice, by, now);
        event_audit_log::insert(&mut transaction, &[(account, &audit)]).await?;
        transaction.commit().await?;
        shown.acknowledged = Some(Acknowledged { at: now, by: by.to_string() });
    }
    Ok(Some(shown))
}

#[async_trait]
impl Notices for MysqlState {
    async fn notices(
        &self,
        account: &AccountId,
        unread: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Shown>, Unavailable> {
        ask!(self, |c| page(c, account, unread, after, cursor::size(limit)))
    }

    async fn unread(&self, account: &AccountId, most: usize) -> Result<usize, Unavailable> {
        ask!(self, |c| unread(c, account, most as u64))
    }

    async fn acknowledge(
        &self,
        account: &AccountId,
        notice: Uuid,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Shown>, Unavailable> {
        let work = || acknowledge(self, account, notice, by, now);
        retrying(self.dice(), work).await.map_err(unavailable(WHAT))
    }
}
