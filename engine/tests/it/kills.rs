//! Runs killed at any boundary of a call or a note, under every kind of fault, then resumed,
//! retried, verified and undone, in virtual time.
//!
//! A schedule follows from one seed: a random plan on a random organisation, a strategy, a kind of
//! fault, where each life ends, and what staff write between two lives. A sample runs with the
//! other tests; the whole:
//! `cargo test --release -p neonbench-engine --test it kills -- --ignored --nocapture`.
//! `KILLS_SEED=123` before either command runs that schedule alone.

mod mortal;
mod world;

use self::mortal::Mortal;
use self::world::World;
use super::strategies::case::{Case, raw};
use neon_mock::fault::FaultKind;
use neon_mock::profile::Profile;
use neon_mock::rng::{self, Generator};
use neonbench_engine::engine::{Guard, Reads, Settings, Strategy, WriteMode};
use neonbench_engine::journal::RetryScope;
use neonbench_engine::scenario::Resources;
use proptest::strategy::{Strategy as _, ValueTree as _};
use rand::Rng;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Schedules of the sample, and of the whole.
const SAMPLE: u64 = 1_000;
const WHOLE: u64 = 100_000;

/// Plans that the schedules share, and the most accounts of one.
const CASES: usize = 200;
const MAX_ACCOUNTS: usize = 12;

/// The most lives of a run before the last one, in which nothing goes wrong any more.
const MAX_LIVES: usize = 4;

/// Events counted over some schedules.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    kills: u64,
    /// Writes that were open when a run died.
    open: u64,
    edits: u64,
    /// Edits after which an open write looks as if it had not been carried out.
    taken_back: u64,
    undo_kills: u64,
    restored: u64,
    conflicts: u64,
    /// Values of staff that stood over the run's own when it was undone.
    standing: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.open += other.open;
        self.edits += other.edits;
        self.taken_back += other.taken_back;
        self.undo_kills += other.undo_kills;
        self.restored += other.restored;
        self.conflicts += other.conflicts;
        self.standing += other.standing;
    }

    /// True if the schedules met each event often enough to say something about it.
    fn covers(&self, schedules: u64) -> bool {
        self.kills > schedules / 2
            && self.open > schedules / 20
            && self.edits > schedules / 3
            && self.undo_kills > schedules / 20
            && self.restored > schedules
            && self.conflicts > schedules / 30
            && self.standing > 0
    }
}

/// Number below `end`.
fn below(draws: &mut Generator, end: usize) -> usize {
    rng::below(draws.next_u64(), end)
}

fn one_of<T: Copy>(draws: &mut Generator, choices: &[T]) -> T {
    choices[below(draws, choices.len())]
}

/// Limits and service times; faults of one kind on a part of the calls on accounts.
fn profile(fault: Option<FaultKind>, lags: bool) -> Profile {
    let mut text = "schema = 1\n[limits]\npool = 3\nreject_after = \"5ms\"\n[service]\n".to_owned();
    for class in ["get", "patch", "put", "search", "metadata"] {
        text.push_str(class);
        text.push_str(" = { law = \"uniform\", low = \"20ms\", high = \"90ms\" }\n");
    }
    if lags {
        text.push_str("[behaviour]\nsearch_lag = \"1h\"\n");
    }
    if let Some(kind) = fault {
        // A wrong key ends the whole run each time.
        let share = if kind == FaultKind::Unauthorized { 0.03 } else { 0.2 };
        let classes = "classes = [\"get\", \"search\", \"patch\", \"put\"]";
        let name = kind.name();
        let _ = write!(text, "[[faults]]\nkind = \"{name}\"\nshare = {share}\n{classes}\n");
    }
    Profile::from_toml("kills", &text).unwrap()
}

/// Plans and profiles, the same on every machine; read once, since a schedule is short.
struct Stock {
    cases: Vec<Case>,
    profiles: BTreeMap<(Option<FaultKind>, bool), Profile>,
}

impl Stock {
    fn new() -> Self {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let is_small = |case: &Case| matches!(&case.scenario.resources, Resources::Ids(ids) if ids.len() <= MAX_ACCOUNTS);
        let drawn = || Case::new(&raw().new_tree(&mut runner).unwrap().current());
        let cases = std::iter::repeat_with(drawn).filter(is_small).take(CASES).collect();
        let faults = FaultKind::ALL.into_iter().map(Some).chain([None]);
        let all = faults.flat_map(|fault| [(fault, false), (fault, true)]);
        let profiles = all.map(|(fault, lags)| ((fault, lags), profile(fault, lags))).collect();
        Self { cases, profiles }
    }
}

