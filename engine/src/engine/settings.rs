//! Settings of a run: strategy, workers, batches, reads, writes, limiter.

use super::limiter::Limiter;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

neon_mock::named! {
    /// A way of ordering a migration's calls.
    #[derive(schemars::JsonSchema)]
    pub enum Strategy {
        /// One account after another, one read and one write for each mapping.
        Standard = "standard",
        /// As standard, with whole accounts side by side.
        Parallel = "parallel",
        /// One account after another, one read and one write for all mappings, in batches.
        PutBatch = "put_batch",
        /// As `put_batch`, with small batches side by side.
        Hybrid = "hybrid",
        /// Reads and writes overlap: pages of accounts are read ahead of the writes.
        Pipelined = "pipelined",
    }
}

impl Strategy {
    /// The guide's strategies.
    pub const GUIDE: [Self; 4] = [Self::Standard, Self::Parallel, Self::PutBatch, Self::Hybrid];

    /// The limiter of its calls in flight if the settings name none. The guide's strategies go by
    /// their workers alone.
    pub const fn default_limiter(self) -> Limiter {
        match self {
            Self::Pipelined => Limiter::adaptive(0),
            Self::Standard | Self::Parallel | Self::PutBatch | Self::Hybrid => Limiter::None,
        }
    }

    /// The way to read accounts if the settings name none.
    pub const fn default_reads(self) -> Reads {
        match self {
            Self::Standard | Self::Parallel | Self::PutBatch | Self::Hybrid => Reads::Get,
            Self::Pipelined => Reads::Search,
        }
    }

    /// True if the number of workers changes the run: `parallel` and `hybrid`.
    pub const fn uses_workers(self) -> bool {
        matches!(self, Self::Parallel | Self::Hybrid)
    }

    /// True if the batch size changes the run: `put_batch` and `hybrid`.
    pub const fn uses_batches(self) -> bool {
        matches!(self, Self::PutBatch | Self::Hybrid)
    }

    /// True if a limiter is on by default. Any strategy obeys a limiter that is given to it.
    pub const fn has_limiter(self) -> bool {
        !matches!(self.default_limiter(), Limiter::None)
    }

    /// True if calls of several accounts are in flight at once.
    pub const fn is_concurrent(self) -> bool {
        self.uses_workers() || matches!(self, Self::Pipelined)
    }

    /// Reads and writes per account that each of `mappings` changes, before retries.
    ///
    /// For `pipelined` this is the most: where a page of search results settles an account, its
    /// read is shared with the other accounts of the page.
    pub const fn record_calls_per_account(self, mappings: u64) -> u64 {
        match self {
            Self::Standard | Self::Parallel => 2 * mappings,
            Self::PutBatch | Self::Hybrid | Self::Pipelined => 2,
        }
    }
}

neon_mock::named! {
    /// The call that writes an account.
    #[derive(Default, schemars::JsonSchema)]
    pub enum WriteMode {
        /// Only the changed fields.
        #[default]
        Patch = "patch",
        /// The whole account as it was read, with the changes: undoes what others wrote meanwhile.
        Put = "put",
        /// Both at once, since each verb has places of its own: an account that was read whole is
        /// put where PUTs have room, and all others are patched.
        Both = "both",
    }
}

neon_mock::named! {
    /// The call that reads accounts.
    #[derive(Default, schemars::JsonSchema)]
    pub enum Reads {
        /// One account per call, whole.
        #[default]
        Get = "get",
        /// By search: `pipelined` reads a page of accounts per call, the guide's strategies one value
        /// per call, as the guide's engine does. Accounts that a search does not settle are read by
        /// GET.
        Search = "search",
    }
}

neon_mock::named! {
    /// Protection of an account between its read and its write: other users may edit it meanwhile, and
    /// Neon has no conditional write.
    #[derive(Default, schemars::JsonSchema)]
    pub enum Guard {
        /// Nothing.
        #[default]
        None = "none",
        /// The account is read again right before its write, and decided again. Edits during the last
        /// round trip are still overwritten.
        Reread = "reread",
    }
}

