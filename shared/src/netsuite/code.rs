//! NetSuite's error codes, each with what it means for a call, for a record, and for a person.

use crate::domain::governance::CallEnd;

/// Declares the codes once: the enum, their text, and the list of all.
macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// A code that we know. One that NetSuite invents tomorrow is none: [`Code::parse`] says so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $text] $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as NetSuite writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    SssRequestLimitExceeded = "SSS_REQUEST_LIMIT_EXCEEDED",
    ExceededMaxConcurRqst = "EXCEEDED_MAX_CONCUR_RQST",
    WsConcurSessionDisallwd = "WS_CONCUR_SESSION_DISALLWD",
    WsRequestBlocked = "WS_REQUEST_BLOCKED",
    ConcurrencyLimitExceeded = "CONCURRENCY_LIMIT_EXCEEDED",
    UserRequestLimit = "USER_REQUEST_LIMIT",
    InvalidLoginAttempt = "INVALID_LOGIN_ATTEMPT",
    InvalidLogin = "INVALID_LOGIN",
    SssInvalidScriptletId = "SSS_INVALID_SCRIPTLET_ID",
    SssUsageLimitExceeded = "SSS_USAGE_LIMIT_EXCEEDED",
    SssTimeLimitExceeded = "SSS_TIME_LIMIT_EXCEEDED",
    SssStatementCountExceeded = "SSS_STATEMENT_COUNT_EXCEEDED",
    SssRequestTimeExceeded = "SSS_REQUEST_TIME_EXCEEDED",
    SssConnectionTimeOut = "SSS_CONNECTION_TIME_OUT",
    UnexpectedError = "UNEXPECTED_ERROR",
    RcrdHasBeenChanged = "RCRD_HAS_BEEN_CHANGED",
    CustomRecordCollision = "CUSTOM_RECORD_COLLISION",
    RcrdDsntExist = "RCRD_DSNT_EXIST",
    NonexistentId = "NONEXISTENT_ID",
    InsufficientPermission = "INSUFFICIENT_PERMISSION",
    DupExtid = "DUP_EXTID",
    UniqueRcrdIdReqd = "UNIQUE_RCRD_ID_REQD",
    DupRcrd = "DUP_RCRD",
    UniqueCustIdReqd = "UNIQUE_CUST_ID_REQD",
    DupCstmRcrdEntry = "DUP_CSTM_RCRD_ENTRY",
    UserError = "USER_ERROR",
    InvalidFldValue = "INVALID_FLD_VALUE",
    ExceededMaxFieldLength = "EXCEEDED_MAX_FIELD_LENGTH",
    InvalidKeyOrRef = "INVALID_KEY_OR_REF",
    SssMissingReqdArgument = "SSS_MISSING_REQD_ARGUMENT",
    SssInvalidSublistOperation = "SSS_INVALID_SUBLIST_OPERATION",
    NonexistentField = "NONEXISTENT_FIELD",
    NonexistentRecordType = "NONEXISTENT_RECORD_TYPE",
    InvalidRcrdType = "INVALID_RCRD_TYPE",
    InvalidParameter = "INVALID_PARAMETER",
    InvalidContent = "INVALID_CONTENT",
    InvalidMethod = "INVALID_METHOD",
    SssInvalidRequestBody = "SSS_INVALID_REQUEST_BODY",
}

/// What kind of trouble a code tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Too many calls at once.
    Overload,
    /// We were not let in.
    Door,
    /// The script died on its way: what it had saved is saved.
    Cut,
    /// NetSuite's own trouble.
    Platform,
    /// Somebody else saved the record at the same moment.
    Race,
    /// There is no such record, or our role may not see it.
    Absent,
    /// Our role lacks a permission.
    Permission,
    /// There is such a record already.
    Duplicate,
    /// The record breaks a rule of NetSuite or of the account.
    Rule,
    /// The call names something that the account does not have, or is no call at all.
    Shape,
}

impl Class {
    /// How a call ended that NetSuite answered with this. Only what was turned away at the door certainly did
    /// nothing; any other error may have come after a save.
    pub fn end(self) -> CallEnd {
        match self {
            Class::Overload => CallEnd::Overload,
            Class::Door => CallEnd::Auth,
            Class::Cut
            | Class::Platform
            | Class::Race
            | Class::Absent
            | Class::Permission
            | Class::Duplicate
            | Class::Rule
            | Class::Shape => CallEnd::Unclear,
        }
    }

    /// Whether one record that was refused so may be taken later, with nobody doing anything about it.
    pub fn may_pass(self) -> bool {
        match self {
            // A missing permission is sometimes a passing trouble of NetSuite's.
            Class::Overload
            | Class::Door
            | Class::Cut
            | Class::Platform
            | Class::Race
            | Class::Permission => true,
            Class::Absent | Class::Duplicate | Class::Rule | Class::Shape => false,
        }
    }
}

