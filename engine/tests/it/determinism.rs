//! One seed, one run: the same bytes twice, and the same events as when these constants were
//! taken, in debug and in release.

use neon_mock::profile::Profile;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Reads, Settings, Strategy, WriteMode};
use neonbench_engine::event::{Event, Observer};
use neonbench_engine::plan::Plan;
use neonbench_engine::run::{Run, RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use std::fmt::{self, Write as _};
use std::num::NonZeroU32;

/// FNV-1a, 64 bits, over the debug form of every event. Source: Fowler, Noll, Vo, 1991.
struct Digest(u64);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Observer for Digest {
    fn observe(&mut self, event: &Event) {
        write!(self, "{event:?};").expect("a digest takes any text");
    }
}

fn run(scenario: &Scenario, settings: &Settings) -> (Run, u64) {
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    let order = RunSpec::new(scenario, settings.clone());
    let run = order.run(&World::Virtual, &mut digest).unwrap();
    assert!(run.record.audit.valid, "{:?}", run.record.audit.faults);
    (run, digest.0)
}

/// The record's JSON without the members of the wall clock.
fn json(run: &Run) -> String {
    let mut record = run.record.clone();
    record.wall_s = 0.0;
    record.audit_wall_s = 0.0;
    serde_json::to_string_pretty(&record).unwrap()
}

/// Limits as `constant` has them, and service times by arithmetic alone: no libm is asked.
const UNIFORM: &str = r#"
schema = 1
[limits]
pool = 4
reject_after = "30ms"
[service]
get = { law = "uniform", low = "100ms", high = "400ms" }
patch = { law = "uniform", low = "150ms", high = "900ms" }
put = { law = "uniform", low = "150ms", high = "900ms" }
search = { law = "constant", time = "400ms" }
metadata = { law = "constant", time = "100ms" }
"#;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
const LOG_NORMAL: &str = r#"
schema = 1
[limits]
pool = 4
reject_after = "30ms"
[service]
get = { law = "log-normal", median = "250ms", p99 = "1s" }
patch = { law = "log-normal", median = "350ms", p99 = "1400ms" }
put = { law = "log-normal", median = "350ms", p99 = "1400ms" }
search = { law = "log-normal", median = "600ms", p99 = "2400ms" }
metadata = { law = "log-normal", median = "250ms", p99 = "1s" }
"#;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
const MOVES: &str = r#"
schema = 1
[[mappings]]
source = "V-1"
target = "T-1"
operation = "add_option"
preserve_source = false
[[mappings]]
source = "V-2"
target = "T-3"
operation = "merge"
[[mappings]]
source = "T-3"
target = "V-3"
operation = "copy_if_empty"
transform = [{ step = "case", to = "upper" }]
"#;

const FILTER: &str = r#"
schema = 1
[[filter]]
field = "V-1"
operator = "NOT_BLANK"
[[mappings]]
source = "V-1"
target = "T-1"
operation = "replace"
"#;

fn scenario(profile: &str, dataset: Option<&str>, plan: Option<&str>, resources: u64) -> Scenario {
    Scenario::new(Workload {
        plan: plan.map(|text| Plan::from_toml("plan.toml", text).unwrap()),
        profile: Some(Profile::from_toml("of the test", profile).unwrap()),
        dataset: dataset.map(|name| DatasetSource::BuiltIn(name.to_owned())),
        resources: Some(resources),
        ..Workload::default()
    })
    .unwrap()
}

fn settings(strategy: Strategy, workers: u32, seed: u64) -> Settings {
    let mut settings = Settings::new(strategy);
    settings.workers = NonZeroU32::new(workers).unwrap();
    settings.seed = seed;
    settings
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let four = Plan::plain(4);
    let mixed = Scenario::new(Workload {
        plan: Some(four),
        dataset: Some(DatasetSource::BuiltIn("plain".to_owned())),
        resources: Some(120),
        ..Workload::default()
    })
    .unwrap();
    for (strategy, write) in
        Strategy::ALL.into_iter().flat_map(|it| WriteMode::ALL.map(|write| (it, write)))
    {
        // More workers than slots: refusals and jitter take part.
        let settings = Settings { write, ..settings(strategy, 8, 3) };
        let (first, second) = (run(&mixed, &settings), run(&mixed, &settings));
        assert_eq!(json(&first.0), json(&second.0), "{strategy}, {write:?}");
        assert_eq!(first.1, second.1, "{strategy}, {write:?}");
    }
}

#[test]
fn another_seed_gives_another_run() {
    let scenario = scenario(UNIFORM, None, None, 60);
    let one = run(&scenario, &settings(Strategy::Parallel, 3, 1));
    let two = run(&scenario, &settings(Strategy::Parallel, 3, 2));
    assert_ne!(one.1, two.1);
    assert_ne!(one.0.measure.makespan(), two.0.measure.makespan());
    assert_ne!(one.0.record.audit.state_digest, two.0.record.audit.state_digest);
}

#[test]
fn the_service_times_of_a_seed_are_the_same_for_every_strategy() {
    // The first read of each strategy takes the same time: draws come from one stream an endpoint.
    let scenario = scenario(UNIFORM, None, None, 10);
    let first_read = |strategy| {
        let mut first = None;
        let limiter = Limiter::None;
        let settings = Settings { reads: Reads::Get, limiter, ..settings(strategy, 1, 9) };
        let order = RunSpec::new(&scenario, settings);
        let mut watch = |event: &Event| {
            if let Event::Done(call) = event
                && call.endpoint == neon_mock::api::Endpoint::GetAccount
            {
                first.get_or_insert(call.done_at.since(call.sent_at));
            }
        };
        order.run(&World::Virtual, &mut watch).unwrap();
        first.unwrap()
    };
    let times: Vec<_> = Strategy::ALL.into_iter().map(first_read).collect();
    assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "{times:?}");
}

