//! The ledger of the guide's claims: `reports/claims.toml`, read, judged and written back.
//!
//! The rows of the guide's worked examples are in it too, made from [`EXAMPLES`](crate::report::shared::rows::EXAMPLES).
//!
//! Invariant: measured figures and verdicts come from runs alone: the suite makes them, and
//! `tests/it/claims.rs` holds the file against them.

mod examples;
mod file;
mod line;
mod run;

use file::SHIPPED;
pub use file::{ReadError, read, with_results};
pub use line::ClaimLine;
pub(crate) use line::title;
pub use run::{SEEDS, run};

use crate::report::shared::claimed::{Claimed, Figure};
use neon_mock::file::DurationText;
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Reads, Settings, Strategy};
use neonbench_engine::scenario::{DatasetSource, Scenario, ScenarioError, Workload};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// The guide's claims, tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LedgerSample {
    /// Runs of each trial.
    pub seeds: u64,
    /// Claims that runs test, in the guide's order.
    pub claims: Vec<Tested>,
    /// Claims that no run can test.
    pub untestable: Vec<Untestable>,
}

/// A run that tests a claim, as a table of the file gives it; its default is the file's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "as in `Settings` and `Workload`")]
pub struct Trial {
    pub profile: String,
    /// Pools of so many calls, in place of the profile's.
    pub pool: Option<NonZeroU32>,
    pub dataset: String,
    pub resources: u64,
    pub mappings: u32,
    pub sample: Option<u64>,
    pub strategy: Strategy,
    pub workers: NonZeroU32,
    pub batch_size: NonZeroU32,
    pub chunk_size: Option<NonZeroU32>,
    pub chunk_pause: DurationText,
    pub metadata_cache: bool,
    /// One search per value, as the guide's engine reads.
    pub one_search_a_value: bool,
    pub dry_run: bool,
}

impl Default for Trial {
    fn default() -> Self {
        let positive = |number| NonZeroU32::new(number).expect("the defaults are positive");
        Self {
            profile: "documented".to_owned(),
            pool: None,
            dataset: "plain".to_owned(),
            resources: 100,
            mappings: 3,
            sample: None,
            strategy: Strategy::Standard,
            workers: positive(DEFAULT_WORKERS),
            batch_size: positive(DEFAULT_BATCH_SIZE),
            chunk_size: None,
            chunk_pause: DurationText::default(),
            metadata_cache: true,
            one_search_a_value: false,
            dry_run: false,
        }
    }
}

impl Trial {
    /// Its scenario. Errors: an unknown name, figures that make no scenario.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let profile = Scenario::profile(&self.profile)?;
        Scenario::new(Workload {
            profile: Some(
                self.pool.map_or_else(|| profile.clone(), |pool| profile.with_pool(pool)),
            ),
            dataset: Some(DatasetSource::BuiltIn(self.dataset.clone())),
            resources: Some(self.resources),
            mappings: Some(self.mappings),
            sample: self.sample,
            ..Workload::default()
        })
    }

    /// Its settings, under `seed`.
    pub fn settings(&self, seed: u64) -> Settings {
        let settings = Settings::new(self.strategy);
        Settings {
            workers: self.workers,
            batch_size: self.batch_size,
            chunk_size: self.chunk_size,
            chunk_pause: self.chunk_pause.0,
            metadata_cache: self.metadata_cache,
            reads: if self.one_search_a_value { Reads::Search } else { settings.reads },
            dry_run: self.dry_run,
            seed,
            ..settings
        }
    }

    /// Accounts that it is for.
    pub fn accounts(&self) -> u64 {
        self.sample.map_or(self.resources, |sample| sample.min(self.resources))
    }
}

/// A setting in which a claim is tested.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimSetting {
    /// Its name, for people.
    pub name: String,
    /// The run that the claim is about.
    pub run: Trial,
    /// The runs that it is compared with.
    pub baselines: Vec<Trial>,
}

/// A claim of the guide, a number or an advice, with its cases: the settings in which it is tested, or
/// what was measured in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Tested")]
pub struct Claim<C> {
    /// Its name here.
    pub id: String,
    /// The guide's heading.
    pub section: String,
    /// The claim, in our words.
    pub says: String,
    /// The figure that is measured.
    pub figure: Figure,
    /// The value that is claimed of it.
    pub claimed: Claimed,
    /// Its cases.
    pub cases: Vec<C>,
}

