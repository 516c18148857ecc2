//! Runs against a server that is not ours: credentials, absence, the production guard, the audit by
//! reading back.

use super::place::{Place, outcome};
use neon_mock::NeonMock;
use neon_mock::api::{Class, Endpoint};
use neonbench_engine::world::WallClock;
use serde_json::Value;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

/// Starts a mock; its server has threads of its own and outlives the runtime.
fn mock(accounts: u64) -> NeonMock {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let builder = NeonMock::builder().profile("unlimited").accounts(accounts);
    runtime.block_on(builder.credentials("org", "s3cret-key").start())
}

#[test]
fn a_served_organisation_is_migrated_and_read_back() {
    for (index, strategy) in ["standard", "parallel", "put_batch", "hybrid"].iter().enumerate() {
        let (place, mock) = (Place::new(), mock(20));
        let url = mock.base_url();
        let line = format!(
            "run --base-url {url} --resources 20 --mappings 3 --strategy {strategy} --org-id org \
             --api-key s3cret-key --json --no-store"
        );
        let run = place.json(&line, 0);
        assert_eq!(run["world"], "http");
        assert_eq!(run["counted_by"], "client");
        assert_eq!(
            (&run["audit"]["by"], &run["audit"]["valid"]),
            (&"read_back".into(), &true.into())
        );
        assert_eq!(run["records"]["migrated"], 20);
        let per_account = if index < 2 { 3 } else { 1 };
        assert_eq!(run["calls"]["record_writes"], 20 * per_account);
        assert_eq!(run["calls"]["metadata"], 1);
        // The counts are the server's: those of the run, and those of the audit, which one page settles.
        let calls = mock.calls();
        assert_eq!(calls.admitted(Class::Patch), 20 * per_account);
        assert_eq!(calls.of(Endpoint::GetAccount).admitted, 20 * per_account);
        assert_eq!((calls.admitted(Class::Search), all_calls(&run)), (1, calls.total()));
        // And what was read back is what is there.
        let digest = mock.with_neon(|neon| neon.organisation().digest());
        assert_eq!(run["audit"]["state_digest"], digest.as_str());
        let account = mock.account(7).unwrap();
        let text = |name| account.body.custom_field(name).and_then(|item| item.value.clone());
        assert!(text("T-1").is_some());
        assert_eq!(text("T-1"), text("V-1"));
    }
}

/// The calls that a run says it made, its audit included.
fn all_calls(run: &Value) -> u64 {
    ["/calls/total", "/audit/calls/total"]
        .map(|at| run.pointer(at).unwrap().as_u64().unwrap())
        .iter()
        .sum()
}

#[test]
fn the_calls_that_are_said_are_those_that_the_server_counts() {
    for (more, read_back) in [("", 246), ("--audit sample", 200), ("--audit none", 0)] {
        for dry in ["--dry-run", ""] {
            let (place, mock) = (Place::new(), mock(246));
            let line = format!(
                "run --base-url {} --resources 246 --org-id org --api-key s3cret-key {dry} {more} --json",
                mock.base_url()
            );
            let run = place.json(&line, 0);
            assert_eq!(all_calls(&run), mock.calls().total(), "{line}: {run:#}");
            assert_eq!(run["audit"]["read_back"].as_u64().unwrap_or(0), read_back, "{line}");
            assert_eq!(run["audit"]["calls"]["total"], read_back.div_ceil(200), "{run:#}");
            // A part of the accounts has no digest.
            let digest = mock.with_neon(|neon| neon.organisation().digest());
            let said = run["audit"]["state_digest"].as_str().unwrap();
            assert_eq!(said, if read_back == 246 { digest.as_str() } else { "" });
        }
    }
    Place::new().refused("run --resources 3 --audit none", 2, &["--audit none", "--base-url"]);
}

#[test]
fn a_second_run_finds_everything_in_place() {
    let (place, mock) = (Place::new(), mock(10));
    let line = format!(
        "run --base-url {} --resources 10 --org-id org --api-key s3cret-key --json --no-store",
        mock.base_url()
    );
    assert_eq!(place.json(&line, 0)["records"]["migrated"], 10);
    let again = place.json(&line, 0);
    assert_eq!(
        (&again["records"]["unchanged"], &again["calls"]["record_writes"]),
        (&10.into(), &0.into())
    );
}

