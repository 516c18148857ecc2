//! Two and three processes on one store and one organisation, in virtual time: they run, resume, retry and undo at
//! once, are stopped and woken, die, take over from one another and apply the plan again.
//!
//! A schedule follows from one seed. Leases, journals and refusals are those of the store, in its file; each
//! process has a clock of its own that runs fast or slow, a calendar that jumps by years, and a process number that
//! others have too. A sample runs with the other tests; the whole:
//! `cargo test --release -p neonbench --test it owners -- --ignored --nocapture`.
//! `OWNERS_SEED=123` before either command runs that schedule alone.

mod fate;
mod process;

use self::fate::Fate;
use self::process::{Ending, Verb, World};
use neon_mock::fault::FaultKind;
use neon_mock::profile::Profile;
use neon_mock::rng::{self, Generator};
use neonbench::experiment::parallel_map;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::plan::Plan;
use neonbench_engine::scenario::{Scenario, Workload};
use rand::Rng;
use std::convert::Infallible;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Schedules of the sample, and of the whole.
const SAMPLE: u64 = 1_000;
const WHOLE: u64 = 100_000;

/// Schedules that one thread makes with one folder.
const PART: usize = 250;

/// A chain, which is no plan to apply twice; one that moves and merges; one that can be repeated.
const PLANS: [&str; 3] = [
    r#"
        [[mappings]]
        source = "V-1"
        target = "T-1"
        operation = "replace"
        [[mappings]]
        source = "V-2"
        target = "V-2"
        operation = "transform"
        transform = [{ step = "regex_replace", pattern = "$", with = "!" }]
        [[mappings]]
        source = "T-1"
        target = "T-1"
        operation = "transform"
        transform = [{ step = "regex_replace", pattern = "$", with = "!" }]
    "#,
    r#"
        [[mappings]]
        source = "V-1"
        target = "T-1"
        operation = "replace"
        preserve_source = false
        [[mappings]]
        source = "V-2"
        target = "T-1"
        operation = "merge"
        [[mappings]]
        source = "T-1"
        target = "T-1"
        operation = "transform"
        transform = [{ step = "regex_replace", pattern = "$", with = "!" }]
    "#,
    r#"
        [[mappings]]
        source = "V-1"
        target = "T-1"
        operation = "replace"
        [[mappings]]
        source = "V-2"
        target = "T-2"
        operation = "merge"
    "#,
];

/// Events counted over some schedules.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    processes: u64,
    kills: u64,
    freezes: u64,
    /// Processes that were refused the run of another.
    refused: u64,
    /// Runs that were refused because another has applied the plan.
    overlaps: u64,
    /// Runs taken from an owner that was gone, or silent.
    taken_over: u64,
    /// Processes that found their run lost.
    lost: u64,
    /// Accounts that were reported as written late, perhaps.
    late: u64,
    /// Accounts that a late write left otherwise than the plan says; each was reported.
    reported: u64,
    undone: u64,
}

impl Count {
    const fn add(&mut self, other: Self) {
        self.processes += other.processes;
        self.kills += other.kills;
        self.freezes += other.freezes;
        self.refused += other.refused;
        self.overlaps += other.overlaps;
        self.taken_over += other.taken_over;
        self.lost += other.lost;
        self.late += other.late;
        self.reported += other.reported;
        self.undone += other.undone;
    }

    /// True if the schedules met each event often enough to say something about it.
    const fn covers(&self, schedules: u64) -> bool {
        self.processes > schedules * 2
            && self.kills > schedules / 4
            && self.freezes > schedules / 4
            && self.refused > schedules / 4
            && self.overlaps > schedules / 50
            && self.taken_over > schedules / 8
            && self.lost > schedules / 50
            && self.late > schedules / 20
            && self.undone > schedules / 4
    }
}

/// Number below `end`.
fn below(draws: &mut Generator, end: usize) -> usize {
    rng::below(draws.next_u64(), end)
}

fn one_of<T: Copy>(draws: &mut Generator, choices: &[T]) -> T {
    choices[below(draws, choices.len())]
}

fn profile(fault: Option<FaultKind>) -> Profile {
    let mut text = "schema = 1\n[limits]\npool = 3\nreject_after = \"5ms\"\n[service]\n".to_owned();
    for class in ["get", "patch", "put", "search", "metadata"] {
        text.push_str(class);
        text.push_str(" = { law = \"uniform\", low = \"20ms\", high = \"400ms\" }\n");
    }
    if let Some(kind) = fault {
        let classes = "classes = [\"get\", \"search\", \"patch\", \"put\"]";
        let fault = format!("[[faults]]\nkind = \"{}\"\nshare = 0.2\n{classes}\n", kind.name());
        text.push_str(&fault);
    }
    Profile::from_toml("owners", &text).unwrap()
}

/// Scenarios by plan and size, and profiles with faults and without.
struct Stock {
    scenarios: Vec<Scenario>,
    faulty: Vec<Profile>,
}

impl Stock {
    fn new() -> Self {
        let scenario = |(text, accounts): (&str, u64)| {
            let plan = Plan::from_toml("plan.toml", &format!("schema = 1\n{text}")).unwrap();
            let (resources, profile) = (Some(accounts), Some(profile(None)));
            let ids = Some((1..=accounts).map(neon_mock::api::AccountId).collect());
            let workload =
                Workload { plan: Some(plan), resources, ids, profile, ..Workload::default() };
            Scenario::new(workload).unwrap()
        };
        let sizes = |text| [3, 6, 10].map(|accounts| (text, accounts));
        let kinds = [FaultKind::Timeout, FaultKind::ResetAfter, FaultKind::InternalError];
        Self {
            scenarios: PLANS.into_iter().flat_map(sizes).map(scenario).collect(),
            faulty: kinds.map(|kind| profile(Some(kind))).to_vec(),
        }
    }
}

