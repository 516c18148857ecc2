//! The league of limiters, in virtual time, from 60 to 20,000 accounts, on servers that no limit knows
//! beforehand; and the cost of a limit by the wall clock. `cargo bench --bench limiters -- 'pool of 50'` races on the
//! tracks of that name alone.
//!
//! Ours is measured twice: as `fastest` sets it, against the best of all constant caps, which is known
//! only in hindsight; and as `balanced` sets it, against limits of others, none of which may be both
//! faster and refused less often. A limit under which accounts fail has lost.

#[path = "limiters/aimd.rs"]
mod aimd;
#[path = "limiters/gradient2.rs"]
mod gradient2;
#[path = "limiters/league.rs"]
mod league;
mod support;
#[path = "limiters/vegas.rs"]
mod vegas;

use aimd::AimdLimits;
use criterion::Criterion;
use gradient2::Gradient2Limits;
use league::{Finish, TRACKS, Track, race};
use neonbench::experiment::Objective;
use neonbench_engine::engine::limiter::{LimitFactory, Limiter};
use std::num::NonZeroU32;
use support::{at_most, headline, sized};
use vegas::VegasLimits;

/// Makespan of ours under `fastest` ÷ that of the best cap.
const BAR_FASTEST: f64 = 1.08;

/// Caps among which the best is chosen in hindsight.
const CAPS: [u32; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 19, 24, 32, 50, 64];

/// Sizes in accounts, each with its number of seeds.
const SIZES: [(u64, u64); 5] = [(60, 20), (200, 20), (1_000, 10), (5_000, 4), (20_000, 2)];

fn ours(objective: Objective) -> Limiter {
    Limiter::Adaptive { headroom: 0, echo: None, manners: objective.manners() }
}

fn rivals() -> [(&'static str, Box<dyn LimitFactory>); 3] {
    [
        ("aimd", Box::new(AimdLimits)),
        ("gradient2", Box::new(Gradient2Limits)),
        ("vegas", Box::new(VegasLimits)),
    ]
}

fn runs(track: &Track, limits: &dyn LimitFactory, accounts: u64, seeds: u64) -> Vec<Finish> {
    (1..=seeds).map(|seed| race(track, limits, accounts, seed)).collect()
}

/// Two standard errors of the mean makespan.
fn spread_s(runs: &[Finish]) -> f64 {
    let mean_s = Finish::mean(runs).makespan_s;
    let squares: f64 = runs.iter().map(|run| (run.makespan_s - mean_s).powi(2)).sum();
    2.0 * (squares / (runs.len().max(2) - 1) as f64 / runs.len() as f64).sqrt()
}

fn line(name: &str, finish: &Finish) {
    headline(&format!(
        "  {name:<20} {:>8.1} s  cost {:>9.1} s  {:>6.2} % refused  {:>6.1} failed  pool after {:>6.1} s",
        finish.makespan_s,
        finish.cost_s,
        finish.refused_share * 100.0,
        finish.failed,
        finish.found_s,
    ));
}

/// The best cap by `figure` and what it reached; one under which accounts fail is none.
fn best_cap(caps: &[(u32, Finish)], figure: fn(&Finish) -> f64) -> (u32, f64) {
    let sound = caps.iter().filter(|(_, finish)| finish.failed <= 0.0);
    let figures = sound.map(|(cap, finish)| (*cap, figure(finish)));
    figures.min_by(|one, other| one.1.total_cmp(&other.1)).expect("a cap of 1 fails nobody")
}

fn compete(track: &Track, accounts: u64, seeds: u64) {
    headline(&format!("limiters, {}, {accounts} accounts, means of {seeds} seeds:", track.name));
    let caps: Vec<(u32, Finish)> = CAPS
        .into_iter()
        .map(|cap| {
            let limit = Limiter::Fixed(NonZeroU32::new(cap).expect("not zero"));
            (cap, Finish::mean(&runs(track, &limit, accounts, seeds)))
        })
        .collect();
    let fast = Finish::mean(&runs(track, &ours(Objective::Fastest), accounts, seeds));
    let balanced = Finish::mean(&runs(track, &ours(Objective::Balanced), accounts, seeds));
    line("adaptive, fastest", &fast);
    line("adaptive, balanced", &balanced);
    let mut dominated_by = Vec::new();
    for (name, limits) in rivals() {
        let theirs = runs(track, &*limits, accounts, seeds);
        let (spread_s, theirs) = (spread_s(&theirs), Finish::mean(&theirs));
        line(name, &theirs);
        let faster = theirs.makespan_s + spread_s < balanced.makespan_s;
        if faster
            && theirs.refused_share <= balanced.refused_share
            && theirs.failed <= balanced.failed
        {
            dominated_by.push(name);
        }
    }
    let (fastest_cap, best_s) = best_cap(&caps, |finish| finish.makespan_s);
    let (cheapest_cap, cheapest_s) = best_cap(&caps, |finish| finish.cost_s);
    let ratio = fast.makespan_s / best_s;
    let undominated = if dominated_by.is_empty() {
        "met".to_owned()
    } else {
        format!("missed: {dominated_by:?}")
    };
    headline(&format!(
        "  fastest: ours ÷ fixed:{fastest_cap} {ratio:.3} ({}); balanced: cost ÷ fixed:{cheapest_cap} \
         {:.3}, undominated: {undominated}; nobody failed: {}",
        at_most(BAR_FASTEST, ratio),
        balanced.cost_s / cheapest_s,
        if fast.failed + balanced.failed > 0.0 { "missed" } else { "met" },
    ));
}

fn league() {
    for (accounts, seeds) in sized(&SIZES[..], &[(30, 1)][..]) {
        for track in TRACKS.iter().filter(|track| support::is_asked(track.name)) {
            compete(track, *accounts, *seeds);
        }
    }
}

fn cost(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limiters: a run of 1000 accounts");
    let accounts = sized(1_000, 30);
    let own: (_, Box<dyn LimitFactory>) = ("adaptive", Box::new(ours(Objective::Balanced)));
    for (name, limits) in std::iter::once(own).chain(rivals()) {
        group.bench_function(name, |bencher| {
            bencher.iter(|| race(&TRACKS[2], &*limits, accounts, 1));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = support::criterion();
    league();
    cost(&mut criterion);
    criterion.final_summary();
}
