//! The figures of a decision about one migration: its evidence, judged.

mod answer;
mod grid;
mod idle;
mod tradeoff;
mod words;

#[cfg(test)]
pub(crate) use grid::GridRow;
pub(crate) use grid::grid_rows;
pub(crate) use idle::longest_idle;
pub(crate) use tradeoff::{Drawback, Tradeoff};

use super::{Fact, Validity};
use crate::experiment::{CandidateRuns, Goal, RunFigures, times_as_much};
use crate::findings::{Gain, RunFinding};
use crate::report::decision::{Decision, StrategyRuns};
use crate::stats::pareto_front;
use crate::text::edits_in_words;
use neonbench_engine::engine::{Guard, Strategy, WriteMode};
use neonbench_engine::record::{ColleagueEdits, RunRecord};
use serde::Serialize;
use std::collections::BTreeMap;
use words::{Told, against, pools_title, scaling_title, surface_title, timeline_title, varied_on};

/// The figures of a decision about one migration.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DecisionModel<'a> {
    /// The records that the figures are made from, which page and summary show beside them.
    #[serde(skip)]
    pub decision: &'a Decision,
    /// The runs of the strategy to use.
    #[serde(skip)]
    pub winner: Option<&'a StrategyRuns>,
    /// The strategy to use; `None` if none is valid.
    pub best: Option<Strategy>,
    /// The strategy that was tried over time and under other limits: the first of the league.
    pub explored: Strategy,
    /// True if nothing was to be written.
    pub dry_run: bool,
    /// The seeds of the runs, in words.
    pub seeds: String,
    /// The answer in one line.
    pub headline: String,
    /// The answer in sentences.
    pub lede: Vec<String>,
    /// Four figures beside it, of the first of the league: accounts as planned, refused calls, edits of
    /// colleagues, the way back.
    pub facts: Vec<Fact>,
    /// The least time that the limits allow, in words.
    pub limit: String,
    /// Sentences: one per thing measured or assumed.
    pub sure: Vec<String>,
    /// The audits of all runs, in words, with their seeds.
    pub audits: Fact,
    /// End of the axis of the times, in seconds: longer ones are cut off.
    pub axis_s: f64,
    /// Causes that held the first run of each strategy back, in words.
    pub findings: Vec<FindingRow>,
    /// The criterion that the league is ranked by, in words.
    pub ranked_by: String,
    /// The strategies that tie for the first place; one without a tie, none without a best.
    pub tied: Vec<Strategy>,
    /// True if every run passed its audit.
    pub is_valid: bool,
    /// Ranked, the best first; invalid ones last.
    pub league: Vec<RankedStrategy>,
    /// `b takes 1.23 times as long as a (95 % interval 1.20 to 1.26, n = 20)`, for each b but the best.
    pub faster: Vec<String>,
    /// The surface's result, in words.
    pub surface_title: String,
    pub scaling_title: String,
    pub pools_title: String,
    pub timeline_title: String,
    /// The accounts that the sliders' runs are of, in words, where they are fewer than all.
    pub grid_on: String,
    /// Time against refusals or edits; `None` where nothing tells the strategies apart.
    pub tradeoff: Option<Tradeoff>,
    /// Losses over all runs of the league.
    pub integrity: Validity,
    pub errors: Vec<ErrorGroup>,
}

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

/// A cause that held a strategy back, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FindingRow {
    pub name: String,
    pub cause: String,
    pub message: String,
    pub advice: String,
    /// The simulated effect of the advice; empty where it was not simulated.
    pub gain: String,
}

/// Where a part of the calls' time went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TimeShare {
    pub name: &'static str,
    pub seconds: f64,
    pub share: f64,
}

/// Failures that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ErrorGroup {
    pub endpoint: String,
    pub outcome: String,
    pub count: u64,
    pub accounts: Vec<String>,
    pub message: String,
    pub hint: String,
}

