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
use super::data::{Company, Draft, LineDraft, OrderDraft};
use super::plan::List;

/// Requests under way at once.
const AT_ONCE: usize = 32;

/// Label → record, for each type that others refer to.
type Labels = BTreeMap<(&'static str, String), RecordIx>;

/// A record, ready to be created.
struct Typed<'a> {
    kind: &'static str,
    side: Side,
    /// What it is called in the data.
    label: &'a str,
    /// Canonical field name → value in SuiteX's form, references by canonical id.
    canonical: Map<String, Json>,
    /// What is given in the side's own names and ids instead.
    own: Map<String, Json>,
    /// Whether nobody will refer to it.
    leaf: bool,
}

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
        let Draft { label, values } = draft;
        let typed = Typed { kind, side, label, canonical: values.clone(), own: Map::new(), leaf: false };
        Ok(((kind, label.clone()), self.create(account, typed).await?))
    }

    async fn order(
        &self,
        account: &AccountId,
        order: &OrderDraft,
        labels: &Labels,
        side: Side,
    ) -> Result<(), Broken> {
        let typed = self.type_order(account, order, labels, side)?;
        self.create(account, typed).await.map(|_| ())
    }

    /// An order by the ids that its customer and items have on `side`.
    fn type_order<'d>(
        &self,
        account: &AccountId,
        order: &'d OrderDraft,
        labels: &Labels,
        side: Side,
    ) -> Result<Typed<'d>, Broken> {
        let (label, kind) = (&order.label, "salesorder");
        let book = self.book.borrow();
        let surface = book.surface_of(account, &kind_of(kind)?);
        let referred = |kind: &'static str, label: &str| {
            let known = labels.get(&(kind, label.to_string())).map(|record| &book.records[*record]);
            let ids = known.and_then(|known| Some((known.ids[side].clone()?, known.canonical.clone())));
            ids.ok_or_else(|| Broken(format!("order {}: {kind} {label} is not on {side}", order.label)))
        };
        let (Some(list), Some(customer)) = (List::of(&surface, side), surface.field("customer")) else {
            return Err(Broken("sales orders are configured without a customer, or without lines".into()));
        };
        let (own_id, customer_id) = referred("customer", &order.customer)?;
        let line = |line: &LineDraft| {
            let (item, _) = referred("item", &line.item)?;
            Ok(list.line(&item, json!(line.quantity), &line.rate, &line.discount))
        };
        let lines = order.lines.iter().map(line).collect::<Result<_, Broken>>()?;
        let own = Map::from_iter([
            (list.field.name_on(side).to_string(), Json::Array(lines)),
            (surface.fields[customer].name_on(side).to_string(), json!(own_id)),
        ]);
        let mut canonical = order.values.clone();
        canonical.insert("customer".into(), json!(customer_id));
        Ok(Typed { kind, side, label, canonical, own, leaf: true })
    }

    async fn create(&self, account: &AccountId, typed: Typed<'_>) -> Result<RecordIx, Broken> {
        let Typed { kind, side, label, canonical, own, leaf } = typed;
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
            Answer::Refused(status, why) => {
                Err(Broken(format!("{side} refuses {kind} {label}: {status} {why}")))
            }
            Answer::Unsure => Err(Broken(format!("{side} fails while {kind} {label} is filled in"))),
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
