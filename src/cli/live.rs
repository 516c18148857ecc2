//! The live page of a run: the flags that open it, and `neonbench live`, which shows stored runs.

mod run_source;
mod stored_source;

pub(super) use run_source::RunSource;

use super::args::{OutputArgs, StoreArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::history;
use super::interrupt;
use super::journaled::ResumableRun;
use super::output::print;
use clap::Args;
use neon_mock::bounds;
use neonbench::live::{LivePage, LiveSource, RunEnd, RunFacts, Webhooks};
use neonbench_engine::engine::{Settings, Stop};
use neonbench_engine::world::WallClock;
use std::net::IpAddr;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;
use stored_source::StoredSource;

/// Time between two looks at whether a page is still read.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Flags of the live page.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Live page")]
pub(super) struct LiveArgs {
    /// Show the run on a page that only this machine can reach, and print its address; port 0 is a free one
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    live: Option<u16>,
    /// Time that the page stays after the end of the run, at most, for viewers who have it open
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = bounds::duration)]
    live_linger: Duration,
    #[command(flatten)]
    how: PageArgs,
}

/// Flags of a page that is served.
#[derive(Clone, Debug, Args)]
pub(super) struct PageArgs {
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Serve the page at this address, which other machines may reach
    #[arg(long, value_name = "ADDRESS")]
    live_address: Option<IpAddr>,
}

impl PageArgs {
    /// Serves `source` at `port`, and says where.
    ///
    /// Errors: the address cannot be listened on.
    fn serve(
        &self,
        port: u16,
        source: Arc<dyn LiveSource>,
        line: &CommandLine,
    ) -> Result<LivePage, CliError> {
        let page = LivePage::start(self.live_address, port, source)?;
        if let Some(address) = self.live_address.filter(|it| !it.is_loopback()) {
            line.note(format_args!(
                "warning: other machines can reach the live page at {address}, and whoever reads its address on the way \
                 can open it"
            ));
        }
        super::terminal::complain(format_args!("live page: {}", page.url()));
        if self.open && !opened(page.url()) {
            line.note("note: no browser could be opened; open the address above");
        }
        Ok(page)
    }
}

/// A run that may have a live page.
pub(super) struct LiveRun {
    source: Arc<RunSource>,
    page: LivePage,
    linger: Duration,
}

impl LiveArgs {
    /// True if a page is asked for.
    pub(super) const fn is_on(&self) -> bool {
        self.live.is_some()
    }

    /// Serves the page of a run of `facts`, if it is asked for. `is_virtual` is true of a run in virtual time, and
    /// `webhooks` are those that are known of its target.
    ///
    /// Errors: the address cannot be listened on; a flag of the page is given without it.
    pub(super) fn start(
        &self,
        facts: RunFacts,
        is_virtual: bool,
        webhooks: Option<Webhooks>,
        line: &CommandLine,
    ) -> Result<Option<LiveRun>, CliError> {
        let Some(port) = self.live else {
            let given =
                [("--open", self.how.open), ("--live-address", self.how.live_address.is_some())];
            return match given.iter().find(|(_, is_given)| *is_given) {
                Some((flag, _)) => Err(CliError::usage(format!("{flag} needs --live"))),
                None => Ok(None),
            };
        };
        let source = Arc::new(RunSource::new(facts, is_virtual, webhooks));
        let page = self.how.serve(port, Arc::clone(&source) as _, line)?;
        Ok(Some(LiveRun { source, page, linger: self.live_linger }))
    }
}

impl LiveRun {
    /// The page's data, which a run's events go to.
    pub(super) fn source(&self) -> Arc<RunSource> {
        Arc::clone(&self.source)
    }

    /// The address that lets a browser in.
    pub(super) fn url(&self) -> &str {
        self.page.url()
    }

