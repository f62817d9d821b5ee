//! Why NetSuite will not do something, and what each of its interfaces calls that.

use http::StatusCode;
use shared::netsuite::wire;

/// The reason of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// No such account.
    UnknownAccount,
    /// No such record type.
    UnknownType,
    /// The type has no such field, or the sublist no such column.
    UnknownField,
    /// The field cannot hold the value.
    BadValue,
    /// The value refers to a record or line that is not there.
    BadReference,
    /// Another record of the type has the external id.
    DuplicateExternalId,
    /// Our role lacks a permission.
    Permission,
    /// The text is longer than the field.
    TooLong,
    /// A rule of the business: validation, workflow, dependent records.
    Business,
    /// There is no such record (any more).
    Missing,
}

/// A refusal in full. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// Text for people.
    pub(super) message: String,
    /// The field to blame, under NetSuite's name.
    pub(super) field: Option<String>,
}

impl Refused {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: None }
    }

    pub(super) fn field(reason: Reason, field: &str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: Some(field.to_string()) }
    }

    pub(super) fn missing() -> Self {
        Self::new(Reason::Missing, "That record does not exist.")
    }

    pub(super) fn unknown_type(name: &str) -> Self {
        Self::new(Reason::UnknownType, format!("The record type [{name}] is invalid."))
    }

    /// The code that a script catches.
    pub(super) fn script_code(&self) -> &'static str {
        match self.reason {
            Reason::UnknownAccount => "INVALID_LOGIN_ATTEMPT",
            Reason::UnknownType => "INVALID_RCRD_TYPE",
            Reason::UnknownField | Reason::BadValue => "INVALID_FLD_VALUE",
            Reason::BadReference => "INVALID_KEY_OR_REF",
            Reason::DuplicateExternalId => "DUP_EXTID",
            Reason::Permission => "INSUFFICIENT_PERMISSION",
            Reason::TooLong => "EXCEEDED_MAX_FIELD_LENGTH",
            Reason::Business => "USER_ERROR",
            Reason::Missing => "RCRD_DSNT_EXIST",
        }
    }

    /// The `o:errorCode` of REST web services. Those for a missing type, record or reference are not
    /// documented; these are the likeliest.
    pub(super) fn rest_code(&self) -> &'static str {
        match self.reason {
            Reason::UnknownAccount => "INVALID_LOGIN",
            Reason::UnknownType => "NONEXISTENT_RECORD_TYPE",
            Reason::UnknownField => "NONEXISTENT_FIELD",
            Reason::BadValue => "INVALID_CONTENT",
            Reason::BadReference => "INVALID_KEY_OR_REF",
            Reason::DuplicateExternalId => "DUP_EXTID",
            Reason::Permission => "INSUFFICIENT_PERMISSION",
            Reason::TooLong => "INVALID_CONTENT",
            Reason::Business => "USER_ERROR",
            Reason::Missing => "NONEXISTENT_ID",
        }
    }

    /// The HTTP status of REST web services.
    pub(super) fn status(&self) -> StatusCode {
        match self.reason {
            Reason::UnknownAccount | Reason::UnknownType | Reason::Missing => StatusCode::NOT_FOUND,
            Reason::Permission => StatusCode::FORBIDDEN,
            Reason::UnknownField
            | Reason::BadValue
            | Reason::TooLong
            | Reason::BadReference
            | Reason::DuplicateExternalId
            | Reason::Business => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<Refused> for wire::Refusal {
    fn from(refused: Refused) -> Self {
        Self { code: refused.script_code().to_string(), message: refused.message, field: refused.field }
    }
}
