//! The sample run of a probe: the engine migrates a few accounts, to measure writes.

use super::calls::Prober;
use super::limit::{AdmissionLimit, infer_limit};
use super::{ProbeError, ProbeOptions, ProbeSubject, ProbeTrace};
use neon_mock::api::{AccountId, Class, Endpoint};
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
/// Reads keep to the limit that `so_far` shows. Writes go one beyond it until one is refused, which
/// shows if their pool is the same.
pub(super) async fn sample<T: Transport, C: Clock>(
    prober: &Prober<'_, T, C>,
    subject: &ProbeSubject<'_>,
    ids: &[AccountId],
    options: &ProbeOptions,
    so_far: &ProbeTrace,
) -> Result<(u64, u64), ProbeError> {
    let ids = &ids[..ids.len().min(options.sample as usize)];
    let reads = infer_limit(&so_far.of(Endpoint::GetAccount).collect::<Vec<_>>()).limit;
    let (pool, spacing) = match (options.find_pool, reads) {
        // Refusals are not allowed: one call at a time.
        (false, _) => (1, Duration::ZERO),
        (true, Some(AdmissionLimit::Pool(pool))) => (pool, Duration::ZERO),
        (true, Some(AdmissionLimit::PerSecond(rate))) => {
            (rate.min(DEFAULT_WORKERS), Duration::from_secs(1) / rate)
        }
        (true, None) => (DEFAULT_WORKERS, Duration::ZERO),
    };
    let goes_beyond = options.find_pool && matches!(reads, Some(AdmissionLimit::Pool(_)));
    let workers = pool + u32::from(goes_beyond);
    let settings = Settings {
        workers: NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN),
        batch_size: NonZeroU32::new(ids.len() as u32).unwrap_or(NonZeroU32::MIN),
        call_deadline: DEADLINE,
        seed: options.seed,
        ..Settings::new(Strategy::Hybrid)
    };
    let limits = OneBeyond { pool, spacing, goes_beyond };
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
    let well = records.migrated + records.unchanged + records.skipped;
    Ok((well, ids.len() as u64 - well))
}

/// Caps reads at a pool, and writes at one more until one of them is refused.
struct OneBeyond {
    pool: u32,
    spacing: Duration,
    goes_beyond: bool,
}

impl LimitFactory for OneBeyond {
    fn limit_for(&self, endpoint: Endpoint) -> Option<Box<dyn ConcurrencyLimit>> {
        let goes_beyond = self.goes_beyond && matches!(endpoint.class(), Class::Patch | Class::Put);
        Some(Box::new(CappedLimit {
            limit: self.pool + u32::from(goes_beyond),
            spacing: self.spacing,
        }))
    }
}

/// A cap that falls, on a refusal, to the number of other calls then in flight.
#[derive(Debug)]
struct CappedLimit {
    limit: u32,
    spacing: Duration,
}

impl ConcurrencyLimit for CappedLimit {
    fn limit(&self) -> u32 {
        self.limit
    }

    fn spacing(&self) -> Duration {
        self.spacing
    }

    fn on_result(&mut self, call: &CallFeedback) {
        if call.is_refused() {
            self.limit = call.in_flight.clamp(1, self.limit);
        }
    }
}
