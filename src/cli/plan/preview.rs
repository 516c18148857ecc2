//! `neonbench plan preview`: what a plan would change, field by field.

use super::definitions::fields_of;
use crate::cli::args::{CredentialArgs, OutputArgs, accounts};
use crate::cli::command_line::CommandLine;
use crate::cli::error::CliError;
use crate::cli::inputs::{dataset, plan_file, readable_target};
use crate::cli::output::{plural, print, unmapped_in_words};
use crate::cli::progress::LiveLine;
use crate::cli::selection::selected_at;
use crate::cli::terminal::{Emphasis, emphasised, escape_controls};
use clap::Args;
use neon_mock::api::{Account, AccountId, AccountKind, CustomFieldItem, FieldId, Value};
use neonbench_engine::decide::{AccountDecision, SlotValues, apply, state_of_values};
use neonbench_engine::engine::{EngineError, Settings, Stop, Strategy, read_accounts};
use neonbench_engine::event::Event;
use neonbench_engine::event::UnmappedValue;
use neonbench_engine::measure::UnmappedCounts;
use neonbench_engine::plan::{Plan, ResolvedField, ResolvedPlan, Selection, parse_ids};
use neonbench_engine::record::UnmappedValues;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::{Scenario, Workload};
use neonbench_engine::world::runtime;
use neonbench_engine::world::{HttpTransport, WallClock};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `plan preview`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PreviewArgs {
    /// Plan file, in TOML or JSON
    file: PathBuf,
    /// Preview the first N accounts of the plan
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    sample: u64,
    /// Built-in dataset, or a TOML file [default: made for the plan]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "base_url")]
    dataset: Option<String>,
    /// Number of accounts in the organisation [default: 100]
    #[arg(long, value_name = "N", value_parser = accounts, conflicts_with = "base_url")]
    resources: Option<u64>,
    /// Accounts, instead of those of the plan, such as `1-9999,12001,@ids.txt`
    #[arg(long, value_name = "IDS")]
    resource_ids: Option<String>,
    /// Seed of the organisation
    #[arg(long, value_name = "K", default_value_t = 1)]
    seed: u64,
    /// Server, with its base path; only field definitions and the sample are read
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Show field values, which may be personal data
    #[arg(long)]
    show_values: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// `plan preview --json`.
#[derive(Debug, Serialize)]
struct Preview {
    schema: u32,
    plan: String,
    organisation: String,
    values_shown: bool,
    accounts: Vec<Previewed>,
    #[serde(skip_serializing_if = "UnmappedValues::is_none")]
    unmapped: UnmappedValues,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<AccountId>,
}

/// The plan's outcome for one account.
#[derive(Debug, Serialize)]
struct Previewed {
    account: AccountId,
    outcome: &'static str,
    changes: Vec<PreviewedChange>,
    problems: Vec<String>,
    #[serde(skip)]
    unmapped: Vec<UnmappedValue>,
}

/// A field that changes. Hidden values say only how much there is.
#[derive(Debug, Serialize)]
struct PreviewedChange {
    field: String,
    before: String,
    after: String,
}

pub(super) fn run(args: &PreviewArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let plan = plan_file(&args.file)?;
    let status = LiveLine::new(line, 1);
    status.step(format!("reading {}", plural(args.sample, "account")));
    let preview = match &args.base_url {
        Some(base_url) => of_server(args, &plan, base_url)?,
        None => of_dataset(args, plan)?,
    };
    drop(status);
    OutputArgs { json: args.json }.show(&preview, || print(&text(&preview)))?;
    Ok(ExitCode::SUCCESS)
}

fn of_dataset(args: &PreviewArgs, plan: Plan) -> Result<Preview, CliError> {
    let workload = Workload {
        plan: Some(plan),
        dataset: args.dataset.as_deref().map(dataset).transpose()?,
        resources: args.resources,
        ids: args.resource_ids.as_deref().map(parse_ids).transpose()?,
        ..Workload::default()
    };
    let scenario = Scenario::new(workload)?;
    let organisation = scenario.organisation(args.seed);
    let task = resolve(&scenario.plan, organisation.definitions())?;
    let ids = scenario.selected(&organisation);
    let previewed = ids.into_iter().take(args.sample as usize).filter_map(|id| {
        let kind = organisation.account(id)?.kind;
        let before = state_of_values(&organisation.values(id), &task);
        Some(previewed_account(id, kind, &before, &task, true))
    });
    let accounts: Vec<Previewed> = previewed.collect();
    Ok(Preview {
        schema: 1,
        plan: args.file.display().to_string(),
        organisation: format!("dataset {}, seed {}", scenario.dataset_name, args.seed),
        values_shown: true,
        unmapped: unmapped_values(&accounts, true),
        accounts,
        unreadable: Vec::new(),
    })
}

fn of_server(args: &PreviewArgs, plan: &Plan, base_url: &str) -> Result<Preview, CliError> {
    let target = readable_target(base_url, &args.credentials)?;
    let selection = match &args.resource_ids {
        Some(ids) => Selection::Ids(parse_ids(ids)?),
        None => plan.selection.clone(),
    };
    let ids =
        selected_at(&target, &selection, Some(args.sample), Stop::NEVER, &mut |_: &Event| {})?;
    let transport = HttpTransport::new(target).map_err(RunError::Http)?;
    let (task, accounts) = runtime().map_err(CliError::Runtime)?.block_on(async {
        let task = resolve(plan, &fields_of(&transport).await?)?;
        let (clock, settings) = (WallClock::start(), Settings::new(Strategy::Standard));
        let accounts = read_accounts(&transport, &clock, &settings, &ids).await;
        Ok::<_, CliError>((task, accounts.map_err(RunError::Engine)?))
    })?;
    let unreadable = ids.into_iter().filter(|id| accounts.iter().all(|(read, _)| read != id));
    let unreadable = unreadable.collect();
    let previewed = accounts.iter().map(|(id, account)| {
        let before = state_of_values(&values(account), &task);
        previewed_account(*id, account.kind, &before, &task, args.show_values)
    });
    let accounts: Vec<Previewed> = previewed.collect();
    Ok(Preview {
        schema: 1,
        plan: args.file.display().to_string(),
        organisation: base_url.to_owned(),
        values_shown: args.show_values,
        unmapped: unmapped_values(&accounts, args.show_values),
        unreadable,
        accounts,
    })
}

fn resolve(plan: &Plan, fields: &[neon_mock::api::CustomField]) -> Result<ResolvedPlan, CliError> {
    ResolvedPlan::resolve(plan, fields)
        .map_err(|error| RunError::Engine(EngineError::Plan(error)).into())
}

fn values(account: &Account) -> Vec<(FieldId, Value)> {
    let items = account.body.account_custom_fields.iter().flatten();
    items.filter_map(|item: &CustomFieldItem| Some((item.id?, item.held()?))).collect()
}

/// The plan applied to an account that holds `before`.
fn previewed_account(
    account: AccountId,
    kind: AccountKind,
    before: &SlotValues,
    task: &ResolvedPlan,
    shown: bool,
) -> Previewed {
    let (mut after, mut decision) = (before.clone(), AccountDecision::default());
    apply(&mut after, kind, task, &task.steps, &mut decision);
    let fields = task.slots.iter().zip(before.iter().zip(&after));
    let changes: Vec<PreviewedChange> = fields
        .filter(|(_, (before, after))| before != after)
        .map(|(slot, (before, after))| PreviewedChange {
            field: slot.name.to_string(),
            before: value(slot, before.as_ref(), shown),
            after: value(slot, after.as_ref(), shown),
        })
        .collect();
    let outcome = match (&decision.problems[..], decision.applicable, changes.is_empty()) {
        ([_, ..], _, _) => "failed",
        ([], false, _) => "skipped",
        ([], true, true) if !decision.unmapped.is_empty() => "unmapped",
        ([], true, true) => "unchanged",
        ([], true, false) => "migrated",
    };
    // A problem may name the value that found no option.
    let problems =
        decision.problems.iter().map(|it| if shown { it.to_string() } else { it.in_words() });
    let problems = problems.collect();
    Previewed { account, outcome, changes, problems, unmapped: decision.unmapped }
}

/// The values of `accounts` for which a map has no entry; with `all`, also what one account alone has.
fn unmapped_values(accounts: &[Previewed], all: bool) -> UnmappedValues {
    let mut counts = UnmappedCounts::default();
    for account in accounts {
        account.unmapped.iter().for_each(|value| counts.add(value));
        counts.end_account();
    }
    UnmappedValues::of(&counts, all)
}

/// A value as people read it; hidden, what kind it is and how long.
fn value(slot: &ResolvedField, value: Option<&Value>, shown: bool) -> String {
    match value {
        None => "(empty)".to_owned(),
        Some(Value::Text(text)) if !shown => {
            format!("(text, {})", plural(text.chars().count() as u64, "character"))
        }
        Some(Value::Options(ids)) if !shown => format!("({})", plural(ids.len() as u64, "option")),
        Some(Value::Text(text)) => format!("{text:?}"),
        Some(Value::Options(ids)) => {
            let name = |id| slot.option_name(id).unwrap_or("(unknown option)");
            ids.iter().map(|&id| name(id)).collect::<Vec<_>>().join(" | ")
        }
    }
}

fn text(preview: &Preview) -> String {
    let mut lines = Vec::new();
    for Previewed { account, outcome, changes, problems, unmapped } in &preview.accounts {
        let emphasis = if *outcome == "failed" { Emphasis::Bad } else { Emphasis::Strong };
        lines.push(format!("account {account}: {}", emphasised(emphasis, outcome)));
        for PreviewedChange { field, before, after } in changes {
            lines.push(format!("  {field}: {before} -> {after}"));
        }
        lines.extend(problems.iter().map(|problem| format!("  problem: {problem}")));
        for UnmappedValue { source, target, text, is_option } in unmapped {
            let text = if preview.values_shown || *is_option { text } else { "(text)" };
            lines.push(format!("  unmapped: {source} -> {target}: no entry for {text}"));
        }
    }
    lines.extend(preview.unreadable.iter().map(|id| format!("account {id}: cannot be read")));
    let count = |wanted| preview.accounts.iter().filter(|it| it.outcome == wanted).count();
    let unmapped = unmapped_in_words(&preview.unmapped).into_iter();
    lines.extend(unmapped.map(|text| format!("unmapped: {}", escape_controls(&text))));
    lines.push(format!(
        "{} of {}: {} would be migrated, {} unchanged, {}{} skipped, {} failed",
        plural(preview.accounts.len() as u64, "account"),
        preview.organisation,
        count("migrated"),
        count("unchanged"),
        match count("unmapped") {
            0 => String::new(),
            unmapped => format!("{unmapped} unmapped, "),
        },
        count("skipped"),
        count("failed")
    ));
    if !preview.values_shown {
        lines.push("values are hidden (--show-values)".to_owned());
    }
    lines.join("\n")
}
