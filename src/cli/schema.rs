//! `neonbench schema` and `neonbench completions`: for other programs.

use super::error::CliError;
use super::output::{print, print_json};
use super::{
    analyze, benchmark, compare, evaluate, fitted, history, run, scalability, show_config,
};
use clap::{Args, ValueEnum};
use clap_complete::Shell;
use neonbench::judge::JudgeRecord;
use neonbench::report::json::{DecisionRecord, ReportRecord};
use neonbench::select::Judgement;
use neonbench::selftest::SelftestRecord;
use neonbench_engine::plan::WirePlan;
use schemars::{Schema, schema_for};
use std::process::ExitCode;

/// Flags of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what; without it, the names are listed
    #[arg(value_name = "NAME")]
    name: Option<Name>,
}

/// Outputs and files that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// `run --json`, and the last line of `run --json-lines`
    Run,
    /// `benchmark --json`
    Benchmark,
    /// `compare --json`
    Compare,
    /// `analyze --json`
    Analyze,
    /// `scalability --json`
    Scalability,
    /// `calibrate --json`
    Calibrate,
    /// `evaluate --json`
    Evaluate,
    /// `history --json`
    History,
    /// `judge --json`
    Judge,
    /// `selftest --json`
    Selftest,
    /// `report.json` of the main job
    Report,
    /// `report.json` of a decision: `report --plan`, `--runs` or any workload
    Decision,
    /// `show-config --json`
    ShowConfig,
    /// `probe --json` and `fit --json`
    Probe,
    /// A plan file in JSON, or in TOML
    Plan,
}

impl Name {
    fn schema(self) -> Schema {
        match self {
            Self::Run => schema_for!(run::RunOutput<'static>),
            Self::Benchmark => schema_for!(benchmark::BenchmarkRecord),
            Self::Compare => schema_for!(compare::CompareRecord),
            Self::Analyze => schema_for!(analyze::Analysis),
            Self::Scalability => schema_for!(scalability::ScalabilityRecord),
            Self::Calibrate => schema_for!(Judgement),
            Self::Evaluate => schema_for!(evaluate::Evaluation),
            Self::Judge => schema_for!(JudgeRecord),
            Self::Selftest => schema_for!(SelftestRecord),
            Self::Report => schema_for!(ReportRecord<'static>),
            Self::Decision => schema_for!(DecisionRecord<'static>),
            Self::History => schema_for!(history::HistoryRecord),
            Self::Probe => schema_for!(fitted::FittedRecord),
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
        print_json(&name.schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    for name in Name::value_variants() {
        let value = name.to_possible_value().expect("no variant is skipped");
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        print(&format!("{:<12}  {help}", value.get_name()))?;
    }
    print("next: neonbench schema run")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a script that completes our commands and flags.
pub(super) fn completions(
    args: &CompletionsArgs,
    program: &clap::Command,
) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program.clone(), "neonbench", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script).map_err(CliError::Stdout)?;
    Ok(ExitCode::SUCCESS)
}
