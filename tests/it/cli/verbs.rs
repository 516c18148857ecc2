//! The verbs beside `run`.

use super::place::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

fn strategies(value: &Value) -> Vec<&str> {
    let runs = value["runs"].as_array().unwrap().iter();
    runs.map(|run| run["strategy"].as_str().unwrap()).collect()
}

#[test]
fn benchmark_runs_every_strategy_and_names_the_best() {
    let place = Place::new();
    let line = "benchmark --resources 30 --mappings 2 --profile constant --replicates 10 --json";
    let benchmark = place.json(line, 0);
    assert_eq!(benchmark["schema"], 1);
    let mut names = strategies(&benchmark);
    names.sort_unstable();
    for name in ["hybrid", "parallel", "pipelined", "put_batch", "standard"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for run in benchmark["runs"].as_array().unwrap() {
        assert_eq!((&run["audit"]["valid"], &run["seed"]), (&true.into(), &1.into()));
        let interval = run["makespan_s_interval"].as_array().unwrap();
        assert_eq!((interval.len(), &run["replicates"]), (3, &10.into()));
        // Constant service times: all seeds take as long.
        let makespan = run["makespan_s"].as_f64().unwrap();
        assert!(interval.iter().all(|s| (s.as_f64().unwrap() - makespan).abs() < 1e-9), "{run:#}");
    }
    assert_eq!(benchmark["best"], "pipelined");
    assert_eq!(benchmark["not_told_apart"], serde_json::json!([]));
    // Fewer runs have a median and no range, and too few of them tell nobody apart.
    let few = place.json("benchmark --resources 10 --replicates 9 --json", 0);
    let run = &few["runs"][0];
    assert!(run["makespan_s_interval"].is_null() && run["makespan_s_median"].is_f64(), "{run:#}");
    let words = place.neonbench("benchmark --resources 10 --replicates 2");
    assert_eq!(words.code, 0, "{words:?}");
    assert!(words.stdout.contains("(n = 2: too few runs to tell"), "{words:?}");
    assert!(words.stdout.contains("put_batch") && words.stdout.contains("hybrid"), "{words:?}");
}

#[test]
fn compare_sets_configurations_side_by_side() {
    let place = Place::new();
    let line = "compare --resources 20 --strategy hybrid --configs 1/25,5/50 --replicates 2 --json";
    let compared = place.json(line, 0);
    let runs = compared["runs"].as_array().unwrap();
    let mut workers: Vec<u64> = runs.iter().map(|run| run["workers"].as_u64().unwrap()).collect();
    workers.sort_unstable();
    assert_eq!(workers, [1, 5]);
    place.refused("compare 1 2 --store missing.sqlite", 2, &["missing.sqlite"]);
    place.refused("compare 1", 2, &[]);
}

#[test]
fn scalability_grows_and_judges() {
    let place = Place::new();
    let line =
        "scalability --sizes 5,20,80 --mappings 2 --strategy hybrid --profile constant --json";
    let outcome = place.neonbench(line);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let grown: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(grown["schema"], 1);
    let words = place.neonbench("scalability --sizes 5,20 --replicates 1");
    assert!(
        ["good", "moderate", "poor"].iter().any(|word| words.stdout.contains(word)),
        "{words:?}"
    );
    place.refused("scalability --sizes 5,x", 2, &["--sizes", "x"]);
}

#[test]
fn profiles_are_listed_shown_and_checked() {
    let place = Place::new();
    let list = place.neonbench("profile list");
    assert_eq!(list.code, 0);
    for (name, _) in neon_mock::profile::BUILT_IN {
        assert!(list.stdout.lines().any(|line| line.starts_with(name)), "{name}: {list:?}");
    }
    // Shown configurations can be checked, and passed back.
    let shown = place.neonbench("profile show constant");
    place.file("mine.toml", &shown.stdout);
    let checked = place.neonbench("profile check mine.toml");
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains("valid") && checked.stdout.contains("200 ms"), "{checked:?}");
    let line = "run --resources 4 --strategy standard --json --no-store --profile";
    let (mine, built_in) =
        (place.json(&format!("{line} mine.toml"), 0), place.json(&format!("{line} constant"), 0));
    assert_eq!(mine["makespan_s"], built_in["makespan_s"]);
    place.refused("profile show fast", 2, &["`fast`", "`documented`"]);
    place.file("mine.toml", "schema = 1\n[service]\nget = 5\n");
    place.refused("profile check mine.toml", 2, &["mine.toml, line 3"]);
}