impl<'a> DecisionModel<'a> {
    /// Judges `decision`.
    pub fn new(decision: &'a Decision) -> Self {
        let ranking = decision.ranking();
        let ranked = ranking.sort(decision.league.iter().collect::<Vec<_>>());
        let row = |runs: &StrategyRuns| RankedStrategy::new(runs, &decision.goal);
        let mut league: Vec<RankedStrategy> = ranked.into_iter().map(row).collect();
        compare(&mut league);
        let winner = ranking.best.first().map(|place| &decision.league[*place]);
        let best = winner.map(|winner| winner.strategy);
        let explored = decision.explored();
        let tied = ranking.best.iter().map(|place| decision.league[*place].strategy).collect();
        let integrity = integrity(&decision.league);
        let ratios = winner.map_or_else(Vec::new, |winner| against(winner, &decision.league));
        let dry_run = decision.league.iter().flat_map(|one| &one.runs).any(|run| run.dry_run);
        let told = Told { decision, league: &league, dry_run };
        let seeds = seeds(&decision.league);
        let first = league.first();
        Self {
            facts: first.map_or_else(Vec::new, |row| answer::facts(decision, row, dry_run)),
            limit: first.map_or_else(String::new, |row| answer::limit(row, dry_run)),
            sure: answer::sure(decision),
            audits: answer::audits(&integrity, &seeds),
            axis_s: answer::axis_s(&league),
            findings: findings(&decision.league),
            decision,
            winner,
            best,
            explored,
            dry_run,
            seeds,
            ranked_by: decision.goal.in_words(),
            tied,
            headline: told.headline(best.is_some()),
            lede: told.lede(best.is_some()),
            is_valid: integrity.valid == integrity.runs,
            faster: ratios.iter().map(ToString::to_string).collect(),
            surface_title: surface_title(decision),
            scaling_title: scaling_title(&decision.scaling),
            pools_title: pools_title(decision, explored),
            timeline_title: timeline_title(explored, &decision.timeline),
            grid_on: varied_on(decision.grid.accounts, decision),
            tradeoff: Tradeoff::of(&league),
            integrity,
            errors: errors(&decision.league),
            league,
        }
    }
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

/// Audits and losses over all replicates. Those of which no record is left have no mismatches of their
/// own, and the edits that their record sums up.
fn integrity(league: &[StrategyRuns]) -> Validity {
    let mut all = Validity::new(league.iter().flat_map(|contender| &contender.runs));
    for contender in league.iter().filter(|contender| !contender.replicates.is_empty()) {
        let own: Validity = Validity::new(contender.runs.iter());
        let (summary, edits) = (contender.summary(), contender.edits());
        let sum = |of: fn(&RunFigures) -> u64| summary.runs().iter().map(of).sum::<u64>();
        let total = |per_run: f64| (per_run * edits.edits_runs as f64).round() as u64;
        for (figure, all_of_it, own) in [
            (&mut all.runs, summary.count() as u64, own.runs),
            (&mut all.valid, sum(|run| u64::from(run.is_valid)), own.valid),
            (&mut all.accounts, sum(|run| run.resources), own.accounts),
            (&mut all.failed, sum(|run| run.failed), own.failed),
            (&mut all.refused, sum(|run| run.refused), own.refused),
            (&mut all.edits, total(edits.edits_during_run), own.edits),
            (&mut all.lost_updates, total(edits.edits_overwritten), own.lost_updates),
        ] {
            *figure += all_of_it.saturating_sub(own);
        }
    }
    all
}

/// The seeds of all runs: `seeds 1 to 20`, `seed 7`, `seeds 1 to 9 (3 to 9 per row)`.
fn seeds(league: &[StrategyRuns]) -> String {
    let first = |contender: &StrategyRuns| {
        contender.runs.iter().map(|run| run.seed).min().unwrap_or_default()
    };
    let count = |contender: &StrategyRuns| contender.summary().count() as u64;
    let counts = super::distinct(league.iter().map(count));
    let firsts = super::distinct(league.iter().map(first));
    let last = league.iter().map(|it| first(it) + count(it).max(1) - 1).max().unwrap_or_default();
    let seeds = match firsts.first().copied().unwrap_or_default() {
        first if first == last => format!("seed {first}"),
        first => format!("seeds {first} to {last}"),
    };
    match (counts.as_slice(), firsts.as_slice()) {
        ([only], [_, _, ..]) => format!("{seeds} ({only} per row)"),
        ([fewest, .., most], _) => format!("{seeds} ({fewest} to {most} per row)"),
        _ => seeds,
    }
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

fn findings(league: &[StrategyRuns]) -> Vec<FindingRow> {
    let rows = |runs: &StrategyRuns| -> Vec<FindingRow> {
        let row = |finding: &RunFinding| FindingRow {
            name: runs.name().to_owned(),
            cause: finding.cause.title().to_owned(),
            message: finding.message.clone(),
            advice: finding.advice.clone(),
            gain: finding.gain.as_ref().map_or_else(String::new, Gain::in_words),
        };
        runs.findings.iter().map(row).collect()
    };
    league.iter().flat_map(rows).collect()
}

/// The failures of all runs, alike ones together, the most frequent first.
fn errors(league: &[StrategyRuns]) -> Vec<ErrorGroup> {
    /// Accounts that a group names.
    const NAMED: usize = 5;
    let mut groups: BTreeMap<(String, String, String), ErrorGroup> = BTreeMap::new();
    for error in league.iter().flat_map(|contender| &contender.runs).flat_map(|run| &run.errors) {
        let key = (error.endpoint.clone(), error.outcome.clone(), error.hint.clone());
        let group = groups.entry(key).or_insert_with(|| ErrorGroup {
            endpoint: error.endpoint.clone(),
            outcome: error.outcome.clone(),
            count: 0,
            accounts: Vec::new(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        });
        group.count += 1;
        if group.accounts.len() < NAMED && !group.accounts.contains(&error.resource_id) {
            group.accounts.push(error.resource_id.clone());
        }
    }
    let mut groups: Vec<ErrorGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

#[cfg(test)]
mod tests;
