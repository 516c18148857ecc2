//! Judges selectors: on scenarios and seeds that no fit ever saw.

use super::calibration::{ByPortfolio, Calibration};
use super::case::{Family, SelectorCase};
use super::guide_choice;
use super::model::JobFeatures;
use super::regret::{Costs, RegretRow, SelectorName, rows, vbs_gap};
use super::rehearsal::RehearsalTarget;
use super::simulation_cache::{BestFound, SimulationCache, THOROUGH};
use crate::experiment::{
    Candidate, Forecast, Goal, Portfolio, Summary, forecast, grid, parallel_map, seeds,
};
use crate::stats::{quantile, sorted};
use neonbench_engine::engine::{DEFAULT_WORKERS, Strategy};
use neonbench_engine::run::RunError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Runs that a choice is judged by, at least and at most, and the calls that they may come to: short
/// runs scatter more.
const REPLICATES: (u64, u64) = (30, 120);
const CALLS: u64 = 4_000;

/// Runs instead for jobs of at most so many calls that go wrong now and then, where one in a hundred,
/// which waits for seconds, decides the mean; and how many times the best's cost a choice may take to
/// be worth them.
const REPLICATES_WHERE_WRONG: u64 = 2_000;
const SHORT: u64 = 50;
const WORTH: f64 = 1.5;

/// Runs that a forecast is compared with; the first of them are those of the judgement.
const FORECAST_RUNS: u64 = 50;

/// Error of a forecast in one case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ForecastError {
    /// |p50 − median of the runs| ÷ median.
    pub error: f64,
    /// The forecast: 5th, 50th and 95th percentile of the makespan, in seconds.
    pub forecast_s: [f64; 3],
    /// The median of the runs, in seconds.
    pub median_s: f64,
    /// Runs within the interval.
    pub within: u64,
    /// Runs.
    pub runs: u64,
}

/// One case, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CaseVerdict {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// By portfolio; `None` where nothing is allowed.
    pub costs: [Option<Costs>; Portfolio::ALL.len()],
    /// The best that was found, by portfolio.
    pub best: [Option<Candidate>; Portfolio::ALL.len()],
    /// The choices, in the order of [`SelectorName::ALL`], by portfolio.
    pub choices: [[Candidate; SelectorName::ALL.len()]; Portfolio::ALL.len()],
    /// The forecast of the cost model's choice.
    pub forecast: Option<ForecastError>,
}

/// A judgement: `calibrate --json` and `evaluate --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Judgement {
    pub schema: u32,
    pub scenarios: usize,
    pub simulated_calls: u64,
    pub wall_s: f64,
    /// The gap that choosing can close: the mean cost of the single best ÷ that of the virtual best.
    pub prize: ByPortfolio<f64>,
    pub selectors: Vec<RegretRow>,
    pub prediction: Prediction,
    /// The same with something left out of the fit, judged on what was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Accuracy of forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Prediction {
    pub median_abs_error: f64,
    pub p95_abs_error: f64,
    pub interval_coverage: f64,
    /// Scenario–seed pairs that the coverage is of.
    pub pairs: u64,
}

/// A row of a fit that did not see something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LeftOut {
    /// The part that the fit did not see.
    pub left_out: String,
    /// The selector's regret on it.
    #[serde(flatten)]
    pub row: RegretRow,
}

/// A case whose best candidate is known, with a cache of its simulations.
#[derive(Debug)]
pub struct PreparedCase<'a> {
    case: &'a SelectorCase,
    work: JobFeatures,
    cache: SimulationCache<'a>,
    found: BestFound,
    target: RehearsalTarget,
    forecasts: BTreeMap<Candidate, Forecast>,
    /// Calls of the forecasts.
    calls: u64,
}

/// Prepared cases, each locked by the thread that works on it.
pub type PreparedCases<'a> = Vec<Mutex<PreparedCase<'a>>>;

/// Searches the best of each of `cases`.
///
/// Errors: a run could not be made.
pub fn prepared_cases<'a>(
    cases: &'a [SelectorCase],
    goal: &'a Goal,
) -> Result<PreparedCases<'a>, RunError> {
    parallel_map(cases, |case| Ok(Mutex::new(PreparedCase::new(case, goal)?)))
}

