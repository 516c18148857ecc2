//! Live pages of real runs: shown while they run, told the end, rebuilt from the store after a kill.

use super::journals::{plain, served, slow, started, wait_for};
use super::place::Place;
use crate::live::{answer, read_events, request, status};
use neon_mock::api::Class;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr};

/// The page of a process that was started with `--live`.
struct Page {
    port: u16,
    token: String,
}

impl Page {
    /// Waits for the address, which the process prints; the rest of what it says is left to the reader.
    fn of(child: &mut Child) -> (Self, BufReader<ChildStderr>) {
        let mut said = BufReader::new(child.stderr.take().unwrap());
        loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "no address was printed");
            let Some(url) = line.trim_end().strip_prefix("live page: http://127.0.0.1:") else {
                continue;
            };
            let (port, token) = url.split_once("/t/").unwrap();
            return (Self { port: port.parse().unwrap(), token: token.to_owned() }, said);
        }
    }

    fn get(&self, path: &str) -> String {
        let found = answer(self.port, &request("GET", path, (self.port, &self.token), ""));
        assert_eq!(status(&found), 200, "{path}: {found}");
        found.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }
}

/// The last line of a stream of events, which tells the end.
fn told_end(page: &Page) -> Value {
    let (mut is_end, mut end) = (false, Value::Null);
    read_events(page.port, &page.token, None, |line| {
        is_end |= line == "event: end";
        if let Some(data) = line.strip_prefix("data: ").filter(|_| is_end) {
            end = serde_json::from_str(data).unwrap();
        }
        !end.is_null()
    });
    end
}

#[test]
fn a_run_is_shown_until_its_end() {
    let mock = served(&plain(200), 1);
    let place = Place::new();
    let line = format!(
        "run --quiet --base-url {} --resources 200 --strategy standard --live",
        mock.base_url()
    );
    let mut child = started(&place, &line);
    let (page, mut said) = Page::of(&mut child);
    wait_for(&mock, Class::Patch, 5);
    let state = page.json("/state");
    assert_eq!(state["accounts"]["all"], 200, "{state:#}");
    assert_eq!(state["verdict"], Value::Null);
    let html = page.get("/");
    assert!(html.contains("standard"), "{html}");
    // No key stands on it, and no value.
    let (org, key) = mock.credentials();
    assert!(!html.contains(key) || key == org, "{html}");
    let end = told_end(&page);
    let snapshot = &end["snapshot"];
    assert_eq!(snapshot["accounts"]["migrated"], 200, "{snapshot:#}");
    assert_eq!(snapshot["verdict"]["exit_code"], 0, "{snapshot:#}");
    assert_eq!(snapshot["verdict"]["words"], "200 accounts as the plan demands");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
}

