//! Candidates: a strategy with the settings that tell its runs apart, and which of them are the same.

use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{
    DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Guard, Reads, Settings, Strategy,
};
use neonbench_engine::record::RunRecord;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// A strategy with the settings that tell its runs apart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The strategy.
    pub strategy: Strategy,
    /// Accounts or batches processed at once.
    pub workers: u32,
    /// Accounts read into memory before they are written, over all workers.
    pub batch_size: u32,
    /// The limiter of calls in flight; `None` for the strategy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limiter: Option<Limiter>,
    /// The way of reading accounts; `None` for the strategy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Reads>,
    /// The guard of an account between its reading and its writing; `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

neon_mock::named! {
    /// The strategies among which a choice is made.
    #[derive(schemars::JsonSchema)]
    pub enum Portfolio {
        /// The guide's four.
        Guide = "guide",
        /// Also our own.
        Full = "full",
    }
}

impl Portfolio {
    /// True if it holds `strategy`.
    pub fn holds(self, strategy: Strategy) -> bool {
        self == Self::Full || Strategy::GUIDE.contains(&strategy)
    }
}

/// The most workers that are tried.
pub(crate) const MAX_WORKERS: u32 = 10;

/// Accounts in a batch of one worker that are tried.
const BATCHES: [u32; 5] = [1, 2, 5, 10, 25];

/// Every candidate of a search, in the order in which ties are broken.
pub fn grid() -> Vec<Candidate> {
    let mut all = Vec::new();
    for workers in 1..=MAX_WORKERS {
        for batch in BATCHES {
            all.push(Candidate::new(Strategy::Hybrid, workers, workers * batch));
        }
    }
    for batch in BATCHES.into_iter().chain([50, 100]) {
        all.push(Candidate::new(Strategy::PutBatch, 1, batch));
    }
    for workers in 1..=MAX_WORKERS {
        all.push(Candidate::new(Strategy::Parallel, workers, DEFAULT_BATCH_SIZE));
    }
    all.push(Candidate::new(Strategy::Standard, 1, DEFAULT_BATCH_SIZE));
    all.push(Candidate::new(Strategy::Pipelined, DEFAULT_WORKERS, DEFAULT_BATCH_SIZE));
    all
}

/// The calls of a candidate on a given job, and how many go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallPattern {
    /// A read and a write per account, in batches processed at once.
    Batches {
        /// Batches at once.
        workers: u64,
        /// Accounts in each.
        size: u64,
    },
    /// A read and a write per mapping of each account.
    ByMapping {
        /// Accounts at once.
        workers: u64,
    },
    /// Our own strategy, which its limiter rules.
    Pipelined,
}

/// A candidate reduced to what its runs depend on: equal ones make equal runs under equal seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalRun {
    /// Its calls.
    pub pattern: CallPattern,
    limiter: Limiter,
    reads: Reads,
    guard: Guard,
}

impl Candidate {
    /// A candidate with the strategy's own limiter and reads, and no guard.
    pub const fn new(strategy: Strategy, workers: u32, batch_size: u32) -> Self {
        Self { strategy, workers, batch_size, limiter: None, reads: None, guard: None }
    }

    /// The candidate that `settings` make.
    pub fn of(settings: &Settings) -> Self {
        let strategy = settings.strategy;
        Self {
            limiter: Some(settings.limiter).filter(|it| *it != strategy.default_limiter()),
            reads: Some(settings.reads).filter(|it| *it != strategy.default_reads()),
            guard: Some(settings.guard).filter(|it| *it != Guard::None),
            ..Self::new(strategy, settings.workers.get(), settings.batch_size.get())
        }
    }

    /// The candidate of a run, as far as its record says: it does not name the limiter.
    pub fn of_record(record: &RunRecord) -> Self {
        let strategy = record.strategy;
        Self {
            reads: Some(record.reads).filter(|it| *it != strategy.default_reads()),
            guard: Some(record.guard).filter(|it| *it != Guard::None),
            ..Self::new(strategy, record.workers, record.batch_size)
        }
    }

    /// Its calls on a job of so many accounts and mappings.
    pub fn pattern(&self, resources: u64, mappings: u64) -> CallPattern {
        let batches = |workers: u64, size: u64| {
            let size = size.min(resources).max(1);
            CallPattern::Batches { workers: workers.min(resources.div_ceil(size)), size }
        };
        let workers = if self.strategy.uses_workers() { u64::from(self.workers) } else { 1 };
        match self.strategy {
            Strategy::Standard | Strategy::Parallel if mappings == 1 => batches(workers, 1),
            Strategy::Standard | Strategy::Parallel => {
                CallPattern::ByMapping { workers: workers.min(resources) }
            }
            Strategy::PutBatch => batches(1, u64::from(self.batch_size)),
            Strategy::Hybrid => batches(workers, self.settings(1, 0).hybrid_batch() as u64),
            Strategy::Pipelined => CallPattern::Pipelined,
        }
    }

    /// The run that it comes down to on a job of so many accounts and mappings.
    pub fn canonical(&self, resources: u64, mappings: u64) -> CanonicalRun {
        CanonicalRun {
            pattern: self.pattern(resources, mappings),
            limiter: self.limiter.unwrap_or(self.strategy.default_limiter()),
            reads: self.reads.unwrap_or(self.strategy.default_reads()),
            guard: self.guard.unwrap_or_default(),
        }
    }

    /// Settings of a run by it, the strategy's own limiter leaving `headroom` calls to others.
    pub fn settings(&self, seed: u64, headroom: u32) -> Settings {
        let positive = |figure: u32| NonZeroU32::new(figure).unwrap_or(NonZeroU32::MIN);
        let settings = Settings::new(self.strategy);
        let own = match settings.limiter {
            Limiter::Adaptive { manners, .. } => Limiter::Adaptive { headroom, manners },
            other => other,
        };
        Settings {
            workers: positive(self.workers),
            batch_size: positive(self.batch_size),
            limiter: self.limiter.unwrap_or(own),
            reads: self.reads.unwrap_or(settings.reads),
            guard: self.guard.unwrap_or_default(),
            seed,
            ..settings
        }
    }

    /// Calls in flight of the smallest `pool` that it leaves to others; a limiter leaves as many as
    /// it is asked to, and without a pool there is no end to them.
    pub(super) fn headroom(&self, pool: Option<u32>) -> i64 {
        if self.strategy.has_limiter() {
            return i64::MAX;
        }
        let workers = if self.strategy.uses_workers() { i64::from(self.workers) } else { 1 };
        pool.map_or(i64::MAX, |pool| i64::from(pool) - workers)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.strategy)?;
        match self.strategy {
            Strategy::Standard | Strategy::Pipelined => Ok(()),
            Strategy::PutBatch => write!(f, ", batches of {}", self.batch_size),
            Strategy::Parallel => write!(f, ", {} workers", self.workers),
            Strategy::Hybrid => {
                write!(f, ", {} workers, batch size {}", self.workers, self.batch_size)
            }
        }
    }
}