#[test]
fn failures_of_the_server_are_outlived() {
    let (place, mock) = (Place::new(), mock(10));
    for status in [500, 503, 503] {
        mock.fail_next(status);
    }
    let line = format!(
        "run --base-url {} --resources 10 --org-id org --api-key s3cret-key --json --no-store",
        mock.base_url()
    );
    let run = place.json(&line, 0);
    assert_eq!((&run["calls"]["failed"], &run["calls"]["retries"]), (&3.into(), &3.into()));
    assert_eq!(run["records"]["migrated"], 10);
}

#[test]
fn a_dry_run_leaves_the_server_as_it_is() {
    let (place, mock) = (Place::new(), mock(10));
    let before = mock.with_neon(|neon| neon.organisation().digest());
    let line = format!(
        "run --base-url {} --resources 10 --org-id org --api-key s3cret-key --dry-run --json \
         --no-store",
        mock.base_url()
    );
    let run = place.json(&line, 0);
    assert_eq!((&run["audit"]["valid"], &run["records"]["migrated"]), (&true.into(), &10.into()));
    assert_eq!(mock.with_neon(|neon| neon.organisation().digest()), before);
    assert_eq!(mock.calls().admitted(Class::Patch), 0);
}

/// The result of a chain is not what the plan would make of it again: it is judged by what was
/// there before.
#[test]
fn a_chain_of_mappings_is_read_back_by_what_was_there_before() {
    let strategies = ["standard", "hybrid", "pipelined"];
    for (strategy, reads) in strategies.into_iter().flat_map(|it| [(it, "get"), (it, "search")]) {
        let (place, mock) = (Place::new(), mock(10));
        let mapping = |source, target| {
            format!(
                "[[mappings]]\nsource = \"{source}\"\ntarget = \"{target}\"\noperation = \"replace\"\n"
            )
        };
        let plan = format!("schema = 1\n{}{}", mapping("V-1", "T-1"), mapping("V-2", "V-1"));
        place.file("chain.toml", &plan);
        let line = format!(
            "run --base-url {} --resources 10 --plan chain.toml --strategy {strategy} \
             --reads {reads} --org-id org --api-key s3cret-key --json --no-store",
            mock.base_url()
        );
        let run = place.json(&line, 0);
        assert_eq!(
            (&run["audit"]["valid"], &run["records"]["migrated"]),
            (&true.into(), &10.into())
        );
        // A read and a write in a row: it was seen that every account changes.
        assert!(run["lower_bound_s"].as_f64().unwrap() > 0.7, "{strategy} {reads}: {run:#}");
    }
}

#[test]
fn several_runs_on_one_server_are_refused_unless_they_write_nothing() {
    let (place, mock) = (Place::new(), mock(10));
    let target =
        format!("--base-url {} --resources 10 --org-id org --api-key s3cret-key", mock.base_url());
    for verb in ["benchmark", "compare", "run --replicates 2"] {
        place.refused(&format!("{verb} {target}"), 2, &["several runs", "--dry-run"]);
    }
    assert_eq!(mock.calls().total(), 0);
    let ranked = place.json(&format!("benchmark {target} --dry-run --json --no-store"), 0);
    assert_eq!(ranked["runs"].as_array().unwrap().len(), 5);
    assert_eq!(mock.calls().admitted(Class::Patch), 0);
}

#[test]
fn wrong_credentials_stop_the_run_at_its_first_call() {
    let (place, mock) = (Place::new(), mock(10));
    let url = mock.base_url();
    for credentials in
        ["--org-id org --api-key wr0ng-key", "--org-id other --api-key s3cret-key", ""]
    {
        let line = format!("run --base-url {url} --resources 10 {credentials} --no-store");
        place.refused(&line, 21, &["credentials", "401"]);
    }
    assert_eq!((mock.unauthorized(), mock.calls().total()), (3, 0));
    let outcome = place.neonbench(&format!(
        "-vvv run --base-url {url} --resources 10 --org-id org --api-key wr0ng-key"
    ));
    assert!(!outcome.stderr.contains("wr0ng-key"), "{}", outcome.stderr);
}

