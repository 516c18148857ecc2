//! Forecasts of a run's duration, with an interval, from simulations of it.
//!
//! Where a profile is known, all simulations go by it. Where it carries the evidence of a probe or a
//! recording, each goes by another of the profiles that agree with the evidence, so that the interval
//! covers what the evidence leaves open.

use super::seeds;
use super::simulate::{RunFigures, simulate_as_far};
use super::summary::Summary;
use crate::probe;
use crate::stats::{Z_P95, mean, outer_quantiles, squared_deviations};
use neonbench_engine::engine::{EngineError, Settings};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;

/// The expected figures of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Forecast {
    /// 5th, 50th and 95th percentile of the makespan, in seconds.
    pub makespan_s: [f64; 3],
    /// Calls, refusals included: the mean.
    pub calls: f64,
    /// Refusals: the mean.
    pub refused: f64,
    /// The most accounts in memory.
    pub peak_buffered: u64,
    /// Runs that it was made of.
    pub runs: u64,
}

/// Runs at least and at most.
const RUNS: (u64, u64) = (20, 100);

/// Calls that a forecast is made of, as far as the fewest runs allow.
const CALLS: u64 = 400_000;

/// Accounts beyond which a part is simulated and scaled up.
const MOST_ACCOUNTS: u64 = 20_000;

/// The same where each run goes by another profile: there are always as many runs as possible.
const MOST_ACCOUNTS_DRAWN: u64 = 1_000;

/// Runs of such a forecast: what a probe leaves open has long tails.
const RUNS_DRAWN: u64 = 200;

/// Simulates `scenario` under `settings` with seeds of its own: by profiles drawn from the evidence of the
/// scenario's profile, where that has any, else by the profile itself.
///
/// Runs that cannot go on for want of answers take no time that a forecast could say; they are left out.
///
/// Errors: a run could not be made, or fewer than two went on.
pub fn forecast(scenario: &Scenario, settings: &Settings) -> Result<Forecast, RunError> {
    if scenario.profile.evidence().is_some() {
        return by_evidence(scenario, settings);
    }
    by_profile(scenario, settings)
}

/// A plan of more than 20,000 accounts is simulated in part: the mean grows in proportion to the
/// accounts, the deviation as their root.
fn by_profile(scenario: &Scenario, settings: &Settings) -> Result<Forecast, RunError> {
    let simulated = &scenario.part(MOST_ACCOUNTS);
    let scale = scenario.expected_resources() as f64 / simulated.expected_resources() as f64;
    let (mut runs, mut broken_off): (Vec<RunFigures>, _) = (Vec::new(), None);
    let mut tried = 0;
    for seed in seeds::first(&seeds::FORECAST, RUNS.1) {
        let calls: u64 = runs.iter().map(|run| run.calls).sum();
        if runs.len() as u64 >= RUNS.0 && calls >= CALLS {
            break;
        }
        tried += 1;
        let settings = Settings { seed, ..settings.clone() };
        match simulate_as_far(simulated, &settings, None)? {
            (run, None) => runs.push(run.figures),
            (_, error) => broken_off = error,
        }
    }
    enough(&runs, broken_off)?;
    let seconds: Vec<f64> = runs.iter().map(|run| run.makespan_s).collect();
    let makespan_s = if tried == RUNS.1 && runs.len() as u64 >= RUNS.0 {
        outer_quantiles(seconds).unwrap_or_default()
    } else {
        // Few runs tell the deviation, not the tails; long runs are sums of many calls.
        let count = seconds.len() as f64;
        let mean = mean(seconds.iter().copied());
        let squares = squared_deviations(&seconds);
        let spread = Z_P95 * (squares / (count - 1.0)).sqrt() * (1.0 + 1.0 / count).sqrt();
        [-spread, 0.0, spread].map(|off| (mean * scale + off * scale.sqrt()).max(0.0))
    };
    Ok(Forecast::new(makespan_s, runs, scale))
}

/// A plan of more than 1,000 accounts is simulated in part: what the evidence leaves open of service times
/// does not average out, so the interval grows in proportion to the accounts.
fn by_evidence(scenario: &Scenario, settings: &Settings) -> Result<Forecast, RunError> {
    let mut simulated = scenario.part(MOST_ACCOUNTS_DRAWN);
    let scale = scenario.expected_resources() as f64 / simulated.expected_resources() as f64;
    let seeds = seeds::first(&seeds::FORECAST, RUNS_DRAWN);
    let (mut runs, mut broken_off) = (Vec::new(), None);
    for (seed, profile) in seeds.clone().zip(probe::draws(&scenario.profile, seeds)) {
        simulated.profile = profile;
        let settings = Settings { seed, ..settings.clone() };
        match simulate_as_far(&simulated, &settings, None)? {
            (run, None) => runs.push(run.figures),
            (_, error) => broken_off = error,
        }
    }
    enough(&runs, broken_off)?;
    let ends = outer_quantiles(runs.iter().map(|run| run.makespan_s)).unwrap_or_default();
    let makespan_s = ends.map(|makespan_s| makespan_s * scale);
    Ok(Forecast::new(makespan_s, runs, scale))
}

/// Errors: fewer than two runs went on; why another did not.
fn enough(runs: &[RunFigures], broken_off: Option<EngineError>) -> Result<(), RunError> {
    match broken_off {
        Some(error) if runs.len() < 2 => Err(error.into()),
        _ => Ok(()),
    }
}

impl Forecast {
    fn new(makespan_s: [f64; 3], runs: Vec<RunFigures>, scale: f64) -> Self {
        let peak_buffered = runs.iter().map(|run| run.peak_buffered).max().unwrap_or(0);
        let summary: Summary = runs.into_iter().collect();
        Self {
            makespan_s,
            calls: summary.mean(|run| run.calls as f64) * scale,
            refused: summary.mean(|run| run.refused as f64) * scale,
            peak_buffered,
            runs: summary.count() as u64,
        }
    }
}
