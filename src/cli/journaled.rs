//! Runs with a journal: started, resumed, ended.

use super::args::{AccessArgs, OutputArgs, StoreArgs, ValuesArgs};
use super::command_line::CommandLine;
use super::error::CliError;
use super::inputs::writable_target;
use super::output::plural;
use clap::Args;
use neonbench::store::{Header, RunState, Site, Store, StoreError, StoredRun};
use neonbench_engine::engine::{EngineError, Stop};
use neonbench_engine::event::Observer;
use neonbench_engine::journal::{JournalError, Ledger, LedgerEntry, RetryScope};
use neonbench_engine::record::RunRecord;
use neonbench_engine::run::{Run, RunContext, RunError, RunSpec, World};
use neonbench_engine::scenario::Resources;
use neonbench_engine::world::Target;
use std::fmt::Display;

/// Flags of every verb that takes a run up again.
#[derive(Clone, Debug, Args)]
pub(super) struct RunRef {
    /// Number of the run, as `run` and `history` show it
    #[arg(value_name = "RUN")]
    pub(super) run: i64,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Take over a run even if its process seems to be running
    #[arg(long, help_heading = "World")]
    pub(super) take_over: bool,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The refusal to `verb` run `id`.
pub(super) fn cannot(verb: &str, id: i64, reason: impl Display) -> CliError {
    CliError::usage(format!("cannot {verb} run {id}: {reason}"))
}

/// A stored run of another process, ready to be resumed, retried, verified or undone.
pub(super) struct ResumableRun {
    pub(super) store: Store,
    pub(super) run: StoredRun,
    pub(super) header: Header,
    pub(super) target: Target,
}

impl RunRef {
    /// Opens the run in order to `verb` it; `writes` is true if that writes.
    ///
    /// Errors: the store has no such run; it has no journal, ended with its process or still runs; the
    /// production guard refuses the address.
    pub(super) fn reopen(&self, verb: &str, writes: bool) -> Result<ResumableRun, CliError> {
        let store = self.store.open()?;
        let run = store.run(self.run)?;
        let id = run.id;
        let usage = |reason: String| Err(cannot(verb, id, reason));
        let gone = |made: &str| {
            usage(format!(
                "it ran {made} ended with its process; to keep one, use `neonbench serve` and `run --base-url`"
            ))
        };
        let Some(header) = run.header.clone() else {
            return usage(
                "it has no journal (`run` keeps one over HTTP, or with --journal)".to_owned(),
            );
        };
        let (base_url, org_id) = match &header.site {
            Site::ForeignHttp { base_url, org_id } => (base_url, org_id),
            Site::Virtual => return gone("in virtual time, and its organisation"),
            Site::EmbeddedHttp => return gone("against a mock that"),
        };
        if let Some(given) =
            self.access.credentials.org_id.as_ref().filter(|given| *given != org_id)
        {
            return usage(format!("it belongs to organisation `{org_id}`, not to `{given}`"));
        }
        if let (RunState::Running, Some(process), false) = (run.state, run.process, self.take_over)
            && is_alive(process)
        {
            return usage(format!(
                "process {process} is running it; stop that process first, or add --take-over if it is another \
                 program by now"
            ));
        }
        let mut access = self.access.clone();
        access.credentials.org_id = Some(org_id.clone());
        let target = writable_target(base_url, &access, writes)?;
        Ok(ResumableRun { store, run, header, target })
    }
}

/// The command worth running after a run with a journal; `line` names that run.
pub(super) fn next_command(record: &RunRecord, line: &CommandLine) -> String {
    let verb = if record.stopped {
        "resume"
    } else if record.records.failed > 0 {
        "retry"
    } else {
        "verify"
    };
    line.to(verb).to_string()
}

/// A stored run, about to be carried out.
pub(super) struct JournaledRun<'a> {
    /// The store that holds it.
    pub(super) store: &'a mut Store,
    /// The number that it goes by.
    pub(super) id: i64,
    /// Its ledger from earlier attempts.
    pub(super) ledger: &'a Ledger,
    /// The failed accounts that are tried again.
    pub(super) again: RetryScope,
    /// Set when nothing more may begin.
    pub(super) stop: &'a Stop,
    /// The command that resumes it; `None` where none can.
    pub(super) resume: Option<String>,
    /// The record that it has from earlier processes.
    pub(super) earlier: Option<RunRecord>,
    /// Processes after those that left no figures.
    pub(super) lost: u64,
    /// True if the record of this process is of all accounts of the run, and becomes the run's. That of some
    /// accounts is added to it.
    pub(super) keeps_record: bool,
}

