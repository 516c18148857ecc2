//! `probe`, `fit` and `analyze --probe`: what they print, write and refuse.

use super::face::assert_valid;
use super::place::Place;
use serde_json::{Value, json};

#[test]
fn a_probe_is_written_and_analysed() {
    let place = Place::new();
    let probe = place.json("probe --profile constant --sample 20 --write mine.toml --json", 0);
    assert_valid(&place, "probe", &probe);
    assert_eq!(probe["schema"], 1);
    assert!(probe["cost"]["calls"].as_u64().unwrap() <= 60, "{probe:#}");
    assert_eq!((&probe["cost"]["sampled"], &probe["cost"]["not_sampled"]), (&20.into(), &0.into()));
    assert_eq!(probe["limits"]["get"], json!({ "pool": 5 }));
    assert_eq!(probe["times"]["patch"]["median_ms"], 300.0);
    assert_eq!(probe["times"]["patch"]["source"], "measured");
    let text = std::fs::read_to_string(place.path().join("mine.toml")).unwrap();
    assert_eq!(text, probe["profile_toml"].as_str().unwrap());
    assert_eq!(place.neonbench("profile check mine.toml").code, 0);
    // The constant profile is found as it is: both say the same.
    let line = "run --resources 40 --strategy hybrid --json --no-store --profile";
    let [mine, true_one] = ["mine.toml", "constant"]
        .map(|it| place.json(&format!("{line} {it}"), 0)["makespan_s"].as_f64().unwrap());
    assert!((mine / true_one - 1.0).abs() < 1e-6, "{mine} {true_one}");
    let check = place.neonbench("profile check mine.toml").stdout;
    assert!(check.contains("evidence: forecasts are drawn from the calls"), "{check}");
    let words = place.neonbench("probe --profile constant");
    assert_eq!(words.code, 0, "{words:?}");
    for said in ["nothing was written", "5 calls in flight", "assumed", "next: neonbench probe"] {
        assert!(words.stdout.contains(said), "no `{said}` in {words:?}");
    }
}

#[test]
fn an_analysis_by_a_probe_says_what_the_probe_cost() {
    let place = Place::new();
    let line = "analyze --resources 60 --no-store --json";
    let known = place.json(line, 0);
    assert_eq!(known["probe"], Value::Null);
    let probed = place.json(&format!("{line} --probe=20"), 0);
    assert!(probed["probe"]["calls"].as_u64().unwrap() <= 60, "{probed:#}");
    assert!(probed["reason"].as_str().unwrap().contains("by a probe of"), "{probed:#}");
    let width = |it: &Value| {
        let at = |name: &str| it["estimated_time_s"][name].as_f64().unwrap();
        (at("p95") - at("p5")) / at("p50")
    };
    assert!(width(&probed) > width(&known), "{} {}", width(&probed), width(&known));
    let unknown = ["of that server are unknown", "--probe"];
    place.refused("analyze --base-url http://127.0.0.1:1/v2 --resources 5", 2, &unknown);
}

#[test]
fn an_analysis_by_a_fitted_file_is_as_uncertain_as_the_probe() {
    let place = Place::new();
    place.json("probe --profile documented --write mine.toml --json", 0);
    let line = "analyze --resources 60 --no-store --json --strategy hybrid";
    let by_file = place.json(&format!("{line} --profile mine.toml"), 0);
    let by_probe = place.json(&format!("{line} --profile documented --probe"), 0);
    // The probe is of the organisation of the command; its times are other draws of one law.
    let width = |it: &Value| {
        let at = |name: &str| it["estimated_time_s"][name].as_f64().unwrap();
        (at("p95") - at("p5")) / at("p50")
    };
    assert!(
        width(&by_file) > 0.8 && width(&by_probe) > 0.8,
        "{} {}",
        width(&by_file),
        width(&by_probe)
    );
    let notes = by_file["recommendations"].to_string();
    assert!(notes.contains("not known: no write is among the calls"), "{notes}");
    let text = std::fs::read_to_string(place.path().join("mine.toml")).unwrap();
    place.file(
        "hand.toml",
        &text.replace("\"GET /accounts/{id}\" = 5", "\"GET /accounts/{id}\" = 4"),
    );
    let by_hand = place.neonbench(&format!("{line} --profile hand.toml"));
    assert!(
        by_hand.stderr.contains("hand.toml: its limits, times or faults were changed"),
        "{by_hand:?}"
    );
    assert!(width(&serde_json::from_str(&by_hand.stdout).unwrap()) < 0.5, "{by_hand:?}");
    place.file("bad.toml", &text.replacen("\"ok\"]", "\"okay\"]", 1));
    place.refused("analyze --profile bad.toml", 2, &["bad.toml", "evidence.calls[0]", "okay"]);
}

