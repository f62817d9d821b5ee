//! Northwind, as four CSV files: customers, products, orders and their lines.
//!
//! The files hold `NULL` for nothing, and commas inside fields without quotes. A comma that a space follows
//! is text and no separator; a row that has more cells than the header is put together by that rule, and
//! counted. One that does not come out at the header's width is an error: nothing is guessed.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::data::{Company, DataSet, Draft, LineDraft, OrderDraft, fields};

#[cfg(test)]
mod tests;

/// The account whose books these are.
const ACCOUNT: &str = "acme";

/// Input that cannot be used: file, place and reason, in one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadData(pub(super) String);

/// The files, each with the columns that are read of it.
const CUSTOMERS: (&str, &[&str]) = (
    "customers.csv",
    &[
        "customerID",
        "companyName",
        "contactName",
        "contactTitle",
        "address",
        "city",
        "region",
        "postalCode",
        "country",
        "phone",
        "fax",
    ],
);
const PRODUCTS: (&str, &[&str]) = (
    "products.csv",
    &[
        "productID",
        "productName",
        "categoryID",
        "quantityPerUnit",
        "unitPrice",
        "unitsInStock",
        "discontinued",
    ],
);
const ORDERS: (&str, &[&str]) = (
    "orders.csv",
    &[
        "orderID",
        "customerID",
        "orderDate",
        "requiredDate",
        "shippedDate",
        "freight",
        "shipName",
        "shipAddress",
        "shipCity",
        "shipRegion",
        "shipPostalCode",
        "shipCountry",
    ],
);
const DETAILS: (&str, &[&str]) =
    ("order-details.csv", &["orderID", "productID", "unitPrice", "quantity", "discount"]);

/// Reads the directory.
pub(super) fn read(directory: &Path) -> Result<DataSet, BadData> {
    if !directory.is_dir() {
        return Err(BadData(format!("{}: there is no such directory", directory.display())));
    }
    let open = |(file, columns)| Table::open(directory.join(file), columns);
    let (customers, products) = (open(CUSTOMERS)?, open(PRODUCTS)?);
    let (orders, details) = (open(ORDERS)?, open(DETAILS)?);
    let tables = [&customers, &products, &orders, &details];
    let notes = tables.into_iter().filter_map(Table::note).collect();
    let mut company = Company {
        account: ACCOUNT,
        customers: customers.rows(customer)?,
        items: products.rows(item)?,
        orders: orders.rows(order)?,
    };
    for line in details.rows(line)? {
        let found = company.orders.iter_mut().find(|order| order.label == line.order);
        let Some(order) = found else { return Err(line.dangles("orderID", &line.order, "order", &details)) };
        if !company.items.iter().any(|item| item.label == line.draft.item) {
            return Err(line.dangles("productID", &line.draft.item, "product", &details));
        }
        order.lines.push(line.draft);
    }
    let known: BTreeSet<&str> = company.customers.iter().map(|c| c.label.as_str()).collect();
    if let Some(order) = company.orders.iter().find(|o| !known.contains(o.customer.as_str())) {
        let (file, id) = (orders.file.display(), &order.label);
        return Err(BadData(format!("{file}: order {id}: there is no customer {:?}", order.customer)));
    }
    Ok(DataSet { companies: vec![company], notes })
}

fn customer(row: &Row<'_>) -> Result<Draft, BadData> {
    let label = row.text("customerID")?;
    let contact = [row.optional("contactName")?, row.optional("contactTitle")?];
    let contact = contact.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let fax = row.optional("fax")?.map(|fax| format!("; fax {fax}")).unwrap_or_default();
    let values = fields(json!({
        "company_name": row.text("companyName")?,
        "phone": row.optional("phone")?,
        "comments": format!("{label}: {contact}{fax}"),
        "street": row.optional("address")?,
        "city": row.optional("city")?,
        "region": row.optional("region")?,
        "postal_code": row.optional("postalCode")?,
        "country": row.optional("country")?,
    }));
    Ok(Draft { label, values })
}

fn item(row: &Row<'_>) -> Result<Draft, BadData> {
    let label = row.text("productID")?;
    let values = fields(json!({
        "name": row.text("productName")?,
        "description": row.optional("quantityPerUnit")?,
        "price": row.decimal("unitPrice", 2)?,
        "stock": row.integer("unitsInStock")?,
        "category": row.optional("categoryID")?,
        "discontinued": row.flag("discontinued")?,
        "sku": format!("NW-{label}"),
    }));
    Ok(Draft { label, values })
}

fn order(row: &Row<'_>) -> Result<OrderDraft, BadData> {
    let place = ["shipName", "shipAddress", "shipCity", "shipRegion", "shipPostalCode", "shipCountry"];
    let mut memo: Vec<String> = Vec::new();
    for column in place {
        memo.extend(row.optional(column)?);
    }
    if let Some(by) = row.day("requiredDate")? {
        memo.push(format!("by {by}"));
    }
    let shipped = row.day("shippedDate")?;
    let values = fields(json!({
        "order_date": row.day("orderDate")?,
        "ship_date": shipped,
        "memo": memo.join(", "),
        "status": if shipped.is_some() { "F" } else { "B" },
        "freight": row.decimal("freight", 2)?,
    }));
    let (label, customer) = (row.text("orderID")?, row.text("customerID")?);
    Ok(OrderDraft { label, customer, values, lines: Vec::new() })
}

/// A row of the lines' file.
struct Line {
    order: String,
    draft: LineDraft,
    number: u64,
}