/// Digest of the events, and the state that they ended in. Where a change is meant to alter the
/// engine's calls or their times, `UPDATE_GOLDENS=1` renews them.
#[derive(Debug, PartialEq)]
struct Golden(&'static str, u64, &'static str);

/// `number` in hex, in groups of four.
fn grouped(number: u64) -> String {
    let groups = [48, 32, 16, 0].map(|shift| format!("{:04x}", number >> shift & 0xffff));
    format!("0x{}", groups.join("_"))
}

/// Compares with the table of goldens that this file has under `name`, or writes that anew.
fn check(name: &str, goldens: &[Golden], found: &[(String, u64, String)]) {
    let matches = goldens.len() == found.len()
        && goldens.iter().zip(found).all(|(golden, (name, events, state))| {
            (golden.0, golden.1, golden.2) == (name.as_str(), *events, state.as_str())
        });
    let mut constants = String::new();
    for (name, events, state) in found {
        let _ = writeln!(constants, "    Golden(\"{name}\", {}, \"{state}\"),", grouped(*events));
    }
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        return renew(name, &constants);
    }
    assert!(matches, "the events differ from {name}; UPDATE_GOLDENS=1 renews it:\n{constants}");
}

/// Writes a table of goldens into this file. Two tests do so, one at a time.
fn renew(name: &str, constants: &str) {
    static FILE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = FILE.lock().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/determinism.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let head = format!("\nconst {name}: &[Golden] = &[\n");
    let (before, rest) = text.split_once(&head).expect("the table is in this file");
    let (_, after) = rest.split_once("];").expect("the table ends");
    std::fs::write(path, format!("{before}{head}{constants}];{after}")).unwrap();
}

