//! NetSuite's errors, classified by their code before the HTTP status: a RESTlet overload is a *400*.

use http::StatusCode;
use serde_json::Value as Json;

use super::code::{Class, Code};
use crate::domain::governance::CallEnd;
use crate::writer::{CallFault, Refusal};

/// Letters of a body without a code that are kept for people.
const KEPT_LETTERS: usize = 160;

/// NetSuite's page of a night's maintenance, whatever the status it comes with.
const MAINTENANCE: &str = "currently unavailable while we undergo our regularly scheduled maintenance";

/// What an error of a whole call means. The order of the questions matters: code, then status, then body.
pub fn call_fault(status: StatusCode, body: &[u8]) -> CallFault {
    if let Some(told) = told(body) {
        let code = Code::parse(&told.code);
        let end = code.map_or_else(|| end_of_status(status), |code| code.class().end());
        let hint = code.map(Code::hint).or_else(|| hint_of_status(status));
        let why = format!("{}: {}", told.code, told.message);
        return CallFault { code: Some(told.code), ..fault(end, why, hint) };
    }
    let text = text_of(body);
    if text.contains(MAINTENANCE) {
        // It answered, so no slot is taken; whether it was at work when it went down, nobody knows.
        let hint = "NetSuite is down for maintenance; we go on by ourselves when it is back.";
        return fault(CallEnd::Unclear, format!("HTTP {status}: maintenance"), Some(hint));
    }
    let why = match text.as_str() {
        "" => format!("HTTP {status} with an empty body"),
        text => {
            let start: String = text.chars().take(KEPT_LETTERS).collect();
            format!("HTTP {status} without an error code: {start:?}")
        }
    };
    fault(end_of_status(status), why, hint_of_status(status))
}

/// What a call's 200 means that holds no answer: an error page, half a body, an error inside. Nobody knows what
/// was done. What looks like records is not repeated: it is the customer's.
pub fn no_answer(body: &[u8], problem: &serde_json::Error) -> CallFault {
    let end = CallEnd::Unclear;
    if told(body).is_some() || !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return CallFault { end, ..call_fault(StatusCode::OK, body) };
    }
    let why = match problem.is_eof() {
        true => format!("the answer breaks off after {} bytes", body.len()),
        false => format!("the answer is not what was asked for (line {})", problem.line()),
    };
    fault(end, why, Some("If it stays, see that the deployed scripts are of our version."))
}

/// How a question ended, for the account's governance. One that NetSuite understood and refused, because a column or a
/// permission is missing, is answered: it is no sign of NetSuite being unwell, and must not slow the writers.
pub fn end_of_question(fault: &CallFault) -> CallEnd {
    if is_refused(fault) { CallEnd::Answered } else { fault.end }
}

/// Whether NetSuite understood a question and refused it.
pub fn is_refused(fault: &CallFault) -> bool {
    let code = fault.code.as_deref().and_then(Code::parse);
    matches!(code.map(Code::class), Some(Class::Shape | Class::Permission | Class::Absent | Class::Rule))
}

/// Whether NetSuite did not let us in, so that a fresh token may help. By code first: overload can come as 401.
pub fn is_login_refused(status: StatusCode, body: &[u8]) -> bool {
    match told(body).and_then(|told| Code::parse(&told.code)) {
        Some(code) => code.is_login(),
        None => status == StatusCode::UNAUTHORIZED,
    }
}

fn fault(end: CallEnd, why: String, hint: Option<&str>) -> CallFault {
    let why = match hint {
        Some(hint) => format!("{}. {hint}", why.trim_end_matches('.')),
        None => why,
    };
    CallFault::new(end, why)
}

/// An error in NetSuite's words.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: String,
    message: String,
}