#[test]
fn secrets_are_neither_printed_nor_kept() {
    let (place, mock) = (Place::new(), mock(5));
    let line = format!("-vvv run --base-url {} --resources 5 --store kept.sqlite", mock.base_url());
    let run =
        outcome(place.command(&line).env("NEON_ORG_ID", "org").env("NEON_API_KEY", "s3cret-key"));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stdout.contains("s3cret-key") && !run.stderr.contains("s3cret-key"));
    for file in place.entries() {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(10).any(|part| part == b"s3cret-key"), "{}", file.display());
    }
    let help = outcome(place.command("run --help").env("NEON_API_KEY", "s3cret-key"));
    assert!(!help.stdout.contains("s3cret-key"), "{}", help.stdout);
}

#[test]
fn where_nothing_listens_the_run_ends_at_once() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clock = WallClock::start();
    for target in [format!("http://127.0.0.1:{port}/v2"), format!("http://localhost:{port}/v2")] {
        let line = format!("run --base-url {target} --resources 10 --no-store");
        place.refused(&line, 21, &["unreachable"]);
    }
    assert!(clock.elapsed() < Duration::from_secs(10), "it tried for {:?}", clock.elapsed());
}

#[test]
fn a_server_that_is_no_neon_is_said_to_be_none() {
    let (place, mock) = (Place::new(), mock(5));
    // The wrong base path: 404 for the fields.
    let line = format!(
        "run --base-url http://{}/v3 --resources 5 --org-id org --api-key s3cret-key --no-store",
        mock.addr()
    );
    place.refused(&line, 21, &["GET /customFields", "404"]);
}

#[test]
fn a_target_needs_to_know_which_accounts() {
    let place = Place::new();
    place.refused(
        "run --base-url http://127.0.0.1:1/v2",
        2,
        &["--base-url", "--resource-ids", "--resources", "filter"],
    );
    for url in ["127.0.0.1:1/v2", "ftp://127.0.0.1:1/v2", "http://"] {
        let outcome = place.neonbench(&format!("run --base-url {url} --resources 3"));
        assert!(matches!(outcome.code, 2 | 20), "{url}: {outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn the_guard_lets_nothing_out_that_could_be_production() {
    let place = Place::new();
    // It is this machine, but not by a loopback address: a call would arrive and be seen.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (target, more) in [
        (format!("http://0.0.0.0:{port}/v2"), ""),
        (format!("http://0.0.0.0:{port}/v2"), "--strategy hybrid --write put"),
        (format!("http://0.0.0.0:{port}/v2"), "--org-id org --api-key s3cret-key --journal"),
        (format!("http://127.0.0.1.example.org:{port}/v2"), ""),
        (format!("http://localhost.example.org:{port}/v2"), ""),
        ("https://api.neoncrm.com/v2".to_owned(), "--org-id org --api-key s3cret-key"),
    ] {
        let line = format!("run --base-url {target} --resources 3 {more}");
        place.refused(&line, 20, &["refused to write", &target, "--dry-run"]);
    }
    // The permission names one organisation, and the one in use must be it.
    for credentials in ["", "--org-id other --api-key s3cret-key"] {
        let line = format!(
            "run --base-url http://0.0.0.0:{port}/v2 --resources 3 --allow-writes-to org {credentials}"
        );
        place.refused(&line, 20, &["refused to write", "`org`", "nothing was sent"]);
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a call was made");
    // Credentials in the address would end up in logs and shell histories.
    let disguised = format!("run --base-url http://127.0.0.1@example.org:{port}/v2 --resources 3");
    place.refused(&disguised, 2, &["base URL", "credentials go into"]);
    // A dry run may go out, and then needs credentials.
    place.refused(
        &format!("run --base-url http://0.0.0.0:{port}/v2 --resources 3 --dry-run"),
        2,
        &["--org-id", "NEON_ORG_ID"],
    );
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a call was made");
}

/// A server on this machine that is not the mock; the heads of the calls that it got.
fn stub() -> (u16, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, calls) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut lines = String::new();
            while reader.read_line(&mut lines).is_ok_and(|read| read > 2) {}
            heard.send(lines).ok();
            let answer =
                "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    (port, calls)
}

/// A port of this machine may be forwarded to production: only what says that it is the mock is written to.
#[test]
fn a_server_on_this_machine_proves_that_it_is_the_mock_before_it_is_written_to() {
    let place = Place::new();
    for host in ["127.0.0.1", "localhost"] {
        let (port, heads) = stub();
        let line = format!(
            "run --base-url http://{host}:{port}/v2 --resources 3 --org-id org --api-key s3cret-key --no-store"
        );
        place.refused(&line, 20, &["refused to write", "/__mock/health", "--allow-writes-to"]);
        let heard: Vec<String> = heads.try_iter().collect();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].starts_with("GET /__mock/health "), "{heard:?}");
        assert!(!heard[0].to_ascii_lowercase().contains("authorization"), "{heard:?}");
        // With leave it is called, and found to be no Neon; and it may be read without.
        for more in ["--allow-writes-to org", "--dry-run"] {
            let outcome = place.neonbench(&format!("{line} {more}"));
            assert_eq!(outcome.code, 21, "{outcome:?}");
            assert!(heads.try_iter().all(|head| head.starts_with("GET /v2/customFields")));
        }
    }
}

