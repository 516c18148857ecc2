//! `neonbench run`: one migration.

use super::args::{AuditArgs, JobArgs, JournalArgs, ValuesArgs};
use super::certificate::{CertificateArgs, CoveredRun};
use super::changes::ChangesArgs;
use super::command_line::CommandLine;
use super::control::{Controls, HoldArgs};
use super::error::{CliError, code};
use super::expected::Expected;
use super::files;
use super::findings;
use super::inputs::Inputs;
use super::interrupt;
use super::journaled::{self, JournaledRun};
use super::json_lines::JsonLines;
use super::live::{self, LiveArgs, LiveRun};
use super::output::{labelled, print, print_json, print_json_line, summary, verdict_in_words};
use super::owner::{OwnedRun, claimant, this_process};
use super::progress::LiveLine;
use super::show_config;
use clap::Args;
use neonbench::experiment::{Summary, forecast, replicated};
use neonbench::findings::RunFinding;
use neonbench::live::{RunFacts, Webhooks};
use neonbench::store::Store;
use neonbench_engine::engine::AuditDepth;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::event::Observer;
use neonbench_engine::journal::{Ledger, NO_SETTLEMENTS, RetryScope};
use neonbench_engine::plan::{Mapping, list_ids};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunContext, RunSpec, World};
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) job: JobArgs,
    /// Number of runs, under seeds K, K+1, …, for the range of the time
    #[arg(
        long,
        value_name = "R",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        help_heading = "Engine"
    )]
    pub(super) replicates: u32,
    /// Forecast the time by 100 simulations, and compare it afterwards
    #[arg(long, help_heading = "Engine")]
    pub(super) forecast: bool,
    /// Print one JSON object per event, one per line, and then the record
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub(super) json_lines: bool,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    certificate: CertificateArgs,
    #[command(flatten)]
    changes: ChangesArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    hold: HoldArgs,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    values: ValuesArgs,
}

pub(super) fn run(args: &RunArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let more = [args.forecast, args.certificate.is_demanded()].map(usize::from);
    let status = LiveLine::new(line, 3 + more.iter().sum::<usize>());
    status.step("choosing a strategy");
    let inputs = Inputs::read(&args.job.workload, &args.job.engine, &args.job.world)?;
    let mut order = inputs.order(&inputs.scenario, None)?;
    order.settings.audit = args.audit.depth(&inputs.world)?;
    if args.replicates > 1 {
        inputs.several_runs()?;
        for (flag, is_given) in [
            ("--journal", args.journal.journal),
            ("--changes", args.changes.changes.is_some()),
            ("--live", args.live.is_on()),
        ] {
            if is_given {
                let why = "works with one run, and not with --replicates";
                return Err(CliError::usage(format!("{flag} {why}")));
            }
        }
    }
    args.lists_changes(&order)?;
    if matches!(inputs.world, World::Virtual) {
        args.hold.refuse("in virtual time, where a run is over at once")?;
    }
    name_open_targets(&order, line)?;
    let covered = args.covered(&inputs, &order, (&status, line))?;
    if let Some(covered) = &covered {
        order.scenario = &covered.scenario;
        order.session.calls_before = order.session.calls_before.plus(covered.calls);
    }
    let forecast = args.forecast.then(|| {
        status.step("forecasting by 100 simulations");
        forecast(order.scenario, &order.settings)
    });
    let shown = args.live_run(&inputs, &order, line)?;
    // Until here nothing was written, and a signal ends the process as it ends any other.
    let stop = interrupt::listen(line)?;
    let controls = Controls::new(&args.hold, (&stop, &order.settings), line);
    let page = shown.as_ref().map(LiveRun::source);
    if let Some(page) = &page {
        page.stops_with(&stop);
    }
    status.step(order.settings.strategy.name());
    let afterwards = afterwards(&inputs.world, args.replicates);
    let mut observer = if matches!(inputs.world, World::Virtual) {
        status.observer(afterwards).shown_on(page)
    } else {
        status.forecast(afterwards, (order.scenario, &order.settings), page, true)
    };
    let mut lines = JsonLines::new(&mut observer, args.json_lines);
    let mut expected = Expected::new(forecast.transpose()?, line, &mut lines);
    let mut listed = Ok(());
    let (mut run, replicates) = if args.keeps_journal(&inputs, &order) {
        let run;
        let with = (&controls, shown.as_ref());
        (run, listed) = journaled(args, line, &inputs, &order, with, &mut expected)?;
        (run, Summary::default())
    } else {
        let control = controls.within(&inputs.world);
        let session = RunContext { stop: &stop, control, ..order.session };
        let order = RunSpec { session, ..order.clone() };
        let (mut run, entry) = replicated(&order, &inputs.world, args.replicates, &mut expected)?;
        run.record.next_command = next_command(args, line, &run)?;
        (run, entry.runs)
    };
    let compared = expected.compared(&run.record);
    lines.finish()?;
    drop(observer);
    status.step("looking for what held the run back");
    let stored = match run.record.run {
        Some(id) => Some(id),
        None => args.job.store.keep(&run, replicates.runs(), line),
    };
    if args.values.show_values {
        run.record.show_values(&run.measure);
    }
    let found = findings::advised(&order, &inputs.world, &run.record)?;
    drop(status);
    if args.json_lines {
        print_json_line(&RunOutput { record: &run.record, findings: &found })?;
    } else {
        if let Some(compared) = compared.filter(|_| !args.job.output.json) {
            print(&compared)?;
        }
        print_result(&run.record, &found, stored, args.job.output.json)?;
    }
    let exit_code = exit_code_of(&run.record);
    if let Some(shown) = shown {
        shown.end(verdict_in_words(&run.record, exit_code, stored), &stop, line);
    }
    listed?;
    Ok(ExitCode::from(exit_code))
}

