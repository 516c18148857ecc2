//! `neonbench verify` and `neonbench undo`: a run's writes compared with the organisation, and reverted.

use super::args::ValuesArgs;
use super::command_line::CommandLine;
use super::control::{Controls, HoldArgs};
use super::error::{CliError, code};
use super::interrupt;
use super::journaled::{ResumableRun, RunRef, cannot, late_words};
use super::live::{self, LiveArgs, LiveRun, RunSource};
use super::output::{count, plural, print};
use super::owner::{self, OwnedRun};
use super::progress::LiveLine;
use super::resume::nothing_to_do;
use super::terminal::{Emphasis, emphasised};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::live::RunEnd;
use neonbench::store::{RunState, TakenRun};
use neonbench::text::{field_value, join_and};
use neonbench_engine::engine::{Control, FieldConflict, ReviewMode, Stop, WriteReview};
use neonbench_engine::event::Observer;
use neonbench_engine::journal::{Journal, Ledger, NoJournal};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Differences and failures that are listed; the others are only counted.
const LISTED: usize = 100;

/// Flags of `undo`.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// Show what would be undone, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Undo it although later runs wrote the same fields: these are left alone
    #[arg(long)]
    out_of_order: bool,
    #[command(flatten)]
    hold: HoldArgs,
    #[command(flatten)]
    live: LiveArgs,
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
    /// Accounts that a process may have written after it had lost the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    late_writes: Vec<String>,
    next_command: String,
}

#[derive(Serialize)]
struct VerifyFigures {
    /// Accounts that the run wrote, or may have written.
    accounts: u64,
    /// Fields that hold what the run left there.
    as_written: u64,
    /// Fields that hold again what stood there before the run, though nothing shows that somebody else wrote
    /// them.
    mismatched: u64,
    /// The first hundred of them.
    mismatches: Vec<FieldRecord>,
    /// Fields that somebody else has written since.
    edited_since: u64,
    /// The first hundred of them.
    edits_since: Vec<FieldRecord>,
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
    reopened.await_silence("verify")?;
    let ledger = reopened.store.ledger(id)?;
    let stop = interrupt::listen(line)?;
    let later = reopened.store.undone_before(id)?;
    if later.is_empty() {
        reopened.recognise("verify", &ledger, &stop)?;
    }
    let how = (&*stop, Control::NEVER, &NoJournal as &dyn Journal, ReviewMode::Verify);
    let found = reviewed(&reopened, &ledger, how, None, line)?;
    let late = reopened.store.late_writes(id)?;
    if stop.is_set() {
        line.note(format_args!("next: {line}"));
        return Ok(ExitCode::from(code::INTERRUPTED));
    }
    let figures = VerifyFigures {
        accounts: found.accounts,
        as_written: found.as_written,
        mismatched: found.not_kept.len() as u64,
        mismatches: fields(&found, &found.not_kept, args.values),
        edited_since: found.differences.len() as u64,
        edits_since: fields(&found, &found.differences, args.values),
    };
    // To undo a migration that went well is nothing to recommend, but to see what that would do; and nobody
    // is led there by the edits of others.
    let next = match reopened.run.state {
        RunState::Running | RunState::Stopped | RunState::Failed => line.to("resume"),
        _ if figures.mismatched == 0 && figures.edited_since > 0 => line.to("history"),
        _ => line.to("undo").with_switch("dry_run"),
    };
    let record =
        ReviewRecord { late_writes: texts(&late), ..ReviewRecord::new(id, figures, &found, &next) };
    say_related(&late, &later, line);
    args.output.show(&record, || {
        print(&verified(&record))?;
        print_list(&record.figures.mismatches, record.figures.mismatched, "differs")?;
        print_list(&record.figures.edits_since, record.figures.edited_since, "theirs")?;
        record.print_failures()
    })?;
    let VerifyFigures { mismatched, edited_since, .. } = record.figures;
    Ok(ExitCode::from(if mismatched > 0 {
        code::AUDIT_MISMATCH
    } else if edited_since > 0 || record.failed > 0 {
        code::SOME_FAILED
    } else {
        0
    }))
}

fn texts(ids: &[AccountId]) -> Vec<String> {
    ids.iter().map(AccountId::to_string).collect()
}

