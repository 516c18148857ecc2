//! Statuses and error bodies.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub u16);

impl Status {
    /// Success.
    pub const OK: Self = Self(200);
    /// Neon's own: the id was merged into another account, which answers in its place.
    pub const MERGED: Self = Self(222);
    /// The request is invalid.
    pub const BAD_REQUEST: Self = Self(400);
    /// Organisation id or key missing or wrong.
    pub const UNAUTHORIZED: Self = Self(401);
    /// No such record.
    pub const NOT_FOUND: Self = Self(404);
    /// The endpoint's pool of in-flight calls is full.
    pub const TOO_MANY_REQUESTS: Self = Self(429);

    /// 200 to 299.
    pub const fn is_success(self) -> bool {
        self.0 >= 200 && self.0 < 300
    }

    /// 500 to 599.
    pub const fn is_server_error(self) -> bool {
        self.0 >= 500 && self.0 < 600
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry of an error body. Source of the codes: Neon's page on response codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Neon's code, a number in a string.
    pub code: String,
    /// Message.
    pub message: String,
}

impl ApiError {
    /// An error of that code.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code: code.to_string(), message: message.into() }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}
