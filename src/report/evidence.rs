//! The evidence of a report: the records of the runs, and their provenance.
//!
//! Invariant: the page, `report.md` and the summary in `report.json` are functions of this alone.

use crate::judge::JudgeRecord;
use crate::report::claims::ledger::{Tested, Untestable};
use crate::report::decision::Decision;
use crate::select::{CaseVerdict, DecisionMap, Judgement};
use crate::selftest::SelftestRecord;
use crate::stats::mean;
use hdrhistogram::Histogram;
use neonbench_engine::engine::{Strategy, WriteMode};
use neonbench_engine::record::{Quantiles, RunRecord};
use serde::{Deserialize, Serialize};

/// Everything that a report is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportEvidence {
    /// The circumstances of the runs.
    pub provenance: Provenance,
    /// The guide's rows, in its order.
    pub rows: Vec<RowEvidence>,
    /// The sample over HTTP.
    pub http: HttpSample,
    /// The runs beside other users.
    pub staff: StaffSample,
    /// The runs of one migration under the documented limits.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// The selector's choice, and its regret.
    #[serde(default)]
    pub selector: Option<SelectorSample>,
    /// The guide's claims, tested.
    #[serde(default)]
    pub ledger: Option<LedgerSample>,
    /// The best strategy for each number of accounts and mappings.
    #[serde(default)]
    pub map: Option<DecisionMap>,
    /// Runs over the batch size.
    #[serde(default)]
    pub batches: Option<BatchSample>,
    /// The latest selftest in the store.
    #[serde(default)]
    pub selftest: Option<Timestamped<SelftestRecord>>,
    /// Judged clients in the store, the latest first.
    #[serde(default)]
    pub judged: Vec<Timestamped<JudgeRecord>>,
    /// Rates from the last `cargo bench`.
    #[serde(default)]
    pub benches: Vec<BenchRate>,
}

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

/// The guide's claims, tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LedgerSample {
    /// Runs of each trial.
    pub seeds: u64,
    /// Claims that runs test, in the guide's order.
    pub claims: Vec<Tested>,
    /// Claims that no run can test.
    pub untestable: Vec<Untestable>,
}

/// Runs over the batch size; figures are means over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct BatchSample {
    pub accounts: u64,
    pub mappings: u64,
    pub profile: String,
    /// Of hybrid.
    pub workers: u32,
    pub seeds: u64,
    /// Points whose runs are all valid; those of a strategy in the order of their sizes.
    pub points: Vec<BatchPoint>,
}

/// One batch size of one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BatchPoint {
    /// The strategy.
    pub strategy: Strategy,
    /// The batch size.
    pub batch_size: u32,
    /// Seconds.
    pub makespan_s: f64,
    /// The most accounts that were read and waited for their write.
    pub buffered: f64,
    /// Accounts that a kill at a random moment leaves open: read, and their write not answered.
    pub at_risk: f64,
    /// Of these, accounts whose write is under way.
    pub open_writes: f64,
}

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

/// A stored record with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Timestamped<R> {
    /// Calendar time, UTC.
    pub made_at: String,
    /// The record.
    pub record: R,
}

/// The circumstances of the runs: command, time, version and machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Provenance {
    /// Calendar time, UTC.
    pub made_at: String,
    /// The command that repeats it.
    pub command: String,
    /// The command to go on with.
    #[serde(default)]
    pub next: Option<String>,
    /// Version of the package.
    pub version: String,
    /// Revision of the source, where it is known.
    pub revision: Option<String>,
    /// First seed; replicates take those that follow.
    pub seed: u64,
    /// Runs of each row.
    pub replicates: u32,
    /// Logical cores.
    pub cores: u64,
    /// Operating system and architecture.
    pub platform: String,
    /// Model of the processor, where it is known.
    pub processor: Option<String>,
}

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

/// The same runs over real HTTP and in virtual time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HttpSample {
    /// Number of the example.
    pub example: u32,
    /// The divisor of the profile's service times.
    pub service_times_divided_by: u32,
    /// Wall time of all runs over HTTP together, in seconds.
    pub wall_s: f64,
    /// One pair per strategy.
    pub pairs: Vec<HttpPair>,
}

impl HttpSample {
    /// The largest deviation by size, of valid runs.
    pub fn worst_deviation(&self) -> Option<f64> {
        let deviations = self.pairs.iter().filter_map(HttpPair::deviation);
        deviations.max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// One run over HTTP, and the same run in virtual time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct HttpPair {
    pub http: RunRecord,
    pub simulated: RunRecord,
}

impl HttpPair {
    /// Makespan over HTTP ÷ simulated − 1; `None` where one of them is invalid.
    pub fn deviation(&self) -> Option<f64> {
        let Self { http, simulated } = self;
        let valid = http.audit.valid && simulated.audit.valid;
        valid.then(|| http.makespan_s / simulated.makespan_s - 1.0)
    }
}

/// One example beside other users at work, written in both ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StaffSample {
    /// Number of the example.
    pub example: u32,
    /// One row per way of writing.
    pub rows: Vec<StaffEvidence>,
}

impl StaffSample {
    /// True if PUT loses more updates than PATCH, in the mean of the valid runs of each.
    pub fn put_loses_more(&self) -> bool {
        let lost = |write| {
            let rows = self.rows.iter().filter(|row| row.write == write);
            let valid = rows.flat_map(|row| &row.runs).filter(|record| record.audit.valid);
            mean(valid.map(|record| record.audit.lost_updates as f64))
        };
        lost(WriteMode::Put) > lost(WriteMode::Patch)
    }
}

/// The runs of one way of writing beside other users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffEvidence {
    pub write: WriteMode,
    /// One run per seed.
    pub runs: Vec<RunRecord>,
}

impl ReportEvidence {
    /// Every run behind the report, but for those of its decision.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> + Clone {
        let pairs = self.http.pairs.iter().flat_map(|pair| [&pair.http, &pair.simulated]);
        let staffed = self.staff.rows.iter().flat_map(|row| &row.runs);
        self.rows.iter().flat_map(|row| &row.runs).chain(pairs).chain(staffed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::measure::histogram;

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
