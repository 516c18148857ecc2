//! The record of a judged client: the JSON of `judge --json`, and what the store keeps.

use crate::replicate::ranked_by_s;
use neonbench_engine::record::{AuditBy, RunRecord};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the record's form.
pub const SCHEMA: u32 = 1;

/// What a client's work amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientVerdict {
    /// Every account is as the plan demands.
    Correct,
    /// Something changed that is not as the plan demands.
    WrongData,
    /// What was there, and should still be, is gone.
    DataLost,
    /// There was something to write, and nothing was written.
    NothingWritten,
    /// All that was written is right, and more was to be.
    Incomplete,
    /// No call with the right credentials reached the mock.
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

/// How the command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommandExit {
    /// Its exit status; none if a signal ended it.
    pub exit_status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was ended for taking too long.
    pub timed_out: bool,
    /// From its start to its end, in seconds.
    pub wall_s: f64,
}

/// The record of a judged client. Members ending in `_s` are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `RunRecord`; the parts say what is their own")]
pub struct JudgeRecord {
    pub schema: u32,
    /// The name of its row in the league.
    pub name: String,
    pub verdict: ClientVerdict,
    pub command: CommandExit,
    pub scenario: String,
    pub dataset: String,
    pub profile: String,
    pub profile_digest: String,
    pub seed: u64,
    pub resources: u64,
    pub mappings: u64,
    /// From the first authenticated call until the last one was answered.
    pub makespan_s: f64,
    pub lower_bound_s: f64,
    pub efficiency: f64,
    pub calls: JudgedCalls,
    pub records: JudgedRecords,
    pub writes: JudgedWrites,
    pub audit: JudgedAudit,
    pub differences_total: u64,
    /// The first twenty.
    pub differences: Vec<DifferenceRecord>,
    /// Our strategies and the client, fastest first; empty if they were not compared.
    pub league: Vec<JudgeLeagueRow>,
    pub warnings: Vec<String>,
    pub next_command: String,
}

/// Calls as the server counted them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedCalls {
    /// Calls that reached the limits, refusals included.
    pub total: u64,
    /// Of these, those answered 429.
    pub rejected: u64,
    /// Of these, those carried out and answered with a status outside 200 … 299.
    pub failed: u64,
    /// Beside them, calls without the right credentials.
    pub unauthorized: u64,
    /// Beside them, calls that are none that the mock knows.
    pub undecodable: u64,
    /// Those of each endpoint that had any.
    pub by_endpoint: Vec<EndpointRecord>,
}

/// Calls of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names are those of `EndpointCalls`")]
pub struct EndpointRecord {
    pub endpoint: String,
    pub admitted: u64,
    pub rejected: u64,
    pub failed: u64,
}

/// Accounts by what became of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct JudgedRecords {
    /// Accounts that the plan is for.
    pub total: u64,
    /// Those that are as it demands.
    pub correct: u64,
    /// Those that changed, but not so.
    pub wrong: u64,
    /// Those from which something is gone that should still be there.
    pub lost: u64,
    /// Those on which something should have changed and did not, and nothing else is amiss.
    pub untouched: u64,
    /// Beside them: accounts that the plan is not for and that changed.
    pub stray: u64,
}

/// Writes that took effect.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct JudgedWrites {
    /// All of them.
    pub total: u64,
    /// Those that set an account to what an earlier one had set it to.
    pub repeated: u64,
    /// Those beyond one for each account that was written.
    pub beyond_one: u64,
}

/// The audit in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `AuditVerdict`")]
pub struct JudgedAudit {
    pub valid: bool,
    pub by: AuditBy,
    pub mismatched: u64,
    pub lost_updates: u64,
    pub state_digest: String,
}

/// One difference between the organisation and what the plan demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DifferenceRecord {
    /// The account.
    pub resource_id: String,
    /// The field's name.
    pub field: String,
    /// Its id; none for name and contact.
    pub field_id: Option<String>,
    /// `untouched`, `wrong` or `lost`.
    pub amiss: String,
    /// What should stand there: its form, or with `--show-values` itself.
    pub expected: String,
    /// What stands there, likewise.
    pub found: String,
}

/// One row of the league.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgeLeagueRow {
    /// Its place among the valid ones.
    pub rank: Option<u32>,
    /// A strategy, or the judged client.
    pub name: String,
    /// Whether it is the judged client.
    pub judged: bool,
    /// Whether its audit is valid.
    pub valid: bool,
    /// Its makespan: ours in virtual time, the client's over HTTP.
    pub makespan_s: f64,
    /// Calls that reached the limits.
    pub calls: u64,
    /// Of these, those answered 429.
    pub rejected: u64,
}

impl JudgeLeagueRow {
    pub(super) fn of_run(run: &RunRecord) -> Self {
        Self {
            rank: None,
            name: run.strategy.to_string(),
            judged: false,
            valid: run.audit.valid,
            makespan_s: ranked_by_s(run),
            calls: run.calls.total,
            rejected: run.calls.rejected,
        }
    }

    pub(super) fn of_judged(judged: &JudgeRecord) -> Self {
        Self {
            rank: None,
            name: judged.name.clone(),
            judged: true,
            valid: judged.audit.valid,
            makespan_s: judged.makespan_s,
            calls: judged.calls.total,
            rejected: judged.calls.rejected,
        }
    }
}