/// Says what else may have written the accounts: a process that lost the run, and `later` runs.
fn say_related(late: &[AccountId], later: &[i64], line: &CommandLine) {
    if let Some(late) = late_words(late) {
        line.note(format_args!("warning: {late}"));
    }
    if !later.is_empty() {
        let runs: Vec<String> = later.iter().map(i64::to_string).collect();
        let runs = join_and(&runs);
        line.note(format_args!(
            "note: later runs wrote the same fields of the same accounts: {runs}"
        ));
    }
}

/// The verdict of `verify` in a sentence.
fn verified(record: &ReviewRecord<VerifyFigures>) -> String {
    let ReviewRecord { run, failed, figures, .. } = record;
    let VerifyFigures { accounts, as_written, mismatched, edited_since, .. } = figures;
    let all = plural(as_written + mismatched + edited_since, "field");
    let wrote = format!("run {run} wrote {}", plural(*accounts, "account"));
    let mut parts = Vec::new();
    if *edited_since > 0 {
        parts.push(format!("others have edited {} since", count(*edited_since)));
    }
    if *mismatched > 0 {
        parts.push(format!(
            "{} hold what stood there before the run, and no edit of others shows",
            count(*mismatched)
        ));
    }
    if *failed > 0 {
        parts.push(format!("{} unreadable", plural(*failed, "account")));
    }
    let verdict = match mismatched + failed {
        0 => emphasised(Emphasis::Good, "verified"),
        _ => emphasised(Emphasis::Bad, "not verified"),
    };
    if parts.is_empty() {
        return format!("{verdict}: {wrote}, and all {all} still hold its values");
    }
    let (stand, rest) = (count(*as_written), parts.join("; "));
    format!("{verdict}: {wrote}; of {all}, {stand} still hold its values; {rest}")
}

/// Reads the accounts of a run again, on the live line.
fn reviewed(
    reopened: &ResumableRun,
    ledger: &Ledger,
    how: (&Stop, &Control, &dyn Journal, ReviewMode),
    page: Option<Arc<RunSource>>,
    line: &CommandLine,
) -> Result<WriteReview, CliError> {
    let status = LiveLine::new(line, 1);
    status.step("reading accounts again");
    let mut observer = status.observer("").shown_on(page);
    reopened.review(ledger, how, &mut observer)
}

/// Refuses to undo run `id` before the runs `later`, or says so in a trial.
///
/// Errors: it is no trial.
fn in_order(id: i64, later: &[i64], dry_run: bool, line: &CommandLine) -> Result<(), CliError> {
    let runs: Vec<String> = later.iter().map(i64::to_string).collect();
    let order: Vec<String> = later.iter().chain([&id]).map(i64::to_string).collect();
    let reason = format!(
        "{} {} wrote the same fields of the same accounts later; undo them in the order {}, or add --out-of-order, \
         which leaves these fields alone",
        if later.len() == 1 { "run" } else { "runs" },
        join_and(&runs),
        order.join(", ")
    );
    if dry_run {
        line.note(format_args!("note: {reason}"));
        return Ok(());
    }
    Err(cannot("undo", id, reason))
}

/// Takes the run and reverts its writes.
///
/// Errors: another process owns it or takes it over, or the server does not answer.
pub(super) fn restored(
    reopened: &mut ResumableRun,
    store: &Path,
    controls: &Controls,
    observer: &mut dyn Observer,
) -> Result<WriteReview, CliError> {
    let id = reopened.run.id;
    // Before the first write: however this ends, the run can no longer be resumed.
    let TakenRun { lease, ledger, .. } =
        match reopened.take("undo", &RunState::ALL, RunState::Undoing)? {
            Ok(taken) => taken,
            Err(state) => return Err(cannot("undo", id, format_args!("it is {}", state.name()))),
        };
    let stop = controls.stop();
    let owned = OwnedRun::keep(lease, store, stop);
    let _socket = controls.listen(store, id);
    let (found, late) = {
        let journal = reopened.store.journal(&owned.lease)?;
        let how = (&**stop, controls.control(), &journal as &dyn Journal, ReviewMode::Undo);
        let found = reopened.review(&ledger, how, observer);
        (found, journal.late_writes())
    };
    if !reopened.store.is_held(&owned.lease)? {
        return Err(owner::lost(&reopened.store, id, &late));
    }
    let is_done = found.as_ref().is_ok_and(|found| found.failed.is_empty() && found.left_out == 0);
    let state = if is_done && !stop.is_set() { RunState::Undone } else { RunState::Undoing };
    reopened.store.end(&owned.lease, state, None)?;
    found
}

