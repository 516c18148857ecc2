//! `neonbench analyze`: what the selector recommends, and what to expect of it.

use super::args::{EngineArgs, OutputArgs, StoreArgs, WorkloadArgs, WorldArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::fitted::Cost;
use super::inputs::Inputs;
use super::output::{count, duration, percent, plural, print, sig3, size};
use super::probe::ProbeSettings;
use super::progress::LiveLine;
use super::terminal::{Emphasis, emphasised, escape_controls};
use clap::Args;
use neonbench::experiment::{
    Candidate, CandidateRuns, Forecast, Goal, coarse_grid, forecast, parallel_map, rank, seeds,
    simulated,
};
use neonbench::neon_import::ImportCost;
use neonbench::probe::{MOST_SAMPLE, TargetFit};
use neonbench::select::{KnownTarget, ParetoPoint, Rehearsal};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::ChosenBy;
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `analyze`.
#[derive(Debug, Args)]
pub(super) struct AnalyzeArgs {
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    world: WorldArgs,
    /// Measure the target first, instead of taking its profile; with N, the probe migrates N accounts: it WRITES
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        default_missing_value = "0",
        require_equals = true,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_SAMPLE)),
        help_heading = "Probe"
    )]
    probe: Option<u32>,
    #[command(flatten)]
    asked: ProbeSettings,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// The JSON of `analyze --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Analysis {
    schema: u32,
    recommended_strategy: Strategy,
    max_workers: u32,
    batch_size: u32,
    /// The recommended settings, whole.
    configuration: Candidate,
    reason: String,
    estimated_time_s: TimeInterval,
    estimated_api_calls: u64,
    estimated_rejected_calls: u64,
    api_call_reduction: f64,
    time_savings_s: f64,
    time_savings_ratio: f64,
    estimated_memory_mib: f64,
    recommendations: Vec<String>,
    /// Every strategy with the workers and the batch size in force, best first.
    ranking: Vec<StrategyRank>,
    /// The criterion of the ranking, in words.
    ranked_by: String,
    /// The strategies that tie for the best of the ranking; one without a tie.
    tied: Vec<Strategy>,
    /// Cost of finding limits and service times; null where they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Cost>,
    /// Saving of the probe; null without one, or where the strategy was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe_worth: Option<ProbeWorth>,
    /// Price of migrating by Neon's own importer, by the files of `plan export --neon-import`; null where it could
    /// not tell the plan's fields apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    neon_import: Option<ImportCost>,
    /// Configurations that no other beats in time, calls and refusals together, fastest first.
    pareto_front: Vec<ParetoPoint>,
}

/// A strategy in the ranking: means over its simulated runs.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct StrategyRank {
    strategy: Strategy,
    cost_s: f64,
    makespan_s: f64,
    refused_share: f64,
}

/// An interval that holds nine runs of ten, and its middle.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct TimeInterval {
    p5: f64,
    p50: f64,
    p95: f64,
}

/// Saving of a probe on the job, on the profiles that agree with it.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
struct ProbeWorth {
    /// Cost of the choice without a probe less that of the choice with it, in seconds: means over simulated runs.
    saved_s: f64,
    /// Accounts from which on that is more than the probe took; null where it saves nothing.
    pays_from_accounts: Option<u64>,
}

/// Simulated runs behind it.
const WORTH_RUNS: u64 = 64;

/// Saving that counts as none, as a share of the cost.
const NO_SAVING: f64 = 0.005;

/// Simulated runs of each strategy in the ranking.
const RANKING_RUNS: u32 = 20;

/// Accounts that the ranking is made on at most: the first of a larger plan.
const RANKING_ACCOUNTS: u64 = 20_000;

/// Memory that an account takes that waits for its write: its values before and after, and its ids.
const BYTES_AN_ACCOUNT: u64 = 600;
const BYTES_A_MAPPING: u64 = 120;

