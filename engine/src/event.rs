//! Events of a run, the engine's only output: histograms, progress, logs and errors are folds over
//! them.

use compact_str::CompactString;
use neon_mock::api::{AccountId, Endpoint, Status};
use neon_mock::time::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

neon_mock::named! {
    /// Outcome of one attempt of a call. Each kind of failure has a name of its own.
    pub enum Outcome {
        /// Carried out.
        Ok = "ok",
        /// 222: the id was merged into another account, which answered in its place.
        Merged = "merged",
        /// 404.
        NotFound = "not_found",
        /// 401.
        Unauthorized = "unauthorized",
        /// 403.
        Forbidden = "forbidden",
        /// 429: refused, nothing was done.
        Rejected = "rejected",
        /// Any other 4xx, or a status that Neon does not use.
        Refused = "refused",
        /// 5xx.
        ServerError = "server_error",
        /// An array of errors under a success.
        ErrorsUnderSuccess = "errors_under_success",
        /// No connection.
        Unreachable = "unreachable",
        /// No answer in time; may have been carried out.
        Timeout = "timeout",
        /// The connection broke; may have been carried out.
        Interrupted = "interrupted",
        /// An answer that cannot be read.
        Malformed = "malformed",
        /// Given up by this side: the run was stopped, or needs the answer no longer.
        Abandoned = "abandoned",
    }
}

impl Outcome {
    /// True if the call was carried out.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }

    /// True if the call failed: it was neither carried out nor refused, was not given up by this side,
    /// and no merged account answered.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Rejected | Self::Abandoned | Self::Merged)
    }
}

/// One attempt of a call, from due to done.
///
/// wait = sent − due (backoff and earlier attempts included), service = done − sent,
/// response = done − due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Endpoint.
    pub endpoint: Endpoint,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// When the call was due: the engine first wanted it.
    pub due_at: Timestamp,
    /// When this attempt was sent.
    pub sent_at: Timestamp,
    /// When its answer arrived.
    pub done_at: Timestamp,
    /// Outcome of the attempt.
    pub outcome: Outcome,
}

/// Why an account was not migrated although nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// None of the plan's fields belongs to accounts of its kind.
    NotApplicable,
    /// The id was merged into another account.
    Merged {
        /// The surviving account, if the answer names it.
        into: Option<AccountId>,
    },
}

impl SkipReason {
    /// The reason that reads `words`, as [`Display`](fmt::Display) has it.
    pub fn from_words(words: &str) -> Self {
        if words == Self::NotApplicable.to_string() {
            return Self::NotApplicable;
        }
        Self::Merged { into: words.rsplit(' ').next().and_then(|id| id.parse().ok()) }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApplicable => f.write_str("none of the plan's fields belongs to its kind"),
            Self::Merged { into: Some(into) } => write!(f, "merged into account {into}"),
            Self::Merged { into: None } => f.write_str("merged into another account"),
        }
    }
}

/// Why an account failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The call that failed; `None` if the values themselves could not be migrated.
    pub call: Option<FailedCall>,
    /// Message for people, without values of the account.
    pub message: String,
    /// The value that did not fit. Shown only on request, since it may be personal.
    pub value: Option<String>,
}

/// The call that an account failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedCall {
    /// Where it went.
    pub endpoint: Endpoint,
    /// Outcome of the last attempt.
    pub outcome: Outcome,
    /// The status of the last answer, if there was one.
    pub status: Option<Status>,
    /// Attempts made.
    pub attempts: u32,
}

/// Outcome of an account. Each account of a run that is not stopped has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountOutcome {
    /// Written; all that the plan demands is in place. In a dry run: would be.
    Migrated,
    /// Nothing had to be written.
    Unchanged,
    /// Nothing was written, and a map left out a text for which it has no entry.
    Unmapped,
    /// Left alone, with the reason.
    Skipped(SkipReason),
    /// Not, or not wholly, migrated, with the reason.
    Failed(Failure),
}

/// A text for which a map has no entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnmappedValue {
    /// Name of the field that is read.
    pub source: Arc<str>,
    /// Name of the field that is written.
    pub target: Arc<str>,
    /// The text as the map found it, after the steps before it.
    pub text: CompactString,
    /// True if the source has options, so that the text is no one's own.
    pub is_option: bool,
}

