//! Goals: what a run costs, and the constraints that a candidate must keep.

use super::candidate::Candidate;
use super::simulate::RunFigures;
use super::summary::Summary;
use crate::text::percent;
use neonbench_engine::engine::limiter::{
    CALLS_PER_FREE_REFUSAL, ExpectedEcho, FREE_REFUSALS, Manners,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

neon_mock::named! {
    /// The cost of a run.
    #[derive(Default, schemars::JsonSchema)]
    pub enum Objective {
        /// Makespan × (1 + 20 × excess) × (1 + 10 × overwritten): a handful of refusals is free, living on
        /// them is dear, and so is overwriting what colleagues save.
        #[default]
        Balanced = "balanced",
        /// Makespan.
        Fastest = "fastest",
    }
}

/// Price of each refused call beyond the free ones, as a share of all calls.
const PRICE_OF_REFUSALS: f64 = 20.0;

/// Price of each failed account, as a share of all accounts: one in a hundred doubles the cost. Somebody has
/// to find out why it failed, and migrate it again.
const PRICE_OF_FAILURES: f64 = 100.0;

/// Price of each edit of a colleague that is overwritten, as a share of all accounts: one in a hundred accounts
/// costs a tenth more. Reading each account again before its write is worth that, and a slower strategy is not.
const PRICE_OF_EDITS: f64 = 10.0;

impl Objective {
    /// The way in which an adaptive limiter takes refusals under this objective.
    pub const fn manners(self) -> Manners {
        match self {
            Self::Balanced => Manners::Polite,
            Self::Fastest => Manners::Pushing,
        }
    }

    /// The cost of one run, in seconds; under every objective failed accounts are priced.
    pub fn of(self, run: &RunFigures) -> f64 {
        let failures = 1.0 + PRICE_OF_FAILURES * run.failed_share();
        let manners = match self {
            Self::Fastest => 1.0,
            Self::Balanced => {
                let (calls, refused) = (run.calls as f64, run.refused as f64);
                let free = (FREE_REFUSALS as f64).max(calls / CALLS_PER_FREE_REFUSAL as f64);
                let refusals = PRICE_OF_REFUSALS * (refused - free).max(0.0) / calls.max(1.0);
                (1.0 + refusals) * (1.0 + PRICE_OF_EDITS * run.overwritten_share())
            }
        };
        run.makespan_s * manners * failures
    }
}

/// A constraint on a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// Less than this share of the calls is refused.
    RejectedBelow(f64),
    /// Less than this share of the calls by which integrations answer webhooks is refused.
    EchoBelow(f64),
    /// At least so many places of the smallest pool are left to others.
    Headroom(u32),
}

/// An error: the text is not a constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no constraint: expected rejected<P%, echo<P% (P from 0 to 100) or headroom>=N")]
pub struct ParseConstraintError(String);

impl FromStr for Constraint {
    type Err = ParseConstraintError;

    fn from_str(text: &str) -> Result<Self, ParseConstraintError> {
        let wrong = || ParseConstraintError(text.to_owned());
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let below: [fn(f64) -> Self; 2] = [Self::RejectedBelow, Self::EchoBelow];
        for (prefix, constraint) in ["rejected<", "echo<"].into_iter().zip(below) {
            let Some(share) = bare.strip_prefix(prefix) else { continue };
            let percent = share.strip_suffix('%').and_then(|share| share.parse::<f64>().ok());
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            return Ok(constraint(percent.ok_or_else(wrong)? / 100.0));
        }
        let places = bare.strip_prefix("headroom>=").and_then(|places| places.parse().ok());
        Ok(Self::Headroom(places.ok_or_else(wrong)?))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RejectedBelow(share) => write!(f, "rejected<{}%", share * 100.0),
            Self::EchoBelow(share) => write!(f, "echo<{}%", share * 100.0),
            Self::Headroom(places) => write!(f, "headroom>={places}"),
        }
    }
}

/// The cost of a candidate, and the constraints that it must keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Goal {
    /// The cost of a run.
    pub objective: Objective,
    /// The constraints.
    pub constraints: Vec<Constraint>,
    /// Calls of integrations that adaptive limiters leave room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<ExpectedEcho>,
}

impl Goal {
    /// True if `candidate` keeps the constraints that need no run, on a target whose smallest pool of
    /// reads and writes admits `pool` calls in flight (`None`: no pool).
    pub fn allows(&self, candidate: &Candidate, pool: Option<u32>) -> bool {
        let left = candidate.headroom(pool);
        self.constraints.iter().all(|constraint| match constraint {
            Constraint::Headroom(wanted) => left >= i64::from(*wanted),
            Constraint::RejectedBelow(_) | Constraint::EchoBelow(_) => true,
        })
    }

