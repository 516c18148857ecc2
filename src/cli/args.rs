//! Flags that several commands share: plain clap structs, read by `inputs`, `stored` and `selector`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use neon_mock::bounds::{self, Bounds};
use neonbench::experiment::{Constraint, Objective};
use neonbench::store::DEFAULT_PATH;
use neonbench_engine::engine::limiter::{ExpectedEcho, Limiter};
use neonbench_engine::engine::{
    AuditDepth, DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Guard, Reads, Strategy, WriteMode,
};
use neonbench_engine::record::WorldName;
use neonbench_engine::run::World;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use std::path::PathBuf;
use std::str::FromStr;

/// Flags of every command that makes runs.
#[derive(Clone, Debug, Args)]
pub(super) struct JobArgs {
    #[command(flatten)]
    pub(super) workload: WorkloadArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
    #[command(flatten)]
    pub(super) world: WorldArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// The migration and its organisation.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Workload")]
pub(super) struct WorkloadArgs {
    /// Built-in scenario (guide-1, guide-2, guide-3), or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) scenario: Option<String>,
    /// Plan file, in TOML or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// Built-in profile of limits and response times, or a TOML file [default: documented]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) profile: Option<String>,
    /// Built-in dataset, or a TOML file [default: plain, or made for the plan]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) dataset: Option<String>,
    /// Number of accounts in the organisation [default: 100]
    #[arg(long, value_name = "N", value_parser = accounts)]
    pub(super) resources: Option<u64>,
    /// Number of mappings of a workload without a plan [default: 3]
    #[arg(long, value_name = "M", alias = "mapping-count", value_parser = mappings)]
    pub(super) mappings: Option<u32>,
    /// Accounts to migrate, such as `1-9999,12001,@ids.txt`
    #[arg(long, value_name = "IDS")]
    pub(super) resource_ids: Option<String>,
    /// Migrate only the first N accounts
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(super) sample: Option<u64>,
}

/// Settings of the engine.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct EngineArgs {
    /// Strategy [default: auto]
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_or_auto())]
    pub(super) strategy: Option<AskedStrategy>,
    #[arg(
        long,
        value_name = "W",
        alias = "max-workers",
        value_parser = workers,
        help = format!("Number of concurrent workers [default: {DEFAULT_WORKERS}]")
    )]
    pub(super) workers: Option<u32>,
    #[arg(
        long,
        value_name = "B",
        value_parser = batch,
        help = format!("Number of accounts to read before writing them [default: {DEFAULT_BATCH_SIZE}]")
    )]
    pub(super) batch_size: Option<u32>,
    /// Pause after every N accounts
    #[arg(long, value_name = "N", value_parser = batch)]
    pub(super) chunk_size: Option<u32>,
    /// Length of that pause, such as 1s
    #[arg(long, value_name = "DURATION", value_parser = bounds::duration, requires = "chunk_size")]
    pub(super) chunk_pause: Option<std::time::Duration>,
    /// Look up field definitions once (on), or before each use (off)
    #[arg(long, value_name = "on|off", default_value = "on", hide_possible_values = true)]
    pub(super) metadata_cache: Switch,
    /// Read accounts one by one (get), or by searches [default: search for pipelined, else get]
    #[arg(long, value_name = "get|search", value_parser = one_of::<Reads>("get|search"), hide_possible_values = true)]
    pub(super) reads: Option<Reads>,
    /// Longest time for a call, retries included [default: 10min]
    #[arg(long, value_name = "DURATION", value_parser = bounds::duration)]
    pub(super) call_deadline: Option<std::time::Duration>,
    /// Longest outage of the server to wait for; the run stops after it, to be resumed [default: 1min]
    #[arg(long, value_name = "DURATION", value_parser = bounds::duration)]
    pub(super) max_outage: Option<std::time::Duration>,
    /// Limiter of calls in flight [default: adaptive for pipelined, else none]
    #[arg(long, value_name = "none|fixed:N|adaptive")]
    pub(super) limiter: Option<Limiter>,
    /// Number of slots that the adaptive limiter leaves free for other users [default: 0]
    #[arg(long, value_name = "N", value_parser = headroom)]
    pub(super) headroom: Option<u32>,
    /// Write the changed fields (patch), whole accounts (put), or both side by side
    ///
    /// PUT overwrites what other users saved in any field since the account was read. PATCH and PUT have
    /// slots of their own at the server, so `both` can be faster.
    #[arg(long, value_name = "patch|put|both", value_parser = one_of::<WriteMode>("patch|put|both"), default_value = "patch", hide_possible_values = true)]
    pub(super) write: WriteMode,
    /// Read each account again right before its write, in case it was edited [default: auto's choice, else
    /// none]
    #[arg(long, value_name = "none|reread", value_parser = one_of::<Guard>("none|reread"), hide_possible_values = true)]
    pub(super) guard: Option<Guard>,
    /// Seed of the organisation, the response times and the jitter [default: 1]
    #[arg(long, value_name = "K", value_parser = whole::<u64>)]
    pub(super) seed: Option<u64>,
    /// Read and decide, but do not write
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) selector: SelectorArgs,
}

