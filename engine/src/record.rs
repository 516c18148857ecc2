//! The record of one run: the JSON of `run --json`, and what reports are made of.

mod edits;
mod limits;
mod orders;
mod processes;
mod times;
mod unmapped;

pub use edits::{ColleagueEdits, EditsOfRun};
pub use limits::{RecordedLimit, RecordedLimits};
pub use orders::RecordedOrder;
pub use processes::ProcessFigures;
pub use times::{CallTimesS, Exposure};
pub use unmapped::{UnmappedRow, UnmappedValues};

use crate::engine::limiter::Limiter;
use crate::engine::{Guard, Reads, Strategy, WriteMode};
use crate::event::Outcome;
use crate::measure::{Measure, RecordCounts};
use hdrhistogram::Histogram;
use neon_mock::api::{Class, Endpoint};
use neon_mock::integration::Echo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the record's form.
pub const SCHEMA: u32 = 1;

/// Which world a run happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorldName {
    /// In process, in virtual time.
    Virtual,
    /// Over HTTP, by the wall clock.
    Http,
}

/// Origin of the choice of strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The user named it.
    User,
    /// `auto` did.
    Selector,
}

/// Side that counted the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CountedBy {
    /// The mock.
    Server,
    /// The engine, when the server is remote and gives no access to its counts.
    Client,
}

/// Source of the final state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditBy {
    /// From the mock itself, all accounts.
    Server,
    /// From reads of each account through the API; only the plan's accounts are seen.
    ReadBack,
    /// From reads of a sample of them.
    Sample,
    /// The accounts were not read again, as it was asked for.
    #[serde(rename = "none")]
    Nobody,
}

/// The record of one run. Members ending in `_s` are seconds, in `_ms` milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Version of the format, [`SCHEMA`].
    pub schema: u32,
    /// Strategy that ran; never `auto`.
    pub strategy: Strategy,
    /// Origin of the choice of strategy.
    pub chosen_by: ChosenBy,
    /// Reason of the choice, in words.
    pub reason: String,
    /// World of the run.
    pub world: WorldName,
    /// Seed of the organisation, the service times and the jitter.
    pub seed: u64,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Name of the profile.
    pub profile: String,
    /// Digest of the profile's contents.
    pub profile_digest: String,
    /// Accounts that the run is for.
    pub resources: u64,
    /// Mappings of the plan.
    pub mappings: u64,
    /// Accounts or batches side by side.
    pub workers: u32,
    /// Accounts per batch.
    pub batch_size: u32,
    /// Accounts after which the run paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<u32>,
    /// Call that reads accounts.
    #[serde(default)]
    pub reads: Reads,
    /// Limiter of the calls in flight; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limiter: Option<Limiter>,
    /// Call that writes accounts.
    #[serde(default)]
    pub write: WriteMode,
    /// Protection of an account between its read and its write.
    #[serde(default)]
    pub guard: Guard,
    /// True if nothing was to be written.
    pub dry_run: bool,
    /// True if the user stopped the run before every account had ended.
    #[serde(default, skip_serializing_if = "is_no")]
    pub stopped: bool,
    /// Number of the run in the store, if it has a journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    /// Figures of the processes that carried the run out, in order, if it was stopped and resumed: its times
    /// and calls are the sums. Empty for a run of one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessFigures>,
    /// Processes that left no figures, since they were killed or failed: the sums are too small then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub processes_lost: u64,
    /// Time from the first call due to the last account ended.
    pub makespan_s: f64,
    /// Time of the makespan in which the run was held: by a person, a file or the hours of the day.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub paused_s: f64,
    /// The first 1,000 orders that the run was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<RecordedOrder>,
    /// Quantiles 0.05, 0.5 and 0.95 of the makespan of runs to come, from ten replicates or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makespan_s_interval: Option<[f64; 3]>,
    /// Median makespan of the replicates, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makespan_s_median: Option<f64>,
    /// Mean makespan of the replicates, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makespan_s_mean: Option<f64>,
    /// Valid replicates, this run among them, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicates: Option<u64>,
    /// Physical limit of the scenario: a bound on the expected makespan of any client that writes by the
    /// calls that this run writes by: by PATCH, unless PUT or both were asked for.
    pub lower_bound_s: f64,
    /// The same of any client: of one that writes by PATCH and PUT side by side. 0 in records of old.
    #[serde(default)]
    pub lower_bound_any_client_s: f64,
    /// `lower_bound_s` ÷ `makespan_s`; may exceed 1 for a single seed.
    pub efficiency: f64,
    /// Time of the engine with its folds, by the wall clock.
    pub wall_s: f64,
    /// Time of the audit, by the wall clock.
    pub audit_wall_s: f64,
    /// Side that counted the calls.
    pub counted_by: CountedBy,
    /// Attempts that reached the server.
    pub calls: CallCounts,
    /// Accounts per outcome.
    pub records: RecordCounts,
    /// Values for which a map has no entry.
    #[serde(default, skip_serializing_if = "UnmappedValues::is_none")]
    pub unmapped: UnmappedValues,
    /// Rates, costs and peaks.
    pub performance: Performance,
    /// The audit's verdict.
    pub audit: AuditVerdict,
    /// Time from due to done of the calls that were carried out.
    pub response_ms: ResponseMs,
    /// Times from sent to done of the calls that were carried out: waits are not in them.
    #[serde(default)]
    pub service_ms: ResponseMs,
    /// Limits of the server, as the profile has them.
    #[serde(default)]
    pub limits: RecordedLimits,
    /// Mean number of calls in flight over the makespan.
    pub in_flight_mean: f64,
    /// Where the time of all calls together went.
    #[serde(default)]
    pub call_times: CallTimesS,
    /// Time during which accounts were open to edits of others.
    #[serde(default)]
    pub exposure: Exposure,
    /// Edits of colleagues, over the replicates if there are any.
    #[serde(flatten)]
    pub edits: ColleagueEdits,
    /// Webhooks that the run set off, and the calls of integrations because of them, as the mock counted them.
    #[serde(default, skip_serializing_if = "Echo::is_none")]
    pub echo: Echo,
    /// Accounts that failed.
    pub errors_total: u64,
    /// The first 100 of them.
    pub errors: Vec<ErrorDetail>,
    /// Warnings for people.
    pub warnings: Vec<String>,
    /// Command to run next; empty if there is none.
    pub next_command: String,
}

