//! The decision map under the documented limits.

use crate::experiment::Goal;
use crate::report::shared::SuiteError;
use crate::select::{Calibration, DecisionMap, map};
use neonbench_engine::scenario::{Scenario, Workload};

/// Few enough that the report stays quick, with a size on each side of each of the rule's bounds.
const RESOURCES: [u64; 6] = [5, 25, 50, 100, 200, 500];
const MAPPINGS: [u32; 3] = [1, 2, 8];

/// Which of the guide's strategies wins, and what is chosen, by accounts and mappings.
pub(crate) fn run() -> Result<DecisionMap, SuiteError> {
    let mut scenarios = Vec::new();
    for mappings in MAPPINGS {
        for resources in RESOURCES {
            scenarios.push(Scenario::new(Workload {
                profile: Some(Scenario::profile("documented")?),
                resources: Some(resources),
                mappings: Some(mappings),
                ..Workload::default()
            })?);
        }
    }
    Ok(map(scenarios, &Calibration::shipped(), &Goal::default())?)
}
