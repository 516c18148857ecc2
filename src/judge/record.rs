//! The record of a judged client, as `judge --json` prints it and the store keeps it.

use neonbench_engine::record::{AuditBy, RecordedLimits};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the record's form.
pub const SCHEMA: u32 = 1;

/// The verdict on a client's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientVerdict {
    /// Every account is as the plan demands.
    Correct,
    /// An account changed otherwise than the plan demands.
    WrongData,
    /// A value that should have been preserved is gone.
    DataLost,
    /// The plan demands changes, and nothing was written.
    NothingWritten,
    /// All writes are correct, but some are missing.
    Incomplete,
    /// No call with valid credentials reached the mock.
    NoCalls,
}

impl fmt::Display for ClientVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Correct => "correct",
            Self::WrongData => "wrong data",
            Self::DataLost => "data lost",
            Self::NothingWritten => "nothing written",
            Self::Incomplete => "incomplete",
            Self::NoCalls => "no calls",
        })
    }
}

/// Exit of the judged command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommandExit {
    /// Its exit status; none if a signal ended it.
    pub exit_status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// True if it was ended at the timeout.
    pub timed_out: bool,
    /// Seconds from its start to its end.
    pub wall_s: f64,
}

/// The record of a judged client. Members ending in `_s` are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgeRecord {
    /// Version of the form.
    pub schema: u32,
    /// Name of its row in the league.
    pub name: String,
    /// The verdict.
    pub verdict: ClientVerdict,
    /// Exit of the command.
    pub command: CommandExit,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Name of the profile.
    pub profile: String,
    /// BLAKE3 digest of the profile.
    pub profile_digest: String,
    /// Seed of the organisation and the service times.
    pub seed: u64,
    /// Accounts that the plan selects.
    pub resources: u64,
    /// Mappings of the plan.
    pub mappings: u64,
    /// Seconds from the first authenticated call to the last response.
    pub makespan_s: f64,
    /// Physical limit of the makespan under the profile.
    pub lower_bound_s: f64,
    /// Lower bound ÷ makespan; 0 without a call.
    pub efficiency: f64,
    /// Limits of the server, as the profile has them.
    #[serde(default)]
    pub limits: RecordedLimits,
    /// Calls as the server counted them.
    pub calls: JudgedCalls,
    /// Accounts by outcome.
    pub records: JudgedRecords,
    /// Writes that took effect.
    pub writes: JudgedWrites,
    /// The audit in short.
    pub audit: JudgedAudit,
    /// Number of all differences.
    pub differences_total: u64,
    /// The first twenty differences.
    pub differences: Vec<DifferenceRecord>,
    /// Our strategies and the client, fastest first; empty if they were not compared.
    pub league: Vec<JudgeLeagueRow>,
    /// Warnings about the command and the scenario.
    pub warnings: Vec<String>,
    /// The command to continue with.
    pub next_command: String,
}

/// Calls as the server counted them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedCalls {
    /// Calls that reached the limits, refusals included.
    pub total: u64,
    /// Of these, answered 429.
    pub rejected: u64,
    /// Of these, admitted and answered with a status outside 200 … 299.
    pub failed: u64,
    /// Besides, calls without valid credentials.
    pub unauthorized: u64,
    /// Besides, calls that the mock could not decode.
    pub undecodable: u64,
    /// Besides, calls to paths outside the API's.
    #[serde(default)]
    pub outside: u64,
    /// The first of these.
    #[serde(default)]
    pub first_outside: Option<String>,
    /// The mock's answers to calls that it could not carry out, most frequent first.
    #[serde(default)]
    pub errors: Vec<CauseRecord>,
    /// Members of bodies that were ignored: nothing is wrong with such a call but that it does not do what
    /// its author meant.
    #[serde(default)]
    pub ignored_members: Vec<CauseRecord>,
    /// The calls of each endpoint with any.
    pub by_endpoint: Vec<EndpointRecord>,
}

/// Calls that went wrong for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CauseRecord {
    /// Verb and path; `{id}` stands for the id of an account.
    pub call: String,
    /// Status of the answer.
    pub status: u16,
    /// The answer's first error, or the member that was ignored.
    pub message: String,
    /// Number of calls.
    pub calls: u64,
}

/// Calls of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EndpointRecord {
    /// Verb and path template.
    pub endpoint: String,
    /// Calls that were admitted.
    pub admitted: u64,
    /// Calls answered 429.
    pub rejected: u64,
    /// Admitted calls answered with a status outside 200 … 299.
    pub failed: u64,
}

/// Number of accounts by outcome.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct JudgedRecords {
    /// Accounts that the plan selects.
    pub total: u64,
    /// Accounts as the plan demands.
    pub correct: u64,
    /// Accounts that changed otherwise.
    pub wrong: u64,
    /// Accounts that lost a value.
    pub lost: u64,
    /// Accounts without a change that the plan demands, and without any other difference.
    pub untouched: u64,
    /// Besides, accounts that changed although the plan does not select them.
    pub stray: u64,
}

/// Writes that took effect.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct JudgedWrites {
    /// Number of all writes.
    pub total: u64,
    /// Writes that repeat an earlier write to the same account.
    pub repeated: u64,
    /// Writes beyond one per written account.
    pub beyond_one: u64,
}

/// The audit in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedAudit {
    /// True if the verdict is `correct`.
    pub valid: bool,
    /// Source of the audited state: always the server.
    pub by: AuditBy,
    /// Accounts that are not as the plan demands.
    pub mismatched: u64,
    /// Edits by staff that the client overwrote.
    pub lost_updates: u64,
    /// Digest of the final state of all accounts.
    pub state_digest: String,
}

/// One difference between the organisation and what the plan demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DifferenceRecord {
    /// The account.
    pub resource_id: String,
    /// The field's name.
    pub field: String,
    /// Id of the field; none for name and contact.
    pub field_id: Option<String>,
    /// `untouched`, `wrong` or `lost`.
    pub amiss: String,
    /// The value that the plan demands: its form, or the value itself with `--show-values`.
    pub expected: String,
    /// The value found, in the same way.
    pub found: String,
}

/// One row of the league.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgeLeagueRow {
    /// Rank among the valid rows, from 1; none for invalid ones.
    pub rank: Option<u32>,
    /// Name of a strategy, or of the judged client.
    pub name: String,
    /// True for the judged client.
    pub judged: bool,
    /// True if its audit is valid.
    pub valid: bool,
    /// Makespan in seconds: of strategies in virtual time, of the client over HTTP.
    pub makespan_s: f64,
    /// Calls that reached the limits.
    pub calls: u64,
    /// Of these, answered 429.
    pub rejected: u64,
}
