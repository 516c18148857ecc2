//! The league of limiters, in virtual time: makespan, calls per record, share refused and the time
//! until the pool was found, over pools that no limit knows beforehand; and the cost of a limit by
//! the wall clock.
//!
//! Must not be read as a ranking by makespan alone: a limit that lives on refusals is fast and rude.
//! `fixed:5` knows the documented pool, and the others do not.

#[path = "limiters/aimd.rs"]
mod aimd;
#[path = "limiters/gradient2.rs"]
mod gradient2;
#[path = "limiters/league.rs"]
mod league;
mod support;

use aimd::AimdLimits;
use criterion::Criterion;
use gradient2::Gradient2Limits;
use league::{Finish, TRACKS, race};
use neonbench_engine::engine::limiter::{LimitFactory, Limiter};
use std::num::NonZeroU32;
use support::{headline, sized};

fn rivals() -> [(&'static str, Box<dyn LimitFactory>); 4] {
    let five = NonZeroU32::new(5).expect("not zero");
    [
        ("adaptive", Box::new(Limiter::Adaptive { headroom: 0 })),
        ("aimd", Box::new(AimdLimits)),
        ("fixed:5", Box::new(Limiter::Fixed(five))),
        ("gradient2", Box::new(Gradient2Limits)),
    ]
}

fn league() {
    let (accounts, seeds) = sized((1_000, 1..=10), (30, 1..=1));
    for track in TRACKS {
        headline(&format!("limiters, {}, {accounts} accounts, means of seeds:", track.name));
        for (name, limits) in rivals() {
            let runs: Vec<Finish> =
                seeds.clone().map(|seed| race(&track, &*limits, accounts, seed)).collect();
            let Finish { makespan_s, calls_per_record, refused_share, found_s } =
                Finish::mean(&runs);
            headline(&format!(
                "  {name:<10} {makespan_s:>7.1} s  {calls_per_record:>6.3} calls/record  \
                 {:>6.2} % refused  pool found after {found_s:>6.1} s",
                refused_share * 100.0
            ));
        }
    }
}

fn cost(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limiters: a run of 1000 accounts");
    let accounts = sized(1_000, 30);
    for (name, limits) in rivals() {
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
