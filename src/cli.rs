//! The command line: one file a verb. The library never sees clap.

mod analyze;
mod args;
mod benchmark;
mod calibrate;
mod command_line;
mod compare;
mod dataset;
mod error;
mod evaluate;
mod expected;
mod files;
mod findings;
mod fit;
mod fitted;
mod history;
mod inputs;
mod interrupt;
mod journaled;
mod json_lines;
mod judge;
mod output;
mod plan;
mod probe;
mod profile;
mod progress;
mod ranked;
mod report;
mod resume;
mod retry;
mod run;
mod scalability;
mod schema;
mod selector;
mod selftest;
mod serve;
mod show_config;
mod store;
mod stored;
mod verify_undo;

pub(crate) use error::{CliError, exit_code};
pub(crate) use output::escape_controls;

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use command_line::CommandLine;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::prelude::*;

/// Find out, before touching production, how to migrate custom fields in Neon CRM.
#[derive(Debug, Parser)]
#[command(name = "neonbench", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// Log filter, such as `neonbench::migration=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "NEONBENCH_LOG")]
    log: Option<String>,
    /// More log lines: -v info, -vv debug, -vvv each call
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// No progress, and only errors in the log
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// The guide's examples under every strategy, on one offline page
    Report(report::ReportArgs),
    /// One migration
    Run(run::RunArgs),
    /// Goes on with a run that was stopped, killed or cut off
    Resume(journaled::RunRef),
    /// Runs again the accounts that failed or whose write outcome is unknown
    Retry(retry::RetryArgs),
    /// Compares what stands in the organisation with what a run wrote there
    Verify(journaled::RunRef),
    /// Takes back what a run wrote, where it still stands
    Undo(verify_undo::UndoArgs),
    /// The runs that are kept, with their journals
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Every strategy on one scenario, ranked
    Benchmark(benchmark::BenchmarkArgs),
    /// Makespan and accounts per second over growing organisations
    Scalability(scalability::ScalabilityArgs),
    /// Configurations of workers and batch size side by side
    Compare(compare::CompareArgs),
    /// The selector's recommendation, and a forecast of its time
    Analyze(Box<analyze::AnalyzeArgs>),
    /// A profile of a target from a few gentle calls, to run against
    Probe(Box<probe::ProbeArgs>),
    /// A profile from recorded traffic: a HAR file
    Fit(fit::FitArgs),
    /// Fits the selector to a sweep of scenarios, and says how wrong it is
    Calibrate(calibrate::CalibrateArgs),
    /// Judges selectors and calibration files on scenarios
    Evaluate(evaluate::EvaluateArgs),
    /// The configuration of `run` with the same flags, and the origin of each value
    ShowConfig(run::RunArgs),
    /// JSON Schemas of what is printed, and of plan files
    Schema(schema::SchemaArgs),
    /// A script that completes commands and flags in a shell
    Completions(schema::CompletionsArgs),
    /// The runs of the store, the latest first
    History(history::HistoryArgs),
    /// Your own script against the mock, judged by what it left there
    Judge(judge::JudgeArgs),
    /// Fidelity of the mock's delays and limits on this machine
    Selftest(selftest::SelftestArgs),
    /// The mock of the Neon API over HTTP, until Ctrl-C
    Serve(serve::ServeArgs),
    /// Plan files: checked, previewed, and exchanged with the Python engine
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// The built-in profiles of limits and service times, and files in their form
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// The synthetic organisations
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
}

/// Runs the command line of this process; the exit code is the contract's.
///
/// Errors: the command could not be carried out; [`exit_code`] says with which code to end.
pub(crate) fn main() -> Result<ExitCode, CliError> {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let line = CommandLine::new(&Cli::command(), &matches);
    start_log(&cli)?;
    match cli.command {
        CliCommand::Report(args) => report::run(&args, &line, line.verbosity),
        CliCommand::Run(args) => run::run(&args, &line),
        CliCommand::Resume(args) => resume::run(&args, &line),
        CliCommand::Retry(args) => retry::run(&args, &line),
        CliCommand::Verify(args) => verify_undo::verify(&args, &line),
        CliCommand::Undo(args) => verify_undo::undo(&args, &line),
        CliCommand::Store(command) => store::run(&command, &line),
        CliCommand::Benchmark(args) => benchmark::run(&args, &line),
        CliCommand::Scalability(args) => scalability::run(&args, &line),
        CliCommand::Compare(args) => compare::run(&args, &line),
        CliCommand::Analyze(args) => analyze::run(&args, &line),
        CliCommand::Probe(args) => probe::run(&args, &line),
        CliCommand::Fit(args) => fit::run(&args, &line),
        CliCommand::Calibrate(args) => calibrate::run(&args, &line),
        CliCommand::Evaluate(args) => evaluate::run(&args, &line),
        CliCommand::ShowConfig(args) => show_config::run(&args, &line),
        CliCommand::Schema(args) => schema::schema(&args),
        CliCommand::Completions(args) => schema::completions(&args, &line.root),
        CliCommand::History(args) => history::run(&args, &line),
        CliCommand::Judge(args) => judge::run(&args, &line),
        CliCommand::Selftest(args) => selftest::run(&args, &line),
        CliCommand::Serve(args) => serve::run(&args),
        CliCommand::Plan(command) => plan::run(&command, &line),
        CliCommand::Profile(command) => profile::run(&command),
        CliCommand::Dataset(command) => dataset::run(&command, &line),
    }
}

fn start_log(cli: &Cli) -> Result<(), CliError> {
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let targets = match &cli.log {
        Some(filter) => log_targets(filter)
            .map_err(|reason| CliError::usage(format!("--log `{filter}`: {reason}")))?,
        None => log_targets(&format!("neonbench={level}")).expect("a level by its name"),
    };
    let has_colour = has_colour(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(has_colour);
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}

/// Levels by target, such as `info,neonbench::migration=debug`.
fn log_targets(filter: &str) -> Result<Targets, String> {
    let targets: Targets = filter.parse().map_err(|error: ParseError| error.to_string())?;
    // Any word is a target to the library, which then logs nothing.
    let is_path = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "_:-".contains(c));
    match targets.iter().find(|(name, _)| !is_path(name)) {
        Some((name, _)) => Err(format!("`{name}` is neither a level nor a module")),
        None => Ok(targets),
    }
}

/// True if the log is coloured: on a terminal, unless `NO_COLOR` is set to anything.
fn has_colour(is_terminal: bool, no_color: Option<OsString>) -> bool {
    is_terminal && no_color.is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_and_no_no_color() {
        assert!(has_colour(true, None) && has_colour(true, Some(OsString::new())));
        assert!(!has_colour(true, Some("1".into())) && !has_colour(true, Some("0".into())));
        assert!(!has_colour(false, None));
    }

    #[test]
    fn filters_are_levels_by_target() {
        let targets = log_targets("error,neonbench::migration=debug").unwrap();
        for (target, level, is_on) in [
            ("neonbench::migration::bulk", tracing::Level::DEBUG, true),
            ("neonbench::migration::bulk", tracing::Level::TRACE, false),
            ("neonbench_engine", tracing::Level::ERROR, true),
            ("neonbench_engine", tracing::Level::WARN, false),
        ] {
            assert_eq!(targets.would_enable(target, &level), is_on, "{target} {level}");
        }
        for wrong in ["neonbench=loud", "]", "neonbench[call]=debug", "a=b=c"] {
            assert!(log_targets(wrong).is_err(), "{wrong}");
        }
    }
}
