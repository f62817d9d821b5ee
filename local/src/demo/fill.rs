//! Filling both systems, as people would: half of the records in each, and references by the ids that they
//! have where they are referred to.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, RecordType, Side};

use super::book::{Book, RecordIx};
use super::client::{Address, Answer, Broken, Client};
use super::data::{Company, Draft, OrderDraft};
use super::plan::List;

/// Requests under way at once.
const AT_ONCE: usize = 32;

/// Label → record, for each type that others refer to.
type Labels = BTreeMap<(&'static str, String), RecordIx>;

/// Who fills.
pub(super) struct Filler<'a> {
    pub(super) client: &'a Client,
    pub(super) book: &'a RefCell<Book>,
}

impl Filler<'_> {
    /// Creates what refers to nothing: customers and items. `orders` comes after, when they are on both sides.
    pub(super) async fn masters(&self, company: &Company) -> Result<Labels, Broken> {
        let account = account(company)?;
        let customers = company.customers.iter().map(|draft| ("customer", draft));
        let items = company.items.iter().map(|draft| ("item", draft));
        let drafts = customers.chain(items).enumerate();
        let made = stream::iter(drafts.map(|(n, (kind, draft))| self.master(&account, kind, draft, born(n))));
        let made: Vec<_> = made.buffer_unordered(AT_ONCE).collect().await;
        made.into_iter().collect()
    }

    /// Creates the orders.
    pub(super) async fn orders(&self, company: &Company, labels: &Labels) -> Result<(), Broken> {
        let account = account(company)?;
        let orders = company.orders.iter().enumerate();
        let made = stream::iter(orders.map(|(n, order)| self.order(&account, order, labels, born(n))));
        let made: Vec<_> = made.buffer_unordered(AT_ONCE).collect().await;
        made.into_iter().collect()
    }

    async fn master(
        &self,
        account: &AccountId,
        kind: &'static str,
        draft: &Draft,
        side: Side,
    ) -> Result<((&'static str, String), RecordIx), Broken> {
        let record =
            self.create(account, kind, side, draft.values.clone(), Map::new(), &draft.label, false).await?;
        Ok(((kind, draft.label.clone()), record))
    }

    async fn order(
        &self,
        account: &AccountId,
        order: &OrderDraft,
        labels: &Labels,
        side: Side,
    ) -> Result<(), Broken> {
        let (mut canonical, mut lines) = (order.values.clone(), Vec::new());
        let mut own = Map::new();
        {
            let book = self.book.borrow();
            let referred = |kind: &'static str, label: &str| {
                let known = labels.get(&(kind, label.to_string())).map(|record| &book.records[*record]);
                let known = known.and_then(|known| Some((known.ids[side].clone()?, known.canonical.clone())));
                known.ok_or_else(|| Broken(format!("order {}: {kind} {label} is not on {side}", order.label)))
            };
            let surface = book.surface_of(account, &kind_of("salesorder")?);
            let list = List::of(&surface, side).ok_or_else(|| Broken("sales orders have no lines".into()))?;
            for line in &order.lines {
                let (item, _) = referred("item", &line.item)?;
                lines.push(list.line(&item, line.quantity.unsigned_abs(), &line.rate, &line.discount));
            }
            own.insert(list.field.name_on(side).to_string(), Json::Array(lines));
            let (given, customer) = referred("customer", &order.customer)?;
            let field = surface.field("customer").map(|ix| surface.fields[ix].name_on(side).to_string());
            own.insert(field.unwrap_or_default(), json!(given));
            canonical.insert("customer".into(), json!(customer));
        }
        self.create(account, "salesorder", side, canonical, own, &order.label, true).await.map(|_| ())
    }

    /// Creates a record of `canonical` values; those in `own` are in the side's own names and ids.
    #[expect(clippy::too_many_arguments, reason = "one record's parts, passed once")]
    async fn create(
        &self,
        account: &AccountId,
        kind: &str,
        side: Side,
        canonical: Map<String, Json>,
        own: Map<String, Json>,
        label: &str,
        leaf: bool,
    ) -> Result<RecordIx, Broken> {
        let kind = kind_of(kind)?;
        let surface = self.book.borrow().surface_of(account, &kind);
        let mut values = Map::new();
        for field in surface.fields.iter().filter(|field| field.direction.accepts_from(side)) {
            if let Some(value) = canonical.get(&*field.name) {
                values.insert(field.name_on(side).to_string(), value.clone());
            }
        }
        values.extend(own);
        match self.client.create(&Address { side, account, kind: &kind }, &values).await? {
            Answer::Taken(row) => {
                let id = row.get("id").and_then(Json::as_str).unwrap_or_default();
                Ok(self.book.borrow_mut().enter((side, id), (account, &kind), &canonical, leaf))
            }
            Answer::Refused(why) => Err(Broken(format!("{side} refuses {kind} {label}: {why}"))),
        }
    }

    /// Asks for the ids of records that are not known on both sides yet; how many are still missing.
    pub(super) async fn learn(&self) -> Result<usize, Broken> {
        let incomplete: Vec<RecordIx> = {
            let book = self.book.borrow();
            let lacks = |ix: &RecordIx| {
                let known = &book.records[*ix];
                !known.closed && Side::BOTH.iter().any(|side| known.ids[*side].is_none())
            };
            (0..book.records.len()).filter(lacks).collect()
        };
        let asked = stream::iter(incomplete.into_iter().map(|record| self.ask(record)));
        let missing: Vec<Result<bool, Broken>> = asked.buffer_unordered(AT_ONCE).collect().await;
        missing.into_iter().try_fold(0, |missing, complete| Ok(missing + usize::from(!complete?)))
    }

    async fn ask(&self, record: RecordIx) -> Result<bool, Broken> {
        let path = self.book.borrow().review_path(record);
        let Some(shown) = self.client.find(&path).await? else { return Ok(false) };
        let mut book = self.book.borrow_mut();
        let known = &mut book.records[record];
        for side in Side::BOTH {
            if let Some(id) = shown["ids"][side.as_str()].as_str() {
                known.ids[side] = Some(id.to_string());
            }
        }
        Ok(Side::BOTH.iter().all(|side| known.ids[*side].is_some()))
    }
}

fn born(n: usize) -> Side {
    Side::BOTH[n % 2]
}

fn account(company: &Company) -> Result<AccountId, Broken> {
    AccountId::parse(company.account).map_err(|e| Broken(e.to_string()))
}

fn kind_of(name: &str) -> Result<RecordType, Broken> {
    RecordType::parse(name).map_err(|e| Broken(e.to_string()))
}
