//! One ranking: whatever names a best strategy names the same one, or the same tie.
//!
//! The library's verbs are tried on every built-in profile, three sizes and both objectives; the
//! commands on a part of these, and on all of them by `every_case_by_every_command`, which `.ci/long`
//! runs. Each verb has a test of its own against [`expected`], which ranks by cost without the
//! library's `rank`.

use assert_cmd::Command;
use neon_mock::profile::{BUILT_IN, Profile};
use neonbench::experiment::{CandidateRuns, Goal, Objective, Summary, rank};
use neonbench::manager::{
    AccountsMigrationManager, MigrationMapping, MigrationPlan, MigrationStrategy,
    SimulatedOrganisation,
};
use neonbench::report::decision::Decision;
use neonbench::report::decision::DecisionModel;
use neonbench::report::shared::exploration::Exploration;
use neonbench_engine::engine::limiter::{Limiter, Manners};
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{Scenario, Workload};
use serde_json::Value;

const SIZES: [u64; 3] = [10, 30, 80];
const OBJECTIVES: [Objective; 2] = [Objective::Balanced, Objective::Fastest];

fn goal(objective: Objective) -> Goal {
    Goal { objective, constraints: Vec::new(), echo: None }
}

/// The cost of a single run, by the rule that the book states.
fn cost(goal: &Goal, record: &RunRecord) -> f64 {
    let (calls, refused) = (record.calls.total as f64, record.calls.rejected as f64);
    let excess = (refused - f64::max(5.0, calls / 200.0)).max(0.0) / calls;
    let refusals = if goal.objective == Objective::Fastest { 0.0 } else { 20.0 * excess };
    let failures = 100.0 * record.records.failed as f64 / record.resources as f64;
    record.makespan_s * (1.0 + refusals) * (1.0 + failures)
}

/// True for a valid run of which not many more accounts fail than of the surest of `records`.
fn is_eligible(record: &RunRecord, records: &[RunRecord]) -> bool {
    let failed = |record: &RunRecord| record.records.failed as f64;
    let valid = records.iter().filter(|record| record.audit.valid);
    let least = valid.map(failed).fold(f64::INFINITY, f64::min);
    let deviation = (failed(record) + least).sqrt();
    record.audit.valid && failed(record) - least <= 2.0 * deviation
}

/// True if no run that is eligible fails more accounts than chance leaves.
fn is_best(record: &RunRecord) -> bool {
    let failed = record.records.failed as f64;
    failed <= 2.0 * failed.sqrt()
}

/// The strategies that tie for the best by their records: eligible, and of least cost.
fn expected(goal: &Goal, records: &[RunRecord]) -> Vec<Strategy> {
    let complete: Vec<&RunRecord> =
        records.iter().filter(|record| is_eligible(record, records)).collect();
    let cost = |record: &RunRecord| cost(goal, record);
    let least = complete.iter().map(|record| cost(record)).fold(f64::INFINITY, f64::min);
    let best = complete.iter().filter(|record| cost(record) <= least);
    best.filter(|record| is_best(record)).map(|record| record.strategy).collect()
}

fn workload(profile: &str, resources: u64) -> Workload {
    Workload {
        profile: Some(Profile::built_in(profile).unwrap()),
        resources: Some(resources),
        mappings: Some(2),
        ..Workload::default()
    }
}

/// The record of every strategy under seed 1, with a limiter of these `manners` where it has one.
fn records(scenario: &Scenario, manners: Manners) -> Vec<RunRecord> {
    let record = |strategy| {
        let mut settings = Settings::new(strategy);
        if let Limiter::Adaptive { manners: own, .. } = &mut settings.limiter {
            *own = manners;
        }
        let spec = RunSpec::new(scenario, settings);
        spec.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record
    };
    Strategy::ALL.map(record).to_vec()
}

/// Calls `check` with each case: profile, accounts, goal, scenario, records and the expected best.
fn every_case(check: impl Fn(&str, u64, &Goal, &Scenario, &[RunRecord], &[Strategy])) {
    for (profile, _) in BUILT_IN {
        for size in SIZES {
            let scenario = Scenario::new(workload(profile, size)).unwrap();
            let records = records(&scenario, Manners::Polite);
            for objective in OBJECTIVES {
                let goal = goal(objective);
                check(profile, size, &goal, &scenario, &records, &expected(&goal, &records));
            }
        }
    }
}

