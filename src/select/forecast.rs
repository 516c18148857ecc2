//! Forecasts: how long a run will take, with an interval, from simulations of it.

use super::configuration::Configuration;
use super::simulate::simulate;
use crate::engine::Settings;
use crate::replicate::quantile;
use crate::run::RunError;
use crate::scenario::Scenario;
use serde::Serialize;

/// A run as it is expected.
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

/// Seed of the first run: no user's.
const FIRST_SEED: u64 = 5_000_001;

/// The standard normal's 0.95 quantile.
const Z_P95: f64 = 1.644_853_626_951_472_2;

/// Simulates `scenario` under `settings` with seeds of its own.
///
/// What is larger than 20,000 accounts is simulated in part: the mean grows in proportion to the
/// accounts, the deviation as their root.
/// Errors: a run could not be made.
pub fn forecast(scenario: &Scenario, settings: &Settings) -> Result<Forecast, RunError> {
    let simulated = &scenario.part(MOST_ACCOUNTS);
    let scale = scenario.expected_resources() as f64 / simulated.expected_resources() as f64;
    let mut makespans = Vec::new();
    let (mut calls, mut refused, mut peak_buffered) = (0.0, 0.0, 0);
    let mut runs = 0;
    let mut spent = 0;
    while runs < RUNS.0 || (runs < RUNS.1 && spent < CALLS) {
        let settings = Settings { seed: FIRST_SEED + runs, ..settings.clone() };
        let sample = simulate(simulated, &settings, None)?;
        makespans.push(sample.makespan_s);
        calls += sample.calls as f64;
        refused += sample.refused as f64;
        peak_buffered = peak_buffered.max(sample.peak_buffered);
        spent += sample.calls;
        runs += 1;
    }
    makespans.sort_by(f64::total_cmp);
    let count = runs as f64;
    let interval_s = if runs == RUNS.1 {
        outer_quantiles(&makespans)
    } else {
        // Few runs tell the deviation, not the tails; long runs are sums of many calls.
        let mean = makespans.iter().sum::<f64>() / count;
        let squares = makespans.iter().map(|makespan| (makespan - mean).powi(2)).sum::<f64>();
        let spread = Z_P95 * (squares / (count - 1.0)).sqrt() * (1.0 + 1.0 / count).sqrt();
        [mean * scale - spread * scale.sqrt(), mean * scale, mean * scale + spread * scale.sqrt()]
    };
    let (calls, refused) = (calls * scale / count, refused * scale / count);
    Ok(Forecast { makespan_s: interval_s, calls, refused, peak_buffered, runs })
}

/// The median, and the 5th and 95th percentile of runs to come: (n + 1) q-th of n that were seen.
fn outer_quantiles(sorted: &[f64]) -> [f64; 3] {
    let count = sorted.len() as f64;
    [0.05, 0.5, 0.95].map(|q| {
        // Hyndman and Fan's type 6: a new run lies below it with probability q.
        let position = (q * (count + 1.0) - 1.0) / (count - 1.0);
        quantile(sorted, position.clamp(0.0, 1.0))
    })
}

impl Forecast {
    /// That of `configuration` with its own settings.
    pub fn of(
        scenario: &Scenario,
        configuration: &Configuration,
        headroom: u32,
    ) -> Result<Self, RunError> {
        forecast(scenario, &configuration.settings(FIRST_SEED, headroom))
    }
}