/// Calls that were simulated on `cases` so far.
pub fn simulated_calls(cases: &PreparedCases<'_>) -> u64 {
    let calls = |case: &Mutex<PreparedCase<'_>>| {
        let case = case.lock().expect("no thread panicked");
        case.calls + case.cache.calls + case.target.calls
    };
    cases.iter().map(calls).sum()
}

/// Judges every selector of `calibration` on the benches whose case `is_meant`.
pub fn judge(
    cases: &PreparedCases<'_>,
    calibration: &Calibration,
    is_meant: fn(&SelectorCase) -> bool,
) -> Result<Vec<CaseVerdict>, RunError> {
    let judged = parallel_map(cases, |case| {
        let mut case = case.lock().expect("no thread panicked");
        is_meant(case.case).then(|| case.judge(calibration)).transpose()
    });
    Ok(judged?.into_iter().flatten().collect())
}

impl<'a> PreparedCase<'a> {
    fn new(case: &'a SelectorCase, goal: &'a Goal) -> Result<Self, RunError> {
        let mut cache = SimulationCache::new(case, goal);
        let found = cache.search(&grid(), &THOROUGH, seeds::SEARCH.start)?;
        let target = RehearsalTarget::new(&case.scenario, &cache.features, goal);
        let work = JobFeatures::of(&case.scenario);
        Ok(Self { case, work, cache, found, target, forecasts: BTreeMap::new(), calls: 0 })
    }

    fn judge(&mut self, calibration: &Calibration) -> Result<CaseVerdict, RunError> {
        let grid = grid();
        let mut costs = [None; Portfolio::ALL.len()];
        let mut choices = Vec::new();
        for portfolio in Portfolio::ALL {
            let chosen = self.choices(calibration, portfolio);
            if let Some(best) = self.found.best[portfolio as usize] {
                costs[portfolio as usize] = self.costs(&grid[best], &chosen)?;
            }
            choices.push(chosen);
        }
        let ours = choices[Portfolio::Full as usize][SelectorName::CostModel as usize];
        let runs = self.cache.runs(&ours, seeds::first(&seeds::JUDGE, FORECAST_RUNS))?;
        let forecast = self.forecast(&ours)?;
        Ok(CaseVerdict {
            name: self.case.scenario.name.clone(),
            family: self.case.family,
            costs,
            best: self.found.best.map(|place| place.map(|place| grid[place])),
            choices: choices.try_into().expect("one of each portfolio"),
            forecast: ForecastError::new(&forecast, &runs),
        })
    }

    fn forecast(&mut self, candidate: &Candidate) -> Result<Forecast, RunError> {
        if let Some(forecast) = self.forecasts.get(candidate) {
            return Ok(*forecast);
        }
        let settings = candidate.settings(seeds::FORECAST.start, self.cache.goal.headroom());
        let forecast = forecast(&self.case.scenario, &settings)?;
        self.calls += (forecast.calls * forecast.runs as f64).round() as u64;
        self.forecasts.insert(*candidate, forecast);
        Ok(forecast)
    }

    /// The choice of each selector, in the order of [`SelectorName::ALL`].
    fn choices(
        &mut self,
        calibration: &Calibration,
        portfolio: Portfolio,
    ) -> [Candidate; SelectorName::ALL.len()] {
        let scenario = &self.case.scenario;
        let (features, goal) = (self.cache.features, self.cache.goal);
        let single_best = *calibration.single_best.of(portfolio);
        let model = &calibration.cost_model;
        let chosen = model.choose(portfolio, goal, &self.work, &features, &mut self.target);
        let by_thresholds =
            calibration.by_thresholds(scenario, Some(&features), portfolio, goal).candidate;
        let places = features.smallest_pool().unwrap_or(DEFAULT_WORKERS);
        [
            guide_choice(scenario.expected_resources(), scenario.mappings()),
            single_best,
            Candidate::new(Strategy::Hybrid, places, places),
            by_thresholds,
            chosen.map_or(single_best, |(candidate, _)| candidate),
        ]
    }