impl Code {
    /// The code with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Its class.
    pub fn class(self) -> Class {
        match self {
            Code::SssRequestLimitExceeded
            | Code::ExceededMaxConcurRqst
            | Code::WsConcurSessionDisallwd
            | Code::WsRequestBlocked
            | Code::ConcurrencyLimitExceeded
            | Code::UserRequestLimit => Class::Overload,
            Code::InvalidLoginAttempt | Code::InvalidLogin | Code::SssInvalidScriptletId => Class::Door,
            Code::SssUsageLimitExceeded
            | Code::SssTimeLimitExceeded
            | Code::SssStatementCountExceeded
            | Code::SssRequestTimeExceeded => Class::Cut,
            Code::SssConnectionTimeOut | Code::UnexpectedError => Class::Platform,
            Code::RcrdHasBeenChanged | Code::CustomRecordCollision => Class::Race,
            Code::RcrdDsntExist | Code::NonexistentId => Class::Absent,
            Code::InsufficientPermission => Class::Permission,
            Code::DupExtid
            | Code::UniqueRcrdIdReqd
            | Code::DupRcrd
            | Code::UniqueCustIdReqd
            | Code::DupCstmRcrdEntry => Class::Duplicate,
            Code::UserError
            | Code::InvalidFldValue
            | Code::ExceededMaxFieldLength
            | Code::InvalidKeyOrRef
            | Code::SssMissingReqdArgument
            | Code::SssInvalidSublistOperation => Class::Rule,
            Code::NonexistentField
            | Code::NonexistentRecordType
            | Code::InvalidRcrdType
            | Code::InvalidParameter
            | Code::InvalidContent
            | Code::InvalidMethod
            | Code::SssInvalidRequestBody => Class::Shape,
        }
    }

    /// Whether our sign-in was refused: a token that was good may be so no more.
    pub fn is_login(self) -> bool {
        matches!(self, Code::InvalidLoginAttempt | Code::InvalidLogin)
    }

    /// What a person can do.
    pub fn hint(self) -> &'static str {
        match self {
            Code::SssRequestLimitExceeded
            | Code::ExceededMaxConcurRqst
            | Code::WsConcurSessionDisallwd
            | Code::WsRequestBlocked
            | Code::ConcurrencyLimitExceeded
            | Code::UserRequestLimit => {
                "All integrations of the account together call too often; we slow down by ourselves. If it stays, \
                 reserve calls for us in Integration Governance or buy SuiteCloud Plus."
            }
            Code::InvalidLoginAttempt | Code::InvalidLogin => {
                "NetSuite refuses our sign-in: look for the reason in Setup > Users/Roles > View Login Audit Trail; \
                 see that the integration, its certificate or tokens, and our role are active."
            }
            Code::SssInvalidScriptletId => {
                "The RESTlet is not there: deploy the SuiteX project, and set its deployments to Released."
            }
            Code::SssUsageLimitExceeded
            | Code::SssTimeLimitExceeded
            | Code::SssStatementCountExceeded
            | Code::SssRequestTimeExceeded => {
                "Scripts or workflows of the account take too long when this record is saved; its writes are tried \
                 singly. If it stays, look at the User Events that run on the type."
            }
            Code::SssConnectionTimeOut | Code::UnexpectedError => {
                "NetSuite itself failed; it is tried again. If it stays, open a case with NetSuite and give it the \
                 message."
            }
            Code::RcrdHasBeenChanged | Code::CustomRecordCollision => {
                "Somebody saved the record at the same moment; it is tried again."
            }
            Code::RcrdDsntExist | Code::NonexistentId => {
                "The record was deleted in NetSuite, or our role may not see it: restore it or grant the role, then \
                 retry."
            }
            Code::InsufficientPermission => {
                "Our role lacks a permission for this record: grant it in NetSuite, then retry."
            }
            Code::DupExtid
            | Code::UniqueRcrdIdReqd
            | Code::DupRcrd
            | Code::UniqueCustIdReqd
            | Code::DupCstmRcrdEntry => {
                "A record with this name or external id exists already: link or rename it, then retry."
            }
            Code::UserError => "NetSuite's own rule refuses it: correct what the message names, then retry.",
            Code::InvalidFldValue => "The value does not fit NetSuite's field: correct it, then retry.",
            Code::ExceededMaxFieldLength => {
                "The text is longer than NetSuite's field: shorten it, or lengthen the field there, then retry."
            }
            Code::InvalidKeyOrRef => {
                "A referred record or option does not exist there: create or correct it, then retry."
            }
            Code::SssMissingReqdArgument => {
                "A value that NetSuite requires is missing: fill it in, then retry."
            }
            Code::SssInvalidSublistOperation => {
                "NetSuite does not let this line be changed so: correct the lines there by hand, then retry."
            }
            Code::NonexistentField => {
                "The account has no such field, or our role may not see it: correct sync.toml or grant the role."
            }
            Code::NonexistentRecordType | Code::InvalidRcrdType => {
                "The account has no such record type, or its feature is off: correct sync.toml or enable it."
            }
            Code::InvalidParameter => {
                "NetSuite does not understand the query: a field or type in sync.toml does not exist there, or our \
                 role may not see it."
            }
            Code::InvalidContent | Code::InvalidMethod | Code::SssInvalidRequestBody => {
                "NetSuite does not understand our call: see that the deployed scripts are of our version."
            }
        }
    }
}
