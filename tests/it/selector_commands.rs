//! `calibrate`, `evaluate` and `analyze` as a user runs them.

use neonbench::select::case::{self, HELD_OUT};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn neonbench(folder: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = assert_cmd::Command::cargo_bin("neonbench").unwrap();
    command.current_dir(folder).args(args).assert()
}

fn json(assert: &assert_cmd::assert::Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// Small scenarios of the held-out set, as a file of cases and as files of their own.
fn few(folder: &Path) {
    let small = ["held-out-mixed-01", "held-out-pools-02"];
    let (head, rest) = HELD_OUT.split_once("[[scenarios]]").unwrap();
    let is_small =
        |text: &&str| small.iter().any(|name| text.contains(&format!("name = \"{name}\"")));
    let chosen: Vec<&str> = rest.split("[[scenarios]]").filter(is_small).collect();
    assert_eq!(chosen.len(), small.len());
    let set = format!("{head}[[scenarios]]{}", chosen.join("[[scenarios]]"));
    fs::write(folder.join("few.toml"), &set).unwrap();
    fs::create_dir(folder.join("few")).unwrap();
    for (name, text) in case::files("few.toml", &set).unwrap() {
        fs::write(folder.join("few").join(name), text).unwrap();
    }
}

#[test]
fn a_calibration_is_gated_written_and_judged_alike_by_evaluate() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    few(folder);
    let set = ["--set", "few.toml", "--held-out", "few.toml"];
    // A gate that nothing meets: exit 12, and nothing is written.
    let gated =
        [&["calibrate", "--min-gap-closed", "1.5", "--write", "own.toml"][..], &set].concat();
    neonbench(folder, &gated).code(12);
    assert!(!folder.join("own.toml").exists());

    let open = ["calibrate", "--min-gap-closed", "-1000", "--write", "own.toml", "--json"];
    let calibrated = neonbench(folder, &[&open[..], &set].concat()).success();
    let calibrated = json(&calibrated);
    assert_eq!(calibrated["scenarios"], 2);
    assert!(calibrated["simulated_calls"].as_u64().unwrap() > 1_000);

    let own = ["evaluate", "--scenarios", "few", "--thresholds", "own.toml", "--json"];
    let evaluated = json(&neonbench(folder, &own).success());
    assert_eq!(evaluated["selectors"], calibrated["selectors"]);
    assert_eq!(evaluated["prediction"], calibrated["prediction"]);
    assert_eq!(evaluated["prize"], calibrated["prize"]);

    // Edited by hand: still read, and judged beside the shipped one.
    let text = fs::read_to_string(folder.join("own.toml")).unwrap();
    let edited = text.replacen("workers_beyond_places = 0", "workers_beyond_places = 9", 1);
    assert_ne!(edited, text);
    fs::write(folder.join("edited.toml"), edited).unwrap();
    let edited = ["evaluate", "--scenarios", "few", "--thresholds", "edited.toml", "--json"];
    let edited = json(&neonbench(folder, &edited).success());
    let files = edited["files"].as_array().unwrap();
    let row = |file: &str, name: &str| {
        files.iter().find(|row| row["file"] == file && row["name"] == name).unwrap().clone()
    };
    assert_eq!(row("shipped", "thresholds")["above_shipped"], 0.0);
    let above = row("edited.toml", "thresholds")["above_shipped"].as_f64().unwrap();
    let difference = row("edited.toml", "thresholds")["mean_regret"].as_f64().unwrap()
        - row("shipped", "thresholds")["mean_regret"].as_f64().unwrap();
    assert!((above - difference).abs() < 1e-12);

    fs::write(folder.join("old.toml"), text.replace("signature = \"", "signature = \"0")).unwrap();
    let refused = ["run", "--resources", "5", "--no-store", "--thresholds", "old.toml"];
    let refused = neonbench(folder, &refused).code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("old.toml, line") && said.contains("calibrate --write"), "{said}");
}

#[test]
fn an_analysis_says_what_a_run_then_takes() {
    let folder = tempfile::tempdir().unwrap();
    let workload = ["--resources", "40", "--mappings", "2", "--json"];
    let analysis =
        json(&neonbench(folder.path(), &[&["analyze"][..], &workload].concat()).success());
    let run = [&["run", "--no-store"][..], &workload].concat();
    let run = json(&neonbench(folder.path(), &run).success());
    assert_eq!(analysis["recommended_strategy"], run["strategy"]);
    assert_eq!(analysis["max_workers"], run["workers"]);
    assert_eq!(analysis["reason"], run["reason"]);
    let at = |name: &str| analysis["estimated_time_s"][name].as_f64().unwrap();
    assert!(at("p5") < at("p50") && at("p50") < at("p95"));
    // One run of ten lies outside; this seed does not lie far.
    let makespan_s = run["makespan_s"].as_f64().unwrap();
    assert!(makespan_s > 0.7 * at("p5") && makespan_s < 1.3 * at("p95"), "{makespan_s}");
    assert!(analysis["time_savings_ratio"].as_f64().unwrap() > 0.5);
    for member in ["estimated_api_calls", "api_call_reduction", "estimated_memory_mib"] {
        assert!(analysis[member].is_number(), "{member}");
    }
    // Nothing on the front is beaten there: what is slower has fewer calls or fewer refusals.
    let front = analysis["pareto_front"].as_array().unwrap();
    assert!(!front.is_empty());
    for pair in front.windows(2) {
        let less = |name: &str| pair[1][name].as_f64() < pair[0][name].as_f64();
        assert!(!less("makespan_s") && (less("calls") || less("refused")), "{pair:?}");
    }
    assert!(!analysis["recommendations"].as_array().unwrap().is_empty());
}

#[test]
fn an_analysis_says_what_its_probe_is_worth() {
    let folder = tempfile::tempdir().unwrap();
    let analysis = |profile: &str, accounts: &str| {
        let size = ["--resources", accounts, "--mappings", "3", "--json", "--no-store"];
        let probe = ["analyze", "--probe=20", "--profile", profile];
        json(&neonbench(folder.path(), &[&probe[..], &size].concat()).success())
    };
    // The limiter finds a pool as cheaply as a probe with a sample does; a window costs it more.
    let (window, pool) = (analysis("per-second", "40"), analysis("documented", "40"));
    let saved_s = |analysis: &Value| analysis["probe_worth"]["saved_s"].as_f64().unwrap();
    let took_s = |analysis: &Value| analysis["probe"]["duration_s"].as_f64().unwrap();
    assert!(saved_s(&window) > 0.05 * took_s(&window), "{}", window["probe_worth"]);
    assert!(window["probe_worth"]["pays_from_accounts"].is_u64());
    assert!(saved_s(&pool) < 0.2 * took_s(&pool), "{}", pool["probe_worth"]);
}

#[test]
fn a_run_is_held_against_its_forecast() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "--no-store", "--resources", "20", "--strategy", "hybrid", "--forecast"];
    let run = neonbench(folder.path(), &run).success();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&run.get_output().stdout), said(&run.get_output().stderr));
    assert!(stderr.starts_with("forecast: "), "{stderr}");
    assert!(stdout.starts_with("forecast: ") && stdout.contains("; the run was "), "{stdout}");
    // A seed that ends late says so while it runs, and only such a one.
    assert_eq!(
        stderr.contains("slower than its forecast"),
        stdout.contains("the run was slower"),
        "{stderr}"
    );
}
