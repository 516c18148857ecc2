//! Killed for real: SIGKILL at random moments, over HTTP, and gone on with by another process.
//!
//! A few kills here; a hundred by
//! `cargo test --release --test it -- --ignored --nocapture killed_a_hundred_times`.

use super::journals::{digest, plain, served, started};
use super::place::Place;
use neon_mock::api::Class;
use neonbench::store::{DEFAULT_PATH, Store};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::world::WallClock;
use std::process::Child;
use std::time::Duration;

/// Accounts of each run.
const ACCOUNTS: u64 = 60;

/// The most kills of one run; after them it may end.
const KILLS_OF_ONE: u32 = 3;

/// Results of the kills.
#[derive(Debug, Default)]
struct Tally {
    runs: u32,
    /// Kills that hit a process which had not ended.
    kills: u32,
    /// Kills of runs that had written something and had not written all.
    in_the_middle: u32,
}

/// A number below `bound`, by the seed alone (SplitMix64): a failure can be tried again.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Waits until `child` has ended, or kills it after `patience`. Whether it was killed.
fn killed_after(child: &mut Child, patience: Duration) -> bool {
    let clock = WallClock::start();
    while clock.elapsed() < patience {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    // It fails if the process has just ended.
    child.kill().ok();
    !child.wait().unwrap().success()
}

/// Digest of the organisation after an undisturbed migration by `strategy`.
fn planned(strategy: Strategy, seed: u64) -> String {
    let scenario = plain(ACCOUNTS);
    let order = RunSpec::new(&scenario, Settings { seed, ..Settings::new(strategy) });
    let record = order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record;
    assert!(record.audit.valid);
    record.audit.state_digest
}

/// Migrates one organisation, killed at random moments and resumed until it is done; then what it
/// wrote is verified, and taken back.
fn one_run(seed: u64, strategy: Strategy, tally: &mut Tally) {
    let (place, mut numbers) = (Place::new(), Numbers(seed));
    let mock = served(&plain(ACCOUNTS), seed);
    let before = digest(&mock);
    let per_account =
        if matches!(strategy, Strategy::Standard | Strategy::Parallel) { 3 } else { 1 };
    let of_all = ACCOUNTS * per_account;
    let first = format!(
        "run --base-url {} --resources {ACCOUNTS} --strategy {strategy} --batch-size 15 --journal \
         --seed {seed} --json",
        mock.base_url()
    );
    let case = format!("seed {seed}, {strategy}");
    for _ in 0..KILLS_OF_ONE {
        let mut child = started(&place, next_line(&place, &first));
        if !killed_after(&mut child, Duration::from_millis(20 + numbers.below(600))) {
            break;
        }
        let written = mock.calls().admitted(Class::Patch);
        tally.kills += 1;
        tally.in_the_middle += u32::from(0 < written && written < of_all);
    }
    let ended = place.neonbench(next_line(&place, &first));
    // 4: the kill hit after the end had been noted.
    assert!(matches!(ended.code, 0 | 4), "{case}: {ended:?}");
    assert_eq!(digest(&mock), planned(strategy, seed), "{case}: not as planned");
    let written = mock.calls().admitted(Class::Patch);
    assert_eq!(written, of_all, "{case}: writes that were made twice, or not");
    assert_eq!(place.json("verify 1 --json", 0)["mismatched"], 0, "{case}");
    place.json("undo 1 --json", 0);
    assert_eq!(digest(&mock), before, "{case}: not as it was");
    tally.runs += 1;
}

/// The verb that goes on with the run: `resume`, once it is in the store.
fn next_line<'a>(place: &Place, first: &'a str) -> &'a str {
    let path = place.path().join(DEFAULT_PATH);
    let is_kept = path.exists() && !Store::open(&path).unwrap().list(None).unwrap().is_empty();
    if is_kept { "resume 1 --json" } else { first }
}

fn runs(seeds: impl Iterator<Item = u64>, kills: u32) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let strategy = Strategy::ALL[seed as usize % Strategy::ALL.len()];
        one_run(seed, strategy, &mut tally);
        if tally.in_the_middle >= kills {
            break;
        }
    }
    tally
}

#[test]
fn a_run_that_is_killed_loses_nothing_and_writes_nothing_twice() {
    let tally = runs(1..20, 3);
    assert!(tally.in_the_middle >= 3, "{tally:?}");
}

#[test]
#[ignore = "a hundred kills take minutes"]
fn killed_a_hundred_times() {
    let tally = runs(1_000..2_000, 100);
    println!("{tally:?}");
    assert!(tally.in_the_middle >= 100, "{tally:?}");
}
