//! What the last selftest found.

use crate::report::evidence::Dated;
use crate::selftest::{Bar, FidelityRow, PoolRow, SelftestRecord, WindowRow};
use serde::Serialize;

/// The last selftest.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `SelftestRecord`")]
pub struct SelftestModel {
    pub made_at: String,
    pub platform: String,
    pub processors: u64,
    /// Whether the build was optimised.
    pub optimised: bool,
    /// Whether it is the small size, for which the bars are not meant.
    pub quick: bool,
    pub wall_s: f64,
    pub passed: bool,
    pub rows: Vec<FidelityModel>,
    pub pool: PoolModel,
    /// `None` in records from before windows were measured.
    pub window: Option<WindowModel>,
}

/// Times served under one law at one level.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `FidelityRow`")]
pub struct FidelityModel {
    pub law: String,
    pub in_flight: u32,
    pub calls: u64,
    pub ks: Option<f64>,
    pub p50_error_ms: f64,
    pub p99_error_ms: f64,
    pub bars: Vec<Bar>,
}

/// A pool under more connections than it has slots.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `PoolRow`")]
pub struct PoolModel {
    pub pool: u32,
    pub connections: u32,
    pub calls: u64,
    pub most_at_once: u64,
    pub refused_while_free: u64,
    /// Never one too many, never a refusal while a slot was free.
    pub exact: bool,
}

/// A window under more calls than it lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `WindowRow`")]
pub struct WindowModel {
    pub per_second: u32,
    pub connections: u32,
    pub calls: u64,
    pub admitted_beyond: u64,
    pub refused_while_open: u64,
    /// Never one too many, never a refusal while the window was open.
    pub exact: bool,
}

impl SelftestModel {
    pub(super) fn new(evidence: &Dated<SelftestRecord>) -> Self {
        let Dated { made_at, record } = evidence;
        let machine = &record.machine;
        Self {
            made_at: made_at.clone(),
            platform: format!("{} {}", machine.os, machine.architecture),
            processors: machine.processors,
            optimised: machine.optimised,
            quick: record.quick,
            wall_s: record.wall_s,
            passed: record.passed,
            rows: record.fidelity.iter().map(FidelityModel::new).collect(),
            pool: PoolModel::new(&record.pool),
            window: record.window.as_ref().map(WindowModel::new),
        }
    }
}

impl FidelityModel {
    fn new(row: &FidelityRow) -> Self {
        Self {
            law: row.law.clone(),
            in_flight: row.in_flight,
            calls: row.calls,
            ks: row.ks,
            p50_error_ms: row.p50_error_ms,
            p99_error_ms: row.p99_error_ms,
            bars: row.bars.clone(),
        }
    }
}

impl PoolModel {
    fn new(row: &PoolRow) -> Self {
        Self {
            pool: row.pool,
            connections: row.connections,
            calls: row.admitted + row.refused,
            most_at_once: row.most_at_once,
            refused_while_free: row.refused_while_free,
            exact: row.is_exact(),
        }
    }
}

impl WindowModel {
    fn new(row: &WindowRow) -> Self {
        Self {
            per_second: row.per_second,
            connections: row.connections,
            calls: row.admitted + row.refused,
            admitted_beyond: row.admitted_beyond,
            refused_while_open: row.refused_while_open,
            exact: row.is_exact(),
        }
    }
}