#[test]
fn records_are_ranked_by_their_cost() {
    every_case(|profile, size, goal, _, records, expected| {
        let entry = |record: &RunRecord| {
            CandidateRuns::of(record, std::iter::once(record).collect::<Summary>())
        };
        let ranking = rank(goal, &records.iter().map(entry).collect::<Vec<_>>());
        let best: Vec<Strategy> =
            ranking.best.iter().map(|place| records[*place].strategy).collect();
        assert_eq!(best, expected, "{profile}, {size}, {}", goal.objective);
    });
}

#[test]
fn the_report_names_the_same_winner() {
    every_case(|profile, size, goal, scenario, _, expected| {
        let workload = workload(profile, size);
        let exploration = Exploration {
            workload: &workload,
            settings: &|strategy| Settings::new(strategy),
            replicates: 1,
            goal: goal.clone(),
        };
        let decision: Decision = exploration.league(scenario, &mut |_| {}).unwrap();
        let model = DecisionModel::new(&decision);
        assert_eq!(model.tied, expected, "{profile}, {size}, {}", goal.objective);
        assert_eq!(model.best, expected.first().copied());
        assert_eq!(model.league.first().map(|row| row.strategy), model.best);
        assert_eq!(model.ranked_by, goal.in_words());
    });
}

/// The plain workload as a plan of the façade.
fn plan(size: u64) -> MigrationPlan {
    let mapping = |number: u32| {
        let (source, target) = (format!("V-{number}"), format!("T-{number}"));
        MigrationMapping::new(source, target, MigrationStrategy::Replace)
    };
    MigrationPlan {
        mappings: (1..=2).map(mapping).collect(),
        resource_ids: (1..=size).collect(),
        dry_run: false,
        ..MigrationPlan::default()
    }
}

#[test]
fn the_manager_names_the_same_winner() {
    for (profile, _) in BUILT_IN {
        for size in SIZES {
            let organisation = SimulatedOrganisation {
                accounts: Some(size),
                profile: Profile::built_in(profile).unwrap(),
                ..SimulatedOrganisation::default()
            };
            let plan = plan(size);
            for objective in OBJECTIVES {
                let goal = goal(objective);
                let manager = AccountsMigrationManager::new(organisation.clone());
                let manager = manager.with_goal(goal.clone());
                let benchmark =
                    manager.benchmark_migration_strategies(&plan, size as usize).unwrap();
                let mut records: Vec<RunRecord> =
                    benchmark.results.iter().map(|(_, result)| result.record.clone()).collect();
                records.sort_by_key(|record| record.strategy);
                let tied: Vec<Strategy> = benchmark.tied().collect();
                let expected = expected(&goal, &records);
                assert_eq!(tied, expected, "{profile}, {size}, {objective}");
                assert_eq!(benchmark.best(), expected.first().copied());
            }
        }
    }
}

/// The JSON of a command on the plain workload, under one seed.
fn command(verb: &[&str], profile: &str, size: u64, objective: Objective) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let size = size.to_string();
    let flags = [
        "--profile",
        profile,
        "--resources",
        &size,
        "--mappings",
        "2",
        "--objective",
        objective.name(),
        "--json",
    ];
    let mut command = Command::cargo_bin("neonbench").unwrap();
    let output = command.current_dir(folder.path()).args(verb).args(flags).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// A part of the cases: each profile once, with sizes and objectives in turn.
fn some_cases() -> impl Iterator<Item = (&'static str, u64, Objective)> {
    BUILT_IN.into_iter().enumerate().map(|(place, (profile, _))| {
        (profile, SIZES[place % SIZES.len()], OBJECTIVES[place % OBJECTIVES.len()])
    })
}

