//! The preflight as a user runs it: a clean plan passes, each planted defect is found by its item, the budget of calls
//! holds at the server, and a kill leaves the target as it was or says how to take the sample back.

mod defects;
mod kills;

use super::cli::journals::{FAST, digest, served};
use super::cli::place::{Outcome, Place};
use neon_mock::NeonMock;
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::Profile;
use neonbench::digest::sha256;
use neonbench_engine::plan::Plan;
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};
use serde_json::Value;
use std::collections::BTreeMap;

/// A plan that nothing is wrong with.
const PLAN: &str = "schema = 1\nresource_ids = \"1-40\"\n\
    [[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n\
    [[mappings]]\nsource = \"V-2\"\ntarget = \"T-2\"\noperation = \"add_option\"\n\
    target_options = [\"Cooking\", \"Driving\"]\n\
    transform = [{ step = \"map\", values = { \"cook\" = \"Cooking\", \"drive\" = \"Driving\" }, otherwise = \"skip\" }]\n";

/// Accounts of the sample.
const SAMPLE: u64 = 8;

/// A server with the fields of a plan, and a folder with the plan and the server's profile.
struct Bench {
    mock: NeonMock,
    place: Place,
    /// The digest of the organisation as it is served first.
    before: String,
}

impl Bench {
    /// A server of `plan`, behind the limits and faults of `served_by`; the user names profile `known`.
    fn new(plan: &str, dataset: Option<&str>, served_by: &str, known: &str) -> Self {
        let place = Place::new();
        place.file("plan.toml", plan);
        place.file("known.toml", known);
        let dataset = dataset
            .map(|text| DatasetSource::File { origin: "own".to_owned(), text: text.to_owned() });
        let scenario = Scenario::new(Workload {
            plan: Some(Plan::from_toml("plan.toml", plan).unwrap()),
            profile: Some(Profile::from_toml("served", served_by).unwrap()),
            dataset,
            resources: Some(60),
            ..Workload::default()
        })
        .unwrap();
        let mock = served(&scenario, 1);
        let before = digest(&mock);
        Self { mock, place, before }
    }

    /// One that nothing is wrong with.
    fn clean() -> Self {
        Self::new(PLAN, None, FAST, FAST)
    }

    /// The command line of a whole preflight with `flags`.
    fn line(&self, flags: &str) -> String {
        format!(
            "preflight --plan plan.toml --base-url {} --profile known.toml --sample {SAMPLE} {flags}",
            self.mock.base_url()
        )
    }

    fn preflight(&self, flags: &str) -> Outcome {
        self.place.neonbench_within(&self.line(flags), 120)
    }

    /// The results of a whole preflight, which ends with `code`.
    fn results(&self, flags: &str, code: i32) -> Value {
        let said = self.preflight(&format!("{flags} --json"));
        assert_eq!(said.code, code, "{said:?}");
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }
}

/// Status by item.
fn statuses(results: &Value) -> BTreeMap<&str, &str> {
    let items = results["results"].as_array().unwrap().iter();
    items.map(|it| (it["name"].as_str().unwrap(), it["status"].as_str().unwrap())).collect()
}

/// The items with that status.
fn of<'a>(results: &'a Value, status: &str) -> Vec<&'a str> {
    let statuses = statuses(results);
    statuses.iter().filter(|(_, found)| **found == status).map(|(name, _)| *name).collect()
}

/// Calls that reached the server, refused ones included: reads, and writes.
fn calls(mock: &NeonMock) -> (u64, u64) {
    let all = mock.calls();
    let of = |endpoint| {
        let calls = all.of(endpoint);
        calls.admitted + calls.rejected
    };
    let writes = of(Endpoint::PatchAccount) + of(Endpoint::PutAccount);
    (all.total() - writes, writes)
}

