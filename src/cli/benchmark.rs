//! `neonbench benchmark`: every strategy on one scenario, ranked.

use super::args::{JobArgs, ReplicateArgs, WorkloadArgs};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::Inputs;
use super::output::{Verbosity, count, duration, percent, print, print_json, table, verdict};
use super::progress::Progress;
use clap::Args;
use neonbench::replicate::{best, order, ranked_by_s, replicated};
use neonbench_engine::engine::Strategy;
use neonbench_engine::event::Event;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::World;
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `benchmark`.
#[derive(Debug, Args)]
pub(super) struct BenchmarkArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Rank on the first N accounts, and forecast the whole plan in virtual time
    #[arg(long, value_name = "N", conflicts_with = "sample", help_heading = "Workload")]
    sample_size: Option<u64>,
    #[command(flatten)]
    replicates: ReplicateArgs,
}

/// What `benchmark --json` prints.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct BenchmarkRecord {
    schema: u32,
    runs: Vec<RunRecord>,
    best: Option<Strategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Vec<Forecast>>,
    warnings: Vec<String>,
}

/// The whole plan, simulated.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct Forecast {
    strategy: Strategy,
    resources: u64,
    makespan_s: f64,
}

pub(super) fn run(
    args: &BenchmarkArgs,
    line: &CommandLine,
    verbosity: Verbosity,
) -> Result<ExitCode, CliError> {
    let inputs = Inputs::read(&args.job.workload, &args.job.engine, &args.job.world)?;
    inputs.several_runs()?;
    // A sample stands in for the plan; the plan itself is then forecast.
    let sample = args.sample_size.map(|size| {
        let workload = WorkloadArgs { sample: Some(size), ..args.job.workload.clone() };
        Inputs::read(&workload, &args.job.engine, &args.job.world)
    });
    let sample = sample.transpose()?;
    let ranked_on = &sample.as_ref().unwrap_or(&inputs).scenario;
    let replicates = args.replicates.in_world(&inputs.world);
    let mut runs = Vec::new();
    for strategy in inputs.strategies() {
        let order = inputs.order_for(ranked_on, strategy)?;
        let mut progress = Progress::new(verbosity, strategy.name());
        let run = replicated(&order, &inputs.world, replicates, &mut progress)?;
        drop(progress);
        args.job.store.keep(&run, verbosity);
        runs.push(run.record);
    }
    runs.sort_by(order);
    let mut warnings = Vec::new();
    let forecast = sample.is_some().then(|| forecast(&inputs, replicates)).transpose()?;
    warnings.extend(forecast.as_ref().and_then(|whole| order_warning(&runs, whole)));
    let best = best(&runs).map(|record| record.strategy);
    let whole = forecast.as_ref().and_then(|forecast| forecast.first());
    let next = whole.map(|forecast| forecast.strategy).or(best).map_or_else(String::new, |next| {
        line.to("run").with("strategy", next).with_switch("dry_run").to_string()
    });
    for run in &mut runs {
        run.next_command.clone_from(&next);
    }
    let code = exit_code(&runs);
    let record = BenchmarkRecord { schema: 1, runs, best, forecast, warnings };
    if args.job.output.json {
        print_json(&record)?;
    } else {
        print_benchmark(&record, &next)?;
    }
    Ok(ExitCode::from(code))
}

/// The whole plan in virtual time, fastest first.
fn forecast(inputs: &Inputs, replicates: u32) -> Result<Vec<Forecast>, CliError> {
    let mut whole = Vec::new();
    for strategy in inputs.strategies() {
        let order = inputs.order_for(&inputs.scenario, strategy)?;
        let run = replicated(&order, &World::Virtual, replicates, &mut |_: &Event| {})?;
        whole.push(run.record);
    }
    whole.sort_by(order);
    let forecast = |record: &RunRecord| Forecast {
        strategy: record.strategy,
        resources: record.resources,
        makespan_s: ranked_by_s(record),
    };
    Ok(whole.iter().map(forecast).collect())
}

/// Says so where the sample ranks the strategies in another order than the whole.
fn order_warning(sample: &[RunRecord], whole: &[Forecast]) -> Option<String> {
    let names = |strategies: Vec<Strategy>| {
        strategies.iter().map(|strategy| strategy.name()).collect::<Vec<_>>().join(", ")
    };
    let sample: Vec<Strategy> = sample.iter().map(|record| record.strategy).collect();
    let whole: Vec<Strategy> = whole.iter().map(|forecast| forecast.strategy).collect();
    (sample != whole).then(|| {
        format!(
            "the sample ranks {}; the whole plan, simulated, ranks {}",
            names(sample),
            names(whole)
        )
    })
}

fn exit_code(runs: &[RunRecord]) -> u8 {
    if runs.iter().any(|record| !record.audit.valid) {
        code::AUDIT_MISMATCH
    } else if runs.iter().any(|record| record.records.failed > 0) {
        code::SOME_FAILED
    } else if runs.iter().all(|record| record.resources == 0) {
        code::NOTHING_TO_DO
    } else {
        0
    }
}

fn print_benchmark(benchmark: &BenchmarkRecord, next: &str) -> Result<(), CliError> {
    if let Some(first) = benchmark.runs.first() {
        print(&format!(
            "{} accounts × {} mappings, profile {}, {} workers, batch size {}, seed {}",
            count(first.resources),
            first.mappings,
            first.profile,
            first.workers,
            first.batch_size,
            first.seed
        ))?;
    }
    let rows: Vec<Vec<String>> = benchmark.runs.iter().map(row).collect();
    let header =
        ["strategy", "makespan", "p5 – p95", "calls", "refused", "efficiency", "failed", "audit"];
    print(&table(&header, &rows))?;
    for forecast in benchmark.forecast.iter().flatten() {
        print(&format!(
            "forecast: {} takes {} for all {} accounts",
            forecast.strategy,
            duration(forecast.makespan_s),
            count(forecast.resources)
        ))?;
    }
    for warning in &benchmark.warnings {
        print(&format!("warning: {warning}"))?;
    }
    let whole = benchmark.forecast.as_ref().and_then(|forecast| forecast.first());
    match (benchmark.best, whole) {
        (None, _) => {
            print("best: none: no run is valid and complete, or they did not do the same work")
        }
        (Some(best), None) => print(&format!("best: {best}\nnext: {next}")),
        (Some(best), Some(Forecast { strategy, .. })) => {
            print(&format!("best: {best} on the sample, {strategy} for the whole\nnext: {next}"))
        }
    }
}

fn row(record: &RunRecord) -> Vec<String> {
    let interval = record.makespan_s_interval.map_or_else(
        || "–".to_owned(),
        |[low, _, high]| format!("{} – {}", duration(low), duration(high)),
    );
    let refused = record.calls.refused_share();
    vec![
        record.strategy.to_string(),
        duration(ranked_by_s(record)),
        interval,
        count(record.calls.total),
        percent(refused),
        format!("{:.2}", record.efficiency),
        count(record.records.failed),
        verdict(record),
    ]
}
