//! `neonbench plan`: plan files, checked and previewed before anything runs.

mod definitions;
mod exchange;
mod preview;

use super::args::OutputArgs;
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::plan_file;
use super::output::print;
use clap::Subcommand;
use definitions::OrganisationArgs;
use neonbench_engine::plan::{Level, PlanIssue, check};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verbs of `plan`.
#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Errors and warnings of a plan for an organisation; nothing is written there
    Check {
        /// A plan file, in TOML or JSON
        file: PathBuf,
        #[command(flatten)]
        organisation: OrganisationArgs,
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// The changes a plan would make on a sample of accounts, field by field; nothing is written
    Preview(preview::PreviewArgs),
    /// A plan of ours from a plan file of the Python engine, and what could not be carried over
    Import {
        /// The Python engine's file: .yaml, .yml or .json
        file: PathBuf,
        /// Where to write the plan, .toml or .json [default: TOML on standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// A plan file of the Python engine from a plan of ours, and what could not be carried over
    Export {
        /// A plan file, in TOML or JSON
        file: PathBuf,
        /// Where to write it: .yaml, .yml or .json
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

pub(super) fn run(command: &PlanCommand, line: &CommandLine) -> Result<ExitCode, CliError> {
    match command {
        PlanCommand::Check { file, organisation, json } => check_file(file, organisation, *json),
        PlanCommand::Preview(args) => preview::run(args),
        PlanCommand::Import { file, to } => exchange::import(file, to.as_deref(), line),
        PlanCommand::Export { file, to } => exchange::export(file, to),
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
    let (organisation, fields) = organisation.read(plan.mappings.len() as u32)?;
    let findings = check(&plan, &fields);
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
        for PlanIssue { level, code, place, message } in &findings {
            let level = if *level == Level::Error { "error" } else { "warning" };
            let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
            print(&format!("{level}: {place}{message} [{code}]"))?;
        }
        print(&format!(
            "{}: {} mappings against {} ({} fields): {errors} errors, {warnings} warnings",
            checked.plan,
            plan.mappings.len(),
            checked.organisation,
            checked.fields
        ))
    })?;
    Ok(if errors > 0 { ExitCode::from(code::USAGE) } else { ExitCode::SUCCESS })
}