#[test]
fn the_example_shows_every_member_and_those_that_are_off_can_be_switched_on() {
    let example = include_str!("../../../examples/profile.toml");
    let place = Place::new();
    place.file("as-it-is.toml", example);
    place.file("get.csv", include_str!("../../../examples/get.csv"));
    let on: Vec<&str> = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest,
            _ => line,
        })
        .collect();
    place.file("all-on.toml", &on.join("\n"));
    let off = place.neonbench("profile check as-it-is.toml");
    assert_eq!(off.code, 0, "{off:?}");
    assert!(!off.stdout.contains("one call in 100"), "{off:?}");
    let on = place.neonbench("profile check all-on.toml");
    assert_eq!(on.code, 0, "{on:?}");
    for said in ["one call in 100: slow-body", "Retry-After 1 s", "congestion", "401"] {
        assert!(on.stdout.contains(said), "{said}: {on:?}");
    }
    // Every member of the form is there.
    for member in [
        "pool",
        "per_second",
        "scope",
        "queue",
        "reject_after",
        "retry_after",
        "endpoints",
        "endpoints_per_second",
        "congestion",
        "contention",
        "coherency",
        "histogram",
        "kind",
        "kinds",
        "share",
        "first",
        "every",
        "classes",
        "from",
        "until",
        "records",
        "poison",
        "burst",
        "over_max",
        "empty_options",
        "null_text",
        "unknown_members",
        "bad_item",
        "errors_as_200",
        "search_lag",
        "individuals_include_companies",
        "merged_write",
        "webhook_writes",
        "integration",
        "patience",
    ] {
        assert!(example.contains(member), "{member}");
    }
    // A histogram that the profile names lies beside it.
    let run = place.json("run --resources 12 --profile all-on.toml --json --no-store", 0);
    assert_eq!(run["audit"]["valid"], true);
    std::fs::remove_file(place.path().join("get.csv")).unwrap();
    let gone = ["all-on.toml, line", "histogram: cannot read get.csv", "No such file"];
    place.refused("run --resources 12 --profile all-on.toml", 2, &gone);
}

#[test]
fn datasets_are_listed_and_described() {
    let place = Place::new();
    let list = place.neonbench("dataset list");
    for name in ["plain", "v-fields", "mixed", "dirty", "companies", "half-migrated"] {
        assert!(list.stdout.lines().any(|line| line.starts_with(name)), "{name}: {list:?}");
    }
    let described = place.neonbench("dataset describe mixed --mappings 2 --resources 50");
    assert_eq!(described.code, 0, "{described:?}");
    assert!(described.stdout.contains("V-1") && described.stdout.contains("Checkbox"));
    place.refused("dataset describe big", 2, &["`big`", "`plain`"]);
}

/// `neonbench serve`, stopped when it is dropped.
pub(super) struct Served {
    child: Child,
    /// One reader for all that it prints: a second one would miss what the first has buffered.
    printed: BufReader<ChildStdout>,
    pub(super) url: String,
}