/// A span of life in boundaries. Short ones are drawn more often: a run is begun more often than
/// it is long.
fn span(draws: &mut Generator) -> Mortal {
    let reach = 1 << below(draws, 10);
    Mortal::new(Some(below(draws, reach) as u64))
}

fn settings(case: &Case, seed: u64, draws: &mut Generator) -> Settings {
    let mut settings = case.settings(one_of(draws, &Strategy::ALL));
    settings.write = one_of(draws, &WriteMode::ALL);
    settings.reads = one_of(draws, &[Reads::Get, Reads::Search]);
    settings.guard = one_of(draws, &[Guard::None, Guard::Reread]);
    settings.seed = seed;
    settings
}

/// Runs one schedule. Panics where a kill lost or repeated anything.
fn schedule(stock: &Stock, seed: u64) -> Count {
    let mut draws = rng::stream(seed, "kills");
    let draws = &mut draws;
    let case = &stock.cases[below(draws, stock.cases.len())];
    let fault = FaultKind::ALL.get(below(draws, FaultKind::ALL.len() + 1)).copied();
    // A run that searches does not see edits that a search shows late: no staff then.
    let lags = below(draws, 4) == 0;
    let (faulty, calm) = (&stock.profiles[&(fault, lags)], &stock.profiles[&(None, lags)]);
    let mut world = World::new(case, settings(case, seed, draws));
    for _ in 0..=below(draws, MAX_LIVES) {
        world.set_profile(faulty);
        let again = one_of(draws, &[RetryScope::Neither, RetryScope::Both]);
        world.run(&span(draws), again);
        world.set_profile(calm);
        if !lags && below(draws, 2) == 0 {
            world.edit(draws);
        }
    }
    let ends = world.run(&Mortal::new(None), RetryScope::Both).expect("nothing goes wrong now");
    world.check(&ends);
    world.check_verified();
    let standing = world.standing_edits();
    // A wrong key would end the undo at its first call.
    if fault != Some(FaultKind::Unauthorized) {
        world.set_profile(faulty);
    }
    world.undo(&span(draws));
    world.set_profile(calm);
    let undone = world.undo(&Mortal::new(None)).expect("nothing goes wrong now");
    world.check_undone(&undone, &standing);
    let again = world.undo(&Mortal::new(None)).expect("nothing goes wrong now");
    assert_eq!(again.restored, 0, "undone twice");
    Count {
        restored: undone.restored,
        conflicts: undone.differences.len() as u64,
        standing: standing.len() as u64,
        ..world.count
    }
}

/// Runs the schedules of `seeds`; their sum, and the seeds that fail.
fn schedules(stock: &Stock, seeds: Range<u64>) -> (Count, Vec<u64>) {
    let (mut sum, mut failed) = (Count::default(), Vec::new());
    for seed in seeds {
        // The panic's message is on stderr, before the next seed's.
        match catch_unwind(AssertUnwindSafe(|| schedule(stock, seed))) {
            Ok(count) => sum.add(count),
            Err(_) => failed.push(seed),
        }
    }
    (sum, failed)
}

/// Runs `count` schedules on all cores, or the one of `KILLS_SEED`.
#[expect(clippy::disallowed_methods, reason = "says how long it took")]
fn all(count: u64) {
    let began = std::time::Instant::now();
    let stock = Stock::new();
    if let Some(seed) = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok()) {
        println!("seed {seed}: {:?}", schedule(&stock, seed));
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
    let (mut sum, mut failed) = (Count::default(), Vec::new());
    std::thread::scope(|scope| {
        let part = |thread: u64| count * thread / threads..count * (thread + 1) / threads;
        // Each has a stock of its own: profiles and scenarios are not shared between threads.
        let start = |thread| scope.spawn(move || schedules(&Stock::new(), part(thread)));
        let running: Vec<_> = (0..threads).map(start).collect();
        for thread in running {
            let (part, violations) = thread.join().unwrap();
            sum.add(part);
            failed.extend(violations);
        }
    });
    println!("{count} schedules, {} violations, {:.1?}: {sum:?}", failed.len(), began.elapsed());
    let first = &failed[..failed.len().min(10)];
    assert!(failed.is_empty(), "{} of {count} fail; KILLS_SEED=… of {first:?}", failed.len());
    assert!(sum.covers(count), "{sum:?}");
}

#[test]
fn a_sample_of_killed_runs_loses_nothing_and_can_be_undone() {
    all(SAMPLE);
}

#[test]
#[ignore = "minutes: run it in release, as the head of this file says"]
fn all_killed_runs_lose_nothing_and_can_be_undone() {
    all(WHOLE);
}
