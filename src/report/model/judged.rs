//! The user's own clients, each in a league with our strategies.
//!
//! Invariant: a client that did not do what the plan demands has no rank, whatever its record says.

use crate::judge::{ClientVerdict, JudgeLeagueRow, JudgeRecord, JudgedRecords};
use crate::report::evidence::{ReportEvidence, Timestamped};
use serde::Serialize;

/// The clients that were judged last, in leagues with our strategies.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct JudgedModel {
    /// Number of correct clients.
    pub correct: u64,
    /// The latest first.
    pub clients: Vec<JudgedClient>,
}

/// A judged client, with the league of its work.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `JudgeRecord`")]
pub struct JudgedClient {
    pub made_at: String,
    pub name: String,
    pub valid: bool,
    pub accounts: u64,
    pub mappings: u64,
    pub dataset: String,
    pub profile: String,
    pub seed: u64,
    /// Its place among the valid ones of the league.
    pub rank: Option<u32>,
    /// Number of ranked members of the league.
    pub ranked: u64,
    /// True if our strategies were run on the same work.
    pub compared: bool,
    /// The client, and our strategies if they were compared, in the league's order.
    pub rows: Vec<JudgedRow>,
    pub warnings: Vec<String>,
}

/// A row of the league.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "as in `JudgeLeagueRow`")]
pub struct JudgedRow {
    pub name: String,
    /// True for the user's client, false for a strategy of ours.
    pub judged: bool,
    pub valid: bool,
    /// In words.
    pub verdict: String,
    pub rank: Option<u32>,
    /// `None` for a client that made no call and for an invalid strategy.
    pub makespan_s: Option<f64>,
    pub calls: u64,
    pub refused: u64,
    /// The accounts by their final state; `None` for our strategies.
    pub accounts: Option<JudgedRecords>,
}

impl JudgedModel {
    pub(super) fn new(evidence: &ReportEvidence) -> Self {
        let clients: Vec<JudgedClient> = evidence.judged.iter().map(JudgedClient::new).collect();
        Self { correct: clients.iter().filter(|client| client.valid).count() as u64, clients }
    }
}

impl JudgedClient {
    fn new(evidence: &Timestamped<JudgeRecord>) -> Self {
        let Timestamped { made_at, record } = evidence;
        let rows = rows(record);
        let own = rows.iter().find(|row| row.judged);
        Self {
            made_at: made_at.clone(),
            name: record.name.clone(),
            valid: is_valid(record),
            accounts: record.resources,
            mappings: record.mappings,
            dataset: record.dataset.clone(),
            profile: record.profile.clone(),
            seed: record.seed,
            rank: own.and_then(|row| row.rank),
            ranked: rows.iter().filter(|row| row.rank.is_some()).count() as u64,
            compared: rows.len() > 1,
            rows,
            warnings: record.warnings.clone(),
        }
    }
}

fn is_valid(record: &JudgeRecord) -> bool {
    record.verdict == ClientVerdict::Correct && record.audit.valid
}

/// The league; the client alone if it was not compared.
fn rows(record: &JudgeRecord) -> Vec<JudgedRow> {
    if record.league.is_empty() {
        return vec![JudgedRow::of_client(record, None)];
    }
    let row = |row: &JudgeLeagueRow| {
        if row.judged {
            JudgedRow::of_client(record, row.rank)
        } else {
            JudgedRow::of_strategy(row)
        }
    };
    record.league.iter().map(row).collect()
}

impl JudgedRow {
    fn of_client(record: &JudgeRecord, rank: Option<u32>) -> Self {
        let valid = is_valid(record);
        Self {
            name: record.name.clone(),
            judged: true,
            valid,
            verdict: verdict(record),
            rank: rank.filter(|_| valid),
            makespan_s: (record.verdict != ClientVerdict::NoCalls).then_some(record.makespan_s),
            calls: record.calls.total,
            refused: record.calls.rejected,
            accounts: Some(record.records),
        }
    }

    fn of_strategy(row: &JudgeLeagueRow) -> Self {
        Self {
            name: row.name.clone(),
            judged: false,
            valid: row.valid,
            verdict: if row.valid { "valid" } else { "invalid, not ranked" }.to_owned(),
            rank: row.rank.filter(|_| row.valid),
            makespan_s: row.valid.then_some(row.makespan_s),
            calls: row.calls,
            refused: row.rejected,
            accounts: None,
        }
    }
}

/// `wrong data; 2 other accounts changed`.
fn verdict(record: &JudgeRecord) -> String {
    match record.records.stray {
        0 => record.verdict.to_string(),
        1 => format!("{}; 1 other account changed", record.verdict),
        stray => format!("{}; {stray} other accounts changed", record.verdict),
    }
}
