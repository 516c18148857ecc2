//! The guide's three examples under the strategies that the guide lists for them.
//!
//! Measures the makespan in VIRTUAL time, in ns, through criterion's own `Measurement` trait. Each
//! sample is one run under a seed of its own, so that the spread is the makespan's over seeds: the
//! same command prints the same figures, and a change is a change of behaviour.
//!
//! Must not be read as the speed of this program (that is `engine`), nor as Neon's: service times
//! are the profile's. Criterion's complaint that the samples cannot be completed in 1 ns is to be
//! passed over: that target is how it is told to make one run a sample.

mod support;

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{Criterion, SamplingMode, Throughput};
use neonbench::report::shared::rows::{EXAMPLES, Example};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::scenario::{Scenario, Workload};
use std::time::Duration;
use support::{at_least, at_most, headline, is_part, median, run, scenario, settings, sized};

/// The largest share of its calls that the best strategy may be refused.
const BAR_REFUSED_PERCENT: f64 = 1.0;

/// Runs of each row, one a sample.
const SEEDS: usize = 100;

/// From the first call due to the last account landed, in ns of virtual time.
struct VirtualMakespan;

impl Measurement for VirtualMakespan {
    type Intermediate = ();
    type Value = u64;

    fn start(&self) {
        unreachable!("virtual time passes inside a run: the benches use `iter_custom`");
    }

    fn end(&self, (): ()) -> u64 {
        unreachable!("virtual time passes inside a run: the benches use `iter_custom`");
    }

    fn add(&self, first: &u64, second: &u64) -> u64 {
        first + second
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

/// Seconds or minutes, which say that they are virtual.
impl ValueFormatter for VirtualMakespan {
    fn scale_values(&self, typical_ns: f64, values: &mut [f64]) -> &'static str {
        let (ns, unit) =
            if typical_ns < 120e9 { (1e9, "s (virtual)") } else { (60e9, "min (virtual)") };
        for value in values {
            *value /= ns;
        }
        unit
    }

    fn scale_throughputs(
        &self,
        _typical_ns: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let &Throughput::Elements(accounts) = throughput else {
            unreachable!("the benches count accounts");
        };
        for ns in values {
            *ns = accounts as f64 / (*ns / 1e9);
        }
        "accounts/s (virtual)"
    }

    fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
        "ns (virtual)"
    }
}

/// The makespans in s of the samples of one row, in the order of their seeds.
fn row(
    group: &mut criterion::BenchmarkGroup<'_, VirtualMakespan>,
    scenario: &Scenario,
    strategy: Strategy,
) -> Vec<f64> {
    let mut makespans_s = Vec::new();
    let of_seed = |seed| run(scenario, settings(strategy, seed)).record.makespan_s;
    assert!(
        of_seed(0) < of_seed(1) || of_seed(1) < of_seed(0),
        "criterion needs a law that varies"
    );
    group.bench_function(strategy.name(), |bencher| {
        bencher.iter_custom(|iters| {
            assert_eq!(
                iters, 1,
                "one run a sample; --quick and --profile-time are for benches of speed"
            );
            let took_s = of_seed(makespans_s.len() as u64);
            makespans_s.push(took_s);
            (took_s * 1e9).round() as u64
        });
    });
    makespans_s
}

fn example(criterion: &mut Criterion<VirtualMakespan>, example: &Example) {
    let scenario = scenario(example);
    let title = format!("{}: makespan in virtual time", example.name);
    let mut group = criterion.benchmark_group(title);
    // Flat sampling towards 1 ns makes exactly one run a sample, and one to warm up.
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(SEEDS)
        .warm_up_time(Duration::from_nanos(1))
        .measurement_time(Duration::from_nanos(1))
        .throughput(Throughput::Elements(scenario.accounts()));
    let mut standard_s = None;
    for claim in example.claims {
        let makespans_s = row(&mut group, &scenario, claim.strategy);
        let Some(median_s) = median(&makespans_s) else { continue };
        let standard_s = *standard_s.get_or_insert(median_s);
        headline(&format!(
            "{} {:9} median makespan {:6.2} min of virtual time, {:2.0} % below standard's \
             (the guide: {} min, {:.0} %)",
            example.name,
            claim.strategy.name(),
            median_s / 60.0,
            (1.0 - median_s / standard_s) * 100.0,
            claim.minutes,
            claim.saved.unwrap_or(0.0) * 100.0,
        ));
        assert!(support::smoke() || makespans_s.len() == SEEDS + 1, "{} runs", makespans_s.len());
    }
    group.finish();
}

/// Prints how close the best strategy comes to the physical limit under
/// `documented`: limit ÷ mean makespan of 20 seeds, and the share of its calls that were refused.
fn efficiency(accounts: u64, mappings: u32, bar: f64) {
    let workload = Workload {
        resources: Some(sized(accounts, 10)),
        mappings: Some(mappings),
        ..Workload::default()
    };
    let scenario = Scenario::new(workload).expect("a scenario");
    let seeds = 1..=sized(20, 1);
    let (mut limit_s, mut makespan_s, mut refused, mut calls) = (0.0, 0.0, 0, 0);
    for seed in seeds {
        let of_seed = Settings { seed, ..Settings::new(Strategy::Pipelined) };
        let record = run(&scenario, of_seed).record;
        limit_s += record.lower_bound_s;
        makespan_s += record.makespan_s;
        refused += record.calls.rejected;
        calls += record.calls.total;
    }
    let (mean, refused_percent) = (limit_s / makespan_s, refused as f64 / calls as f64 * 100.0);
    headline(&format!(
        "pipelined {accounts} x {mappings}: efficiency {mean:.3} ({}), {refused_percent:.2} % of its calls \
         refused ({} %)",
        at_least(bar, mean),
        at_most(BAR_REFUSED_PERCENT, refused_percent),
    ));
}

fn main() {
    let mut criterion = support::criterion().with_measurement(VirtualMakespan);
    for of_guide in &EXAMPLES {
        example(&mut criterion, of_guide);
    }
    criterion.final_summary();
    if !is_part() {
        efficiency(500, 8, 0.95);
        efficiency(2_000, 3, 0.98);
    }
    headline("\ncharts and statistics of all benches: target/criterion/report/index.html");
    headline("the migration report itself (strategies, limits, forecast): neonbench report");
}
