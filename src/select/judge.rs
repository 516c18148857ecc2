//! Judges selectors: on scenarios and seeds that no fit ever saw.

use super::calibration::Calibration;
use super::case::{Case, Family};
use super::configuration::{Configuration, Portfolio, grid};
use super::crew::in_order;
use super::forecast::Forecast;
use super::lab::{Found, Lab};
use super::model::Work;
use super::objective::{Goal, Sample};
use super::regret::{Costs, RegretRow, SelectorName, prize, rows};
use super::rehearsal::Stage;
use super::{DEFAULT_WORKERS, guide_choice};
use crate::replicate::quantile;
use neonbench_engine::engine::Strategy;
use neonbench_engine::run::RunError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Seed of the first run of the search for the best.
const SEARCH_SEED: u64 = 2_000_001;

/// Seed of the first run that a choice is judged by.
const JUDGE_SEED: u64 = 3_000_001;

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

/// How a forecast fared in one case.
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
pub struct Verdict {
    /// Its name.
    pub name: String,
    /// What is hard about it.
    pub family: Family,
    /// By portfolio; `None` where nothing is allowed.
    pub costs: [Option<Costs>; Portfolio::ALL.len()],
    /// The best that was found, by portfolio.
    pub best: [Option<Configuration>; Portfolio::ALL.len()],
    /// The choices, in the order of [`SelectorName::ALL`], by portfolio.
    pub choices: [[Configuration; SelectorName::ALL.len()]; Portfolio::ALL.len()],
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
    pub prize: Prize,
    pub selectors: Vec<RegretRow>,
    pub prediction: Prediction,
    /// The same with something left out of the fit, judged on what was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// What choosing can save: the mean of single best ÷ best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "one member a portfolio")]
pub struct Prize {
    pub guide: f64,
    pub full: f64,
}

/// How good forecasts are.
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
    /// What the fit did not see.
    pub left_out: String,
    /// How the selector fared on it.
    #[serde(flatten)]
    pub row: RegretRow,
}

/// A case made ready to judge on: its best is known, and what was simulated once is not again.
#[derive(Debug)]
pub struct Bench<'a> {
    case: &'a Case,
    work: Work,
    lab: Lab<'a>,
    found: Found,
    stage: Stage,
    forecasts: BTreeMap<Configuration, Forecast>,
    /// Calls of the forecasts.
    calls: u64,
}

/// Benches, each of which is in one pair of hands at a time.
pub type Benches<'a> = Vec<Mutex<Bench<'a>>>;

/// Makes each of `cases` ready to judge on.
pub fn benches<'a>(cases: &'a [Case], goal: &'a Goal) -> Result<Benches<'a>, RunError> {
    in_order(cases, |case| Ok(Mutex::new(Bench::new(case, goal)?)))
}

/// Calls that were simulated on `benches` so far.
pub fn simulated_calls(benches: &Benches<'_>) -> u64 {
    let calls = |bench: &Mutex<Bench<'_>>| {
        let bench = bench.lock().expect("no thread panicked");
        bench.calls + bench.lab.calls + bench.stage.calls
    };
    benches.iter().map(calls).sum()
}

/// Judges every selector of `calibration` on the benches whose case `is_meant`.
pub fn judge(
    benches: &Benches<'_>,
    calibration: &Calibration,
    is_meant: fn(&Case) -> bool,
) -> Result<Vec<Verdict>, RunError> {
    let judged = in_order(benches, |bench| {
        let mut bench = bench.lock().expect("no thread panicked");
        is_meant(bench.case).then(|| bench.judge(calibration)).transpose()
    });
    Ok(judged?.into_iter().flatten().collect())
}

impl<'a> Bench<'a> {
    fn new(case: &'a Case, goal: &'a Goal) -> Result<Self, RunError> {
        let mut lab = Lab::new(case, goal);
        let found = lab.search(SEARCH_SEED)?;
        let stage = Stage::new(&case.scenario, lab.observed(), goal);
        let work = Work::of(&case.scenario);
        Ok(Self { case, work, lab, found, stage, forecasts: BTreeMap::new(), calls: 0 })
    }

    fn judge(&mut self, calibration: &Calibration) -> Result<Verdict, RunError> {
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
        let runs = self.lab.samples(&ours, JUDGE_SEED..JUDGE_SEED + FORECAST_RUNS)?;
        let forecast = self.forecast(&ours)?;
        Ok(Verdict {
            name: self.case.scenario.name.clone(),
            family: self.case.family,
            costs,
            best: self.found.best.map(|place| place.map(|place| grid[place])),
            choices: choices.try_into().expect("one of each portfolio"),
            forecast: ForecastError::new(&forecast, &runs),
        })
    }

