//! `neonbench resume`: goes on with a run that was stopped, killed or cut off.

use super::Voice;
use super::args::{OutputArgs, ValuesArgs};
use super::error::{CliError, code};
use super::interrupt;
use super::kept::{self, Begun, Reopened, RunRef};
use super::progress::Progress;
use super::run::{exit_code_of, said};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::findings::findings;
use neonbench::store::RunState;
use neonbench_engine::journal::{Ledger, RetryScope};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunContext, RunSpec, World};
use std::process::ExitCode;

/// Flags of `resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    pub(super) of: RunRef,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(super) fn run(args: &ResumeArgs, voice: Voice) -> Result<ExitCode, CliError> {
    let reopened = args.of.reopen("resume", true)?;
    let id = reopened.run.id;
    match reopened.run.state {
        RunState::Running | RunState::Stopped | RunState::Failed => {}
        RunState::Finished => return Ok(nothing_to_do(id, "has finished", "resume", voice)),
        RunState::Undone => {
            return Err(CliError::usage(format!(
                "cannot resume run {id}: what it wrote was taken back; run the plan again"
            )));
        }
    }
    let ledger = reopened.store.ledger(id)?;
    let ids = reopened.run.ids.clone();
    let part = Part { ids, ledger, again: RetryScope::Neither, verb: "resume" };
    go_on(args, reopened, &part, voice)
}

/// Says that there is nothing to do with run `id`.
pub(super) fn nothing_to_do(id: i64, why: &str, verb: &str, voice: Voice) -> ExitCode {
    if !voice.quiet {
        eprintln!("run {id} {why}: nothing is left to {verb}");
    }
    ExitCode::from(code::NOTHING_TO_DO)
}

/// What of a run is gone on with.
pub(super) struct Part {
    /// For these accounts; `None` until a filter's were found.
    pub(super) ids: Option<Vec<AccountId>>,
    /// What is taken to be known of them.
    pub(super) ledger: Ledger,
    /// Which of those that failed are taken up again.
    pub(super) again: RetryScope,
    /// By which verb.
    pub(super) verb: &'static str,
}

/// Goes on with a part of a run, and prints what came of it.
pub(super) fn go_on(
    args: &ResumeArgs,
    mut reopened: Reopened,
    part: &Part,
    voice: Voice,
) -> Result<ExitCode, CliError> {
    let id = reopened.run.id;
    let scenario = reopened.header.scenario(part.ids.clone())?;
    reopened.claim()?;
    let stop = interrupt::listen(voice)?;
    let header = &reopened.header;
    let mut progress = Progress::new(voice, header.settings.strategy.name());
    let order = RunSpec {
        scenario: &scenario,
        settings: header.settings.clone(),
        chosen_by: header.chosen_by,
        reason: header.reason.clone(),
        session: RunContext::STANDALONE,
    };
    let begun = Begun {
        store: &mut reopened.store,
        id,
        ledger: &part.ledger,
        again: part.again,
        stop: &stop,
        resume: Some(args.of.command(part.verb)),
        // The record of a run is that of all its accounts.
        keeps_record: part.verb == "resume",
    };
    let world = World::ForeignHttp(reopened.target.clone());
    let (access, store) = (&args.of.access, &args.of.store);
    let next = |record: &RunRecord| {
        if record.stopped {
            kept::command(part.verb, id, access, store)
        } else {
            kept::next_command(record, id, access, store)
        }
    };
    let mut run = begun.carry_out(&order, &world, &mut progress, next)?;
    drop(progress);
    if args.values.show_values {
        run.record.show_values(&run.measure);
    }
    said(&run.record, &findings(&run.record), Some(id), args.output.json)?;
    Ok(ExitCode::from(exit_code_of(&run.record)))
}
