//! The echo of a migration on the command line: `--echo`, and the constraint `echo<P%`.

use super::place::{Place, outcome};
use serde_json::Value;

/// The profile `documented` with an integration that reads each account back.
fn place() -> Place {
    let documented = neon_mock::profile::BUILT_IN.iter().find(|(name, _)| *name == "documented");
    let place = Place::new();
    let integration = "[integration]\ncalls = 1\ndelay = \"500ms\"\n";
    place.file("echo.toml", &format!("{}\n{integration}", documented.unwrap().1));
    place
}

fn record(place: &Place, line: &str) -> Value {
    let said = outcome(&mut place.command(line));
    assert_eq!(said.code, 0, "{line}: {said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

const RUN: &str = "run --profile echo.toml --resources 150 --mappings 4 --json --no-store";

fn refused_share(record: &Value) -> f64 {
    let figure = |name: &str| record["echo"][name].as_f64().unwrap();
    figure("refused") / figure("calls")
}

#[test]
fn a_run_says_its_echo_and_room_for_it_can_be_asked_for() {
    let place = place();
    let without = record(&place, &format!("{RUN} --strategy pipelined"));
    assert!(refused_share(&without) > 0.05, "{}", without["echo"]);
    assert_eq!(without["echo"]["deliveries"], 150);
    assert_eq!(without["echo"]["lost"], without["echo"]["refused"]);
    let warnings = without["warnings"].to_string();
    assert!(warnings.contains("--echo leaves room for them"), "{warnings}");
    let with = record(&place, &format!("{RUN} --strategy pipelined --echo 1x500ms"));
    assert!(refused_share(&with) < 0.3 * refused_share(&without), "{}", with["echo"]);
    let words =
        outcome(&mut place.command(&format!("{RUN} --strategy pipelined").replace("--json ", "")));
    assert!(words.stdout.contains("150 deliveries, 150 calls of integrations; "), "{words:?}");
    let wrong = outcome(&mut place.command(&format!("{RUN} --echo 9x1s")));
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("CALLSxDELAY"), "{wrong:?}");
    let chosen = record(&place, &format!("{RUN} --echo 1x500ms"));
    assert!(
        chosen["limiter"]["adaptive"].is_object(),
        "{} {}",
        chosen["limiter"],
        chosen["reason"]
    );
    assert!(refused_share(&chosen) < 0.05, "{}", chosen["echo"]);
    // A limiter that cannot leave room refuses to.
    for limiter in ["fixed:3", "none"] {
        let wrong =
            outcome(&mut place.command(&format!("{RUN} --echo 1x500ms --limiter {limiter}")));
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.stderr.contains("--echo needs --limiter adaptive"), "{wrong:?}");
    }
}

#[test]
fn a_constraint_on_the_echo_decides_and_the_profile_says_what_to_leave_room_for() {
    let place = place();
    let free = record(&place, RUN);
    assert!(refused_share(&free) > 0.05, "{}", free["echo"]);
    let bound = record(&place, &format!("{RUN} --constraint echo<2%"));
    assert!(refused_share(&bound) < 0.04, "{} {}", bound["echo"], bound["reason"]);
    assert!(bound["makespan_s"].as_f64() > free["makespan_s"].as_f64());
}

#[test]
fn members_of_an_integration_have_bounds() {
    let place = place();
    for wrong in ["calls = 4", "patience = 101", "delay = \"2days\""] {
        let (_, constant) = neon_mock::profile::BUILT_IN[2];
        place.file("wrong.toml", &format!("{constant}\n[integration]\n{wrong}\n"));
        let said = outcome(&mut place.command("run --profile wrong.toml --no-store"));
        assert_eq!(said.code, 2, "{said:?}");
        let member = format!("integration.{}", wrong.split(' ').next().unwrap());
        assert!(said.stderr.contains(&member) || said.stderr.contains("2days"), "{said:?}");
    }
}
