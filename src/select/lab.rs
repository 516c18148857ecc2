//! Runs of one case, each made once: which configuration is best there, and what any other costs.

use super::case::Case;
use super::configuration::{Behaviour, Configuration, Portfolio, grid};
use super::objective::{Goal, Sample};
use super::observed::Observed;
use super::simulate::simulate;
use neonbench_engine::run::RunError;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Replicates after which the better half of the configurations goes on, and how many times the
/// least cost of all those cost at most.
const ROUNDS: [(u64, f64); 4] = [(2, 2.0), (5, 1.5), (10, 1.25), (20, f64::INFINITY)];

/// Replicates of the first round where a run is so long that one tells nearly as much as two.
const LONG: (u64, u64) = (50, 1);

/// Configurations that go on at least.
const FEWEST: usize = 5;

/// A run with a call for each mapping that takes so many times as long as the best costs is hopeless.
const HOPELESS: f64 = 4.0;

/// Means over replicates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Cost; infinite where a run failed its audit or broke a constraint.
    pub cost: f64,
    /// Seconds.
    pub makespan_s: f64,
    /// Calls.
    pub calls: f64,
    /// Refusals as a share of the calls.
    pub refused_share: f64,
}

/// The runs of one case.
#[derive(Debug)]
pub struct Lab<'a> {
    case: &'a Case,
    goal: &'a Goal,
    observed: Observed,
    runs: BTreeMap<(Behaviour, u64), Sample>,
    /// Calls that were simulated.
    pub calls: u64,
}

/// What the search for the best found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The cost of each configuration of the grid on the seeds of the search.
    pub costs: Vec<f64>,
    /// The best of each portfolio, by its place in the grid; `None` where none is allowed.
    pub best: [Option<usize>; Portfolio::ALL.len()],
}

impl<'a> Lab<'a> {
    /// A lab without runs.
    pub fn new(case: &'a Case, goal: &'a Goal) -> Self {
        let observed = Observed::of(&case.scenario.profile);
        Self { case, goal, observed, runs: BTreeMap::new(), calls: 0 }
    }

    /// What a client can find out about the case's target.
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What choices are judged by.
    pub(super) const fn goal(&self) -> &'a Goal {
        self.goal
    }

    /// Accounts of the case.
    pub fn resources(&self) -> u64 {
        self.case.scenario.expected_resources()
    }

    /// What `configuration` comes down to here.
    pub(super) fn behaviour(&self, configuration: &Configuration) -> Behaviour {
        let scenario = &self.case.scenario;
        configuration.behaviour(scenario.expected_resources(), scenario.mappings() as u64)
    }

    /// The sample of `configuration` under `seed`; what passes `hopeless_after` is ended soon.
    pub(super) fn sample(
        &mut self,
        configuration: &Configuration,
        seed: u64,
        hopeless_after: Option<Duration>,
    ) -> Result<Sample, RunError> {
        let key = (self.behaviour(configuration), seed);
        if let Some(sample) = self.runs.get(&key) {
            return Ok(*sample);
        }
        let settings = configuration.settings(seed, self.goal.headroom());
        let sample = simulate(&self.case.scenario, &settings, hopeless_after)?;
        self.calls += sample.calls;
        self.runs.insert(key, sample);
        Ok(sample)
    }

    /// The samples of `configuration` under `seeds`.
    pub fn samples(
        &mut self,
        configuration: &Configuration,
        seeds: Range<u64>,
    ) -> Result<Vec<Sample>, RunError> {
        seeds.map(|seed| self.sample(configuration, seed, None)).collect()
    }

    /// Means of `configuration` under `seeds`.
    pub fn estimate(
        &mut self,
        configuration: &Configuration,
        seeds: Range<u64>,
    ) -> Result<Estimate, RunError> {
        let samples = self.samples(configuration, seeds)?;
        Ok(self.mean(configuration, &samples))
    }

    fn mean(&self, configuration: &Configuration, samples: &[Sample]) -> Estimate {
        let mean = |of: &dyn Fn(&Sample) -> f64| {
            samples.iter().map(of).sum::<f64>() / samples.len() as f64
        };
        let calls = mean(&|sample| sample.calls as f64);
        let refused_share = mean(&|sample| sample.refused as f64) / calls.max(1.0);
        let kept = samples.iter().all(|sample| sample.valid || sample.hopeless)
            && self.goal.allows(configuration, &self.observed)
            && self.goal.tolerates(refused_share);
        let cost = mean(&|sample| self.goal.objective.of(sample));
        Estimate {
            cost: if kept { cost } else { f64::INFINITY },
            makespan_s: mean(&|sample| sample.makespan_s),
            calls,
            refused_share,
        }
    }

    /// Searches the grid for the best configuration by successive halving over the seeds that
    /// begin with `first_seed`.
    ///
    /// Source: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML
    /// 2013.
    pub fn search(&mut self, first_seed: u64) -> Result<Found, RunError> {
        let grid = grid();
        let mut distinct: BTreeMap<Behaviour, usize> = BTreeMap::new();
        for (place, configuration) in grid.iter().enumerate() {
            distinct.entry(self.behaviour(configuration)).or_insert(place);
        }
        // In the order of the grid, so that ties go to what stands first there.
        let mut racing: Vec<usize> = distinct.values().copied().collect();
        racing.sort_unstable();
        let mut costs: BTreeMap<usize, f64> = BTreeMap::new();
        let mut least = f64::INFINITY;
        for (round, (replicates, at_most)) in ROUNDS.into_iter().enumerate() {
            let is_long = self.case.scenario.expected_resources() >= LONG.0;
            let replicates = if round == 0 && is_long { LONG.1 } else { replicates };
            for &place in &racing {
                let mut samples = Vec::new();
                let by_mapping =
                    matches!(self.behaviour(&grid[place]), Behaviour::ByMapping { .. });
                let hopeless_after = (by_mapping && least.is_finite())
                    .then(|| Duration::from_secs_f64(HOPELESS * least.min(1e6)));
                for seed in first_seed..first_seed + replicates {
                    samples.push(self.sample(&grid[place], seed, hopeless_after)?);
                    if samples.last().is_some_and(|sample| sample.hopeless) {
                        break;
                    }
                }
                let cost = self.mean(&grid[place], &samples).cost;
                costs.insert(place, cost);
                least = least.min(cost);
            }
            let is_ours = |place: &usize| !Portfolio::Guide.holds(grid[*place].strategy);
            let (ours, mut guides): (Vec<usize>, Vec<usize>) =
                racing.into_iter().partition(is_ours);
            guides.sort_by(|a, b| costs[a].total_cmp(&costs[b]));
            guides.truncate(guides.len().div_ceil(2).max(FEWEST));
            let best = guides.first().map_or(f64::INFINITY, |place| costs[place]);
            guides.retain(|place| costs[place] <= at_most * best);
            racing = guides.into_iter().chain(ours).collect();
            racing.sort_unstable();
        }
        let best = Portfolio::ALL.map(|portfolio| {
            let held = racing.iter().filter(|place| portfolio.holds(grid[**place].strategy));
            let best = held.min_by(|a, b| costs[*a].total_cmp(&costs[*b])).copied();
            best.filter(|place| costs[place].is_finite())
        });
        let cost = |configuration| costs[&distinct[&self.behaviour(configuration)]];
        Ok(Found { costs: grid.iter().map(cost).collect(), best })
    }
}
