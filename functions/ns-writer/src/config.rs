//! What ns-writer reads from its environment.

use shared::netsuite::client::Address;
use shared::runtime::env::EnvReader;

/// Configuration of one instance.
///
/// | variable | default | |
/// |---|---|---|
/// | `NETSUITE_RESTLET_URL` | | base address of RESTlets; `{account}` stands for our account id |
/// | `NETSUITE_SCRIPT_ID` | `customscript_sx_rl_apply` | the write RESTlet |
/// | `NETSUITE_DEPLOY_ID` | `customdeploy_sx_rl_apply` | its deployment |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the RESTlet is.
    pub restlet: Address,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let base_url = reader.required("NETSUITE_RESTLET_URL", "the base address of NetSuite's RESTlets");
        if !base_url.is_empty() && !base_url.starts_with("https://") && !base_url.starts_with("http://") {
            reader.refuse("NETSUITE_RESTLET_URL", "it begins with https://");
        }
        let mut id = |name, default: &str| reader.parsed_or(name, default.to_string(), "a script id");
        let script = id("NETSUITE_SCRIPT_ID", "customscript_sx_rl_apply");
        let deploy = id("NETSUITE_DEPLOY_ID", "customdeploy_sx_rl_apply");
        let base_url = base_url.trim_end_matches('/').to_string();
        Self { restlet: Address { base_url, script, deploy } }
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
    fn the_address_is_needed_and_the_scripts_are_known() {
        let config = read(&[("NETSUITE_RESTLET_URL", "https://{account}.restlets.example/")]).unwrap();
        assert_eq!(config.restlet.base_url, "https://{account}.restlets.example");
        assert_eq!(config.restlet.script, "customscript_sx_rl_apply");
        assert!(read(&[]).unwrap_err().contains("NETSUITE_RESTLET_URL is missing"));
        assert!(read(&[("NETSUITE_RESTLET_URL", "ftp://x")]).unwrap_err().contains("begins with https://"));
    }
}
