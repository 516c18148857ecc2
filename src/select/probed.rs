//! Judges probes: how far forecasts from some sixty calls are off, and how often their intervals hold,
//! on seeds that no probe saw.

use super::crew::in_order;
use super::forecast::forecast_probed;
use super::simulate::simulate;
use crate::probe::{self, Fit, Limit, Limits, MOST_SAMPLE, Options, ProbeError};
use crate::replicate::quantile;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::World;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;

/// Seed of the first probe, and of the first run that its forecast is compared with. What is thought
/// beforehand was settled on others, from 8,000,001 and 9,000,001.
const PROBE_SEED: u64 = 8_100_001;
const HELD_OUT_SEED: u64 = 9_100_001;

/// Runs that each forecast is compared with.
const HELD_OUT: u64 = 50;

/// How probes of one profile fared.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ProbedRow {
    /// The profile.
    pub profile: String,
    /// The strategy that was forecast.
    pub strategy: &'static str,
    /// Accounts of the sample run; 0 where writes are assumed.
    pub sample: u32,
    /// Probes.
    pub probes: usize,
    /// Calls of a probe, at most.
    pub calls_at_most: usize,
    /// Refusals of a probe, on average.
    pub refused_mean: f64,
    /// How long a probe lasted, on average, in seconds.
    pub probe_s_mean: f64,
    /// Probes that found the limit of reads and writes as it is.
    pub limits_right: usize,
    /// |p50 − median of the runs| ÷ median, in the median probe and in the 95th percentile.
    pub error: f64,
    /// The latter.
    pub error_p95: f64,
    /// Share of the runs within the interval of 90 %.
    pub coverage: f64,
}

/// One probe, compared with runs of the same target.
#[derive(Clone, Copy, Debug)]
struct Probed {
    calls: usize,
    refused: usize,
    lasted_s: f64,
    is_limit_right: bool,
    error: f64,
    within: f64,
}

/// Probes the target of `scenario` under `probes` seeds, with and without a sample run, and holds each
/// forecast of `strategies` against runs.
///
/// Errors: a probe or a run could not be made.
pub fn judge_probes(
    scenario: &Scenario,
    strategies: &[Strategy],
    probes: u64,
) -> Result<Vec<ProbedRow>, ProbeError> {
    let mut rows = Vec::new();
    for &strategy in strategies {
        let settings = Settings::new(strategy);
        let held_out: Vec<u64> = (HELD_OUT_SEED..HELD_OUT_SEED + HELD_OUT).collect();
        let mut runs = in_order(&held_out, |&seed| {
            let settings = Settings { seed, ..settings.clone() };
            Ok::<_, ProbeError>(simulate(scenario, &settings, None)?.makespan_s)
        })?;
        runs.sort_by(f64::total_cmp);
        for sample in [0, MOST_SAMPLE] {
            let seeds: Vec<u64> = (PROBE_SEED..PROBE_SEED + probes).collect();
            let judged =
                in_order(&seeds, |&seed| probed(scenario, &settings, seed, sample, &runs))?;
            rows.push(row(scenario.profile.name(), strategy, sample, &judged));
        }
    }
    Ok(rows)
}

fn probed(
    scenario: &Scenario,
    settings: &Settings,
    seed: u64,
    sample: u32,
    runs: &[f64],
) -> Result<Probed, ProbeError> {
    let options = Options { find_pool: true, sample, seed };
    let found = probe::at(scenario, &World::Virtual, &options, &NoJournal)?;
    let fit = Fit::of(&found)?;
    let [low, middle, high] = forecast_probed(scenario, settings, &fit)?.makespan_s;
    let median = quantile(runs, 0.5);
    // A run that always takes the same time is met to the nanosecond, but for rounding.
    let near = 1e-6 * median;
    let within = runs.iter().filter(|s| (low - near..=high + near).contains(*s)).count();
    Ok(Probed {
        calls: found.calls.len(),
        refused: found.refused(),
        lasted_s: found.lasted().as_secs_f64(),
        is_limit_right: is_right(fit.limits(), &scenario.profile),
        error: if median > 0.0 { (middle - median).abs() / median } else { middle },
        within: within as f64 / runs.len() as f64,
    })
}

/// Whether the limits of reads and writes were found as they are.
fn is_right(limits: &Limits, profile: &Profile) -> bool {
    let planted = |endpoint| {
        let window = profile.per_second(endpoint).map(Limit::PerSecond);
        window.or(profile.pool(endpoint).map(Limit::Pool))
    };
    limits.get == planted(Endpoint::GetAccount) && limits.patch == planted(Endpoint::PatchAccount)
}

fn row(profile: &str, strategy: Strategy, sample: u32, probed: &[Probed]) -> ProbedRow {
    let count = probed.len() as f64;
    let mean = |figure: fn(&Probed) -> f64| probed.iter().map(figure).sum::<f64>() / count;
    let mut errors: Vec<f64> = probed.iter().map(|probed| probed.error).collect();
    errors.sort_by(f64::total_cmp);
    ProbedRow {
        profile: profile.to_owned(),
        strategy: strategy.name(),
        sample,
        probes: probed.len(),
        calls_at_most: probed.iter().map(|probed| probed.calls).max().unwrap_or(0),
        refused_mean: mean(|probed| probed.refused as f64),
        probe_s_mean: mean(|probed| probed.lasted_s),
        limits_right: probed.iter().filter(|probed| probed.is_limit_right).count(),
        error: quantile(&errors, 0.5),
        error_p95: quantile(&errors, 0.95),
        coverage: mean(|probed| probed.within),
    }
}
