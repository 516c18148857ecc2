//! `neonbench fit`: a profile from recorded traffic.

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::files::read_data;
use super::fitted::{self, Cost};
use super::output::duration;
use super::stored::whole;
use clap::Args;
use neon_mock::api::{Class, Endpoint};
use neonbench::probe::{Har, ProbeError, ProbeTrace, TargetFit};
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
            let text = read_data(file)?;
            if !text.trim_start().starts_with('{') {
                return Err(CliError::usage(format!(
                    "{origin} is no HAR file, which is JSON as browsers and proxies record it"
                )));
            }
            let Har { trace, passed_over } = Har::read(&origin, &text)?;
            let fit = TargetFit::of(&trace);
            if let Ok(fit) = &fit {
                credible(&origin, fit, &trace)?;
            }
            (origin, Cost { passed_over: Some(passed_over), ..Cost::of(&trace) }, fit)
        }
        (None, run) => {
            let run = run.expect("clap asks for a file or a run");
            let record = args.store.read(|store| Ok(store.record(run)?))?;
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

/// Largest p99 that is believed, as a multiple of the longest time that was recorded.
const MOST_ABOVE_LONGEST: f64 = 100.0;

/// Refuses a law that its own calls contradict: among them are times that no server took.
///
/// Errors: a p99 lies far above the longest time of its calls.
fn credible(origin: &str, fit: &TargetFit, trace: &ProbeTrace) -> Result<(), CliError> {
    let classes = [
        ("reads", Class::Get),
        ("writes", Class::Patch),
        ("searches", Class::Search),
        ("look-ups", Class::Metadata),
    ];
    for ((name, class), law) in classes.into_iter().zip(fit.estimates()) {
        let endpoints = Endpoint::ALL.into_iter().filter(|endpoint| endpoint.class() == class);
        let times = endpoints.flat_map(|endpoint| trace.of(endpoint));
        let times = times.map(|call| call.done_at.since(call.sent_at).as_secs_f64());
        let (shortest, longest) =
            times.fold((f64::MAX, 0.0_f64), |(low, high), s| (low.min(s), high.max(s)));
        let p99 = law.p99_ms / 1e3;
        if longest > 0.0 && p99 > MOST_ABOVE_LONGEST * longest {
            return Err(CliError::usage(format!(
                "{origin}: the times of {name} fit no law: they lie between {} and {}, and their 99th percentile would be \
                 {}. Some of them are no measurements: leave out entries that no server answered",
                duration(shortest),
                duration(longest),
                duration(p99)
            )));
        }
    }
    Ok(())
}
