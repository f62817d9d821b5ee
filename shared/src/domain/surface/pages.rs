//! Where a record is shown in each system, for people.

use super::super::id::{PerSide, Side, SideId};
use super::{Account, TypeSurface};

/// NetSuite's types that share a page, by what its address is called.
const NETSUITE_PAGES: [(&str, &[&str]); 3] = [
    (
        "/app/common/entity/entity.nl?id={id}",
        &["customer", "lead", "prospect", "vendor", "contact", "employee", "partner", "job", "entity"],
    ),
    (
        "/app/accounting/transactions/transaction.nl?id={id}",
        &[
            "salesorder",
            "invoice",
            "estimate",
            "opportunity",
            "cashsale",
            "creditmemo",
            "customerpayment",
            "itemfulfillment",
            "itemreceipt",
            "journalentry",
            "purchaseorder",
            "returnauthorization",
            "vendorbill",
            "transferorder",
        ],
    ),
    ("/app/common/item/item.nl?id={id}", &["item", "kititem", "lotnumberedinventoryitem"]),
];

/// The path of a NetSuite type's page, where every account has the same.
pub(super) fn netsuite_page(netsuite_type: &str) -> Option<&'static str> {
    let listed = NETSUITE_PAGES.iter().find(|(_, types)| types.contains(&netsuite_type));
    listed.map(|(page, _)| *page).or_else(|| netsuite_type.ends_with("item").then_some(NETSUITE_PAGES[2].0))
}

/// What is wrong with a page's path: it names a place for the id, below the system's own address.
pub(super) fn check(path: &str) -> Result<(), String> {
    match path.starts_with('/') && path.contains("{id}") {
        true => Ok(()),
        false => Err(format!("page {path:?} begins with / and holds {{id}}")),
    }
}

/// What is wrong with an address: it is one of the web, without a path's end.
pub(super) fn check_address(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([' ', '"', '<', '>', '{', '}'])) {
        true => Ok(()),
        false => Err(format!("suitex_url = {url:?} is no address: write https://acme.example")),
    }
}

impl Account {
    /// The pages of a record with these ids, where they are known.
    pub fn pages(&self, surface: &TypeSurface, ids: &PerSide<Option<SideId>>) -> PerSide<Option<String>> {
        let page = |side: Side| {
            let base = match side {
                Side::NetSuite => {
                    let name = self.netsuite_account.to_lowercase().replace('_', "-");
                    format!("https://{name}.app.netsuite.com")
                }
                Side::SuiteX => self.suitex_url.as_ref()?.trim_end_matches('/').to_string(),
            };
            let path = surface.pages[side].as_ref()?;
            // A side's id holds letters, digits and `-_.` alone: nothing that an address would have to escape.
            Some(format!("{base}{}", path.replace("{id}", ids[side].as_ref()?.as_str())))
        };
        PerSide { netsuite: page(Side::NetSuite), suitex: page(Side::SuiteX) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::id::{AccountId, RecordType};
    use super::super::SyncConfig;
    use super::*;

    fn pages(account: &str, kind: &str, more: &str) -> Result<[Option<String>; 2], String> {
        let text = format!(
            "[account.acme]\nnetsuite_account = \"123_SB1\"\nsuitex_url = \"https://acme.example/\"\n[account.globex]\n\
             [type.{kind}]\n{more}\n[type.{kind}.fields]\nemail = {{ type = \"text\" }}"
        );
        let config = SyncConfig::parse(&text).map_err(|bad| bad.to_string())?;
        let account = &config.accounts[&AccountId::parse(account).unwrap()];
        let surface = &account.types[&RecordType::parse(kind).unwrap()];
        let id = |id| SideId::parse(id).ok();
        let pages = account.pages(surface, &PerSide { netsuite: id("7"), suitex: id("12") });
        Ok([pages.netsuite, pages.suitex])
    }

    #[test]
    fn a_record_has_its_page_in_each_system() {
        let [netsuite, suitex] = pages("acme", "customer", "suitex = \"customers\"").unwrap();
        assert_eq!(
            netsuite.as_deref(),
            Some("https://123-sb1.app.netsuite.com/app/common/entity/entity.nl?id=7")
        );
        assert_eq!(suitex.as_deref(), Some("https://acme.example/customers/12"));
        let [netsuite, _] = pages("acme", "item", "netsuite = \"inventoryitem\"").unwrap();
        assert!(netsuite.unwrap().ends_with("/app/common/item/item.nl?id=7"));
        let more = "netsuite = \"customrecord_x\"";
        assert_eq!(pages("globex", "thing", more).unwrap(), [None, None], "nobody said where");
        let more = "page = { netsuite = \"/app/common/custom/custrecordentry.nl?rectype=9&id={id}\", suitex = \"/t/{id}/edit\" }";
        let [netsuite, suitex] = pages("acme", "thing", more).unwrap();
        assert!(netsuite.unwrap().ends_with("rectype=9&id=7") && suitex.unwrap().ends_with("/t/12/edit"));
        assert!(pages("acme", "thing", "page = { suitex = \"t\" }").unwrap_err().contains("page"));
    }
}
