//! `neonbench plan ids`: the accounts that a plan selects.

use crate::cli::args::{CredentialArgs, OutputArgs, accounts};
use crate::cli::command_line::CommandLine;
use crate::cli::error::{CliError, code};
use crate::cli::inputs::{dataset, plan_file, readable_target};
use crate::cli::interrupt;
use crate::cli::output::{plural, print_file};
use crate::cli::progress::LiveLine;
use crate::cli::selection::selected_at;
use clap::Args;
use neonbench_engine::event::Event;
use neonbench_engine::plan::{Plan, list_ids};
use neonbench_engine::scenario::{Scenario, Workload};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `plan ids`.
#[derive(Debug, Args)]
pub(in crate::cli) struct IdsArgs {
    /// Plan file, in TOML or JSON
    file: PathBuf,
    /// List the first N accounts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Built-in dataset, or a TOML file [default: made for the plan]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "base_url")]
    dataset: Option<String>,
    /// Number of accounts in the organisation [default: 100]
    #[arg(long, value_name = "N", value_parser = accounts, conflicts_with = "base_url")]
    resources: Option<u64>,
    /// Seed of the organisation
    #[arg(long, value_name = "K", default_value_t = 1)]
    seed: u64,
    /// Server, with its base path; only searches are sent, one page after another
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// `plan ids --json`.
#[derive(Debug, Serialize)]
struct SelectedIds {
    schema: u32,
    plan: String,
    organisation: String,
    accounts: u64,
    /// As `--resource-ids` takes them.
    resource_ids: String,
}

pub(super) fn run(args: &IdsArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let plan = plan_file(&args.file)?;
    let stop = interrupt::listen(line)?;
    let status = LiveLine::new(line, 1);
    status.step("searching for the accounts");
    let (organisation, ids) = if let Some(base_url) = &args.base_url {
        let target = readable_target(base_url, &args.credentials)?;
        let nobody = &mut |_: &Event| {};
        let ids = selected_at(&target, &plan.selection, args.sample, &stop, nobody)?;
        (base_url.clone(), ids)
    } else {
        let scenario = scenario(args, plan)?;
        let ids = scenario.selected(&scenario.organisation(args.seed));
        (format!("dataset {}, seed {}", scenario.dataset_name, args.seed), ids)
    };
    drop(status);
    let found = SelectedIds {
        schema: 1,
        plan: args.file.display().to_string(),
        organisation,
        accounts: ids.len() as u64,
        resource_ids: list_ids(&ids),
    };
    OutputArgs { json: args.json }.show(&found, || {
        let lines: Vec<String> = ids.iter().map(ToString::to_string).collect();
        if lines.is_empty() { Ok(()) } else { print_file(&lines.join("\n")) }
    })?;
    line.note(format_args!("{} of {}", plural(found.accounts, "account"), found.organisation));
    Ok(ExitCode::from(if ids.is_empty() { code::NOTHING_TO_DO } else { 0 }))
}

fn scenario(args: &IdsArgs, plan: Plan) -> Result<Scenario, CliError> {
    Ok(Scenario::new(Workload {
        plan: Some(plan),
        dataset: args.dataset.as_deref().map(dataset).transpose()?,
        resources: args.resources,
        sample: args.sample,
        seed: Some(args.seed),
        ..Workload::default()
    })?)
}
