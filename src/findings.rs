//! The guide's troubleshooting made executable: a run's record -> what held it back.
//!
//! [`findings`] is pure and names root causes only: what follows from another finding is not named
//! again. [`gain()`] simulates what an advised setting would change.

mod gain;

pub use gain::gain;

use crate::text::{count, duration, plural, share};
use neonbench_engine::engine::{DEFAULT_BATCH_SIZE, Reads, Settings, Strategy};
use neonbench_engine::record::{CallTimesS, Quantiles, RecordedLimit, RunRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// Share of the time of all calls that waits take before they dominate.
const DOMINANT: f64 = 0.4;

/// Share of the calls that failed from which repeating them is a storm.
const STORM: f64 = 0.1;

/// Median service times that are slow, in ms: of a call on one record, and of a search.
const SLOW_MS: (f64, f64) = (1_000.0, 3_000.0);

/// p99 ÷ p50 of service times that is bursty: twice what the profiles assume of Neon.
const BURSTY: f64 = 8.0;

/// Calls below which their p99 says nothing.
const MIN_CALLS: u64 = 100;

/// Accounts in memory that are many: five pages of a search.
const MANY_BUFFERED: u64 = 1_000;

/// Mean seconds between an account's reading and its writing that are long.
const STALE_S: f64 = 60.0;

/// A cause of lost time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingCause {
    /// More calls side by side than the server admits.
    WorkersExceedPool,
    /// Calls fail, and are made again and again.
    RetryStorm,
    /// Calls mostly wait until they may be made again.
    BackoffDominates,
    /// The server takes long to answer.
    SlowServer,
    /// The server mostly answers soon, and sometimes very late.
    BurstyLatency,
    /// Many accounts wait in memory for their write.
    HighMemory,
    /// Batches or chunks smaller than what the workers could take.
    BatchTooSmall,
    /// Batches so large that workers idle, or that decisions grow old.
    BatchTooLarge,
}

impl FindingCause {
    /// Every cause, in the order in which findings are listed.
    pub const ALL: [Self; 8] = [
        Self::WorkersExceedPool,
        Self::RetryStorm,
        Self::BackoffDominates,
        Self::SlowServer,
        Self::BurstyLatency,
        Self::HighMemory,
        Self::BatchTooSmall,
        Self::BatchTooLarge,
    ];

    /// As people say it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::WorkersExceedPool => "workers exceed the pool",
            Self::RetryStorm => "retry storm",
            Self::BackoffDominates => "backoff dominates",
            Self::SlowServer => "slow server",
            Self::BurstyLatency => "bursty latency",
            Self::HighMemory => "high memory",
            Self::BatchTooSmall => "batch too small",
            Self::BatchTooLarge => "batch too large",
        }
    }
}

/// One figure that a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingFigure {
    /// Its name.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit; empty for a number of things.
    pub unit: String,
}

/// A setting to try instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdvisedSetting {
    /// `--workers`.
    Workers(u32),
    /// `--batch-size`.
    BatchSize(u32),
    /// `--chunk-size`.
    ChunkSize(u32),
    /// `--limiter adaptive`.
    AdaptiveLimiter,
    /// `--strategy pipelined`.
    Pipelined,
}

impl std::fmt::Display for AdvisedSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Workers(workers) => write!(f, "--workers {workers}"),
            Self::BatchSize(size) => write!(f, "--batch-size {size}"),
            Self::ChunkSize(size) => write!(f, "--chunk-size {size}"),
            Self::AdaptiveLimiter => f.write_str("--limiter adaptive"),
            Self::Pipelined => f.write_str("--strategy pipelined"),
        }
    }
}

/// The effect of an advised setting in simulation: means over the same seeds with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gain {
    /// Seeds simulated.
    pub replicates: u32,
    /// Mean makespan as it was set, in seconds.
    pub makespan_s_before: f64,
    /// Mean makespan with the advice, in seconds.
    pub makespan_s_after: f64,
    /// Mean share of the calls refused as it was set.
    pub refused_before: f64,
    /// Mean share of the calls refused with the advice.
    pub refused_after: f64,
    /// Mean of the most accounts in memory as it was set.
    pub buffered_before: f64,
    /// Mean of the most accounts in memory with the advice.
    pub buffered_after: f64,
}

impl Gain {
    /// Before and after in words: `1 min 40 s instead of 2 min 44 s, …`.
    pub fn in_words(&self) -> String {
        let Gain { makespan_s_before, makespan_s_after, refused_before, refused_after, .. } = *self;
        let mut text =
            format!("{} instead of {}", duration(makespan_s_after), duration(makespan_s_before));
        if refused_before > 0.0 || refused_after > 0.0 {
            let _ = write!(
                text,
                ", {} of the calls refused instead of {}",
                share(refused_after),
                share(refused_before)
            );
        }
        if (self.buffered_before - self.buffered_after).abs() >= 1.0 {
            let _ = write!(
                text,
                ", {:.0} accounts in memory instead of {:.0}",
                self.buffered_after, self.buffered_before
            );
        }
        text
    }
}

