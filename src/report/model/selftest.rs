//! The last selftest: its record, with the figures that follow from it.

use crate::report::evidence::Timestamped;
use crate::selftest::{FidelityRow, PoolRow, SelftestRecord, WindowRow};
use serde::Serialize;

/// The last selftest.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `SelftestRecord`")]
pub struct SelftestModel {
    pub made_at: String,
    /// Operating system and architecture.
    pub platform: String,
    pub processors: u64,
    pub optimised: bool,
    pub quick: bool,
    pub wall_s: f64,
    pub passed: bool,
    pub rows: Vec<FidelityRow>,
    pub pool: LimitCheck<PoolRow>,
    /// `None` in records from before windows were measured.
    pub window: Option<LimitCheck<WindowRow>>,
}

/// A limit under more calls than it admits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LimitCheck<R> {
    /// The record.
    #[serde(flatten)]
    pub row: R,
    /// Calls made, admitted or refused.
    pub calls: u64,
    /// True if no call too many was admitted and none was refused without need.
    pub exact: bool,
}

impl SelftestModel {
    pub(super) fn new(evidence: &Timestamped<SelftestRecord>) -> Self {
        let Timestamped { made_at, record } = evidence;
        let machine = &record.machine;
        let window = |row: WindowRow| LimitCheck {
            row,
            calls: row.admitted + row.refused,
            exact: row.is_exact(),
        };
        let pool = record.pool;
        Self {
            made_at: made_at.clone(),
            platform: format!("{} {}", machine.os, machine.architecture),
            processors: machine.processors,
            optimised: machine.optimised,
            quick: record.quick,
            wall_s: record.wall_s,
            passed: record.passed,
            rows: record.fidelity.clone(),
            pool: LimitCheck {
                row: pool,
                calls: pool.admitted + pool.refused,
                exact: pool.is_exact(),
            },
            window: record.window.map(window),
        }
    }
}