    /// True if runs with that mean share of refused calls, their own and those of integrations (0 to 1), keep the
    /// constraints.
    pub fn tolerates(&self, refused_share: f64, echo_refused_share: f64) -> bool {
        self.constraints.iter().all(|constraint| match constraint {
            Constraint::RejectedBelow(most) => refused_share < *most,
            Constraint::EchoBelow(most) => echo_refused_share < *most,
            Constraint::Headroom(_) => true,
        })
    }

    /// True if the runs of `candidate` keep every constraint.
    pub fn is_kept(&self, candidate: &Candidate, pool: Option<u32>, runs: &Summary) -> bool {
        let is_kept = self.tolerates(runs.refused_share(), runs.echo_refused_share());
        self.allows(candidate, pool) && is_kept
    }

    /// The constraints that the runs of `candidate` break, each with what was found.
    pub fn broken(&self, candidate: &Candidate, pool: Option<u32>, runs: &Summary) -> Vec<String> {
        let is_broken = |constraint: &&Constraint| {
            let alone = Self { constraints: vec![**constraint], ..Self::default() };
            !alone.is_kept(candidate, pool, runs)
        };
        let in_words = |constraint: &Constraint| match constraint {
            Constraint::RejectedBelow(_) => {
                format!("{constraint}: {} of the calls are refused", percent(runs.refused_share()))
            }
            Constraint::EchoBelow(_) => {
                let share = percent(runs.echo_refused_share());
                format!("{constraint}: {share} of the integrations' calls are refused")
            }
            Constraint::Headroom(_) => {
                format!("{constraint}: {} are left", candidate.headroom(pool))
            }
        };
        self.constraints.iter().filter(is_broken).map(in_words).collect()
    }

    /// Mean cost of the runs of `candidate`, in seconds; infinite if a run fails its audit or a
    /// constraint is broken.
    pub fn cost(&self, candidate: &Candidate, pool: Option<u32>, runs: &Summary) -> f64 {
        let is_valid = runs.is_valid() && self.is_kept(candidate, pool, runs);
        if is_valid { runs.cost_s(self.objective) } else { f64::INFINITY }
    }

    /// The criterion of a ranking by this goal, in words.
    pub fn in_words(&self) -> String {
        let objective = match self.objective {
            Objective::Balanced => {
                "balanced cost: time, plus penalties for failed accounts, refusals beyond the first few and overwritten edits"
                    .to_owned()
            }
            Objective::Fastest => "fastest: time, plus a penalty for failed accounts".to_owned(),
        };
        let constraints = self.constraints.iter().map(ToString::to_string);
        std::iter::once(objective).chain(constraints).collect::<Vec<_>>().join("; ")
    }

    /// Calls in flight that a limiter leaves to other users, of those that it finds admitted.
    pub fn headroom(&self) -> u32 {
        let places = self.constraints.iter().map(|constraint| match constraint {
            Constraint::Headroom(places) => *places,
            Constraint::RejectedBelow(_) | Constraint::EchoBelow(_) => 0,
        });
        places.max().unwrap_or(0)
    }
}

/// A cost as a multiple of `least`; 1 where both are zero.
pub fn times_as_much(cost: f64, least: f64) -> f64 {
    if cost.total_cmp(&least).is_eq() { 1.0 } else { cost / least }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_of_refusals_is_free_and_living_on_them_is_dear() {
        let cost = |objective: Objective, calls, refused, failed| {
            let run = RunFigures { makespan_s: 100.0, calls, refused, failed, ..RunFigures::NONE };
            objective.of(&RunFigures { resources: 200, ..run })
        };
        let balanced = |calls, refused| cost(Objective::Balanced, calls, refused, 0);
        assert!((balanced(100, 5) - 100.0).abs() < 1e-9);
        assert!((balanced(10_000, 50) - 100.0).abs() < 1e-9);
        // A quarter refused: 245 of 1,000 beyond the free five.
        assert!((balanced(1_000, 250) - 590.0).abs() < 1e-9);
        assert!((cost(Objective::Fastest, 1_000, 250, 0) - 100.0).abs() < 1e-9);
        // Failing is never fast: 1 % of the accounts doubles the cost.
        assert!((cost(Objective::Balanced, 1_000, 0, 2) - 200.0).abs() < 1e-9);
        assert!((cost(Objective::Fastest, 1_000, 0, 2) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn constraints_are_named_as_they_are_read() {
        for name in ["rejected<0.5%", "echo<1%", "headroom>=1"] {
            assert_eq!(name.parse::<Constraint>().unwrap().to_string(), name);
        }
        assert!("rejected < 2 %".parse::<Constraint>().is_ok());
        for wrong in
            ["", "rejected<5", "rejected<-1%", "echo<x%", "headroom>1", "headroom>=-1", "speed>1"]
        {
            assert!(wrong.parse::<Constraint>().is_err(), "{wrong}");
        }
    }
}
