//! Runs with a journal: stopped, cut off, taken up again, guarded, got rid of.

use super::place::{Place, VARIABLES, outcome};
use neon_mock::NeonMock;
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::Profile;
use neonbench_engine::scenario::{Scenario, Workload};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Calls of a few milliseconds, and room for all.
pub(crate) const FAST: &str = "schema = 1\n[service]\n\
    get = { law = \"constant\", time = \"3ms\" }\n\
    patch = { law = \"constant\", time = \"5ms\" }\n\
    put = { law = \"constant\", time = \"5ms\" }\n\
    search = { law = \"constant\", time = \"5ms\" }\n\
    metadata = { law = \"constant\", time = \"3ms\" }\n";

/// The fast profile.
pub(crate) fn fast() -> Profile {
    Profile::from_toml("fast", FAST).unwrap()
}

/// The plain workload on `accounts` accounts, with calls of a few milliseconds.
pub(crate) fn plain(accounts: u64) -> Scenario {
    let workload =
        Workload { resources: Some(accounts), profile: Some(fast()), ..Workload::default() };
    Scenario::new(workload).unwrap()
}

/// Serves that organisation; the server has threads of its own and outlives the runtime.
pub(crate) fn served(scenario: &Scenario, seed: u64) -> NeonMock {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(NeonMock::builder().neon(scenario.neon(seed)).start())
}

/// The digest of what stands there now.
pub(crate) fn digest(mock: &NeonMock) -> String {
    mock.with_neon(|neon| neon.organisation().digest())
}

/// Starts the binary and does not wait for it.
pub(crate) fn started(place: &Place, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neonbench"));
    command.current_dir(place.path()).args(line.split_whitespace());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Writes of a tenth of a second, five at a time: a run that is to be met at work must not end before a busy machine
/// has let the test look.
pub(crate) fn slow() -> Profile {
    let text = FAST.replace(
        "patch = { law = \"constant\", time = \"5ms\" }",
        "patch = { law = \"constant\", time = \"100ms\" }",
    );
    Profile::from_toml("slow", &format!("{text}[limits]\npool = 5\n")).unwrap()
}

/// Waits until the mock has carried out `calls` calls of `class`.
pub(crate) fn wait_for(mock: &NeonMock, class: Class, calls: u64) {
    while mock.calls().admitted(class) < calls {
        std::thread::yield_now();
    }
}

/// Sends the process a signal as a terminal or a service manager would.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_awaits_its_calls_and_is_resumed() {
    for (strategy, name) in [
        ("standard", "-INT"),
        ("parallel", "-TERM"),
        ("put_batch", "-INT"),
        ("hybrid", "-TERM"),
        ("pipelined", "-INT"),
    ] {
        let (place, scenario) = (Place::new(), plain(120));
        let mock = served(&scenario, 1);
        let before = digest(&mock);
        let line = format!(
            "run --base-url {} --resources 120 --strategy {strategy} --batch-size 20 --json",
            mock.base_url()
        );
        mock.set_profile(slow());
        let child = started(&place, &line);
        wait_for(&mock, Class::Patch, 40);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        mock.set_profile(fast());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{strategy}: {said}");
        assert!(said.contains("press Ctrl-C again to stop now"), "{said}");
        let run: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&run["stopped"], &run["run"]), (&true.into(), &1.into()));
        assert_eq!(run["audit"]["valid"], true, "{strategy}: {run:#}");
        let landed = run["records"]["migrated"].as_u64().unwrap();
        assert!((1..120).contains(&landed) && run["records"]["total"] == landed, "{run:#}");
        assert_eq!(run["next_command"], "neonbench resume 1");
        // The answers of calls in flight were awaited.
        assert_eq!(run["calls"]["record_writes"], mock.calls().admitted(Class::Patch));

        let resumed = place.json("resume 1 --json", 0);
        assert_eq!(resumed["audit"]["valid"], true, "{resumed:#}");
        assert_eq!(resumed["records"]["migrated"], 120, "{resumed:#}");
        assert_eq!(resumed["audit"]["state_digest"], digest(&mock).as_str(), "{strategy}");
        assert_eq!(resumed["next_command"], "neonbench verify 1");
        let per_account = if matches!(strategy, "standard" | "parallel") { 3 } else { 1 };
        assert_eq!(mock.calls().admitted(Class::Patch), 120 * per_account, "{strategy}");
        assert_ne!(digest(&mock), before);
        let again = place.neonbench("resume 1");
        assert_eq!((again.code, again.stdout.as_str()), (4, ""), "{again:?}");
        assert!(again.stderr.contains("nothing to resume"), "{again:?}");
    }
}