/// The fate of a process: when it starts, how long it lives, when it is stopped and for how long.
fn fate(draws: &mut Generator, number: u32) -> Fate {
    let reach = |draws: &mut Generator, most| {
        let most = 1 << below(draws, most);
        below(draws, most) as u64
    };
    let start = if number == 0 { 0 } else { reach(draws, 16) };
    let death = (below(draws, 2) == 0).then(|| 1 + reach(draws, 9));
    // Of half a second, which nobody notices, to a minute, in which others take over.
    let sleep = (below(draws, 2) == 0).then(|| {
        let time = Duration::from_millis(500 << below(draws, 8));
        (1 + below(draws, 80) as u64, time)
    });
    let pace = 0.5 + below(draws, 300) as f64 / 200.0;
    let is_deaf = below(draws, 2) == 0;
    let mut fate = Fate::new(Duration::from_millis(start), death, sleep, pace);
    fate.is_deaf = is_deaf;
    fate
}

/// Runs one schedule in the store at `folder`. Panics where two processes lost or repeated anything unreported.
fn schedule(stock: &Stock, folder: &Path, seed: u64) -> Count {
    let mut draws = rng::stream(seed, "owners");
    let draws = &mut draws;
    let scenario = &stock.scenarios[below(draws, stock.scenarios.len())];
    let settings = Settings { seed, ..Settings::new(one_of(draws, &Strategy::ALL)) };
    let world = World::new(scenario, settings, folder);
    if below(draws, 3) == 0 {
        world.set_profile(&stock.faulty[below(draws, stock.faulty.len())]);
    }
    let mut verbs = vec![Verb::Resume, Verb::Resume, Verb::Retry, Verb::Undo, Verb::Run];
    // An undo beside another run of a plan that can be repeated leaves what the order of their writes says.
    if scenario.plan.is_repeatable() {
        verbs.retain(|verb| *verb != Verb::Run);
    }
    let others = 1 + below(draws, 2) as u32;
    let mut processes = vec![(Verb::Run, fate(draws, 0))];
    for number in 1..=others {
        let mut fate = fate(draws, number);
        fate.silence = one_of(draws, &[None, Some(2), Some(10), Some(10)]).map(Duration::from_secs);
        fate.sees_deaths = below(draws, 2) == 0;
        processes.push((one_of(draws, &verbs), fate));
    }
    let mut count = Count { processes: processes.len() as u64, ..Count::default() };
    for (ending, fate) in world.together(processes, draws) {
        count.kills += u64::from(fate.is_dead());
        count.freezes += u64::from(fate.was_frozen());
        count.taken_over += u64::from(fate.took_over.get());
        match ending {
            Some(Ending::Held) => count.refused += 1,
            Some(Ending::Overlap) => count.overlaps += 1,
            Some(Ending::Lost) => count.lost += 1,
            Some(Ending::Ended) | None => {}
        }
    }
    world.set_profile(&scenario.profile);
    world.settle();
    let late = world.late();
    count.late = late.len() as u64;
    count.reported = world.check(&late);
    count.undone = world.check_undone(&late);
    count
}

/// A folder in memory, where the system has one: a schedule's processes end by its own hand, so that its store need
/// not outlive the machine, and each flush to a disk takes longer than the schedule.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Runs the schedules of `seeds`; their sum, and the seeds that fail.
fn schedules(seeds: Range<u64>) -> (Count, Vec<u64>) {
    let (stock, folder) = (Stock::new(), folder());
    let (mut sum, mut failed) = (Count::default(), Vec::new());
    for seed in seeds {
        // The panic's message is on stderr, before the next seed's.
        match catch_unwind(AssertUnwindSafe(|| schedule(&stock, folder.path(), seed))) {
            Ok(count) => sum.add(count),
            Err(_) => failed.push(seed),
        }
    }
    (sum, failed)
}

/// Runs `count` schedules on all cores, or the one of `OWNERS_SEED`.
#[expect(clippy::disallowed_methods, reason = "says how long it took")]
fn all(count: u64) {
    let began = std::time::Instant::now();
    if let Some(seed) = std::env::var("OWNERS_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let folder = folder();
        println!("seed {seed}: {:?}", schedule(&Stock::new(), folder.path(), seed));
        return;
    }
    let parts: Vec<Range<u64>> =
        (0..count).step_by(PART).map(|first| first..count.min(first + PART as u64)).collect();
    let Ok(done) = parallel_map(&parts, |part| Ok::<_, Infallible>(schedules(part.clone())));
    let (mut sum, mut failed) = (Count::default(), Vec::new());
    for (part, violations) in done {
        sum.add(part);
        failed.extend(violations);
    }
    println!("{count} schedules, {} violations, {:.1?}: {sum:?}", failed.len(), began.elapsed());
    let first = &failed[..failed.len().min(10)];
    assert!(failed.is_empty(), "{} of {count} fail; OWNERS_SEED=… of {first:?}", failed.len());
    assert!(sum.covers(count), "{sum:?}");
}

#[test]
fn a_sample_of_processes_on_one_run_repeats_nothing_unreported() {
    all(SAMPLE);
}

#[test]
#[ignore = "minutes: run it in release, as the head of this file says"]
fn all_processes_on_one_run_repeat_nothing_unreported() {
    all(WHOLE);
}
