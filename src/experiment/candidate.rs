//! Candidates: a strategy with the settings that tell its runs apart, and which of them are the same.

use super::cost::Goal;
use crate::text::plural;
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
    /// True if it holds `candidate`: the guide's strategies have no limiter, and read in one way.
    pub fn holds(self, candidate: &Candidate) -> bool {
        let is_plain = candidate.limiter.is_none() && candidate.reads.is_none();
        self == Self::Full || is_plain && Strategy::GUIDE.contains(&candidate.strategy)
    }
}

/// The most workers, and the highest cap of calls in flight, that are tried.
pub(crate) const MAX_WORKERS: u32 = 30;

/// Accounts in a batch of one worker that are tried.
const BATCHES: [u32; 5] = [1, 2, 5, 10, 25];

/// The same under a limiter, which makes up for much of what batches do.
const BATCHES_LIMITED: [u32; 2] = [1, 5];

const ADAPTIVE: Limiter = Limiter::adaptive(0);

/// Every candidate of a search, in the order in which ties are broken.
pub fn grid() -> Vec<Candidate> {
    let plain = |strategy, workers, batch_size| Candidate::new(strategy, workers, batch_size);
    let mut all = Vec::new();
    for workers in 1..=MAX_WORKERS {
        for batch in BATCHES {
            all.push(plain(Strategy::Hybrid, workers, workers * batch));
        }
    }
    for batch in BATCHES.into_iter().chain([50, 100]) {
        all.push(plain(Strategy::PutBatch, 1, batch));
    }
    for workers in 1..=MAX_WORKERS {
        all.push(plain(Strategy::Parallel, workers, DEFAULT_BATCH_SIZE));
    }
    all.push(plain(Strategy::Standard, 1, DEFAULT_BATCH_SIZE));
    let pipelined = plain(Strategy::Pipelined, DEFAULT_WORKERS, DEFAULT_BATCH_SIZE);
    let caps = (1..=MAX_WORKERS).filter_map(NonZeroU32::new).map(|cap| Some(Limiter::Fixed(cap)));
    for limiter in std::iter::once(None).chain(caps) {
        for reads in [None, Some(Reads::Get)] {
            all.push(Candidate { limiter, reads, ..pipelined });
        }
    }
    for workers in 1..=MAX_WORKERS {
        for batch in BATCHES_LIMITED {
            let hybrid = plain(Strategy::Hybrid, workers, workers * batch);
            all.push(Candidate { limiter: Some(ADAPTIVE), ..hybrid });
        }
    }
    all
}

/// Workers and caps of the candidates that a search begins with.
const COARSE: [u32; 13] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30];

/// The same of the batches of one worker.
const COARSE_BATCHES: [u32; 3] = [1, 5, 25];

