//! The speed of our own code.

use serde::{Deserialize, Serialize};

/// The rate of a bench of our own code in the last `cargo bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BenchRate {
    /// Criterion's name of it.
    pub name: String,
    /// Elements (calls, accounts) per second, by the median.
    pub per_s: f64,
    /// Its 95 % interval.
    pub interval_per_s: [f64; 2],
}
