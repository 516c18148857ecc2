//! `neonbench show-config`: what `run` would go by, and where each value is from.

use super::error::CliError;
use super::inputs::Inputs;
use super::output::{say, say_json, say_json_line, table};
use super::run::RunArgs;
use super::{Cli, Voice};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::plan::Selection;
use neonbench_engine::run::World;
use serde::Serialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// `show-config --json`.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct ConfigRecord {
    schema: u32,
    /// In the order of `run --help`.
    settings: Vec<Setting>,
}

/// One value in force.
#[derive(Serialize, schemars::JsonSchema)]
struct Setting {
    /// The flag's name, without its dashes.
    name: String,
    /// Null where there is none.
    value: Value,
    origin: Origin,
    /// The flag, variable or file that said so; null for defaults.
    from: Option<String>,
}

/// Who said so. Of two, the later one here wins.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// Nobody: the program's own.
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

impl Origin {
    const fn words(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Selector => "selector",
            Self::Plan => "plan",
            Self::Scenario => "scenario file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// Where values can be from.
struct Sources<'a> {
    command: Command,
    matches: &'a ArgMatches,
    scenario: Option<String>,
    plan: Option<String>,
}

impl Sources<'_> {
    /// The setting of the flag whose field is `name`; `below` is its origin where neither flag nor
    /// variable says it.
    fn setting(&self, name: &str, value: Value, below: Origin) -> Setting {
        let run = self.command.find_subcommand("show-config").expect("that is this command");
        let argument = |id: &str| {
            let mut all = run.get_arguments().chain(self.command.get_arguments());
            all.find(|argument| argument.get_id() == id)
        };
        let own = argument(name).expect("a setting is named like its flag");
        let negative = argument(&format!("no_{name}"));
        let said_by = |argument: &&Arg, source| {
            self.matches.value_source(argument.get_id().as_str()) == Some(source)
        };
        let flag = [Some(own), negative].into_iter().flatten();
        let flag = flag.filter(|it| said_by(it, ValueSource::CommandLine)).find_map(Arg::get_long);
        let variable = Some(own).filter(|it| said_by(it, ValueSource::EnvVariable));
        let (origin, from) = match (flag, variable.and_then(Arg::get_env)) {
            (Some(flag), _) => (Origin::Flag, Some(format!("--{flag}"))),
            (_, Some(name)) => (Origin::Environment, Some(name.to_string_lossy().into_owned())),
            _ => (below, None),
        };
        let from = from.or_else(|| match origin {
            Origin::Scenario => self.scenario.clone(),
            Origin::Plan => self.plan.clone(),
            Origin::Selector => Some("auto".to_owned()),
            Origin::Default | Origin::Environment | Origin::Flag => None,
        });
        let name = own.get_long().expect("every setting has a flag").to_owned();
        Setting { name, value, origin, from }
    }
}

/// Prints the configuration that `run` would have with the same flags; runs and writes nothing.
pub(super) fn run(args: &RunArgs, voice: Voice) -> Result<ExitCode, CliError> {
    let matches = Cli::command().get_matches();
    let matches = matches.subcommand_matches("show-config").expect("that is this command");
    let record = ConfigRecord { schema: 1, settings: settings(args, voice, matches)? };
    if args.job.output.json {
        say_json(&record)?;
    } else if args.json_lines {
        say_json_line(&record)?;
    } else {
        say_settings(&record.settings)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say_settings(settings: &[Setting]) -> Result<(), CliError> {
    let cell = |value: &Value| match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(is_on) => (if *is_on { "yes" } else { "no" }).to_owned(),
        other => other.to_string(),
    };
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|Setting { name, value, origin, from }| {
            let from = from.clone().unwrap_or_default();
            vec![name.clone(), cell(value), origin.words().to_owned(), from]
        })
        .collect();
    say(&table(&["setting", "value", "origin", "from"], &rows))
}