pub(super) fn run(args: &AnalyzeArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let status = LiveLine::new(line, 5 + usize::from(args.probe.is_some()));
    let probed = probed(args, line, &status)?;
    let mut inputs = match args.world.base_url {
        Some(_) => Inputs::sized_at_server(&args.workload, &args.engine, &args.world)?,
        None => Inputs::read(&args.workload, &args.engine, &WorldArgs::default())?,
    };
    let mut target = KnownTarget::of(&inputs.scenario.profile);
    if let Some((_, fit)) = &probed {
        inputs.scenario.profile = fit.profile("probed");
        target = KnownTarget::probed(fit.clone());
    }
    let scenario = &inputs.scenario;
    status.step("choosing a strategy by simulations");
    let mut order = inputs.order(scenario, Some(&target))?;
    if let Some((cost, _)) = &probed {
        order.reason =
            format!("{}; limits and times by a probe of {} calls", order.reason, cost.calls);
    }
    status.step(format!("forecasting {} by 100 simulations", order.settings.strategy));
    let expected = forecast(scenario, &order.settings)?;
    // A headroom that is given counts for the choice; the ranking is that of the other commands.
    let (goal, goal_of_choice) = (inputs.engine.selector.goal.goal(), inputs.goal());
    let (cost, fit) = probed.unzip();
    let mut rehearsal = Rehearsal::new(scenario, target, &goal_of_choice)
        .with_settings(inputs.simulated_settings()?);
    let probe_worth = match &cost {
        Some(cost) if order.chosen_by == ChosenBy::Selector => {
            let pair = [inputs.choice(scenario, None)?.candidate, Candidate::of(&order.settings)];
            ProbeWorth::of(&mut rehearsal, pair, cost.duration_s, scenario.expected_resources())?
        }
        _ => None,
    };
    // A profile that was fitted says what it leaves open as a probe does.
    let fit = fit.or_else(|| TargetFit::of_profile(&scenario.profile).ok().flatten());
    // Standard makes one call after another: a third of its runs tell as much.
    status.step("forecasting standard by 100 simulations");
    let standard = forecast(scenario, &inputs.settings(Strategy::Standard)?)?;
    let (resources, mappings) = (scenario.expected_resources(), scenario.mappings() as u64);
    let [p5, p50, p95] = expected.makespan_s;
    let saved_s = standard.makespan_s[1] - p50;
    status.step("ranking every strategy");
    let (ranking, tied) = ranking(&inputs, &goal)?;
    status.step("looking for the fastest, the fewest calls and the fewest refusals");
    let front = rehearsal.front(&coarse_grid(), &seeds::REHEARSAL)?;
    drop(status);
    let per_account = BYTES_AN_ACCOUNT + BYTES_A_MAPPING * mappings;
    let analysis = Analysis {
        schema: 1,
        recommended_strategy: order.settings.strategy,
        max_workers: order.settings.workers.get(),
        batch_size: order.settings.batch_size.get(),
        configuration: Candidate::of(&order.settings),
        reason: order.reason.clone(),
        estimated_time_s: TimeInterval { p5, p50, p95 },
        estimated_api_calls: expected.calls.round() as u64,
        estimated_rejected_calls: expected.refused.round() as u64,
        api_call_reduction: 1.0 - expected.calls / (resources * mappings * 2).max(1) as f64,
        time_savings_s: saved_s,
        time_savings_ratio: if standard.makespan_s[1] > 0.0 {
            saved_s / standard.makespan_s[1]
        } else {
            0.0
        },
        estimated_memory_mib: (expected.peak_buffered * per_account) as f64 / 1_048_576.0,
        recommendations: {
            let warnings = scenario.unmapped().iter().cloned();
            let strategy = order.settings.strategy;
            let advice = recommendations(
                &expected,
                &standard,
                strategy,
                fit.as_ref(),
                scenario.profile.name(),
            );
            warnings.chain(advice).collect()
        },
        ranking,
        ranked_by: goal.in_words(),
        tied,
        probe: cost,
        probe_worth,
        neon_import: ImportCost::of(scenario, inputs.seed()),
        pareto_front: front,
    };
    args.output.show(&analysis, || {
        let profile = escape_controls(scenario.profile.name());
        print(&format!("{} · profile {profile}", size(resources, mappings)))?;
        print_analysis(&analysis)?;
        print(&format!("next: {}", next_command(&analysis, line)))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn print_analysis(analysis: &Analysis) -> Result<(), CliError> {
    let TimeInterval { p5, p50, p95 } = &analysis.estimated_time_s;
    if let Some(cost) = &analysis.probe {
        print(&format!("  probe        {}", cost.in_words()))?;
        if let Some(worth) = &analysis.probe_worth {
            print(&format!("  worth        {}", worth.in_words(cost.duration_s)))?;
        }
    }
    print(&format!(
        "  recommended  {}\n  because      {}",
        emphasised(Emphasis::Strong, analysis.configuration),
        analysis.reason
    ))?;
    print(&format!(
        "  time         {}; 90 % of runs take {} to {}",
        duration(*p50),
        duration(*p5),
        duration(*p95)
    ))?;
    print(&format!(
        "  calls        {}, {} of them refused; {} fewer than one read and one write per mapping",
        count(analysis.estimated_api_calls),
        count(analysis.estimated_rejected_calls),
        percent(analysis.api_call_reduction)
    ))?;
    print(&format!(
        "  saved        {} compared with standard ({})",
        duration(analysis.time_savings_s.max(0.0)),
        percent(analysis.time_savings_ratio)
    ))?;
    print(&format!(
        "  memory       at most {} MiB of accounts",
        sig3(analysis.estimated_memory_mib)
    ))?;
    let ranked: Vec<String> = analysis
        .ranking
        .iter()
        .map(|row| format!("{} {}", row.strategy, duration(row.makespan_s)))
        .collect();
    print(&format!("  ranking      {}\n  ranked by    {}", ranked.join(", "), analysis.ranked_by))?;
    for point in &analysis.pareto_front {
        print(&format!(
            "  trade-off    {}: {}, {}, {} refused",
            point.configuration,
            duration(point.makespan_s),
            plural(point.calls.round() as u64, "call"),
            sig3(point.refused)
        ))?;
    }
    if let Some(cost) = &analysis.neon_import {
        print(&format!("  without API  {} (plan export --neon-import)", cost.in_words()))?;
    }
    for line in &analysis.recommendations {
        print(&format!("  note         {line}"))?;
    }
    Ok(())
}

impl ProbeWorth {
    /// That of a probe which took `took_s`, by the choices without it and with it; `None` where either breaks a
    /// constraint.
    fn of(
        rehearsal: &mut Rehearsal<'_>,
        [without, with]: [Candidate; 2],
        took_s: f64,
        resources: u64,
    ) -> Result<Option<Self>, CliError> {
        let mut cost_s = |one| rehearsal.cost(&one, seeds::first(&seeds::FORECAST, WORTH_RUNS));
        let (without_s, with_s) = (cost_s(without)?, cost_s(with)?);
        let saved_s = (without_s - with_s).max(0.0);
        let accounts = (took_s / saved_s * resources as f64).ceil() as u64;
        let saves = saved_s > NO_SAVING * with_s;
        let is_known = without_s.is_finite() && with_s.is_finite();
        let pays_from_accounts = saves.then_some(accounts);
        Ok(is_known.then_some(Self { saved_s, pays_from_accounts }))
    }

    fn in_words(&self, took_s: f64) -> String {
        let (took, saved) = (duration(took_s), duration(self.saved_s));
        match self.pays_from_accounts {
            _ if self.saved_s > took_s => {
                format!("the probe takes {took} and saves {saved} on this plan: it pays")
            }
            Some(accounts) => format!(
                "the probe takes {took} and saves {saved} on this plan: it pays from about {} on",
                plural(accounts, "account")
            ),
            None => format!(
                "the probe takes {took} and saves nothing: without it the limiter does as well"
            ),
        }
    }
}

/// Every strategy under the seeds from the user's on, best first, and those that tie for the best.
fn ranking(inputs: &Inputs, goal: &Goal) -> Result<(Vec<StrategyRank>, Vec<Strategy>), CliError> {
    let scenario = inputs.scenario.part(RANKING_ACCOUNTS);
    let entries = parallel_map(&Strategy::ALL, |strategy| -> Result<CandidateRuns, CliError> {
        Ok(simulated(&scenario, &inputs.settings(*strategy)?, RANKING_RUNS)?)
    })?;
    let ranking = rank(goal, &entries);
    let tied = ranking.best.iter().map(|place| entries[*place].candidate.strategy).collect();
    let row = |entry: &CandidateRuns| StrategyRank {
        strategy: entry.candidate.strategy,
        cost_s: entry.runs.cost_s(goal.objective),
        makespan_s: entry.runs.median_makespan_s(),
        refused_share: entry.runs.refused_share(),
    };
    Ok((ranking.sort(entries.iter().map(row).collect()), tied))
}

/// The recommended run, as a trial.
fn next_command(analysis: &Analysis, line: &CommandLine) -> CommandLine {
    let run = line.to("run").with_switch("dry_run");
    if analysis.probe.is_none() {
        return run;
    }
    // `run` does not know what the probe found, so it would choose otherwise.
    let Candidate { strategy, workers, batch_size, limiter, reads, guard } = analysis.configuration;
    let run =
        run.with("strategy", strategy).with("workers", workers).with("batch_size", batch_size);
    let run = match limiter {
        Some(limiter) => run.with("limiter", limiter),
        None => run,
    };
    let run = match reads {
        Some(reads) => run.with("reads", reads),
        None => run,
    };
    match guard {
        Some(guard) => run.with("guard", guard),
        None => run,
    }
}

fn recommendations(
    expected: &Forecast,
    standard: &Forecast,
    strategy: Strategy,
    fit: Option<&TargetFit>,
    profile: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    let [p5, p50, p95] = expected.makespan_s;
    if p95 - p5 > 0.5 * p50 {
        lines.push(format!(
            "the time is uncertain ({} to {}): it depends on few calls",
            duration(p5),
            duration(p95)
        ));
    }
    if expected.refused > 0.01 * expected.calls {
        lines.push(format!(
            "{} of the calls are refused; --constraint 'rejected<1%' asks for a choice with fewer",
            percent(expected.refused / expected.calls)
        ));
    }
    if strategy.is_concurrent() {
        lines.push(
            "other users share the organisation's limits; --constraint 'headroom>=1' leaves them a slot"
                .to_owned(),
        );
    }
    if standard.makespan_s[1] > 3_600.0 {
        lines.push(format!(
            "standard (one account at a time) would take {}",
            duration(standard.makespan_s[1])
        ));
    }
    match fit {
        Some(fit) => {
            lines.extend(fit.assumed.iter().map(|it| format!("assumed: {it}")));
            lines.extend(fit.not_shown.iter().map(|it| format!("not known: {it}")));
        }
        None => lines.push(format!(
            "limits and response times are those of profile {profile}: check that they match your server"
        )),
    }
    lines
}

/// The cost and the fit of a probe, where one was asked for.
fn probed(
    args: &AnalyzeArgs,
    line: &CommandLine,
    status: &LiveLine,
) -> Result<Option<(Cost, TargetFit)>, CliError> {
    let Some(sample) = args.probe else {
        if args.world.base_url.is_some() || args.world.world.is_some() {
            return Err(CliError::usage(
                "the limits and response times of that server are unknown: measure them with --probe, or leave out \
                 --base-url and --world, and name them with --profile",
            ));
        }
        return Ok(None);
    };
    let dry_run = args.engine.dry_run || sample == 0;
    let engine = EngineArgs { dry_run, ..args.engine.clone() };
    let inputs = Inputs::read(&args.workload, &engine, &args.world)?;
    let sample = if dry_run { 0 } else { sample };
    let options = args.asked.options(&inputs.world, sample, inputs.seed());
    status.step("probing the target");
    let seen = super::probe::probe_target(&inputs, &options, &args.store, line)?;
    Ok(Some((Cost::of(&seen), TargetFit::of(&seen)?)))
}
