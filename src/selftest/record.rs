//! The record of a selftest, as `selftest --json` prints it and the store keeps it.

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
    /// True for the small size, for which the bars are not meant.
    pub quick: bool,
    /// The machine that it was made on.
    pub machine: Machine,
    /// Duration of the selftest.
    pub wall_s: f64,
    /// Configured against served delays.
    pub fidelity: Vec<FidelityRow>,
    /// The pool test.
    pub pool: PoolRow,
    /// The window test; none in a record from before it was measured.
    #[serde(default)]
    pub window: Option<WindowRow>,
    /// True if all bars are met and both limits are exact.
    pub passed: bool,
}

/// The machine and build of a selftest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Machine {
    /// Operating system, such as `linux`.
    pub os: String,
    /// CPU architecture, such as `x86_64`.
    pub architecture: String,
    /// Available processors; 0 if unknown.
    pub processors: u64,
    /// True for an optimised build: figures of a debug build mean little.
    pub optimised: bool,
}

/// Served times under one law at one level of load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FidelityRow {
    /// The law in words.
    pub law: String,
    /// Calls in flight.
    pub in_flight: u32,
    /// Number of calls.
    pub calls: u64,
    /// Kolmogorov–Smirnov distance (0 to 1) between the times drawn and those that the client saw; none
    /// under a constant law, where it has no meaning.
    pub ks: Option<f64>,
    /// Median of the times that the client saw minus that of the times drawn.
    pub p50_error_ms: f64,
    /// The same of the 0.99 quantile.
    pub p99_error_ms: f64,
    /// Quantiles of (seen by the client − drawn) of single calls.
    pub per_call_ms: PerCall,
    /// Quantiles of (handed to the socket − drawn) of single calls, by the server's journal.
    pub server_per_call_ms: PerCall,
    /// The bars on this row.
    pub bars: Vec<Bar>,
}

/// Quantiles of the delay of single calls, in ms; negative where a call was early.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PerCall {
    /// Median.
    pub p50: f64,
    /// 0.9 quantile.
    pub p90: f64,
    /// 0.99 quantile.
    pub p99: f64,
    /// The largest.
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
    /// The service time that the mock drew.
    pub(super) drawn: Duration,
    /// Duration on the server, from arrival until the response was handed to the socket.
    pub(super) served: Duration,
    /// Duration to the client.
    pub(super) seen: Duration,
}

/// A bar on a figure, and the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Bar {
    /// Name of the figure, with its unit.
    pub figure: String,
    /// Measured value.
    pub value: f64,
    /// The largest value that meets the bar.
    pub at_most: f64,
    /// True if the value meets the bar.
    pub met: bool,
}

impl Bar {
    pub(super) fn at_most(figure: &str, value: f64, at_most: f64) -> Self {
        Self { figure: figure.to_owned(), value, at_most, met: value <= at_most }
    }
}

/// A pool under more connections than it has slots.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct PoolRow {
    /// Its slots.
    pub pool: u32,
    /// Connections that compete for them.
    pub connections: u32,
    /// Calls that were admitted.
    pub admitted: u64,
    /// Calls answered 429.
    pub refused: u64,
    /// The most calls that held a slot at once.
    pub most_at_once: u64,
    /// Refusals while a slot was free.
    pub refused_while_free: u64,
}

impl PoolRow {
    /// True if no call too many was admitted, and none refused while a slot was free.
    pub fn is_exact(&self) -> bool {
        self.most_at_once <= u64::from(self.pool) && self.refused_while_free == 0
    }
}

/// A window under more calls than it admits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct WindowRow {
    /// Calls per second that it admits, and the size of its burst.
    pub per_second: u32,
    /// Connections that call as fast as they can.
    pub connections: u32,
    /// Calls that were admitted.
    pub admitted: u64,
    /// Calls answered 429.
    pub refused: u64,
    /// Admitted calls with which some interval held more than burst + rate × time.
    pub admitted_beyond: u64,
    /// Refused calls with which no interval would have held more.
    pub refused_while_open: u64,
}

impl WindowRow {
    /// True if no interval holds a call too many, and each refusal was necessary.
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

    /// True if all its bars are met.
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
