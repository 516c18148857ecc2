//! Ctrl-C: the first finishes accounts in flight and stops, the second exits at once.

use super::command_line::CommandLine;
use super::error::{CliError, code};
use neonbench_engine::engine::Stop;
use std::io;
use std::sync::{Arc, mpsc};
use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for Ctrl-C, and for SIGTERM on Unix, until the process ends. The first sets the returned
/// stop; the second ends the process, and leaves its journal as it is.
///
/// Errors: the signal handlers cannot be installed.
pub(super) fn listen(line: &CommandLine) -> Result<Arc<Stop>, CliError> {
    let (verbosity, stop) = (line.verbosity, Arc::new(Stop::default()));
    let to_set = Arc::clone(&stop);
    let (ready, is_ready) = mpsc::channel();
    let runtime = neonbench_engine::world::runtime().map_err(CliError::Runtime)?;
    // The engine keeps its own thread busy: in virtual time it never waits.
    std::thread::spawn(move || {
        watch(&runtime, &ready, || {
            verbosity
                .note("stopping: finishing the accounts in flight; press Ctrl-C again to stop now");
            to_set.set();
            neonbench::store::give_up_waiting();
        });
    });
    // A closed channel means that the thread has ended.
    match is_ready.recv() {
        Ok(Ok(())) => Ok(stop),
        Ok(Err(error)) => Err(CliError::Runtime(error)),
        Err(mpsc::RecvError) => Err(CliError::Runtime(io::ErrorKind::BrokenPipe.into())),
    }
}

fn watch(runtime: &Runtime, ready: &mpsc::Sender<io::Result<()>>, first: impl FnOnce()) {
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
                end();
            }
        }
    });
}

/// Signals that ask a process to stop: Ctrl-C, and SIGTERM on Unix.
pub(super) struct StopSignals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
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
        })
    }

    /// Waits for the next of them.
    ///
    /// Errors: there is no handler.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
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

fn end() -> ! {
    std::process::exit(i32::from(code::INTERRUPTED))
}
