//! `neonbench fit`: a profile from recorded traffic.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::files::read;
use super::fitted::{self, Cost};
use clap::Args;
use neonbench::probe::{Har, TargetFit};
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `fit`.
#[derive(Debug, Args)]
#[command(after_help = "Only verb, path, status and times of a recording are looked at.\n\n\
    neonbench fit recorded.har --write mine.toml && neonbench analyze --profile mine.toml")]
pub(super) struct FitArgs {
    /// A HAR file, as browsers and proxies write them
    #[arg(value_name = "FILE", required_unless_present = "run", conflicts_with = "run")]
    file: Option<PathBuf>,
    /// A run of the store instead, by the quantiles that its record keeps
    #[arg(long, value_name = "N")]
    run: Option<i64>,
    /// Write the fitted profile to this file
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
            let Har { trace, passed_over } = Har::read(&origin, &read(file)?)?;
            if passed_over > 0 {
                eprintln!(
                    "note: {passed_over} entries are no calls of Neon's API, and are passed over"
                );
            }
            (origin, Cost::of(&trace), TargetFit::of(&trace))
        }
        (None, run) => {
            let run = run.expect("clap asks for a file or a run");
            let record = args.store.open()?.record(run)?;
            (format!("run {run}"), Cost::of_record(&record), TargetFit::of_record(&record))
        }
    };
    // Too few calls are a usage error here: the file or the run is unsuitable.
    let fit = fit.map_err(|error| CliError::usage(error.to_string()))?;
    fitted::print_fit(&origin, cost, &fit, args.write.as_deref(), args.output, line)
}
