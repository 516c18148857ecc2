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
mod model;
mod objective;
mod observed;
mod regret;
mod rehearsal;
mod simulate;
mod swept;
mod thresholds;

pub use crate::record::ChosenBy;
pub use calibrate::{fit, left_out, swept};
pub use calibration::{ByPortfolio, Calibration, Decision, SHIPPED, inputs, signature};
pub use configuration::{Configuration, Portfolio, grid};
pub use cost_model::{CostModel, ErrorBars};
pub use export::StrategyRule;
pub use forecast::{Forecast, forecast};
pub use judge::{
    Bench, Benches, ForecastError, Judgement, LeftOut, Prediction, Prize, Verdict, benches, judge,
    judgement, simulated_calls,
};
pub use lab::{Estimate, Found, Lab};
pub use model::{Coefficients, Work};
pub use objective::{Constraint, Goal, Objective, ParseConstraintError, Sample};
pub use observed::{Kind, LimitKind, Observed, Times};
pub use regret::{Costs, RegretRow, SelectorName};
pub use rehearsal::{FrontPoint, Stage};
pub use swept::{Swept, single_best};
pub use thresholds::{Row, Thresholds};

use crate::engine::Strategy;

/// A strategy, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The strategy.
    pub strategy: Strategy,
    /// Why, in words.
    pub reason: String,
}

/// Workers of a run that names none.
pub const DEFAULT_WORKERS: u32 = 5;

/// Batch size of a run that names none.
pub const DEFAULT_BATCH_SIZE: u32 = 50;

/// The guide's rule over accounts and mappings. Where its text is silent it is completed as its
/// Python engine does: `put_batch` above 50 accounts, else `parallel`.
pub fn guide_rule(resources: u64, mappings: usize) -> Choice {
    let (strategy, because) = match (resources, mappings) {
        (101.., 6..) => (Strategy::Hybrid, "more than 100 accounts and more than 5 mappings"),
        (51.., 4..) => (Strategy::PutBatch, "more than 50 accounts and more than 3 mappings"),
        (..=49, ..=2) => (Strategy::Parallel, "fewer than 50 accounts and fewer than 3 mappings"),
        (51.., _) => (Strategy::PutBatch, "more than 50 accounts; the guide's text is silent here"),
        _ => (Strategy::Parallel, "at most 50 accounts; the guide's text is silent here"),
    };
    Choice {
        strategy,
        reason: format!("the guide's rule: {resources} accounts × {mappings} mappings, {because}"),
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
            let choice = guide_rule(resources, mappings);
            assert_eq!(choice.strategy, strategy, "{resources} × {mappings}");
        }
    }
}
