//! Other users at work while a migration runs: what is lost, and that the audit still holds.

use neon_mock::profile::{BUILT_IN, Profile};
use neonbench_engine::engine::{Guard, Settings, Strategy, WriteMode};
use neonbench_engine::event::Event;
use neonbench_engine::plan::Plan;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::scenario::{DatasetSource, Scenario, Workload};

/// Profile `constant` with many colleagues.
fn profile(staff: &str) -> Profile {
    let (_, constant) = BUILT_IN.into_iter().find(|(name, _)| *name == "constant").unwrap();
    Profile::from_toml("staffed", &format!("{constant}\n[staff]\n{staff}")).unwrap()
}

fn scenario(staff: &str, plan: Option<Plan>) -> Scenario {
    let dataset = plan.is_none().then(|| DatasetSource::BuiltIn("v-fields".to_owned()));
    let mappings = plan.is_none().then_some(3);
    Scenario::new(Workload {
        profile: Some(profile(staff)),
        resources: Some(60),
        dataset,
        mappings,
        plan,
        ..Workload::default()
    })
    .unwrap()
}

fn run(scenario: &Scenario, strategy: Strategy, write: WriteMode) -> RunRecord {
    run_of(scenario, Settings { write, ..Settings::new(strategy) })
}

fn run_of(scenario: &Scenario, settings: Settings) -> RunRecord {
    let order = RunSpec::new(scenario, settings);
    order.run(&World::Virtual, &mut |_: &Event| {}).unwrap().record
}

const BUSY: &str = "edits_per_s = 5.0\nthink = \"2s\"";

#[test]
fn every_strategy_stays_valid_and_put_loses_what_patch_keeps() {
    let scenario = scenario(BUSY, None);
    let (mut by_patch, mut by_put, mut by_both) = (0, 0, 0);
    let seeds = |strategy| (1..=4).map(move |seed| (strategy, seed));
    for (strategy, seed) in Strategy::ALL.into_iter().flat_map(seeds) {
        let run = |write| run_of(&scenario, Settings { write, seed, ..Settings::new(strategy) });
        let [patch, put, both] = WriteMode::ALL.map(run);
        for record in [&patch, &put, &both] {
            assert!(record.audit.valid, "{strategy}: {:?}", record.audit.faults);
            assert_eq!(record.records.total, 60);
        }
        assert!(put.performance.request_body_bytes > patch.performance.request_body_bytes);
        if strategy.uses_workers() {
            let count = [both.response_ms.patch.count, both.response_ms.put.count];
            assert!(count.iter().all(|writes| *writes >= 20), "{strategy}: {count:?}");
        }
        by_patch += patch.audit.lost_updates;
        by_put += put.audit.lost_updates;
        by_both += both.audit.lost_updates;
    }
    assert!(by_put > by_patch, "PUT lost {by_put}, PATCH {by_patch}");
    // It also takes less time, in which fewer edits are saved.
    assert!(by_put > by_both, "PUT lost {by_put}, both verbs {by_both}");
}

/// Chains, clearing and merging while the fields in between are edited.
#[test]
fn plans_whose_mappings_build_on_one_another_stay_valid() {
    let plan = "schema = 1
        [[mappings]]
        source = \"A\"
        target = \"B\"
        operation = \"merge\"
        preserve_source = false
        [[mappings]]
        source = \"B\"
        target = \"C\"
        operation = \"replace\"
        [[mappings]]
        source = \"D\"
        target = \"E\"
        operation = \"add_option\"
        target_options = [\"x\", \"y\", \"z\"]";
    let plan = Plan::from_toml("plan.toml", plan).unwrap();
    let scenario = scenario("edits_per_s = 8.0\nthink = \"1s\"", Some(plan));
    for strategy in Strategy::ALL {
        let record = run(&scenario, strategy, WriteMode::Patch);
        assert!(record.audit.valid, "{strategy}: {:?}", record.audit.faults);
    }
}

#[test]
fn the_same_seed_makes_the_same_staff() {
    let scenario = scenario(BUSY, None);
    let stripped = || {
        let mut record = run(&scenario, Strategy::Hybrid, WriteMode::Put);
        record.wall_s = 0.0;
        record.audit_wall_s = 0.0;
        record
    };
    assert_eq!(stripped(), stripped());
}

#[test]
fn reading_again_before_each_write_saves_the_edits_of_others() {
    let scenario = scenario(BUSY, None);
    let (mut unguarded, mut guarded, mut changed) = (0, 0, 0);
    for strategy in Strategy::ALL {
        for seed in 1..=4 {
            let run = |guard| {
                let settings = Settings { guard, seed, ..Settings::new(strategy) };
                RunSpec::new(&scenario, settings).run(&World::Virtual, &mut |_: &Event| {}).unwrap()
            };
            let (without, with) = (run(Guard::None).record, run(Guard::Reread).record);
            for record in [&without, &with] {
                assert!(record.audit.valid, "{strategy}: {:?}", record.audit.faults);
                assert!(record.exposure.writes >= record.records.migrated, "{strategy}");
            }
            let again = with.exposure;
            assert!(again.rereads >= again.writes, "{strategy}: {again:?}");
            assert_eq!(without.exposure.rereads, 0);
            // Batches wait; a read right before the write is a round trip old.
            if matches!(strategy, Strategy::PutBatch | Strategy::Hybrid | Strategy::Pipelined) {
                assert!(again.mean_s < without.exposure.mean_s / 2.0, "{strategy}: {again:?}");
            }
            unguarded += without.audit.lost_updates;
            guarded += with.audit.lost_updates;
            changed += again.changed_meanwhile;
        }
    }
    assert!(changed > 20, "{changed} were seen to have changed");
    assert!(guarded * 4 <= unguarded, "{guarded} of {unguarded} are still lost");
}