/// A claim with the runs that test it.
pub type GuideClaim = Claim<ClaimSetting>;

/// A claim, tested.
pub type Tested = Claim<TestedCase>;

/// A claim that no run can test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Untestable {
    /// The guide's heading.
    pub section: String,
    /// The claim, in our words.
    pub says: String,
    /// The reason why no run can test it.
    pub why: String,
}

/// The ledger as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimLedger {
    /// Claims that runs test, in the guide's order.
    pub claims: Vec<GuideClaim>,
    /// Claims that no run can test.
    pub untestable: Vec<Untestable>,
}

impl ClaimLedger {
    /// The ledger that is shipped.
    pub fn shipped() -> Self {
        read("reports/claims.toml", SHIPPED).expect("the shipped ledger is valid")
    }
}

/// The share of its settings in which a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    /// All.
    Holds,
    /// Some.
    #[serde(rename = "holds_where")]
    HoldsInSome,
    /// None.
    #[serde(rename = "does_not")]
    Fails,
}

/// A setting, tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TestedCase {
    /// Its name, for people.
    pub name: String,
    /// The figure, to four digits; `None` where a run failed its audit.
    pub measured: Option<f64>,
    /// True if the claim holds there.
    pub holds: bool,
}

impl Tested {
    /// `claim` with what was measured in each of its cases.
    pub fn new(claim: &GuideClaim, measured: &[Option<f64>]) -> Self {
        assert_eq!(claim.cases.len(), measured.len(), "{}: a figure for each case", claim.id);
        let case = |(case, measured): (&ClaimSetting, &Option<f64>)| {
            let measured = measured.filter(|figure| figure.is_finite()).map(to_four_digits);
            let holds = measured.is_some_and(|figure| claim.claimed.holds(claim.figure, figure));
            TestedCase { name: case.name.clone(), measured, holds }
        };
        Self {
            id: claim.id.clone(),
            section: claim.section.clone(),
            says: claim.says.clone(),
            figure: claim.figure,
            claimed: claim.claimed,
            cases: claim.cases.iter().zip(measured).map(case).collect(),
        }
    }

    /// The verdict over its settings.
    pub fn standing(&self) -> ClaimVerdict {
        match self.cases.iter().filter(|case| case.holds).count() {
            0 => ClaimVerdict::Fails,
            all if all == self.cases.len() => ClaimVerdict::Holds,
            _ => ClaimVerdict::HoldsInSome,
        }
    }

    /// The verdict in words: `holds where: 3 workers, 5 workers`.
    pub fn verdict(&self) -> String {
        match self.standing() {
            ClaimVerdict::Holds => "holds".to_owned(),
            ClaimVerdict::Fails => "does not hold".to_owned(),
            ClaimVerdict::HoldsInSome => {
                let held = self.cases.iter().filter(|case| case.holds);
                let names: Vec<&str> = held.map(|case| case.name.as_str()).collect();
                format!("holds where: {}", names.join("; "))
            }
        }
    }
}

/// `figure` to four significant digits: what lies behind them is the luck of a few seeds.
fn to_four_digits(figure: f64) -> f64 {
    format!("{figure:.3e}").parse().expect("a number that was just written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_of_all_cases_and_names_those_that_hold() {
        let ledger = ClaimLedger::shipped();
        let mut claim = ledger.claims[0].clone();
        claim.figure = Figure::TimesFaster;
        claim.claimed = Claimed { is: None, from: Some(2.0), to: None };
        let case = |name: &str| ClaimSetting { name: name.to_owned(), ..claim.cases[0].clone() };
        claim.cases = vec![case("few"), case("many")];
        let verdict = |found: [Option<f64>; 2]| Tested::new(&claim, &found).verdict();
        assert_eq!(verdict([Some(2.0), Some(3.0)]), "holds");
        assert_eq!(verdict([Some(1.0), Some(3.0)]), "holds where: many");
        assert_eq!(verdict([Some(1.0), None]), "does not hold");
        // A figure that is not a number bears nothing out.
        assert_eq!(verdict([Some(f64::INFINITY), Some(f64::NAN)]), "does not hold");
        let tested = Tested::new(&claim, &[Some(2.345_678), Some(12_345.6)]);
        let found: Vec<_> = tested.cases.iter().map(|case| case.measured.unwrap()).collect();
        assert_eq!(found, [2.346, 12_350.0]);
    }
}
