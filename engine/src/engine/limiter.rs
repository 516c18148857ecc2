//! Limits on the calls of one endpoint: how many in flight, and how far apart.
//!
//! A [`ConcurrencyLimit`] gets the result of each call and adjusts. It sees what a client can see:
//! how many of its own calls were in flight, which were refused, and when. Limits are pure; the
//! queue (`engine::admission`) makes calls wait. Deliberately absent: any knowledge of the profile.
//!
//! Beside the limits of single endpoints stands one of all calls together ([`LimitOfAll`]): service times
//! that grow with the calls in flight, and pools that verbs share, are limits of the whole server.
//!
//! The names follow Netflix's concurrency-limits.

mod adaptive;
mod echo_share;
mod knee;
mod limit;
mod of_all;
mod paced_rate;
mod shared_rate;
mod waiting;

pub use adaptive::Adaptive;
pub use echo_share::{EchoShare, ExpectedEcho, OwnCalls, ParseEchoError};
pub use limit::{
    CALLS_PER_FREE_REFUSAL, CallFeedback, ConcurrencyLimit, FREE_REFUSALS, LimitFactory,
    UnansweredCall,
};
pub use of_all::LimitOfAll;
pub(super) use shared_rate::SharedRate;

use neon_mock::api::Endpoint;
use neon_mock::bounds::QUEUE;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The kind of limit that a run uses.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limiter {
    /// No limit beside the number of workers.
    #[default]
    None,
    /// A constant number of calls in flight per endpoint.
    Fixed(NonZeroU32),
    /// Finds the pool with few refusals; where calls per second are limited, finds the rate.
    Adaptive {
        /// Slots of the pool to leave to other clients.
        headroom: u32,
        /// Its price of a refusal.
        #[serde(default, skip_serializing_if = "Manners::is_default")]
        manners: Manners,
        /// Calls of integrations to leave room for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        echo: Option<ExpectedEcho>,
    },
}

neon_mock::named! {
    /// The price of a refusal to an adaptive limit.
    #[derive(Default, schemars::JsonSchema)]
    pub enum Manners {
        /// A refusal is a cost: it waits until places are free again.
        #[default]
        Polite = "polite",
        /// A refusal costs only its time: it asks on for places that it had before.
        Pushing = "pushing",
    }
}

impl Manners {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Calls in flight that a success opens before limits are found: with one, they double in each
    /// round.
    const fn opened_by_success(self) -> u32 {
        match self {
            Self::Polite => 1,
            Self::Pushing => 2,
        }
    }

    /// Other calls of the endpoint that count as taken beside a call that was.
    const fn beside(self, taken: &CallFeedback) -> u32 {
        match self {
            Self::Polite => taken.certain(),
            Self::Pushing => taken.in_flight,
        }
    }
}

impl Limiter {
    /// The polite adaptive limiter that leaves `headroom` slots to others.
    pub const fn adaptive(headroom: u32) -> Self {
        Self::Adaptive { headroom, manners: Manners::Polite, echo: None }
    }
}

impl LimitFactory for Limiter {
    fn limit_for(&self, _: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        match *self {
            Self::None => None,
            Self::Fixed(limit) => Some(Box::new(FixedLimit(limit.get()))),
            Self::Adaptive { headroom, manners, echo: _ } => {
                Some(Box::new(Adaptive::new(headroom, manners)))
            }
        }
    }

    fn limit_of_all(&self) -> Option<LimitOfAll> {
        match *self {
            Self::None | Self::Fixed(_) => None,
            Self::Adaptive { headroom, manners, echo: _ } => {
                Some(LimitOfAll::new(headroom, manners))
            }
        }
    }

    fn echo_share(&self) -> Option<EchoShare> {
        match *self {
            Self::None | Self::Fixed(_) => None,
            Self::Adaptive { echo, .. } => echo.map(EchoShare::new),
        }
    }
}

impl Limiter {
    /// True if both are the same but for headroom, manners and echo, which are a goal's.
    pub fn is_same_kind(self, other: Self) -> bool {
        matches!((self, other), (Self::Adaptive { .. }, Self::Adaptive { .. })) || self == other
    }
}

impl fmt::Display for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Fixed(limit) => write!(f, "fixed:{limit}"),
            Self::Adaptive { .. } => f.write_str("adaptive"),
        }
    }
}

/// The text names no limiter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no limiter: expected none, fixed:N (N from 1 to 1000000) or adaptive")]
pub struct ParseLimiterError(String);

impl FromStr for Limiter {
    type Err = ParseLimiterError;

    fn from_str(text: &str) -> Result<Self, ParseLimiterError> {
        Ok(match text {
            "none" => Self::None,
            "adaptive" => Self::adaptive(0),
            _ => {
                let limit = text.strip_prefix("fixed:").and_then(|limit| limit.parse().ok());
                let limit = limit.filter(|limit: &NonZeroU32| QUEUE.check(limit.get()).is_ok());
                Self::Fixed(limit.ok_or_else(|| ParseLimiterError(text.to_owned()))?)
            }
        })
    }
}

/// A constant limit.
#[derive(Clone, Copy, Debug)]
struct FixedLimit(u32);

impl ConcurrencyLimit for FixedLimit {
    fn limit(&self) -> u32 {
        self.0
    }

    fn on_result(&mut self, _: &CallFeedback) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limiters_are_named_as_they_are_read() {
        for name in ["none", "fixed:7", "adaptive"] {
            assert_eq!(name.parse::<Limiter>().unwrap().to_string(), name);
        }
        for wrong in ["", "fixed", "fixed:0", "fixed:-1", "aimd"] {
            assert!(wrong.parse::<Limiter>().is_err(), "{wrong}");
        }
    }
}
