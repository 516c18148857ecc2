//! The runs of every strategy on one migration, and their ranking.

mod failures;
mod ranked;
mod spectrum;

pub use failures::ErrorGroup;
pub(crate) use failures::errors;
pub(crate) use ranked::{CLIFF, ranked};
pub use ranked::{RankedStrategy, TimeShare};
pub use spectrum::Spectrum;
pub(crate) use spectrum::outcome_in_words;

use crate::experiment::{CandidateRuns, Objective, RunFigures, Summary};
use crate::findings::RunFinding;
use crate::stats::outer_quantiles;
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::{ColleagueEdits, RunRecord};
use serde::{Deserialize, Serialize};

/// The runs of one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StrategyRuns {
    /// The strategy.
    pub strategy: Strategy,
    /// Its name, where that is not its strategy.
    #[serde(default)]
    pub name: Option<String>,
    /// One run a seed.
    pub runs: Vec<RunRecord>,
    /// Figures of its replicates of which no record is left, the run's own first.
    #[serde(default)]
    pub replicates: Vec<RunFigures>,
    /// Response times over all its runs, by endpoint and outcome.
    pub spectra: Vec<Spectrum>,
    /// Findings of its first run, with gains where they were simulated.
    #[serde(default)]
    pub findings: Vec<RunFinding>,
}

impl StrategyRuns {
    /// Its name, which is its strategy's unless it has one of its own.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.strategy.name())
    }

    /// True if every run passed its audit.
    pub fn is_valid(&self) -> bool {
        self.runs.iter().all(|record| record.audit.valid)
    }

    /// Accounts that failed, over its runs.
    pub fn fails(&self) -> u64 {
        self.runs.iter().map(|record| record.records.failed).sum()
    }

    /// Figures of all its replicates.
    pub fn summary(&self) -> Summary {
        if self.replicates.is_empty() {
            self.runs.iter().collect()
        } else {
            self.replicates.iter().copied().collect()
        }
    }

    /// Its entry in a ranking.
    pub fn entry(&self) -> CandidateRuns {
        CandidateRuns::of(&self.runs[0], self.summary())
    }

    /// Edits of colleagues over all its runs: as its record has them where that is one of replicates.
    pub fn edits(&self) -> ColleagueEdits {
        match self.runs.as_slice() {
            [only] => only.edits,
            runs => runs.iter().map(RunRecord::own_edits).collect(),
        }
    }

    /// Mean cost, in seconds.
    pub fn cost_s(&self, objective: Objective) -> f64 {
        self.summary().cost_s(objective)
    }

    /// 5th, 50th and 95th percentile of the makespan; `None` without runs.
    pub fn makespan_s(&self) -> Option<[f64; 3]> {
        outer_quantiles(self.summary().runs().iter().map(|run| run.makespan_s))
    }

    /// The mean of a figure over its runs.
    pub fn mean(&self, of: impl Fn(&RunRecord) -> f64) -> f64 {
        crate::stats::mean(self.runs.iter().map(of))
    }
}
