//! `neonbench store`: lists the stored runs and deletes them.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::history::{self, HistoryArgs};
use super::output::{plural, print};
use super::owner::{self, TakeOver};
use super::terminal::complain;
use clap::{Args, Subcommand};
use neonbench::store::Purge;
use neonbench::text::join_and;
use neonbench_engine::journal::SILENCE;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use time::format_description::parse_borrowed;
use time::{Date, Time};

/// Runs that are listed by number; the others are only counted.
const LISTED: usize = 20;

/// Verbs of `store`.
#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// List the runs and their journals, the latest first
    List(HistoryArgs),
    /// Delete runs and their journals
    Purge(PurgeArgs),
}

/// Flags of `store purge`.
#[derive(Debug, Args)]
pub(super) struct PurgeArgs {
    /// Delete what was made before this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with = "run")]
    before: Option<i64>,
    /// Delete this run
    #[arg(long, value_name = "RUN")]
    run: Option<i64>,
    /// Delete everything, without a question
    #[arg(long, conflicts_with_all = ["before", "run"])]
    all: bool,
    /// Also delete runs that could still be undone: nothing can undo them afterwards
    #[arg(long)]
    even_undoable: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// `store purge --json`.
#[derive(Serialize)]
struct PurgeRecord {
    schema: u32,
    /// Runs and other records.
    purged: u64,
    /// The numbers of the runs.
    runs: Vec<i64>,
    /// The numbers of the runs whose writes could still have been undone.
    undoable: Vec<i64>,
    /// Copies of the store from before a migration of its tables: with `--all` they were deleted, and otherwise they
    /// still hold what was purged.
    copies: Vec<String>,
}

pub(super) fn run(command: &StoreCommand, line: &CommandLine) -> Result<ExitCode, CliError> {
    match command {
        StoreCommand::List(args) => {
            history::list(args)?;
            Ok(ExitCode::SUCCESS)
        }
        StoreCommand::Purge(args) => purge(args, line),
    }
}

fn purge(args: &PurgeArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let what = match (args.run, args.before) {
        (Some(id), _) => Purge::Run(id),
        (None, Some(at)) => Purge::Before(at),
        (None, None) => Purge::All,
    };
    let mut store = args.store.open()?;
    let (runs, documents) = store.purged_by(what)?;
    for run in runs.iter().filter(|run| run.holder.is_some()) {
        // A process of another container cannot be seen from here, but its heartbeats can.
        owner::await_silence(&store, run.id, "purge", TakeOver { after: Some(SILENCE) })?;
    }
    let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
    let undoable = runs.iter().filter(|run| run.is_undoable).map(|run| run.id);
    let undoable: Vec<i64> = undoable.collect();
    if !undoable.is_empty() && !args.even_undoable {
        return Err(CliError::usage(format!(
            "{} can still be undone, but not without the journal: undo them first, or add --even-undoable",
            numbers(&undoable)
        )));
    }
    let mut deleted = vec![numbers(&ids)];
    if documents > 0 {
        deleted.push(plural(documents, "other record"));
    }
    let copies: Vec<String> = store.copies().iter().map(|it| it.display().to_string()).collect();
    let named = format!(
        "{} from before a migration ({})",
        plural(copies.len() as u64, "copy"),
        copies.join(", ")
    );
    if what == Purge::All && !copies.is_empty() {
        deleted.push(named.clone());
    }
    let mut deleted = format!("{} of store {}", join_and(&deleted), args.store.store.display());
    if !undoable.is_empty() {
        let _ = write!(deleted, "; {} can still be undone", numbers(&undoable));
    }
    if what == Purge::All && !args.all {
        if !std::io::stdin().is_terminal() {
            return Err(CliError::usage(format!(
                "without --run or --before this deletes {deleted}: confirm it with --all"
            )));
        }
        complain(format_args!("warning: this deletes {deleted}. Type yes to continue:"));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(CliError::Stdin)?;
        if answer.trim() != "yes" {
            line.note("nothing was deleted");
            return Ok(ExitCode::from(code::NOTHING_TO_DO));
        }
    } else {
        line.note(format_args!("deleting {deleted}"));
    }
    let purged = store.purge(what)?;
    if what != Purge::All && !copies.is_empty() {
        line.note(format_args!(
            "note: {named} may still hold what was deleted; `store purge --all` deletes them"
        ));
    }
    args.output.show(&PurgeRecord { schema: 1, purged, runs: ids, undoable, copies }, || {
        let records = plural(purged, "record");
        print(&format!("deleted: {records}, with all that belongs to them"))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `3 runs (1, 2, 5)`, the first of them by their numbers.
fn numbers(ids: &[i64]) -> String {
    let mut listed: Vec<String> = ids.iter().take(LISTED).map(i64::to_string).collect();
    if ids.len() > LISTED {
        listed.push("…".to_owned());
    }
    let runs = plural(ids.len() as u64, "run");
    if ids.is_empty() { runs } else { format!("{runs} ({})", listed.join(", ")) }
}

/// The first second of a day (UTC), in seconds since 1970.
fn day(text: &str) -> Result<i64, String> {
    let form = parse_borrowed::<2>("[year]-[month]-[day]").expect("a valid form");
    let date = Date::parse(text, &form).map_err(|_| "expected a day, such as 2026-11-24")?;
    Ok(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp())
}
