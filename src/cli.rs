//! The command line: one file per verb. The library never sees clap.

mod analyze;
mod args;
mod benchmark;
mod calibrate;
mod certificate;
mod changes;
mod command_line;
mod compare;
mod control;
mod dataset;
mod error;
mod evaluate;
mod expected;
mod files;
mod findings;
mod fit;
mod fitted;
mod help;
mod history;
mod inputs;
mod interrupt;
mod journaled;
mod json_lines;
mod judge;
mod live;
mod mistakes;
mod output;
mod owner;
mod plan;
mod preflight;
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
mod selection;
mod selector;
mod selftest;
mod serve;
mod show_config;
mod store;
mod stored;
mod table;
mod terminal;
mod verify_undo;

pub(crate) use error::{CliError, exit_code, in_words};
pub(crate) use interrupt::survive_size_limits;
pub(crate) use terminal::complain;

use anstream::{AutoStream, ColorChoice};
use clap::{ArgAction, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use command_line::CommandLine;
use neonbench_engine::engine::EngineError;
use neonbench_engine::run::RunError;
use std::process::ExitCode;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::prelude::*;

/// Find out, before touching production, how to migrate custom fields in Neon CRM.
#[derive(Debug, Parser)]
#[command(name = "neonbench", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// Filter of the log, such as `neonbench::migration=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "NEONBENCH_LOG", hide_env_values = true, hide_short_help = true, help_heading = GLOBAL)]
    log: Option<String>,
    /// Log more: -v for info, -vv for debug, -vvv for each call
    #[arg(short, long, global = true, action = ArgAction::Count, hide_short_help = true, help_heading = GLOBAL)]
    verbose: u8,
    /// Show no progress, notes or warnings, and log errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true, help_heading = GLOBAL)]
    quiet: bool,
    #[command(subcommand)]
    command: CliCommand,
}

/// Heading of the flags that every verb takes.
const GLOBAL: &str = "Global options";

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Compare every strategy on your plan, on one offline page
    #[command(long_about = "Compares every strategy and recommends one, on one offline page.\n\n\
        With a plan or another workload the page is about that migration. Without one it is about the three \
        worked examples of the Neon CRM SDK Migration Performance Optimization Guide. Nothing is sent to Neon.")]
    Report(report::ReportArgs),
    /// Run one migration
    #[command(long_about = "Runs one migration, and verifies the result.\n\n\
        By default it runs against a simulated organisation, in virtual time. With --world http it runs against \
        the mock over HTTP, with --base-url against a server. It writes to a server that is not on this machine \
        only with --allow-writes-to.")]
    Run(run::RunArgs),
    /// Resume an interrupted run
    Resume(resume::ResumeArgs),
    /// Retry a run's failed or uncertain accounts
    Retry(retry::RetryArgs),
    /// Check that a run's values are still in place
    Verify(journaled::RunRef),
    /// Undo a run where its values are unchanged
    Undo(verify_undo::UndoArgs),
    /// Pause a run that another process carries out
    #[command(
        long_about = "Pauses a run that another process carries out: nothing more is sent, and calls in flight end. \
        `neonbench go` lets it go on, and Ctrl-C or `neonbench stop` end it in a pause, too."
    )]
    Pause(control::ControlArgs),
    /// Let a paused run go on
    Go(control::ControlArgs),
    /// Make a run leave places of its limits to others
    Slow(control::SlowArgs),
    /// Stop a run that another process carries out, as Ctrl-C there does
    Stop(control::ControlArgs),
    /// List or delete stored runs
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Rank every strategy on one workload
    Benchmark(benchmark::BenchmarkArgs),
    /// Measure time and accounts per second for growing organisations
    Scalability(scalability::ScalabilityArgs),
    /// Compare workers and batch sizes, or two stored runs
    Compare(compare::CompareArgs),
    /// Recommend a strategy, and forecast its time
    Analyze(Box<analyze::AnalyzeArgs>),
    /// Check all that a large migration needs, and keep the evidence
    #[command(long_about = "Checks all that a large migration needs, and keeps the evidence.\n\n\
        Free checks come first, then reads, then writes: a sample is written, verified and taken back. At a server \
        that is not the mock on this machine it does so only with --allow-writes-to. Without --base-url the whole \
        preflight is made on a mock of the plan.")]
    Preflight(Box<preflight::PreflightArgs>),
    /// Measure a server with at most 60 calls, as a profile
    Probe(Box<probe::ProbeArgs>),
    /// Fit a profile to recorded traffic: a HAR file or a stored run
    Fit(fit::FitArgs),
    /// Calibrate `auto`, and report its error
    Calibrate(calibrate::CalibrateArgs),
    /// Judge `auto` and calibration files on scenarios
    Evaluate(evaluate::EvaluateArgs),
    /// Show the configuration in force, and the source of each value
    ShowConfig(run::RunArgs),
    /// Print JSON Schemas of outputs and plan files
    Schema(schema::SchemaArgs),
    /// Print a shell's completion script
    Completions(schema::CompletionsArgs),
    /// Write man pages
    #[command(hide = true)]
    Man(help::ManArgs),
    /// List stored runs, the latest first
    History(history::HistoryArgs),
    /// Show a stored run on a live page, or list the runs under way
    #[command(
        long_about = "Shows a stored run on a live page, or one that another process carries out, as far as the store \
        has it. Without a number it lists the runs under way and the latest 20."
    )]
    Live(live::LiveVerbArgs),
    /// Test your own migration script against the mock
    Judge(judge::JudgeArgs),
    /// Test the mock's delays and limits on this machine
    Selftest(selftest::SelftestArgs),
    /// Serve the mock of the Neon API over HTTP
    Serve(serve::ServeArgs),
    /// Check, preview and convert plan files
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// List, show and check profiles of limits and response times
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// List, describe, import and export synthetic organisations
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
}

