//! Printed commands: run as a shell runs them, they repeat the run that they were printed after.

use super::journals::{digest, plain, served};
use super::place::{Outcome, Place, VARIABLES, outcome};
use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

/// A use of each flag of `run`: its name, and the words that use it.
const RUN: [(&str, &str); 34] = [
    ("scenario", "--scenario mine.toml"),
    ("plan", "--plan plan.toml"),
    ("profile", "--profile constant"),
    ("dataset", "--dataset dirty"),
    ("resources", "--resources 9"),
    ("mappings", "--mappings 2"),
    ("resource-ids", "--resource-ids 2-5,@ids.txt"),
    ("sample", "--sample 4"),
    ("strategy", "--strategy put_batch"),
    ("workers", "--workers 2"),
    ("batch-size", "--batch-size 3 --strategy put_batch"),
    ("chunk-size", "--chunk-size 4 --workers 2"),
    ("chunk-pause", "--chunk-size 4 --chunk-pause 7s"),
    ("metadata-cache", "--metadata-cache off"),
    ("reads", "--reads search"),
    ("call-deadline", "--call-deadline 5min"),
    ("max-outage", "--max-outage 2min"),
    ("limiter", "--limiter fixed:2"),
    ("headroom", "--limiter adaptive --headroom 2"),
    ("echo", "--limiter adaptive --echo 1x500ms<2%"),
    ("write", "--write put"),
    ("guard", "--guard reread"),
    ("seed", "--seed 7"),
    ("objective", "--objective fastest"),
    ("constraint", "--constraint headroom>=1 --constraint rejected<50%"),
    ("thresholds", "--thresholds own.toml"),
    ("replicates", "--replicates 3"),
    ("forecast", "--forecast"),
    ("store", "--store kept.sqlite"),
    ("no-store", "--no-store"),
    ("journal", "--journal"),
    ("no-journal", "--no-journal"),
    ("again", "--again"),
    ("show-values", "--show-values"),
];

/// Flags that need a server of their own.
const AT_A_SERVER: [&str; 9] = [
    "world",
    "base-url",
    "org-id",
    "api-key",
    "allow-plain-http",
    "allow-writes-to",
    "audit",
    "pause-while",
    "quiet-hours",
];

/// Flags that say how a result is shown, and the dry run that the printed command is taken from.
const NOT_REPEATED: [&str; 14] = [
    "dry-run",
    "json",
    "json-lines",
    "log",
    "verbose",
    "quiet",
    "help",
    "version",
    "out",
    "changes",
    "live",
    "open",
    "live-address",
    "live-linger",
];

/// Flags of `run` that need a certificate: `certificates.rs` repeats them.
const CERTIFIED: [&str; 3] = ["require-preflight", "signatures", "signed-by"];

/// A place with the files that the flags name.
fn place() -> Place {
    let place = Place::new();
    place.file("mine.toml", "schema = 1\nresources = 8\nmappings = 2\nworkers = 3\n");
    place.file(
        "plan.toml",
        "schema = 1\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\noperation = \"replace\"\n",
    );
    place.file("ids.txt", "7\n9\n");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/thresholds.toml");
    place.file("own.toml", &std::fs::read_to_string(shipped).unwrap());
    place
}

/// The long flags that `neonbench VERB --help` lists.
fn flags_of(verb: &str) -> Vec<String> {
    let help = Place::new().neonbench(&format!("{verb} --help"));
    assert_eq!(help.code, 0, "{help:?}");
    // Deeper lines are text, and may begin with the name of another flag.
    let is_flag = |line: &&str| line.find(|c| c != ' ').is_some_and(|indent| indent <= 6);
    let lines = help.stdout.lines().filter(is_flag);
    let lines = lines.map(str::trim_start).filter(|line| line.starts_with('-'));
    let flags =
        lines.filter_map(|line| line.split_whitespace().find_map(|it| it.strip_prefix("--")));
    let name = |flag: &str| flag.split(['[', ',', '.']).next().unwrap_or_default().to_owned();
    flags.map(name).collect()
}

/// Runs a printed command and what is added to it, by a shell, with our binary as `neonbench`.
fn shell(place: &Place, printed: &str) -> Outcome {
    assert!(printed.starts_with("neonbench "), "{printed}");
    let folder = Path::new(env!("CARGO_BIN_EXE_neonbench")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.current_dir(place.path()).arg("-c").arg(printed);
    command.env("PATH", format!("{}:{path}", folder.display()));
    for name in VARIABLES {
        command.env_remove(name);
    }
    outcome(&mut command)
}

fn json(said: &Outcome) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// A record without what differs from one process to the next.
fn repeatable(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let varies = ["wall_s", "audit_wall_s", "next_command", "run", "made_at"];
            let kept = members.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), repeatable(value))).collect()
        }
        Value::Array(values) => values.iter().map(repeatable).collect(),
        other => other.clone(),
    }
}

