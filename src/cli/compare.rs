//! `neonbench compare`: configurations side by side, or two stored runs.

use super::Voice;
use super::args::{EngineArgs, JobArgs, ReplicateArgs};
use super::error::CliError;
use super::inputs::Inputs;
use super::output::{count, duration, percent, say, say_json, table, verdict};
use super::progress::Progress;
use super::run::exit_code_of;
use crate::record::RunRecord;
use crate::replicate::{best, order, ranked_by_s, replicated};
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use std::str::FromStr;

/// Flags of `compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Two stored runs, by number, instead of configurations
    #[arg(value_name = "RUN", num_args = 2)]
    runs: Vec<i64>,
    /// Workers and batch sizes: W/B,…
    #[arg(
        long,
        value_name = "W/B,…",
        value_delimiter = ',',
        default_value = "1/25,3/50,5/100,10/10,2/25",
        conflicts_with = "runs"
    )]
    configs: Vec<Config>,
    #[command(flatten)]
    replicates: ReplicateArgs,
}

/// Workers and batch size.
#[derive(Clone, Copy, Debug)]
struct Config {
    workers: u32,
    batch_size: u32,
}

impl FromStr for Config {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not workers/batch size, such as 3/50, both at least 1");
        let (workers, batch_size) = text.split_once('/').ok_or_else(wrong)?;
        match (workers.trim().parse(), batch_size.trim().parse()) {
            (Ok(workers @ 1..), Ok(batch_size @ 1..)) => Ok(Self { workers, batch_size }),
            _ => Err(wrong()),
        }
    }
}

/// What `compare --json` prints.
#[derive(Debug, Serialize)]
struct CompareRecord {
    schema: u32,
    runs: Vec<RunRecord>,
    best: Option<String>,
}

pub(super) fn run(args: &CompareArgs, voice: Voice) -> Result<ExitCode, CliError> {
    let mut runs = if args.runs.is_empty() { configured(args, voice)? } else { stored(args)? };
    let code = runs.iter().map(exit_code_of).max().unwrap_or(0);
    runs.sort_by(order);
    let best = best(&runs).map(config);
    let record = CompareRecord { schema: 1, runs, best };
    if args.job.output.json {
        say_json(&record)?;
    } else {
        say_compare(&record)?;
    }
    Ok(ExitCode::from(code))
}

fn configured(args: &CompareArgs, voice: Voice) -> Result<Vec<RunRecord>, CliError> {
    let mut runs = Vec::new();
    for config in &args.configs {
        let engine = EngineArgs {
            workers: Some(config.workers),
            batch_size: Some(config.batch_size),
            ..args.job.engine.clone()
        };
        let inputs = Inputs::read(&args.job.workload, &engine, &args.job.world)?;
        inputs.several_runs()?;
        let order = inputs.order(&inputs.scenario)?;
        let replicates = args.replicates.in_world(&inputs.world);
        let title = format!("{}/{}", config.workers, config.batch_size);
        let mut progress = Progress::new(voice, &title);
        let run = replicated(&order, &inputs.world, replicates, &mut progress)?;
        args.job.store.keep(&run, voice);
        runs.push(run.record);
    }
    Ok(runs)
}

fn stored(args: &CompareArgs) -> Result<Vec<RunRecord>, CliError> {
    let store = args.job.store.open()?;
    Ok(args.runs.iter().map(|&id| store.record(id)).collect::<Result<_, _>>()?)
}

fn config(record: &RunRecord) -> String {
    format!("{} {}/{}", record.strategy, record.workers, record.batch_size)
}

fn say_compare(compare: &CompareRecord) -> Result<(), CliError> {
    let fastest = compare.runs.first().map_or(0.0, ranked_by_s);
    let row = |run: &RunRecord| {
        let makespan_s = ranked_by_s(run);
        let refused = run.calls.rejected as f64 / run.calls.total.max(1) as f64;
        let times = if fastest > 0.0 { makespan_s / fastest } else { 1.0 };
        vec![
            config(run),
            count(run.resources),
            run.mappings.to_string(),
            duration(makespan_s),
            format!("{times:.2} ×"),
            count(run.calls.total),
            percent(refused),
            verdict(run),
        ]
    };
    let header = [
        "workers/batch",
        "accounts",
        "mappings",
        "makespan",
        "of best",
        "calls",
        "refused",
        "audit",
    ];
    say(&table(&header, &compare.runs.iter().map(row).collect::<Vec<_>>()))?;
    if !compare.runs.iter().any(|run| run.strategy.is_concurrent()) {
        say("note: these strategies have one worker; add --strategy hybrid to compare workers")?;
    }
    match &compare.best {
        Some(best) => say(&format!("best: {best}\nnext: neonbench scalability")),
        None => say("best: none: no run is valid and complete, or they did not do the same work"),
    }
}