/// A cause of lost time in a run, its evidence, and advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFinding {
    /// Which.
    pub cause: FindingCause,
    /// The observation, in a sentence.
    pub message: String,
    /// The figures.
    pub evidence: Vec<FindingFigure>,
    /// Advice, in a sentence.
    pub advice: String,
    /// The setting that the advice names, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<AdvisedSetting>,
    /// The same as a flag of `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The simulated effect of that setting, where it was simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
}

impl RunFinding {
    fn new(
        cause: FindingCause,
        message: String,
        evidence: &[(&str, f64, &str)],
        advice: &str,
    ) -> Self {
        let evidence = evidence.iter().map(|&(name, value, unit)| FindingFigure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        });
        let (evidence, advice) = (evidence.collect(), advice.to_owned());
        Self { cause, message, evidence, advice, setting: None, flag: None, gain: None }
    }

    fn setting(mut self, setting: AdvisedSetting) -> Self {
        self.flag = Some(setting.to_string());
        self.setting = Some(setting);
        self
    }
}

/// The findings of a run, in the order of [`FindingCause::ALL`]; nothing for a run that went well.
pub fn findings(record: &RunRecord) -> Vec<RunFinding> {
    // Refusals, failures and backoff come of one another: the first that holds is the cause.
    let waits = workers_exceed_pool(record)
        .or_else(|| retry_storm(record))
        .or_else(|| backoff_dominates(record));
    let server = slow_server(record).or_else(|| bursty_latency(record));
    let batch =
        high_memory(record).or_else(|| batch_too_small(record)).or_else(|| batch_too_large(record));
    [waits, server, batch].into_iter().flatten().collect()
}

/// Calls at once by configuration: the workers, where the strategy has any.
fn side_by_side(record: &RunRecord) -> u32 {
    if record.strategy.is_concurrent() { record.workers } else { 1 }
}

/// The limits of the endpoints that the run called.
fn limits_used(record: &RunRecord) -> impl Iterator<Item = RecordedLimit> {
    let (times, limits) = (&record.service_ms, record.limits);
    // Searches of `pipelined` are one at a time by construction.
    let searches = record.reads == Reads::Search && record.strategy != Strategy::Pipelined;
    [
        (times.get.count > 0, limits.get),
        (times.patch.count > 0, limits.patch),
        (times.put.count > 0, limits.put),
        (searches && times.search.count > 0, limits.search),
    ]
    .into_iter()
    .filter_map(|(used, limit)| used.then_some(limit))
}

/// Refusals beyond the handful that finding a pool takes.
fn is_refused_often(record: &RunRecord) -> bool {
    record.calls.rejected > (record.calls.total / 200).max(5)
}

fn workers_exceed_pool(record: &RunRecord) -> Option<RunFinding> {
    let pool = limits_used(record).filter_map(|limit| limit.pool).min()?;
    let workers = side_by_side(record);
    if workers <= pool || !is_refused_often(record) {
        return None;
    }
    let refused = percent_of(record.calls.rejected, record.calls.total);
    let assumed = if record.limits.assumed { ", as profiles assume" } else { "" };
    let message = format!(
        "{workers} workers send calls at once, but Neon admits {pool} of each kind{assumed}: {refused:.1} % \
         of the calls were refused"
    );
    let evidence = [
        ("workers", f64::from(workers), ""),
        ("pool", f64::from(pool), ""),
        ("calls refused", refused, "%"),
    ];
    let advice = format!(
        "let a limiter find what Neon admits, or use as many workers as the smallest pool: {pool}"
    );
    let finding = RunFinding::new(FindingCause::WorkersExceedPool, message, &evidence, &advice);
    Some(finding.setting(AdvisedSetting::AdaptiveLimiter))
}

fn retry_storm(record: &RunRecord) -> Option<RunFinding> {
    let calls = record.calls;
    let failed = percent_of(calls.failed, calls.total);
    // A few calls prove nothing.
    if calls.failed < 10 || failed < STORM * 100.0 || calls.failed < calls.rejected {
        return None;
    }
    let repeated = percent_of(calls.retries, calls.total);
    let message =
        format!("{failed:.1} % of the calls failed, and {repeated:.1} % of all calls were retries");
    let evidence = [
        ("calls failed", failed, "%"),
        ("calls repeated", repeated, "%"),
        ("time in failed calls", record.call_times.wasted_s, "s"),
    ];
    let advice =
        "retries do not help while the server fails: stop, and resume when it answers again";
    Some(RunFinding::new(FindingCause::RetryStorm, message, &evidence, advice))
}

