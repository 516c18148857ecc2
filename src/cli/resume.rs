//! `neonbench resume`: continues a run that was stopped, killed or cut off.

use super::args::AuditArgs;
use super::changes::ChangesArgs;
use super::command_line::CommandLine;
use super::control::{Controls, HoldArgs};
use super::error::{CliError, code};
use super::interrupt;
use super::journaled::{self, JournaledRun, ResumableRun, RunRef, cannot};
use super::live::{self, LiveArgs, LiveRun};
use super::output::{plural, verdict_in_words};
use super::owner::OwnedRun;
use super::progress::LiveLine;
use super::run::{READING_BACK, exit_code_of, print_result};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::findings::findings;
use neonbench::store::{Lease, RunState, TakenRun};
use neonbench_engine::engine::{AuditDepth, Settings};
use neonbench_engine::journal::{AccountStatus, Ledger, LedgerEntry, RetryScope, Settlements};
use neonbench_engine::plan::list_ids;
use neonbench_engine::record::CallCounts;
use neonbench_engine::run::{Run, RunContext, RunSpec, World};
use std::fmt::Display;
use std::process::ExitCode;

/// The reason to carry out no part of a run that was undone.
pub(super) const TAKEN_BACK: &str = "it was undone; run the plan again";

/// Flags of `resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
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

pub(super) fn run(args: &ResumeArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let mut reopened = args.run.reopen("resume", true)?;
    let id = reopened.run.id;
    let stop = interrupt::listen(line)?;
    let controls = Controls::new(&args.hold, (&stop, &reopened.header.settings), line);
    let calls_before = args.run.recognised(&reopened, "resume", &stop)?;
    let unfinished = [RunState::Running, RunState::Stopped, RunState::Failed];
    let taken = match reopened.take("resume", &unfinished, RunState::Running)? {
        Ok(taken) => taken,
        Err(RunState::Undoing | RunState::Undone) => return Err(cannot("resume", id, TAKEN_BACK)),
        Err(_) => {
            return Ok(nothing_to_do("resume", format_args!("run {id} has finished"), line));
        }
    };
    let TakenRun { lease, run, ledger } = taken;
    let ids = run.ids.clone();
    reopened.run = run;
    let (again, audit, changes) = (RetryScope::Neither, args.audit.audit, args.changes.clone());
    let settlements = Settlements::new();
    let part = Part {
        ids,
        ledger,
        again,
        settlements,
        audit,
        changes,
        live: args.live.clone(),
        verb: "resume",
    };
    go_on(&args.run, line, (reopened, lease, calls_before), &part, &controls)
}

/// Says how the accounts of `ledger` that are in doubt can be settled.
fn say_in_doubt(ledger: &Ledger, line: &CommandLine) {
    let is_in_doubt = |entry: &LedgerEntry| {
        entry.landed.as_ref().is_some_and(|(status, _)| *status == AccountStatus::Ambiguous)
    };
    let in_doubt: Vec<AccountId> =
        ledger.iter().filter(|(_, entry)| is_in_doubt(entry)).map(|(id, _)| id).collect();
    if in_doubt.is_empty() {
        return;
    }
    let command =
        |how: &str| line.to("retry").with("decide", format_args!("{}={how}", list_ids(&in_doubt)));
    let accounts = plural(in_doubt.len() as u64, "account");
    line.note(format_args!(
        "{accounts} in doubt: a write may have been carried out, and somebody else wrote since; look at them; `{}` leaves what \
         stands there, `{}` writes the run's values over it",
        command("keep"),
        command("write")
    ));
}

/// Says that there is nothing to `verb`, and why.
pub(super) fn nothing_to_do(verb: &str, why: impl Display, line: &CommandLine) -> ExitCode {
    line.note(format_args!("nothing to {verb}: {why}"));
    ExitCode::from(code::NOTHING_TO_DO)
}

/// The part of a run that is carried out again.
pub(super) struct Part {
    /// Its accounts; `None` if the plan's filter is still to be searched.
    pub(super) ids: Option<Vec<AccountId>>,
    /// Their ledger from earlier attempts.
    pub(super) ledger: Ledger,
    /// The failed accounts that are tried again.
    pub(super) again: RetryScope,
    /// Decisions of people about accounts with a write of unknown result.
    pub(super) settlements: Settlements,
    /// The accounts to read again afterwards, if not as before.
    pub(super) audit: Option<AuditDepth>,
    /// The list of all that the run changed.
    pub(super) changes: ChangesArgs,
    /// The page, if one is asked for.
    pub(super) live: LiveArgs,
    /// The verb of this process.
    pub(super) verb: &'static str,
}

/// Carries out a part of a run and prints the result.
///
/// Errors: the run was taken over by another process, or could not go on.
pub(super) fn go_on(
    args: &RunRef,
    line: &CommandLine,
    (mut reopened, lease, calls_before): (ResumableRun, Lease, CallCounts),
    part: &Part,
    controls: &Controls,
) -> Result<ExitCode, CliError> {
    let id = reopened.run.id;
    part.changes.check()?;
    let stop = controls.stop();
    let owned = OwnedRun::keep(lease, &args.store.store, stop);
    let _socket = controls.listen(&args.store.store, id);
    let scenario = reopened.header.scenario(part.ids.clone())?;
    let header = &reopened.header;
    let shown = part.live.start(live::facts_of(&reopened, part.verb, line), false, None, line)?;
    let status = LiveLine::new(line, 1);
    status.step(header.settings.strategy.name());
    let settings = header.settings.clone();
    let page = shown.as_ref().map(LiveRun::source);
    if let (Some(shown), Some(page)) = (&shown, &page) {
        page.stops_with(stop);
        controls.shown_at(shown.url());
    }
    let mut observer = status.forecast(READING_BACK, (&scenario, &settings), page, false);
    let order = RunSpec {
        scenario: &scenario,
        settings: Settings { audit: part.audit.unwrap_or(settings.audit), ..settings },
        chosen_by: header.chosen_by,
        reason: header.reason.clone(),
        session: RunContext { calls_before, ..RunContext::STANDALONE },
    };
    let begun = JournaledRun {
        store: &mut reopened.store,
        owned: &owned,
        ledger: &part.ledger,
        again: part.again,
        settlements: &part.settlements,
        stop,
        control: controls.control(),
        resume: Some(line.to_string()),
        earlier: reopened.run.record.clone(),
        // A process that was killed, or failed, has left no record.
        lost: u64::from(matches!(reopened.run.state, RunState::Running | RunState::Failed)),
        keeps_record: part.verb == "resume",
    };
    let world = World::ForeignHttp(reopened.target.clone());
    let next = |run: &Run| {
        let is_stopped = run.record.stopped;
        Ok(if is_stopped { line.to_string() } else { journaled::next_command(&run.record, line) })
    };
    let mut run = begun.carry_out(&order, &world, &mut observer, next)?;
    drop(observer);
    drop(status);
    let listed = part.changes.write(&reopened.store, id, &run.fields, line);
    say_in_doubt(&reopened.store.ledger(id)?, line);
    if args.values.show_values {
        run.record.show_values(&run.measure);
    }
    print_result(&run.record, &findings(&run.record), Some(id), args.output.json)?;
    let exit_code = exit_code_of(&run.record);
    if let Some(shown) = shown {
        shown.end(verdict_in_words(&run.record, exit_code, Some(id)), stop, line);
    }
    listed?;
    Ok(ExitCode::from(exit_code))
}
