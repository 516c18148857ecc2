//! The record of a selftest: the JSON of `selftest --json`, and what the store keeps.

use super::{pool, window};
use crate::stats::{kolmogorov_smirnov, quantile, sorted};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Version of the record's form.
pub const SCHEMA: u32 = 1;

/// The record of a selftest. Members ending in `_s` are seconds, in `_ms` milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SelftestRecord {
    /// Version of the form.
    pub schema: u32,
    /// Whether it is the small size, for which the bars are not meant.
    pub quick: bool,
    /// Where it was made.
    pub machine: Machine,
    /// How long it took.
    pub wall_s: f64,
    /// Configured against served.
    pub fidelity: Vec<FidelityRow>,
    /// Whether the pool was exact.
    pub pool: PoolRow,
    /// Whether the window was; none in a record from before it was measured.
    #[serde(default)]
    pub window: Option<WindowRow>,
    /// Whether all bars are met.
    pub passed: bool,
}

/// Where a selftest was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Machine {
    pub os: String,
    pub architecture: String,
    pub processors: u64,
    /// Whether the build is optimised: figures of a debug build say little.
    pub optimised: bool,
}

/// Times served under one law at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FidelityRow {
    /// The law.
    pub law: String,
    /// Calls in flight.
    pub in_flight: u32,
    /// Calls made.
    pub calls: u64,
    /// Kolmogorov–Smirnov distance between the times drawn and those that the client saw; none
    /// under a constant law, where it says nothing.
    pub ks: Option<f64>,
    /// Median of the times that the client saw less that of the times drawn.
    pub p50_error_ms: f64,
    /// The same of the 0.99 quantile.
    pub p99_error_ms: f64,
    /// Quantiles of (seen by the client − drawn) of single calls.
    pub per_call_ms: PerCall,
    /// Quantiles of (handed to the socket − drawn) of single calls, by the server's journal.
    pub server_per_call_ms: PerCall,
    /// What it was to reach.
    pub bars: Vec<Bar>,
}

/// Quantiles of how late single calls are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PerCall {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl PerCall {
    fn new(errors: impl Iterator<Item = f64>) -> Self {
        let errors = sorted(errors);
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|q| quantile(&errors, q));
        Self { p50, p90, p99, max }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The times of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeasuredTimes {
    /// What the mock meant it to take.
    pub(super) drawn: Duration,
    /// How long it took on the server, from its arrival to when its answer was handed over.
    pub(super) served: Duration,
    /// How long it took to its client.
    pub(super) seen: Duration,
}

/// A bar, and whether it is met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Bar {
    /// Which figure.
    pub figure: String,
    /// What it is.
    pub value: f64,
    /// What it may be at most.
    pub at_most: f64,
    /// Whether it is.
    pub met: bool,
}

impl Bar {
    pub(super) fn at_most(figure: &str, value: f64, at_most: f64) -> Self {
        Self { figure: figure.to_owned(), value, at_most, met: value <= at_most }
    }
}

/// A pool under more connections than it has slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolRow {
    /// Its slots.
    pub pool: u32,
    /// Connections that want them.
    pub connections: u32,
    /// Calls that got one.
    pub admitted: u64,
    /// Calls answered 429.
    pub refused: u64,
    /// The most calls that held a slot at once.
    pub most_at_once: u64,
    /// Refusals while a slot was free.
    pub refused_while_free: u64,
}

impl PoolRow {
    pub(super) const fn new(pool: u32, connections: u32) -> Self {
        Self { pool, connections, admitted: 0, refused: 0, most_at_once: 0, refused_while_free: 0 }
    }

    pub(super) fn add(&mut self, found: &pool::PoolFindings) {
        self.admitted += found.admitted;
        self.refused += found.refused;
        self.most_at_once = self.most_at_once.max(found.most_at_once);
        self.refused_while_free += found.refused_while_free;
    }

    /// Never one too many, never a refusal while a slot was free.
    pub fn is_exact(&self) -> bool {
        self.most_at_once <= u64::from(self.pool) && self.refused_while_free == 0
    }
}

/// A window under more calls than it lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WindowRow {
    /// Calls a second that pass, and at once.
    pub per_second: u32,
    /// Connections that call as fast as they can.
    pub connections: u32,
    /// Calls that passed.
    pub admitted: u64,
    /// Calls answered 429.
    pub refused: u64,
    /// Calls that passed, and with which some interval saw more than burst + rate × time.
    pub admitted_beyond: u64,
    /// Refusals of calls with which no interval would have.
    pub refused_while_open: u64,
}

impl WindowRow {
    pub(super) const fn new(per_second: u32, connections: u32) -> Self {
        Self {
            per_second,
            connections,
            admitted: 0,
            refused: 0,
            admitted_beyond: 0,
            refused_while_open: 0,
        }
    }

    pub(super) fn add(&mut self, found: &window::WindowFindings) {
        self.admitted += found.admitted;
        self.refused += found.refused;
        self.admitted_beyond += found.admitted_beyond;
        self.refused_while_open += found.refused_while_open;
    }

    /// Never a call too many in any interval, never a refusal that this does not explain.
    pub const fn is_exact(&self) -> bool {
        self.admitted_beyond == 0 && self.refused_while_open == 0
    }
}

impl FidelityRow {
    /// The figures of the `times` of calls; without bars.
    pub(super) fn new(law: String, in_flight: u32, times: &[MeasuredTimes]) -> Self {
        let mut drawn: Vec<f64> = times.iter().map(|times| ms(times.drawn)).collect();
        let mut seen: Vec<f64> = times.iter().map(|times| ms(times.seen)).collect();
        let distance = kolmogorov_smirnov(&mut drawn, &mut seen);
        let varies = drawn.first() != drawn.last();
        let of_quantiles = |q| quantile(&seen, q) - quantile(&drawn, q);
        Self {
            law,
            in_flight,
            calls: times.len() as u64,
            ks: varies.then_some(distance),
            p50_error_ms: of_quantiles(0.5),
            p99_error_ms: of_quantiles(0.99),
            per_call_ms: PerCall::new(times.iter().map(|times| ms(times.seen) - ms(times.drawn))),
            server_per_call_ms: PerCall::new(
                times.iter().map(|times| ms(times.served) - ms(times.drawn)),
            ),
            bars: Vec::new(),
        }
    }

    /// Whether it reaches what it was to reach.
    pub fn passed(&self) -> bool {
        self.bars.iter().all(|bar| bar.met)
    }
}

impl SelftestRecord {
    pub(super) fn new(
        quick: bool,
        wall_s: f64,
        fidelity: Vec<FidelityRow>,
        pool: PoolRow,
        window: WindowRow,
    ) -> Self {
        let limits_are_exact = pool.is_exact() && window.is_exact();
        let passed = fidelity.iter().all(FidelityRow::passed) && limits_are_exact;
        let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let machine = Machine {
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processors: processors as u64,
            optimised: !cfg!(debug_assertions),
        };
        Self {
            schema: SCHEMA,
            quick,
            machine,
            wall_s,
            fidelity,
            pool,
            window: Some(window),
            passed,
        }
    }
}