/// A run of 246 accounts that is stopped twice: its record is the sum of three processes, by the server's
/// count, and is compared as such. One whose process was killed is not.
#[cfg(unix)]
#[test]
fn the_record_of_a_resumed_run_is_the_sum_of_its_processes() {
    let (place, scenario) = (Place::new(), plain(246));
    let mock = served(&scenario, 1);
    let line = |mock: &NeonMock| {
        format!("run --base-url {} --resources 246 --strategy hybrid --json", mock.base_url())
    };
    mock.set_profile(slow());
    let mut parts = Vec::new();
    for (line, writes) in [(line(&mock), 40), ("resume 1 --json".to_owned(), 120)] {
        let child = started(&place, &line);
        wait_for(&mock, Class::Patch, writes);
        signal(&child, "-INT");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        parts.push(serde_json::from_slice::<Value>(&output.stdout).unwrap());
    }
    mock.set_profile(fast());
    let run = place.json("resume 1 --json", 0);
    let figure = |of: &Value, at: &str| of.pointer(at).unwrap().as_f64().unwrap();
    let calls = figure(&run, "/calls/total") + figure(&run, "/audit/calls/total");
    assert_eq!(calls as u64, mock.calls().total(), "{run:#}");
    assert_eq!(run["calls"]["record_writes"], mock.calls().admitted(Class::Patch));
    assert_eq!(run["records"]["migrated"], 246);
    let processes = run["processes"].as_array().unwrap();
    let sum = |at: &str| processes.iter().map(|it| figure(it, at)).sum::<f64>();
    let is_near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
    assert_eq!((processes.len(), sum("/landed")), (3, 246.0), "{run:#}");
    assert!(is_near(figure(&run, "/makespan_s"), sum("/makespan_s")), "{run:#}");
    assert!(is_near(figure(&run, "/calls/total"), sum("/calls/total")), "{run:#}");
    // The first process alone, and the first two together, as they said themselves.
    assert_eq!(parts[0]["makespan_s"], processes[0]["makespan_s"]);
    let two = figure(&processes[0], "/makespan_s") + figure(&processes[1], "/makespan_s");
    assert!(is_near(figure(&parts[1], "/makespan_s"), two), "{:#}", parts[1]);
    let (bound, time) = (figure(&run, "/lower_bound_s"), figure(&run, "/makespan_s"));
    assert!(is_near(figure(&run, "/efficiency"), bound / time));
    let rate = figure(&run, "/performance/resources_per_s");
    assert!(is_near(rate, 246.0 / time), "{rate}");

    let uninterrupted = place.json(&line(&served(&scenario, 1)), 0);
    assert!(is_near(figure(&uninterrupted, "/lower_bound_s"), bound), "{uninterrupted:#}");
    assert!(uninterrupted.get("processes").is_none());
    let compared = place.neonbench("compare 1 2");
    assert_eq!(compared.code, 0, "{compared:?}");
    assert!(compared.stdout.contains("the sums of 3 processes"), "{compared:?}");
    let history = place.json("history --json", 0);
    assert_eq!(
        (&history["runs"][1]["processes"], &history["runs"][1]["makespan_s"]),
        (&3.into(), &run["makespan_s"])
    );
    place.refused("fit --run 1", 2, &["run 1", "resumed"]);

    // A process that was killed leaves no figures.
    let mock = served(&scenario, 1);
    mock.set_profile(slow());
    let mut child = started(&place, &line(&mock));
    wait_for(&mock, Class::Patch, 40);
    child.kill().unwrap();
    child.wait().unwrap();
    mock.set_profile(fast());
    let resumed = place.json("resume 3 --json", 0);
    assert_eq!(
        (&resumed["processes_lost"], &resumed["records"]["migrated"]),
        (&1.into(), &246.into())
    );
    place.refused("compare 2 3", 2, &["run 3", "left no figures"]);
    place.refused("fit --run 3", 2, &["run 3", "left no figures"]);
    let history = place.neonbench("history");
    assert!(
        history.stdout.contains("≥") && history.stdout.contains("next: neonbench compare 1 2"),
        "{history:?}"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_run_in_virtual_time() {
    let place = Place::new();
    let child = started(&place, "run --resources 1000000 --strategy standard --no-store");
    // It says nothing until it ends, so that there is nothing to wait for but its signal handler.
    while !has_handler(&child) {
        std::thread::yield_now();
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("stopped before the end") && said.contains("valid"), "{said}");
}

/// True if the process catches SIGINT (bit 1 of `SigCgt` on Linux); always true elsewhere.
#[cfg(unix)]
fn has_handler(child: &Child) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) else {
        return true;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap_or("0").trim(), 16).unwrap();
    caught & 0b10 != 0
}