    /// Costs of the best and of the choices, on the same seeds. A choice that turns out to be better
    /// than the search's best is the best. `None` where even the best breaks a constraint.
    fn costs(
        &mut self,
        best: &Candidate,
        choices: &[Candidate; SelectorName::ALL.len()],
    ) -> Result<Option<Costs>, RunError> {
        let per_run = 2 * self.cache.resources() + 1;
        let replicates = (CALLS / per_run).clamp(REPLICATES.0, REPLICATES.1);
        let seeds = |replicates| seeds::first(&seeds::JUDGE, replicates);
        let mut least = self.cache.cost(best, seeds(replicates))?;
        let mut chosen = [0.0; SelectorName::ALL.len()];
        for (cost, choice) in chosen.iter_mut().zip(choices) {
            *cost = self.cache.cost(choice, seeds(replicates))?;
        }
        if self.cache.features.goes_wrong() && per_run <= SHORT {
            let near = WORTH * chosen.iter().copied().fold(least, f64::min);
            least = self.cache.cost(best, seeds(REPLICATES_WHERE_WRONG))?;
            for (cost, choice) in chosen.iter_mut().zip(choices).filter(|(cost, _)| **cost <= near)
            {
                *cost = self.cache.cost(choice, seeds(REPLICATES_WHERE_WRONG))?;
            }
        }
        let least = chosen.iter().copied().fold(least, f64::min);
        Ok(least.is_finite().then(|| Costs::new(least, chosen)))
    }
}

impl ForecastError {
    fn new(forecast: &Forecast, runs: &Summary) -> Option<Self> {
        let makespans = sorted(runs.valid().map(|run| run.makespan_s));
        if makespans.is_empty() {
            return None;
        }
        let median = quantile(&makespans, 0.5);
        let [low, middle, high] = forecast.makespan_s;
        // A run that always takes the same time is met to the nanosecond, but for rounding.
        let near = 1e-9 * median;
        let within = makespans.iter().filter(|s| (low - near..=high + near).contains(*s)).count();
        Some(Self {
            error: if median > 0.0 { (middle - median).abs() / median } else { middle },
            forecast_s: forecast.makespan_s,
            median_s: median,
            within: within as u64,
            runs: makespans.len() as u64,
        })
    }
}

/// The table over `verdicts`, which took `simulated_calls` and `wall_s`.
pub fn judgement(verdicts: &[CaseVerdict], simulated_calls: u64, wall_s: f64) -> Judgement {
    // In the order of their names: sums of floats depend on it, and files may be read in any.
    let mut verdicts: Vec<&CaseVerdict> = verdicts.iter().collect();
    verdicts.sort_by(|a, b| a.name.cmp(&b.name));
    let of = |portfolio: Portfolio, family: Option<Family>| -> Vec<Costs> {
        let wanted = verdicts.iter().filter(|verdict| family.is_none_or(|of| verdict.family == of));
        wanted.filter_map(|verdict| verdict.costs[portfolio as usize]).collect()
    };
    let mut selectors = Vec::new();
    for portfolio in Portfolio::ALL {
        for family in std::iter::once(None).chain(Family::ALL.map(Some)) {
            selectors.extend(rows(portfolio, family, &of(portfolio, family)));
        }
    }
    let [guide, full] = Portfolio::ALL.map(|portfolio| vbs_gap(&of(portfolio, None)));
    let errors = sorted(verdicts.iter().filter_map(|verdict| Some(verdict.forecast?.error)));
    let at = |q| if errors.is_empty() { 0.0 } else { quantile(&errors, q) };
    let (mut within, mut pairs) = (0, 0);
    for forecast in verdicts.iter().filter_map(|verdict| verdict.forecast) {
        within += forecast.within;
        pairs += forecast.runs;
    }
    Judgement {
        schema: 1,
        scenarios: verdicts.len(),
        simulated_calls,
        wall_s,
        prize: ByPortfolio { guide, full },
        selectors,
        prediction: Prediction {
            median_abs_error: at(0.5),
            p95_abs_error: at(0.95),
            interval_coverage: within as f64 / f64::max(pairs as f64, 1.0),
            pairs,
        },
        left_out: Vec::new(),
    }
}
