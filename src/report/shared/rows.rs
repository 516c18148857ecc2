//! The rows of the guide's three worked examples: claimed, run and measured.
//!
//! Source: the tables of the Migration Performance Optimization Guide, and its conservative
//! configuration, which all rows are run with here.

mod example;
pub mod fit;
mod row;
pub(crate) mod run;

pub use example::ExampleModel;
pub(crate) use example::rows;
pub use row::{OwnRow, RowModel};

use hdrhistogram::Histogram;
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::{Quantiles, RunRecord};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Accounts or batches side by side.
pub const WORKERS: NonZeroU32 = NonZeroU32::new(3).expect("not zero");

/// Accounts read before they are written.
pub const BATCH_SIZE: NonZeroU32 = NonZeroU32::new(50).expect("not zero");

/// One row of one of the guide's tables.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ExampleRow {
    /// The strategy.
    pub strategy: Strategy,
    /// Calls on records; look-ups of metadata are not among them.
    pub calls: u64,
    /// Makespan.
    pub minutes: f64,
    /// Share of standard's makespan that is saved; `None` for standard itself.
    pub saved: Option<f64>,
}

impl ExampleRow {
    const fn new(strategy: Strategy, calls: u64, minutes: f64, saved: Option<f64>) -> Self {
        Self { strategy, calls, minutes, saved }
    }

    /// Makespan, in seconds.
    pub const fn seconds(&self) -> f64 {
        self.minutes * 60.0
    }

    /// The time per call, in seconds, if this row were true and its workers never idle: makespan ×
    /// calls side by side ÷ calls.
    pub fn implied_call_s(&self) -> f64 {
        let side_by_side =
            if self.strategy.is_concurrent() { f64::from(WORKERS.get()) } else { 1.0 };
        self.seconds() * side_by_side / self.calls as f64
    }
}

/// One of the guide's worked examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Example {
    /// Its number in the guide.
    pub number: u32,
    /// Name of its scenario and of the profile that is fitted to it.
    pub name: &'static str,
    /// Accounts to migrate.
    pub accounts: u64,
    /// Mappings of each account.
    pub mappings: u32,
    /// The rows of its table.
    pub claims: &'static [ExampleRow],
}

/// The guide's worked examples.
pub const EXAMPLES: [Example; 3] = {
    use Strategy::{Hybrid, Parallel, PutBatch, Standard};
    [
        Example {
            number: 1,
            name: "guide-1",
            accounts: 500,
            mappings: 8,
            claims: &[
                ExampleRow::new(Standard, 8_000, 45.0, None),
                ExampleRow::new(PutBatch, 1_000, 8.0, Some(0.82)),
                ExampleRow::new(Parallel, 8_000, 15.0, Some(0.67)),
                ExampleRow::new(Hybrid, 1_000, 6.0, Some(0.87)),
            ],
        },
        Example {
            number: 2,
            name: "guide-2",
            accounts: 2_000,
            mappings: 3,
            claims: &[
                ExampleRow::new(Standard, 12_000, 90.0, None),
                ExampleRow::new(PutBatch, 4_000, 25.0, Some(0.72)),
                ExampleRow::new(Hybrid, 4_000, 18.0, Some(0.80)),
            ],
        },
        Example {
            number: 3,
            name: "guide-3",
            accounts: 25,
            mappings: 2,
            claims: &[
                ExampleRow::new(Standard, 100, 3.0, None),
                ExampleRow::new(Parallel, 100, 1.0, Some(0.67)),
                ExampleRow::new(PutBatch, 50, 1.5, Some(0.50)),
            ],
        },
    ]
};

/// The runs of one row of the guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RowEvidence {
    /// Number of the example.
    pub example: u32,
    /// The strategy.
    pub strategy: Strategy,
    /// One run per seed.
    pub runs: Vec<RunRecord>,
    /// Response times of reads, over all its runs.
    pub reads: Responses,
    /// Response times of writes, over all its runs.
    pub writes: Responses,
}

/// Response times of one kind of call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Responses {
    /// Quantiles, exact to three digits.
    pub quantiles: Quantiles,
    /// Counts on a logarithmic scale, without the empty ends.
    pub bins: Vec<Bin>,
}

/// Calls whose response time lies in [`low_ms`, `high_ms`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Bin {
    pub low_ms: f64,
    pub high_ms: f64,
    pub calls: u64,
}

/// Bins of a decade: each is 21 % wider than the one before.
const BINS_PER_DECADE: f64 = 12.0;

impl Responses {
    /// Summarises `histogram`, whose values are in ns.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let index = |ns: u64| ((ns as f64 / 1e6).log10() * BINS_PER_DECADE).floor() as i64;
        let edge = |index: i64| 10_f64.powf(index as f64 / BINS_PER_DECADE);
        let mut bins = std::collections::BTreeMap::<i64, u64>::new();
        for value in histogram.iter_recorded() {
            *bins.entry(index(value.value_iterated_to().max(1))).or_default() +=
                value.count_since_last_iteration();
        }
        let (first, last) = match (bins.keys().next(), bins.keys().next_back()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => return Self::default(),
        };
        let bin = |index| Bin {
            low_ms: edge(index),
            high_ms: edge(index + 1),
            calls: bins.get(&index).copied().unwrap_or(0),
        };
        Self { quantiles: Quantiles::of(histogram), bins: (first..=last).map(bin).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::measure::histogram;
    use neonbench_engine::scenario::WireScenario;

    #[test]
    fn the_built_in_scenarios_are_the_examples() {
        for example in EXAMPLES {
            let wire = WireScenario::built_in(example.name).unwrap();
            assert_eq!(wire.resources, Some(example.accounts));
            assert_eq!(wire.mappings, Some(example.mappings));
            assert_eq!(wire.workers, Some(WORKERS));
            assert_eq!(wire.batch_size, Some(BATCH_SIZE));
            assert_eq!(wire.profile.as_deref(), Some(example.name));
        }
    }

    #[test]
    fn the_third_example_implies_one_time_per_call() {
        for claim in EXAMPLES[2].claims {
            assert!((claim.implied_call_s() - 1.8).abs() < 1e-9, "{}", claim.strategy);
        }
    }

    #[test]
    fn the_guides_savings_follow_from_its_minutes() {
        for claims in EXAMPLES.map(|example| example.claims) {
            for claim in &claims[1..] {
                let saved = 1.0 - claim.minutes / claims[0].minutes;
                assert!((saved - claim.saved.unwrap()).abs() < 0.005, "{}", claim.strategy);
            }
        }
    }

    #[test]
    fn every_call_falls_into_one_bin() {
        let mut times = histogram();
        for ms in [90, 100, 101, 350, 350, 2_000] {
            times.record(ms * 1_000_000).unwrap();
        }
        let responses = Responses::of(&times);
        assert_eq!(responses.bins.iter().map(|bin| bin.calls).sum::<u64>(), 6);
        for pair in responses.bins.windows(2) {
            assert!((pair[0].high_ms - pair[1].low_ms).abs() < 1e-9);
        }
        let busiest = responses.bins.iter().max_by_key(|bin| bin.calls).unwrap();
        assert!(busiest.low_ms <= 350.5 && 350.0 < busiest.high_ms, "{busiest:?}");
        assert_eq!(Responses::of(&histogram()), Responses::default());
    }
}
