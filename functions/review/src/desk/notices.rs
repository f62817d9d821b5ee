//! What people were told, how it got to them, and who has seen to it.

use std::cmp::Reverse;

use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use shared::state::notices::Shown;
use uuid::Uuid;

use crate::access::{Seat, Told};
use crate::view::{DeliveryView, Listed, NoticeView};

/// Which notices are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeQuery {
    /// Of this account alone.
    pub account: Option<String>,
    /// Only those that nobody has acknowledged.
    pub unread: bool,
}

/// Where the notices are of the account of this name, or of all.
fn told(seat: &Seat, account: Option<&str>) -> Result<Vec<Told>, Problem> {
    let mut all = seat.told();
    if let Some(name) = account {
        all.retain(|told| told.name() == name);
        if all.is_empty() {
            return Err(Problem::not_found("there is no such account").at("account"));
        }
    }
    Ok(all)
}

/// Notices of the accounts that the person may look at, the newest first.
pub async fn notices(
    seat: &Seat,
    query: &NoticeQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<NoticeView>, Problem> {
    let all = told(seat, query.account.as_deref())?;
    // Each account's list goes on behind the same place; what they share of the page is the newest of all.
    let mut rows: Vec<(usize, Shown)> = Vec::new();
    let mut more = false;
    for (at, told) in all.iter().enumerate() {
        let page = told.notices(query.unread, after, limit).await?;
        more |= page.next.is_some();
        rows.extend(page.items.into_iter().map(|shown| (at, shown)));
    }
    rows.sort_by_key(|(_, shown)| (Reverse(shown.notice.at), shown.notice.id));
    more |= rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(_, shown)| format!("{}:{}", shown.notice.at.0, shown.notice.id));
    let mut items = Vec::with_capacity(rows.len());
    for (at, told) in all.iter().enumerate() {
        let own = || rows.iter().filter(|(of, _)| *of == at).map(|(_, shown)| shown);
        let ids: Vec<Uuid> = own().map(|shown| shown.notice.id).collect();
        let mut ways = told.deliveries_of(&ids).await?;
        items.extend(own().map(|shown| {
            let ways = ways.remove(&shown.notice.id).unwrap_or_default();
            NoticeView::new(shown.clone(), ways.into_iter().map(DeliveryView::new).collect())
        }));
    }
    items.sort_by_key(|notice| (Reverse(notice.at), notice.id));
    Ok(Listed { items, next })
}

/// An account's deliveries, the newest first; `in_trouble`: those alone that were tried in vain.
pub async fn deliveries(
    seat: &Seat,
    account: &str,
    in_trouble: bool,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<DeliveryView>, Problem> {
    let mut items = Vec::new();
    let mut next = None;
    for told in told(seat, Some(account))? {
        let page = told.deliveries(in_trouble, after, limit).await?;
        items.extend(page.items.into_iter().map(DeliveryView::new));
        next = page.next;
    }
    Ok(Listed { items, next })
}

/// The newest deliveries that do not get through, of one account or all; at most `limit` of each.
pub async fn in_trouble(
    seat: &Seat,
    account: Option<&str>,
    limit: usize,
) -> Result<Vec<DeliveryView>, Problem> {
    let mut items = Vec::new();
    for told in told(seat, account)? {
        let page = told.deliveries(true, None, limit).await?;
        items.extend(page.items.into_iter().map(DeliveryView::new));
    }
    Ok(items)
}

/// Notes that the person has seen to a notice: nobody else needs to. Who was first stays.
pub async fn acknowledge(seat: &Seat, account: &str, notice: Uuid) -> Result<NoticeView, Problem> {
    let told = told(seat, Some(account))?.into_iter().next();
    let told = told.ok_or_else(|| Problem::not_found("there is no such account").at("account"))?;
    if let Some(access) = told.access() {
        access.need(Role::Resolver)?;
    }
    let shown = told.acknowledge(notice).await?;
    let shown = shown.ok_or_else(|| Problem::not_found("there is no such notice").at("id"))?;
    let ways = told.deliveries_of(&[notice]).await?.remove(&notice).unwrap_or_default();
    Ok(NoticeView::new(shown, ways.into_iter().map(DeliveryView::new).collect()))
}
