//! Accuracy of forecasts from a probe's sixty calls, and coverage of their intervals.
//!
//! Probes each built-in profile many times, with and without a sample run, and compares each forecast
//! with the makespans of 50 runs under seeds that no probe had. All of it in virtual time, so that the
//! same command prints the same table.
//!
//! `cargo bench --bench probes -- 100` makes 100 probes of each profile (the table in METHODOLOGY), and
//! `-- 100 guide` only of profiles whose names hold `guide`.
//!
//! Must not be read as what forecasts are worth against a server that is none of these profiles.

mod support;

use neon_mock::api::Endpoint;
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench::experiment::{forecast_probed, parallel_map, simulate};
use neonbench::probe::{self, AdmissionLimit, FittedLimits, MOST_SAMPLE, ProbeOptions, TargetFit};
use neonbench::stats::{mean, quantile, sorted};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::{RunError, World};
use neonbench_engine::scenario::{Scenario, Workload};
use support::{at_least, at_most, headline, sized};

/// Seeds of the first probe and of the first run that its forecast is compared with. The prior
/// probability of failures was settled on others, from 8,000,001 and 9,000,001.
const PROBE_SEED: u64 = 8_100_001;
const HELD_OUT_SEED: u64 = 9_100_001;

/// Runs that each forecast is compared with.
const HELD_OUT: u64 = 50;

/// Bars of the design: the share of runs that an interval of 90 % holds, after a sample run.
const BAR_COVERAGE: [f64; 2] = [0.80, 0.97];

/// Profiles under which a run always takes the same time: their intervals have no width.
const WITHOUT_SPREAD: [&str; 2] = ["constant", "unlimited"];

/// Mappings of the runs that are forecast.
const MAPPINGS: u32 = 3;

/// One probe, compared with the runs.
struct Probed {
    calls: usize,
    refused: usize,
    is_limit_right: bool,
    /// |p50 − median of the runs| ÷ median.
    error: f64,
    /// Share of the runs within the interval of 90 %.
    coverage: f64,
}

/// Makespans of the runs to compare with in seconds, sorted.
fn held_out(scenario: &Scenario, strategy: Strategy) -> Vec<f64> {
    let seeds: Vec<u64> = (HELD_OUT_SEED..HELD_OUT_SEED + HELD_OUT).collect();
    let run = |&seed: &u64| {
        let settings = Settings { seed, ..Settings::new(strategy) };
        Ok::<_, RunError>(simulate(scenario, &settings, None)?.figures.makespan_s)
    };
    sorted(parallel_map(&seeds, run).expect("runs in virtual time"))
}

fn probed(scenario: &Scenario, strategy: Strategy, options: &ProbeOptions, runs: &[f64]) -> Probed {
    let trace = probe::run(scenario, &World::Virtual, options, &NoJournal).expect("a probe");
    let fit = TargetFit::of(&trace).expect("reads that were answered");
    let forecast = forecast_probed(scenario, &Settings::new(strategy), &fit);
    let [low, middle, high] = forecast.expect("runs in virtual time").makespan_s;
    let median = quantile(runs, 0.5);
    // A run that always takes the same time is met to the nanosecond, but for rounding.
    let near = 1e-6 * median;
    let within = runs.iter().filter(|s| (low - near..=high + near).contains(*s)).count();
    Probed {
        calls: trace.calls.len(),
        refused: trace.refused(),
        is_limit_right: is_right(&fit.limits, &scenario.profile),
        error: if median > 0.0 { (middle - median).abs() / median } else { middle },
        coverage: within as f64 / runs.len() as f64,
    }
}

/// True if the limits of reads and writes were found as the profile has them.
fn is_right(limits: &FittedLimits, profile: &Profile) -> bool {
    let planted = |endpoint| {
        let window = profile.per_second(endpoint).map(AdmissionLimit::PerSecond);
        window.or(profile.pool(endpoint).map(AdmissionLimit::Pool))
    };
    limits.get == planted(Endpoint::GetAccount) && limits.patch == planted(Endpoint::PatchAccount)
}