#[test]
fn a_clean_plan_passes_and_leaves_the_target_as_it_was() {
    let bench = Bench::clean();
    let results = bench.results("--told office", 0);
    assert_eq!(of(&results, "pass").len(), 15, "{results:#}");
    assert_eq!(digest(&bench.mock), bench.before);
    assert!(bench.mock.calls().admitted(Class::Patch) >= 2 * SAMPLE, "nothing was written");
    // The budget that was printed, and the calls that were counted here, are those that the server counts.
    let (reads, writes) = calls(&bench.mock);
    let figure = |of: &str, kind: &str| results[of][kind].as_u64().unwrap();
    assert!(reads <= figure("budget", "reads") && writes <= figure("budget", "writes"));
    // A read that the engine gave up may not have reached the server, which counts no call to /webhooks either.
    let counted = figure("calls", "reads");
    assert!((reads..=reads + 4).contains(&counted), "{counted} of {reads}");
    assert_eq!(figure("calls", "writes"), writes);
    let item = results["results"].as_array().unwrap().iter().find(|it| it["name"] == "rollback");
    let evidence = &item.unwrap()["evidence"];
    let snapshot = bench.place.path().join(evidence["snapshot"].as_str().unwrap());
    assert_eq!(evidence["sha256"], sha256(&std::fs::read(&snapshot).unwrap()));
    let table = std::fs::read_to_string(&snapshot).unwrap();
    assert_eq!(table.lines().count(), 41, "{table}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(snapshot.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A run can demand the certificate; the run of the sample is in the store, and undone.
    let runs = bench.place.json("store list --json", 0);
    assert_eq!(runs["runs"][0]["state"], "undone", "{runs:#}");
    let run = format!(
        "run --plan plan.toml --base-url {} --profile known.toml --require-preflight --json",
        bench.mock.base_url()
    );
    let run = bench.place.neonbench_within(&run, 120);
    assert_eq!(run.code, 0, "{run:?}");
    assert_ne!(digest(&bench.mock), bench.before);
}

#[test]
fn without_a_server_the_whole_preflight_is_made_on_a_mock() {
    let place = Place::new();
    place.file("plan.toml", PLAN);
    place.file("fast.toml", FAST);
    let line = "preflight --plan plan.toml --profile fast.toml --told office --out kept/cert.json";
    let said = place.neonbench_within(line, 120);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("15 passed: ready"), "{said:?}");
    let mut from_end = said.stdout.lines().rev();
    let (next, certificate) = (from_end.next().unwrap(), from_end.next().unwrap());
    assert!(
        certificate.contains("Certificate ") && certificate.contains("valid until"),
        "{said:?}"
    );
    let run = "next: neonbench run --plan plan.toml --profile fast.toml --require-preflight kept/cert.json";
    assert_eq!(next, run);
    assert!(said.stdout.lines().nth(1).unwrap().starts_with("at most "), "{said:?}");
    let kept = || std::fs::read_dir(place.path().join("kept")).unwrap();
    let names = || kept().map(|it| it.unwrap().file_name().into_string().unwrap());
    for (start, end) in [("cert", ".json"), ("before-", ".csv"), ("notice", ".md")] {
        let is_there = names().any(|name| name.starts_with(start) && name.ends_with(end));
        assert!(is_there, "no {start}{end}");
    }
    // A file of somebody else's stays.
    place.file("kept/notice.md", "mine");
    let said = place.neonbench_within(&line.replace("cert.json", "again.json"), 120);
    assert!(said.stdout.contains("another file"), "{said:?}");
    assert_eq!(std::fs::read_to_string(place.path().join("kept/notice.md")).unwrap(), "mine");
    assert_eq!(names().filter(|name| name.starts_with("before-")).count(), 1);
}

