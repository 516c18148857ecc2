//! The selector that predicts: ranks every configuration by the cost model, and rehearses those that
//! it cannot tell apart.

use super::features::{CapacityMargin, TargetFeatures};
use super::model::{Coefficients, JobFeatures, predict};
use super::rehearsal::RehearsalTarget;
use super::sweep::SweepResult;
use crate::experiment::{CallPattern, Candidate, Goal, Portfolio, grid, times_as_much};
use neonbench_engine::engine::Strategy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Standard deviations of the logarithm of predicted ÷ simulated cost, against the best of the case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorBars {
    /// Where pools limit, or nothing does.
    pub pools: f64,
    /// Where calls are counted by the second.
    pub windows: f64,
    /// Our own strategy, where pools limit.
    pub pipelined: f64,
}

/// The cost model as it was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostModel {
    /// Fitted coefficients.
    pub coefficients: Coefficients,
    /// Its error.
    pub error: ErrorBars,
}

/// A candidate and its predicted cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostEstimate {
    /// The candidate.
    pub candidate: Candidate,
    /// Predicted cost.
    pub cost: f64,
    /// Standard deviation of its logarithm.
    error: f64,
    /// Its place in the grid.
    place: usize,
}

/// The most candidates that are rehearsed.
const MOST_CANDIDATES: usize = 8;

/// What is predicted to cost so many times as much as the cheapest is not rehearsed.
const HOPELESS: f64 = 1_000.0;

/// Error bars within which candidates cannot be told apart.
const BARS: f64 = 2.0;

/// Cost as a multiple of the best up to which a candidate might be mistaken for it.
const NEAR: f64 = 1.25;

/// The same where calls are counted by the second: there a little more load costs many times more.
const NEAR_WINDOWS: f64 = 3.0;

/// A residual beyond which a prediction is plainly wrong: how wrong tells nothing of the others.
const PLAINLY_WRONG: f64 = 1.0;

/// Accounts beyond which several workers more than places may pay.
const LONG: u64 = 400;

/// The smallest error that is believed.
const LEAST_ERROR: f64 = 0.01;

impl CostModel {
    /// Every behaviour that `portfolio` holds and `goal` allows, cheapest first.
    pub fn rank(
        &self,
        portfolio: Portfolio,
        goal: &Goal,
        work: &JobFeatures,
        features: &TargetFeatures,
    ) -> Vec<CostEstimate> {
        let mut distinct: BTreeMap<CallPattern, (usize, Candidate)> = BTreeMap::new();
        for (place, candidate) in grid().into_iter().enumerate() {
            if portfolio.holds(candidate.strategy)
                && goal.allows(&candidate, features.smallest_pool())
            {
                let pattern = candidate.pattern(work.resources as u64, work.mappings as u64);
                distinct.entry(pattern).or_insert((place, candidate));
            }
        }
        let windows = features.has_windows();
        let mut ranked: Vec<CostEstimate> = distinct
            .into_iter()
            .map(|(pattern, (place, candidate))| {
                let predicted = predict(pattern, work, features, &self.coefficients);
                let error = match pattern {
                    _ if windows => self.error.windows,
                    CallPattern::Pipelined => self.error.pipelined,
                    _ => self.error.pools,
                };
                let cost = predicted.cost(goal.objective);
                CostEstimate { candidate, cost, error, place }
            })
            .collect();
        ranked.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.place.cmp(&b.place)));
        ranked
    }

    /// The candidates that cannot be told from the cheapest.
    pub fn shortlist(
        &self,
        ranked: &[CostEstimate],
        work: &JobFeatures,
        features: &TargetFeatures,
    ) -> Vec<CostEstimate> {
        let Some(first) = ranked.first() else { return Vec::new() };
        let near = |candidate: &&CostEstimate| {
            let bar = first.error.hypot(candidate.error).max(LEAST_ERROR);
            times_as_much(candidate.cost, first.cost).ln() <= BARS * bar
        };
        let best_of_guides =
            ranked.iter().find(|one| Portfolio::Guide.holds(one.candidate.strategy)).copied();
        let is_special = |one: &&CostEstimate| {
            best_of_guides.as_ref() == Some(one)
                || is_hard_to_predict(&one.candidate, work.resources as u64, features)
        };
        let mut list: Vec<CostEstimate> =
            ranked.iter().filter(near).take(MOST_CANDIDATES).copied().collect();
        let special = ranked.iter().filter(is_special);
        let special =
            special.filter(|one| one.cost <= HOPELESS * first.cost && !list.contains(one));
        let special: Vec<CostEstimate> = special.copied().collect();
        list.extend(special);
        list
    }

    /// The choice for `work` on the target that `features` describe, rehearsed on `target` where
    /// candidates cannot be told apart, and the number of those rehearsed: 0 where the prediction was
    /// clear. `None` where nothing is allowed.
    pub fn choose(
        &self,
        portfolio: Portfolio,
        goal: &Goal,
        work: &JobFeatures,
        features: &TargetFeatures,
        target: &mut RehearsalTarget,
    ) -> Option<(Candidate, usize)> {
        let near = self.shortlist(&self.rank(portfolio, goal, work, features), work, features);
        if near.len() < 2 {
            return near.first().map(|first| (first.candidate, 0));
        }
        let (mut best, mut least) = (None, f64::INFINITY);
        for CostEstimate { candidate, .. } in &near {
            let cost = target.cost(candidate, least);
            if cost < least {
                (best, least) = (Some((*candidate, near.len())), cost);
            }
        }
        best
    }

    /// Fits coefficients and error bars to a sweep.
    ///
    /// Coordinate descent over factors of each coefficient: the mean regret of the unrehearsed choice
    /// in both portfolios, and the squared error of what is near the best.
    pub fn fit(swept: &[SweepResult], goal: &Goal) -> Self {
        let mut coefficients = Coefficients::default();
        let mut least = loss(swept, goal, &coefficients);
        for factors in [[0.5, 2.0], [0.7, 1.4], [0.85, 1.2], [0.93, 1.08]] {
            for _ in 0..2 {
                for member in 0..Coefficients::COUNT {
                    for factor in factors {
                        let mut tried = coefficients;
                        *tried.member(member) *= factor;
                        let loss = loss(swept, goal, &tried);
                        if loss < least - 1e-9 {
                            (coefficients, least) = (tried.rounded(), loss);
                        }
                    }
                }
            }
        }
        Self { coefficients, error: error_bars(swept, goal, &coefficients) }
    }
}

