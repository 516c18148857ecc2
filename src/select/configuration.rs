//! Configurations: a strategy with its workers and batch size, and which of them behave alike.

use super::observed::Observed;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Settings, Strategy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// What a selector chooses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The strategy.
    pub strategy: Strategy,
    /// Accounts or batches side by side.
    pub workers: u32,
    /// Accounts read into memory before they are written, over all workers.
    pub batch_size: u32,
}

/// The strategies among which a choice is made.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Portfolio {
    /// The guide's four.
    Guide,
    /// Also our own.
    Full,
}

impl Portfolio {
    /// Both, the smaller one first.
    pub const ALL: [Self; 2] = [Self::Guide, Self::Full];

    /// The name in files and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guide => "guide",
            Self::Full => "full",
        }
    }

    /// Whether it holds `strategy`.
    pub fn holds(self, strategy: Strategy) -> bool {
        self == Self::Full || Strategy::GUIDE.contains(&strategy)
    }
}

/// The most workers that are tried.
pub(super) const MAX_WORKERS: u32 = 10;

/// Accounts in a batch of one worker that are tried.
pub(super) const BATCHES: [u32; 5] = [1, 2, 5, 10, 25];

/// Every configuration that is tried, in the order in which ties are broken.
pub fn grid() -> Vec<Configuration> {
    let configuration =
        |strategy, workers, batch_size| Configuration { strategy, workers, batch_size };
    let mut all = Vec::new();
    for workers in 1..=MAX_WORKERS {
        for batch in BATCHES {
            all.push(configuration(Strategy::Hybrid, workers, workers * batch));
        }
    }
    // What of the guide's other strategies behaves alike is found by `behaviour`.
    for batch in BATCHES.into_iter().chain([50, 100]) {
        all.push(configuration(Strategy::PutBatch, 1, batch));
    }
    for workers in 1..=MAX_WORKERS {
        all.push(configuration(Strategy::Parallel, workers, 50));
    }
    all.push(configuration(Strategy::Standard, 1, 50));
    all.push(configuration(Strategy::Pipelined, 5, 50));
    all
}

/// What a configuration comes down to on a given job: equal behaviours make equal runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// A read and a write for each account, in batches side by side.
    Batches {
        /// Side by side.
        workers: u64,
        /// Accounts in each.
        size: u64,
    },
    /// A read and a write for each mapping of each account.
    ByMapping {
        /// Accounts side by side.
        workers: u64,
    },
    /// Our own strategy, which its limiter rules.
    Pipelined,
}

impl Configuration {
    /// What it comes down to on so many accounts and mappings.
    pub fn behaviour(&self, resources: u64, mappings: u64) -> Behaviour {
        let batches = |workers: u64, size: u64| {
            let size = size.min(resources).max(1);
            Behaviour::Batches { workers: workers.min(resources.div_ceil(size)), size }
        };
        let by_mapping = |workers: u64| {
            if mappings == 1 { batches(workers, 1) } else { Behaviour::ByMapping { workers } }
        };
        match self.strategy {
            Strategy::Standard => by_mapping(1),
            Strategy::Parallel => by_mapping(u64::from(self.workers).min(resources)),
            Strategy::PutBatch => batches(1, u64::from(self.batch_size)),
            Strategy::Hybrid => {
                batches(u64::from(self.workers), self.settings(1, 0).hybrid_batch() as u64)
            }
            Strategy::Pipelined => Behaviour::Pipelined,
        }
    }

    /// Settings of a run by it, the strategy's own limiter leaving `headroom` places.
    pub fn settings(&self, seed: u64, headroom: u32) -> Settings {
        let positive = |figure: u32| NonZeroU32::new(figure).unwrap_or(NonZeroU32::MIN);
        let settings = Settings::new(self.strategy);
        Settings {
            workers: positive(self.workers),
            batch_size: positive(self.batch_size),
            limiter: match settings.limiter {
                Limiter::Adaptive { .. } => Limiter::Adaptive { headroom },
                other => other,
            },
            seed,
            ..settings
        }
    }

    /// Places of the smallest pool that it leaves to others; a limiter leaves as many as it is told.
    pub(super) fn headroom(&self, observed: &Observed) -> i64 {
        let workers = match self.strategy {
            Strategy::Standard | Strategy::PutBatch => 1,
            Strategy::Parallel | Strategy::Hybrid => i64::from(self.workers),
            Strategy::Pipelined => return i64::MAX,
        };
        observed.smallest_pool().map_or(i64::MAX, |pool| i64::from(pool) - workers)
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, workers, batch_size } = self;
        match strategy {
            Strategy::Standard | Strategy::Pipelined => write!(f, "{strategy}"),
            Strategy::PutBatch => write!(f, "{strategy}, batches of {batch_size}"),
            Strategy::Parallel => write!(f, "{strategy}, {workers} workers"),
            Strategy::Hybrid => {
                write!(f, "{strategy}, {workers} workers, batch size {batch_size}")
            }
        }
    }
}
