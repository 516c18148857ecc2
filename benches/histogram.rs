//! The cost of measuring: folding events into figures.
//!
//! Measures the folding of a call's two events into `Measure` (three HDR histograms, the in-flight
//! integral, counts), the merging of histograms, and the reading of quantiles.
//!
//! Must not be read as the cost of a histogram alone: a recorded call is three values and the
//! bookkeeping around them.

mod support;

use criterion::Throughput;
use neon_mock::api::Endpoint;
use neon_mock::rng;
use neon_mock::service::Law;
use neon_mock::time::Timestamp;
use neonbench_engine::event::{Attempt, Event, Observer, Outcome};
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::record::Quantiles;
use std::hint::black_box;
use std::time::Duration;
use support::{headline, sized};

/// Calls one after another, each with its own service time; every tenth came a little late.
fn calls(count: usize) -> Vec<[Event; 2]> {
    let law = Law::log_normal(Duration::from_millis(250), Duration::from_secs(1)).expect("a law");
    let mut draws = rng::stream(1, "bench");
    let mut now = Timestamp::ZERO;
    let call = |index: usize| {
        let endpoint = [Endpoint::GetAccount, Endpoint::PatchAccount][index % 2];
        let due_at = now;
        let sent_at = due_at + Duration::from_millis(if index.is_multiple_of(10) { 30 } else { 0 });
        let done_at = sent_at + law.sample(&mut draws);
        now = done_at;
        let (attempt, outcome) = (1, Outcome::Ok);
        let call = Attempt { endpoint, attempt, due_at, sent_at, done_at, outcome };
        [
            Event::Sent { at: sent_at, endpoint, queued: Duration::ZERO, paced: Duration::ZERO },
            Event::Done(call),
        ]
    };
    (0..count).map(call).collect()
}

fn folded(calls: &[[Event; 2]]) -> Measure {
    let mut measure = Measure::new();
    calls.iter().flatten().for_each(|event| measure.observe(event));
    // Nobody speeds this up by leaving calls out.
    assert_eq!(measure.count_all(Outcome::Ok), calls.len() as u64);
    assert!(measure.obeys_littles_law());
    measure
}

fn main() {
    let mut criterion = support::criterion();
    let calls = calls(sized(100_000, 100));
    let measure = folded(&calls);
    let mut group = criterion.benchmark_group("histogram");
    group.throughput(Throughput::Elements(calls.len() as u64));
    group.bench_function("record calls", |bencher| bencher.iter(|| folded(black_box(&calls))));
    group.throughput(Throughput::Elements(1));
    let reads = &measure.series(Endpoint::GetAccount, Outcome::Ok).expect("recorded").response;
    let writes = &measure.series(Endpoint::PatchAccount, Outcome::Ok).expect("recorded").response;
    group.bench_function("merge two", |bencher| {
        let mut all = histogram();
        bencher.iter(|| {
            all.reset();
            all.add(black_box(reads)).expect("the same bounds");
            all.add(black_box(writes)).expect("the same bounds");
            all.len()
        });
        assert!(all.len() == calls.len() as u64 || all.is_empty());
    });
    group.bench_function("p50, p90, p99, max", |bencher| {
        bencher.iter(|| Quantiles::of(black_box(reads)));
    });
    group.finish();
    criterion.final_summary();
    headline("");
}
