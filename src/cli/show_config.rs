//! `neonbench show-config`: the configuration that `run` would have, and the origin of each value.

use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::Inputs;
use super::output::{print, print_json, print_json_line, table};
use super::progress::LiveLine;
use super::run::RunArgs;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::plan::Selection;
use neonbench_engine::run::World;
use serde::Serialize;
use serde_json::{Value, json};
use std::any::TypeId;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// `show-config --json`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct ConfigRecord {
    schema: u32,
    /// In the order of the flags' definition.
    settings: Vec<ConfigSetting>,
}

/// One value in force.
#[derive(Serialize, schemars::JsonSchema)]
struct ConfigSetting {
    /// The flag's name, without its dashes.
    name: String,
    /// Null where there is none.
    value: Value,
    origin: Origin,
    /// The flag, variable or file that gave it; null for defaults.
    from: Option<String>,
}

/// The source of a value. Of two sources, the later one here wins.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// The program's own.
    Default,
    /// `auto` chose it.
    Selector,
    /// The plan, or a hint in it.
    Plan,
    /// The scenario file.
    Scenario,
    Environment,
    Flag,
}

type ResolvedSettings = BTreeMap<&'static str, (Value, Origin)>;

/// Arguments that are no settings of a run: they say how its result is shown.
const NO_SETTINGS: [&str; 8] =
    ["json", "json_lines", "show_values", "verbose", "live", "open", "live_address", "live_linger"];

