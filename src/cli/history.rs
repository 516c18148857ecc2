//! `neonbench history`: what was run so far.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::output::{count, duration, print, print_json, table, verdict};
use super::store::stamp;
use clap::Args;
use neonbench::replicate::ranked_by_s;
use neonbench::store::{Entry, State};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The latest N runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// `history --json`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct HistoryRecord {
    schema: u32,
    runs: Vec<RunLine>,
}

/// One run in a line.
#[derive(Serialize, schemars::JsonSchema)]
struct RunLine {
    run: i64,
    made_at_unix_s: i64,
    state: State,
    #[serde(flatten)]
    outcome: Option<Outcome>,
}

/// What came of it.
#[derive(Serialize, schemars::JsonSchema)]
struct Outcome {
    strategy: Strategy,
    scenario: String,
    profile: String,
    resources: u64,
    mappings: u64,
    workers: u32,
    batch_size: u32,
    seed: u64,
    replicates: usize,
    makespan_s: f64,
    calls: u64,
    rejected: u64,
    failed: u64,
    valid: bool,
}

impl Outcome {
    fn of(record: &RunRecord, replicates: usize) -> Self {
        Self {
            strategy: record.strategy,
            scenario: record.scenario.clone(),
            profile: record.profile.clone(),
            resources: record.resources,
            mappings: record.mappings,
            workers: record.workers,
            batch_size: record.batch_size,
            seed: record.seed,
            replicates: replicates.max(1),
            makespan_s: ranked_by_s(record),
            calls: record.calls.total,
            rejected: record.calls.rejected,
            failed: record.records.failed,
            valid: record.audit.valid,
        }
    }
}

pub(super) fn run(args: &HistoryArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let entries = args.store.open()?.history(args.limit)?;
    if args.output.json {
        let line = |entry: &Entry| RunLine {
            run: entry.id,
            made_at_unix_s: entry.made_at_unix_s,
            state: entry.state,
            outcome: entry.record.as_ref().map(|it| Outcome::of(it, entry.makespans_s.len())),
        };
        print_json(&HistoryRecord { schema: 1, runs: entries.iter().map(line).collect() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = [
        "run",
        "began (UTC)",
        "strategy",
        "scenario",
        "profile",
        "w/batch",
        "makespan",
        "runs",
        "calls",
        "refused",
        "state",
        "audit",
    ];
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    print(&table(&header, &rows))?;
    let next = match &*entries {
        [latest, before, ..] => line.to("compare").with_all("runs", &[before.id, latest.id]),
        _ => line.to("run").with("replicates", 20),
    };
    print(&format!("next: {next}"))?;
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &Entry) -> Vec<String> {
    let (id, began) = (entry.id.to_string(), stamp(entry.made_at_unix_s));
    let state = entry.state.name().to_owned();
    let Some(record) = &entry.record else {
        let unknown = || "–".to_owned();
        let mut cells = vec![id, began];
        cells.extend((0..8).map(|_| unknown()));
        cells.extend([state, unknown()]);
        return cells;
    };
    vec![
        id,
        began,
        record.strategy.to_string(),
        record.scenario.clone(),
        record.profile.clone(),
        format!("{}/{}", record.workers, record.batch_size),
        duration(ranked_by_s(record)),
        entry.makespans_s.len().max(1).to_string(),
        count(record.calls.total),
        count(record.calls.rejected),
        state,
        if record.audit.valid { "valid".to_owned() } else { verdict(record) },
    ]
}
