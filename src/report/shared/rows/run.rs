//! The runs of the guide's examples.

use super::{BATCH_SIZE, EXAMPLES, Example, Responses, RowEvidence, WORKERS};
use crate::experiment::records;
use hdrhistogram::Histogram;
use neon_mock::api::Class;
use neon_mock::profile::Profile;
use neonbench_engine::engine::{Settings, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::measure::{Measure, histogram};
use neonbench_engine::run::{Run, RunError, RunSpec, World};
use neonbench_engine::scenario::{Scenario, ScenarioError, Workload};

/// The subject of the report's decision: the guide's first example under the documented limits.
pub(crate) fn subject() -> Result<Workload, ScenarioError> {
    let example = EXAMPLES[0];
    Ok(Workload {
        profile: Some(Scenario::profile("documented")?),
        resources: Some(example.accounts),
        mappings: Some(example.mappings),
        ..Workload::default()
    })
}

pub(crate) fn scenario(example: &Example, profile: Profile) -> Result<Scenario, ScenarioError> {
    Scenario::new(Workload {
        name: Some(example.name.to_owned()),
        profile: Some(profile),
        resources: Some(example.accounts),
        mappings: Some(example.mappings),
        ..Workload::default()
    })
}

pub(crate) fn settings(strategy: Strategy, seed: u64) -> Settings {
    Settings { workers: WORKERS, batch_size: BATCH_SIZE, seed, ..Settings::new(strategy) }
}

pub(crate) fn run_in(
    scenario: &Scenario,
    strategy: Strategy,
    seed: u64,
    world: &World,
) -> Result<Run, RunError> {
    RunSpec::new(scenario, settings(strategy, seed)).run(world, &mut |_: &Event| {})
}

pub(crate) fn row(
    example: &Example,
    scenario: &Scenario,
    strategy: Strategy,
    seed: u64,
    replicates: u32,
) -> Result<RowEvidence, RunError> {
    let (mut reads, mut writes) = (histogram(), histogram());
    let runs = records(scenario, &settings(strategy, seed), replicates, |measure| {
        add(&mut reads, measure, Class::Get);
        add(&mut writes, measure, Class::Patch);
    })?;
    Ok(RowEvidence {
        example: example.number,
        strategy,
        runs,
        reads: Responses::of(&reads),
        writes: Responses::of(&writes),
    })
}

fn add(all: &mut Histogram<u64>, measure: &Measure, class: Class) {
    all.add(measure.responses(class)).expect("histograms of the same bounds");
}

/// The record of a small run, for tests to fill in.
#[cfg(test)]
pub(crate) fn small_record() -> neonbench_engine::record::RunRecord {
    let small = Example { accounts: 2, mappings: 1, ..EXAMPLES[2] };
    let scenario = scenario(&small, Scenario::profile("constant").unwrap()).unwrap();
    run_in(&scenario, Strategy::Standard, 1, &World::Virtual).unwrap().record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_exactly_the_guides_calls() {
        for example in EXAMPLES {
            let scenario = scenario(&example, Scenario::profile(example.name).unwrap()).unwrap();
            for claim in example.claims {
                let record = run_in(&scenario, claim.strategy, 1, &World::Virtual).unwrap().record;
                assert!(record.audit.valid, "{:?}", record.audit.faults);
                assert_eq!(record.calls.record_calls(), claim.calls, "{}", claim.strategy);
                assert_eq!(record.calls.metadata, 1);
            }
        }
    }
}
