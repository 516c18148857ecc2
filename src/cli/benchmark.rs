//! `neonbench benchmark`: every strategy on one scenario, ranked.

use super::args::{JobArgs, ReplicateArgs, WorkloadArgs, whole};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::Inputs;
use super::output::{
    AT_RISK, count, duration, edits_in_words, efficiency, percent, plural, print, print_unmapped,
    settings, sig3, size, table, verdict,
};
use super::progress::LiveLine;
use super::ranked::{Best, MeasuredCandidate, Ranked, measured};
use super::run::exit_code_of;
use clap::Args;
use neonbench::experiment::{CandidateRuns, Goal, median_makespan_s, replicated};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `benchmark`.
#[derive(Debug, Args)]
pub(super) struct BenchmarkArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Rank on the first N accounts, and forecast the whole plan by simulation
    #[arg(long, value_name = "N", value_parser = whole::<u64>, conflicts_with = "sample", help_heading = "Workload")]
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
    #[serde(flatten)]
    bests: Best<Strategy>,
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
    let goal = inputs.engine.selector.goal.goal();
    let strategies = inputs.strategies();
    let status = LiveLine::new(line, strategies.len() * (1 + usize::from(sample.is_some())));
    let mut all = Vec::new();
    for strategy in strategies {
        let spec = RunSpec::new(ranked_on, inputs.settings(strategy)?);
        all.push(measured(
            &args.job,
            &inputs,
            &spec,
            replicates,
            strategy.name(),
            (line, &status),
        )?);
    }
    let ranked = Ranked::new(&goal, all);
    let bests = ranked.best(|record| record.strategy);
    let best = bests.tied.first().copied();
    let rows = ranked.all.iter().map(row).collect();
    let mut runs = ranked.into_records();
    let forecast =
        sample.is_some().then(|| forecast(&inputs, &goal, replicates, &status)).transpose()?;
    drop(status);
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
    let record = BenchmarkRecord { schema: 1, runs, best, bests, ranked_by, forecast, warnings };
    args.job.output.show(&record, || print_benchmark(&record, rows, &next))?;
    Ok(ExitCode::from(code))
}

/// The whole plan in virtual time, best first.
fn forecast(
    inputs: &Inputs,
    goal: &Goal,
    replicates: u32,
    status: &LiveLine,
) -> Result<Vec<WholePlanForecast>, CliError> {
    let of_its_size = inputs.counted()?.map(|counted| inputs.scenario.of_size(counted.accounts));
    let whole = of_its_size.as_ref().unwrap_or(&inputs.scenario);
    let mut all = Vec::new();
    for strategy in inputs.strategies() {
        status.step(format!("the whole plan, simulated: {strategy}"));
        let mut observer = status.observer("running the other seeds");
        let spec = RunSpec::new(whole, inputs.settings(strategy)?);
        let (run, entry) = replicated(&spec, &World::Virtual, replicates, &mut observer)?;
        all.push((run.record, entry));
    }
    let forecast = |record: &RunRecord| WholePlanForecast {
        strategy: record.strategy,
        resources: record.resources,
        makespan_s: median_makespan_s(record),
    };
    Ok(Ranked::new(goal, all).into_records().iter().map(forecast).collect())
}

/// A warning where the sample ranks the strategies in another order than the whole.
fn order_warning(sample: &[RunRecord], whole: &[WholePlanForecast]) -> Option<String> {
    let sample: Vec<&str> = sample.iter().map(|record| record.strategy.name()).collect();
    let whole: Vec<&str> = whole.iter().map(|forecast| forecast.strategy.name()).collect();
    let (sample, whole) = (sample.join(", "), whole.join(", "));
    (sample != whole)
        .then(|| format!("the sample ranks {sample}; the whole plan, simulated, ranks {whole}"))
}

fn print_benchmark(
    benchmark: &BenchmarkRecord,
    rows: Vec<Vec<String>>,
    next: &str,
) -> Result<(), CliError> {
    if let Some(first) = benchmark.runs.first() {
        print(&format!("{} · {}", size(first.resources, first.mappings), settings(first)))?;
    }
    let header = "strategy | time | p5 – p95 | ?runs | ?calls | refused | ?efficiency | failed | colleagues' edits | audit";
    print(&table(header, rows))?;
    print(&format!("ranked by {}", benchmark.ranked_by))?;
    if benchmark.runs.iter().any(|run| run.edits.are_at_risk()) {
        print(&format!("at risk{AT_RISK}"))?;
    }
    if let Some(first) = benchmark.runs.first() {
        print_unmapped(&first.unmapped)?;
    }
    let sampled = benchmark.runs.first().map_or(0, |run| run.resources);
    let forecast = benchmark.forecast.as_deref().unwrap_or_default();
    let whole = forecast.first().filter(|whole| whole.resources > sampled);
    if whole.is_none() && !forecast.is_empty() {
        print(&format!(
            "note: --sample-size is ignored: the plan has {}",
            plural(sampled, "account")
        ))?;
    }
    for WholePlanForecast { strategy, resources, makespan_s } in
        forecast.iter().filter(|_| whole.is_some())
    {
        let accounts = plural(*resources, "account");
        print(&format!("forecast: {strategy} takes {} for all {accounts}", duration(*makespan_s)))?;
    }
    for warning in &benchmark.warnings {
        print(&format!("warning: {warning}"))?;
    }
    if let (Some(best), Some(whole)) = (benchmark.best, whole) {
        let whole = whole.strategy;
        return print(&format!(
            "best: {best} on the sample, {whole} on the whole plan\nnext: {next}"
        ));
    }
    print(&format!("best: {}", benchmark.bests.in_words()))?;
    if next.is_empty() { Ok(()) } else { print(&format!("next: {next}")) }
}

/// The means of the runs, but for the median of their makespans.
fn row((record, CandidateRuns { runs, .. }): &MeasuredCandidate) -> Vec<String> {
    let interval = runs.makespan_s_range().map_or_else(
        || "–".to_owned(),
        |[low, _, high]| format!("{} – {}", duration(low), duration(high)),
    );
    let failed = runs.mean(|run| run.failed as f64);
    vec![
        record.strategy.to_string(),
        duration(runs.median_makespan_s()),
        interval,
        count(runs.count() as u64),
        count(runs.mean(|run| run.calls as f64).round() as u64),
        percent(runs.refused_share()),
        efficiency(record),
        if failed.fract() == 0.0 { count(failed as u64) } else { sig3(failed) },
        edits_in_words(&record.edits),
        verdict(record),
    ]
}
