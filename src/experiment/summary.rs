//! Runs of one candidate under several seeds, summed up; and sweeps, which make them.

use super::candidate::{Candidate, CanonicalRun};
use super::cost::Objective;
use super::parallel::parallel_map;
use super::simulate::{CostLimit, RunFigures, SimulatedRun, simulate};
use crate::stats;
use neonbench_engine::engine::Settings;
use neonbench_engine::record::ColleagueEdits;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;

/// Runs of one candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    runs: Vec<RunFigures>,
}

impl<R: Into<RunFigures>> FromIterator<R> for Summary {
    fn from_iter<T: IntoIterator<Item = R>>(runs: T) -> Self {
        Self { runs: runs.into_iter().map(Into::into).collect() }
    }
}

impl Summary {
    /// The number of runs.
    pub fn count(&self) -> usize {
        self.runs.len()
    }

    /// True if every run passed its audit.
    pub fn is_valid(&self) -> bool {
        self.runs.iter().all(|run| run.is_valid)
    }

    /// The runs that passed their audit.
    pub fn valid(&self) -> impl Iterator<Item = &RunFigures> {
        self.runs.iter().filter(|run| run.is_valid)
    }

    /// Accounts that failed, over all runs.
    pub fn failed(&self) -> u64 {
        self.runs.iter().map(|run| run.failed).sum()
    }

    /// True if more accounts failed than chance alone leaves, by the same measure.
    pub fn fails(&self) -> bool {
        let spared = self.runs.iter().map(|run| RunFigures { failed: 0, ..*run });
        self.fails_more_than(&Self { runs: spared.collect() })
    }

    /// True if a larger share of the accounts failed than in `other`, by more than two standard errors of the
    /// difference. They are those of the runs, and at least those of as many single failures (Poisson).
    pub fn fails_more_than(&self, other: &Self) -> bool {
        let share = |one: &Self| one.mean(RunFigures::failed_share);
        let variance = |one: &Self| {
            let shares: Vec<f64> = one.runs.iter().map(RunFigures::failed_share).collect();
            let count = shares.len().max(1) as f64;
            let of_runs = stats::squared_deviations(&shares) / (count - 1.0).max(1.0) / count;
            let accounts = one.runs.iter().map(|run| run.resources).sum::<u64>().max(1) as f64;
            of_runs.max(share(one) / accounts)
        };
        let standard_error = (variance(self) + variance(other)).sqrt();
        share(self) - share(other) > 2.0 * standard_error
    }

    /// The mean of a figure; 0 without runs.
    pub fn mean(&self, figure: impl Fn(&RunFigures) -> f64) -> f64 {
        stats::mean(self.runs.iter().map(figure))
    }

    /// The runs, in the order of their seeds.
    pub fn runs(&self) -> &[RunFigures] {
        &self.runs
    }

    /// 5th, 50th and 95th percentile of the makespan of runs to come, in seconds, by the valid runs; `None`
    /// if they are too few for a range.
    pub fn makespan_s_range(&self) -> Option<[f64; 3]> {
        let are_enough = self.valid().count() >= stats::MIN_VALUES_OF_RANGE;
        are_enough.then(|| stats::outer_quantiles(self.valid().map(|run| run.makespan_s)))?
    }

    /// Median makespan of the valid runs in seconds; 0 without any.
    pub fn median_makespan_s(&self) -> f64 {
        let quantiles = stats::outer_quantiles(self.valid().map(|run| run.makespan_s));
        quantiles.map_or(0.0, |[_, median, _]| median)
    }

    /// Mean refused calls as a share of the mean calls (0 to 1).
    pub fn refused_share(&self) -> f64 {
        self.mean(|run| run.refused as f64) / self.mean(|run| run.calls as f64).max(1.0)
    }

    /// Mean refused calls of integrations as a share of their mean calls (0 to 1).
    pub fn echo_refused_share(&self) -> f64 {
        self.mean(|run| run.echo.refused as f64) / self.mean(|run| run.echo.calls as f64).max(1.0)
    }

    /// Edits of colleagues.
    pub fn edits(&self) -> ColleagueEdits {
        self.runs.iter().map(|run| run.edits).collect()
    }

    /// Mean cost, in seconds.
    pub fn cost_s(&self, objective: Objective) -> f64 {
        self.mean(|run| objective.of(run))
    }
}

/// Simulates every one of `settings` under every seed; those that come down to the same run are
/// simulated once. The runs of each are in the order of the seeds; the settings' own are not used.
///
/// Errors: a run could not be made.
pub fn sweep(
    scenario: &Scenario,
    settings: &[Settings],
    seeds: &(impl Iterator<Item = u64> + Clone),
) -> Result<Vec<Vec<SimulatedRun>>, RunError> {
    sweep_within(scenario, settings, seeds, None)
}

/// As [`sweep`]; a run that passes `limit` is marked as hopeless.
///
/// Errors: a run could not be made.
pub fn sweep_within(
    scenario: &Scenario,
    settings: &[Settings],
    seeds: &(impl Iterator<Item = u64> + Clone),
    limit: Option<CostLimit>,
) -> Result<Vec<Vec<SimulatedRun>>, RunError> {
    let (resources, mappings) = (scenario.expected_resources(), scenario.mappings() as u64);
    let mut distinct: Vec<(CanonicalRun, Settings)> = Vec::new();
    let places: Vec<usize> = settings
        .iter()
        .map(|one| {
            let run = Candidate::of(one).canonical(resources, mappings);
            let known = distinct.iter().position(|(other, settings)| {
                *other == run && with_candidate_of(settings, one) == *one
            });
            known.unwrap_or_else(|| {
                distinct.push((run, one.clone()));
                distinct.len() - 1
            })
        })
        .collect();
    let seeds: Vec<u64> = seeds.clone().collect();
    let jobs: Vec<(&Settings, u64)> = distinct
        .iter()
        .flat_map(|(_, settings)| seeds.iter().map(move |seed| (settings, *seed)))
        .collect();
    let runs = parallel_map(&jobs, |(settings, seed)| {
        simulate(scenario, &Settings { seed: *seed, ..(*settings).clone() }, limit)
    })?;
    let of = |place: usize| runs[place * seeds.len()..(place + 1) * seeds.len()].to_vec();
    Ok(places.into_iter().map(of).collect())
}

/// `settings` with the candidate and the seed of `one`.
fn with_candidate_of(settings: &Settings, one: &Settings) -> Settings {
    let Settings { strategy, workers, batch_size, limiter, reads, guard, seed, .. } = *one;
    Settings { strategy, workers, batch_size, limiter, reads, guard, seed, ..settings.clone() }
}
