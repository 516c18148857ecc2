//! The report's figures: evidence beside the guide's claims.
//!
//! Invariant: a strategy with a run that failed its audit has no rank and no makespan.

mod batches;
pub(crate) mod decision;
pub(crate) mod judged;
pub(crate) mod ledger;
mod map;
pub(crate) mod regrets;
mod row;
mod verdict;

pub use decision::{DecisionModel, RankedStrategy};
pub use ledger::ClaimLine;
pub use regrets::{NearBest, RegretsModel, Spread, WorstRow};
pub use row::{OwnRow, RowModel};
pub use verdict::{Fact, ReportVerdict, Tone};

use super::claims::ledger::TOLERANCE;
use super::claims::{BATCH_SIZE, EXAMPLES, Example, WORKERS};
use super::evidence::{ReportEvidence, RowEvidence, StaffEvidence, StaffSample};
use crate::stats::mean;
use crate::text::{count, duration, join_and, plural, sig3};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use serde::Serialize;
use std::collections::BTreeSet;

/// The report's figures: what follows from the evidence, and is not in it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Model<'a> {
    /// The records that the figures are made from, which page and summary show beside them.
    #[serde(skip)]
    pub evidence: &'a ReportEvidence,
    /// The verdict in words, and in four figures.
    pub verdict: ReportVerdict,
    /// The guide's examples.
    pub examples: Vec<ExampleModel>,
    /// True if PUT loses more updates of other users than PATCH.
    pub put_loses_more: bool,
    /// Number of judged clients that did what their plan demands.
    pub correct_clients: u64,
    /// The decision on the guide's first example under the documented limits.
    pub decision: Option<DecisionModel<'a>>,
    /// The selectors, scenario by scenario.
    pub regrets: Option<RegretsModel>,
    /// The numbers of the guide's claims that hold, in words.
    pub ledger_title: Option<String>,
    /// The guide's claims, one line each.
    pub claims: Vec<ClaimLine>,
    /// The sample over HTTP, and the runs beside colleagues, in words.
    pub http: String,
    pub staff: Option<String>,
    /// The result of the decision map, in words.
    pub map_title: Option<String>,
    /// The batch sizes among which time does not differ, and the accounts at risk, in words.
    pub batches_title: Option<String>,
    /// Runs that passed their audit.
    pub validity: Validity,
    /// The same in sentences.
    pub audits: String,
    /// True if the guide's order of the strategies is the measured one in every example.
    pub orders_hold: bool,
    /// True if every time of the guide is within [`TOLERANCE`] of the measured one.
    pub times_hold: bool,
    /// The highest efficiency of all rows.
    pub best_efficiency: Option<f64>,
    /// Accounts or batches side by side, in all runs.
    pub workers: u32,
    /// Accounts read before they are written, in all runs.
    pub batch_size: u32,
}

/// One of the guide's examples.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ExampleModel {
    pub number: u32,
    pub accounts: u64,
    pub mappings: u32,
    pub profile: String,
    pub profile_digest: String,
    pub rows: Vec<RowModel>,
    /// The strategies that the guide does not list here.
    pub ours: Vec<OwnRow>,
    /// The fastest strategy whose runs are all valid.
    pub fastest: Option<Strategy>,
    /// Largest ÷ smallest time per call that the guide's rows imply.
    pub implied_spread: f64,
    /// True if the guide's rows imply one time per call.
    pub agrees: bool,
    /// The times per call that the guide's rows imply, in words.
    pub implied: String,
    /// True if the guide's order of the strategies is the measured one.
    pub order_holds: bool,
    /// The physical limit, in seconds.
    pub lower_bound_s: f64,
}

/// Runs that passed their audit.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Validity {
    pub runs: u64,
    pub valid: u64,
    /// Accounts over all runs.
    pub accounts: u64,
    pub mismatched: u64,
    /// Edits that colleagues saved during the runs, and those of them that the runs overwrote.
    pub edits: u64,
    pub lost_updates: u64,
    pub failed: u64,
    pub refused: u64,
    /// Faults that the audits found, each with its run.
    pub faults: Vec<String>,
}

