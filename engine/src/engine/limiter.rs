//! How many calls of one endpoint may be in flight at once, and how soon after another.
//!
//! A [`Rule`] hears how each call ended and says what it allows now. It knows what a client can
//! know: how many of its own calls were in flight, which were refused, and when. Rules are pure;
//! the gate (`engine::gate`) makes calls wait for them.

mod adaptive;
mod aimd;

pub use adaptive::Adaptive;
pub use aimd::Aimd;

use neon_mock::api::Endpoint;
use neon_mock::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// How an attempt of a call ended, as a limiter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When its answer was there.
    pub done_at: Timestamp,
    /// Calls of the same endpoint that were in flight when it was sent, without itself.
    pub others: u32,
    /// Whether it was refused with 429.
    pub refused: bool,
    /// Whether calls wait for a place.
    pub wanted: bool,
}

/// Says what one endpoint's calls may do.
pub trait Rule: fmt::Debug {
    /// How many calls may be in flight; at least 1.
    fn limit(&self) -> u32;

    /// The least time between two calls that are sent.
    fn spacing(&self) -> Duration {
        Duration::ZERO
    }

    /// Takes in how a call ended.
    fn hear(&mut self, heard: &Heard);
}

/// Makes the rule of each endpoint.
pub trait Rules {
    /// A rule for `endpoint` that has heard nothing yet; `None` lets every call go at once.
    fn rule(&self, endpoint: Endpoint) -> Option<Box<dyn Rule>>;
}

/// Which rule limits the calls in flight.
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
    /// None: the workers are the only limit.
    #[default]
    None,
    /// Never more than so many.
    Fixed(NonZeroU32),
    /// One more after each full round, half of them after a refusal.
    Aimd,
    /// Finds the pool with few refusals, and a rate where there is no pool.
    Adaptive {
        /// Places of what was found that are left to others.
        headroom: u32,
    },
}

impl Rules for Limiter {
    fn rule(&self, _: Endpoint) -> Option<Box<dyn Rule>> {
        match *self {
            Self::None => None,
            Self::Fixed(limit) => Some(Box::new(Fixed(limit.get()))),
            Self::Aimd => Some(Box::new(Aimd::default())),
            Self::Adaptive { headroom } => Some(Box::new(Adaptive::new(headroom))),
        }
    }
}

impl fmt::Display for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Fixed(limit) => write!(f, "fixed:{limit}"),
            Self::Aimd => f.write_str("aimd"),
            Self::Adaptive { .. } => f.write_str("adaptive"),
        }
    }
}

/// A text that names no limiter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no limiter: expected none, fixed:N (N at least 1), aimd or adaptive")]
pub struct ParseLimiterError(String);

impl FromStr for Limiter {
    type Err = ParseLimiterError;

    fn from_str(text: &str) -> Result<Self, ParseLimiterError> {
        Ok(match text {
            "none" => Self::None,
            "aimd" => Self::Aimd,
            "adaptive" => Self::Adaptive { headroom: 0 },
            _ => {
                let limit = text.strip_prefix("fixed:").and_then(|limit| limit.parse().ok());
                Self::Fixed(limit.ok_or_else(|| ParseLimiterError(text.to_owned()))?)
            }
        })
    }
}

/// Never more than so many.
#[derive(Clone, Copy, Debug)]
struct Fixed(u32);

impl Rule for Fixed {
    fn limit(&self) -> u32 {
        self.0
    }

    fn hear(&mut self, _: &Heard) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limiters_are_named_as_they_are_read() {
        for name in ["none", "fixed:7", "aimd", "adaptive"] {
            assert_eq!(name.parse::<Limiter>().unwrap().to_string(), name);
        }
        for wrong in ["", "fixed", "fixed:0", "fixed:-1", "gradient2"] {
            assert!(wrong.parse::<Limiter>().is_err(), "{wrong}");
        }
    }
}
