//! `neonbench store`: the runs that are kept, and getting rid of them.

use super::args::{OutputArgs, StoreArgs};
use super::error::CliError;
use super::journaled::is_alive;
use super::output::{count, print, print_json, table};
use clap::{Args, Subcommand};
use neonbench::store::{Listed, Purge, State};
use serde::Serialize;
use std::process::ExitCode;
use time::{Date, Month, OffsetDateTime, Time};

/// Verbs of `store`.
#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// The runs, the latest first
    List(ListArgs),
    /// Gets rid of runs, their journals and all other records: of all of them, or of some
    Purge(PurgeArgs),
}

/// Flags of `store list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Flags of `store purge`.
#[derive(Debug, Args)]
pub(super) struct PurgeArgs {
    /// Only what was made before this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with = "run")]
    before: Option<i64>,
    /// Only this run
    #[arg(long, value_name = "RUN")]
    run: Option<i64>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// `store list --json`.
#[derive(Serialize)]
struct ListRecord {
    schema: u32,
    runs: Vec<Listed>,
}

/// `store purge --json`.
#[derive(Serialize)]
struct PurgeRecord {
    schema: u32,
    purged: u64,
}

pub(super) fn run(command: &StoreCommand) -> Result<ExitCode, CliError> {
    match command {
        StoreCommand::List(args) => list(args)?,
        StoreCommand::Purge(args) => purge(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let runs = args.store.open()?.list()?;
    if args.output.json {
        return print_json(&ListRecord { schema: 1, runs });
    }
    let row = |run: &Listed| {
        let journal = if run.has_journal { count(run.notes) } else { "none".to_owned() };
        vec![run.id.to_string(), stamp(run.made_at_unix_s), run.state.name().to_owned(), journal]
    };
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    print(&table(&["run", "began (UTC)", "state", "journal, lines"], &rows))
}

fn purge(args: &PurgeArgs) -> Result<(), CliError> {
    let what = match (args.run, args.before) {
        (Some(id), _) => Purge::Run(id),
        (None, Some(at)) => Purge::Before(at),
        (None, None) => Purge::All,
    };
    let mut store = args.store.open()?;
    let is_meant = |run: &Listed| match what {
        Purge::All => true,
        Purge::Before(at) => run.made_at_unix_s < at,
        Purge::Run(id) => run.id == id,
    };
    let is_under_way =
        |run: &Listed| run.state == State::Running && run.process.is_some_and(is_alive);
    if let Some(run) = store.list()?.iter().find(|run| is_meant(run) && is_under_way(run)) {
        return Err(CliError::usage(format!("run {} is under way: stop it first", run.id)));
    }
    let purged = store.purge(what)?;
    if args.output.json {
        return print_json(&PurgeRecord { schema: 1, purged });
    }
    print(&format!("purged: {} records, with all that hung on them", count(purged)))
}

/// A moment as people read it.
pub(super) fn stamp(at_unix_s: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at_unix_s).map_or_else(
        |_| at_unix_s.to_string(),
        |at| {
            let (date, time) = (at.date(), at.time());
            format!("{date} {:02}:{:02}", time.hour(), time.minute())
        },
    )
}

/// The first second of a day, since 1970.
fn day(text: &str) -> Result<i64, String> {
    let parse = || {
        let mut parts = text.splitn(3, '-');
        let year = parts.next()?.parse().ok()?;
        let month: u8 = parts.next()?.parse().ok()?;
        let day = parts.next()?.parse().ok()?;
        Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
    };
    let date = parse().ok_or_else(|| "expected a day such as 2026-11-24".to_owned())?;
    Ok(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp())
}
