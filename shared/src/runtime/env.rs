//! The environment: read once, at the start, into a map. Whatever is missing or wrong is reported together,
//! so that a deployment is mended in one go.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The variables that a function may read. A map in tests.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's own variables; those that are not Unicode are left out, as if they were not set.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The variable, if it is set. Set to nothing (or to blanks) is not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Env {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A text that is never shown: `Debug` is redacted and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Something that is wrong with a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The variable's name.
    pub name: String,
    /// What is wrong with it, name included.
    pub line: String,
}

/// Everything that is wrong with the environment, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not complete:\n{0}")]
pub struct BadEnv(String);

/// Reads variables and remembers what is wrong.
///
/// A value that is missing or wrong reads as the type's default; [`EnvReader::finish`] then fails, so such a
/// value is never used. Who goes on all the same, to find what else is wrong, asks for [`EnvReader::into_wrong`].
pub struct EnvReader<'a> {
    env: &'a Env,
    wrong: Vec<Wrong>,
}

impl<'a> EnvReader<'a> {
    /// Begins to read `env`.
    pub fn new(env: &'a Env) -> Self {
        Self { env, wrong: Vec::new() }
    }

    /// A text that must be set. `purpose` says what it is, in the error.
    pub fn required(&mut self, name: &str, purpose: &str) -> String {
        self.parsed(name, purpose)
    }

    /// A secret that must be set.
    pub fn secret(&mut self, name: &str, purpose: &str) -> Secret {
        Secret(self.parsed(name, purpose))
    }

    /// A text that may be set.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.env.get(name).map(str::to_string)
    }

    /// A value that must be set and must parse.
    pub fn parsed<T>(&mut self, name: &str, purpose: &str) -> T
    where
        T: FromStr<Err: fmt::Display> + Default,
    {
        if self.env.get(name).is_none() {
            self.note(name, format!("is missing ({purpose})"));
        }
        self.parsed_or(name, T::default(), purpose)
    }

    /// A value that must parse if it is set.
    pub fn parsed_or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T, purpose: &str) -> T {
        let Some(text) = self.env.get(name) else { return default };
        match text.parse() {
            Ok(value) => value,
            Err(reason) => {
                // The value itself is not repeated: it may be a secret.
                self.note(name, format!("is wrong ({purpose}): {reason}"));
                default
            }
        }
    }

    /// Notes something wrong that no single read shows, such as a number out of its range.
    pub fn refuse(&mut self, name: &str, reason: impl fmt::Display) {
        self.note(name, format!("is wrong: {reason}"));
    }

    fn note(&mut self, name: &str, what: String) {
        self.wrong.push(Wrong { name: name.to_string(), line: format!("{name} {what}") });
    }

    /// Whatever was missing or wrong, in the order in which it was read.
    pub fn into_wrong(self) -> Vec<Wrong> {
        self.wrong
    }

    /// `Ok` if nothing was missing or wrong.
    pub fn finish(self) -> Result<(), BadEnv> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = self.wrong.iter().map(|wrong| format!("  {}", wrong.line)).collect();
        Err(BadEnv(lines.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once_and_no_value_leaks() {
        let env: Env = [("PORT", "80a"), ("TOKEN", ""), ("SIZE", "12")].into_iter().collect();
        let mut reader = EnvReader::new(&env);
        let _: u16 = reader.parsed_or("PORT", 8080, "where to listen");
        let _ = reader.secret("TOKEN", "signs calls");
        let _ = reader.required("BUCKET", "where large bodies go");
        assert_eq!(reader.parsed::<u64>("SIZE", "a size"), 12);
        let names: Vec<&str> = reader.wrong.iter().map(|wrong| wrong.name.as_str()).collect();
        assert_eq!(names, ["PORT", "TOKEN", "BUCKET"]);
        let text = reader.finish().unwrap_err().to_string();
        for line in [
            "  PORT is wrong (where to listen): invalid digit found in string",
            "  TOKEN is missing (signs calls)",
            "  BUCKET is missing (where large bodies go)",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(text.lines().count(), 4, "one line each, under a heading: {text}");
        assert!(!text.contains("80a"));
    }

    #[test]
    fn what_may_be_missing_has_its_default() {
        let env = Env::default();
        let mut reader = EnvReader::new(&env);
        assert_eq!(reader.parsed_or("PORT", 8080, "where to listen"), 8080);
        assert_eq!(reader.optional("BUCKET"), None);
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn secrets_and_environments_do_not_show_in_debug() {
        let secret = Secret::new("hush");
        let env: Env = [("KEY", "hush")].into_iter().collect();
        assert!(!format!("{secret:?}{env:?}").contains("hush"));
        assert_eq!(secret.expose(), "hush");
    }
}
