//! Where a page ends, and the next begins.

use shared::domain::id::{AccountId, CanonicalId, RecordType};
use shared::state::Page;
use uuid::Uuid;

/// Most rows of one page, whatever is asked for.
const PAGE_MAX: usize = 1_000;

/// A page's size in bounds.
pub(super) fn size(limit: usize) -> u64 {
    limit.min(PAGE_MAX) as u64
}

/// Account, type and id of the key at which the last page ended; before everything when there was none, or when
/// it is no key.
pub(super) fn key(after: Option<&str>) -> [&str; 3] {
    let mut parts = after.unwrap_or_default().split(':');
    let mut part = || parts.next().unwrap_or_default();
    let key = [part(), part(), part()];
    let is_key = AccountId::parse(key[0]).is_ok()
        && RecordType::parse(key[1]).is_ok()
        && CanonicalId::parse(key[2]).is_ok();
    if is_key { key } else { ["", "", ""] }
}

/// Time and id of the error at which the last page ended.
pub(super) fn error(after: Option<&str>) -> (i64, Uuid) {
    let start = (i64::MAX, Uuid::nil());
    let Some((at, id)) = after.and_then(|after| after.split_once(':')) else { return start };
    at.parse().ok().zip(Uuid::parse_str(id).ok()).unwrap_or(start)
}

/// A page of at most `limit` of `rows`, which were asked for one more.
pub(super) fn page<T>(mut rows: Vec<T>, limit: u64, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Page { next: rows.last().filter(|_| more).map(cursor), items: rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cursor_begins_at_the_beginning() {
        assert_eq!(key(Some("acme:item:1-2")), ["acme", "item", "1-2"]);
        for bad in [None, Some(""), Some("acme"), Some("acme:item"), Some("ä:b:c"), Some("a b:c:d")] {
            assert_eq!(key(bad), ["", "", ""], "{bad:?}");
        }
        let id = Uuid::from_u128(7);
        assert_eq!(error(Some(&format!("-5:{id}"))), (-5, id));
        assert_eq!(error(Some("x:y")), (i64::MAX, Uuid::nil()));
    }

    #[test]
    fn a_page_tells_where_the_next_begins_only_when_there_is_one() {
        let page_of = |rows, limit| page(rows, limit, |n: &i32| n.to_string());
        assert_eq!(page_of(vec![1, 2, 3], 2).next.as_deref(), Some("2"));
        assert_eq!(page_of(vec![1, 2], 2).next, None);
        assert_eq!((page_of(vec![1], 0).items, page_of(vec![1], 0).next), (vec![], None));
    }
}
