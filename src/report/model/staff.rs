//! Updates lost beside other users at work, by PATCH and by PUT.

use crate::report::claims::EXAMPLES;
use crate::report::evidence::{ReportEvidence, StaffEvidence};
use neonbench_engine::engine::{Strategy, WriteMode};
use neonbench_engine::record::RunRecord;
use serde::Serialize;

/// One example beside other users.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffModel {
    pub example: u32,
    pub accounts: u64,
    pub mappings: u32,
    pub strategy: Option<Strategy>,
    pub profile: String,
    pub rows: Vec<StaffRow>,
    /// True if PUT loses more updates than PATCH.
    pub put_loses_more: bool,
}

/// One way of writing. Figures are means over its valid runs.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StaffRow {
    pub write: WriteMode,
    pub name: &'static str,
    pub runs: u64,
    pub invalid: u64,
    pub staff_edits: f64,
    pub lost_updates: f64,
    pub undone_by_staff: f64,
    pub body_kib: f64,
    pub makespan_s: f64,
}

impl StaffModel {
    pub(super) fn new(evidence: &ReportEvidence) -> Self {
        let sample = &evidence.staff;
        let example = EXAMPLES.iter().find(|example| example.number == sample.example);
        let rows: Vec<StaffRow> = sample.rows.iter().map(StaffRow::new).collect();
        let lost =
            |write| rows.iter().find(|row| row.write == write).map_or(0.0, |row| row.lost_updates);
        let first = sample.rows.first().and_then(|row| row.runs.first());
        Self {
            example: sample.example,
            accounts: example.map_or(0, |example| example.accounts),
            mappings: example.map_or(0, |example| example.mappings),
            strategy: first.map(|record| record.strategy),
            profile: first.map_or_else(String::new, |record| record.profile.clone()),
            put_loses_more: lost(WriteMode::Put) > lost(WriteMode::Patch),
            rows,
        }
    }
}

impl StaffRow {
    fn new(evidence: &StaffEvidence) -> Self {
        let valid: Vec<&RunRecord> =
            evidence.runs.iter().filter(|record| record.audit.valid).collect();
        let mean = |of: &dyn Fn(&RunRecord) -> f64| {
            valid.iter().map(|record| of(record)).sum::<f64>() / valid.len().max(1) as f64
        };
        let body_bytes = |record: &RunRecord| record.performance.request_body_bytes.unwrap_or(0);
        Self {
            write: evidence.write,
            name: evidence.write.name(),
            runs: evidence.runs.len() as u64,
            invalid: (evidence.runs.len() - valid.len()) as u64,
            staff_edits: mean(&|record| record.audit.staff_edits as f64),
            lost_updates: mean(&|record| record.audit.lost_updates as f64),
            undone_by_staff: mean(&|record| record.audit.undone_by_staff as f64),
            body_kib: mean(&|record| body_bytes(record) as f64 / 1024.0),
            makespan_s: mean(&|record| record.makespan_s),
        }
    }
}
