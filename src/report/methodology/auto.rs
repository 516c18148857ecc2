//! The quality of `auto`: its choice for the report's migration, and its regret.

mod run;

pub(crate) use run::run;

use crate::select::{CaseVerdict, Judgement};
use neonbench_engine::engine::Strategy;
use serde::{Deserialize, Serialize};

/// The selector's choice for the report's migration, and its regret on held-out scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SelectorSample {
    /// The chosen strategy.
    pub strategy: Strategy,
    /// The chosen number of workers.
    pub workers: u32,
    /// The chosen batch size.
    pub batch_size: u32,
    /// The selector that chose, and its reason.
    pub reason: String,
    /// One in so many of the held-out scenarios of at most 100 accounts was judged.
    pub one_in: u64,
    /// The selectors' regrets on those.
    pub judgement: Judgement,
    /// The same, scenario by scenario.
    #[serde(default)]
    pub verdicts: Vec<CaseVerdict>,
}
