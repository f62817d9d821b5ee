//! NetSuite's errors, classified by their code before the HTTP status: a RESTlet overload is a *400*.

use http::StatusCode;

use super::wire::{CallError, RestError};
use crate::domain::governance::CallEnd;
use crate::writer::{CallFault, Refusal};

/// What an error of a whole call means. The order of the questions matters: code, then status, then body.
pub fn call_fault(status: StatusCode, body: &[u8]) -> CallFault {
    let fault = |end, why: String| CallFault { end, why };
    if let Ok(CallError { error }) = serde_json::from_slice::<CallError>(body) {
        let why = format!("{}: {}", error.code, error.message);
        return fault(end_of_code(&error.code).unwrap_or_else(|| end_of_status(status)), why);
    }
    if let Ok(RestError { title, details }) = serde_json::from_slice::<RestError>(body)
        && let Some(detail) = details.first()
    {
        let why =
            format!("{}: {}", if detail.code.is_empty() { &title } else { &detail.code }, detail.detail);
        return fault(end_of_code(&detail.code).unwrap_or_else(|| end_of_status(status)), why);
    }
    let start: String = String::from_utf8_lossy(body).chars().take(120).collect();
    fault(end_of_status(status), format!("HTTP {status} without an error code: {start:?}"))
}

fn end_of_code(code: &str) -> Option<CallEnd> {
    Some(match code {
        "SSS_REQUEST_LIMIT_EXCEEDED"
        | "EXCEEDED_MAX_CONCUR_RQST"
        | "WS_CONCUR_SESSION_DISALLWD"
        | "WS_REQUEST_BLOCKED"
        | "CONCURRENCY_LIMIT_EXCEEDED"
        | "USER_REQUEST_LIMIT" => CallEnd::Overload,
        "INVALID_LOGIN_ATTEMPT" | "INVALID_LOGIN" => CallEnd::Auth,
        // The script died on its way: what it had saved is saved.
        "SSS_USAGE_LIMIT_EXCEEDED"
        | "SSS_TIME_LIMIT_EXCEEDED"
        | "SSS_STATEMENT_COUNT_EXCEEDED"
        | "SSS_REQUEST_TIME_EXCEEDED"
        | "SSS_CONNECTION_TIME_OUT"
        | "UNEXPECTED_ERROR" => CallEnd::Unclear,
        _ => return None,
    })
}

fn end_of_status(status: StatusCode) -> CallEnd {
    match status.as_u16() {
        401 | 403 => CallEnd::Auth,
        429 => CallEnd::Overload,
        // Somebody between us and NetSuite lost patience: the script may be running yet.
        408 | 502 | 503 | 504 => CallEnd::Unknown,
        // Whatever else it was, the writes may have been done.
        _ => CallEnd::Unclear,
    }
}

/// What NetSuite's refusal of one record means.
pub fn refusal(code: &str, message: &str, field: Option<String>) -> Refusal {
    let (may_pass, hint) = match code {
        "RCRD_HAS_BEEN_CHANGED" | "CUSTOM_RECORD_COLLISION" => {
            (true, "Somebody saved the record at the same moment; it is tried again.")
        }
        "INSUFFICIENT_PERMISSION" => {
            (true, "Our role lacks a permission for this record: grant it in NetSuite, then retry.")
        }
        "INVALID_KEY_OR_REF" => {
            (false, "A referred record or option does not exist there: create or correct it, then retry.")
        }
        "DUP_EXTID" | "UNIQUE_RCRD_ID_REQD" | "DUP_RCRD" | "UNIQUE_CUST_ID_REQD" | "DUP_CSTM_RCRD_ENTRY" => {
            (false, "A record with this name or external id exists already: link or rename it, then retry.")
        }
        "USER_ERROR" => {
            (false, "NetSuite's own rule refuses it: correct what the message names, then retry.")
        }
        "INVALID_FLD_VALUE" => (false, "The value does not fit NetSuite's field: correct it, then retry."),
        _ => (false, "Correct what the message names, then retry."),
    };
    Refusal { code: code.into(), message: message.into(), field, may_pass, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_comes_before_the_status() {
        let overload =
            br#"{"error" : {"code" : "SSS_REQUEST_LIMIT_EXCEEDED", "message" : "Request Limit Exceeded"}}"#;
        let login = br#"{"error":{"code":"INVALID_LOGIN_ATTEMPT","message":"x"}}"#;
        let odd = br#"{"error":{"code":"SOMETHING_NEW","message":"x"}}"#;
        for (status, body, end) in [
            (400, &overload[..], CallEnd::Overload),
            (401, &login[..], CallEnd::Auth),
            (400, &odd[..], CallEnd::Unclear),
            (429, b"", CallEnd::Overload),
            (403, b"<html>", CallEnd::Auth),
            (503, b"<html>maintenance", CallEnd::Unknown),
            (500, b"", CallEnd::Unclear),
            (504, b"", CallEnd::Unknown),
        ] {
            let fault = call_fault(StatusCode::from_u16(status).unwrap(), body);
            assert_eq!(fault.end, end, "{status} {fault}");
        }
    }
}
