//! Runs that passed their audit, and what was lost in them.

use crate::text::{count, plural};
use neonbench_engine::record::RunRecord;
use serde::Serialize;

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

impl Validity {
    pub(crate) fn new<'a>(records: impl Iterator<Item = &'a RunRecord> + Clone) -> Self {
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
    pub(crate) fn in_words(&self) -> String {
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
