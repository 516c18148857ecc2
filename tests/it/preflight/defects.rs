//! One defect per item, planted in the plan, the settings, the target or this machine: each is found by its item.

use super::{Bench, FAST, PLAN, of, statuses};
use crate::cli::forwarder::Forwarder;
use crate::cli::journals::{digest, started, wait_for};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use neon_mock::NeonMock;
use neon_mock::api::Class;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The clean plan's flags.
const TOLD: &str = "--told office";

/// Limits as Neon has them, with calls of a few milliseconds.
fn pools() -> String {
    format!(
        "{FAST}[limits]\npool = 5\nreject_after = \"1ms\"\n[limits.endpoints]\n\"POST /accounts/search\" = 1\n"
    )
}

/// Posts `body` to `path` of the mock.
fn post(mock: &NeonMock, path: &str, body: &str) {
    let (org_id, api_key) = mock.credentials();
    let credentials = BASE64_STANDARD.encode(format!("{org_id}:{api_key}"));
    let base_url = mock.base_url();
    let (host, root) = base_url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let head = format!(
        "POST /{root}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {credentials}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Checks that `item` alone fails.
fn fails(bench: &Bench, flags: &str, item: &str, said: &str) {
    let results = bench.results(flags, 10);
    assert_eq!(of(&results, "fail"), [item], "{:#?} {results:#}", statuses(&results));
    let text = results.to_string();
    assert!(text.contains(said), "no `{said}` in {results:#}");
    assert_eq!(digest(&bench.mock), bench.before, "{item}: the target is not as it was");
}

/// Checks that `item` alone warns, and nothing fails.
fn warns(bench: &Bench, flags: &str, item: &str, said: &str) {
    let results = bench.results(flags, 0);
    assert_eq!(of(&results, "warn"), [item], "{:#?} {results:#}", statuses(&results));
    assert_eq!(of(&results, "pass").len(), 14, "{results:#}");
    assert!(results.to_string().contains(said), "no `{said}` in {results:#}");
    assert_eq!(digest(&bench.mock), bench.before, "{item}: the target is not as it was");
}

/// A server that ignores an empty list of options, so that no source is cleared.
#[test]
fn sample() {
    let plan = "schema = 1\nresource_ids = \"1-40\"\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\n\
        operation = \"replace\"\nsource_type = \"dropdown\"\npreserve_source = false\n";
    let served = format!("{FAST}[behaviour]\nempty_options = \"ignored\"\n");
    let bench = Bench::new(plan, None, &served, FAST);
    fails(&bench, TOLD, "sample", "at the target");
}

#[test]
fn benchmark() {
    let bench = Bench::new(PLAN, None, &pools(), &pools());
    fails(&bench, &format!("{TOLD} --strategy standard"), "benchmark", "standard costs");
}

#[test]
fn advice() {
    let bench = Bench::new(PLAN, None, &pools(), &pools());
    let flags = format!("{TOLD} --limiter fixed:5 --strategy pipelined --constraint headroom>=1");
    fails(&bench, &flags, "advice", "breaks a constraint");
}

#[test]
fn settings() {
    // Fast enough, since searches are slow and every call takes one of five places, but refused all the time.
    let shared = "schema = 1\n[limits]\npool = 5\nscope = \"organisation\"\nreject_after = \"1ms\"\n[service]\n\
        get = { law = \"log-normal\", median = \"600ms\", p99 = \"900ms\" }\n\
        patch = { law = \"log-normal\", median = \"600ms\", p99 = \"900ms\" }\n\
        put = { law = \"constant\", time = \"600ms\" }\nsearch = { law = \"constant\", time = \"20s\" }\n\
        metadata = { law = \"constant\", time = \"100ms\" }\n";
    let plan = PLAN.split("[[mappings]]").take(2).collect::<Vec<_>>().join("[[mappings]]");
    let bench = Bench::new(&plan, None, FAST, shared);
    let flags = format!("{TOLD} --strategy parallel --workers 7 --objective fastest");
    fails(&bench, &flags, "settings", "workers send calls at once");
}

/// A map that fails what it does not know: clean values pass, dirty ones do not.
#[test]
fn faults() {
    let bench = Bench::new(&PLAN.replace("\"skip\"", "\"fail\""), None, FAST, FAST);
    warns(&bench, TOLD, "faults", "cannot be migrated");
}

#[cfg(target_os = "linux")]
#[test]
fn memory() {
    let bench = Bench::clean();
    let line = bench.line(&format!("{TOLD} --json"));
    let program = env!("CARGO_BIN_EXE_neonbench");
    let mut command = assert_cmd::Command::new("sh");
    let limited = format!("ulimit -m 20000; exec {program} {line}");
    command.current_dir(bench.place.path()).args(["-c", &limited]);
    for name in crate::cli::place::VARIABLES {
        command.env_remove(name);
    }
    let output = command.timeout(Duration::from_secs(120)).output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(of(&results, "fail"), ["memory"], "{results:#}");
    assert!(results.to_string().contains("ulimit -m"));
}

#[test]
fn journal() {
    let bench = Bench::clean();
    fails(&bench, &format!("{TOLD} --no-journal"), "journal", "cannot be resumed");
    bench.place.file("text.sqlite", "no store");
    fails(&bench, &format!("{TOLD} --store text.sqlite"), "journal", "no store of neonbench");
}

/// A target whose values have an option that nobody can choose any more.
#[test]
fn rollback() {
    let plan = "schema = 1\nresource_ids = \"1-40\"\n[[mappings]]\nsource = \"V-1\"\ntarget = \"T-1\"\n\
        operation = \"copy_if_empty\"\n[[mappings]]\nsource = \"V-2\"\ntarget = \"T-2\"\noperation = \"replace\"\n\
        preserve_source = false\n";
    let dataset = "schema = 1\ndescription = \"an old option\"\ncompanies = 0.0\n\
        [[fields]]\nname = \"V-1\"\ntype = \"text\"\nfilled = 1.0\n\
        [[fields]]\nname = \"T-1\"\ntype = \"text\"\nfilled = 0.2\n\
        [[fields]]\nname = \"V-2\"\ntype = \"dropdown\"\nfilled = 1.0\n\
        options = [{ id = 901, name = \"New\", status = \"ACTIVE\" }, { id = 902, name = \"Old\", status = \"INACTIVE\" }]\n\
        [[fields]]\nname = \"T-2\"\ntype = \"text\"\nfilled = 0.0\n";
    let bench = Bench::new(plan, Some(dataset), FAST, FAST);
    fails(&bench, TOLD, "rollback", "option `Old` of `V-2` is inactive");
}

#[test]
fn quiet() {
    let bench = Bench::clean();
    fails(
        &bench,
        &format!("{TOLD} --until 2026-01-01T00:00"),
        "quiet",
        "the window ends at Thu 2026-01-01",
    );
}

#[test]
fn notice() {
    warns(&Bench::clean(), "", "notice", "nobody was told");
}

/// A webhook whose receiver answers by a call: refused too often, unless room is left for it.
#[test]
fn notice_of_integrations() {
    let documented = neon_mock::profile::BUILT_IN.iter().find(|(name, _)| *name == "documented");
    let bench = Bench::new(PLAN, None, FAST, documented.unwrap().1);
    let webhook = r#"{"name":"Doors","url":"http://127.0.0.1:9/doors","trigger":"UPDATE_ACCOUNT","contentType":"application/json"}"#;
    post(&bench.mock, "/webhooks", webhook);
    let flags = format!("{TOLD} --only notice --strategy pipelined --reads get");
    let crowded = bench.results(&flags, 10);
    assert_eq!(of(&crowded, "fail"), ["notice"], "{crowded:#}");
    let refused = |results: &serde_json::Value| {
        results["results"][0]["evidence"]["integrations_refused"].as_f64().unwrap()
    };
    let polite = bench.results(&format!("{flags} --limiter adaptive --echo 1x500ms"), 0);
    assert_eq!(of(&polite, "warn"), ["notice"], "webhooks are set off: {polite:#}");
    assert!(refused(&crowded) > 0.05 && refused(&polite) < 0.05, "{crowded:#} {polite:#}");
}

/// A key whose user may not search.
#[test]
fn access() {
    let served = format!(
        "{FAST}[[faults]]\nshare = 1.0\nstatus = 403\nendpoints = [\"POST /accounts/search\"]\n"
    );
    let bench = Bench::new(PLAN, None, &served, FAST);
    fails(&bench, TOLD, "access", "no right to it (403)");
}

#[test]
fn fields() {
    let bench = Bench::clean();
    bench.place.file("plan.toml", &PLAN.replace("target = \"T-1\"", "target = \"T-9\""));
    fails(&bench, TOLD, "fields", "`T-9` is unknown");
}

#[test]
fn unknowns() {
    warns(
        &Bench::clean(),
        &format!("{TOLD} --write put"),
        "unknowns",
        "a PUT takes read-only members",
    );
}

/// A run on the same organisation that was killed, and is not ended.
#[test]
fn alone() {
    // Slow enough to be met at work on a busy machine, too.
    let bench = Bench::new(PLAN, None, &FAST.replace("5ms", "200ms"), FAST);
    let run = format!(
        "run --plan plan.toml --base-url {} --profile known.toml --resource-ids 41-60 --strategy standard",
        bench.mock.base_url()
    );
    let mut child = started(&bench.place, &run);
    wait_for(&bench.mock, Class::Patch, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let bench = Bench { before: digest(&bench.mock), ..bench };
    fails(&bench, TOLD, "alone", "run 1 on this organisation is running");
}

/// Others who fill the pool of single reads.
#[test]
fn alone_among_heavy_load() {
    let served = format!(
        "{FAST}[[faults]]\nevery = 2\nstatus = 429\nendpoints = [\"GET /accounts/{{id}}\"]\n"
    );
    let bench = Bench::new(PLAN, None, &served, FAST);
    let results = bench.results(&format!("{TOLD} --only access,alone"), 10);
    assert_eq!(of(&results, "fail"), ["alone"], "{results:#}");
    assert!(results.to_string().contains("of 6 single reads were refused"), "{results:#}");
}

/// A server whose calendar is two hours behind.
#[test]
fn clock() {
    let bench = Bench::clean();
    let late = Forwarder::behind(bench.mock.addr(), 2);
    let line = bench.line(&format!("{TOLD} --json"));
    let line = line.replace(&bench.mock.base_url(), &late.base_url());
    let said = bench.place.neonbench_within(&line, 120);
    assert_eq!(said.code, 10, "{said:?}");
    let results: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(of(&results, "fail"), ["clock"], "{results:#}");
    assert!(results.to_string().contains("behind"), "{results:#}");
}
