//! Errors as the API shows them: RFC 9457 problem documents, made once, in one exhaustive match.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Error;

/// Media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a blob that cannot be fetched at the moment is asked for again.
const BLOB_SECONDS: u32 = 1;

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which problem, as a stable relative reference such as `/problems/unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The problem in general.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence: the input, the place and the remedy.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.detail, self.status, self.title)
    }
}

/// The problems there are. Each has one status and one title for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Something does not decode.
    Malformed,
    /// The media type is another than the endpoint takes.
    MediaType,
    /// A bound is exceeded.
    TooLarge,
    /// A range is beyond the end.
    Range,
    /// Nothing has this address or id.
    Unknown,
    /// The endpoint does not take the method.
    Method,
    /// Nobody signed the request, or not rightly.
    Unsigned,
    /// Nobody is signed in, or the sign-in does not hold.
    SignedOut,
    /// Another site's page asked.
    CrossSite,
    /// Too many tries.
    TooMany,
    /// The signer may not do this, or the signature is wrong.
    Unauthorized,
    /// It exists or was used already, or is out of turn.
    Conflict,
    /// A rule of the protocol forbids it.
    Refused,
    /// The server is full, busy or stopping.
    Busy,
    /// The node lacks the blocks that a listing is made from.
    Incomplete,
    /// A receipt could not be checked now.
    Unchecked,
    /// The disk share for uploads is used up.
    Quota,
    /// It took too long.
    Slow,
    /// Another server failed this one.
    Upstream,
    /// The server failed.
    Internal,
}

impl ProblemKind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request does not decode"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The media type is not supported"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "A bound is exceeded"),
            Self::Range => (StatusCode::RANGE_NOT_SATISFIABLE, "range", "The range is beyond the end"),
            Self::Unknown => (StatusCode::NOT_FOUND, "unknown", "Nothing here has this name"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method", "The endpoint does not take this method"),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "unsigned", "The request must be signed"),
            Self::SignedOut => (StatusCode::UNAUTHORIZED, "signed-out", "Nobody is signed in"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross-site", "Another site may have asked for this"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many tries"),
            Self::Unauthorized => (StatusCode::FORBIDDEN, "unauthorized", "The signer may not do this"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "It was done before or is out of turn"),
            Self::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "A rule of the protocol forbids it"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy"),
            Self::Incomplete => (StatusCode::SERVICE_UNAVAILABLE, "incomplete", "This node lacks what it would list"),
            Self::Unchecked => (StatusCode::SERVICE_UNAVAILABLE, "unchecked", "It could not be checked now"),
            Self::Quota => (StatusCode::INSUFFICIENT_STORAGE, "quota", "The server has no room for uploads"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "slow", "The request took too long"),
            Self::Upstream => (StatusCode::BAD_GATEWAY, "upstream", "Another server failed this one"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        }
    }
}

/// Which problem an error is.
fn kind(error: &Error) -> ProblemKind {
    match error {
        Error::Ledger(error) => ledger_kind(error),
        Error::Market(error) => market_kind(error),
        Error::Statement(_) | Error::Request { .. } => ProblemKind::Malformed,
        Error::MediaType { .. } => ProblemKind::MediaType,
        Error::TooLarge { .. } => ProblemKind::TooLarge,
        Error::NoEndpoint { .. }
        | Error::NotFound { .. }
        | Error::NoBeacon
        | Error::NoCustodian
        | Error::NoOntology => ProblemKind::Unknown,
        Error::Range { .. } => ProblemKind::Range,
        Error::Method { .. } => ProblemKind::Method,
        Error::Unsigned { .. } => ProblemKind::Unsigned,
        Error::SignedOut | Error::NoVisit | Error::SignIn { .. } => ProblemKind::SignedOut,
        Error::CrossSite { .. } => ProblemKind::CrossSite,
        Error::TooMany { .. } => ProblemKind::TooMany,
        Error::Quota { .. } => ProblemKind::Quota,
        Error::Stopping | Error::Full { .. } => ProblemKind::Busy,
        Error::Slow { .. } => ProblemKind::Slow,
        Error::Unchecked { .. } => ProblemKind::Unchecked,
        Error::Unreachable { .. } | Error::Remote { .. } | Error::Reply { .. } => ProblemKind::Upstream,
        // The last three are the command line's own and never reach a client.
        Error::Listen { .. }
        | Error::Internal { .. }
        | Error::Input { .. }
        | Error::Output { .. }
        | Error::DemoDiffers
        | Error::AttackAdmitted => ProblemKind::Internal,
    }
}

fn ledger_kind(error: &node::Error) -> ProblemKind {
    match error {
        node::Error::Malformed { .. } => ProblemKind::Malformed,
        node::Error::TooLarge { .. } => ProblemKind::TooLarge,
        node::Error::Unknown { .. } => ProblemKind::Unknown,
        node::Error::Signature { .. } | node::Error::Unauthorized { .. } => ProblemKind::Unauthorized,
        node::Error::Nonce { .. } | node::Error::Duplicate { .. } => ProblemKind::Conflict,
        node::Error::Genesis { .. }
        | node::Error::ForeignChain { .. }
        | node::Error::Insufficient { .. }
        | node::Error::Refused { .. }
        | node::Error::Query { .. }
        | node::Error::Proof { .. }
        | node::Error::Statement(_)
        | node::Error::Overflow { .. }
        | node::Error::Time { .. }
        | node::Error::Block { .. }
        | node::Error::Inclusion { .. } => ProblemKind::Refused,
        node::Error::Busy { .. } => ProblemKind::Busy,
        node::Error::Remote { .. } | node::Error::Unreachable { .. } => ProblemKind::Upstream,
        node::Error::Storage { .. } | node::Error::Corrupt { .. } | node::Error::InUse { .. } => ProblemKind::Internal,
        _ => ProblemKind::Internal,
    }
}

fn market_kind(error: &market::Error) -> ProblemKind {
    match error {
        market::Error::Ledger(error) => ledger_kind(error),
        market::Error::Statement(_)
        | market::Error::InvalidInput { .. }
        | market::Error::QueryFile { .. }
        | market::Error::Statistics { .. }
        | market::Error::Crypt4gh { .. }
        | market::Error::BeaconRequest { .. }
        | market::Error::DataUse { .. }
        | market::Error::Passport { .. }
        | market::Error::Page { .. }
        | market::Error::IndexName { .. } => ProblemKind::Malformed,
        market::Error::BlobMissing { .. } => ProblemKind::Unknown,
        market::Error::DatabaseBusy | market::Error::BlobBusy { .. } => ProblemKind::Busy,
        market::Error::IndexGap { .. } | market::Error::IndexBehind { .. } => ProblemKind::Incomplete,
        market::Error::UploadOffset { .. } => ProblemKind::Conflict,
        market::Error::UploadChunk { .. } => ProblemKind::Malformed,
        market::Error::Refused { .. }
        | market::Error::Query { .. }
        | market::Error::Licence { .. }
        | market::Error::Introduction { .. }
        | market::Error::Account { .. } => ProblemKind::Refused,
        _ => ProblemKind::Internal,
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let kind = kind(error);
        let (status, slug, title) = kind.parts();
        // Paths and causes of a failing server concern its operator alone, who finds them in the log.
        let detail = match kind {
            ProblemKind::Internal => {
                "the server failed; its operator finds the cause in its log, try again later".into()
            }
            _ => error.to_string(),
        };
        Self { kind: format!("/problems/{slug}"), title: title.into(), status: status.as_u16(), detail }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        kind(self).parts().0
    }

    fn error_response(&self) -> HttpResponse {
        if kind(self) == ProblemKind::Internal {
            tracing::error!(error = %self, "a request failed");
        }
        let mut answer = HttpResponse::build(self.status_code());
        let seconds = match self {
            Self::TooMany { seconds } | Self::Full { seconds, .. } | Self::Unchecked { seconds, .. } => Some(*seconds),
            Self::Market(market::Error::BlobBusy { .. }) => Some(BLOB_SECONDS),
            _ => None,
        };
        if let Some(seconds) = seconds {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        answer.content_type(PROBLEM_JSON).json(Problem::from(self))
    }
}