impl Served {
    pub(super) fn start(place: &Place, line: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_neonbench"))
            .args(line.split_whitespace())
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut first).unwrap();
        let url = first.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address in `{first}`")).to_owned();
        Self { child, printed, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn what_is_served_can_be_migrated() {
    let place = Place::new();
    let served = Served::start(
        &place,
        "serve --addr 127.0.0.1:0 --resources 12 --mappings 2 --seed 5 --profile unlimited",
    );
    assert!(served.url.ends_with("/v2"), "{}", served.url);
    let line = "run --resources 12 --mappings 2 --seed 5 --profile unlimited --json --no-store";
    let over_http = place.json(&format!("{line} --base-url {}", served.url), 0);
    assert_eq!(over_http["records"]["migrated"], 12);
    // The same flags make the same organisation.
    assert_eq!(place.json(line, 0)["audit"]["state_digest"], over_http["audit"]["state_digest"]);
}

#[test]
#[cfg(unix)]
fn a_signal_to_stop_stops_serving_with_a_summary() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::new();
        let mut served = Served::start(&place, "serve --addr 127.0.0.1:0 --resources 3");
        let id = served.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert!(served.child.wait().unwrap().success(), "{signal}");
        let mut rest = String::new();
        served.printed.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("0 calls"), "{rest}");
    }
}

/// A script reads the address from the first line or from a file that is there once the mock answers.
#[test]
fn a_start_and_an_end_can_be_read_as_json() {
    let place = Place::new();
    let line = "serve --addr 127.0.0.1:0 --resources 3 --json --ready-file ready.json -v";
    let mut child = Command::new(env!("CARGO_BIN_EXE_neonbench"))
        .args(line.split_whitespace())
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut first).unwrap();
    let ready = place.path().join("ready.json");
    assert_eq!(std::fs::read_to_string(&ready).unwrap(), first);
    let start: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&start["accounts"], &start["pid"]), (&Value::from(3), &Value::from(child.id())));
    let addr = start["base_url"].as_str().unwrap();
    let addr = addr.trim_start_matches("http://").trim_end_matches("/v2");
    let send = |request: String| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let auth = "authorization: Basic ZGVtbzpkZW1v\r\nconnection: close";
    send(format!("GET /v2/accounts?email=secret HTTP/1.1\r\nhost: x\r\n{auth}\r\n\r\n"));
    let token = start["admin_token"].as_str().unwrap();
    let auth = format!("authorization: Bearer {token}");
    send(format!("POST /__mock/shutdown HTTP/1.1\r\nhost: x\r\n{auth}\r\n\r\n"));
    assert!(child.wait().unwrap().success());
    let mut last = String::new();
    printed.read_to_string(&mut last).unwrap();
    let end: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&end["calls"], &end["refused"]), (&Value::from(1), &Value::from(0)));
    assert!(!ready.exists(), "it goes with the mock");
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("GET /v2/accounts?… 200") && !log.contains("secret"), "{log}");
}

/// A test runner that is killed cannot stop its mock; its end of the pipe closes all the same.
#[test]
fn a_mock_ends_with_standard_input() {
    let place = Place::new();
    let line = "serve --addr 127.0.0.1:0 --resources 3 --json --exit-with-stdin";
    let mut child = Command::new(env!("CARGO_BIN_EXE_neonbench"))
        .args(line.split_whitespace())
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    printed.read_line(&mut first).unwrap();
    let start: Value = serde_json::from_str(&first).unwrap();
    let addr = start["base_url"].as_str().unwrap();
    let addr = addr.trim_start_matches("http://").trim_end_matches("/v2").to_owned();
    let mut held = child.stdin.take().unwrap();
    held.write_all(b"input is no end\n").unwrap();
    assert!(TcpStream::connect(&addr).is_ok());
    assert!(child.try_wait().unwrap().is_none(), "it serves");
    drop(held);
    assert!(child.wait().unwrap().success());
    assert!(TcpStream::connect(&addr).is_err(), "the port is closed");
    let mut last = String::new();
    printed.read_to_string(&mut last).unwrap();
    assert!(last.contains("\"calls\":0"), "{last}");
}

