//! A preflight that is killed for real: the target is as it was, or it was said how to take the sample back.
//!
//! A few kills here; fifty by
//! `cargo test --release --test it -- --ignored --nocapture preflights_killed_fifty_times`.

use super::{Bench, FAST, PLAN, digest};
use crate::cli::forwarder::Forwarder;
use crate::cli::journals::{signal, started, wait_for};
use crate::cli::sigkill::Numbers;
use neon_mock::api::Class;
use neon_mock::fault::FaultKind;
use neonbench_engine::world::WallClock;
use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

/// Results of the kills.
#[derive(Debug, Default)]
struct Tally {
    kills: u32,
    /// Kills that left a part of the sample at the target.
    in_the_middle: u32,
}

/// Calls of some ten milliseconds, so that a kill meets them on their way.
fn slow() -> String {
    FAST.replace("5ms", "40ms").replace("3ms", "15ms")
}

/// Writes of a second: what is sent once the first have arrived meets the sample on its way, on a busy machine too.
fn very_slow() -> String {
    FAST.replace("5ms", "1s")
}

/// Kills a preflight once the server has carried out a number of writes, or at once if that is none, and takes the
/// sample back as it was said.
fn killed(seed: u64, tally: &mut Tally) {
    let mut numbers = Numbers(seed);
    let bench = Bench::new(PLAN, None, &slow(), FAST);
    let line = bench.line("--only access,fields,sample,rollback --sample 12");
    let mut child = started(&bench.place, &line.replacen("--sample 8 ", "", 1));
    let (writes, clock) = (numbers.below(26), WallClock::start());
    let is_there = || bench.mock.calls().admitted(Class::Patch) >= writes;
    while !is_there() && child.try_wait().unwrap().is_none() {
        assert!(clock.elapsed() < Duration::from_secs(60), "seed {seed}: it hangs");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let more = if writes == 0 { numbers.below(1_500) } else { numbers.below(60) };
    std::thread::park_timeout(Duration::from_millis(more));
    let has_ended = child.try_wait().unwrap().is_some();
    child.kill().ok();
    child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    // Calls on their way are carried out, or not.
    let settled = WallClock::start();
    while bench.mock.in_flight() > 0 && settled.elapsed() < Duration::from_secs(5) {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    tally.kills += u32::from(!has_ended);
    if digest(&bench.mock) == bench.before {
        return;
    }
    tally.in_the_middle += 1;
    let undo = said.split('`').find(|part| part.starts_with("neonbench undo"));
    let undo = undo.unwrap_or_else(|| panic!("seed {seed}: nothing was said: {said}"));
    let undone = bench.place.neonbench(undo.strip_prefix("neonbench ").unwrap());
    assert_eq!(undone.code, 0, "seed {seed}: {undone:?}");
    assert_eq!(digest(&bench.mock), bench.before, "seed {seed}: not as it was: {undone:?}");
}

/// Ctrl-C in the middle of the sample: it is taken back before the process ends.
#[cfg(unix)]
#[test]
fn a_preflight_that_is_interrupted_takes_the_sample_back() {
    let bench = Bench::new(PLAN, None, &very_slow(), FAST);
    let line = bench.line("--only access,fields,sample,rollback");
    let child = started(&bench.place, &line);
    wait_for(&bench.mock, Class::Patch, 3);
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(said.contains("it was stopped before its end"), "{said}");
    assert_eq!(digest(&bench.mock), bench.before, "{said}");
}

/// Ctrl-C while the first writes have not reached the server, which carries them out two seconds later: they are
/// waited for, and taken back.
#[cfg(unix)]
#[test]
fn a_write_that_is_late_is_taken_back() {
    let bench = Bench::clean();
    let address = bench.mock.base_url();
    let address = address.trim_start_matches("http://").split('/').next().unwrap();
    let held = Duration::from_secs(2);
    let late = Forwarder::holding_writes(address.parse().unwrap(), held);
    let line =
        bench.line("--only access,fields,sample").replace(&bench.mock.base_url(), &late.base_url());
    let mut child = started(&bench.place, &line);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("the sample is run 1")));
    // Meanwhile the first write is on its way, or will not be sent.
    std::thread::park_timeout(Duration::from_millis(500));
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    std::thread::park_timeout(held);
    assert_eq!(digest(&bench.mock), bench.before, "{output:?}");
    assert!(bench.mock.calls().admitted(Class::Patch) > 0, "nothing was written");
}

/// A key that is refused in the middle of the sample, and taken again: the run ends, and is taken back.
#[test]
fn a_sample_that_breaks_off_is_taken_back() {
    let bench = Bench::new(PLAN, None, &very_slow(), FAST);
    let line = bench.line("--only access,fields,sample,unknowns --json");
    let child = started(&bench.place, &line);
    wait_for(&bench.mock, Class::Patch, 3);
    bench.mock.fault_next(FaultKind::Unauthorized);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(11), "{output:?}");
    assert!(said.contains("what it had written was taken back"), "{said}");
    assert_eq!(digest(&bench.mock), bench.before, "{said}");
}

fn kills(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        killed(seed, &mut tally);
    }
    tally
}

#[test]
fn a_preflight_that_is_killed_says_how_to_take_the_sample_back() {
    let tally = kills(1..6);
    assert!(tally.kills >= 3 && tally.in_the_middle >= 1, "{tally:?}");
}

#[test]
#[ignore = "fifty kills take minutes"]
fn preflights_killed_fifty_times() {
    let tally = kills(100..160);
    println!("{tally:?}");
    assert!(tally.kills >= 50 && tally.in_the_middle >= 20, "{tally:?}");
}