/// The words for the audit of a remote server.
pub(super) const READING_BACK: &str = "reading them again, to check the run (Ctrl-C skips it)";

impl AuditArgs {
    /// The accounts to read again.
    ///
    /// Errors: fewer are asked for, and the mock is looked into instead.
    pub(super) fn depth(self, world: &World) -> Result<AuditDepth, CliError> {
        let is_remote = matches!(world, World::ForeignHttp(_));
        match self.audit.unwrap_or_default() {
            depth @ (AuditDepth::None | AuditDepth::Sample) if !is_remote => {
                Err(CliError::usage(format!(
                    "--audit {} is for a run with --base-url: the audit of the mock makes no calls",
                    depth.name()
                )))
            }
            depth => Ok(depth),
        }
    }
}

/// The work that is left when every account of a run has landed.
fn afterwards(world: &World, replicates: u32) -> &'static str {
    match world {
        World::ForeignHttp(_) => READING_BACK,
        World::EmbeddedHttp | World::Virtual if replicates > 1 => "running the other seeds",
        World::EmbeddedHttp | World::Virtual => "checking every account",
    }
}

/// Refuses to write by a plan of which a target is still to be named; a dry run only names it.
///
/// Errors: there is such a target, and the run writes.
fn name_open_targets(order: &RunSpec<'_>, line: &CommandLine) -> Result<(), CliError> {
    for mapping in order.scenario.plan.mappings.iter().filter(|mapping| mapping.is_open()) {
        let Mapping { place, source, target, .. } = mapping;
        let open = format!("{place}: target = `{target}`: name the field that `{source}` goes to");
        if !order.settings.dry_run {
            return Err(CliError::usage(format!("{open}, or try the plan with --dry-run")));
        }
        line.note(format_args!("warning: {open}"));
    }
    Ok(())
}

impl RunArgs {
    /// True if writes are journaled: by default over HTTP, for a run that writes.
    pub(super) fn keeps_journal(&self, inputs: &Inputs, order: &RunSpec<'_>) -> bool {
        let over_http = !matches!(inputs.world, World::Virtual);
        let by_default = over_http && !self.job.store.no_store && !order.settings.dry_run;
        let asked = self.journal.journal || self.changes.changes.is_some();
        asked || (by_default && !self.journal.no_journal && self.replicates == 1)
    }