/// The command after `next: `.
fn next(said: &Outcome) -> String {
    let line = said.stdout.lines().find_map(|line| line.strip_prefix("next: "));
    line.unwrap_or_else(|| panic!("no command: {said:?}")).to_owned()
}

#[test]
fn every_flag_of_run_is_in_the_command_that_follows_its_trial() {
    let known: Vec<&str> = RUN.iter().map(|(flag, _)| *flag).collect();
    for flag in flags_of("run") {
        let lists = [&known[..], &AT_A_SERVER, &CERTIFIED, &NOT_REPEATED];
        assert!(lists.iter().any(|list| list.contains(&flag.as_str())), "--{flag}: no sample");
    }
    let place = place();
    for (flag, words) in RUN {
        let base = if ["scenario", "resources"].contains(&flag) { "" } else { "--resources 12" };
        // A choice is rehearsed for each of the three runs: those that no choice is left in take a fraction of it.
        let is_chosen = ["objective", "constraint", "thresholds", "replicates", "forecast"];
        let is_named = is_chosen.contains(&flag) || words.contains("--strategy");
        let strategy = if is_named { "" } else { "--strategy hybrid" };
        let line = format!("run {base} {strategy} {words}");
        let meant = place.json(&format!("{line} --json"), 0);
        // A journal keeps writes, so a trial of it has none.
        let trial = place.json(&format!("{line} --dry-run --json"), 0);
        let printed = trial["next_command"].as_str().unwrap();
        assert!(printed.contains(&format!("--{flag}")), "{line}: {printed}");
        let said = shell(&place, &format!("{printed} --json"));
        assert_eq!(said.code, 0, "{printed}: {said:?}");
        assert_eq!(repeatable(&json(&said)), repeatable(&meant), "{line}: {printed}");
    }
}

#[test]
fn the_address_is_carried_and_the_key_is_not() {
    let (place, scenario) = (Place::new(), plain(12));
    let mock = served(&scenario, 1);
    let line = format!(
        "run --world http --base-url {} --org-id demo --api-key demo --allow-writes-to demo \
         --resources 12 --strategy hybrid --pause-while gone",
        mock.base_url()
    );
    let trial = place.json(&format!("{line} --dry-run --json"), 0);
    let printed = trial["next_command"].as_str().unwrap();
    let address = format!("--world http --base-url {} --org-id demo", mock.base_url());
    assert!(printed.contains(&address) && printed.contains("--allow-writes-to demo"), "{printed}");
    assert!(printed.contains("--pause-while gone"), "{printed}");
    assert!(!printed.contains("api-key"), "{printed}");
    let said = shell(&place, &format!("{printed} --json"));
    assert_eq!(said.code, 0, "{said:?}");
    let run = json(&said);
    let digest = mock.with_neon(|neon| neon.organisation().digest());
    assert_eq!(run["audit"]["state_digest"], digest.as_str());
    // And so are they by the verbs that go on with the run.
    for verb in ["verify", "undo"] {
        let printed = run["next_command"].as_str().unwrap().replace("verify", verb);
        let id = &run["run"];
        assert_eq!(printed, format!("neonbench {verb} {id} --org-id demo --allow-writes-to demo"));
        let said = shell(&place, &format!("{printed} --json"));
        assert_eq!(said.code, 0, "{printed}: {said:?}");
    }
}

