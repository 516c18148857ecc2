//! The strategies of a league, ranked.

use super::StrategyRuns;
use crate::experiment::{CandidateRuns, Goal, RunFigures, times_as_much};
use crate::stats::pareto_front;
use crate::text::edits_in_words;
use neonbench_engine::engine::{Guard, Strategy, WriteMode};
use neonbench_engine::record::{ColleagueEdits, RunRecord};
use serde::Serialize;

/// One strategy of the league. Figures are means over its runs.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RankedStrategy {
    pub strategy: Strategy,
    pub name: String,
    pub runs: u64,
    pub is_valid: bool,
    /// True if its runs do not keep the constraints of the goal.
    pub breaks_constraint: bool,
    pub fault: String,
    /// 5th, 50th and 95th percentile.
    pub makespan_s: [f64; 3],
    pub records_per_s: f64,
    pub calls_per_record: f64,
    pub refused: f64,
    /// The call that its runs write by, and the guard of their accounts.
    pub write: WriteMode,
    pub guard: Guard,
    /// Mean limit in seconds: of clients that write by the same call, and of any; `None` where
    /// nothing limits.
    pub lower_bounds_s: Option<[f64; 2]>,
    /// Physical limit ÷ mean makespan; `None` where nothing limits.
    pub efficiency: Option<f64>,
    pub failed: f64,
    /// The makespan with refusals priced in, as the selector has it.
    pub cost_s: f64,
    pub lost_updates: f64,
    /// Edits of colleagues.
    #[serde(flatten)]
    pub edits: ColleagueEdits,
    /// The same, in words.
    pub edits_in_words: String,
    /// Mean time from reading an account to writing it.
    pub exposure_s: f64,
    pub peak_buffered: u64,
    /// (cost − best cost) ÷ best cost.
    pub regret: f64,
    /// True if no other strategy is both faster and less often refused.
    pub is_on_frontier: bool,
    pub times: Vec<TimeShare>,
    pub time_in_calls_s: f64,
}

/// Where a part of the calls' time went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TimeShare {
    pub name: &'static str,
    pub seconds: f64,
    pub share: f64,
}

/// The rows of `entries`, which are in the order of their ranking under `goal`.
pub(crate) fn ranked(entries: Vec<&StrategyRuns>, goal: &Goal) -> Vec<RankedStrategy> {
    let rows = entries.into_iter().map(|runs| RankedStrategy::new(runs, goal));
    let mut league: Vec<RankedStrategy> = rows.collect();
    compare(&mut league);
    league
}

impl RankedStrategy {
    fn new(contender: &StrategyRuns, goal: &Goal) -> Self {
        let mean = |of: fn(&RunRecord) -> f64| contender.mean(of);
        let bad = contender.runs.iter().find(|record| !record.audit.valid);
        let parts = [
            ("service", mean(|record| record.call_times.served_s)),
            ("refused, failed or given up", mean(|record| record.call_times.wasted_s)),
            ("wait for a slot", mean(|record| record.call_times.queued_s)),
            ("wait for the rate limit", mean(|record| record.call_times.paced_s)),
            ("backoff", mean(|record| record.call_times.backed_off_s)),
        ];
        let whole: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
        let share = |seconds: f64| if whole > 0.0 { seconds / whole } else { 0.0 };
        let limited = contender.runs.iter().any(|record| record.limits.exist());
        let bound_s = mean(|record| record.lower_bound_s);
        let summary = contender.summary();
        let mean_s = summary.mean(|run| run.makespan_s);
        let edits = contender.edits();
        Self {
            strategy: contender.strategy,
            name: contender.name().to_owned(),
            runs: summary.count() as u64,
            is_valid: bad.is_none(),
            breaks_constraint: {
                let CandidateRuns { candidate, pool, runs, .. } = contender.entry();
                !goal.is_kept(&candidate, pool, &runs)
            },
            fault: bad.map_or_else(String::new, |record| record.audit.faults.join("; ")),
            makespan_s: contender.makespan_s().unwrap_or_default(),
            records_per_s: summary.mean(|run| times(run.resources as f64, run.makespan_s)),
            calls_per_record: summary.mean(|run| times(run.calls as f64, run.resources as f64)),
            refused: summary.mean(RunFigures::refused_share),
            write: contender.runs[0].write,
            guard: contender.runs[0].guard,
            lower_bounds_s: limited
                .then(|| [bound_s, mean(|record| record.lower_bound_any_client_s)]),
            efficiency: (limited && mean_s > 0.0).then(|| bound_s / mean_s),
            failed: summary.mean(|run| run.failed as f64),
            cost_s: contender.cost_s(goal.objective),
            lost_updates: edits.edits_overwritten,
            edits,
            edits_in_words: edits_in_words(&edits),
            exposure_s: mean(|record| record.exposure.mean_s),
            peak_buffered: contender
                .runs
                .iter()
                .map(|record| record.performance.peak_buffered_records)
                .max()
                .unwrap_or(0),
            regret: 0.0,
            is_on_frontier: false,
            times: parts
                .into_iter()
                .map(|(name, seconds)| TimeShare { name, seconds, share: share(seconds) })
                .collect(),
            time_in_calls_s: whole,
        }
    }
}

/// `part` as a multiple of `of`; 0 where there is nothing to divide by.
fn times(part: f64, of: f64) -> f64 {
    if of > 0.0 { part / of } else { 0.0 }
}

/// Regret and frontier, of those that are valid.
fn compare(league: &mut [RankedStrategy]) {
    let best_s = league.first().map_or(f64::MAX, |row| row.cost_s);
    let mut valid: Vec<&mut RankedStrategy> =
        league.iter_mut().filter(|row| row.is_valid).collect();
    let points: Vec<[f64; 2]> = valid.iter().map(|row| [row.makespan_s[1], row.refused]).collect();
    for row in &mut valid {
        row.regret = times_as_much(row.cost_s, best_s) - 1.0;
    }
    for place in pareto_front(&points) {
        valid[place].is_on_frontier = true;
    }
}

/// Share of refused calls from which a configuration lies beyond the cliff.
pub(crate) const CLIFF: f64 = 0.02;
