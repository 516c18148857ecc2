//! The data of a live page: facts that stand before the run, its state, its marks and its line.
//!
//! No value, no key and no name of a constituent is ever among them: failures are told by endpoint and outcome.

use crate::experiment::Band;
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the JSON.
pub const SCHEMA: u32 = 1;

/// The facts of a run that stand when its page opens.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct RunFacts {
    /// Its number in the store, if it has one.
    pub run: Option<i64>,
    /// The verb that carries it out.
    pub verb: String,
    /// The strategy, or the command that is judged.
    pub strategy: String,
    /// Name of its scenario or plan.
    pub scenario: String,
    /// Where it writes to: address and organisation; `None` for virtual time.
    pub target: Option<String>,
    /// When it began, in seconds since 1970, UTC.
    pub began_unix_s: i64,
    /// Settings in words: name, value, origin.
    pub settings: Vec<[String; 3]>,
    /// Digests of what is run: name and digest.
    pub digests: Vec<[String; 2]>,
    /// Commands to copy while it runs: what each does, and the command.
    pub commands: Vec<[String; 2]>,
    /// The same once it has ended.
    pub after: Vec<[String; 2]>,
    /// True of a dry run.
    pub is_dry: bool,
}

neon_mock::named! {
    /// State of a run.
    #[derive(JsonSchema)]
    pub enum LiveState {
        /// Its first call is not out yet.
        Starting = "starting",
        /// Accounts are migrated.
        Running = "running",
        /// A person, a file or the hours of the day hold it.
        Paused = "paused",
        /// It was asked to stop, and calls in flight end.
        Stopping = "stopping",
        /// All accounts have ended, and are read again.
        Checking = "checking",
        /// It has ended.
        Ended = "ended",
        /// Its process sends no heartbeat any more.
        Silent = "silent",
    }
}

neon_mock::named! {
    /// A run's line beside the forecast that was made before it.
    #[derive(JsonSchema)]
    pub enum CourseWord {
        /// Within the band of 90 %.
        AsForecast = "as forecast",
        /// Below it.
        Slower = "slower than forecast",
        /// Above it.
        Faster = "faster than forecast",
    }
}

/// Accounts by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccountCounts {
    /// All accounts of the run; `None` until they are known.
    pub all: Option<u64>,
    /// Written, or by an earlier process of the run.
    pub migrated: u64,
    /// Nothing had to be written.
    pub unchanged: u64,
    /// A map had no entry.
    pub unmapped: u64,
    /// Left alone.
    pub skipped: u64,
    /// Not, or not wholly, migrated.
    pub failed: u64,
    /// Of all these, ended by earlier processes of the run.
    pub before: u64,
    /// Read again in order to verify or undo a run; such a process ends none.
    pub reviewed: u64,
}

impl AccountCounts {
    /// Accounts that have ended.
    pub const fn ended(&self) -> u64 {
        self.migrated + self.unchanged + self.unmapped + self.skipped + self.failed + self.reviewed
    }
}

/// Calls of an endpoint.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct EndpointState {
    /// Verb and path template.
    pub endpoint: &'static str,
    /// Calls in flight.
    pub in_flight: u32,
    /// Calls that may be in flight, as the limiter found; `None` without a limit.
    pub limit: Option<u32>,
    /// Places of the limit that are left to others.
    pub left_to_others: u32,
    /// Calls that were answered.
    pub answered: u64,
    /// Refused, of these.
    pub refused: u64,
    /// Response time in ms over the last minute: 50th and 99th percentile, of `sampled` calls.
    pub response_ms: Option<[f64; 2]>,
    /// Calls that these percentiles are of.
    pub sampled: u64,
    /// Refusals in each of the last ten minutes, the latest last.
    pub refused_by_minute: [u32; 10],
}

/// Rates over the last minute.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Pace {
    /// Accounts per second.
    pub accounts_per_s: Option<f64>,
    /// Calls per second.
    pub calls_per_s: Option<f64>,
    /// Share of the calls' time that was backoff, Retry-After and spacing (0 to 1).
    pub waiting_share: Option<f64>,
}

/// Failures of one kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FailureGroup {
    /// Endpoint and outcome, or that the values did not fit.
    pub kind: String,
    /// Accounts.
    pub accounts: u64,
    /// When the first and the last of them ended, in seconds since the run began.
    pub first_s: f64,
    /// See `first_s`.
    pub last_s: f64,
}

