//! The errors of commands, and their exit codes.

use neon_mock::file::FileError;
use neonbench::live::LiveError;
use neonbench::probe::HarError;
use neonbench::select::case::CaseError;
use neonbench::selftest::SelftestError;
use neonbench::store::StoreError;
use neonbench_engine::engine::EngineError;
use neonbench_engine::near::nearest;
use neonbench_engine::plan::IdsError;
use neonbench_engine::run::RunError;
use neonbench_engine::scenario::ScenarioError;
use std::error::Error as _;
use std::path::PathBuf;

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub(crate) enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Guard(String),
    #[error("{0}")]
    Target(String),
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot create folder {}", .path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Ids(#[from] IdsError),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(transparent)]
    Har(#[from] HarError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{0}")]
    TakenOver(String),
    #[error("the run was interrupted, and its checkpoint is saved (next: {resume})")]
    Checkpoint { resume: String, source: RunError },
    #[error(
        "run {run} stopped, since its store cannot take {what}: {source}; {written} written and noted{}",
        next_of(.resume.as_deref())
    )]
    Unsaved {
        run: i64,
        what: &'static str,
        written: String,
        resume: Option<String>,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "run {run} wrote {written}, and nothing can resume, verify or undo it, since its journal is lost"
    )]
    Lost { run: i64, written: String, source: Box<StoreError> },
    #[error("interrupted (next: {next})")]
    Interrupted { next: String },
    #[error(transparent)]
    Selftest(#[from] SelftestError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error("cannot run `{program}`: the command does not exist")]
    NoCommand { program: String },
    #[error("cannot run `{program}`")]
    Spawn { program: String, source: std::io::Error },
    #[error("cannot create an empty HOME")]
    Home(#[source] std::io::Error),
    #[error("cannot wait for the command")]
    Wait(#[source] std::io::Error),
    #[error("cannot serve")]
    Serve(#[source] neon_mock::StartError),
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] std::io::Error),
    #[error("cannot write to standard output")]
    Stdout(#[source] std::io::Error),
    #[error("cannot read the answer from standard input")]
    Stdin(#[source] std::io::Error),
}

impl CliError {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }
}

fn next_of(resume: Option<&str>) -> String {
    resume.map_or_else(String::new, |resume| format!(" (next: {resume})"))
}

/// Exit codes of the contract.
pub(super) mod code {
    pub(crate) const INTERNAL: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const SOME_FAILED: u8 = 3;
    pub(crate) const NOTHING_TO_DO: u8 = 4;
    pub(crate) const AUDIT_MISMATCH: u8 = 5;
    pub(crate) const GATE: u8 = 10;
    pub(crate) const INCONCLUSIVE: u8 = 11;
    pub(crate) const CALIBRATION_GATE: u8 = 12;
    pub(crate) const GUARD: u8 = 20;
    pub(crate) const TARGET: u8 = 21;
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// The chain of `error` in one sentence.
pub(crate) fn in_words(error: &CliError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        // Some libraries repeat their cause in their own message.
        let text = source.to_string();
        let text = text
            .strip_prefix("Error code ")
            .and_then(|it| it.split_once(": "))
            .map_or(&*text, |it| it.1);
        if !message.contains(text) {
            message.push_str(": ");
            message.push_str(text);
        }
        cause = source.source();
    }
    if let Some(meant) = meant(&message) {
        message.push_str(&meant);
    }
    without_numbers(&message)
}

/// "Did you mean" for a name in a file that is none of those expected, as serde lists them.
fn meant(message: &str) -> Option<String> {
    let unknown = ["unknown variant `", "unknown field `"].iter().find_map(|lead| {
        let (_, rest) = message.split_once(lead)?;
        rest.split_once("`, expected one of ")
    });
    let (name, expected) = unknown?;
    let known = expected.split('`').skip(1).step_by(2);
    let near = *nearest(name, known).first()?;
    (!message.contains("did you mean")).then(|| format!("; did you mean `{near}`?"))
}

/// `message` without the numbers that an operating system gives its errors.
fn without_numbers(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// The exit code that `error` ends the process with.
pub(crate) const fn exit_code(error: &CliError) -> u8 {
    match error {
        CliError::Guard(_) => code::GUARD,
        CliError::Target(_) => code::TARGET,
        CliError::Run(error) | CliError::Checkpoint { source: error, .. } => code_of_run(error),
        CliError::Interrupted { .. } | CliError::TakenOver(_) | CliError::Unsaved { .. } => {
            code::INTERRUPTED
        }
        CliError::Selftest(_)
        | CliError::Lost { .. }
        | CliError::Runtime(_)
        | CliError::Home(_)
        | CliError::Wait(_)
        | CliError::Stdout(_)
        | CliError::Stdin(_) => code::INTERNAL,
        // The others are of flags and files.
        _ => code::USAGE,
    }
}

const fn code_of_run(error: &RunError) -> u8 {
    match error {
        // A store that cannot be written is a matter of files.
        RunError::Http(_)
        | RunError::Engine(
            EngineError::Plan(_) | EngineError::Refused(_) | EngineError::Journal(_),
        ) => code::USAGE,
        RunError::Stalled(stalled) if stalled.is_end() => code::USAGE,
        RunError::Engine(EngineError::Stopped) => code::INTERRUPTED,
        RunError::Stalled(_) | RunError::Embedded(_) | RunError::Runtime(_) => code::INTERNAL,
        RunError::Engine(_) => code::TARGET,
    }
}
