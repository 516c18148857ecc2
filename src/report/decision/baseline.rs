//! The contenders against a run that was kept.

use crate::experiment::Delta;
use serde::{Deserialize, Serialize};

/// Contenders against a run that was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Baseline {
    /// The number of that run.
    pub run: i64,
    /// The run in words.
    pub what: String,
    /// Comparisons with the runs of its strategy, by name.
    pub deltas: Vec<(String, Delta)>,
}
