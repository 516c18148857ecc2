//! SIGINT, SIGTERM and SIGHUP in every state of a process: heard within two seconds, with the contract's exit code,
//! the next command, and a journal that the next process goes on from.
//!
//! In each state the server would let the process wait for far longer, so that one trial of each is judged by its
//! end alone. Twenty of each, with their times, by
//! `cargo test --release --test it -- --ignored --nocapture stopped_in_every_state`.

use super::journals::{digest, fast, plain, served, started};
use super::place::Place;
use neon_mock::NeonMock;
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::world::WallClock;
use std::process::{Child, Command, Output};
use std::time::Duration;

const ACCOUNTS: u64 = 40;
const SIGNALS: [&str; 3] = ["-INT", "-TERM", "-HUP"];
const MOST: Duration = Duration::from_secs(2);

/// Longest wait of a process that does not hear: the server's answers take longer.
const DEAF: Duration = Duration::from_secs(20);

/// One state, and how a process comes into it.
struct State {
    name: &'static str,
    /// The time that the server's calls take, but for a few ms.
    slow: &'static str,
    /// The rest of its profile.
    profile: &'static str,
    line: &'static str,
    /// True once the process is in the state, by the server's count.
    is_there: fn(&NeonMock) -> bool,
    /// The command that goes on.
    after: After,
}

/// The proof that the journal is good.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// `resume` carries the run out, and every account is as planned.
    Resume,
    /// The run is listed as stopped, and nothing was written.
    Nothing,
    /// The run has ended, and its accounts are as planned.
    Ended,
    /// `verify` finds every field.
    Verify,
    /// `undo` restores the rest.
    Undo,
    /// There is no journal.
    NoJournal,
}

const RUN: &str = "run --base-url URL --resources 40 --strategy hybrid";

const STATES: [State; 12] = [
    State {
        name: "enumeration by a filter",
        slow: "search = { law = \"constant\", time = \"900ms\" }",
        profile: "",
        line: "run --base-url URL --plan filter.toml --dataset plain --resources 20000 --strategy hybrid",
        is_there: |mock| mock.calls().admitted(Class::Search) >= 1,
        after: After::Nothing,
    },
    State {
        name: "look-up of the fields",
        slow: "metadata = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: RUN,
        is_there: |mock| mock.calls().admitted(Class::Metadata) >= 1,
        after: After::Nothing,
    },
    State {
        name: "reads without an answer",
        slow: "get = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: RUN,
        is_there: |mock| mock.calls().admitted(Class::Get) >= 1,
        after: After::Resume,
    },
    State {
        name: "writes without an answer",
        slow: "patch = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: RUN,
        is_there: |mock| mock.calls().admitted(Class::Patch) >= 1,
        after: After::Resume,
    },
    State {
        name: "wait for Retry-After",
        slow: "patch = { law = \"constant\", time = \"50ms\" }",
        profile: "[limits]\npool = 1\nretry_after = \"50s\"",
        line: "run --base-url URL --resources 40 --strategy parallel --workers 5",
        is_there: |mock| mock.calls().rejected() >= 1,
        after: After::Resume,
    },
    State {
        name: "wait for a slot",
        slow: "patch = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: "run --base-url URL --resources 40 --strategy pipelined --limiter fixed:1",
        is_there: |mock| mock.calls().admitted(Class::Patch) >= 1,
        after: After::Resume,
    },
    State {
        name: "backoff, and an outage",
        slow: "",
        profile: "[[faults]]\nkind = \"503\"\nshare = 1.0\nclasses = [\"get\"]",
        line: "run --base-url URL --resources 40 --strategy standard --max-outage 10min",
        is_there: |mock| mock.calls().of(Endpoint::GetAccount).failed >= 4,
        after: After::Resume,
    },
    State {
        name: "pause between chunks",
        slow: "",
        profile: "",
        line: "run --base-url URL --resources 40 --strategy hybrid --chunk-size 20 --chunk-pause 100s",
        is_there: |mock| mock.calls().admitted(Class::Patch) >= 20,
        after: After::Resume,
    },
    State {
        name: "reading back",
        slow: "search = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: RUN,
        is_there: |mock| mock.calls().admitted(Class::Search) >= 1,
        after: After::Ended,
    },
    State {
        name: "probe",
        slow: "get = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: "probe --base-url URL --resources 40 --no-store",
        is_there: |mock| mock.calls().admitted(Class::Get) >= 1,
        after: After::NoJournal,
    },
    State {
        name: "verify",
        slow: "search = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: "verify 1",
        is_there: |mock| mock.calls().admitted(Class::Search) >= 2,
        after: After::Verify,
    },
    State {
        name: "undo",
        slow: "patch = { law = \"constant\", time = \"100s\" }",
        profile: "",
        line: "undo 1",
        is_there: |mock| mock.calls().admitted(Class::Patch) > ACCOUNTS,
        after: After::Undo,
    },
];

impl State {
    fn profile(&self) -> Profile {
        let class = |name: &str| {
            let usual = format!("{name} = {{ law = \"constant\", time = \"5ms\" }}");
            if self.slow.starts_with(name) { self.slow.to_owned() } else { usual }
        };
        let laws = ["get", "patch", "put", "search", "metadata"].map(class).join("\n");
        let text = format!("schema = 1\n{}\n[service]\n{laws}\n", self.profile);
        // A table of faults comes after all sections.
        let text = match self.profile.strip_prefix("[[faults]]") {
            Some(_) => format!("schema = 1\n[service]\n{laws}\n{}\n", self.profile),
            None => text,
        };
        Profile::from_toml("state", &text).unwrap()
    }

