//! A rule for other engines: which of the guide's strategies, by accounts and mappings alone.

use super::case::SelectorCase;
use crate::experiment::{Candidate, Goal, Summary, parallel_map, seeds, sweep, times_as_much};
use neonbench_engine::engine::{DEFAULT_WORKERS, Reads, Settings, Strategy};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;
use std::fmt::Write as _;

/// A row of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StrategyRow {
    /// It is for so many accounts at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_up_to: Option<u64>,
    /// It is for so many mappings at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mappings_up_to: Option<u64>,
    /// The strategy.
    pub strategy: Strategy,
}

/// The rule: the first row that fits decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyRule {
    /// The engine's way of reading accounts.
    pub reads: Reads,
    /// The rows; the last fits all.
    pub rows: Vec<StrategyRow>,
    /// Mean cost above the best of the four strategies, on what it was fitted to.
    pub mean_regret: f64,
    /// Calls that were simulated.
    pub simulated_calls: u64,
}

/// Accounts of a plan that names none, as the guide's engine counts them.
const UNNAMED_RESOURCES: u64 = 1_000;

/// The batch size of the guide's engine; its workers are ours.
const BATCH_SIZE: u32 = 100;

/// Bounds that are tried.
const RESOURCES: [u64; 9] = [2, 5, 10, 20, 30, 50, 100, 150, 200];
const MAPPINGS: [u64; 5] = [1, 2, 3, 5, 8];

/// Saving that a further row must bring, in mean cost ÷ best.
const WORTH_A_ROW: f64 = 0.01;

/// No case counts for more than this.
const MOST_RATIO: f64 = 10.0;

/// Calls that a strategy is tried for, and runs at least and at most.
const CALLS: u64 = 6_000;
const RUNS: (u64, u64) = (3, 20);

impl StrategyRule {
    /// Fits the rule to `cases`, accounts being read as `reads` says.
    pub fn fit(cases: &[SelectorCase], goal: &Goal, reads: Reads) -> Result<Self, RunError> {
        let jobs = parallel_map(cases, |case| RuleCase::new(&case.scenario, goal, reads))?;
        let simulated_calls = jobs.iter().map(|job| job.calls).sum();
        let bounds = |all: &[u64]| -> Vec<Option<u64>> {
            std::iter::once(None).chain(all.iter().copied().map(Some)).collect()
        };
        let mut best: Option<(f64, f64, Vec<StrategyRow>)> = None;
        for resources in bounds(&RESOURCES) {
            for mappings in bounds(&MAPPINGS) {
                let (mean, rows) = rows(&jobs, resources, mappings);
                let cost = mean + WORTH_A_ROW * rows.len() as f64;
                if best.as_ref().is_none_or(|(least, ..)| cost < least - 1e-9) {
                    best = Some((cost, mean, rows));
                }
            }
        }
        let (_, mean, rows) = best.expect("something was tried");
        Ok(Self { reads, rows, mean_regret: mean - 1.0, simulated_calls })
    }

    /// The strategy for so many accounts and mappings.
    pub fn choose(&self, resources: u64, mappings: u64) -> Strategy {
        let fits = |row: &&StrategyRow| {
            row.resources_up_to.is_none_or(|most| resources <= most)
                && row.mappings_up_to.is_none_or(|most| mappings <= most)
        };
        self.rows.iter().find(fits).map_or(Strategy::PutBatch, |row| row.strategy)
    }