    /// Shows the end, and waits until those who have the page open have seen it. A run in virtual time was over before
    /// anybody could open it: its page waits for its first viewer.
    pub(super) fn end(self, verdict: RunEnd, stop: &Stop, line: &CommandLine) {
        self.source.end(verdict);
        let page = &self.page;
        let is_awaited = || self.source.is_virtual() && !page.is_end_seen();
        let waits = || is_awaited() || page.is_viewed();
        let clock = WallClock::start();
        let mut is_said = false;
        while !stop.is_set() && waits() && clock.elapsed() < self.linger {
            if !is_said && clock.elapsed() > Duration::from_secs(1) {
                is_said = true;
                line.note(format_args!(
                    "the live page stays until it is closed (Ctrl-C ends it): {}",
                    page.url()
                ));
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

/// Adds the number of a run to the facts of its page, and the commands that take it.
pub(super) fn know_run(facts: &mut RunFacts, id: i64, stays: bool, line: &CommandLine) {
    facts.run = Some(id);
    let of = |what: &str, command: CommandLine| [what.to_owned(), command.to_string()];
    let to = |verb: &str| line.to(verb).with("run", id);
    facts.commands = vec![
        of("pause it", to("pause")),
        of("let it go on", to("go")),
        of("leave a place of each endpoint to others", to("slow").with("headroom", 1)),
        of("stop it", to("stop")),
    ];
    if stays {
        facts.commands.push(of("resume it, if it was stopped or killed", to("resume")));
        facts.after = vec![of("verify its values", to("verify")), of("undo it", to("undo"))];
    }
}

/// The most important settings of a stored run: name, value, origin.
fn settings_of(settings: &Settings, from: &str) -> Vec<[String; 3]> {
    let rows = [
        ("workers", settings.workers.to_string()),
        ("batch-size", settings.batch_size.to_string()),
        ("limiter", settings.limiter.to_string()),
        ("guard", settings.guard.name().to_owned()),
    ];
    rows.map(|(name, value)| [name.to_owned(), value, from.to_owned()]).into()
}

/// The facts of a stored run that `verb` goes on with.
pub(super) fn facts_of(reopened: &ResumableRun, verb: &str, line: &CommandLine) -> RunFacts {
    let ResumableRun { run, header, target, .. } = reopened;
    let settings = &header.settings;
    let mut facts = RunFacts {
        verb: verb.to_owned(),
        strategy: settings.strategy.name().to_owned(),
        scenario: header.scenario.clone(),
        target: Some(format!("{} ({})", target.base_url, target.org_id)),
        settings: settings_of(settings, &format!("run {}", run.id)),
        ..RunFacts::default()
    };
    know_run(&mut facts, run.id, true, line);
    facts
}

/// Opens `url` with the system's own program; false if there is none.
fn opened(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

/// Flags of `live`.
#[derive(Debug, Args)]
pub(super) struct LiveVerbArgs {
    /// Number of a stored run; without it, the runs under way and the latest 20 are listed
    #[arg(value_name = "RUN")]
    run: Option<i64>,
    /// Port of the page; 0 is a free one
    #[arg(long, value_name = "PORT", default_value = "0", help_heading = "Live page")]
    port: u16,
    #[command(flatten, next_help_heading = "Live page")]
    how: PageArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: StoreArgs,
}

impl LiveVerbArgs {
    /// Names the page that the process of the run serves itself.
    ///
    /// Errors: it cannot be printed.
    fn point_to(&self, id: i64, url: &str, line: &CommandLine) -> Result<ExitCode, CliError> {
        if self.how.open && !opened(url) {
            line.note("note: no browser could be opened; open the address below");
        }
        if self.output.json {
            super::output::print_json(&serde_json::json!({ "schema": 1, "run": id, "url": url }))?;
        } else {
            print(&format!("run {id} has a page of its own: {url}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows a stored run, or one that another process carries out, as far as the store has it; lists runs without one.
pub(super) fn run(args: &LiveVerbArgs, line: &CommandLine) -> Result<ExitCode, CliError> {
    let Some(id) = args.run else {
        return history::progress(&args.store, args.output, line);
    };
    if let Some(url) = super::control::page_of(&args.store, id) {
        return args.point_to(id, &url, line);
    }
    let source = StoredSource::open(&args.store, id, line)?;
    let stop = interrupt::listen_and(line, Stop::default(), "closing the page", || {})?;
    let page = args.how.serve(args.port, Arc::new(source), line)?;
    if args.output.json {
        super::output::print_json(
            &serde_json::json!({ "schema": 1, "run": id, "url": page.url() }),
        )?;
    } else {
        print(&format!("run {id}, as the store has it; Ctrl-C closes the page"))?;
    }
    // Its viewers decide when a page of a run that has ended closes; a person, when one of a run under way does.
    let mut was_seen = false;
    while !stop.is_set() {
        was_seen |= page.is_end_seen();
        if was_seen && !page.is_viewed() {
            break;
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(ExitCode::SUCCESS)
}
