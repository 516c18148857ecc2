//! Runs a judged command in a prepared environment until it ends, times out or is interrupted.

use super::offspring;
use super::passed_on::PassedOutput;
use crate::cli::error::CliError;
use neon_mock::time::Timestamp;
use neonbench::judge::CommandExit;
use neonbench_engine::clock::Clock;
use neonbench_engine::engine::Stop;
use neonbench_engine::world::WallClock;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Child;

/// Time that a command gets to end after the signal to terminate, before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// Variables of the caller that a command gets: how to find programs and their libraries, and how to talk to
/// people. Names of keys, tokens, agents and servers are not among them.
const PASSED: &str = "PATH LANG LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME TZ TERM COLORTERM NO_COLOR \
    TMPDIR TEMP TMP USER LOGNAME SHELL LD_LIBRARY_PATH DYLD_LIBRARY_PATH VIRTUAL_ENV CONDA_PREFIX PYTHONPATH \
    PYTHONHOME NODE_PATH GEM_HOME GEM_PATH RUBYLIB PERL5LIB GOPATH GOROOT GOCACHE JAVA_HOME DOTNET_ROOT CARGO_HOME \
    RUSTUP_HOME SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT";

/// Variables that could direct a client to another server or configuration; `--keep-home` passes them on.
const ELSEWHERE: &str = "http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY \
    NO_PROXY CURL_HOME NETRC XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_STATE_HOME APPDATA \
    LOCALAPPDATA HOME USERPROFILE";

/// The environment of a judged command.
pub(super) struct CommandEnv<'a> {
    pub(super) base_url: &'a str,
    pub(super) org_id: &'a str,
    pub(super) api_key: &'a str,
    /// An empty folder; `None` leaves the user's own.
    pub(super) home: Option<&'a Path>,
    /// Names of other variables that are passed on.
    pub(super) passed: &'a [String],
}

/// Time between two looks at how far the command is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs `words` until it exits or `timeout` has passed, and calls `look` all the while; `None` if the user
/// interrupts it.
///
/// Its standard input is empty, and its output goes to our standard error. Whatever it started ends with it.
///
/// Errors: the command cannot be started or waited for.
pub(super) async fn run(
    words: &[OsString],
    env: &CommandEnv<'_>,
    (timeout, stop): (Duration, &Stop),
    look: impl Fn(),
) -> Result<Option<CommandExit>, CliError> {
    let clock = WallClock::start();
    offspring::adopt();
    let (mut child, output) = spawn(words, env)?;
    let looks = async {
        loop {
            clock.sleep_until(clock.now() + LOOK_EVERY).await;
            look();
        }
    };
    let ended = tokio::select! {
        biased;
        status = child.wait() => status.map(|status| Some((status, false))),
        () = stop.raised() => end(&mut child, &clock).await.map(|_| None),
        () = clock.sleep_until(Timestamp::ZERO + timeout) => {
            end(&mut child, &clock).await.map(|status| Some((status, true)))
        }
        () = looks => unreachable!("it looks until the command ends"),
    };
    offspring::end_all();
    output.finish();
    let Some((status, timed_out)) = ended.map_err(CliError::Wait)? else { return Ok(None) };
    Ok(Some(CommandExit {
        exit_status: status.code(),
        signal: signal(status),
        timed_out,
        wall_s: clock.elapsed().as_secs_f64(),
    }))
}

fn spawn(words: &[OsString], env: &CommandEnv<'_>) -> Result<(Child, PassedOutput), CliError> {
    let [program, arguments @ ..] = words else {
        return Err(CliError::usage("there is no command after `--`"));
    };
    let (reader, writer) = io::pipe().map_err(CliError::Wait)?;
    let mut command = tokio::process::Command::new(program);
    command.env_clear();
    let kept = if env.home.is_none() { ELSEWHERE } else { "" };
    for name in PASSED.split_whitespace().chain(kept.split_whitespace()) {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    for name in env.passed {
        let Some(value) = std::env::var_os(name) else {
            return Err(CliError::usage(format!("--env {name}: there is no such variable")));
        };
        command.env(name, value);
    }
    command
        .args(arguments)
        // What is printed before it is killed is shown.
        .env("PYTHONUNBUFFERED", "1")
        .env("NEON_BASE_URL", env.base_url)
        .env("NEON_ORG_ID", env.org_id)
        .env("NEON_API_KEY", env.api_key)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(CliError::Wait)?)
        .stderr(writer)
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    if let Some(home) = env.home {
        command.env("HOME", home).env("USERPROFILE", home);
    }
    let child = command.spawn().map_err(|source| {
        let program = program.to_string_lossy().into_owned();
        match source.kind() {
            ErrorKind::NotFound => CliError::NoCommand { program },
            _ => CliError::Spawn { program, source },
        }
    })?;
    // With the command goes our own end of the pipe, which its reader would wait for.
    drop(command);
    Ok((child, PassedOutput::of(reader)))
}

/// Ends the command and its child processes: SIGTERM first, SIGKILL after the grace period.
async fn end(child: &mut Child, clock: &WallClock) -> io::Result<ExitStatus> {
    // Until it is waited for, its id, which is also its group's, cannot be reused.
    tell(child, false);
    clock.sleep_until(clock.now() + GRACE).await;
    tell(child, true);
    child.wait().await
}

/// Sends SIGTERM to the group, or SIGKILL if `for_good`.
#[cfg(unix)]
fn tell(child: &mut Child, for_good: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let signal = if for_good { Signal::KILL } else { Signal::TERM };
    if let Some(group) = group {
        // It fails if all of them have exited.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
fn tell(child: &mut Child, for_good: bool) {
    if for_good {
        // It fails if it has exited.
        let _ = child.start_kill();
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