/// The candidates of [`grid`] that a search begins with. Standard and parallel are not among them: with one
/// mapping they are runs of hybrid, and with more they make a read and a write per mapping.
pub fn coarse_grid() -> Vec<Candidate> {
    let is_coarse = |one: &Candidate| {
        let batch = one.batch_size / one.workers.max(1);
        match one.strategy {
            Strategy::Hybrid => COARSE.contains(&one.workers) && COARSE_BATCHES.contains(&batch),
            Strategy::PutBatch => COARSE_BATCHES.contains(&one.batch_size),
            Strategy::Standard | Strategy::Parallel => false,
            Strategy::Pipelined => match one.limiter {
                Some(Limiter::Fixed(cap)) => COARSE.contains(&cap.get()),
                _ => true,
            },
        }
    };
    grid().into_iter().filter(is_coarse).collect()
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
            limiter: Some(settings.limiter)
                .filter(|it| !it.is_same_kind(strategy.default_limiter())),
            reads: Some(settings.reads).filter(|it| *it != strategy.default_reads()),
            guard: Some(settings.guard).filter(|it| *it != Guard::None),
            ..Self::new(strategy, settings.workers.get(), settings.batch_size.get())
        }
    }

    /// The candidate of a run, as far as its record says: those of earlier versions do not name the limiter.
    pub fn of_record(record: &RunRecord) -> Self {
        let strategy = record.strategy;
        Self {
            limiter: record.limiter.filter(|it| !it.is_same_kind(strategy.default_limiter())),
            reads: Some(record.reads).filter(|it| *it != strategy.default_reads()),
            guard: Some(record.guard).filter(|it| *it != Guard::None),
            ..Self::new(strategy, record.workers, record.batch_size)
        }
    }

    /// True if its limiter finds the limits while it works.
    pub fn adapts(&self) -> bool {
        let limiter = self.limiter.unwrap_or(self.strategy.default_limiter());
        matches!(limiter, Limiter::Adaptive { .. })
    }

    /// True if `other` differs from it by one step of the coarse grid at most.
    pub fn is_near(&self, other: &Self) -> bool {
        let cap = |one: &Self| match one.limiter {
            Some(Limiter::Fixed(cap)) => cap.get(),
            _ => 0,
        };
        let are_close = |a: u32, b: u32| a.abs_diff(b) <= 1 + a.min(b) / 6;
        let are_alike = self.strategy == other.strategy && self.reads == other.reads;
        let is_capped = (cap(self) == 0) == (cap(other) == 0);
        let (batch, of_other) = (self.batch_size / self.workers, other.batch_size / other.workers);
        let far_batches = batch.max(of_other) > 3 * batch.min(of_other);
        are_alike
            && is_capped
            && (cap(self) > 0 || self.limiter == other.limiter)
            && are_close(cap(self), cap(other))
            && are_close(self.workers, other.workers)
            && (self.strategy.uses_workers() || self.workers == other.workers)
            && !far_batches
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
            Strategy::Hybrid => {
                batches(workers, self.settings(1, &Goal::default()).hybrid_batch() as u64)
            }
            Strategy::Pipelined => CallPattern::Pipelined,
        }
    }

    /// The run that it comes down to on a job of so many accounts and mappings.
    pub fn canonical(&self, resources: u64, mappings: u64) -> CanonicalRun {
        let most = u32::try_from(resources).ok().and_then(NonZeroU32::new);
        let limiter = match self.limiter.unwrap_or(self.strategy.default_limiter()) {
            // No endpoint has more calls in flight than there are accounts.
            Limiter::Fixed(cap) => Limiter::Fixed(most.map_or(cap, |most| cap.min(most))),
            other => other,
        };
        CanonicalRun {
            pattern: self.pattern(resources, mappings),
            limiter,
            reads: self.reads.unwrap_or(self.strategy.default_reads()),
            guard: self.guard.unwrap_or_default(),
        }
    }

    /// Settings of a run by it, with the defaults of what no candidate says.
    pub fn settings(&self, seed: u64, goal: &Goal) -> Settings {
        self.with(&Settings { seed, ..Settings::new(self.strategy) }, goal)
    }

    /// `others` with what it says; an adaptive limiter is as polite as `goal` asks, and leaves as many calls to
    /// others, and as much room to integrations.
    pub fn with(&self, others: &Settings, goal: &Goal) -> Settings {
        let positive = |figure: u32| NonZeroU32::new(figure).unwrap_or(NonZeroU32::MIN);
        let limiter = match self.limiter.unwrap_or(self.strategy.default_limiter()) {
            Limiter::Adaptive { .. } => Limiter::Adaptive {
                headroom: goal.headroom(),
                manners: goal.objective.manners(),
                echo: goal.echo,
            },
            other => other,
        };
        Settings {
            workers: positive(self.workers),
            batch_size: positive(self.batch_size),
            limiter,
            reads: self.reads.unwrap_or(self.strategy.default_reads()),
            guard: self.guard.unwrap_or_default(),
            strategy: self.strategy,
            ..others.clone()
        }
    }

    /// Calls in flight of the smallest `pool` that it leaves to others; an adaptive limiter leaves as many
    /// as it is asked to, and without a pool there is no end to them.
    pub(super) fn headroom(&self, pool: Option<u32>) -> i64 {
        let workers = if self.strategy.uses_workers() { self.workers } else { 1 };
        let most = match self.limiter.unwrap_or(self.strategy.default_limiter()) {
            Limiter::Adaptive { .. } => return i64::MAX,
            Limiter::Fixed(cap) if self.strategy.has_limiter() => cap.get(),
            Limiter::Fixed(cap) => cap.get().min(workers),
            Limiter::None if self.strategy.has_limiter() => self.workers,
            Limiter::None => workers,
        };
        pool.map_or(i64::MAX, |pool| i64::from(pool) - i64::from(most))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.strategy)?;
        match self.strategy {
            Strategy::Standard | Strategy::Pipelined => {}
            Strategy::PutBatch => write!(f, ", batches of {}", self.batch_size)?,
            Strategy::Parallel => write!(f, ", {}", plural(self.workers.into(), "worker"))?,
            Strategy::Hybrid => {
                let workers = plural(self.workers.into(), "worker");
                write!(f, ", {workers}, batch size {}", self.batch_size)?;
            }
        }
        match self.limiter {
            None => {}
            Some(Limiter::Fixed(cap)) => {
                let calls = plural(cap.get().into(), "call");
                write!(f, ", at most {calls} in flight per endpoint")?;
            }
            Some(Limiter::None) => f.write_str(", no limiter")?,
            Some(Limiter::Adaptive { .. }) => f.write_str(", adaptive limiter")?,
        }
        match self.reads {
            None => {}
            Some(Reads::Get) => f.write_str(", accounts read one by one")?,
            Some(Reads::Search) => f.write_str(", accounts read by search")?,
        }
        if self.guard == Some(Guard::Reread) {
            f.write_str(", each account read again before its write")?;
        }
        Ok(())
    }
}
