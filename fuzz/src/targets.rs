//! What is fuzzed: everything that reads the bytes of others. Each target reads its input as the program does and
//! goes on with what it read as far as no run is made; what it must not do is panic, hang or fill the memory.
//!
//! Used twice: by cargo-fuzz (`.ci/fuzz`), and by `cargo test`, which replays the corpora.

use neon_mock::Neon;
use neon_mock::api::http::{decode, parse_response, response_body};
use neon_mock::api::{CustomField, Endpoint, Status};
use neon_mock::dataset::{Dataset, import};
use neon_mock::file::decoded;
use neon_mock::org::Organisation;
use neon_mock::profile::Profile;
use neon_mock::rng;
use neon_mock::service::{Buckets, Law};
use neon_mock::time::Timestamp;
use neonbench::probe::{Har, TargetFit};
use neonbench::select::{Calibration, case};
use neonbench::store::Store;
use neonbench_engine::decide::decide;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::plan::{Plan, ResolvedPlan, SampledTexts, check, parse_ids, parse_yaml};
use neonbench_engine::scenario::{Scenario, WireScenario, Workload};
use std::path::Path;

/// A target by its name, which is its folder of the corpus.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [FuzzTarget; 14] = [
    ("http", http),
    ("plan", plan),
    ("python", python),
    ("csv", csv),
    ("ids", ids),
    ("profile", profile),
    ("dataset", dataset),
    ("fields", fields),
    ("scenario", scenario),
    ("thresholds", thresholds),
    ("har", har),
    ("hlog", hlog),
    ("journal", journal),
    ("answer", answer),
];

/// The text of a file, or nothing where it is none.
fn text(input: &[u8]) -> Option<String> {
    decoded(input.to_vec()).ok()
}

