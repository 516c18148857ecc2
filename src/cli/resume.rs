//! `neonbench resume`: goes on with a run that was stopped, killed or cut off.

use super::Voice;
use super::args::{OutputArgs, ValuesArgs};
use super::error::{CliError, code};
use super::interrupt;
use super::kept::{self, Begun, RunRef};
use super::progress::Progress;
use super::run::{exit_code_of, said};
use crate::run::{Order, Session, World};
use crate::store::State;
use clap::Args;
use std::process::ExitCode;

/// Flags of `resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    of: RunRef,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &ResumeArgs, voice: Voice) -> Result<ExitCode, CliError> {
    let mut reopened = args.of.reopen("resume", true)?;
    let id = reopened.run.id;
    match reopened.run.state {
        State::Running | State::Stopped | State::Failed => {}
        State::Finished => {
            if !voice.quiet {
                eprintln!("run {id} has finished: nothing is left to resume");
            }
            return Ok(ExitCode::from(code::NOTHING_TO_DO));
        }
        State::Undone => {
            return Err(CliError::usage(format!(
                "cannot resume run {id}: what it wrote was taken back; run the plan again"
            )));
        }
    }
    let scenario = reopened.header.scenario(reopened.run.ids.clone())?;
    let ledger = reopened.store.ledger(id)?;
    reopened.claim()?;
    let stop = interrupt::listen(voice)?;
    let header = &reopened.header;
    let mut progress = Progress::new(voice, header.settings.strategy.name());
    let order = Order {
        scenario: &scenario,
        settings: header.settings.clone(),
        chosen_by: header.chosen_by,
        reason: header.reason.clone(),
        session: Session::ALONE,
    };
    let begun = Begun {
        store: &mut reopened.store,
        id,
        ledger: &ledger,
        stop: &stop,
        resume: Some(args.of.command("resume")),
    };
    let world = World::ForeignHttp(reopened.target.clone());
    let (access, store) = (&args.of.access, &args.of.store);
    let mut run = begun.carry_out(&order, &world, &mut progress, |record| {
        kept::next_command(record, id, access, store)
    })?;
    drop(progress);
    if args.values.show_values {
        run.record.show_values(&run.measure);
    }
    said(&run.record, Some(id), args.output.json)?;
    Ok(ExitCode::from(exit_code_of(&run.record)))
}
