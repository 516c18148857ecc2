//! The record of one run: the JSON of `run --json`, and what reports are made of.

mod times;

pub use times::{CallTimesS, Exposure};

use crate::audit::Audit;
use crate::engine::{Guard, Reads, Settings, Strategy};
use crate::event::Outcome;
use crate::measure::Measure;
use crate::transport::Traffic;
use hdrhistogram::Histogram;
use neon_mock::Calls as ServerCalls;
use neon_mock::api::{Class, Endpoint};
use neon_mock::profile::Profile;
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

/// Who chose a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The user named it.
    User,
    /// `auto` did.
    Selector,
}

/// Who counted the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CountedBy {
    /// The mock.
    Server,
    /// The engine, where the server is not ours to ask.
    Client,
}

/// How the final state was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditBy {
    /// From the mock itself, all accounts.
    Server,
    /// Account by account through the API, those of the plan.
    ReadBack,
}

/// The record of one run. Members ending in `_s` are seconds, in `_ms` milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's, and METHODOLOGY defines them")]
pub struct RunRecord {
    pub schema: u32,
    pub strategy: Strategy,
    pub chosen_by: ChosenBy,
    pub reason: String,
    pub world: WorldName,
    pub seed: u64,
    pub scenario: String,
    pub dataset: String,
    pub profile: String,
    pub profile_digest: String,
    pub resources: u64,
    pub mappings: u64,
    pub workers: u32,
    pub batch_size: u32,
    /// Accounts after which the run paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<u32>,
    #[serde(default)]
    pub reads: Reads,
    #[serde(default)]
    pub guard: Guard,
    pub dry_run: bool,
    /// Whether its user stopped it before every account had ended.
    #[serde(default, skip_serializing_if = "is_no")]
    pub stopped: bool,
    /// The number that it goes by in the store, where it keeps a journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    pub makespan_s: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makespan_s_interval: Option<[f64; 3]>,
    pub lower_bound_s: f64,
    pub efficiency: f64,
    pub wall_s: f64,
    pub audit_wall_s: f64,
    pub counted_by: CountedBy,
    pub calls: CallCounts,
    pub records: RecordCounts,
    pub performance: Performance,
    pub audit: AuditVerdict,
    pub response_ms: ResponseMs,
    /// Times from sent to done of the calls that were carried out: waits are not in them.
    #[serde(default)]
    pub service_ms: ResponseMs,
    /// What the server admits, as the profile has it.
    #[serde(default)]
    pub limits: RecordedLimits,
    pub in_flight_mean: f64,
    /// Where the time of all calls together went.
    #[serde(default)]
    pub call_times: CallTimesS,
    #[serde(default)]
    pub exposure: Exposure,
    pub errors_total: u64,
    pub errors: Vec<ErrorDetail>,
    pub warnings: Vec<String>,
    pub next_command: String,
}

/// Attempts that reached the server, refusals included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct CallCounts {
    pub total: u64,
    pub record_reads: u64,
    pub record_writes: u64,
    pub searches: u64,
    pub metadata: u64,
    pub rejected: u64,
    pub retries: u64,
    pub failed: u64,
}

impl CallCounts {
    /// Share of the calls that were refused; 0 without calls.
    pub fn refused_share(&self) -> f64 {
        ratio(self.rejected as f64, self.total as f64)
    }

    /// Calls that read or wrote records, by whatever endpoint; look-ups are apart.
    pub const fn record_calls(&self) -> u64 {
        self.record_reads + self.record_writes + self.searches
    }
}

/// How the accounts ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct RecordCounts {
    pub total: u64,
    pub migrated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub failed: u64,
}

/// Rates and costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct Performance {
    pub resources_per_s: f64,
    pub api_calls_per_s: f64,
    pub avg_time_per_resource_s: f64,
    pub avg_time_per_api_call_s: f64,
    pub baseline_calls: u64,
    pub api_call_reduction: f64,
    pub peak_buffered_records: u64,
    pub connections_opened: u64,
    /// Bytes of the requests' bodies; null where no body was made, as in virtual time without staff.
    #[serde(default)]
    pub request_body_bytes: Option<u64>,
}

/// The audit's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct AuditVerdict {
    pub valid: bool,
    pub by: AuditBy,
    pub mismatched: u64,
    pub lost_updates: u64,
    #[serde(default)]
    pub undone_by_staff: u64,
    #[serde(default)]
    pub staff_edits: u64,
    pub state_digest: String,
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
#[allow(missing_docs, reason = "the names say it")]
pub struct Quantiles {
    pub count: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Quantiles {
    /// Those of `histogram`, whose values are ns.
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

/// What the server admits on the endpoints that a migration calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "one member an endpoint")]
#[schemars(rename = "Limits")]
pub struct RecordedLimits {
    /// Whether they are assumed: the server is not ours to ask.
    pub assumed: bool,
    pub get: RecordedLimit,
    pub patch: RecordedLimit,
    pub put: RecordedLimit,
    pub search: RecordedLimit,
}

/// What one endpoint admits; null where there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Limit")]
pub struct RecordedLimit {
    /// Calls in flight.
    pub pool: Option<u32>,
    /// Calls a second.
    pub per_second: Option<u32>,
}

impl RecordedLimits {
    /// Those of `profile`.
    pub fn of(profile: &Profile, assumed: bool) -> Self {
        let limit = |endpoint| RecordedLimit {
            pool: profile.pool(endpoint),
            per_second: profile.per_second(endpoint),
        };
        Self {
            assumed,
            get: limit(Endpoint::GetAccount),
            patch: limit(Endpoint::PatchAccount),
            put: limit(Endpoint::PutAccount),
            search: limit(Endpoint::SearchAccounts),
        }
    }
}

/// One account that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct ErrorDetail {
    pub resource_id: String,
    pub endpoint: String,
    pub outcome: String,
    pub status: u16,
    pub attempts: u32,
    pub message: String,
    /// The value that did not fit, where its user asked to see values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub hint: String,
}

/// What a run of `settings` is, beside its figures.
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
    /// The server's counts; `None` where the server is not ours to ask.
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
    pub fn new(heading: &RunMeta<'_>, measure: &Measure, facts: &RunFacts<'_>) -> Self {
        let RunMeta { settings, mappings, .. } = *heading;
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
            chosen_by: heading.chosen_by,
            reason: heading.reason.to_owned(),
            world: heading.world,
            seed: settings.seed,
            scenario: heading.scenario.to_owned(),
            dataset: heading.dataset.to_owned(),
            profile: heading.profile.to_owned(),
            profile_digest: heading.profile_digest.to_owned(),
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

/// What a person can do about a failure.
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