#[test]
fn an_address_has_no_query_no_fragment_and_no_user() {
    let (place, mock) = (Place::new(), mock(3));
    for (tail, said) in [("?x=y", "no ?"), ("#frag", "no #"), ("?", "no ?"), ("#", "no #")] {
        let url = format!("{}{tail}", mock.base_url());
        for verb in ["run", "benchmark --dry-run", "probe"] {
            place.refused(
                &format!("{verb} --base-url {url} --resources 3"),
                2,
                &["base URL", said],
            );
        }
    }
    let url = mock.base_url().replace("127", "user:pw@127");
    place.refused(&format!("run --base-url {url} --resources 3"), 2, &["credentials go into"]);
    assert_eq!(mock.calls().total(), 0);
}

#[test]
fn a_key_goes_to_another_machine_in_clear_text_only_with_leave() {
    let (place, mock) = (Place::new(), mock(3));
    // It is this machine, but not by a loopback address.
    let url = mock.base_url().replace("127.0.0.1", "0.0.0.0");
    let credentials = "--org-id org --api-key s3cret-key";
    for line in [
        format!("run --base-url {url} --resources 3 {credentials} --dry-run"),
        format!("run --base-url {url} --resources 3 {credentials} --allow-writes-to org"),
        format!("probe --base-url {url} --resources 3 {credentials}"),
    ] {
        place.refused(&line, 20, &["clear text", "--allow-plain-http", "nothing was sent"]);
        assert_eq!(mock.calls().total(), 0, "{line}");
    }
    let line = format!(
        "run --base-url {url} --resources 3 {credentials} --allow-writes-to org --allow-plain-http --json"
    );
    assert_eq!(place.json(&line, 0)["records"]["migrated"], 3);
}

#[test]
fn a_proxy_is_named_where_it_is_used_and_unused_on_this_machine() {
    let (place, mock) = (Place::new(), mock(3));
    let run = |url: &str, more: &str| {
        let line = format!(
            "run --base-url {url} --resources 3 --org-id org --api-key s3cret-key --dry-run --no-store {more}"
        );
        let mut command = place.command(&line);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
            command.env(name, "http://user:pr0xy-pw@127.0.0.1:9");
        }
        outcome(&mut command)
    };
    let own = run(&mock.base_url(), "");
    assert_eq!(own.code, 0, "{own:?}");
    assert!(!own.stderr.contains("proxy"), "{own:?}");
    let away = run("http://0.0.0.0:1/v2", "--allow-plain-http");
    assert_eq!(away.code, 21, "{away:?}");
    assert!(away.stderr.contains("through the proxy http://127.0.0.1:9 "), "{away:?}");
    assert!(!away.stderr.contains("pr0xy-pw"), "{away:?}");
}
