//! `neonbench preflight`: the checks before a migration, each run and kept as evidence.

mod host;
mod report;

use super::args::{EngineArgs, OutputArgs, StoreArgs, WorkloadArgs, WorldArgs};
use super::certificate::{self, CertifiableRun};
use super::command_line::CommandLine;
use super::error::{CliError, code, in_words};
use super::files;
use super::inputs::{Inputs, readable_target, writable_target};
use super::interrupt;
use super::output::print;
use super::stored::now_unix_s;
use clap::Args;
use host::{CommandHost, unpinned};
use neon_mock::NeonMock;
use neonbench::preflight::certificate::{ItemWaiver, issue};
use neonbench::preflight::{
    CallAllowance, CallBudget, Item, ItemResult, ItemStatus, Preflight, PreflightFindings,
    SampleCost, SamplePlace, TargetReader,
};
use neonbench::store::DEFAULT_PATH;
use neonbench_engine::engine::{Stop, Strategy};
use neonbench_engine::near::nearest;
use neonbench_engine::plan::Selection;
use neonbench_engine::run::{World, target_of};
use neonbench_engine::world::runtime;
pub(super) use report::PreflightRecord;
use report::{IssuedCertificate, print_item};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Accounts of the sample by default. Source: the guide, "10 to 20".
const SAMPLE: u64 = 20;

/// The largest sample.
const MOST_SAMPLE: u64 = 200;

/// Flags of `preflight`.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(super) struct PreflightArgs {
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    world: WorldArgs,
    /// List the items, and run none
    #[arg(long, help_heading = "Preflight")]
    list: bool,
    /// Run these items alone
    #[arg(long, value_name = "ITEM,…", value_delimiter = ',', help_heading = "Preflight")]
    only: Vec<String>,
    /// Waive what an item finds, for the reason given; may be repeated
    #[arg(long, value_name = "ITEM=REASON", value_parser = waiver, help_heading = "Preflight")]
    waive: Vec<(String, String)>,
    /// Count warnings as failures
    #[arg(long, help_heading = "Preflight")]
    strict: bool,
    /// People who were told about the migration
    #[arg(long, value_name = "WHO", help_heading = "Preflight")]
    told: Option<String>,
    /// End of the window for the migration, in UTC, such as 2026-11-29T06:00
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Preflight")]
    until: Option<i64>,
    /// The migration will keep no journal
    #[arg(long, help_heading = "Preflight")]
    no_journal: bool,
    /// Write the sample even where a run of this store has changed the same fields
    #[arg(long, help_heading = "Preflight")]
    again: bool,
    /// Write the certificate to this file, and the snapshot and the notice beside it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "list"], help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Name and reason of a waiver.
fn waiver(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(name, reason)| (name.trim(), reason.trim()));
    let (name, reason) =
        parts.ok_or("expected ITEM=REASON, such as quiet='the office is closed'")?;
    if reason.is_empty() {
        return Err("a waiver needs its reason, such as quiet='the office is closed'".to_owned());
    }
    known(name)?;
    Ok((name.to_owned(), reason.to_owned()))
}

/// The item of that name.
fn known(name: &str) -> Result<&'static Item, String> {
    let names = || Item::ALL.iter().map(|item| item.name);
    Item::named(name).ok_or_else(|| {
        let near = nearest(name, names()).first().map(|near| format!("; did you mean `{near}`?"));
        let known = names().collect::<Vec<_>>().join(", ");
        format!("there is no item `{name}`{}; the items are {known}", near.unwrap_or_default())
    })
}

/// A moment in seconds since 1970, UTC.
fn moment(text: &str) -> Result<i64, String> {
    let whole = OffsetDateTime::parse(text, &Rfc3339).map(OffsetDateTime::unix_timestamp);
    let seconds =
        if text.matches(':').count() == 1 { format!("{text}:00Z") } else { format!("{text}Z") };
    let in_utc = || OffsetDateTime::parse(&seconds, &Rfc3339).map(OffsetDateTime::unix_timestamp);
    whole.or_else(|_| in_utc()).map_err(|_| "expected a time such as 2026-11-29T06:00".to_owned())
}