#[test]
fn a_key_that_is_withdrawn_in_the_middle_leaves_a_checkpoint() {
    let (place, scenario) = (Place::new(), plain(40));
    let mock = served(&scenario, 1);
    let line = format!("run --base-url {} --resources 40 --strategy standard", mock.base_url());
    mock.set_profile(slow());
    let child = started(&place, &line);
    wait_for(&mock, Class::Patch, 9);
    mock.fail_next(401);
    mock.set_profile(fast());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(21), "{said}");
    assert!(said.contains("401") && said.contains("neonbench resume 1"), "{said}");
    assert_eq!(place.json("store list --json", 0)["runs"][0]["state"], "failed");
    assert_eq!(place.json("resume 1 --json", 0)["audit"]["valid"], true);
    // The 401 answers a read or a write, whichever is next: a write that it answered counts, and is repeated.
    let writes = mock.calls().admitted(Class::Patch);
    assert!((120..=121).contains(&writes), "{writes}");
}

#[test]
fn a_run_that_never_reached_its_target_leaves_no_run_behind() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = format!("run --base-url http://127.0.0.1:{port}/v2 --resources 10");
    let outcome = place.neonbench(&line);
    assert_eq!(outcome.code, 21, "{outcome:?}");
    assert!(!outcome.stderr.contains("checkpoint"), "{outcome:?}");
    assert_eq!(place.entries(), [""; 0].map(std::path::PathBuf::from), "not even a store");
}

#[test]
fn what_a_filter_found_is_not_searched_for_again() {
    let (place, scenario) = (Place::new(), plain(60));
    let mock = served(&scenario, 1);
    place.file(
        "plan.toml",
        "schema = 1\n[[filter]]\nfield = \"T-1\"\noperator = \"BLANK\"\n\
         [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    let line = format!(
        "run --base-url {} --plan plan.toml --dataset plain --strategy standard",
        mock.base_url()
    );
    mock.set_profile(slow());
    let child = started(&place, &line);
    wait_for(&mock, Class::Patch, 5);
    mock.fail_next(401);
    mock.set_profile(fast());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(21));
    let searches = mock.calls().admitted(Class::Search);
    let resumed = place.json("resume 1 --json", 0);
    assert_eq!((&resumed["resources"], &resumed["calls"]["searches"]), (&60.into(), &0.into()));
    // The only search is the audit's.
    assert_eq!(resumed["audit"]["calls"]["searches"], 1);
    assert_eq!(mock.calls().admitted(Class::Search), searches + 1);
    // The refused key met a read or a write, whichever came first.
    let patches = mock.calls().of(Endpoint::PatchAccount);
    assert_eq!(patches.admitted - patches.failed, 60);
}

