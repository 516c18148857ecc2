//! One row of the guide: claimed, and measured.

use super::{ExampleRow, Responses, RowEvidence};
use crate::report::shared::claimed::{Claimed, Figure};
use crate::stats;
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use serde::Serialize;

/// One row of the guide: claimed, and measured.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RowModel {
    /// The strategy.
    pub strategy: Strategy,
    /// The guide's calls on records.
    pub claimed_calls: u64,
    /// Fewest and most calls on records of its runs, as the server counted them.
    pub calls: [u64; 2],
    /// True if every run made exactly the guide's calls.
    pub calls_hold: bool,
    /// The guide's makespan, in seconds.
    pub claimed_s: f64,
    /// 5th, 50th and 95th percentile of its makespans, in seconds; `None` if a run is invalid.
    pub makespan_s: Option<[f64; 3]>,
    /// Mean of its makespans, in seconds; `None` if a run is invalid.
    pub mean_s: Option<f64>,
    /// The guide's saving against standard.
    pub claimed_saved: Option<f64>,
    /// Its saving against standard, of medians.
    pub saved: Option<f64>,
    /// Standard's median ÷ its own.
    pub speed_up: Option<f64>,
    /// Median ÷ the guide's makespan − 1.
    pub deviation: Option<f64>,
    /// Mean ÷ the guide's makespan − 1: what the fit leaves unexplained.
    pub residual: Option<f64>,
    /// True if the median is within [`TOLERANCE`](crate::report::shared::claimed::TOLERANCE) of it.
    pub time_holds: bool,
    /// Time per call that the guide's row implies, in seconds.
    pub implied_call_s: f64,
    /// Physical limit ÷ mean makespan; `None` where nothing limits, or a run is invalid.
    pub efficiency: Option<f64>,
    /// Runs of the row.
    pub runs: u64,
    /// Runs that failed their audit.
    pub invalid: u64,
    /// Response times of reads.
    pub reads: Responses,
    /// Response times of writes.
    pub writes: Responses,
}

impl RowModel {
    pub(super) fn new(claim: &ExampleRow, evidence: &RowEvidence) -> Self {
        let OwnRow { calls, makespan_s, mean_s, efficiency, runs, invalid, .. } =
            OwnRow::new(evidence);
        let over_claim = |seconds: f64| seconds / claim.seconds() - 1.0;
        let deviation = makespan_s.map(|[_, median, _]| over_claim(median));
        let holds = |figure, claimed, measured| Claimed::point(claimed).holds(figure, measured);
        let calls_hold = |calls| holds(Figure::Calls, claim.calls as f64, calls as f64);
        let time_holds = |minutes| holds(Figure::Minutes, claim.minutes, minutes);
        Self {
            strategy: claim.strategy,
            claimed_calls: claim.calls,
            calls,
            calls_hold: makespan_s.is_some() && calls.into_iter().all(calls_hold),
            claimed_s: claim.seconds(),
            makespan_s,
            mean_s,
            claimed_saved: claim.saved,
            saved: None,
            speed_up: None,
            deviation,
            residual: mean_s.map(over_claim),
            time_holds: makespan_s.is_some_and(|[_, median, _]| time_holds(median / 60.0)),
            implied_call_s: claim.implied_call_s(),
            efficiency,
            runs,
            invalid,
            reads: evidence.reads.clone(),
            writes: evidence.writes.clone(),
        }
    }

    /// Median makespan, in seconds; `None` if a run is invalid.
    pub fn median_s(&self) -> Option<f64> {
        self.makespan_s.map(|[_, median, _]| median)
    }
}

/// A strategy of an example, measured: shown as such where the guide does not list it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `RowModel`")]
pub struct OwnRow {
    pub strategy: Strategy,
    pub calls: [u64; 2],
    pub makespan_s: Option<[f64; 3]>,
    pub mean_s: Option<f64>,
    pub saved: Option<f64>,
    pub efficiency: Option<f64>,
    pub runs: u64,
    pub invalid: u64,
}

impl OwnRow {
    pub(super) fn new(evidence: &RowEvidence) -> Self {
        let runs = &evidence.runs;
        let invalid = runs.iter().filter(|record| !record.audit.valid).count() as u64;
        let calls = || runs.iter().map(|record| record.calls.record_calls());
        let ranked = invalid == 0 && !runs.is_empty();
        let mean_s = ranked.then(|| stats::mean(runs.iter().map(|record| record.makespan_s)));
        let bound_s = runs.first().map_or(0.0, |record| record.lower_bound_s);
        Self {
            strategy: evidence.strategy,
            calls: [calls().min().unwrap_or(0), calls().max().unwrap_or(0)],
            makespan_s: ranked.then(|| interval(runs)),
            mean_s,
            saved: None,
            efficiency: mean_s
                .filter(|_| runs.iter().any(|record| record.limits.exist()))
                .map(|mean_s| if mean_s > 0.0 { bound_s / mean_s } else { 1.0 }),
            runs: runs.len() as u64,
            invalid,
        }
    }
}

fn interval(runs: &[RunRecord]) -> [f64; 3] {
    stats::outer_quantiles(runs.iter().map(|record| record.makespan_s)).unwrap_or_default()
}

/// Sets the rows of one example, and ours, against its standard row.
pub(super) fn compare(rows: &mut [RowModel], ours: &mut [OwnRow]) {
    let standard = rows.iter().find(|row| row.strategy == Strategy::Standard);
    let Some(standard_s) = standard.and_then(RowModel::median_s) else { return };
    for row in ours {
        row.saved = row.makespan_s.map(|[_, median_s, _]| 1.0 - median_s / standard_s);
    }
    for row in rows.iter_mut().filter(|row| row.strategy != Strategy::Standard) {
        row.saved = row.median_s().map(|median_s| 1.0 - median_s / standard_s);
        row.speed_up = row.median_s().map(|median_s| standard_s / median_s);
    }
}

/// The fastest strategy whose runs are all valid.
pub(super) fn fastest(rows: &[RowModel]) -> Option<Strategy> {
    let ranked = rows.iter().filter_map(|row| Some((row.strategy, row.median_s()?)));
    ranked.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(strategy, _)| strategy)
}

/// True if all rows are valid and the guide's order of the strategies is the measured one.
pub(super) fn order_holds(rows: &[RowModel]) -> bool {
    let mut by_claim: Vec<&RowModel> = rows.iter().collect();
    by_claim.sort_by(|a, b| a.claimed_s.total_cmp(&b.claimed_s));
    let medians: Option<Vec<f64>> = by_claim.into_iter().map(RowModel::median_s).collect();
    medians.is_some_and(|medians| medians.is_sorted())
}