/// Edits of colleagues.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct EditsState {
    /// Accounts that were read again before their write (`--guard reread`).
    pub reread: u64,
    /// Of these, changed by somebody since they were read.
    pub met: u64,
    /// Accounts that were written.
    pub written: u64,
    /// Mean time from reading an account to writing it, in seconds.
    pub exposure_mean_s: f64,
    /// Edits that would be overwritten, per 1,000 accounts, if each account is edited once per hour.
    pub at_risk_per_1000: f64,
}

impl EditsState {
    /// The same with a mean time of so many seconds from reading an account to writing it.
    #[must_use]
    pub fn exposed(self, exposure_mean_s: f64) -> Self {
        // Each account is edited once per hour: the share of the hour for which it was exposed.
        let at_risk_per_1000 = exposure_mean_s / 3_600.0 * 1_000.0;
        Self { exposure_mean_s, at_risk_per_1000, ..self }
    }
}

/// Deliveries of webhooks that the run sets off.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct EchoState {
    /// Deliveries so far.
    pub deliveries: u64,
    /// Deliveries per minute, over the last minute.
    pub per_minute: f64,
}

/// A change of the server's behaviour in mid-run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Regime {
    /// The change in words: `GET /accounts/{id} takes 2 calls at a time, before 5`.
    pub change: String,
    /// When it was noticed, in seconds since the run began.
    pub at_s: f64,
    /// Advice, and its gain, in words.
    pub advice: String,
}

/// The end of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunEnd {
    /// The exit code; `None` where the process left none.
    pub exit_code: Option<u8>,
    /// The verdict in words.
    pub words: String,
    /// Command worth running next.
    pub next: String,
    /// Command that makes a report of the run, if it is stored.
    pub report: Option<String>,
}

/// The state of a run; its JSON has at most 4,096 bytes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LiveSnapshot {
    /// Version of this JSON.
    pub schema: u32,
    /// The state.
    pub state: LiveState,
    /// Why, and by whom, where somebody asked for it.
    pub why: Option<String>,
    /// Since when, in seconds since the run began.
    pub since_s: f64,
    /// Now, in seconds since the run began.
    pub now_s: f64,
    /// Now, in seconds since 1970, UTC.
    pub now_unix_s: i64,
    /// When the run was last heard of, in seconds since it began.
    pub heard_s: f64,
    /// Accounts.
    pub accounts: AccountCounts,
    /// 5th, 50th and 95th percentile of the seconds left; `None` while nobody can tell.
    pub left_s: Option<[f64; 3]>,
    /// Beside the forecast made before the run, if there is one.
    pub course: Option<CourseWord>,
    /// Endpoints that were called.
    pub endpoints: Vec<EndpointState>,
    /// Rates.
    pub pace: Pace,
    /// Kinds of failures, the most frequent first; at most six.
    pub failures: Vec<FailureGroup>,
    /// Edits of colleagues.
    pub edits: EditsState,
    /// Deliveries of webhooks, where they are known.
    pub echo: Option<EchoState>,
    /// The latest change of the server's behaviour.
    pub regime: Option<Regime>,
    /// The end, if it has ended.
    pub verdict: Option<RunEnd>,
}

neon_mock::named! {
    /// Kind of a mark.
    #[derive(JsonSchema)]
    pub enum MarkKind {
        /// The run began, paused, went on, stopped, ended, or fell silent.
        State = "state",
        /// A command of a person, acknowledged.
        Command = "command",
        /// The run's line left the band of its forecast, or came back.
        Forecast = "forecast",
        /// The server behaves otherwise than before.
        Regime = "regime",
        /// Many refusals within a few seconds.
        Refusals = "refusals",
        /// A connection broke, or a server did not answer.
        Connection = "connection",
    }
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Mark {
    /// Its number, from 1.
    pub id: u64,
    /// When, in seconds since the run began.
    pub at_s: f64,
    /// Its kind.
    pub kind: MarkKind,
    /// In words.
    pub words: String,
}

/// A point of a run's line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LivePoint {
    /// When, in seconds since the run began.
    pub at_s: f64,
    /// Accounts that had ended by then.
    pub ended: u64,
    /// Refusals by then.
    pub refused: u64,
    /// 5th, 50th and 95th percentile of the seconds left, as estimated then.
    pub left_s: Option<[f64; 3]>,
}

/// A run's line so far, and the forecast made before it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct LiveCurve {
    /// At most 600 points, in order of time.
    pub points: Vec<LivePoint>,
    /// At most 50 bands, in order of accounts; empty without a forecast.
    pub forecast: Vec<Band>,
}
