//! Where mail and chat messages go.

use std::collections::BTreeMap;

use shared::domain::surface::SyncConfig;
use shared::runtime::env::{EnvReader, Secret};

/// Configuration of the channels.
///
/// | variable | |
/// |---|---|
/// | `SMTP_URL` | the mail server: `smtps://user:password@host:465`, or `smtp://user:password@host:587?tls=required` |
/// | `SMTP_FROM` | whose name mails bear: `SuiteX Sync <sync@example.com>` |
/// | `SLACK_WEBHOOKS` | the webhooks by name: `ops=https://hooks.slack.com/services/…;acme=https://…` |
///
/// Each is required where `sync.toml` names somebody who is reached by it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mail server's address, with its password.
    pub smtp: Option<Secret>,
    /// Whose name mails bear.
    pub from: String,
    /// The webhooks' addresses, which are passwords in themselves, by name.
    pub webhooks: BTreeMap<String, Secret>,
}

/// What cannot be a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPossible(pub String);

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>, sync: &SyncConfig) -> Self {
        let all = || sync.accounts.values().map(|account| &account.notify).chain([&sync.notify]);
        let (mut smtp, mut from) = (None, String::new());
        if all().any(|notify| notify.addresses().next().is_some()) {
            smtp = Some(reader.secret("SMTP_URL", "the mail server, smtps://user:password@host:465"));
            from = reader.required("SMTP_FROM", "whose name mails bear: Name <name@example.com>");
        }
        let webhooks = webhooks(reader);
        for name in all().flat_map(|notify| notify.webhooks()) {
            if !webhooks.contains_key(name) {
                reader.refuse(
                    "SLACK_WEBHOOKS",
                    format!("sync.toml names {name}, and no address is given for it"),
                );
            }
        }
        let config = Self { smtp: smtp.filter(|url| !url.expose().is_empty()), from, webhooks };
        if let Some(url) = &config.smtp
            && let Err(NotPossible(why)) = crate::mail::Mail::new(url, &config.from)
        {
            reader.refuse("SMTP_URL or SMTP_FROM", why);
        }
        config
    }
}

fn webhooks(reader: &mut EnvReader<'_>) -> BTreeMap<String, Secret> {
    let text = reader.optional("SLACK_WEBHOOKS").unwrap_or_default();
    let mut webhooks = BTreeMap::new();
    for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        // The entry itself is not repeated: the address is a password.
        match entry.split_once('=').map(|(name, url)| (name.trim(), url.trim())) {
            Some((name, url)) if !name.is_empty() && (url.starts_with("https://") || is_near(url)) => {
                webhooks.insert(name.to_string(), Secret::new(url));
            }
            _ => reader.refuse("SLACK_WEBHOOKS", "each entry is a name, =, and an address, https://…"),
        }
    }
    webhooks
}

/// What stays on this machine may go without TLS.
fn is_near(url: &str) -> bool {
    url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(notify: &str, variables: &[(&str, &str)]) -> String {
        let text = format!("[account.acme]\n{notify}\n[type.customer.fields]\nemail = {{ type = \"text\" }}");
        let sync = SyncConfig::parse(&text).unwrap();
        let env = variables.iter().copied().collect();
        let mut reader = EnvReader::new(&env);
        Config::read(&mut reader, &sync);
        reader.finish().err().map(|bad| bad.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_somebody_is_reached_by_is_required() {
        assert_eq!(wrong("", &[]), "");
        let mail = "[account.acme.notify]\nowner = { email = [\"ann@example.com\"] }";
        let text = wrong(mail, &[]);
        assert!(text.contains("SMTP_URL is missing") && text.contains("SMTP_FROM is missing"), "{text}");
        let from = ("SMTP_FROM", "SuiteX Sync <sync@example.com>");
        assert_eq!(wrong(mail, &[("SMTP_URL", "smtps://u:hush@mail.example.com:465"), from]), "");
        let chat = "[account.acme.notify]\nowner = { slack = [\"ops\"] }";
        assert!(wrong(chat, &[]).contains("sync.toml names ops"));
        assert_eq!(wrong(chat, &[("SLACK_WEBHOOKS", "ops=https://hooks.example.com/x; b=https://y")]), "");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        let mail = "[account.acme.notify]\nowner = { email = [\"ann@example.com\"] }";
        let from = ("SMTP_FROM", "sync@example.com");
        for url in ["smtp://u:hush@mail.example.com:587", "https://u:hush@mail.example.com", "hush"] {
            let text = wrong(mail, &[("SMTP_URL", url), from]);
            assert!(text.contains("SMTP_URL") && !text.contains("hush"), "{url}: {text}");
        }
        let text = wrong(mail, &[("SMTP_URL", "smtps://mail.example.com"), ("SMTP_FROM", "nobody")]);
        assert!(text.contains("SMTP_FROM"), "{text}");
        let text = wrong("", &[("SLACK_WEBHOOKS", "ops=http://far.example/hush")]);
        assert!(text.contains("SLACK_WEBHOOKS is wrong") && !text.contains("hush"), "{text}");
    }
}