/// The error in a body: a RESTlet's, REST web services', or the token endpoint's.
fn told(body: &[u8]) -> Option<Told> {
    let body: Json = serde_json::from_slice(body).ok()?;
    if let Some(detail) = body.get("o:errorDetails").and_then(|details| details.get(0)) {
        let mut message = text(detail.get("detail"));
        if let Some(path) = detail.get("o:errorPath").and_then(Json::as_str) {
            message = format!("{message} (at {path})");
        }
        let code = detail.get("o:errorCode").or(body.get("title"));
        return Some(Told { code: text(code), message });
    }
    match body.get("error") {
        Some(Json::String(code)) => {
            Some(Told { code: code.clone(), message: text(body.get("error_description")) })
        }
        Some(error @ Json::Object(_)) => Some(thrown(error)),
        _ => None,
    }
}

/// What a script threw. Its message may be a whole error object again, as text.
fn thrown(error: &Json) -> Told {
    let told =
        Told { code: text(error.get("code").or(error.get("name"))), message: text(error.get("message")) };
    match serde_json::from_str::<Json>(&told.message) {
        Ok(inner @ Json::Object(_)) if inner.get("message").is_some() => {
            let name = text(inner.get("name").or(inner.get("code")));
            let is_known = Code::parse(&name).is_some() || told.code.is_empty();
            Told { code: if is_known { name } else { told.code }, message: text(inner.get("message")) }
        }
        _ => told,
    }
}

fn text(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// What can be read of a body: of a page, the words between its tags.
fn text_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut words = String::new();
    let mut is_tag = false;
    for letter in text.chars() {
        match letter {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                words.push(' ');
            }
            letter if !is_tag => words.push(letter),
            _ => {}
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ")
}

fn end_of_status(status: StatusCode) -> CallEnd {
    match status.as_u16() {
        // Turned away before any script ran: no sign-in, the wrong data centre, no such address.
        300..=399 | 401 | 403 | 404 | 405 | 415 => CallEnd::Auth,
        429 => CallEnd::Overload,
        // Somebody between us and NetSuite lost patience: the script may be running yet.
        408 | 502 | 503 | 504 => CallEnd::Unknown,
        // Whatever else it was, the writes may have been done.
        _ => CallEnd::Unclear,
    }
}

fn hint_of_status(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        300..=399 => {
            "NetSuite sends us elsewhere: use the account's own address, https://<account>.restlets.api.netsuite.com."
        }
        401 | 403 => Code::InvalidLogin.hint(),
        404 | 405 => Code::SssInvalidScriptletId.hint(),
        415 => Code::SssInvalidRequestBody.hint(),
        429 => Code::SssRequestLimitExceeded.hint(),
        408 | 500..=599 => {
            "NetSuite, or something on the way, failed; we look what was done and go on by ourselves."
        }
        _ => return None,
    })
}

