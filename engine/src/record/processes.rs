//! The record of a run that several processes carried out: the sum of their figures.

use super::{
    AuditVerdict, CallCounts, CallTimesS, ErrorDetail, Exposure, Performance, RunRecord, ratio,
};
use crate::measure::RecordCounts;
use neon_mock::api::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Errors that a record holds.
const MOST_ERRORS: usize = 100;

/// Figures of one process of a run that was stopped and resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessFigures {
    /// Time from its first call due to its last account ended.
    pub makespan_s: f64,
    /// Time of the engine, by the wall clock.
    pub wall_s: f64,
    /// Its attempts that reached the server, without those of its audit.
    pub calls: CallCounts,
    /// Attempts of its audit.
    pub audit_calls: u64,
    /// Accounts that it ended.
    pub landed: u64,
}

impl RunRecord {
    /// Makes this record, of a process that ended `landed` accounts, that of the whole run: the sum with the
    /// `earlier` processes' record. `lost` are processes in between that left no figures, since they were
    /// killed or failed.
    ///
    /// Times and calls are added up; rates and the efficiency follow from the sums. Accounts, audit and lower
    /// bound are of the whole run already. Quantiles of the times of calls are those of this process; those
    /// of the exposure are the larger ones.
    pub fn continue_from(&mut self, earlier: Option<&Self>, landed: u64, lost: u64) {
        let process = |record: &Self, landed| ProcessFigures {
            makespan_s: record.makespan_s,
            wall_s: record.wall_s,
            calls: record.calls,
            audit_calls: record.audit.calls.map_or(0, |calls| calls.total),
            landed,
        };
        let this = process(self, landed);
        self.processes_lost = lost + earlier.map_or(0, |earlier| earlier.processes_lost);
        let Some(earlier) = earlier else { return };
        let mut processes = earlier.processes.clone();
        if processes.is_empty() {
            processes.push(process(earlier, earlier.records.total));
        }
        processes.push(this);
        self.in_flight_mean = ratio(
            self.in_flight_mean * self.makespan_s + earlier.in_flight_mean * earlier.makespan_s,
            self.makespan_s + earlier.makespan_s,
        );
        self.makespan_s += earlier.makespan_s;
        self.paused_s += earlier.paused_s;
        self.controls.splice(..0, earlier.controls.iter().cloned());
        self.wall_s += earlier.wall_s;
        self.audit_wall_s += earlier.audit_wall_s;
        self.calls = self.calls.plus(earlier.calls);
        self.audit.calls = match (self.audit.calls, earlier.audit.calls) {
            (Some(ours), Some(theirs)) => Some(ours.plus(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.echo = self.echo.plus(earlier.echo);
        self.call_times = self.call_times.plus(earlier.call_times);
        self.exposure = self.exposure.plus(earlier.exposure);
        self.efficiency = ratio(self.lower_bound_s, self.makespan_s);
        let landed = processes.iter().map(|process| process.landed).sum();
        self.performance = self.performance.plus(&earlier.performance, self, landed);
        self.processes = processes;
    }
}

impl RunRecord {
    /// The record of the whole run after this process tried the accounts `again` that the `earlier` ones could
    /// not migrate, and ended `landed` of them.
    ///
    /// Accounts move from the failed ones to where they have ended now. Times, calls and what the audits
    /// found are added up.
    #[must_use]
    pub fn after_retry(self, earlier: &Self, again: &[AccountId], landed: u64) -> Self {
        let (was, now) = (earlier.records, self.records);
        let is_settled =
            |error: &ErrorDetail| again.iter().any(|id| id.to_string() == error.resource_id);
        let left = earlier.errors.iter().filter(|error| !is_settled(error)).cloned();
        let errors = left.chain(self.errors.iter().cloned()).take(MOST_ERRORS).collect();
        let mut whole = Self {
            resources: earlier.resources,
            lower_bound_s: earlier.lower_bound_s,
            lower_bound_any_client_s: earlier.lower_bound_any_client_s,
            records: RecordCounts {
                total: was.total,
                migrated: was.migrated + now.migrated,
                unchanged: was.unchanged + now.unchanged,
                unmapped: was.unmapped + now.unmapped,
                skipped: was.skipped + now.skipped,
                failed: was.failed.saturating_sub(now.total) + now.failed,
            },
            errors_total: earlier.errors_total.saturating_sub(now.total) + self.errors_total,
            errors,
            audit: self.audit.clone().after(&earlier.audit),
            unmapped: earlier.unmapped.clone(),
            ..self
        };
        whole.continue_from(Some(earlier), landed, 0);
        whole
    }
}

impl AuditVerdict {
    /// This verdict on some accounts after `earlier` on all of them.
    fn after(self, earlier: &Self) -> Self {
        Self {
            valid: self.valid && earlier.valid,
            mismatched: self.mismatched + earlier.mismatched,
            lost_updates: self.lost_updates + earlier.lost_updates,
            undone_by_staff: self.undone_by_staff + earlier.undone_by_staff,
            staff_edits: self.staff_edits + earlier.staff_edits,
            faults: earlier.faults.iter().cloned().chain(self.faults).collect(),
            read_back: self.read_back + earlier.read_back,
            not_read_back: self.not_read_back + earlier.not_read_back,
            gone: self.gone + earlier.gone,
            edited_since: self.edited_since + earlier.edited_since,
            edits_since: earlier.edits_since.iter().cloned().chain(self.edits_since).collect(),
            ..self
        }
    }
}

impl CallTimesS {
    fn plus(self, other: Self) -> Self {
        Self {
            served_s: self.served_s + other.served_s,
            wasted_s: self.wasted_s + other.wasted_s,
            queued_s: self.queued_s + other.queued_s,
            paced_s: self.paced_s + other.paced_s,
            backed_off_s: self.backed_off_s + other.backed_off_s,
        }
    }
}

impl Exposure {
    fn plus(self, other: Self) -> Self {
        let writes = self.writes + other.writes;
        let account_s = self.account_s + other.account_s;
        Self {
            writes,
            mean_s: ratio(account_s, writes as f64),
            p50_s: self.p50_s.max(other.p50_s),
            p99_s: self.p99_s.max(other.p99_s),
            max_s: self.max_s.max(other.max_s),
            account_s,
            rereads: self.rereads + other.rereads,
            changed_meanwhile: self.changed_meanwhile + other.changed_meanwhile,
        }
    }
}

impl Performance {
    /// The rates of `sum`, in which `landed` accounts ended.
    fn plus(self, other: &Self, sum: &RunRecord, landed: u64) -> Self {
        let calls = sum.calls;
        let sent = [self.request_body_bytes, other.request_body_bytes];
        Self {
            resources_per_s: ratio(landed as f64, sum.makespan_s),
            api_calls_per_s: ratio(calls.total as f64, sum.makespan_s),
            avg_time_per_resource_s: ratio(sum.makespan_s, sum.resources as f64),
            avg_time_per_api_call_s: ratio(sum.makespan_s, calls.total as f64),
            baseline_calls: self.baseline_calls,
            api_call_reduction: calls.reduction(self.baseline_calls),
            peak_buffered_records: self.peak_buffered_records.max(other.peak_buffered_records),
            connections_opened: self.connections_opened + other.connections_opened,
            request_body_bytes: sent.into_iter().flatten().reduce(|a, b| a + b),
        }
    }
}