fn found(scenarios: &[(&str, Scenario)], workers: u32) -> Vec<(String, u64, String)> {
    let mut found = Vec::new();
    for (name, scenario) in scenarios {
        for strategy in Strategy::ALL {
            let (run, digest) = run(scenario, &settings(strategy, workers, 11));
            found.push((format!("{name}, {strategy}"), digest, run.record.audit.state_digest));
        }
    }
    found
}

const ARITHMETIC: &[Golden] = &[
    Golden("plain, standard", 0x4d5b_665f_7e56_5edf, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("plain, parallel", 0x1bc2_03fd_bfaa_f44f, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("plain, put_batch", 0x8d21_dcdc_44d6_f8a0, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("plain, hybrid", 0xd6bb_363f_d851_14ef, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("plain, pipelined", 0x5ba9_8644_ad60_ccb7, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("half-migrated, standard", 0x945e_6cf1_fd17_6d6c, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("half-migrated, parallel", 0xf78e_e166_dec5_6cd2, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("half-migrated, put_batch", 0xab65_626f_08f9_accd, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("half-migrated, hybrid", 0x5340_117d_8089_2ce8, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("half-migrated, pipelined", 0xf002_58d2_df20_a607, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("filter, standard", 0xfbb4_47dd_bb0e_2b87, "b2877feb8006773ea1635810c35d32e2"),
    Golden("filter, parallel", 0x6bef_4d12_2539_c0e0, "b2877feb8006773ea1635810c35d32e2"),
    Golden("filter, put_batch", 0x2945_d996_d94f_4574, "b2877feb8006773ea1635810c35d32e2"),
    Golden("filter, hybrid", 0x6e0f_f44d_afca_6f10, "b2877feb8006773ea1635810c35d32e2"),
    Golden("filter, pipelined", 0xd6eb_9ad8_1046_65eb, "b2877feb8006773ea1635810c35d32e2"),
];

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
const LIBM: &[Golden] = &[
    Golden("log-normal, standard", 0xfd50_3043_5245_9b5f, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("log-normal, parallel", 0xa30e_d11b_26c0_776b, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("log-normal, put_batch", 0x900a_41fd_8ec9_4ba4, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("log-normal, hybrid", 0x5d51_9d02_ac6e_2d0e, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("log-normal, pipelined", 0x7c70_9d65_1b02_def1, "2a3311d4b2377bcfeee4be55e3100136"),
    Golden("moves, standard", 0x7637_dd4b_486f_e84a, "c752cb61d4ad4474a445e1eec4de19e8"),
    Golden("moves, parallel", 0x3ab0_6acb_89e5_be6c, "c752cb61d4ad4474a445e1eec4de19e8"),
    Golden("moves, put_batch", 0x83d4_4206_9dfb_2781, "c752cb61d4ad4474a445e1eec4de19e8"),
    Golden("moves, hybrid", 0xf7a9_32a0_0ff8_be77, "c752cb61d4ad4474a445e1eec4de19e8"),
    Golden("moves, pipelined", 0xa259_c64d_f242_d007, "c752cb61d4ad4474a445e1eec4de19e8"),
];

#[test]
fn the_events_of_arithmetic_service_times_are_as_they_were() {
    let scenarios = [
        ("plain", scenario(UNIFORM, None, None, 80)),
        ("half-migrated", scenario(UNIFORM, Some("half-migrated"), None, 80)),
        ("filter", scenario(UNIFORM, Some("dirty"), Some(FILTER), 250)),
    ];
    check("ARITHMETIC", ARITHMETIC, &found(&scenarios, 6));
}

/// Logarithms and exponentials are the platform's, and with them the last bit of a service time or
/// of a Zipf draw.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn the_events_of_log_normal_service_times_are_as_they_were() {
    let scenarios = [
        ("log-normal", scenario(LOG_NORMAL, None, None, 80)),
        ("moves", scenario(LOG_NORMAL, Some("mixed"), Some(MOVES), 80)),
    ];
    check("LIBM", LIBM, &found(&scenarios, 6));
}
