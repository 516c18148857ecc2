//! Edits of colleagues: overwritten where there were any, and at risk where there were none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Edits of colleagues over the runs of one configuration; means are per run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ColleagueEdits {
    /// Edits that a run overwrote unseen.
    pub edits_overwritten: f64,
    /// The fewest and the most of them in one run.
    pub edits_overwritten_range: [u64; 2],
    /// Edits that colleagues saved during a run. Where there were none, none could be overwritten.
    pub edits_during_run: f64,
    /// Edits to expect between the reading and the writing of an account, per 1,000 accounts, if
    /// each is edited once per hour: 1,000 × mean exposure ÷ 1 h.
    pub edits_at_risk: f64,
    /// Runs that these are the means of.
    pub edits_runs: u64,
}

impl ColleagueEdits {
    /// True if nobody edited, and accounts stood open to edits.
    pub const fn are_at_risk(&self) -> bool {
        self.edits_during_run == 0.0 && self.edits_at_risk > 0.0
    }
}

/// Edits of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditsOfRun {
    /// Edits of colleagues that the run overwrote unseen.
    pub overwritten: u64,
    /// Edits that colleagues saved during the run.
    pub saved: u64,
    /// Mean time from reading an account to writing it, in seconds.
    pub exposure_s: f64,
}

impl FromIterator<EditsOfRun> for ColleagueEdits {
    fn from_iter<T: IntoIterator<Item = EditsOfRun>>(runs: T) -> Self {
        let runs: Vec<EditsOfRun> = runs.into_iter().collect();
        let mean = |of: fn(&EditsOfRun) -> f64| {
            runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64
        };
        let overwritten = || runs.iter().map(|run| run.overwritten);
        Self {
            edits_overwritten: mean(|run| run.overwritten as f64),
            edits_overwritten_range: [
                overwritten().min().unwrap_or(0),
                overwritten().max().unwrap_or(0),
            ],
            edits_during_run: mean(|run| run.saved as f64),
            edits_at_risk: 1_000.0 * mean(|run| run.exposure_s) / 3_600.0,
            edits_runs: runs.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_range_and_risk_are_of_all_runs() {
        let run = |overwritten, saved| EditsOfRun { overwritten, saved, exposure_s: 9.0 };
        let of: ColleagueEdits = [run(1, 30), run(4, 50)].into_iter().collect();
        assert_eq!((of.edits_overwritten, of.edits_overwritten_range), (2.5, [1, 4]));
        assert_eq!((of.edits_during_run, of.edits_at_risk, of.edits_runs), (40.0, 2.5, 2));
    }
}
