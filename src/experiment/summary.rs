//! Runs of one candidate under several seeds, summed up; and sweeps, which make them.

use super::candidate::{Candidate, CanonicalRun};
use super::cost::Objective;
use super::parallel::parallel_map;
use super::simulate::{RunFigures, SimulatedRun, simulate};
use crate::stats;
use neonbench_engine::engine::Settings;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use std::time::Duration;

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

    /// The mean of a figure; 0 without runs.
    pub fn mean(&self, figure: impl Fn(&RunFigures) -> f64) -> f64 {
        stats::mean(self.runs.iter().map(figure))
    }

    /// 5th, 50th and 95th percentile of the makespan in seconds; `None` without runs.
    pub fn makespan_s(&self) -> Option<[f64; 3]> {
        stats::interval(self.runs.iter().map(|run| run.makespan_s))
    }

    /// Mean refused calls as a share of the mean calls (0 to 1).
    pub fn refused_share(&self) -> f64 {
        self.mean(|run| run.refused as f64) / self.mean(|run| run.calls as f64).max(1.0)
    }

    /// Mean cost, in seconds.
    pub fn cost_s(&self, objective: Objective) -> f64 {
        self.mean(|run| objective.of(run))
    }

    /// The same runs with the makespans of `makespans_s`, if there are any: those of replicates whose
    /// records were not kept.
    #[must_use]
    pub fn with_makespans_s(self, makespans_s: &[f64]) -> Self {
        let Some(first) = self.runs.first().copied().filter(|_| !makespans_s.is_empty()) else {
            return self;
        };
        makespans_s.iter().map(|&makespan_s| RunFigures { makespan_s, ..first }).collect()
    }
}

/// Simulates every one of `settings` under every seed; those that come down to the same run are
/// simulated once. The runs of each are in the order of the seeds; the settings' own are not used.
///
/// Errors: a run could not be made.
pub fn sweep(
    scenario: &Scenario,
    settings: &[Settings],
    seeds: &(impl Iterator<Item = u64> + Clone + Sync),
) -> Result<Vec<Vec<SimulatedRun>>, RunError> {
    sweep_within(scenario, settings, seeds, None)
}

/// As [`sweep`]; a run that has not ended after `hopeless_after` is marked as hopeless.
///
/// Errors: a run could not be made.
pub fn sweep_within(
    scenario: &Scenario,
    settings: &[Settings],
    seeds: &(impl Iterator<Item = u64> + Clone + Sync),
    hopeless_after: Option<Duration>,
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
    let runs = parallel_map(&distinct, |(_, settings)| {
        let run = |seed| simulate(scenario, &Settings { seed, ..settings.clone() }, hopeless_after);
        seeds.clone().map(run).collect::<Result<Vec<_>, RunError>>()
    })?;
    Ok(places.into_iter().map(|place| runs[place].clone()).collect())
}

/// `settings` with the candidate and the seed of `one`.
fn with_candidate_of(settings: &Settings, one: &Settings) -> Settings {
    let Settings { strategy, workers, batch_size, limiter, reads, guard, seed, .. } = *one;
    Settings { strategy, workers, batch_size, limiter, reads, guard, seed, ..settings.clone() }
}
