use super::*;

const HEADER: &str = "orderID,productID,unitPrice,quantity,discount";

fn details(rows: &str) -> Result<Table, BadData> {
    Table::parse(format!("{HEADER}\n{rows}").as_bytes(), "order-details.csv".into(), DETAILS.1)
}

fn first(rows: &str) -> Result<Line, BadData> {
    details(rows)?.rows(line).map(|mut lines| lines.remove(0))
}

#[test]
fn a_comma_before_a_space_is_text() {
    let row = |text: &str| StringRecord::from(text.split(',').collect::<Vec<_>>());
    let cells = |text, width| whole(&row(text), width);
    let put_together = cells("HANAR,Rua do Paço, 67,Rio de Janeiro", 3);
    assert_eq!(put_together, Some(["HANAR", "Rua do Paço, 67", "Rio de Janeiro"].map(String::from).into()));
    assert_eq!(cells("a, b,c", 3), Some(["a", " b", "c"].map(String::from).into()), "the width is right");
    assert_eq!(cells("a,b,c,d", 3), None, "which comma is text, nobody knows");
    assert_eq!(cells("a,b", 3), None);
}

#[test]
fn repaired_rows_are_counted() {
    let table = details("1,2, a,3.00,4,0\n1,2,3.00,4,0").unwrap();
    let note = "order-details.csv: 1 of 2 rows had commas inside unquoted fields and were put together";
    assert_eq!(table.note().as_deref(), Some(note));
}

#[test]
fn values_get_their_form() {
    let line = first("10248,11,14.5,12,0").unwrap();
    assert_eq!((line.order.as_str(), line.draft.item.as_str(), line.draft.quantity), ("10248", "11", 12));
    assert_eq!((line.draft.rate.as_str(), line.draft.discount.as_str()), ("14.5000", "0.0000"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (rows, expected) in [
        ("1,2,3.00,many,0", "order-details.csv line 2, column quantity: \"many\" is not a whole number"),
        ("1,2,3.00,4,0\n1,NULL,3.00,4,0", "order-details.csv line 3, column productID: is empty"),
        (
            "1,2,0.12345,4,0",
            "order-details.csv line 2, column unitPrice: \"0.12345\" has more than 4 decimals",
        ),
        ("1,2,3.00,4", "order-details.csv: line 2 has 4 cells, the header 5"),
    ] {
        let found = details(rows).and_then(|table| table.rows(line).map(|_| ()));
        assert_eq!(found, Err(BadData(expected.into())));
    }
    let headless = Table::parse(b"orderID,productID\n", "o.csv".into(), DETAILS.1).map(|_| ());
    let reason =
        "o.csv: the header lacks the column unitPrice and the column quantity and the column discount";
    assert_eq!(headless, Err(BadData(reason.into())));
    let nowhere = read(Path::new("/nowhere"));
    assert_eq!(nowhere, Err(BadData("/nowhere: there is no such directory".into())));
}

#[test]
fn days_lose_their_midnight() {
    let bytes = b"at\n1996-07-04 00:00:00.000\nNULL\n1996-02-30 00:00:00.000";
    let table = Table::parse(bytes, "d.csv".into(), &["at"]).unwrap();
    let day = |n: usize| Row { table: &table, number: 0, cells: &table.cells[n].1 }.day("at");
    assert_eq!((day(0), day(1)), (Ok(Some(json!("1996-07-04"))), Ok(None)));
    assert!(day(2).unwrap_err().0.contains("is not a day"));
}
