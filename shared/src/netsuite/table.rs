//! Where NetSuite keeps the records of a type. Pure.

/// Where NetSuite keeps the records of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which of its rows are of the type: column and value.
    pub only: Option<(&'static str, &'static str)>,
    /// The column of its lastModified.
    pub modified: &'static str,
}

/// Items: NetSuite's record type, and what `item.itemtype` says.
const ITEMS: &[(&str, &str)] = &[
    ("inventoryitem", "InvtPart"),
    ("noninventoryitem", "NonInvtPart"),
    ("noninventorysaleitem", "NonInvtPart"),
    ("noninventorypurchaseitem", "NonInvtPart"),
    ("noninventoryresaleitem", "NonInvtPart"),
    ("serviceitem", "Service"),
    ("servicesaleitem", "Service"),
    ("servicepurchaseitem", "Service"),
    ("serviceresaleitem", "Service"),
    ("otherchargeitem", "OthCharge"),
    ("otherchargesaleitem", "OthCharge"),
    ("otherchargepurchaseitem", "OthCharge"),
    ("otherchargeresaleitem", "OthCharge"),
    ("assemblyitem", "Assembly"),
    ("kititem", "Kit"),
    ("itemgroup", "Group"),
    ("discountitem", "Discount"),
    ("markupitem", "Markup"),
    ("paymentitem", "Payment"),
    ("subtotalitem", "Subtotal"),
    ("descriptionitem", "Description"),
    ("giftcertificateitem", "GiftCert"),
    ("downloaditem", "DwnLdItem"),
];

/// Transactions: NetSuite's record type, and what `transaction.type` says.
const TRANSACTIONS: &[(&str, &str)] = &[
    ("assemblybuild", "Build"),
    ("assemblyunbuild", "Unbuild"),
    ("cashrefund", "CashRfnd"),
    ("cashsale", "CashSale"),
    ("check", "Check"),
    ("creditmemo", "CustCred"),
    ("customerdeposit", "CustDep"),
    ("customerpayment", "CustPymt"),
    ("customerrefund", "CustRfnd"),
    ("deposit", "Deposit"),
    ("depositapplication", "DepAppl"),
    ("estimate", "Estimate"),
    ("expensereport", "ExpRept"),
    ("inventoryadjustment", "InvAdjst"),
    ("inventorytransfer", "InvTrnfr"),
    ("invoice", "CustInvc"),
    ("itemfulfillment", "ItemShip"),
    ("itemreceipt", "ItemRcpt"),
    ("journalentry", "Journal"),
    ("opportunity", "Opprtnty"),
    ("purchaseorder", "PurchOrd"),
    ("returnauthorization", "RtnAuth"),
    ("salesorder", "SalesOrd"),
    ("transferorder", "TrnfrOrd"),
    ("vendorbill", "VendBill"),
    ("vendorcredit", "VendCred"),
    ("vendorpayment", "VendPymt"),
    ("vendorreturnauthorization", "VendAuth"),
    ("workorder", "WorkOrd"),
];

impl<'a> Table<'a> {
    /// The table of a record type: items and transactions share one, all others have one of their own name.
    pub fn of(netsuite_type: &'a str) -> Self {
        let shared = |name, column: &'static str, types: &[(&str, &'static str)]| {
            let (_, value) = types.iter().find(|(known, _)| *known == netsuite_type)?;
            Some(Table { name, only: Some((column, *value)), modified: "lastmodifieddate" })
        };
        let custom = netsuite_type.starts_with("customrecord");
        let modified = if custom { "lastmodified" } else { "lastmodifieddate" };
        shared("item", "itemtype", ITEMS)
            .or_else(|| shared("transaction", "type", TRANSACTIONS))
            .unwrap_or(Table { name: netsuite_type, only: None, modified })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_transactions_share_a_table() {
        for (netsuite, name, column, value) in [
            ("kititem", "item", "itemtype", "Kit"),
            ("cashsale", "transaction", "type", "CashSale"),
            ("opportunity", "transaction", "type", "Opprtnty"),
            ("workorder", "transaction", "type", "WorkOrd"),
        ] {
            let table = Table::of(netsuite);
            assert_eq!((table.name, table.only), (name, Some((column, value))), "{netsuite}");
        }
        assert!(ITEMS.iter().all(|(item, _)| TRANSACTIONS.iter().all(|(other, _)| item != other)));
    }

    #[test]
    fn custom_records_have_a_table_and_a_column_of_their_own() {
        let table = Table::of("customrecord_rental");
        assert_eq!((table.name, table.modified, table.only), ("customrecord_rental", "lastmodified", None));
        assert_eq!(
            (Table::of("customer").name, Table::of("customer").modified),
            ("customer", "lastmodifieddate")
        );
    }
}
