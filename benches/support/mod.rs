//! Shared by the benches: their two sizes, and the parts of a headline.

#![allow(dead_code, reason = "each bench takes what it needs")]

use criterion::Criterion;
use neonbench::report::shared::rows::{BATCH_SIZE, Example, WORKERS};
use neonbench::stats::outer_quantiles;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{Run, RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use std::time::Duration;

/// True where nothing is measured: `cargo test --benches`, `cargo bench -- --test` or `-- --list`.
pub(crate) fn smoke() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--test") || given("--list") || !given("--bench")
}

/// True where the command line asks for a part of the benches by name.
pub(crate) fn is_part() -> bool {
    asked_parts().next().is_some()
}

/// Names on the command line.
pub(crate) fn asked_parts() -> impl Iterator<Item = String> {
    std::env::args().skip(1).filter(|argument| !argument.starts_with('-'))
}

/// True of a name that holds all those of the command line.
pub(crate) fn is_asked(name: &str) -> bool {
    asked_parts().all(|part| name.contains(&part))
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

/// The median of `values`; `None` without values, as in a bench that was filtered out.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    outer_quantiles(values.iter().copied()).map(|[_, median, _]| median)
}

/// A bar that `value` must reach, and the verdict, for a headline: `bar 1: met`, `bar 1: missed`.
pub(crate) fn at_least(bar: f64, value: f64) -> String {
    verdict(bar, value >= bar)
}

/// A bar that `value` must not exceed, and the verdict.
pub(crate) fn at_most(bar: f64, value: f64) -> String {
    verdict(bar, value <= bar)
}

fn verdict(bar: f64, is_met: bool) -> String {
    format!("bar {bar}: {}", if is_met { "met" } else { "missed" })
}

/// Prints a line of the headline; a test of the benches has none.
pub(crate) fn headline(line: &str) {
    if !smoke() {
        println!("{line}");
    }
}
