//! What a choice costs, and what it must not do.

use super::configuration::Configuration;
use super::observed::Observed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What came of one simulated run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds from the first call due to the last account landed.
    pub makespan_s: f64,
    /// Calls that reached the server, refusals included.
    pub calls: u64,
    /// Calls that were refused with 429.
    pub refused: u64,
    /// Accounts that failed.
    pub failed: u64,
    /// Admitted calls that read or wrote records: look-ups of metadata are not among them.
    pub record_calls: u64,
    /// Those of them that wrote.
    pub writes: u64,
    /// The most accounts in memory.
    pub peak_buffered: u64,
    /// Accounts that a kill leaves open: read, and their write not answered; the mean over the
    /// makespan, by Little's law.
    pub at_risk: f64,
    /// Those of them whose write is under way, so that nobody knows whether it was carried out.
    pub open_writes: f64,
    /// Whether it passed its audit.
    pub valid: bool,
    /// Whether it was ended before all accounts had.
    pub hopeless: bool,
}

/// What a choice is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// Makespan × (1 + 20 × excess): a handful of refusals is free, living on them is dear.
    #[default]
    Balanced,
    /// Makespan.
    Fastest,
}

/// What each refused call beyond the free ones adds, as a share of all calls.
const PRICE_OF_REFUSALS: f64 = 20.0;

/// Refusals that are free whatever the size of the run.
const FREE_REFUSALS: f64 = 5.0;

/// Calls for each of which one two-hundredth of a refusal is free.
const CALLS_A_FREE_REFUSAL: f64 = 200.0;

impl Objective {
    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Fastest => "fastest",
        }
    }

    /// The cost, in seconds, of a run that took `makespan_s` and had `refused` of its `calls`
    /// refused.
    pub fn cost(self, makespan_s: f64, calls: f64, refused: f64) -> f64 {
        match self {
            Self::Fastest => makespan_s,
            Self::Balanced => {
                let free = FREE_REFUSALS.max(calls / CALLS_A_FREE_REFUSAL);
                let excess = (refused - free).max(0.0) / calls.max(1.0);
                makespan_s * (1.0 + PRICE_OF_REFUSALS * excess)
            }
        }
    }

    /// The cost of `sample`.
    pub fn of(self, sample: &Sample) -> f64 {
        self.cost(sample.makespan_s, sample.calls as f64, sample.refused as f64)
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a choice must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// Less than this share of the calls is refused.
    RejectedBelow(f64),
    /// At least so many places of the smallest pool are left to others.
    Headroom(u32),
}

/// A text that names no constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no constraint: expected rejected<P% (P from 0 to 100) or headroom>=N")]
pub struct ParseConstraintError(String);

impl FromStr for Constraint {
    type Err = ParseConstraintError;

    fn from_str(text: &str) -> Result<Self, ParseConstraintError> {
        let wrong = || ParseConstraintError(text.to_owned());
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if let Some(share) = bare.strip_prefix("rejected<") {
            let percent = share.strip_suffix('%').and_then(|share| share.parse::<f64>().ok());
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            return Ok(Self::RejectedBelow(percent.ok_or_else(wrong)? / 100.0));
        }
        let places = bare.strip_prefix("headroom>=").and_then(|places| places.parse().ok());
        Ok(Self::Headroom(places.ok_or_else(wrong)?))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RejectedBelow(share) => write!(f, "rejected<{}%", share * 100.0),
            Self::Headroom(places) => write!(f, "headroom>={places}"),
        }
    }
}

/// What a choice is judged by, and what it must keep to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What it costs.
    pub objective: Objective,
    /// What it must not do.
    pub constraints: Vec<Constraint>,
}

impl Goal {
    /// Whether `configuration` may be used at all, as far as that is known beforehand.
    pub fn allows(&self, configuration: &Configuration, observed: &Observed) -> bool {
        let places = configuration.headroom(observed);
        self.constraints.iter().all(|constraint| match constraint {
            Constraint::Headroom(wanted) => places >= i64::from(*wanted),
            Constraint::RejectedBelow(_) => true,
        })
    }

    /// Whether runs with that mean share of refused calls keep to it.
    pub fn tolerates(&self, refused_share: f64) -> bool {
        self.constraints.iter().all(|constraint| match constraint {
            Constraint::RejectedBelow(most) => refused_share < *most,
            Constraint::Headroom(_) => true,
        })
    }

    /// Places of what it finds that a limiter leaves to others.
    pub fn headroom(&self) -> u32 {
        let places = self.constraints.iter().map(|constraint| match constraint {
            Constraint::Headroom(places) => *places,
            Constraint::RejectedBelow(_) => 0,
        });
        places.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_of_refusals_is_free_and_living_on_them_is_dear() {
        let cost = |calls, refused| Objective::Balanced.cost(100.0, calls, refused);
        assert!((cost(100.0, 5.0) - 100.0).abs() < 1e-9);
        assert!((cost(10_000.0, 50.0) - 100.0).abs() < 1e-9);
        // A quarter refused: 245 of 1,000 beyond the free five.
        assert!((cost(1_000.0, 250.0) - 590.0).abs() < 1e-9);
        assert!((Objective::Fastest.cost(100.0, 1_000.0, 250.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn constraints_are_named_as_they_are_read() {
        for name in ["rejected<0.5%", "headroom>=1"] {
            assert_eq!(name.parse::<Constraint>().unwrap().to_string(), name);
        }
        assert!("rejected < 2 %".parse::<Constraint>().is_ok());
        for wrong in ["", "rejected<5", "rejected<-1%", "headroom>1", "headroom>=-1", "speed>1"] {
            assert!(wrong.parse::<Constraint>().is_err(), "{wrong}");
        }
    }
}
