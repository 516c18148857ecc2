//! Limits: which calls may start, and when.
//!
//! Neon's page on limits can be read in two ways, and both are implemented: a [`Pool`] bounds the calls in
//! flight, a [`Window`] the calls a second. A [`Gate`] composes them: a call has to pass both, and
//! one that either refuses takes nothing from the other.

mod gate;
mod pool;
mod retry_after;
mod window;

pub use gate::{Admission, Gate, Limit};
pub use pool::Pool;
pub use retry_after::RetryAfter;
pub use window::Window;

use crate::api::Endpoint;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Number of endpoints.
const ENDPOINTS: usize = Endpoint::ALL.len();

/// Which calls share a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Calls with the same verb and path template.
    #[default]
    Endpoint,
    /// Calls with the same path template, whatever their verb.
    Template,
    /// All calls.
    Organisation,
}

impl Scope {
    /// The endpoint whose limit `endpoint` shares: the first of those that share it.
    pub fn leader(self, endpoint: Endpoint) -> Endpoint {
        let shares = |other: &Endpoint| match self {
            Self::Endpoint => *other == endpoint,
            Self::Template => other.template() == endpoint.template(),
            Self::Organisation => true,
        };
        Endpoint::ALL.into_iter().find(shares).unwrap_or(endpoint)
    }
}

/// The limits of a profile, checked; none at all by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Which calls share a limit.
    pub scope: Scope,
    /// Calls in flight, by endpoint; those that share a limit have the same.
    pub pools: [Option<u32>; ENDPOINTS],
    /// Calls a second, by endpoint; those that share a limit have the same.
    pub per_second: [Option<u32>; ENDPOINTS],
    /// Calls that may queue at a limit before calls are refused.
    pub queue: u32,
    /// Response time of a refusal.
    pub reject_after: Duration,
    /// `Retry-After` of a refusal.
    pub retry_after: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            pools: [None; ENDPOINTS],
            per_second: [None; ENDPOINTS],
            queue: 0,
            reject_after: Duration::ZERO,
            retry_after: None,
        }
    }
}

/// The gates of an organisation, one for each limit.
#[derive(Clone, Debug)]
pub(crate) struct EndpointGates {
    // Boxed, so that whatever holds a mock, such as a future that starts one, stays small.
    gates: Box<[Gate; ENDPOINTS]>,
    leaders: Box<[usize; ENDPOINTS]>,
}

impl EndpointGates {
    /// Gates in their initial state.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            gates: Box::new(Endpoint::ALL.map(|endpoint| Gate::new(limits, endpoint))),
            leaders: Box::new(Endpoint::ALL.map(|endpoint| limits.scope.leader(endpoint).index())),
        }
    }

    /// The gate that calls of `endpoint` pass.
    pub(crate) fn of(&mut self, endpoint: Endpoint) -> &mut Gate {
        &mut self.gates[self.leaders[endpoint.index()]]
    }
}
