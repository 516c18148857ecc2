//! Control of a run from a second process: each order is acknowledged, obeyed and in the record.

use super::journals::{digest, fast, plain, served, signal, started, wait_for};
use super::place::Place;
use super::stops::stopped;
use neon_mock::NeonMock;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use neonbench_engine::world::WallClock;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, SystemTime};

const ACCOUNTS: u64 = 300;

/// Calls of 100 ms: the run takes several seconds.
fn slow() -> Profile {
    let laws = ["get", "patch", "put", "search", "metadata"]
        .map(|class| format!("{class} = {{ law = \"constant\", time = \"100ms\" }}\n"));
    Profile::from_toml("slow", &format!("schema = 1\n[service]\n{}", laws.concat())).unwrap()
}

/// A run under way.
struct UnderWay {
    place: Place,
    mock: NeonMock,
    child: Child,
}

impl UnderWay {
    fn new(flags: &str) -> Self {
        let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
        mock.set_profile(slow());
        let line = format!("{} {flags}", line(&mock));
        let child = started(&place, &line);
        Self { place, mock, child }
    }

    /// The same once it has written a little.
    fn writing(flags: &str) -> Self {
        let run = Self::new(flags);
        wait_for(&run.mock, Class::Patch, 10);
        run
    }

    fn order(&self, line: &str) -> Value {
        self.place.json(&format!("{line} --json"), 0)
    }

    fn stands_still(&self) {
        stands_still(&self.mock);
    }

    /// The record of the run, which ends with `code`.
    fn ended(self, code: i32) -> (Place, NeonMock, Value) {
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let record = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let record = record.or_else(|| serde_json::from_str(&text).ok());
        (self.place, self.mock, record.unwrap_or_else(|| panic!("{text}")))
    }
}

fn line(mock: &NeonMock) -> String {
    let url = mock.base_url();
    format!("run --base-url {url} --resources {ACCOUNTS} --strategy pipelined --json")
}

const FIXED: &str = "--limiter fixed:4";

/// Waits until the server has heard nothing for a second.
fn stands_still(mock: &NeonMock) {
    let clock = WallClock::start();
    loop {
        let before = mock.calls().total();
        std::thread::park_timeout(Duration::from_secs(1));
        if mock.calls().total() == before {
            return;
        }
        assert!(clock.elapsed() < Duration::from_secs(60), "it goes on");
    }
}

fn socket(place: &Place) -> PathBuf {
    place.path().join(".neonbench/store.sqlite.run-1.sock")
}

/// The orders in a record: command, name, places.
fn orders(record: &Value) -> Vec<(String, String, Option<u64>)> {
    let orders = record["controls"].as_array().into_iter().flatten();
    let text = |order: &Value, member: &str| order[member].as_str().unwrap().to_owned();
    orders
        .map(|order| (text(order, "command"), text(order, "by"), order["headroom"].as_u64()))
        .collect()
}

