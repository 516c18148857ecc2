//! `neonbench verify` and `neonbench undo`: a run's writes compared with the organisation, and reverted.

use super::args::ValuesArgs;
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::interrupt;
use super::journaled::{RunRef, cannot};
use super::output::{count, plural, print};
use super::progress::LiveLine;
use super::resume::nothing_to_do;
use super::terminal::{Emphasis, emphasised};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::store::RunState;
use neonbench::text::field_value;
use neonbench_engine::engine::{FieldConflict, ReviewMode, WriteReview};
use neonbench_engine::run;
use serde::Serialize;
use std::process::ExitCode;

/// Differences and failures that are listed; the others are only counted.
const LISTED: usize = 100;

/// Flags of `undo`.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// Show what would be undone, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    run: RunRef,
}

/// `verify --json` and `undo --json`.
#[derive(Serialize)]
struct ReviewRecord<F> {
    schema: u32,
    run: i64,
    #[serde(flatten)]
    figures: F,
    failed: u64,
    failures: Vec<FailureRecord>,
    next_command: String,
}

#[derive(Serialize)]
struct VerifyFigures {
    /// Accounts that the run wrote, or may have written.
    accounts: u64,
    /// Fields that hold what the run left there.
    as_written: u64,
    /// Fields that do not.
    mismatched: u64,
    /// The first hundred of them.
    mismatches: Vec<FieldRecord>,
}

#[derive(Serialize)]
struct UndoFigures {
    dry_run: bool,
    /// Accounts that the run wrote, or may have written.
    accounts: u64,
    /// Fields that were taken back, or would be.
    restored: u64,
    /// Fields that already held what stood there before the run.
    unchanged: u64,
    /// Fields that somebody else has written since: they were left alone.
    conflicted: u64,
    /// The first hundred of them.
    conflicts: Vec<FieldRecord>,
}

/// A field that differs from the run's write. Values are set only with `--show-values`.
#[derive(Serialize)]
struct FieldRecord {
    resource_id: String,
    field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
}

/// An account that could not be read or written.
#[derive(Serialize)]
struct FailureRecord {
    resource_id: String,
    message: String,
}

/// Compares the organisation with a run's writes.
///
/// Errors: the run cannot be verified, or the server does not answer.
pub(super) fn verify(args: &RunRef, line: &CommandLine) -> Result<ExitCode, CliError> {
    let reopened = args.reopen("verify", false)?;
    let id = reopened.run.id;
    if matches!(reopened.run.state, RunState::Undoing | RunState::Undone) {
        return Err(cannot("verify", id, "it was undone"));
    }
    let ledger = reopened.store.ledger(id)?;
    let stop = interrupt::listen(line)?;
    let settings = &reopened.header.settings;
    let status = LiveLine::new(line, 1);
    status.step(format!("reading {} again", plural(ledger.iter().count() as u64, "account")));
    let found = run::review(&reopened.target, settings, &ledger, &stop, ReviewMode::Verify)?;
    drop(status);
    if stop.is_set() {
        return Ok(ExitCode::from(code::INTERRUPTED));
    }
    let figures = VerifyFigures {
        accounts: found.accounts,
        as_written: found.as_written,
        mismatched: found.differences.len() as u64,
        mismatches: fields(&found, args.values),
    };
    // To undo a migration that went well is nothing to recommend, but to see what that would do.
    let next = match reopened.run.state {
        RunState::Running | RunState::Stopped | RunState::Failed => line.to("resume"),
        _ => line.to("undo").with_switch("dry_run"),
    };
    let record = ReviewRecord::new(id, figures, &found, &next);
    let VerifyFigures { accounts, as_written, mismatched, mismatches } = &record.figures;
    args.output.show(&record, || {
        let accounts = plural(*accounts, "account");
        let fields = plural(*as_written + *mismatched, "field");
        print(&if *mismatched == 0 && record.failed == 0 {
            let verified = emphasised(Emphasis::Good, "verified");
            format!("{verified}: run {id} wrote {accounts}, and all {fields} still hold its values")
        } else {
            format!(
                "{}: run {id} wrote {accounts}; of {fields}, {} still hold its values, {} do not; {} unreadable",
                emphasised(Emphasis::Bad, "not verified"),
                count(*as_written),
                count(*mismatched),
                plural(record.failed, "account")
            )
        })?;
        record.print_lists(mismatches, "differs")
    })?;
    Ok(ExitCode::from(if *mismatched > 0 {
        code::AUDIT_MISMATCH
    } else if record.failed > 0 {
        code::SOME_FAILED
    } else {
        0
    }))
}

