//! Forecasts: how long a run will take, with an interval, from simulations of it.
//!
//! Where a profile is known, all simulations go by it. Where it was probed, each goes by another of the
//! profiles that the probe leaves open, so that the interval holds what is not known as well.

use super::configuration::Configuration;
use super::objective::Sample;
use super::simulate::simulate;
use crate::probe::TargetFit;
use crate::replicate::quantile;
use neonbench_engine::engine::Settings;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
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

/// The same where each run goes by another profile: there are always as many runs as possible.
const MOST_ACCOUNTS_PROBED: u64 = 1_000;

/// Runs of such a forecast: what a probe leaves open has long tails.
const RUNS_PROBED: u64 = 200;

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
    let mut runs = Runs::default();
    while runs.count() < RUNS.0 || (runs.count() < RUNS.1 && runs.spent < CALLS) {
        let settings = Settings { seed: FIRST_SEED + runs.count(), ..settings.clone() };
        runs.add(&simulate(simulated, &settings, None)?);
    }
    let makespan_s = if runs.count() == RUNS.1 {
        outer_quantiles(runs.sorted())
    } else {
        // Few runs tell the deviation, not the tails; long runs are sums of many calls.
        let makespans = runs.sorted();
        let count = makespans.len() as f64;
        let mean = makespans.iter().sum::<f64>() / count;
        let squares = makespans.iter().map(|makespan| (makespan - mean).powi(2)).sum::<f64>();
        let spread = Z_P95 * (squares / (count - 1.0)).sqrt() * (1.0 + 1.0 / count).sqrt();
        [mean * scale - spread * scale.sqrt(), mean * scale, mean * scale + spread * scale.sqrt()]
    };
    Ok(runs.forecast(makespan_s, scale))
}

/// The same where the target is known by a probe alone, whatever `scenario`'s profile is.
///
/// What is larger than 1,000 accounts is simulated in part: what a probe leaves open of service times
/// does not average out, so the interval grows in proportion to the accounts.
/// Errors: a run could not be made.
pub fn forecast_probed(
    scenario: &Scenario,
    settings: &Settings,
    fit: &TargetFit,
) -> Result<Forecast, RunError> {
    let mut simulated = scenario.part(MOST_ACCOUNTS_PROBED);
    let scale = scenario.expected_resources() as f64 / simulated.expected_resources() as f64;
    let mut runs = Runs::default();
    while runs.count() < RUNS_PROBED {
        let seed = FIRST_SEED + runs.count();
        simulated.profile = fit.draw(seed);
        runs.add(&simulate(&simulated, &Settings { seed, ..settings.clone() }, None)?);
    }
    let makespan_s = outer_quantiles(runs.sorted()).map(|makespan_s| makespan_s * scale);
    Ok(runs.forecast(makespan_s, scale))
}

/// Simulated runs, summed up.
#[derive(Debug, Default)]
struct Runs {
    makespans: Vec<f64>,
    calls: f64,
    refused: f64,
    peak_buffered: u64,
    /// Calls that were simulated.
    spent: u64,
}

impl Runs {
    const fn count(&self) -> u64 {
        self.makespans.len() as u64
    }

    fn add(&mut self, sample: &Sample) {
        self.makespans.push(sample.makespan_s);
        self.calls += sample.calls as f64;
        self.refused += sample.refused as f64;
        self.peak_buffered = self.peak_buffered.max(sample.peak_buffered);
        self.spent += sample.calls;
    }

    fn sorted(&mut self) -> &[f64] {
        self.makespans.sort_by(f64::total_cmp);
        &self.makespans
    }

    fn forecast(&self, makespan_s: [f64; 3], scale: f64) -> Forecast {
        let mean = |sum: f64| sum * scale / self.count() as f64;
        Forecast {
            makespan_s,
            calls: mean(self.calls),
            refused: mean(self.refused),
            peak_buffered: self.peak_buffered,
            runs: self.count(),
        }
    }
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