#[test]
fn orders_of_a_second_process_are_acknowledged_obeyed_and_recorded() {
    let run = UnderWay::writing(FIXED);
    let mode = socket(&run.place).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let paused = run.order("pause 1 --by ada");
    assert_eq!((&paused["ok"], &paused["state"]), (&json!(true), &json!("paused")), "{paused}");
    assert_eq!(paused["next_command"], "neonbench go 1");
    run.stands_still();
    let again = run.place.neonbench("pause 1 --by eve");
    assert_eq!(again.code, 0);
    assert!(again.stdout.contains("paused already, by ada"), "{again:?}");

    // Clients that say nothing, too much, or what nobody understands.
    let silent: Vec<_> =
        (0..10).map(|_| UnixStream::connect(socket(&run.place)).unwrap()).collect();
    let mut wrong = UnixStream::connect(socket(&run.place)).unwrap();
    wrong.write_all(b"{\"schema\":2,\"command\":\"go\"}\n").unwrap();
    let mut answer = String::new();
    wrong.read_to_string(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["ok"], false, "{answer}");
    drop(silent);
    run.stands_still();

    let gone_on = run.order("go 1 --by eve");
    assert_eq!(gone_on["state"], "running", "{gone_on}");
    let words = gone_on["words"].as_str().unwrap();
    assert!(words.contains("goes on") && words.contains("ada"), "{words}");
    let before = run.mock.calls().admitted(Class::Patch);
    wait_for(&run.mock, Class::Patch, before + 10);
    let slowed = run.order("slow 1 --headroom 3 --by eve");
    assert_eq!((&slowed["headroom"], &slowed["state"]), (&json!(3), &json!("running")));
    assert_eq!(slowed["next_command"], "neonbench slow 1 --headroom 0");
    let stopped = run.order("stop 1 --by eve");
    assert_eq!(stopped["next_command"], "neonbench resume 1", "{stopped}");

    let (place, mock, record) = run.ended(130);
    assert_eq!(record["stopped"], true);
    let by = |command: &str, name: &str, places| (command.to_owned(), name.to_owned(), places);
    let given = [
        by("pause", "ada", None),
        by("go", "eve", None),
        by("slow", "eve", Some(3)),
        by("stop", "eve", None),
    ];
    assert_eq!(orders(&record), given, "{record:#}");
    assert!(record["paused_s"].as_f64().unwrap() > 1.0, "{record:#}");
    assert!(!socket(&place).exists());
    place.refused("pause 1", 2, &["no process carries it out", "neonbench resume 1"]);

    mock.set_profile(fast());
    let whole = place.json("resume 1 --json", 0);
    assert_eq!(whole["records"]["migrated"], ACCOUNTS);
    assert_eq!((orders(&whole).len(), &whole["paused_s"]), (4, &record["paused_s"]));
    place.refused("go 1", 2, &["it has ended"]);
    place.refused("stop 7", 2, &["7"]);
}

#[test]
fn a_file_holds_a_run_and_a_person_cannot_lift_that() {
    let place = Place::new();
    place.file("hold", "");
    let mock = served(&plain(ACCOUNTS), 1);
    // A socket that a process left, which was killed: nobody listens there.
    std::fs::create_dir(place.path().join(".neonbench")).unwrap();
    drop(UnixListener::bind(socket(&place)).unwrap());
    let line = line(&mock).replace("--json", "--json-lines --pause-while hold");
    let mut child = started(&place, &line);
    let clock = WallClock::start();
    let held = loop {
        let went = place.neonbench("go 1 --by ada");
        if went.code == 0 {
            break went;
        }
        assert!(clock.elapsed() < Duration::from_secs(60), "{went:?}");
    };
    assert!(held.stdout.contains("stays paused by --pause-while hold"), "{held:?}");
    stands_still(&mock);
    assert_eq!((mock.calls().admitted(Class::Patch), child.try_wait().unwrap()), (0, None));
    place.json("pause 1 --by ada --json", 0);
    std::fs::remove_file(place.path().join("hold")).unwrap();
    let clock = WallClock::start();
    while place.json("pause 1 --by eve --json", 0)["holds"].as_array().unwrap().len() > 1 {
        assert!(clock.elapsed() < Duration::from_secs(60));
    }
    stands_still(&mock);
    assert_eq!(mock.calls().admitted(Class::Patch), 0);
    place.json("go 1 --by eve --json", 0);
    let (_, mock, record) = UnderWay { place, mock, child }.ended(0);
    assert_eq!(record["records"]["migrated"], ACCOUNTS);
    assert!(record["paused_s"].as_f64().unwrap() > 1.0, "{record:#}");
    let given: Vec<_> =
        orders(&record).into_iter().map(|(command, by, _)| command + " " + &by).collect();
    let file = "--pause-while hold";
    let expected =
        [format!("pause {file}"), "pause ada".into(), format!("go {file}"), "go eve".into()];
    assert_eq!(given, expected);
    assert_eq!(digest(&mock), record["audit"]["state_digest"]);
}

/// A time zone in which it is noon in so many seconds.
fn zone_before_noon(lead_s: i64) -> String {
    const DAY_S: i64 = 86_400;
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary's clock is set by its distance from this one"
    )]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let ahead = (now.cast_signed() - (DAY_S / 2 - lead_s)).rem_euclid(DAY_S);
    // A zone is named by what has to be added to its time; half a day at most.
    let west = if ahead > DAY_S / 2 { ahead - DAY_S } else { ahead };
    let (sign, west) = if west < 0 { ('-', -west) } else { ('+', west) };
    format!("TST{sign}{}:{:02}:{:02}", west / 3_600, west / 60 % 60, west % 60)
}

