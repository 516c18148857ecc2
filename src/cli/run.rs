//! `neonbench run`: one migration.

use super::Voice;
use super::args::{JobArgs, WorkloadArgs};
use super::error::{CliError, code};
use super::inputs::Inputs;
use super::output::{say, say_json, summary};
use super::progress::Progress;
use crate::record::RunRecord;
use clap::Args;
use std::process::ExitCode;

/// Flags of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    job: JobArgs,
}

pub(super) fn run(args: &RunArgs, voice: Voice) -> Result<ExitCode, CliError> {
    let inputs = Inputs::read(&args.job.workload, &args.job.engine, &args.job.world)?;
    let order = inputs.order(&inputs.scenario)?;
    let mut progress = Progress::new(voice, order.settings.strategy.name());
    let mut run = order.run(&inputs.world, &mut progress)?;
    drop(progress);
    run.record.next_command = next_command(&args.job.workload, &run.record);
    let stored = args.job.store.keep(&run, voice);
    let record = run.record;
    if args.job.output.json {
        say_json(&record)?;
    } else {
        say(&summary(&record))?;
        if let Some(id) = stored {
            say(&format!(
                "  kept      as run {id}; `neonbench compare {id} OTHER` sets it beside another"
            ))?;
        }
        say(&format!("next: {}", record.next_command))?;
    }
    Ok(ExitCode::from(exit_code_of(&record)))
}

/// The exit code of a run that was made.
pub(super) fn exit_code_of(record: &RunRecord) -> u8 {
    if !record.audit.valid {
        code::AUDIT_MISMATCH
    } else if record.records.failed > 0 {
        code::SOME_FAILED
    } else if record.resources == 0 {
        code::NOTHING_TO_DO
    } else {
        0
    }
}

/// What is worth doing after this run.
fn next_command(args: &WorkloadArgs, record: &RunRecord) -> String {
    let workload = workload_flags(args);
    if record.records.failed > 0 && !record.errors.is_empty() {
        let ids: Vec<&str> = record.errors.iter().map(|error| error.resource_id.as_str()).collect();
        let rest = WorkloadArgs { resource_ids: Some(ids.join(",")), sample: None, ..args.clone() };
        return format!("neonbench run{}", workload_flags(&rest));
    }
    if record.dry_run {
        return format!("neonbench run{workload} --strategy {}", record.strategy);
    }
    format!("neonbench benchmark{workload}")
}

/// The workload's flags as they were given.
fn workload_flags(args: &WorkloadArgs) -> String {
    let plan = args.plan.as_ref().map(|path| path.display().to_string());
    let flags = [
        ("scenario", args.scenario.clone()),
        ("plan", plan),
        ("profile", args.profile.clone()),
        ("dataset", args.dataset.clone()),
        ("resources", args.resources.map(|n| n.to_string())),
        ("mappings", args.mappings.map(|m| m.to_string())),
        ("resource-ids", args.resource_ids.clone()),
        ("sample", args.sample.map(|n| n.to_string())),
    ];
    let given = flags.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let flags: Vec<String> =
        given.map(|(name, value)| format!(" --{name} {}", quoted(&value))).collect();
    flags.concat()
}

/// `value` as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,@=:+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}
