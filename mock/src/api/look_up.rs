//! Read-only lists and settings, which clients look up when they start.

use super::endpoint::Endpoint;

/// A look-up endpoint: no parameters, a list or a setting as its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUp(Endpoint);

impl LookUp {
    /// `None` if `endpoint` is no look-up.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        let is_one =
            endpoint == Endpoint::ListWebhooks || endpoint.template().starts_with("/properties/");
        is_one.then_some(Self(endpoint))
    }

    /// Its endpoint.
    pub const fn endpoint(self) -> Endpoint {
        self.0
    }
}