fn backoff_dominates(record: &RunRecord) -> Option<RunFinding> {
    let CallTimesS { backed_off_s, paced_s, served_s, wasted_s, queued_s } = record.call_times;
    let all_s = backed_off_s + paced_s + served_s + wasted_s + queued_s;
    // Pacing waits too, and is the cure: it costs no refused call.
    if all_s <= 0.0 || backed_off_s < DOMINANT * all_s {
        return None;
    }
    let share = backed_off_s / all_s * 100.0;
    let refused = percent_of(record.calls.rejected, record.calls.total);
    let rate = limits_used(record).filter_map(|limit| limit.per_second).min();
    let admits = rate.map_or_else(String::new, |rate| {
        let assumed = if record.limits.assumed { ", as profiles assume" } else { "" };
        format!("; Neon admits {rate} calls of each kind per second{assumed}")
    });
    let message = format!(
        "the calls spent {share:.0} % of their time waiting after refusals and failures{admits}"
    );
    let evidence = [
        ("time backed off", share, "%"),
        ("calls refused", refused, "%"),
        ("time in service", served_s / all_s * 100.0, "%"),
    ];
    let advice =
        "let a limiter space the calls so that none is refused, or ask Neon for a higher limit";
    let finding = RunFinding::new(FindingCause::BackoffDominates, message, &evidence, advice);
    Some(finding.setting(AdvisedSetting::AdaptiveLimiter))
}