impl<'a> Model<'a> {
    /// Puts `evidence` beside the guide's claims.
    pub fn new(evidence: &'a ReportEvidence) -> Self {
        let examples: Vec<ExampleModel> =
            EXAMPLES.iter().map(|example| ExampleModel::new(example, evidence)).collect();
        let validity = Validity::new(evidence.records());
        let judged = evidence.judged.iter();
        let ledger = evidence.ledger.iter().flat_map(|ledger| &ledger.claims);
        let decision = evidence.decision.as_ref().map(DecisionModel::new);
        Self {
            evidence,
            verdict: ReportVerdict::new(&examples, &evidence.http, &validity, decision.as_ref()),
            orders_hold: examples.iter().all(|example| example.order_holds),
            times_hold: examples.iter().flat_map(|example| &example.rows).all(|row| row.time_holds),
            best_efficiency: examples
                .iter()
                .flat_map(|example| example.rows.iter().filter_map(|row| row.efficiency))
                .max_by(f64::total_cmp),
            examples,
            put_loses_more: evidence.staff.put_loses_more(),
            correct_clients: judged.filter(|client| judged::is_correct(&client.record)).count()
                as u64,
            regrets: evidence.selector.as_ref().and_then(RegretsModel::new),
            ledger_title: evidence.ledger.as_ref().map(|ledger| ledger::title(&ledger.claims)),
            claims: ledger.map(ClaimLine::new).collect(),
            http: verdict::http(&evidence.http),
            staff: staff(&evidence.staff),
            map_title: evidence.map.as_ref().map(map::title),
            batches_title: evidence.batches.as_ref().map(batches::title),
            decision,
            audits: validity.in_words(),
            validity,
            workers: WORKERS.get(),
            batch_size: BATCH_SIZE.get(),
        }
    }

    /// All rows of the guide, with their example.
    pub fn rows(&self) -> impl Iterator<Item = (&ExampleModel, &RowModel)> {
        self.examples.iter().flat_map(|example| example.rows.iter().map(move |row| (example, row)))
    }
}

impl ExampleModel {
    /// `Example 1: 500 accounts × 8 mappings`.
    pub fn title(&self) -> String {
        let Self { number, accounts, mappings, .. } = self;
        format!("Example {number}: {} accounts × {mappings} mappings", count(*accounts))
    }

    fn new(example: &Example, evidence: &ReportEvidence) -> Self {
        let claims = example.claims.iter();
        let mut rows: Vec<RowModel> = claims
            .clone()
            .filter_map(|claim| {
                let of_row = |row: &&RowEvidence| {
                    row.example == example.number && row.strategy == claim.strategy
                };
                Some(RowModel::new(claim, evidence.rows.iter().find(of_row)?))
            })
            .collect();
        let own = |row: &&RowEvidence| {
            row.example == example.number
                && claims.clone().all(|claim| claim.strategy != row.strategy)
        };
        let mut ours: Vec<OwnRow> = evidence.rows.iter().filter(own).map(OwnRow::new).collect();
        row::compare(&mut rows, &mut ours);
        let record = evidence.rows.iter().find(|row| row.example == example.number);
        let record = record.and_then(|row| row.runs.first());
        let implied = || rows.iter().map(|row| row.implied_call_s);
        let implied_spread = implied().fold(0.0, f64::max) / implied().fold(f64::MAX, f64::min);
        Self {
            number: example.number,
            accounts: example.accounts,
            mappings: example.mappings,
            profile: record.map_or_else(String::new, |record| record.profile.clone()),
            profile_digest: record.map_or_else(String::new, |record| record.profile_digest.clone()),
            fastest: row::fastest(&rows),
            implied_spread,
            agrees: implied_spread < 1.0 + TOLERANCE,
            implied: implied_in_words(&rows),
            order_holds: row::order_holds(&rows),
            lower_bound_s: record.map_or(0.0, |record| record.lower_bound_s),
            ours,
            rows,
        }
    }
}