#[test]
fn what_a_probe_may_not_do_is_refused() {
    let place = Place::new();
    place.refused("probe --sample 21", 2, &["from 0 to 20"]);
    // A sample run writes: not on a host that is not this machine, unless it was typed out.
    let there = "probe --base-url https://api.example.org/v2 --resources 9 --org-id a --api-key b";
    place.refused(&format!("{there} --sample 5"), 20, &["--allow-writes-to"]);
    place.file("dry.toml", "schema = 1\ndry_run = true\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n");
    place.refused("probe --plan dry.toml --sample 5", 2, &["dry_run"]);
    place.refused(
        "probe --base-url http://127.0.0.1:9/v2 --resources 9",
        21,
        &["GET /customFields"],
    );
}

#[test]
fn a_har_file_or_a_run_is_fitted_and_what_is_neither_is_named() {
    let place = Place::new();
    let entry = |ms: u32, status: u32| {
        json!({
            "startedDateTime": format!("2026-01-31T09:30:{:02}.{:03}Z", ms / 1_000, ms % 1_000),
            "time": 200 + ms % 97,
            "request": { "method": "GET", "url": "https://api.neoncrm.com/v2/accounts/12?a=b" },
            "response": { "status": status },
        })
    };
    let entries: Vec<Value> = (0..40).map(|place| entry(place * 400, 200)).collect();
    let har = |entries: &Value| json!({ "log": { "entries": entries } }).to_string();
    place.file("good.har", &har(&json!(entries)));
    let fit = place.json("fit good.har --json --write fitted.toml", 0);
    assert_valid(&place, "probe", &fit);
    assert_eq!((&fit["cost"]["calls"], &fit["times"]["get"]["calls"]), (&40.into(), &40.into()));
    let median = fit["times"]["get"]["median_ms"].as_f64().unwrap();
    assert!((200.0..300.0).contains(&median), "{median}");
    assert_eq!(place.neonbench("profile check fitted.toml").code, 0);

    let mut bad = entries.clone();
    bad[7]["response"]["status"] = json!("ok");
    place.file("bad.har", &har(&json!(bad)));
    place.refused("fit bad.har", 2, &["bad.har: log.entries[7].response.status"]);
    place.file("few.har", &har(&json!(entries[..2])));
    place.refused("fit few.har", 2, &["only 2 reads"]);
    place.file("none.har", "{}");
    place.refused("fit none.har", 2, &["none.har", "log"]);
    place.refused("fit missing.har", 2, &["missing.har"]);

    assert_eq!(place.neonbench("run --resources 300 --strategy hybrid --store a.sqlite").code, 0);
    let run = place.json("fit --run 1 --store a.sqlite --json", 0);
    let interval = &run["times"]["get"]["median_ms_interval"];
    assert!(
        interval[0].as_f64().unwrap() < 250.0 && interval[1].as_f64().unwrap() > 250.0,
        "{run:#}"
    );
    let assumed = run["assumed"].to_string();
    assert!(assumed.contains("a record tells none") && assumed.contains("searches"), "{assumed}");
    place.refused("fit --run 9 --store a.sqlite", 2, &["no run 9"]);
}
