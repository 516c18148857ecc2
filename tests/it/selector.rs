//! The selector: its files are what they say they are, it chooses among what it may, and its rule for
//! the Python engine means in Python what it means here.

use neon_mock::profile::Profile;
use neonbench::experiment::{Constraint, Goal, Objective, Portfolio};
use neonbench::select::case::{self, Family, HELD_OUT, QUICK, SelectorCase};
use neonbench::select::{Calibration, SHIPPED, StrategyRule, TargetFeatures, inputs, signature};
use neonbench_engine::engine::{Reads, Strategy};
use neonbench_engine::scenario::{Scenario, Workload};
use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn the_shipped_calibration_is_of_these_inputs_and_says_all_that_it_is() {
    let shipped = Calibration::shipped();
    assert_eq!(shipped.signature, signature());
    let made_anew = "make it anew: neonbench calibrate --write";
    assert_eq!(shipped.inputs, inputs(QUICK, &Goal::default()), "{made_anew}");
    assert_eq!(shipped.to_toml(), SHIPPED, "{made_anew}");
}

#[test]
fn the_sets_are_drawn_from_their_seeds_and_have_nothing_in_common() {
    assert_eq!(case::write(case::draw(7, "quick", 3, 400)), QUICK);
    assert_eq!(case::write(case::draw(2_026, "held-out", 3, 400)), HELD_OUT);
    let profiles = |text: &str| -> Vec<String> {
        let cases = case::read("a set", text).unwrap();
        cases.iter().map(|case| case.scenario.profile.digest().to_owned()).collect()
    };
    let fitted = profiles(QUICK);
    assert!(profiles(HELD_OUT).iter().all(|digest| !fitted.contains(digest)));
}

#[test]
fn the_held_out_set_has_the_shares_that_were_fixed() {
    let cases = case::read("the held-out set", HELD_OUT).unwrap();
    let mut counts: BTreeMap<Family, usize> = BTreeMap::new();
    for case in &cases {
        *counts.entry(case.family).or_default() += 1;
    }
    assert_eq!(cases.len(), 60);
    for (family, percent) in [
        (Family::Pools, 40),
        (Family::Windows, 15),
        (Family::Congested, 15),
        (Family::Faults, 15),
        (Family::Staff, 15),
    ] {
        assert_eq!(counts[&family] * 100, cases.len() * percent, "{}", family.name());
    }
}

fn plain(resources: u64, mappings: u32, profile: &str) -> Scenario {
    Scenario::new(Workload {
        profile: Some(Profile::built_in(profile).unwrap()),
        resources: Some(resources),
        mappings: Some(mappings),
        ..Workload::default()
    })
    .unwrap()
}

#[test]
fn auto_goes_by_what_is_known_and_says_who_spoke() {
    let (shipped, goal) = (Calibration::shipped(), Goal::default());
    let scenario = plain(60, 2, "documented");
    let features = TargetFeatures::of(&scenario.profile);
    let known = shipped.decide(&scenario, Some(&features), &goal, Portfolio::Guide);
    assert!(known.reason.starts_with("the cost model"), "{}", known.reason);
    // Five places for reads and five for writes: as many workers are refused nothing.
    assert_eq!((known.candidate.strategy, known.candidate.workers), (Strategy::Hybrid, 5));
    let unknown = shipped.decide(&scenario, None, &goal, Portfolio::Guide);
    assert!(unknown.reason.starts_with("the thresholds"), "{}", unknown.reason);
    let again = shipped.decide(&scenario, Some(&features), &goal, Portfolio::Guide);
    assert_eq!(known, again);
}

#[test]
fn objectives_and_constraints_change_the_choice() {
    let shipped = Calibration::shipped();
    let scenario = plain(40, 2, "documented");
    let features = TargetFeatures::of(&scenario.profile);
    let workers = |goal: &Goal| {
        let decision = shipped.decide(&scenario, Some(&features), goal, Portfolio::Guide);
        decision.candidate.workers
    };
    let fastest = Goal { objective: Objective::Fastest, constraints: Vec::new() };
    assert!(workers(&fastest) > 5, "refusals are free where only speed counts");
    let headroom = "headroom>=2".parse::<Constraint>().unwrap();
    let gentle = Goal { objective: Objective::Fastest, constraints: vec![headroom] };
    assert_eq!(workers(&gentle), 3);
}

#[test]
fn a_calibration_of_another_engine_is_refused_by_name() {
    let other = SHIPPED.replace(&signature(), "0123456789abcdef");
    let error = Calibration::from_toml("other.toml", &other).unwrap_err().to_string();
    assert!(error.contains("other.toml, line"), "{error}");
    assert!(error.contains("neonbench calibrate --write other.toml"), "{error}");
    let unknown = SHIPPED.replace("batch_per_worker", "batch_per_wroker");
    let error = Calibration::from_toml("typo.toml", &unknown).unwrap_err().to_string();
    assert!(error.contains("batch_per_wroker"), "{error}");
}

/// A handful of small cases, to fit to.
fn small() -> Vec<SelectorCase> {
    let mut cases = Vec::new();
    for (resources, mappings) in [(2, 1), (2, 4), (6, 1), (6, 3), (20, 1), (20, 6), (60, 2)] {
        cases.push(SelectorCase::new(plain(resources, mappings, "documented")));
    }
    cases
}

#[test]
fn the_rule_for_python_means_the_same_there() {
    let rule = StrategyRule::fit(&small(), &Goal::default(), Reads::Search).unwrap();
    let script = format!(
        "{}\n\
         class Plan:\n    \
             def __init__(self, n, m):\n        \
                 self.resource_ids = list(range(n)) if n else None\n        \
                 self.mappings = [None] * m\n\
         for n in range(0, 2001):\n    \
             print(','.join(_choose_optimal_strategy(None, Plan(n, m)) for m in range(1, 21)))\n",
        rule.to_python()
    );
    let output = match Command::new("python3").args(["-c", &script]).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("no python3 on this machine: not compared");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2_001);
    for (n, line) in lines.iter().enumerate() {
        // A plan without ids counts as a thousand.
        let resources = if n == 0 { 1_000 } else { n as u64 };
        let ours: Vec<&str> = (1..=20).map(|m| rule.choose(resources, m).name()).collect();
        assert_eq!(*line, ours.join(","), "{n} accounts");
    }
}
