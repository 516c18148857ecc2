//! `neonbench judge`: runs a user's script against the mock, and judges the state that it leaves.

mod command;
mod offspring;
mod passed_on;
mod text;

use super::args::{EngineArgs, OutputArgs, StoreArgs, WorkloadArgs, WorldArgs, whole};
use super::command_line::CommandLine;
use super::error::{CliError, code};
use super::inputs::{DEMO, Inputs};
use super::interrupt;
use super::live::{LiveArgs, LiveRun, RunSource};
use super::output::{count, plural, print};
use super::progress::LiveLine;
use super::terminal::complain;
use clap::Args;
use command::CommandEnv;
use neon_mock::api::Class;
use neon_mock::{BASE_PATH, NeonMock};
use neonbench::judge::{ClientUnderTest, ClientVerdict, CommandExit, JudgeRecord, league};
use neonbench::live::{RunEnd, RunFacts};
use neonbench_engine::engine::{Stop, Strategy};
use neonbench_engine::event::Event;
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{RunSpec, World};
use neonbench_engine::world::runtime;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;

/// The largest work, in accounts × mappings, for which our strategies run without `--compare`.
const CHEAP_WORK: u64 = 50_000;

/// Flags of `judge`.
#[derive(Debug, Args)]
#[command(
    long_about = "Runs your own migration script against the mock, and compares the result with the plan.\n\n\
    The command finds NEON_BASE_URL, NEON_ORG_ID and NEON_API_KEY in its environment, an empty HOME, no proxy, \
    and of your own variables only PATH, the language, the time zone and the folders of interpreters. Pass others \
    on with --env. Its output goes to standard error, at most 16 MiB of it. What it started ends with it.\n\n\
    Exit codes: 0 correct, 5 not as the plan demands, 11 no call reached the mock, 2 usage."
)]
pub(super) struct JudgeArgs {
    #[command(flatten)]
    workload: WorkloadArgs,
    /// Seed of the organisation and the response times [default: 1]
    #[arg(long, value_name = "K", value_parser = whole::<u64>, help_heading = "Workload")]
    seed: Option<u64>,
    /// End the command and its child processes after this time
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = neon_mock::bounds::duration, help_heading = "Command")]
    timeout: Duration,
    /// Keep HOME and the proxy variables, where an SDK may find a configuration of its own
    #[arg(long, help_heading = "Command")]
    keep_home: bool,
    /// Pass this variable of your environment on to the command; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Command")]
    env: Vec<String>,
    /// Run our strategies on the same work, even if it is large
    #[arg(long, help_heading = "Output")]
    compare: bool,
    /// Name in the table [default: that of the script]
    #[arg(long, help_heading = "Output")]
    name: Option<String>,
    /// Show the values that differ, which may be personal data
    #[arg(long, help_heading = "Output")]
    show_values: bool,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND", help_heading = "Command")]
    command: Vec<OsString>,
}

pub(super) fn run(args: &JudgeArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let engine = EngineArgs { seed: args.seed, ..EngineArgs::default() };
    let inputs = Inputs::read(&args.workload, &engine, &WorldArgs::default())?;
    // The command writes to the same terminal.
    let status = LiveLine::in_lines(line, 2);
    status.step(format!("running {}", name_of(&args.command)));
    let home = (!args.keep_home)
        .then(|| tempfile::Builder::new().prefix("neonbench-home-").tempdir())
        .transpose()
        .map_err(CliError::Home)?;
    let path = home.as_ref().map(|home| home.path().to_owned());
    let at_last = move || {
        offspring::end_all();
        // Nobody is left to be told that it did not work.
        drop(path.map(std::fs::remove_dir_all));
    };
    let shown = args.live_run(&inputs, line)?;
    let stop = interrupt::listen_and(line, Stop::default(), "ending the command", at_last)?;
    let page = shown.as_ref().map(LiveRun::source);
    if let Some(page) = &page {
        page.stops_with(&stop);
    }
    let seen = (&status, page.as_deref());
    let judged = judged(args, &inputs, seen, (home.as_ref().map(TempDir::path), &stop));
    let mut judged = runtime().map_err(CliError::Runtime)?.block_on(judged)?;
    drop(home);
    if let Some(record) = &mut judged
        && record.verdict != ClientVerdict::NoCalls
        && (args.compare || is_cheap(&inputs))
    {
        status.step("running our strategies on the same work");
        record.league = league(record, &ours(&inputs, &stop)?);
    }
    drop(status);
    let Some(mut record) = judged.filter(|_| !stop.is_set()) else {
        complain("interrupted: the command was ended, and nothing is judged");
        return Ok(ExitCode::from(code::INTERRUPTED));
    };
    record.next_command = next_command(line, &record);
    // Values are for the eyes of the one who asked to see them, and not for the store.
    if args.show_values {
        line.note("note: nothing is stored with --show-values");
    } else {
        args.store.keep_document(&record, line);
    }
    args.output.show(&record, || print(&text::summary(&record)))?;
    if record.verdict == ClientVerdict::NoCalls {
        complain(match &record.calls.first_outside {
            Some(first) => format!(
                "error: your command called the mock, but no path of the API ({}, such as `{first}`): the API \
                 begins at NEON_BASE_URL, which ends in {BASE_PATH}/",
                plural(record.calls.outside, "call")
            ),
            None => "error: your command did not call the mock; check the address that it uses"
                .to_owned(),
        });
    }
    let exit_code = match record.verdict {
        ClientVerdict::Correct => 0,
        ClientVerdict::NoCalls => code::INCONCLUSIVE,
        _ => code::AUDIT_MISMATCH,
    };
    if let Some(shown) = shown {
        let words = format!("{} of {} correct", record.records.correct, record.resources);
        let next = record.next_command.clone();
        shown.end(RunEnd { exit_code: Some(exit_code), words, next, report: None }, &stop, line);
    }
    Ok(ExitCode::from(exit_code))
}

