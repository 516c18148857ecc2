//! The record of one run: the JSON of `run --json`, and what reports are made of.

mod limits;
mod times;

pub use limits::{RecordedLimit, RecordedLimits};
pub use times::{CallTimesS, Exposure};

use crate::audit::Audit;
use crate::engine::{Guard, Reads, Settings, Strategy};
use crate::event::Outcome;
use crate::measure::Measure;
use crate::transport::Traffic;
use hdrhistogram::Histogram;
use neon_mock::Calls as ServerCalls;
use neon_mock::api::{Class, Endpoint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Time from the first call due to the last account ended.
    pub makespan_s: f64,
    /// Quantiles 0.05, 0.5 and 0.95 of the makespan over replicates, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makespan_s_interval: Option<[f64; 3]>,
    /// Physical limit of the scenario: a bound on the expected makespan.
    pub lower_bound_s: f64,
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
    /// Attempts that failed in another way.
    pub failed: u64,
}

impl CallCounts {
    /// Share of the calls that were refused; 0 without calls.
    pub fn refused_share(&self) -> f64 {
        ratio(self.rejected as f64, self.total as f64)
    }

    /// Calls that read or wrote records, on any endpoint; metadata look-ups are not counted.
    pub const fn record_calls(&self) -> u64 {
        self.record_reads + self.record_writes + self.searches
    }
}

/// Number of accounts per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordCounts {
    /// All accounts that ended.
    pub total: u64,
    /// Written, or to be written in a dry run.
    pub migrated: u64,
    /// Already as the plan demands.
    pub unchanged: u64,
    /// Not applicable, or merged.
    pub skipped: u64,
    /// Not, or not wholly, migrated.
    pub failed: u64,
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
    /// True if the run has no faults.
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
    fn of(times: impl Fn(Class) -> Histogram<u64>) -> Self {
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

/// Description of a run, without its figures.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the members go into the record as they are")]
pub struct RunMeta<'a> {
    pub settings: &'a Settings,
    pub chosen_by: ChosenBy,
    pub reason: &'a str,
    pub world: WorldName,
    pub scenario: &'a str,
    pub dataset: &'a str,
    pub profile: &'a str,
    pub profile_digest: &'a str,
    pub mappings: u64,
}

/// What is facts of a run beside the engine's own figures.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the members go into the record as they are")]
pub struct RunFacts<'a> {
    pub audit: &'a Audit,
    pub audit_by: AuditBy,
    /// The server's counts; `None` when the server is remote and gives no access to them.
    pub server_calls: Option<&'a ServerCalls>,
    pub lower_bound: Duration,
    pub limits: RecordedLimits,
    pub wall: Duration,
    pub audit_wall: Duration,
    pub traffic: Traffic,
}

impl RunRecord {
    /// Strategy, workers and batch size, as people name them: `hybrid 5/50`.
    pub fn configuration(&self) -> String {
        format!("{} {}/{}", self.strategy, self.workers, self.batch_size)
    }

    /// Puts the figures of one run together.
    pub fn new(meta: &RunMeta<'_>, measure: &Measure, facts: &RunFacts<'_>) -> Self {
        let RunMeta { settings, mappings, .. } = *meta;
        let makespan_s = measure.makespan().as_secs_f64();
        let lower_bound_s = facts.lower_bound.as_secs_f64();
        let calls = match facts.server_calls {
            Some(server) => counted_by_server(server, measure),
            None => counted_by_client(measure),
        };
        let records = measure.records();
        Self {
            schema: SCHEMA,
            strategy: settings.strategy,
            chosen_by: meta.chosen_by,
            reason: meta.reason.to_owned(),
            world: meta.world,
            seed: settings.seed,
            scenario: meta.scenario.to_owned(),
            dataset: meta.dataset.to_owned(),
            profile: meta.profile.to_owned(),
            profile_digest: meta.profile_digest.to_owned(),
            resources: measure.resources(),
            mappings,
            workers: settings.workers.get(),
            batch_size: settings.batch_size.get(),
            chunk_size: settings.chunk_size.map(std::num::NonZeroU32::get),
            reads: settings.reads_in_force(),
            guard: settings.guard,
            dry_run: settings.dry_run,
            stopped: false,
            run: None,
            makespan_s,
            makespan_s_interval: None,
            lower_bound_s,
            efficiency: ratio(lower_bound_s, makespan_s),
            wall_s: facts.wall.as_secs_f64(),
            audit_wall_s: facts.audit_wall.as_secs_f64(),
            counted_by: match facts.server_calls {
                Some(_) => CountedBy::Server,
                None => CountedBy::Client,
            },
            calls,
            records: RecordCounts {
                total: records.total(),
                migrated: records.migrated,
                unchanged: records.unchanged,
                skipped: records.skipped,
                failed: records.failed,
            },
            performance: performance(measure, calls, mappings, facts.traffic),
            audit: AuditVerdict {
                valid: facts.audit.is_valid(),
                by: facts.audit_by,
                mismatched: facts.audit.mismatched,
                lost_updates: facts.audit.lost_updates,
                undone_by_staff: facts.audit.undone_by_staff,
                staff_edits: facts.audit.staff_edits,
                state_digest: facts.audit.state_digest.clone(),
                faults: facts.audit.faults.clone(),
            },
            response_ms: ResponseMs::of(|class| measure.responses(class)),
            service_ms: ResponseMs::of(|class| measure.services(class)),
            limits: facts.limits,
            in_flight_mean: measure.in_flight_mean(),
            call_times: CallTimesS::of(measure.call_times()),
            exposure: Exposure::of(measure),
            errors_total: records.failed,
            errors: measure.failures().iter().map(|(id, failure)| detail(*id, failure)).collect(),
            warnings: warnings(settings, measure, calls),
            next_command: String::new(),
        }
    }

