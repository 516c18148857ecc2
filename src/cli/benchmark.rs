//! `neonbench benchmark`: every strategy on one scenario, ranked.

use super::args::{JobArgs, ReplicateArgs, WorkloadArgs};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::Inputs;
use super::output::{
    AT_RISK, count, duration, edits_in_words, efficiency, percent, print, table, verdict,
};
use super::ranked::{Ranked, measured, print_best};
use super::run::exit_code_of;
use clap::Args;
use neonbench::experiment::{Goal, median_makespan_s, replicated};
use neonbench_engine::engine::Strategy;
use neonbench_engine::event::Event;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
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

/// The JSON of `benchmark --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct BenchmarkRecord {
    schema: u32,
    runs: Vec<RunRecord>,
    best: Option<Strategy>,
    /// The strategies that tie for the best; one without a tie.
    tied: Vec<Strategy>,
    /// The criterion of the order, in words.
    ranked_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Vec<WholePlanForecast>>,
    warnings: Vec<String>,
}

/// The whole plan, simulated.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct WholePlanForecast {
    strategy: Strategy,
    resources: u64,
    makespan_s: f64,
}

pub(super) fn run(args: &BenchmarkArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
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
    let goal = args.job.engine.selector.goal.goal();
    let mut all = Vec::new();
    for strategy in inputs.strategies() {
        let spec = RunSpec::new(ranked_on, inputs.settings(strategy)?);
        all.push(measured(&args.job, &inputs, &spec, replicates, strategy.name(), line)?);
    }
    let ranked = Ranked::new(&goal, all);
    let tied: Vec<Strategy> = ranked.best().iter().map(|record| record.strategy).collect();
    let best = tied.first().copied();
    let mut runs = ranked.records;
    let forecast = sample.is_some().then(|| forecast(&inputs, &goal, replicates)).transpose()?;
    let warning = forecast.as_ref().and_then(|whole| order_warning(&runs, whole));
    let warnings = Vec::from_iter(warning);
    let whole = forecast.as_ref().and_then(|forecast| forecast.first());
    let next = whole.map(|forecast| forecast.strategy).or(best).map_or_else(String::new, |next| {
        line.to("run").with("strategy", next).with_switch("dry_run").to_string()
    });
    for run in &mut runs {
        run.next_command.clone_from(&next);
    }
    let code = runs.iter().map(exit_code_of).max().unwrap_or(code::NOTHING_TO_DO);
    let ranked_by = goal.in_words();
    let record = BenchmarkRecord { schema: 1, runs, best, tied, ranked_by, forecast, warnings };
    args.job.output.show(&record, || print_benchmark(&record, &next))?;
    Ok(ExitCode::from(code))
}

/// The whole plan in virtual time, best first.
fn forecast(
    inputs: &Inputs,
    goal: &Goal,
    replicates: u32,
) -> Result<Vec<WholePlanForecast>, CliError> {
    let mut all = Vec::new();
    for strategy in inputs.strategies() {
        let spec = RunSpec::new(&inputs.scenario, inputs.settings(strategy)?);
        let (run, entry) = replicated(&spec, &World::Virtual, replicates, &mut |_: &Event| {})?;
        all.push((run.record, entry));
    }
    let forecast = |record: &RunRecord| WholePlanForecast {
        strategy: record.strategy,
        resources: record.resources,
        makespan_s: median_makespan_s(record),
    };
    Ok(Ranked::new(goal, all).records.iter().map(forecast).collect())
}

/// A warning where the sample ranks the strategies in another order than the whole.
fn order_warning(sample: &[RunRecord], whole: &[WholePlanForecast]) -> Option<String> {
    let sample: Vec<&str> = sample.iter().map(|record| record.strategy.name()).collect();
    let whole: Vec<&str> = whole.iter().map(|forecast| forecast.strategy.name()).collect();
    let (sample, whole) = (sample.join(", "), whole.join(", "));
    (sample != whole)
        .then(|| format!("the sample ranks {sample}; the whole plan, simulated, ranks {whole}"))
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
    let header = "strategy | makespan | p5 – p95 | calls | refused | efficiency | failed | colleagues' edits | audit";
    print(&table(header, benchmark.runs.iter().map(row)))?;
    print(&format!("ranked by {}", benchmark.ranked_by))?;
    if benchmark.runs.iter().any(|run| run.edits.are_at_risk()) {
        print(AT_RISK)?;
    }
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
    if let (Some(best), Some(whole)) = (benchmark.best, whole) {
        let whole = whole.strategy;
        return print(&format!("best: {best} on the sample, {whole} for the whole\nnext: {next}"));
    }
    let names = benchmark.tied.iter().map(ToString::to_string).collect::<Vec<_>>();
    print_best(&names, next)
}

fn row(record: &RunRecord) -> Vec<String> {
    let interval = record.makespan_s_interval.map_or_else(
        || "–".to_owned(),
        |[low, _, high]| format!("{} – {}", duration(low), duration(high)),
    );
    let refused = record.calls.refused_share();
    vec![
        record.strategy.to_string(),
        duration(median_makespan_s(record)),
        interval,
        count(record.calls.total),
        percent(refused),
        efficiency(record),
        count(record.records.failed),
        edits_in_words(&record.edits),
        verdict(record),
    ]
}
