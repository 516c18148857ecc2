//! A network that dies: a short outage is waited for, a long one ends the run with a checkpoint, and accounts that
//! cannot be read back are neither right nor wrong.

use super::forwarder::Forwarder;
use super::journals::{digest, fast, plain, served, started};
use super::place::Place;
use neon_mock::NeonMock;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use serde_json::Value;
use std::thread;
use std::time::Duration;

const ACCOUNTS: u64 = 200;

fn until(mock: &NeonMock, class: Class, calls: u64) {
    while mock.calls().admitted(class) < calls {
        thread::park_timeout(Duration::from_millis(1));
    }
}

fn line(forwarder: &Forwarder, more: &str) -> String {
    let url = forwarder.base_url();
    format!("run --base-url {url} --resources {ACCOUNTS} --strategy hybrid --json {more}")
}

#[test]
fn a_network_that_dies_ends_the_run_and_resume_goes_on() {
    let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
    let undisturbed = served(&plain(ACCOUNTS), 1);
    let mut network = Forwarder::to(mock.addr());
    let child = started(&place, &line(&network, "--max-outage 2s"));
    until(&mock, Class::Patch, 20);
    network.goes_down();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(21), 0), "{said}");
    for words in ["--max-outage", "2s", "next: neonbench resume 1"] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    let listed = place.json("store list --json", 0);
    assert_eq!(listed["runs"][0]["state"], "failed", "{listed:#}");
    assert!(mock.calls().admitted(Class::Patch) < ACCOUNTS);

    // Dead still: the same again.
    let dead = place.neonbench("resume 1");
    assert_eq!(dead.code, 21, "{dead:?}");
    network.comes_up(mock.addr());
    let run = place.json("resume 1 --json", 0);
    assert_eq!(
        (&run["records"]["migrated"], &run["records"]["failed"]),
        (&ACCOUNTS.into(), &0.into())
    );
    let url = undisturbed.base_url();
    place.json(&format!("run --base-url {url} --resources {ACCOUNTS} --no-store --json"), 0);
    assert_eq!(digest(&mock), digest(&undisturbed));
}

#[test]
fn a_short_outage_is_waited_for() {
    let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
    let mut network = Forwarder::to(mock.addr());
    let child = started(&place, &line(&network, ""));
    until(&mock, Class::Patch, 20);
    network.goes_down();
    thread::park_timeout(Duration::from_secs(3));
    network.comes_up(mock.addr());
    let output = child.wait_with_output().unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{run:#}");
    assert_eq!(run["records"]["migrated"], ACCOUNTS);
}

#[test]
fn what_cannot_be_read_back_is_not_wrong() {
    let (place, mock) = (Place::new(), served(&plain(ACCOUNTS), 1));
    let slow = "schema = 1\n[service]\nget = { law = \"constant\", time = \"3ms\" }\n\
        patch = { law = \"constant\", time = \"3ms\" }\nput = { law = \"constant\", time = \"3ms\" }\n\
        metadata = { law = \"constant\", time = \"3ms\" }\nsearch = { law = \"constant\", time = \"5s\" }\n";
    mock.set_profile(Profile::from_toml("slow", slow).unwrap());
    let mut network = Forwarder::to(mock.addr());
    let child = started(&place, &line(&network, "--max-outage 1s"));
    // The accounts are read by GET, and read back by a search.
    until(&mock, Class::Search, 1);
    network.goes_down();
    let output = child.wait_with_output().unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    let audit = &run["audit"];
    assert_eq!(output.status.code(), Some(11), "{run:#}");
    assert_eq!((&audit["valid"], &audit["mismatched"]), (&false.into(), &0.into()), "{audit:#}");
    assert_eq!((&audit["faults"], &audit["unreadable"]), (&Value::Array(vec![]), &ACCOUNTS.into()));
    assert_eq!(run["records"]["migrated"], ACCOUNTS);
    assert_eq!(run["next_command"], "neonbench verify 1");
    assert_eq!(place.json("store list --json", 0)["runs"][0]["state"], "finished");

    // Nor by `verify`; once it can be read, it is right.
    let dead = place.neonbench("verify 1");
    assert_eq!(dead.code, 21, "{dead:?}");
    mock.set_profile(fast());
    network.comes_up(mock.addr());
    assert_eq!(place.json("verify 1 --json", 0)["mismatched"], 0);
}