/// What NetSuite's refusal of one record means.
pub fn refusal(code: &str, message: &str, field: Option<String>) -> Refusal {
    let (may_pass, hint) = match Code::parse(code) {
        Some(code) => (code.class().may_pass(), code.hint()),
        None => (false, "Correct what the message names, then retry."),
    };
    Refusal { code: code.into(), message: message.into(), field, may_pass, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netsuite::code::Class;

    const RESTLET: &str = r#"{"error" : {"code" : "CODE", "message" : "Words"}}"#;
    const REST: &str = r#"{"type":"x","title":"Bad Request","status":400,
        "o:errorDetails":[{"detail":"Words","o:errorPath":"q","o:errorCode":"CODE"}]}"#;

    #[test]
    fn every_code_is_told_by_its_name_on_every_channel_and_status() {
        for code in Code::ALL.iter().copied() {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            for (body, status) in [(RESTLET, 400), (RESTLET, 401), (RESTLET, 500), (REST, 400), (REST, 429)] {
                let body = body.replace("CODE", code.as_str());
                let fault = call_fault(StatusCode::from_u16(status).unwrap(), body.as_bytes());
                assert_eq!(fault.end, code.class().end(), "{status} {fault}");
                assert_eq!(fault.code.as_deref(), Some(code.as_str()));
                assert!(fault.why.starts_with(&format!("{}: Words", code.as_str())), "{fault}");
                assert!(fault.why.ends_with(code.hint()), "a person is told what to do: {fault}");
            }
        }
    }

    #[test]
    fn each_class_ends_a_call_and_a_record_in_its_own_way() {
        for (codes, class, end, may_pass) in [
            (
                "SSS_REQUEST_LIMIT_EXCEEDED EXCEEDED_MAX_CONCUR_RQST WS_CONCUR_SESSION_DISALLWD WS_REQUEST_BLOCKED \
              CONCURRENCY_LIMIT_EXCEEDED USER_REQUEST_LIMIT",
                Class::Overload,
                CallEnd::Overload,
                true,
            ),
            (
                "INVALID_LOGIN_ATTEMPT INVALID_LOGIN SSS_INVALID_SCRIPTLET_ID",
                Class::Door,
                CallEnd::Auth,
                true,
            ),
            (
                "SSS_USAGE_LIMIT_EXCEEDED SSS_TIME_LIMIT_EXCEEDED SSS_STATEMENT_COUNT_EXCEEDED \
              SSS_REQUEST_TIME_EXCEEDED",
                Class::Cut,
                CallEnd::Unclear,
                true,
            ),
            ("SSS_CONNECTION_TIME_OUT UNEXPECTED_ERROR", Class::Platform, CallEnd::Unclear, true),
            ("RCRD_HAS_BEEN_CHANGED CUSTOM_RECORD_COLLISION", Class::Race, CallEnd::Unclear, true),
            ("RCRD_DSNT_EXIST NONEXISTENT_ID", Class::Absent, CallEnd::Unclear, false),
            ("INSUFFICIENT_PERMISSION", Class::Permission, CallEnd::Unclear, true),
            (
                "DUP_EXTID UNIQUE_RCRD_ID_REQD DUP_RCRD UNIQUE_CUST_ID_REQD DUP_CSTM_RCRD_ENTRY",
                Class::Duplicate,
                CallEnd::Unclear,
                false,
            ),
            (
                "USER_ERROR INVALID_FLD_VALUE EXCEEDED_MAX_FIELD_LENGTH INVALID_KEY_OR_REF SSS_MISSING_REQD_ARGUMENT \
              SSS_INVALID_SUBLIST_OPERATION",
                Class::Rule,
                CallEnd::Unclear,
                false,
            ),
            (
                "NONEXISTENT_FIELD NONEXISTENT_RECORD_TYPE INVALID_RCRD_TYPE INVALID_PARAMETER INVALID_CONTENT \
              INVALID_METHOD SSS_INVALID_REQUEST_BODY",
                Class::Shape,
                CallEnd::Unclear,
                false,
            ),
        ] {
            let named: Vec<Code> = codes.split_whitespace().map(|code| Code::parse(code).unwrap()).collect();
            let all = Code::ALL.iter().copied().filter(|code| code.class() == class).count();
            assert_eq!(named.len(), all, "the table names every code of {class:?}");
            for code in named {
                assert_eq!((code.class(), code.class().end()), (class, end), "{code:?}");
                let refusal = refusal(code.as_str(), "Words", Some("email".into()));
                assert_eq!((refusal.may_pass, refusal.hint), (may_pass, code.hint()), "{code:?}");
            }
        }
    }

    #[test]
    fn without_a_known_code_the_status_speaks() {
        let odd = RESTLET.replace("CODE", "SOMETHING_NEW");
        for (status, body, end, word) in [
            (400, odd.as_str(), CallEnd::Unclear, "SOMETHING_NEW: Words"),
            (401, odd.as_str(), CallEnd::Auth, "Login Audit Trail"),
            (302, "", CallEnd::Auth, "the account's own address"),
            (401, "", CallEnd::Auth, "empty body"),
            (403, "<html><title>No</title><body>Not  here</body></html>", CallEnd::Auth, "\"No Not here\""),
            (404, "<html>", CallEnd::Auth, "Released"),
            (405, "", CallEnd::Auth, "Released"),
            (415, "", CallEnd::Auth, "scripts are of our version"),
            (408, "", CallEnd::Unknown, "go on by ourselves"),
            (429, "", CallEnd::Overload, "slow down by ourselves"),
            (500, "", CallEnd::Unclear, "empty body"),
            (502, "<html>Bad Gateway", CallEnd::Unknown, "Bad Gateway"),
            (503, "<html>oops", CallEnd::Unknown, "oops"),
            (504, "", CallEnd::Unknown, "empty body"),
            (418, "teapot", CallEnd::Unclear, "teapot"),
            (400, r#"{"error":null}"#, CallEnd::Unclear, "400"),
            (400, r#"{"error":{}}"#, CallEnd::Unclear, ""),
        ] {
            let fault = call_fault(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!(fault.end, end, "{status} {fault}");
            assert!(fault.why.contains(word), "{status} {fault}");
        }
    }

    #[test]
    fn maintenance_is_known_by_its_words() {
        let page = "<html><body>The account you are trying to access is currently unavailable while we undergo our \
                    regularly scheduled maintenance.</body></html>";
        for status in [200, 403, 500, 503] {
            let fault = call_fault(StatusCode::from_u16(status).unwrap(), page.as_bytes());
            assert_eq!(fault.end, CallEnd::Unclear, "{status}");
            assert!(fault.why.contains("down for maintenance"), "{fault}");
        }
    }

    #[test]
    fn an_error_within_an_error_is_unwrapped() {
        let body = r#"{"error":{"code":"UNEXPECTED_ERROR","message":
            "{\"type\":\"error.SuiteScriptError\",\"name\":\"SSS_USAGE_LIMIT_EXCEEDED\",\"message\":\"Units\",\"stack\":[]}"}}"#;
        let fault = call_fault(StatusCode::BAD_REQUEST, body.as_bytes());
        assert!(fault.why.starts_with("SSS_USAGE_LIMIT_EXCEEDED: Units"), "{fault}");
        let ours = body.replace("UNEXPECTED_ERROR", "OURS").replace("SSS_USAGE_LIMIT_EXCEEDED", "TypeError");
        assert!(call_fault(StatusCode::BAD_REQUEST, ours.as_bytes()).why.starts_with("OURS: Units"));
    }

    #[test]
    fn a_200_without_an_answer_is_unclear_and_repeats_no_record() {
        for (body, word) in [
            ("", "empty body"),
            ("<html><body>Log in</body></html>", "Log in"),
            (
                r#"{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED","message":"x"}}"#,
                "SSS_REQUEST_LIMIT_EXCEEDED",
            ),
            (r#"{"results":[{"outcome":"found","values":{"email":"hush"#, "breaks off after"),
            (r#"{"values":{"email":"hush"}}"#, "not what was asked for"),
        ] {
            let problem = serde_json::from_slice::<super::super::wire::Answer>(body.as_bytes()).unwrap_err();
            let fault = no_answer(body.as_bytes(), &problem);
            assert_eq!(fault.end, CallEnd::Unclear, "{body}");
            assert!(fault.why.contains(word) && !fault.why.contains("hush"), "{fault}");
        }
    }

    #[test]
    fn only_a_refused_login_asks_for_another_token() {
        let (overload, login) = (
            RESTLET.replace("CODE", "SSS_REQUEST_LIMIT_EXCEEDED"),
            RESTLET.replace("CODE", "INVALID_LOGIN_ATTEMPT"),
        );
        for (status, body, refused) in [
            (401, "", true),
            (401, "<html>", true),
            (401, overload.as_str(), false),
            (400, login.as_str(), true),
            (403, "<html>", false),
            (500, "", false),
        ] {
            assert_eq!(
                is_login_refused(StatusCode::from_u16(status).unwrap(), body.as_bytes()),
                refused,
                "{status} {body}"
            );
        }
    }
}
