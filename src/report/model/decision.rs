//! The figures of a decision about one migration: its evidence, judged.

mod grid;
mod words;

pub(crate) use grid::grid_rows;

use super::Validity;
use crate::experiment::{Delta, Goal, times_as_much};
use crate::findings::Gain;
use crate::report::decision::{
    Baseline, Decision, Grid, PoolWhatIf, ScalingPoint, Spectrum, StrategyRuns, SurfacePoint,
};
use crate::stats::pareto_front;
use neonbench_engine::engine::Strategy;
use neonbench_engine::measure::timeline::{Lane, Timeline};
use neonbench_engine::record::RunRecord;
use serde::Serialize;
use std::collections::BTreeMap;
use words::{faster, headline, lede, pools_title, scaling_title, surface_title};

/// The figures of a decision about one migration.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DecisionModel {
    pub scenario: String,
    pub dataset: String,
    pub profile: String,
    pub profile_digest: String,
    pub accounts: u64,
    pub mappings: u64,
    pub pool: Option<u32>,
    /// The strategy to use; `None` if none is valid.
    pub best: Option<Strategy>,
    /// The answer in one line.
    pub headline: String,
    /// The answer in sentences.
    pub lede: Vec<String>,
    /// The criterion that the league is ranked by, in words.
    pub ranked_by: String,
    /// The strategies that tie for the first place; one without a tie, none without a best.
    pub tied: Vec<Strategy>,
    /// True if every run passed its audit.
    pub is_valid: bool,
    /// Ranked, the best first; invalid ones last.
    pub league: Vec<RankedStrategy>,
    /// `a is 1.23 ± 0.04 times faster than b`.
    pub faster: Vec<String>,
    /// Hybrid under workers and batch sizes.
    pub surface: Vec<SurfacePoint>,
    /// The surface's result, in words.
    pub surface_title: String,
    /// Accounts that the surface and the grid were tried on.
    pub varied_accounts: u64,
    /// The best strategy over time.
    pub timeline: TimelineModel,
    /// Response times of the best strategy.
    pub spectra: Vec<SpectrumModel>,
    pub scaling: Vec<ScalingPoint>,
    pub scaling_title: String,
    pub pools: Vec<PoolWhatIf>,
    pub pools_title: String,
    /// Losses over all runs of the league.
    pub integrity: Validity,
    pub errors: Vec<ErrorGroup>,
    /// Findings, strategy by strategy.
    pub findings: Vec<FoundModel>,
    pub baseline: Option<BaselineModel>,
    pub grid: Grid,
}

/// One strategy of the league. Figures are means over its runs.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RankedStrategy {
    pub strategy: Strategy,
    pub name: String,
    pub runs: u64,
    pub is_valid: bool,
    pub fault: String,
    /// 5th, 50th and 95th percentile.
    pub makespan_s: [f64; 3],
    pub records_per_s: f64,
    pub calls_per_record: f64,
    pub refused: f64,
    pub efficiency: f64,
    pub failed: f64,
    /// The makespan with refusals priced in, as the selector has it.
    pub cost_s: f64,
    pub lost_updates: f64,
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

/// A run in slices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TimelineModel {
    pub slice_s: f64,
    pub landed_per_s: Vec<f64>,
    pub refused: Vec<u64>,
    pub failed: Vec<u64>,
    pub lanes: Vec<LaneModel>,
}

/// The calls in flight of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct LaneModel {
    pub name: &'static str,
    pub in_flight: Vec<f64>,
    pub limit: Vec<Option<u32>>,
    pub most: f64,
}

/// Response times of calls that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct SpectrumModel {
    pub endpoint: String,
    pub outcome: String,
    pub calls: u64,
    /// p50, p90, p99, p99.9 and the longest, in ms.
    pub quantiles_ms: [f64; 5],
    pub points: Vec<(f64, f64)>,
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

/// A finding about one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FoundModel {
    pub name: String,
    pub cause: &'static str,
    pub message: String,
    pub advice: String,
    /// The simulated gain of the advice; `None` where it was not simulated.
    pub gain: Option<String>,
}

/// Strategies against a stored run.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct BaselineModel {
    pub run: i64,
    pub what: String,
    pub rows: Vec<BaselineRow>,
}

/// One strategy against that run.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct BaselineRow {
    pub name: String,
    pub ratio: f64,
    pub ratio_interval: Option<[f64; 2]>,
    pub verdict: String,
    pub refused_change: f64,
}

impl BaselineModel {
    fn new(baseline: &Baseline) -> Self {
        let row = |(name, delta): &(String, Delta)| BaselineRow {
            name: name.clone(),
            ratio: delta.ratio,
            ratio_interval: delta.ratio_interval,
            verdict: match &delta.incomparable {
                Some(why) => format!("not comparable: {why}"),
                None => delta.verdict.words().to_owned(),
            },
            refused_change: delta.refused_change,
        };
        let rows = baseline.deltas.iter().map(row).collect();
        Self { run: baseline.run, what: baseline.what.clone(), rows }
    }
}

fn found(league: &[StrategyRuns]) -> Vec<FoundModel> {
    let mut all = Vec::new();
    for contender in league {
        let name = contender.name.clone().unwrap_or_else(|| contender.strategy.to_string());
        all.extend(contender.findings.iter().map(|finding| FoundModel {
            name: name.clone(),
            cause: finding.cause.title(),
            message: finding.message.clone(),
            advice: finding.advice.clone(),
            gain: finding.gain.as_ref().map(Gain::in_words),
        }));
    }
    all
}