fn settings(args: &RunArgs, voice: Voice, matches: &ArgMatches) -> Result<Vec<Setting>, CliError> {
    use Origin::{Default, Plan, Scenario, Selector};
    let job = &args.job;
    let inputs = Inputs::read(&job.workload, &job.engine, &job.world)?;
    let order = inputs.order(&inputs.scenario)?;
    let (workload, scenario, set) = (&job.workload, &inputs.scenario, &order.settings);
    let (file, hints) = (inputs.file(), scenario.plan.hints);
    let in_file = |is_there: bool| if is_there { Scenario } else { Default };
    let plan = workload.plan.as_ref().map(|path| path.display().to_string());
    let plan = plan.or_else(|| file.plan.clone());
    let has_plan = plan.is_some();
    let sources = Sources {
        command: Cli::command(),
        matches,
        scenario: workload.scenario.clone(),
        plan: plan.clone(),
    };
    let is_auto = inputs.strategy().is_none();
    let hinted = |in_file: bool, in_plan: bool| match (in_file, in_plan, is_auto) {
        (true, ..) => Scenario,
        (_, true, _) => Plan,
        (.., true) => Selector,
        _ => Default,
    };
    let ids = workload.resource_ids.as_ref().or(file.resource_ids.as_ref());
    let (ids, ids_from) = match (ids, &scenario.plan.selection) {
        (Some(ids), _) => (Some(ids.clone()), in_file(file.resource_ids.is_some())),
        (None, Selection::All) => (None, Default),
        (None, Selection::Ids(ids)) => (Some(format!("{} of the plan", ids.len())), Plan),
        (None, Selection::Filter(_)) => (Some("the plan's filter".to_owned()), Plan),
    };
    let mappings = if has_plan { Plan } else { in_file(file.mappings.is_some()) };
    let workers = hinted(file.workers.is_some(), hints.max_workers.is_some());
    let batch = hinted(file.batch_size.is_some(), hints.batch_size.is_some());
    let dry_run = if hints.dry_run { Plan } else { Default };
    let headroom = match set.limiter {
        Limiter::Adaptive { headroom } => Some(headroom),
        _ => None,
    };
    let duration = |duration| humantime::format_duration(duration).to_string();
    let goal = job.engine.selector.goal.goal();
    let constraints: Vec<String> = goal.constraints.iter().map(ToString::to_string).collect();
    let constraints = (!constraints.is_empty()).then(|| constraints.join(", "));
    let thresholds = job.engine.selector.thresholds.as_ref();
    let (access, is_virtual) = (&job.world.access, matches!(inputs.world, World::Virtual));
    // A key is nobody's business but the server's.
    let key = access.credentials.api_key.as_ref().map(|_| "set, not shown");
    let s = |name, value: Value, below| sources.setting(name, value, below);
    // An address says that the world is http, whoever names it.
    let base_url = s("base_url", json!(job.world.base_url), Default);
    let mut world = s("world", json!(if is_virtual { "virtual" } else { "http" }), Default);
    if world.origin == Default && !base_url.value.is_null() {
        (world.origin, world.from) = (base_url.origin, base_url.from.clone());
    }
    let mut strategy = s("strategy", json!(set.strategy.name()), Default);
    if is_auto {
        // Whoever says `auto` has not said which.
        (strategy.origin, strategy.from) = (Selector, Some("auto".to_owned()));
    }
    Ok(vec![
        s("scenario", json!(workload.scenario), Default),
        s("plan", json!(plan), in_file(file.plan.is_some())),
        s("profile", json!(inputs.profile_name()), in_file(file.profile.is_some())),
        s("dataset", json!(scenario.dataset_name), in_file(file.dataset.is_some())),
        s("resources", json!(scenario.accounts()), in_file(file.resources.is_some())),
        s("mappings", json!(scenario.mappings()), mappings),
        s("resource_ids", json!(ids), ids_from),
        s("sample", json!(workload.sample), Default),
        strategy,
        s("workers", json!(set.workers), workers),
        s("batch_size", json!(set.batch_size), batch),
        s("chunk_size", json!(set.chunk_size), Default),
        s("chunk_pause", json!(duration(set.chunk_pause)), Default),
        s("metadata_cache", json!(if set.metadata_cache { "on" } else { "off" }), Default),
        s("reads", json!(set.reads), Default),
        s("call_deadline", json!(duration(set.call_deadline)), Default),
        s("limiter", json!(set.limiter.to_string()), Default),
        s("headroom", json!(headroom), Default),
        s("write", json!(set.write), Default),
        s("guard", json!(set.guard), Default),
        s("seed", json!(set.seed), in_file(file.seed.is_some())),
        s("dry_run", json!(set.dry_run), dry_run),
        s("objective", json!(goal.objective), Default),
        s("constraint", json!(constraints), Default),
        s("thresholds", json!(thresholds.map(|path| path.display().to_string())), Default),
        s("replicates", json!(args.replicates), Default),
        s("forecast", json!(args.forecast), Default),
        world,
        base_url,
        s("org_id", json!(access.credentials.org_id), Default),
        s("api_key", json!(key), Default),
        s("allow_writes_to", json!(access.allow_writes_to), Default),
        s("store", json!(job.store.path()), Default),
        s("journal", json!(args.keeps_journal(&inputs, &order)), Default),
        s("log", json!(matches.get_one::<String>("log")), Default),
        s("quiet", json!(voice.quiet), Default),
    ])
}