#[test]
fn a_journal_is_kept_over_http_and_where_it_is_asked_for() {
    let place = Place::new();
    let notes = |place: &Place| place.json("store list --json", 0)["runs"][0]["notes"].clone();
    let line = "run --resources 10 --profile unlimited --strategy hybrid";
    for (more, expected) in [
        ("", 0),
        ("--dry-run --world http", 0),
        ("--world http", 30),
        ("--world http --no-journal", 0),
        ("--journal", 30),
    ] {
        assert_eq!(place.neonbench(&format!("{line} {more}")).code, 0, "{more}");
        assert_eq!(notes(&place), expected, "{more}");
    }
    place.refused(&format!("{line} --journal --no-store"), 2, &["--journal", "--no-store"]);
    place.refused(&format!("{line} --journal --no-journal"), 2, &["--no-journal"]);
    // Their organisations have ended with their processes.
    place.refused("resume 3", 2, &["run 3", "mock that ended with its process", "--base-url"]);
    place.refused("resume 5", 2, &["run 5", "virtual time", "--base-url"]);
    place.refused("resume 1", 2, &["run 1", "no journal"]);
    place.refused("resume 77", 2, &["no run 77"]);
    place.refused("resume 1 --store none.sqlite", 2, &["no store none.sqlite"]);
}

#[test]
fn runs_are_got_rid_of() {
    let place = Place::new();
    for _ in 0..3 {
        assert_eq!(place.neonbench("run --resources 3").code, 0);
    }
    assert_eq!(place.json("store purge --run 2 --json", 0)["purged"], 1);
    place.refused("store purge --run 2", 2, &["no run 2"]);
    assert_eq!(place.json("store purge --before 2001-01-01 --json", 0)["purged"], 0);
    let listed = place.json("store list --json", 0);
    let ids: Vec<_> = listed["runs"].as_array().unwrap().iter().map(|run| &run["id"]).collect();
    assert_eq!(ids, [3, 1]);
    for day in ["2026-13-01", "2026-02-30", "yesterday", "2026"] {
        place.refused(&format!("store purge --before {day}"), 2, &["--before", "2026-11-24"]);
    }
    place.refused("store purge --before 2026-01-01 --run 1", 2, &["--run"]);
    // Without a selection it takes a word, by flag where nobody can be asked.
    place.refused("store purge", 2, &["2 runs (1, 3)", "--all", "--before"]);
    place.refused("store purge --all --run 1", 2, &["--all"]);
    let purged = place.json("store purge --all --json", 0);
    assert_eq!((&purged["purged"], &purged["runs"]), (&2.into(), &json!([1, 3])));
}

#[test]
fn a_run_that_can_still_be_undone_is_kept() {
    let (place, scenario) = (Place::new(), plain(20));
    let mock = served(&scenario, 1);
    let before = digest(&mock);
    let line = format!("run --base-url {} --resources 20 --strategy hybrid", mock.base_url());
    for _ in 0..2 {
        assert_eq!(place.neonbench("run --resources 3").code, 0);
        assert_eq!(place.neonbench(&line).code, 0);
    }
    // The second run over HTTP found nothing to write, so there is nothing to undo.
    for selection in ["--all", "--run 2", "--before 2100-01-01"] {
        let words = ["1 run (2)", "undo", "--even-undoable"];
        place.refused(&format!("store purge {selection}"), 2, &words);
    }
    assert_eq!(place.neonbench("store purge --run 1").code, 0);
    assert_eq!(place.neonbench("undo 2").code, 0);
    assert_eq!(place.json("store list --json", 0)["runs"][2]["state"], "undone");
    assert_eq!(digest(&mock), before);
    let purged = place.neonbench("store purge --all");
    assert!(purged.code == 0 && purged.stderr.contains("3 runs (2, 3, 4)"), "{purged:?}");

    assert_eq!(place.neonbench(&line).code, 0);
    let purged = place.json("store purge --all --even-undoable --json", 0);
    assert_eq!((&purged["undoable"], &purged["runs"]), (&json!([5]), &json!([5])));
}

#[test]
fn an_undo_that_did_not_take_everything_back_can_be_repeated() {
    let (place, scenario) = (Place::new(), plain(20));
    let mock = served(&scenario, 1);
    let before = digest(&mock);
    let line = format!("run --base-url {} --resources 20 --strategy hybrid", mock.base_url());
    assert_eq!(place.neonbench(&line).code, 0);
    // The undo of a process that was killed behind its first note.
    let store = rusqlite::Connection::open(place.path().join(".neonbench/store.sqlite")).unwrap();
    store.execute("UPDATE runs SET state = 'undoing'", []).unwrap();
    drop(store);
    place.refused("store purge --all", 2, &["1 run (1)", "--even-undoable"]);
    place.refused("resume 1", 2, &["undone"]);
    place.refused("verify 1", 2, &["undone"]);
    assert_eq!(place.json("undo 1 --json", 0)["next_command"], "neonbench history");
    assert_eq!(digest(&mock), before);
    assert_eq!(place.neonbench("store purge --all").code, 0);
}