neon_mock::named! {
    /// The part of a remote server's accounts that is read again after a run, to judge it.
    #[derive(Default, schemars::JsonSchema)]
    pub enum AuditDepth {
        /// Nothing.
        None = "none",
        /// 200 accounts, evenly spread.
        Sample = "sample",
        /// Every account of the run.
        #[default]
        Full = "full",
    }
}

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The strategy.
    pub strategy: Strategy,
    /// Accounts or batches side by side, for the concurrent strategies.
    pub workers: NonZeroU32,
    /// Accounts read into memory before they are written, over all workers.
    pub batch_size: NonZeroU32,
    /// Accounts after which the run pauses; `None` runs through.
    pub chunk_size: Option<NonZeroU32>,
    /// Length of that pause.
    pub chunk_pause: Duration,
    /// True to look up the field definitions once; false to look them up before each use.
    pub metadata_cache: bool,
    /// The call that reads accounts.
    pub reads: Reads,
    /// The most time that a call may take with all attempts.
    pub call_deadline: Duration,
    /// The longest time that the server may fail every call: the run waits meanwhile, and ends after it.
    #[serde(default = "default_max_outage")]
    pub max_outage: Duration,
    /// Limit of the calls in flight.
    pub limiter: Limiter,
    /// The call that writes an account.
    pub write: WriteMode,
    /// Protection of an account between its read and its write.
    #[serde(default)]
    pub guard: Guard,
    /// The accounts to read again afterwards, where the server is remote.
    #[serde(default)]
    pub audit: AuditDepth,
    /// True to send no writes.
    pub dry_run: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Accounts or batches in flight by default. Source: the guide.
pub const DEFAULT_WORKERS: u32 = 5;

/// Accounts per batch by default. Source: the guide.
pub const DEFAULT_BATCH_SIZE: u32 = 50;

/// The most accounts that one of hybrid's batches holds. Source: the guide's engine.
pub const MAX_HYBRID_BATCH: u32 = 25;

/// The longest outage that a run waits for by default: a restart or a lost connection passes, and a server that
/// is gone is soon said.
pub const DEFAULT_MAX_OUTAGE: Duration = Duration::from_secs(60);

const fn default_max_outage() -> Duration {
    DEFAULT_MAX_OUTAGE
}

impl Settings {
    /// The defaults: [`DEFAULT_WORKERS`], [`DEFAULT_BATCH_SIZE`], no chunks, metadata cached, the
    /// strategy's own reads and limiter, PATCH, seed 1.
    pub const fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            workers: NonZeroU32::new(DEFAULT_WORKERS).expect("not zero"),
            batch_size: NonZeroU32::new(DEFAULT_BATCH_SIZE).expect("not zero"),
            chunk_size: None,
            chunk_pause: Duration::ZERO,
            metadata_cache: true,
            reads: strategy.default_reads(),
            call_deadline: Duration::from_secs(600),
            max_outage: DEFAULT_MAX_OUTAGE,
            limiter: strategy.default_limiter(),
            write: WriteMode::Patch,
            guard: Guard::None,
            audit: AuditDepth::Full,
            dry_run: false,
            seed: 1,
        }
    }

    /// Accounts in each of hybrid's batches.
    pub fn hybrid_batch(&self) -> usize {
        (self.batch_size.get() / self.workers.get()).clamp(1, MAX_HYBRID_BATCH) as usize
    }

    /// The call that reads accounts in fact: a PUT sends the whole account, which no search
    /// returns. With both verbs, accounts to be put are read singly, whatever this says.
    pub const fn reads_in_force(&self) -> Reads {
        match self.write {
            WriteMode::Patch | WriteMode::Both => self.reads,
            WriteMode::Put => Reads::Get,
        }
    }

    /// Warnings for people, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.strategy == Strategy::Hybrid && self.batch_size < self.workers {
            warnings.push(format!(
                "batch size {} is below {} workers: hybrid runs batches of one account",
                self.batch_size, self.workers
            ));
        }
        let one_search_a_value =
            self.strategy.default_reads() == Reads::Get && self.reads_in_force() == Reads::Search;
        if one_search_a_value && self.strategy.is_concurrent() && self.workers.get() > 1 {
            warnings.push(
                "each value is a search, and Neon admits one search at a time: more workers are \
                 refused more often and hardly faster"
                    .to_owned(),
            );
        }
        if self.reads != self.reads_in_force() {
            let why = "PUT writes the whole account, which a search does not show";
            warnings.push(format!("{why}: accounts are read singly, by GET"));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_knows_its_settings() {
        let using = |uses: fn(Strategy) -> bool| Strategy::ALL.map(uses);
        assert_eq!(using(Strategy::uses_workers), [false, true, false, true, false]);
        assert_eq!(using(Strategy::uses_batches), [false, false, true, true, false]);
        assert_eq!(using(Strategy::is_concurrent), [false, true, false, true, true]);
        assert_eq!(using(Strategy::has_limiter), [false, false, false, false, true]);
        let calls = Strategy::ALL.map(|strategy| strategy.record_calls_per_account(3));
        assert_eq!(calls, [6, 6, 2, 2, 2]);
    }
}
