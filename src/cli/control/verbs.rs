//! `neonbench pause`, `go`, `slow` and `stop`: orders to a run that another process carries out.

use super::protocol::{ControlAnswer, ControlCommand, ControlRequest};
use crate::cli::args::{OutputArgs, StoreArgs, headroom};
use crate::cli::command_line::CommandLine;
use crate::cli::error::CliError;
use crate::cli::journaled::cannot;
use crate::cli::output::print;
use crate::cli::owner::{in_brief, is_gone, this_process};
use clap::Args;
use neonbench::store::{LeaseHolder, RunState};
use serde::Serialize;
use std::process::ExitCode;

/// Flags of `pause`, `go` and `stop`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ControlArgs {
    /// Number of the run, as `run` and `history` show it
    #[arg(value_name = "RUN")]
    run: i64,
    /// Name that the order goes by, for colleagues and the record [default: your user name and this machine]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `slow`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SlowArgs {
    /// Number of places of each endpoint's limit to leave to others; 0 takes them back
    #[arg(long, value_name = "N", value_parser = headroom)]
    headroom: u32,
    #[command(flatten)]
    run: ControlArgs,
}

/// An order.
#[derive(Clone, Copy)]
pub(in crate::cli) enum Verb<'a> {
    Pause(&'a ControlArgs),
    Go(&'a ControlArgs),
    Slow(&'a SlowArgs),
    Stop(&'a ControlArgs),
}

impl Verb<'_> {
    const fn name(self) -> &'static str {
        match self {
            Self::Pause(_) => "pause",
            Self::Go(_) => "go",
            Self::Slow(_) => "slow",
            Self::Stop(_) => "stop",
        }
    }

    const fn args(&self) -> &ControlArgs {
        match self {
            Self::Pause(args) | Self::Go(args) | Self::Stop(args) => args,
            Self::Slow(args) => &args.run,
        }
    }

    fn request(self) -> ControlRequest {
        let (command, headroom) = match self {
            Self::Pause(_) => (ControlCommand::Pause, None),
            Self::Go(_) => (ControlCommand::Go, None),
            Self::Slow(args) => (ControlCommand::Slow, Some(args.headroom)),
            Self::Stop(_) => (ControlCommand::Stop, None),
        };
        ControlRequest::new(command, headroom, self.args().by.clone().unwrap_or_else(user))
    }

    /// The command that takes the order back, or goes on after it.
    fn next(self, holder: &LeaseHolder, line: &CommandLine) -> CommandLine {
        let next = match self {
            Self::Pause(_) => line.to("go"),
            Self::Slow(args) if args.headroom > 0 => line.clone().with("headroom", 0),
            Self::Go(_) | Self::Slow(_) => line.to("pause"),
            Self::Stop(_) if holder.verb == "undo" => line.to("undo"),
            Self::Stop(_) => line.to("resume"),
        };
        next.without(&["by"])
    }
}

/// `pause --json` and the like.
#[derive(Serialize)]
struct OrderRecord {
    run: i64,
    #[serde(flatten)]
    answer: ControlAnswer,
    next_command: String,
}

/// The name of who gives an order, if they do not say it.
fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let name = name.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned());
    match this_process().host.as_str() {
        "" => name,
        host => format!("{name}@{host}"),
    }
}

/// Gives the order to the process that carries out the run.
///
/// Errors: there is no such run, nobody carries it out, its process cannot be reached, or it refuses.
pub(in crate::cli) fn carry_out(verb: Verb<'_>, line: &CommandLine) -> Result<ExitCode, CliError> {
    let args = verb.args();
    let holder = holder(verb, line)?;
    let answer = ask(verb, &holder)?;
    if !answer.ok {
        return Err(CliError::usage(answer.words));
    }
    let next_command = verb.next(&holder, line).to_string();
    let record = OrderRecord { run: args.run, answer, next_command };
    args.output.show(&record, || {
        print(&record.answer.words)?;
        print(&format!("next: {}", record.next_command))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The process that carries out the run.
///
/// Errors: there is no such run, or no process carries it out.
fn holder(verb: Verb<'_>, line: &CommandLine) -> Result<LeaseHolder, CliError> {
    let ControlArgs { run: id, store, .. } = verb.args();
    let (state, holder) = store.read(|store| Ok((store.run(*id)?.state, store.holder(*id)?)))?;
    let on = |verb: &str| line.to(verb).without(&["by"]);
    let goes_on = match holder.as_ref().map(|holder| holder.verb.as_str()) {
        Some("undo") => on("undo"),
        None if state == RunState::Undoing => on("undo"),
        _ => on("resume"),
    };
    let reason = match (holder, state) {
        (Some(holder), _) if is_gone(&holder.process) => {
            format!("its process is gone ({}); `{goes_on}` goes on", in_brief(&holder))
        }
        (Some(holder), _) => return Ok(holder),
        (None, RunState::Finished) => "it has ended".to_owned(),
        (None, RunState::Undone) => "it has ended, and was undone".to_owned(),
        (None, _) => format!("no process carries it out; `{goes_on}` goes on"),
    };
    Err(cannot(verb.name(), *id, reason))
}

/// Asks the process of `holder`.
///
/// Errors: it cannot be reached.
#[cfg(unix)]
fn ask(verb: Verb<'_>, holder: &LeaseHolder) -> Result<ControlAnswer, CliError> {
    let ControlArgs { run: id, store, .. } = verb.args();
    let socket = super::socket::beside(&store.store, *id);
    super::socket::ask(&socket, &verb.request()).map_err(|error| {
        let reason = format!(
            "{} does not answer at {} ({error}); if it runs on another machine or in another container, give the \
             order there",
            in_brief(holder),
            socket.display()
        );
        cannot(verb.name(), *id, reason)
    })
}

/// The same where processes cannot be asked.
#[cfg(not(unix))]
fn ask(verb: Verb<'_>, _: &LeaseHolder) -> Result<ControlAnswer, CliError> {
    let _ = verb.request();
    let reason = "this system has no sockets for it; start the run with --pause-while FILE, and make and delete that file";
    Err(cannot(verb.name(), verb.args().run, reason))
}
