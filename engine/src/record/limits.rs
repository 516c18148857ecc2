//! The server's limits in a record.

use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of the endpoints that a migration calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedLimits {
    /// True if the limits are assumed: the server is remote and gives no access to its settings.
    pub assumed: bool,
    /// Reads of single accounts.
    pub get: RecordedLimit,
    /// Partial writes.
    pub patch: RecordedLimit,
    /// Whole writes.
    pub put: RecordedLimit,
    /// Searches.
    pub search: RecordedLimit,
}

/// Limits of one endpoint; null without such a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedLimit {
    /// Calls in flight.
    pub pool: Option<u32>,
    /// Calls per second.
    pub per_second: Option<u32>,
}

impl RecordedLimit {
    const fn exists(&self) -> bool {
        self.pool.is_some() || self.per_second.is_some()
    }
}

impl RecordedLimits {
    /// True if one of these endpoints has a pool or a window.
    pub const fn exist(&self) -> bool {
        let Self { get, patch, put, search, .. } = self;
        get.exists() || patch.exists() || put.exists() || search.exists()
    }

    /// The limits of `profile`.
    pub fn of(profile: &Profile, assumed: bool) -> Self {
        let limit = |endpoint| RecordedLimit {
            pool: profile.pool(endpoint),
            per_second: profile.per_second(endpoint),
        };
        Self {
            assumed,
            get: limit(Endpoint::GetAccount),
            patch: limit(Endpoint::PatchAccount),
            put: limit(Endpoint::PutAccount),
            search: limit(Endpoint::SearchAccounts),
        }
    }
}