#[test]
fn a_report_holds_the_command_that_makes_it_again() {
    let place = place();
    let lines = [
        "report --profile constant --dataset dirty --resources 10 --resource-ids 1-9 --sample 8 \
         --mappings 2 --workers 2 --batch-size 3 --chunk-size 4 --chunk-pause 1s \
         --metadata-cache off --reads get --call-deadline 5min --max-outage 2min --limiter fixed:3 --write put \
         --guard reread --seed 5 --objective fastest --constraint headroom>=1 --replicates 2 \
         --no-store",
        "report --scenario mine.toml --plan plan.toml --headroom 1 --echo 1x500ms --limiter adaptive \
         --thresholds own.toml --replicates 1 --dry-run --store kept.sqlite --baseline 1",
        "report --store kept.sqlite --runs 1,2",
    ];
    for flag in flags_of("report") {
        let is_used = lines.iter().any(|line| {
            line.contains(&format!("--{flag} ")) || line.ends_with(&format!("--{flag}"))
        });
        // A report compares all strategies, and refuses one.
        let is_left_out = flag == "strategy" || NOT_REPEATED.contains(&flag.as_str());
        assert!(is_used || is_left_out, "--{flag}: no sample");
    }
    for seed in [1, 2] {
        let run = format!("run --resources 8 --store kept.sqlite --strategy hybrid --seed {seed}");
        assert_eq!(place.neonbench(&run).code, 0);
    }
    for line in lines {
        let first = place.neonbench(&format!("{line} --out first --json"));
        let report = json(&first);
        let printed = report["provenance"]["command"].as_str().unwrap();
        for flag in line.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(printed.contains(flag), "{flag}: {printed}");
        }
        let again = shell(&place, &format!("{printed} --out second --json"));
        assert_eq!(again.code, first.code, "{printed}: {again:?}");
        assert_eq!(repeatable(&json(&again)), repeatable(&report), "{printed}");
        // The page shows that command, and the one that it makes is the same but for its date.
        let page = |folder: &str, report: &Value| {
            let page =
                std::fs::read_to_string(place.path().join(folder).join("index.html")).unwrap();
            page.replace(report["provenance"]["made_at"].as_str().unwrap(), "a date")
        };
        let [shown, repeated] = [page("first", &report), page("second", &json(&again))];
        let typed = shown.replace("<span class=\"flag\">", "").replace("</span>", "");
        let command = format!("command\">{}<", printed.replace('>', "&gt;"));
        assert!(typed.contains(&command), "{printed}");
        assert!(shown == repeated, "{printed} makes another page");
    }
}

/// The words of `line` that name what is worked on: its server, plan, profile and organisation.
fn target_of(line: &str) -> Vec<[&str; 2]> {
    let names = ["--base-url", "--plan", "--profile", "--mappings", "--store", "--scenario"];
    let words: Vec<&str> = line.split_whitespace().collect();
    words.windows(2).filter(|pair| names.contains(&pair[0])).map(|it| [it[0], it[1]]).collect()
}

fn verb_of(command: &str) -> &str {
    command.split_whitespace().nth(1).unwrap()
}

/// Runs `line`, then the command that it prints, then the one that this prints, and so on, `steps` in
/// all. Each ends well and names the target of the first. The commands that were printed.
fn followed(place: &Place, line: &str, steps: usize) -> Vec<String> {
    let (mut printed, mut commands) = (format!("neonbench {line}"), Vec::new());
    for _ in 0..steps {
        let said = shell(place, &printed);
        assert_eq!(said.code, 0, "{line}: {printed}: {said:?}");
        printed = next(&said);
        let verb = verb_of(&printed);
        assert_ne!(verb, "store", "{line}: {printed}: no hint deletes");
        for [flag, value] in target_of(line) {
            // A stored run knows its target, and a probe's profile stands for it.
            let is_known = ["verify", "undo", "history"].contains(&verb);
            let stands = line.starts_with("probe") && verb == "analyze" && flag != "--mappings";
            let is_kept = printed.contains(&format!("{flag} {value}"));
            assert!(is_kept || is_known || stands, "{line}: {flag} {value} is lost: {printed}");
        }
        commands.push(printed.clone());
    }
    commands
}

#[test]
fn hints_end_well_and_stay_with_their_target() {
    let place = place();
    let common = "--mappings 2 --profile constant --store kept.sqlite";
    for line in [
        "profile list",
        "dataset list",
        "schema",
        "run --resources 9 --plan plan.toml --profile constant",
        &format!("run --resources 9 {common} --dry-run --replicates 5"),
        &format!("benchmark --resources 9 --replicates 5 {common}"),
        &format!("benchmark --resources 30 --sample-size 9 --replicates 5 {common}"),
        &format!("compare --resources 9 --strategy hybrid --replicates 5 {common}"),
        &format!("scalability --sizes 5,9 --replicates 5 {common}"),
        &format!("analyze --resources 9 {common}"),
        &format!("analyze --resources 30 {common} --probe"),
        &format!("probe --resources 30 {common} --write mine.toml"),
        &format!("report --resources 9 {common} --replicates 2"),
        "report --store kept.sqlite --runs 1,2",
        "history --store kept.sqlite",
    ] {
        followed(&place, line, 1);
        let said = shell(&place, &format!("neonbench {line}"));
        let after = shell(&place, &next(&said));
        assert_eq!(after.code, 0, "{line}: {}: {after:?}", next(&said));
    }
    // A run that did not end, or did other work, is not compared.
    let other = Place::new();
    assert_eq!(other.neonbench("run --resources 5").code, 0);
    assert_eq!(other.neonbench("run --resources 6").code, 0);
    assert_eq!(verb_of(&followed(&other, "history", 1)[0]), "run");
    assert_eq!(other.neonbench("run --resources 5 --seed 2").code, 0);
    assert!(next(&other.neonbench("history")).ends_with("compare 1 3"));
}

