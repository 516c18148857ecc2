//! Risks: the audits of all runs, failures, and the causes that held a run back.

use crate::experiment::RunFigures;
use crate::findings::{Gain, RunFinding, findings, gain};
use crate::report::shared::SuiteError;
use crate::report::shared::exploration::Exploration;
use crate::report::shared::fact::{Fact, Tone};
use crate::report::shared::league::StrategyRuns;
use crate::report::shared::validity::Validity;
use crate::text::{count, plural};
use neonbench_engine::run::RunSpec;
use neonbench_engine::scenario::Scenario;
use serde::Serialize;

/// Simulated calls that the gain of one finding may take, and the most runs of which it is the mean.
const CALLS_A_GAIN: u64 = 100_000;
const MOST_A_GAIN: u32 = 5;

/// Findings of the strategy's first run, with the gain of each advice.
pub(crate) fn run(
    exploration: &Exploration<'_>,
    scenario: &Scenario,
    of: &StrategyRuns,
) -> Result<Vec<RunFinding>, SuiteError> {
    let first = &of.runs[0];
    let order = RunSpec::new(scenario, (exploration.settings)(of.strategy));
    let affordable = CALLS_A_GAIN / first.calls.total.max(1);
    let replicates = u32::try_from(affordable).unwrap_or(u32::MAX).min(MOST_A_GAIN);
    let mut found = findings(first);
    for finding in found.iter_mut().filter(|_| replicates > 0) {
        finding.gain = gain(&order, finding, replicates)?;
    }
    Ok(found)
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

/// The findings of all entries, in words.
pub(crate) fn rows(league: &[StrategyRuns]) -> Vec<FindingRow> {
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

/// Audits and losses over all replicates. Those of which no record is left have no mismatches of their
/// own, and the edits that their record sums up.
pub(crate) fn integrity(league: &[StrategyRuns]) -> Validity {
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

/// Audits and losses of all runs, in a sentence with its tone.
pub(crate) fn audits(all: &Validity, seeds: &str) -> Fact {
    let runs = plural(all.runs, "run");
    let (tone, text) = if all.valid < all.runs {
        let failed = all.runs - all.valid;
        (Tone::Bad, format!("{} of {runs} failed their audit: inconclusive", count(failed)))
    } else if all.failed > 0 {
        let of = plural(all.accounts, "account");
        (
            Tone::Mixed,
            format!("{runs} passed their audit, but {} of {of} failed", count(all.failed)),
        )
    } else if all.lost_updates > 0 {
        let edits = plural(all.edits, "edit");
        let lost = count(all.lost_updates);
        (
            Tone::Mixed,
            format!(
                "{runs} passed their audit, but {lost} of {edits} by colleagues were overwritten"
            ),
        )
    } else {
        let accounts = plural(all.accounts, "account");
        (Tone::Good, format!("{runs} passed their audit: {accounts} checked"))
    };
    Fact { value: text, label: seeds.to_owned(), tone }
}
