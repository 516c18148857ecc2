//! Runs of several candidates, ranked: shared by `benchmark`, `compare` and `scalability`.

use super::args::JobArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::Inputs;
use super::output::print;
use super::progress::Progress;
use neonbench::experiment::{CandidateRuns, Goal, rank, replicated};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::RunSpec;

/// A candidate's first record, and the figures of all its replicates.
pub(super) type MeasuredCandidate = (RunRecord, CandidateRuns);

/// Makes the run of `spec` and its `replicates`, with a progress bar under `title`, and stores it.
///
/// Errors: the run could not be made.
pub(super) fn measured(
    job: &JobArgs,
    inputs: &Inputs,
    spec: &RunSpec<'_>,
    replicates: u32,
    title: &str,
    line: &CommandLine,
) -> Result<MeasuredCandidate, CliError> {
    let mut progress = Progress::new(line, title);
    let (run, entry) = replicated(spec, &inputs.world, replicates, &mut progress)?;
    drop(progress);
    job.store.keep(&run, line);
    Ok((run.record, entry))
}

/// Records in the order of their rank.
pub(super) struct Ranked {
    /// The records, best first.
    pub(super) records: Vec<RunRecord>,
    /// The number of first records that tie for the best; 0 if nothing is best.
    pub(super) tied: usize,
}

impl Ranked {
    /// Ranks `measured` under `goal`.
    pub(super) fn new(goal: &Goal, measured: Vec<MeasuredCandidate>) -> Self {
        let (records, entries): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
        let ranking = rank(goal, &entries);
        let tied = ranking.best.len();
        Self { records: ranking.sort(records), tied }
    }

    /// The records that tie for the best.
    pub(super) fn best(&self) -> &[RunRecord] {
        &self.records[..self.tied]
    }
}

/// Prints the criterion of a table's order, and after it the best of `names`.
pub(super) fn print_best(names: &[String], next: &str) -> Result<(), CliError> {
    match names {
        [] => print("best: none: no run is valid and complete, or they did not do the same work"),
        [best] => print(&format!("best: {best}\nnext: {next}")),
        several => print(&format!("best: a tie of {}\nnext: {next}", several.join(", "))),
    }
}