#[test]
fn the_page_of_a_run_in_virtual_time_waits_for_its_first_viewer() {
    let place = Place::new();
    let run = "run --resources 50 --strategy hybrid --live";
    let mut child = started(&place, run);
    let (page, _said) = Page::of(&mut child);
    loop {
        let state = page.json("/state");
        if state["state"] == "ended" {
            assert_eq!(state["accounts"]["migrated"], 50, "{state:#}");
            break;
        }
    }
    assert!(child.try_wait().unwrap().is_none(), "nobody has seen it yet");
    let line = page.json("/history");
    let points = line["points"].as_array().unwrap();
    assert!(points.len() >= 10 && points.last().unwrap()["ended"] == 50, "{line:#}");
    let html = page.get("/");
    assert!(html.contains("50"), "{html}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // Nobody has to look.
    assert_eq!(place.neonbench(&format!("{run} --live-linger 0s")).code, 0);
}

#[test]
fn flags_of_the_page_need_the_page() {
    let place = Place::new();
    let run = "run --resources 5 --strategy hybrid";
    place.refused(&format!("{run} --open"), 2, &["--open needs --live"]);
    place.refused(&format!("{run} --live-address 127.0.0.1"), 2, &["--live-address needs --live"]);
    place.refused(&format!("{run} --live --replicates 3"), 2, &["--live works with one run"]);
    place.refused(&format!("{run} --live=70000"), 2, &["70000"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let outcome = place.neonbench(&format!("{run} --live={port}"));
    assert!(outcome.stderr.contains("cannot listen"), "{outcome:?}");
    place.refused("live 7", 2, &["there is no store"]);
}

#[test]
fn a_run_that_was_killed_is_silent_on_its_page_from_the_store() {
    let mock = served(&plain(400), 1);
    let place = Place::new();
    let line = format!("run --base-url {} --resources 400 --strategy standard", mock.base_url());
    let mut run = started(&place, &line);
    wait_for(&mock, Class::Patch, 3);
    let mut viewer = started(&place, "live 1");
    let (page, _said) = Page::of(&mut viewer);
    let state = page.json("/state");
    assert_eq!(
        (&state["state"], &state["accounts"]["all"]),
        (&"running".into(), &400.into()),
        "{state:#}"
    );
    wait_for(&mock, Class::Patch, 20);
    run.kill().unwrap();
    run.wait().unwrap();
    let silent = loop {
        let state = page.json("/state");
        if state["state"] == "silent" {
            break state;
        }
        std::thread::yield_now();
    };
    assert!(silent["why"].as_str().unwrap().contains("process has ended"), "{silent:#}");
    let migrated = silent["accounts"]["migrated"].as_u64().unwrap();
    assert!((5..400).contains(&migrated), "{silent:#}");
    assert!(page.get("/").contains("neonbench resume 1"), "{}", page.get("/"));

    let listed = place.neonbench("live");
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(
        listed.stdout.contains("of 400") && listed.stdout.contains("interrupted"),
        "{listed:?}"
    );

    // Resumed, and its page says so without being opened anew.
    let resumed = place.neonbench("resume 1 --live --live-linger 0s");
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let end = told_end(&page);
    assert_eq!(end["snapshot"]["accounts"]["migrated"], 400, "{end:#}");
    assert_eq!(viewer.wait().unwrap().code(), Some(0));
}

#[test]
fn a_judged_command_and_an_undo_have_pages() {
    let place = Place::new();
    let judged = "judge --resources 5 --live --live-linger 0s -- true";
    let outcome = place.neonbench(judged);
    assert!(outcome.stderr.contains("live page: http://127.0.0.1:"), "{outcome:?}");
    assert_eq!(outcome.code, 11, "{outcome:?}");

    let mock = served(&plain(100), 1);
    let line = format!("run --base-url {} --resources 100 --strategy standard", mock.base_url());
    assert_eq!(place.neonbench(&line).code, 0);
    let mut undo = started(&place, "undo 1 --live");
    let (page, _said) = Page::of(&mut undo);
    let end = told_end(&page);
    let snapshot = &end["snapshot"];
    assert_eq!(snapshot["accounts"]["reviewed"], 100, "{snapshot:#}");
    assert!(snapshot["verdict"]["words"].as_str().unwrap().contains("restored"), "{snapshot:#}");
    assert_eq!(undo.wait().unwrap().code(), Some(0));
}

/// Held, slowed and stopped by another process: the page shows each, and who it was.
#[test]
fn orders_of_another_process_are_shown() {
    let mock = served(&plain(600), 1);
    mock.set_profile(slow());
    let place = Place::new();
    let line = format!(
        "run --base-url {} --resources 600 --strategy hybrid --limiter fixed:5 --live",
        mock.base_url()
    );
    let mut run = started(&place, &line);
    let (page, _said) = Page::of(&mut run);
    wait_for(&mock, Class::Patch, 3);
    let becomes = |state: &str| loop {
        let found = page.json("/state");
        if found["state"] == state {
            break found;
        }
        std::thread::yield_now();
    };
    assert_eq!(place.neonbench("pause 1 --by Anna").code, 0);
    let paused = becomes("paused");
    assert!(paused["why"].as_str().unwrap().contains("Anna"), "{paused:#}");
    assert!(page.get("/").contains("Anna"));
    assert_eq!(place.neonbench("go 1 --by Anna").code, 0);
    becomes("running");
    // Whoever may give orders is told where the page is.
    let shown = place.neonbench("live 1");
    assert!(shown.code == 0 && shown.stdout.contains(&page.token), "{shown:?}");
    assert_eq!(place.neonbench("slow 1 --headroom 2 --by Ben").code, 0);
    while !page.get("/").contains("Ben: 2 places") {
        std::thread::yield_now();
    }
    assert_eq!(place.neonbench("stop 1 --by Ben").code, 0);
    let end = told_end(&page);
    let verdict = &end["snapshot"]["verdict"];
    assert_eq!(verdict["exit_code"], 130, "{end:#}");
    assert!(verdict["words"].as_str().unwrap().starts_with("stopped after "), "{end:#}");
    assert_eq!(run.wait().unwrap().code(), Some(130));
}
