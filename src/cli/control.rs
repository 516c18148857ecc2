//! Control of a run under way: held by a person, a file or the hours of the day, slowed, stopped.
//!
//! A process that owns a stored run listens on a socket beside the store ([`Controls::listen`]); `pause`, `go`, `slow`
//! and `stop` speak to it. To add a request, add a [`ControlCommand`] and its arm in [`Orders::answer`]. Whatever shows
//! the run hears of orders by their events, as of all else; the process itself says them on standard error.

#![cfg_attr(not(unix), allow(dead_code, reason = "orders come by Unix sockets"))]

mod hours;
mod protocol;
#[cfg(unix)]
mod socket;
mod verbs;

pub(super) use hours::local_minute;
pub(super) use verbs::{ControlArgs, SlowArgs, Verb, carry_out};

use super::args::StoreArgs;
use super::command_line::CommandLine;
use super::error::CliError;
use super::output::{Verbosity, plural};
use clap::Args;
use hours::QuietHours;
use neonbench::text::join_and;
use neonbench_engine::engine::limiter::Limiter;
use neonbench_engine::engine::{Control, Hold, HoldSource, LiftedHold, Settings, Stop};
use neonbench_engine::run::World;
use protocol::{ControlAnswer, ControlCommand, ControlRequest, HeldBy, RunCondition};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two looks at the file and the clock that hold a run.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The holds that flags give a run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Control")]
pub(super) struct HoldArgs {
    /// Pause the run while this file exists
    #[arg(long, value_name = "FILE")]
    pub(super) pause_while: Option<PathBuf>,
    /// Pause the run within these hours of this machine's day, such as 08:00-18:00 or 22:00-06:00
    #[arg(long, value_name = "FROM-UNTIL", value_parser = QuietHours::parse)]
    pub(super) quiet_hours: Option<QuietHours>,
}

impl HoldArgs {
    /// Refuses the flags for a run that nothing can hold.
    ///
    /// Errors: one of them is given.
    pub(super) fn refuse(&self, why: &str) -> Result<(), CliError> {
        let flags = [
            ("--pause-while", self.pause_while.is_some()),
            ("--quiet-hours", self.quiet_hours.is_some()),
        ];
        match flags.into_iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(CliError::usage(format!("{flag} does nothing {why}"))),
            None => Ok(()),
        }
    }
}

/// The control of a run of this process, and the holds by its flags. Dropped, it holds no more.
pub(super) struct Controls {
    orders: Arc<Orders>,
    verbosity: Verbosity,
    /// False for a run that only its own command controls.
    is_open: bool,
    watch: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

/// The part of it that threads share.
struct Orders {
    control: Control,
    stop: Arc<Stop>,
    /// The reason why no places can be left to others; `None` where they can.
    no_limit: Option<String>,
    /// The number of the run, once it has one.
    run: OnceLock<i64>,
    /// The address of its live page, if it has one.
    page: OnceLock<String>,
}

impl Controls {
    /// The control of a run under `settings`, which `args` holds from now on.
    pub(super) fn new(
        args: &HoldArgs,
        (stop, settings): (&Arc<Stop>, &Settings),
        line: &CommandLine,
    ) -> Self {
        let no_limit = (settings.limiter == Limiter::None).then(|| {
            let workers = plural(settings.workers.get().into(), "worker");
            format!("it has no limit of calls in flight to leave places of, only its {workers} (--limiter none)")
        });
        let (control, stop, run) = (Control::default(), Arc::clone(stop), OnceLock::new());
        let orders = Arc::new(Orders { control, stop, no_limit, run, page: OnceLock::new() });
        let mut watch = None;
        if args.pause_while.is_some() || args.quiet_hours.is_some() {
            let (args, held) = (args.clone(), Arc::clone(&orders));
            // Before the first call: what holds the run already lets it send nothing.
            hold(&args, &held.control);
            let (end, ended) = mpsc::channel();
            let thread = std::thread::spawn(move || {
                while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    hold(&args, &held.control);
                }
            });
            watch = Some((end, thread));
        }
        Self { orders, verbosity: line.verbosity, is_open: true, watch }
    }

    /// The control of a run that nothing holds, and to which nobody gives orders.
    pub(super) fn closed(stop: &Arc<Stop>, settings: &Settings, line: &CommandLine) -> Self {
        let mut controls = Self::new(&HoldArgs::default(), (stop, settings), line);
        controls.is_open = false;
        controls
    }

    /// The address of the run's live page, for those who may give it orders.
    pub(super) fn shown_at(&self, url: &str) {
        // Set once: a process has one page.
        let _ = self.orders.page.set(url.to_owned());
    }

    /// The stop of the run.
    pub(super) fn stop(&self) -> &Arc<Stop> {
        &self.orders.stop
    }

    /// The control, for the engine.
    pub(super) fn control(&self) -> &Control {
        &self.orders.control
    }

    /// The same for a run in `world`: in virtual time it is over at once, and nobody could lift a hold.
    pub(super) fn within(&self, world: &World) -> &Control {
        match world {
            World::Virtual => Control::NEVER,
            World::EmbeddedHttp | World::ForeignHttp(_) => self.control(),
        }
    }

    /// Takes orders for run `id` of the store at `path`, which this process owns, until the result is dropped. A
    /// place that has no sockets is a note, and no error: the run goes on without.
    #[cfg(unix)]
    pub(super) fn listen(&self, path: &Path, id: i64) -> Option<socket::ControlSocket> {
        if !self.is_open {
            return None;
        }
        // Set once: a process carries out one run.
        let _ = self.orders.run.set(id);
        let (orders, verbosity) = (Arc::clone(&self.orders), self.verbosity);
        let answer = move |request: &ControlRequest| {
            let answer = orders.answer(request);
            if !request.command.only_asks() {
                verbosity.note(format_args!("{}: {}", request.by(), answer.words));
            }
            answer
        };
        socket::ControlSocket::open(&socket::beside(path, id), answer)
            .inspect_err(|error| {
                self.verbosity.note(format_args!(
                    "note: run {id} takes no orders by `neonbench pause` and the like: {error}"
                ));
            })
            .ok()
    }

