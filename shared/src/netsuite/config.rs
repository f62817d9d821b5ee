//! What is read from the environment for NetSuite, by every function that calls it.

use super::client::Address;
use super::sign::{self, Credentials};
use crate::domain::id::AccountId;
use crate::runtime::env::EnvReader;

/// Where NetSuite is, and how we sign in.
///
/// | variable | default | |
/// |---|---|---|
/// | `NETSUITE_RESTLET_URL` | | base address of RESTlets, `https://{netsuite}.restlets.api.netsuite.com`; `{netsuite}` stands for NetSuite's account id, `{account}` for ours |
/// | `NETSUITE_SUITETALK_URL` | beside the RESTlets | base address of REST web services and of sign-in |
/// | `NETSUITE_SCRIPT_ID` | `customscript_sx_rl_write` | the write RESTlet |
/// | `NETSUITE_DEPLOY_ID` | `customdeploy_sx_rl_write` | its deployment |
/// | `NETSUITE_CREDENTIALS` | | each account's credential: the path of a TOML file, or its text |
/// | `NETSUITE_WITHOUT_SIGN_IN` | | `local`: no sign-in, in place of credentials, for the simulator |
#[derive(Debug, Clone)]
pub struct NetSuiteConfig {
    /// Where it is.
    pub address: Address,
    /// How we sign in.
    pub credentials: Credentials,
}

impl NetSuiteConfig {
    /// Reads the variables; what is missing or wrong is noted in `reader`. Each of `accounts` needs a credential.
    pub fn read<'a>(reader: &mut EnvReader<'_>, accounts: impl IntoIterator<Item = &'a AccountId>) -> Self {
        let base_url = reader.required("NETSUITE_RESTLET_URL", "the base address of NetSuite's RESTlets");
        let suitetalk_url = reader.optional("NETSUITE_SUITETALK_URL");
        let suitetalk_url = suitetalk_url.unwrap_or_else(|| Address::suitetalk_beside(&base_url));
        let credentials = sign::read(reader, accounts);
        let both = [("NETSUITE_RESTLET_URL", &base_url), ("NETSUITE_SUITETALK_URL", &suitetalk_url)];
        for (name, url) in both.into_iter().filter(|(_, url)| !url.is_empty()) {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                reader.refuse(name, "it begins with https://");
            }
            if matches!(credentials, Credentials::Unsigned) && url.contains("netsuite.com") {
                reader.refuse(name, "NetSuite itself lets nobody in without NETSUITE_CREDENTIALS");
            }
        }
        let mut id = |name, default: &str| reader.parsed_or(name, default.to_string(), "a script id");
        let script = id("NETSUITE_SCRIPT_ID", "customscript_sx_rl_write");
        let deploy = id("NETSUITE_DEPLOY_ID", "customdeploy_sx_rl_write");
        let bare = |url: &str| url.trim_end_matches('/').to_string();
        let (base_url, suitetalk_url) = (bare(&base_url), bare(&suitetalk_url));
        Self { address: Address { base_url, suitetalk_url, script, deploy }, credentials }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::env::Env;

    const LOCAL: (&str, &str) = ("NETSUITE_WITHOUT_SIGN_IN", "local");
    const TBA: &str =
        "[acme]\nkind='tba'\nconsumer_key='a'\nconsumer_secret='b'\ntoken_id='c'\ntoken_secret='d'";
    const SIGNED: (&str, &str) = ("NETSUITE_CREDENTIALS", TBA);

    fn read(variables: &[(&str, &str)]) -> Result<Address, String> {
        let env: Env = variables.iter().copied().collect();
        let mut reader = EnvReader::new(&env);
        let config = NetSuiteConfig::read(&mut reader, &[AccountId::parse("acme").unwrap()]);
        reader.finish().map(|()| config.address).map_err(|bad| bad.to_string())
    }

    #[test]
    fn the_address_is_needed_and_the_scripts_are_known() {
        let address =
            read(&[LOCAL, ("NETSUITE_RESTLET_URL", "https://{account}.restlets.example/")]).unwrap();
        assert_eq!(address.base_url, "https://{account}.restlets.example");
        assert_eq!(address.script, "customscript_sx_rl_write");
        let text = read(&[]).unwrap_err();
        assert!(text.contains("NETSUITE_RESTLET_URL is missing"), "{text}");
        assert!(text.contains("NETSUITE_CREDENTIALS is missing"), "{text}");
        assert!(
            read(&[LOCAL, ("NETSUITE_RESTLET_URL", "ftp://x")]).unwrap_err().contains("begins with https://")
        );
    }

    #[test]
    fn rest_web_services_are_beside_the_restlets_unless_told() {
        let netsuite = ("NETSUITE_RESTLET_URL", "https://{netsuite}.restlets.api.netsuite.com");
        let suitetalk = "https://{netsuite}.suitetalk.api.netsuite.com";
        assert_eq!(read(&[SIGNED, netsuite]).unwrap().suitetalk_url, suitetalk);
        let here = ("NETSUITE_RESTLET_URL", "http://h/netsuite/{account}");
        assert_eq!(read(&[LOCAL, here]).unwrap().suitetalk_url, "http://h/netsuite/{account}");
        let told = ("NETSUITE_SUITETALK_URL", "https://elsewhere/");
        assert_eq!(read(&[LOCAL, here, told]).unwrap().suitetalk_url, "https://elsewhere");
    }

    #[test]
    fn netsuite_itself_is_never_called_unsigned() {
        let netsuite = ("NETSUITE_RESTLET_URL", "https://{netsuite}.restlets.api.netsuite.com");
        assert!(read(&[LOCAL, netsuite]).unwrap_err().contains("lets nobody in"));
    }
}
