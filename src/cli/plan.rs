//! `neonbench plan`: plan files, checked and previewed before anything runs.

mod definitions;
mod exchange;
mod ids;
mod neon_import;
mod preview;

use super::args::OutputArgs;
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::plan_file;
use super::output::{plural, print};
use super::terminal::{Emphasis, emphasised};
use clap::{Args, Subcommand};
use definitions::{CheckedAgainst, OrganisationArgs};
pub(super) use definitions::{fields_of, unmapped_at};
use neonbench_engine::plan::{Level, PlanIssue, check};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verbs of `plan`.
#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Check a plan against the fields of an organisation
    #[command(
        override_usage = "neonbench plan check <FILE> <--dataset|--custom-fields|--base-url>"
    )]
    Check {
        /// Plan file, in TOML or JSON
        file: PathBuf,
        #[command(flatten)]
        organisation: OrganisationArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the changes that a plan would make to a sample of accounts
    Preview(preview::PreviewArgs),
    /// List the accounts that a plan selects, one id per line
    Ids(ids::IdsArgs),
    /// Convert a plan file of the Python SDK to a plan
    Import {
        /// File of the Python SDK: .yaml, .yml, .json or .csv
        file: PathBuf,
        /// Plan file to write, .toml or .json [default: TOML on standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Convert a plan to a plan file of the Python SDK, or its changes to CSV files for Neon's own importer
    #[command(override_usage = "neonbench plan export <FILE> <--to|--neon-import>")]
    Export(Box<ExportArgs>),
}

/// Flags of `plan export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Plan file, in TOML or JSON
    #[arg(required_unless_present = "plan")]
    file: Option<PathBuf>,
    /// The same, by the name that other commands have for it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    plan: Option<PathBuf>,
    /// File of the Python SDK to write: .yaml, .yml or .json
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "neon_import",
        conflicts_with = "neon_import"
    )]
    to: Option<PathBuf>,
    #[command(flatten)]
    neon_import: neon_import::NeonImportArgs,
}

impl ExportArgs {
    fn run(&self, line: &CommandLine) -> Result<ExitCode, CliError> {
        let Some(file) = self.file.as_ref().or(self.plan.as_ref()) else {
            unreachable!("clap asks for one of the two")
        };
        match (&self.neon_import.neon_import, &self.to) {
            (Some(folder), _) => {
                neon_import::export(file, &plan_file(file)?, folder, &self.neon_import, line)
            }
            (None, Some(to)) => exchange::export(file, to),
            (None, None) => unreachable!("clap asks for one of the two"),
        }
    }
}

pub(super) fn run(command: &PlanCommand, line: &CommandLine) -> Result<ExitCode, CliError> {
    match command {
        PlanCommand::Check { file, organisation, json } => check_file(file, organisation, *json),
        PlanCommand::Preview(args) => preview::run(args, line),
        PlanCommand::Ids(args) => ids::run(args, line),
        PlanCommand::Import { file, to } => exchange::import(file, to.as_deref(), line),
        PlanCommand::Export(args) => args.run(line),
    }
}

/// `plan check --json`.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    schema: u32,
    plan: String,
    organisation: String,
    fields: usize,
    errors: usize,
    warnings: usize,
    findings: &'a [PlanIssue],
}

fn check_file(
    file: &Path,
    organisation: &OrganisationArgs,
    json: bool,
) -> Result<ExitCode, CliError> {
    let plan = plan_file(file)?;
    let CheckedAgainst { name: organisation, fields, sample } = organisation.read(&plan)?;
    let findings = check(&plan, &fields, &sample);
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    let warnings = findings.len() - errors;
    let checked = Checked {
        schema: 1,
        plan: file.display().to_string(),
        organisation,
        fields: fields.len(),
        errors,
        warnings,
        findings: &findings,
    };
    OutputArgs { json }.show(&checked, || {
        for issue in &findings {
            let level = if issue.level == Level::Error { "error" } else { "warning" };
            print(&format!("{level}: {issue} [{}]", issue.code))?;
        }
        print(&format!(
            "{}: {} checked against {} ({}): {}, {}",
            checked.plan,
            plural(plan.mappings.len() as u64, "mapping"),
            checked.organisation,
            plural(checked.fields as u64, "field"),
            emphasised(
                if errors > 0 { Emphasis::Bad } else { Emphasis::Good },
                plural(errors as u64, "error")
            ),
            plural(warnings as u64, "warning")
        ))
    })?;
    Ok(if errors > 0 { ExitCode::from(code::USAGE) } else { ExitCode::SUCCESS })
}