#[test]
fn the_guard_stands_before_a_resumed_run_too() {
    let (place, scenario) = (Place::new(), plain(20));
    let mock = served(&scenario, 1);
    let line = format!("run --base-url {} --resources 20 --strategy standard", mock.base_url());
    mock.set_profile(slow());
    let child = started(&place, &line);
    wait_for(&mock, Class::Patch, 3);
    mock.fail_next(401);
    mock.set_profile(fast());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(21));
    place.refused("resume 1 --org-id other", 2, &["organisation `demo`", "`other`"]);
    // The same run, as if it had gone to a machine beyond this one.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let store = place.path().join(".neonbench/store.sqlite");
    let moved = rusqlite::Connection::open(store).unwrap();
    let url = mock.base_url();
    let update = "UPDATE runs SET header_json = replace(header_json, ?1, ?2)";
    moved.execute(update, [&url, &format!("http://0.0.0.0:{port}/v2")]).unwrap();
    drop(moved);
    for verb in ["resume", "retry", "undo"] {
        place.refused(&format!("{verb} 1"), 20, &["refused to write", "--allow-writes-to"]);
        let line = format!("{verb} 1 --allow-writes-to other");
        place.refused(&line, 20, &["`other`", "`demo`", "nothing was sent"]);
        // With permission it needs a key.
        place.refused(&format!("{verb} 1 --allow-writes-to demo"), 2, &["NEON_API_KEY"]);
    }
    place.refused("verify 1", 2, &["NEON_API_KEY"]);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a call was made");
    let _ = outcome(&mut place.command("store list"));
    assert!(mock.calls().of(Endpoint::GetAccount).admitted > 0);
}