/// The first lines of an input, and the rest.
fn lines<const N: usize>(input: &[u8]) -> ([&str; N], &[u8]) {
    let (mut head, mut rest) = ([""; N], input);
    for line in &mut head {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        *line = std::str::from_utf8(&rest[..end]).unwrap_or("/");
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    (head, rest)
}

/// A request to the mock: verb, path and query on a line each, then the body. Served, answered, and read again.
pub fn http(input: &[u8]) {
    let ([verb, path, query], body) = lines::<3>(input);
    let Ok(request) = decode(verb, path, Some(query), body) else { return };
    let organisation = Organisation::new(&built_in("mixed"), 20, 1);
    let mut neon = Neon::new(unlimited(), organisation, 1);
    for second in 0..2 {
        let now = Timestamp::from_nanos(second * 1_000_000_000);
        let reply = neon.handle(now, &request);
        let body = response_body(&reply.response);
        let read = parse_response(request.endpoint(), reply.response.status, &body);
        assert!(read.is_ok(), "the engine cannot read what the mock answers: {request:?}");
    }
}

/// A plan in TOML or JSON: read, written, checked, resolved, and decided on some accounts.
pub fn plan(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let name = if text.trim_start().starts_with('{') { "plan.json" } else { "plan.toml" };
    // Files that a plan names are read by the target `ids`.
    if text.contains('@') {
        return;
    }
    if let Ok(plan) = Plan::from_text(name, &text) {
        assert!(Plan::from_toml(name, &plan.to_toml()).is_ok(), "what was written is not read");
        planned(plan);
    }
}

/// A plan of the Python engine in YAML or JSON.
pub fn python(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let json = || serde_json::from_str(&text).ok();
    let Some(file) = parse_yaml(&text).ok().or_else(json) else { return };
    if let Ok(carried) = Plan::from_python(file) {
        planned(carried.made);
    }
}

/// A table of mappings as spreadsheets export it.
pub fn csv(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if let Ok(carried) = Plan::from_python_csv(&text) {
        planned(carried.made);
    }
}

fn planned(plan: Plan) {
    let organisation = Organisation::new(&built_in("mixed"), 20, 1);
    let fields = organisation.definitions();
    check(&plan, fields, &SampledTexts::default());
    if let Ok(task) = ResolvedPlan::resolve(&plan, fields) {
        task.warnings();
        for id in 1..=3 {
            if let Some(account) = organisation.account(neon_mock::api::AccountId(id)) {
                decide(&account, &task, &task.steps);
            }
        }
    }
    let workload = Workload { plan: Some(plan), resources: Some(10), ..Workload::default() };
    // An organisation made for the plan.
    drop(Scenario::new(workload));
}

/// A list of account ids, on the command line or in a file.
pub fn ids(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if !text.contains('@') {
        drop(parse_ids(&text));
        drop(text.parse::<Limiter>());
        drop(neon_mock::bounds::duration(&text));
    }
    let folder = scratch();
    std::fs::write(folder.join("ids.txt"), input).expect("a scratch file");
    drop(neonbench_engine::plan::parse_ids_beside("@ids.txt", &folder));
}

/// A profile: read, and drawn from.
pub fn profile(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(profile) = Profile::from_toml("p.toml", &text) else { return };
    drop(TargetFit::of_profile(&profile));
    let mut draws = rng::stream(1, "fuzz");
    for endpoint in Endpoint::ALL {
        let law: &Law = profile.law(endpoint);
        law.sample(&mut draws);
        law.mean();
    }
    let mut neon = Neon::new(profile, Organisation::new(&built_in("plain"), 10, 1), 1);
    let request = decode("GET", "/accounts/1", None, b"").expect("a request");
    for hour in 0..3 {
        neon.handle(Timestamp::from_nanos(hour * 3_600_000_000_000), &request);
    }
}

/// A dataset: read, and accounts made of it.
pub fn dataset(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(dataset) = Dataset::from_toml("d.toml", &text, 2) else { return };
    let organisation = Organisation::new(&dataset, 10, 1);
    for id in 1..=10 {
        organisation.values(neon_mock::api::AccountId(id));
    }
}

/// A saved answer of `GET /customFields`: imported, and read as a dataset.
pub fn fields(input: &[u8]) {
    let Ok(fields) = serde_json::from_slice::<Vec<CustomField>>(input) else { return };
    let imported = import(&fields);
    dataset(imported.text.as_bytes());
}

/// A scenario, or a set of them.
pub fn scenario(input: &[u8]) {
    let Some(text) = text(input) else { return };
    drop(WireScenario::from_toml("s.toml", &text));
    drop(case::read("set.toml", &text));
}

/// A calibration: read, and asked.
pub fn thresholds(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(calibration) = Calibration::from_toml("t.toml", &text) else { return };
    for rule in [&calibration.thresholds.guide, &calibration.thresholds.full] {
        for (accounts, mappings) in [(1, 1), (10_000_000, 1_000)] {
            rule.choose(accounts, mappings, rule.capacity(accounts, None).0, None);
        }
    }
}

/// A recording of a browser or a proxy: read, and fitted.
pub fn har(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if let Ok(har) = Har::read("calls.har", &text) {
        drop(TargetFit::of(&har.trace));
    }
}

/// A histogram: an interval log, or a table.
pub fn hlog(input: &[u8]) {
    for name in ["h.hlog", "h.csv"] {
        if let Ok(buckets) = Buckets::read(name, input) {
            let law = Law::histogram(buckets);
            law.sample(&mut rng::stream(1, "fuzz"));
            law.scaled(2.0).mean();
        }
    }
}

/// A store: a database of others, or one of ours with texts of others in its rows (after a first byte `=`).
pub fn journal(input: &[u8]) {
    let path = scratch().join("store.sqlite");
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", path.display())));
    }
    if let Some(rows) = input.strip_prefix(b"=") {
        drop(Store::open(&path));
        fill(&path, rows);
    } else {
        std::fs::write(&path, input).expect("a scratch file");
    }
    let Ok(store) = Store::open(&path) else { return };
    drop(store.list(None));
    for id in 1..=3 {
        drop(store.entry(id));
        drop(store.record(id));
        drop(store.ledger(id));
        drop(store.has_notes(id));
        if let Some(header) = store.run(id).ok().and_then(|run| run.header) {
            drop(header.scenario(None));
        }
    }
}

/// Writes a run into the store: its state, header, ids, record and notes, on a line each.
fn fill(path: &Path, rows: &[u8]) {
    let ([state, header, ids, record], notes) = lines::<4>(rows);
    let Ok(store) = rusqlite::Connection::open(path) else { return };
    let insert = "INSERT INTO runs (made_at_unix_s, state, header_json, ids, record_json) VALUES (0, ?1, ?2, ?3, ?4)";
    drop(store.execute(insert, [state, header, ids, record]));
    for (seq, note) in (1_i64..=100).zip(notes.split(|byte| *byte == b'\n')) {
        let insert = "INSERT INTO notes (run_id, seq, account_id, note_json) VALUES (1, ?1, 1, ?2)";
        drop(store.execute(insert, rusqlite::params![seq, String::from_utf8_lossy(note)]));
    }
}

/// An answer of a foreign server: number of the endpoint and status on a line each, then the body.
pub fn answer(input: &[u8]) {
    let ([endpoint, status], body) = lines::<2>(input);
    let place = endpoint.parse::<usize>().unwrap_or_default() % Endpoint::ALL.len();
    let status = Status(status.parse().unwrap_or(200));
    if let Ok(read) = parse_response(Endpoint::ALL[place], status, body) {
        response_body(&read);
        fields(body);
    }
}

fn built_in(name: &str) -> Dataset {
    Dataset::built_in(name, 2).expect("a built-in dataset")
}

fn unlimited() -> Profile {
    Profile::built_in("unlimited").expect("a built-in profile")
}

/// A folder of this process, in memory where the system has such.
fn scratch() -> std::path::PathBuf {
    let shared = Path::new("/dev/shm");
    let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    let folder = base.join(format!("neonbench-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}