    /// Adds the values that did not fit, which may be personal: for eyes that asked for them, and
    /// not for the store.
    pub fn show_values(&mut self, measure: &Measure) {
        for (error, (_, failure)) in self.errors.iter_mut().zip(measure.failures()) {
            error.value.clone_from(&failure.value);
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it would skip so")]
const fn is_no(flag: &bool) -> bool {
    !*flag
}

/// `part` ÷ `whole`; 0 where there is no whole.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn performance(
    measure: &Measure,
    calls: CallCounts,
    mappings: u64,
    traffic: Traffic,
) -> Performance {
    let makespan_s = measure.makespan().as_secs_f64();
    let resources = measure.resources();
    let baseline_calls = resources * mappings * 2;
    Performance {
        resources_per_s: ratio(measure.records().total() as f64, makespan_s),
        api_calls_per_s: ratio(calls.total as f64, makespan_s),
        avg_time_per_resource_s: ratio(makespan_s, resources as f64),
        avg_time_per_api_call_s: ratio(makespan_s, calls.total as f64),
        baseline_calls,
        api_call_reduction: if baseline_calls > 0 {
            1.0 - calls.record_calls() as f64 / baseline_calls as f64
        } else {
            0.0
        },
        peak_buffered_records: measure.peak_buffered(),
        connections_opened: traffic.connections_opened,
        request_body_bytes: traffic.request_body_bytes,
    }
}

fn counted_by_server(server: &ServerCalls, measure: &Measure) -> CallCounts {
    CallCounts {
        total: server.total(),
        record_reads: server.of(Endpoint::GetAccount).admitted,
        record_writes: server.admitted(Class::Patch) + server.admitted(Class::Put),
        searches: server.admitted(Class::Search),
        metadata: server.admitted(Class::Metadata),
        rejected: server.rejected(),
        retries: measure.retries(),
        failed: server.failed(),
    }
}

fn counted_by_client(measure: &Measure) -> CallCounts {
    let admitted = |class: Class| {
        let endpoints = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.class() == class);
        endpoints
            .map(|endpoint| measure.attempts(endpoint) - measure.count(endpoint, Outcome::Rejected))
            .sum::<u64>()
    };
    let total = measure.total_attempts();
    let (ok, rejected) = (measure.count_all(Outcome::Ok), measure.count_all(Outcome::Rejected));
    CallCounts {
        total,
        record_reads: admitted(Class::Get),
        record_writes: admitted(Class::Patch) + admitted(Class::Put),
        searches: admitted(Class::Search),
        metadata: admitted(Class::Metadata),
        rejected,
        retries: measure.retries(),
        failed: total - ok - rejected,
    }
}

fn detail(id: neon_mock::api::AccountId, failure: &crate::event::Failure) -> ErrorDetail {
    let call = failure.call.as_ref();
    ErrorDetail {
        resource_id: id.to_string(),
        endpoint: call.map_or_else(String::new, |call| call.endpoint.name().to_owned()),
        outcome: call.map_or("invalid_value", |call| call.outcome.name()).to_owned(),
        status: call.and_then(|call| call.status).map_or(0, |status| status.0),
        attempts: call.map_or(0, |call| call.attempts),
        message: failure.message.clone(),
        value: None,
        hint: hint(call.map(|call| call.outcome)).to_owned(),
    }
}

/// Advice for people about a failure.
const fn hint(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "change the value, map it by a transform, or add the option in Neon",
        Some(Outcome::NotFound) => "no such account: check the list of ids",
        Some(Outcome::Rejected) => "refused for ten minutes: use fewer workers",
        Some(Outcome::ServerError) => "Neon's fault: run again later for the failed accounts",
        Some(Outcome::Unauthorized | Outcome::Forbidden) => {
            "check the key, and its user's permissions"
        }
        Some(Outcome::Unreachable | Outcome::Timeout | Outcome::Interrupted) => {
            "check the network, and run again for the failed accounts"
        }
        Some(_) => "the answer was not as documented: look at one such account by hand",
    }
}

fn warnings(settings: &Settings, measure: &Measure, calls: CallCounts) -> Vec<String> {
    /// Share of calls refused from which workers are too many rather than unlucky.
    const MANY: f64 = 0.01;
    let mut warnings = settings.warnings();
    let refused = calls.refused_share();
    if refused > MANY {
        warnings.push(format!(
            "{:.1} % of the calls were refused with 429: more workers than Neon admits at once",
            refused * 100.0
        ));
    }
    for (reason, accounts) in measure.skipped() {
        warnings.push(format!("{accounts} accounts skipped: {reason}"));
    }
    warnings
}
