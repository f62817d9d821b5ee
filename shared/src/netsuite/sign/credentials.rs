//! Each account's credential, as the operator gives it.
//!
//! ```toml
//! [acme]                                # our account id, as in sync.toml
//! kind = "oauth2"
//! client_id = "…"                       # of the integration record
//! certificate_id = "…"                  # of the OAuth 2.0 client credentials (M2M) mapping
//! private_key_file = "/secrets/acme.pem"    # or private_key_pem = """…"""
//!
//! [globex]
//! kind = "tba"
//! consumer_key = "…"
//! consumer_secret = "…"
//! token_id = "…"
//! token_secret = "…"
//! ```

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Grant, SigningKey, TbaTokens};
use crate::domain::id::AccountId;
use crate::runtime::env::{EnvReader, Secret};

/// The variable that names the credentials.
const VARIABLE: &str = "NETSUITE_CREDENTIALS";

/// The variable that does without.
const WITHOUT: &str = "NETSUITE_WITHOUT_SIGN_IN";

/// One account's credential.
#[derive(Debug, Clone)]
pub enum Credential {
    /// OAuth 2.0 client credentials.
    OAuth2(Grant),
    /// Token-based authentication.
    Tba(TbaTokens),
}

/// All accounts' credentials.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// None: the simulator lets everybody in.
    Unsigned,
    /// By account.
    Of(BTreeMap<AccountId, Credential>),
}

/// Reads `NETSUITE_CREDENTIALS`: a path, or the TOML itself. Each of `accounts` must be there, complete and usable;
/// whatever is not is noted in `reader`, with account and key. Accounts that are not synced are passed over.
pub fn read<'a>(
    reader: &mut EnvReader<'_>,
    accounts: impl IntoIterator<Item = &'a AccountId>,
) -> Credentials {
    if let Some(value) = reader.optional(WITHOUT) {
        if value != "local" {
            reader.refuse(WITHOUT, "only `local` is known: the simulator, which lets everybody in");
        }
        if reader.optional(VARIABLE).is_some() {
            reader.refuse(WITHOUT, format!("{VARIABLE} is set as well: it is one or the other"));
        }
        return Credentials::Unsigned;
    }
    let text =
        reader.secret(VARIABLE, "how we sign in to each NetSuite account: a TOML file's path, or its text");
    if text.expose().is_empty() {
        return Credentials::Of(BTreeMap::new());
    }
    let (found, wrong) = parse(text.expose(), accounts, &|path| std::fs::read_to_string(path));
    for line in wrong {
        reader.refuse(VARIABLE, line);
    }
    Credentials::Of(found)
}

type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<String>;

/// The accounts' credentials, and a line for everything that is wrong. No value is repeated: it may be a secret.
fn parse<'a>(
    text: &str,
    accounts: impl IntoIterator<Item = &'a AccountId>,
    read_file: ReadFile<'_>,
) -> (BTreeMap<AccountId, Credential>, Vec<String>) {
    let (mut found, mut wrong) = (BTreeMap::new(), Vec::new());
    let file = match text.trim_start().starts_with(['[', '#']) {
        true => Ok(text.to_string()),
        false => read_file(text).map_err(|error| format!("{text}: {error}")),
    };
    let table = file.and_then(|file| {
        // Only the place is told: the parser's own words quote the line, which may hold a secret.
        file.parse::<Table>().map_err(|error| match error.span() {
            Some(span) => format!("line {} is no TOML", 1 + file[..span.start].matches('\n').count()),
            None => "it is no TOML".into(),
        })
    });
    let table = match table {
        Ok(table) => table,
        Err(line) => return (found, vec![line]),
    };
    for account in accounts {
        let Some(Value::Table(entry)) = table.get(account.as_str()) else {
            wrong.push(format!("there is no [{account}]"));
            continue;
        };
        let mut entry = Entry { account, entry, known: Vec::new(), wrong: &mut wrong, read_file };
        if let Some(credential) = entry.credential() {
            found.insert(account.clone(), credential);
        }
    }
    (found, wrong)
}

/// One account's table, while it is read.
struct Entry<'a> {
    account: &'a AccountId,
    entry: &'a Table,
    known: Vec<&'static str>,
    wrong: &'a mut Vec<String>,
    read_file: ReadFile<'a>,
}

