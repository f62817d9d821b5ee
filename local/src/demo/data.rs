//! The records that the demo begins with: as they would be typed in, before any system has seen them. They
//! refer to each other by label.

use serde_json::{Map, Value as Json, json};

/// Everything that is filled in.
#[derive(Debug, Default, PartialEq)]
pub(super) struct DataSet {
    /// One per account.
    pub(super) companies: Vec<Company>,
    /// What a reader should know about the input, one line each.
    pub(super) notes: Vec<String>,
}

/// The records of one account.
#[derive(Debug, PartialEq)]
pub(super) struct Company {
    /// The account.
    pub(super) account: &'static str,
    /// Its customers.
    pub(super) customers: Vec<Draft>,
    /// Its items.
    pub(super) items: Vec<Draft>,
    /// Its sales orders.
    pub(super) orders: Vec<OrderDraft>,
}

/// A record that refers to no other.
#[derive(Debug, PartialEq)]
pub(super) struct Draft {
    /// What orders call it.
    pub(super) label: String,
    /// Canonical field name → value in SuiteX's form. What is not there is empty.
    pub(super) values: Map<String, Json>,
}

/// A sales order.
#[derive(Debug, PartialEq)]
pub(super) struct OrderDraft {
    /// What people call it.
    pub(super) label: String,
    /// Label of its customer.
    pub(super) customer: String,
    /// As in [`Draft`], without customer and lines.
    pub(super) values: Map<String, Json>,
    /// Its lines.
    pub(super) lines: Vec<LineDraft>,
}

/// A line of a sales order.
#[derive(Debug, PartialEq)]
pub(super) struct LineDraft {
    /// Label of its item.
    pub(super) item: String,
    /// How many.
    pub(super) quantity: i64,
    /// Price of one, as a decimal number.
    pub(super) rate: String,
    /// Share taken off, as a decimal number.
    pub(super) discount: String,
}

/// Accounts of the sample set.
const ACCOUNTS: [&str; 2] = ["acme", "globex"];
/// Customers, items and orders of each of them.
const PER_ACCOUNT: [usize; 3] = [20, 15, 30];

const TOWNS: [(&str, &str, &str); 6] = [
    ("Utrecht", "3511 AB", "Netherlands"),
    ("Tampere", "33100", "Finland"),
    ("Graz", "8010", "Austria"),
    ("Galway", "H91 E2K3", "Ireland"),
    ("Bergen", "5003", "Norway"),
    ("Coimbra", "3000-213", "Portugal"),
];
const TRADES: [&str; 5] = ["Bakery", "Bicycles", "Books", "Instruments", "Tea"];
const THINGS: [&str; 5] = ["Lamp", "Chair", "Kettle", "Clock", "Basket"];

impl DataSet {
    /// The first records of each account: so many customers, items and orders.
    pub(super) fn first(mut self, [customers, items, orders]: [usize; 3]) -> Self {
        for company in &mut self.companies {
            company.customers.truncate(customers);
            company.items.truncate(items);
            let has = |drafts: &[Draft], label: &str| drafts.iter().any(|draft| draft.label == label);
            let (customers, items) = (&company.customers, &company.items);
            let is_whole = |order: &OrderDraft| {
                has(customers, &order.customer) && order.lines.iter().all(|line| has(items, &line.item))
            };
            company.orders.retain(is_whole);
            company.orders.truncate(orders);
        }
        self
    }

    /// The small set of our own.
    pub(super) fn sample() -> Self {
        let companies = ACCOUNTS.into_iter().map(sample_company).collect();
        Self { companies, notes: Vec::new() }
    }
}

fn sample_company(account: &'static str) -> Company {
    let [customers, items, orders] = PER_ACCOUNT;
    Company {
        account,
        customers: (0..customers).map(sample_customer).collect(),
        items: (0..items).map(sample_item).collect(),
        orders: (0..orders).map(|n| sample_order(n, customers, items)).collect(),
    }
}

fn sample_customer(n: usize) -> Draft {
    let ((city, postal_code, country), trade) = (TOWNS[n % TOWNS.len()], TRADES[n % TRADES.len()]);
    let values = fields(json!({
        "company_name": format!("{city} {trade}"),
        "email": format!("orders@{}-{n}.example", trade.to_lowercase()),
        "phone": format!("555-01{n:02}"),
        "credit_limit": format!("{}.00", 1_000 + 250 * n),
        "tags": [trade.to_lowercase(), "retail"],
        "street": format!("{n} Harbour Street"),
        "city": city,
        "postal_code": postal_code,
        "country": country,
    }));
    Draft { label: format!("C{n}"), values }
}

fn sample_item(n: usize) -> Draft {
    let values = fields(json!({
        "name": format!("{} no. {n}", THINGS[n % THINGS.len()]),
        "price": format!("{}.50", 4 + 3 * n),
        "stock": 10 * n,
        "category": format!("{}", n % 4),
        "discontinued": false,
        "sku": format!("SKU-{n:04}"),
    }));
    Draft { label: format!("I{n}"), values }
}

fn sample_order(n: usize, customers: usize, items: usize) -> OrderDraft {
    let line = |at: usize| LineDraft {
        item: format!("I{}", (n + 4 * at) % items),
        quantity: 1 + at as i64,
        rate: format!("{}.2500", 5 + n),
        discount: "0.0500".into(),
    };
    let status = ["A", "B", "F"][n % 3];
    let values = fields(json!({
        "order_date": format!("2026-01-{:02}", 1 + n % 28),
        "status": status,
        "freight": format!("{n}.90"),
    }));
    OrderDraft {
        label: format!("O{n}"),
        customer: format!("C{}", n % customers),
        values,
        lines: (0..1 + n % 3).map(line).collect(),
    }
}

/// The fields of an object; those that hold nothing are left out.
pub(super) fn fields(object: Json) -> Map<String, Json> {
    match object {
        Json::Object(object) => object.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_set_refers_to_what_it_holds() {
        let all = DataSet::sample().companies.into_iter();
        let few = DataSet::sample().first([8, 10, 5]).companies;
        assert!(few.iter().all(|company| company.orders.len() == 5));
        for company in all.chain(few) {
            let has = |drafts: &[Draft], label: &str| drafts.iter().any(|d| d.label == label);
            for order in &company.orders {
                assert!(has(&company.customers, &order.customer), "{}", order.label);
                assert!(!order.lines.is_empty() && order.lines.iter().all(|l| has(&company.items, &l.item)));
            }
        }
    }
}
