//! The evidence of a report: the records of the runs, and their provenance.
//!
//! Invariant: the page, `report.md` and the summary in `report.json` are functions of this alone.

use super::decision::Decision;
use super::guide::batches::BatchSample;
use super::guide::claims::LedgerSample;
use super::methodology::auto::SelectorSample;
use super::methodology::benches::BenchRate;
use super::methodology::http::HttpSample;
use super::methodology::staff::StaffSample;
use super::shared::provenance::{Provenance, Timestamped};
use super::shared::rows::RowEvidence;
use crate::judge::JudgeRecord;
use crate::select::DecisionMap;
use crate::selftest::SelftestRecord;
use neonbench_engine::record::RunRecord;
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

impl ReportEvidence {
    /// Every run behind the report, but for those of its decision.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> + Clone {
        let pairs = self.http.pairs.iter().flat_map(|pair| [&pair.http, &pair.simulated]);
        let staffed = self.staff.rows.iter().flat_map(|row| &row.runs);
        self.rows.iter().flat_map(|row| &row.runs).chain(pairs).chain(staffed)
    }
}
