//! `neonbench plan export --neon-import DIR`: a migration as CSV files for Neon's own importer.

use crate::cli::args::{CredentialArgs, OutputArgs, accounts};
use crate::cli::command_line::CommandLine;
use crate::cli::error::{CliError, code};
use crate::cli::files::{check_new_folder, write_new_folder};
use crate::cli::inputs::{dataset, readable_target};
use crate::cli::interrupt;
use crate::cli::output::{count, plural, print, unmapped_in_words};
use crate::cli::progress::LiveLine;
use crate::cli::report::made_at;
use crate::cli::terminal::{Emphasis, emphasised, escape_controls};
use clap::Args;
use neon_mock::api::AccountId;
use neonbench::neon_import::{
    Circumstances, ImportBuilder, ImportCost, ImportFigures, ImportFile, ImportSet, ImportTable,
    Separator,
};
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::{
    AccountReader, AccountView, Columns, EngineError, Settings, Stop, Strategy, UnreadAccounts,
};
use neonbench_engine::measure::Measure;
use neonbench_engine::plan::{Plan, ResolvedPlan, Selection, parse_ids};
use neonbench_engine::record::{CallCounts, UnmappedValues};
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::transport::Transport;
use neonbench_engine::world::{HttpTransport, InProcess, VirtualClock, WallClock, runtime};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `plan export --neon-import`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Neon import")]
pub(in crate::cli) struct NeonImportArgs {
    /// Write CSV files for Neon's Account Batch Update, and those that undo them, into this new folder; nothing is
    /// written to Neon
    #[arg(long, value_name = "DIR")]
    pub(super) neon_import: Option<PathBuf>,
    /// Character between several options in one cell
    #[arg(long, value_name = "|or,", default_value = "|", value_parser = separator, conflicts_with = "to")]
    separator: Separator,
    /// Most accounts per file [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "to")]
    most_rows: Option<u64>,
    /// Built-in dataset, or a TOML file [default: made for the plan]
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = ["base_url", "to"])]
    dataset: Option<String>,
    /// Number of accounts in the organisation [default: 100]
    #[arg(long, value_name = "N", value_parser = accounts, conflicts_with_all = ["base_url", "to"])]
    resources: Option<u64>,
    /// Accounts, instead of those of the plan, such as `1-9999,12001,@ids.txt`
    #[arg(long, value_name = "IDS", conflicts_with = "to")]
    resource_ids: Option<String>,
    /// Seed of the organisation
    #[arg(
        long,
        value_name = "K",
        default_value_t = 1,
        conflicts_with_all = ["base_url", "to"]
    )]
    seed: u64,
    /// Server, with its base path; field definitions and accounts are read, 200 accounts per search page
    #[arg(long, value_name = "URL", conflicts_with = "to")]
    base_url: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Print one JSON object
    #[arg(long, conflicts_with = "to")]
    json: bool,
}

fn separator(text: &str) -> Result<Separator, String> {
    Separator::from_name(text).ok_or_else(|| "expected | or ,".to_owned())
}

/// `plan export --neon-import --json`.
#[derive(Debug, Serialize)]
struct NeonImportRecord {
    schema: u32,
    plan: String,
    organisation: String,
    read_at: String,
    /// `None` where nothing is to be imported: no folder is made then.
    folder: Option<String>,
    #[serde(flatten)]
    figures: ImportFigures,
    files: Vec<ImportFileRow>,
    trial: Vec<AccountId>,
    #[serde(skip_serializing_if = "UnmappedValues::is_none")]
    unmapped_values: UnmappedValues,
    cost: ImportCost,
}

/// A pair of files.
#[derive(Debug, Serialize)]
struct ImportFileRow {
    import: String,
    undo: String,
    accounts: u64,
    columns: Vec<String>,
    /// True if every cell is blank on purpose.
    clears: bool,
}

impl From<&ImportFile> for ImportFileRow {
    fn from(file: &ImportFile) -> Self {
        let ImportFile { import, undo, table } = file;
        Self {
            import: import.clone(),
            undo: undo.clone(),
            accounts: table.accounts().len() as u64,
            columns: table.columns.iter().map(ToString::to_string).collect(),
            clears: table.clears,
        }
    }
}

