//! `neonbench report`: the guide's examples, run and reported on one offline page.

mod benches;
mod decision;
mod files;
mod from_runs;
mod provenance;

use super::args::{EngineArgs, OutputArgs, StoreArgs, WorkloadArgs};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::output::{print, print_json};
use super::progress::LiveLine;
use clap::Args;
use neonbench::report::decision::{Decision, DecisionModel};
use neonbench::report::documents::StoredDocuments;
use neonbench::report::evidence::ReportEvidence;
use neonbench::report::html::pages;
use neonbench::report::json::{ReportRecord, SCHEMA, to_json};
use neonbench::report::markdown::summary;
use neonbench::report::model::Model;
use neonbench::report::shared::SuiteError;
use neonbench::report::suite;
pub(super) use provenance::made_at;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Folder for index.html, report.json and report.md
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    out: PathBuf,
    /// Runs of each row, under seeds K, K+1, …
    #[arg(
        long,
        value_name = "R",
        default_value_t = DEFAULT_REPLICATES,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    replicates: u32,
    /// Report on these stored runs, and run nothing
    #[arg(long, value_name = "RUN,…", value_delimiter = ',', conflicts_with_all = ["seed", "replicates", "plan", "scenario"])]
    runs: Vec<i64>,
    /// Stored run to compare with; exit with 10 if its strategy is slower now
    #[arg(long, value_name = "RUN")]
    baseline: Option<i64>,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

const DEFAULT_OUT: &str = "reports/out";
const DEFAULT_SEED: u64 = 1;
const DEFAULT_REPLICATES: u32 = 20;

impl ReportArgs {
    /// True if the report is on a workload of one's own, and not on the built-in suite.
    fn has_workload(&self) -> bool {
        let WorkloadArgs { scenario, plan, profile, dataset, resources, mappings, .. } =
            &self.workload;
        let WorkloadArgs { resource_ids, sample, .. } = &self.workload;
        let named = [scenario, profile, dataset, resource_ids].iter().any(|name| name.is_some());
        named || plan.is_some() || resources.is_some() || mappings.is_some() || sample.is_some()
    }
}

pub(super) fn run(args: &ReportArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    if !args.runs.is_empty() {
        return from_runs::run(args, line);
    }
    if args.has_workload() {
        return decision::run(args, line);
    }
    if args.baseline.is_some() {
        return Err(CliError::usage(
            "--baseline goes with --runs, or with a workload of one's own",
        ));
    }
    // A store that cannot be read, or an output that cannot be written, is found before the runs,
    // not after.
    let kept =
        args.store.read_if_any(|store| Ok(StoredDocuments::read(store)?))?.unwrap_or_default();
    files::prepare(&args.out)?;
    let seed = args.engine.seed.unwrap_or(DEFAULT_SEED);
    let provenance = provenance::gather(line, seed, args.replicates);
    let status = LiveLine::new(line, 0);
    let mut made = suite::run(provenance, &mut |what| tell(&status, what))?;
    made.provenance.next = made.decision.as_ref().map(|decision| {
        let run = line.to("run").with("resources", decision.resources);
        next(run.with("mappings", decision.mappings), decision)
    });
    let (selftest, judged, benches) = (kept.selftest, kept.judged, benches::read());
    let evidence = ReportEvidence { selftest, judged, benches, ..made };
    drop(status);
    let model = Model::new(&evidence);
    let record = ReportRecord { schema: SCHEMA, report: &model, evidence: &evidence };
    let [(index, page), (guide, guide_page), (methodology, methodology_page)] = pages(&model);
    let written = files::write(
        &args.out,
        &[
            ("page", index, page),
            ("guide", guide, guide_page),
            ("method", methodology, methodology_page),
            ("records", "report.json", to_json(&record)),
            ("summary", "report.md", summary(&model)),
        ],
    )?;
    if args.output.json {
        print_json(&record)?;
    } else {
        print_report(&model, &written)?;
    }
    let valid = model.validity.valid == model.validity.runs;
    Ok(ExitCode::from(if valid { 0 } else { code::AUDIT_MISMATCH }))
}

/// The next command after `decision`, which the page and the terminal name: `run` of the same migration
/// by the best strategy, which writes nothing.
fn next(run: CommandLine, decision: &Decision) -> String {
    let best = decision.ranking().best.first().map(|place| decision.league[*place].strategy);
    let strategy = best.map_or("auto", |best| best.name());
    run.with("strategy", strategy).with_switch("dry_run").to_string()
}

fn print_report(model: &Model<'_>, written: &[(&str, PathBuf)]) -> Result<(), CliError> {
    match &model.decision {
        Some(decision) => print_decision(decision)?,
        None => print(&format!("{}. {}", model.verdict.headline, model.verdict.times))?,
    }
    print(&model.verdict.guide)?;
    print_files(written)?;
    let next = model.evidence.provenance.next.as_deref();
    next.map_or(Ok(()), |next| print(&format!("next: {next}")))
}

/// The answer of the page, as a terminal shows it.
fn print_decision(model: &DecisionModel<'_>) -> Result<(), CliError> {
    print(&format!("{}. {}", model.headline, model.lede.join(" ")))?;
    for fact in &model.facts {
        print(&format!("  {} {} {}", fact.tone.mark(), fact.value, fact.label))?;
    }
    print(&model.limit)
}

fn print_files(written: &[(&str, PathBuf)]) -> Result<(), CliError> {
    for (name, path) in written {
        print(&format!("  {name:<8} {}", path.display()))?;
    }
    Ok(())
}

/// Says what is being done, on the live line and in the log.
fn tell(status: &LiveLine, what: &str) {
    status.step(what);
    tracing::info!(target: "neonbench::report", "{what}");
}

impl From<SuiteError> for CliError {
    fn from(error: SuiteError) -> Self {
        match error {
            SuiteError::Scenario(error) => Self::Scenario(error),
            SuiteError::Run(error) => Self::Run(error),
            SuiteError::Case(error) => Self::Case(error),
        }
    }
}