/// Attempts that reached the server, refusals included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCounts {
    /// All attempts.
    pub total: u64,
    /// Admitted reads of single accounts.
    pub record_reads: u64,
    /// Admitted writes of accounts.
    pub record_writes: u64,
    /// Admitted searches.
    pub searches: u64,
    /// Admitted look-ups of field definitions.
    pub metadata: u64,
    /// Attempts refused with 429.
    pub rejected: u64,
    /// Attempts beyond the first of their call.
    pub retries: u64,
    /// Attempts that failed in another way, those without an answer in time among them, as the engine
    /// counted them.
    pub failed: u64,
}

impl CallCounts {
    /// No calls.
    pub const NONE: Self = Self {
        total: 0,
        record_reads: 0,
        record_writes: 0,
        searches: 0,
        metadata: 0,
        rejected: 0,
        retries: 0,
        failed: 0,
    };

    /// Share of the calls that were refused; 0 without calls.
    pub fn refused_share(&self) -> f64 {
        ratio(self.rejected as f64, self.total as f64)
    }

    /// 1 − record calls ÷ `baseline` calls; 0 without a baseline.
    pub(crate) fn reduction(&self, baseline: u64) -> f64 {
        if baseline > 0 { 1.0 - self.record_calls() as f64 / baseline as f64 } else { 0.0 }
    }

    /// The calls of a run as its own side counted them.
    pub fn of_client(measure: &Measure) -> Self {
        let admitted = |class: Class| {
            let endpoints = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.class() == class);
            endpoints
                .map(|endpoint| {
                    measure.attempts(endpoint) - measure.count(endpoint, Outcome::Rejected)
                })
                .sum::<u64>()
        };
        Self {
            total: measure.total_attempts(),
            record_reads: admitted(Class::Get),
            record_writes: admitted(Class::Patch) + admitted(Class::Put),
            searches: admitted(Class::Search),
            metadata: admitted(Class::Metadata),
            rejected: measure.count_all(Outcome::Rejected),
            retries: measure.retries(),
            failed: measure.failed_attempts(),
        }
    }

    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            record_reads: self.record_reads + other.record_reads,
            record_writes: self.record_writes + other.record_writes,
            searches: self.searches + other.searches,
            metadata: self.metadata + other.metadata,
            rejected: self.rejected + other.rejected,
            retries: self.retries + other.retries,
            failed: self.failed + other.failed,
        }
    }

    /// Calls that read or wrote records, on any endpoint; metadata look-ups are not counted.
    pub const fn record_calls(&self) -> u64 {
        self.record_reads + self.record_writes + self.searches
    }
}

/// Rates and costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Performance {
    /// Accounts ended per second of makespan.
    pub resources_per_s: f64,
    /// Attempts per second of makespan.
    pub api_calls_per_s: f64,
    /// Makespan ÷ accounts.
    pub avg_time_per_resource_s: f64,
    /// Makespan ÷ attempts.
    pub avg_time_per_api_call_s: f64,
    /// Calls of the guide's baseline: accounts × mappings × 2.
    pub baseline_calls: u64,
    /// 1 − record calls ÷ `baseline_calls`; 0 without a baseline.
    pub api_call_reduction: f64,
    /// The most accounts in memory between read and write.
    pub peak_buffered_records: u64,
    /// Connections that were used; 0 in virtual time.
    pub connections_opened: u64,
    /// Bytes of the requests' bodies; null where no body was made, as in virtual time without staff.
    #[serde(default)]
    pub request_body_bytes: Option<u64>,
}

