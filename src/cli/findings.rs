//! Findings (causes that held a run back) in the words of `run`.

use super::error::CliError;
use neonbench::findings::{RunFinding, findings, gain};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use std::fmt::Write as _;

/// The findings of `record`, with what their advice is worth where the run can be simulated: where
/// its server has the limits and service times of its profile.
pub(super) fn advised(
    order: &RunSpec<'_>,
    world: &World,
    record: &RunRecord,
) -> Result<Vec<RunFinding>, CliError> {
    let mut found = findings(record);
    // People wait for it: it may take about as long as the run did.
    let replicates = match (world, record.calls.total) {
        (World::ForeignHttp(_), _) | (_, 200_001..) => 0,
        (_, 0..=20_000) => 5,
        (_, 20_001..=200_000) => 1,
    };
    if replicates > 0 && !record.stopped {
        for finding in &mut found {
            finding.gain = gain(order, finding, replicates)?;
        }
    }
    Ok(found)
}

/// A finding in words, on lines of a summary.
pub(super) fn in_words(finding: &RunFinding) -> String {
    let mut text = format!("  finding   {}: {}", finding.cause.title(), finding.message);
    let _ = write!(text, "\n            {}", finding.advice);
    if let Some(flag) = &finding.flag {
        let _ = write!(text, " ({flag})");
    }
    if let Some(gain) = finding.gain {
        let _ = write!(text, "\n            simulated: {}", gain.in_words());
    }
    text
}
