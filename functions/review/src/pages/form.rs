//! A form that was sent, of names and values. Pure.

use std::collections::BTreeMap;

use shared::runtime::problem::Problem;

/// Names and values; of a name that comes twice, the last counts.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads one.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        serde_urlencoded::from_bytes(body)
            .map(Self)
            .map_err(|e| Problem::bad_request("$", format!("the form cannot be read: {e}")))
    }

    /// A value, without blanks around it; none when there is nothing in it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A value as it was typed; empty when it is not there.
    pub(super) fn whole(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A value that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Problem> {
        self.get(name)
            .ok_or_else(|| Problem::unprocessable(name, "is missing: fill it in, and send it again"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let form = Form::read(b"reason=+because+&empty=++").unwrap();
        assert_eq!((form.get("reason"), form.get("empty")), (Some("because"), None));
        assert_eq!(form.need("empty").err().and_then(|problem| problem.field).as_deref(), Some("empty"));
    }
}