/// The kinds of calls with their service times, and the median that would be slow for each.
fn kinds(record: &RunRecord) -> [(&'static str, Quantiles, f64); 4] {
    let times = &record.service_ms;
    let (single, search) = SLOW_MS;
    [
        ("reads", times.get, single),
        ("writes", times.patch, single),
        ("whole writes", times.put, single),
        ("searches", times.search, search),
    ]
}

fn slow_server(record: &RunRecord) -> Option<RunFinding> {
    let slow =
        kinds(record).into_iter().filter(|(_, times, slow)| times.count > 0 && times.p50 > *slow);
    let (kind, times, _) = slow.max_by(|a, b| a.1.p50.total_cmp(&b.1.p50))?;
    let message = format!("half of the {kind} take {:.1} s or more", times.p50 / 1e3);
    let evidence =
        [("median service time", times.p50, "ms"), ("p99 service time", times.p99, "ms")];
    let pool = limits_used(record).filter_map(|limit| limit.pool).min();
    let finding = |advice| RunFinding::new(FindingCause::SlowServer, message, &evidence, advice);
    Some(match pool {
        Some(pool) if record.strategy.is_concurrent() && record.workers < pool => {
            finding("use as many workers as Neon admits calls: they wait for slow answers side by side")
                .setting(AdvisedSetting::Workers(pool))
        }
        _ if record.strategy != Strategy::Pipelined => {
            finding("make fewer calls: pipelined reads 200 accounts with one search")
                .setting(AdvisedSetting::Pipelined)
        }
        // A server that slows down under load is told by its pace, which one record does not show: the
        // simulated gain does.
        _ => finding(
            "find out whether fewer calls at once are answered sooner, as the adaptive limiter does; \
             if not, check the network, run off-peak, or ask Neon",
        )
        .setting(AdvisedSetting::AdaptiveLimiter),
    })
}

fn bursty_latency(record: &RunRecord) -> Option<RunFinding> {
    let ratio = |times: Quantiles| times.p99 / times.p50.max(1e-3);
    let bursty = kinds(record)
        .into_iter()
        .filter(|(_, times, _)| times.count >= MIN_CALLS && ratio(*times) > BURSTY);
    let (kind, times, _) = bursty.max_by(|a, b| ratio(a.1).total_cmp(&ratio(b.1)))?;
    let message = format!(
        "half of the {kind} take at most {:.0} ms, but one in a hundred takes {:.1} s or more",
        times.p50,
        times.p99 / 1e3
    );
    let evidence = [
        ("median service time", times.p50, "ms"),
        ("p99 service time", times.p99, "ms"),
        ("p99 ÷ median", ratio(times), ""),
    ];
    let advice = "run off-peak, and expect the time to vary: compare ranges, not single runs";
    Some(RunFinding::new(FindingCause::BurstyLatency, message, &evidence, advice))
}

fn high_memory(record: &RunRecord) -> Option<RunFinding> {
    let buffered = record.performance.peak_buffered_records;
    if buffered < MANY_BUFFERED || record.batch_size <= DEFAULT_BATCH_SIZE {
        return None;
    }
    let message = format!("up to {} accounts waited in memory for their write", count(buffered));
    let evidence = [
        ("accounts in memory", buffered as f64, ""),
        ("batch size", f64::from(record.batch_size), ""),
        ("mean time from reading to writing", record.exposure.mean_s, "s"),
    ];
    let advice = format!("use smaller batches: a size of {DEFAULT_BATCH_SIZE} is as fast");
    let finding = RunFinding::new(FindingCause::HighMemory, message, &evidence, &advice);
    Some(finding.setting(AdvisedSetting::BatchSize(DEFAULT_BATCH_SIZE)))
}

/// Accounts in each of hybrid's batches; 1 where accounts are taken one by one.
fn accounts_a_batch(record: &RunRecord) -> u64 {
    let (workers, size) = (NonZeroU32::new(record.workers), NonZeroU32::new(record.batch_size));
    match (record.strategy, workers, size) {
        (Strategy::Hybrid, Some(workers), Some(batch_size)) => {
            let settings = Settings { workers, batch_size, ..Settings::new(Strategy::Hybrid) };
            settings.hybrid_batch() as u64
        }
        _ => 1,
    }
}

fn batch_too_small(record: &RunRecord) -> Option<RunFinding> {
    let workers = u64::from(side_by_side(record));
    let has_workers = record.strategy.uses_workers();
    let chunk = record.chunk_size.map(u64::from).filter(|&chunk| chunk < record.resources);
    if let Some(chunk) = chunk.filter(|_| has_workers)
        && chunk.div_ceil(accounts_a_batch(record)) < workers
    {
        let message = format!(
            "chunks of {chunk} accounts keep {} of {workers} workers busy",
            chunk.div_ceil(accounts_a_batch(record))
        );
        let evidence = [("chunk size", chunk as f64, ""), ("workers", workers as f64, "")];
        let size = u32::try_from(workers * accounts_a_batch(record) * 4).unwrap_or(u32::MAX);
        let advice = format!("use chunks that feed every worker several times: {size} accounts");
        let finding = RunFinding::new(FindingCause::BatchTooSmall, message, &evidence, &advice);
        return Some(finding.setting(AdvisedSetting::ChunkSize(size)));
    }
    if record.strategy != Strategy::Hybrid || record.batch_size >= record.workers {
        return None;
    }
    let (batch_size, workers) = (record.batch_size, record.workers);
    let message =
        format!("a batch size of {batch_size} for {workers} workers: each batch has one account");
    let evidence = [("batch size", f64::from(batch_size), ""), ("workers", f64::from(workers), "")];
    let advice = format!("give each worker at least one account: a batch size of {workers}");
    let finding = RunFinding::new(FindingCause::BatchTooSmall, message, &evidence, &advice);
    Some(finding.setting(AdvisedSetting::BatchSize(workers)))
}

fn batch_too_large(record: &RunRecord) -> Option<RunFinding> {
    let (resources, workers) = (record.resources, u64::from(record.workers));
    let batches = resources.div_ceil(accounts_a_batch(record));
    let could_be_more = batches < resources;
    if record.strategy == Strategy::Hybrid && batches < workers && could_be_more {
        let message = format!(
            "{} make {}, so that {} of {workers} workers idle",
            plural(resources, "account"),
            if batches == 1 { "1 batch".to_owned() } else { format!("{batches} batches") },
            workers - batches
        );
        let evidence = [
            ("batches", batches as f64, ""),
            ("workers", workers as f64, ""),
            ("batch size", f64::from(record.batch_size), ""),
        ];
        let size =
            record.workers * u32::try_from((resources / (2 * workers)).clamp(1, 25)).unwrap_or(1);
        let advice = format!("use a batch size of {size}, so that every worker has work");
        let finding = RunFinding::new(FindingCause::BatchTooLarge, message, &evidence, &advice);
        return Some(finding.setting(AdvisedSetting::BatchSize(size)));
    }
    let is_batched = record.strategy.uses_batches();
    if !is_batched || record.batch_size <= DEFAULT_BATCH_SIZE || record.exposure.mean_s < STALE_S {
        return None;
    }
    let mean_s = record.exposure.mean_s;
    let message = format!(
        "accounts are written {mean_s:.0} s after they were read on average: what others save \
         meanwhile is overwritten"
    );
    let evidence = [
        ("mean time from reading to writing", mean_s, "s"),
        ("batch size", f64::from(record.batch_size), ""),
    ];
    let advice = format!("use smaller batches: a size of {DEFAULT_BATCH_SIZE} is as fast");
    let finding = RunFinding::new(FindingCause::BatchTooLarge, message, &evidence, &advice);
    Some(finding.setting(AdvisedSetting::BatchSize(DEFAULT_BATCH_SIZE)))
}

fn percent_of(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests;
