//! Signals that ask to stop: the first gives calls in flight a moment and stops, the second exits at once.

use super::command_line::CommandLine;
use super::error::{CliError, code};
use neonbench_engine::engine::Stop;
use std::io;
use std::sync::{Arc, mpsc};
use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for Ctrl-C, and for SIGTERM and SIGHUP on Unix, until the process ends. The first sets the returned
/// stop; the second ends the process, and leaves its journal as it is.
///
/// Errors: the signal handlers cannot be installed.
pub(super) fn listen(line: &CommandLine) -> Result<Arc<Stop>, CliError> {
    listen_and(line, Stop::default(), "waiting a second for calls in flight", || {})
}

/// The same; the first signal sets `stop` and is `doing` what it says, and the second does `at_last` before it ends
/// the process.
///
/// Errors: the signal handlers cannot be installed.
pub(super) fn listen_and(
    line: &CommandLine,
    stop: Stop,
    doing: &'static str,
    at_last: impl FnOnce() + Send + 'static,
) -> Result<Arc<Stop>, CliError> {
    let (verbosity, stop) = (line.verbosity, Arc::new(stop));
    let to_set = Arc::clone(&stop);
    let (ready, is_ready) = mpsc::channel();
    let runtime = neonbench_engine::world::runtime().map_err(CliError::Runtime)?;
    // The engine keeps its own thread busy: in virtual time it never waits.
    std::thread::spawn(move || {
        let first = || {
            to_set.set();
            neonbench::store::give_up_waiting();
            verbosity.note(format_args!("stopping: {doing}; press Ctrl-C again to stop now"));
        };
        watch(&runtime, &ready, first, at_last);
    });
    // A closed channel means that the thread has ended.
    match is_ready.recv() {
        Ok(Ok(())) => Ok(stop),
        Ok(Err(error)) => Err(CliError::Runtime(error)),
        Err(mpsc::RecvError) => Err(CliError::Runtime(io::ErrorKind::BrokenPipe.into())),
    }
}

fn watch(
    runtime: &Runtime,
    ready: &mpsc::Sender<io::Result<()>>,
    first: impl FnOnce(),
    second: impl FnOnce(),
) {
    runtime.block_on(async {
        let mut signals = match StopSignals::install() {
            Ok(signals) => signals,
            Err(error) => {
                ready.send(Err(error)).ok();
                return;
            }
        };
        ready.send(Ok(())).ok();
        if signals.next().await.is_ok() {
            first();
            if signals.next().await.is_ok() {
                second();
                end();
            }
        }
    });
}

/// Signals that ask a process to stop: Ctrl-C, and SIGTERM and SIGHUP on Unix.
pub(super) struct StopSignals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    /// `None` where the process was started to outlive its terminal (`nohup`).
    #[cfg(unix)]
    hang_up: Option<Signal>,
}

impl StopSignals {
    /// Takes the signals from now on; call it in a runtime.
    ///
    /// Errors: the handlers cannot be installed.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            hang_up: (!ignores_hang_up()).then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for the next of them.
    ///
    /// Errors: there is no handler.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = hang_up => {}
            }
            Ok(())
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

/// Makes a write beyond the largest size of a file (`ulimit -f`) an error of that write, as a full disk is,
/// instead of the end of the process.
pub(crate) fn survive_size_limits() {
    #[cfg(unix)]
    {
        let beyond = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        // Without the handler such a write ends the process, which its journal survives as well.
        let _ = neonbench_engine::world::runtime()
            .and_then(|runtime| runtime.block_on(async { signal(beyond).map(drop) }));
    }
}

/// True if SIGHUP is ignored, as far as the system tells: on Linux, by the first bit of a mask in `/proc`.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

fn end() -> ! {
    std::process::exit(i32::from(code::INTERRUPTED))
}