/// The edits that either way of writing overwrote, in a sentence; `None` if a run is invalid.
fn staff(sample: &StaffSample) -> Option<String> {
    let row = |row: &StaffEvidence| {
        let edits =
            |of: fn(&RunRecord) -> u64| sig3(mean(row.runs.iter().map(|run| of(run) as f64)));
        let valid = row.runs.iter().all(|run| run.audit.valid);
        let [lost, all] = [edits(|run| run.audit.lost_updates), edits(|run| run.audit.staff_edits)];
        valid.then(|| {
            format!(
                "{} overwrites {lost} of {all} edits per run",
                row.write.to_string().to_uppercase()
            )
        })
    };
    let rows: Option<Vec<String>> = sample.rows.iter().map(row).collect();
    Some(format!("While colleagues edit, {}.", join_and(&rows?)))
}

/// `standard and parallel: 338 ms; put_batch: 480 ms; hybrid: 1.08 s`.
fn implied_in_words(rows: &[RowModel]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let (time, name) = (duration(row.implied_call_s), row.strategy.to_string());
        match groups.iter_mut().find(|(known, _)| *known == time) {
            Some((_, names)) => names.push(name),
            None => groups.push((time, vec![name])),
        }
    }
    let group = |(time, names): &(String, Vec<String>)| format!("{}: {time}", join_and(names));
    groups.iter().map(group).collect::<Vec<_>>().join("; ")
}

/// The values that occur, in order.
pub(crate) fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
}

impl Validity {
    fn new<'a>(records: impl Iterator<Item = &'a RunRecord> + Clone) -> Self {
        let sum = |of: fn(&RunRecord) -> u64| records.clone().map(of).sum();
        let fault = |record: &RunRecord| {
            let RunRecord { scenario, strategy, seed, .. } = record;
            format!("{scenario}, {strategy}, seed {seed}: {}", record.audit.faults.join("; "))
        };
        Self {
            runs: sum(|_| 1),
            valid: sum(|record| u64::from(record.audit.valid)),
            accounts: sum(|record| record.resources),
            mismatched: sum(|record| record.audit.mismatched),
            edits: sum(|record| record.audit.staff_edits),
            lost_updates: sum(|record| record.audit.lost_updates),
            failed: sum(|record| record.records.failed),
            refused: sum(|record| record.calls.rejected),
            faults: records.filter(|r| !r.audit.valid).map(fault).collect(),
        }
    }

    /// The audits, refusals, failures and overwritten edits, in sentences.
    fn in_words(&self) -> String {
        let runs = plural(self.runs, "run");
        let audits = match self.runs - self.valid {
            0 => format!(
                "All {runs} passed their audit: the final state of {} is the one that the plan demands, and \
                 the server's count of calls is the client's.",
                plural(self.accounts, "account")
            ),
            failed => format!(
                "{} of {runs} failed their audit; their rows are not ranked.",
                count(failed)
            ),
        };
        let edits = match self.edits {
            0 => "No colleague edited during these runs.".to_owned(),
            edits => format!(
                "Of {} that colleagues saved during these runs, {} were overwritten.",
                plural(edits, "edit"),
                count(self.lost_updates)
            ),
        };
        format!(
            "{audits} {} refused (429), {} failed. {edits}",
            if self.refused == 1 {
                "1 call was".to_owned()
            } else {
                format!("{} calls were", count(self.refused))
            },
            plural(self.failed, "account")
        )
    }

    /// Accounts that did not end as planned.
    pub const fn not_as_planned(&self) -> u64 {
        self.mismatched + self.failed
    }
}

#[cfg(test)]
mod tests;
