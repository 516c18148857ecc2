//! `neonbench compare`: configurations side by side, or two stored runs.

use super::args::{EngineArgs, JobArgs, ReplicateArgs, figures};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::Inputs;
use super::output::{count, duration, percent, plural, print, print_unmapped, table, verdict};
use super::progress::LiveLine;
use super::ranked::{Best, MeasuredCandidate, Ranked, measured};
use super::run::exit_code_of;
use super::stored::whole;
use clap::Args;
use neon_mock::bounds::{BATCH, WORKERS};
use neonbench::experiment::{CandidateRuns, Delta, RunFigures, delta};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::{RunRecord, WorldName};
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Numbers of two stored runs, instead of configurations
    #[arg(value_name = "RUN", num_args = 2)]
    runs: Vec<i64>,
    #[arg(
        long,
        value_name = "W/B,…",
        value_delimiter = ',',
        value_parser = workers_and_batch,
        conflicts_with_all = ["runs", "workers", "batch_size"],
        help = "Workers and batch sizes to compare [default: 1/25,3/50,5/100,10/10,2/25]"
    )]
    configs: Vec<(u32, u32)>,
    /// Exit with 10 if the second run is slower than the first by more than PERCENT, and with 11 if the
    /// runs are too few to tell
    #[arg(long, value_name = "PERCENT", value_parser = share, requires = "runs")]
    fail_if_slower: Option<f64>,
    #[command(flatten)]
    replicates: ReplicateArgs,
}

/// Workers and batch sizes where none are given.
const CONFIGS: [(u32, u32); 5] = [(1, 25), (3, 50), (5, 100), (10, 10), (2, 25)];

impl CompareArgs {
    /// The workers and batch sizes to compare: those asked for, or the usual ones, in which what `--workers`
    /// or `--batch-size` gives stays the same.
    fn configurations(&self) -> Vec<(u32, u32)> {
        if !self.configs.is_empty() {
            return self.configs.clone();
        }
        let EngineArgs { workers, batch_size, .. } = self.job.engine;
        let mut configs = Vec::new();
        for (usual_workers, usual_batch) in CONFIGS {
            let config = (workers.unwrap_or(usual_workers), batch_size.unwrap_or(usual_batch));
            if !configs.contains(&config) {
                configs.push(config);
            }
        }
        configs
    }
}

/// A percentage such as `5%`, as a ratio.
fn share(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>();
    match number {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent / 100.0),
        _ => Err(format!("`{text}` is no percentage, such as 5%")),
    }
}

/// Workers and batch size.
fn workers_and_batch(text: &str) -> Result<(u32, u32), String> {
    let is_within = |&(workers, batch): &(u32, u32)| {
        WORKERS.check(workers).is_ok() && BATCH.check(batch).is_ok()
    };
    figures(text).filter(is_within).ok_or_else(|| {
        let (workers, batch) = (WORKERS.expected(), BATCH.expected());
        format!("`{text}` is not WORKERS/BATCH, such as 3/50: {workers} and {batch}")
    })
}

/// The JSON of `compare --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct CompareRecord {
    schema: u32,
    runs: Vec<RunRecord>,
    best: Option<String>,
    #[serde(flatten)]
    bests: Best<String>,
    /// The criterion of the order, in words.
    ranked_by: String,
    /// The second stored run against the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaRecord>,
}

/// The second of two stored runs against the first.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct DeltaRecord {
    baseline: i64,
    run: i64,
    #[serde(flatten)]
    delta: Delta,
    /// The gate, if there is one; `passed` is null if nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<SlowerGate>,
}

/// By how much the run may be slower.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct SlowerGate {
    max_slower: f64,
    /// True if the 90 % interval of the ratio ends below 1 + `max_slower`, false if it begins above it.
    passed: Option<bool>,
}

impl SlowerGate {
    fn new(max_slower: f64, delta: &Delta) -> Self {
        Self { max_slower, passed: delta.is_within(max_slower) }
    }

    const fn exit_code(&self) -> u8 {
        match self.passed {
            Some(true) => 0,
            Some(false) => code::GATE,
            None => code::INCONCLUSIVE,
        }
    }
}

pub(super) fn run(args: &CompareArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let (all, delta) = match &*args.runs {
        &[baseline, run] => stored(args, baseline, run)?,
        _ => (configured(args, line)?, None),
    };
    let gate =
        delta.as_ref().and_then(|delta| delta.gate.as_ref()).map_or(0, SlowerGate::exit_code);
    let goal = args.job.engine.selector.goal.goal();
    let ranked = Ranked::new(&goal, all);
    let code =
        ranked.all.iter().map(|(record, _)| exit_code_of(record)).max().filter(|&code| code > 0);
    let code = code.unwrap_or(gate);
    let (bests, ranked_by) = (ranked.best(RunRecord::configuration), goal.in_words());
    let rows = rows(&ranked);
    let best = bests.tied.first().cloned();
    let runs = ranked.into_records();
    let record = CompareRecord { schema: 1, runs, best, bests, ranked_by, delta };
    args.job.output.show(&record, || print_compare(&record, rows, line))?;
    Ok(ExitCode::from(code))
}