/// True if the model cannot predict `candidate` on such a target, though it may be best.
fn is_hard_to_predict(candidate: &Candidate, resources: u64, features: &TargetFeatures) -> bool {
    let Candidate { strategy, workers, batch_size, .. } = *candidate;
    if strategy == Strategy::Pipelined {
        // One of a kind: never left out for its prediction alone.
        return true;
    }
    if strategy != Strategy::Hybrid {
        return false;
    }
    let places = |unlimited: f64| {
        let capacity = features.capacity(resources, CapacityMargin::CAREFUL);
        capacity.map_or(unlimited, |(places, _)| places)
    };
    if features.has_windows() {
        // Around what Little's law says, a little more load is refused many times more.
        let off = f64::from(workers) - places(10.0).min(10.0);
        return batch_size == workers && (-3.0..=1.0).contains(&off)
            || (workers, batch_size) == (1, 5);
    }
    // More workers than places fall into step: some read while others write; how many, shows only in
    // long runs. And where others hold some of the places, now and then all are free.
    let beyond = |pool: u32| {
        let most = if resources > LONG { pool + 3 } else { pool + 1 };
        (pool + 1..=most).contains(&workers)
    };
    let shared = |pool: u32| {
        let is_among = f64::from(workers) >= places(1.0).floor() && workers <= pool;
        features.others_per_s > 0.0 && is_among && batch_size <= 5 * workers
    };
    features.smallest_pool().is_some_and(|pool| beyond(pool) || shared(pool))
}

/// Log residuals of a case's configurations near the best: predicted ÷ simulated cost, against that
/// of the best of the guide's.
fn residuals(swept: &SweepResult, goal: &Goal, with: &Coefficients) -> Vec<(CallPattern, f64)> {
    let grid = grid();
    let Some(best) = swept.found.best[Portfolio::Guide as usize] else { return Vec::new() };
    let least = swept.found.costs[best];
    let (resources, mappings) = (swept.work.resources as u64, swept.work.mappings as u64);
    let residual = |place: usize| {
        let pattern = grid[place].pattern(resources, mappings);
        let predicted = predict(pattern, &swept.work, &swept.features, with);
        (pattern, (predicted.cost(goal.objective) / swept.found.costs[place]).ln())
    };
    let of_best = residual(best).1;
    let within = if swept.features.has_windows() { NEAR_WINDOWS } else { NEAR } * least;
    let near = (0..grid.len()).filter(|place| swept.found.costs[*place] <= within);
    let mut all: BTreeMap<CallPattern, f64> = BTreeMap::new();
    for place in near.filter(|place| *place != best) {
        let (pattern, residual) = residual(place);
        all.entry(pattern).or_insert(residual - of_best);
    }
    all.into_iter().collect()
}

fn loss(swept: &[SweepResult], goal: &Goal, with: &Coefficients) -> f64 {
    let model = CostModel {
        coefficients: *with,
        error: ErrorBars { pools: 0.0, windows: 0.0, pipelined: 0.0 },
    };
    let mut sum = 0.0;
    for swept in swept {
        for portfolio in Portfolio::ALL {
            let ranked = model.rank(portfolio, goal, &swept.work, &swept.features);
            let ratio = ranked.first().and_then(|first| swept.ratio(portfolio, first.place));
            // One case that goes wrong must not decide for all others.
            sum += (ratio.unwrap_or(1.0) - 1.0).min(1.0);
        }
        let residuals = residuals(swept, goal, with);
        let squares = residuals.iter().map(|(_, residual)| residual.powi(2).min(0.25));
        sum += 0.5 * squares.sum::<f64>() / residuals.len().max(1) as f64;
    }
    sum / swept.len().max(1) as f64
}

fn error_bars(swept: &[SweepResult], goal: &Goal, with: &Coefficients) -> ErrorBars {
    let (mut pools, mut windows, mut pipelined) = (Vec::new(), Vec::new(), Vec::new());
    for swept in swept {
        let is_windowed = swept.features.has_windows();
        for (pattern, residual) in residuals(swept, goal, with) {
            match pattern {
                _ if is_windowed => windows.push(residual),
                CallPattern::Pipelined => pipelined.push(residual),
                _ => pools.push(residual),
            }
        }
    }
    let deviation = |residuals: &[f64]| {
        let bounded = |residual: &f64| residual.clamp(-PLAINLY_WRONG, PLAINLY_WRONG);
        let squares = residuals.iter().map(|residual| bounded(residual).powi(2)).sum::<f64>();
        let deviation = (squares / residuals.len().max(1) as f64).sqrt();
        // What is written is what is used.
        (deviation * 1e4).round() / 1e4
    };
    ErrorBars {
        pools: deviation(&pools),
        windows: deviation(&windows),
        pipelined: deviation(&pipelined),
    }
}
