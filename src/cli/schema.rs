//! `neonbench schema` and `neonbench completions`: what other programs need to know of this one.

use super::error::CliError;
use super::output::{say, say_json};
use super::{Cli, benchmark, compare, fitted, history, probe, run, show_config};
use crate::plan::WirePlan;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;
use schemars::{Schema, schema_for};
use std::process::ExitCode;

/// Flags of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what; without it, the names are listed
    #[arg(value_name = "NAME")]
    name: Option<Name>,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// `run --json`, and the last line of `run --json-lines`
    Run,
    /// `benchmark --json`
    Benchmark,
    /// `compare --json`
    Compare,
    /// `history --json`
    History,
    /// `show-config --json`
    ShowConfig,
    /// `probe --json` and `fit --json`
    Probe,
    /// `probe --judge --json`
    ProbeJudge,
    /// A plan file in JSON, or in TOML
    Plan,
}

impl Name {
    fn schema(self) -> Schema {
        match self {
            Self::Run => schema_for!(run::Told<'static>),
            Self::Benchmark => schema_for!(benchmark::BenchmarkRecord),
            Self::Compare => schema_for!(compare::CompareRecord),
            Self::History => schema_for!(history::HistoryRecord),
            Self::Probe => schema_for!(fitted::FittedRecord),
            Self::ProbeJudge => schema_for!(probe::JudgedProbes),
            Self::Plan => schema_for!(WirePlan),
            Self::ShowConfig => schema_for!(show_config::ConfigRecord),
        }
    }
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints a JSON Schema, or the names of all.
pub(super) fn schema(args: &SchemaArgs) -> Result<ExitCode, CliError> {
    if let Some(name) = args.name {
        say_json(&name.schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    for name in Name::value_variants() {
        let value = name.to_possible_value().expect("no variant is skipped");
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        say(&format!("{:<12}  {help}", value.get_name()))?;
    }
    say("next: neonbench schema run")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a script that completes our commands and flags.
pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "neonbench", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script).map_err(CliError::Stdout)?;
    Ok(ExitCode::SUCCESS)
}
