//! `neonbench fit`: a profile from recorded traffic.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::files::read;
use super::fitted::{self, Cost};
use super::output::plural;
use super::stored::whole;
use clap::Args;
use neonbench::probe::{Har, ProbeError, TargetFit};
use neonbench_engine::engine::Reads;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `fit`.
#[derive(Debug, Args)]
#[command(long_about = "Fits a profile to recorded traffic: a HAR file, or a stored run.\n\n\
    Only the verb, path, status and times of each call are read.")]
pub(super) struct FitArgs {
    /// HAR file, as browsers and proxies record it
    #[arg(value_name = "FILE", required_unless_present = "run", conflicts_with = "run")]
    file: Option<PathBuf>,
    /// Number of a stored run, instead of a file
    #[arg(long, value_name = "N")]
    run: Option<i64>,
    /// Write the profile to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    write: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &FitArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let (origin, cost, fit) = match (&args.file, args.run) {
        (Some(file), _) => {
            let origin = file.display().to_string();
            let text = read(file)?;
            if !text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
                return Err(CliError::usage(format!(
                    "{origin} is no HAR file, which is JSON as browsers and proxies record it"
                )));
            }
            let Har { trace, passed_over } = Har::read(&origin, &text)?;
            if passed_over > 0 {
                let entries = plural(passed_over as u64, "entry");
                line.note(format_args!("note: skipped {entries} that are no calls of Neon's API"));
            }
            (origin, Cost::of(&trace), TargetFit::of(&trace))
        }
        (None, run) => {
            let run = run.expect("clap asks for a file or a run");
            let record = args.store.open()?.record(run)?;
            whole(run, &record, "be fitted")?;
            if !record.processes.is_empty() {
                return Err(CliError::usage(format!(
                    "run {run} was resumed: the times of its calls are those of its last process alone; use a run of one \
                     process"
                )));
            }
            let fit = TargetFit::of_record(&record);
            if let (Err(ProbeError::TooFew(reads)), Reads::Search) = (&fit, record.reads) {
                return Err(CliError::usage(format!(
                    "run {run} read its accounts by searches, and only {reads} one by one, too few to fit: use a run \
                     with --reads get"
                )));
            }
            (format!("run {run}"), Cost::of_record(&record), fit)
        }
    };
    // Too few calls are a usage error here: the file or the run is unsuitable.
    let fit = fit.map_err(|error| CliError::usage(error.to_string()))?;
    fitted::print_fit(&origin, cost, &fit, args.write.as_deref(), args.output, line)
}