#[test]
fn hints_stay_with_the_server() {
    let (place, scenario) = (Place::new(), plain(40));
    let mock = served(&scenario, 1);
    let before = digest(&mock);
    let server = format!("--base-url {} --mappings 2", mock.base_url());
    for (line, led_to) in [
        (format!("analyze {server} --resources 40 --probe"), "run"),
        (format!("benchmark {server} --resources 40 --dry-run"), "run"),
        (format!("compare {server} --resources 40 --configs 2/5,3/5 --dry-run"), "run"),
        (format!("scalability {server} --sizes 10,40 --dry-run"), "compare"),
        (format!("probe {server} --resources 40"), "probe"),
    ] {
        let printed = &followed(&place, &line, 1)[0];
        assert_eq!(verb_of(printed), led_to, "{line}");
        let after = shell(&place, printed);
        assert_eq!(after.code, 0, "{line}: {printed}: {after:?}");
        assert_eq!(digest(&mock), before, "{line}: {printed}: a hint at a trial writes nothing");
    }
    // From the trial to the run, its check, and the trial of its undo.
    let trial = format!("run {server} --resources 40 --dry-run");
    let commands = followed(&place, &trial, 3);
    let verbs: Vec<&str> = commands.iter().map(|command| verb_of(command)).collect();
    assert_eq!(verbs, ["run", "verify", "undo"]);
    let (migrated, hint) = (digest(&mock), &commands[2]);
    let after = shell(&place, hint);
    assert!(hint.ends_with("--dry-run") && after.code == 0, "{hint}: {after:?}");
    assert_eq!(digest(&mock), migrated, "a verified run stays");
}

/// Flags that every verb takes which makes runs.
const SHARED: &str = "--profile constant --mappings 2 --chunk-size 6 --metadata-cache off \
     --call-deadline 5min --write put --guard reread --seed 3 --no-store";

#[test]
fn benchmark_and_analyze_name_the_run_that_they_stand_for() {
    let place = place();
    let line =
        format!("benchmark --resources 9 --replicates 2 --workers 2 --batch-size 4 {SHARED}");
    let benchmark = place.json(&format!("{line} --json"), 0);
    let best = benchmark["runs"].as_array().unwrap();
    let best = best.iter().find(|run| run["strategy"] == benchmark["best"]).unwrap();
    let printed = next(&place.neonbench(&line));
    assert!(printed.ends_with("--dry-run --no-store --replicates 2"), "{printed}");
    let said = shell(&place, &format!("{} --json", printed.replace(" --dry-run", "")));
    let mut run = repeatable(&json(&said));
    run.as_object_mut().unwrap().remove("findings");
    assert_eq!(run, repeatable(best), "{printed}");

    let line =
        format!("analyze --resources 9 --objective fastest --constraint headroom>=1 {SHARED}");
    let analysis = place.json(&format!("{line} --json"), 0);
    let printed = next(&place.neonbench(&line));
    let run = json(&shell(&place, &format!("{printed} --json")));
    for (of_run, of_analysis) in [
        ("strategy", "recommended_strategy"),
        ("workers", "max_workers"),
        ("batch_size", "batch_size"),
    ] {
        assert_eq!(run[of_run], analysis[of_analysis], "{printed}");
    }
    assert_eq!(run["reason"], analysis["reason"], "{printed}");
}

#[test]
fn compare_and_scalability_hand_the_workload_to_each_other() {
    let place = place();
    let shared = format!("--strategy hybrid --replicates 1 {SHARED}");
    for (line, added) in [
        ("compare --resources 9 --configs 1/2,2/4", "--sizes 4,8"),
        ("scalability --sizes 4,8", "--resources 9"),
    ] {
        let said = place.neonbench(&format!("{line} {shared}"));
        assert_eq!(said.code, 0, "{said:?}");
        let printed = next(&said);
        for flag in shared.split_whitespace() {
            assert!(printed.contains(flag), "{flag}: {printed}");
        }
        let said = shell(&place, &format!("{printed} {added} --json"));
        assert_eq!(said.code, 0, "{printed}: {said:?}");
        let runs = json(&said);
        let runs = runs["runs"].as_array().unwrap().iter();
        assert!(runs.into_iter().all(|run| run["seed"] == 3 && run["mappings"] == 2));
    }
}
