//! Runs of one case, each simulated once: the best candidate there, and the cost of any other.

use super::case::SelectorCase;
use super::features::TargetFeatures;
use crate::experiment::{
    CallPattern, Candidate, CanonicalRun, Goal, Portfolio, SimulatedRun, Summary, simulate,
};
use neonbench_engine::run::RunError;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// A search by successive halving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halving {
    /// Replicates of each round, and how many times the least cost a candidate may cost to go on.
    pub(super) rounds: &'static [(u64, f64)],
    /// Accounts from which one replicate is enough in the first round: long runs scatter less.
    pub(super) long: u64,
    /// Multiple of the least cost after which a run is ended, being hopeless.
    pub(super) hopeless: f64,
    /// True if every run of the first round may be ended so, not only those with calls per mapping.
    pub(super) ends_any: bool,
}

/// The search of a whole grid.
pub(super) const THOROUGH: Halving = Halving {
    rounds: &[(2, 2.0), (5, 1.5), (10, 1.25), (20, f64::INFINITY)],
    long: 50,
    hopeless: 4.0,
    ends_any: false,
};

/// Candidates that go on at least.
const FEWEST: usize = 5;

/// The runs of one case.
#[derive(Debug)]
pub struct SimulationCache<'a> {
    case: &'a SelectorCase,
    /// The goal that costs are under.
    pub(super) goal: &'a Goal,
    /// The features of the case's target.
    pub(super) features: TargetFeatures,
    runs: BTreeMap<(CanonicalRun, u64), SimulatedRun>,
    /// Calls that were simulated.
    pub calls: u64,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct BestFound {
    /// The cost of each candidate on the seeds of the search.
    pub costs: Vec<f64>,
    /// The best of each portfolio, by its place among the candidates; `None` where none is allowed.
    pub best: [Option<usize>; Portfolio::ALL.len()],
}

impl<'a> SimulationCache<'a> {
    /// A cache without runs.
    pub fn new(case: &'a SelectorCase, goal: &'a Goal) -> Self {
        let features = TargetFeatures::of(&case.scenario.profile);
        Self { case, goal, features, runs: BTreeMap::new(), calls: 0 }
    }

    /// Accounts of the case.
    pub fn resources(&self) -> u64 {
        self.case.scenario.expected_resources()
    }

    fn canonical(&self, candidate: &Candidate) -> CanonicalRun {
        candidate.canonical(self.resources(), self.case.scenario.mappings() as u64)
    }

    /// The run of `candidate` under `seed`, ended soon if it takes longer than `hopeless_after`.
    fn run(
        &mut self,
        candidate: &Candidate,
        seed: u64,
        hopeless_after: Option<Duration>,
    ) -> Result<SimulatedRun, RunError> {
        let key = (self.canonical(candidate), seed);
        // A run that was ended says only that it takes longer than was asked then.
        if let Some(run) =
            self.runs.get(&key).filter(|run| !run.is_hopeless || hopeless_after.is_some())
        {
            return Ok(*run);
        }
        let settings = candidate.settings(seed, self.goal.headroom());
        let run = simulate(&self.case.scenario, &settings, hopeless_after)?;
        self.calls += run.figures.calls;
        self.runs.insert(key, run);
        Ok(run)
    }

    /// The runs of `candidate` under `seeds`.
    ///
    /// Errors: a run could not be made.
    pub fn runs(&mut self, candidate: &Candidate, seeds: Range<u64>) -> Result<Summary, RunError> {
        seeds.map(|seed| Ok(self.run(candidate, seed, None)?.figures)).collect()
    }

    /// The mean cost of `candidate` under `seeds`; infinite if a run fails its audit or a constraint is
    /// broken.
    ///
    /// Errors: a run could not be made.
    pub fn cost(&mut self, candidate: &Candidate, seeds: Range<u64>) -> Result<f64, RunError> {
        self.cost_or_hopeless(candidate, seeds, None)
    }

    /// The same, or the cost up to its first hopeless run, as if that were valid.
    fn cost_or_hopeless(
        &mut self,
        candidate: &Candidate,
        seeds: Range<u64>,
        hopeless_after: Option<Duration>,
    ) -> Result<f64, RunError> {
        let mut runs = Vec::new();
        for seed in seeds {
            let run = self.run(candidate, seed, hopeless_after)?;
            let mut figures = run.figures;
            figures.is_valid |= run.is_hopeless;
            runs.push(figures);
            if run.is_hopeless {
                break;
            }
        }
        let runs = runs.into_iter().collect();
        Ok(self.goal.cost(candidate, self.features.smallest_pool(), &runs))
    }

    /// Searches the best of `candidates` by successive halving over the seeds that begin with
    /// `first_seed`; ties go to the first. Our own strategy stays in every round.
    ///
    /// Errors: a run could not be made.
    /// Source: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML
    /// 2013.
    pub(super) fn search(
        &mut self,
        candidates: &[Candidate],
        halving: &Halving,
        first_seed: u64,
    ) -> Result<BestFound, RunError> {
        let mut distinct: BTreeMap<CanonicalRun, usize> = BTreeMap::new();
        for (place, candidate) in candidates.iter().enumerate() {
            distinct.entry(self.canonical(candidate)).or_insert(place);
        }
        let mut racing: Vec<usize> = distinct.values().copied().collect();
        racing.sort_unstable();
        let mut costs: BTreeMap<usize, f64> = BTreeMap::new();
        let mut least = f64::INFINITY;
        for (round, (replicates, at_most)) in halving.rounds.iter().copied().enumerate() {
            let is_long = self.resources() >= halving.long;
            let replicates = if round == 0 && is_long { 1 } else { replicates };
            for &place in &racing {
                let pattern = self.canonical(&candidates[place]).pattern;
                let may_end = matches!(pattern, CallPattern::ByMapping { .. })
                    || (halving.ends_any && round == 0);
                let hopeless_after = (may_end && least.is_finite())
                    .then(|| Duration::from_secs_f64(halving.hopeless * least.min(1e6)));
                let seeds = first_seed..first_seed + replicates;
                let cost = self.cost_or_hopeless(&candidates[place], seeds, hopeless_after)?;
                costs.insert(place, cost);
                least = least.min(cost);
            }
            let is_ours = |place: &usize| !Portfolio::Guide.holds(candidates[*place].strategy);
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
            let held = racing.iter().filter(|place| portfolio.holds(candidates[**place].strategy));
            let best = held.min_by(|a, b| costs[*a].total_cmp(&costs[*b])).copied();
            best.filter(|place| costs[place].is_finite())
        });
        let cost = |candidate| costs[&distinct[&self.canonical(candidate)]];
        Ok(BestFound { costs: candidates.iter().map(cost).collect(), best })
    }
}
