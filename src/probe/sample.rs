//! The sample run of a probe: the engine migrates a few accounts, to measure writes.

use super::calls::Prober;
use super::limit::{AdmissionLimit, infer_limit};
use super::{ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use neon_mock::api::{AccountId, Endpoint};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::limiter::{CallFeedback, ConcurrencyLimit, LimitFactory};
use neonbench_engine::engine::{self, AccountSource, DEFAULT_WORKERS, Job, Settings, Strategy};
use neonbench_engine::measure::Measure;
use neonbench_engine::transport::Transport;
use std::num::NonZeroU32;
use std::time::Duration;

/// Deadline of a call with all its attempts.
const DEADLINE: Duration = Duration::from_secs(60);

/// Migrates the first accounts of `ids`. Returns how many were migrated or needed no change, and how
/// many were not.
///
/// Accounts are read by search, and singly where that does not settle them, so that most of the budget is
/// left for finding limits. Writes go beyond the limit of reads until one is refused, which shows if
/// theirs is the same.
pub(super) async fn sample<T: Transport, C: Clock>(
    prober: &Prober<'_, T, C>,
    subject: &ProbeSubject<'_>,
    ids: &[AccountId],
    options: &ProbeOptions,
    so_far: &ProbeTrace,
) -> Result<(u64, u64), ProbeError> {
    let ids = &ids[..ids.len().min(options.sample as usize)];
    let reads = infer_limit(&[&so_far.of(Endpoint::GetAccount).collect::<Vec<_>>()], false).limit;
    let writes = match (options.find_pool, reads) {
        // Refusals are not allowed: one call at a time.
        (false, _) => WriteLimit { limit: 1, spacing: Duration::ZERO, goes_beyond: false },
        (true, Some(AdmissionLimit::Pool(pool) | AdmissionLimit::PerSecond(pool))) => {
            let spacing = match reads {
                Some(AdmissionLimit::PerSecond(rate)) => Duration::from_secs(1) / rate,
                _ => Duration::ZERO,
            };
            WriteLimit { limit: pool + 1, spacing, goes_beyond: true }
        }
        (true, None) => {
            WriteLimit { limit: DEFAULT_WORKERS, spacing: Duration::ZERO, goes_beyond: true }
        }
    };
    let settings = Settings {
        batch_size: NonZeroU32::new(ids.len() as u32).unwrap_or(NonZeroU32::MIN),
        call_deadline: DEADLINE,
        seed: options.seed,
        ..Settings::new(Strategy::Pipelined)
    };
    let limits = SampleLimits(writes);
    let mut measure = Measure::counting();
    let job = Job {
        limits: Some(&limits),
        stop: &prober.stop,
        journal: subject.journal,
        ..Job::new(subject.plan, &settings, AccountSource::Ids(ids))
    };
    match engine::run(prober, prober.clock, job, &mut measure).await {
        // A run that ends because the budget is spent is not an error.
        Err(error) if !prober.stop.is_set() => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let records = measure.records();
    let well = records.migrated + records.unchanged + records.unmapped + records.skipped;
    Ok((well, ids.len() as u64 - well))
}

/// One read at a time, and writes by their limit.
struct SampleLimits(WriteLimit);

impl LimitFactory for SampleLimits {
    fn limit_for(&self, endpoint: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        let one = WriteLimit { limit: 1, spacing: Duration::ZERO, goes_beyond: false };
        let is_write = endpoint.class().is_write();
        Some(Box::new(if is_write { self.0 } else { one }))
    }
}

/// A limit that grows by one with each write until one is refused, and then falls to the number of other
/// calls then in flight, the calls as far apart as reads have to be.
#[derive(Clone, Copy, Debug)]
struct WriteLimit {
    limit: u32,
    /// Time between calls once one was refused.
    spacing: Duration,
    goes_beyond: bool,
}

impl ConcurrencyLimit for WriteLimit {
    fn limit(&self) -> u32 {
        self.limit
    }

    fn spacing(&self) -> Duration {
        if self.goes_beyond { Duration::ZERO } else { self.spacing }
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if call.is_refused() {
            self.goes_beyond = false;
            self.limit = call.in_flight.clamp(1, self.limit);
        } else if self.goes_beyond {
            self.limit += 1;
        }
    }
}
