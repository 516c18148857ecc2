//! The report's figures: evidence beside the guide's claims.
//!
//! Invariant: a strategy with a run that failed its audit has no rank and no makespan.

use super::decision::DecisionModel;
use super::evidence::ReportEvidence;
use super::guide::claims::ClaimLine;
use super::guide::verdict::ReportVerdict;
use super::guide::{batches, claims, map};
use super::judged;
use super::methodology::regrets::RegretsModel;
use super::methodology::{forecasts, http, staff};
use super::shared::rows::{BATCH_SIZE, EXAMPLES, ExampleModel, WORKERS, rows};
use super::shared::validity::Validity;
use serde::Serialize;

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
    /// True if every time of the guide is within the tolerance of the measured one.
    pub times_hold: bool,
    /// The highest efficiency of all rows.
    pub best_efficiency: Option<f64>,
    /// Accounts or batches side by side, in all runs.
    pub workers: u32,
    /// Accounts read before they are written, in all runs.
    pub batch_size: u32,
}

impl<'a> Model<'a> {
    /// Puts `evidence` beside the guide's claims.
    pub fn new(evidence: &'a ReportEvidence) -> Self {
        let examples: Vec<ExampleModel> =
            EXAMPLES.iter().map(|example| ExampleModel::new(example, &evidence.rows)).collect();
        let times_hold = rows(&examples).all(|row| row.time_holds);
        let validity = Validity::new(evidence.records());
        let judged = evidence.judged.iter();
        let ledger = evidence.ledger.iter().flat_map(|ledger| &ledger.claims);
        let decision = evidence.decision.as_ref().map(DecisionModel::new);
        Self {
            evidence,
            verdict: ReportVerdict::new(
                &examples,
                &validity,
                http::fact(&evidence.http),
                decision.as_ref().map(|decision| decision.headline.clone()),
            ),
            orders_hold: examples.iter().all(|example| example.order_holds),
            times_hold,
            best_efficiency: rows(&examples)
                .filter_map(|row| row.efficiency)
                .max_by(f64::total_cmp),
            examples,
            put_loses_more: evidence.staff.put_loses_more(),
            correct_clients: judged.filter(|client| judged::is_correct(&client.record)).count()
                as u64,
            regrets: evidence
                .selector
                .as_ref()
                .and_then(|it| RegretsModel::new(&it.verdicts, forecasts::title(&it.verdicts))),
            ledger_title: evidence.ledger.as_ref().map(|ledger| claims::title(&ledger.claims)),
            claims: ledger.map(ClaimLine::new).collect(),
            http: http::in_words(&evidence.http),
            staff: staff::in_words(&evidence.staff),
            map_title: evidence.map.as_ref().map(map::title),
            batches_title: evidence.batches.as_ref().map(batches::title),
            decision,
            audits: validity.in_words(),
            validity,
            workers: WORKERS.get(),
            batch_size: BATCH_SIZE.get(),
        }
    }
}

#[cfg(test)]
mod tests;
