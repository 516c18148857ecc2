//! The selector: resolves `auto` to a candidate before the engine starts, and gives the reason.

mod calibrate;
mod calibration;
pub mod case;
mod features;
mod judge;
mod map;
mod probing;
mod regret;
mod rehearsal;
mod strategy_rule;
mod sweep;
mod target;
mod thresholds;

pub use calibrate::{fit, left_out};
pub use calibration::{
    ByPortfolio, Calibration, ChoiceRequest, SHIPPED, StrategyChoice, inputs, signature,
};
pub use features::{CapacityMargin, EndpointFeatures, LimitKind, TargetFeatures};
pub use judge::{
    CaseVerdict, ForecastError, InformedChoices, Judgement, LeftOut, Prediction, PreparedCase,
    PreparedCases, judge, judgement, prepared_cases, simulated_calls,
};
pub use map::{DecisionMap, MapCell, map};
pub use neonbench_engine::record::ChosenBy;
pub use probing::{ProbeCost, ProbeRow};
pub use regret::{Costs, RegretRow, SelectorName};
pub use rehearsal::{BestFound, ParetoPoint, Rehearsal};
pub use strategy_rule::StrategyRule;
pub use sweep::{SweepResult, single_best, swept};
pub use target::{Knowledge, KnownTarget};
pub use thresholds::{ThresholdRow, Thresholds};

use crate::experiment::Candidate;
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Strategy};

/// The guide's rule over accounts and mappings. Where its text is silent it is completed as its
/// Python engine does: `put_batch` above 50 accounts, else `parallel`.
pub const fn guide_rule(resources: u64, mappings: usize) -> Strategy {
    match (resources, mappings) {
        (101.., 6..) => Strategy::Hybrid,
        (51.., _) => Strategy::PutBatch,
        _ => Strategy::Parallel,
    }
}

/// The same with the guide's workers and batch size.
pub const fn guide_choice(resources: u64, mappings: usize) -> Candidate {
    Candidate::new(guide_rule(resources, mappings), DEFAULT_WORKERS, DEFAULT_BATCH_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_the_guides_at_its_edges() {
        use Strategy::{Hybrid, Parallel, PutBatch};
        let table = [
            (500, 8, Hybrid),
            (101, 6, Hybrid),
            (100, 6, PutBatch),
            (101, 5, PutBatch),
            (51, 4, PutBatch),
            (51, 1, PutBatch),
            (50, 8, Parallel),
            (49, 2, Parallel),
            (25, 5, Parallel),
        ];
        for (resources, mappings, strategy) in table {
            assert_eq!(guide_rule(resources, mappings), strategy, "{resources} × {mappings}");
        }
    }
}