    fn forecast(&mut self, configuration: &Configuration) -> Result<Forecast, RunError> {
        if let Some(forecast) = self.forecasts.get(configuration) {
            return Ok(*forecast);
        }
        let headroom = self.lab.goal().headroom();
        let forecast = Forecast::of(&self.case.scenario, configuration, headroom)?;
        self.calls += (forecast.calls * forecast.runs as f64) as u64;
        self.forecasts.insert(*configuration, forecast);
        Ok(forecast)
    }

    /// What each selector chooses, in the order of [`SelectorName::ALL`].
    fn choices(
        &mut self,
        calibration: &Calibration,
        portfolio: Portfolio,
    ) -> [Configuration; SelectorName::ALL.len()] {
        let scenario = &self.case.scenario;
        let (observed, goal) = (*self.lab.observed(), self.lab.goal());
        let single_best = *calibration.single_best.of(portfolio);
        let model = &calibration.cost_model;
        let chosen = model.choose(portfolio, goal, &self.work, &observed, &mut self.stage);
        let by_thresholds =
            calibration.by_thresholds(scenario, Some(&observed), portfolio, goal).configuration;
        let places = observed.smallest_pool().unwrap_or(DEFAULT_WORKERS);
        [
            guide_choice(scenario.expected_resources(), scenario.mappings()),
            single_best,
            Configuration { strategy: Strategy::Hybrid, workers: places, batch_size: places },
            by_thresholds,
            chosen.map_or(single_best, |chosen| chosen.configuration),
        ]
    }

    /// What the best and the choices cost, on the same seeds. Where a choice turns out to be better
    /// than what the search found, it is the best. `None` where even the best breaks a constraint.
    fn costs(
        &mut self,
        best: &Configuration,
        choices: &[Configuration; SelectorName::ALL.len()],
    ) -> Result<Option<Costs>, RunError> {
        let per_run = 2 * self.lab.resources() + 1;
        let replicates = (CALLS / per_run).clamp(REPLICATES.0, REPLICATES.1);
        let seeds = |replicates| JUDGE_SEED..JUDGE_SEED + replicates;
        let mut least = self.lab.estimate(best, seeds(replicates))?.cost;
        let mut chosen = [0.0; SelectorName::ALL.len()];
        for (cost, choice) in chosen.iter_mut().zip(choices) {
            *cost = self.lab.estimate(choice, seeds(replicates))?.cost;
        }
        if self.lab.observed().goes_wrong() && per_run <= SHORT {
            let near = WORTH * chosen.iter().copied().fold(least, f64::min);
            least = self.lab.estimate(best, seeds(REPLICATES_WHERE_WRONG))?.cost;
            for (cost, choice) in chosen.iter_mut().zip(choices).filter(|(cost, _)| **cost <= near)
            {
                *cost = self.lab.estimate(choice, seeds(REPLICATES_WHERE_WRONG))?.cost;
            }
        }
        let least = chosen.iter().copied().fold(least, f64::min);
        Ok(least.is_finite().then(|| Costs::new(least, chosen)))
    }
}

impl ForecastError {
    fn new(forecast: &Forecast, runs: &[Sample]) -> Option<Self> {
        let mut makespans: Vec<f64> =
            runs.iter().filter(|run| run.valid).map(|run| run.makespan_s).collect();
        makespans.sort_by(f64::total_cmp);
        if makespans.is_empty() {
            return None;
        }
        let median = quantile(&makespans, 0.5);
        let [low, middle, high] = forecast.makespan_s;
        // A run that always takes the same time is met to the nanosecond, but for rounding.
        let near = 1e-9 * median;
        let within = makespans.iter().filter(|s| (low - near..=high + near).contains(*s)).count();
        Some(Self {
            error: (middle - median).abs() / median,
            forecast_s: forecast.makespan_s,
            median_s: median,
            within: within as u64,
            runs: makespans.len() as u64,
        })
    }
}

/// The table over `verdicts`, which took `simulated_calls` and `wall_s`.
pub fn judgement(verdicts: &[Verdict], simulated_calls: u64, wall_s: f64) -> Judgement {
    // In the order of their names: sums of floats depend on it, and files may be read in any.
    let mut verdicts: Vec<&Verdict> = verdicts.iter().collect();
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
    let [guide, full] = Portfolio::ALL.map(|portfolio| prize(&of(portfolio, None)));
    let mut errors: Vec<f64> =
        verdicts.iter().filter_map(|verdict| Some(verdict.forecast?.error)).collect();
    errors.sort_by(f64::total_cmp);
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
        prize: Prize { guide, full },
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