/// One line of the table. Returns the mean coverage and the share of probes with the right limits.
fn row(profile: &str, strategy: Strategy, sample: u32, probed: &[Probed]) -> [f64; 2] {
    let mean = |figure: fn(&Probed) -> f64| mean(probed.iter().map(figure));
    let errors = sorted(probed.iter().map(|probed| probed.error));
    let coverage = mean(|probed| probed.coverage);
    let right = mean(|probed| f64::from(u8::from(probed.is_limit_right)));
    headline(&format!(
        "{profile:<11} {:<9} {:>6} {:>6} {:>5} {:>7.1} {:>6.0} % {:>9.0} % {:>6.0} % {:>7.0} %",
        strategy.name(),
        sample,
        probed.len(),
        probed.iter().map(|probed| probed.calls).max().unwrap_or(0),
        mean(|probed| probed.refused as f64),
        right * 100.0,
        quantile(&errors, 0.5) * 100.0,
        quantile(&errors, 0.95) * 100.0,
        coverage * 100.0,
    ));
    [coverage, right]
}

/// Adds the coverage of each strategy after a sample run to `coverages`.
fn profile(name: &str, probes: u64, coverages: &mut Vec<f64>) {
    let scenario = Scenario::new(Workload {
        profile: Profile::built_in(name),
        resources: Some(sized(200, 10)),
        mappings: Some(MAPPINGS),
        ..Workload::default()
    })
    .expect("a scenario");
    for strategy in [Strategy::Hybrid, Strategy::Pipelined] {
        let runs = held_out(&scenario, strategy);
        for sample in [0, MOST_SAMPLE] {
            let options: Vec<ProbeOptions> = (PROBE_SEED..PROBE_SEED + probes)
                .map(|seed| ProbeOptions { find_pool: true, sample, seed })
                .collect();
            let one = |options: &ProbeOptions| Ok(probed(&scenario, strategy, options, &runs));
            let all = parallel_map::<_, _, RunError>(&options, one).expect("no run fails");
            let [coverage, right] = row(name, strategy, sample, &all);
            if sample > 0 && !WITHOUT_SPREAD.contains(&name) {
                coverages.push(coverage);
            }
            // Where all takes the same time there is nothing to be wrong about.
            let is_exact = coverage >= 1.0 && right >= 1.0;
            assert!(name != "constant" || sample == 0 || is_exact, "{coverage} {right}");
        }
    }
}

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (numbers, parts): (Vec<_>, Vec<_>) =
        words.iter().partition(|word| word.parse::<u64>().is_ok());
    let probes = numbers.first().and_then(|word| word.parse().ok()).unwrap_or(sized(10, 2));
    headline(
        "profile     forecast  sample probes calls refused limits ok p50 off by (p95) coverage",
    );
    let mut coverages = Vec::new();
    let is_asked = |name: &str| parts.iter().all(|part| name.contains(part.as_str()));
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| is_asked(name)) {
        if !support::smoke() || *name == "constant" {
            profile(name, probes, &mut coverages);
        }
    }
    headline("coverage: runs of 50 held-out seeds within the interval of 90 %, over all probes");
    let least = coverages.iter().copied().fold(f64::INFINITY, f64::min);
    let most = coverages.iter().copied().fold(0.0, f64::max);
    if !coverages.is_empty() {
        headline(&format!(
            "probes: after a sample run the intervals hold at least {:.0} % of the runs ({} %) and at most \
             {:.0} % ({} %)\n",
            least * 100.0,
            at_least(BAR_COVERAGE[0] * 100.0, least * 100.0),
            most * 100.0,
            at_most(BAR_COVERAGE[1] * 100.0, most * 100.0),
        ));
    }
}