/// The texts of the files, and what is said of them.
struct Made {
    /// Names and texts.
    texts: Vec<(String, String)>,
    figures: ImportFigures,
    files: Vec<ImportFileRow>,
    trial: Vec<AccountId>,
    unmapped: UnmappedValues,
    circumstances: Circumstances,
}

/// Reads the accounts, and writes their files into `folder`.
///
/// Errors: the plan does not fit the organisation, two of its fields cannot be told apart, the server does not
/// serve the search, or the folder is not new.
pub(super) fn export(
    file: &Path,
    plan: &Plan,
    folder: &Path,
    args: &NeonImportArgs,
    line: &CommandLine,
) -> Result<ExitCode, CliError> {
    check_new_folder(folder)?;
    let stop = interrupt::listen(line)?;
    let status = LiveLine::new(line, 1);
    status.step("reading the accounts");
    let made = match &args.base_url {
        Some(base_url) => of_server(plan, base_url, args, &stop)?,
        None => of_dataset(plan, args, &stop)?,
    };
    drop(status);
    let Made { texts, figures, files, trial, unmapped, circumstances } = made;
    let is_empty = files.is_empty();
    if !is_empty {
        write_new_folder(folder, &texts)?;
    }
    let Circumstances { organisation, read_at, calls } = circumstances;
    let record = NeonImportRecord {
        schema: 1,
        plan: file.display().to_string(),
        organisation,
        read_at,
        folder: (!is_empty).then(|| folder.display().to_string()),
        cost: ImportCost::new(calls, files.len() as u64),
        figures,
        files,
        trial,
        unmapped_values: unmapped,
    };
    OutputArgs { json: args.json }.show(&record, || print(&record.in_words()))?;
    let ImportFigures { failed, left_out, .. } = figures;
    Ok(ExitCode::from(match (is_empty, failed + left_out) {
        (_, 1..) => code::SOME_FAILED,
        (true, 0) => code::NOTHING_TO_DO,
        (false, 0) => 0,
    }))
}

fn of_server(
    plan: &Plan,
    base_url: &str,
    args: &NeonImportArgs,
    stop: &Stop,
) -> Result<Made, CliError> {
    let target = readable_target(base_url, &args.credentials)?;
    let transport = HttpTransport::new(target).map_err(RunError::Http)?;
    let selection = match &args.resource_ids {
        Some(ids) => Selection::Ids(parse_ids(ids)?),
        None => plan.selection.at_server(),
    };
    let (clock, source) = (WallClock::start(), (base_url.to_owned(), plan, &selection));
    let reading = made(&transport, &clock, source, args, stop);
    runtime().map_err(CliError::Runtime)?.block_on(reading)
}

/// The same calls, to the mock in this process.
fn of_dataset(plan: &Plan, args: &NeonImportArgs, stop: &Stop) -> Result<Made, CliError> {
    let scenario = Scenario::new(Workload {
        plan: Some(plan.clone()),
        dataset: args.dataset.as_deref().map(dataset).transpose()?,
        resources: args.resources,
        ids: args.resource_ids.as_deref().map(parse_ids).transpose()?,
        ..Workload::default()
    })?;
    let selection = Selection::Ids(scenario.selected(&scenario.organisation(args.seed)));
    let clock = VirtualClock::new();
    let transport = InProcess::new(scenario.neon(args.seed), clock.clone());
    let name = format!("dataset {}, seed {}", scenario.dataset_name, args.seed);
    let source = (name, &scenario.plan, &selection);
    clock.run(made(&transport, &clock, source, args, stop)).map_err(RunError::Stalled)?
}