/// The definition of the command line.
fn program() -> Command {
    help::dressed(Cli::command())
}

/// Runs the command line of this process; the exit code is the contract's.
///
/// Errors: the command could not be carried out; [`exit_code`] says with which code to end.
pub(crate) fn main() -> Result<ExitCode, CliError> {
    let program = program();
    let matches = program.clone().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => mistakes::exit(error, &program),
    };
    let line = CommandLine::new(&program, &matches);
    help::refuse_idle(&line)?;
    start_log(&cli)?;
    let ended = match cli.command {
        CliCommand::Report(args) => report::run(&args, &line),
        CliCommand::Run(args) => run::run(&args, &line),
        CliCommand::Resume(args) => resume::run(&args, &line),
        CliCommand::Retry(args) => retry::run(&args, &line),
        CliCommand::Verify(args) => verify_undo::verify(&args, &line),
        CliCommand::Undo(args) => verify_undo::undo(&args, &line),
        CliCommand::Pause(args) => control::carry_out(control::Verb::Pause(&args), &line),
        CliCommand::Go(args) => control::carry_out(control::Verb::Go(&args), &line),
        CliCommand::Slow(args) => control::carry_out(control::Verb::Slow(&args), &line),
        CliCommand::Stop(args) => control::carry_out(control::Verb::Stop(&args), &line),
        CliCommand::Store(command) => store::run(&command, &line),
        CliCommand::Benchmark(args) => benchmark::run(&args, &line),
        CliCommand::Scalability(args) => scalability::run(&args, &line),
        CliCommand::Compare(args) => compare::run(&args, &line),
        CliCommand::Analyze(args) => analyze::run(&args, &line),
        CliCommand::Preflight(args) => preflight::run(&args, &line),
        CliCommand::Probe(args) => probe::run(&args, &line),
        CliCommand::Fit(args) => fit::run(&args, &line),
        CliCommand::Calibrate(args) => calibrate::run(&args, &line),
        CliCommand::Evaluate(args) => evaluate::run(&args, &line),
        CliCommand::ShowConfig(args) => show_config::run(&args, &line),
        CliCommand::Schema(args) => schema::schema(&args),
        CliCommand::Completions(args) => schema::completions(&args, &line.root),
        CliCommand::Man(args) => help::man(&args, &line.root),
        CliCommand::History(args) => history::run(&args, &line),
        CliCommand::Live(args) => live::run(&args, &line),
        CliCommand::Judge(args) => judge::run(&args, &line),
        CliCommand::Selftest(args) => selftest::run(&args, &line),
        CliCommand::Serve(args) => serve::run(&args),
        CliCommand::Plan(command) => plan::run(&command, &line),
        CliCommand::Profile(command) => profile::run(&command),
        CliCommand::Dataset(command) => dataset::run(&command, &line),
    };
    ended.map_err(|error| match error {
        CliError::Run(RunError::Engine(EngineError::Stopped)) => {
            CliError::Interrupted { next: line.to_string() }
        }
        error => error,
    })
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
    let has_colour = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer();
    let lines = lines.with_writer(|| progress::AboveLive).with_ansi(has_colour);
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

#[cfg(test)]
mod tests {
    use super::*;

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
