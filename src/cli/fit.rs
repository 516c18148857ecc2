//! `neonbench fit`: a profile from recorded traffic.

use super::args::OutputArgs;
use super::error::CliError;
use super::fitted;
use super::inputs::read;
use crate::probe::{Fit, Har};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `fit`.
#[derive(Debug, Args)]
#[command(after_help = "Only verb, path, status and times of a recording are looked at.\n\n\
    neonbench fit recorded.har --write mine.toml && neonbench analyze --profile mine.toml")]
pub(super) struct FitArgs {
    /// A HAR file, as browsers and proxies write them
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the fitted profile to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    write: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &FitArgs) -> Result<ExitCode, CliError> {
    let origin = args.file.display().to_string();
    let Har { seen, passed_over } = Har::read(&origin, &read(&args.file)?)?;
    if passed_over > 0 {
        eprintln!(
            "note: {passed_over} entries are no calls that a migration makes, and are passed over"
        );
    }
    let fit = Fit::of(&seen)?;
    fitted::said(&origin, &seen, &fit, args.write.as_deref(), args.output.json, |written| {
        match written {
            Some(path) => format!(
                "neonbench analyze --profile {}",
                super::run::quoted(&path.display().to_string())
            ),
            None => format!("neonbench fit {} --write mine.toml", super::run::quoted(&origin)),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
