//! What ns-writer reads from its environment.

use shared::netsuite::client::Address;
use shared::runtime::env::EnvReader;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `NETSUITE_RESTLET_URL` | | base address of RESTlets; `{account}` stands for our account id, `{netsuite}` for NetSuite's |
/// | `NETSUITE_SUITETALK_URL` | beside the RESTlets | base address of REST web services |
/// | `NETSUITE_SCRIPT_ID` | `customscript_sx_rl_write` | the write RESTlet |
/// | `NETSUITE_DEPLOY_ID` | `customdeploy_sx_rl_write` | its deployment |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the RESTlet is.
    pub restlet: Address,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let base_url = reader.required("NETSUITE_RESTLET_URL", "the base address of NetSuite's RESTlets");
        let suitetalk_url = reader.optional("NETSUITE_SUITETALK_URL");
        let suitetalk_url = suitetalk_url.unwrap_or_else(|| Address::suitetalk_beside(&base_url));
        let both = [("NETSUITE_RESTLET_URL", &base_url), ("NETSUITE_SUITETALK_URL", &suitetalk_url)];
        for (name, url) in both.into_iter().filter(|(_, url)| !url.is_empty()) {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                reader.refuse(name, "it begins with https://");
            }
        }
        let mut id = |name, default: &str| reader.parsed_or(name, default.to_string(), "a script id");
        let script = id("NETSUITE_SCRIPT_ID", "customscript_sx_rl_write");
        let deploy = id("NETSUITE_DEPLOY_ID", "customdeploy_sx_rl_write");
        let bare = |url: &str| url.trim_end_matches('/').to_string();
        let (base_url, suitetalk_url) = (bare(&base_url), bare(&suitetalk_url));
        Self { restlet: Address { base_url, suitetalk_url, script, deploy } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::runtime::env::Env;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let env: Env = variables.iter().copied().collect();
        let mut reader = EnvReader::new(&env);
        let config = Config::read(&mut reader);
        reader.finish().map(|()| config).map_err(|bad| bad.to_string())
    }

    #[test]
    fn rest_web_services_are_beside_the_restlets_unless_told() {
        let config =
            read(&[("NETSUITE_RESTLET_URL", "https://{netsuite}.restlets.api.netsuite.com")]).unwrap();
        assert_eq!(config.restlet.suitetalk_url, "https://{netsuite}.suitetalk.api.netsuite.com");
        let here = ("NETSUITE_RESTLET_URL", "http://h/netsuite/{account}");
        assert_eq!(read(&[here]).unwrap().restlet.suitetalk_url, "http://h/netsuite/{account}");
        let told = ("NETSUITE_SUITETALK_URL", "https://elsewhere/");
        assert_eq!(read(&[here, told]).unwrap().restlet.suitetalk_url, "https://elsewhere");
    }

    #[test]
    fn the_address_is_needed_and_the_scripts_are_known() {
        let config = read(&[("NETSUITE_RESTLET_URL", "https://{account}.restlets.example/")]).unwrap();
        assert_eq!(config.restlet.base_url, "https://{account}.restlets.example");
        assert_eq!(config.restlet.script, "customscript_sx_rl_write");
        assert!(read(&[]).unwrap_err().contains("NETSUITE_RESTLET_URL is missing"));
        assert!(read(&[("NETSUITE_RESTLET_URL", "ftp://x")]).unwrap_err().contains("begins with https://"));
    }
}