/// Reverts a run's writes where they are still in place.
///
/// Errors: the run cannot be undone, or the server does not answer.
pub(super) fn undo(args: &UndoArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let UndoArgs { dry_run, run: of } = args;
    let mut reopened = of.reopen("undo", !dry_run)?;
    let id = reopened.run.id;
    let ledger = reopened.store.ledger(id)?;
    if !ledger.has_writes() {
        return Ok(nothing_to_do("undo", format_args!("run {id} wrote nothing"), line));
    }
    let stop = interrupt::listen(line)?;
    if !dry_run {
        // Before the first write: however this ends, the run can no longer be resumed.
        reopened.store.end(id, RunState::Undoing, None)?;
    }
    let settings = &reopened.header.settings;
    let mode = if *dry_run { ReviewMode::DryUndo } else { ReviewMode::Undo };
    let status = LiveLine::new(line, 1);
    status.step(format!("reading {} again", plural(ledger.iter().count() as u64, "account")));
    let found = run::review(&reopened.target, settings, &ledger, &stop, mode)?;
    drop(status);
    let is_done = found.failed.is_empty() && !stop.is_set();
    if is_done && !dry_run {
        reopened.store.end(id, RunState::Undone, None)?;
    }
    let figures = UndoFigures {
        dry_run: *dry_run,
        accounts: found.accounts,
        restored: found.restored,
        unchanged: found.as_before,
        conflicted: found.differences.len() as u64,
        conflicts: fields(&found, of.values),
    };
    let next = match (dry_run, is_done) {
        (false, false) => line.clone(),
        // After a trial, too: whoever makes one knows how to undo, and a hint must not lead there by habit.
        _ => line.to("history"),
    };
    let record = ReviewRecord::new(id, figures, &found, &next);
    let UndoFigures { restored, unchanged, conflicted, conflicts, .. } = &record.figures;
    of.output.show(&record, || {
        let done = if *dry_run { "would restore" } else { "restored" };
        print(&format!(
            "run {id}: {done} {}; {} already restored, {} skipped (edited since); {} failed",
            plural(*restored, "field"),
            count(*unchanged),
            count(*conflicted),
            plural(record.failed, "account")
        ))?;
        record.print_lists(conflicts, "conflict")
    })?;
    Ok(ExitCode::from(if stop.is_set() {
        code::INTERRUPTED
    } else if *conflicted > 0 || record.failed > 0 {
        code::SOME_FAILED
    } else {
        0
    }))
}

fn fields(found: &WriteReview, values: ValuesArgs) -> Vec<FieldRecord> {
    let record = |difference: &FieldConflict| {
        let field = found.fields.iter().find(|field| field.id == difference.field);
        let name = field.map_or_else(|| difference.field.to_string(), |it| it.name.to_string());
        let value =
            |value: &Option<_>| values.show_values.then(|| field_value(value.as_ref(), field));
        FieldRecord {
            resource_id: difference.id.to_string(),
            field: name,
            expected: value(&difference.expected),
            found: value(&difference.found),
        }
    };
    found.differences.iter().take(LISTED).map(record).collect()
}

impl<F> ReviewRecord<F> {
    fn new(run: i64, figures: F, found: &WriteReview, next: &CommandLine) -> Self {
        let failure = |(id, message): &(AccountId, String)| FailureRecord {
            resource_id: id.to_string(),
            message: message.clone(),
        };
        Self {
            schema: 1,
            run,
            figures,
            failed: found.failed.len() as u64,
            failures: found.failed.iter().take(LISTED).map(failure).collect(),
            next_command: next.to_string(),
        }
    }

    /// Prints the differing fields as `what`, the failures and the next command.
    fn print_lists(&self, fields: &[FieldRecord], what: &str) -> Result<(), CliError> {
        for FieldRecord { resource_id, field, expected, found } in fields {
            let values = match (expected, found) {
                (Some(expected), Some(found)) => {
                    format!(": the run wrote {expected}, found {found}")
                }
                _ => String::new(),
            };
            print(&format!("  {what:<9} account {resource_id}, {field}{values}"))?;
        }
        for FailureRecord { resource_id, message } in &self.failures {
            print(&format!("  failed    account {resource_id}: {message}"))?;
        }
        print(&format!("next: {}", self.next_command))
    }
}