/// A plan for all that the server has: how many that is, only the server knows.
#[test]
fn the_accounts_of_a_plan_without_ids_are_read_first() {
    let plan = PLAN.replace("resource_ids = \"1-40\"\n", "");
    let bench = Bench::new(&plan, None, FAST, FAST);
    let said = bench.preflight("--told office");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("one more read per 200 accounts of the plan"), "{said:?}");
    assert!(said.stdout.contains("60 accounts kept in"), "{said:?}");
    assert!(said.stdout.contains("15 passed: ready"), "{said:?}");
    assert_eq!(digest(&bench.mock), bench.before);
}

/// A server that refuses and fails many calls: what was printed is kept, and the target is as before.
#[test]
fn the_budget_holds_at_a_server_that_refuses_and_fails() {
    for (share, pool) in [(0.1, 2), (0.4, 1)] {
        let bad = format!(
            "{FAST}[limits]\npool = {pool}\nreject_after = \"1ms\"\n[[faults]]\nshare = {share}\n\
             kinds = [\"500\", \"reset-after\", \"empty\"]\n"
        );
        let bench = Bench::new(PLAN, None, &bad, FAST);
        let said =
            bench.preflight("--only access,fields,alone,sample,rollback --told office --json");
        let results: Value = serde_json::from_str(&said.stdout).unwrap();
        let (reads, writes) = calls(&bench.mock);
        let budget = &results["budget"];
        let is_kept = reads <= budget["reads"].as_u64().unwrap()
            && writes <= budget["writes"].as_u64().unwrap();
        assert!(is_kept, "{reads} reads and {writes} writes of {budget}");
        if digest(&bench.mock) != bench.before {
            assert!(said.stderr.contains("neonbench undo 1"), "{said:?}");
            let calm = Profile::from_toml("calm", FAST).unwrap();
            bench.mock.set_profile(calm);
            bench.place.json("undo 1 --json", 0);
            assert_eq!(digest(&bench.mock), bench.before);
        }
    }
}

#[test]
fn flags_decide_what_counts() {
    let bench = Bench::clean();
    let only = "--only notice,clock";
    assert_eq!(of(&bench.results(only, 0), "warn"), ["notice"]);
    assert_eq!(of(&bench.results(&format!("{only} --strict"), 10), "warn"), ["notice"]);
    let waived = bench.results(&format!("{only} --strict --waive notice=alone"), 0);
    assert_eq!(of(&waived, "waived"), ["notice"], "{waived:#}");
    assert!(waived["results"].as_array().unwrap()[0]["summary"].to_string().contains("alone"));
    // Nothing was written by any of them.
    assert_eq!(calls(&bench.mock).1, 0);
    bench.place.refused("preflight --plan plan.toml --only notices", 2, &["did you mean `notice`"]);
    bench.place.refused("preflight --plan plan.toml --waive notice=", 2, &["reason"]);
    bench.place.refused("preflight", 2, &["--plan"]);
    let list = bench.place.neonbench("preflight --plan plan.toml --list");
    assert_eq!((list.code, list.stdout.lines().count()), (0, 15), "{list:?}");
    // A dry run writes no sample.
    let dry = bench.results("--only sample --dry-run", 0);
    assert_eq!((of(&dry, "warn"), calls(&bench.mock).1), (vec!["sample"], 0));
}

#[test]
fn a_target_that_cannot_be_called_is_said_as_such() {
    let bench = Bench::clean();
    let gone =
        "preflight --plan plan.toml --base-url http://127.0.0.1:9/v2 --only access,fields,clock";
    let said = bench.place.neonbench_within(gone, 60);
    assert_eq!(said.code, 21, "{said:?}");
    assert_eq!(said.stdout.matches("unreachable").count(), 1, "{said:?}");
    let wrong = bench.preflight("--only access --api-key wrong");
    assert_eq!(wrong.code, 21, "{wrong:?}");
    let elsewhere =
        "preflight --plan plan.toml --base-url https://neon.invalid/v2 --org-id real --api-key k";
    let other = format!("{elsewhere} --allow-writes-to another");
    bench.place.refused(&other, 20, &["the organisation is `real`", "nothing was sent"]);
}
