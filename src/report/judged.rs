//! The league of a judged client: our strategies, and the client as its own record has it.
//!
//! Invariant: a client that did not do what the plan demands has no rank, whatever its record says.

use crate::judge::{ClientVerdict, JudgeLeagueRow, JudgeRecord};
use minijinja::Environment;
use minijinja::value::Serde;

/// True if the client did what the plan demands.
pub(crate) fn is_correct(record: &JudgeRecord) -> bool {
    record.verdict == ClientVerdict::Correct && record.audit.valid
}

/// The league of `record`; the client alone if it was not compared.
pub(crate) fn league(record: &JudgeRecord) -> Vec<JudgeLeagueRow> {
    let client = |rank: Option<u32>| JudgeLeagueRow {
        rank,
        name: record.name.clone(),
        judged: true,
        valid: is_correct(record),
        makespan_s: record.makespan_s,
        calls: record.calls.total,
        rejected: record.calls.rejected,
    };
    if record.league.is_empty() {
        return vec![client(None)];
    }
    let believed = |row: &JudgeLeagueRow| {
        let row = if row.judged { client(row.rank) } else { row.clone() };
        JudgeLeagueRow { rank: row.rank.filter(|_| row.valid), ..row }
    };
    record.league.iter().map(believed).collect()
}

/// Adds what the section's templates say of a record.
pub(crate) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("client_verdict", |verdict: Serde<ClientVerdict>| verdict.to_string());
    environment.add_filter("league", |record: Serde<JudgeRecord>| Serde(league(&record)));
}