/// The audit's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerdict {
    /// True if the run has no faults, and something was judged where there was anything to judge.
    pub valid: bool,
    /// Source of the final state.
    pub by: AuditBy,
    /// Accounts that are not as the plan demands.
    pub mismatched: u64,
    /// Edits of others that the run overwrote unseen.
    pub lost_updates: u64,
    /// Writes of the run that others overwrote.
    #[serde(default)]
    pub undone_by_staff: u64,
    /// Fields that others saved during the run.
    #[serde(default)]
    pub staff_edits: u64,
    /// Digest of the final state.
    pub state_digest: String,
    /// Reasons why the run is invalid.
    pub faults: Vec<String>,
    /// Calls of the audit, which are not among those of the run; none where it looks into the mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallCounts>,
    /// Accounts that were read again through the API.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub read_back: u64,
    /// Accounts that were to be read again and could not be, or were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_read_back: u64,
    /// The accounts among them that could not be read: nothing is known of them, neither good nor bad.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// Accounts that were deleted or merged during the run or since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Fields that the run wrote and others wrote since, as far as they were read again: no fault of the run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edited_since: u64,
    /// The first 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits_since: Vec<EditedField>,
}

/// A field of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditedField {
    /// Id of the account.
    pub resource_id: String,
    /// Name of the field.
    pub field: String,
}

/// Times of calls that were carried out, by class of endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "one member a class")]
pub struct ResponseMs {
    pub get: Quantiles,
    pub patch: Quantiles,
    pub put: Quantiles,
    pub search: Quantiles,
    pub metadata: Quantiles,
}

/// Quantiles of a histogram, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Number of values.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// Quantile 0.9.
    pub p90: f64,
    /// Quantile 0.99.
    pub p99: f64,
    /// Largest value.
    pub max: f64,
}

impl Quantiles {
    /// Quantiles of `histogram`, whose values are in ns.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let ms = |ns: u64| (ns as f64 / 1e3).round() / 1e3;
        // A bucket's upper end may lie above the largest value, which bounds every quantile.
        let at = |quantile| ms(histogram.value_at_quantile(quantile).min(histogram.max()));
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: ms(histogram.max()),
        }
    }
}

impl ResponseMs {
    pub(crate) fn of(times: impl Fn(Class) -> Histogram<u64>) -> Self {
        Self {
            get: Quantiles::of(&times(Class::Get)),
            patch: Quantiles::of(&times(Class::Patch)),
            put: Quantiles::of(&times(Class::Put)),
            search: Quantiles::of(&times(Class::Search)),
            metadata: Quantiles::of(&times(Class::Metadata)),
        }
    }
}

/// One account that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetail {
    /// Id of the account.
    pub resource_id: String,
    /// Endpoint of the call that failed; empty if a value did not fit.
    pub endpoint: String,
    /// Outcome of its last attempt, or `invalid_value`.
    pub outcome: String,
    /// HTTP status of its last answer; 0 without an answer.
    pub status: u16,
    /// Attempts of the call.
    pub attempts: u32,
    /// Message for people, without values of the account.
    pub message: String,
    /// The value that did not fit, where its user asked to see values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Advice for people.
    pub hint: String,
}

impl RunRecord {
    /// Edits of colleagues in this run alone.
    pub fn own_edits(&self) -> EditsOfRun {
        EditsOfRun {
            overwritten: self.audit.lost_updates,
            saved: self.audit.staff_edits,
            exposure_s: self.exposure.mean_s,
        }
    }

    /// Physical limit ÷ makespan, of the mean makespan where there are replicates; `None` where
    /// nothing limits.
    pub fn mean_efficiency(&self) -> Option<f64> {
        let makespan_s = self.makespan_s_mean.unwrap_or(self.makespan_s);
        self.limits.exist().then(|| ratio(self.lower_bound_s, makespan_s))
    }

    /// Strategy, workers and batch size, as people name them: `hybrid 5/50`.
    pub fn configuration(&self) -> String {
        format!("{} {}/{}", self.strategy, self.workers, self.batch_size)
    }

    /// Adds the values that did not fit, which may be personal: for eyes that asked for them, and
    /// not for the store.
    pub fn show_values(&mut self, measure: &Measure) {
        for (error, (_, failure)) in self.errors.iter_mut().zip(measure.failures()) {
            error.value.clone_from(&failure.value);
        }
        self.unmapped = UnmappedValues::of(measure.unmapped(), true);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it would skip so")]
const fn is_no(flag: &bool) -> bool {
    !*flag
}

const fn is_empty(text: &str) -> bool {
    text.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it would skip so")]
const fn is_nothing(figure: &f64) -> bool {
    *figure == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it would skip so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// `part` ÷ `whole`; 0 where there is no whole.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