/// Reads the accounts of a selection in the organisation of that name, and makes their files.
async fn made<T: Transport, C: Clock>(
    transport: &T,
    clock: &C,
    (organisation, plan, selection): (String, &Plan, &Selection),
    args: &NeonImportArgs,
    stop: &Stop,
) -> Result<Made, CliError> {
    let read_at = made_at();
    let mut measure = Measure::counting();
    let settings = Settings::new(Strategy::Pipelined);
    let reader = AccountReader::new(transport, clock, &mut measure, &settings, stop);
    let fields = reader.definitions().await.map_err(RunError::Engine)?;
    let task = ResolvedPlan::resolve(plan, &fields)
        .map_err(|error| RunError::Engine(EngineError::Plan(error)))?;
    let builder = ImportBuilder::new(&task, &fields, args.separator);
    let builder = RefCell::new(builder.map_err(|error| CliError::usage(error.to_string()))?);
    let slots: Vec<usize> = (0..task.slots.len()).collect();
    let columns = Columns::new(&task, &slots);
    let settle = |id, view: AccountView<'_>| {
        builder.borrow_mut().add(id, view.kind, &view.values);
        true
    };
    let unread = match selection {
        Selection::Filter(criteria) => {
            reader.matching(criteria, columns.as_ref(), &settle).await.map(|(_, unread)| unread)
        }
        Selection::Ids(ids) => {
            let ids: BTreeSet<AccountId> = ids.iter().copied().collect();
            let ids: Vec<AccountId> = ids.into_iter().collect();
            reader.each(&ids, columns.as_ref(), &settle).await
        }
        Selection::All => unreachable!("a server is searched, and a dataset lists its accounts"),
    };
    let UnreadAccounts { gone, failed, left_out } = unread.map_err(RunError::Engine)?;
    if left_out > 0 {
        return Err(RunError::Engine(EngineError::Stopped).into());
    }
    drop(reader);
    let mut builder = builder.into_inner();
    for (id, reason) in gone.into_iter().chain(failed) {
        builder.leave_out(id, format!("it could not be read: {reason}"));
    }
    let most = args.most_rows.map_or(usize::MAX, |most| most as usize);
    let set = builder.finish(most);
    let calls = CallCounts::of_client(&measure).total;
    let circumstances = Circumstances { organisation, read_at, calls };
    Ok(Made {
        texts: texts(&set, &circumstances),
        figures: set.figures,
        files: set.files.iter().map(ImportFileRow::from).collect(),
        trial: set.trial.as_ref().map(ImportTable::accounts).unwrap_or_default(),
        unmapped: UnmappedValues::of(&set.unmapped, false),
        circumstances,
    })
}

/// The names and texts of the files.
fn texts(set: &ImportSet<'_>, circumstances: &Circumstances) -> Vec<(String, String)> {
    let mut texts = vec![("README.txt".to_owned(), set.guide(circumstances))];
    for (import, undo, table) in set.pairs() {
        texts.push((import.to_owned(), table.import_csv()));
        texts.push((undo.to_owned(), table.undo_csv()));
    }
    if !set.left_out.is_empty() {
        texts.push(("left-out.csv".to_owned(), set.left_out_csv()));
    }
    texts
}

impl NeonImportRecord {
    fn in_words(&self) -> String {
        let ImportFigures { accounts, changed, unchanged, unmapped, skipped, failed, left_out } =
            self.figures;
        let mut lines = vec![format!(
            "{} of {}: {} to import, {} unchanged, {}{} skipped, {} failed, {} left out",
            plural(accounts, "account"),
            escape_controls(&self.organisation),
            count(changed),
            count(unchanged),
            if unmapped > 0 { format!("{} unmapped, ", count(unmapped)) } else { String::new() },
            count(skipped),
            count(failed),
            emphasised(
                if left_out > 0 { Emphasis::Bad } else { Emphasis::Strong },
                count(left_out)
            )
        )];
        let width = self.files.iter().map(|file| file.import.len()).max().unwrap_or_default();
        for ImportFileRow { import, accounts, columns, clears, .. } in &self.files {
            let clears = if *clears { ": cleared, every cell is blank" } else { "" };
            lines.push(format!(
                "  {import:width$}  {}, {}{clears}",
                plural(*accounts, "account"),
                escape_controls(&columns.join(", "))
            ));
        }
        let unmapped = unmapped_in_words(&self.unmapped_values).into_iter();
        lines.extend(unmapped.map(|text| format!("unmapped: {}", escape_controls(&text))));
        lines.push(self.cost.in_words());
        lines.push(match &self.folder {
            Some(folder) => format!(
                "written: {folder}; read {folder}/README.txt first, and import {folder}/trial.csv before all others"
            ),
            None => "nothing to import".to_owned(),
        });
        lines.join("\n")
    }
}
