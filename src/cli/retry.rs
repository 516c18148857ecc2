//! `neonbench retry`: runs again the accounts that failed or whose write outcome is unknown.

use super::args::AuditArgs;
use super::changes::ChangesArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::journaled::{RunRef, cannot};
use super::output::plural;
use super::resume::{Part, TAKEN_BACK, go_on, nothing_to_do};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::store::RunState;
use neonbench_engine::journal::{AccountStatus, LedgerEntry, RetryScope};
use std::process::ExitCode;

/// Flags of `retry`.
#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Retry the failed accounts, or those whose write outcome is unknown [default: both]
    #[arg(long, value_name = "failed|ambiguous", value_parser = ["failed", "ambiguous"], hide_possible_values = true)]
    only: Option<String>,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    changes: ChangesArgs,
    #[command(flatten)]
    run: RunRef,
}

pub(super) fn run(args: &RetryArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let reopened = args.run.reopen("retry", true)?;
    let id = reopened.run.id;
    match reopened.run.state {
        RunState::Finished => {}
        RunState::Running | RunState::Stopped | RunState::Failed => {
            let resume = line.to("resume");
            let reason = format_args!("it has not finished; run `{resume}` first");
            return Err(cannot("retry", id, reason));
        }
        RunState::Undoing | RunState::Undone => return Err(cannot("retry", id, TAKEN_BACK)),
    }
    let again = match args.only.as_deref() {
        None => RetryScope::Both,
        Some("failed") => RetryScope::Failed,
        Some(_) => RetryScope::Ambiguous,
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
        let accounts = plural(ledger.iter().count() as u64, "account");
        let why = match &args.only {
            Some(only) => format!("run {id} has no {only} account"),
            None => format!("all {accounts} of run {id} succeeded"),
        };
        return Ok(nothing_to_do("retry", why, line));
    }
    let (audit, changes) = (args.audit.audit, args.changes.clone());
    let part = Part { ids: Some(ids), ledger, again, audit, changes, verb: "retry" };
    go_on(&args.run, line, reopened, &part)
}