/// A table of what a run changed, for its owner's eyes.
#[test]
fn the_changes_of_a_run_are_a_table_of_their_own() {
    let place = Place::new();
    let line =
        "run --dataset v-fields --resources 40 --mappings 4 --profile unlimited --strategy hybrid";
    let run = place.json(&format!("{line} --changes changes.csv --json"), 0);
    assert!(!run["next_command"].as_str().unwrap().contains("--changes"));
    let table = std::fs::read_to_string(place.path().join("changes.csv")).unwrap();
    let mut rows = table.lines();
    assert_eq!(rows.next(), Some("account_id,field_id,field,before,after,outcome"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    let accounts: std::collections::BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(run["calls"]["record_writes"], accounts.len());
    for row in &rows {
        assert!(row.len() == 6 && row[2].starts_with("T-") && row[5] == "written", "{row:?}");
        // Options by name; those that were there are still there.
        let is_name = |name: &str| name.starts_with(|letter: char| letter.is_alphabetic());
        assert!(row[4].split('|').all(is_name), "{row:?}");
        let held = row[3].split('|').filter(|name| !name.is_empty());
        assert!(row[3] != row[4] && held.into_iter().all(|name| row[4].contains(name)), "{row:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode =
            std::fs::metadata(place.path().join("changes.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for (more, why) in [
        ("--dry-run", "a dry run changes nothing"),
        ("--no-store", "the store"),
        ("--no-journal", "the journal"),
        ("--replicates 2", "one run"),
    ] {
        place.refused(&format!("{line} --changes c.csv {more}"), 2, &["--changes", why]);
    }
}

/// All accounts that failed are in the next command, however many: in a file then.
#[test]
fn the_next_command_leaves_no_failed_account_out() {
    let place = Place::new();
    // Every second account does not exist.
    let ids: Vec<String> = (1..=900).map(|id| (2 * id).to_string()).collect();
    place.file("ids.txt", &ids.join("\n"));
    let line = "run --resources 2 --resource-ids @ids.txt --profile unlimited --strategy hybrid";
    let run = place.json(&format!("{line} --json"), 3);
    assert_eq!((&run["records"]["failed"], &run["errors_total"]), (&899.into(), &899.into()));
    let next = run["next_command"].as_str().unwrap();
    let file = next.split_whitespace().find_map(|word| word.strip_prefix('@'));
    let listed =
        std::fs::read_to_string(place.path().join(file.unwrap_or_else(|| panic!("{next}"))));
    assert_eq!(listed.unwrap().split_whitespace().collect::<Vec<_>>(), ids[1..].to_vec());
    assert_eq!(place.neonbench(next.strip_prefix("neonbench ").unwrap()).code, 3);
    let all = place.json(&format!("{line} --json --no-store"), 3);
    assert!(all["next_command"].as_str().unwrap().contains("1798,1800"), "{all:#}");
}

#[test]
fn what_failed_is_tried_again_and_nothing_else() {
    let (place, scenario) = (Place::new(), plain(12));
    let mock = served(&scenario, 1);
    let base_url = mock.base_url();
    // Account 99 does not exist.
    let line = format!(
        "run --base-url {base_url} --resources 12 --resource-ids 1-12,99 --strategy hybrid --json"
    );
    let run = place.json(&line, 3);
    assert_eq!(
        (&run["records"]["failed"], &run["next_command"]),
        (&1.into(), &"neonbench retry 1".into())
    );
    // The page of the run names the account and the cause, and ends as the run did.
    assert_eq!(place.neonbench("report --runs 1 --out page").code, 3);
    let made = |name: &str| std::fs::read_to_string(place.path().join("page").join(name)).unwrap();
    let report: Value = serde_json::from_str(&made("report.json")).unwrap();
    let unfinished = &report["evidence"]["unfinished"][0];
    assert_eq!((&unfinished["failed"], &unfinished["ambiguous"]), (&1.into(), &0.into()));
    assert_eq!(unfinished["listed"][0]["resource_id"], "99");
    assert_eq!(unfinished["retry"], "neonbench retry 1");
    let cause = unfinished["listed"][0]["cause"].as_str().unwrap();
    assert!(made("report.md").contains(&format!("| 99 | failed | {cause} |")), "{cause}");
    assert!(made("index.html").contains("Accounts that run"));
    let reads = mock.calls().of(Endpoint::GetAccount).failed;
    let retried = place.json("retry 1 --json", 3);
    assert_eq!((&retried["resources"], &retried["records"]["failed"]), (&1.into(), &1.into()));
    assert_eq!(mock.calls().of(Endpoint::GetAccount).failed, reads + 1);
    // Its process is one of the run's.
    let stored = place.json("history --json", 0)["runs"][0].clone();
    let processes = (&stored["processes"], &stored["failed"], &stored["resources"]);
    assert_eq!(processes, (&2.into(), &1.into(), &13.into()), "{stored:#}");
    let calls = |of: &Value, at: &str| of.pointer(at).and_then(Value::as_u64).unwrap_or_default();
    let all = calls(&run, "/calls/total") + calls(&retried, "/calls/total");
    assert_eq!(calls(&stored, "/calls"), all, "{stored:#}");
    place.refused("fit --run 1", 2, &["run 1"]);
    let none = place.neonbench("retry 1 --only ambiguous");
    assert_eq!((none.code, none.stdout.as_str()), (4, ""), "{none:?}");
    assert_eq!(place.neonbench("verify 1").code, 0);
    assert_eq!(place.neonbench("undo 1").code, 0);
}

/// Killed between the last account and the end: there is nothing left to do, and that is well.
#[test]
fn a_run_that_was_killed_at_its_very_end_is_ended_without_a_call() {
    let (place, scenario) = (Place::new(), plain(5));
    let mock = served(&scenario, 1);
    let line = format!("run --base-url {} --resources 5", mock.base_url());
    assert_eq!(place.neonbench(&line).code, 0);
    let store = place.path().join(".neonbench/store.sqlite");
    let killed = rusqlite::Connection::open(store).unwrap();
    killed
        .execute("UPDATE runs SET state = 'running', process = NULL, record_json = NULL", [])
        .unwrap();
    drop(killed);
    let calls = mock.calls().total();
    let resumed = place.json("resume 1 --json", 0);
    assert_eq!(
        (&resumed["records"]["migrated"], &resumed["calls"]["total"]),
        (&5.into(), &0.into())
    );
    assert_eq!(mock.calls().total(), calls);
    assert_eq!(place.json("store list --json", 0)["runs"][0]["state"], "finished");
}
