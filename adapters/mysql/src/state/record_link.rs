//! The table `record_link`: whose ids are whose.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId};
use shared::state::Link;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use super::columns;
use super::sql::{Bound, Statement, marks, padded, pieces, statements, tuples, unreadable};

const KEY: &str = "account_id, record_type, side, side_id";

statements! {
    FIND = find_text;
    LOCK = |n| format!("{} order by side_id for update", find_text(n));
    INSERT = |n| format!("insert into record_link ({KEY}, record_id, retired) values {}", tuples(n, 6));
    // Every row is there, and locked.
    REPLACE = |n| format!("insert into record_link ({KEY}, record_id, retired) values {} as new \
        on duplicate key update record_id = new.record_id, retired = new.retired", tuples(n, 6));
    TAKE_OVER = |_| "update record_link force index (record) set record_id = ? where account_id = ? \
        and record_type = ? and record_id = ?".into();
}

/// By ids of one account, type and side, which MySQL plans faster than as many keys.
fn find_text(count: usize) -> String {
    format!(
        "select {KEY}, record_id, retired from record_link force index (primary) \
        where account_id = ? and record_type = ? and side = ? and side_id in ({})",
        marks(count)
    )
}

/// An id: of which account, type and side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId {
    pub(super) account: AccountId,
    pub(super) record_type: RecordType,
    pub(super) side: Side,
    pub(super) id: SideId,
}

/// Whose ids these are.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    ids: &[LinkId],
) -> Result<BTreeMap<LinkId, Link>, sqlx::Error> {
    read(FIND, connection, ids).await
}

/// Whose ids these are, locked in the order of the ids.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    ids: &[LinkId],
) -> Result<BTreeMap<LinkId, Link>, sqlx::Error> {
    read(LOCK, connection, ids).await
}

async fn read(
    statement: Statement,
    connection: &mut MySqlConnection,
    ids: &[LinkId],
) -> Result<BTreeMap<LinkId, Link>, sqlx::Error> {
    let mut found = BTreeMap::new();
    for group in groups(ids) {
        let first = group[0];
        let query = statement.of(group.len()).bind(first.account.as_str());
        let query = query.bind(first.record_type.as_str()).bind(first.side.as_str());
        let query = group.iter().fold(query, |query, id| query.bind(id.id.as_str()));
        for row in query.fetch_all(&mut *connection).await? {
            let side = match row.try_get("side")? {
                "netsuite" => Side::NetSuite,
                "suitex" => Side::SuiteX,
                other => return Err(unreadable(format!("no side of record_link: {other}"))),
            };
            let (account, record_type) = (columns::account(&row)?, columns::record_type(&row)?);
            let id = SideId::parse(row.try_get("side_id")?).map_err(unreadable)?;
            let link = Link { canonical: columns::record_id(&row)?, retired: row.try_get("retired")? };
            found.insert(LinkId { account, record_type, side, id }, link);
        }
    }
    Ok(found)
}

/// Ids of one account, type and side in each group, in the order of the ids.
fn groups(ids: &[LinkId]) -> Vec<Vec<&LinkId>> {
    let mut sorted: Vec<&LinkId> = ids.iter().collect();
    sorted.sort_unstable();
    let of = |id: &LinkId| (id.account.clone(), id.record_type.clone(), id.side);
    let groups = sorted.chunk_by(|a, b| of(a) == of(b)).flat_map(padded);
    groups.map(|group| group.into_iter().copied().collect()).collect()
}

/// Adds links. An id that has one already is the error 1062.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    links: &[(LinkId, Link)],
) -> Result<(), sqlx::Error> {
    write(INSERT, connection, links).await
}

/// Replaces links, which the transaction holds locked.
pub(super) async fn replace(
    connection: &mut MySqlConnection,
    links: &[(LinkId, Link)],
) -> Result<(), sqlx::Error> {
    write(REPLACE, connection, links).await
}

async fn write(
    statement: Statement,
    connection: &mut MySqlConnection,
    links: &[(LinkId, Link)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(links) {
        let query = piece.iter().fold(statement.of(piece.len()), |query, (id, link)| {
            bind(query, id).bind(link.canonical.as_str()).bind(link.retired)
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// All links of `alias` are the record's from now on.
pub(super) async fn take_over(
    connection: &mut MySqlConnection,
    alias: &RecordKey,
    key: &RecordKey,
) -> Result<(), sqlx::Error> {
    let query = TAKE_OVER.query().bind(key.id.as_str()).bind(alias.account.as_str());
    query.bind(alias.record_type.as_str()).bind(alias.id.as_str()).execute(connection).await?;
    Ok(())
}

fn bind(query: Bound, id: &LinkId) -> Bound {
    let query = query.bind(id.account.as_str()).bind(id.record_type.as_str());
    query.bind(id.side.as_str()).bind(id.id.as_str())
}