    /// The same where there are no sockets: nothing.
    #[cfg(not(unix))]
    pub(super) fn listen(&self, _: &Path, id: i64) -> Option<()> {
        let _ = self.is_open;
        let _ = self.orders.run.set(id);
        None
    }
}

/// The address of the live page of run `id`, if its process is there and has one.
pub(super) fn page_of(store: &StoreArgs, id: i64) -> Option<String> {
    #[cfg(unix)]
    {
        let request = ControlRequest::new(ControlCommand::Where, None, String::new());
        socket::ask(&socket::beside(&store.store, id), &request).ok()?.page
    }
    #[cfg(not(unix))]
    {
        let _ = (store, id);
        None
    }
}

impl Drop for Controls {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.watch.take() {
            drop(end);
            // Its panic was shown, and the result is not its own.
            let _ = thread.join();
        }
    }
}

/// Holds the run, or lets it go on, as the file and the hours of `args` want it now.
fn hold(args: &HoldArgs, control: &Control) {
    let set = |source, by: &str, why: Option<String>| match why {
        Some(why) => {
            control.hold(Hold { source, by: by.into(), why: why.into() });
        }
        None => {
            control.lift(source, by);
        }
    };
    if let Some(file) = &args.pause_while {
        let is_there = file.symlink_metadata().is_ok();
        let by = format!("--pause-while {}", file.display());
        set(HoldSource::File, &by, is_there.then(|| "while the file exists".to_owned()));
    }
    if let Some(hours) = &args.quiet_hours {
        let until = hours.hold_now().map(|until| format!("until {until}"));
        set(HoldSource::Hours, &format!("--quiet-hours {hours}"), until);
    }
}

impl Orders {
    /// Carries out `request`, and says what was done.
    fn answer(&self, request: &ControlRequest) -> ControlAnswer {
        let by = request.by();
        let run = self.run.get().map_or_else(|| "the run".to_owned(), |id| format!("run {id}"));
        if self.stop.is_set() && !request.command.only_asks() {
            return self.refused(format!("{run} is stopping already"));
        }
        let words = match request.command {
            ControlCommand::State => format!("{run} is {}", self.condition().name()),
            ControlCommand::Where => {
                let answer = self.answered(true, format!("{run} has no live page"));
                return match self.page.get() {
                    Some(url) => ControlAnswer {
                        words: format!("{run} is shown at {url}"),
                        page: Some(url.clone()),
                        ..answer
                    },
                    None => answer,
                };
            }
            ControlCommand::Pause => self.pause(&run, &by),
            ControlCommand::Go => self.go(&run, &by),
            ControlCommand::Slow => match (&self.no_limit, request.headroom) {
                (Some(why), _) => return self.refused(format!("{run} cannot be slowed: {why}")),
                (None, None) => return self.refused("slow needs a headroom".to_owned()),
                (None, Some(headroom)) => self.slow(&run, headroom, &by),
            },
            ControlCommand::Stop => {
                self.control.announce_stop(&by);
                self.stop.set();
                neonbench::store::give_up_waiting();
                format!(
                    "{run} stops: nothing more is sent, and calls in flight have a second to be answered"
                )
            }
        };
        self.answered(true, words)
    }

    fn pause(&self, run: &str, by: &str) -> String {
        let hold = Hold { source: HoldSource::Person, by: by.into(), why: "".into() };
        match self.control.hold(hold) {
            None => {
                format!("{run} is paused by {by}: nothing more is sent, and calls in flight end")
            }
            Some(earlier) => format!("{run} is paused already, by {}", earlier.by),
        }
    }

    fn go(&self, run: &str, by: &str) -> String {
        let LiftedHold { lifted, left } = self.control.lift(HoldSource::Person, by);
        let done = match lifted {
            Some(held) => format!("the pause by {} is lifted", held.by),
            None => "no person had paused it".to_owned(),
        };
        if left.is_empty() {
            return format!("{run} goes on: {done}");
        }
        let in_words = |hold: &Hold| format!("{} ({})", hold.by, hold.why);
        let holds: Vec<String> = left.iter().map(in_words).collect();
        format!("{run} stays paused by {}; {done}", join_and(&holds))
    }

    fn slow(&self, run: &str, headroom: u32, by: &str) -> String {
        let before = self.control.slow(headroom, by);
        let places = plural(headroom.into(), "place");
        match headroom {
            0 => format!("{run} leaves no places to others any more; it left {before}"),
            _ => format!(
                "{run} leaves {places} of each endpoint's limit to others, and takes at least one"
            ),
        }
    }

    fn condition(&self) -> RunCondition {
        if self.stop.is_set() {
            RunCondition::Stopping
        } else if self.control.holds().is_empty() {
            RunCondition::Running
        } else {
            RunCondition::Paused
        }
    }

    fn refused(&self, words: String) -> ControlAnswer {
        self.answered(false, words)
    }

    fn answered(&self, ok: bool, words: String) -> ControlAnswer {
        let held_by = |hold: Hold| HeldBy { by: hold.by.to_string(), why: hold.why.to_string() };
        ControlAnswer {
            schema: protocol::SCHEMA,
            ok,
            state: self.condition(),
            words,
            headroom: self.control.headroom(),
            holds: self.control.holds().into_iter().map(held_by).collect(),
            page: None,
        }
    }
}
