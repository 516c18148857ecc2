//! The method behind a decision.

use crate::report::shared::league::StrategyRuns;
use crate::stats::distinct;

/// The seeds of all runs: `seeds 1 to 20`, `seed 7`, `seeds 1 to 9 (3 to 9 per row)`.
pub(crate) fn seeds(league: &[StrategyRuns]) -> String {
    let first = |contender: &StrategyRuns| {
        contender.runs.iter().map(|run| run.seed).min().unwrap_or_default()
    };
    let count = |contender: &StrategyRuns| contender.summary().count() as u64;
    let counts = distinct(league.iter().map(count));
    let firsts = distinct(league.iter().map(first));
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