/// Every case of the commands: profile, accounts, objective.
fn all_cases() -> impl Iterator<Item = (&'static str, u64, Objective)> {
    let sizes = |(profile, _)| SIZES.map(|size| OBJECTIVES.map(|it| (profile, size, it)));
    BUILT_IN.into_iter().flat_map(sizes).flatten()
}

fn names(strategies: &[Strategy]) -> Vec<&'static str> {
    strategies.iter().map(|strategy| strategy.name()).collect()
}

#[test]
fn benchmark_names_the_same_winner() {
    check_benchmark(some_cases());
}

fn check_benchmark(cases: impl Iterator<Item = (&'static str, u64, Objective)>) {
    for (profile, size, objective) in cases {
        let verb = ["benchmark", "--no-store", "--replicates", "1"];
        let made = command(&verb, profile, size, objective);
        let scenario = Scenario::new(workload(profile, size)).unwrap();
        let records = records(&scenario, objective.manners());
        let expected = names(&expected(&goal(objective), &records));
        assert_eq!(made["tied"], serde_json::json!(expected), "{profile}, {size}, {objective}");
        assert_eq!(made["best"], serde_json::json!(expected.first()));
        assert_eq!(made["ranked_by"], goal(objective).in_words());
    }
}

#[test]
fn analyze_ranks_as_benchmark_does() {
    check_analyze(some_cases().filter(|(_, size, _)| *size < 80));
}

fn check_analyze(cases: impl Iterator<Item = (&'static str, u64, Objective)>) {
    for (profile, size, objective) in cases {
        let analysis = command(&["analyze"], profile, size, objective);
        let benchmark = command(&["benchmark", "--no-store"], profile, size, objective);
        assert_eq!(analysis["tied"], benchmark["tied"], "{profile}, {size}, {objective}");
        assert_eq!(analysis["ranked_by"], goal(objective).in_words());
        let strategies = |value: &Value| -> Vec<Value> {
            value.as_array().unwrap().iter().map(|row| row["strategy"].clone()).collect()
        };
        assert_eq!(strategies(&analysis["ranking"]), strategies(&benchmark["runs"]));
        let least = &analysis["ranking"][0]["cost_s"];
        for row in analysis["ranking"].as_array().unwrap() {
            assert!(row["cost_s"].as_f64() >= least.as_f64(), "{row}");
        }
    }
}

#[test]
fn compare_ranks_the_same_candidates_alike() {
    check_compare(some_cases());
}

fn check_compare(cases: impl Iterator<Item = (&'static str, u64, Objective)>) {
    for (profile, size, objective) in cases {
        let configs = ["--configs", "1/25,3/50,5/100,10/10"];
        let verb = ["compare", "--no-store", "--replicates", "1", "--strategy", "hybrid"];
        let made = command(&[&verb[..], &configs[..]].concat(), profile, size, objective);
        let runs: Vec<RunRecord> = serde_json::from_value(made["runs"].clone()).unwrap();
        let goal = goal(objective);
        let is_complete = |record: &RunRecord| is_eligible(record, &runs);
        let complete: Vec<f64> = runs
            .iter()
            .filter(|record| is_complete(record))
            .map(|record| cost(&goal, record))
            .collect();
        assert!(complete.is_sorted(), "{profile}, {size}, {objective}: {complete:?}");
        assert!(runs.is_sorted_by_key(|record| !is_complete(record)));
        let is_best = |first: &&RunRecord| is_complete(first) && is_best(first);
        let best = runs.first().filter(is_best).map(RunRecord::configuration);
        assert_eq!(made["best"], serde_json::json!(best), "{profile}, {size}, {objective}");
        assert_eq!(made["ranked_by"], goal.in_words());
    }
}

#[test]
#[ignore = "minutes: .ci/long"]
fn every_case_by_every_command() {
    check_benchmark(all_cases());
    check_analyze(all_cases());
    check_compare(all_cases());
    println!("{} cases by each command", all_cases().count());
}

#[test]
fn a_target_without_limits_or_times_is_chosen_for_and_not_given_up() {
    let made = command(&["run", "--no-store"], "unlimited", 20, Objective::Balanced);
    let reason = made["reason"].as_str().unwrap();
    assert!(reason.contains("candidates in simulations"), "{reason}");
}