impl DecisionModel {
    /// Judges `decision`.
    pub fn new(decision: &Decision) -> Self {
        let ranking = decision.ranking();
        let ranked = ranking.sort(decision.league.iter().collect::<Vec<_>>());
        let row = |runs: &StrategyRuns| RankedStrategy::new(runs, &decision.goal);
        let mut league: Vec<RankedStrategy> = ranked.into_iter().map(row).collect();
        compare(&mut league);
        let winner = ranking.best.first().map(|place| &decision.league[*place]);
        let best = winner.map(|winner| winner.strategy);
        let tied = ranking.best.iter().map(|place| decision.league[*place].strategy).collect();
        let runs = decision.league.iter().flat_map(|contender| &contender.runs);
        let integrity = Validity::new(runs);
        Self {
            scenario: decision.scenario.clone(),
            dataset: decision.dataset.clone(),
            profile: decision.profile.clone(),
            profile_digest: decision.profile_digest.clone(),
            accounts: decision.resources,
            mappings: decision.mappings,
            pool: decision.pool,
            best,
            ranked_by: decision.goal.in_words(),
            tied,
            headline: headline(decision, league.first(), best),
            lede: lede(decision, &league, best),
            is_valid: integrity.valid == integrity.runs,
            faster: winner.map_or_else(Vec::new, |winner| faster(winner, &decision.league)),
            surface_title: surface_title(&decision.surface, decision.pool),
            surface: decision.surface.clone(),
            varied_accounts: decision.varied_accounts,
            timeline: TimelineModel::new(&decision.timeline),
            spectra: winner.map_or_else(Vec::new, |winner| {
                winner.spectra.iter().map(SpectrumModel::new).collect()
            }),
            scaling_title: scaling_title(&decision.scaling),
            scaling: decision.scaling.clone(),
            pools_title: pools_title(decision),
            pools: decision.pools.clone(),
            integrity,
            errors: errors(&decision.league),
            findings: found(&decision.league),
            baseline: decision.baseline.as_ref().map(BaselineModel::new),
            grid: decision.grid.clone(),
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
            ("refused or failed calls", mean(|record| record.call_times.wasted_s)),
            ("wait for a place", mean(|record| record.call_times.queued_s)),
            ("wait for the rate", mean(|record| record.call_times.paced_s)),
            ("backoff", mean(|record| record.call_times.backed_off_s)),
        ];
        let whole: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
        let share = |seconds: f64| if whole > 0.0 { seconds / whole } else { 0.0 };
        Self {
            strategy: contender.strategy,
            name: contender.name.clone().unwrap_or_else(|| contender.strategy.to_string()),
            runs: contender.all_makespans_s().len() as u64,
            is_valid: bad.is_none(),
            fault: bad.map_or_else(String::new, |record| record.audit.faults.join("; ")),
            makespan_s: contender.makespan_s().unwrap_or_default(),
            records_per_s: mean(|record| record.performance.resources_per_s),
            calls_per_record: mean(|record| {
                record.calls.total as f64 / record.resources.max(1) as f64
            }),
            refused: contender.mean(|record| record.calls.refused_share()),
            efficiency: mean(|record| record.efficiency),
            failed: mean(|record| record.records.failed as f64),
            cost_s: contender.cost_s(goal.objective),
            lost_updates: mean(|record| record.audit.lost_updates as f64),
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

impl TimelineModel {
    fn new(timeline: &Timeline) -> Self {
        let slice_s = timeline.slice_ns as f64 / 1e9;
        let lane = |lane: Lane| {
            let index = lane as usize;
            let in_flight: Vec<f64> = timeline
                .slices
                .iter()
                .map(|slice| slice.in_flight_ns[index] as f64 / timeline.slice_ns as f64)
                .collect();
            let most = in_flight.iter().copied().fold(0.0, f64::max);
            let limit = timeline.slices.iter().map(|slice| slice.limit[index]).collect();
            LaneModel { name: lane.name(), in_flight, limit, most }
        };
        Self {
            slice_s,
            landed_per_s: timeline
                .slices
                .iter()
                .map(|slice| slice.landed as f64 / slice_s)
                .collect(),
            refused: timeline.slices.iter().map(|slice| slice.refused).collect(),
            failed: timeline.slices.iter().map(|slice| slice.failed).collect(),
            lanes: Lane::ALL.into_iter().map(lane).filter(|lane| lane.most > 0.0).collect(),
        }
    }
}

impl SpectrumModel {
    fn new(spectrum: &Spectrum) -> Self {
        let at = |share: f64| {
            let found = spectrum.points.iter().find(|(up_to, _)| *up_to >= share - 1e-9);
            found.or(spectrum.points.last()).map_or(0.0, |(_, ms)| *ms)
        };
        Self {
            endpoint: spectrum.endpoint.clone(),
            outcome: spectrum.outcome.clone(),
            calls: spectrum.calls,
            quantiles_ms: [0.5, 0.9, 0.99, 0.999, 1.0].map(at),
            points: spectrum.points.clone(),
        }
    }
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
