//! What things cost in governance units, and how much a script may spend. Pure.

/// How NetSuite charges for a record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::netsuite) enum Family {
    Transaction,
    Entity,
    Item,
    Custom,
    Other,
}

const TRANSACTIONS: [&str; 16] = [
    "salesorder",
    "invoice",
    "estimate",
    "opportunity",
    "cashsale",
    "cashrefund",
    "creditmemo",
    "customerpayment",
    "itemfulfillment",
    "itemreceipt",
    "journalentry",
    "purchaseorder",
    "returnauthorization",
    "transferorder",
    "vendorbill",
    "workorder",
];
const ENTITIES: [&str; 7] = ["customer", "contact", "employee", "job", "lead", "prospect", "vendor"];

impl Family {
    /// The family of a record type, by NetSuite's name.
    pub(in crate::netsuite) fn of(record_type: &str) -> Self {
        match record_type {
            name if name.starts_with("customrecord") => Family::Custom,
            name if TRANSACTIONS.contains(&name) => Family::Transaction,
            name if ENTITIES.contains(&name) => Family::Entity,
            name if name.ends_with("item") => Family::Item,
            _ => Family::Other,
        }
    }

    /// The field that bears the mark of our writes.
    pub(in crate::netsuite) fn mark(self) -> Option<&'static str> {
        match self {
            Family::Transaction => Some("custbody_sx_operation"),
            Family::Entity => Some("custentity_sx_operation"),
            Family::Item => Some("custitem_sx_operation"),
            Family::Custom | Family::Other => None,
        }
    }

    /// To load a record, or begin a new one.
    pub(in crate::netsuite) fn load(self) -> i64 {
        match self {
            Family::Transaction => 10,
            Family::Entity | Family::Item | Family::Other => 5,
            Family::Custom => 2,
        }
    }

    /// To save or delete it.
    pub(in crate::netsuite) fn save(self) -> i64 {
        2 * self.load()
    }
}

/// A page of a search, a SuiteQL query, a call out.
pub(super) const CALL: i64 = 10;

/// What one run may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) units: i64,
    pub(super) millis: i64,
}

impl Allowance {
    pub(super) const RESTLET: Self = Self { units: 5_000, millis: 300_000 };
    pub(super) const USER_EVENT: Self = Self { units: 1_000, millis: 300_000 };
    /// `getInputData` and `summarize`.
    pub(super) const ENDS: Self = Self { units: 10_000, millis: 3_600_000 };
    pub(super) const MAP: Self = Self { units: 1_000, millis: 300_000 };
    pub(super) const REDUCE: Self = Self { units: 5_000, millis: 900_000 };
}

/// Times that the engine looks up from its work, some ten thousand jumps and calls apart, before a run ends for
/// the number of its instructions.
pub(super) const LOOKS_MAX: u64 = 5_000;
