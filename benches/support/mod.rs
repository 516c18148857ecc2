//! What the benches share: their two sizes, and what a headline is made of.

#![allow(dead_code, reason = "each bench takes what it needs")]

use criterion::Criterion;
use neonbench::report::claims::{BATCH_SIZE, Example, WORKERS};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{Run, RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use std::time::Duration;

/// Whether nothing is measured: `cargo test --benches`, `cargo bench -- --test` or `-- --list`.
pub(crate) fn smoke() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--test") || given("--list") || !given("--bench")
}

/// The canonical size under `cargo bench`, a small one in a test.
pub(crate) fn sized<T>(canonical: T, small: T) -> T {
    if smoke() { small } else { canonical }
}

/// Criterion with the command line's settings, and times by which all benches take five minutes.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .nresamples(10_000)
        .configure_from_args()
}

/// The scenario of one of the guide's examples; of ten accounts in a test.
pub(crate) fn scenario(example: &Example) -> Scenario {
    Scenario::new(Workload {
        name: Some(example.name.to_owned()),
        profile: Some(Scenario::profile(example.name).expect("a built-in profile")),
        resources: Some(sized(example.accounts, 10)),
        mappings: Some(example.mappings),
        ..Workload::default()
    })
    .expect("the guide's examples are valid")
}

/// `strategy` with the guide's workers and batch size.
pub(crate) fn settings(strategy: Strategy, seed: u64) -> Settings {
    Settings { workers: WORKERS, batch_size: BATCH_SIZE, seed, ..Settings::new(strategy) }
}

/// Runs `scenario` by `settings` in virtual time. A run that fails its audit yields no number.
pub(crate) fn run(scenario: &Scenario, settings: Settings) -> Run {
    let order = RunSpec::new(scenario, settings);
    let mut nobody = |_: &Event| {};
    let run = order.run(&World::Virtual, &mut nobody).expect("a run in virtual time");
    let audit = &run.record.audit;
    assert!(audit.valid, "{}: {:?}", run.record.scenario, audit.faults);
    run
}

/// The middle one of `values`; `None` if there are none, as in a bench that was filtered out.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Prints a line of the headline; a test of the benches has none.
pub(crate) fn headline(line: &str) {
    if !smoke() {
        println!("{line}");
    }
}