#[test]
fn quiet_hours_hold_a_run_until_they_end() {
    // A busy machine may come too late for the shorter times.
    for lead_s in [6, 25, 60] {
        let (place, mock) = (Place::new(), served(&plain(20), 1));
        let line = format!(
            "run --base-url {} --resources 20 --strategy hybrid --json --quiet-hours 08:00-12:00",
            mock.base_url()
        );
        let mut command = place.command(&line);
        command.env("TZ", zone_before_noon(lead_s)).timeout(Duration::from_secs(200));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(record["records"]["migrated"], 20);
        let given = orders(&record);
        if given.is_empty() {
            continue;
        }
        let hours = "--quiet-hours 08:00-12:00";
        let names: Vec<_> = given.iter().map(|(command, by, _)| (&**command, &**by)).collect();
        assert_eq!(names, [("pause", hours), ("go", hours)]);
        assert_eq!(record["controls"][0]["why"], "until 12:00");
        assert!(record["paused_s"].as_f64().unwrap() > 0.0, "{record:#}");
        return;
    }
    panic!("no run began within a minute");
}

#[test]
fn a_pause_ends_with_ctrl_c_and_survives_a_kill() {
    let run = UnderWay::writing(FIXED);
    run.order("pause 1");
    run.stands_still();
    let UnderWay { place, mock, child } = run;
    let (output, took) = stopped(child, "-INT", "a pause");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    println!("stopped in a pause: {took:?}");
    assert!(!socket(&place).exists());

    // The file may stay where the process was killed.
    mock.set_profile(slow());
    let mut child = started(&place, "resume 1");
    let before = mock.calls().admitted(Class::Patch);
    wait_for(&mock, Class::Patch, before + 10);
    place.json("pause 1 --json", 0);
    child.kill().unwrap();
    child.wait().unwrap();
    place.refused("go 1", 2, &["its process is gone", "neonbench resume 1"]);
    mock.set_profile(fast());
    let record = place.json("resume 1 --json", 0);
    assert_eq!(record["records"]["migrated"], ACCOUNTS, "{record:#}");
    assert_eq!(record["audit"]["valid"], true);
    assert!(!socket(&place).exists());
}

#[test]
fn an_undo_is_held_and_slowed_as_a_run_is() {
    let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
    let before = digest(&mock);
    place.json(&line(&mock), 0);
    mock.set_profile(slow());
    let child = started(&place, "undo 1");
    let written = mock.calls().admitted(Class::Patch);
    wait_for(&mock, Class::Patch, written + 5);
    let paused = place.json("pause 1 --json", 0);
    assert_eq!(paused["state"], "paused");
    stands_still(&mock);
    mock.set_profile(fast());
    place.json("go 1 --json", 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(digest(&mock), before);
}

#[test]
fn a_run_without_a_limit_cannot_be_slowed_and_one_in_virtual_time_not_held() {
    let place = Place::new();
    place.refused("pause 1", 2, &["there is no store"]);
    for flag in ["--pause-while hold", "--quiet-hours 08:00-18:00"] {
        place.refused(&format!("run --resources 5 {flag}"), 2, &["in virtual time"]);
    }
    place.refused("run --resources 5 --quiet-hours 8-18", 2, &["two times of the day"]);
    // A store so far below that its path is too long for the address of a socket.
    let folder = "a-folder-with-a-long-name/".repeat(6);
    let store = format!("--store {folder}store.sqlite");
    let mock = served(&plain(ACCOUNTS), 1);
    mock.set_profile(slow());
    let run = line(&mock).replace("pipelined", "parallel --workers 2");
    let child = started(&place, &format!("{run} {store}"));
    wait_for(&mock, Class::Patch, 5);
    assert!(Path::new(&place.path().join(&folder).join("store.sqlite.run-1.sock")).exists());
    place.refused(&format!("slow 1 --headroom 1 {store}"), 2, &["no limit", "2 workers"]);
    place.json(&format!("pause 1 --json {store}"), 0);
    stands_still(&mock);
    signal(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}
