//! What a few gentle calls tell of a target: service times by endpoint, what is admitted, how service
//! times grow with the load, how often calls fail; as a profile to run against.
//!
//! At most [`MOST_CALLS`] calls are made, and no write but those of a sample run that was asked for.
//! What they leave open is kept beside what they tell: [`Fit::draw`] is one profile of the many that
//! would have given the same answers. What reads cannot tell is assumed, and named as assumed.
//! Not here: any look at a profile of the mock. A probe knows what its calls were answered.

mod bound;
mod calls;
mod faults;
mod fit;
mod growth;
mod har;
mod law;
mod place;
mod sample;
mod text;

pub use bound::{Bound, Limit};
pub use calls::probe;
pub use fit::{Fit, Limits};
pub use har::{Har, HarError};
pub use law::{Estimate, Law, Source};
pub use place::at;

use neon_mock::api::Endpoint;
use neonbench_engine::engine::{AccountSource, EngineError};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::journal::Journal;
use neonbench_engine::plan::Plan;
use neonbench_engine::run::RunError;
use std::time::Duration;

/// The most calls that a probe makes, its sample run included.
pub const MOST_CALLS: u32 = 60;

/// The largest sample run that leaves calls enough to find a pool.
pub const MOST_SAMPLE: u32 = 20;

/// What a probe may do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether a dozen reads may be sent at once, of which some are likely to be refused.
    pub find_pool: bool,
    /// Accounts that are migrated as a sample; 0 writes nothing.
    pub sample: u32,
    /// Seed of the jitter between attempts of the sample run.
    pub seed: u64,
}

/// What is probed: some accounts, and the plan of the sample run.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Accounts that may be read.
    pub resources: AccountSource<'a>,
    /// What a sample run does to the first of them.
    pub plan: &'a Plan,
    /// Where its writes are noted before they are sent.
    pub journal: &'a dyn Journal,
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("resources", &self.resources).finish_non_exhaustive()
    }
}

/// All that a probe saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Every call, in the order in which they were sent.
    pub calls: Vec<Attempt>,
    /// What a refusal said of when to come back, if one did.
    pub retry_after: Option<Duration>,
    /// Whether limits were looked for.
    pub looked_for_limits: bool,
    /// Accounts that the sample run wrote.
    pub written: u64,
    /// Accounts that the sample run was for and that were not migrated, for whatever reason.
    pub left: u64,
}

impl Seen {
    /// The calls of `endpoint`.
    pub fn of(&self, endpoint: Endpoint) -> impl Iterator<Item = &Attempt> {
        self.calls.iter().filter(move |call| call.endpoint == endpoint)
    }

    /// Calls that were refused.
    pub fn refused(&self) -> usize {
        self.calls.iter().filter(|call| call.outcome == Outcome::Rejected).count()
    }

    /// From the first call sent to the last one answered.
    pub fn lasted(&self) -> Duration {
        let began = self.calls.iter().map(|call| call.sent_at).min();
        let ended = self.calls.iter().map(|call| call.done_at).max();
        began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended.since(began))
    }
}

/// A probe that came to nothing.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ProbeError {
    #[error("the target did not answer as Neon does: {0}")]
    Target(String),
    #[error("only {0} reads of accounts were answered, and at least {MOST_FEW} are needed: are these accounts there?", MOST_FEW = fit::FEWEST)]
    TooFew(usize),
    #[error("there is no account to read")]
    NoAccounts,
    #[error(
        "a sample of {0}: at most {MOST_SAMPLE}, since a probe makes at most {MOST_CALLS} calls"
    )]
    Sample(u32),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Run(#[from] RunError),
}