impl JudgeArgs {
    /// The page of the command, if one is asked for.
    ///
    /// Errors: it cannot be served.
    fn live_run(&self, inputs: &Inputs, line: &CommandLine) -> Result<Option<LiveRun>, CliError> {
        let facts = RunFacts {
            verb: "judge".to_owned(),
            strategy: name_of(&self.command),
            scenario: inputs.scenario.name.clone(),
            target: Some("a mock of this process".to_owned()),
            ..RunFacts::default()
        };
        let shown = self.live.start(facts, false, None, line)?;
        if let Some(shown) = &shown {
            shown.source().set_accounts(inputs.scenario.expected_resources());
        }
        Ok(shown)
    }
}

/// Runs the command against a mock of its own; `None` if the user interrupted it.
async fn judged(
    args: &JudgeArgs,
    inputs: &Inputs,
    (status, page): (&LiveLine, Option<&RunSource>),
    (home, stop): (Option<&Path>, &Stop),
) -> Result<Option<JudgeRecord>, CliError> {
    let seed = inputs.seed();
    let mock = NeonMock::builder()
        .neon(inputs.scenario.neon(seed))
        .credentials(DEMO, DEMO)
        .try_start()
        .await
        .map_err(CliError::Serve)?;
    let (org_id, api_key) = mock.credentials();
    // With a slash at its end: clients that resolve paths against it keep the base path then, and those that
    // append theirs leave two slashes, which the mock serves.
    let base_url = format!("{}/", mock.base_url());
    let env = CommandEnv { base_url: &base_url, org_id, api_key, home, passed: &args.env };
    let tell = || {
        let (calls, name) = (mock.calls(), name_of(&args.command));
        if let Some(page) = page {
            page.count(&calls);
        }
        let writes = calls.admitted(Class::Patch) + calls.admitted(Class::Put);
        let (all, writes) = (plural(calls.total(), "call"), plural(writes, "write"));
        status.say(format!("running {name}: {all}, {writes}, {} refused", count(calls.rejected())));
    };
    let command = command::run(&args.command, &env, (args.timeout, stop), tell).await?;
    Ok(command.map(|command| judge(args, inputs, &mock, command)))
}

fn judge(args: &JudgeArgs, inputs: &Inputs, mock: &NeonMock, command: CommandExit) -> JudgeRecord {
    let name = args.name.clone().unwrap_or_else(|| name_of(&args.command));
    let case = ClientUnderTest {
        name: &name,
        scenario: &inputs.scenario,
        seed: inputs.seed(),
        command,
        unauthorized: mock.unauthorized(),
        undecodable: mock.undecodable(),
        mishaps: mock.mishaps(),
        show_values: args.show_values,
    };
    let mut record = mock.with_neon(|neon| case.judge(neon));
    if command.timed_out {
        let timeout = humantime::format_duration(args.timeout);
        record.warnings.push(format!("the command was ended after {timeout} (--timeout)"));
    } else if command.exit_status != Some(0) {
        let how = text::ending(&command);
        record
            .warnings
            .push(format!("the command {how}; the verdict is about the data in the mock"));
    }
    if record.calls.unauthorized > 0 {
        let calls = plural(record.calls.unauthorized, "call");
        let variables = "NEON_ORG_ID and NEON_API_KEY";
        record.warnings.push(format!("{calls} had other credentials than those of {variables}"));
    }
    record
}

/// The default name of the league row: the script that an interpreter runs, else the program.
fn name_of(command: &[OsString]) -> String {
    let is_script = |word: &&OsString| Path::new(word).is_file();
    let script = command.iter().skip(1).find(is_script).or(command.first());
    let file_name = script.and_then(|word| Path::new(word).file_name());
    file_name.map_or_else(|| "your command".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn is_cheap(inputs: &Inputs) -> bool {
    let scenario = &inputs.scenario;
    scenario.expected_resources().saturating_mul(scenario.mappings() as u64) <= CHEAP_WORK
}

/// Every strategy on the same organisation, in virtual time.
fn ours(inputs: &Inputs, stop: &Stop) -> Result<Vec<RunRecord>, CliError> {
    let run = |strategy| {
        let mut order = RunSpec::new(&inputs.scenario, inputs.settings(strategy)?);
        order.session.stop = stop;
        Ok(order.run(&World::Virtual, &mut |_: &Event| {})?.record)
    };
    Strategy::ALL.into_iter().map(run).collect()
}

fn next_command(line: &CommandLine, record: &JudgeRecord) -> String {
    let next = match record.verdict {
        ClientVerdict::Correct => line.to("benchmark"),
        // The same organisation, to try the client on. Its own command may hold secrets, and is not printed.
        _ => line.to("serve"),
    };
    next.to_string()
}
