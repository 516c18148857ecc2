//! The selector: one decision of each kind by the wall clock, simulated calls a second in a sweep, and
//! how wrong the shipped calibration is.
//!
//! Must not be read as the cost of a run: a decision is made once, before it begins.

mod support;

use criterion::Criterion;
use neon_mock::profile::Profile;
use neonbench::experiment::{Goal, Portfolio};
use neonbench::select::case::{self, HELD_OUT, QUICK, SelectorCase};
use neonbench::select::{
    Calibration, ChoiceRequest, Knowledge, KnownTarget, TargetFeatures, guide_rule, judge,
    judgement, prepared_cases, simulated_calls, swept,
};
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::world::WallClock;
use support::{headline, sized};

fn scenario() -> Scenario {
    Scenario::new(Workload {
        profile: Profile::built_in("documented"),
        resources: Some(sized(500, 30)),
        mappings: Some(3),
        ..Workload::default()
    })
    .expect("a scenario")
}

fn decisions(criterion: &mut Criterion) {
    let (calibration, goal, scenario) = (Calibration::shipped(), Goal::default(), scenario());
    let features = TargetFeatures::of(&scenario.profile);
    let target = KnownTarget::of(&scenario.profile);
    let mut group = criterion.benchmark_group("selector: one decision");
    group.bench_function("guide's rule", |bencher| {
        bencher.iter(|| guide_rule(scenario.expected_resources(), scenario.mappings()));
    });
    group.bench_function("thresholds", |bencher| {
        bencher
            .iter(|| calibration.by_thresholds(&scenario, Some(&features), Portfolio::Full, &goal));
    });
    group.sample_size(10);
    group.bench_function("auto, by simulations", |bencher| {
        bencher.iter(|| {
            calibration.decide(ChoiceRequest::new(&scenario, &goal), Some(&target), Portfolio::Full)
        });
    });
    group.finish();
}

fn set(text: &str) -> Vec<SelectorCase> {
    let mut cases = case::read("a set", text).expect("a set that is shipped");
    cases.retain(|case| case.scenario.expected_resources() <= sized(u64::MAX, 3));
    cases.truncate(sized(usize::MAX, 2));
    cases
}

fn sweep() {
    let (goal, cases) = (Goal::default(), set(QUICK));
    let clock = WallClock::start();
    let swept = swept(&cases, &goal).expect("a sweep");
    let (calls, s) =
        (swept.iter().map(|one| one.calls).sum::<u64>(), clock.elapsed().as_secs_f64());
    headline(&format!(
        "sweep of {} scenarios: {calls} simulated calls in {s:.1} s, {:.2} M calls/s",
        cases.len(),
        calls as f64 / s / 1e6
    ));
}

fn regret() {
    let (goal, cases) = (Goal::default(), set(HELD_OUT));
    let prepared =
        prepared_cases(&cases, &[Knowledge::Known, Knowledge::Nothing], &goal).expect("runs");
    let verdicts = judge(&prepared, &Calibration::shipped(), |_| true).expect("runs");
    let judged = judgement(&verdicts, simulated_calls(&prepared), 0.0);
    headline(&format!("regret on {} held-out scenarios:", judged.scenarios));
    for row in judged.selectors.iter().filter(|row| row.family == "all") {
        headline(&format!(
            "  {:<7} {:<5} {:<11} mean {:>7.1} %  worst {:>8.1} %  gap closed {:>7.3}",
            row.knowledge.name(),
            row.portfolio.name(),
            row.name.name(),
            row.mean_regret * 100.0,
            row.worst_regret * 100.0,
            row.gap_closed.unwrap_or(f64::NAN)
        ));
    }
}

fn main() {
    let mut criterion = support::criterion();
    decisions(&mut criterion);
    sweep();
    regret();
    criterion.final_summary();
}
