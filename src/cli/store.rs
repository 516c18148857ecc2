//! `neonbench store`: lists the stored runs and deletes them.

use super::args::{OutputArgs, StoreArgs};
use super::error::CliError;
use super::history::{self, HistoryArgs};
use super::journaled::is_alive;
use super::output::{count, print};
use clap::{Args, Subcommand};
use neonbench::store::Purge;
use serde::Serialize;
use std::process::ExitCode;
use time::format_description::parse_borrowed;
use time::{Date, Time};

/// Verbs of `store`.
#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// The runs, the latest first
    List(HistoryArgs),
    /// Gets rid of runs, their journals and all other records: of all of them, or of some
    Purge(PurgeArgs),
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

/// `store purge --json`.
#[derive(Serialize)]
struct PurgeRecord {
    schema: u32,
    purged: u64,
}

pub(super) fn run(command: &StoreCommand) -> Result<ExitCode, CliError> {
    match command {
        StoreCommand::List(args) => history::list(args)?,
        StoreCommand::Purge(args) => purge(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn purge(args: &PurgeArgs) -> Result<(), CliError> {
    let what = match (args.run, args.before) {
        (Some(id), _) => Purge::Run(id),
        (None, Some(at)) => Purge::Before(at),
        (None, None) => Purge::All,
    };
    let mut store = args.store.open()?;
    let is_under_way = |(_, process): &&(i64, Option<u32>)| process.is_some_and(is_alive);
    if let Some((id, _)) = store.running(what)?.iter().find(is_under_way) {
        return Err(CliError::usage(format!("run {id} is under way: stop it first")));
    }
    let purged = store.purge(what)?;
    args.output.show(&PurgeRecord { schema: 1, purged }, || {
        print(&format!("purged: {} records, with all that hung on them", count(purged)))
    })
}

/// The first second of a day (UTC), in seconds since 1970.
fn day(text: &str) -> Result<i64, String> {
    let form = parse_borrowed::<2>("[year]-[month]-[day]").expect("a valid form");
    let date = Date::parse(text, &form).map_err(|_| "expected a day such as 2026-11-24")?;
    Ok(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp())
}
