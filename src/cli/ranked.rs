//! Runs of several candidates, ranked: shared by `benchmark`, `compare` and `scalability`.

use super::args::JobArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::Inputs;
use super::progress::LiveLine;
use neonbench::experiment::{CandidateRuns, Goal, not_told_apart, rank, replicated};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::RunSpec;
use serde::Serialize;

/// A candidate's first record, and the figures of all its replicates.
pub(super) type MeasuredCandidate = (RunRecord, CandidateRuns);

/// Makes the run of `spec` and its `replicates` as the next step of `status`, under `title`, and stores it.
///
/// Errors: the run could not be made.
pub(super) fn measured(
    job: &JobArgs,
    inputs: &Inputs,
    spec: &RunSpec<'_>,
    replicates: u32,
    title: &str,
    (line, status): (&CommandLine, &LiveLine),
) -> Result<MeasuredCandidate, CliError> {
    status.step(title);
    let afterwards = if replicates > 1 { "running the other seeds" } else { "" };
    let mut observer = status.observer(afterwards);
    let (run, entry) = replicated(spec, &inputs.world, replicates, &mut observer)?;
    job.store.keep(&run, entry.runs.runs(), line);
    Ok((run.record, entry))
}

/// Candidates in the order of their rank.
pub(super) struct Ranked {
    /// The candidates, best first.
    pub(super) all: Vec<MeasuredCandidate>,
    /// The number of first candidates that tie for the best; 0 if nothing is best.
    tied: usize,
    /// Places in `all` of those that nobody can tell apart from the best; `None` if the runs are too few.
    close: Option<Vec<usize>>,
}

impl Ranked {
    /// Ranks `measured` under `goal`.
    pub(super) fn new(goal: &Goal, measured: Vec<MeasuredCandidate>) -> Self {
        let (records, entries): (Vec<RunRecord>, Vec<_>) = measured.into_iter().unzip();
        let ranking = rank(goal, &entries);
        let paired = records.windows(2).all(|pair| pair[0].seed == pair[1].seed);
        let close = not_told_apart(goal, &entries, &ranking, paired);
        let at = |place: usize| ranking.order.iter().position(|other| *other == place);
        let close = close.map(|places| places.into_iter().filter_map(at).collect());
        let tied = ranking.best.len();
        Self { all: ranking.sort(records.into_iter().zip(entries).collect()), tied, close }
    }

    /// The best, under the names of their records.
    pub(super) fn best<T>(&self, name: impl Fn(&RunRecord) -> T) -> Best<T> {
        let names = |places: &[usize]| places.iter().map(|it| name(&self.all[*it].0)).collect();
        Best {
            tied: self.all[..self.tied].iter().map(|(record, _)| name(record)).collect(),
            not_told_apart: self.close.as_deref().map(names),
            runs: self.all.first().map_or(0, |(_, entry)| entry.runs.count()),
        }
    }

    /// The records, best first.
    pub(super) fn into_records(self) -> Vec<RunRecord> {
        self.all.into_iter().map(|(record, _)| record).collect()
    }
}

/// The best of several candidates, by name.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Best<T> {
    /// The candidates that tie for the best; one without a tie, none if nothing is best.
    pub(super) tied: Vec<T>,
    /// Candidates whose mean cost is higher, but by less than chance explains; null if the runs are too few to
    /// tell.
    not_told_apart: Option<Vec<T>>,
    /// Runs of each.
    #[serde(skip)]
    runs: usize,
}

impl<T: ToString> Best<T> {
    /// In words.
    pub(super) fn in_words(&self) -> String {
        let list = |names: &[T]| names.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
        let best = match &*self.tied {
            [] => {
                return "none: no run is valid and complete, or the runs did different work".into();
            }
            [best] => best.to_string(),
            several => format!("a tie of {}", list(several)),
        };
        let runs = self.runs;
        match self.not_told_apart.as_deref() {
            None => format!("{best} (n = {runs}: too few runs to tell whether others are slower)"),
            Some([]) => format!("{best} (n = {runs})"),
            Some(close) => format!("{best}; {} may be as good (n = {runs})", list(close)),
        }
    }
}
