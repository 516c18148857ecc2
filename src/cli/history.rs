//! `neonbench history` and `neonbench store list`: the stored runs, with their outcomes or their
//! journals.

use super::args::{OutputArgs, StoreArgs, whole};
use super::command_line::CommandLine;
use super::error::CliError;
use super::output::{count, duration, minute, print, table, verdict};
use super::owner;
use super::terminal::{Emphasis, emphasised};
use clap::Args;
use neonbench::experiment::median_makespan_s;
use neonbench::store::{LeaseHolder, ListedRun, RunState, StoreError};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use serde::Serialize;
use std::process::ExitCode;

/// The runs that `history` shows unless asked for others.
const LATEST: u32 = 20;

/// Flags of `history` and `store list`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Show the latest N runs [default: 20; all under `store list`]
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    limit: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// `history --json` and `store list --json`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct HistoryRecord<'a> {
    schema: u32,
    /// The latest first.
    runs: Vec<RunLine<'a>>,
}

/// One stored run in a line.
#[derive(Serialize, schemars::JsonSchema)]
struct RunLine<'a> {
    /// Its number in the store, which `store list` has as its `id`.
    run: i64,
    #[serde(flatten)]
    listed: &'a ListedRun,
    /// Members of its record; none of them before it has ended.
    #[serde(flatten)]
    outcome: Option<RunOutcome>,
}

impl<'a> RunLine<'a> {
    fn of(run: &'a ListedRun) -> Self {
        Self {
            run: run.id,
            listed: run,
            outcome: run.record.as_ref().map(|it| RunOutcome::of(it, run.replicates.len())),
        }
    }
}

/// The figures of a run's record that a list shows.
#[derive(Serialize, schemars::JsonSchema)]
struct RunOutcome {
    strategy: Strategy,
    scenario: String,
    profile: String,
    resources: u64,
    mappings: u64,
    workers: u32,
    batch_size: u32,
    seed: u64,
    /// Valid replicates, at least 1.
    replicates: usize,
    /// Of seed `seed`, or the median of the replicates.
    makespan_s: f64,
    calls: u64,
    rejected: u64,
    /// Processes that these are the sums of.
    processes: usize,
    /// Processes that left no figures: time and calls are too small then.
    processes_lost: u64,
    /// Accounts that failed.
    failed: u64,
    valid: bool,
}

impl RunOutcome {
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
            makespan_s: median_makespan_s(record),
            calls: record.calls.total,
            rejected: record.calls.rejected,
            processes: record.processes.len().max(1),
            processes_lost: record.processes_lost,
            failed: record.records.failed,
            valid: record.audit.valid,
        }
    }
}

/// The heads of a table of runs: those of `history` and of `store list`.
const OUTCOMES: &str = "run | began (UTC) | strategy | ?scenario | ?profile | \
        ?w/batch | time | ?runs | ?calls | ?refused | state | audit";
const JOURNALS: &str = "run | began (UTC) | ?strategy | ?accounts | state | lines of journal";

