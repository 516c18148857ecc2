//! `neonbench retry`: runs again the accounts that failed or whose write outcome is unknown.

use super::args::AuditArgs;
use super::changes::ChangesArgs;
use super::command_line::CommandLine;
use super::control::{Controls, HoldArgs};
use super::error::CliError;
use super::interrupt;
use super::journaled::{RunRef, cannot};
use super::live::LiveArgs;
use super::output::plural;
use super::resume::{Part, TAKEN_BACK, go_on, nothing_to_do};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::store::RunState;
use neonbench_engine::journal::{
    AccountStatus, Ledger, LedgerEntry, RetryScope, Settlement, Settlements,
};
use neonbench_engine::plan::parse_ids;
use std::process::ExitCode;

/// Flags of `retry`.
#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Retry the failed accounts, or those whose write outcome is unknown [default: both]
    #[arg(long, value_name = "failed|ambiguous", value_parser = ["failed", "ambiguous"], hide_possible_values = true)]
    only: Option<String>,
    /// Settle accounts in doubt: keep leaves what stands there, write writes the run's values over it
    #[arg(long, value_name = "ACCOUNTS=keep|write", value_parser = decision)]
    decide: Vec<(Vec<AccountId>, Settlement)>,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    changes: ChangesArgs,
    #[command(flatten)]
    hold: HoldArgs,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    run: RunRef,
}

pub(super) fn run(args: &RetryArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let mut reopened = args.run.reopen("retry", true)?;
    let id = reopened.run.id;
    let stop = interrupt::listen(line)?;
    let controls = Controls::new(&args.hold, (&stop, &reopened.header.settings), line);
    let calls_before = args.run.recognised(&reopened, "retry", &stop)?;
    let mut taken = match reopened.take("retry", &[RunState::Finished], RunState::Running)? {
        Ok(taken) => taken,
        Err(RunState::Undoing | RunState::Undone) => return Err(cannot("retry", id, TAKEN_BACK)),
        Err(_) => {
            let resume = line.to("resume");
            let reason = format_args!("it has not finished; run `{resume}` first");
            return Err(cannot("retry", id, reason));
        }
    };
    match args.part(&taken.ledger) {
        Ok(Some(part)) => {
            let part = Part { ledger: std::mem::take(&mut taken.ledger), ..part };
            reopened.run = taken.run;
            go_on(&args.run, line, (reopened, taken.lease, calls_before), &part, &controls)
        }
        nothing => {
            reopened.store.end(&taken.lease, RunState::Finished, None)?;
            nothing?;
            let accounts = plural(taken.ledger.iter().count() as u64, "account");
            let why = match &args.only {
                Some(only) => format!("run {id} has no {only} account"),
                None => format!("all {accounts} of run {id} succeeded"),
            };
            Ok(nothing_to_do("retry", why, line))
        }
    }
}

impl RetryArgs {
    /// The accounts to try again, without their ledger; `None` if there are none.
    ///
    /// Errors: a decision is about an account that is not in doubt.
    fn part(&self, ledger: &Ledger) -> Result<Option<Part>, CliError> {
        let again = match self.only.as_deref() {
            None => RetryScope::Both,
            Some("failed") => RetryScope::Failed,
            Some(_) => RetryScope::Ambiguous,
        };
        let is_taken = |entry: &LedgerEntry| match entry.landed {
            Some((AccountStatus::Failed, _)) => again.takes_failed(),
            Some((AccountStatus::Ambiguous, _)) => again.takes_ambiguous(),
            _ => false,
        };
        let is_in_doubt = |id: AccountId| {
            let landed = ledger.get(id).and_then(|entry| entry.landed.as_ref());
            landed.is_some_and(|(status, _)| *status == AccountStatus::Ambiguous)
        };
        let mut settlements = Settlements::new();
        for (ids, settlement) in &self.decide {
            for &id in ids {
                if !is_in_doubt(id) {
                    let run = self.run.run;
                    let reason = format!("--decide: account {id} is not in doubt");
                    return Err(cannot("retry", run, reason));
                }
                settlements.insert(id, *settlement);
            }
        }
        let taken = ledger.iter().filter(|(_, entry)| is_taken(entry));
        let ids: Vec<AccountId> = taken.map(|(id, _)| id).collect();
        let part = Part {
            ids: Some(ids),
            ledger: Ledger::default(),
            again,
            settlements,
            audit: self.audit.audit,
            changes: self.changes.clone(),
            live: self.live.clone(),
            verb: "retry",
        };
        Ok(Some(part).filter(|part| part.ids.as_ref().is_some_and(|ids| !ids.is_empty())))
    }
}

/// A decision such as `17=keep` or `1-5,9=write`.
fn decision(text: &str) -> Result<(Vec<AccountId>, Settlement), String> {
    let (ids, settlement) =
        text.rsplit_once('=').ok_or("expected accounts and keep or write, such as 17=keep")?;
    let settlement = match settlement {
        "keep" => Settlement::Keep,
        "write" => Settlement::Write,
        other => return Err(format!("`{other}` is neither keep nor write")),
    };
    Ok((parse_ids(ids).map_err(|error| error.to_string())?, settlement))
}
