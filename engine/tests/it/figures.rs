//! Figures that can be worked out by hand: the guide's call counts, and makespans under constant
//! service times, to the nanosecond.

use neon_mock::api::AccountId;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{Run, RunSpec, World};
use neonbench_engine::scenario::{Scenario, WireScenario, Workload};
use std::num::NonZeroU32;
use std::time::Duration;

fn run(scenario: &Scenario, settings: Settings) -> Run {
    let order = RunSpec::new(scenario, settings);
    let run = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap();
    assert_eq!(run.record.audit.faults, Vec::<String>::new(), "{}", run.record.strategy);
    run
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn settings(strategy: Strategy, workers: u32, batch_size: u32) -> Settings {
    let mut settings = Settings::new(strategy);
    settings.workers = at_least_one(workers);
    settings.batch_size = at_least_one(batch_size);
    settings
}

/// The plain workload: every mapping changes its record.
fn plain(profile: &str, resources: u64, mappings: u32) -> Scenario {
    Scenario::new(Workload {
        profile: Some(Scenario::profile(profile).unwrap()),
        resources: Some(resources),
        mappings: Some(mappings),
        ..Workload::default()
    })
    .unwrap()
}

/// A built-in scenario, with its own workers and batch size.
fn guide(name: &str, strategy: Strategy) -> (Scenario, Settings) {
    let file = WireScenario::built_in(name).unwrap();
    let scenario = plain(&file.profile.unwrap(), file.resources.unwrap(), file.mappings.unwrap());
    (scenario, settings(strategy, file.workers.unwrap().get(), file.batch_size.unwrap().get()))
}

#[test]
fn the_guides_call_counts_hold_exactly() {
    use Strategy::{Hybrid, Parallel, PutBatch, Standard};
    let rows = [
        ("guide-1", Standard, 8_000),
        ("guide-1", PutBatch, 1_000),
        ("guide-1", Parallel, 8_000),
        ("guide-1", Hybrid, 1_000),
        ("guide-2", Standard, 12_000),
        ("guide-2", PutBatch, 4_000),
        ("guide-2", Hybrid, 4_000),
        ("guide-3", Standard, 100),
        ("guide-3", Parallel, 100),
        ("guide-3", PutBatch, 50),
    ];
    for (name, strategy, record_calls) in rows {
        let (scenario, settings) = guide(name, strategy);
        let record = run(&scenario, settings).record;
        let calls = record.calls;
        assert_eq!(calls.record_calls(), record_calls, "{name}, {strategy}");
        assert_eq!(calls.record_reads, calls.record_writes, "{name}, {strategy}");
        assert_eq!((calls.metadata, calls.searches, calls.failed), (1, 0, 0), "{name}, {strategy}");
        assert_eq!(record.records.migrated, record.resources, "{name}, {strategy}");
        assert_eq!(calls.total, record_calls + 1 + calls.rejected, "{name}, {strategy}");
    }
}

#[test]
fn a_thousand_accounts_with_five_mappings_save_four_calls_of_five() {
    let scenario = plain("documented", 1_000, 5);
    for (strategy, record_calls, reduction) in [
        (Strategy::Standard, 10_000, 0.0),
        (Strategy::PutBatch, 2_000, 0.8),
        (Strategy::Hybrid, 2_000, 0.8),
    ] {
        let record = run(&scenario, Settings::new(strategy)).record;
        assert_eq!(record.calls.record_calls(), record_calls, "{strategy}");
        assert_eq!(record.performance.baseline_calls, 10_000);
        assert!((record.performance.api_call_reduction - reduction).abs() < 1e-12, "{strategy}");
    }
}

#[test]
fn fields_are_looked_up_once_or_before_each_use() {
    let scenario = plain("documented", 500, 8);
    for strategy in Strategy::ALL {
        let mut settings = Settings::new(strategy);
        assert_eq!(run(&scenario, settings.clone()).record.calls.metadata, 1, "{strategy}");
        settings.metadata_cache = false;
        let calls = run(&scenario, settings).record.calls;
        let look_ups = match strategy {
            Strategy::Standard | Strategy::Parallel => 4_000,
            Strategy::PutBatch | Strategy::Hybrid => 500,
            // Once for each page, and for each account read beside one.
            Strategy::Pipelined => calls.searches + calls.record_reads,
        };
        // Refused look-ups are retried, and refusals do not count as look-ups.
        assert_eq!(calls.metadata, look_ups, "{strategy}");
    }
}

#[test]
fn makespans_under_constant_service_times_are_the_closed_forms() {
    let scenario = plain("constant", 100, 4);
    for (strategy, makespan_ms) in [
        // 100 ms of look-up, then 100 × 4 × (200 + 300) ms.
        (Strategy::Standard, 200_100),
        // The same, five side by side.
        (Strategy::Parallel, 40_100),
        // 100 × (200 + 300) ms.
        (Strategy::PutBatch, 50_100),
        // Ten batches of ten, five side by side.
        (Strategy::Hybrid, 10_100),
    ] {
        for seed in [1, 2, 3, 4_711] {
            let mut settings = settings(strategy, 5, 50);
            settings.seed = seed;
            let run = run(&scenario, settings);
            let makespan = Duration::from_millis(makespan_ms);
            assert_eq!(run.measure.makespan(), makespan, "{strategy}, seed {seed}");
            assert_eq!(run.record.calls.rejected, 0, "{strategy}, seed {seed}");
        }
    }
}

#[test]
fn nearly_ten_thousand_ids_take_hybrid_1671_6_seconds() {
    // Batches of 50 ÷ 3 = 16: 625 of them, the last of 15, over three workers. The first takes
    // batches 1, 4, … 625: 208 of 16 and one of 15, each account 500 ms, after a look-up of 100 ms.
    let scenario = Scenario::new(Workload {
        profile: Some(Scenario::profile("constant").unwrap()),
        ids: Some((1..=9_999).map(AccountId).collect()),
        mappings: Some(1),
        ..Workload::default()
    })
    .unwrap();
    let run = run(&scenario, settings(Strategy::Hybrid, 3, 50));
    assert_eq!(run.measure.makespan(), Duration::from_millis(100 + 500 * (208 * 16 + 15)));
    assert_eq!(run.measure.makespan(), Duration::from_millis(1_671_600));
    assert_eq!((run.record.resources, run.record.records.migrated), (9_999, 9_999));
}

#[test]
fn more_workers_than_the_pool_admits_are_refused_and_still_finish() {
    let scenario = plain("constant", 100, 4);
    let record = run(&scenario, settings(Strategy::Parallel, 8, 50)).record;
    assert!(record.calls.rejected > 0 && record.calls.retries > 0, "{:?}", record.calls);
    assert_eq!(record.calls.retries, record.calls.rejected, "each refusal is made again");
    assert_eq!(record.records.migrated, 100);
    assert_eq!(record.calls.record_calls(), 800, "refusals are no record calls");
    assert!(record.audit.valid);
    let refused = record.warnings.iter().find(|warning| warning.contains("429"));
    assert!(
        refused.is_some_and(|warning| warning.contains("more workers")),
        "{:?}",
        record.warnings
    );
}

#[test]
fn a_batch_below_the_workers_becomes_batches_of_one_with_a_warning() {
    let scenario = plain("constant", 100, 1);
    let record = run(&scenario, settings(Strategy::Hybrid, 5, 3)).record;
    assert!(record.warnings.iter().any(|warning| warning.contains("batches of one")));
    assert_eq!(record.performance.peak_buffered_records, 5);
    assert!((record.makespan_s - 10.1).abs() < 1e-9, "{}", record.makespan_s);
    // The strategies that are sequential, or have no batches, have nothing to be warned of.
    for strategy in [Strategy::Standard, Strategy::Parallel, Strategy::PutBatch] {
        let record = run(&scenario, settings(strategy, 5, 3)).record;
        assert!(record.warnings.is_empty(), "{strategy}: {:?}", record.warnings);
    }
}

#[test]
fn batches_bound_what_waits_in_memory() {
    let scenario = plain("constant", 300, 2);
    // Strategy, workers, batch size, accounts in memory at once.
    for (strategy, workers, batch_size, peak) in [
        (Strategy::Standard, 5, 50, 0),
        (Strategy::Parallel, 5, 50, 0),
        (Strategy::PutBatch, 5, 50, 50),
        (Strategy::PutBatch, 1, 1_000, 300),
        (Strategy::Hybrid, 5, 50, 50),
        (Strategy::Hybrid, 2, 100, 50),
        (Strategy::Hybrid, 3, 50, 48),
    ] {
        let record = run(&scenario, settings(strategy, workers, batch_size)).record;
        let found = record.performance.peak_buffered_records;
        assert_eq!(found, peak, "{strategy}, {workers} workers, batch size {batch_size}");
    }
}

#[test]
fn chunks_pause_between_but_not_after() {
    let scenario = plain("constant", 100, 1);
    let mut settings = settings(Strategy::PutBatch, 5, 50);
    settings.chunk_size = Some(at_least_one(30));
    settings.chunk_pause = Duration::from_secs(1);
    let run = run(&scenario, settings);
    // Four chunks, three pauses.
    assert_eq!(run.measure.makespan(), Duration::from_millis(100 + 100 * 500 + 3 * 1_000));
}

#[test]
fn efficiency_is_the_limit_over_the_makespan() {
    let scenario = plain("constant", 100, 4);
    let record = run(&scenario, settings(Strategy::Hybrid, 5, 50)).record;
    // 100 writes of 300 ms through a pool of 5 for PATCH, or through one for PUT beside it.
    assert!((record.lower_bound_s - 6.0).abs() < 1e-9, "{}", record.lower_bound_s);
    let any_s = record.lower_bound_any_client_s;
    assert!((any_s - 3.0).abs() < 1e-9, "{any_s}");
    assert!((record.efficiency - 6.0 / 10.1).abs() < 1e-9, "{}", record.efficiency);
    // A look-up of 0.1 s, then five calls in flight throughout.
    assert!((record.in_flight_mean - 50.1 / 10.1).abs() < 1e-9, "{}", record.in_flight_mean);
}
