//! `neonbench probe`: fits a profile to a few gentle calls.

use super::args::{EngineArgs, OutputArgs, StoreArgs, Switch, WorkloadArgs, WorldArgs, whole};
use super::command_line::CommandLine;
use super::error::{CliError, in_words};
use super::files;
use super::fitted;
use super::inputs::Inputs;
use super::interrupt;
use super::owner::{self, OwnedRun, claimant, this_process};
use super::progress::LiveLine;
use clap::Args;
use neonbench::probe::{
    self, MOST_CALLS, MOST_SAMPLE, ProbeError, ProbeOptions, ProbeTrace, TargetFit,
};
use neonbench::store::{RunState, Store};
use neonbench_engine::engine::Strategy;
use neonbench_engine::journal::NoJournal;
use neonbench_engine::run::{RunSpec, World};
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `probe`.
#[derive(Debug, Args)]
#[command(long_about = "Measures a server with at most 60 calls, and fits a profile to them.\n\n\
    Without --sample nothing is written, and the response times and limits of writes are assumed. With --sample \
    N (at most 20) the probe migrates the first N accounts by the plan: it WRITES.\n\n\
    The probe finds a limit by sending 11 reads at once, and 11 more if none of them is refused. At a server \
    that is not the mock it does so only with --find-pool on.")]
pub(super) struct ProbeArgs {
    #[command(flatten)]
    workload: WorkloadArgs,
    /// Seed of the organisation and the response times [default: 1]
    #[arg(long, value_name = "K", value_parser = whole::<u64>, help_heading = "Workload")]
    seed: Option<u64>,
    #[command(flatten)]
    world: WorldArgs,
    #[command(flatten)]
    asked: ProbeSettings,
    /// Write the profile to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    write: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Permissions of a probe.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct ProbeSettings {
    /// Find limits by sending 11 to 22 reads at once, some of which are refused [default: on, but off with --base-url]
    #[arg(long, value_name = "on|off", hide_possible_values = true, help_heading = "Probe")]
    find_pool: Option<Switch>,
}

impl ProbeSettings {
    /// Options for `world`, with a sample run of `sample` accounts.
    pub(super) fn options(self, world: &World, sample: u32, seed: u64) -> ProbeOptions {
        let find_pool = match self.find_pool {
            Some(asked) => asked == Switch::On,
            // Do not provoke 429s on third-party servers by default.
            None => !matches!(world, World::ForeignHttp(_)),
        };
        ProbeOptions { find_pool, sample, seed }
    }
}

pub(super) fn run(args: &ProbeArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let sample = sample(&args.workload)?;
    files::check(args.write.as_deref())?;
    let engine = EngineArgs { seed: args.seed, dry_run: sample == 0, ..EngineArgs::default() };
    let workload = WorkloadArgs { sample: None, ..args.workload.clone() };
    let inputs = Inputs::read(&workload, &engine, &args.world)?;
    if sample > 0 && inputs.scenario.plan.hints.dry_run == Some(true) {
        return Err(CliError::usage("--sample: the plan says dry_run, and a sample is written"));
    }
    let options = args.asked.options(&inputs.world, sample, inputs.seed());
    let status = LiveLine::new(line, 1);
    status.step(format!("probing with at most {MOST_CALLS} calls"));
    let trace = probe_target(&inputs, &options, &args.store, line)?;
    drop(status);
    let fit = TargetFit::of(&trace)?;
    let origin = match &inputs.world {
        World::Virtual => format!("profile {} in virtual time", inputs.profile.origin),
        World::EmbeddedHttp => format!("profile {} over HTTP", inputs.profile.origin),
        World::ForeignHttp(target) => target.base_url.clone(),
    };
    let cost = fitted::Cost::of(&trace);
    fitted::print_fit(&origin, cost, &fit, args.write.as_deref(), args.output, line)
}

/// The size of the sample run that `workload` asks for.
fn sample(workload: &WorkloadArgs) -> Result<u32, CliError> {
    let asked = workload.sample.unwrap_or(0);
    match u32::try_from(asked) {
        Ok(sample) if sample <= MOST_SAMPLE => Ok(sample),
        _ => Err(CliError::usage(format!(
            "--sample {asked}: from 0 to {MOST_SAMPLE}, since a probe makes at most {MOST_CALLS} calls"
        ))),
    }
}

/// Probes the target. Writes of a sample run on a remote server are noted in the store before they are
/// sent.
pub(super) fn probe_target(
    inputs: &Inputs,
    options: &ProbeOptions,
    store: &StoreArgs,
    line: &CommandLine,
) -> Result<ProbeTrace, CliError> {
    let scenario = &inputs.scenario;
    let stop = interrupt::listen(line)?;
    let stays = matches!(inputs.world, World::ForeignHttp(_)) && options.sample > 0;
    if !stays || store.no_store {
        return Ok(probe::run(scenario, &inputs.world, options, &NoJournal, &stop)?);
    }
    let mut kept = Store::open(&store.store)?;
    let order = RunSpec::new(scenario, inputs.settings(Strategy::Hybrid)?);
    let process = this_process();
    let claimant = claimant("probe", &process, false);
    let lease = inputs.begin(&mut kept, &order, options.sample as usize, claimant)?;
    let owned = OwnedRun::keep(lease, &store.store, &stop);
    let lease = &owned.lease;
    let (trace, late) = {
        let journal = kept.journal(lease)?;
        let trace = probe::run(scenario, &inputs.world, options, &journal, &stop);
        (trace, journal.late_writes())
    };
    let id = lease.run;
    if kept.is_held(lease).is_ok_and(|is_held| !is_held) {
        return Err(owner::lost(&kept, id, &late));
    }
    // A store that cannot be written takes nothing from what the calls have shown.
    if kept.has_notes(id).unwrap_or(true) {
        let state = if trace.is_ok() { RunState::Finished } else { RunState::Failed };
        if let Err(error) = kept.end(lease, state, None).and_then(|()| kept.check_journal(id)) {
            line.note(format_args!(
                "warning: the end of the sample is not saved: {}",
                in_words(&error.into())
            ));
        }
        let undo = line.to("undo").with("run", id);
        line.note(format_args!("note: the sample is saved as run {id}; `{undo}` undoes it"));
    } else if kept.forget(lease).is_err() {
        line.note(format_args!("note: run {id}, which wrote nothing, stays in the store"));
    }
    Ok(trace?)
}

impl From<ProbeError> for CliError {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Run(error) => Self::Run(error),
            ProbeError::Engine(error) => Self::Run(error.into()),
            ProbeError::Target(_) | ProbeError::TooFew(_) => Self::Target(error.to_string()),
            ProbeError::NoAccounts | ProbeError::Sample(_) => Self::Usage(error.to_string()),
        }
    }
}
