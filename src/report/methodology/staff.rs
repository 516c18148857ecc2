//! The guide's first example beside colleagues who edit, written in both ways.

use crate::experiment::records;
use crate::report::shared::SuiteError;
use crate::report::shared::rows::run::{scenario, settings};
use crate::report::shared::rows::{EXAMPLES, Example};
use crate::stats::mean;
use crate::text::{join_and, sig3};
use neonbench_engine::engine::{Settings, Strategy, WriteMode};
use neonbench_engine::record::RunRecord;
use neonbench_engine::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// The example that is run beside other users, and how.
const STAFF_EXAMPLE: Example = EXAMPLES[0];
const STAFF_STRATEGY: Strategy = Strategy::Hybrid;

/// One example beside other users at work, written in both ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StaffSample {
    /// Number of the example.
    pub example: u32,
    /// One row per way of writing.
    pub rows: Vec<StaffEvidence>,
}

impl StaffSample {
    /// True if PUT loses more updates than PATCH, in the mean of the valid runs of each.
    pub fn put_loses_more(&self) -> bool {
        let lost = |write| {
            let rows = self.rows.iter().filter(|row| row.write == write);
            let valid = rows.flat_map(|row| &row.runs).filter(|record| record.audit.valid);
            mean(valid.map(|record| record.audit.lost_updates as f64))
        };
        lost(WriteMode::Put) > lost(WriteMode::Patch)
    }
}

/// The runs of one way of writing beside other users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffEvidence {
    pub write: WriteMode,
    /// One run per seed.
    pub runs: Vec<RunRecord>,
}

/// The first example beside other users, by PATCH and by PUT.
pub(crate) fn run(seed: u64, replicates: u32) -> Result<StaffSample, SuiteError> {
    let scenario = scenario(&STAFF_EXAMPLE, Scenario::profile("staff")?)?;
    let mut rows = Vec::new();
    for write in [WriteMode::Patch, WriteMode::Put] {
        let settings = Settings { write, ..settings(STAFF_STRATEGY, seed) };
        let runs = records(&scenario, &settings, replicates, |_| {})?;
        rows.push(StaffEvidence { write, runs });
    }
    Ok(StaffSample { example: STAFF_EXAMPLE.number, rows })
}

/// The edits that either way of writing overwrote, in a sentence; `None` if a run is invalid.
pub(crate) fn in_words(sample: &StaffSample) -> Option<String> {
    let row = |row: &StaffEvidence| {
        let edits =
            |of: fn(&RunRecord) -> u64| sig3(mean(row.runs.iter().map(|run| of(run) as f64)));
        let valid = row.runs.iter().all(|run| run.audit.valid);
        let [lost, all] = [edits(|run| run.audit.lost_updates), edits(|run| run.audit.staff_edits)];
        valid.then(|| {
            format!(
                "{} overwrites {lost} of {all} edits per run",
                row.write.to_string().to_uppercase()
            )
        })
    };
    let rows: Option<Vec<String>> = sample.rows.iter().map(row).collect();
    Some(format!("While colleagues edit, {}.", join_and(&rows?)))
}