/// An engine event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first call is due.
    Started {
        /// When.
        at: Timestamp,
    },
    /// It is known which accounts the run is for.
    Enumerated {
        /// Number of accounts.
        resources: u64,
    },
    /// An attempt is on its way.
    Sent {
        /// When.
        at: Timestamp,
        /// Where it goes.
        endpoint: Endpoint,
        /// Time in the queue for a slot among the calls in flight.
        queued: Duration,
        /// Time after that, until the endpoint takes a call: spacing of the limiter, or
        /// Retry-After.
        paced: Duration,
    },
    /// An attempt is over.
    Done(Attempt),
    /// A call that failed waits before its next attempt.
    BackedOff {
        /// Length of the wait.
        delay: Duration,
    },
    /// The calls of an endpoint that may be in flight are others than they were.
    Limited {
        /// From when on.
        at: Timestamp,
        /// Endpoint.
        endpoint: Endpoint,
        /// Calls in flight.
        limit: u32,
    },
    /// A refusal asks for a wait that is not believed.
    Doubted {
        /// When it arrived.
        at: Timestamp,
        /// Endpoint.
        endpoint: Endpoint,
        /// The wait that its Retry-After asks for.
        asked: Duration,
        /// The wait that it is granted.
        granted: Duration,
    },
    /// Accounts were read and wait in memory for their write, or no longer do.
    Buffered {
        /// Change of the number of accounts in memory; negative if they leave it.
        records: i64,
    },
    /// An account was read again before its write.
    Reread {
        /// True if somebody had changed the account since it was read.
        is_changed: bool,
    },
    /// An account was written.
    Written {
        /// When its write was sent.
        at: Timestamp,
        /// When the call was sent that read what the write was decided on.
        read_at: Timestamp,
    },
    /// A map left out a text of an account that is about to end, once per text and mapping.
    Unmapped(UnmappedValue),
    /// An account has ended.
    Landed {
        /// When.
        at: Timestamp,
        /// Which.
        id: AccountId,
        /// Its outcome.
        end: AccountOutcome,
    },
    /// An earlier process of the run has ended this account.
    LandedBefore {
        /// Which.
        id: AccountId,
        /// Its outcome.
        end: AccountOutcome,
    },
    /// Accounts are about to be read again: the run has ended, and is judged, verified or undone.
    ReadingAgain {
        /// Number of accounts.
        accounts: u64,
        /// Calls that this takes at least.
        calls: u64,
        /// About how long, if the run has made such calls.
        takes: Option<Duration>,
    },
    /// So many accounts more were read again.
    ReadAgain {
        /// Number of accounts.
        accounts: u64,
    },
    /// Somebody or something holds the run, which sends nothing from now on. Another may hold it already.
    Paused {
        /// When.
        at: Timestamp,
        /// The name of who or what holds it.
        by: Arc<str>,
        /// The reason, or the end; may be empty.
        why: Arc<str>,
    },
    /// A hold was lifted.
    WentOn {
        /// When.
        at: Timestamp,
        /// The name of who or what lifted it.
        by: Arc<str>,
        /// The name of who or what had held the run by it.
        lifted: Arc<str>,
        /// Holds that remain: the run goes on where there are none.
        left: u32,
    },
    /// Places of each endpoint's limit are left to others.
    Slowed {
        /// From when on.
        at: Timestamp,
        /// Number of places; 0 leaves none any more.
        headroom: u32,
        /// The name of who wants it.
        by: Arc<str>,
    },
    /// Somebody asked the run to stop, by a command.
    StopAsked {
        /// When.
        at: Timestamp,
        /// Their name.
        by: Arc<str>,
    },
    /// A chunk of the plan has ended.
    ChunkDone {
        /// When.
        at: Timestamp,
        /// Which, from 1.
        chunk: u64,
        /// Of how many.
        chunks: u64,
    },
}

impl Event {
    /// True if it tells of an order that the run was given.
    pub const fn is_order(&self) -> bool {
        matches!(
            self,
            Self::Paused { .. }
                | Self::WentOn { .. }
                | Self::Slowed { .. }
                | Self::StopAsked { .. }
        )
    }
}

/// Receives engine events in order.
pub trait Observer {
    /// One event, in the order in which they happened.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}
