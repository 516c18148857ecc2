//! `neonbench schema` and `neonbench completions`: for other programs.

use super::error::CliError;
use super::output::{print, print_json};
use super::{
    analyze, benchmark, compare, evaluate, fitted, history, preflight, run, scalability,
    show_config,
};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;
use neon_mock::profile::WireProfile;
use neonbench::judge::JudgeRecord;
use neonbench::preflight::certificate::Statement;
use neonbench::report::json::{DecisionRecord, ReportRecord};
use neonbench::select::Judgement;
use neonbench::selftest::SelftestRecord;
use neonbench_engine::plan::WirePlan;
use schemars::{JsonSchema, Schema, schema_for};
use std::process::ExitCode;

/// Flags of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Output or file [default: list the names]
    #[arg(value_name = "NAME", value_parser = names())]
    name: Option<String>,
}

/// The name of a schema, the output or file that it describes, and its maker.
type NamedSchema = (&'static str, &'static str, fn() -> Schema);

/// Outputs and files that have a schema.
const SCHEMAS: [NamedSchema; 18] = [
    ("run", "`run --json`, and the last line of `run --json-lines`", of::<run::RunOutput<'static>>),
    ("benchmark", "`benchmark --json`", of::<benchmark::BenchmarkRecord>),
    ("compare", "`compare --json`", of::<compare::CompareRecord>),
    ("analyze", "`analyze --json`", of::<analyze::Analysis>),
    ("scalability", "`scalability --json`", of::<scalability::ScalabilityRecord>),
    ("calibrate", "`calibrate --json`", of::<Judgement>),
    ("evaluate", "`evaluate --json`", of::<evaluate::Evaluation>),
    ("history", "`history --json`", of::<history::HistoryRecord<'static>>),
    ("judge", "`judge --json`", of::<JudgeRecord>),
    ("selftest", "`selftest --json`", of::<SelftestRecord>),
    ("report", "`report.json` of the main job", of::<ReportRecord<'static>>),
    (
        "decision",
        "`report.json` of a decision: `report --plan`, `--runs` or any workload",
        of::<DecisionRecord<'static>>,
    ),
    ("show-config", "`show-config --json`", of::<show_config::ConfigRecord>),
    ("probe", "`probe --json` and `fit --json`", of::<fitted::FittedRecord>),
    ("preflight", "`preflight --json`", of::<preflight::PreflightRecord>),
    ("certificate", "The certificate that `preflight --out` writes", of::<Statement>),
    ("plan", "A plan file in JSON, or in TOML", of::<WirePlan>),
    ("profile", "A profile file in TOML", of::<WireProfile>),
];

fn of<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SCHEMAS.map(|(name, help, _)| PossibleValue::new(name).help(help)))
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints a JSON Schema, or the names of all.
pub(super) fn schema(args: &SchemaArgs) -> Result<ExitCode, CliError> {
    let named = |(name, ..): &&(&str, _, _)| args.name.as_deref() == Some(*name);
    if let Some((.., schema)) = SCHEMAS.iter().find(named) {
        print_json(&schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, help, _) in SCHEMAS {
        print(&format!("{name:<12}  {help}"))?;
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