/// Reverts a run's writes where they are still in place.
///
/// Errors: the run cannot be undone, or the server does not answer.
pub(super) fn undo(args: &UndoArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let UndoArgs { dry_run, out_of_order, hold, live, run: of } = args;
    let mut reopened = of.reopen("undo", !dry_run)?;
    let id = reopened.run.id;
    let ledger = reopened.store.ledger(id)?;
    if !ledger.has_writes() {
        reopened.await_silence("undo")?;
        return Ok(nothing_to_do("undo", format_args!("run {id} wrote nothing"), line));
    }
    let later = reopened.store.undone_before(id)?;
    if !later.is_empty() && !out_of_order {
        in_order(id, &later, *dry_run, line)?;
    }
    let stop = interrupt::listen(line)?;
    let controls = Controls::new(hold, (&stop, &reopened.header.settings), line);
    if later.is_empty() {
        reopened.recognise("undo", &ledger, &stop)?;
    }
    let shown = live.start(live::facts_of(&reopened, "undo", line), false, None, line)?;
    let page = shown.as_ref().map(LiveRun::source);
    if let Some(page) = &page {
        page.stops_with(&stop);
    }
    let found = if *dry_run {
        reopened.await_silence("undo")?;
        let ledger = reopened.store.ledger(id)?;
        let how = (&*stop, controls.control(), &NoJournal as &dyn Journal, ReviewMode::DryUndo);
        reviewed(&reopened, &ledger, how, page, line)?
    } else {
        let status = LiveLine::new(line, 1);
        status.step("undoing");
        let mut observer = status.observer("").shown_on(page);
        restored(&mut reopened, &of.store.store, &controls, &mut observer)?
    };
    let is_done = found.failed.is_empty() && found.left_out == 0 && !stop.is_set();
    let late = reopened.store.late_writes(id)?;
    let figures = UndoFigures {
        dry_run: *dry_run,
        accounts: found.accounts,
        restored: found.restored,
        unchanged: found.as_before,
        conflicted: found.differences.len() as u64,
        conflicts: fields(&found, &found.differences, of.values),
    };
    let next = match (dry_run, is_done) {
        (false, false) => line.clone(),
        // After a trial, too: whoever makes one knows how to undo, and a hint must not lead there by habit.
        _ => line.to("history"),
    };
    let record =
        ReviewRecord { late_writes: texts(&late), ..ReviewRecord::new(id, figures, &found, &next) };
    say_related(&late, &[], line);
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
        print_list(conflicts, *conflicted, "conflict")?;
        record.print_failures()
    })?;
    let exit_code = if stop.is_set() {
        code::INTERRUPTED
    } else if *conflicted > 0 || record.failed > 0 {
        code::SOME_FAILED
    } else {
        0
    };
    if let Some(shown) = shown {
        let done = if *dry_run { "would be restored" } else { "restored" };
        let left = match conflicted {
            0 => String::new(),
            edited => format!(", {} edited since and left alone", count(*edited)),
        };
        let words = format!("{} {done}{left}", plural(*restored, "field"));
        let next = record.next_command.clone();
        shown.end(RunEnd { exit_code: Some(exit_code), words, next, report: None }, &stop, line);
    }
    Ok(ExitCode::from(exit_code))
}

/// The first of these `conflicts`, by the names of their fields.
fn fields(
    found: &WriteReview,
    conflicts: &[FieldConflict],
    values: ValuesArgs,
) -> Vec<FieldRecord> {
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
    conflicts.iter().take(LISTED).map(record).collect()
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
            late_writes: Vec::new(),
            next_command: next.to_string(),
        }
    }

    /// Prints the failures and the next command.
    fn print_failures(&self) -> Result<(), CliError> {
        for FailureRecord { resource_id, message } in &self.failures {
            print(&format!("  failed    account {resource_id}: {message}"))?;
        }
        print(&format!("next: {}", self.next_command))
    }
}

/// Prints the first of `all` fields as `what`.
fn print_list(fields: &[FieldRecord], all: u64, what: &str) -> Result<(), CliError> {
    for FieldRecord { resource_id, field, expected, found } in fields {
        let values = match (expected, found) {
            (Some(expected), Some(found)) => {
                format!(": the run wrote {expected}, found {found}")
            }
            _ => String::new(),
        };
        print(&format!("  {what:<9} account {resource_id}, {field}{values}"))?;
    }
    match all.saturating_sub(fields.len() as u64) {
        0 => Ok(()),
        more => print(&format!("  {what:<9} {} more", plural(more, "field"))),
    }
}
