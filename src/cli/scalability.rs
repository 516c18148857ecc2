//! `neonbench scalability`: time and accounts per second over growing organisations.

use super::args::{JobArgs, ReplicateArgs, WorkloadArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::Inputs;
use super::output::{
    count, duration, efficiency, plural, print, print_unmapped, sig3, table, verdict,
};
use super::progress::LiveLine;
use super::ranked::measured;
use super::run::exit_code_of;
use clap::Args;
use neonbench::experiment::median_makespan_s;
use neonbench_engine::record::{RunRecord, WorldName};
use neonbench_engine::scenario::MAX_ACCOUNTS;
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `scalability`.
#[derive(Debug, Args)]
pub(super) struct ScalabilityArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Sizes of the organisations, in accounts
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "5,10,20,50,100,500,2000,10000",
        value_parser = clap::value_parser!(u64).range(1..=MAX_ACCOUNTS)
    )]
    sizes: Vec<u64>,
    #[command(flatten)]
    replicates: ReplicateArgs,
}

/// The JSON of `scalability --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct ScalabilityRecord {
    schema: u32,
    runs: Vec<RunRecord>,
    /// Records per second at the largest size ÷ at the smallest.
    factor: f64,
    verdict: &'static str,
}

pub(super) fn run(args: &ScalabilityArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let mut sizes = args.sizes.clone();
    sizes.sort_unstable();
    let status = LiveLine::new(line, sizes.len());
    let mut runs = Vec::new();
    for &size in &sizes {
        let workload = WorkloadArgs { resources: Some(size), ..args.job.workload.clone() };
        let inputs = Inputs::read(&workload, &args.job.engine, &args.job.world)?;
        inputs.several_runs()?;
        let order = inputs.order(&inputs.scenario, None)?;
        let replicates = args.replicates.in_world(&inputs.world);
        let title = plural(size, "account");
        runs.push(measured(&args.job, &inputs, &order, replicates, &title, (line, &status))?.0);
    }
    drop(status);
    let code = runs.iter().map(exit_code_of).max().unwrap_or(0);
    let factor = factor(&runs);
    let record = ScalabilityRecord { schema: 1, runs, factor, verdict: judge(factor) };
    args.job.output.show(&record, || print_scalability(&record, line))?;
    Ok(ExitCode::from(code))
}

fn per_second(record: &RunRecord) -> f64 {
    let makespan_s = median_makespan_s(record);
    if makespan_s > 0.0 { record.records.total as f64 / makespan_s } else { 0.0 }
}

fn factor(runs: &[RunRecord]) -> f64 {
    match (runs.first(), runs.last()) {
        (Some(first), Some(last)) if per_second(first) > 0.0 => {
            per_second(last) / per_second(first)
        }
        _ => 0.0,
    }
}

/// The guide's words for the factor.
fn judge(factor: f64) -> &'static str {
    match factor {
        factor if factor > 0.8 => "good",
        factor if factor > 0.5 => "moderate",
        _ => "poor",
    }
}

fn print_scalability(record: &ScalabilityRecord, line: &CommandLine) -> Result<(), CliError> {
    let row = |run: &RunRecord| {
        vec![
            count(run.resources),
            run.strategy.to_string(),
            duration(median_makespan_s(run)),
            sig3(per_second(run)),
            count(run.calls.total),
            efficiency(run),
            verdict(run),
        ]
    };
    let header = "accounts | strategy | time | accounts/s | ?calls | ?efficiency | audit";
    print(&table(header, record.runs.iter().map(row)))?;
    if let Some(largest) = record.runs.last() {
        print_unmapped(&largest.unmapped)?;
    }
    print(&format!(
        "factor {:.2}: {} (accounts/s at the largest size ÷ at the smallest; good above 0.8, moderate above 0.5)",
        record.factor, record.verdict
    ))?;
    let next = match record.runs.last() {
        // A server has the accounts that it has.
        Some(largest) if largest.world == WorldName::Http => {
            line.to("compare").with("resources", largest.resources)
        }
        _ => line.to("compare"),
    };
    print(&format!("next: {next}"))
}
