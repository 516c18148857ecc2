//! Flags that several commands share: plain clap structs, read by `inputs`, `stored` and `selector`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use neonbench::experiment::{Constraint, Objective};
use neonbench::store::DEFAULT_PATH;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{
    DEFAULT_BATCH_SIZE, DEFAULT_WORKERS, Guard, Reads, Strategy, WriteMode,
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
    /// A built-in scenario (guide-1, guide-2, guide-3) or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) scenario: Option<String>,
    /// A plan file
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// A built-in profile of limits and service times, or a TOML file [default: documented]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) profile: Option<String>,
    /// A built-in dataset or a TOML file [default: plain, or made for the plan]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) dataset: Option<String>,
    /// Accounts of the organisation [default: 100]
    #[arg(long, value_name = "N")]
    pub(super) resources: Option<u64>,
    /// Mappings of a workload without a plan [default: 3]
    #[arg(long, value_name = "M", alias = "mapping-count")]
    pub(super) mappings: Option<u32>,
    /// The accounts to migrate: `1-9999,12001,@ids.txt`
    #[arg(long, value_name = "IDS")]
    pub(super) resource_ids: Option<String>,
    /// Migrate only the first N of them
    #[arg(long, value_name = "N")]
    pub(super) sample: Option<u64>,
}

/// Settings of the engine.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct EngineArgs {
    /// The strategy [default: auto]
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_or_auto())]
    pub(super) strategy: Option<AskedStrategy>,
    #[arg(
        long,
        value_name = "W",
        alias = "max-workers",
        help = format!("Accounts or batches side by side [default: {DEFAULT_WORKERS}]")
    )]
    pub(super) workers: Option<u32>,
    #[arg(
        long,
        value_name = "B",
        help = format!(
            "Accounts read into memory before they are written [default: {DEFAULT_BATCH_SIZE}]"
        )
    )]
    pub(super) batch_size: Option<u32>,
    /// Pause after each N accounts
    #[arg(long, value_name = "N")]
    pub(super) chunk_size: Option<u32>,
    /// Pause between chunks, such as 1s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, requires = "chunk_size")]
    pub(super) chunk_pause: Option<std::time::Duration>,
    /// Look field definitions up once, or before each use
    #[arg(long, value_name = "on|off", default_value = "on", hide_possible_values = true)]
    pub(super) metadata_cache: Switch,
    /// Read accounts singly, or by searches [default: search for pipelined, else get]
    #[arg(long, value_name = "get|search", value_parser = one_of::<Reads>("get|search"), hide_possible_values = true)]
    pub(super) reads: Option<Reads>,
    /// Time that a call may take, retries included [default: 10min]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) call_deadline: Option<std::time::Duration>,
    /// Limiter of the calls in flight [default: adaptive for pipelined, else none]
    #[arg(long, value_name = "none|fixed:N|adaptive")]
    pub(super) limiter: Option<Limiter>,
    /// Places of what adaptive finds that are left to the staff [default: 0]
    #[arg(long, value_name = "N")]
    pub(super) headroom: Option<u32>,
    /// Write the changed fields (patch), the whole account (put: it overwrites what others saved in
    /// any field since the account was read), or both side by side, each in places of its own
    #[arg(long, value_name = "patch|put|both", value_parser = one_of::<WriteMode>("patch|put|both"), default_value = "patch", hide_possible_values = true)]
    pub(super) write: WriteMode,
    /// Read each account again right before its write, since others may have edited it [default: none, and
    /// auto's choice]
    #[arg(long, value_name = "none|reread", value_parser = one_of::<Guard>("none|reread"), hide_possible_values = true)]
    pub(super) guard: Option<Guard>,
    /// Seed of the organisation, the service times and the jitter [default: 1]
    #[arg(long, value_name = "K")]
    pub(super) seed: Option<u64>,
    /// Read and decide, but write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) selector: SelectorArgs,
}

/// The goal that a choice is judged by.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selector")]
pub(super) struct GoalArgs {
    /// Cost of a choice: makespan and refusals, or makespan alone [default: balanced]
    #[arg(long, value_name = "balanced|fastest", value_parser = one_of::<Objective>("balanced|fastest"), hide_possible_values = true)]
    pub(super) objective: Option<Objective>,
    /// Bound that a choice must keep: rejected<P% or headroom>=N; may be repeated
    #[arg(long, value_name = "CONSTRAINT")]
    pub(super) constraint: Vec<Constraint>,
}

/// Goal and calibration of `auto`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selector")]
pub(super) struct SelectorArgs {
    #[command(flatten)]
    pub(super) goal: GoalArgs,
    /// A calibration file that `auto` goes by [default: the shipped one]
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,
}

/// Where the run happens.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct WorldArgs {
    /// In virtual time, or over HTTP [default: virtual, or http with --base-url]
    #[arg(long, value_name = "virtual|http", value_parser = one_of::<WorldName>("virtual|http"), hide_possible_values = true)]
    pub(super) world: Option<WorldName>,
    /// A server to run against, with its base path; without one, http starts the mock
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
}

/// API credentials.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct CredentialArgs {
    /// Organisation id at that server
    #[arg(long, value_name = "ID", env = "NEON_ORG_ID")]
    pub(super) org_id: Option<String>,
    /// API key at that server
    #[arg(long, value_name = "KEY", env = "NEON_API_KEY", hide_env_values = true)]
    pub(super) api_key: Option<String>,
}

/// Credentials and write guard of a remote server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "World")]
pub(super) struct AccessArgs {
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    /// Write to this organisation although it is not on this machine: its id, typed out
    #[arg(long, value_name = "ID")]
    pub(super) allow_writes_to: Option<String>,
}

/// The choice to show field values.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ValuesArgs {
    /// Show the values that it is about, which may be personal
    #[arg(long)]
    pub(super) show_values: bool,
}

/// The choice to journal writes before they are sent.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct JournalArgs {
    /// Note each write in the store before it is sent [default: over http, unless nothing is written]
    #[arg(long, conflicts_with_all = ["no_journal", "no_store"])]
    pub(super) journal: bool,
    /// Note nothing: the run cannot be resumed, verified or undone
    #[arg(long)]
    pub(super) no_journal: bool,
}

/// The store of runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct StoreArgs {
    /// The file that runs are kept in
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH, env = "NEONBENCH_STORE")]
    pub(super) store: PathBuf,
    /// Leave the store alone: keep nothing, show nothing that is kept
    #[arg(long, conflicts_with = "store")]
    pub(super) no_store: bool,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// One JSON object on standard output
    #[arg(long)]
    pub(super) json: bool,
}

/// Repetitions under other seeds.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct ReplicateArgs {
    /// Runs under seeds K, K+1, … for the interval [default: 20 in virtual time, 1 over http]
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

/// The two figures on the sides of a `/`.
pub(super) fn figures<A: FromStr, B: FromStr>(text: &str) -> Option<(A, B)> {
    let (first, second) = text.split_once('/')?;
    Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
}