pub(super) fn run(args: &PreflightArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let chosen = args.chosen()?;
    if args.list {
        return report::list(&chosen, args.output);
    }
    let sample = args.sample()?;
    if let Some(folder) = args.out.as_ref().and_then(|out| out.parent()) {
        files::create_folder(folder)?;
    }
    files::check(args.out.as_deref())?;
    let inputs = args.inputs(&args.engine)?;
    let unpinned = args.unpinned()?;
    // Patient: a write of the sample that is given up may be carried out after the sample was taken back.
    let doing = "waiting for calls in flight, and taking back the sample";
    let stop = interrupt::listen_and(line, Stop::patient(), doing, || {})?;
    let host = CommandHost {
        inputs: &inputs,
        unpinned: &unpinned,
        store: &args.store,
        line,
        may_overlap: args.again,
        stop: &stop,
        begun: Cell::new(None),
        calls: Cell::new(CallAllowance::default()),
        has_unanswered: Cell::new(false),
        is_used_up: Cell::new(false),
    };
    let (place, may_write, own) = args.place(&inputs)?;
    let accounts = args.accounts(&inputs);
    // Without a store, a server is not written: the sample could not be taken back.
    let is_kept = !args.store.no_store || args.world.base_url.is_none();
    let written = if may_write && is_kept && chosen.iter().any(|item| item.writes()) {
        accounts.map_or(sample, |accounts| sample.min(accounts))
    } else {
        0
    };
    let cost = SampleCost::of(
        inputs.strategy(),
        &inputs.settings(Strategy::Standard)?,
        inputs.scenario.mappings(),
    );
    let budget = CallBudget::new(&chosen, accounts, written, cost);
    let reader = TargetReader::new(&place.target, budget.own)
        .map_err(|error| CliError::Target(error.to_string()))?;
    let goal = inputs.goal();
    let folder = args.folder();
    let mut subject = Preflight {
        plan: &inputs.scenario.plan,
        goal: &goal,
        host: &host,
        place,
        may_write,
        profile_is_named: own.is_some() || inputs.names_profile(),
        sample,
        sample_cost: cost,
        store: (!args.store.no_store).then_some(&*args.store.store),
        keeps_journal: !args.no_journal,
        folder: &folder,
        told: args.told.as_deref(),
        until_unix_s: args.until,
        now_unix_s: now_unix_s(),
        stop: &stop,
        reader,
        found: PreflightFindings::default(),
    };
    let mut record = PreflightRecord::new(args, &subject, &budget);
    if args.output.json {
        line.note(record.budget_in_words());
    } else {
        print(&record.head())?;
    }
    for item in Item::in_order(&chosen, accounts.is_some()) {
        let result = args.waived(item.run(&mut subject));
        if !args.output.json {
            print_item(&result, line.verbosity.is_verbose)?;
        }
        record.results.push(result);
    }
    record.end(&subject, host.calls.get(), args.strict);
    record.certificate = args.certify(&inputs, &subject, &record, line)?;
    record.next_command = args.next(&record, line).to_string();
    args.output.show(&record, || record.print_end())?;
    if let Some(id) = host.begun.get() {
        let undo = line.to("undo").with("run", id);
        line.note(format_args!("the sample was not taken back: `{undo}` takes it back"));
    }
    if stop.is_set() && !host.is_used_up.get() {
        return Ok(ExitCode::from(code::INTERRUPTED));
    }
    Ok(ExitCode::from(record.exit_code(subject.reader.lost().is_some())))
}

