//! The forecast of a run as a fan: when so many accounts have ended, with intervals.

use super::eta::{MOST_ACCOUNTS, WARM_UP, landings};
use super::seeds;
use crate::probe;
use crate::stats::{quantile, sorted};
use neonbench_engine::engine::Settings;
use neonbench_engine::scenario::Scenario;
use schemars::JsonSchema;
use serde::Serialize;

/// Runs that it is made of.
const RUNS: u64 = 100;

/// Bands at most.
const BANDS: u64 = 50;

/// The percentiles of a band, as shares.
const QUANTILES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// When so many accounts have ended, by the forecast of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Band {
    /// Accounts that have ended.
    pub ended: u64,
    /// 5th, 10th, 25th, 50th, 75th, 90th and 95th percentile of the seconds since the run began.
    pub at_s: [f64; 7],
}

/// The fan of a run of `scenario` under `settings` that is about to begin, in order of accounts; empty if no run could
/// be made, or once `goes_on` is false. Of a plan of more than 1,000 accounts a part is simulated.
pub fn fan(scenario: &Scenario, settings: &Settings, goes_on: &dyn Fn() -> bool) -> Vec<Band> {
    let all = scenario.expected_resources();
    let simulated = all.min(MOST_ACCOUNTS);
    let runs = all_landings(&scenario.of_size(simulated), settings, goes_on);
    if runs.is_empty() || simulated == 0 || !goes_on() {
        return Vec::new();
    }
    // By one profile a longer run varies less, for its length; what a probe leaves open stays.
    let is_known = scenario.profile.evidence().is_none();
    let narrower = if is_known { (simulated as f64 / all as f64).sqrt() } else { 1.0 };
    let bands = all.min(BANDS);
    let band = |place: u64| {
        let ended = place * all / bands;
        let times = sorted(runs.iter().map(|landed| at_s(landed, ended, all)));
        let middle = quantile(&times, 0.5);
        let at_s = QUANTILES.map(|share| middle + narrower * (quantile(&times, share) - middle));
        Band { ended, at_s }
    };
    (1..=bands).map(band).collect()
}

/// When `ended` of `all` accounts have ended, by a run of fewer that landed at these seconds: its start is taken as it
/// is, the rest scaled up.
fn at_s(landed: &[f64], ended: u64, all: u64) -> f64 {
    let simulated = landed.len() as u64;
    let at = |accounts: f64| {
        let place = accounts.clamp(1.0, simulated as f64);
        let (lower, share) = (place.floor() as usize, place.fract());
        let upper = (lower + 1).min(landed.len());
        landed[lower - 1] + share * (landed[upper - 1] - landed[lower - 1])
    };
    let start = WARM_UP.min(simulated / 2);
    if simulated >= all || ended <= start {
        return at(ended as f64);
    }
    let scale = (all - start) as f64 / (simulated - start) as f64;
    let from = at(start as f64);
    from + (at(start as f64 + (ended - start) as f64 / scale) - from) * scale
}

/// When the accounts of each simulated run ended, in seconds; those in which all did.
fn all_landings(
    scenario: &Scenario,
    settings: &Settings,
    goes_on: &dyn Fn() -> bool,
) -> Vec<Vec<f64>> {
    let drawn = seeds::first(&seeds::FORECAST, RUNS);
    let mut runs = Vec::new();
    let mut simulated = scenario.clone();
    for (seed, profile) in drawn.clone().zip(probe::draws(&scenario.profile, drawn)) {
        simulated.profile = profile;
        let settings = Settings { seed, ..settings.clone() };
        let landed = landings(&simulated, &settings, goes_on).unwrap_or_default();
        if landed.len() as u64 == simulated.expected_resources() {
            runs.push(landed);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::engine::Strategy;
    use neonbench_engine::scenario::Workload;

    fn of(accounts: u64) -> Vec<Band> {
        let workload = Workload { resources: Some(accounts), ..Workload::default() };
        let scenario = Scenario::new(workload).unwrap();
        fan(&scenario, &Settings::new(Strategy::Hybrid), &|| true)
    }

    #[test]
    fn a_fan_opens_and_ends_with_the_last_account() {
        let bands = of(120);
        assert_eq!((bands.len(), bands.last().unwrap().ended), (50, 120));
        for pair in bands.windows(2) {
            assert!(pair[0].ended < pair[1].ended && pair[0].at_s[3] <= pair[1].at_s[3]);
        }
        assert!(bands.iter().all(|band| band.at_s.is_sorted()));
    }

    #[test]
    fn a_part_stands_for_a_long_run() {
        let landed: Vec<f64> = (1..=1_000).map(f64::from).collect();
        assert!((at_s(&landed, 100_000, 100_000) - 100_000.0).abs() < 1e-6);
        assert!((at_s(&landed, 50, 100_000) - 50.0).abs() < 1e-6);
        assert!((at_s(&landed, 64, 100_000) - 64.0).abs() < 1e-6);
    }

    #[test]
    fn a_stopped_fan_is_none() {
        let scenario = Scenario::new(Workload::default()).unwrap();
        assert!(fan(&scenario, &Settings::new(Strategy::Hybrid), &|| false).is_empty());
    }
}