/// The goal that a choice is judged by.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selector")]
pub(super) struct GoalArgs {
    /// Rank by time and refused calls (balanced), or by time alone (fastest) [default: balanced]
    #[arg(long, value_name = "balanced|fastest", value_parser = one_of::<Objective>("balanced|fastest"), hide_possible_values = true)]
    pub(super) objective: Option<Objective>,
    /// Constraint on a choice, such as rejected<1%, echo<1% or headroom>=1; may be repeated
    #[arg(long, value_name = "CONSTRAINT")]
    pub(super) constraint: Vec<Constraint>,
    /// Leave room for integrations that answer each write's webhook with so many calls after so long, such as
    /// 1x500ms, or 1x500ms<0.5% for the share that may be refused [default: 1 %]
    #[arg(long, value_name = "CALLSxDELAY")]
    pub(super) echo: Option<ExpectedEcho>,
}

/// Goal and calibration of `auto`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selector")]
pub(super) struct SelectorArgs {
    #[command(flatten)]
    pub(super) goal: GoalArgs,
    /// Calibration file of `auto` [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
}

/// Where the run happens.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct WorldArgs {
    /// Run in virtual time or over HTTP [default: virtual, or http with --base-url]
    #[arg(long, value_name = "virtual|http", value_parser = one_of::<WorldName>("virtual|http"), hide_possible_values = true)]
    pub(super) world: Option<WorldName>,
    /// Server to run against, with its base path [default: the mock]
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
}

/// API credentials.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct CredentialArgs {
    /// Organisation id at the server
    #[arg(long, value_name = "ID", env = "NEON_ORG_ID", hide_env_values = true)]
    pub(super) org_id: Option<String>,
    /// API key at the server
    #[arg(long, value_name = "KEY", env = "NEON_API_KEY", hide_env_values = true)]
    pub(super) api_key: Option<String>,
    /// Send the API key in clear text, by http://, to a server that is not on this machine
    #[arg(long)]
    pub(super) allow_plain_http: bool,
}

/// Credentials and write guard of a remote server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct AccessArgs {
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    /// Confirm writes to a remote organisation by typing its id
    #[arg(long, value_name = "ID")]
    pub(super) allow_writes_to: Option<String>,
}

/// The choice to show field values.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ValuesArgs {
    /// Show field values, which may be personal data
    #[arg(long)]
    pub(super) show_values: bool,
}

/// The choice to journal writes before they are sent.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct JournalArgs {
    /// Record every write before it is sent, which undo needs [default: over HTTP]
    #[arg(long, conflicts_with_all = ["no_journal", "no_store"])]
    pub(super) journal: bool,
    /// Record no writes: the run cannot be resumed, verified or undone
    #[arg(long)]
    pub(super) no_journal: bool,
    /// Apply the plan even where a run of this store has changed the same fields, and it would change them again
    #[arg(long)]
    pub(super) again: bool,
}

