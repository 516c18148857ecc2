//! Simulated calls per second of wall time: the whole engine in virtual time.
//!
//! Measures what a record calls `wall_s`: strategy, retries, the mock's state, limits and service
//! times, events and histograms, on one core; and beside it `audit_wall_s`, the judging of the
//! final state. Making the organisation and the record is in neither.
//!
//! Must not be read as the speed of a migration (that is `strategies`), nor of calls over HTTP
//! (that is `mock`).

mod support;

use criterion::{Criterion, SamplingMode, Throughput};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use neonbench_engine::scenario::{Scenario, Workload};
use std::time::Duration;
use support::{at_least, at_most, headline, median, run, settings, sized};

/// The least simulated calls per second and core, in millions.
const BAR_MILLION_CALLS_PER_S: f64 = 1.0;

/// The longest that the audit may take, in multiples of the run's own time.
const BAR_AUDIT: f64 = 1.5;

/// A run's work and what it comes to, so that nobody speeds up a bench by changing its work.
struct Work {
    accounts: u64,
    calls: u64,
    makespan_s: f64,
    state_digest: &'static str,
}

const SMOKE: Work = Work {
    accounts: 200,
    calls: 401,
    makespan_s: 51.407_258_153,
    state_digest: "e3f72ead5c86cf8f10a41e07b53c696d",
};
const SMALL: Work = Work {
    accounts: 2_000,
    calls: 4_001,
    makespan_s: 482.677_953_258,
    state_digest: "ee1b6c6547bbfd348aea114eae63476b",
};
const LARGE: Work = Work {
    accounts: 100_000,
    calls: 200_001,
    makespan_s: 23_879.591_740_41,
    state_digest: "974647da7466d146eecb7259e83becd4",
};

impl Work {
    /// Hybrid by 3 workers with 3 mappings, under `documented`.
    fn scenario(&self) -> Scenario {
        let (resources, mappings) = (Some(self.accounts), Some(3));
        Scenario::new(Workload { resources, mappings, ..Workload::default() }).expect("a scenario")
    }

    fn run(&self, scenario: &Scenario) -> RunRecord {
        let record = run(scenario, settings(Strategy::Hybrid, 1)).record;
        let found = (record.calls.total, record.audit.state_digest.as_str());
        assert_eq!(found, (self.calls, self.state_digest), "makespan {} s", record.makespan_s);
        // Service times pass through the platform's logarithm, so the last digits are its own.
        let off = (record.makespan_s / self.makespan_s - 1.0).abs();
        assert!(
            off < 1e-6,
            "the makespan was {} s, and is {} s",
            self.makespan_s,
            record.makespan_s
        );
        record
    }
}

fn size(criterion: &mut Criterion, work: &Work) {
    let scenario = work.scenario();
    let mut group = criterion.benchmark_group(format!("engine: hybrid {} x 3", work.accounts));
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(if work.accounts > 10_000 { 10 } else { 30 })
        .throughput(Throughput::Elements(work.calls));
    let (mut run_s, mut ratios) = (Vec::new(), Vec::new());
    group.bench_function("run", |bencher| {
        bencher.iter_custom(|iters| {
            let mut sum_s = 0.0;
            for _ in 0..iters {
                let record = work.run(&scenario);
                run_s.push(record.wall_s);
                ratios.push(record.audit_wall_s / record.wall_s);
                sum_s += record.wall_s;
            }
            Duration::from_secs_f64(sum_s)
        });
    });
    group.bench_function("audit", |bencher| {
        bencher.iter_custom(|iters| {
            let audit_s = |_| work.run(&scenario).audit_wall_s;
            Duration::from_secs_f64((0..iters).map(audit_s).sum())
        });
    });
    group.finish();
    let (Some(median_s), Some(ratio)) = (median(&run_s), median(&ratios)) else { return };
    let best_s = run_s.into_iter().fold(f64::INFINITY, f64::min);
    let (of_median, of_best) = (work.calls as f64 / median_s, work.calls as f64 / best_s);
    headline(&format!(
        "engine {} x 3: {:.2} million calls/s/core (best {:.2}; {}); audit {ratio:.2} x the run ({})\n",
        work.accounts,
        of_median / 1e6,
        of_best / 1e6,
        at_least(BAR_MILLION_CALLS_PER_S, of_median / 1e6),
        at_most(BAR_AUDIT, ratio),
    ));
}

fn main() {
    let mut criterion = support::criterion();
    for work in sized(&[SMALL, LARGE][..], &[SMOKE]) {
        size(&mut criterion, work);
    }
    criterion.final_summary();
}