impl Entry<'_> {
    fn credential(&mut self) -> Option<Credential> {
        let credential = match self.required("kind").as_deref() {
            Some("oauth2") => self.oauth2(),
            Some("tba") => self.tba(),
            Some(_) => {
                self.refuse("kind", "is neither oauth2 nor tba");
                return None;
            }
            None => return None,
        };
        let unknown: Vec<&String> =
            self.entry.keys().filter(|key| !self.known.contains(&key.as_str())).collect();
        let is_known = unknown.is_empty();
        for key in unknown {
            self.refuse(key, "is not known");
        }
        credential.filter(|_| is_known)
    }

    fn oauth2(&mut self) -> Option<Credential> {
        let (client_id, certificate_id) = (self.required("client_id"), self.required("certificate_id"));
        let (pem, file) = (self.optional("private_key_pem"), self.optional("private_key_file"));
        let algorithm = self.optional("algorithm");
        let (key, pem) = match (pem, file) {
            (Some(pem), None) => ("private_key_pem", pem),
            (None, Some(path)) => match (self.read_file)(&path) {
                Ok(pem) => ("private_key_file", pem),
                Err(error) => {
                    self.refuse("private_key_file", &format!("{path}: {error}"));
                    return None;
                }
            },
            (None, None) => {
                self.refuse("private_key_file", "or private_key_pem is missing");
                return None;
            }
            (Some(_), Some(_)) => {
                self.refuse("private_key_file", "and private_key_pem are both there: it is one or the other");
                return None;
            }
        };
        match SigningKey::parse(&pem, algorithm.as_deref()) {
            Ok(key) => Some(Credential::OAuth2(Grant {
                client_id: client_id?,
                certificate_id: certificate_id?,
                key,
            })),
            Err(why) => {
                self.refuse(key, &format!("cannot be used: {why}"));
                None
            }
        }
    }

    fn tba(&mut self) -> Option<Credential> {
        let [key, secret, token, token_secret] =
            ["consumer_key", "consumer_secret", "token_id", "token_secret"].map(|name| self.required(name));
        Some(Credential::Tba(TbaTokens {
            consumer_key: key?,
            consumer_secret: Secret::new(secret?),
            token_id: token?,
            token_secret: Secret::new(token_secret?),
        }))
    }

    fn required(&mut self, key: &'static str) -> Option<String> {
        if !self.entry.contains_key(key) {
            self.known.push(key);
            self.refuse(key, "is missing");
            return None;
        }
        self.optional(key)
    }

    fn optional(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        match self.entry.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
            _ => {
                self.refuse(key, "is empty, or no text");
                None
            }
        }
    }

    fn refuse(&mut self, key: &str, why: &str) {
        self.wrong.push(format!("[{}] {key} {why}", self.account));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netsuite::tests::keys;
    use crate::runtime::env::Env;

    fn accounts(names: &[&str]) -> Vec<AccountId> {
        names.iter().map(|name| AccountId::parse(name).unwrap()).collect()
    }

    fn tried(text: &str, names: &[&str]) -> (usize, String) {
        let file = |path: &str| match path {
            "/acme.pem" => Ok(keys::elliptic().pem),
            _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        };
        let (found, wrong) = parse(text, &accounts(names), &file);
        assert!(!format!("{found:?}{wrong:?}").contains("hush"), "no secret shows: {wrong:?}");
        (found.len(), wrong.join("\n"))
    }

    const TBA: &str =
        "kind = 'tba'\nconsumer_key = 'k'\nconsumer_secret = 'hush'\ntoken_id = 't'\ntoken_secret = 'hush'\n";

    #[test]
    fn both_kinds_are_read_from_text_and_from_files() {
        let rsa = keys::rsa(3_072).pem;
        let text = format!(
            "[acme]\nkind = 'oauth2'\nclient_id = 'c'\ncertificate_id = 'i'\nprivate_key_file = '/acme.pem'\n\
             [globex]\n{TBA}[initech]\nkind = 'oauth2'\nalgorithm = 'PS256'\nclient_id = 'c'\ncertificate_id = 'i'\n\
             private_key_pem = '''{rsa}'''\n[unsynced]\n"
        );
        assert_eq!(tried(&text, &["acme", "globex", "initech"]), (3, String::new()));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_account_and_key() {
        let short = keys::rsa(2_048).pem;
        let text = format!(
            "[acme]\nkind = 'oauth2'\nclient_id = ''\nprivate_key_file = '/none.pem'\n\
             [globex]\n{TBA}token_secrets = 'hush'\n[initech]\nkind = 'oauth2'\nclient_id = 'c'\ncertificate_id = 'i'\n\
             private_key_pem = '''{short}'''\n[umbrella]\nkind = 'basic'\npassword = 'hush'\n[stark]\n[wayne]\nkind='tba'\n"
        );
        let (found, wrong) =
            tried(&text, &["acme", "globex", "initech", "umbrella", "stark", "wayne", "wonka"]);
        assert_eq!(found, 0);
        for line in [
            "[acme] client_id is empty, or no text",
            "[acme] certificate_id is missing",
            "[acme] private_key_file /none.pem: entity not found",
            "[globex] token_secrets is not known",
            "[initech] private_key_pem cannot be used: its RSA key has 2048 bits: NetSuite takes 3072 or 4096",
            "[umbrella] kind is neither oauth2 nor tba",
            "[stark] kind is missing",
            "[wayne] consumer_key is missing",
            "[wayne] token_secret is missing",
            "there is no [wonka]",
        ] {
            assert!(wrong.lines().any(|told| told == line), "{line} is not in\n{wrong}");
        }
    }

    #[test]
    fn text_that_cannot_be_read_is_told_without_repeating_it() {
        assert_eq!(tried("/nowhere.toml", &["acme"]), (0, "/nowhere.toml: entity not found".into()));
        assert_eq!(tried("[acme]\nkind = 'tba'\nhush", &["acme"]), (0, "line 3 is no TOML".into()));
    }

    #[test]
    fn nobody_goes_unsigned_by_accident() {
        let read = |variables: &[(&str, &str)]| {
            let env: Env = variables.iter().copied().collect();
            let mut reader = EnvReader::new(&env);
            let credentials = read(&mut reader, &accounts(&["acme"]));
            reader
                .finish()
                .map(|()| matches!(credentials, Credentials::Unsigned))
                .map_err(|bad| bad.to_string())
        };
        assert!(read(&[]).unwrap_err().contains("NETSUITE_CREDENTIALS is missing"));
        assert_eq!(read(&[("NETSUITE_WITHOUT_SIGN_IN", "local")]), Ok(true));
        assert!(read(&[("NETSUITE_WITHOUT_SIGN_IN", "yes")]).unwrap_err().contains("only `local`"));
        let acme = format!("[acme]\n{TBA}");
        let both = [("NETSUITE_WITHOUT_SIGN_IN", "local"), ("NETSUITE_CREDENTIALS", acme.as_str())];
        assert!(read(&both).unwrap_err().contains("one or the other"));
        assert_eq!(read(&both[1..]), Ok(false));
    }
}