/// The accounts to read again after a run.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct AuditArgs {
    /// Accounts of a remote server to read again after the run, to check it: none, a sample of 200, or all
    /// (full) [default: full]
    #[arg(long, value_name = "none|sample|full", value_parser = one_of::<AuditDepth>("none|sample|full"), hide_possible_values = true)]
    pub(super) audit: Option<AuditDepth>,
}

/// The store of runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct StoreArgs {
    /// File that runs are stored in
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH, env = "NEONBENCH_STORE", hide_env_values = true)]
    pub(super) store: PathBuf,
    /// Do not read or write the store
    #[arg(long, conflicts_with = "store")]
    pub(super) no_store: bool,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Repetitions under other seeds.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct ReplicateArgs {
    /// Number of runs, under seeds K, K+1, … [default: 20 in virtual time, 1 over HTTP]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) replicates: Option<u32>,
}

impl ReplicateArgs {
    /// The replicates asked for, or the default of `world`.
    pub(super) fn in_world(self, world: &World) -> u32 {
        self.replicates.unwrap_or(match world {
            World::Virtual => 20,
            World::EmbeddedHttp | World::ForeignHttp(_) => 1,
        })
    }
}

/// A strategy; `None` leaves it to the selector.
pub(super) type AskedStrategy = Option<Strategy>;

fn strategy_or_auto() -> impl TypedValueParser<Value = AskedStrategy> {
    let find = |name: String| Strategy::ALL.into_iter().find(|strategy| strategy.name() == name);
    PossibleValuesParser::new(Strategy::ALL.map(Strategy::name).into_iter().chain(["auto"]))
        .map(find)
}

/// A parser of `words`, parted by `|`, which are the names that values of `T` have in files.
pub(super) fn one_of<T>(words: &'static str) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words.split('|')).map(|word: String| {
        let word: StringDeserializer<serde::de::value::Error> = word.into_deserializer();
        T::deserialize(word).expect("one of the words is parsed")
    })
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    #[default]
    On,
    Off,
}

/// A whole number from 0 on.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ if digits => Err("the number is too large".to_owned()),
        _ => Err("expected a whole number, such as 1000".to_owned()),
    }
}

/// A whole number within `bounds`; 0 is left to those who know its meaning.
pub(super) fn bounded<T>(text: &str, bounds: &Bounds<T>) -> Result<T, String>
where
    T: FromStr + Copy + PartialOrd + Default + std::fmt::Debug,
{
    let number = whole(text).map_err(|error| format!("{error}; expected {}", bounds.expected()))?;
    if number == T::default() {
        return Ok(number);
    }
    bounds.check(number).map_err(|_| format!("expected {}", bounds.expected()))
}

/// A number of accounts of an organisation.
pub(super) fn accounts(text: &str) -> Result<u64, String> {
    bounded(text, &bounds::ACCOUNTS)
}

/// A number of mappings.
pub(super) fn mappings(text: &str) -> Result<u32, String> {
    bounded(text, &bounds::MAPPINGS)
}

/// A number of workers.
pub(super) fn workers(text: &str) -> Result<u32, String> {
    bounded(text, &bounds::WORKERS)
}

/// A number of accounts in memory.
pub(super) fn batch(text: &str) -> Result<u32, String> {
    bounded(text, &bounds::BATCH)
}

/// A number of places left to others.
pub(super) fn headroom(text: &str) -> Result<u32, String> {
    bounded(text, &bounds::QUEUE)
}

/// The two figures on the sides of a `/`.
pub(super) fn figures<A: FromStr, B: FromStr>(text: &str) -> Option<(A, B)> {
    let (first, second) = text.split_once('/')?;
    Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
}