impl Line {
    fn dangles(&self, column: &str, id: &str, what: &str, of: &Table) -> BadData {
        let file = of.file.display();
        BadData(format!("{file} line {}, column {column}: there is no {what} {id:?}", self.number))
    }
}

fn line(row: &Row<'_>) -> Result<Line, BadData> {
    let draft = LineDraft {
        item: row.text("productID")?,
        quantity: row.integer("quantity")?,
        rate: row.decimal("unitPrice", 4)?,
        discount: row.decimal("discount", 4)?,
    };
    Ok(Line { order: row.text("orderID")?, draft, number: row.number })
}

/// A file, read.
struct Table {
    file: PathBuf,
    header: StringRecord,
    /// Line number and cells, as many as the header has.
    cells: Vec<(u64, Vec<String>)>,
    repaired: usize,
}

/// One row of a table.
struct Row<'a> {
    table: &'a Table,
    number: u64,
    cells: &'a [String],
}

impl Table {
    fn open(file: PathBuf, columns: &[&str]) -> Result<Self, BadData> {
        match std::fs::read(&file) {
            Ok(bytes) => Self::parse(&bytes, file, columns),
            Err(error) => Err(BadData(format!("{}: {error}", file.display()))),
        }
    }

    fn parse(bytes: &[u8], file: PathBuf, columns: &[&str]) -> Result<Self, BadData> {
        let bad = |reason: &dyn Display| BadData(format!("{}: {reason}", file.display()));
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = reader.headers().map_err(|e| bad(&e))?.clone();
        let missing = columns.iter().filter(|column| !header.iter().any(|name| name == **column));
        let missing: Vec<&str> = missing.copied().collect();
        if !missing.is_empty() {
            return Err(bad(&format!("the header lacks the column {}", missing.join(" and the column "))));
        }
        let (mut cells, mut repaired) = (Vec::new(), 0);
        for record in reader.records() {
            let record = record.map_err(|e| bad(&e))?;
            let number = record.position().map_or(0, csv::Position::line);
            let Some(row) = whole(&record, header.len()) else {
                let (found, wanted) = (record.len(), header.len());
                return Err(bad(&format!("line {number} has {found} cells, the header {wanted}")));
            };
            repaired += usize::from(record.len() != header.len());
            cells.push((number, row));
        }
        Ok(Self { file, header, cells, repaired })
    }

    /// What a reader should know about it.
    fn note(&self) -> Option<String> {
        let (file, all) = (self.file.file_name().unwrap_or_default().display(), self.cells.len());
        let repaired = self.repaired;
        (repaired > 0).then(|| {
            format!(
                "{file}: {repaired} of {all} rows had commas inside unquoted fields and were put together"
            )
        })
    }

    fn rows<T>(&self, read: impl Fn(&Row<'_>) -> Result<T, BadData>) -> Result<Vec<T>, BadData> {
        self.cells.iter().map(|(number, cells)| read(&Row { table: self, number: *number, cells })).collect()
    }
}

/// A row's cells, put together where a comma was text; `None` when that does not give the header's width.
fn whole(record: &StringRecord, width: usize) -> Option<Vec<String>> {
    let mut cells: Vec<String> = Vec::with_capacity(width);
    for cell in record {
        match cells.last_mut() {
            Some(last) if record.len() > width && cell.starts_with(' ') => {
                last.push(',');
                last.push_str(cell);
            }
            _ => cells.push(cell.to_string()),
        }
    }
    (cells.len() == width).then_some(cells)
}

impl Row<'_> {
    fn bad(&self, column: &str, reason: impl Display) -> BadData {
        let file = self.table.file.display();
        BadData(format!("{file} line {}, column {column}: {reason}", self.number))
    }

    /// What a column holds, if anything.
    fn optional(&self, column: &str) -> Result<Option<String>, BadData> {
        let at = self.table.header.iter().position(|name| name == column);
        let Some(cell) = at.and_then(|at| self.cells.get(at)) else {
            return Err(self.bad(column, "there is no such column"));
        };
        let cell = cell.trim();
        Ok((!cell.is_empty() && cell != "NULL").then(|| cell.to_string()))
    }

    fn text(&self, column: &str) -> Result<String, BadData> {
        self.optional(column)?.ok_or_else(|| self.bad(column, "is empty"))
    }

    fn decimal(&self, column: &str, scale: u32) -> Result<String, BadData> {
        let text = self.text(column)?;
        let number: Decimal =
            text.parse().map_err(|_| self.bad(column, format!("{text:?} is not a decimal number")))?;
        let mut scaled = number;
        scaled.rescale(scale);
        if scaled != number {
            return Err(self.bad(column, format!("{text:?} has more than {scale} decimals")));
        }
        Ok(scaled.to_string())
    }

    fn integer(&self, column: &str) -> Result<i64, BadData> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.bad(column, format!("{text:?} is not a whole number")))
    }

    fn flag(&self, column: &str) -> Result<bool, BadData> {
        match self.text(column)?.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(self.bad(column, format!("{other:?} is neither 0 nor 1"))),
        }
    }

    /// The day of a time stamp, as `YYYY-MM-DD`.
    fn day(&self, column: &str) -> Result<Option<Json>, BadData> {
        let Some(text) = self.optional(column)? else { return Ok(None) };
        let day = text.split(' ').next().unwrap_or_default();
        match NaiveDate::parse_from_str(day, "%Y-%m-%d") {
            Ok(day) => Ok(Some(json!(day.to_string()))),
            Err(_) => Err(self.bad(column, format!("{text:?} is not a day"))),
        }
    }
}