/// `history`: the latest runs with their outcomes.
pub(super) fn run(args: &HistoryArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let runs = args.print(Some(args.limit.unwrap_or(LATEST)), OUTCOMES, outcome_cells)?;
    if args.output.json {
        return Ok(ExitCode::SUCCESS);
    }
    let next = match comparable(&runs) {
        Some(pair) => line.to("compare").with_all("runs", &pair),
        None => line.to("run").with("replicates", 20),
    };
    print(&format!("next: {next}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The latest two runs that can be compared, the earlier one first: they came to their end, are valid and
/// did the same work.
fn comparable(runs: &[ListedRun]) -> Option<[i64; 2]> {
    let is_sound = |record: &RunRecord| {
        let is_whole = !record.stopped && record.processes_lost == 0;
        record.audit.valid && is_whole && record.records.failed == 0
    };
    let sound = runs.iter().filter_map(|run| Some((run.id, run.record.as_ref()?)));
    let sound: Vec<_> = sound.filter(|(_, record)| is_sound(record)).collect();
    let work =
        |of: &RunRecord| (of.resources, of.mappings, of.dry_run, of.dataset.clone(), of.world);
    sound.iter().enumerate().find_map(|(place, (latest, record))| {
        let same = |(_, earlier): &&(i64, &RunRecord)| work(earlier) == work(record);
        sound[place + 1..].iter().find(same).map(|(earlier, _)| [*earlier, *latest])
    })
}

/// The heads of the table of `live`.
const PROGRESS: &str = "run | began (UTC) | strategy | accounts | progress | state";

/// `live` without a run: the runs under way, and the latest 20.
pub(super) fn progress(
    store: &StoreArgs,
    output: OutputArgs,
    line: &CommandLine,
) -> Result<ExitCode, CliError> {
    let (runs, accounts) = store.read(|store| {
        let mut runs = store.list(Some(LATEST))?;
        let oldest = runs.last().map_or(0, |run| run.id);
        let older = store.running_before(oldest)?.into_iter();
        runs.extend(older.filter(|run| holder(run).is_some()));
        let accounts: Result<Vec<_>, StoreError> = runs
            .iter()
            .map(|run| {
                if let Some(record) = &run.record {
                    return Ok((record.records.total, Some(record.resources)));
                }
                let all = store.run(run.id)?.ids.map(|ids| ids.len() as u64);
                Ok((store.ended(run.id)?, all))
            })
            .collect();
        Ok((runs, accounts?))
    })?;
    let record = HistoryRecord { schema: 1, runs: runs.iter().map(RunLine::of).collect() };
    let cells = runs.iter().zip(&accounts).map(|(run, accounts)| progress_cells(run, *accounts));
    output.show(&record, || print(&table(PROGRESS, cells)))?;
    let under_way = runs.iter().find(|run| run.state == RunState::Running);
    if let Some(run) = under_way.or(runs.first()).filter(|_| !output.json) {
        print(&format!("next: {}", line.to("live").with("run", run.id)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Cells of a bar in a table.
const BAR: u64 = 10;

fn progress_cells(run: &ListedRun, (ended, all): (u64, Option<u64>)) -> Vec<String> {
    let strategy = run.record.as_ref().map(|record| record.strategy.to_string());
    let filled = all.filter(|all| *all > 0).map(|all| (ended * BAR / all).min(BAR) as usize);
    vec![
        run.id.to_string(),
        minute(run.made_at_unix_s),
        strategy.unwrap_or_else(|| "–".to_owned()),
        match all {
            Some(all) => format!("{} of {}", count(ended), count(all)),
            None => count(ended),
        },
        filled.map_or_else(String::new, |filled| {
            format!("{}{}", "█".repeat(filled), "░".repeat(BAR as usize - filled))
        }),
        held_state(run),
    ]
}

/// `store list`: all runs with their journals.
pub(super) fn list(args: &HistoryArgs) -> Result<(), CliError> {
    args.print(args.limit, JOURNALS, journal_cells).map(drop)
}

impl HistoryArgs {
    /// Prints the latest `limit` runs, as JSON if asked to, else in a table.
    fn print(
        &self,
        limit: Option<u32>,
        header: &str,
        cells: fn(&ListedRun) -> Vec<String>,
    ) -> Result<Vec<ListedRun>, CliError> {
        let runs = self.store.read(|store| Ok(store.list(limit)?))?;
        let record = HistoryRecord { schema: 1, runs: runs.iter().map(RunLine::of).collect() };
        self.output.show(&record, || print(&table(header, runs.iter().map(cells))))?;
        Ok(runs)
    }
}

fn journal_cells(run: &ListedRun) -> Vec<String> {
    let journal = if run.has_journal { count(run.notes) } else { "none".to_owned() };
    let of = |figure: fn(&RunRecord) -> String| run.record.as_ref().map_or("–".to_owned(), figure);
    vec![
        run.id.to_string(),
        minute(run.made_at_unix_s),
        of(|record| record.strategy.to_string()),
        of(|record| count(record.resources)),
        held_state(run),
        journal,
    ]
}

/// The process that owns a run; `None` if it has certainly ended.
fn holder(run: &ListedRun) -> Option<&LeaseHolder> {
    run.holder.as_ref().filter(|it| !owner::is_gone(&it.process))
}

/// The state of a run; one whose process has gone is no longer running.
fn state(run: &ListedRun) -> String {
    match run.state {
        RunState::Running if holder(run).is_none() => emphasised(Emphasis::Warning, "interrupted"),
        RunState::Failed => emphasised(Emphasis::Bad, run.state.name()),
        _ => run.state.name().to_owned(),
    }
}

/// The same with the process that owns it, and since when.
fn held_state(run: &ListedRun) -> String {
    let state = state(run);
    match holder(run) {
        Some(holder) => format!("{state}: {}", owner::in_brief(holder)),
        None => state,
    }
}

fn outcome_cells(run: &ListedRun) -> Vec<String> {
    let unknown = || "–".to_owned();
    let is_sum = run.record.as_ref().is_some_and(|record| record.processes_lost > 0);
    // A process that was killed has left no figures.
    let least = if is_sum { "≥ " } else { "" };
    let mut cells = vec![run.id.to_string(), minute(run.made_at_unix_s)];
    cells.extend(match &run.record {
        None => std::array::from_fn(|_| unknown()),
        Some(record) => [
            record.strategy.to_string(),
            record.scenario.clone(),
            record.profile.clone(),
            format!("{}/{}", record.workers, record.batch_size),
            format!("{least}{}", duration(median_makespan_s(record))),
            run.replicates.len().max(1).to_string(),
            format!("{least}{}", count(record.calls.total)),
            format!("{least}{}", count(record.calls.rejected)),
        ],
    });
    cells.push(state(run));
    cells.push(match &run.record {
        Some(record) => verdict(record),
        None if run.is_readable => unknown(),
        None => "unreadable".to_owned(),
    });
    cells
}
