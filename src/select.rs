//! Which strategy `auto` means. It is resolved before the engine starts, and says why.

mod calibrate;
mod calibration;
pub mod case;
mod configuration;
mod cost_model;
mod crew;
mod export;
mod forecast;
mod judge;
mod lab;
mod map;
mod model;
mod objective;
mod observed;
mod regret;
mod rehearsal;
mod simulate;
mod swept;
mod thresholds;

pub use calibrate::{fit, left_out, swept};
pub use calibration::{ByPortfolio, Calibration, Choice, SHIPPED, inputs, signature};
pub use configuration::{Configuration, Portfolio, grid};
pub use cost_model::{CostModel, ErrorBars};
pub use crew::in_order;
pub use export::StrategyRule;
pub use forecast::{Forecast, forecast, forecast_probed};
pub use judge::{
    Bench, Benches, ForecastError, Judgement, LeftOut, Prediction, Prize, Verdict, benches, judge,
    judgement, simulated_calls,
};
pub use lab::{Estimate, Found, Lab};
pub use map::{DecisionMap, MapCell, map};
pub use model::{Coefficients, Work};
pub use neonbench_engine::record::ChosenBy;
pub use objective::{Constraint, Goal, Objective, ParseConstraintError, Sample};
pub use observed::{Kind, LimitKind, Observed, Times, Use};
pub use regret::{Costs, RegretRow, SelectorName};
pub use rehearsal::{FrontPoint, Stage};
pub use simulate::simulate;
pub use swept::{Swept, single_best};
pub use thresholds::{Row, Thresholds};

use neonbench_engine::engine::Strategy;

/// Workers of a run that names none.
pub const DEFAULT_WORKERS: u32 = 5;

/// Batch size of a run that names none.
pub const DEFAULT_BATCH_SIZE: u32 = 50;

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
pub const fn guide_choice(resources: u64, mappings: usize) -> Configuration {
    Configuration {
        strategy: guide_rule(resources, mappings),
        workers: DEFAULT_WORKERS,
        batch_size: DEFAULT_BATCH_SIZE,
    }
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