impl PreflightArgs {
    /// The items that are asked for.
    fn chosen(&self) -> Result<Vec<&'static Item>, CliError> {
        if self.only.is_empty() {
            return Ok(Item::ALL.iter().collect());
        }
        let named = |name: &String| {
            known(name).map_err(|error| CliError::usage(format!("--only: {error}")))
        };
        self.only.iter().map(named).collect()
    }

    fn sample(&self) -> Result<u64, CliError> {
        match self.workload.sample.unwrap_or(SAMPLE) {
            sample @ 1..=MOST_SAMPLE => Ok(sample),
            sample => {
                Err(CliError::usage(format!("--sample {sample}: from 1 to {MOST_SAMPLE} accounts")))
            }
        }
    }

    /// The inputs, with `engine`. The server is only read by them: the sample asks for leave by itself.
    fn inputs(&self, engine: &EngineArgs) -> Result<Inputs, CliError> {
        if self.workload.plan.is_none() && self.workload.scenario.is_none() && !self.has_size() {
            return Err(CliError::usage("a preflight needs the plan: add --plan"));
        }
        let workload = WorkloadArgs { sample: None, ..self.workload.clone() };
        let reads = EngineArgs { dry_run: true, ..engine.clone() };
        let mut inputs = Inputs::read(&workload, &reads, &self.world)?;
        inputs.engine.dry_run = engine.dry_run || inputs.scenario.plan.hints.dry_run == Some(true);
        let is_foreign = matches!(inputs.world, World::ForeignHttp(_));
        if is_foreign && !matches!(inputs.scenario.plan.selection, Selection::Ids(_)) {
            // The accounts are read at the server; a choice does not count them again.
            inputs.scenario = inputs.scenario.of_size(1);
        }
        Ok(inputs)
    }

    /// The inputs without the settings that flags and plan ask for.
    fn unpinned(&self) -> Result<Inputs, CliError> {
        let mut inputs = self.inputs(&unpinned(&self.engine))?;
        inputs.scenario.plan.hints.batch_size = None;
        inputs.scenario.plan.hints.max_workers = None;
        Ok(inputs)
    }

    /// True if the workload without a plan is asked for.
    const fn has_size(&self) -> bool {
        self.workload.resources.is_some() || self.workload.mappings.is_some()
    }

    /// The number of accounts, as far as it is known without a call.
    fn accounts(&self, inputs: &Inputs) -> Option<u64> {
        match &inputs.scenario.plan.selection {
            Selection::Ids(ids) => Some(ids.len() as u64),
            _ if self.world.base_url.is_some() => None,
            _ => Some(inputs.scenario.accounts()),
        }
    }

    /// The target, whether the sample may be written there, and the mock that is the target where there is no
    /// server.
    fn place(&self, inputs: &Inputs) -> Result<(SamplePlace, bool, Option<OwnMock>), CliError> {
        let Some(base_url) = &self.world.base_url else {
            let neon = inputs.scenario.neon(inputs.seed());
            let starting = NeonMock::builder().neon(neon).try_start();
            let mock = runtime().map_err(CliError::Runtime)?.block_on(starting);
            let mock = mock.map_err(|error| CliError::Target(error.to_string()))?;
            let folder = tempfile::tempdir().map_err(CliError::Runtime)?;
            let store = folder.path().join("store.sqlite");
            let place =
                SamplePlace { target: target_of(&mock), store, is_target: true, stays: false };
            return Ok((
                place,
                !inputs.engine.dry_run,
                Some(OwnMock { _mock: mock, _folder: folder }),
            ));
        };
        let access = &self.world.access;
        let may_write = !inputs.engine.dry_run;
        let target = match access.allow_writes_to {
            Some(_) => writable_target(base_url, access, may_write)?,
            None => readable_target(base_url, &access.credentials)?,
        };
        // Without leave, only the mock on this machine is written to.
        let may_write = may_write
            && (access.allow_writes_to.is_some() || target.is_writable(None).unwrap_or(false));
        let store = self.store.store.clone();
        Ok((SamplePlace { target, store, is_target: true, stays: true }, may_write, None))
    }

    /// Folder of the snapshot and the notice: that of the results, else one beside the store.
    fn folder(&self) -> PathBuf {
        let beside = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        match &self.out {
            Some(out) => beside(out),
            None if self.store.no_store => beside(Path::new(DEFAULT_PATH)).join("preflight"),
            None => beside(&self.store.store).join("preflight"),
        }
    }

    /// `result`, accepted where a person has said so.
    fn waived(&self, result: ItemResult) -> ItemResult {
        let holds = matches!(result.status, ItemStatus::Pass | ItemStatus::Skipped);
        let waiver = self.waive.iter().find(|(name, _)| *name == result.name && !holds);
        let Some((_, reason)) = waiver else { return result };
        let summary = format!("{} (waived: {reason})", result.summary);
        ItemResult { status: ItemStatus::Waived, summary, ..result }
    }

    /// The run, if nothing is in its way; else the preflight again, once that is mended.
    fn next(&self, record: &PreflightRecord, line: &CommandLine) -> CommandLine {
        let whole = line.to("preflight").without(&["only"]);
        if record.certificate.is_none() || !record.ready {
            return whole;
        }
        let run = line.to("run").without(&["sample", "out"]);
        match &self.out {
            Some(out) => run.with("require_preflight", out.display()),
            None => run.with_switch("require_preflight"),
        }
    }

    /// Issues the certificate of the results, if every item was run and the target told its fields and accounts.
    fn certify(
        &self,
        inputs: &Inputs,
        subject: &Preflight<'_>,
        record: &PreflightRecord,
        line: &CommandLine,
    ) -> Result<Option<IssuedCertificate>, CliError> {
        let PreflightFindings { definitions, snapshot, migration, .. } = &subject.found;
        let (Some(fields), Some(snapshot), Some(migration)) = (definitions, snapshot, migration)
        else {
            return Ok(None);
        };
        if !self.only.is_empty() || subject.stop.is_set() {
            return Ok(None);
        }
        let is_journaled = subject.keeps_journal && subject.store.is_some();
        let found = snapshot.accounts.iter().map(|account| account.id).collect();
        let settings = &migration.settings;
        let run = CertifiableRun::of(inputs, settings, is_journaled, (fields, found))?;
        let waivers = self.waive.iter().filter(|(name, _)| {
            record.results.iter().any(|it| it.name == *name && it.status == ItemStatus::Waived)
        });
        let waivers = waivers
            .map(|(item, reason)| ItemWaiver { item: item.clone(), reason: reason.clone() })
            .collect();
        let statement = issue(run.scope, record.results.clone(), waivers, now_unix_s());
        let expires_unix_s = statement.predicate.expires;
        // A store that takes nothing is the item `journal`'s to say.
        let written = certificate::write(&statement, self.out.as_deref(), &self.store);
        let said = |error: &CliError| {
            line.note(format_args!("warning: the certificate is not kept: {}", in_words(error)));
        };
        let name = written.inspect_err(said).ok();
        Ok(name.map(|name| IssuedCertificate { name, expires_unix_s }))
    }
}

/// A mock that is the target, and the store of what is written to it.
struct OwnMock {
    _mock: NeonMock,
    _folder: TempDir,
}