impl JournaledRun<'_> {
    /// Carries it out; `next` gives the command worth running after it.
    ///
    /// Errors: the run could not go on. It stays in the store if it has notes, and can be resumed.
    pub(super) fn carry_out(
        self,
        order: &RunSpec<'_>,
        world: &World,
        observer: &mut dyn Observer,
        next: impl FnOnce(&Run) -> Result<String, CliError>,
    ) -> Result<Run, CliError> {
        let JournaledRun { store, id, ledger, again, stop, resume, earlier, lost, keeps_record } =
            self;
        let accounts = match &order.scenario.resources {
            Resources::Ids(ids) => ids.as_slice(),
            Resources::Search { .. } => &[],
        };
        let made = {
            let journal = store.journal(id)?;
            let session = RunContext { journal: &journal, ledger, again, stop, ..order.session };
            RunSpec { session, ..order.clone() }.run(world, observer)
        };
        match made {
            Ok(mut run) => {
                run.record.run = Some(id);
                if keeps_record {
                    let landed = run.measure.landed_here();
                    run.record.continue_from(earlier.as_ref(), landed, lost);
                }
                run.record.next_command = next(&run)?;
                let state = if run.record.stopped { RunState::Stopped } else { RunState::Finished };
                let ended = match (keeps_record, earlier) {
                    (true, _) => store.end(id, state, Some(&run)),
                    (false, None) => store.end(id, state, None),
                    (false, Some(earlier)) => {
                        let landed = run.measure.landed_here();
                        let whole = run.record.clone().after_retry(&earlier, accounts, landed);
                        let own = std::mem::replace(&mut run.record, whole);
                        let ended = store.end(id, state, Some(&run));
                        run.record = own;
                        ended
                    }
                };
                match ended.and_then(|()| store.check_journal(id)) {
                    Ok(()) => Ok(run),
                    Err(source) => Err(unsaved(store, id, "its end", resume, source.into())),
                }
            }
            Err(source) => Err(broken_off(store, id, resume, source)),
        }
    }
}

/// The error of run `id`, which could not go on for `source`. The run stays in the store if it has notes.
fn broken_off(store: &mut Store, id: i64, resume: Option<String>, source: RunError) -> CliError {
    let is_noted = store.has_notes(id).unwrap_or(true);
    if !is_noted && store.forget(id).is_ok() {
        return source.into();
    }
    // If the store does not take this either, the run stays there like one that was killed.
    let _ = store.end(id, RunState::Failed, None);
    match (source, resume) {
        (RunError::Engine(EngineError::Journal(JournalError(source))), resume) => {
            unsaved(store, id, "the note of its next write", resume, source)
        }
        (source, Some(resume)) => CliError::Checkpoint { resume, source },
        (source, None) => source.into(),
    }
}

/// The error of run `id`, of which the store could not take `what`.
fn unsaved(
    store: &Store,
    id: i64,
    what: &'static str,
    resume: Option<String>,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> CliError {
    // A store that vanished is still read, as long as it is open.
    let unknown = |_| "an unknown number of accounts".to_owned();
    let written = store.ledger(id).map_or_else(unknown, |ledger| {
        let of =
            |is: fn(&LedgerEntry) -> bool| ledger.iter().filter(|(_, it)| is(it)).count() as u64;
        let written = plural(of(|entry| !entry.changes.is_empty()), "account");
        match of(|entry| entry.open.is_some()) {
            0 => written,
            open => format!("{written} (and perhaps {open} more, which were under way)"),
        }
    });
    match store.check_journal(id) {
        Err(source @ StoreError::Vanished { .. }) => {
            CliError::Lost { run: id, written, source: Box::new(source) }
        }
        _ => CliError::Unsaved { run: id, what, written, resume, source },
    }
}

/// True if a process of that number runs on this machine.
#[cfg(unix)]
pub(super) fn is_alive(process: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    // Somebody else's process may not be signalled, and is alive.
    process != std::process::id() && !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
pub(super) fn is_alive(_: u32) -> bool {
    false
}
