//! Probes a target with a few gentle calls and fits a profile to the answers: service times by
//! endpoint, limits, the growth of service times with the load, the share of calls that fail.
//!
//! A probe makes at most [`MOST_CALLS`] calls, and writes only in a sample run that was asked for.
//! The fit is a posterior: [`TargetFit::draw`] is one of the profiles that would have given the same
//! answers. A fitted profile carries the answers, so that [`draws`] are the same from its file. Figures that reads cannot show are assumed, and listed as assumed. A probe never sees a
//! profile of the mock, only the answers to its own calls.

mod calls;
mod edits;
mod evidence;
mod faults;
mod fit;
mod growth;
mod har;
mod law;
mod limit;
mod limits;
mod sample;
mod target;
mod text;

pub use calls::probe;
pub(crate) use edits::MODIFIED;
pub use edits::SeenEdits;
pub use evidence::{EvidenceError, calls_behind, draws};
pub use fit::TargetFit;
pub use har::{Har, HarError, PassedOver};
pub use law::{FittedLaw, LawEstimate, LawSource};
pub use limit::{AdmissionLimit, InferredLimit};
pub use limits::FittedLimits;
pub use target::run;

use neon_mock::api::Endpoint;
use neonbench_engine::engine::{AccountSource, EngineError};
use neonbench_engine::event::{Attempt, Outcome};
use neonbench_engine::journal::Journal;
use neonbench_engine::plan::Plan;
use neonbench_engine::run::RunError;
use std::time::Duration;

/// Call budget of a probe, its sample run included.
pub const MOST_CALLS: u32 = 60;

/// The largest sample run, in accounts, that leaves enough of the budget to find a pool.
pub const MOST_SAMPLE: u32 = 20;

/// Permissions and size of a probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Allows bursts of reads, some of which are likely to be refused.
    pub find_pool: bool,
    /// Accounts that the sample run migrates, at most [`MOST_SAMPLE`]; 0 writes nothing.
    pub sample: u32,
    /// Seed of the jitter between attempts of the sample run.
    pub seed: u64,
}

/// The accounts to read, and the plan and journal of the sample run.
#[derive(Clone, Copy)]
pub struct ProbeSubject<'a> {
    /// Accounts that may be read.
    pub resources: AccountSource<'a>,
    /// Plan of the sample run, which migrates the first of them.
    pub plan: &'a Plan,
    /// Journal that notes its writes before they are sent.
    pub journal: &'a dyn Journal,
}

impl std::fmt::Debug for ProbeSubject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProbeSubject").field("resources", &self.resources).finish_non_exhaustive()
    }
}

/// The calls of a probe with their outcomes: all that a fit is made of.
#[derive(Clone, Debug, Default)]
pub struct ProbeTrace {
    /// Every call, in the order of sending.
    pub calls: Vec<Attempt>,
    /// The longest `Retry-After` of a refusal; none without one.
    pub retry_after: Option<Duration>,
    /// True if a burst was sent to find limits.
    pub looked_for_limits: bool,
    /// Accounts that others changed while it lasted; `None` if that could not be seen.
    pub edits: Option<SeenEdits>,
    /// Accounts that the sample run wrote.
    pub written: u64,
    /// Accounts of the sample run that were not migrated, for whatever reason.
    pub left: u64,
}

impl ProbeTrace {
    /// The calls of `endpoint`.
    pub fn of(&self, endpoint: Endpoint) -> impl Iterator<Item = &Attempt> {
        self.calls.iter().filter(move |call| call.endpoint == endpoint)
    }

    /// Number of refused calls (429).
    pub fn refused(&self) -> usize {
        self.calls.iter().filter(|call| call.outcome == Outcome::Rejected).count()
    }

    /// Duration from the first call sent to the last one answered.
    pub fn lasted(&self) -> Duration {
        let began = self.calls.iter().map(|call| call.sent_at).min();
        let ended = self.calls.iter().map(|call| call.done_at).max();
        began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended.since(began))
    }
}

/// The reasons why a probe yields no fit.
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