    /// Brings a process into the state, stops it by `signal` a little later, and proves its journal. How long the
    /// process went on.
    fn trial(&self, signal: &str, jitter: Duration) -> Duration {
        let place = Place::new();
        let accounts = if self.line.contains("filter") { 20_000 } else { ACCOUNTS };
        let scenario = plain(accounts);
        let mock = served(&scenario, 1);
        let before = digest(&mock);
        place.file(
            "filter.toml",
            "schema = 1\n[[filter]]\nfield = \"V-1\"\noperator = \"NOT_BLANK\"\n\
             [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
        );
        if matches!(self.after, After::Verify | After::Undo) {
            place.json(&format!("{RUN} --json").replace("URL", &mock.base_url()), 0);
        }
        mock.set_profile(self.profile());
        let child = started(&place, &self.line.replace("URL", &mock.base_url()));
        let clock = WallClock::start();
        while !(self.is_there)(&mock) {
            assert!(
                clock.elapsed() < Duration::from_secs(60),
                "{}: it never came there",
                self.name
            );
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(jitter);
        let (output, took) = stopped(child, signal, self.name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = if self.after == After::Ended { 0 } else { 130 };
        assert_eq!(output.status.code(), Some(code), "{}, {signal}: {shown}{said}", self.name);
        assert!(
            format!("{shown}{said}").contains("next: neonbench"),
            "{}: {shown}{said}",
            self.name
        );
        mock.set_profile(fast());
        self.proves(&place, &mock, &before);
        took
    }

    fn proves(&self, place: &Place, mock: &NeonMock, before: &str) {
        let state = |expected: &str| {
            let listed = place.json("store list --json", 0);
            assert_eq!(listed["runs"][0]["state"], expected, "{}", self.name);
        };
        match self.after {
            After::Nothing => {
                state("stopped");
                assert_eq!(digest(mock), before, "{}", self.name);
            }
            After::Resume => {
                state("stopped");
                let run = place.json("resume 1 --json", 0);
                assert_eq!(run["records"]["migrated"], ACCOUNTS, "{}: {run:#}", self.name);
                assert_eq!(digest(mock), planned(), "{}", self.name);
                place.json("undo 1 --json", 0);
                assert_eq!(digest(mock), before, "{}", self.name);
            }
            After::Ended => {
                state("finished");
                assert_eq!(digest(mock), planned(), "{}", self.name);
            }
            After::Verify => {
                assert_eq!(place.json("verify 1 --json", 0)["mismatched"], 0);
            }
            After::Undo => {
                let undone = place.json("undo 1 --json", 0);
                assert_eq!(undone["conflicted"], 0, "{undone:#}");
                assert_eq!(digest(mock), before);
            }
            After::NoJournal => assert_eq!(digest(mock), before),
        }
    }
}

/// The digest of the organisation after an undisturbed migration.
fn planned() -> String {
    let scenario = plain(ACCOUNTS);
    let order = RunSpec::new(&scenario, Settings::new(Strategy::Hybrid));
    order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record.audit.state_digest
}

pub(crate) fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

/// Sends a process a signal; its output, and how long it went on.
pub(crate) fn stopped(mut child: Child, signal: &str, what: &str) -> (Output, Duration) {
    send(&child, signal);
    let clock = WallClock::start();
    while child.try_wait().unwrap().is_none() {
        if clock.elapsed() > DEAF {
            child.kill().unwrap();
            panic!("{what}: {signal} was not heard");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let took = clock.elapsed();
    (child.wait_with_output().unwrap(), took)
}

#[test]
fn a_stop_is_heard_in_every_state() {
    for (index, state) in STATES.iter().enumerate() {
        state.trial(SIGNALS[index % SIGNALS.len()], Duration::from_millis(20));
    }
}

#[test]
#[ignore = "240 processes, each stopped in the middle of a wait: minutes"]
fn stopped_in_every_state() {
    const TRIALS: u32 = 20;
    println!("{:26} {:>6} {:>9} {:>9}", "state", "trials", "mean ms", "longest");
    for state in &STATES {
        let mut times = Vec::new();
        for trial in 0..TRIALS {
            let jitter = Duration::from_millis(u64::from(trial * 71 % 400));
            times.push(state.trial(SIGNALS[trial as usize % SIGNALS.len()], jitter));
        }
        let (mean, longest) =
            (times.iter().sum::<Duration>() / TRIALS, times.iter().max().copied().unwrap());
        let (mean_ms, longest_ms) = (mean.as_millis(), longest.as_millis());
        println!("{:26} {TRIALS:>6} {mean_ms:>9} {longest_ms:>9}", state.name);
        assert!(longest <= MOST, "{}: {longest:?}", state.name);
    }
}

/// The process that got one signal is within its second of grace; another ends it at once.
#[test]
fn the_second_signal_ends_it_at_once() {
    let state = &STATES[3];
    let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
    mock.set_profile(state.profile());
    let child = started(&place, &state.line.replace("URL", &mock.base_url()));
    while !(state.is_there)(&mock) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    send(&child, "-INT");
    std::thread::park_timeout(Duration::from_millis(100));
    let (output, _) = stopped(child, "-TERM", "a second signal");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "{output:?}");
    assert_eq!(place.json("store list --json", 0)["runs"][0]["state"], "running");
    mock.set_profile(fast());
    assert_eq!(place.json("resume 1 --json", 0)["records"]["migrated"], ACCOUNTS);
    assert_eq!(digest(&mock), planned());
}