    /// The page of the run, if one is asked for.
    ///
    /// Errors: it cannot be served.
    fn live_run(
        &self,
        inputs: &Inputs,
        order: &RunSpec<'_>,
        line: &CommandLine,
    ) -> Result<Option<LiveRun>, CliError> {
        if !self.live.is_on() {
            return self.live.start(RunFacts::default(), false, None, line);
        }
        let target = match &inputs.world {
            World::ForeignHttp(target) => Some(format!("{} ({})", target.base_url, target.org_id)),
            World::EmbeddedHttp => Some("a mock of this process".to_owned()),
            World::Virtual => None,
        };
        let profile = &order.scenario.profile;
        let facts = RunFacts {
            verb: "run".to_owned(),
            strategy: order.settings.strategy.name().to_owned(),
            scenario: order.scenario.name.clone(),
            target,
            settings: show_config::in_words(self, line)?,
            digests: vec![["profile".to_owned(), profile.digest().to_owned()]],
            is_dry: order.settings.dry_run,
            ..RunFacts::default()
        };
        let is_virtual = matches!(inputs.world, World::Virtual);
        // Each write of a run beside integrations sets off one delivery.
        let has_echo = matches!(order.settings.limiter, Limiter::Adaptive { echo: Some(_), .. })
            || profile.integration().is_some();
        let webhooks = has_echo.then_some(Webhooks { per_write: 1.0 });
        self.live.start(facts, is_virtual, webhooks, line)
    }

    /// Checks the certificate that is demanded, if one is.
    ///
    /// Errors: it does not cover the run.
    fn covered(
        &self,
        inputs: &Inputs,
        order: &RunSpec<'_>,
        (status, line): (&LiveLine, &CommandLine),
    ) -> Result<Option<CoveredRun>, CliError> {
        if self.certificate.is_demanded() {
            status.step("checking the certificate");
        }
        let is_journaled = !self.journal.no_journal && !self.job.store.no_store;
        self.certificate.cover(inputs, order, is_journaled, (&self.job.store, line))
    }

    /// Checks that a list of changes that is asked for can be made: it is read from the journal.
    ///
    /// Errors: there is nothing to list, or no journal.
    fn lists_changes(&self, order: &RunSpec<'_>) -> Result<(), CliError> {
        let why = match &self.changes.changes {
            Some(_) if order.settings.dry_run => "a dry run changes nothing",
            Some(_) if self.journal.no_journal => "the changes are read from the journal",
            Some(_) if self.job.store.no_store => "the changes are read from the store",
            _ => return self.changes.check(),
        };
        Err(CliError::usage(format!("--changes cannot be had: {why}")))
    }
}

/// Carries `order` out; each write is journaled before it is sent. The inner result is that of listing the
/// changes.
///
/// Errors: the store cannot be written, or the run could not go on.
fn journaled(
    args: &RunArgs,
    line: &CommandLine,
    inputs: &Inputs,
    order: &RunSpec<'_>,
    (controls, shown): (&Controls, Option<&LiveRun>),
    observer: &mut dyn Observer,
) -> Result<(Run, Result<(), CliError>), CliError> {
    let mut store = Store::open(&args.job.store.store)?;
    let process = this_process();
    let claimant = claimant("run", &process, args.journal.again);
    let lease = inputs.begin(&mut store, order, usize::MAX, claimant)?;
    let id = lease.run;
    let stop = controls.stop();
    let owned = OwnedRun::keep(lease, &args.job.store.store, stop);
    let is_virtual = matches!(inputs.world, World::Virtual);
    let _socket = (!is_virtual).then(|| controls.listen(&args.job.store.store, id));
    let stays = matches!(inputs.world, World::ForeignHttp(_));
    if let Some(shown) = shown {
        controls.shown_at(shown.url());
        shown.source().know(|facts| live::know_run(facts, id, stays, line));
    }
    let begun = JournaledRun {
        store: &mut store,
        owned: &owned,
        ledger: Ledger::EMPTY,
        again: RetryScope::Neither,
        settlements: NO_SETTLEMENTS,
        stop,
        control: controls.within(&inputs.world),
        resume: stays.then(|| line.to("resume").with("run", id).to_string()),
        earlier: None,
        lost: 0,
        keeps_record: true,
    };
    let run = begun.carry_out(order, &inputs.world, observer, |run| {
        if stays && !run.record.dry_run {
            Ok(journaled::next_command(&run.record, &line.to("resume").with("run", id)))
        } else {
            next_command(args, line, run)
        }
    })?;
    let listed = args.changes.write(&store, id, &run.fields, line);
    Ok((run, listed))
}

