//! `neonbench retry`: runs again the accounts that failed or whose write outcome is unknown.

use super::command_line::CommandLine;
use super::error::CliError;
use super::output::Verbosity;
use super::resume::{Part, ResumeArgs, go_on, nothing_to_do};
use clap::{Args, ValueEnum};
use neon_mock::api::AccountId;
use neonbench::store::RunState;
use neonbench_engine::journal::{AccountStatus, LedgerEntry, RetryScope};
use std::process::ExitCode;

/// Flags of `retry`.
#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Only the accounts that failed, or those of which nobody knows whether they were written
    #[arg(long, value_name = "failed|ambiguous", hide_possible_values = true)]
    only: Option<Only>,
    #[command(flatten)]
    run: ResumeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    Failed,
    Ambiguous,
}

pub(super) fn run(
    args: &RetryArgs,
    line: &CommandLine,
    verbosity: Verbosity,
) -> Result<ExitCode, CliError> {
    let reopened = args.run.of.reopen("retry", true)?;
    let id = reopened.run.id;
    match reopened.run.state {
        RunState::Finished => {}
        RunState::Running | RunState::Stopped | RunState::Failed => {
            return Err(CliError::usage(format!(
                "cannot retry run {id}: it has not finished; {} goes on with it first",
                line.to("resume")
            )));
        }
        RunState::Undone => {
            return Err(CliError::usage(format!(
                "cannot retry run {id}: what it wrote was taken back; run the plan again"
            )));
        }
    }
    let again = match args.only {
        None => RetryScope::Both,
        Some(Only::Failed) => RetryScope::Failed,
        Some(Only::Ambiguous) => RetryScope::Ambiguous,
    };
    let ledger = reopened.store.ledger(id)?;
    let is_taken = |entry: &LedgerEntry| match entry.landed {
        Some((AccountStatus::Failed, _)) => again.takes_failed(),
        Some((AccountStatus::Ambiguous, _)) => again.takes_ambiguous(),
        _ => false,
    };
    let taken = ledger.iter().filter(|(_, entry)| is_taken(entry));
    let ids: Vec<AccountId> = taken.map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Ok(nothing_to_do(id, "has no such account", "retry", verbosity));
    }
    let part = Part { ids: Some(ids), ledger, again, verb: "retry" };
    go_on(&args.run, line, reopened, &part, verbosity)
}
