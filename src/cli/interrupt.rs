//! Ctrl-C: the first finishes accounts in flight and stops, the second exits at once.

use super::command_line::CommandLine;
use super::error::{CliError, code};
use neonbench_engine::engine::Stop;
use std::sync::{Arc, mpsc};
use tokio::runtime::Runtime;

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
        });
    });
    // A closed channel means that the thread has ended.
    match is_ready.recv() {
        Ok(Ok(())) => Ok(stop),
        Ok(Err(error)) => Err(CliError::Runtime(error)),
        Err(mpsc::RecvError) => Err(CliError::Runtime(std::io::ErrorKind::BrokenPipe.into())),
    }
}

#[cfg(unix)]
fn watch(runtime: &Runtime, ready: &mpsc::Sender<std::io::Result<()>>, first: impl FnOnce()) {
    use tokio::signal::unix::{SignalKind, signal};
    runtime.block_on(async {
        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) = match signals {
            Ok(signals) => signals,
            Err(error) => {
                ready.send(Err(error)).ok();
                return;
            }
        };
        ready.send(Ok(())).ok();
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        first();
        next().await;
        end();
    });
}

#[cfg(not(unix))]
fn watch(runtime: &Runtime, ready: &mpsc::Sender<std::io::Result<()>>, first: impl FnOnce()) {
    runtime.block_on(async {
        ready.send(Ok(())).ok();
        if tokio::signal::ctrl_c().await.is_ok() {
            first();
            tokio::signal::ctrl_c().await.ok();
            end();
        }
    });
}

fn end() -> ! {
    std::process::exit(i32::from(code::INTERRUPTED))
}
