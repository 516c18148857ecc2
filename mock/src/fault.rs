//! Faults: how a call goes wrong, and whether it was carried out all the same.

mod schedule;

pub(crate) use schedule::FaultSchedule;
pub use schedule::{Fault, FaultCounts, Poison, Trigger};

use crate::api::{AccountId, ApiError, Request, Response, Status};
use crate::named;
use std::fmt;

named! {
    /// A way in which an admitted call fails.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum FaultKind {
        /// 500: not carried out.
        InternalError = "500",
        /// 502: not carried out.
        BadGateway = "502",
        /// 503: not carried out.
        Unavailable = "503",
        /// 504: carried out, but the gateway lost patience.
        GatewayTimeout = "504",
        /// 401, as after a key was rotated: not carried out.
        Unauthorized = "401",
        /// No answer at all: carried out, and the client never hears of it.
        Timeout = "timeout",
        /// The connection is reset before the call was carried out.
        ResetBefore = "reset-before",
        /// The connection is reset after the call was carried out.
        ResetAfter = "reset-after",
        /// Carried out; the answer has no body.
        Empty = "empty",
        /// Carried out; the body is a page of HTML.
        Malformed = "malformed",
        /// Carried out; the body ends in the middle of its JSON.
        Truncated = "truncated",
        /// An array of errors under 200: not carried out.
        ErrorsUnderSuccess = "errors-under-200",
        /// Carried out; the body comes in drips.
        SlowBody = "slow-body",
        /// 429, as a limit that is full refuses: not carried out, and it holds no slot.
        Refused = "429",
    }
}

impl FaultKind {
    /// True if the call is carried out although it fails.
    pub const fn is_applied(self) -> bool {
        match self {
            Self::InternalError
            | Self::BadGateway
            | Self::Unavailable
            | Self::Unauthorized
            | Self::ResetBefore
            | Self::ErrorsUnderSuccess
            | Self::Refused => false,
            Self::GatewayTimeout
            | Self::Timeout
            | Self::ResetAfter
            | Self::Empty
            | Self::Malformed
            | Self::Truncated
            | Self::SlowBody => true,
        }
    }

    /// Delivery of the answer.
    pub const fn delivery(self) -> Delivery {
        match self {
            Self::Timeout => Delivery::Never,
            Self::ResetBefore | Self::ResetAfter => Delivery::Reset,
            Self::Empty => Delivery::Empty,
            Self::Malformed => Delivery::Malformed,
            Self::Truncated => Delivery::Truncated,
            Self::SlowBody => Delivery::Slow,
            Self::InternalError
            | Self::BadGateway
            | Self::Unavailable
            | Self::GatewayTimeout
            | Self::Unauthorized
            | Self::ErrorsUnderSuccess
            | Self::Refused => Delivery::Whole,
        }
    }

    /// The error sent in place of the real answer; `None` where the real one is sent.
    pub(crate) fn answer(self) -> Option<Response> {
        let error = |status, code, message: &str| {
            Some(Response::error(Status(status), ApiError::new(code, message)))
        };
        match self {
            Self::InternalError => error(500, 1, "Unexpected System error occurred."),
            Self::BadGateway => error(502, 1, "bad gateway"),
            Self::Unavailable => error(503, 1, "service unavailable"),
            Self::GatewayTimeout => error(504, 1, "gateway timeout"),
            Self::Unauthorized => error(401, 13, "Api key is invalid."),
            Self::ErrorsUnderSuccess => error(200, 1, "Unexpected System error occurred."),
            // The limits answer it.
            Self::Refused
            | Self::Timeout
            | Self::ResetBefore
            | Self::ResetAfter
            | Self::Empty
            | Self::Malformed
            | Self::Truncated
            | Self::SlowBody => None,
        }
    }
}

/// Delivery of an answer. The shell does it; the pure core only decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Complete.
    #[default]
    Whole,
    /// Status and headers, no body.
    Empty,
    /// Status and headers, and a body that is no JSON.
    Malformed,
    /// Status and headers, and the first half of the body, whole as HTTP goes.
    Truncated,
    /// Status and headers, and the body in pieces over [`SLOW_BODY`].
    Slow,
    /// None: the connection is reset when the answer is due.
    Reset,
    /// None: the connection stays open and silent until the client closes it, or for as long as the
    /// profile says.
    Never,
}

/// Time over which a slow body is sent.
pub const SLOW_BODY: std::time::Duration = std::time::Duration::from_secs(5);

/// A way in which one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextFailure {
    /// This status with one error in the body; the call is not carried out.
    Status(Status),
    /// A fault of this kind.
    Fault(FaultKind),
}

impl NextFailure {
    /// True if the call fails like one over a limit.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Fault(FaultKind::Refused))
            || self == Self::Status(Status::TOO_MANY_REQUESTS)
    }
}

impl fmt::Display for NextFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Fault(kind) => kind.fmt(f),
        }
    }
}

impl From<Status> for NextFailure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<FaultKind> for NextFailure {
    fn from(kind: FaultKind) -> Self {
        Self::Fault(kind)
    }
}

/// The account that a request names, if it names one.
pub(crate) const fn account_of(request: &Request) -> Option<AccountId> {
    match request {
        Request::GetAccount(id) | Request::PatchAccount(id, _) | Request::PutAccount(id, _) => {
            Some(*id)
        }
        _ => None,
    }
}