/// The object of `run --json`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct RunOutput<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    findings: &'a [RunFinding],
}

/// Prints the result of a run.
pub(super) fn print_result(
    record: &RunRecord,
    findings: &[RunFinding],
    stored: Option<i64>,
    json: bool,
) -> Result<(), CliError> {
    if json {
        return print_json(&RunOutput { record, findings });
    }
    print(&summary(record))?;
    for finding in findings {
        print(&findings::in_words(finding))?;
    }
    if let Some(id) = stored {
        print(&labelled("saved", format_args!("as run {id}")))?;
    }
    print(&format!("next: {}", record.next_command))
}

/// The exit code of a run that was made.
pub(super) fn exit_code_of(record: &RunRecord) -> u8 {
    if record.stopped {
        code::INTERRUPTED
    } else if !record.audit.faults.is_empty() {
        code::AUDIT_MISMATCH
    } else if record.records.failed > 0 {
        code::SOME_FAILED
    } else if record.audit.unreadable > 0 {
        code::INCONCLUSIVE
    } else if record.resources == 0 {
        code::NOTHING_TO_DO
    } else {
        0
    }
}

/// Letters of a list of accounts that a command still shows; a longer one goes into a file.
const MOST_LETTERS: usize = 1_000;

/// The accounts that failed, as `--resource-ids` takes them: all of them, in a file beside the store if they
/// are many.
///
/// Errors: the file cannot be written.
fn failed_ids(args: &RunArgs, run: &Run) -> Result<String, CliError> {
    let mut failed = run.measure.failed().to_vec();
    failed.sort_unstable();
    let listed = list_ids(&failed);
    if listed.len() <= MOST_LETTERS || args.job.store.no_store {
        return Ok(listed);
    }
    let (first, last) = (failed[0], failed[failed.len() - 1]);
    let name = format!("failed-{}-of-{first}-to-{last}-seed-{}.txt", failed.len(), run.record.seed);
    let file = args.job.store.store.with_file_name(name);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_folder(folder)?;
    }
    files::write(&file, &listed.replace(',', "\n"))?;
    Ok(format!("@{}", file.display()))
}

/// Flags that speak of all accounts, and not of those that failed.
const OF_THE_WHOLE: [&str; 4] = ["sample", "require_preflight", "signatures", "signed_by"];

/// The command worth running after this one.
///
/// Errors: the list of the failed accounts cannot be written.
fn next_command(args: &RunArgs, line: &CommandLine, run: &Run) -> Result<String, CliError> {
    let record = &run.record;
    if record.stopped {
        return Ok(line.to_string());
    }
    if record.records.failed > 0 && !run.measure.failed().is_empty() {
        let ids = failed_ids(args, run)?;
        return Ok(line.clone().without(&OF_THE_WHOLE).with("resource_ids", ids).to_string());
    }
    if record.dry_run {
        return Ok(line.clone().without(&["dry_run"]).to_string());
    }
    let benchmark = line.to("benchmark").without(&["strategy"]);
    Ok(match args.job.world.base_url {
        // Several runs on one server are made without writing.
        Some(_) => benchmark.with_switch("dry_run").to_string(),
        None => benchmark.to_string(),
    })
}