fn configured(args: &CompareArgs, line: &CommandLine) -> Result<Vec<MeasuredCandidate>, CliError> {
    let configs = args.configurations();
    let status = LiveLine::new(line, configs.len());
    let mut all = Vec::new();
    for (workers, batch_size) in configs {
        let engine = EngineArgs {
            workers: Some(workers),
            batch_size: Some(batch_size),
            // `auto` chooses pipelined nearly everywhere, which has one worker: there is nothing to compare.
            strategy: Some(args.job.engine.strategy.unwrap_or(Some(Strategy::Hybrid))),
            ..args.job.engine.clone()
        };
        let inputs = Inputs::read(&args.job.workload, &engine, &args.job.world)?;
        inputs.several_runs()?;
        let order = inputs.order(&inputs.scenario, None)?;
        let replicates = args.replicates.in_world(&inputs.world);
        let title = format!("{workers}/{batch_size}");
        all.push(measured(&args.job, &inputs, &order, replicates, &title, (line, &status))?);
    }
    Ok(all)
}

/// The two stored runs, and the second against the first.
fn stored(
    args: &CompareArgs,
    baseline: i64,
    run: i64,
) -> Result<(Vec<MeasuredCandidate>, Option<DeltaRecord>), CliError> {
    let (records, replicates) = args.job.store.read(|store| {
        let records = [store.record(baseline)?, store.record(run)?];
        Ok((records, [store.entry(baseline)?.replicates, store.entry(run)?.replicates]))
    })?;
    for (id, record) in [baseline, run].into_iter().zip(&records) {
        whole(id, record, "be compared")?;
    }
    let side = |index: usize| (&records[index], &*replicates[index]);
    let delta = delta(side(0), side(1));
    let gate = args.fail_if_slower.map(|max_slower| SlowerGate::new(max_slower, &delta));
    let measured = records.into_iter().zip(replicates).map(|(record, replicates)| {
        let own = replicates.is_empty().then(|| RunFigures::from(&record));
        let entry = CandidateRuns::of(&record, replicates.into_iter().chain(own).collect());
        (record, entry)
    });
    Ok((measured.collect(), Some(DeltaRecord { baseline, run, delta, gate })))
}

/// The second run against the first, in words.
fn print_delta(
    runs: &[RunRecord],
    record: &DeltaRecord,
    line: &CommandLine,
) -> Result<(), CliError> {
    let DeltaRecord { baseline, run, delta, gate } = record;
    let [base, new] = delta.replicates;
    let compared = if delta.paired {
        format!("{} with the same seeds", plural(base as u64, "pair"))
    } else {
        format!("{base} and {new} runs with different seeds")
    };
    let interval = delta.ratio_interval.map_or_else(
        || {
            format!(
                "{base} and {new} runs are too few for an interval: run both with --replicates 20"
            )
        },
        |[low, high]| format!("95 % interval {low:.3} – {high:.3}, {compared}"),
    );
    print(&format!(
        "run {run} takes {:.3} × as long as run {baseline} ({interval}): {}",
        delta.ratio,
        delta.verdict.words()
    ))?;
    if let Some(reason) = &delta.incomparable {
        print(&format!("note: {reason}"))?;
    }
    for record in runs.iter().filter(|record| !record.processes.is_empty()) {
        let run = record.run.map_or_else(|| "a run".to_owned(), |id| format!("run {id}"));
        let processes = plural(record.processes.len() as u64, "process");
        print(&format!("note: {run} was resumed: its time and calls are the sums of {processes}"))?;
    }
    if let Some(gate) = gate {
        let verdict = match gate.passed {
            Some(true) => "passed",
            Some(false) => "failed",
            None => "inconclusive",
        };
        let interval = delta.ratio_interval_90.map_or_else(String::new, |[low, high]| {
            format!(" (90 % interval {low:.3} – {high:.3})")
        });
        print(&format!("gate: at most {} slower: {verdict}{interval}", percent(gate.max_slower)))?;
    }
    print(&format!("next: {}", line.to("history")))
}

fn rows(ranked: &Ranked) -> Vec<Vec<String>> {
    let best_s = ranked.all.first().map_or(0.0, |(_, entry)| entry.runs.median_makespan_s());
    let row = |(record, CandidateRuns { runs, .. }): &MeasuredCandidate| {
        let makespan_s = runs.median_makespan_s();
        let times = if best_s > 0.0 { makespan_s / best_s } else { 1.0 };
        vec![
            record.configuration(),
            count(record.resources),
            record.mappings.to_string(),
            duration(makespan_s),
            format!("{times:.2} ×"),
            count(runs.count() as u64),
            count(runs.mean(|run| run.calls as f64).round() as u64),
            percent(runs.refused_share()),
            verdict(record),
        ]
    };
    ranked.all.iter().map(row).collect()
}

fn print_compare(
    compare: &CompareRecord,
    rows: Vec<Vec<String>>,
    line: &CommandLine,
) -> Result<(), CliError> {
    let header =
        "workers/batch | ?accounts | ?mappings | time | of best | ?runs | ?calls | refused | audit";
    print(&table(header, rows))?;
    print(&format!("ranked by {}", compare.ranked_by))?;
    if let Some(first) = compare.runs.first() {
        print_unmapped(&first.unmapped)?;
    }
    if let Some(delta) = &compare.delta {
        return print_delta(&compare.runs, delta, line);
    }
    if !compare.runs.iter().any(|run| run.strategy.is_concurrent()) {
        print("note: these strategies have one worker; --strategy hybrid compares workers")?;
    }
    let next = match compare.runs.first() {
        // A server has the accounts that it has, and clocks on the wall wait for ten thousand.
        Some(best) if best.world == WorldName::Http => {
            let run = line.to("run").with_switch("dry_run").with("strategy", best.strategy);
            run.with("workers", best.workers).with("batch_size", best.batch_size)
        }
        // Scalability sets the size of each organisation itself.
        _ => line.to("scalability").without(&["resources", "resource_ids"]),
    };
    print(&format!("best: {}\nnext: {next}", compare.bests.in_words()))
}