/// Prints the configuration that `run` would have with the same flags; runs and writes nothing.
pub(super) fn run(args: &RunArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let status = LiveLine::new(line, 1);
    status.step("choosing a strategy");
    let record = ConfigRecord { schema: 1, settings: settings(args, line)? };
    drop(status);
    if args.job.output.json {
        print_json(&record)?;
    } else if args.json_lines {
        print_json_line(&record)?;
    } else {
        print_settings(&record.settings)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Settings that a live page shows although they are defaults.
const SHOWN: [&str; 7] =
    ["strategy", "workers", "batch-size", "limiter", "reads", "guard", "profile"];

/// The settings of a run that somebody or something chose, and the most important of the others: name, value, origin.
///
/// Errors: as those of `run`.
pub(super) fn in_words(args: &RunArgs, line: &CommandLine) -> Result<Vec<[String; 3]>, CliError> {
    let is_shown = |it: &ConfigSetting| {
        !it.value.is_null() && (it.origin != Origin::Default || SHOWN.contains(&it.name.as_str()))
    };
    let settings = settings(args, line)?;
    let rows = settings.iter().filter(|it| is_shown(it)).map(row);
    Ok(rows
        .map(|[name, value, origin, from]| {
            let origin = if from.is_empty() { origin } else { from };
            [name, value, origin]
        })
        .collect())
}

fn row(ConfigSetting { name, value, origin, from }: &ConfigSetting) -> [String; 4] {
    let cell = |value: &Value| match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(is_on) => (if *is_on { "yes" } else { "no" }).to_owned(),
        other => other.to_string(),
    };
    let origin = if *origin == Origin::Scenario { json!("scenario file") } else { json!(origin) };
    [name.clone(), cell(value), cell(&origin), from.clone().unwrap_or_default()]
}

fn print_settings(settings: &[ConfigSetting]) -> Result<(), CliError> {
    let rows = settings.iter().map(|setting| Vec::from(row(setting)));
    print(&table("setting | value | origin | ?from", rows))
}

/// Every argument of `run` as a setting, in the order of their definition.
fn settings(args: &RunArgs, line: &CommandLine) -> Result<Vec<ConfigSetting>, CliError> {
    let inputs = Inputs::to_show(&args.job.workload, &args.job.engine, &args.job.world)?;
    let mut resolved = resolved(args, &inputs)?;
    let arguments: Vec<&Arg> = line.verb.get_arguments().chain(line.root.get_arguments()).collect();
    let find = |id: &str| arguments.iter().copied().find(|argument| argument.get_id() == id);
    let source_of = |id: &str| source(find(id)?, find(&format!("no_{id}")), &line.matches);
    let mut settings = Vec::new();
    for argument in &arguments {
        let id = argument.get_id().as_str();
        let is_negative = id.strip_prefix("no_").is_some_and(|positive| find(positive).is_some());
        let Some(long) = argument.get_long().filter(|_| !is_negative && !NO_SETTINGS.contains(&id))
        else {
            continue;
        };
        let given = || (as_given(argument, &line.matches), Origin::Default);
        let (value, below) = resolved.remove(id).unwrap_or_else(given);
        let given = match id {
            // `--strategy auto` leaves the choice to the selector.
            "strategy" if inputs.strategy().is_none() => {
                Some((Origin::Selector, Some("auto".to_owned())))
            }
            // `--base-url` implies `--world http`.
            "world" => source_of(id).or_else(|| source_of("base_url")),
            _ => source_of(id),
        };
        let (origin, from) = given.unwrap_or_else(|| {
            let from = match below {
                Origin::Scenario => args.job.workload.scenario.clone(),
                Origin::Plan => plan(args, &inputs),
                Origin::Selector => Some("auto".to_owned()),
                Origin::Default | Origin::Environment | Origin::Flag => None,
            };
            (below, from)
        });
        settings.push(ConfigSetting { name: long.to_owned(), value, origin, from });
    }
    debug_assert!(resolved.is_empty(), "a setting is named like its flag");
    Ok(settings)
}

/// The flag or variable that gives `argument` its value, if one does; `negative` is its `--no-` form.
fn source(
    argument: &Arg,
    negative: Option<&Arg>,
    matches: &ArgMatches,
) -> Option<(Origin, Option<String>)> {
    let is_from =
        |argument: &Arg, source| matches.value_source(argument.get_id().as_str()) == Some(source);
    let given = [Some(argument), negative].into_iter().flatten();
    let mut given = given.filter(|it| is_from(it, ValueSource::CommandLine));
    if let Some(flag) = given.find_map(Arg::get_long) {
        return Some((Origin::Flag, Some(format!("--{flag}"))));
    }
    let variable = argument.get_env().filter(|_| is_from(argument, ValueSource::EnvVariable))?;
    Some((Origin::Environment, Some(variable.to_string_lossy().into_owned())))
}

/// The value that clap holds for `argument`; null if there is none.
fn as_given(argument: &Arg, matches: &ArgMatches) -> Value {
    let id = argument.get_id().as_str();
    if !argument.get_action().takes_values() {
        return json!(matches.get_flag(id));
    }
    let Some(text) = matches.get_raw(id).and_then(|mut values| values.next()) else {
        return Value::Null;
    };
    let text = text.to_string_lossy();
    let parsed_as = argument.get_value_parser().type_id();
    let is_number = parsed_as == TypeId::of::<u32>() || parsed_as == TypeId::of::<u64>();
    match text.parse::<u64>() {
        Ok(number) if is_number => json!(number),
        _ => json!(text),
    }
}

/// The plan in force: the flag's, or the scenario file's.
fn plan(args: &RunArgs, inputs: &Inputs) -> Option<String> {
    let given = args.job.workload.plan.as_ref().map(|path| path.display().to_string());
    given.or_else(|| inputs.file.plan.clone())
}

/// The settings that more than a flag decides, by their ids: the values that flags, files and
/// defaults came to, and their origins where no flag and no variable gave them.
fn resolved(args: &RunArgs, inputs: &Inputs) -> Result<ResolvedSettings, CliError> {
    use Origin::{Default, Plan, Scenario, Selector};
    let (job, scenario, file) = (&args.job, &inputs.scenario, &inputs.file);
    let order = inputs.order(scenario, None)?;
    let (set, hints) = (&order.settings, scenario.plan.hints);
    let in_file = |is_there: bool| if is_there { Scenario } else { Default };
    let hinted = |in_file: bool, in_plan: bool| match (in_file, in_plan, inputs.strategy()) {
        (true, ..) => Scenario,
        (_, true, _) => Plan,
        (.., None) => Selector,
        _ => Default,
    };
    let ids = job.workload.resource_ids.as_ref().or(file.resource_ids.as_ref());
    let (ids, ids_from) = match (ids, &scenario.plan.selection) {
        (Some(ids), _) => (Some(ids.clone()), in_file(file.resource_ids.is_some())),
        (None, Selection::All) => (None, Default),
        (None, Selection::Ids(ids)) => (Some(format!("{} of the plan", ids.len())), Plan),
        (None, Selection::Filter(_)) => (Some("the plan's filter".to_owned()), Plan),
    };
    let plan = plan(args, inputs);
    let mappings = if plan.is_some() { Plan } else { in_file(file.mappings.is_some()) };
    let workers = hinted(file.workers.is_some(), hints.max_workers.is_some());
    let batch = hinted(file.batch_size.is_some(), hints.batch_size.is_some());
    let headroom = match set.limiter {
        Limiter::Adaptive { headroom, .. } => Some(headroom),
        _ => None,
    };
    let duration = |duration| humantime::format_duration(duration).to_string();
    let goal = job.engine.selector.goal.goal();
    let constraints: Vec<String> = goal.constraints.iter().map(ToString::to_string).collect();
    let constraints = (!constraints.is_empty()).then(|| constraints.join(", "));
    let world = if matches!(inputs.world, World::Virtual) { "virtual" } else { "http" };
    let store = (!job.store.no_store).then(|| job.store.store.display().to_string());
    // Never print the API key.
    let key = job.world.access.credentials.api_key.as_ref().map(|_| "set, not shown");
    Ok(BTreeMap::from([
        ("plan", (json!(plan), in_file(file.plan.is_some()))),
        ("profile", (json!(inputs.profile.origin), in_file(file.profile.is_some()))),
        ("dataset", (json!(scenario.dataset_name), in_file(file.dataset.is_some()))),
        ("resources", (json!(scenario.accounts()), in_file(file.resources.is_some()))),
        ("mappings", (json!(scenario.mappings()), mappings)),
        ("resource_ids", (json!(ids), ids_from)),
        ("strategy", (json!(set.strategy.name()), Default)),
        ("workers", (json!(set.workers), workers)),
        ("batch_size", (json!(set.batch_size), batch)),
        ("chunk_pause", (json!(duration(set.chunk_pause)), Default)),
        ("reads", (json!(set.reads), Default)),
        ("call_deadline", (json!(duration(set.call_deadline)), Default)),
        ("max_outage", (json!(duration(set.max_outage)), Default)),
        ("limiter", (json!(set.limiter.to_string()), Default)),
        ("headroom", (json!(headroom), Default)),
        ("seed", (json!(set.seed), in_file(file.seed.is_some()))),
        ("dry_run", (json!(set.dry_run), if hints.dry_run.is_some() { Plan } else { Default })),
        ("objective", (json!(goal.objective), Default)),
        ("constraint", (json!(constraints), Default)),
        ("echo", (json!(goal.echo.map(|echo| echo.to_string())), Default)),
        ("world", (json!(world), Default)),
        ("api_key", (json!(key), Default)),
        ("store", (json!(store), Default)),
        ("journal", (json!(args.keeps_journal(inputs, &order)), Default)),
    ]))
}