#[test]
fn an_admin_stops_serving_with_the_token_given() {
    let place = Place::new();
    let line = "serve --addr 127.0.0.1:0 --resources 3 --admin-token let-me-in";
    let mut served = Served::start(&place, line);
    let addr = served.url.trim_start_matches("http://").trim_end_matches("/v2");
    let mut stream = TcpStream::connect(addr).unwrap();
    let token = "authorization: Bearer let-me-in";
    write!(stream, "POST /__mock/shutdown HTTP/1.1\r\nhost: x\r\n{token}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(served.child.wait().unwrap().success());
    let mut rest = String::new();
    served.printed.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("/__mock/ · token: the one given"), "{rest}");
    assert!(rest.contains("stopped: 0 calls") && !rest.contains("let-me-in"), "{rest}");
}

#[test]
fn a_port_in_use_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    place.refused(&format!("serve --addr {addr}"), 2, &[&addr.to_string(), "in use"]);
    place.refused("serve --addr nowhere", 2, &["--addr", "nowhere"]);
    place.refused("serve --addr 127.0.0.1:0 --org-id a:b", 2, &["a:b", "colon"]);
}

#[test]
fn a_report_without_its_files_is_refused_before_anything_runs() {
    let place = Place::new();
    place.file("taken", "a file where a folder would have to be");
    place.refused("report --out taken", 2, &["taken"]);
    place.refused("report --out taken/below", 2, &["taken"]);
    place.refused("report --replicates 0", 2, &["--replicates"]);
    place.file("text.sqlite", "a text where a store would have to be");
    place.refused("report --store text.sqlite", 2, &["text.sqlite"]);
}

#[test]
fn help_and_version_are_results() {
    let place = Place::new();
    for line in ["--help", "run --help", "serve --help", "--version", "profile --help"] {
        let outcome = place.neonbench(line);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{line}");
        assert!(!outcome.stdout.is_empty());
    }
    let nothing = place.neonbench("");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""), "{nothing:?}");
}

#[test]
fn a_plan_of_ones_own_gets_its_decision_page() {
    let place = Place::new();
    let made = place.neonbench("report --resources 12 --mappings 2 --replicates 2 --out page");
    let text = made.stdout;
    assert_eq!(made.code, 0, "{text}");
    assert!(text.starts_with("Use pipelined: 12 accounts × 2 mappings take "), "{text}");
    let next = text.lines().last().unwrap();
    assert_eq!(
        next,
        "next: neonbench run --resources 12 --mappings 2 --strategy pipelined --dry-run \
         --replicates 2"
    );
    for name in ["index.html", "report.json", "report.md", "latency.hlog"] {
        assert!(place.path().join("page").join(name).metadata().unwrap().len() > 500, "{name}");
    }
    place.refused("report --resources 12 --strategy hybrid", 2, &["--strategy"]);
    place.refused("report --plan none.toml", 2, &["none.toml"]);
}

#[test]
fn stored_runs_are_reported_and_compared_without_a_run() {
    let place = Place::new();
    let runs = "run --resources 40 --strategy hybrid --replicates 8 --store runs.sqlite --workers";
    for workers in ["5", "1"] {
        assert_eq!(place.neonbench(&format!("{runs} {workers}")).code, 0);
    }
    let report = "report --store runs.sqlite --out page --runs";
    let outcome = place.neonbench(&format!("{report} 1,2"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let page = std::fs::read_to_string(place.path().join("page/index.html")).unwrap();
    assert!(page.contains("hybrid 5/50, run 1") && page.contains("hybrid 1/50, run 2"));
    // The second is slower than the first, and not the other way round.
    assert_eq!(place.neonbench(&format!("{report} 2 --baseline 1")).code, 10);
    assert_eq!(place.neonbench(&format!("{report} 1 --baseline 2")).code, 0);
    let page = std::fs::read_to_string(place.path().join("page/index.html")).unwrap();
    assert!(page.contains("Against run <span") && page.contains("faster"), "{page}");
    place.refused(&format!("{report} 9"), 2, &["9"]);
    place.refused("report --runs 1 --store none.sqlite", 2, &["none.sqlite"]);
    place.refused("report --baseline 1", 2, &["--baseline"]);
}