    /// The rule as a method of the guide's manager, in Python.
    pub fn to_python(&self) -> String {
        let mut text = format!(
            "def _choose_optimal_strategy(self, migration_plan) -> str:\n    \"\"\"Chooses a strategy by the \
             number of accounts and mappings.\n\n    Fitted by neonbench to simulations with {DEFAULT_WORKERS} workers, \
             batch size {BATCH_SIZE} and reads by\n    {}; mean cost {:.1} % above the best of the four \
             strategies.\n    \"\"\"\n    ids = migration_plan.resource_ids\n    resources = len(ids) if ids else \
             {UNNAMED_RESOURCES}\n",
            self.reads.name(),
            self.mean_regret * 100.0
        );
        if self.rows.iter().any(|row| row.mappings_up_to.is_some()) {
            text.push_str("    mappings = len(migration_plan.mappings)\n");
        }
        for row in &self.rows {
            let bounds = [
                row.resources_up_to.map(|most| format!("resources <= {most}")),
                row.mappings_up_to.map(|most| format!("mappings <= {most}")),
            ];
            let bounds: Vec<String> = bounds.into_iter().flatten().collect();
            let _ = if bounds.is_empty() {
                writeln!(text, "    return \"{}\"", row.strategy)
            } else {
                writeln!(
                    text,
                    "    if {}:\n        return \"{}\"",
                    bounds.join(" and "),
                    row.strategy
                )
            };
        }
        text
    }
}

/// A case as the fit sees it.
struct RuleCase {
    resources: u64,
    mappings: u64,
    /// Cost ÷ best, by strategy.
    ratios: [f64; Strategy::GUIDE.len()],
    /// Calls that were simulated for it.
    calls: u64,
}

impl RuleCase {
    fn new(scenario: &Scenario, goal: &Goal, reads: Reads) -> Result<Self, RunError> {
        let (resources, mappings) = (scenario.expected_resources(), scenario.mappings() as u64);
        let runs = (CALLS / (2 * resources * mappings + 1)).clamp(RUNS.0, RUNS.1);
        let settings = Strategy::GUIDE.map(|strategy| {
            let candidate = Candidate::new(strategy, DEFAULT_WORKERS, BATCH_SIZE);
            Settings { reads, ..candidate.settings(0, goal) }
        });
        let runs = sweep(scenario, &settings, &seeds::first(&seeds::FIT, runs))?;
        let calls = runs.iter().flatten().map(|run| run.figures.calls).sum();
        let costs: [f64; Strategy::GUIDE.len()] = std::array::from_fn(|place| {
            let summary: Summary = runs[place].iter().collect();
            if summary.is_valid() { summary.cost_s(goal.objective) } else { f64::INFINITY }
        });
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = |cost| {
            if least.is_finite() { times_as_much(cost, least).min(MOST_RATIO) } else { 1.0 }
        };
        Ok(Self { resources, mappings, ratios: costs.map(ratio), calls })
    }
}

/// The best strategy between those bounds, and the mean ratio.
fn rows(
    jobs: &[RuleCase],
    resources: Option<u64>,
    mappings: Option<u64>,
) -> (f64, Vec<StrategyRow>) {
    let mut rows: Vec<StrategyRow> = Vec::new();
    let mut sum = 0.0;
    for is_few in [true, false] {
        for is_simple in [true, false] {
            if (is_few && resources.is_none()) || (is_simple && mappings.is_none()) {
                continue;
            }
            let is_here = |job: &&RuleCase| {
                resources.is_some_and(|most| job.resources <= most) == is_few
                    && mappings.is_some_and(|most| job.mappings <= most) == is_simple
            };
            let total = |place: usize| {
                jobs.iter().filter(is_here).map(|job| job.ratios[place]).sum::<f64>()
            };
            let place = (0..Strategy::GUIDE.len())
                .min_by(|a, b| total(*a).total_cmp(&total(*b)))
                .expect("four strategies");
            sum += total(place);
            rows.push(StrategyRow {
                resources_up_to: resources.filter(|_| is_few),
                mappings_up_to: mappings.filter(|_| is_simple),
                strategy: Strategy::GUIDE[place],
            });
        }
    }
    // Rows at the end that say what the last one says are not worth reading.
    while rows.len() > 1 && rows[rows.len() - 2].strategy == rows[rows.len() - 1].strategy {
        rows.remove(rows.len() - 2);
    }
    (sum / jobs.len().max(1) as f64, rows)
}
